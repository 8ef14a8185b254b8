/* read_delimited.c - tests of delimited text that is to be read right: separators, headers, quotes, ends of lines, gzip.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "texts.h"

#include "data/dataset.h"

static recsys_read_options with_columns(const char *columns)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.columns = columns;
    return options;
}

static void separators_are_found(void **state)
{
    (void)state;
    static const char *const texts[] = {"1\t5\n2\t6\n", "1::5\n2::6\n", "1,5\n2,6\n", "1;5\n2;6\n", "1 5\n2 6\n"};
    fixture f;
    fixture_open(&f, 1);
    for (int k = 0; k < 5; k++) assert_read(&f, texts[k], NULL, "1 5\n2 6\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.separator = "<=>";
    assert_read(&f, "1<=>5\n2<=>6\n", &options, "1 5\n2 6\n");
    options.separator = "|";
    assert_read(&f, "1|5\n2|6\n", &options, "1 5\n2 6\n");
    options.separator = ",";
    options.id_type = RECSYS_ID_STRING;
    assert_read(&f, "a b,c::d\ne\tf,g\n", &options, "\"a b\" c::d\ne\tf g\n");
    fixture_close(&f);
}

static void odd_lines_are_read_right(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1\t5\r\n2\t6\r\n",         /* CRLF */
        "\357\273\2771\t5\n2\t6\n", /* byte order mark */
        "1\t5\n2\t6",               /* no newline at the end */
        "1\t5\r\n2\t6\r",           /* half of one */
        "\n\r\n1\t5\n\n\n2\t6\n\n", /* blank lines */
        "1\t5\tmore\n2\t6\n",       /* columns beyond the list */
        "1\t5\t\"a\nb\"\n2\t6\t\n", /* among them one of two lines */
        "001\t5\n+2\t6\n",          /* integers, if not as one writes them */
        "\"1\"\t5\n2\t\"6\"\n",     /* quotes */
    };
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = with_columns("user,item");
    options.id_type = RECSYS_ID_INT;
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) assert_read(&f, texts[k], &options, "1 5\n2 6\n");
    options = with_columns("user,item,value");
    assert_read(&f, "1,5, 0.5 \n2,6,3\n", &options, "1 5 0.5\n2 6 3\n");
    fixture_close(&f);
}

static void columns_are_mapped(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = with_columns("_,item,flag,user,value,time,behaviour,session");
    assert_read(&f, "x,5,1,1,0.5,-9,buy,s1\ny,6,0,2,-2e1,1.5e3,view,s1\n", &options,
                "1 5 0.5 -9 buy s1 1\n2 6 -20 1500 view s1 0\n");
    options = with_columns("item,user");
    assert_read(&f, "5,1,a\n6,2,b\n", &options, "1 5\n2 6\n");
    /* By default as many of user, item, value and time as there are. */
    assert_read(&f, "1,5\n", NULL, "1 5\n");
    assert_read(&f, "1,5,3\n", NULL, "1 5 3\n");
    assert_read(&f, "1,5,3,77,more\n", NULL, "1 5 3 77\n");
    /* By name, in any order. */
    options = with_columns("movie Id=item,userId=user,when=time");
    assert_read(&f, "userId,rating,movie Id,when\n1,4,5,10\n2,3,6,11\n", &options, "1 5 10\n2 6 11\n");
    options = with_columns("a=b=user,item=item");
    assert_read(&f, "item,a=b\n5,1\n", &options, "1 5\n");
    fixture_close(&f);
}

static void headers_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *text, *columns, *expected;
    } cases[] = {
        {"user,item\n1,5\n", NULL, "1 5\n"},
        {"time,item,user\n9,5,1\n", NULL, "1 5 9\n"}, /* its words say what is what */
        {"user_id:token\titem_id:token\trating:float\n1\t5\t4\n", NULL, "1 5 4\n"},
        {"userId,movieId,rating,timestamp\n1,5,4.5,99\n", NULL, "1 5 4.5 99\n"}, /* a value that is no number */
        {"User,Item\na,b\n", NULL, "a b\n"},
        {"who,what\n1,5\n2,6\n", NULL, "1 5\n2 6\n"},            /* no integers, but below it */
        {"who,what,x\na,b,c\n", "user,item", "who what\na b\n"}, /* nothing tells: an event */
        {"1,5\n2,6\n", NULL, "1 5\n2 6\n"},
        {"x,y\n\"7\",8\n", "user,item", "7 8\n"},
    };
    fixture f;
    fixture_open(&f, 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        recsys_read_options options = with_columns(cases[k].columns);
        assert_read(&f, cases[k].text, &options, cases[k].expected);
    }
    recsys_read_options options = with_columns("user,item");
    options.header = RECSYS_HEADER_YES;
    assert_read(&f, "3,4\n1,5\n", &options, "1 5\n");
    options.header = RECSYS_HEADER_NO;
    assert_read(&f, "user,item\na,b\n", &options, "user item\na b\n");
    fixture_close(&f);
}

