/* views.c - tests of the interaction matrix by user and by item, and of the transpose.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "dump.h"

#include "data/dataset.h"

/* ---- against a slow plain version ---- */

/* The value of the cell (u, i) by looking at every event: the latest by time, then by row; NAN-free; -1 if there is none. */
static float slow_cell(const recsys_dataset *d, int64_t u, int64_t i)
{
    int64_t best = -1;
    for (int64_t e = 0; e < d->n_events; e++) {
        if (d->user[e] != u || d->item[e] != i) continue;
        if (best < 0 || !d->time || d->time[e] >= d->time[best]) best = e;
    }
    return best < 0 ? -1.0f : d->value ? d->value[best] : 1.0f;
}

static void check_matrix(const recsys_dataset *d, const csr *m, int by_item)
{
    int64_t n_users = recsys_ids_count(d->users), n_items = recsys_ids_count(d->items);
    assert_int_equal(m->n_rows, by_item ? n_items : n_users);
    assert_int_equal(m->n_cols, by_item ? n_users : n_items);
    assert_int_equal(m->ptr[0], 0);
    assert_int_equal(m->val != NULL, d->value != NULL);
    for (int64_t row = 0; row < m->n_rows; row++) {
        int64_t at = m->ptr[row];
        for (int64_t col = 0; col < m->n_cols; col++) {
            float cell = by_item ? slow_cell(d, col, row) : slow_cell(d, row, col);
            if (cell < 0.0f) continue;
            assert_true(at < m->ptr[row + 1]);
            assert_int_equal(m->col[at], col);
            if (m->val) assert_true(m->val[at] >= cell && m->val[at] <= cell);
            at++;
        }
        assert_int_equal(at, m->ptr[row + 1]);
    }
}

static void matrices_hold_the_latest_events(void **state)
{
    (void)state;
    static const int flags[] = {0,
                                TEST_REPEATS,
                                TEST_VALUES,
                                TEST_VALUES | TEST_REPEATS,
                                TEST_VALUES | TEST_TIMES | TEST_REPEATS,
                                TEST_TIMES | TEST_REPEATS};
    fixture f;
    fixture_open(&f, 1);
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
        recsys_dataset *d = test_random_dataset(f.exec, 23, 11, 12, flags[k], k + 1);
        const csr *by_user, *by_item, *again;
        expect_ok(f.exec, recsys__dataset_by_item(f.exec, d, &by_item));
        expect_ok(f.exec, recsys__dataset_by_user(f.exec, d, &by_user));
        check_matrix(d, by_user, 0);
        check_matrix(d, by_item, 1);
        expect_ok(f.exec, recsys__dataset_by_user(f.exec, d, &again));
        assert_ptr_equal(by_user, again);
        recsys_dataset_release(d);
    }
    fixture_close(&f);
}

