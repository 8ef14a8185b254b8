/* pair_rank.c - lists by a network over user-item pairs (MLP and NeuMF of three layers), against the rate of sgemm.
 *
 * The halves of the first layer are given, as a model keeps them; the layers behind it and the dot product are counted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/run.h"
#include "bench/bench.h"
#include "tensor/ops.h"

enum { PLACES = 20 };

typedef struct job {
    bench *b;
    pair_net net;
    ranking to;
    scoring at;
} job;

static void make_lists(void *data)
{
    job *j = data;
    bench_check(j->b, recsys__pair_rank(j->b->exec, &j->net, &j->to));
}

static void make_scores(void *data)
{
    job *j = data;
    bench_check(j->b, recsys__pair_score(j->b->exec, &j->net, &j->at));
}

/* Device memory with numbers between -0.1 and 0.1. */
static const float *numbers(const bench *b, int64_t count, uint64_t seed)
{
    float *host = NULL, *device = NULL;
    bench_check(b, recsys__alloc(b->exec->memory, &b->exec->error, count, sizeof *host, &host));
    for (int64_t e = 0; e < count; e++) host[e] = (float)((double)(bench_random(&seed) >> 11) * 0x1p-53 * 0.2 - 0.1);
    bench_check(b, recsys__upload(b->exec, host, count * (int64_t)sizeof *host, &device));
    recsys__free(b->exec->memory, host);
    return device;
}

static void give_back(const bench *b, const void *device)
{
    recsys__device_free(b->exec->backend, b->exec->memory, (void *)(uintptr_t)device);
}

/* Lists of `queries` users, and scores of 100 candidates each. */
static void run_case(bench *b, job *j, int64_t queries)
{
    char what[96];
    double flops = 2.0 * (128.0 * 64.0 + 64.0 * 32.0 + 32.0 + 32.0);
    j->to.n_queries = j->at.n_queries = queries;
    snprintf(what, sizeof what, "%lld users x %lld items, layers 128 64 32, dot 32", (long long)queries, (long long)j->to.n_items);
    timing t = bench_time(b, make_lists, j);
    bench_print(b, "pair_rank", what, t, flops * (double)queries * (double)j->to.n_items, "flop", b->limits.sgemm, "sgemm");
    snprintf(what, sizeof what, "%lld users x 100 candidates, layers 128 64 32, dot 32", (long long)queries);
    t = bench_time(b, make_scores, j);
    bench_print(b, "pair_score", what, t, flops * (double)queries * 100.0, "flop", b->limits.sgemm, "sgemm");
}

void bench_pair_rank(bench *b)
{
    const int64_t users = 512, items = b->items > 0 ? b->items : 6596;
    job j = { .b = b, .net = { .n_layers = 3, .widths = { 128, 64, 32 }, .dot_dim = 32 } };
    pair_net *net = &j.net;
    net->query_half = numbers(b, users * 128, 1), net->item_half = numbers(b, items * 128, 2);
    net->weights[1] = numbers(b, 64 * 128, 3), net->biases[1] = numbers(b, 64, 4);
    net->weights[2] = numbers(b, 32 * 64, 5), net->biases[2] = numbers(b, 32, 6);
    net->last = numbers(b, 32, 7), net->bias = numbers(b, 1, 8);
    net->query_vector = numbers(b, users * 32, 9), net->item_vector = numbers(b, items * 32, 10);
    int32_t *candidates = malloc((size_t)users * 100 * sizeof *candidates), *listed = malloc((size_t)users * PLACES * sizeof *listed);
    int64_t *ptr = malloc((size_t)(users + 1) * sizeof *ptr);
    float *scores = malloc((size_t)users * 100 * sizeof *scores);
    uint64_t seed = 11;
    if (!candidates || !listed || !ptr || !scores) exit(1);
    for (int64_t e = 0; e < users * 100; e++) candidates[e] = (int32_t)(bench_random(&seed) % (uint64_t)items);
    for (int64_t q = 0; q <= users; q++) ptr[q] = 100 * q;
    j.to = (ranking){ .n_items = items, .k = PLACES, .items = listed, .scores = scores };
    j.at = (scoring){ .n_items = items, .ptr = ptr, .item = candidates, .out = scores };
    run_case(b, &j, users);
    run_case(b, &j, 1);
    free(candidates), free(listed), free(ptr), free(scores);
    const float *const all[] = { net->query_half, net->item_half, net->weights[1], net->biases[1], net->weights[2], net->biases[2],
                                 net->last, net->bias, net->query_vector, net->item_vector };
    for (size_t a = 0; a < sizeof all / sizeof *all; a++) give_back(b, all[a]);
    recsys__drop_workspace(b->exec);
}
