/* read_bad.c - tests of files that must not be read: each gets its code, and a message that names file, line and value.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "texts.h"

/* ---- text ---- */

typedef struct bad {
    const char *text, *columns;
    int32_t id_type;
    recsys_status status;
    const char *words;
} bad;

static const bad bad_texts[] = {
    /* columns */
    {"1\n2\n", NULL, 0, RECSYS_ERR_UNKNOWN_COLUMN,
     "events.txt:1: column 2 (item) is missing|1 column |separator: none found"},
    {"1,5\n", "user,item,value", 0, RECSYS_ERR_UNKNOWN_COLUMN,
     "events.txt:1: column 3 (value) is missing|2 columns|separator: ,"},
    {"1,5,2\n2,6\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (value) is missing"},
    {"1,5,2\n2,6,3\n3", NULL, 0, RECSYS_ERR_PARSE, "events.txt:3: column 2 (item) is missing|ends in mid-line"},
    {"1\t5\n2\t", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 2 (item): is empty"},
    {"1\t5\n2", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 2 (item) is missing|ends in mid-line"},
    {"a,b\n1,5\n", "b=user,c=item", 0, RECSYS_ERR_UNKNOWN_COLUMN, "events.txt:1: no column is named \"c\"|a, b"},
    {"1,5\n", "user,thing", 0, RECSYS_ERR_UNKNOWN_COLUMN, "columns|\"thing\"|time"},
    {"1,5\n", "user,itm", 0, RECSYS_ERR_UNKNOWN_COLUMN, "\"itm\"|did you mean \"item\""},
    {"1,5\n", "user,value", 0, RECSYS_ERR_UNKNOWN_COLUMN, "\"item\" is missing"},
    {"1,5\n", "user,item,user", 0, RECSYS_ERR_UNKNOWN_COLUMN, "\"user\" comes twice"},
    {"1,5\n", "user,", 0, RECSYS_ERR_UNKNOWN_COLUMN, "columns"},
    {"1,5\n", "", 0, RECSYS_ERR_UNKNOWN_COLUMN, "columns"},
    {"1,5\n", "a=user,item", 0, RECSYS_ERR_UNKNOWN_COLUMN, "by position|by their names"},
    /* numbers */
    {"1,5,x\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:1: column 3 (value): \"x\" is not a number"},
    {"1,5,2\n1,6,x\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (value): \"x\" is not a number"},
    {"1,5,2\n1,6,\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (value): \"\" is not a number"},
    {"1,5,2\n1,6,1.2.3\n", NULL, 0, RECSYS_ERR_PARSE, "column 3 (value): \"1.2.3\" is not a number"},
    {"1,5,2\n1,6,1;5\n", NULL, 0, RECSYS_ERR_PARSE, "column 3 (value): \"1;5\" is not a number"},
    {"1,5,2\n1,6,nan\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (value): \"nan\" is not finite"},
    {"1,5,2\n1,6,-inf\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (value): \"-inf\" is not finite"},
    {"1,5,2\n1,6,1e39\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (value): \"1e39\" does not fit"},
    {"1,5,2,9\n1,6,2,1.5\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 4 (time): \"1.5\" is not an integer"},
    {"1,5,2,9\n1,6,2,99999999999999999999\n", NULL, 0, RECSYS_ERR_PARSE,
     "column 4 (time): \"99999999999999999999\"|64 bits"},
    {"1,5,1\n1,6,2\n", "user,item,flag", 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (flag): \"2\" is neither 0 nor 1"},
    {"1,5,buy\n1,6,\n", "user,item,behaviour", 0, RECSYS_ERR_PARSE, "events.txt:2: column 3 (behaviour): \"\" is empty"},
    {"1,5,1\n1,6,x\n", "user,item,session", 0, RECSYS_ERR_TYPE, "events.txt:2: session \"x\" is not an integer"},
    /* ids */
    {"1\t5\n2\t6\nx\t7\n", NULL, 0, RECSYS_ERR_TYPE,
     "events.txt:3: column 1 (user): \"x\" is not an integer, but the first id is one|RECSYS_ID_STRING|--id-type string"},
    {"1\t5\n2\t6.0\n", NULL, 0, RECSYS_ERR_TYPE, "events.txt:2: column 2 (item): \"6.0\" is not an integer"},
    {"1\t5\n2\t06\n", NULL, 0, RECSYS_ERR_TYPE, "events.txt:2: column 2 (item): \"06\" would lose its zeros"},
    {"1\t5\n2\t9223372036854775808\n", NULL, 0, RECSYS_ERR_TYPE,
     "events.txt:2: column 2 (item): \"9223372036854775808\" does not fit into 64 bits|--id-type string"},
    {"99999999999999999999\t5\n", NULL, 0, RECSYS_ERR_TYPE, "events.txt:1: column 1 (user)|64 bits"},
    {"1\tx\n", NULL, RECSYS_ID_INT, RECSYS_ERR_TYPE, "events.txt:1: column 2 (item): \"x\" is not an integer;"},
    {"1\t5\n\t6\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 1 (user): is empty"},
    {"5;1\n;1\n", "item,user", RECSYS_ID_STRING, RECSYS_ERR_PARSE, "events.txt:2: column 1 (item): is empty"},
    /* quotes */
    {"1,5\n2,\"6\n3,7\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 2: the quote is not closed"},
    {"1,5\n2,\"6\"7\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:2: column 2: text behind the closing quote"},
    {"a,\"b\nc\"\nd,\"e\nf\"g\n", NULL, 0, RECSYS_ERR_PARSE, "events.txt:4: column 2: text behind"},
    /* nothing */
    {"", NULL, 0, RECSYS_ERR_EMPTY, "events.txt: no events"},
    {"\n\r\n\n", NULL, 0, RECSYS_ERR_EMPTY, "events.txt: no events"},
    {"\xef\xbb\xbf", NULL, 0, RECSYS_ERR_EMPTY, "events.txt: no events"},
    {"user,item\n", NULL, 0, RECSYS_ERR_EMPTY, "events.txt: no events"},
};

static void bad_text_is_refused(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    for (size_t k = 0; k < sizeof bad_texts / sizeof *bad_texts; k++) {
        const bad *b = &bad_texts[k];
        recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
        options.columns = b->columns;
        options.id_type = b->id_type;
        recsys_dataset *d = (recsys_dataset *)&f;
        recsys_status s = read_text(&f, b->text, &options, &d);
        if (s != b->status) print_error("case %zu: %s\n", k, b->words);
        expect_error(f.exec, s, b->status, b->words);
        assert_null(d);
        assert_int_equal(atomic_load(&f.heap.broken_frees), 0);
    }
    fixture_close(&f);
}

/* The fast path and what stands behind it report the same lines. */
static void late_lines_are_counted_right(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char *text = malloc(2000000);
    assert_non_null(text);
    size_t size = 0;
    for (int k = 0; k < 100000; k++) size += (size_t)sprintf(text + size, k % 1000 == 999 ? "\"%d\"\t7\r\n" : "%d\t7\n", k);
    sprintf(text + size, "8\tx\n");
    recsys_dataset *d;
    expect_error(f.exec, read_text(&f, text, NULL, &d), RECSYS_ERR_TYPE, "events.txt:100001: column 2 (item): \"x\"");
    sprintf(text + size, "9\t8\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.items = "8";
    expect_error(f.exec, read_text(&f, text, &options, &d), RECSYS_ERR_UNKNOWN_ID,
                 "events.txt:100001: column 2 (item): 8 is not among the 8 items");
    options.items = NULL;
    options.users = "100000";
    sprintf(text + size, "100000\t8\n");
    expect_error(f.exec, read_text(&f, text, &options, &d), RECSYS_ERR_UNKNOWN_ID,
                 "events.txt:100001: column 1 (user): 100000");
    free(text);
    fixture_close(&f);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d;
    fixture_open(&f, 1);
    expect_error(f.exec, read_bytes(&f, "1\t5\n2\t\0006\n", 8, NULL, &d), RECSYS_ERR_PARSE, "events.txt:2: a zero byte");
    expect_error(f.exec, read_bytes(&f, "\377\3761\0\t\0002\0\n\0", 10, NULL, &d), RECSYS_ERR_PARSE,
                 "events.txt:1: a zero byte");
    fixture_close(&f);
}

/* ---- long lines ---- */

static double seconds_of(fixture *f, const char *bytes, size_t size, recsys_status status, const char *words)
{
    recsys_dataset *d;
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.id_type = RECSYS_ID_STRING;
    struct timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    recsys_status s = read_bytes(f, bytes, size, &options, &d);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    expect_error(f->exec, s, status, words);
    recsys_dataset_release(d);
    return (double)(t1.tv_sec - t0.tv_sec) + 1e-9 * (double)(t1.tv_nsec - t0.tv_nsec);
}

/* A line of 22 MB is read right or refused, in linear time (quadratic time would be minutes). */
static void long_lines_end(void **state)
{
    (void)state;
    enum { SIZE = 22000000 };
    fixture f;
    fixture_open(&f, 1);
    char *text = malloc(SIZE + 16);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    double seconds =
        seconds_of(&f, text, SIZE, RECSYS_ERR_UNKNOWN_COLUMN, "events.txt:1: column 2 (item) is missing|mid-line");
    memcpy(text + SIZE, "\ty\n", 3);
    seconds += seconds_of(&f, text, SIZE + 3, RECSYS_OK, NULL);
    text[0] = '"';
    seconds += seconds_of(&f, text, SIZE + 3, RECSYS_ERR_PARSE, "events.txt:1: column 1: the quote is not closed");
    for (int k = 1; k < SIZE; k++) text[k] = k % 3 ? '"' : '\n'; /* a cell of quotes and newlines */
    seconds += seconds_of(&f, text, SIZE + 3, RECSYS_ERR_PARSE, "events.txt:1: column 1: the quote is not closed");
    assert_true(seconds < 60.0);
    free(text);
    fixture_close(&f);
}

static void memory_for_a_line_is_bounded(void **state)
{
    (void)state;
    enum { SIZE = 4000000 };
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM], *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, '7', SIZE);
    test_write_file(fixture_path(&f, "events.txt", path), text, SIZE);
    recsys_exec *small = fixture_exec(&f, 1, 1000000, 0);
    recsys_dataset *d;
    expect_error(small, recsys_dataset_read(small, path, NULL, &d), RECSYS_ERR_MEMORY_LIMIT, "limit");
    recsys_exec_release(small);
    free(text);
    fixture_close(&f);
}

/* ---- files ---- */

static void paths_must_be_files(void **state)
{
    (void)state;
    fixture f;
    char path[TEST_PATH_ROOM], below[TEST_PATH_ROOM];
    recsys_dataset *d;
    fixture_open(&f, 1);
    expect_error(f.exec, recsys_dataset_read(f.exec, fixture_path(&f, "nowhere.tsv", path), NULL, &d),
                 RECSYS_ERR_FILE_NOT_FOUND, "nowhere.tsv|No such file");
    expect_error(f.exec, recsys_dataset_read(f.exec, f.folder, NULL, &d), RECSYS_ERR_IO, "recsys-test-|folder");
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_exec_last_error(f.exec, &error), RECSYS_OK);
    assert_true(error.system_error != 0);
    test_write_text(fixture_path(&f, "plain.tsv", path), "1\t2\n");
    expect_error(f.exec, recsys_dataset_read(f.exec, fixture_path(&f, "plain.tsv/x", below), NULL, &d),
                 RECSYS_ERR_FILE_NOT_FOUND, "plain.tsv/x");
    if (geteuid() != 0) { /* root may read everything */
        assert_int_equal(chmod(path, 0), 0);
        expect_error(f.exec, recsys_dataset_read(f.exec, path, NULL, &d), RECSYS_ERR_IO, "plain.tsv|denied");
    }
    expect_error(f.exec, recsys_dataset_read(f.exec, NULL, NULL, &d), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    assert_int_equal(recsys_dataset_read(NULL, path, NULL, &d), RECSYS_ERR_INVALID_ARGUMENT);
    fixture_close(&f);
}

static void options_are_checked(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d;
    fixture_open(&f, 1);
    recsys_read_options good = RECSYS_READ_OPTIONS_INIT, o;
    o = good, o.format = "movilens";
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_UNKNOWN_KEY,
                 "format|movilens|did you mean \"movielens\"");
    o = good, o.header = 3;
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_OUT_OF_RANGE, "header|3|0 to 2");
    o = good, o.duplicates = -1;
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_OUT_OF_RANGE, "duplicates|-1");
    o = good, o.struct_size = 1;
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_STRUCT_SIZE, "recsys_read_options");
    o = good, o.item_columns = "item,name";
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_INVALID_ARGUMENT, "item_columns");
    o = good, o.items = "5", o.item_columns = "item,name";
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_INVALID_ARGUMENT, "item_columns|count");
    o = good, o.format = "adjacency", o.columns = "user,item";
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_INVALID_ARGUMENT, "columns|adjacency");
    o = good, o.columns = "a=user,b=item", o.header = RECSYS_HEADER_NO;
    expect_error(f.exec, read_text(&f, "a b\n1 2\n", &o, &d), RECSYS_ERR_INVALID_ARGUMENT, "header");
    o = good, o.separator = "\n";
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_INVALID_ARGUMENT, "separator");
    o = good, o.separator = "0123456789abcdef";
    expect_error(f.exec, read_text(&f, "1 2\n", &o, &d), RECSYS_ERR_INVALID_ARGUMENT, "separator|15");
    o = good, o.duplicates = RECSYS_DUPLICATES_ERROR;
    expect_error(f.exec, read_text(&f, "1 2\n3 4\n1 2\n", &o, &d), RECSYS_ERR_DUPLICATE, "events.txt|user 1|item 2");
    assert_null(d);
    fixture_close(&f);
}

