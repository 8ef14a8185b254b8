/* weights_sparsify.c - the weights_sparsify kernel: a threshold for each column, then rows of what reaches it, twice.
 *
 * An entry's key is its absolute value and, behind it, the complement of its row, so that of equal values the one in the
 * lower row is larger, and keys of a column are distinct. Finding the K-th key of each column needs one sweep over P; rows
 * are then counted and written in two more, all in parallel, without a copy of what is kept. I items, N padded to strips.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/weights_sparsify.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/precision.h"

/* Parts of the workspace: scale and threshold of all columns; a row of floats and a row of keys for each thread. */
typedef struct space {
    uint64_t *threshold, *keys;
    float *scale, *rows;
} space;

static space lay_out(const op_weights_sparsify *o, int32_t threads, void *workspace)
{
    int64_t N = precision_padded(o->precision.n);
    space w = { .threshold = workspace };
    w.keys = w.threshold + N;
    w.scale = (float *)(void *)(w.keys + N * threads);
    w.rows = w.scale + N;
    return w;
}

size_t recsys__cpu_weights_sparsify_workspace(const op_weights_sparsify *o, int32_t threads)
{
    size_t N = (size_t)precision_padded(o->precision.n), rows = (size_t)threads + 1;
    return N * rows * (sizeof(uint64_t) + sizeof(float));
}

/* 0 for a weight of zero, which is never kept. */
static uint64_t key_of(float weight, int64_t row)
{
    float size = fabsf(weight);
    uint32_t bits;
    memcpy(&bits, &size, sizeof bits);
    return bits == 0 ? 0 : (uint64_t)bits << 32 | (uint32_t)~(uint32_t)row;
}

/* The k-th largest of n keys (quickselect); the keys are left in another order. */
static uint64_t kth_largest(uint64_t *key, int64_t n, int64_t k)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        uint64_t pivot = key[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (key[i] > pivot) i++;
            while (key[j] < pivot) j--;
            if (i > j) break;
            uint64_t t = key[i];
            key[i++] = key[j];
            key[j--] = t;
        }
        if (k - 1 <= j)
            high = j;
        else if (k - 1 >= i)
            low = i;
        else
            break;
    }
    return key[k - 1];
}

/* Row i of B; column j of it is what history_rank adds for item i. */
static void row_of_weights(float *row, const op_weights_sparsify *o, const vec *v, const float *scale, int64_t i)
{
    int32_t item = (int32_t)i;
    recsys__precision_scores(v, row, &o->precision, &item, NULL, 1, scale, 0, precision_padded(o->precision.n));
}

/* Column j of B lies in row j of P: the same numbers, all divided by P_jj. */
static uint64_t column_threshold(float *row, uint64_t *key, const op_weights_sparsify *o, const vec *v, float scale, int64_t j)
{
    int64_t n = o->precision.n, N = precision_padded(n);
    memset(row, 0, (size_t)N * sizeof *row);
    recsys__precision_add_row(v, row, &o->precision, j, 1.0f, 0, N);
    for (int64_t i = 0; i < n; i++) key[i] = key_of(fmaf(-row[i], scale, 0.0f), i);
    uint64_t threshold = kth_largest(key, n, o->top_k < n ? o->top_k : n);
    return threshold > 0 ? threshold : 1;
}

/* Counts the entries of row i that are kept; writes them too if `col` is given. */
static int64_t keep_row(const float *row, const uint64_t *threshold, int64_t n, int64_t i, int32_t *col, float *val)
{
    int64_t kept = 0;
    for (int64_t j = 0; j < n; j++) {
        if (key_of(row[j], i) < threshold[j]) continue;
        if (col) {
            col[kept] = (int32_t)j;
            val[kept] = row[j];
        }
        kept++;
    }
    return kept;
}

static void find_thresholds(op_context *c, const op_weights_sparsify *o, const vec *v, const space *w)
{
    int64_t N = precision_padded(o->precision.n);
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 16)
    for (int64_t j = 0; j < o->precision.n; j++) {
        int64_t t = omp_get_thread_num();
        if (!c->cancelled(c->host))
            w->threshold[j] = column_threshold(w->rows + t * N, w->keys + t * N, o, v, w->scale[j], j);
    }
}

/* One sweep over the rows: counts them into row_ptr[i + 1], or writes them where row_ptr says. */
static void sweep_rows(op_context *c, const op_weights_sparsify *o, const vec *v, const space *w, int writes)
{
    int64_t n = o->precision.n, N = precision_padded(n);
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 16)
    for (int64_t i = 0; i < n; i++) {
        float *row = w->rows + omp_get_thread_num() * N;
        if (c->cancelled(c->host)) continue;
        row_of_weights(row, o, v, w->scale, i);
        if (writes)
            keep_row(row, w->threshold, n, i, o->col + o->row_ptr[i], o->val + o->row_ptr[i]);
        else
            o->row_ptr[i + 1] = keep_row(row, w->threshold, n, i, NULL, NULL);
    }
}

recsys_status recsys__cpu_weights_sparsify(op_context *c, const op_weights_sparsify *o)
{
    int64_t n = o->precision.n;
    const vec *v = recsys__cpu_vec(c->simd);
    space w = lay_out(o, c->threads, c->workspace);
    o->row_ptr[0] = 0;
    if (n == 0) return RECSYS_OK;
    recsys__precision_scale(w.scale, &o->precision, 0, precision_padded(n));
    find_thresholds(c, o, v, &w);
    sweep_rows(c, o, v, &w, 0);
    if (c->cancelled(c->host)) return recsys__fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while choosing item weights");
    for (int64_t i = 0; i < n; i++) o->row_ptr[i + 1] += o->row_ptr[i];
    sweep_rows(c, o, v, &w, 1);
    return c->cancelled(c->host) ? recsys__fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while choosing item weights")
                                 : RECSYS_OK;
}