static void equal_times_fall_to_the_later_row(void **state)
{
    (void)state;
    static const int64_t users[] = {1, 1, 1, 1}, items[] = {5, 5, 5, 6}, times[] = {9, 9, 3, INT64_MIN};
    static const float values[] = {1.0f, 2.0f, 3.0f, 4.0f};
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_dataset_of(f.exec, users, items, values, times, 4);
    int64_t item[4], count;
    float value[4];
    expect_ok(f.exec, recsys_dataset_history(d, f.exec, 0, item, value, 4, &count));
    assert_int_equal(count, 2);
    assert_int_equal(item[0], 0);
    assert_int_equal((int)value[0], 2);
    assert_int_equal((int)value[1], 4);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void users_without_events_have_empty_rows(void **state)
{
    (void)state;
    fixture f;
    char path[TEST_PATH_ROOM];
    fixture_open(&f, 1);
    test_write_text(fixture_path(&f, "events.txt", path), "2 1\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.users = "4";
    options.items = "3";
    recsys_dataset *d;
    expect_ok(f.exec, recsys_dataset_read(f.exec, path, &options, &d));
    int64_t item = -1, count = -1;
    expect_ok(f.exec, recsys_dataset_history(d, f.exec, 3, &item, NULL, 1, &count));
    assert_int_equal(count, 0);
    expect_ok(f.exec, recsys_dataset_history(d, f.exec, 2, NULL, NULL, 0, &count));
    assert_int_equal(count, 1);
    expect_ok(f.exec, recsys_dataset_history(d, f.exec, 2, &item, NULL, 1, &count));
    assert_int_equal(item, 1);
    expect_error(f.exec, recsys_dataset_history(d, f.exec, 4, NULL, NULL, 0, &count), RECSYS_ERR_OUT_OF_RANGE,
                 "user index 4|4 users");
    expect_error(f.exec, recsys_dataset_history(d, f.exec, -1, NULL, NULL, 0, &count), RECSYS_ERR_OUT_OF_RANGE, "-1");
    expect_error(f.exec, recsys_dataset_history(d, f.exec, 0, NULL, NULL, -1, &count), RECSYS_ERR_INVALID_ARGUMENT,
                 "negative");
    expect_error(f.exec, recsys_dataset_history(d, f.exec, 0, NULL, NULL, 0, NULL), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    const csr *m;
    expect_ok(f.exec, recsys__dataset_by_item(f.exec, d, &m));
    check_matrix(d, m, 1);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- sharing ---- */

/* A view outlives the exec that made it, and a dataset the environment. */
static void views_belong_to_the_dataset(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 9, 8, 4, TEST_VALUES, 1);
    recsys_exec *other = fixture_exec(&f, 1, 0, 0);
    const csr *m;
    expect_ok(other, recsys__dataset_by_item(other, d, &m));
    recsys_exec_release(other);
    check_matrix(d, m, 1);
    recsys_exec *small = fixture_exec(&f, 1, 100, 0);
    recsys_dataset *e = test_random_dataset(f.exec, 9, 8, 4, TEST_VALUES, 2);
    expect_error(small, recsys__dataset_by_user(small, e, &m), RECSYS_ERR_MEMORY_LIMIT, "limit");
    assert_null(m);
    expect_ok(f.exec, recsys__dataset_by_user(f.exec, e, &m));
    recsys_exec_release(small);
    assert_ptr_equal(recsys_dataset_retain(e), e);
    recsys_dataset_release(e);
    check_matrix(e, m, 0);
    recsys_dataset_release(e);
    recsys_dataset_release(d);
    recsys_dataset_release(NULL);
    fixture_close(&f);
}

typedef struct asker {
    recsys_exec *exec;
    recsys_dataset *dataset;
    const csr *view;
} asker;

static void *ask(void *data)
{
    asker *a = data;
    recsys_dataset_retain(a->dataset);
    if (recsys__dataset_by_item(a->exec, a->dataset, &a->view)) a->view = NULL;
    recsys_dataset_release(a->dataset);
    return NULL;
}

static void threads_get_the_same_view(void **state)
{
    (void)state;
    enum { N = 8 };
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 200, 50, 20, TEST_VALUES | TEST_REPEATS, 3);
    pthread_t thread[N];
    asker askers[N];
    for (int k = 0; k < N; k++) askers[k] = (asker){fixture_exec(&f, 1, 0, 0), d, NULL};
    for (int k = 0; k < N; k++) assert_int_equal(pthread_create(&thread[k], NULL, ask, &askers[k]), 0);
    for (int k = 0; k < N; k++) assert_int_equal(pthread_join(thread[k], NULL), 0);
    for (int k = 0; k < N; k++) {
        assert_non_null(askers[k].view);
        assert_ptr_equal(askers[k].view, askers[0].view);
        recsys_exec_release(askers[k].exec);
    }
    check_matrix(d, askers[0].view, 1);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 9, 8, 6, TEST_VALUES | TEST_TIMES | TEST_REPEATS, 4);
    int64_t refused = 1;
    for (int64_t n = 1; refused; n++) {
        recsys_dataset *copy;
        uint8_t keep[200];
        memset(keep, 1, sizeof keep);
        assert_true(d->n_events <= (int64_t)sizeof keep);
        const csr *m = NULL;
        test_heap_fail(&f.heap, n, 0);
        recsys_status s = recsys__dataset_select(f.exec, d, keep, &copy);
        if (!s) s = recsys__dataset_by_item(f.exec, copy, &m);
        refused = atomic_load(&f.heap.refused);
        test_heap_fail(&f.heap, 0, 0);
        assert_true(s == RECSYS_OK || s == RECSYS_ERR_NO_MEMORY);
        if (s == RECSYS_OK) check_matrix(copy, m, 1);
        recsys_dataset_release(copy);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrices_hold_the_latest_events),
        cmocka_unit_test(equal_times_fall_to_the_later_row),
        cmocka_unit_test(users_without_events_have_empty_rows),
        cmocka_unit_test(views_belong_to_the_dataset),
        cmocka_unit_test(threads_get_the_same_view),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("views", tests, NULL, NULL);
}
