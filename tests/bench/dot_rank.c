/* dot_rank.c - full ranking by inner products with all metrics at four cut-offs, against the rate of sgemm.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/models.h"

void bench_dot_rank(bench *b)
{
    const int64_t users = 29858, items = b->items > 0 ? b->items : 40981, dim = 64;
    char what[64];
    snprintf(what, sizeof what, "%lld users x %lld items, %lld factors", (long long)users, (long long)items, (long long)dim);
    recsys_dataset *train = bench_data(b, users, items, 27, 1), *test = bench_data(b, users, items, 7, 2);
    recsys_model *model = bench_vector_model(b, train, dim);
    timing t = bench_evaluation(b, model, test);
    bench_print(b, "dot_rank", what, t, 2.0 * (double)users * (double)items * (double)dim, "flop", b->limits.sgemm, "sgemm");
    bench_print(b, "dot_rank_users", what, t, (double)users, "user", 0.0, NULL);
    recsys_model_release(model);
    recsys_dataset_release(test);
    recsys_dataset_release(train);
}
