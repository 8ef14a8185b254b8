/* sample_rows.c - the sample_rows kernel: where each row goes is added up first, then groups of rows are filled.
 *
 * B rows, E cells in them, n negatives a cell.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/sample_rows.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/negatives.h"
#include "kernels/cpu/vec/vec.h"

/* Rows of a group: enough short ones to fill blocks of negatives. Groups are shared between threads if there are so many
 * samples, or bytes of full rows. */
enum { ROW_GROUP = 32, SHARED_SAMPLES = 4096, SHARED_BYTES = 65536 };

size_t recsys__cpu_sample_rows_workspace(const op_sample_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* The users of the batch, and where their rows begin. */
static void place_rows(const op_sample_rows *o, int32_t simd)
{
    uint64_t row[SAMPLE_BLOCK];
    o->out_ptr[0] = 0;
    for (int64_t b0 = 0; b0 < o->count; b0 += SAMPLE_BLOCK) {
        int64_t count = o->count - b0 < SAMPLE_BLOCK ? o->count - b0 : SAMPLE_BLOCK;
        recsys__cpu_permute(o->in_order ? NULL : &o->order, o->position + b0, count, row, simd);
        for (int64_t k = 0; k < count; k++) o->users[b0 + k] = o->row_user[row[k]];
        for (int64_t k = 0; k < count; k++) {
            int32_t u = o->users[b0 + k];
            o->out_ptr[b0 + k + 1] = o->out_ptr[b0 + k] + o->row_ptr[u + 1] - o->row_ptr[u];
        }
    }
}

/* The samples of row b; negatives are put into `block`, which is drawn whenever it is full. */
static void sample_row(const op_sample_rows *o, int64_t b, negative_block *block, int32_t simd)
{
    const int32_t u = o->users[b];
    const int64_t n = o->negatives.per_positive, first = o->row_ptr[u], d = o->row_ptr[u + 1] - first;
    const int64_t at = o->out_ptr[b] * (1 + n);
    memcpy(o->items + at, o->column + first, (size_t)d * sizeof *o->items);
    if (o->clean) {
        memcpy(o->clean + at, o->flag + first, (size_t)d);
        memset(o->clean + at + d, 2, (size_t)(n * d));
    }
    for (int64_t s = at; s < at + (1 + n) * d; s++) {
        o->labels[s] = s < at + d ? 1.0f : 0.0f;
        o->sample_row[s] = (int32_t)b;
    }
    for (int64_t k = 0; k < n * d; k++) {
        block->to[block->count] = at + d + k;
        block->number[block->count] = (uint64_t)(o->n_cells + first * n + k);
        block->user[block->count] = u;
        if (++block->count == SAMPLE_BLOCK) recsys__cpu_draw_negatives(&o->negatives, block, o->items, simd);
    }
}

/* Row b of the B x I flags. */
static void flag_row(const op_sample_rows *o, int64_t b)
{
    uint8_t *clean_b = o->clean + b * o->negatives.n_items;
    memset(clean_b, 2, (size_t)o->negatives.n_items);
    for (int64_t e = o->row_ptr[o->users[b]]; e < o->row_ptr[o->users[b] + 1]; e++) clean_b[o->column[e]] = o->flag[e];
}

static void fill_rows(const op_sample_rows *o, int64_t b0, int64_t b1, int32_t simd)
{
    negative_block block = { .count = 0 };
    for (int64_t b = b0; b < b1; b++) {
        int64_t d = o->out_ptr[b + 1] - o->out_ptr[b];
        memcpy(o->out_column + o->out_ptr[b], o->column + o->row_ptr[o->users[b]], (size_t)d * sizeof *o->out_column);
        if (o->items) sample_row(o, b, &block, simd);
        else if (o->clean) flag_row(o, b);
    }
    if (block.count > 0) recsys__cpu_draw_negatives(&o->negatives, &block, o->items, simd);
}

recsys_status recsys__cpu_sample_rows(op_context *c, const op_sample_rows *o)
{
    const int32_t simd = recsys__cpu_simd(c->simd);
    c->rung = simd >= SIMD_AVX2 ? "avx2" : "plain";
    place_rows(o, simd);
    int64_t samples = o->out_ptr[o->count] * (1 + o->negatives.per_positive);
    int64_t bytes = o->clean && !o->items ? o->count * o->negatives.n_items : 0;
    if (c->threads == 1 || (samples < SHARED_SAMPLES && bytes < SHARED_BYTES)) {
        fill_rows(o, 0, o->count, simd);
        return RECSYS_OK;
    }
    const int64_t groups = (o->count + ROW_GROUP - 1) / ROW_GROUP;
#pragma omp parallel for num_threads(c->threads) schedule(dynamic)
    for (int64_t group = 0; group < groups; group++) {
        int64_t b0 = group * ROW_GROUP, b1 = b0 + ROW_GROUP < o->count ? b0 + ROW_GROUP : o->count;
        fill_rows(o, b0, b1, simd);
    }
    return RECSYS_OK;
}
