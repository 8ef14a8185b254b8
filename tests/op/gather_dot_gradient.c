/* gather_dot_gradient.c - gradients of the weights of a factor model: any shape, against sums in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"

#include "backend/op/gather_dot_gradient.h"

static void check(fixture *f, int64_t B, int64_t D, int with_c)
{
    uint64_t seed = (uint64_t)(B * 1009 + D);
    float *gy = rows_floats(B, &seed), *p = rows_floats(B * D, &seed), *q = rows_floats(B * D, &seed);
    float *out = case_floats(D + 1);
    op_gather_dot_gradient o = { .op = { OP_GATHER_DOT_GRADIENT, sizeof o }, .count = B, .dim = D, .gy = gy, .p_rows = p,
                                 .q_rows = q, .gh = out, .gc = with_c ? out + D : NULL };
    float *got = rows_run(f, &o.op, out, (size_t)(D + with_c) * sizeof *out);
    for (int64_t d = 0; d < D + with_c; d++) {
        double sum = 0.0, size = 0.0;
        for (int64_t b = 0; b < B; b++) {
            double term = d < D ? (double)gy[b] * (double)p[b * D + d] * (double)q[b * D + d] : (double)gy[b];
            sum += term, size += fabs(term);
        }
        rows_near((double)got[d], sum, 259.0 * ROUNDING * size, "gh", 0, d);
    }
    free(gy), free(p), free(q), free(out), free(got);
}

static void test_shapes(void **state)
{
    static const int64_t counts[] = { 0, 1, 31, 255, 256, 257, 1000 }, dims[] = { 0, 1, 7, 8, 32, 33, 97 };
    fixture f;
    fixture_open(&f, 2);
    for (int b = 0; b < 7; b++)
        for (int d = 0; d < 7; d++) check(&f, counts[b], dims[d], (b + d) % 2);
    check(&f, 3001, 40, 1); /* several threads */
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
