/* tape_read.c - how parameters are read on a tape, and the gradients that come of it.
 *
 * E entries look at rows of a table of N x D.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/op/row_index.h"
#include "backend/run.h"
#include "base/scratch.h"
#include "tensor/tape_inside.h"

parameter *recsys__tape_parameter_of(const tape *g, tensor t)
{
    for (int64_t p = 0; t.node != 0 && p < g->n_parameters; p++)
        if (g->parameters[p].tensor.node == t.node)
            return &g->parameters[p];
    return NULL;
}

int recsys__tape_is_parameter(const tape *g, tensor t, int64_t *index)
{
    const parameter *p = recsys__tape_parameter_of(g, t);
    *index = p != NULL ? p - g->parameters : -1;
    return p != NULL;
}

static void fail_with(tape *g, recsys_status status)
{
    if (status < 0)
        recsys__tape_fail(g, status, "%s", g->x->error.message);
}

/* ---- as a whole ---- */

static tensor look_at_all(tape *g, parameter *p)
{
    if (p->looked.data == NULL) {
        tensor copy = recsys__tape_new(g, RECSYS_F32, p->tensor.rank, p->tensor.shape);
        if (copy.data != NULL)
            fail_with(g, g->look(g->look_self, g->x, p - g->parameters, NULL, tensor_rows(&p->tensor), copy.data));
        p->looked = copy;
    }
    return g->status < 0 ? (tensor){ 0 } : p->looked;
}

tensor recsys__tape_read_whole(tape *g, tensor t)
{
    parameter *p = g->status < 0 ? NULL : recsys__tape_parameter_of(g, t);
    if (p == NULL || p->is_whole)
        return t;
    if (g->look != NULL)
        return look_at_all(g, p);
    p->is_whole = 1;
    if (g->before != NULL) {
        table_read read = { .parameter = p - g->parameters, .whole = 1 };
        fail_with(g, g->before(g->before_self, g->x, 1, &read));
    }
    return t;
}

/* ---- by rows ---- */

/* The rows themselves, side by side in the arena, and row numbers 0, 1, ... to find them by. */
static void look_at_rows(tape *g, parameter *p, tensor *table, tensor *rows)
{
    int64_t E = tensor_rows(rows);
    tensor copy = recsys__tape_floats(g, E, tensor_columns(&p->tensor));
    tensor number = recsys__tape_new(g, RECSYS_I32, 1, &E);
    int32_t *host = NULL;
    if (g->status < 0)
        return;
    recsys_status status = g->look(g->look_self, g->x, p - g->parameters, tensor_ints(rows), E, copy.data);
    if (status >= 0)
        status = recsys__scratch(g->x, SCRATCH_ROW_NUMBERS, E, sizeof *host, &host);
    for (int64_t e = 0; status >= 0 && e < E; e++)
        host[e] = (int32_t)e;
    if (status >= 0)
        status = recsys__copy_in(g->x, number.data, host, E * (int64_t)sizeof *host);
    fail_with(g, status);
    *table = copy;
    *rows = number;
}

static row_index new_index(tape *g, int64_t entries)
{
    row_index index = { .n_entries = entries };
    index.n_rows = recsys__tape_memory(g, 1, sizeof *index.n_rows);
    index.row = recsys__tape_memory(g, entries, sizeof *index.row);
    index.begin = recsys__tape_memory(g, entries + 1, sizeof *index.begin);
    index.order = recsys__tape_memory(g, entries, sizeof *index.order);
    return index;
}

void recsys__tape_index(tape *g, int64_t count, tensor *tables, tensor *rows, row_index *out)
{
    op_row_index o = { .op = { OP_ROW_INDEX, sizeof o } };
    table_read reads[ROW_LISTS];
    int64_t n_reads = 0;
    for (int64_t k = 0; k < count && g->status >= 0; k++) {
        parameter *p = recsys__tape_parameter_of(g, tables[k]);
        if (tensor_rows(&rows[k]) > INT32_MAX) {
            recsys__tape_fail(g, RECSYS_ERR_TOO_LARGE, "%lld rows are looked up at once", (long long)tensor_rows(&rows[k]));
            return;
        }
        int is_looked = p != NULL && !p->is_whole && g->look != NULL;
        int is_behind = p != NULL && !p->is_whole && g->look == NULL && g->before != NULL;
        if (is_looked)
            look_at_rows(g, p, &tables[k], &rows[k]);
        if (is_looked || (!is_behind && out == NULL))
            continue;
        row_index index = new_index(g, tensor_rows(&rows[k]));
        o.list[o.count].n_rows = tensor_rows(&tables[k]);
        o.list[o.count].row = rows[k].data;
        o.list[o.count++].index = index;
        if (out != NULL)
            out[k] = index;
        if (is_behind)
            reads[n_reads++] = (table_read){ .parameter = p - g->parameters, .index = index };
    }
    if (o.count > 0)
        recsys__tape_run(g, &o.op);
    if (n_reads > 0 && g->status >= 0)
        fail_with(g, g->before(g->before_self, g->x, n_reads, reads));
}

/* ---- gradients of parameters ---- */

/* What was gathered by rows, as an array of the parameter's shape. */
static tensor dense_of_rows(tape *g, const parameter *p, const row_gradient *rows)
{
    return recsys__scatter_rows(g, rows, tensor_rows(&p->tensor), tensor_columns(&p->tensor));
}

void recsys__tape_add_rows(tape *g, tensor parameter_tensor, const row_gradient *rows)
{
    parameter *p = g->status < 0 ? NULL : recsys__tape_parameter_of(g, parameter_tensor);
    if (p == NULL)
        return;
    if (g->is_aside || p->n_rows_gradients > 0 || g->gradient[p->tensor.node].data != NULL) {
        recsys__tape_add_gradient(g, p->tensor, dense_of_rows(g, p, rows));
        return;
    }
    p->rows = *rows;
    p->n_rows_gradients = 1;
}

parameter_gradient recsys__tape_parameter_gradient(tape *g, int64_t index)
{
    parameter_gradient none = { .kind = GRADIENT_NONE };
    if (g->status < 0 || index >= g->n_parameters || g->parameters[index].tensor.node == 0)
        return none;
    parameter *p = &g->parameters[index];
    tensor dense = g->gradient[p->tensor.node];
    if (dense.data == NULL)
        return p->n_rows_gradients == 0 ? none : (parameter_gradient){ .kind = GRADIENT_ROWS, .rows = p->rows };
    if (p->n_rows_gradients > 0) {
        recsys__tape_add_gradient(g, p->tensor, dense_of_rows(g, p, &p->rows));
        p->n_rows_gradients = 0;
        dense = g->gradient[p->tensor.node];
    }
    return g->status < 0 ? none : (parameter_gradient){ .kind = GRADIENT_DENSE, .dense = tensor_floats(&dense) };
}
