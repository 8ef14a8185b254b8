/* ids.c - tests of id maps: integers in their three forms, strings, lookup and the way back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/ids.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/support.h"

/* ---- integers as text ---- */

static void integers_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int kind;
        int64_t value;
    } cases[] = {{"0", INTEGER_OK, 0},
                 {"-1", INTEGER_OK, -1},
                 {"123456789012345678", INTEGER_OK, 123456789012345678},
                 {"9223372036854775807", INTEGER_OK, INT64_MAX},
                 {"-9223372036854775808", INTEGER_OK, INT64_MIN},
                 {"9223372036854775808", INTEGER_LARGE, 0},
                 {"-9223372036854775809", INTEGER_LARGE, 0},
                 {"99999999999999999999999999", INTEGER_LARGE, 0},
                 {"007", INTEGER_PADDED, 7},
                 {"+7", INTEGER_PADDED, 7},
                 {"-0", INTEGER_PADDED, 0},
                 {"000000000000000000000012", INTEGER_PADDED, 12},
                 {"", INTEGER_NONE, 0},
                 {"-", INTEGER_NONE, 0},
                 {"+", INTEGER_NONE, 0},
                 {"1a", INTEGER_NONE, 0},
                 {"1.0", INTEGER_NONE, 0},
                 {" 1", INTEGER_NONE, 0},
                 {"99999999999999999999x", INTEGER_NONE, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int64_t value = 0;
        assert_int_equal(recsys__integer(cases[k].text, (int64_t)strlen(cases[k].text), &value), cases[k].kind);
        if (cases[k].kind == INTEGER_OK || cases[k].kind == INTEGER_PADDED) assert_int_equal(value, cases[k].value);
    }
}

/* ---- maps that grow ---- */

static int32_t add(fixture *f, recsys_ids *ids, int64_t id)
{
    int32_t index = -1;
    assert_int_equal(recsys__ids_add_int(f->exec, ids, id, &index), RECSYS_OK);
    return index;
}

static int32_t add_text(fixture *f, recsys_ids *ids, const char *id)
{
    int32_t index = -1;
    assert_int_equal(recsys__ids_add_text(f->exec, ids, id, (int64_t)strlen(id), &index), RECSYS_OK);
    return index;
}

/* Adds ids of a sequence that `id` makes; each must get the next index, be found, and keep its index. */
static void check_sequence(int64_t (*id)(int64_t k), int64_t n)
{
    fixture f;
    recsys_ids *ids;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys__ids_create(f.exec, RECSYS_ID_INT, &ids));
    for (int64_t k = 0; k < n; k++) {
        assert_int_equal(recsys_ids_find_int(ids, id(k)), -1);
        assert_int_equal(add(&f, ids, id(k)), k);
        assert_int_equal(add(&f, ids, id(k / 2)), k / 2);
    }
    assert_int_equal(recsys_ids_count(ids), n);
    for (int64_t k = 0; k < n; k++) {
        int64_t back;
        assert_int_equal(recsys_ids_find_int(ids, id(k)), k);
        assert_int_equal(recsys_ids_get_int(ids, k, &back), RECSYS_OK);
        assert_int_equal(back, id(k));
    }
    recsys__ids_release(ids);
    fixture_close(&f);
}

static int64_t counted(int64_t k)
{
    return k;
}
static int64_t from_seven(int64_t k)
{
    return k + 7;
}
static int64_t downwards(int64_t k)
{
    return -k;
}
static int64_t scattered(int64_t k)
{
    return (int64_t)((uint64_t)k * UINT64_C(0x9e3779b97f4a7c15));
}
static int64_t then_a_gap(int64_t k)
{
    return k < 20 ? k : k * 1000003;
}
static int64_t extremes(int64_t k)
{
    return k == 0 ? INT64_MIN : k == 1 ? INT64_MAX : k;
}

static void growing_maps_find_what_they_hold(void **state)
{
    (void)state;
    check_sequence(counted, 1000);
    check_sequence(from_seven, 1000);
    check_sequence(downwards, 1000);
    check_sequence(scattered, 5000);
    check_sequence(then_a_gap, 1000);
    check_sequence(extremes, 100);
}

