/* models.h - made-up models and the protocol that benchmarks of ranking share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_MODELS_H
#define TESTS_BENCH_MODELS_H

#include "bench/bench.h"

/* An EASE^R model of random weights with the histories of `train`. */
recsys_model *bench_ease_model(const bench *b, const recsys_dataset *train);

/* A model of random vectors. */
recsys_model *bench_vector_model(const bench *b, const recsys_dataset *train, int64_t dim);

/* The time of a full evaluation: all metrics at cut-offs 5, 10, 20 and 100. */
timing bench_evaluation(bench *b, const recsys_model *model, const recsys_dataset *test);

#endif
