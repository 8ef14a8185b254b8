/* bad_model_file.c - files that must not load: damaged in any byte, cut anywhere, foreign, newer, or forged with right
 * checksums. Each gives a permanent code and a message that names the file; none crashes, leaks or hands out a model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/edit.h"
#include "io/models.h"

/* A saved model, its bytes, and the path under which changed copies are tried. */
typedef struct sample {
    fixture f;
    char path[TEST_PATH_ROOM];
    edited good;
} sample;

static void open_sample(sample *s, int which, int64_t n_users, int64_t n_items)
{
    fixture_open(&s->f, 1);
    fixture_path(&s->f, "m.safetensors", s->path);
    recsys_model *model = model_of(s->f.exec, &model_cases[which], n_users, n_items);
    expect_ok(s->f.exec, recsys_model_save(model, s->f.exec, s->path, NULL));
    recsys_model_release(model);
    s->good.bytes = test_read_file(s->path, &s->good.size);
}

static void close_sample(sample *s)
{
    free(s->good.bytes);
    fixture_close(&s->f);
}

static recsys_status try_load(sample *s, const void *bytes, size_t size, int32_t verify)
{
    recsys_load_options options = RECSYS_LOAD_OPTIONS_INIT;
    options.verify = verify;
    recsys_model *model = (recsys_model *)s;
    unlink(s->path); /* a file that is cut and written anew is synced by some file systems: thousands of times that is slow */
    test_write_file(s->path, bytes, size);
    recsys_status status = recsys_model_load(s->f.exec, s->path, &options, &model);
    if (status) assert_null(model);
    if (!status) recsys_model_release(model);
    return status;
}

/* With full verification the load must fail as `status`; with the header alone it must do the same, or succeed. */
static void expect_bad(sample *s, const edited *file, recsys_status status, const char *words, int header_too)
{
    expect_error(s->f.exec, try_load(s, file->bytes, file->size, RECSYS_VERIFY_ALL), status, words);
    expect_error(s->f.exec, try_load(s, file->bytes, file->size, RECSYS_VERIFY_ALL), status, s->path);
    if (header_too) expect_error(s->f.exec, try_load(s, file->bytes, file->size, RECSYS_VERIFY_HEADER), status, words);
}

static void test_every_byte_flipped(void **state)
{
    (void)state;
    static const unsigned char masks[] = { 0x01, 0x20, 0x80, 0xff };
    for (int which = 1; which < MODEL_CASES; which += 2) {
        sample s;
        open_sample(&s, which, 6, 9);
        edited bad = edit_copy(s.good.bytes, s.good.size);
        size_t header = 8 + edit_header_length(&bad), text = header;
        while (bad.bytes[text - 1] == ' ') text--;
        for (size_t at = 0; at < bad.size; at++) {
            /* The padding between the header's text and the data is all alike, so is most of a matrix: samples do. */
            if (at > text + 16 && at + 16 < header && at % 61) continue;
            if (at > header + 512 && at + 512 < bad.size && at % 13) continue;
            /* All masks for the first model; the others take turns at them. */
            for (size_t m = which == 1 ? 0 : at % sizeof masks; m < sizeof masks; m += which == 1 ? 1 : sizeof masks) {
                bad.bytes[at] ^= masks[m];
                recsys_status status = try_load(&s, bad.bytes, bad.size, RECSYS_VERIFY_ALL);
                if (status != RECSYS_ERR_FILE_FORMAT && status != RECSYS_ERR_CHECKSUM)
                    fail_msg("byte %zu xor %d: %s", at, masks[m], recsys_status_name(status));
                try_load(&s, bad.bytes, bad.size, RECSYS_VERIFY_HEADER);
                bad.bytes[at] ^= masks[m];
            }
        }
        assert_int_equal(try_load(&s, bad.bytes, bad.size, RECSYS_VERIFY_ALL), RECSYS_OK);
        free(bad.bytes);
        close_sample(&s);
    }
}

static void test_every_length(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, 5, 6, 9);
    unsigned char *longer = calloc(s.good.size + 4096, 1);
    assert_non_null(longer);
    memcpy(longer, s.good.bytes, s.good.size);
    for (size_t size = 0; size < s.good.size + 4096; size += size > s.good.size + 20 ? 401 : 1) {
        if (size == s.good.size) continue;
        for (int32_t verify = RECSYS_VERIFY_ALL; verify <= RECSYS_VERIFY_HEADER; verify++)
            expect_error(s.f.exec, try_load(&s, longer, size, verify), RECSYS_ERR_FILE_FORMAT, s.path);
    }
    free(longer);
    close_sample(&s);
}