static void strings_keep_their_bytes(void **state)
{
    (void)state;
    fixture f;
    recsys_ids *ids;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys__ids_create(f.exec, RECSYS_ID_STRING, &ids));
    char word[64];
    for (int k = 0; k < 3000; k++) {
        snprintf(word, sizeof word, "%.*s%d", k % 20, "abcdefghijklmnopqrstuvwxyz", k);
        assert_int_equal(add_text(&f, ids, word), k);
    }
    for (int k = 0; k < 3000; k++) {
        snprintf(word, sizeof word, "%.*s%d", k % 20, "abcdefghijklmnopqrstuvwxyz", k);
        assert_int_equal(recsys_ids_find(ids, word), k);
        assert_string_equal(recsys__ids_string(ids, k), word);
    }
    assert_int_equal(recsys_ids_find(ids, "never"), -1);
    assert_int_equal(add_text(&f, ids, "007"), 3000);
    assert_int_equal(add_text(&f, ids, "7"), 3001);
    assert_int_equal(recsys_ids_find_int(ids, 7), 3001); /* the decimal form */
    char small[3];
    assert_int_equal(recsys_ids_text(ids, 3000, small, sizeof small), 3);
    assert_string_equal(small, "00");
    assert_int_equal(recsys_ids_text(ids, 3002, small, sizeof small), -1);
    int64_t number;
    assert_int_equal(recsys_ids_get_int(ids, 0, &number), RECSYS_ERR_TYPE);
    assert_int_equal(recsys_ids_get_int(ids, -1, &number), RECSYS_ERR_OUT_OF_RANGE);
    assert_null(recsys__ids_string(ids, 3002));
    recsys__ids_release(ids);
    fixture_close(&f);
}

static void the_first_id_decides_the_type(void **state)
{
    (void)state;
    fixture f;
    recsys_ids *ids;
    int32_t index;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys__ids_create(f.exec, RECSYS_ID_AUTO, &ids));
    add_text(&f, ids, "12");
    assert_int_equal(recsys_ids_type(ids), RECSYS_ID_INT);
    assert_int_equal(recsys__ids_add_text(f.exec, ids, "x", 1, &index), RECSYS_ERR_TYPE);
    assert_int_equal(recsys__ids_add_text(f.exec, ids, "012", 3, &index), RECSYS_ERR_TYPE); /* would lose its zero */
    assert_int_equal(recsys_ids_find(ids, "012"), 0);
    recsys__ids_release(ids);

    expect_ok(f.exec, recsys__ids_create(f.exec, RECSYS_ID_AUTO, &ids));
    add_text(&f, ids, "012");
    assert_int_equal(recsys_ids_type(ids), RECSYS_ID_STRING);
    assert_int_equal(recsys__ids_add_int(f.exec, ids, 12, &index), RECSYS_ERR_TYPE);
    recsys__ids_release(ids);

    expect_ok(f.exec, recsys__ids_create(f.exec, RECSYS_ID_INT, &ids));
    add_text(&f, ids, "012"); /* integers were asked for */
    assert_int_equal(recsys_ids_find_int(ids, 12), 0);
    recsys__ids_release(ids);
    fixture_close(&f);
}

static void the_last_ids_can_be_forgotten(void **state)
{
    (void)state;
    fixture f;
    recsys_ids *ids;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys__ids_create(f.exec, RECSYS_ID_STRING, &ids));
    char word[16];
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < 500; k++) {
            snprintf(word, sizeof word, "w%d", k);
            assert_int_equal(add_text(&f, ids, word), k);
        }
        recsys__ids_truncate(ids, 100);
        assert_int_equal(recsys_ids_count(ids), 100);
        for (int k = 0; k < 500; k++) {
            snprintf(word, sizeof word, "w%d", k);
            assert_int_equal(recsys_ids_find(ids, word), k < 100 ? k : -1);
        }
    }
    recsys__ids_release(ids);
    fixture_close(&f);
}

/* ---- whole maps ---- */

static void whole_maps_are_indexed(void **state)
{
    (void)state;
    static const int64_t lists[][6] = {{5, 6, 7, 8, 9, 10},                               /* contiguous */
                                       {30, 12, 25, 11, 28, 14},                          /* narrow */
                                       {-3, 1000000000000, 0, INT64_MIN, INT64_MAX, 17}}; /* wide */
    fixture f;
    fixture_open(&f, 1);
    for (int l = 0; l < 3; l++) {
        recsys_ids *ids;
        expect_ok(f.exec, recsys__ids_from_ints(f.exec, lists[l], 6, &ids));
        for (int k = 0; k < 6; k++) assert_int_equal(recsys_ids_find_int(ids, lists[l][k]), k);
        assert_int_equal(recsys_ids_find_int(ids, 4), -1);
        assert_int_equal(recsys_ids_find_int(ids, 13), -1);
        assert_int_equal(recsys_ids_find_int(ids, 31), -1);
        assert_int_equal(add(&f, ids, 4), 6); /* a whole map can grow on */
        for (int k = 0; k < 6; k++) assert_int_equal(recsys_ids_find_int(ids, lists[l][k]), k);
        recsys__ids_release(ids);
    }
    static const int64_t twice[] = {3, 9, 3}, far_twice[] = {3, 9000000000, 3};
    recsys_ids *none;
    expect_error(f.exec, recsys__ids_from_ints(f.exec, twice, 3, &none), RECSYS_ERR_FILE_FORMAT, "twice");
    expect_error(f.exec, recsys__ids_from_ints(f.exec, far_twice, 3, &none), RECSYS_ERR_FILE_FORMAT, "twice");
    assert_null(none);
    fixture_close(&f);
}

