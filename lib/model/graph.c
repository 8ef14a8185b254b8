/* graph.c - the normalised bipartite graph of a dataset, and what edge dropout leaves of it in a step.
 *
 * U users, I items, E edges.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include <math.h>

#include "backend/run.h"
#include "model/device_csr.h"
#include "tensor/ops.h"

/* ---- making it ---- */

/* Arrays on the host, on their way to the device. */
typedef struct draft {
    float *by_user, *by_item, *item_share; /* values */
    int32_t *edge;
    int64_t *next;                         /* I: the next entry of each item's row */
} draft;

static void destroy(prepared *p)
{
    graph *g = (graph *)p;
    memory *account = g->memory;
    recsys__sparse_free(g->backend, account, &g->by_user);
    recsys__sparse_free(g->backend, account, &g->by_item);
    recsys__device_free(g->backend, account, (void *)(uintptr_t)g->edge);
    recsys__device_free(g->backend, account, (void *)(uintptr_t)g->item_share);
    recsys__free(account, g);
    recsys__memory_release(account);
}

/* Fills in values and the numbers of the edges: rows of items ascend by user, as the edges do. */
static void draw_up(draft *d, const csr *users, const csr *items)
{
    for (int64_t i = 0; i < items->n_rows; i++) {
        int64_t degree = items->ptr[i + 1] - items->ptr[i];
        d->next[i] = items->ptr[i];
        d->item_share[i] = degree > 0 ? (float)(1.0 / sqrt((double)degree)) : 0.0f;
    }
    for (int64_t u = 0; u < users->n_rows; u++) {
        double degree = (double)(users->ptr[u + 1] - users->ptr[u]);
        for (int64_t e = users->ptr[u]; e < users->ptr[u + 1]; e++) {
            int32_t i = users->col[e];
            float value = (float)(1.0 / sqrt(degree * (double)(items->ptr[i + 1] - items->ptr[i])));
            int64_t k = d->next[i]++;
            d->by_user[e] = d->by_item[k] = value;
            d->edge[k] = (int32_t)e;
        }
    }
}

static recsys_status make_draft(recsys_exec *x, const csr *users, const csr *items, draft *d)
{
    int64_t E = users->ptr[users->n_rows], I = items->n_rows;
    recsys_status status = recsys__alloc(x->memory, &x->error, E, sizeof *d->by_user, &d->by_user);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, E, sizeof *d->by_item, &d->by_item);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, I, sizeof *d->item_share, &d->item_share);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, E, sizeof *d->edge, &d->edge);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, I, sizeof *d->next, &d->next);
    if (status >= 0)
        draw_up(d, users, items);
    return status;
}

static recsys_status upload(recsys_exec *x, const csr *users, const csr *items, const draft *d, graph *g)
{
    recsys_status status = recsys__sparse_upload(x, users, d->by_user, &g->by_user);
    if (status >= 0)
        status = recsys__sparse_upload(x, items, d->by_item, &g->by_item);
    if (status >= 0)
        status = recsys__upload(x, d->edge, users->ptr[users->n_rows] * (int64_t)sizeof *d->edge, &g->edge);
    if (status >= 0)
        status = recsys__upload(x, d->item_share, items->n_rows * (int64_t)sizeof *d->item_share, &g->item_share);
    g->by_user.transposed = &g->by_item;
    g->by_item.transposed = &g->by_user;
    return status;
}

recsys_status recsys__graph_create(recsys_exec *x, const recsys_dataset *data, graph **out)
{
    const csr *users = NULL, *items = NULL;
    draft d = { 0 };
    graph *g = NULL;
    *out = NULL;
    recsys_status status = recsys__dataset_by_user(x, data, &users);
    if (status >= 0)
        status = recsys__dataset_by_item(x, data, &items);
    if (status >= 0 && users->ptr[users->n_rows] > INT32_MAX)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "a graph of %lld edges: it holds 2^31 - 1",
                            (long long)users->ptr[users->n_rows]);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *g, &g);
    if (status < 0)
        return status;
    recsys__prepared_begin(&g->prepared, destroy);
    g->memory = recsys__memory_retain(x->memory);
    g->backend = x->backend;
    status = make_draft(x, users, items, &d);
    if (status >= 0)
        status = upload(x, users, items, &d, g);
    recsys__free(x->memory, d.by_user);
    recsys__free(x->memory, d.by_item);
    recsys__free(x->memory, d.item_share);
    recsys__free(x->memory, d.edge);
    recsys__free(x->memory, d.next);
    if (status < 0)
        recsys__prepared_release(&g->prepared);
    else
        *out = g;
    return status;
}

/* With the host's part in passing. */
int64_t recsys__graph_floats(const recsys_dataset *d)
{
    return 8 * d->n_events + 2 * recsys_ids_count(d->users) + 5 * recsys_ids_count(d->items);
}

/* ---- edge dropout ---- */

/* What is left of the edges' values, by user; then the same in the order by item. */
static const float *by_user(tape *g, const graph *whole, double p, uint32_t place)
{
    tensor all = recsys__tape_constant(g, whole->by_user.value, RECSYS_F32, 1, &whole->by_user.n_entries);
    return op_dropout(g, all, (float)p, place).data;
}

static const float *by_item(tape *g, const graph *whole, const float *by_user)
{
    int64_t E = whole->by_user.n_entries;
    tensor values = recsys__tape_constant(g, by_user, RECSYS_F32, 1, &E);
    tensor order = recsys__tape_constant(g, whole->edge, RECSYS_I32, 1, &E);
    return op_lookup(g, values, order).data;
}

void recsys__graph_of_step(tape *g, const graph *whole, double p, int directed, step_graph *s)
{
    enum { USERS_RECEIVE, ITEMS_RECEIVE };
    *s = (step_graph){ .to_users = whole->by_user, .to_items = whole->by_item, .users_turned = whole->by_item,
                       .items_turned = whole->by_user };
    s->to_users.transposed = &s->users_turned;
    s->to_items.transposed = &s->items_turned;
    if (p <= 0.0 || !recsys__tape_training(g))
        return;
    s->to_users.value = s->items_turned.value = by_user(g, whole, p, USERS_RECEIVE);
    s->users_turned.value = s->to_items.value = by_item(g, whole, s->to_users.value);
    if (!directed)
        return;
    s->items_turned.value = by_user(g, whole, p, ITEMS_RECEIVE);
    s->to_items.value = by_item(g, whole, s->items_turned.value);
}
