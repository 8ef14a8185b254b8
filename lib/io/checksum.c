/* checksum.c - CRC-32 of large memory: chunks on several threads, then combined in order.
 *
 * The test for finite numbers reads a chunk right after its checksum, while it is in the cache.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/checksum.h"

#include <string.h>
#include <zlib.h>

#include "base/parallel.h"

enum { CHUNK = 1 << 20, CHUNKS = CHECKSUM_SLICE / CHUNK };

typedef struct slice {
    const unsigned char *bytes;
    int64_t n;
    int floats;
    uint32_t crc[CHUNKS];
    unsigned char finite[CHUNKS];
} slice;

static unsigned char all_finite(const unsigned char *bytes, int64_t n)
{
    const uint32_t exponent = 0x7f800000u;
    uint32_t bad = 0;
    for (int64_t i = 0; i + 4 <= n; i += 4) {
        uint32_t word;
        memcpy(&word, bytes + i, 4);
        bad |= (uint32_t)((word & exponent) == exponent);
    }
    return !bad;
}

static void do_chunks(void *data, int64_t begin, int64_t end, int32_t thread)
{
    (void)thread;
    slice *s = data;
    for (int64_t at = begin; at < end; at += CHUNK) {
        int64_t length = end - at < CHUNK ? end - at : CHUNK;
        s->crc[at / CHUNK] = (uint32_t)crc32_z(0, s->bytes + at, (size_t)length);
        s->finite[at / CHUNK] = s->floats ? all_finite(s->bytes + at, length) : 1;
    }
}

void recsys__checksum(recsys_exec *x, const void *bytes, int64_t n, uint32_t *crc, int *finite)
{
    slice s = { .floats = finite != NULL };
    for (int64_t done = 0; done < n; done += s.n) {
        s.bytes = (const unsigned char *)bytes + done;
        s.n = n - done < CHECKSUM_SLICE ? n - done : CHECKSUM_SLICE;
        recsys__parallel_for(x, s.n, CHUNK, do_chunks, &s);
        for (int64_t at = 0; at < s.n; at += CHUNK) {
            int64_t length = s.n - at < CHUNK ? s.n - at : CHUNK;
            *crc = (uint32_t)crc32_combine(*crc, s.crc[at / CHUNK], (z_off_t)length);
            if (finite) *finite &= s.finite[at / CHUNK];
        }
    }
}
