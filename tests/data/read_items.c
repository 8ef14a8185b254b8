/* read_items.c - tests of ids that are known without events: counts, files of users, item tables with names and features.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "texts.h"

typedef struct universe {
    fixture f;
    char users[TEST_PATH_ROOM], items[TEST_PATH_ROOM];
    recsys_read_options options;
} universe;

static void open_universe(universe *u, const char *users, const char *items)
{
    fixture_open(&u->f, 1);
    u->options = (recsys_read_options)RECSYS_READ_OPTIONS_INIT;
    if (users) {
        test_write_text(fixture_path(&u->f, "users.txt", u->users), users);
        u->options.users = u->users;
    }
    if (items) {
        test_write_text(fixture_path(&u->f, "items.txt", u->items), items);
        u->options.items = u->items;
    }
}

static recsys_dataset *read_with(universe *u, const char *events)
{
    recsys_dataset *d = NULL;
    expect_ok(u->f.exec, read_text(&u->f, events, &u->options, &d));
    return d;
}

static void expect_bad(universe *u, const char *events, recsys_status status, const char *words)
{
    recsys_dataset *d = NULL;
    expect_error(u->f.exec, read_text(&u->f, events, &u->options, &d), status, words);
    assert_null(d);
}

static void assert_name(const recsys_dataset *d, int64_t item, const char *expected)
{
    const char *name = recsys_dataset_item_name(d, item);
    if (expected) {
        assert_non_null(name);
        assert_string_equal(name, expected);
    } else {
        assert_null(name);
    }
}

/* ---- counts ---- */

static void counts_are_universes(void **state)
{
    (void)state;
    universe u;
    open_universe(&u, NULL, NULL);
    u.options.users = "3";
    u.options.items = "5";
    recsys_dataset *d = read_with(&u, "2\t4\n0\t1\n");
    assert_ids(recsys_dataset_users(d), "0 1 2 ");
    assert_ids(recsys_dataset_items(d), "0 1 2 3 4 ");
    assert_events(&u.f, d, "2 4\n0 1\n");
    recsys_dataset_release(d);
    expect_bad(&u, "2\t4\n3\t1\n", RECSYS_ERR_UNKNOWN_ID, "events.txt:2: column 1 (user): 3 is not among the 3 users");
    expect_bad(&u, "2\t4\n1\t-1\n", RECSYS_ERR_UNKNOWN_ID, "events.txt:2: column 2 (item): -1 is not among the 5 items");
    expect_bad(&u, "2\t4\nx\t1\n", RECSYS_ERR_TYPE, "events.txt:2: column 1 (user): \"x\"");
    u.options.id_type = RECSYS_ID_STRING;
    d = read_with(&u, "2\t4\n0\t1\n");
    assert_int_equal(recsys_ids_type(recsys_dataset_items(d)), RECSYS_ID_STRING);
    assert_ids(recsys_dataset_items(d), "0 1 2 3 4 ");
    recsys_dataset_release(d);
    expect_bad(&u, "2\t04\n", RECSYS_ERR_UNKNOWN_ID, "events.txt:1: column 2 (item): \"04\" is not among");
    u.options.items = "0";
    expect_bad(&u, "2\t4\n", RECSYS_ERR_OUT_OF_RANGE, "items|0");
    u.options.items = "2147483648";
    expect_bad(&u, "2\t4\n", RECSYS_ERR_TOO_LARGE, "items|2147483648");
    u.options.items = "99999999999999999999999";
    expect_bad(&u, "2\t4\n", RECSYS_ERR_TOO_LARGE, "items|99999999999999999999999");
    fixture_close(&u.f);
}

/* ---- files ---- */

