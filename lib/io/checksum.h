/* checksum.h - CRC-32 (that of zlib and PNG) of large memory, on the exec's threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_CHECKSUM_H
#define IO_CHECKSUM_H

#include "base/exec.h"

/* A good number of bytes for one call by callers who report progress and obey cancelling in between. */
enum { CHECKSUM_SLICE = 1 << 28 };

/* Appends `n` bytes to what *crc is the checksum of; begin with *crc = 0. The value is that of the whole, however it
 * was cut into calls and whatever the number of threads. If `finite` is not NULL the bytes are floats, aligned, and
 * *finite becomes 0 if one of them is NaN or infinite; else it stays. */
void recsys__checksum(recsys_exec *x, const void *bytes, int64_t n, uint32_t *crc, int *finite);

#endif