/* Changes of the header as a forger makes them: all checksums are right. */
static void test_forged_headers(void **state)
{
    (void)state;
    static const struct { const char *from, *to; recsys_status status; const char *words; } cases[] = {
        { "\"recsys-model\"", "\"other-model\"", RECSYS_ERR_FILE_FORMAT, "safetensors|not one that this library wrote" },
        { "\"format\":", "\"former\":", RECSYS_ERR_FILE_FORMAT, "not one that this library wrote" },
        { "\"__metadata__\":", "\"metadata\":", RECSYS_ERR_FILE_FORMAT, "not one that this library wrote" },
        { "\"format\":", "\"format\":\"recsys-model\",\"format\":", RECSYS_ERR_FILE_FORMAT, "not one that this library wrote" },
        { "\"format_version\":\"1\"", "\"format_version\":\"2\"", RECSYS_ERR_FILE_VERSION, "newer|format 2|up to 1" },
        { "\"format_version\":\"1\"", "\"format_version\":\"99999\"", RECSYS_ERR_FILE_VERSION, "99999" },
        { "\"format_version\":\"1\"", "\"format_version\":\"0\"", RECSYS_ERR_FILE_FORMAT, "format_version" },
        { "\"format_version\":\"1\"", "\"format_version\":\"1.0\"", RECSYS_ERR_FILE_FORMAT, "format_version" },
        { "\"format_version\":\"1\"", "\"format_version\":1", RECSYS_ERR_FILE_FORMAT, "format_version" },
        { "\"format_version\":\"1\",", "", RECSYS_ERR_FILE_FORMAT, "format_version" },
        { "\"model\":\"ease\"", "\"model\":\"eese\"", RECSYS_ERR_UNKNOWN_MODEL, "eese" },
        { "\"model\":\"ease\",", "", RECSYS_ERR_FILE_FORMAT, "names no model" },
        { "\"model\":\"ease\"", "\"model\":\"top-popular\"", RECSYS_ERR_FILE_FORMAT, "params" },
        { "\"params\":\"l2=3", "\"params\":\"l2=-3", RECSYS_ERR_FILE_FORMAT, "params|l2" },
        { "\"params\":\"l2=3", "\"params\":\"l3=3", RECSYS_ERR_FILE_FORMAT, "params|l3" },
        { "\"params\":\"l2=3", "\"params\":\"l2=nan", RECSYS_ERR_FILE_FORMAT, "params|l2" },
        { "\"params\":\"l2=3", "\"params\":\"=,=", RECSYS_ERR_FILE_FORMAT, "params" },
        { "\"params\":", "\"perems\":", RECSYS_ERR_FILE_FORMAT, "params" },
        { "\"user_id_type\":\"string\"", "\"user_id_type\":\"int\"", RECSYS_ERR_FILE_FORMAT, "user_ids|missing" },
        { "\"item_id_type\":\"string\"", "\"item_id_type\":\"float\"", RECSYS_ERR_FILE_FORMAT, "item_id_type" },
        { "\"item_id_type\":\"string\",", "", RECSYS_ERR_FILE_FORMAT, "item_id_type" },
        { "\"crc32.__header__\":", "\"crc32.__heeder__\":", RECSYS_ERR_FILE_FORMAT, "checksum" },
        { "\"precision\":{", "\"prezision\":{", RECSYS_ERR_FILE_FORMAT, "prezision" },
        { "\"precision\":{\"dtype\":\"F32\"", "\"precision\":{\"dtype\":\"I32\"", RECSYS_ERR_FILE_FORMAT, "precision|type" },
        { "\"shape\":[96]", "\"shape\":[48,2]", RECSYS_ERR_FILE_FORMAT, "precision" },
        { "\"shape\":[96]", "\"shape\":[]", RECSYS_ERR_FILE_FORMAT, "precision" },
        { "\"shape\":[96]", "\"shape\":[-96]", RECSYS_ERR_FILE_FORMAT, "precision" },
        { "\"shape\":[96]", "\"shape\":[4611686018427387904,96]", RECSYS_ERR_FILE_FORMAT, "precision" },
        { "\"shape\":[96]", "\"shape\":[96,0,9223372036854775807]", RECSYS_ERR_FILE_FORMAT, "precision" },
        { "\"shape\":[7]", "\"shape\":[7,1]", RECSYS_ERR_FILE_FORMAT, "dimensions" },
        { "\"history_ptr\":{", "\"history_prt\":{", RECSYS_ERR_FILE_FORMAT, "history" },
        { "\"history_item\":{", "\"history_itme\":{", RECSYS_ERR_FILE_FORMAT, "history_it" },
        { "\"column_scale\":{", "\"history_ptr\":{", RECSYS_ERR_FILE_FORMAT, "history_ptr|twice" },
        { "}}", "}}}", RECSYS_ERR_FILE_FORMAT, "header" },
        { "{\"__metadata__\":{", "{\"__metadata__\":[{", RECSYS_ERR_FILE_FORMAT, "header" },
    };
    sample s;
    open_sample(&s, 1, 6, 9);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        edited bad = edit_copy(s.good.bytes, s.good.size);
        if (!edit_header(&bad, cases[i].from, cases[i].to)) fail_msg("the header has no %s", cases[i].from);
        edit_seal(&bad);
        expect_bad(&s, &bad, cases[i].status, cases[i].words, 1);
        free(bad.bytes);
    }
    close_sample(&s);
}

