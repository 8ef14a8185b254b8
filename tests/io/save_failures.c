/* save_failures.c - saving where it cannot be: a full disk, a read-only folder, a cancelled call, no memory to spare. The
 * old file stays as it was and nothing is left beside it.
 *
 * A full disk is a limit on the size of files in a child process, and a small file system of its own where the test may
 * mount one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/models.h"

/* An old file at the path, which each failure must leave alone. */
static void write_old(const char *path)
{
    test_write_text(path, "old");
}

static void expect_old(const fixture *f, const char *path)
{
    size_t size;
    unsigned char *bytes = test_read_file(path, &size);
    assert_string_equal((char *)bytes, "old");
    free(bytes);
    assert_int_equal(fixture_entries(f), 1);
}

/* In the child: saves under a limit of `limit` bytes a file; 0 if it fails as it should. Exit codes, since a failed
 * assertion in a child would not be seen. */
static int save_limited(const char *path, rlim_t limit)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_model *model = model_of(f.exec, &model_cases[0], 100, 200);
    struct rlimit r = { limit, limit };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &r);
    recsys_status status = recsys_model_save(model, f.exec, path, NULL);
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(f.exec, &error);
    recsys_model_release(model);
    fixture_close(&f);
    if (status != RECSYS_ERR_IO) return 2;
    return strstr(error.message, path) && error.system_error ? 0 : 3;
}

static void test_full_disk(void **state)
{
    (void)state;
    static const rlim_t limits[] = { 0, 1, 100, 4096, 50000 };
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    write_old(path);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(save_limited(path, limits[i]));
        int result;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFEXITED(result));
        assert_int_equal(WEXITSTATUS(result), 0);
        expect_old(&f, path);
    }
    fixture_close(&f);
}

/* Runs a command of the shell with the folder as its last word; 1 if it succeeds. */
static int run_on(const char *words, const char *folder)
{
    char command[TEST_PATH_ROOM + 128];
    snprintf(command, sizeof command, "%s %s 2>/dev/null", words, folder);
    return system(command) == 0;
}

static void test_full_file_system(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char folder[TEST_PATH_ROOM], path[TEST_PATH_ROOM];
    assert_int_equal(mkdir(fixture_path(&f, "disk", folder), 0700), 0);
    if (geteuid() != 0 || !run_on("mount -t tmpfs -o size=64k recsys-test", folder)) {
        print_message("no right to mount a file system: left out\n");
        fixture_close(&f);
        skip();
    }
    recsys_model *model = model_of(f.exec, &model_cases[0], 100, 200);
    write_old(fixture_path(&f, "disk/m.safetensors", path));
    recsys_status status = recsys_model_save(model, f.exec, path, NULL);
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(f.exec, &error);
    size_t size;
    unsigned char *bytes = test_read_file(path, &size);
    int64_t entries = test_entries(folder);
    /* Before anything is asserted: a failed test must not leave a mount behind. */
    assert_true(run_on("umount", folder));
    assert_int_equal(status, RECSYS_ERR_IO);
    assert_non_null(strstr(error.message, path));
    assert_string_equal((char *)bytes, "old");
    assert_int_equal(entries, 1);
    free(bytes);
    recsys_model_release(model);
    fixture_close(&f);
}

static void test_no_folder(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_model *model = model_of(f.exec, &model_cases[4], 6, 9);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "none/m.safetensors", path);
    expect_error(f.exec, recsys_model_save(model, f.exec, path, NULL), RECSYS_ERR_FILE_NOT_FOUND, path);
    expect_error(f.exec, recsys_model_save(model, f.exec, f.folder, NULL), RECSYS_ERR_IO, f.folder);
    expect_error(f.exec, recsys_model_save(model, f.exec, "/dev/null", NULL), RECSYS_ERR_IO, "/dev/null");
    assert_int_equal(fixture_entries(&f), 0);
    recsys_model_release(model);
    fixture_close(&f);
}

