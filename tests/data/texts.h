/* texts.h - reading datasets from text that a test holds: from memory, from files, compressed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DATA_TEXTS_H
#define TESTS_DATA_TEXTS_H

#include <zlib.h>

#include "dump.h"

/* Reads `size` bytes, written to the file events.txt, with these options. */
static inline recsys_status read_bytes(fixture *f, const void *bytes, size_t size, const recsys_read_options *options,
                                       recsys_dataset **d)
{
    char path[TEST_PATH_ROOM];
    test_write_file(fixture_path(f, "events.txt", path), bytes, size);
    return recsys_dataset_read(f->exec, path, options, d);
}

static inline recsys_status read_text(fixture *f, const char *text, const recsys_read_options *options, recsys_dataset **d)
{
    return read_bytes(f, text, strlen(text), options, d);
}

/* Reads the text and compares the events. */
static inline void assert_read(fixture *f, const char *text, const recsys_read_options *options, const char *expected)
{
    recsys_dataset *d = NULL;
    expect_ok(f->exec, read_text(f, text, options, &d));
    assert_events(f, d, expected);
    recsys_dataset_release(d);
}

/* Compresses `size` bytes as one gzip member; to be freed with free(). */
static inline unsigned char *packed(const void *bytes, size_t size, size_t *packed_size)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong most = deflateBound(&z, (uLong)size) + 64;
    unsigned char *out = malloc(most);
    assert_non_null(out);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *packed_size = z.total_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return out;
}

#endif
