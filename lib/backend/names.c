/* names.c - operations in words, for messages and traces: their names and their sizes.
 *
 * Only sizes are read here: the pointers of a descriptor lead to device memory.
 * Q queries, U users, I items, D width, k places, n rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "backend/backend.h"
#include "backend/op/dot_rank.h"
#include "backend/op/dot_score.h"
#include "backend/op/gather_rows.h"
#include "backend/op/gram.h"
#include "backend/op/history_rank.h"
#include "backend/op/history_score.h"
#include "backend/op/spd_inverse.h"
#include "backend/op/weights_rows.h"
#include "backend/op/weights_sparsify.h"

static const char *const names[OP_COUNT_] = {
#define OP(number, NAME, name, formula) [OP_##NAME] = #name,
#include "backend/ops.def"
#undef OP
};

const char *recsys__op_name(int32_t number)
{
    return number > 0 && number < OP_COUNT_ ? names[number] : "unknown";
}

typedef int (*shape_fn)(const op *o, char *buffer, size_t size);

static int shape_gram(const op *o, char *buffer, size_t size)
{
    const op_gram *g = (const void *)o;
    return snprintf(buffer, size, "U=%lld I=%lld", (long long)g->n_users, (long long)g->n_items);
}

static int shape_spd_inverse(const op *o, char *buffer, size_t size)
{
    const op_spd_inverse *v = (const void *)o;
    return snprintf(buffer, size, "n=%lld tile=%lld", (long long)v->inout.n, (long long)v->inout.tile);
}

static const char *form_of(const item_weights *w)
{
    return w->precision.data ? "packed" : "sparse";
}

static int shape_weights_rows(const op *o, char *buffer, size_t size)
{
    const op_weights_rows *w = (const void *)o;
    return snprintf(buffer, size, "rows=%lld I=%lld %s", (long long)w->n_rows, (long long)w->weights.n_items,
                    form_of(&w->weights));
}

static int shape_weights_sparsify(const op *o, char *buffer, size_t size)
{
    const op_weights_sparsify *w = (const void *)o;
    return snprintf(buffer, size, "I=%lld K=%lld", (long long)w->precision.n, (long long)w->top_k);
}

static int shape_history_score(const op *o, char *buffer, size_t size)
{
    const op_history_score *h = (const void *)o;
    return snprintf(buffer, size, "Q=%lld I=%lld %s", (long long)h->at.n_queries, (long long)h->at.n_items,
                    form_of(&h->weights));
}

static int shape_history_rank(const op *o, char *buffer, size_t size)
{
    const op_history_rank *h = (const void *)o;
    return snprintf(buffer, size, "Q=%lld I=%lld k=%lld %s", (long long)h->to.n_queries, (long long)h->to.n_items,
                    (long long)h->to.k, form_of(&h->weights));
}

static int shape_dot_score(const op *o, char *buffer, size_t size)
{
    const op_dot_score *d = (const void *)o;
    return snprintf(buffer, size, "Q=%lld I=%lld D=%lld", (long long)d->at.n_queries, (long long)d->at.n_items,
                    (long long)d->dim);
}

static int shape_dot_rank(const op *o, char *buffer, size_t size)
{
    const op_dot_rank *d = (const void *)o;
    return snprintf(buffer, size, "Q=%lld I=%lld D=%lld k=%lld", (long long)d->to.n_queries, (long long)d->to.n_items,
                    (long long)d->dim, (long long)d->to.k);
}

static int shape_gather_rows(const op *o, char *buffer, size_t size)
{
    const op_gather_rows *g = (const void *)o;
    return snprintf(buffer, size, "Q=%lld D=%lld", (long long)g->count, (long long)g->dim);
}

/* A new operation adds its line; tests/base/env_exec.c asks for each. */
static const shape_fn shapes[OP_COUNT_] = {
    [OP_GRAM] = shape_gram,
    [OP_SPD_INVERSE] = shape_spd_inverse,
    [OP_WEIGHTS_ROWS] = shape_weights_rows,
    [OP_WEIGHTS_SPARSIFY] = shape_weights_sparsify,
    [OP_HISTORY_SCORE] = shape_history_score,
    [OP_HISTORY_RANK] = shape_history_rank,
    [OP_DOT_SCORE] = shape_dot_score,
    [OP_DOT_RANK] = shape_dot_rank,
    [OP_GATHER_ROWS] = shape_gather_rows,
};

int recsys__op_shape(const op *o, char *buffer, size_t size)
{
    int known = o->number > 0 && o->number < OP_COUNT_ && shapes[o->number];
    return known ? shapes[o->number](o, buffer, size) : snprintf(buffer, size, "?");
}
