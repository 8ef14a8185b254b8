/* k_core.c - the largest part of the data in which every user and every item has enough interactions.
 *
 * Users and items are the nodes of a graph, interactions its edges. A node that has too few edges is taken out and queued;
 * working through the queue takes its edges from its neighbours, which may follow. Each edge is looked at twice in all,
 * however many rounds a repeated filter would need.
 * U users (nodes 0 to U - 1), I items (nodes U to U + I - 1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/dataset.h>

#include <inttypes.h>

#include "data/id_sets.h"
#include "data/entity_table.h"

enum { NODES_BETWEEN_CHECKS = 1 << 16 };

struct peel {
    recsys_exec *exec;
    const csr *by_user, *by_item; /* U x I, I x U */
    int64_t user_k, item_k;
    int64_t *degree; /* edges to nodes that are not out; U + I */
    int64_t *queue;  /* nodes that are out, in the order in which they went */
    int64_t n_out;
    uint8_t *out;
};

static void take_out_if_poor(struct peel *p, int64_t node)
{
    int64_t k = node < p->by_user->n_rows ? p->user_k : p->item_k;
    if (p->out[node] || p->degree[node] >= k) return;
    p->out[node] = 1;
    p->queue[p->n_out++] = node;
}

static recsys_status peel(struct peel *p)
{
    int64_t U = p->by_user->n_rows, I = p->by_user->n_cols;
    for (int64_t u = 0; u < U; u++) p->degree[u] = p->by_user->ptr[u + 1] - p->by_user->ptr[u];
    for (int64_t i = 0; i < I; i++) p->degree[U + i] = p->by_item->ptr[i + 1] - p->by_item->ptr[i];
    for (int64_t node = 0; node < U + I; node++) take_out_if_poor(p, node);
    for (int64_t next = 0; next < p->n_out; next++) {
        if (next % NODES_BETWEEN_CHECKS == 0) {
            recsys_status status = recsys__progress(p->exec, next, U + I);
            if (status) return status;
        }
        int64_t node = p->queue[next];
        const csr *edges = node < U ? p->by_user : p->by_item;
        int64_t row = node < U ? node : node - U, first_neighbour = node < U ? U : 0;
        for (int64_t cell = edges->ptr[row]; cell < edges->ptr[row + 1]; cell++) {
            int64_t neighbour = first_neighbour + edges->col[cell];
            p->degree[neighbour]--;
            take_out_if_poor(p, neighbour);
        }
    }
    return RECSYS_OK;
}

/* out[node] of all nodes; charged to the exec. */
static recsys_status find_core(recsys_exec *x, const recsys_dataset *d, int64_t user_k, int64_t item_k, uint8_t **out)
{
    struct peel p = { x, NULL, NULL, user_k, item_k, NULL, NULL, 0, NULL };
    int64_t n_nodes = recsys_ids_count(d->users) + recsys_ids_count(d->items);
    *out = NULL;
    recsys_status status = recsys__dataset_by_user(x, d, &p.by_user);
    if (!status) status = recsys__dataset_by_item(x, d, &p.by_item);
    if (!status) status = recsys__alloc(x->memory, &x->error, n_nodes, sizeof *p.degree, &p.degree);
    if (!status) status = recsys__alloc(x->memory, &x->error, n_nodes, sizeof *p.queue, &p.queue);
    if (!status) status = recsys__alloc_zero(x->memory, &x->error, n_nodes, sizeof *p.out, &p.out);
    if (!status) status = peel(&p);
    recsys__free(x->memory, p.queue);
    recsys__free(x->memory, p.degree);
    if (status)
        recsys__free(x->memory, p.out);
    else
        *out = p.out;
    return status;
}

/* New array: for each of n old indices the new one, or -1 where out[index] is set. */
static recsys_status number_anew(recsys_exec *x, const uint8_t *out, int64_t n, int32_t **map)
{
    recsys_status status = recsys__alloc(x->memory, &x->error, n, sizeof **map, map);
    if (status) return status;
    int32_t next = 0;
    for (int64_t index = 0; index < n; index++) (*map)[index] = out[index] ? -1 : next++;
    return RECSYS_OK;
}

