/* model_file.c - saving and loading: what comes back is what went in, and how the file behaves in its folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/exec.h"
#include "io/models.h"

static void test_round_trip(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    for (int c = 0; c < MODEL_CASES; c++) {
        recsys_model *model = model_of(f.exec, &model_cases[c], 30, 40), *loaded = NULL, *quick = NULL;
        expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
        expect_ok(f.exec, recsys_model_load(f.exec, path, NULL, &loaded));
        expect_same_model(f.exec, model, loaded, 1);
        recsys_load_options options = RECSYS_LOAD_OPTIONS_INIT;
        options.verify = RECSYS_VERIFY_HEADER;
        expect_ok(f.exec, recsys_model_load(f.exec, path, &options, &quick));
        expect_same_model(f.exec, model, quick, 1);
        recsys_model_release(model);
        recsys_model_release(loaded);
        recsys_model_release(quick);
        assert_int_equal(fixture_entries(&f), 1);
    }
    fixture_close(&f);
}

/* What was loaded can be saved again, over the very file it is mapped from: the bytes are the same. */
static void test_same_bytes(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    recsys_exec *many = fixture_exec(&f, 8, 0, 0);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    for (int c = 0; c < MODEL_CASES; c++) {
        recsys_model *model = model_of(f.exec, &model_cases[c], 30, 40), *loaded;
        expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
        size_t n_first, n_second;
        unsigned char *first = test_read_file(path, &n_first);
        expect_ok(f.exec, recsys_model_load(f.exec, path, NULL, &loaded));
        expect_ok(many, recsys_model_save(loaded, many, path, NULL));
        unsigned char *second = test_read_file(path, &n_second);
        assert_int_equal(n_first, n_second);
        assert_memory_equal(first, second, n_first);
        expect_same_model(f.exec, model, loaded, 1);
        recsys_model_release(model);
        recsys_model_release(loaded);
        free(first);
        free(second);
    }
    recsys_exec_release(many);
    fixture_close(&f);
}

static void test_without_histories(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    recsys_model *model = model_of(f.exec, &model_cases[0], 30, 40), *loaded;
    recsys_save_options options = RECSYS_SAVE_OPTIONS_INIT;
    options.without_histories = 1;
    expect_ok(f.exec, recsys_model_save(model, f.exec, path, &options));
    expect_ok(f.exec, recsys_model_load(f.exec, path, NULL, &loaded));
    assert_int_equal(recsys_model_has_histories(model), 1);
    assert_int_equal(recsys_model_has_histories(loaded), 0);
    expect_same_model(f.exec, model, loaded, 0);
    int64_t count;
    expect_error(f.exec, recsys_model_history(loaded, f.exec, 0, NULL, NULL, 0, &count), RECSYS_ERR_MISSING_DATA, NULL);
    recsys_model_release(model);
    recsys_model_release(loaded);
    fixture_close(&f);
}

/* The exec that loaded is gone and so is the file's name: the model works. */
static void test_outlives(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    recsys_model *model = model_of(f.exec, &model_cases[1], 30, 40), *loaded;
    expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
    recsys_exec *short_lived = fixture_exec(&f, 1, 0, 0);
    expect_ok(short_lived, recsys_model_load(short_lived, path, NULL, &loaded));
    recsys_exec_release(short_lived);
    assert_int_equal(unlink(path), 0);
    expect_same_model(f.exec, model, loaded, 1);
    recsys_model_release(model);
    recsys_model_release(loaded);
    fixture_close(&f);
}

/* Tensors of a loaded model are the mapping: loading takes memory for ids and little else. The file is the tensors and
 * little else. */
static void test_sizes(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    recsys_model *model = model_of(f.exec, &model_cases[0], 600, 700), *loaded;
    expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
    recsys_model_release(model);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    const int64_t matrix = 64 * (175 * 176 / 2); /* 700 items: 175 strips of lines of 64 bytes */
    assert_in_range(about.st_size, matrix, matrix + 65536);
    recsys_memory_info before = RECSYS_MEMORY_INFO_INIT, after = RECSYS_MEMORY_INFO_INIT;
    recsys_exec_reset_peak(f.exec);
    recsys_exec_memory(f.exec, &before);
    expect_ok(f.exec, recsys_model_load(f.exec, path, NULL, &loaded));
    recsys_exec_memory(f.exec, &after);
    assert_in_range(after.peak - before.used, 1, 131072);
    recsys_model_release(loaded);
    fixture_close(&f);
}

