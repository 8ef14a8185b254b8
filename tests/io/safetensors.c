/* safetensors.c - the container alone: what the reader takes and refuses, how the writer lays tensors out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"

/* Builds a file of this header, padded to a multiple of 8, and so many bytes of data, in page-aligned memory; freed with
 * free(). */
static unsigned char *build(const char *header, int64_t data_bytes, int64_t *size)
{
    void *p = NULL;
    size_t given = strlen(header), length = (given + 7) / 8 * 8;
    *size = 8 + (int64_t)length + data_bytes;
    assert_int_equal(posix_memalign(&p, 4096, (size_t)*size), 0);
    unsigned char *file = p;
    for (int i = 0; i < 8; i++) file[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(file + 8, header, given);
    memset(file + 8 + given, ' ', length - given);
    memset(file + 8 + length, 1, (size_t)data_bytes);
    return file;
}

static recsys_status read_container(fixture *f, const char *header, int64_t data_bytes, safetensors *s)
{
    int64_t size;
    unsigned char *file = build(header, data_bytes, &size);
    recsys_status status = recsys__safetensors_open(f->exec, "FILE", file, size, s);
    if (!status) {
        status = recsys__safetensors_index(f->exec, s);
        recsys__safetensors_close(f->exec, s);
    }
    free(file);
    return status;
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"

static void test_good(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    safetensors s;
    expect_ok(f.exec, read_container(&f, "{}      ", 0, &s));
    assert_int_equal(s.n_tensors, 0);
    expect_ok(f.exec, read_container(&f, "{" A "}   ", 24, &s));
    const safetensor *a = recsys__safetensors_find(&s, "a");
    assert_non_null(a);
    assert_int_equal(a->dtype, RECSYS_F32);
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[0] * 10 + a->shape[1], 23);
    assert_int_equal(a->shape[2] * 10 + a->shape[3], 11);
    assert_null(recsys__safetensors_find(&s, "b"));
    /* Any order in the header, empty tensors anywhere, a scalar, escapes in names. */
    expect_ok(f.exec, read_container(&f, "{\"c\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[24,25]},"
                                         "\"e\":{\"dtype\":\"I64\",\"shape\":[0,5],\"data_offsets\":[24,24]},"
                                         "\"\\u0061\":{\"data_offsets\":[0,24],\"shape\":[2,3],\"dtype\":\"F32\"}}         ", 25, &s));
    assert_int_equal(s.n_tensors, 3);
    assert_non_null(recsys__safetensors_find(&s, "a"));
    fixture_close(&f);
}

static void test_bad(void **state)
{
    (void)state;
    static const struct { const char *header; int64_t data_bytes; const char *words; } cases[] = {
        { "", 0, "not a model file" },
        { "[]      ", 0, "not a model file" },
        { "{\"a\":1}}", 0, "cannot be read" },
        { "{\"a\":1} ", 0, "tensor a|dtype" },
        { "{" A "}   ", 23, "tensor a|truncated" },
        { "{" A "}   ", 25, "tensors end at byte 24|25" },
        { "{" A "," A "}      ", 24, "tensor a|twice" },
        { "{\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}", 5,
          "tensor a|aligned" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24],\"x\":1}}", 24, "tensor a|nothing else" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3]}}", 24, "tensor a|needs" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"shape\":[2,3]}}", 24, "tensor a|needs" },
        { "{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "tensor a|dtype" },
        { "{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "tensor a|dtype" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,24]}}", 24, "tensor a|does not agree" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[24,0]}}", 24, "tensor a|does not agree" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-6],\"data_offsets\":[0,24]}}", 24, "tensor a|shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[6.0],\"data_offsets\":[0,24]}}", 24, "tensor a|shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":6,\"data_offsets\":[0,24]}}", 24, "tensor a|shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,6],\"data_offsets\":[0,24]}}", 24, "tensor a|four" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24,48]}}", 24, "tensor a|data_offsets" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0]}}", 24, "tensor a|data_offsets" },
        /* Products that overflow 64 bits, once back to a small number. */
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "tensor a|does not agree" },
        { "{\"a\":{\"dtype\":\"I64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0, "tensor a|does not agree" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807,9223372036854775807],\"data_offsets\":[0,0]}}", 0, "tensor a|agree" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,0]}}", 0, "tensor a|shape" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],\"data_offsets\":[0,9223372036854775807]}}", 0, "tensor a|truncated" },
        /* Gap in front, in between, overlap, the same place twice. */
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[1,5]}}", 5, "gap|byte 0" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,6]}}", 6,
          "gap|byte 4" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[3,6]}}", 6,
          "overlap|byte 4" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
          "overlap" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
          "gap" },
        { "{\"\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "name" },
        { "{\"a\\n\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "control character" },
        { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "two __metadata__" },
    };
    fixture f;
    fixture_open(&f, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        safetensors s;
        expect_error(f.exec, read_container(&f, cases[i].header, cases[i].data_bytes, &s), RECSYS_ERR_FILE_FORMAT, cases[i].words);
    }
    fixture_close(&f);
}

