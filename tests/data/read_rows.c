/* read_rows.c - tests of rows of features with a label, and of tables of users: read, refused, written, cut, built from memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <recsys/io.h>

#include "data/dataset.h"
#include "texts.h"

static const char columns[] = "feature,feature,label";

static recsys_read_options labelled(const char *list)
{
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.columns = list;
    return o;
}

static void assert_row(const recsys_dataset *d, int64_t user, float a, float b)
{
    float v[2];
    int64_t f[2], count;
    assert_int_equal(recsys_dataset_user_features(d, 0, user, f, v, 2, &count), RECSYS_OK);
    assert_int_equal(count, 2);
    assert_true(f[0] == 0 && f[1] == 1 && v[0] == a && v[1] == b);
}

static void lines_are_rows(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d = NULL;
    recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
    recsys_read_options o = labelled(columns);
    fixture_open(&f, 1);
    expect_ok(f.exec, read_text(&f, "width,height,kind\n1.5,-2,b\n0,3e2,a\n", &o, &d));
    assert_events(&f, d, "user width height label\n0 1.5 -2 b\n1 0 300 a\n");
    assert_int_equal(recsys_dataset_user_feature_count(d), 1);
    assert_int_equal(recsys_dataset_user_feature_info(d, 0, &info), RECSYS_OK);
    assert_string_equal(info.name, "features");
    assert_int_equal(info.n_features, 2);
    assert_string_equal(recsys_dataset_user_feature_name(d, 0, 1), "height");
    assert_row(d, 0, 1.5f, -2.0f);
    assert_row(d, 1, 0.0f, 300.0f);
    recsys_dataset_release(d);
    o = labelled("kind=label,height=feature,width=feature");
    expect_ok(f.exec, read_text(&f, "width,height,kind\n1.5,-2,b\n", &o, &d));
    assert_row(d, 0, -2.0f, 1.5f);
    recsys_dataset_release(d);
    o = labelled("user,feature*2,label");
    expect_ok(f.exec, read_text(&f, "x9,1,2,7\nx3,3,4,5\n", &o, &d));
    assert_ids(recsys_dataset_users(d), "x9 x3 ");
    assert_ids(recsys_dataset_items(d), "5 7 ");
    assert_string_equal(recsys_dataset_user_feature_name(d, 0, 0), "1");
    assert_row(d, 1, 3.0f, 4.0f);
    recsys_dataset_release(d);
    o = labelled("feature,_,feature"); /* nobody knows their labels */
    expect_ok(f.exec, read_text(&f, "1,a,2\n3,b,4\n", &o, &d));
    assert_ids(recsys_dataset_users(d), "0 1 ");
    assert_ids(recsys_dataset_items(d), "? ");
    assert_row(d, 1, 3.0f, 4.0f);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *list, *text, *words;
        recsys_status status;
    } cases[] = {
        { columns, "1,2,a\n1,x,b\n", "events.txt:2: column 2 (feature 2): \"x\" is not a number", RECSYS_ERR_PARSE },
        { columns, "1,2,a\nnan,1,b\n", "events.txt:2: column 1 (feature 1): \"nan\" is not finite", RECSYS_ERR_PARSE },
        { columns, "1,1e39,a\n", "does not fit into a 32-bit float", RECSYS_ERR_PARSE },
        { columns, "1,2,a\n1,,b\n", "is not a number", RECSYS_ERR_PARSE },
        { columns, "1,2,a\n1,b\n", "events.txt:2: the line has 2 columns, not 3", RECSYS_ERR_PARSE },
        { columns, "1,2,a\n1,2,b,4\n", "events.txt:2: the line has 4 columns, not 3", RECSYS_ERR_PARSE },
        { columns, "w,w,kind\n1,2,a\n", "its name \"w\" comes twice", RECSYS_ERR_UNKNOWN_COLUMN },
        { "user,feature,label", "7,2,a\n8,1,a\n7,3,b\n", "events.txt:3: row 7 comes twice", RECSYS_ERR_DUPLICATE },
        { "user,item,feature", "1,2,3\n", "one \"label\" or none, and no \"item\"", RECSYS_ERR_UNKNOWN_COLUMN },
        { "user,label", "1,2\n", "belongs to rows with \"feature\"", RECSYS_ERR_UNKNOWN_COLUMN },
        { "feature,label,item", "1,2,3\n", "one \"label\" or none", RECSYS_ERR_UNKNOWN_COLUMN },
    };
    fixture f;
    fixture_open(&f, 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        recsys_dataset *d = NULL;
        recsys_read_options o = labelled(cases[k].list);
        expect_error(f.exec, read_text(&f, cases[k].text, &o, &d), cases[k].status, cases[k].words);
        assert_null(d);
    }
    recsys_dataset *d = NULL;
    recsys_read_options o = labelled(columns);
    o.items = "2";
    expect_error(f.exec, read_text(&f, "1,2,0\n1,2,2\n", &o, &d), RECSYS_ERR_UNKNOWN_ID,
                 "events.txt:2: column 3 (label): 2 is not among the 2 labels");
    fixture_close(&f);
}

