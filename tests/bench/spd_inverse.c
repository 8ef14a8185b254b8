/* spd_inverse.c - Cholesky factor and inverse of an item-item matrix on packed tiles: n^3 operations against sgemm.
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
    double seconds; /* of the inverse alone, best so far */
} job;

/* The Gram matrix is made anew each time, and its time is not counted. */
static void invert(job *j)
{
    j->g.tile = recsys__symmetric_tile(j->g.n);
    bench_check(j->b, recsys__gram(j->b->exec, j->by_user, NULL, j->by_item, NULL, 50.0, &j->g));
    double start = recsys__seconds();
    bench_check(j->b, recsys__spd_inverse(j->b->exec, &j->g));
    double seconds = recsys__seconds() - start;
    j->seconds = j->seconds == 0.0 || seconds < j->seconds ? seconds : j->seconds;
}

static void run_size(bench *b, int64_t n)
{
    char what[64];
    snprintf(what, sizeof what, "%lld items", (long long)n);
    int64_t floats = recsys__symmetric_floats(n, recsys__symmetric_tile(n));
    if (bench_skip(b, "spd_inverse", what, 4.0 * (double)floats)) return;
    job j = { .b = b, .g = { .n = n } };
    recsys_dataset *data = bench_data(b, n, n, 12, 1);
    bench_check(b, recsys__dataset_by_user(b->exec, data, &j.by_user));
    bench_check(b, recsys__dataset_by_item(b->exec, data, &j.by_item));
    recsys_exec_reset_peak(b->exec);
    recsys_memory_info before = RECSYS_MEMORY_INFO_INIT, after = RECSYS_MEMORY_INFO_INIT;
    bench_check(b, recsys_exec_memory(b->exec, &before));
    bench_check(b, recsys__device_alloc(b->exec, floats, sizeof(float), &j.g.data));
    for (int r = 0; r < (n < 15000 ? b->repeats : 1); r++) invert(&j);
    bench_check(b, recsys_exec_memory(b->exec, &after));
    timing t = { j.seconds, j.seconds };
    bench_print(b, "spd_inverse", what, t, (double)n * (double)n * (double)n, "flop", b->limits.sgemm, "sgemm");
    printf("{\"bench\": \"spd_inverse_memory\", \"case\": \"%s\", \"peak_floats_per_n2\": %.4f}\n", what,
           (double)(after.peak - before.used) / 4.0 / (double)n / (double)n);
    recsys__device_free(b->exec->backend, b->exec->memory, j.g.data);
    recsys__drop_workspace(b->exec);
    recsys_dataset_release(data);
}

void bench_spd_inverse(bench *b)
{
    if (b->items > 0) {
        run_size(b, b->items);
        return;
    }
    run_size(b, 10000);
    run_size(b, 18000);
}
