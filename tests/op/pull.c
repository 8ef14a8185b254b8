/* pull.c - a sparse product whose right side and what is added have few rows: all combinations of what may be left out, rows of
 * more entries than are looked through at once, against sums in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"

#include "backend/op/pull.h"

enum { HAS_VALUES = 1, HAS_SLOTS = 2, HAS_OWN = 4, HAS_BESIDE = 8, HAS_MATRIX = 16, COMBINATIONS = 32 };

/* Slots for about half of `count` rows. */
static int32_t *some_slots(int64_t count, int32_t *n, uint64_t *seed)
{
    int32_t *slot = case_array(count, sizeof *slot);
    *n = 0;
    for (int64_t r = 0; r < count; r++) slot[r] = test_random(seed) % 2 == 0 ? (*n)++ : -1;
    return slot;
}

static void check(fixture *f, int64_t N, int64_t M, int64_t D, int64_t longest, int what, float scale)
{
    uint64_t seed = (uint64_t)(N * 1000003 + M * 1009 + D * 32 + what);
    int64_t *ptr = rows_pointers(N, longest, N > 2 ? 2 : -1, &seed), E = ptr[N], stride = 2 * D + 1, x_stride = D;
    int32_t *column = case_array(E, sizeof *column), n_x, n_own, *x_slot = some_slots(M, &n_x, &seed);
    int32_t *own_slot = some_slots(N, &n_own, &seed);
    if (what & HAS_SLOTS) x_stride = stride;
    float *value = rows_floats(E, &seed), *x = rows_floats((M > n_x ? M : n_x) * stride + 1, &seed);
    float *own = rows_floats((n_own + 1) * stride, &seed), *y = case_floats(N * D + 1), behind;
    for (int64_t e = 0; e < E; e++) column[e] = (int32_t)(test_random(&seed) % (uint64_t)M);
    op_pull o = { .op = { OP_PULL, sizeof o }, .n_rows = N, .dim = D, .n_entries = E, .row_ptr = what & HAS_MATRIX ? ptr : NULL,
                  .column = column, .value = what & HAS_VALUES ? value : NULL, .x = x, .x_stride = x_stride,
                  .x_slot = what & HAS_SLOTS ? x_slot : NULL, .own_slot = what & (HAS_OWN | HAS_BESIDE) ? own_slot : NULL,
                  .own = what & HAS_OWN ? own : NULL, .beside = what & HAS_BESIDE ? own + D : NULL, .own_stride = stride,
                  .scale = scale, .y = y };
    float *got = rows_run(f, &o.op, y, (size_t)(N * D) * sizeof *y);
    memset(&behind, 0xff, sizeof behind);
    assert_memory_equal(&y[N * D], &behind, sizeof behind);
    for (int64_t n = 0; n < N; n++)
        for (int64_t c = 0; c < D; c++) {
            double sum = 0.0, size = 0.0, beside = 0.0;
            for (int64_t e = ptr[n]; what & HAS_MATRIX && e < ptr[n + 1]; e++) {
                int64_t r = what & HAS_SLOTS ? x_slot[column[e]] : column[e];
                double term = r < 0 ? 0.0 : (what & HAS_VALUES ? (double)value[e] : 1.0) * (double)x[r * x_stride + c];
                sum += term, size += fabs(term);
            }
            if (what & HAS_OWN && own_slot[n] >= 0) sum += (double)own[own_slot[n] * stride + c], size += 1.0;
            if (what & HAS_BESIDE && own_slot[n] >= 0) beside = (double)own[own_slot[n] * stride + D + c];
            double want = (double)scale * sum + beside;
            double bound = (double)(ptr[n + 1] - ptr[n] + 3) * ROUNDING * (fabs((double)scale) * size + fabs(beside));
            rows_near((double)got[n * D + c], want, bound, "Y", n, c);
        }
    free(ptr), free(column), free(x_slot), free(own_slot), free(value), free(x), free(own), free(y), free(got);
}

static void test_combinations(void **state)
{
    static const int64_t dims[] = { 1, 7, 8, 33, 64 };
    fixture f;
    fixture_open(&f, 2);
    for (int what = 0; what < COMBINATIONS; what++)
        for (int d = 0; d < 5; d++) check(&f, 31, 17, dims[d], 8, what, d % 2 == 0 ? 0.25f : 1.0f);
    check(&f, 0, 3, 8, 4, COMBINATIONS - 1, 1.0f);
    fixture_close(&f);
    (void)state;
}

/* Row 2 has 1,200 or 2,500 entries, and the whole is worth several threads. */
static void test_long_rows(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int what = HAS_MATRIX; what < COMBINATIONS; what += 3) {
        check(&f, 900, 200, 32, 120, what, 0.5f);
        check(&f, 700, 200, 33, 120, what | HAS_SLOTS, 1.0f);
        check(&f, 300, 200, what % 2 ? 64 : 33, 250, what | HAS_SLOTS, 0.5f);
    }
    fixture_close(&f);
    (void)state;
}

/* What the slots leave out is not read. */
static void test_nan_without_slot(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    const int64_t ptr[] = { 0, 2 };
    const int32_t column[] = { 0, 1 }, slot[] = { -1, 1 };
    float x[2 * 9], y[9];
    for (int i = 0; i < 18; i++) x[i] = i < 9 ? NAN : 2.0f;
    op_pull o = { .op = { OP_PULL, sizeof o }, .n_rows = 1, .dim = 9, .n_entries = 2, .row_ptr = ptr, .column = column, .x = x,
                  .x_stride = 9, .x_slot = slot, .scale = 1.0f, .y = y };
    for (int32_t rung = 0; rung < case_rungs(); rung++) {
        case_expect(&f, &o.op, 1, rung);
        for (int i = 0; i < 9; i++) assert_true(y[i] == 2.0f);
    }
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_combinations),
        cmocka_unit_test(test_long_rows),
        cmocka_unit_test(test_nan_without_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
