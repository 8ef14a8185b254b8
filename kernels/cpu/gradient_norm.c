/* gradient_norm.c - the gradient_norm kernel: squares summed in double by pieces of rows, the pieces in order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gradient_norm.h"

#include <math.h>
#include <omp.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/row_update.h"

/* Rows that may have gradients: an index says on the device alone how many it has, but not more than entries. */
static int64_t most_rows(const optimize_target *t)
{
    if (t->kind == TARGET_ZERO) return 0;
    int64_t N = t->table.n_rows, E = t->rows.index.n_entries;
    return t->kind == TARGET_ROWS && E < N ? E : N;
}

static int64_t most_pieces(const op_gradient_norm *o)
{
    int64_t pieces = 0;
    for (int64_t k = 0; k < o->n_targets; k++) pieces += piece_count(most_rows(&o->target[k]), o->target[k].table.dim);
    return pieces;
}

static size_t sums_room(const op_gradient_norm *o)
{
    return ((size_t)most_pieces(o) * sizeof(double) + 63) / 64 * 64;
}

static size_t gradient_room(const op_gradient_norm *o)
{
    int64_t D = 0;
    for (int64_t k = 0; k < o->n_targets; k++)
        if (o->target[k].kind == TARGET_ROWS && o->target[k].table.dim > D) D = o->target[k].table.dim;
    return ((size_t)D * sizeof(float) + 127) / 64 * 64;
}

size_t recsys__cpu_gradient_norm_workspace(const op_gradient_norm *o, int32_t threads)
{
    return sums_room(o) + gradient_room(o) * (size_t)threads;
}

static double squares(const float *g, int64_t n)
{
    square_chains s = { { 0.0 } };
    add_squares(&s, g, n);
    return sum_of_squares(&s);
}

static int64_t target_rows(const optimize_target *t)
{
    if (t->kind == TARGET_ZERO) return 0;
    return t->kind == TARGET_ROWS ? *t->rows.index.n_rows : t->table.n_rows;
}

static double piece_squares(const row_update *f, const optimize_target *t, int64_t piece, float *g)
{
    int64_t D = t->table.dim, rows = target_rows(t), one = piece_rows(D), begin = piece * one;
    int64_t end = rows - begin < one ? rows : begin + one;
    if (t->kind == TARGET_DENSE) return squares(t->dense + begin * D, (end - begin) * D);
    const row_index *x = &t->rows.index;
    double sum = 0.0;
    for (int64_t s = begin; s < end; s++) {
        f->sum(g, &t->rows, x->begin[s], x->begin[s + 1], D);
        sum += squares(g, D);
    }
    return sum;
}

static void finish(const op_gradient_norm *o, double square)
{
    double norm = sqrt(square);
    *o->square = square;
    *o->norm = norm;
    *o->factor = clip_factor(norm, o->most);
}

recsys_status recsys__cpu_gradient_norm(op_context *c, const op_gradient_norm *o)
{
    const row_update *f = recsys__row_update(c->simd);
    int64_t first[OPTIMIZE_TARGETS + 1] = { 0 };
    for (int64_t k = 0; k < o->n_targets; k++)
        first[k + 1] = first[k] + piece_count(target_rows(&o->target[k]), o->target[k].table.dim);
    int64_t pieces = first[o->n_targets];
    int32_t threads = piece_threads(pieces, c->threads);
    double *sums = c->workspace;
    size_t g_bytes = gradient_room(o);
    char *g_room = (char *)c->workspace + sums_room(o);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        float *g = (void *)(g_room + g_bytes * (size_t)(threads > 1 ? omp_get_thread_num() : 0));
        int64_t k = 0;
#pragma omp for schedule(static)
        for (int64_t piece = 0; piece < pieces; piece++) {
            while (piece >= first[k + 1]) k++;
            sums[piece] = piece_squares(f, &o->target[k], piece - first[k], g);
        }
    }
    double square = o->add ? *o->square : 0.0;
    for (int64_t piece = 0; piece < pieces; piece++) square += sums[piece];
    finish(o, square);
    c->rung = f->name;
    return RECSYS_OK;
}
