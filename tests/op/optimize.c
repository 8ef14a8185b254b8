/* optimize.c - one step of a list of parameters, and the norm of its gradients: every rule, every kind of gradient.
 *
 * The rules in double, element by element; row sums in ascending order of their entries. Also the test of gradient_norm,
 * which takes the same targets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "update_case.h"

#include "backend/op/gradient_norm.h"

enum { N = 300, D = 19, E = 500 };

/* Gradients of one table in both forms: an index over drawn entries, and what it comes to. */
typedef struct both {
    row_gradient rows;
    float *dense;
    int32_t n_rows;
    int32_t *row_of; /* E */
} both;

static both draw(uint64_t seed)
{
    both b = { .dense = case_floats(N * D), .row_of = case_array(E, 4) };
    int32_t *source_row = case_array(E, 4), *row = case_array(E, 4), *begin = case_array(E + 1, 4), *order = case_array(E, 4);
    float *source = case_floats(E * D), *weight = case_floats(E), *scale = case_floats(D);
    for (int64_t e = 0; e < E; e++) {
        b.row_of[e] = (int32_t)(test_random(&seed) % (N / 2) * 2); /* even rows only */
        source_row[e] = (int32_t)(test_random(&seed) % E);
        weight[e] = (float)(test_random_unit(&seed) - 0.5);
        for (int64_t c = 0; c < D; c++) source[e * D + c] = (float)(test_random_unit(&seed) - 0.5);
    }
    for (int64_t c = 0; c < D; c++) scale[c] = (float)(0.5 + test_random_unit(&seed));
    int32_t at = 0;
    for (int64_t r = 0; r < N; r++) {
        int32_t first = at;
        for (int64_t c = 0; c < D; c++) b.dense[r * D + c] = 0.0f;
        for (int64_t e = 0; e < E; e++) {
            if (b.row_of[e] != r) continue;
            order[at++] = (int32_t)e;
            for (int64_t c = 0; c < D; c++)
                b.dense[r * D + c] = fmaf(weight[e], source[source_row[e] * D + c], b.dense[r * D + c]);
        }
        for (int64_t c = 0; c < D; c++) b.dense[r * D + c] *= scale[c];
        if (at > first) row[b.n_rows] = (int32_t)r, begin[b.n_rows++] = first;
    }
    begin[b.n_rows] = at;
    b.rows = (row_gradient){ { E, NULL, row, begin, order }, source, source_row, weight, scale };
    return b;
}

static void free_both(both *b)
{
    const void *all[] = { b->rows.index.row, b->rows.index.begin, b->rows.index.order, b->rows.source, b->rows.source_row,
                          b->rows.weight,    b->rows.scale,       b->dense,            b->row_of };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free((void *)(uintptr_t)all[k]);
}

static const update_rule rules[] = {
    { .kind = RULE_SGD, .rate = 0.1f, .l2 = 0.3f },
    { .kind = RULE_MOMENTUM, .rate = 0.1f, .momentum = 0.75f },
    { .kind = RULE_NESTEROV, .rate = 0.1f, .momentum = 0.75f, .l2 = 0.5f },
    { .kind = RULE_ADAGRAD, .rate = 0.1f, .eps = 1e-6f },
    { .kind = RULE_ADAM, .rate = 0.1f, .inverse_root = 2.0f, .fade = 0.01f, .u1 = 0.125f, .u2 = 0.0078125f, .eps = 1e-6f },
};
enum { RULES = sizeof rules / sizeof *rules };

/* The rule in double; a few roundings of the largest part of each sum are allowed. */
static void check_element(const update_rule *u, const updated *old, const updated *new, int64_t i, double raw, double clip)
{
    double p = (double)old->p[i], m = old->m ? (double)old->m[i] : 0.0, v = old->v ? (double)old->v[i] : 0.0, l2 = (double)u->l2;
    double g = clip * raw + l2 * p, rate = (double)u->rate, mu = (double)u->momentum, step = 0.0;
    switch (u->kind) {
    case RULE_SGD: step = g; break;
    case RULE_MOMENTUM: m = mu * m + g, step = m; break;
    case RULE_NESTEROV: m = mu * m + g, step = g + mu * m; break;
    case RULE_ADAGRAD: v += g * g, step = g / (sqrt(v) + (double)u->eps); break;
    default:
        m += (double)u->u1 * (g - m), v += (double)u->u2 * (g * g - v);
        step = m / ((double)u->inverse_root * sqrt(v) + (double)u->eps);
    }
    double want = p - (double)u->fade * p - rate * step;
    double bound = ROUNDING * (4.0 * fabs(p) + 64.0 * rate * (1.0 + fabs(step)));
    if (!(fabs((double)new->p[i] - want) <= bound))
        fail_msg("rule %d, element %lld: %.9g, want %.9g (bound %.3g)", u->kind, (long long)i, (double)new->p[i], want, bound);
}

static updated state_of(int kind, uint64_t seed)
{
    static const lag_case adam = { .kind = RULE_ADAM };
    updated a = case_table(&adam, N, D, 1, seed);
    free(a.last), a.last = NULL;
    if (kind == RULE_SGD || kind == RULE_ADAGRAD) free(a.m), a.m = NULL;
    if (kind != RULE_ADAGRAD && kind != RULE_ADAM) free(a.v), a.v = NULL;
    return a;
}

static updated copy_state(const updated *a)
{
    return (updated){ N, D, case_copy_floats(a->p, N * D), case_copy_floats(a->m, N * D), case_copy_floats(a->v, N * D), NULL };
}

static void same_state(const updated *a, const updated *b)
{
    case_same_floats(a->p, b->p, N * D, "p");
    if (a->m) case_same_floats(a->m, b->m, N * D, "m");
    if (a->v) case_same_floats(a->v, b->v, N * D, "v");
}

