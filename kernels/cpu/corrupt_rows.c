/* corrupt_rows.c - the corrupt_rows kernel: each row on its own, a walk over its cells and one over its flips merged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/corrupt_rows.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"
#include "kernels/shared/corruption.h"

/* Rows of a piece, for parallel loops. */
enum { SPAN_ROWS = 32 };

size_t recsys__cpu_corrupt_rows_workspace(const op_corrupt_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* ---- cells that are hidden ---- */

/* Values of row b's cells to `value`. Neighbours often share a block of words. */
static void row_values(const op_corrupt_rows *o, int64_t b, float *value)
{
    const int64_t begin = o->row_ptr[b], d = o->row_ptr[b + 1] - begin;
    const int32_t *column = o->column + begin;
    const uint64_t below = mask_below(o);
    const float kept = row_scale(o, d) * o->kept;
    uint32_t word[4];
    int32_t drawn = -1;
    for (int64_t e = 0; e < d; e++) {
        if (below > 0 && column[e] / 4 != drawn) {
            drawn = column[e] / 4;
            mask_words(o, b, drawn, word);
        }
        value[e] = below > 0 && word[column[e] % 4] < below ? 0.0f : kept;
    }
}

static void value_rows(const void *work, int64_t begin, int64_t end)
{
    const op_corrupt_rows *o = work;
    for (int64_t b = begin; b < end; b++) row_values(o, b, o->out_value + o->row_ptr[b]);
}

/* ---- cells that are set ---- */

/* Where the walk over row b's flips stands. */
typedef struct flips {
    const op_corrupt_rows *o;
    double log_other; /* log(1 - flip) */
    int64_t b, at;    /* I: past the end */
    uint64_t drawn;
} flips;

static void next_flip(flips *w)
{
    int64_t gap = flip_gap(w->o, w->log_other, w->b, w->drawn++), left = w->o->n_columns - w->at - 1;
    w->at = gap < left ? w->at + 1 + gap : w->o->n_columns;
}

static flips first_flip(const op_corrupt_rows *o, int64_t b)
{
    flips w = { .o = o, .log_other = double_log_other(o->flip), .b = b, .at = -1 };
    next_flip(&w);
    return w;
}

/* Row b with its flips: how many cells. Columns and values are written unless `column` is NULL; values of the row's own cells
 * are at the front of `value`, and are moved to their places from the back. */
static int64_t merge_row(const op_corrupt_rows *o, int64_t b, int32_t *column, float *value)
{
    const int64_t begin = o->row_ptr[b], d = o->row_ptr[b + 1] - begin;
    const int32_t *own = o->column + begin;
    int64_t n = 0, e = 0;
    for (flips w = first_flip(o, b); w.at < o->n_columns; next_flip(&w)) {
        for (; e < d && own[e] < w.at; e++, n++)
            if (column) column[n] = own[e];
        if (e < d && own[e] == w.at) continue;
        if (column) column[n] = (int32_t)w.at;
        n++;
    }
    for (; e < d; e++, n++)
        if (column) column[n] = own[e];
    if (!column) return n;
    const float f = row_scale(o, d);
    for (int64_t k = n - 1, from = d - 1; k >= 0; k--) value[k] = from >= 0 && column[k] == own[from] ? value[from--] : f;
    return n;
}

static void count_rows(const void *work, int64_t begin, int64_t end)
{
    const op_corrupt_rows *o = work;
    for (int64_t b = begin; b < end; b++) o->out_ptr[b + 1] = merge_row(o, b, NULL, NULL);
}

static void merge_rows(const void *work, int64_t begin, int64_t end)
{
    const op_corrupt_rows *o = work;
    for (int64_t b = begin; b < end; b++) {
        float *value = o->out_value + o->out_ptr[b];
        row_values(o, b, value);
        merge_row(o, b, o->out_column + o->out_ptr[b], value);
    }
}

recsys_status recsys__cpu_corrupt_rows(op_context *c, const op_corrupt_rows *o)
{
    const int64_t B = o->n_rows;
    if (o->flip == 0.0) {
        spans(c, B, SPAN_ROWS, value_rows, o);
        return RECSYS_OK;
    }
    o->out_ptr[0] = 0;
    spans(c, B, SPAN_ROWS, count_rows, o);
    for (int64_t b = 0; b < B; b++) o->out_ptr[b + 1] += o->out_ptr[b];
    if (o->out_column) spans(c, B, SPAN_ROWS, merge_rows, o);
    return RECSYS_OK;
}
