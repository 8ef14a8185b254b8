/* names.c - operations in words, for messages and traces: their names and their sizes.
 *
 * Only sizes are read here: the pointers of a descriptor lead to device memory.
 * Q queries, U users, I items, D width, k places, n rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "backend/backend.h"
#include "backend/operations.h"

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

static int shape_gaussian(const op *o, char *buffer, size_t size)
{
    const op_gaussian *g = (const void *)o;
    return snprintf(buffer, size, "n=%lld", (long long)g->count);
}

static int shape_orthonormalize(const op *o, char *buffer, size_t size)
{
    const op_orthonormalize *q = (const void *)o;
    return snprintf(buffer, size, "%lldx%lld passes=%d", (long long)q->m, (long long)q->n, (int)q->passes);
}

static int shape_ritz(const op *o, char *buffer, size_t size)
{
    const op_ritz *r = (const void *)o;
    return snprintf(buffer, size, "M=%lld N=%lld L=%lld K=%lld", (long long)r->m, (long long)r->n, (long long)r->l,
                    (long long)r->k);
}

static int shape_filter_rank(const op *o, char *buffer, size_t size)
{
    const op_filter_rank *f = (const void *)o;
    return snprintf(buffer, size, "Q=%lld U=%lld I=%lld E=%lld D=%lld k=%lld", (long long)f->to.n_queries,
                    (long long)f->f.n_users,
                    (long long)f->f.n_items, (long long)f->f.n_entries, (long long)f->f.dim, (long long)f->to.k);
}

static int shape_filter_score(const op *o, char *buffer, size_t size)
{
    const op_filter_score *f = (const void *)o;
    return snprintf(buffer, size, "Q=%lld U=%lld I=%lld E=%lld D=%lld", (long long)f->at.n_queries, (long long)f->f.n_users,
                    (long long)f->f.n_items, (long long)f->f.n_entries, (long long)f->f.dim);
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

static int shape_sample_pairs(const op *o, char *buffer, size_t size)
{
    const op_sample_pairs *p = (const void *)o;
    return snprintf(buffer, size, "B=%lld n=%lld I=%lld", (long long)p->count, (long long)p->negatives.per_positive,
                    (long long)p->negatives.n_items);
}

static int shape_sample_rows(const op *o, char *buffer, size_t size)
{
    const op_sample_rows *r = (const void *)o;
    return snprintf(buffer, size, "B=%lld n=%lld I=%lld%s", (long long)r->count, (long long)r->negatives.per_positive,
                    (long long)r->negatives.n_items, r->items ? " sampled" : "");
}

/* "H=128+64+32 D=32": widths of the layers and of the dot product. */
static int shape_net(const pair_net *net, char *buffer, size_t size)
{
    size_t length = (size_t)snprintf(buffer, size, "H=");
    for (int64_t l = 0; l < net->n_layers && l < PAIR_MAX_LAYERS && length < size; l++)
        length += (size_t)snprintf(buffer + length, size - length, "%s%lld", l > 0 ? "+" : "", (long long)net->widths[l]);
    return snprintf(length < size ? buffer + length : NULL, length < size ? size - length : 0, " D=%lld",
                    (long long)net->dot_dim)
        + (int)length;
}

static int shape_pair_score(const op *o, char *buffer, size_t size)
{
    const op_pair_score *p = (const void *)o;
    char net[128];
    shape_net(&p->net, net, sizeof net);
    return snprintf(buffer, size, "Q=%lld I=%lld %s%s", (long long)p->at.n_queries, (long long)p->at.n_items, net,
                    p->at.ptr ? " listed" : "");
}

static int shape_pair_rank(const op *o, char *buffer, size_t size)
{
    const op_pair_rank *p = (const void *)o;
    char net[128];
    shape_net(&p->net, net, sizeof net);
    return snprintf(buffer, size, "Q=%lld I=%lld k=%lld %s", (long long)p->to.n_queries, (long long)p->to.n_items,
                    (long long)p->to.k, net);
}

static int shape_rows_rank(const op *o, char *buffer, size_t size)
{
    const op_rows_rank *r = (const void *)o;
    return snprintf(buffer, size, "Q=%lld I=%lld k=%lld", (long long)r->to.n_queries, (long long)r->to.n_items,
                    (long long)r->to.k);
}

