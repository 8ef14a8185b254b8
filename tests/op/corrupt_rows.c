/* corrupt_rows.c - corrupted rows against their contract, draw by draw; how often cells are hidden and set; and on the tape,
 * where there is noise only while training.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

#include "backend/op/corrupt_rows.h"
#include "base/random.h"

enum { MASK_STREAM = 39, FLIP_STREAM = 71 };

static op_corrupt_rows descriptor(const case_lists *l, int64_t B, int64_t I, double mask, double flip, int32_t normalize)
{
    return (op_corrupt_rows){ .op = { OP_CORRUPT_ROWS, sizeof(op_corrupt_rows) }, .n_rows = B, .n_columns = I,
                              .row_ptr = l->ptr,
                              .column = l->item, .seed = 0x123456789u, .step = 17, .mask_stream = MASK_STREAM,
                              .flip_stream = FLIP_STREAM, .mask = mask, .flip = flip, .kept = 1.25f, .normalize = normalize };
}

/* Row b as the contract defines it, in full: NAN where there is no entry. */
static void slow_row(const op_corrupt_rows *o, int64_t b, float *row)
{
    int64_t I = o->n_columns, d = o->row_ptr[b + 1] - o->row_ptr[b], at = -1;
    float f = o->normalize && d > 0 ? 1.0f / sqrtf((float)d) : 1.0f;
    for (int64_t i = 0; i < I; i++) row[i] = NAN;
    for (uint64_t k = 0; o->flip > 0.0; k++) {
        double x = recsys__random_unit(o->seed, FLIP_STREAM, o->step, ((uint64_t)b << 32) + k);
        double step = 1.0 + floor(log(1.0 - x) / log1p(-o->flip));
        if ((double)at + step >= (double)I) break;
        at += (int64_t)step;
        row[at] = f;
    }
    for (int64_t e = o->row_ptr[b]; e < o->row_ptr[b + 1]; e++) {
        int32_t i = o->column[e];
        uint32_t word[4];
        recsys__random4(o->seed, MASK_STREAM, o->step, (uint64_t)(b * ((I + 3) / 4) + i / 4), word);
        row[i] = (double)word[i % 4] < o->mask * 0x1p32 ? 0.0f : f * o->kept;
    }
}

/* Counts first, as the front-end does, then the rows: the same on every rung and number of threads. */
static void check(const fixture *f, int64_t B, int64_t I, double mask, double flip, int32_t normalize, uint64_t seed)
{
    case_lists l = case_random_lists(B, I, 0.2, seed);
    op_corrupt_rows o = descriptor(&l, B, I, mask, flip, normalize);
    int64_t *ptr = case_array(B + 1, 8), E = l.ptr[B];
    int64_t *counted = NULL;
    if (flip > 0.0) {
        o.out_ptr = ptr;
        counted = rows_run(f, &o.op, ptr, (size_t)(B + 1) * 8);
        E = counted[B];
    }
    int32_t *column = case_array(E + 1, 4), *columns = NULL;
    float *value = case_floats(E + 1), *row = case_floats(I);
    o.out_value = value;
    if (flip > 0.0) {
        o.out_column = column;
        columns = rows_run(f, &o.op, column, (size_t)E * 4);
        assert_memory_equal(ptr, counted, (size_t)(B + 1) * 8);
    }
    float *values = rows_run(f, &o.op, value, (size_t)E * 4);
    const int64_t *at = flip > 0.0 ? counted : l.ptr;
    const int32_t *col = flip > 0.0 ? columns : l.item;
    for (int64_t b = 0; b < B; b++) {
        int64_t e = at[b];
        slow_row(&o, b, row);
        for (int64_t i = 0; i < I; i++) {
            if (isnan(row[i])) continue;
            assert_true(e < at[b + 1] && col[e] == i);
            case_same_floats(values + e++, row + i, 1, "value");
        }
        assert_true(e == at[b + 1]);
    }
    case_free_lists(&l);
    free(ptr), free(counted), free(column), free(columns), free(value), free(values), free(row);
}

static void test_shapes(void **state)
{
    static const int64_t shapes[][2] = { { 0, 5 }, { 1, 1 }, { 6, 3 }, { 11, 40 }, { 90, 101 } };
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++)
        for (int variant = 0; variant < 18; variant++)
            check(*state, shapes[c][0], shapes[c][1], (double[]){ 0.0, 0.3, 0.99 }[variant % 3],
                  (double[]){ 0.0, 0.1, 0.9 }[variant / 3 % 3], variant / 9, c);
}