static void files_number_the_ids(void **state)
{
    (void)state;
    universe u;
    open_universe(&u, "9\n-4\r\n7000000000\n", "thing b\nc\n");
    recsys_dataset *d = read_with(&u, "-4,c\n9,thing b\n");
    assert_ids(recsys_dataset_users(d), "9 -4 7000000000 ");
    assert_ids(recsys_dataset_items(d), "thing b c "); /* a space parts no columns of a table */
    recsys_dataset_release(d);
    expect_bad(&u, "-4,c\n8,c\n", RECSYS_ERR_UNKNOWN_ID, "events.txt:2: column 1 (user): 8 is not among the 3 users");
    expect_bad(&u, "9,d\n", RECSYS_ERR_UNKNOWN_ID, "events.txt:1: column 2 (item): \"d\" is not among the 2 items");
    test_write_text(u.users, "user,age\n9,30\n8,40\n");
    d = read_with(&u, "8,c\n");
    assert_ids(recsys_dataset_users(d), "9 8 ");
    recsys_dataset_release(d);
    test_write_text(u.users, "who\n9\n8\n"); /* no word of ours, but integers below it */
    d = read_with(&u, "8,c\n");
    assert_ids(recsys_dataset_users(d), "9 8 ");
    recsys_dataset_release(d);
    fixture_close(&u.f);
}

static void tables_give_names_and_features(void **state)
{
    (void)state;
    universe u;
    open_universe(&u, NULL,
                  "30\tCaf\xe9 M\xfcller\tred| blue |\n"
                  "10\tCaf\xc3\xa9\t\n"
                  "20\t\tblue|blue|gr\xfcn\n");
    recsys_dataset *d = read_with(&u, "1\t10\n2\t20\n");
    assert_ids(recsys_dataset_items(d), "30 10 20 ");
    assert_name(d, 0, "Caf\xc3\xa9 M\xc3\xbcller");
    assert_name(d, 1, "Caf\xc3\xa9");
    assert_name(d, 2, NULL);
    assert_name(d, 3, NULL);
    assert_name(d, -1, NULL);
    assert_int_equal(recsys_dataset_feature_count(d), 1);
    recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
    assert_int_equal(recsys_dataset_feature_info(d, 0, &info), RECSYS_OK);
    assert_string_equal(info.name, "features");
    assert_int_equal(info.n_features, 3);
    assert_int_equal(info.n_occurrences, 4);
    assert_features(d, 0, "30", "red=1 blue=1 ");
    assert_features(d, 0, "10", "");
    assert_features(d, 0, "20", "blue=1 gr\xc3\xbcn=1 ");
    assert_int_equal(recsys_dataset_feature_info(d, 1, &info), RECSYS_ERR_OUT_OF_RANGE);
    int64_t count;
    assert_int_equal(recsys_dataset_item_features(d, 0, 3, NULL, NULL, 0, &count), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_dataset_item_features(d, 0, 0, NULL, NULL, 0, &count), RECSYS_OK);
    assert_int_equal(count, 2);
    assert_null(recsys_dataset_feature_name(d, 0, 3));
    recsys_dataset_release(d);
    fixture_close(&u.f);
}

static void columns_of_a_table_are_named(void **state)
{
    (void)state;
    universe u;
    open_universe(&u, NULL, "name,x,item,genre,mood\n\"One, two\",9,a,r|s,t\nB,8,b,s,\n");
    u.options.item_columns = "name,_,item,genre,mood";
    recsys_dataset *d = read_with(&u, "1,b\n");
    assert_ids(recsys_dataset_items(d), "a b ");
    assert_name(d, 0, "One, two");
    assert_int_equal(recsys_dataset_feature_count(d), 2);
    assert_features(d, 0, "b", "s=1 ");
    assert_features(d, 0, "a", "r=1 s=1 ");
    assert_features(d, 1, "a", "t=1 ");
    assert_features(d, 1, "b", "");
    recsys_dataset_release(d);
    fixture_close(&u.f);
}

static void names_go_with_every_part(void **state)
{
    (void)state;
    universe u;
    char train[TEST_PATH_ROOM], test[TEST_PATH_ROOM];
    open_universe(&u, NULL, "5\tfive\n6\tsix\n");
    test_write_text(fixture_path(&u.f, "train.txt", train), "1\t6\n");
    test_write_text(fixture_path(&u.f, "test.txt", test), "1\t5\n");
    const char *const paths[] = {train, test};
    recsys_dataset *d[2];
    expect_ok(u.f.exec, recsys_dataset_read_parts(u.f.exec, paths, 2, &u.options, d));
    recsys_dataset_release(d[0]);
    assert_name(d[1], 0, "five");
    assert_name(d[1], 1, "six");
    recsys_dataset_release(d[1]);
    fixture_close(&u.f);
}