static void test_read_only_folder(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_model *model = model_of(f.exec, &model_cases[4], 6, 9);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    write_old(path);
    chmod(f.folder, 0500);
    int writable = access(f.folder, W_OK) == 0; /* root writes everywhere */
    recsys_status status = recsys_model_save(model, f.exec, writable ? "/proc/m.safetensors" : path, NULL);
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(f.exec, &error);
    chmod(f.folder, 0700);
    if (writable)
        assert_true(status == RECSYS_ERR_IO || status == RECSYS_ERR_FILE_NOT_FOUND);
    else
        assert_int_equal(status, RECSYS_ERR_IO);
    assert_non_null(strstr(error.message, "m.safetensors"));
    expect_old(&f, path);
    recsys_model_release(model);
    fixture_close(&f);
}

/* Cancels at the n-th report of progress. */
typedef struct canceller {
    int reports, cancel_at;
} canceller;

static int32_t cancel_at(void *user, const recsys_progress *progress)
{
    canceller *c = user;
    (void)progress;
    return ++c->reports == c->cancel_at;
}

/* Works with a model under an exec that is cancelled at each of its reports in turn; returns how many there are. */
static int try_cancel(fixture *f, const recsys_model *model, const char *path, int load)
{
    for (int at = 1;; at++) {
        canceller c = { 0, at };
        recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
        options.threads = 1;
        options.progress = cancel_at;
        options.progress_user = &c;
        recsys_exec *exec;
        recsys_model *loaded = NULL;
        assert_int_equal(recsys_exec_create(f->env, &options, &exec, NULL), RECSYS_OK);
        recsys_status status = load ? recsys_model_load(exec, path, NULL, &loaded) : recsys_model_save(model, exec, path, NULL);
        if (status) {
            expect_error(exec, status, RECSYS_ERR_CANCELLED, NULL);
            assert_null(loaded);
            if (!load) expect_old(f, path);
        }
        recsys_model_release(loaded);
        recsys_exec_release(exec);
        if (c.reports < at) {
            assert_int_equal(status, RECSYS_OK);
            return c.reports;
        }
    }
}

static void test_cancelled(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    write_old(path);
    recsys_model *model = model_of(f.exec, &model_cases[1], 100, 200);
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys_model_save(model, f.exec, path, NULL), RECSYS_ERR_CANCELLED, NULL);
    expect_old(&f, path);
    recsys_exec_reset_cancel(f.exec);
    assert_true(try_cancel(&f, model, path, 0) >= 2);
    assert_int_equal(fixture_entries(&f), 1);
    assert_true(try_cancel(&f, model, path, 1) >= 2);
    recsys_model_release(model);
    fixture_close(&f);
}

static void test_memory_limit(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    fixture_path(&f, "m.safetensors", path);
    recsys_model *model = model_of(f.exec, &model_cases[0], 30, 40), *loaded = NULL;
    recsys_exec *poor = fixture_exec(&f, 1, 20000, 0);
    write_old(path);
    expect_error(poor, recsys_model_save(model, poor, path, NULL), RECSYS_ERR_MEMORY_LIMIT, "limit");
    expect_old(&f, path);
    expect_ok(f.exec, recsys_model_save(model, f.exec, path, NULL));
    recsys_exec *poorer = fixture_exec(&f, 1, 3000, 0);
    expect_error(poorer, recsys_model_load(poorer, path, NULL, &loaded), RECSYS_ERR_MEMORY_LIMIT, "limit");
    assert_null(loaded);
    recsys_exec_release(poorer);
    recsys_exec_release(poor);
    recsys_model_release(model);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk),        cmocka_unit_test(test_full_file_system), cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_read_only_folder), cmocka_unit_test(test_cancelled),        cmocka_unit_test(test_memory_limit),
    };
    return cmocka_run_group_tests_name("io/save_failures", tests, NULL, NULL);
}