static void writing_and_splitting_keep_rows(void **state)
{
    (void)state;
    fixture f;
    char path[TEST_PATH_ROOM];
    recsys_dataset *d = NULL, *back = NULL;
    recsys_split split = RECSYS_SPLIT_INIT;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    recsys_read_options o = labelled(columns), again = labelled("user,feature,feature,label");
    fixture_open(&f, 1);
    expect_ok(f.exec, read_text(&f, "2010,2011,kind\n1.25,2,b\n3,4,a\n5,6,b\n7,8,a\n9,10,b\n", &(recsys_read_options){
        .struct_size = sizeof o, .columns = columns, .header = RECSYS_HEADER_YES }, &d));
    expect_ok(f.exec, recsys_dataset_write(d, f.exec, fixture_path(&f, "rows.tsv.gz", path), NULL));
    expect_ok(f.exec, recsys_dataset_read(f.exec, path, &again, &back));
    assert_string_equal(recsys_dataset_user_feature_name(back, 0, 0), "2010");
    for (int64_t u = 0; u < 5; u++) assert_row(back, u, u == 0 ? 1.25f : (float)(2 * u + 1), (float)(2 * u + 2));
    how.method = RECSYS_SPLIT_RANDOM;
    expect_ok(f.exec, recsys_dataset_split(back, f.exec, &how, &split));
    assert_int_equal(recsys_dataset_event_count(split.test), 1);
    for (int64_t u = 1; u < 5; u++) assert_row(split.test, u, (float)(2 * u + 1), (float)(2 * u + 2));
    recsys_split_release(&split);
    recsys_dataset_release(back);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* Rows of two readings that are joined, a core of classes, and parts: each row keeps its own features. */
static void joining_and_cutting_keep_rows(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *one = NULL, *two = NULL, *all = NULL, *core = NULL;
    recsys_split split = RECSYS_SPLIT_INIT;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    recsys_read_options o = labelled("user,feature,feature,label");
    fixture_open(&f, 1);
    expect_ok(f.exec, read_text(&f, "user,w,h,kind\n7,7,0.5,b\n3,3,0.5,a\n9,9,0.5,c\n", &o, &one));
    expect_ok(f.exec, read_text(&f, "user,w,h,kind\n4,4,0.5,a\n8,8,0.5,b\n5,5,0.5,a\n", &o, &two));
    const recsys_dataset *both[] = { one, two };
    expect_ok(f.exec, recsys_dataset_concat(f.exec, both, 2, &all));
    assert_ids(recsys_dataset_users(all), "3 7 9 4 5 8 ");
    static const float width[] = { 3, 7, 9, 4, 5, 8 };
    for (int64_t u = 0; u < 6; u++) assert_row(all, u, width[u], 0.5f);
    expect_ok(f.exec, recsys_dataset_k_core(all, f.exec, 1, 2, &core)); /* c has one row */
    assert_ids(recsys_dataset_users(core), "3 7 4 5 8 ");
    assert_ids(recsys_dataset_items(core), "b a ");
    static const float kept[] = { 3, 7, 4, 5, 8 };
    for (int64_t u = 0; u < 5; u++) assert_row(core, u, kept[u], 0.5f);
    assert_string_equal(recsys_dataset_user_feature_name(core, 0, 1), "h");
    how.method = RECSYS_SPLIT_RANDOM;
    how.valid_share = how.test_share = 0.2;
    expect_ok(f.exec, recsys_dataset_split(core, f.exec, &how, &split));
    const recsys_dataset *parts[] = { split.train, split.valid, split.test };
    recsys_dataset *again = NULL;
    int64_t events = 0;
    for (int p = 0; p < 3; p++) {
        events += recsys_dataset_event_count(parts[p]);
        for (int64_t u = 0; u < 5; u++) assert_row(parts[p], u, kept[u], 0.5f);
    }
    assert_int_equal(events, 5);
    expect_ok(f.exec, recsys_dataset_concat(f.exec, parts, 3, &again));
    assert_ptr_equal(again->table[SIDE_USERS], core->table[SIDE_USERS]); /* parts of one reading share it */
    recsys_dataset_release(again);
    recsys_split_release(&split);
    recsys_dataset_release(core);
    recsys_dataset_release(all);
    recsys_dataset_release(two);
    recsys_dataset_release(one);
    fixture_close(&f);
}

/* Of users with a table that are joined, what is known last counts only where nothing was known before. */
static void joined_users_have_both_tables(void **state)
{
    (void)state;
    fixture f;
    char users[TEST_PATH_ROOM];
    int64_t feature[4], count;
    recsys_dataset *one = NULL, *two = NULL, *all = NULL;
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    fixture_open(&f, 1);
    o.users = fixture_path(&f, "users.txt", users);
    o.user_columns = "user,name,job";
    test_write_text(users, "1::Ann::student\n2::Bob::nurse|cook\n");
    expect_ok(f.exec, read_text(&f, "2 1\n1 5\n", &o, &one));
    test_write_text(users, "2::::nurse\n4::Dan::baker|nurse\n");
    expect_ok(f.exec, read_text(&f, "4 6\n", &o, &two));
    const recsys_dataset *both[] = { one, two };
    expect_ok(f.exec, recsys_dataset_concat(f.exec, both, 2, &all));
    assert_ids(recsys_dataset_users(all), "1 2 4 ");
    assert_string_equal(recsys_dataset_user_name(all, 1), "Bob");
    assert_string_equal(recsys_dataset_user_name(all, 2), "Dan");
    assert_int_equal(recsys_dataset_user_features(all, 0, 2, feature, NULL, 4, &count), RECSYS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(recsys_dataset_user_feature_name(all, 0, feature[0]), "nurse");
    assert_string_equal(recsys_dataset_user_feature_name(all, 0, feature[1]), "baker");
    assert_int_equal(recsys_dataset_user_features(all, 0, 1, feature, NULL, 4, &count), RECSYS_OK);
    assert_int_equal(count, 2);
    recsys_dataset_release(all);
    recsys_dataset_release(two);
    recsys_dataset_release(one);
    fixture_close(&f);
}

static void memory_brings_rows(void **state)
{
    (void)state;
    static const float values[] = { 1, 2, 3, 4, 5, NAN };
    static const int64_t labels[] = { 4, 2, 4 };
    fixture f;
    recsys_dataset *d = NULL;
    recsys_dataset_builder *b = NULL;
    recsys_rows rows = RECSYS_ROWS_INIT;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys_dataset_builder_create(f.exec, NULL, &b));
    rows.count = 3, rows.n_features = 2, rows.features = values, rows.label_ids = labels;
    expect_error(f.exec, recsys_dataset_builder_append_rows(b, &rows), RECSYS_ERR_NUMERIC, "row 2: feature 1 is not a number");
    rows.count = 2;
    expect_ok(f.exec, recsys_dataset_builder_append_rows(b, &rows));
    rows.count = 1, rows.n_features = 1;
    expect_error(f.exec, recsys_dataset_builder_append_rows(b, &rows), RECSYS_ERR_UNKNOWN_COLUMN, "1 features, but 2");
    expect_ok(f.exec, recsys_dataset_builder_finish(b, &d));
    assert_ids(recsys_dataset_items(d), "2 4 ");
    assert_events(&f, d, "0 1 2 4\n1 3 4 2\n");
    assert_row(d, 1, 3.0f, 4.0f);
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

static void users_have_tables(void **state)
{
    (void)state;
    fixture f;
    char users[TEST_PATH_ROOM];
    int64_t feature[4], count;
    recsys_dataset *d = NULL, *core = NULL;
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    fixture_open(&f, 1);
    test_write_text(fixture_path(&f, "users.txt", users), "1::F::Ann::student\n2::M::Bob::nurse|cook\n3::F::::cook\n");
    o.users = users;
    o.user_columns = "user,sex,name,job";
    expect_ok(f.exec, read_text(&f, "3 1\n2 1\n", &o, &d));
    assert_int_equal(recsys_dataset_user_feature_count(d), 2);
    assert_int_equal(recsys_dataset_feature_count(d), 0);
    assert_string_equal(recsys_dataset_user_name(d, 1), "Bob");
    assert_null(recsys_dataset_user_name(d, 2));
    expect_ok(f.exec, recsys_dataset_k_core(d, f.exec, 1, 1, &core));
    assert_ids(recsys_dataset_users(core), "2 3 ");
    assert_string_equal(recsys_dataset_user_name(core, 0), "Bob");
    assert_int_equal(recsys_dataset_user_features(core, 1, 0, feature, NULL, 4, &count), RECSYS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(recsys_dataset_user_feature_name(core, 1, feature[0]), "nurse");
    recsys_dataset_release(core);
    recsys_dataset_release(d);
    o.user_columns = "item,name";
    expect_error(f.exec, read_text(&f, "3 1\n", &o, &d), RECSYS_ERR_UNKNOWN_COLUMN, "user_columns");
    o.users = NULL;
    expect_error(f.exec, read_text(&f, "3 1\n", &o, &d), RECSYS_ERR_INVALID_ARGUMENT, "user_columns describes a user file");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_rows),     cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(writing_and_splitting_keep_rows),
        cmocka_unit_test(joining_and_cutting_keep_rows), cmocka_unit_test(joined_users_have_both_tables),
        cmocka_unit_test(memory_brings_rows), cmocka_unit_test(users_have_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