/* ---- gzip ---- */

/* Every damage must be seen: a file cut at any length, any bit turned, anything behind the end. */
static void damaged_gzip_is_refused(void **state)
{
    (void)state;
    static const char text[] = "1\t5\n2\t6\n3\t7\n4\t8\n1\t6\n2\t5\n12\t5\n2\t16\n3\t17\n14\t8\n11\t6\n2\t15\n";
    fixture f;
    recsys_dataset *d;
    size_t size;
    int harmless = 0;
    fixture_open(&f, 1);
    unsigned char *bytes = packed(text, sizeof text - 1, &size);
    expect_ok(f.exec, read_bytes(&f, bytes, size, NULL, &d));
    recsys_dataset_release(d);
    for (size_t cut = 2; cut < size; cut++)
        expect_error(f.exec, read_bytes(&f, bytes, cut, NULL, &d), RECSYS_ERR_COMPRESSED, "events.txt|cut short");
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        recsys_status s = read_bytes(&f, bytes, size, NULL, &d);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (s == RECSYS_OK) {
            /* No sum covers the date and the like in the header, nor the bits that fill up the last byte of the data; the
             * events do not depend on them. */
            assert_int_equal(recsys_dataset_event_count(d), 12);
            assert_ids(recsys_dataset_items(d), "5 6 7 8 15 16 17 ");
            harmless++;
        } else {
            expect_error(f.exec, s, RECSYS_ERR_COMPRESSED, "events.txt");
            assert_null(d);
        }
        recsys_dataset_release(d);
    }
    assert_true(harmless < 8 * 7);
    unsigned char *longer = malloc(size + 20);
    assert_non_null(longer);
    memcpy(longer, bytes, size);
    memcpy(longer + size, "garbage, 20 bytes of", 20);
    expect_error(f.exec, read_bytes(&f, longer, size + 20, NULL, &d), RECSYS_ERR_COMPRESSED,
                 "events.txt|behind the compressed");
    expect_error(f.exec, read_bytes(&f, longer, size + 1, NULL, &d), RECSYS_ERR_COMPRESSED, "events.txt");
    memset(longer + size, 0, 20);
    expect_error(f.exec, read_bytes(&f, longer, size + 20, NULL, &d), RECSYS_ERR_COMPRESSED, "events.txt");
    free(longer);
    free(bytes);
    bytes = packed("", 0, &size);
    expect_error(f.exec, read_bytes(&f, bytes, size, NULL, &d), RECSYS_ERR_EMPTY, "events.txt: no events");
    free(bytes);
    fixture_close(&f);
}