static int shape_mix_rows(const op *o, char *buffer, size_t size)
{
    const op_mix_rows *m = (const void *)o;
    return snprintf(buffer, size, "N=%lld Q=%lld I=%lld%s", (long long)m->n_rows, (long long)m->n_sums, (long long)m->n_items,
                    m->sigmoid ? " sigmoid" : "");
}

static int shape_row_index(const op *o, char *buffer, size_t size)
{
    const op_row_index *x = (const void *)o;
    long long second = x->count > 1 ? (long long)x->list[1].index.n_entries : 0;
    return snprintf(buffer, size, "E=%lld+%lld", (long long)x->list[0].index.n_entries, second);
}

static int shape_catch_up(const op *o, char *buffer, size_t size)
{
    const op_catch_up *u = (const void *)o;
    const catch_up_table *a = &u->table[0];
    return snprintf(buffer, size, "tables=%lld N=%lld D=%lld%s t=%lld", (long long)u->n_tables, (long long)a->table.n_rows,
                    (long long)a->table.dim, a->whole ? " whole" : "", (long long)u->rule.t);
}

static int shape_read_rows(const op *o, char *buffer, size_t size)
{
    const op_read_rows *r = (const void *)o;
    return snprintf(buffer, size, "Q=%lld D=%lld t=%lld", (long long)r->count, (long long)r->table.dim, (long long)r->rule.t);
}

static int shape_optimize(const op *o, char *buffer, size_t size)
{
    const op_optimize *z = (const void *)o;
    return snprintf(buffer, size, "targets=%lld t=%lld", (long long)z->n_targets, (long long)z->rule.t);
}

static int shape_gradient_norm(const op *o, char *buffer, size_t size)
{
    const op_gradient_norm *z = (const void *)o;
    return snprintf(buffer, size, "targets=%lld", (long long)z->n_targets);
}

static int shape_matmul(const op *o, char *buffer, size_t size)
{
    const op_matmul *m = (const void *)o;
    return snprintf(buffer, size, "M=%lld N=%lld K=%lld%s%s", (long long)m->m, (long long)m->n, (long long)m->k,
                    m->transpose_a ? " A'" : "", m->transpose_b ? " B'" : "");
}

static int shape_linear(const op *o, char *buffer, size_t size)
{
    const op_linear *l = (const void *)o;
    return snprintf(buffer, size, "B=%lld D=%lld H=%lld f=%d", (long long)l->rows, (long long)l->dim, (long long)l->width,
                    (int)l->f);
}

static int shape_map(const op *o, char *buffer, size_t size)
{
    const op_map *m = (const void *)o;
    return snprintf(buffer, size, "n=%lld f=%d", (long long)m->n, (int)m->f);
}

static int shape_map_gradient(const op *o, char *buffer, size_t size)
{
    const op_map_gradient *m = (const void *)o;
    return snprintf(buffer, size, "n=%lld f=%d", (long long)m->n, (int)m->f);
}

static int shape_binary(const op *o, char *buffer, size_t size)
{
    static const char *const kinds[] = { "add", "sub", "mul" }, *const seconds[] = { "same", "row", "number" };
    const op_binary *b = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld %s %s", (long long)b->rows, (long long)b->dim, kinds[b->kind],
                    seconds[b->second]);
}

static int shape_affine(const op *o, char *buffer, size_t size)
{
    const op_affine *a = (const void *)o;
    return snprintf(buffer, size, "n=%lld", (long long)a->n);
}

static int shape_dropout(const op *o, char *buffer, size_t size)
{
    const op_dropout *d = (const void *)o;
    return snprintf(buffer, size, "n=%lld", (long long)d->n);
}

static int shape_normalize_rows(const op *o, char *buffer, size_t size)
{
    const op_normalize_rows *n = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld", (long long)n->rows, (long long)n->dim);
}

static int shape_rowdot(const op *o, char *buffer, size_t size)
{
    const op_rowdot *r = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld", (long long)r->rows, (long long)r->dim);
}

