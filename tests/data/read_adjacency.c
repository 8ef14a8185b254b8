/* read_adjacency.c - tests of adjacency lists: a user and its items on a line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "texts.h"

static recsys_read_options adjacency(void)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.format = "adjacency";
    return options;
}

static void lists_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"0 3 1\n2 1\n", "0\t3\t1\r\n2\t1\r\n", "\357\273\2770 3 1 \n\n 2  1",
                                        "0 3\n0 1\n2\t 1\n"};
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = adjacency();
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) assert_read(&f, texts[k], &options, "0 3\n0 1\n2 1\n");
    options.separator = ",";
    assert_read(&f, "a b,x\nc,y,,z\n", &options, "\"a b\" x\nc y\nc z\n");
    fixture_close(&f);
}

static void users_without_items_are_known(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d;
    fixture_open(&f, 1);
    recsys_read_options options = adjacency();
    expect_ok(f.exec, read_text(&f, "5\n1 7\n3 \n", &options, &d));
    assert_ids(recsys_dataset_users(d), "1 3 5 ");
    assert_events(&f, d, "1 7\n");
    recsys_dataset_release(d);
    expect_ok(f.exec, read_text(&f, "5\n1 7\n-3\n9000000000 6\n4\n", &options, &d)); /* integers that no table fits */
    assert_ids(recsys_dataset_users(d), "-3 1 4 5 9000000000 ");
    recsys_dataset_release(d);
    expect_ok(f.exec, read_text(&f, "b\na x\nc\n", &options, &d));
    assert_ids(recsys_dataset_users(d), "b a c ");
    recsys_dataset_release(d);
    options.users = "4";
    options.items = "9";
    expect_ok(f.exec, read_text(&f, "3\n1 7\n", &options, &d));
    assert_ids(recsys_dataset_users(d), "0 1 2 3 ");
    assert_int_equal(recsys_ids_count(recsys_dataset_items(d)), 9);
    recsys_dataset_release(d);
    expect_error(f.exec, read_text(&f, "1 7\n4\n", &options, &d), RECSYS_ERR_UNKNOWN_ID, "events.txt:2: column 1 (user): 4");
    fixture_close(&f);
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d;
    fixture_open(&f, 1);
    recsys_read_options options = adjacency();
    expect_error(f.exec, read_text(&f, "0 3 1\n2 1 x 4\n", &options, &d), RECSYS_ERR_TYPE,
                 "events.txt:2: column 3 (item): \"x\"|--id-type string");
    expect_error(f.exec, read_text(&f, "0 3 1\nu 1\n", &options, &d), RECSYS_ERR_TYPE,
                 "events.txt:2: column 1 (user): \"u\"");
    expect_error(f.exec, read_text(&f, "0 3 1\n1 99999999999999999999\n", &options, &d), RECSYS_ERR_TYPE,
                 "events.txt:2: column 2 (item)|64 bits");
    expect_error(f.exec, read_text(&f, "", &options, &d), RECSYS_ERR_EMPTY, "events.txt: no events");
    expect_error(f.exec, read_text(&f, "1\n2\n", &options, &d), RECSYS_ERR_EMPTY, "events.txt: no events");
    assert_null(d);
    fixture_close(&f);
}

/* One user with very many items, compressed. */
static void a_long_list_is_read(void **state)
{
    (void)state;
    enum { N = 300000 };
    fixture f;
    recsys_dataset *d;
    fixture_open(&f, 1);
    char *text = malloc((size_t)N * 8 + 16);
    assert_non_null(text);
    size_t length = (size_t)sprintf(text, "42"), size;
    for (int k = 0; k < N; k++) length += (size_t)sprintf(text + length, " %d", k);
    text[length++] = '\n';
    unsigned char *bytes = packed(text, length, &size);
    recsys_read_options options = adjacency();
    expect_ok(f.exec, read_bytes(&f, bytes, size, &options, &d));
    assert_int_equal(recsys_dataset_event_count(d), N);
    assert_int_equal(recsys_ids_count(recsys_dataset_items(d)), N);
    recsys_dataset_release(d);
    expect_error(f.exec, read_bytes(&f, bytes, size - 9, &options, &d), RECSYS_ERR_COMPRESSED, "cut short");
    free(bytes);
    free(text);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(users_without_items_are_known),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(a_long_list_is_read),
    };
    return cmocka_run_group_tests_name("read_adjacency", tests, NULL, NULL);
}