static void bad_tables_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *items, *columns;
        recsys_status status;
        const char *words;
    } cases[] = {
        {"1\ta\n2\n", NULL, RECSYS_ERR_PARSE, "items.txt:2: 2 columns are needed|has 1"},
        {"1\ta\tr\n2\tb", NULL, RECSYS_ERR_PARSE, "items.txt:2: 3 columns are needed|has 2|mid-line"},
        {"1\ta\n2\tb\n1\tc\n", NULL, RECSYS_ERR_DUPLICATE, "items.txt:3: column 1 (item): \"1\" comes twice"},
        {"1\ta\nx\tb\n", NULL, RECSYS_ERR_TYPE, "items.txt:2: column 1 (item): \"x\" is not an integer|--id-type string"},
        {"99999999999999999999\ta\n", NULL, RECSYS_ERR_TYPE, "items.txt:1: column 1 (item)|64 bits"},
        {"1\ta\n\tb\n", NULL, RECSYS_ERR_PARSE, "items.txt:2: column 1 (item): is empty"},
        {"", NULL, RECSYS_ERR_EMPTY, "items.txt: no items"},
        {"item\tname\n", NULL, RECSYS_ERR_EMPTY, "items.txt: no items"},
        {"1\t\"a\n", NULL, RECSYS_ERR_PARSE, "items.txt:1: column 2: the quote is not closed"},
        {"1\ta\n", "name,features", RECSYS_ERR_UNKNOWN_COLUMN, "item_columns|\"item\""},
        {"1\ta\n", "item,item", RECSYS_ERR_UNKNOWN_COLUMN, "item_columns|\"item\" comes twice"},
        {"1\ta\n", "item,x,x", RECSYS_ERR_UNKNOWN_COLUMN, "item_columns|\"x\" comes twice"},
        {"1\ta\n", "item,,x", RECSYS_ERR_UNKNOWN_COLUMN, "item_columns"},
        {"1\ta\n", "item,_,x", RECSYS_ERR_PARSE, "items.txt:1: 3 columns are needed"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        universe u;
        open_universe(&u, NULL, cases[k].items);
        u.options.item_columns = cases[k].columns;
        expect_bad(&u, "1\t1\n", cases[k].status, cases[k].words);
        fixture_close(&u.f);
    }
    universe u;
    open_universe(&u, NULL, NULL);
    u.options.users = "nowhere";
    expect_bad(&u, "1\t1\n", RECSYS_ERR_FILE_NOT_FOUND, "nowhere");
    u.options.users = u.f.folder;
    expect_bad(&u, "1\t1\n", RECSYS_ERR_IO, "folder");
    fixture_close(&u.f);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    universe u;
    recsys_status s = RECSYS_ERR_NO_MEMORY;
    open_universe(&u, "7\n3\n", "b\tCaf\xe9\tr|\xfc\na\t\tr\n");
    for (int64_t n = 1; s; n++) {
        recsys_dataset *d = NULL;
        test_heap_fail(&u.f.heap, n, 0);
        s = read_text(&u.f, "3\ta\n", &u.options, &d);
        test_heap_fail(&u.f.heap, 0, 0);
        if (s == RECSYS_OK) {
            assert_name(d, 0, "Caf\xc3\xa9");
            assert_features(d, 0, "b", "r=1 \xc3\xbc=1 ");
            assert_events(&u.f, d, "3 a\n");
        } else {
            expect_error(u.f.exec, s, RECSYS_ERR_NO_MEMORY, "");
            assert_null(d);
        }
        recsys_dataset_release(d);
    }
    fixture_close(&u.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_universes),           cmocka_unit_test(files_number_the_ids),
        cmocka_unit_test(tables_give_names_and_features), cmocka_unit_test(columns_of_a_table_are_named),
        cmocka_unit_test(names_go_with_every_part),       cmocka_unit_test(bad_tables_are_refused),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("read_items", tests, NULL, NULL);
}
