/* tensors.c - listing, reading and replacing the tensors of a model, and models without their histories.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static recsys_model *fit(recsys_exec *x, const recsys_dataset *d, const char *name)
{
    recsys_params *p;
    recsys_model *m = NULL;
    expect_ok(x, recsys_params_create(recsys_exec_env(x), name, &p, NULL));
    expect_ok(x, recsys_model_fit(p, d, x, NULL, &m));
    recsys_params_release(p);
    return m;
}

static void test_list_and_read(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 30, 20, 6, 0, 1);
    recsys_model *m = fit(f.exec, d, "ease");
    recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
    assert_int_equal(recsys_model_tensor_count(m), 2);
    assert_int_equal(recsys_model_tensor_info(m, 0, &info), RECSYS_OK);
    assert_string_equal(info.name, "precision");
    assert_int_equal(info.derived, 0);
    assert_int_equal(recsys_model_tensor_info(m, 1, &info), RECSYS_OK);
    assert_string_equal(info.name, "item_weights");
    assert_true(info.derived == 1 && info.rank == 2 && info.shape[0] == 20 && info.shape[1] == 20);
    assert_int_equal(recsys_model_tensor_info(m, 2, &info), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_model_tensor_info(m, -1, &info), RECSYS_ERR_OUT_OF_RANGE);
    float all[20 * 20], part[3 * 20];
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "item_weights", 0, 20, all));
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "item_weights", 17, 3, part));
    assert_memory_equal(part, all + 17 * 20, sizeof part);
    expect_error(f.exec, recsys_model_read_tensor(m, f.exec, "item_weights", 18, 3, part), RECSYS_ERR_OUT_OF_RANGE, "20 rows");
    expect_error(f.exec, recsys_model_read_tensor(m, f.exec, "item_weight", 0, 1, part), RECSYS_ERR_UNKNOWN_KEY, "item_weights");
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

static void test_replace(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 30, 6, 4, 0, 1);
    recsys_model *m = fit(f.exec, d, "top-popular"), *other = NULL;
    float popularity[6], mine[6] = { 6, 5, 4, 3, 2, 1 };
    int64_t list[6];
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "popularity", 0, 6, popularity));
    expect_ok(f.exec, recsys_model_with_tensor(m, f.exec, "popularity", mine, &other));
    recsys_query q = RECSYS_QUERY_INIT;
    q.parts = RECSYS_QUERY_HISTORY;
    expect_ok(f.exec, recsys_model_topk(other, f.exec, &q, 1, 6, NULL, list, NULL));
    for (int r = 0; r < 6; r++)
        assert_int_equal(list[r], r);
    float still[6];
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "popularity", 0, 6, still));
    assert_memory_equal(still, popularity, sizeof still);
    assert_int_equal(recsys_model_has_histories(other), 1);
    recsys_model_release(other);
    mine[2] = INFINITY;
    expect_error(f.exec, recsys_model_with_tensor(m, f.exec, "popularity", mine, &other), RECSYS_ERR_NUMERIC, "popularity|element 2");
    assert_null(other);
    recsys_model *ease = fit(f.exec, d, "ease");
    expect_error(f.exec, recsys_model_with_tensor(ease, f.exec, "item_weights", mine, &other), RECSYS_ERR_UNSUPPORTED, "item_weights");
    expect_error(f.exec, recsys_model_with_tensor(ease, f.exec, "weights", mine, &other), RECSYS_ERR_UNKNOWN_KEY, "weights");
    recsys_model_release(ease);
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_list_and_read), cmocka_unit_test(test_replace) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
