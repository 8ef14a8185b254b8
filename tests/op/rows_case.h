/* rows_case.h - what the tests of operations that read tables by rows share: random arrays, indices made by hand, and running
 * a descriptor on every rung with several numbers of threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_ROWS_CASE_H
#define TESTS_OP_ROWS_CASE_H

#include "op/kernel_case.h"

#include "backend/row_gradient.h"

/* Uniform in [-1, 1). */
static inline float *rows_floats(int64_t count, uint64_t *seed)
{
    float *x = case_floats(count);
    for (int64_t i = 0; i < count; i++) x[i] = (float)(2.0 * test_random_unit(seed) - 1.0);
    return x;
}

/* Numbers in -1..N-1; one in three is row 0, so that some row has many entries. */
static inline int32_t *rows_numbers(int64_t count, int64_t N, uint64_t *seed)
{
    int32_t *row = case_array(count, sizeof *row);
    for (int64_t e = 0; e < count; e++) {
        uint64_t draw = test_random(seed);
        row[e] = draw % 3 == 0 ? 0 : (int32_t)(draw / 3 % (uint64_t)(N + 1)) - 1;
    }
    return row;
}

/* The index of E row numbers below N, one row after the other. */
static inline row_index rows_index(const int32_t *row, int64_t E, int64_t N)
{
    row_index x = { .n_entries = E, .n_rows = case_array(1, 4), .row = case_array(E, 4), .begin = case_array(E + 1, 4),
                    .order = case_array(E, 4) };
    int32_t at = 0, S = 0;
    for (int32_t n = 0; n < N; n++) {
        int32_t begin = at;
        for (int32_t e = 0; e < E; e++)
            if (row[e] == n) x.order[at++] = e;
        if (at == begin) continue;
        x.row[S] = n;
        x.begin[S++] = begin;
    }
    x.begin[S] = at;
    *x.n_rows = S;
    return x;
}

static inline void rows_free_index(row_index *x)
{
    free(x->n_rows), free(x->row), free(x->begin), free(x->order);
}

/* CSR rows of random length below `longest`: every fourth empty, and row `huge` (-1: none) with ten times as many. */
static inline int64_t *rows_pointers(int64_t N, int64_t longest, int64_t huge, uint64_t *seed)
{
    int64_t *ptr = case_array(N + 1, sizeof *ptr);
    ptr[0] = 0;
    for (int64_t n = 0; n < N; n++) {
        int64_t length = n % 4 == 3 ? 0 : (int64_t)(test_random(seed) % (uint64_t)longest);
        ptr[n + 1] = ptr[n] + (n == huge ? 10 * longest : length);
    }
    return ptr;
}

/* Runs the descriptor on every rung with 1, 2, 3 and 8 threads; out[0..bytes-1] must be the same each time. The first run,
 * on the plain rung, decides. Gives these bytes in a new block. */
static inline void *rows_run(const fixture *f, const op *o, void *out, size_t bytes)
{
    char *first = malloc(bytes + 1);
    for (int32_t rung = 0; rung < case_rungs(); rung++)
        for (int t = 0; t < case_thread_counts(); t++) {
            memset(out, 0xff, bytes);
            case_expect(f, o, case_threads[t], rung);
            if (rung == 0 && t == 0) memcpy(first, out, bytes);
            else if (memcmp(first, out, bytes) != 0)
                fail_msg("%s: other bits on rung %d with %d threads", recsys__op_name(o->number), (int)rung,
                         (int)case_threads[t]);
        }
    return first;
}

static inline void rows_near(double got, double want, double bound, const char *what, int64_t r, int64_t c)
{
    if (!(fabs(got - want) <= bound))
        fail_msg("%s[%lld, %lld] = %.9g, want %.9g (bound %.3g)", what, (long long)r, (long long)c, got, want, bound);
}

#endif