static void maps_are_rebuilt_from_bytes(void **state)
{
    (void)state;
    fixture f;
    recsys_ids *ids, *again;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys__ids_create(f.exec, RECSYS_ID_STRING, &ids));
    add_text(&f, ids, "one");
    add_text(&f, ids, "t\xc3\xb6");
    const int64_t *offsets;
    const char *bytes = recsys__ids_bytes(ids, &offsets);
    assert_int_equal(offsets[2], 6);
    expect_ok(f.exec, recsys__ids_from_text(f.exec, bytes, offsets, 2, &again));
    assert_int_equal(recsys_ids_find(again, "t\xc3\xb6"), 1);
    recsys__ids_release(again);
    static const int64_t same[] = {0, 1, 2};
    expect_error(f.exec, recsys__ids_from_text(f.exec, "aa", same, 2, &again), RECSYS_ERR_FILE_FORMAT, "twice");
    expect_ok(f.exec, recsys__ids_from_text(f.exec, "", same, 0, &again));
    bytes = recsys__ids_bytes(again, &offsets);
    assert_int_equal(offsets[0], 0);
    recsys__ids_release(again);
    recsys__ids_release(ids);
    fixture_close(&f);
}

static void ids_are_translated(void **state)
{
    (void)state;
    static const int64_t left[] = {10, 20, 30}, right[] = {30, 40, 10};
    fixture f;
    recsys_ids *a, *b, *text;
    int32_t map[3];
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys__ids_from_ints(f.exec, left, 3, &a));
    expect_ok(f.exec, recsys__ids_from_ints(f.exec, right, 3, &b));
    expect_ok(f.exec, recsys__ids_translate(f.exec, a, b, map));
    assert_int_equal(map[0], 2);
    assert_int_equal(map[1], -1);
    assert_int_equal(map[2], 0);
    expect_ok(f.exec, recsys__ids_translate(f.exec, a, a, map));
    for (int k = 0; k < 3; k++) assert_int_equal(map[k], k);
    expect_ok(f.exec, recsys__ids_range(f.exec, RECSYS_ID_STRING, 3, &text));
    assert_int_equal(recsys_ids_find(text, "2"), 2);
    expect_error(f.exec, recsys__ids_translate(f.exec, a, text, map), RECSYS_ERR_TYPE, "integer|strings");
    recsys__ids_release(text);
    recsys__ids_release(b);
    recsys__ids_release(a);
    fixture_close(&f);
}

/* ---- failing allocations ---- */

static recsys_status fill(fixture *f, recsys_ids **ids)
{
    recsys_status s = recsys__ids_create(f->exec, RECSYS_ID_AUTO, ids);
    char word[16];
    for (int k = 0; !s && k < 100; k++) {
        int32_t index;
        s = recsys__ids_add_text(f->exec, *ids, word, snprintf(word, sizeof word, "word%d", k), &index);
        if (!s) assert_int_equal(index, k);
    }
    return s ? s : recsys__ids_terminate(*ids, NULL);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    recsys_status s = RECSYS_ERR_NO_MEMORY;
    fixture_open(&f, 1);
    for (int64_t n = 1; s; n++) {
        recsys_ids *ids = NULL;
        test_heap_fail(&f.heap, n, 0);
        s = fill(&f, &ids);
        test_heap_fail(&f.heap, 0, 0);
        assert_true(s == RECSYS_OK || s == RECSYS_ERR_NO_MEMORY);
        /* What is in the map is whole. */
        for (int64_t k = 0; k < recsys_ids_count(ids); k++) {
            char word[16];
            recsys_ids_text(ids, k, word, sizeof word);
            assert_int_equal(recsys_ids_find(ids, word), k);
        }
        recsys__ids_release(ids);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_exactly),     cmocka_unit_test(growing_maps_find_what_they_hold),
        cmocka_unit_test(strings_keep_their_bytes),      cmocka_unit_test(the_first_id_decides_the_type),
        cmocka_unit_test(the_last_ids_can_be_forgotten), cmocka_unit_test(whole_maps_are_indexed),
        cmocka_unit_test(maps_are_rebuilt_from_bytes),   cmocka_unit_test(ids_are_translated),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
