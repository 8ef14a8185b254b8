/* filter_score.c - the filter_score kernel against the chains of its contract, and those against sums in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "filter_case.h"

#include "backend/op/filter_score.h"

/* All scores of Q histories, bit for bit, and what is listed. */
static void check(const fixture *f, const filter_case *c, const histories *x, int64_t Q, const int64_t *ptr,
                  const int32_t *item)
{
    int64_t I = c->f.n_items;
    float *want = case_floats(Q * I), *out = case_floats(ptr ? ptr[Q] : Q * I);
    double *exact = case_array(I, sizeof *exact), *bound = case_array(I, sizeof *bound);
    for (int64_t q = 0; q < Q; q++) {
        filter_scores(&c->f, x, q, want + q * I, exact, bound);
        for (int64_t j = 0; j < I; j++)
            if (!(fabs((double)want[q * I + j] - exact[j]) <= bound[j]))
                fail_msg("score %lld, %lld: %g, exact %g, bound %g", (long long)q, (long long)j, (double)want[q * I + j],
                         exact[j], bound[j]);
    }
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            op_filter_score o = { .op = { OP_FILTER_SCORE, sizeof o }, .x = *x, .f = c->f,
                                  .at = { .n_queries = Q, .n_items = I, .ptr = ptr, .item = item, .out = out } };
            case_expect(f, &o.op, case_threads[t], simd);
            if (!ptr) {
                case_same_floats(out, want, Q * I, "score");
                continue;
            }
            for (int64_t q = 0; q < Q; q++)
                for (int64_t e = ptr[q]; e < ptr[q + 1]; e++)
                    case_same_floats(out + e, want + q * I + item[e], 1, "listed score");
        }
    free(want), free(out), free(exact), free(bound);
}

static void check_shape(const fixture *f, int64_t U, int64_t I, int64_t D, double share, int with_values)
{
    uint64_t seed = (uint64_t)(U + 100 * I + 10000 * D);
    int64_t Q = 7, ptr[] = { 0, 3, 3, 9, 10, 11, 11, 20 };
    int32_t item[20];
    filter_case c = filter_open(U, I, D, share, with_values, seed);
    case_lists lists = case_random_lists(Q, I, 0.2, seed + 1);
    histories x = { lists.ptr, lists.item, with_values ? lists.val : NULL };
    for (int e = 0; e < 20; e++) item[e] = (int32_t)(test_random(&seed) % (uint64_t)I);
    check(f, &c, &x, Q, NULL, NULL);
    check(f, &c, &x, Q, ptr, item);
    case_free_lists(&lists);
    filter_close(&c);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[][3] = { { 1, 1, 0 }, { 1, 1, 1 }, { 5, 3, 2 }, { 63, 17, 8 }, { 64, 33, 5 }, { 70, 130, 19 },
                                        { 9, 1100, 3 } };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 7; s++)
        for (int values = 0; values < 2; values++) {
            check_shape(&f, sizes[s][0], sizes[s][1], sizes[s][2], 0.1, values);
            check_shape(&f, sizes[s][0], sizes[s][1], 0, 0.5, values);
        }
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    float out[40];
    fixture_open(&f, 1);
    filter_case c = filter_open(6, 10, 2, 0.5, 1, 3);
    case_lists lists = case_random_lists(4, 10, 0.5, 4);
    op_filter_score o = { .op = { OP_FILTER_SCORE, sizeof o }, .x = { lists.ptr, lists.item, lists.val }, .f = c.f,
                          .at = { .n_queries = 4, .n_items = 10, .out = out } };
    error e;
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 2, &e), RECSYS_ERR_CANCELLED);
    assert_non_null(strstr(e.message, "cancelled"));
    case_free_lists(&lists);
    filter_close(&c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