/* The part of a table (NULL: none) of n users or items that have map[index] >= 0. */
static recsys_status cut_table(recsys_exec *x, const entity_table *t, int64_t n, const int32_t *map, int64_t n_kept,
                               entity_table **out)
{
    int32_t *row;
    recsys_status status = recsys__alloc(x->memory, &x->error, n_kept, sizeof *row, &row);
    if (status) return status;
    for (int64_t i = 0; i < n; i++)
        if (map[i] >= 0) row[map[i]] = (int32_t)i;
    entity_source part = { t, row };
    status = recsys__entity_table_collect(x, &part, 1, n_kept, out);
    recsys__free(x->memory, row);
    return status;
}

/* Turns `d`, which nobody else has seen yet, to the new numbers. */
static recsys_status renumber(recsys_exec *x, recsys_dataset *d, const int32_t *user_map, const int32_t *item_map)
{
    recsys_ids *users = NULL, *items = NULL;
    entity_table *table[2] = { NULL, NULL };
    recsys_status status = recsys__ids_subset(x, d->users, user_map, &users);
    if (!status) status = recsys__ids_subset(x, d->items, item_map, &items);
    if (!status)
        status = cut_table(x, d->table[SIDE_USERS], recsys_ids_count(d->users), user_map, recsys_ids_count(users),
                           &table[SIDE_USERS]);
    if (!status)
        status = cut_table(x, d->table[SIDE_ITEMS], recsys_ids_count(d->items), item_map, recsys_ids_count(items),
                           &table[SIDE_ITEMS]);
    if (status) {
        recsys__entity_table_release(table[SIDE_USERS]);
        recsys__ids_release(users);
        recsys__ids_release(items);
        return status;
    }
    for (int64_t e = 0; e < d->n_events; e++) {
        d->user[e] = user_map[d->user[e]];
        d->item[e] = item_map[d->item[e]];
    }
    recsys__ids_release(d->users);
    recsys__ids_release(d->items);
    d->users = users;
    d->items = items;
    for (int side = 0; side < 2; side++) {
        recsys__entity_table_release(d->table[side]);
        d->table[side] = table[side];
    }
    return RECSYS_OK;
}

/* The events between users and items that are not out, numbered anew. */
static recsys_status cut_core(recsys_exec *x, const recsys_dataset *d, const uint8_t *out, recsys_dataset **result)
{
    int64_t U = recsys_ids_count(d->users), I = recsys_ids_count(d->items), kept = 0;
    int32_t *user_map = NULL, *item_map = NULL;
    uint8_t *keep = NULL;
    recsys_status status = number_anew(x, out, U, &user_map);
    if (!status) status = number_anew(x, out + U, I, &item_map);
    if (!status) status = recsys__alloc(x->memory, &x->error, d->n_events, sizeof *keep, &keep);
    for (int64_t e = 0; !status && e < d->n_events; e++) {
        keep[e] = !out[d->user[e]] && !out[U + d->item[e]];
        kept += keep[e];
    }
    if (!status && kept == 0)
        status = recsys__fail(&x->error, RECSYS_ERR_EMPTY, "the k-core is empty: no interaction is left");
    if (!status) status = recsys__dataset_select(x, d, keep, result);
    recsys__free(x->memory, keep);
    if (!status) status = renumber(x, *result, user_map, item_map);
    recsys__free(x->memory, item_map);
    recsys__free(x->memory, user_map);
    if (status) {
        recsys_dataset_release(*result);
        *result = NULL;
    }
    return status;
}

recsys_status recsys_dataset_k_core(const recsys_dataset *dataset, recsys_exec *exec, int64_t user_k, int64_t item_k,
                                    recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_k_core: an argument is NULL");
    if (user_k < 0 || item_k < 0)
        return recsys__fail(&exec->error, RECSYS_ERR_OUT_OF_RANGE, "%s is %" PRId64 ", but must not be negative",
                            user_k < 0 ? "user_k" : "item_k", user_k < 0 ? user_k : item_k);
    recsys_status status = recsys__phase(exec, "k-core");
    uint8_t *out;
    if (!status) status = find_core(exec, dataset, user_k, item_k, &out);
    if (status) return status;
    status = cut_core(exec, dataset, out, result);
    recsys__free(exec->memory, out);
    return status;
}
