/* write.c - tests of writing events: what is in the file, what survives a failure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"

static recsys_status write_with(fixture *f, const recsys_dataset *d, const char *path, const char *columns,
                                const char *separator)
{
    recsys_write_options options = RECSYS_WRITE_OPTIONS_INIT;
    options.columns = columns;
    options.separator = separator;
    return recsys_dataset_write(d, f->exec, path, &options);
}

static void assert_file(const char *path, const char *expected)
{
    size_t size;
    char *text = (char *)test_read_file(path, &size);
    assert_string_equal(text, expected);
    free(text);
}

static const char all_columns[] = "user,item,value,time,behaviour,session,flag";

static void test_columns(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    recsys_dataset *d = dataset_from(&f, all_columns, "7 a 0.5 -12 view s1 1\n-3 b 1e20 9223372036854775807 buy s2 0\n");
    fixture_path(&f, "out.tsv", path);
    expect_ok(f.exec, recsys_dataset_write(d, f.exec, path, NULL));
    assert_file(path, "7\ta\t0.5\t-12\tview\ts1\t1\n-3\tb\t1e+20\t9223372036854775807\tbuy\ts2\t0\n");
    expect_ok(f.exec, write_with(&f, d, path, "item,user", "::"));
    assert_file(path, "a::7\nb::-3\n");
    expect_ok(f.exec, write_with(&f, d, path, "flag,session,time", ","));
    assert_file(path, "1,s1,-12\n0,s2,9223372036854775807\n");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_bad_options(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    recsys_dataset *d = dataset_from(&f, "user,item,value", "1 2 3\n");
    fixture_path(&f, "out.tsv", path);
    expect_error(f.exec, write_with(&f, d, path, "user,rating", NULL), RECSYS_ERR_UNKNOWN_COLUMN, "rating|value");
    expect_error(f.exec, write_with(&f, d, path, "user,", NULL), RECSYS_ERR_UNKNOWN_COLUMN, NULL);
    expect_error(f.exec, write_with(&f, d, path, "", NULL), RECSYS_ERR_UNKNOWN_COLUMN, NULL);
    expect_error(f.exec, write_with(&f, d, path, "user,item,user", NULL), RECSYS_ERR_UNKNOWN_COLUMN, "user|twice");
    expect_error(f.exec, write_with(&f, d, path, "user,time", NULL), RECSYS_ERR_MISSING_DATA, "time");
    expect_error(f.exec, write_with(&f, d, path, NULL, ""), RECSYS_ERR_OUT_OF_RANGE, "separator");
    expect_error(f.exec, write_with(&f, d, path, NULL, "."), RECSYS_ERR_OUT_OF_RANGE, "separator");
    expect_error(f.exec, write_with(&f, d, path, NULL, "\n"), RECSYS_ERR_OUT_OF_RANGE, "separator");
    expect_error(f.exec, recsys_dataset_write(d, f.exec, NULL, NULL), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    assert_int_equal(fixture_entries(&f), 1); /* the events that were read */
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Quotes ---- */

static recsys_dataset *odd_names(fixture *f, const char *const *items, int64_t count)
{
    static const char *const users[] = { "u", "u", "u", "u", "u", "u", "u", "u" };
    recsys_events events = RECSYS_EVENTS_INIT;
    events.count = count;
    events.user_names = users;
    events.item_names = items;
    recsys_dataset_builder *builder = NULL;
    recsys_dataset *d = NULL;
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.id_type = RECSYS_ID_STRING;
    expect_ok(f->exec, recsys_dataset_builder_create(f->exec, &options, &builder));
    expect_ok(f->exec, recsys_dataset_builder_append(builder, &events));
    expect_ok(f->exec, recsys_dataset_builder_finish(builder, &d));
    recsys_dataset_builder_release(builder);
    return d;
}

