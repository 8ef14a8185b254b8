/* top_popular.c - the baseline counts users, once each, and ranks by that count.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/support.h"

static recsys_model *fit(recsys_exec *x, const recsys_dataset *d)
{
    recsys_params *p;
    recsys_model *m = NULL;
    expect_ok(x, recsys_params_create(recsys_exec_env(x), "top-popular", &p, NULL));
    assert_int_equal(recsys_params_count(p), 0);
    expect_ok(x, recsys_model_fit(p, d, x, NULL, &m));
    recsys_params_release(p);
    return m;
}

static void test_counts_and_lists(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    /* Item 3 was met by users 0, 1, 2; item 1 by 0 and 1 (twice by 1); items 0 and 2 by one user each. */
    const int64_t user[] = { 0, 1, 2, 0, 1, 1, 2, 0 }, item[] = { 3, 3, 3, 1, 1, 1, 0, 2 };
    recsys_dataset *d = test_dataset_of(f.exec, user, item, NULL, NULL, 8);
    recsys_model *m = fit(f.exec, d);
    float popularity[4], score[4], value[4];
    int64_t list[4];
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "popularity", 0, 4, popularity));
    assert_true(popularity[0] == 1 && popularity[1] == 2 && popularity[2] == 1 && popularity[3] == 3);

    recsys_query nobody = RECSYS_QUERY_INIT;
    nobody.parts = RECSYS_QUERY_HISTORY;
    expect_ok(f.exec, recsys_model_score(m, f.exec, &nobody, 1, score));
    assert_memory_equal(score, popularity, sizeof score);
    expect_ok(f.exec, recsys_model_topk(m, f.exec, &nobody, 1, 4, NULL, list, value));
    assert_true(list[0] == 3 && list[1] == 1 && list[2] == 0 && list[3] == 2); /* 0 before 2: equal, lower index */

    recsys_query known = RECSYS_QUERY_INIT;
    known.parts = RECSYS_QUERY_USER;
    known.user = 1; /* had 3 and 1 */
    expect_ok(f.exec, recsys_model_topk(m, f.exec, &known, 1, 4, NULL, list, value));
    assert_true(list[0] == 0 && list[1] == 2 && list[2] == -1 && list[3] == -1);
    assert_true(value[0] == 1 && value[2] == -INFINITY);
    expect_error(f.exec, recsys_model_similar_items(m, f.exec, 0, 2, list, value), RECSYS_ERR_UNSUPPORTED, "top-popular");
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_counts_and_lists) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
