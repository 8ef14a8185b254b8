/* gram.c - the gram kernel: column i of the lower half is a sum over the users of item i.
 *
 * A thread takes a few columns at a time, adds each up in a row of doubles of its own and rounds it into the tiles,
 * where a column is one contiguous run in each tile below the diagonal. Columns do not depend on each other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gram.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/watch.h"

/* Columns handed out at a time. Early columns are long, and popular items heavy: small pieces even that out. */
enum { COLUMNS_AT_ONCE = 8 };

/* sum[j] = sum over the users u of item i of r_ui r_uj, for j >= i. Products of floats are exact in double, so a count
 * is right up to 2^53 and the only rounding that shows is the one to float. */
static void add_column(double *sum, const op_gram *o, int64_t i)
{
    memset(sum + i, 0, (size_t)(o->n_items - i) * sizeof *sum);
    for (int64_t e = o->item_ptr[i]; e < o->item_ptr[i + 1]; e++) {
        int64_t u = o->item_user[e], first = o->user_ptr[u], d = o->user_ptr[u + 1] - 1;
        double r_ui = o->item_val ? (double)o->item_val[e] : 1.0;
        /* Items ascend within a user: from the last one down to i. */
        if (o->user_val)
            for (; d >= first && o->user_item[d] >= i; d--) sum[o->user_item[d]] += r_ui * (double)o->user_val[d];
        else
            for (; d >= first && o->user_item[d] >= i; d--) sum[o->user_item[d]] += r_ui;
    }
}

/* Writes column i from the diagonal down, as float. Returns 0 if it is not finite. */
static int store_column(const symmetric *g, const double *sum, int64_t i)
{
    int64_t b = i / g->tile;
    int finite = 1;
    for (int64_t a = b; a * g->tile < g->n; a++) {
        int64_t height = symmetric_height(g, a), top = a * g->tile;
        int64_t end = top + height < g->n ? top + height : g->n;
        float *column = symmetric_tile_at(g, a, b) + i % g->tile * height;
        for (int64_t j = a == b ? i : top; j < end; j++) {
            finite &= fabs(sum[j]) <= (double)FLT_MAX;
            column[j - top] = (float)sum[j];
        }
    }
    return finite;
}

/* Doubles of a thread's row, in whole cache lines. */
static size_t row_doubles(const op_gram *o)
{
    return ((size_t)o->n_items + 7) / 8 * 8;
}

size_t recsys__cpu_gram_workspace(const op_gram *o, int32_t threads)
{
    return row_doubles(o) * sizeof(double) * (size_t)threads;
}

recsys_status recsys__cpu_gram(op_context *c, const op_gram *o)
{
    int64_t I = o->n_items;
    watch w;
    watch_begin(&w, c, (I + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE);
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 1)
    for (int64_t first = 0; first < I; first += COLUMNS_AT_ONCE) {
        if (watch_stopped(&w)) continue;
        double *sum = (double *)c->workspace + (size_t)omp_get_thread_num() * row_doubles(o);
        for (int64_t i = first; i < first + COLUMNS_AT_ONCE && i < I; i++) {
            add_column(sum, o, i);
            sum[i] += (double)o->l2;
            if (!store_column(&o->out, sum, i)) atomic_store(&w.status, RECSYS_ERR_NUMERIC);
        }
        watch_done(&w, 1);
    }
    if (atomic_load(&w.status) == RECSYS_ERR_NUMERIC)
        return recsys__fail(c->error, RECSYS_ERR_NUMERIC, "gram matrix of %lld items is not finite", (long long)I);
    return watch_end(&w, "adding up the gram matrix");
}
