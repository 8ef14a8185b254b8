/* lightgcn.c - steps of LightGCN at Gowalla's size: a full sparse product, a step with Adam, its forward and backward parts.
 *
 * 29,858 users, 40,981 items, 810,128 interactions, 64 columns, 3 layers, batches of 2,048. RECSYS_DATA is a folder with
 * gowalla/train.tsv.gz; without it a synthetic graph with popularity falling as 1 / rank. Limits: for the product, what a copy
 * that no cache holds moves a second, against the rows that it gathers; for the step, the same against the bytes that it must
 * read and write if every table were read once in each pass.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/op/spmm.h"
#include "backend/run.h"
#include "bench/bench.h"
#include "model/graph.h"

enum { USERS = 29858, ITEMS = 40981, LENGTH = 27, DIM = 64, LAYERS = 3, BATCH = 2048, WARM = 3, STEPS = 15 };

static recsys_dataset *graph_data(const bench *b)
{
    const char *folder = getenv("RECSYS_DATA");
    char path[1024];
    recsys_dataset *d = NULL;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    if (folder == NULL) return bench_data(b, USERS, ITEMS, LENGTH, 3);
    snprintf(path, sizeof path, "%s/gowalla/train.tsv.gz", folder);
    format.columns = "user,item";
    bench_check(b, recsys_dataset_read(b->exec, path, &format, &d));
    return d;
}

/* ---- the product ---- */

typedef struct product {
    const bench *b;
    op_spmm side[2];
} product;

static void multiply(void *data)
{
    product *p = data;
    for (int k = 0; k < 2; k++) bench_check(p->b, recsys__run(p->b->exec, &p->side[k].op));
}

static op_spmm side_of(const sparse *A, const float *x, float *y)
{
    return (op_spmm){ .op = { OP_SPMM, sizeof(op_spmm) }, .n_rows = A->n_rows, .dim = DIM, .n_entries = A->n_entries,
                      .row_ptr = A->row_ptr, .column = A->column, .value = A->value, .x = x, .y = y };
}

static void time_product(bench *b, const graph *g)
{
    int64_t nodes = g->by_user.n_rows + g->by_item.n_rows, edges = 2 * g->by_user.n_entries;
    float *x, *y, *host = calloc((size_t)(nodes * DIM), sizeof *host);
    char what[96];
    if (host == NULL) return;
    for (int64_t i = 0; i < nodes * DIM; i++) host[i] = (float)(i % 97) * 1e-3f;
    bench_check(b, recsys__upload(b->exec, host, nodes * DIM * 4, &x));
    bench_check(b, recsys__device_alloc(b->exec, nodes * DIM, sizeof *y, &y));
    int64_t items = g->by_user.n_rows * DIM; /* where the items' rows begin */
    product p = { b, { side_of(&g->by_user, x + items, y), side_of(&g->by_item, x, y + items) } };
    timing t = bench_time(b, multiply, &p);
    double gathered = (double)edges * (4.0 * DIM + 8.0) + 4.0 * DIM * (double)nodes;
    snprintf(what, sizeof what, "product, %lld nodes, %lld edges, %d columns", (long long)nodes, (long long)edges, DIM);
    bench_print(b, "lightgcn", what, t, gathered, "byte", b->limits.copy, "copy");
    recsys__device_free(b->exec->backend, b->exec->memory, x);
    recsys__device_free(b->exec->backend, b->exec->memory, y);
    free(host);
}

/* ---- the step ---- */

static int compare(const void *a, const void *b)
{
    double l = *(const double *)a, r = *(const double *)b;
    return (l > r) - (l < r);
}

/* Bytes that a step must move: in each of 2 L - 2 full products, edges, layers read and written; in the gradient's last one and
 * in the first one back, edges and what is written; Adam's six passes and the gradient. */
static double step_bytes(double nodes, double edges, double layers)
{
    double table = 4.0 * DIM * nodes, full = 2.0 * table + 8.0 * edges;
    return (2.0 * layers - 2.0) * full + table + 8.0 * edges + 7.0 * table;
}

static void time_steps(bench *b, const recsys_dataset *data, int64_t nodes, int64_t edges, const char *params)
{
    double seconds[STEPS];
    char what[128];
    recsys_params *p;
    recsys_trainer *t;
    recsys_training how = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    if (recsys_params_create(b->env, "lightgcn", &p, NULL) < 0 || recsys_params_set_text(p, params) < 0) return;
    how.epochs = 1;
    how.batch_size = BATCH;
    fit.training = &how;
    bench_check(b, recsys_trainer_create(p, data, b->exec, &fit, &t));
    for (int s = -WARM; s < STEPS; s++) {
        double start = recsys__seconds();
        bench_check(b, recsys_trainer_step(t, NULL, 0, NULL));
        if (s >= 0) seconds[s] = recsys__seconds() - start;
    }
    qsort(seconds, STEPS, sizeof *seconds, compare);
    timing at = { .best = seconds[0], .median = seconds[STEPS / 2] };
    snprintf(what, sizeof what, "step, batch %d, %s, %.1f ms", BATCH, params, at.best * 1e3);
    bench_print(b, "lightgcn", what, at, step_bytes((double)nodes, (double)edges, LAYERS), "byte", b->limits.copy, "copy");
    recsys_trainer_release(t);
    recsys_params_release(p);
}

void bench_lightgcn(bench *b)
{
    graph *g;
    if (bench_skip(b, "lightgcn", "Gowalla's size", 64.0 * DIM * (USERS + ITEMS))) return;
    recsys_dataset *data = graph_data(b);
    bench_check(b, recsys__graph_create(b->exec, data, &g));
    int64_t nodes = g->by_user.n_rows + g->by_item.n_rows, edges = 2 * g->by_user.n_entries;
    time_product(b, g);
    recsys__prepared_release(&g->prepared);
    time_steps(b, data, nodes, edges, "dim=64,layers=3");
    time_steps(b, data, nodes, edges, "dim=64,layers=3,dropout=0.1");
    recsys_dataset_release(data);
}
