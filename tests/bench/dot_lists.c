/* dot_lists.c - the dot_rank kernel alone: lists of 20 and of 100 items for many users, and one list, by inner products.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/run.h"
#include "bench/bench.h"
#include "tensor/ops.h"

enum { DIM = 64, MOST = 100 };

typedef struct job {
    bench *b;
    const float *users, *items; /* device */
    ranking to;
} job;

static void rank(void *data)
{
    job *j = data;
    bench_check(j->b, recsys__dot_rank(j->b->exec, DIM, j->users, j->items, &j->to));
}

/* Near normal: sums of four uniform numbers. */
static float *vectors(bench *b, int64_t rows, uint64_t seed)
{
    float *host = malloc((size_t)rows * DIM * sizeof *host), *device;
    if (host == NULL) exit(1);
    for (int64_t e = 0; e < rows * DIM; e++) {
        host[e] = 0.0f;
        for (int part = 0; part < 4; part++) host[e] += (float)((double)(bench_random(&seed) >> 40) * 0x1p-24 - 0.5);
    }
    bench_check(b, recsys__upload(b->exec, host, rows * DIM * (int64_t)sizeof *host, &device));
    free(host);
    return device;
}

static void run_lists(job *j, int64_t users, int64_t k)
{
    char what[96];
    snprintf(what, sizeof what, "top %lld of %lld items, %d factors, %lld users", (long long)k, (long long)j->to.n_items, DIM,
             (long long)users);
    j->to.n_queries = users;
    j->to.k = k;
    timing t = bench_time(j->b, rank, j);
    bench_print(j->b, "dot_lists", what, t, 2.0 * (double)users * (double)j->to.n_items * DIM, "flop", j->b->limits.sgemm,
                "sgemm");
    bench_print(j->b, "dot_lists_users", what, t, (double)users, "user", 0.0, NULL);
}

void bench_dot_lists(bench *b)
{
    const int64_t users = 29858, items = b->items > 0 ? b->items : 40981;
    job j = { .b = b, .users = vectors(b, users, 1), .items = vectors(b, items, 2), .to = { .n_items = items } };
    j.to.items = malloc((size_t)users * MOST * sizeof *j.to.items);
    j.to.scores = malloc((size_t)users * MOST * sizeof *j.to.scores);
    if (j.to.items == NULL || j.to.scores == NULL) exit(1);
    run_lists(&j, users, 20);
    run_lists(&j, users, MOST);
    run_lists(&j, 1, 20);
    free(j.to.items), free(j.to.scores);
    recsys__device_free(b->exec->backend, b->exec->memory, (void *)(uintptr_t)j.users);
    recsys__device_free(b->exec->backend, b->exec->memory, (void *)(uintptr_t)j.items);
}