/* Rows alone, rows with all others, dense, none: in one call, against double; then all threads and rungs. */
static void check_rule(const fixture *f, const update_rule *u, const both *b)
{
    enum { TARGETS = 4 };
    float clip = 0.5f;
    int32_t bad[TARGETS], n_rows = b->n_rows;
    updated old = state_of(u->kind, 7), first[TARGETS];
    op_optimize o = { .op = { OP_OPTIMIZE, sizeof o }, .rule = *u, .clip = &clip, .bad = bad, .n_targets = TARGETS };
    for (int run = 0; run < 1 + case_thread_counts() * case_rungs(); run++) {
        for (int k = 0; k < TARGETS; k++) {
            static const int32_t kinds[] = { TARGET_ROWS, TARGET_ROWS, TARGET_DENSE, TARGET_ZERO };
            o.target[k] = (optimize_target){ .table = copy_state(&old), .kind = kinds[k], .every_row = k == 1, .dense = b->dense,
                                             .rows = b->rows };
            o.target[k].rows.index.n_rows = &n_rows;
        }
        case_expect(f, &o.op, run == 0 ? 1 : case_threads[(run - 1) / 3], run == 0 ? SIMD_PLAIN : (run - 1) % 3);
        for (int k = 0; k < TARGETS; k++) {
            assert_int_equal(bad[k], 0);
            if (run == 0)
                first[k] = o.target[k].table;
            else
                same_state(&o.target[k].table, &first[k]), case_free_table(&o.target[k].table);
        }
    }
    for (int64_t i = 0; i < N * D; i++) {
        double g = (double)b->dense[i];
        int touched = 0;
        for (int64_t s = 0; s < b->n_rows; s++) touched |= b->rows.index.row[s] == i / D;
        if (touched)
            check_element(u, &old, &first[0], i, g, 0.5);
        else
            case_same_floats(&first[0].p[i], &old.p[i], 1, "a row that nobody touches");
        check_element(u, &old, &first[1], i, g, 0.5);
        check_element(u, &old, &first[3], i, 0.0, 0.5);
    }
    same_state(&first[1], &first[2]); /* the same numbers in two forms */
    for (int k = 0; k < TARGETS; k++) case_free_table(&first[k]);
    case_free_table(&old);
}

static void test_rules(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    both b = draw(3);
    for (int r = 0; r < RULES; r++) check_rule(&f, &rules[r], &b);
    free_both(&b);
    fixture_close(&f);
    (void)state;
}

/* A flag for each target whose gradient cannot be used, whatever clipping makes of it. */
static void test_flags(void **state)
{
    static const float broken[] = { NAN, INFINITY, -INFINITY, 2e19f };
    fixture f;
    fixture_open(&f, 1);
    both b = draw(4);
    float clip = 0.0f;
    int32_t bad[3], n_rows = b.n_rows;
    for (int k = 0; k < 4; k++)
        for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX2; simd++) {
            op_optimize o = { .op = { OP_OPTIMIZE, sizeof o }, .rule = rules[0], .clip = &clip, .bad = bad, .n_targets = 3 };
            float *dense = case_copy_floats(b.dense, N * D);
            dense[(N - 1) * D + (k % 2 ? 3 : D - 1)] = broken[k]; /* in the vectors and behind them */
            for (int t = 0; t < 3; t++)
                o.target[t] = (optimize_target){ .table = state_of(RULE_SGD, 1), .kind = t == 0 ? TARGET_ROWS : TARGET_DENSE,
                                                 .dense = t == 1 ? dense : b.dense, .rows = b.rows };
            o.target[0].rows.index.n_rows = &n_rows;
            case_expect(&f, &o.op, 3, simd);
            assert_true(bad[0] == 0 && bad[1] == 1 && bad[2] == 0);
            for (int t = 0; t < 3; t++) case_free_table(&o.target[t].table);
            free(dense);
        }
    free_both(&b);
    fixture_close(&f);
    (void)state;
}

static void test_norm(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    both b = draw(5);
    int32_t n_rows = b.n_rows;
    double want = 0.0, square, norm, first = 0.0;
    float factor;
    for (int64_t i = 0; i < N * D; i++) want += 2.0 * (double)b.dense[i] * (double)b.dense[i];
    op_gradient_norm o = { .op = { OP_GRADIENT_NORM, sizeof o }, .n_targets = 3, .square = &square, .norm = &norm, .factor = &factor };
    for (int k = 0; k < 3; k++)
        o.target[k] = (optimize_target){ .table = { .n_rows = N, .dim = D }, .kind = k, .dense = b.dense, .rows = b.rows };
    o.target[TARGET_ROWS].rows.index.n_rows = &n_rows;
    for (int t = 0; t < CASE_THREADS; t++)
        for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX2; simd++) {
            o.most = t % 2 ? 1e9 : 0.5, o.add = 0;
            case_expect(&f, &o.op, case_threads[t], simd);
            if (first == 0.0) first = square;
            assert_true(square == first && norm == sqrt(square));
            assert_true(fabs(square - want) <= 2.0 * N * D * 0x1p-52 * want);
            assert_true(factor == (t % 2 ? 1.0f : (float)(0.5 / norm)));
            o.add = 1;
            case_expect(&f, &o.op, case_threads[t], simd);
            assert_true(fabs(square - 2.0 * want) <= 4.0 * N * D * 0x1p-52 * want);
        }
    o.n_targets = 0, o.add = 0;
    case_expect(&f, &o.op, 1, SIMD_PLAIN);
    assert_true(norm == 0.0 && factor == 1.0f);
    free_both(&b);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_flags), cmocka_unit_test(test_norm) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