static void test_header_length(void **state)
{
    (void)state;
    static const uint64_t lengths[] = { 0, 1, 9, 1000, (uint64_t)1 << 31, (uint64_t)INT64_MAX, UINT64_MAX };
    fixture f;
    fixture_open(&f, 1);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        unsigned char file[16] = "        {}      ";
        for (int b = 0; b < 8; b++) file[b] = (unsigned char)(lengths[i] >> (8 * b));
        safetensors s;
        expect_error(f.exec, recsys__safetensors_open(f.exec, "FILE", file, 16, &s), RECSYS_ERR_FILE_FORMAT, "FILE");
    }
    fixture_close(&f);
}

/* One tensor more than a model may have. */
static void test_too_many(void **state)
{
    (void)state;
    char header[SAFETENSORS_MAX_TENSORS * 80 + 160] = "{";
    fixture f;
    fixture_open(&f, 1);
    for (int t = 0; t <= SAFETENSORS_MAX_TENSORS; t++)
        snprintf(header + strlen(header), sizeof header - strlen(header),
                 "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}", t ? "," : "", t, t, t + 1);
    strcat(header, "}");
    safetensors s;
    expect_error(f.exec, read_container(&f, header, SAFETENSORS_MAX_TENSORS + 1, &s), RECSYS_ERR_FILE_FORMAT, "more tensors");
    fixture_close(&f);
}

static void test_layout(void **state)
{
    (void)state;
    safetensor t[5] = {
        { .name = "bytes", .dtype = SAFETENSORS_U8, .rank = 1, .shape = { 3, 1, 1, 1 } },
        { .name = "floats", .dtype = RECSYS_F32, .rank = 2, .shape = { 2, 3, 1, 1 } },
        { .name = "longs", .dtype = RECSYS_I64, .rank = 1, .shape = { 2, 1, 1, 1 } },
        { .name = "ints", .dtype = RECSYS_I32, .rank = 1, .shape = { 1, 1, 1, 1 } },
        { .name = "huge", .dtype = RECSYS_F32, .rank = 2, .shape = { INT64_MAX, 2, 1, 1 } },
    };
    int64_t order[5];
    fixture f;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys__safetensors_layout(&f.exec->error, t, 4, order));
    static const int64_t wanted[] = { 2, 1, 3, 0 }, begin[] = { 0, 16, 40, 44 };
    for (int k = 0; k < 4; k++) {
        assert_int_equal(order[k], wanted[k]);
        assert_int_equal(t[order[k]].begin, begin[k]);
    }
    assert_int_equal(t[0].end, 47);
    expect_error(f.exec, recsys__safetensors_layout(&f.exec->error, t, 5, order), RECSYS_ERR_TOO_LARGE, "huge");
    for (int64_t header = 0; header < 9000; header += 7) {
        int64_t pad = recsys__safetensors_padding(header, 16);
        assert_true(pad >= 0 && pad < 4096);
        assert_int_equal((8 + header + pad + 16) % 4096, 0);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),     cmocka_unit_test(test_bad),    cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_layout),
    };
    return cmocka_run_group_tests_name("io/safetensors", tests, NULL, NULL);
}