static recsys_status wrap_nothing(void *self, error *e, const void *host, size_t bytes, void **out)
{
    (void)self, (void)e, (void)host, (void)bytes;
    *out = NULL;
    return RECSYS_OK;
}

/* A device that cannot read host memory gets copies, which go with the model. */
static void test_copied_tensors(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    struct backend *own = f.exec->backend, apart = *own;
    apart.wrap = wrap_nothing;
    for (int c = 0; c < MODEL_CASES; c++) {
        recsys_model *model = model_of(f.exec, &model_cases[c], 30, 40), *loaded;
        expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
        f.exec->backend = &apart;
        expect_ok(f.exec, recsys_model_load(f.exec, path, NULL, &loaded));
        f.exec->backend = own;
        expect_same_model(f.exec, model, loaded, 1);
        expect_ok(f.exec, recsys_model_save(loaded, f.exec, path, NULL));
        recsys_model_release(loaded);
        recsys_model_release(model);
    }
    fixture_close(&f);
}

/* The large tensor begins at a page, though the model has a small one of the same kind too. */
static void test_alignment(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    recsys_model *model = model_of(f.exec, &model_cases[1], 31, 45);
    expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
    recsys_model_release(model);
    size_t size;
    char *file = (char *)test_read_file(path, &size);
    int64_t header = 0;
    memcpy(&header, file, 8);
    assert_int_equal(header % 8, 0);
    file[8 + header] = '\0';
    const char *entry = strstr(file + 8, "\"precision\":{");
    assert_non_null(entry);
    const char *offset = strstr(entry, "\"data_offsets\":[");
    assert_non_null(offset);
    assert_int_equal((8 + header + strtoll(offset + 16, NULL, 10)) % 4096, 0);
    free(file);
    fixture_close(&f);
}

/* A name of the longest kind, and one through a link. */
static void test_names(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char name[201], path[TEST_PATH_ROOM], link[TEST_PATH_ROOM];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fixture_path(&f, name, path);
    fixture_path(&f, "link", link);
    assert_int_equal(symlink(name, link), 0);
    recsys_model *model = model_of(f.exec, &model_cases[4], 30, 40), *loaded;
    expect_ok(f.exec, recsys_model_save(model, f.exec, link, NULL));
    struct stat about;
    assert_int_equal(lstat(link, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    expect_ok(f.exec, recsys_model_load(f.exec, path, NULL, &loaded));
    recsys_model_release(model);
    recsys_model_release(loaded);
    fixture_close(&f);
}

static void test_arguments(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    recsys_model *model = model_of(f.exec, &model_cases[4], 30, 40), *loaded = model;
    recsys_save_options save = RECSYS_SAVE_OPTIONS_INIT;
    recsys_load_options options = RECSYS_LOAD_OPTIONS_INIT;
    assert_int_equal(recsys_model_save(model, NULL, path, NULL), RECSYS_ERR_INVALID_ARGUMENT);
    expect_error(f.exec, recsys_model_save(NULL, f.exec, path, NULL), RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_save");
    expect_error(f.exec, recsys_model_save(model, f.exec, NULL, NULL), RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_save");
    save.struct_size = 3;
    expect_error(f.exec, recsys_model_save(model, f.exec, path, &save), RECSYS_ERR_STRUCT_SIZE, "recsys_save_options");
    assert_int_equal(fixture_entries(&f), 0);
    expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
    assert_int_equal(recsys_model_load(NULL, path, NULL, &loaded), RECSYS_ERR_INVALID_ARGUMENT);
    assert_null(loaded);
    expect_error(f.exec, recsys_model_load(f.exec, path, NULL, NULL), RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_load");
    options.verify = 2;
    expect_error(f.exec, recsys_model_load(f.exec, path, &options, &loaded), RECSYS_ERR_OUT_OF_RANGE, "verify|2");
    options.struct_size = 1 << 20;
    expect_error(f.exec, recsys_model_load(f.exec, path, &options, &loaded), RECSYS_ERR_STRUCT_SIZE, "recsys_load_options");
    recsys_model_release(model);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_without_histories),
        cmocka_unit_test(test_outlives),   cmocka_unit_test(test_sizes),      cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_arguments),  cmocka_unit_test(test_copied_tensors),
    };
    return cmocka_run_group_tests_name("io/model_file", tests, NULL, NULL);
}