/* Damage at the end of a large file, after much was read already. */
static void late_damage_is_seen(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d;
    fixture_open(&f, 1);
    char *text = malloc(3000000);
    assert_non_null(text);
    size_t length = 0, size;
    uint64_t random = 3;
    while (length < 2900000)
        length += (size_t)sprintf(text + length, "%d\t%d\n", (int)(test_random(&random) % 9999),
                                  (int)(test_random(&random) % 9999));
    unsigned char *bytes = packed(text, length, &size);
    expect_ok(f.exec, read_bytes(&f, bytes, size, NULL, &d));
    recsys_dataset_release(d);
    expect_error(f.exec, read_bytes(&f, bytes, size - 1, NULL, &d), RECSYS_ERR_COMPRESSED, "cut short");
    bytes[size - 5] ^= 1;
    expect_error(f.exec, read_bytes(&f, bytes, size, NULL, &d), RECSYS_ERR_COMPRESSED, "damaged");
    assert_null(d);
    free(bytes);
    free(text);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(late_lines_are_counted_right),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(long_lines_end),
        cmocka_unit_test(memory_for_a_line_is_bounded),
        cmocka_unit_test(paths_must_be_files),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(late_damage_is_seen),
    };
    return cmocka_run_group_tests_name("read_bad", tests, NULL, NULL);
}
