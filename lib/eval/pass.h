/* pass.h - one evaluation under way: the block of users in hand, the memory of the threads, the sums so far.
 *
 * U users of a block, Q queries (users of the block whose list the model is asked for), I items of the model, C cut-offs,
 * k length of the lists: the greatest cut-off, at most I. V values of a user.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_PASS_H
#define EVAL_PASS_H

#include "eval/beyond_accuracy.h"
#include "eval/metrics.h"
#include "eval/protocol.h"
#include "eval/report.h"
#include "eval/rows.h"

/* One thread's own memory. */
typedef struct worker {
    uint64_t *marked;    /* I bits; 0 when nobody uses them */
    uint64_t *drawn;     /* I bits likewise; sampled candidates only */
    int32_t *hit_place;  /* k */
    double *hit_gain;    /* k; graded gains only */
    double *test_gain;   /* most test items of a user; graded gains only */
    uint64_t *keys;      /* as many as the longest row of any data or the most candidates: for sorting */
    int32_t *place_of;   /* I, all -1 when nobody uses them; DIVERSITY_SIMILARITY only */
    double *similar;     /* C; likewise */
} worker;

/* The users in hand. */
typedef struct block {
    int64_t first, n;        /* users protocol.user[first] to [first + n - 1] */
    int32_t *query;          /* U: place among the queries, -1: the list stays empty */
    int64_t n_queries;
    int32_t *user;           /* Q: rows of the test data */
    int32_t *model_user;     /* Q: indices in the model, -1: none */
    row_block known;              /* Q: histories */
    row_block only_masked, both;  /* Q: the data to mask; that and the histories */
    const row_block *mask;        /* Q: whichever may not be listed; NULL: nothing */
    row_block candidates;         /* Q: what may be listed, if not everything else */
    float *candidate_scores;
    int64_t score_room;
    int32_t *items;          /* Q x k lists, -1 beyond the end */
    float *scores;           /* Q x k */
    uint8_t *hit;            /* Q x k: 1 where the list is right */
    double *values;          /* U x V */
} block;

/* Where the exec's progress goes meanwhile: what an operation does of its work, told as users of the evaluation. */
typedef struct relay {
    recsys_progress_fn progress;
    void *user;
    int64_t from, to, total;
} relay;

typedef struct pass {
    recsys_exec *x;
    const recsys_evaluator *options;
    const recsys_model *model;
    protocol protocol;
    popularity popularity;
    metric_tables tables;
    double *discount, *ideal;  /* of tables */
    int64_t I, k, V;
    int graded;                /* 1: NDCG with gains from values */
    int samples, has_candidates;
    uint64_t *excluded;        /* I bits: ignored items */
    worker *workers;
    int32_t n_workers;
    relay relay;
    int64_t block_users;       /* U at most */
    block block;

    double *total;             /* V: sums over users, NaN left out */
    int64_t *defined;          /* V: users whose value is a number */
    int64_t users_listed;      /* users with a list that is not empty */
    uint32_t *listed, *hit;    /* C x I: how often an item came at the places beyond the cut-off before; and was right */
    double *user_values;       /* users x V, if they are to be kept */
} pass;

/* block.c: brings users first to first + n - 1 into hand, and has the model fill their lists. */
recsys_status recsys__block_fill(pass *s, int64_t first, int64_t n);
recsys_status recsys__block_rank(pass *s);
void recsys__block_free(pass *s);

/* candidates.c: the same lists from candidates alone; AUC too if it is wanted. */
recsys_status recsys__candidates_rank(pass *s);

/* judge.c: compares the lists in hand with the test data, writes the users' values, counts items. */
void recsys__judge(pass *s);

/* roc.c: AUC of the users in hand over all items that they might get. */
recsys_status recsys__roc(pass *s);
/* AUC of one query from its candidates and their scores. */
double recsys__roc_of_candidates(pass *s, worker *w, int64_t q);

/* figures.c: enters all figures in the report, once all users are judged. */
recsys_status recsys__figures_enter(const pass *s, recsys_report *r);

/* run.c: the part of the users in hand that the next operation's progress stands for. */
void recsys__relay_range(pass *s, int64_t from, int64_t to);

/* Queries q0 to q0 + n - 1 of the block for the model; `ptr` has room for n + 1 offsets, NULL if q0 is 0. */
struct queries recsys__block_queries(const pass *s, int64_t q0, int64_t n, int64_t *ptr);

/* Bytes that one piece of work should hold at most: little beside what the exec may still take. */
int64_t recsys__piece_bytes(const recsys_exec *x);

#endif
