/* embeddings.c - vectors brought from elsewhere: scores, lists and similar items are inner products.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "support/support.h"

enum { U = 40, I = 57, D = 13 };

static void test_inner_products(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, U, I, 12, 0, 2);
    assert_int_equal(recsys_ids_count(recsys_dataset_users(d)), U);
    assert_int_equal(recsys_ids_count(recsys_dataset_items(d)), I);
    float users[U * D], items[I * D], score[I];
    uint64_t seed = 5;
    for (int i = 0; i < U * D; i++)
        users[i] = (float)((int)(test_random(&seed) % 17) - 8); /* whole numbers: exact in any order */
    for (int i = 0; i < I * D; i++)
        items[i] = (float)((int)(test_random(&seed) % 17) - 8);
    recsys_model *m;
    expect_ok(f.exec, recsys_model_from_embeddings(d, f.exec, D, users, items, NULL, &m));
    for (int u = 0; u < U; u++) {
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_USER;
        q.user = u;
        expect_ok(f.exec, recsys_model_score(m, f.exec, &q, 1, score));
        for (int i = 0; i < I; i++) {
            float want = 0;
            for (int c = 0; c < D; c++)
                want += users[u * D + c] * items[i * D + c];
            assert_true(score[i] == want);
        }
        int64_t list[I], history[I], count;
        float value[I];
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &q, 1, I, NULL, list, value));
        expect_ok(f.exec, recsys_model_history(m, f.exec, u, history, NULL, I, &count));
        for (int r = 0; r < I; r++) {
            assert_true((r < I - count) == (list[r] >= 0));
            if (r > 0 && list[r] >= 0)
                assert_true(value[r - 1] > value[r] || (value[r - 1] == value[r] && list[r - 1] < list[r]));
            for (int64_t e = 0; e < count; e++)
                assert_true(list[r] != history[e]);
        }
    }
    int64_t list[3];
    float value[3];
    expect_ok(f.exec, recsys_model_similar_items(m, f.exec, 9, 3, list, value));
    for (int r = 0; r < 3; r++) {
        float want = 0;
        for (int c = 0; c < D; c++)
            want += items[9 * D + c] * items[list[r] * D + c];
        assert_true(list[r] != 9 && value[r] == want);
    }
    recsys_query nobody = RECSYS_QUERY_INIT;
    expect_error(f.exec, recsys_model_score(m, f.exec, &nobody, 1, score), RECSYS_ERR_MISSING_DATA, "user");
    recsys_model_release(m);

    users[3 * D + 2] = NAN;
    expect_error(f.exec, recsys_model_from_embeddings(d, f.exec, D, users, items, NULL, &m), RECSYS_ERR_NUMERIC,
                 "user_embedding|row 3|column 2");
    assert_null(m);
    expect_error(f.exec, recsys_model_from_embeddings(d, f.exec, 0, users, items, NULL, &m), RECSYS_ERR_OUT_OF_RANGE, "dim|0");
    recsys_params *p;
    expect_ok(f.exec, recsys_params_create(f.env, "embeddings", &p, NULL));
    expect_error(f.exec, recsys_model_fit(p, d, f.exec, NULL, &m), RECSYS_ERR_UNSUPPORTED, "embeddings");
    recsys_params_release(p);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_inner_products) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