/* Shares of cells hidden and set over many steps, cell by cell within six standard deviations of what they should be. */
static void test_expectation(void **state)
{
    enum { B = 20, I = 50 };
    const uint64_t steps = getenv("RECSYS_TEST_DEVICE") ? 50 : 400;
    const double mask = 0.3, flip = 0.05;
    case_lists l = case_random_lists(B, I, 0.4, 3);
    double own = 0.0, hidden = 0.0, other = 0.0, set = 0.0, of_column[I] = { 0 }, others_of[I] = { 0 };
    int64_t *ptr = case_array(B + 1, sizeof *ptr);
    int32_t *column = case_array(B * I, sizeof *column);
    float *value = case_floats(B * I);
    for (uint64_t step = 0; step < steps; step++) {
        op_corrupt_rows o = descriptor(&l, B, I, mask, flip, 0);
        o.step = step, o.out_ptr = ptr, o.out_column = column, o.out_value = value;
        case_expect(*state, &o.op, 1, 1);
        for (int64_t b = 0; b < B; b++) {
            int64_t e = l.ptr[b];
            own += (double)(l.ptr[b + 1] - l.ptr[b]);
            other += (double)(I - (l.ptr[b + 1] - l.ptr[b]));
            for (int64_t k = ptr[b]; k < ptr[b + 1]; k++) {
                if (e < l.ptr[b + 1] && l.item[e] == column[k]) {
                    hidden += value[k] == 0.0f;
                    e++;
                } else {
                    set += 1.0;
                    of_column[column[k]] += 1.0;
                }
            }
            assert_true(e == l.ptr[b + 1]); /* no interaction is lost from the pattern */
        }
    }
    for (int64_t i = 0; i < I; i++) others_of[i] = B * (double)steps;
    for (int64_t e = 0; e < l.ptr[B]; e++) others_of[l.item[e]] -= (double)steps;
    assert_true(fabs(hidden - mask * own) < 6.0 * sqrt(own * mask * (1.0 - mask)));
    assert_true(fabs(set - flip * other) < 6.0 * sqrt(other * flip * (1.0 - flip)));
    for (int64_t i = 0; i < I; i++)
        assert_true(fabs(of_column[i] - flip * others_of[i]) <= 6.0 * sqrt(others_of[i] * flip * (1.0 - flip)));
    free(ptr), free(column), free(value);
    case_free_lists(&l);
}

/* ---- on the tape ---- */

/* The corrupted rows as a dense array, row after row in `out` (host). */
static void on_tape(recsys_exec *x, const case_lists *l, int64_t B, int64_t I, const row_noise *n, int training, uint64_t step,
                    float *out)
{
    tape *g;
    int64_t E = l->ptr[B];
    expect_ok(x, recsys__tape_create(x, &g));
    recsys__tape_reset(g, 5, step);
    recsys__tape_mode(g, 0, training);
    sparse A = { .n_rows = B, .n_columns = I, .n_entries = E, .row_ptr = recsys__tape_copy_in(g, l->ptr, B + 1, 8),
                 .column = recsys__tape_copy_in(g, l->item, E, 4) };
    sparse Y = op_corrupt_rows(g, &A, n);
    tensor dense = op_densify(g, &Y);
    expect_ok(x, recsys__tape_status(g));
    expect_ok(x, recsys__download(x, out, dense.data, B * I * 4));
    recsys__tape_free(g);
}

static void test_only_in_training(void **state)
{
    enum { B = 12, I = 60 };
    fixture *f = *state;
    case_lists l = case_random_lists(B, I, 0.3, 3);
    float first[B * I], again[B * I], rest[B * I];
    for (int variant = 0; variant < 4; variant++) {
        row_noise n = { .mask = 0.5, .flip = variant & 1 ? 0.1 : 0.0, .rescale = 1, .normalize = variant / 2, .place = 1 };
        row_noise none = { .normalize = n.normalize };
        on_tape(f->exec, &l, B, I, &n, 1, 3, first);
        on_tape(f->exec, &l, B, I, &n, 1, 3, again);
        assert_memory_equal(first, again, sizeof first);
        on_tape(f->exec, &l, B, I, &n, 1, 4, again);
        assert_true(memcmp(first, again, sizeof first) != 0);
        on_tape(f->exec, &l, B, I, &n, 0, 3, again);
        on_tape(f->exec, &l, B, I, &none, 1, 3, rest);
        assert_memory_equal(again, rest, sizeof rest);
        for (int64_t b = 0; b < B; b++)
            for (int64_t i = 0, e = l.ptr[b]; i < I; i++) {
                int in = e < l.ptr[b + 1] && l.item[e] == i;
                e += in;
                float one = n.normalize && in ? 1.0f / sqrtf((float)(l.ptr[b + 1] - l.ptr[b])) : 1.0f;
                assert_true(rest[b * I + i] == (in ? one : 0.0f));
                if (in) assert_true(first[b * I + i] == 0.0f || first[b * I + i] == one * 2.0f);
                else assert_true(first[b * I + i] == 0.0f || (n.flip > 0.0));
            }
    }
    case_free_lists(&l);
}

static void test_refused(void **state)
{
    static const row_noise bad[] = { { .mask = 1.0 }, { .mask = -0.1 }, { .flip = 1.0 }, { .flip = (double)NAN } };
    fixture *f = *state;
    for (int k = 0; k < 4; k++) {
        tape *g;
        sparse A = { .n_rows = 2, .n_columns = 3 };
        expect_ok(f->exec, recsys__tape_create(f->exec, &g));
        sparse Y = op_corrupt_rows(g, &A, &bad[k]);
        assert_null(Y.row_ptr);
        expect_error(f->exec, recsys__tape_status(g), RECSYS_ERR_OUT_OF_RANGE, "op_corrupt_rows|mask and flip");
        recsys__tape_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_expectation),
        cmocka_unit_test(test_only_in_training),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
