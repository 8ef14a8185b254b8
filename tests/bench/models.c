/* models.c - made-up models and the protocol that benchmarks of ranking share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/models.h"

#include <stdio.h>
#include <stdlib.h>

#include "backend/run.h"
#include "backend/symmetric.h"
#include "model/model.h"

recsys_model *bench_ease_model(const bench *b, const recsys_dataset *train)
{
    recsys_exec *x = b->exec;
    recsys_params *params;
    recsys_model *m;
    const csr *by_user;
    int64_t n = recsys_ids_count(train->items), floats = recsys__symmetric_floats(n, SYMMETRIC_LINE);
    float *data;
    uint64_t seed = 5;
    if (recsys_params_create(b->env, "ease", &params, NULL) < 0) exit(1);
    bench_check(b, recsys__model_create(x, &recsys__ease, params, train->users, train->items, &m));
    recsys_params_release(params);
    bench_check(b, recsys__device_alloc(x, floats, sizeof(float), &data));
    for (int64_t e = 0; e < floats; e++) data[e] = (float)((double)(bench_random(&seed) >> 40) * 0x1p-24 - 0.5);
    for (int64_t i = 0; i < n; i++) data[symmetric_element(i, i)] = 1.0f + data[symmetric_element(i, i)];
    bench_check(b, recsys__model_new_tensor(x, m, "precision", 1, &floats, data));
    bench_check(b, recsys__dataset_by_user(x, train, &by_user));
    bench_check(b, recsys__model_keep_histories(x, m, by_user));
    return m;
}

recsys_model *bench_vector_model(const bench *b, const recsys_dataset *train, int64_t dim)
{
    int64_t users = recsys_ids_count(train->users), items = recsys_ids_count(train->items), count = (users + items) * dim;
    float *table = malloc((size_t)count * sizeof *table);
    uint64_t seed = 6;
    recsys_model *m;
    if (table == NULL) exit(1);
    for (int64_t e = 0; e < count; e++) {
        table[e] = 0.0f;
        for (int part = 0; part < 4; part++) /* near normal: a sum of four uniform numbers */
            table[e] += (float)((double)(bench_random(&seed) >> 40) * 0x1p-24 - 0.5);
    }
    bench_check(b, recsys_model_from_embeddings(train, b->exec, dim, table, table + users * dim, NULL, &m));
    free(table);
    return m;
}

typedef struct evaluation {
    bench *b;
    recsys_evaluator *evaluator;
    const recsys_model *model;
} evaluation;

static void evaluate(void *data)
{
    evaluation *e = data;
    recsys_report *report;
    bench_check(e->b, recsys_evaluator_run(e->evaluator, e->model, e->b->exec, &report));
    recsys_report_release(report);
}

timing bench_evaluation(bench *b, const recsys_model *model, const recsys_dataset *test)
{
    static const int64_t cutoffs[] = { 5, 10, 20, 100 };
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    evaluation e = { .b = b, .model = model };
    o.test = test;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 4;
    bench_check(b, recsys_evaluator_create(b->exec, &o, &e.evaluator));
    timing t = bench_time(b, evaluate, &e);
    recsys_evaluator_release(e.evaluator);
    return t;
}
