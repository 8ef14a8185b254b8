/* pull.c - the pull kernel: rows of a sparse product, of which the entries that meet a row of X are picked out first.
 *
 * N rows, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/pull.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/row_parts.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

/* Entries and rows that are looked through at once. */
enum { BLOCK = 2048, BLOCK_ROWS = 256 };

size_t recsys__cpu_pull_workspace(const op_pull *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

typedef struct job {
    const op_pull *o;
    sum_rows_fn sum_rows;
    sum_matrix_fn sum_matrix;
    row_terms t;
    row_finish finish;
} job;

/* Entries of A that have a row of x, with those rows; entry n may be written before it is known to be one. */
typedef struct picked {
    int64_t ptr[BLOCK_ROWS + 1]; /* of each row of Y */
    int32_t row[BLOCK + 1];
    float weight[BLOCK + 1];
} picked;

/* Adds those of entries begin..end-1 behind the n that there are; how many there are then. Without a branch: which entries
 * have a row cannot be guessed. */
static int64_t pick(const op_pull *o, picked *p, int64_t n, int64_t begin, int64_t end)
{
    const int32_t *column = o->column, *slots = o->x_slot;
    const float *value = o->value;
    for (int64_t e = begin; e < end; e++) {
        int32_t slot = slots[column[e]];
        p->row[n] = slot;
        p->weight[n] = value ? value[e] : 1.0f;
        n += slot >= 0;
    }
    return n;
}

static row_terms terms_of(const job *j, const picked *p, int64_t n)
{
    row_terms t = j->t;
    t.source_row = p->row;
    t.weight = j->o->value ? p->weight : NULL;
    t.readable = n;
    return t;
}

/* One row of more entries than fit. */
static void pull_long_row(const job *j, picked *p, int64_t n)
{
    const op_pull *o = j->o;
    float *y = o->y + n * o->dim;
    int64_t begin = o->row_ptr[n], end = o->row_ptr[n + 1];
    for (int32_t add = 0; begin < end; begin += BLOCK, add = 1) {
        int64_t found = pick(o, p, 0, begin, end - begin < BLOCK ? end : begin + BLOCK);
        row_terms t = terms_of(j, p, found);
        t.add = add;
        j->sum_rows(y, &t, 0, found);
    }
    recsys__cpu_finish_row(y, &j->finish, o->dim, n);
}

/* Rows n0..n1-1, as many at a time as fit. */
static void pull_slots(const job *j, int64_t n0, int64_t n1)
{
    const op_pull *o = j->o;
    picked p;
    while (n0 < n1) {
        int64_t first = n0, n = 0, limit = o->row_ptr[n0] + BLOCK;
        if (o->row_ptr[n0 + 1] > limit) {
            pull_long_row(j, &p, n0++);
            continue;
        }
        for (p.ptr[0] = 0; n0 < n1 && n0 < first + BLOCK_ROWS && o->row_ptr[n0 + 1] <= limit; n0++) {
            n = pick(o, &p, n, o->row_ptr[n0], o->row_ptr[n0 + 1]);
            p.ptr[n0 + 1 - first] = n;
        }
        row_terms t = terms_of(j, &p, n);
        row_finish finish = j->finish;
        if (finish.slot) finish.slot += first;
        recsys__cpu_fetch_terms(&t, 0, n);
        j->sum_matrix(o->y + first * o->dim, &t, &finish, p.ptr, 0, n0 - first);
    }
}

static void pull_rows(const job *j, int64_t n0, int64_t n1)
{
    static const int64_t nothing[2] = { 0, 0 };
    const op_pull *o = j->o;
    if (o->row_ptr && o->x_slot) pull_slots(j, n0, n1);
    else if (o->row_ptr) j->sum_matrix(o->y, &j->t, &j->finish, o->row_ptr, n0, n1);
    for (int64_t n = n0; !o->row_ptr && n < n1; n++) {
        row_finish finish = j->finish;
        if (finish.slot) finish.slot += n;
        j->sum_matrix(o->y + n * o->dim, &j->t, &finish, nothing, 0, 1);
    }
}

recsys_status recsys__cpu_pull(op_context *c, const op_pull *o)
{
    int32_t rung = recsys__cpu_simd(c->simd);
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    job j = { .o = o, .sum_rows = recsys__cpu_sum_rows(rung), .sum_matrix = recsys__cpu_sum_matrix(rung),
              .t = { .source_row = o->column, .weight = o->value, .source = o->x, .dim = o->dim, .stride = o->x_stride,
                     .readable = o->n_entries },
              .finish = { o->own_slot, o->own, o->beside, o->own_stride, o->scale } };
    int64_t total = rows_work(o->row_ptr, o->n_rows);
    int32_t threads = threads_worth(c, total * o->dim);
    if (threads == 1) {
        pull_rows(&j, 0, o->n_rows);
        return RECSYS_OK;
    }
    int64_t parts = (int64_t)threads * PARTS_OF_THREAD, each = total / parts + 1;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t p = 0; p < parts; p++)
        pull_rows(&j, row_at_work(o->row_ptr, o->n_rows, p * each), row_at_work(o->row_ptr, o->n_rows, (p + 1) * each));
    return RECSYS_OK;
}