static void test_quotes(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    static const char *const items[] = { "plain", "Seven, the film", "the \"best\"", "two\nlines",
                                         "tab\there", "a:b", "x::y", "caf\xc3\xa9" };
    recsys_dataset *d = odd_names(&f, items, 8);
    fixture_path(&f, "out.csv", path);
    expect_ok(f.exec, write_with(&f, d, path, NULL, ","));
    assert_file(path, "u,plain\nu,\"Seven, the film\"\nu,\"the \"\"best\"\"\"\nu,\"two\nlines\"\n"
                      "u,tab\there\nu,a:b\nu,x::y\nu,caf\xc3\xa9\n");
    static const char *const separators[] = { ",", "\t", "::", ";", " " };
    for (size_t k = 0; k < sizeof separators / sizeof separators[0]; k++) {
        expect_ok(f.exec, write_with(&f, d, path, NULL, separators[k]));
        recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
        options.columns = "user,item";
        options.separator = separators[k];
        options.header = RECSYS_HEADER_NO;
        recsys_dataset *again = NULL;
        expect_ok(f.exec, recsys_dataset_read(f.exec, path, &options, &again));
        assert_int_equal(recsys_ids_count(recsys_dataset_items(again)), 8);
        for (int64_t i = 0; i < 8; i++) assert_int_equal(recsys_ids_find(recsys_dataset_items(again), items[i]), i);
        recsys_dataset_release(again);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Reading back ---- */

static void check_round_trip(fixture *f, const recsys_dataset *d, const char *name, const char *columns)
{
    char path[TEST_PATH_ROOM];
    expect_ok(f->exec, recsys_dataset_write(d, f->exec, fixture_path(f, name, path), NULL));
    recsys_dataset *again = read_dataset(f, path, columns, NULL);
    char *expected = dump(f, d);
    assert_events(f, again, expected);
    free(expected);
    recsys_dataset_release(again);
}

static void test_round_trip(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    const int flags = TEST_VALUES | TEST_TIMES | TEST_STRINGS | TEST_REPEATS | TEST_BEHAVIOURS;
    recsys_dataset *d = test_random_dataset(f.exec, 500, 200, 60, flags, 4); /* several buffers long */
    check_round_trip(&f, d, "out.tsv", "user,item,value,time,behaviour");
    check_round_trip(&f, d, "out.tsv.gz", "user,item,value,time,behaviour");
    char path[TEST_PATH_ROOM];
    size_t size;
    unsigned char *bytes = test_read_file(fixture_path(&f, "out.tsv.gz", path), &size);
    assert_int_equal(bytes[0], 0x1f);
    assert_int_equal(bytes[1], 0x8b);
    free(bytes);
    recsys_dataset_release(d);
    static const char values[] = "1 1 0.1\n1 2 3.4028235e+38\n1 3 1e-45\n1 4 -0\n1 5 16777216\n1 6 0.33333334\n1 7 999999.94\n";
    d = dataset_from(&f, "user,item,value", values);
    assert_events(&f, d, values);
    check_round_trip(&f, d, "out.tsv", "user,item,value");
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Files ---- */

static void test_replaces_a_file_or_leaves_it(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM], link_path[TEST_PATH_ROOM];
    recsys_dataset *d = dataset_from(&f, "user,item", "1 2\n");
    test_write_text(fixture_path(&f, "out.tsv", path), "old\n");
    assert_int_equal(chmod(path, 0600), 0);
    expect_ok(f.exec, recsys_dataset_write(d, f.exec, path, NULL));
    assert_file(path, "1\t2\n");
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    /* Through a link the file behind it is replaced. */
    assert_int_equal(symlink("out.tsv", fixture_path(&f, "link", link_path)), 0);
    expect_ok(f.exec, write_with(&f, d, link_path, "item", NULL));
    assert_file(path, "2\n");
    assert_int_equal(lstat(link_path, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_int_equal(remove(link_path), 0);
    assert_int_equal(symlink("link", link_path), 0);
    expect_error(f.exec, recsys_dataset_write(d, f.exec, link_path, NULL), RECSYS_ERR_IO, "link");
    /* A cancelled call leaves the file. */
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys_dataset_write(d, f.exec, path, NULL), RECSYS_ERR_CANCELLED, NULL);
    recsys_exec_reset_cancel(f.exec);
    assert_file(path, "2\n");
    assert_int_equal(fixture_entries(&f), 3); /* the events that were read, the file, the link */
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_places_that_cannot_be_written(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM], folder[TEST_PATH_ROOM];
    recsys_dataset *d = dataset_from(&f, "user,item", "1 2\n");
    expect_error(f.exec, recsys_dataset_write(d, f.exec, f.folder, NULL), RECSYS_ERR_IO, "folder");
    expect_error(f.exec, recsys_dataset_write(d, f.exec, "/dev/null", NULL), RECSYS_ERR_IO, "/dev/null");
    fixture_path(&f, "absent/out.tsv", path);
    expect_error(f.exec, recsys_dataset_write(d, f.exec, path, NULL), RECSYS_ERR_FILE_NOT_FOUND, "absent/out.tsv");
    fixture_path(&f, "locked", folder);
    assert_int_equal(mkdir(folder, 0500), 0);
    fixture_path(&f, "locked/out.tsv", path);
    /* Root may write anywhere, so it becomes somebody else for this call. */
    const uid_t root = 0, somebody = 65534;
    if (geteuid() != root || seteuid(somebody) == 0) {
        recsys_status status = recsys_dataset_write(d, f.exec, path, NULL);
        if (getuid() == root) assert_int_equal(seteuid(root), 0);
        expect_error(f.exec, status, RECSYS_ERR_IO, "locked/out.tsv");
        recsys_error_info error = RECSYS_ERROR_INFO_INIT;
        recsys_exec_last_error(f.exec, &error);
        assert_int_equal(error.system_error, EACCES);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* A limit on the size of files stands for a full disk: writing fails in the middle, and again when closing. */
static void test_full_disk(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    recsys_dataset *d = test_random_dataset(f.exec, 800, 200, 100, TEST_VALUES | TEST_TIMES, 4);
    test_write_text(fixture_path(&f, "out.tsv", path), "old\n");
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
    struct rlimit old_limit;
    assert_int_equal(sigaction(SIGXFSZ, &ignore, &before), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    static const rlim_t limits[] = { 1000, 300000 };
    for (int k = 0; k < 2; k++) {
        struct rlimit limit = { limits[k], old_limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        recsys_status status = recsys_dataset_write(d, f.exec, path, NULL);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
        expect_error(f.exec, status, RECSYS_ERR_IO, "out.tsv");
        assert_file(path, "old\n");
        assert_int_equal(fixture_entries(&f), 1);
    }
    assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    recsys_dataset *d = test_random_dataset(f.exec, 20, 20, 6, TEST_TIMES | TEST_VALUES | TEST_STRINGS, 1);
    fixture_path(&f, "out.tsv.gz", path);
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    for (int64_t n = 1; status; n++) {
        test_heap_fail(&f.heap, n, 0);
        status = recsys_dataset_write(d, f.exec, path, NULL);
        test_heap_fail(&f.heap, 0, 0);
        if (status) expect_error(f.exec, status, RECSYS_ERR_NO_MEMORY, NULL);
        assert_int_equal(fixture_entries(&f), status ? 0 : 1);
        assert_true(n < 1000);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_replaces_a_file_or_leaves_it),
        cmocka_unit_test(test_places_that_cannot_be_written),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
