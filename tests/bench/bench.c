/* bench.c - the machine's limits, timing and printing for all benchmarks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/blas.h"

static void *take(size_t bytes)
{
    void *p = malloc(bytes);
    if (p == NULL) {
        fprintf(stderr, "recsys-bench: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return p;
}

/* The rate of OpenBLAS itself on all threads: the limit that tile factorisation and ranking are held against. */
static double sgemm_rate(int32_t threads)
{
    enum { M = 4096 };
    float *a = take(sizeof(float) * M * M), *b = take(sizeof(float) * M * M), *c = take(sizeof(float) * M * M);
    for (int64_t i = 0; i < (int64_t)M * M; i++) {
        a[i] = b[i] = 0.01f * (float)(i % 97);
        c[i] = 0.0f;
    }
    int width = omp_get_max_threads();
    omp_set_num_threads(threads);
    double best = 1e30;
    for (int r = 0; r < 4; r++) {
        double start = recsys__seconds();
        cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, M, M, M, 1.0f, a, M, b, M, 0.0f, c, M);
        double seconds = recsys__seconds() - start;
        best = seconds < best ? seconds : best;
    }
    omp_set_num_threads(width);
    free(a), free(b), free(c);
    return 2.0 * M * M * M / best;
}

static double copy_rate(int32_t threads)
{
    const int64_t bytes = INT64_C(256) << 20, chunk = INT64_C(1) << 20;
    char *from = take((size_t)bytes), *to = take((size_t)bytes);
    memset(from, 1, (size_t)bytes);
    memset(to, 2, (size_t)bytes);
    double best = 1e30;
    for (int r = 0; r < 5; r++) {
        double start = recsys__seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t at = 0; at < bytes; at += chunk) memcpy(to + at, from + at, (size_t)chunk);
        double seconds = recsys__seconds() - start;
        best = seconds < best ? seconds : best;
    }
    free(from), free(to);
    return 2.0 * (double)bytes / best;
}

limits bench_limits(int32_t threads)
{
    return (limits){ .sgemm = sgemm_rate(threads), .copy = copy_rate(threads), .copy_one = copy_rate(1) };
}

static int compare(const void *a, const void *b)
{
    double l = *(const double *)a, r = *(const double *)b;
    return (l > r) - (l < r);
}

timing bench_time(const bench *b, void (*work)(void *), void *data)
{
    enum { MOST = 101 };
    double seconds[MOST];
    int runs = b->repeats < MOST ? b->repeats : MOST;
    work(data);
    for (int r = 0; r < runs; r++) {
        double start = recsys__seconds();
        work(data);
        seconds[r] = recsys__seconds() - start;
    }
    qsort(seconds, (size_t)runs, sizeof *seconds, compare);
    return (timing){ .best = seconds[0], .median = seconds[runs / 2] };
}

void bench_print(const bench *b, const char *name, const char *what, timing t, double amount, const char *unit, double limit,
                 const char *limit_name)
{
    printf("{\"bench\": \"%s\", \"case\": \"%s\", \"threads\": %d, \"seconds_best\": %.6g, \"seconds_median\": %.6g, "
           "\"rate\": %.6g, \"unit\": \"%s/s\"",
           name, what, (int)b->threads, t.best, t.median, amount / t.best, unit);
    if (limit > 0.0)
        printf(", \"limit\": \"%s\", \"limit_rate\": %.6g, \"ratio\": %.3f", limit_name, limit, amount / t.best / limit);
    puts("}");
    fflush(stdout);
}

int bench_skip(const bench *b, const char *name, const char *what, double bytes)
{
    if (bytes <= (double)b->max_bytes) return 0;
    printf("{\"bench\": \"%s\", \"case\": \"%s\", \"skipped\": \"needs %.1f GB, --max-bytes is %.1f GB\"}\n", name, what,
           bytes / 1e9, (double)b->max_bytes / 1e9);
    return 1;
}

void bench_check(const bench *b, recsys_status status)
{
    if (status >= 0) return;
    recsys_error_info e = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(b->exec, &e);
    fprintf(stderr, "recsys-bench: %s\n", e.message);
    exit(1);
}

uint64_t bench_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Rank r is drawn with a probability that falls as 1 / (r + 1). */
static int64_t draw_item(uint64_t *state, int64_t items)
{
    double u = (double)(bench_random(state) >> 11) * 0x1p-53;
    int64_t rank = (int64_t)exp(u * log((double)items + 1.0)) - 1;
    return rank < items ? rank : items - 1;
}

recsys_dataset *bench_data(const bench *b, int64_t users, int64_t items, int64_t mean, uint64_t seed)
{
    int64_t room = users * 2 * mean + items, count = 0;
    int64_t *user = take((size_t)room * sizeof *user), *item = take((size_t)room * sizeof *item);
    for (int64_t u = 0; u < users; u++) {
        int64_t length = 1 + (int64_t)(bench_random(&seed) % (uint64_t)(2 * mean - 1));
        for (int64_t e = 0; e < length; e++, count++) {
            user[count] = u;
            item[count] = (draw_item(&seed, items) * 7919 + 13) % items; /* popular items all over the catalogue */
        }
    }
    for (int64_t i = 0; i < items; i++, count++) {
        user[count] = i % users;
        item[count] = i;
    }
    recsys_events events = RECSYS_EVENTS_INIT;
    events.count = count;
    events.user_ids = user;
    events.item_ids = item;
    recsys_dataset_builder *builder;
    recsys_dataset *data;
    bench_check(b, recsys_dataset_builder_create(b->exec, NULL, &builder));
    bench_check(b, recsys_dataset_builder_append(builder, &events));
    bench_check(b, recsys_dataset_builder_finish(builder, &data));
    recsys_dataset_builder_release(builder);
    free(user), free(item);
    return data;
}
