/* bench.h - what the benchmarks share: the machine's own limits measured in the same run, timing, one JSON line a result.
 *
 * A case is a function in a file of its own and a line in main.c. Ratios are against a limit that was measured just before;
 * the limits are measured again at the end, and the last line says whether they held still.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdint.h>

#include <recsys/recsys.h>

#include "base/exec.h"

/* What the machine can do, with the threads of the run. */
typedef struct limits {
    double sgemm;      /* FLOP/s of a large single-precision product */
    double copy;       /* bytes/s read and written by a copy that no cache holds */
    double copy_one;   /* the same on one thread */
} limits;

typedef struct bench {
    recsys_env *env;
    recsys_exec *exec;
    int32_t threads;
    int64_t items;     /* --items, 0: each case's own sizes */
    int64_t max_bytes; /* --max-bytes: larger cases are skipped, and say so */
    int repeats;
    limits limits;
} bench;

limits bench_limits(int32_t threads);

/* Seconds of the best and of the median of b->repeats runs of `work`, after one that does not count. */
typedef struct timing { double best, median; } timing;
timing bench_time(const bench *b, void (*work)(void *), void *data);

/* Prints {"bench": name, "case": what, ...}: `amount` of `unit` in each run, against `limit` of the same unit a second (0:
 * none). */
void bench_print(const bench *b, const char *name, const char *what, timing t, double amount, const char *unit, double limit,
                 const char *limit_name);

/* 1 if so many bytes are too many for this run: then a line that says so was printed. */
int bench_skip(const bench *b, const char *name, const char *what, double bytes);

/* Ends the program with the exec's message unless the status is good. */
void bench_check(const bench *b, recsys_status status);

/* A pseudo-random number; advances the state. */
uint64_t bench_random(uint64_t *state);

/* A dataset of `users` histories over `items` items with popularity falling as 1 / rank and lengths around `mean`; all items
 * have an event. */
recsys_dataset *bench_data(const bench *b, int64_t users, int64_t items, int64_t mean, uint64_t seed);

void bench_gather_dot(bench *b);
void bench_gf_cf(bench *b);
void bench_gram(bench *b);
void bench_spd_inverse(bench *b);
void bench_ease_rank(bench *b);
void bench_dot_lists(bench *b);
void bench_dot_rank(bench *b);
void bench_read_text(bench *b);
void bench_latency(bench *b);
void bench_lightgcn(bench *b);
void bench_linear(bench *b);
void bench_sampler(bench *b);
void bench_optimizer(bench *b);
void bench_pair_rank(bench *b);
void bench_train(bench *b);
void bench_two_tower(bench *b);
void bench_dae(bench *b);

#endif
