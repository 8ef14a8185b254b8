/* optimizer.c - Adam on the tables of factor models: the index of a batch's rows, catching them up, updating them.
 *
 * 1024 users drawn evenly and as many items by popularity, as in a training with sampled pairs. Limit: the machine's copy,
 * for the bytes of parameters and state read and written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/op/row_index.h"
#include "backend/run.h"
#include "bench/bench.h"
#include "train/optimizer.h"

enum { BATCH = 1024, BATCHES = 400, WARM = 1200, TIMED = 1000, TABLES_MOST = 4, PARTS = 4 };

typedef struct job {
    bench *b;
    int64_t n;                     /* tables: users and items in turn */
    int64_t rows[TABLES_MOST], dim[TABLES_MOST];
    float *data[TABLES_MOST], *source[TABLES_MOST], *weight;
    int32_t *batch[2];             /* device: BATCHES x BATCH row numbers */
    row_index index[2];
    optimizer_state *state;
    double seconds[PARTS][TIMED];  /* index, catch up, update, all of them */
    double touched;                /* rows of all tables, in all timed steps */
} job;

static void *device(const bench *b, int64_t count, size_t size)
{
    void *p;
    bench_check(b, recsys__device_alloc(b->exec, count, size, &p));
    bench_check(b, recsys__device_fill(b->exec, p, 0, count * (int64_t)size));
    return p;
}

static row_index new_index(const bench *b)
{
    row_index x = { .n_entries = BATCH };
    x.n_rows = device(b, 1, sizeof(int32_t));
    x.row = device(b, BATCH, sizeof(int32_t));
    x.begin = device(b, BATCH + 1, sizeof(int32_t));
    x.order = device(b, BATCH, sizeof(int32_t));
    return x;
}

static void draw_batches(job *j)
{
    static int32_t row[BATCHES * BATCH];
    uint64_t seed = 1;
    for (int k = 0; k < 2; k++) {
        for (int64_t e = 0; e < BATCHES * BATCH; e++) {
            double u = (double)(bench_random(&seed) >> 11) * 0x1p-53, N = (double)j->rows[k];
            row[e] = (int32_t)(k == 0 ? N * u : fmin(exp(u * log(N + 1.0)) - 1.0, N - 1.0));
        }
        bench_check(j->b, recsys__upload(j->b->exec, row, (int64_t)sizeof row, &j->batch[k]));
    }
}

static void open_job(job *j)
{
    recsys_params *params;
    recsys_optimizer *adam;
    optimized about[TABLES_MOST];
    static float random[BATCH * 256];
    uint64_t seed = 2;
    for (int64_t i = 0; i < BATCH * 256; i++) random[i] = (float)((double)(bench_random(&seed) >> 40) * 0x1p-24 - 0.5) * 1e-3f;
    for (int64_t k = 0; k < j->n; k++) {
        j->data[k] = device(j->b, j->rows[k] * j->dim[k], sizeof(float));
        bench_check(j->b, recsys__upload(j->b->exec, random, BATCH * j->dim[k] * 4, &j->source[k]));
        about[k] = (optimized){ "table", j->data[k], j->rows[k], j->dim[k], 1 };
    }
    bench_check(j->b, recsys__upload(j->b->exec, random, BATCH * 4, &j->weight));
    j->index[0] = new_index(j->b), j->index[1] = new_index(j->b);
    draw_batches(j);
    if (recsys_optimizer_params(j->b->env, "adam", &params, NULL) < 0) return;
    bench_check(j->b, recsys_optimizer_create(j->b->exec, params, &adam));
    bench_check(j->b, recsys__optimizer_state_create(j->b->exec, adam, j->n, about, 0, &j->state));
    recsys_optimizer_release(adam);
    recsys_params_release(params);
}

static void close_job(job *j)
{
    backend *b = j->b->exec->backend;
    memory *m = j->b->exec->memory;
    for (int64_t k = 0; k < j->n; k++) recsys__device_free(b, m, j->data[k]), recsys__device_free(b, m, j->source[k]);
    for (int k = 0; k < 2; k++) {
        row_index *x = &j->index[k];
        recsys__device_free(b, m, x->n_rows), recsys__device_free(b, m, x->row);
        recsys__device_free(b, m, x->begin), recsys__device_free(b, m, x->order);
        recsys__device_free(b, m, j->batch[k]);
    }
    recsys__device_free(b, m, j->weight);
    recsys__optimizer_state_free(j->b->exec, j->state);
}

