/* gather_dot.c - one step of a factor model without its optimizer: logits straight from the tables, their loss, and back.
 *
 * Sizes: 212,231 users x 6,596 items, 32 columns. A case for each part: the forward pass with the index of the rows that it
 * reads and the copies that it leaves, the loss with its gradient, the way back to the gradients by rows. The bytes are those
 * that an operation must read and write, without the index's; the limit is a copy on all threads. Other samples each time, so
 * that rows come from wherever they are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/op/pointwise_loss.h"
#include "backend/run.h"
#include "bench/bench.h"
#include "tensor/ops.h"

enum { USERS = 212231, ITEMS = 6596, DIM = 32, BATCHES = 64 };
enum { FORWARD, LOSS, BACKWARD, PARTS };

/* Device memory of a model and of BATCHES batches of B samples. */
typedef struct job {
    bench *b;
    tape *g;
    float *p, *q, *h, *c, *labels;
    int32_t *users, *items;
    int64_t B;
} job;

static float *new_floats(bench *b, int64_t n, uint64_t *state)
{
    float *host = malloc((size_t)n * sizeof *host), *device = NULL;
    if (host == NULL) exit(1);
    for (int64_t i = 0; i < n; i++) host[i] = (float)((double)(bench_random(state) >> 11) * 0x1p-53 - 0.5);
    bench_check(b, recsys__upload(b->exec, host, n * (int64_t)sizeof *host, &device));
    free(host);
    return device;
}

/* Zeros and ones. */
static float *new_labels(bench *b, int64_t n, uint64_t *state)
{
    float *host = malloc((size_t)n * sizeof *host), *device = NULL;
    if (host == NULL) exit(1);
    for (int64_t i = 0; i < n; i++) host[i] = (float)(bench_random(state) & 1);
    bench_check(b, recsys__upload(b->exec, host, n * (int64_t)sizeof *host, &device));
    free(host);
    return device;
}

static int32_t *new_rows(bench *b, int64_t n, int64_t below, uint64_t *state)
{
    int32_t *host = malloc((size_t)n * sizeof *host), *device = NULL;
    if (host == NULL) exit(1);
    for (int64_t i = 0; i < n; i++) host[i] = (int32_t)(bench_random(state) % (uint64_t)below);
    bench_check(b, recsys__upload(b->exec, host, n * (int64_t)sizeof *host, &device));
    free(host);
    return device;
}

/* One step on batch `k`; the seconds of its parts. */
static void step(job *j, int64_t k, double seconds[PARTS])
{
    const pointwise_rule rule = { .kind = LOSS_BCE };
    tape *g = j->g;
    recsys__tape_reset(g, 1, (uint64_t)k);
    recsys__tape_mode(g, 1, 1);
    tensor P = recsys__tape_parameter(g, 0, "user_embedding", j->p, 2, (int64_t[]){ USERS, DIM });
    tensor Q = recsys__tape_parameter(g, 1, "item_embedding", j->q, 2, (int64_t[]){ ITEMS, DIM });
    tensor h = recsys__tape_parameter(g, 2, "weight", j->h, 2, (int64_t[]){ 1, DIM });
    tensor c = recsys__tape_parameter(g, 3, "bias", j->c, 1, (int64_t[]){ 1 });
    tensor users = recsys__tape_constant(g, j->users + k * j->B, RECSYS_I32, 1, &j->B);
    tensor items = recsys__tape_constant(g, j->items + k * j->B, RECSYS_I32, 1, &j->B);
    tensor labels = recsys__tape_constant(g, j->labels + k * j->B, RECSYS_F32, 1, &j->B);
    double start = recsys__seconds();
    tensor logits = op_gather_dot(g, P, users, Q, items, h, c);
    double forward = recsys__seconds();
    tensor loss = op_pointwise_loss(g, logits, labels, &rule);
    double lost = recsys__seconds();
    recsys__tape_backward(g, loss);
    double back = recsys__seconds();
    bench_check(j->b, recsys__tape_status(g));
    seconds[FORWARD] = forward - start, seconds[LOSS] = lost - forward, seconds[BACKWARD] = back - lost;
}

static int compare(const void *a, const void *b)
{
    double l = *(const double *)a, r = *(const double *)b;
    return (l > r) - (l < r);
}

static void bench_batch(bench *b, int64_t B)
{
    static const char *const parts[PARTS] = { "forward", "loss", "backward" };
    const double bytes[PARTS] = { 16.0 * DIM + 12, 12, 8.0 * DIM + 12 };
    double seconds[PARTS], all[PARTS][BATCHES];
    uint64_t state = 1;
    job j = { .b = b, .B = B, .p = new_floats(b, (int64_t)USERS * DIM, &state), .q = new_floats(b, (int64_t)ITEMS * DIM, &state),
              .h = new_floats(b, DIM, &state), .c = new_floats(b, 1, &state), .labels = new_labels(b, B * BATCHES, &state),
              .users = new_rows(b, B * BATCHES, USERS, &state), .items = new_rows(b, B * BATCHES, ITEMS, &state) };
    bench_check(b, recsys__tape_create(b->exec, &j.g));
    step(&j, 0, seconds);
    for (int64_t k = 0; k < BATCHES; k++) {
        step(&j, k, seconds);
        for (int part = 0; part < PARTS; part++) all[part][k] = seconds[part];
    }
    for (int part = 0; part < PARTS; part++) {
        char what[64];
        qsort(all[part], BATCHES, sizeof(double), compare);
        snprintf(what, sizeof what, "%s, batch %lld", parts[part], (long long)B);
        timing t = { .best = all[part][0], .median = all[part][BATCHES / 2] };
        bench_print(b, "gather_dot", what, t, bytes[part] * (double)B, "byte", b->limits.copy, "copy");
    }
    recsys__tape_free(j.g);
    void *made[] = { j.p, j.q, j.h, j.c, j.labels, j.users, j.items };
    for (size_t m = 0; m < sizeof made / sizeof *made; m++) recsys__device_free(b->exec->backend, b->exec->memory, made[m]);
}

void bench_gather_dot(bench *b)
{
    bench_batch(b, 1024);
    bench_batch(b, 65536);
}
