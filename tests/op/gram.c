/* gram.c - the gram kernel against sums in double: any shape and tile, any number of threads; what is not finite.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/gram.h"

/* A random U x I matrix R in full and by both views. User 1 has every item, item 0 every user but user 3. */
typedef struct matrix {
    int64_t U, I;
    float *full;
    int64_t *user_ptr, *item_ptr;
    int32_t *user_item, *item_user;
    float *user_val, *item_val;
} matrix;

static matrix random_matrix(int64_t U, int64_t I, double share, int binary, uint64_t seed)
{
    matrix m = { .U = U, .I = I, .full = case_floats(U * I) };
    m.user_ptr = case_array(U + 1, sizeof(int64_t)), m.item_ptr = case_array(I + 1, sizeof(int64_t));
    m.user_item = case_array(U * I, sizeof(int32_t)), m.item_user = case_array(U * I, sizeof(int32_t));
    m.user_val = case_floats(U * I), m.item_val = case_floats(U * I);
    for (int64_t u = 0; u < U; u++)
        for (int64_t i = 0; i < I; i++) {
            int in = u == 1 || (u != 3 && i == 0) || test_random_unit(&seed) < share;
            float value = binary ? 1.0f : (float)(test_random_unit(&seed) * 5.0 - 1.0);
            m.full[u * I + i] = in ? value : 0.0f;
        }
    int64_t e = 0;
    for (int64_t u = 0; u <= U; u++) {
        m.user_ptr[u] = e;
        for (int64_t i = 0; u < U && i < I; i++)
            if (m.full[u * I + i] != 0.0f) m.user_item[e] = (int32_t)i, m.user_val[e++] = m.full[u * I + i];
    }
    e = 0;
    for (int64_t i = 0; i <= I; i++) {
        m.item_ptr[i] = e;
        for (int64_t u = 0; i < I && u < U; u++)
            if (m.full[u * I + i] != 0.0f) m.item_user[e] = (int32_t)u, m.item_val[e++] = m.full[u * I + i];
    }
    return m;
}

static void free_matrix(matrix *m)
{
    free(m->full), free(m->user_ptr), free(m->item_ptr), free(m->user_item), free(m->item_user), free(m->user_val),
        free(m->item_val);
}

static op_gram gram_of(const matrix *m, int binary, float l2, int64_t tile)
{
    return (op_gram){ .op = { OP_GRAM, sizeof(op_gram) }, .n_users = m->U, .n_items = m->I, .user_ptr = m->user_ptr,
                      .user_item = m->user_item, .user_val = binary ? NULL : m->user_val, .item_ptr = m->item_ptr,
                      .item_user = m->item_user, .item_val = binary ? NULL : m->item_val, .l2 = l2,
                      .out = { m->I, tile, case_floats(recsys__symmetric_floats(m->I, tile)) } };
}

/* Element (i, j), i >= j, of the factor layout, from the words of backend/symmetric.h. */
static float element(const symmetric *s, int64_t i, int64_t j)
{
    int64_t T = s->tile, N = (s->n + 31) / 32 * 32, a = i / T, b = j / T;
    int64_t h = N - a * T < T ? N - a * T : T;
    return s->data[T * T * (a * (a + 1) / 2) + b * T * h + j % T * h + i % T];
}