static void quotes_follow_rfc_4180(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = with_columns("user,item,value");
    options.id_type = RECSYS_ID_STRING;
    assert_read(&f,
                "\"a,b\",\"say \"\"hi\"\"\",1\n"
                "\"two\nlines\",c\"d,2\r\n"
                "\"\"\"\",\"e\",\"3\"\r\n"
                "f,\"\"\"g\"\"\",4",
                &options,
                "a,b \"say \"\"hi\"\"\" 1\n"
                "\"two\nlines\" \"c\"\"d\" 2\n"
                "\"\"\"\" e 3\n"
                "f \"\"\"g\"\"\" 4\n");
    fixture_close(&f);
}

static void types_are_decided_for_each_side(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d;
    fixture_open(&f, 1);
    expect_ok(f.exec, read_text(&f, "3,x\n1,12\n2,007\n", NULL, &d));
    assert_int_equal(recsys_ids_type(recsys_dataset_users(d)), RECSYS_ID_INT);
    assert_int_equal(recsys_ids_type(recsys_dataset_items(d)), RECSYS_ID_STRING);
    assert_ids(recsys_dataset_users(d), "1 2 3 ");
    assert_ids(recsys_dataset_items(d), "x 12 007 ");
    recsys_dataset_release(d);

    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.id_type = RECSYS_ID_STRING;
    expect_ok(f.exec, read_text(&f, "3,5\n1,05\n", &options, &d));
    assert_ids(recsys_dataset_users(d), "3 1 ");
    assert_ids(recsys_dataset_items(d), "5 05 ");
    recsys_dataset_release(d);

    /* "0000031852" is the number of a book; the next may well end in X. */
    expect_ok(f.exec, read_text(&f, "1,0000031852\n1,X\n", NULL, &d));
    assert_ids(recsys_dataset_items(d), "0000031852 X ");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void the_order_of_rows_does_not_number_integers(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *a, *b;
    fixture_open(&f, 1);
    expect_ok(f.exec, read_text(&f, "4,100\n9,50\n-4,70\n", NULL, &a));
    expect_ok(f.exec, read_text(&f, "-4,70\n9,50\n4,100\n", NULL, &b));
    assert_ids(recsys_dataset_users(a), "-4 4 9 ");
    assert_ids(recsys_dataset_users(b), "-4 4 9 ");
    assert_ids(recsys_dataset_items(a), "50 70 100 ");
    assert_ids(recsys_dataset_items(b), "50 70 100 ");
    recsys_dataset_release(a);
    recsys_dataset_release(b);
    fixture_close(&f);
}

/* ---- several files ---- */

static void parts_share_their_ids(void **state)
{
    (void)state;
    fixture f;
    char train[TEST_PATH_ROOM], test[TEST_PATH_ROOM], none[TEST_PATH_ROOM];
    fixture_open(&f, 1);
    test_write_text(fixture_path(&f, "train.tsv", train), "3\t10\n1\t30\n");
    test_write_text(fixture_path(&f, "test.tsv", test), "2\t20\n3\t40\n");
    test_write_text(fixture_path(&f, "none.tsv", none), "");
    const char *const paths[] = {train, test, none};
    recsys_dataset *d[3];
    expect_ok(f.exec, recsys_dataset_read_parts(f.exec, paths, 3, NULL, d));
    assert_ptr_equal(recsys_dataset_users(d[0]), recsys_dataset_users(d[1]));
    assert_ptr_equal(recsys_dataset_items(d[0]), recsys_dataset_items(d[2]));
    assert_ids(recsys_dataset_users(d[0]), "1 2 3 ");
    assert_ids(recsys_dataset_items(d[0]), "10 20 30 40 ");
    assert_events(&f, d[0], "3 10\n1 30\n");
    assert_events(&f, d[1], "2 20\n3 40\n");
    assert_int_equal(recsys_dataset_event_count(d[2]), 0);
    for (int k = 0; k < 3; k++) recsys_dataset_release(d[k]);

    const char *const reversed[] = {none, train};
    expect_error(f.exec, recsys_dataset_read_parts(f.exec, reversed, 2, NULL, d), RECSYS_ERR_EMPTY, "none.tsv|no events");
    assert_null(d[0]);
    assert_null(d[1]);

    test_write_text(test, "2\t20\n2\t20\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.duplicates = RECSYS_DUPLICATES_ERROR;
    expect_error(f.exec, recsys_dataset_read_parts(f.exec, paths, 2, &options, d), RECSYS_ERR_DUPLICATE,
                 "test.tsv|user 2|item 20");
    assert_null(d[0]);
    fixture_close(&f);
}

/* ---- large files ---- */

typedef struct pairs {
    char *text;
    size_t size;
    int64_t n;
} pairs;

/* Lines of two integers, of which every `odd`-th has a form that the fast path leaves to others. */
static pairs make_pairs(int64_t n, int64_t odd, uint64_t seed)
{
    pairs p = {malloc((size_t)n * 64), 0, n};
    assert_non_null(p.text);
    for (int64_t k = 0; k < n; k++) {
        int64_t user = (int64_t)(test_random(&seed) % (k % 7 == 0 ? 3000000000u : 5000u));
        int64_t item = (int64_t)(test_random(&seed) % (k % 5 == 0 ? 99999999999u : 700u));
        static const char *const forms[] = {"%lld\t%lld\n",           "\"%lld\"\t%lld\n", "%lld\t%lld\tx\n",
                                            "%lld\t%lld\t\"x\ny\"\n", "%lld\t%lld\r\n",   "\n%lld\t%lld\n"};
        const char *form = odd > 0 && k % odd == odd - 1 ? forms[k % 6] : forms[0];
        p.size += (size_t)sprintf(p.text + p.size, form, (long long)user, (long long)item);
    }
    return p;
}

/* The events must be the pairs of the text, in order, as a plain reading of the lines finds them. */
static void check_pairs(const recsys_dataset *d, uint64_t seed, int64_t n)
{
    const recsys_ids *users = recsys_dataset_users(d), *items = recsys_dataset_items(d);
    assert_int_equal(recsys_dataset_event_count(d), n);
    int64_t last = INT64_MIN;
    for (int64_t k = 0; k < recsys_ids_count(users); k++) {
        int64_t id;
        recsys_ids_get_int(users, k, &id);
        assert_true(id > last);
        last = id;
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t user = (int64_t)(test_random(&seed) % (k % 7 == 0 ? 3000000000u : 5000u));
        int64_t item = (int64_t)(test_random(&seed) % (k % 5 == 0 ? 99999999999u : 700u));
        if (recsys_ids_find_int(users, user) != d->user[k] || recsys_ids_find_int(items, item) != d->item[k])
            fail_msg("event %lld is not %lld, %lld", (long long)k, (long long)user, (long long)item);
    }
}

static void check_large(fixture *f, int64_t n, int64_t odd, int compress)
{
    recsys_dataset *d = NULL;
    pairs p = make_pairs(n, odd, 7);
    recsys_read_options options = with_columns("user,item");
    if (compress) {
        /* Two members, the first ending in mid-line. */
        size_t half = p.size / 2, first, second;
        unsigned char *a = packed(p.text, half, &first), *b = packed(p.text + half, p.size - half, &second);
        unsigned char *both = realloc(a, first + second);
        assert_non_null(both);
        memcpy(both + first, b, second);
        expect_ok(f->exec, read_bytes(f, both, first + second, &options, &d));
        free(both);
        free(b);
    } else {
        expect_ok(f->exec, read_bytes(f, p.text, p.size, &options, &d));
    }
    check_pairs(d, 7, n);
    recsys_dataset_release(d);
    free(p.text);
}

static void large_files_are_read_right(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    check_large(&f, 100000, 0, 0);
    check_large(&f, 100000, 1, 0);
    check_large(&f, 100000, 3, 0);
    check_large(&f, 100000, 1000, 1);
    fixture_close(&f);
}

/* A cell in quotes that is longer than what is read at a time, at every distance from the end of it. */
static void cells_cross_chunks(void **state)
{
    (void)state;
    enum { BLOCK = 256 << 10 };
    fixture f;
    fixture_open(&f, 1);
    char *text = malloc(3 * BLOCK);
    assert_non_null(text);
    recsys_read_options options = with_columns("user,item");
    for (int shift = 0; shift < 8; shift++) {
        size_t size = 0;
        while (size < BLOCK - 40 + (size_t)shift) size += (size_t)sprintf(text + size, "a,b\n");
        size += (size_t)sprintf(text + size, "\"long ");
        memset(text + size, '\n', BLOCK);
        size += BLOCK;
        size += (size_t)sprintf(text + size, "\"\"end\",b\nlast,\"b\"");
        recsys_dataset *d;
        expect_ok(f.exec, read_bytes(&f, text, size, &options, &d));
        int64_t n = recsys_dataset_event_count(d);
        assert_int_equal(recsys_ids_count(recsys_dataset_users(d)), 3);
        assert_int_equal(recsys_ids_count(recsys_dataset_items(d)), 1);
        assert_int_equal(recsys_ids_text(recsys_dataset_users(d), 1, NULL, 0), BLOCK + 9);
        assert_int_equal(d->user[n - 1], 2);
        recsys_dataset_release(d);
    }
    free(text);
    fixture_close(&f);
}

/* A file that is all but one line short of a guess, and one whose beginning misleads it, take no more memory than needed. */
static void memory_stays_near_the_columns(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = NULL;
    pairs p = {malloc(200000 * 24), 0, 200000};
    assert_non_null(p.text);
    for (int64_t k = 0; k < p.n; k++)
        p.size += (size_t)sprintf(p.text + p.size, k < p.n / 2 ? "%lld\t%lld\n" : "00000%lld\t0000%lld\n",
                                  (long long)(k % 1000), (long long)(k % 777));
    recsys_read_options options = with_columns("user,item");
    options.id_type = RECSYS_ID_INT;
    expect_ok(f.exec, read_bytes(&f, p.text, p.size, &options, &d));
    recsys_memory_info held = RECSYS_MEMORY_INFO_INIT;
    expect_ok(f.exec, recsys_exec_memory(f.exec, &held));
    assert_true(held.used < 9 * p.n);
    assert_true(held.peak < 14 * p.n);
    assert_int_equal(recsys_dataset_event_count(d), p.n);
    assert_int_equal(recsys_ids_count(recsys_dataset_users(d)), 1000);
    recsys_dataset_release(d);
    free(p.text);
    fixture_close(&f);
}

static recsys_status read_everything(fixture *f, recsys_dataset **d)
{
    static const char text[] = "user,item,value,time,behaviour,session,flag\n"
                               "7,\"a\"\"b\",1.5,10,buy,s1,0\n-8,c,2,11,view,s2,1\n";
    size_t size;
    unsigned char *bytes = packed(text, sizeof text - 1, &size);
    recsys_status s = read_bytes(f, bytes, size, NULL, d);
    free(bytes);
    return s;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    recsys_status s = RECSYS_ERR_NO_MEMORY;
    fixture_open(&f, 1);
    for (int64_t n = 1; s; n++) {
        recsys_dataset *d = NULL;
        test_heap_fail(&f.heap, n, 0);
        s = read_everything(&f, &d);
        test_heap_fail(&f.heap, 0, 0);
        if (s == RECSYS_OK) {
            assert_events(&f, d, "7 \"a\"\"b\" 1.5 10 buy s1 0\n-8 c 2 11 view s2 1\n");
        } else {
            expect_error(f.exec, s, RECSYS_ERR_NO_MEMORY, "");
            assert_null(d);
        }
        recsys_dataset_release(d);
    }
    fixture_close(&f);
}

static int32_t stop(void *user, const recsys_progress *progress)
{
    int *calls = user;
    assert_string_equal(progress->phase, "read");
    ++*calls;
    return 1;
}

static void reading_can_be_cancelled(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    int calls = 0;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.progress = stop;
    options.progress_user = &calls;
    recsys_exec *exec;
    char path[TEST_PATH_ROOM];
    recsys_dataset *d = NULL;
    test_write_text(fixture_path(&f, "events.txt", path), "1 2\n");
    expect_ok(f.exec, recsys_exec_create(f.env, &options, &exec, NULL));
    expect_error(exec, recsys_dataset_read(exec, path, NULL, &d), RECSYS_ERR_CANCELLED, "");
    assert_null(d);
    assert_true(calls > 0);
    recsys_exec_release(exec);
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys_dataset_read(f.exec, path, NULL, &d), RECSYS_ERR_CANCELLED, "");
    recsys_exec_reset_cancel(f.exec);
    expect_ok(f.exec, recsys_dataset_read(f.exec, path, NULL, &d));
    recsys_dataset_release(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_are_found),
        cmocka_unit_test(odd_lines_are_read_right),
        cmocka_unit_test(columns_are_mapped),
        cmocka_unit_test(headers_are_recognised),
        cmocka_unit_test(quotes_follow_rfc_4180),
        cmocka_unit_test(types_are_decided_for_each_side),
        cmocka_unit_test(the_order_of_rows_does_not_number_integers),
        cmocka_unit_test(parts_share_their_ids),
        cmocka_unit_test(large_files_are_read_right),
        cmocka_unit_test(cells_cross_chunks),
        cmocka_unit_test(memory_stays_near_the_columns),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(reading_can_be_cancelled),
    };
    return cmocka_run_group_tests_name("read_delimited", tests, NULL, NULL);
}
