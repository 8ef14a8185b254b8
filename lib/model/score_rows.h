/* score_rows.h - lists and single scores for models that can only score all items of a query at once.
 *
 * Blocks of queries are scored in full on the device, and the lists are made, or the candidates read, there. A block is
 * at most 32 MiB of scores, or one row. Q queries, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SCORE_ROWS_H
#define MODEL_SCORE_ROWS_H

#include "model/model.h"

/* Scores of a block of queries at all items: fills `out` (device, q->count x I). `q` is a part of the caller's queries: its
 * q->x.ptr need not begin with 0. */
typedef recsys_status (*score_queries)(recsys_exec *x, const recsys_model *m, const queries *q, float *out);

/* As recsys__model_rank() and recsys__model_score(), for `to` and `at` in host memory. */
recsys_status recsys__rank_by_scores(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to,
                                     score_queries scores);
recsys_status recsys__score_by_scores(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at,
                                      score_queries scores);

/* For those who fill such blocks in another way: rows of a block of n_items columns, at least 1, at most `count`. */
int64_t recsys__score_block_rows(int64_t n_items, int64_t count);

/* The part of `to` that begins with query `first` and has `count` of them. */
ranking recsys__ranking_part(const ranking *to, int64_t first, int64_t count);

/* Copies what `at` asks of queries first..first + count - 1 out of `rows` (device, count x I). `room` (host): I floats, used
 * if at->ptr is not NULL. */
recsys_status recsys__scores_of_rows(recsys_exec *x, const float *rows, int64_t first, int64_t count, const scoring *at,
                                     float *room);

#endif
