/* gram.c - the item-item matrix of a catalogue as packed tiles: pairs of items that meet in a history, a second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "backend/run.h"
#include "bench/bench.h"
#include "tensor/ops.h"

typedef struct job {
    bench *b;
    const csr *by_user, *by_item;
    symmetric g;
} job;

static void make_gram(void *data)
{
    job *j = data;
    bench_check(j->b, recsys__gram(j->b->exec, j->by_user, NULL, j->by_item, NULL, 50.0, &j->g));
}

void bench_gram(bench *b)
{
    const int64_t users = 30000, n = b->items > 0 ? b->items : 10000;
    char what[64];
    snprintf(what, sizeof what, "%lld users x %lld items", (long long)users, (long long)n);
    job j = { .b = b, .g = { .n = n, .tile = recsys__symmetric_tile(n) } };
    int64_t floats = recsys__symmetric_floats(n, j.g.tile);
    if (bench_skip(b, "gram", what, 4.0 * (double)floats)) return;
    recsys_dataset *data = bench_data(b, users, n, 27, 1);
    bench_check(b, recsys__dataset_by_user(b->exec, data, &j.by_user));
    bench_check(b, recsys__dataset_by_item(b->exec, data, &j.by_item));
    bench_check(b, recsys__device_alloc(b->exec, floats, sizeof(float), &j.g.data));
    double pairs = 0.0;
    for (int64_t u = 0; u < users; u++) {
        double length = (double)(j.by_user->ptr[u + 1] - j.by_user->ptr[u]);
        pairs += length * (length + 1.0) / 2.0;
    }
    bench_print(b, "gram", what, bench_time(b, make_gram, &j), pairs, "pair", 0.0, NULL);
    recsys__device_free(b->exec->backend, b->exec->memory, j.g.data);
    recsys__drop_workspace(b->exec);
    recsys_dataset_release(data);
}