static int shape_scale_rows(const op *o, char *buffer, size_t size)
{
    const op_scale_rows *s = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld", (long long)s->rows, (long long)s->dim);
}

static int shape_copy_columns(const op *o, char *buffer, size_t size)
{
    const op_copy_columns *c = (const void *)o;
    return snprintf(buffer, size, "N=%lld columns=%lld of %lld to %lld", (long long)c->rows, (long long)c->count,
                    (long long)c->from_width, (long long)c->to_width);
}

static int shape_reduce(const op *o, char *buffer, size_t size)
{
    static const char *const over[] = { "everything", "rows", "columns" };
    const op_reduce *r = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld over %s", (long long)r->rows, (long long)r->dim, over[r->over]);
}

static int shape_densify(const op *o, char *buffer, size_t size)
{
    const op_densify *d = (const void *)o;
    return snprintf(buffer, size, "N=%lld M=%lld", (long long)d->n_rows, (long long)d->n_columns);
}

static int shape_scatter_rows(const op *o, char *buffer, size_t size)
{
    const op_scatter_rows *s = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld E=%lld", (long long)s->n_rows, (long long)s->dim,
                    (long long)s->from.index.n_entries);
}

static int shape_spmm(const op *o, char *buffer, size_t size)
{
    const op_spmm *s = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld E=%lld", (long long)s->n_rows, (long long)s->dim, (long long)s->n_entries);
}

static int shape_row_numbers(const op *o, char *buffer, size_t size)
{
    const op_row_numbers *r = (const void *)o;
    return snprintf(buffer, size, "N=%lld E=%lld", (long long)r->n_rows, (long long)r->n_entries);
}

static int shape_gather_dot(const op *o, char *buffer, size_t size)
{
    const op_gather_dot *d = (const void *)o;
    return snprintf(buffer, size, "B=%lld D=%lld", (long long)d->count, (long long)d->dim);
}

static int shape_gather_dot_gradient(const op *o, char *buffer, size_t size)
{
    const op_gather_dot_gradient *d = (const void *)o;
    return snprintf(buffer, size, "B=%lld D=%lld", (long long)d->count, (long long)d->dim);
}

static int shape_pointwise_loss(const op *o, char *buffer, size_t size)
{
    static const char *const kinds[] = { [LOSS_BCE] = "bce", [LOSS_TCE] = "t-ce", [LOSS_RCE] = "r-ce" };
    const op_pointwise_loss *p = (const void *)o;
    return snprintf(buffer, size, "n=%lld %s", (long long)p->n, kinds[p->rule.kind]);
}

static int shape_sample_positives(const op *o, char *buffer, size_t size)
{
    const op_sample_positives *p = (const void *)o;
    return snprintf(buffer, size, "B=%lld n=%lld I=%lld", (long long)p->count, (long long)p->negatives.per_positive,
                    (long long)p->negatives.n_items);
}

static int shape_sample_items(const op *o, char *buffer, size_t size)
{
    const op_sample_items *s = (const void *)o;
    return snprintf(buffer, size, "N=%lld I=%lld%s", (long long)s->count, (long long)s->n_items, s->alias ? " weighted" : "");
}

static int shape_corrupt_rows(const op *o, char *buffer, size_t size)
{
    const op_corrupt_rows *r = (const void *)o;
    return snprintf(buffer, size, "B=%lld I=%lld%s", (long long)r->n_rows, (long long)r->n_columns,
                    r->flip > 0.0 ? " flips" : "");
}

static int shape_rows_loss(const op *o, char *buffer, size_t size)
{
    const op_rows_loss *r = (const void *)o;
    return snprintf(buffer, size, "B=%lld N=%lld %s", (long long)r->rows, (long long)r->columns,
                    r->kind == LOSS_CELLS_MSE ? "mse" : "bce");
}

static int shape_softmax_loss(const op *o, char *buffer, size_t size)
{
    const op_softmax_loss *s = (const void *)o;
    return snprintf(buffer, size, "B=%lld N=%lld%s%s", (long long)s->rows, (long long)s->columns, s->row_ptr ? " rows" : "",
                    s->column_id ? " ids" : "");
}

