/* graph.h - the bipartite graph of users and items, symmetrically normalised, on the device: what graph models prepare.
 *
 * An edge joins user u and item i where the data has at least one event of both; its value is 1 / sqrt(d_u d_i), d the number
 * of different items of a user and of users of an item. Values of the data are ignored. A node without edges has an empty row.
 * U users, I items, E edges; edge e is the e-th by user, then by item.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_GRAPH_H
#define MODEL_GRAPH_H

#include "backend/backend.h"
#include "base/exec.h"
#include "data/dataset.h"
#include "model/prepared.h"
#include "tensor/tape.h"

typedef struct graph {
    prepared prepared;
    memory *memory;
    struct backend *backend;
    sparse by_user, by_item; /* U x I and I x U, each the other's transposed matrix */
    const int32_t *edge;     /* E: entry k of by_item is edge edge[k] */
    const float *item_share; /* I: 1 / sqrt(d_i), 0 without edges */
} graph;

/* A new graph, to be let go of by recsys__prepared_release(). */
recsys_status recsys__graph_create(recsys_exec *x, const recsys_dataset *d, graph **out);

/* Floats that it takes, for estimates. */
int64_t recsys__graph_floats(const recsys_dataset *d);

/* ---- edge dropout ---- */

/* Both sides of the graph in one training step. */
typedef struct step_graph {
    sparse to_users, to_items;           /* U x I and I x U, what each side receives */
    sparse users_turned, items_turned;   /* their transposed matrices */
} step_graph;

/* Drops a share p of the edges while the tape trains, and divides what is kept by 1 - p; the graph itself otherwise. directed
 * 0: an edge is dropped for both sides or for none, so that the matrix stays symmetric; 1: for each side by itself. Which
 * edges: dropout.h, by the number of the edge, at the tape's seed and step. `s` must not move. */
void recsys__graph_of_step(tape *g, const graph *whole, double p, int directed, step_graph *s);

#endif