static void check_shape(const fixture *f, int64_t U, int64_t I, int64_t tile, int binary)
{
    matrix m = random_matrix(U, I, 0.2, binary, (uint64_t)(1000 * U + I));
    op_gram first = gram_of(&m, binary, 2.5f, tile);
    case_expect(f, &first.op, 1, 0);
    for (int64_t i = 0; i < I; i++)
        for (int64_t j = 0; j <= i; j++) {
            double want = i == j ? 2.5 : 0.0, size = fabs(want);
            for (int64_t u = 0; u < U; u++) {
                double term = (double)m.full[u * I + i] * (double)m.full[u * I + j];
                want += term, size += fabs(term);
            }
            /* One rounding to float, and roundings of both sums in double. */
            double bound = ROUNDING * fabs(want) + 2.0 * (double)(U + 1) * 0x1p-53 * size;
            double got = (double)element(&first.out, i, j);
            if (!(fabs(got - want) <= bound))
                fail_msg("gram U=%lld I=%lld T=%lld: G[%lld,%lld] = %g, want %g", (long long)U, (long long)I,
                         (long long)tile, (long long)i, (long long)j, got, want);
        }
    for (int t = 1; t < case_thread_counts(); t++) {
        op_gram again = gram_of(&m, binary, 2.5f, tile);
        case_expect(f, &again.op, case_threads[t], 0);
        for (int64_t i = 0; i < I; i++)
            for (int64_t j = 0; j <= i; j++) assert_true(element(&again.out, i, j) == element(&first.out, i, j));
        free(again.out.data);
    }
    free(first.out.data);
    free_matrix(&m);
}

static void test_shapes(void **state)
{
    static const int64_t items[] = { 0, 1, 2, 31, 32, 33, 64, 97, 130 };
    fixture f;
    fixture_open(&f, 1);
    for (int n = 0; n < 9; n++)
        for (int binary = 0; binary < 2; binary++) {
            check_shape(&f, 23, items[n], 32, binary);
            check_shape(&f, 40, items[n], 64, binary);
            check_shape(&f, 5, items[n], recsys__symmetric_tile(items[n]), binary);
            check_shape(&f, 0, items[n], 32, binary);
        }
    fixture_close(&f);
    (void)state;
}

/* 2^24 + 1 + 1 is a float, but not by way of 2^24 + 1: sums are longer than floats. */
static void test_counts_beyond_float(void **state)
{
    matrix m = random_matrix(3, 1, 1.0, 0, 1);
    m.user_val[0] = m.item_val[0] = 4096.0f;
    m.user_val[1] = m.item_val[1] = m.user_val[2] = m.item_val[2] = 1.0f;
    fixture f;
    fixture_open(&f, 1);
    op_gram o = gram_of(&m, 0, 0.0f, 32);
    case_expect(&f, &o.op, 2, 0);
    assert_true(o.out.data[0] == 16777218.0f);
    free(o.out.data);
    free_matrix(&m);
    fixture_close(&f);
    (void)state;
}

static void test_not_finite(void **state)
{
    static const float bad[] = { NAN, INFINITY, 1e30f };
    fixture f;
    error e;
    fixture_open(&f, 1);
    for (int b = 0; b < 3; b++)
        for (int t = 0; t < case_thread_counts(); t++) {
            matrix m = random_matrix(10, 40, 0.3, 0, 7);
            m.user_val[3] = bad[b];
            for (int64_t at = 0; at < m.item_ptr[m.I]; at++)
                if (m.item_val[at] == m.full[m.user_item[3]] && m.item_user[at] == 0) m.item_val[at] = bad[b];
            op_gram o = gram_of(&m, 0, 1.0f, 32);
            assert_int_equal(case_run(&f, &o.op, case_threads[t], 0, 0, &e), RECSYS_ERR_NUMERIC);
            assert_non_null(strstr(e.message, "not finite"));
            free(o.out.data);
            free_matrix(&m);
        }
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    error e;
    fixture_open(&f, 1);
    matrix m = random_matrix(10, 100, 0.3, 0, 7);
    for (int t = 0; t < case_thread_counts(); t++) {
        op_gram o = gram_of(&m, 0, 1.0f, 32);
        assert_int_equal(case_run(&f, &o.op, case_threads[t], 0, 3, &e), RECSYS_ERR_CANCELLED);
        free(o.out.data);
    }
    free_matrix(&m);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes), cmocka_unit_test(test_counts_beyond_float),
                                        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_cancel) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
