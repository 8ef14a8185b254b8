/* ease_rank.c - full ranking by item weights with all metrics at four cut-offs: users a second.
 *
 * The weights are made up (their values do not change the work), the histories have popular items and a mean length of 27.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "backend/run.h"
#include "bench/bench.h"
#include "bench/models.h"

static void run_size(bench *b, int64_t users, int64_t items)
{
    char what[64];
    snprintf(what, sizeof what, "%lld users x %lld items", (long long)users, (long long)items);
    if (bench_skip(b, "ease_rank", what, 2.0 * (double)items * (double)items)) return;
    recsys_dataset *train = bench_data(b, users, items, 27, 1), *test = bench_data(b, users, items, 7, 2);
    recsys_model *model = bench_ease_model(b, train);
    timing t = bench_evaluation(b, model, test);
    bench_print(b, "ease_rank", what, t, (double)users, "user", 0.0, NULL);
    recsys_model_release(model);
    recsys_dataset_release(test);
    recsys_dataset_release(train);
}

void bench_ease_rank(bench *b)
{
    run_size(b, 30000, b->items > 0 ? b->items : 20000);
    if (b->items == 0) run_size(b, 29858, 40981);
}