/* Tables are read two at a time: users and items. */
static void step(job *j, int64_t t)
{
    recsys_exec *x = j->b->exec;
    op_row_index o = { .op = { OP_ROW_INDEX, sizeof o }, .count = 2 };
    table_read reads[TABLES_MOST];
    parameter_gradient g[TABLES_MOST];
    for (int k = 0; k < 2; k++)
        o.list[k] = (row_list){ .n_rows = j->rows[k], .row = j->batch[k] + t % BATCHES * BATCH, .index = j->index[k] };
    for (int64_t k = 0; k < j->n; k++) {
        reads[k] = (table_read){ .parameter = k, .index = j->index[k % 2] };
        g[k] = (parameter_gradient){ .kind = GRADIENT_ROWS };
        g[k].rows = (row_gradient){ .index = j->index[k % 2], .source = j->source[k], .weight = j->weight };
    }
    double start = recsys__seconds();
    bench_check(j->b, recsys__run(x, &o.op));
    double indexed = recsys__seconds();
    bench_check(j->b, recsys__optimizer_before_read(j->state, x, j->n, reads));
    double read = recsys__seconds();
    bench_check(j->b, recsys__optimizer_step(j->state, x, g));
    bench_check(j->b, recsys__optimizer_report(j->state, x, INT64_MAX, NULL));
    double end = recsys__seconds();
    if (t < WARM) return;
    const double spent[PARTS] = { indexed - start, read - indexed, end - read, end - start };
    for (int p = 0; p < PARTS; p++) j->seconds[p][t - WARM] = spent[p];
    for (int64_t k = 0; k < j->n; k++) {
        int32_t rows;
        bench_check(j->b, recsys__download(x, &rows, j->index[k % 2].n_rows, sizeof rows));
        j->touched += rows;
    }
}

static int compare(const void *a, const void *b)
{
    double l = *(const double *)a, r = *(const double *)b;
    return (l > r) - (l < r);
}

static void run_job(bench *b, const char *model, int64_t n, const int64_t *rows, const int64_t *dim)
{
    static const char *const parts[] = { "row_index", "catch_up", "optimize", "all three" };
    static job j;
    memset(&j, 0, sizeof j);
    j.b = b, j.n = n;
    char what[96];
    double bytes = 0.0;
    for (int64_t k = 0; k < n; k++) {
        j.rows[k] = rows[k], j.dim[k] = dim[k];
        bytes += 12.0 * (double)(rows[k] * dim[k]);
    }
    if (bench_skip(b, "optimizer", model, bytes)) return;
    open_job(&j);
    for (int64_t t = 0; t < WARM + TIMED; t++) step(&j, t);
    double touched = j.touched / TIMED;
    double width = 0.0; /* mean of a touched row */
    for (int64_t k = 0; k < n; k++) width += (double)dim[k] / (double)n;
    for (int p = 0; p < PARTS; p++) {
        qsort(j.seconds[p], TIMED, sizeof j.seconds[p][0], compare);
        timing part = { .best = j.seconds[p][0], .median = j.seconds[p][TIMED / 2] };
        double moved = p == 0 ? 16.0 * BATCH * 2 : 24.0 * width * touched * (p == 3 ? 2.0 : 1.0);
        snprintf(what, sizeof what, "%s, batch %d: %s, %.0f rows, %.1f ns a row", model, BATCH, parts[p], touched,
                 part.best / touched * 1e9);
        bench_print(b, "optimizer", what, part, moved, "byte", b->limits.copy, "copy");
    }
    close_job(&j);
}

void bench_optimizer(bench *b)
{
    const int64_t rows[] = { 212231, 6596, 212231, 6596 };
    run_job(b, "gmf 32", 2, rows, (const int64_t[]){ 32, 32 });
    run_job(b, "neumf 32 + 128", 4, rows, (const int64_t[]){ 32, 32, 128, 128 });
}
