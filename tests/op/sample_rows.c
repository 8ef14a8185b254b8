/* sample_rows.c - the sample_rows kernel against its contract: rows, their samples, flags.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/sampling_case.h"

#include "backend/op/sample_rows.h"

typedef struct rows_case {
    op_sample_rows o;
    int32_t *row_user, *column;
    int64_t *row_ptr;
    uint8_t *flag;
    int64_t U, I;
} rows_case;

/* Every third user has no positives; user 1 has nearly all items. */
static rows_case make_case(int64_t U, int64_t I, int64_t n, int weighted, uint64_t seed)
{
    rows_case r = { .row_user = case_array(U, 4), .column = case_array(U * I, 4), .row_ptr = case_array(U + 1, 8),
                    .flag = case_array(U * I, 1), .U = U, .I = I };
    negatives g = case_negatives(U, I, n, seed);
    int64_t R = 0, cells = 0;
    if (weighted) case_weights(&g, I / 2);
    for (int64_t u = 0; u < U; u++) {
        r.row_ptr[u] = cells;
        for (int64_t i = 0; i < I && u % 3 != 2; i++) {
            double draw = test_random_unit(&seed);
            if (i > 0 && draw >= (u == 1 ? 0.9 : 0.1)) continue;
            r.flag[cells] = (uint8_t)(test_random(&seed) % 2);
            r.column[cells++] = (int32_t)i;
        }
        if (cells > r.row_ptr[u]) r.row_user[R++] = (int32_t)u;
    }
    r.row_ptr[U] = cells;
    r.o = (op_sample_rows){ { OP_SAMPLE_ROWS, sizeof r.o }, .n_rows = R, .negatives = g, .row_user = r.row_user,
                            .order = recsys__permutation(R, 5, RANDOM_ORDER, 7, 0), .row_ptr = r.row_ptr, .n_cells = cells,
                            .column = r.column, .flag = r.flag };
    return r;
}

static void free_case(rows_case *r)
{
    case_free_negatives(&r->o.negatives);
    free(r->row_user), free(r->column), free(r->row_ptr), free(r->flag);
}

/* Outputs for the largest batch that there can be, everything 0xff. */
static void take_outputs(op_sample_rows *o, const rows_case *r, int samples)
{
    int64_t cells = r->o.n_cells, S = cells * (1 + r->o.negatives.per_positive);
    o->users = case_array(o->count + 1, 4), o->out_ptr = case_array(o->count + 2, 8), o->out_column = case_array(cells + 1, 4);
    o->clean = case_array(samples ? S + 1 : o->count * r->I + 1, 1);
    if (!samples) return;
    o->items = case_array(S + 1, 4), o->labels = case_floats(S + 1), o->sample_row = case_array(S + 1, 4);
}

static void free_outputs(op_sample_rows *o)
{
    free(o->users), free(o->out_ptr), free(o->out_column), free(o->clean), free(o->items), free(o->labels), free(o->sample_row);
}

static void check_full_row(const rows_case *r, const op_sample_rows *o, int64_t b)
{
    int64_t u = o->users[b], e = r->row_ptr[u];
    for (int64_t i = 0; i < r->I; i++) {
        int cell = e < r->row_ptr[u + 1] && r->column[e] == i;
        assert_int_equal(o->clean[b * r->I + i], cell ? r->flag[e] : 2);
        e += cell;
    }
}

static void check_samples(const rows_case *r, const op_sample_rows *o, int64_t b)
{
    const int64_t u = o->users[b], n = o->negatives.per_positive, d = r->row_ptr[u + 1] - r->row_ptr[u];
    for (int64_t k = 0; k < (1 + n) * d; k++) {
        int64_t s = (1 + n) * o->out_ptr[b] + k, cell = r->row_ptr[u] + (k < d ? k : (k - d) / n);
        assert_int_equal(o->sample_row[s], b);
        assert_true(o->labels[s] == (k < d ? 1.0f : 0.0f));
        assert_int_equal(o->clean[s], k < d ? r->flag[cell] : 2);
        uint64_t number = k < d ? 0 : (uint64_t)(o->n_cells + cell * n + (k - d) % n);
        int32_t want = k < d ? r->column[cell] : case_negative(&o->negatives, u, number);
        if (o->items[s] != want)
            fail_msg("user %lld sample %lld: item %d, want %d", (long long)u, (long long)k, (int)o->items[s], (int)want);
    }
}