static int case_of(const char *name)
{
    for (int c = 0; c < MODEL_CASES; c++)
        if (strcmp(model_cases[c].name, name) == 0) return c;
    fail_msg("there is no case %s", name);
    return 0;
}

/* Tables whose rows are laid out otherwise: kernels would read the others by this one's width. */
static void test_forged_dimensions(void **state)
{
    (void)state;
    static const struct { const char *model, *tensor, *from, *to; } cases[] = {
        { "gmf", "item_embedding", "\"shape\":[9,5]", "\"shape\":[9,1,5]" },
        { "lightgcn", "item_embedding", "\"shape\":[9,4]", "\"shape\":[9,2,2]" },
        { "dae", "layer1_weight", "\"shape\":[9,5]", "\"shape\":[9,5,1]" },
        { "two_tower_concat", "layer1_weight", "\"shape\":[4,6]", "\"shape\":[4,2,3]" },
        { "two_tower_product", "item_layer1_bias", "\"shape\":[4]", "\"shape\":[4,1]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char key[64], before[128], after[128];
        sample s;
        open_sample(&s, case_of(cases[i].model), 6, 9);
        edited bad = edit_copy(s.good.bytes, s.good.size);
        snprintf(key, sizeof key, "\"%s\":{\"dtype\":\"F32\",", cases[i].tensor);
        snprintf(before, sizeof before, "%s%s", key, cases[i].from);
        snprintf(after, sizeof after, "%s%s", key, cases[i].to);
        if (!edit_header(&bad, before, after)) fail_msg("the header has no %s", before);
        edit_seal(&bad);
        expect_bad(&s, &bad, RECSYS_ERR_FILE_FORMAT, "dimensions", 1);
        free(bad.bytes);
        close_sample(&s);
    }
}

/* What no text of the header can hold but its checksum is blind to: the editor itself proves that sealing works. */
static void test_seal(void **state)
{
    (void)state;
    for (int which = 0; which < MODEL_CASES; which++) {
        sample s;
        open_sample(&s, which, 6, 9);
        edited same = edit_copy(s.good.bytes, s.good.size);
        edit_seal(&same);
        assert_memory_equal(same.bytes, s.good.bytes, same.size);
        assert_true(edit_header(&same, "\"library\":\"", "\"note\":\"\\u00e9 \\\"[{\\\"\",\"library\":\""));
        edit_seal(&same);
        assert_int_equal(try_load(&s, same.bytes, same.size, RECSYS_VERIFY_ALL), RECSYS_OK);
        free(same.bytes);
        close_sample(&s);
    }
}

/* Puts an element into a tensor, seals, and expects a refusal under both ways of verifying, or only under the full one. */
static void expect_bad_element(sample *s, const char *tensor, int64_t index, const void *element, size_t size, const char *words,
                               int header_too)
{
    edited bad = edit_copy(s->good.bytes, s->good.size);
    size_t n;
    unsigned char *data = edit_tensor(&bad, tensor, &n);
    if (!data) fail_msg("there is no tensor %s", tensor);
    size_t at = index < 0 ? n - (size_t)-index * size : (size_t)index * size;
    assert_true(at + size <= n);
    memcpy(data + at, element, size);
    edit_seal(&bad);
    expect_bad(s, &bad, RECSYS_ERR_FILE_FORMAT, words, header_too);
    free(bad.bytes);
}

static void bad_i64(sample *s, const char *tensor, int64_t index, int64_t value, const char *words)
{
    expect_bad_element(s, tensor, index, &value, sizeof value, words, 1);
}

static void bad_i32(sample *s, const char *tensor, int64_t index, int32_t value, const char *words)
{
    expect_bad_element(s, tensor, index, &value, sizeof value, words, 1);
}

static void bad_f32_bits(sample *s, const char *tensor, int64_t index, uint32_t bits, const char *words, int header_too)
{
    expect_bad_element(s, tensor, index, &bits, sizeof bits, words, header_too);
}

static const uint32_t INF_BITS = 0x7f800000u, NAN_BITS = 0x7fc00001u, MINUS_INF_BITS = 0xff800000u;

static void test_forged_strings(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, 1, 6, 9);
    bad_i64(&s, "user_id_offsets", 0, 1, "user_id_offsets");
    bad_i64(&s, "user_id_offsets", 0, -1, "user_id_offsets");
    bad_i64(&s, "user_id_offsets", 2, INT64_MAX, "user_id_offsets");
    bad_i64(&s, "user_id_offsets", 2, 1, "user_id_offsets");
    bad_i64(&s, "user_id_offsets", -1, 1000, "user_id_offsets");
    bad_i64(&s, "item_id_offsets", 3, INT64_MIN, "item_id_offsets");
    /* "u0" "u1" -> "u1" "u1"; a zero byte. */
    expect_bad_element(&s, "user_id_bytes", 1, "1", 1, "user_id|twice", 1);
    expect_bad_element(&s, "item_id_bytes", 2, "", 1, "item_id_bytes|zero", 1);
    close_sample(&s);
}

