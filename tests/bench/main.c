/* main.c - recsys-bench: times the hot loops against the machine's own limits; a JSON line a result, nothing is asserted.
 *
 * Usage: recsys-bench [--threads N] [--items N] [--max-bytes N] [--repeats N] [NAME ...]; without names: every case.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

static const struct {
    const char *name;
    void (*run)(bench *b);
} cases[] = {
    { "gram", bench_gram },           { "spd_inverse", bench_spd_inverse }, { "ease_rank", bench_ease_rank },
    { "dot_lists", bench_dot_lists }, { "dot_rank", bench_dot_rank },       { "read_text", bench_read_text },
    { "latency", bench_latency },     { "gather_dot", bench_gather_dot },
    { "sampler", bench_sampler },     { "pair_rank", bench_pair_rank },
    { "optimizer", bench_optimizer }, { "linear", bench_linear },
    { "train", bench_train },         { "gf_cf", bench_gf_cf },         { "lightgcn", bench_lightgcn },
    { "two_tower", bench_two_tower },
    { "dae", bench_dae },
};

enum { CASES = sizeof cases / sizeof *cases };

static int usage(void)
{
    fputs("usage: recsys-bench [--threads N] [--items N] [--max-bytes N] [--repeats N] [NAME ...]\nnames:", stderr);
    for (int c = 0; c < CASES; c++) fprintf(stderr, " %s", cases[c].name);
    fputs("\n", stderr);
    return 2;
}

static int find_case(const char *name)
{
    for (int c = 0; c < CASES; c++)
        if (strcmp(cases[c].name, name) == 0) return c;
    return -1;
}

static double moved(double before, double after)
{
    return before > after ? before / after - 1.0 : after / before - 1.0;
}

static void print_limits(const char *when, const limits *l)
{
    printf("{\"limits\": \"%s\", \"sgemm_gflops\": %.1f, \"copy_gb_per_s\": %.1f, \"copy_one_thread_gb_per_s\": %.1f}\n", when,
           l->sgemm * 1e-9, l->copy * 1e-9, l->copy_one * 1e-9);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bench b = { .max_bytes = INT64_C(8) << 30, .repeats = 3 };
    int chosen[CASES] = { 0 }, any = 0;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    for (int a = 1; a < argc; a++) {
        int64_t value = a + 1 < argc ? strtoll(argv[a + 1], NULL, 10) : 0;
        int known = find_case(argv[a]);
        if (known >= 0) {
            chosen[known] = any = 1;
            continue;
        }
        if (value < 1) return usage();
        if (strcmp(argv[a], "--threads") == 0) options.threads = (int32_t)value;
        else if (strcmp(argv[a], "--items") == 0) b.items = value;
        else if (strcmp(argv[a], "--max-bytes") == 0) b.max_bytes = value;
        else if (strcmp(argv[a], "--repeats") == 0) b.repeats = (int)(value < 101 ? value : 101);
        else return usage();
        a++;
    }
    if (recsys_env_create(NULL, &b.env, NULL) < 0 || recsys_exec_create(b.env, &options, &b.exec, NULL) < 0) return 1;
    b.threads = recsys_exec_threads(b.exec);
    printf("{\"library\": \"%s\", \"build\": \"%s\", \"threads\": %d}\n", recsys_version(), recsys_build_info(),
           (int)b.threads);
    int busy = 0;
    for (int c = 0; c < CASES; c++) {
        if (any && !chosen[c]) continue;
        b.limits = bench_limits(b.threads);
        print_limits("before", &b.limits);
        cases[c].run(&b);
        limits after = bench_limits(b.threads);
        print_limits("after", &after);
        busy |= moved(b.limits.sgemm, after.sgemm) > 0.05;
    }
    printf("{\"machine\": \"%s\"}\n", busy ? "busy: the limits moved by more than 5 % and the ratios mean little" : "quiet");
    recsys_exec_release(b.exec);
    recsys_env_release(b.env);
    return 0;
}