static void check_batch(const fixture *f, const rows_case *r, int64_t position, int64_t count, int samples, int32_t threads,
                        int32_t simd)
{
    op_sample_rows o = r->o;
    o.position = position, o.count = count;
    take_outputs(&o, r, samples);
    case_expect(f, &o.op, threads, simd);
    assert_int_equal(o.out_ptr[0], 0);
    for (int64_t b = 0; b < count; b++) {
        int64_t u = r->row_user[o.in_order ? position + b : recsys__permute(&o.order, position + b)];
        int64_t d = r->row_ptr[u + 1] - r->row_ptr[u];
        assert_int_equal(o.users[b], u);
        assert_int_equal(o.out_ptr[b + 1] - o.out_ptr[b], d);
        assert_memory_equal(o.out_column + o.out_ptr[b], r->column + r->row_ptr[u], (size_t)d * 4);
        if (samples) check_samples(r, &o, b);
        else check_full_row(r, &o, b);
    }
    int64_t E = o.out_ptr[count], S = E * (1 + o.negatives.per_positive);
    assert_int_equal(o.users[count], -1); /* not an element further */
    assert_true(o.out_ptr[count + 1] == -1);
    assert_int_equal(o.out_column[E], -1);
    assert_int_equal(o.clean[samples ? S : count * r->I], 0xff);
    if (samples) assert_int_equal(o.items[S], -1);
    free_outputs(&o);
}

static void check_epoch(const fixture *f, rows_case *r)
{
    for (int32_t in_order = 0; in_order < 2; in_order++)
        for (int samples = 0; samples < 2; samples++) {
            r->o.in_order = in_order;
            for (int32_t simd = 0; simd < case_rungs(); simd++) check_batch(f, r, 0, r->o.n_rows, samples, 1, simd);
            for (int64_t at = 0, count = 1; at < r->o.n_rows; at += count, count = count * 3 + 1) {
                if (count > r->o.n_rows - at) count = r->o.n_rows - at;
                check_batch(f, r, at, count, samples, 2, 1);
            }
            check_batch(f, r, 0, 0, samples, 1, 1);
        }
}

static void test_shapes(void **state)
{
    static const int64_t users[] = { 1, 2, 31, 64, 100 }, items[] = { 1, 2, 29, 65 }, per_positive[] = { 0, 1, 4 };
    for (int k = 0; k < 5; k++)
        for (int l = 0; l < 4; l++)
            for (int j = 0; j < 3; j++)
                for (int weighted = 0; weighted < 2; weighted++) {
                    rows_case r = make_case(users[k], items[l], per_positive[j], weighted && items[l] > 1, (uint64_t)(10 * k + j));
                    if (!(weighted && users[k] > 31)) check_epoch(*state, &r);
                    free_case(&r);
                }
}

/* Large batches are shared between threads, and give the same bytes as one thread on the plain rung. */
static void test_threads(void **state)
{
    rows_case r = make_case(600, 120, 2, 0, 9);
    for (int samples = 0; samples < 2; samples++)
        for (int run = 0; run < case_thread_counts() * case_rungs(); run++) {
            op_sample_rows o = r.o, first = r.o;
            o.count = first.count = r.o.n_rows;
            take_outputs(&o, &r, samples);
            take_outputs(&first, &r, samples);
            case_expect(*state, &first.op, 1, 0);
            case_expect(*state, &o.op, case_threads[run % CASE_THREADS], run / CASE_THREADS);
            size_t E = (size_t)first.out_ptr[o.count], S = 3 * E, B = (size_t)o.count;
            assert_memory_equal(o.users, first.users, B * 4);
            assert_memory_equal(o.out_ptr, first.out_ptr, (B + 1) * 8);
            assert_memory_equal(o.out_column, first.out_column, E * 4);
            assert_memory_equal(o.clean, first.clean, samples ? S : B * (size_t)r.I);
            if (samples) {
                assert_memory_equal(o.items, first.items, S * 4);
                assert_memory_equal(o.labels, first.labels, S * 4);
                assert_memory_equal(o.sample_row, first.sample_row, S * 4);
            }
            free_outputs(&o);
            free_outputs(&first);
        }
    free_case(&r);
}

static int open_fixture(void **state)
{
    static fixture f;
    fixture_open(&f, 1);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes), cmocka_unit_test(test_threads) };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