static void test_forged_histories(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, 1, 6, 9);
    bad_i64(&s, "history_ptr", 0, 1, "history_ptr");
    bad_i64(&s, "history_ptr", 1, -1, "history_ptr");
    bad_i64(&s, "history_ptr", 1, INT64_MAX, "history_ptr");
    bad_i64(&s, "history_ptr", -1, INT64_MAX, "history_ptr");
    bad_i64(&s, "history_ptr", -1, 1, "history_ptr");
    bad_i32(&s, "history_item", 0, -1, "history of user 0");
    bad_i32(&s, "history_item", 0, 9, "history of user 0|item");
    bad_i32(&s, "history_item", 0, INT32_MAX, "history of user 0");
    bad_i32(&s, "history_item", -1, INT32_MIN, "history of user 5");
    bad_i32(&s, "history_item", 0, 8, "history of user 0|ascend");
    bad_f32_bits(&s, "history_value", 0, NAN_BITS, "not finite", 1);
    bad_f32_bits(&s, "history_value", -1, MINUS_INF_BITS, "not finite", 1);
    close_sample(&s);
}

static void test_forged_ints(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, 2, 6, 9);
    size_t n;
    int64_t first;
    unsigned char *ids = edit_tensor(&s.good, "item_ids", &n);
    assert_non_null(ids);
    memcpy(&first, ids, sizeof first);
    bad_i64(&s, "item_ids", 1, first, "item_ids|twice");
    bad_i64(&s, "item_ids", -1, first, "item_ids|twice");
    close_sample(&s);
}

static void test_forged_sparse_weights(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, 2, 6, 9);
    bad_i64(&s, "weights_ptr", 0, 1, "ease");
    bad_i64(&s, "weights_ptr", 1, INT64_MAX, "ease");
    bad_i64(&s, "weights_ptr", 1, -1, "ease");
    bad_i64(&s, "weights_ptr", -1, 1, "ease");
    bad_i32(&s, "weights_item", 0, 9, "ease");
    bad_i32(&s, "weights_item", 0, -1, "ease");
    bad_i32(&s, "weights_item", -1, INT32_MAX, "ease");
    bad_f32_bits(&s, "weights_value", 0, INF_BITS, "weights_value|not finite", 0);
    close_sample(&s);
}

