/* latency.c - one user's top 20 from a model that was loaded from its file: a history of 50 items, 20,000 in the catalogue.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/models.h"

enum { HISTORY = 50, K = 20, ROUNDS = 200 };

typedef struct job {
    bench *b;
    const recsys_model *model;
    int64_t items;
    uint64_t seed;
} job;

/* ROUNDS questions, each with another history. */
static void ask(void *data)
{
    job *j = data;
    for (int r = 0; r < ROUNDS; r++) {
        int64_t history[HISTORY], list[K];
        float score[K];
        for (int e = 0; e < HISTORY; e++) history[e] = (int64_t)(bench_random(&j->seed) % (uint64_t)j->items);
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_HISTORY;
        q.history = history;
        q.history_count = HISTORY;
        bench_check(j->b, recsys_model_topk(j->model, j->b->exec, &q, 1, K, NULL, list, score));
    }
}

void bench_latency(bench *b)
{
    int64_t items = b->items > 0 ? b->items : 20000;
    char what[96], path[] = "/tmp/recsys-bench-XXXXXX";
    snprintf(what, sizeof what, "top %d of %lld items, history of %d, loaded from a file", K, (long long)items, HISTORY);
    recsys_dataset *train = bench_data(b, 1000, items, 27, 1);
    recsys_model *made = bench_ease_model(b, train), *loaded;
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    bench_check(b, recsys_model_save(made, b->exec, path, NULL));
    recsys_model_release(made);
    bench_check(b, recsys_model_load(b->exec, path, NULL, &loaded));
    job j = { .b = b, .model = loaded, .items = items, .seed = 8 };
    timing t = bench_time(b, ask, &j);
    t.best /= ROUNDS;
    t.median /= ROUNDS;
    bench_print(b, "latency", what, t, 1.0, "list", 0.0, NULL);
    recsys_model_release(loaded);
    recsys_dataset_release(train);
    unlink(path);
}
