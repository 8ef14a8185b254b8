/* gf_cf.c - GF-CF at Gowalla's size: the fit for several numbers of power iterations, and a full evaluation against the bare
 * product of its low-pass part. tests/bench/svd_peer.py times scikit-learn's decomposition on the same scale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/models.h"

enum { USERS = 29858, ITEMS = 40981, FACTORS = 256 };

typedef struct work {
    bench *b;
    const recsys_dataset *train;
    recsys_params *params;
    recsys_model *model;
} work;

static void fit(void *data)
{
    work *w = data;
    recsys_model_release(w->model);
    w->model = NULL;
    bench_check(w->b, recsys_model_fit(w->params, w->train, w->b->exec, NULL, &w->model));
}

void bench_gf_cf(bench *b)
{
    static const int rounds[] = { 7, 4 };
    int64_t items = b->items > 0 ? b->items : ITEMS;
    double flops = 2.0 * USERS * (double)items * FACTORS;
    char what[96], text[64];
    if (bench_skip(b, "gf_cf", "fit", 8.0 * FACTORS * (double)(USERS + items))) return;
    recsys_dataset *train = bench_data(b, USERS, items, 27, 1), *test = bench_data(b, USERS, items, 7, 2);
    work w = { .b = b, .train = train };
    bench_check(b, recsys_params_create(b->env, "gf-cf", &w.params, NULL));
    for (int r = 0; r < 2; r++) {
        snprintf(text, sizeof text, "factors=%d,power_iterations=%d", FACTORS, rounds[r]);
        bench_check(b, recsys_params_set_text(w.params, text));
        snprintf(what, sizeof what, "fit, %d users x %lld items, %d vectors, %d power iterations", USERS, (long long)items,
                 FACTORS, rounds[r]);
        bench_print(b, "gf_cf", what, bench_time(b, fit, &w), 1.0, "fit", 0.0, NULL);
    }
    snprintf(what, sizeof what, "all metrics, %d users x %lld items, %d vectors", USERS, (long long)items, FACTORS);
    bench_print(b, "gf_cf", what, bench_evaluation(b, w.model, test), flops, "flop", b->limits.sgemm, "sgemm");
    recsys_model_release(w.model);
    recsys_params_release(w.params);
    recsys_dataset_release(test);
    recsys_dataset_release(train);
}