static int shape_spmm_rows(const op *o, char *buffer, size_t size)
{
    const op_spmm_rows *s = (const void *)o;
    return snprintf(buffer, size, "n=%lld D=%lld", (long long)s->most, (long long)s->dim);
}

static int shape_row_slots(const op *o, char *buffer, size_t size)
{
    const op_row_slots *r = (const void *)o;
    return snprintf(buffer, size, "N=%lld E=%lld", (long long)r->n_rows, (long long)r->index.n_entries);
}

static int shape_propagate_rows(const op *o, char *buffer, size_t size)
{
    const op_propagate_rows *p = (const void *)o;
    return snprintf(buffer, size, "n=%lld D=%lld layer %lld", (long long)p->most, (long long)p->dim, (long long)p->layers);
}

static int shape_pull(const op *o, char *buffer, size_t size)
{
    const op_pull *p = (const void *)o;
    return snprintf(buffer, size, "N=%lld D=%lld E=%lld%s", (long long)p->n_rows, (long long)p->dim, (long long)p->n_entries,
                    p->x_slot ? " by slots" : "");
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
    [OP_MATMUL] = shape_matmul,
    [OP_LINEAR] = shape_linear,
    [OP_MAP] = shape_map,
    [OP_MAP_GRADIENT] = shape_map_gradient,
    [OP_BINARY] = shape_binary,
    [OP_AFFINE] = shape_affine,
    [OP_DROPOUT] = shape_dropout,
    [OP_NORMALIZE_ROWS] = shape_normalize_rows,
    [OP_ROWDOT] = shape_rowdot,
    [OP_SCALE_ROWS] = shape_scale_rows,
    [OP_COPY_COLUMNS] = shape_copy_columns,
    [OP_REDUCE] = shape_reduce,
    [OP_DENSIFY] = shape_densify,
    [OP_ROW_INDEX] = shape_row_index,
    [OP_CATCH_UP] = shape_catch_up,
    [OP_READ_ROWS] = shape_read_rows,
    [OP_OPTIMIZE] = shape_optimize,
    [OP_GRADIENT_NORM] = shape_gradient_norm,
    [OP_PAIR_SCORE] = shape_pair_score,
    [OP_PAIR_RANK] = shape_pair_rank,
    [OP_ROWS_RANK] = shape_rows_rank,
    [OP_MIX_ROWS] = shape_mix_rows,
    [OP_SAMPLE_PAIRS] = shape_sample_pairs,
    [OP_SAMPLE_ROWS] = shape_sample_rows,
    [OP_SCATTER_ROWS] = shape_scatter_rows,
    [OP_SPMM] = shape_spmm,
    [OP_SPMM_ROWS] = shape_spmm_rows,
    [OP_ROW_SLOTS] = shape_row_slots,
    [OP_PROPAGATE_ROWS] = shape_propagate_rows,
    [OP_PULL] = shape_pull,
    [OP_ROW_NUMBERS] = shape_row_numbers,
    [OP_GATHER_DOT] = shape_gather_dot,
    [OP_GATHER_DOT_GRADIENT] = shape_gather_dot_gradient,
    [OP_POINTWISE_LOSS] = shape_pointwise_loss,
    [OP_GAUSSIAN] = shape_gaussian,
    [OP_ORTHONORMALIZE] = shape_orthonormalize,
    [OP_RITZ] = shape_ritz,
    [OP_FILTER_RANK] = shape_filter_rank,
    [OP_FILTER_SCORE] = shape_filter_score,
    [OP_SOFTMAX_LOSS] = shape_softmax_loss,
    [OP_CORRUPT_ROWS] = shape_corrupt_rows,
    [OP_ROWS_LOSS] = shape_rows_loss,
    [OP_SAMPLE_POSITIVES] = shape_sample_positives,
    [OP_SAMPLE_ITEMS] = shape_sample_items,
};

int recsys__op_shape(const op *o, char *buffer, size_t size)
{
    int known = o->number > 0 && o->number < OP_COUNT_ && shapes[o->number];
    return known ? shapes[o->number](o, buffer, size) : snprintf(buffer, size, "?");
}