static void test_forged_tables(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, 5, 6, 9);
    bad_f32_bits(&s, "user_embedding", 7, NAN_BITS, "user_embedding|not finite", 0);
    bad_f32_bits(&s, "item_embedding", -1, INF_BITS, "item_embedding|not finite", 0);
    static const char *const changes[][2] = {
        { "\"shape\":[6,5]", "\"shape\":[5,6]" }, { "\"shape\":[6,5]", "\"shape\":[30]" }, { "\"shape\":[9,5]", "\"shape\":[9,5,1]" },
        { "\"shape\":[9,5]", "\"shape\":[5,9]" },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        edited bad = edit_copy(s.good.bytes, s.good.size);
        assert_true(edit_header(&bad, changes[i][0], changes[i][1]));
        edit_seal(&bad);
        expect_bad(&s, &bad, RECSYS_ERR_FILE_FORMAT, "embeddings|shape", 1);
        free(bad.bytes);
    }
    close_sample(&s);
}

#define BYTES(s) { s, sizeof s - 1 }

static void test_no_model_files(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t size; } cases[] = {
        BYTES(""),
        BYTES("x"),
        BYTES("user\titem\n1\t2\n3\t4\n5\t6\n"),
        BYTES("\x89PNG\r\n\x1a\n0000000000000000"),
        BYTES("PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00"),
        BYTES("\0\0\0\0\0\0\0\0{}"),
        BYTES("\2\0\0\0\0\0\0\0{}"),
        BYTES("\377\377\377\377\377\377\377\377{}"),
        BYTES("\0\0\0\200\0\0\0\0{}"),
        /* Safetensors files of someone else: an empty one, and one with a tensor. */
        BYTES("\10\0\0\0\0\0\0\0{}      "),
        BYTES("\100\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}         abcd"),
    };
    sample s;
    open_sample(&s, 4, 6, 9);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        edited bad = edit_copy(cases[i].bytes, cases[i].size);
        expect_bad(&s, &bad, RECSYS_ERR_FILE_FORMAT, "m.safetensors", 1);
        free(bad.bytes);
    }
    recsys_model *model = NULL;
    expect_error(s.f.exec, recsys_model_load(s.f.exec, s.f.folder, NULL, &model), RECSYS_ERR_IO, s.f.folder);
    expect_error(s.f.exec, recsys_model_load(s.f.exec, "/dev/null", NULL, &model), RECSYS_ERR_IO, "/dev/null");
    expect_error(s.f.exec, recsys_model_load(s.f.exec, "/no/such/file", NULL, &model), RECSYS_ERR_FILE_NOT_FOUND, "/no/such/file");
    expect_error(s.f.exec, recsys_model_load(s.f.exec, "", NULL, &model), RECSYS_ERR_FILE_NOT_FOUND, NULL);
    char below[TEST_PATH_ROOM + 8];
    snprintf(below, sizeof below, "%s/x", s.path);
    expect_error(s.f.exec, recsys_model_load(s.f.exec, below, NULL, &model), RECSYS_ERR_FILE_NOT_FOUND, below);
    close_sample(&s);
}

/* A pipe must not make the loader wait. */
static void test_pipe(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    assert_int_equal(mkfifo(fixture_path(&f, "pipe", path), 0600), 0);
    recsys_model *model = NULL;
    expect_error(f.exec, recsys_model_load(f.exec, path, NULL, &model), RECSYS_ERR_IO, path);
    fixture_close(&f);
}

static void test_no_permission(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, 4, 6, 9);
    recsys_model *model = NULL;
    chmod(s.path, 0);
    if (access(s.path, R_OK)) /* root reads everything */
        expect_error(s.f.exec, recsys_model_load(s.f.exec, s.path, NULL, &model), RECSYS_ERR_IO, s.path);
    assert_null(model);
    close_sample(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_flipped), cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_seal),               cmocka_unit_test(test_forged_dimensions), cmocka_unit_test(test_forged_headers),
        cmocka_unit_test(test_forged_strings),     cmocka_unit_test(test_forged_histories),
        cmocka_unit_test(test_forged_ints),        cmocka_unit_test(test_forged_sparse_weights),
        cmocka_unit_test(test_forged_tables),      cmocka_unit_test(test_no_model_files),
        cmocka_unit_test(test_pipe),               cmocka_unit_test(test_no_permission),
    };
    return cmocka_run_group_tests_name("io/bad_model_file", tests, NULL, NULL);
}
