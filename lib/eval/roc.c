/* roc.c - AUC of the users in hand: from the scores of everything they might get, or of their candidates.
 *
 * Scores of all items are held for some users at a time, never for all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/parallel.h"
#include "eval/auc.h"
#include "eval/bits.h"
#include "eval/pass.h"

enum { MOST_AT_ONCE = 1024 };

/* Users q0 to q0 + n - 1 and their scores. */
typedef struct piece {
    pass *s;
    int64_t q0, n;
    float *scores;       /* n x I */
    int64_t *ptr;        /* room for their histories' offsets */
    const int32_t *u_of; /* Q: the query's place among the users of the block */
} piece;

/* Splits the user's test items: scores of those that could be listed are collected, the model's others are none of his
 * candidates. Whatever was read is marked as done with. */
static void collect_chosen(const pass *s, const worker *w, int64_t user, const float *scores, auc *a)
{
    const csr *test = s->protocol.test.rows;
    *a = (auc){ .chosen = w->keys };
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++) {
        int32_t i = s->protocol.test.item_of[test->col[e]];
        a->n_unseen += i == ITEM_UNSEEN;
        if (i < 0 || bits_has(w->marked, i)) continue;
        bits_add(w->marked, i);
        a->chosen[a->n_chosen++] = recsys__auc_key(scores[i]);
    }
}

static double roc_of(const pass *s, const worker *w, int64_t q, const float *scores)
{
    const row_block *mask = s->block.mask;
    auc a;
    bits_copy(w->marked, s->excluded, s->I);
    for (int64_t e = mask ? mask->ptr[q] : 0; mask && e < mask->ptr[q + 1]; e++) bits_add(w->marked, mask->item[e]);
    collect_chosen(s, w, s->block.user[q], scores, &a);
    recsys__auc_begin(&a);
    for (int64_t i = 0; i < s->I; i++)
        if (!bits_has(w->marked, i)) recsys__auc_add(&a, scores[i]);
    memset(w->marked, 0, (size_t)bits_words(s->I) * sizeof *w->marked);
    return recsys__auc_end(&a);
}

static void roc_some(void *data, int64_t begin, int64_t end, int32_t thread)
{
    const piece *p = data;
    pass *s = p->s;
    int64_t slot = value_index(s->tables.n_cutoffs, 0, MEAN_AUC);
    for (int64_t n = begin; n < end; n++)
        s->block.values[p->u_of[p->q0 + n] * s->V + slot] = roc_of(s, &s->workers[thread], p->q0 + n, p->scores + n * s->I);
}

static recsys_status roc_of_all(pass *s, piece *p, int64_t at_once)
{
    const block *b = &s->block;
    for (p->q0 = 0; p->q0 < b->n_queries; p->q0 += p->n) {
        p->n = b->n_queries - p->q0 < at_once ? b->n_queries - p->q0 : at_once;
        recsys__relay_range(s, b->first + p->u_of[p->q0], b->first + p->u_of[p->q0 + p->n - 1] + 1);
        struct queries asked = recsys__block_queries(s, p->q0, p->n, p->ptr);
        scoring at = { p->n, s->I, NULL, NULL, p->scores };
        recsys_status status = recsys__model_score(s->x, s->model, &asked, &at);
        if (status) return status;
        recsys__parallel_for(s->x, p->n, 1, roc_some, p);
    }
    return RECSYS_OK;
}

recsys_status recsys__roc(pass *s)
{
    const block *b = &s->block;
    if (b->n_queries == 0) return RECSYS_OK;
    int64_t at_once = recsys__piece_bytes(s->x) / (s->I * (int64_t)sizeof(float)) + 1;
    if (at_once > MOST_AT_ONCE) at_once = MOST_AT_ONCE;
    if (at_once > b->n_queries) at_once = b->n_queries;

    int32_t *u_of = NULL;
    piece p = { .s = s };
    recsys_status status = recsys__alloc(s->x->memory, &s->x->error, b->n_queries, sizeof *u_of, &u_of);
    if (!status) status = recsys__alloc(s->x->memory, &s->x->error, at_once + 1, sizeof *p.ptr, &p.ptr);
    if (!status) status = recsys__alloc(s->x->memory, &s->x->error, at_once * s->I, sizeof *p.scores, &p.scores);
    if (!status) {
        for (int64_t u = 0; u < b->n; u++)
            if (b->query[u] >= 0) u_of[b->query[u]] = (int32_t)u;
        p.u_of = u_of;
        status = roc_of_all(s, &p, at_once);
    }
    recsys__free(s->x->memory, u_of);
    recsys__free(s->x->memory, p.ptr);
    recsys__free(s->x->memory, p.scores);
    return status;
}

double recsys__roc_of_candidates(pass *s, worker *w, int64_t q)
{
    const csr *test = s->protocol.test.rows;
    const row_block *candidates = &s->block.candidates;
    int64_t user = s->block.user[q];
    auc a = { .chosen = w->keys };
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++) {
        int32_t i = s->protocol.test.item_of[test->col[e]];
        if (i >= 0) bits_add(w->marked, i);
        a.n_unseen += i == ITEM_UNSEEN;
    }
    for (int64_t e = candidates->ptr[q]; e < candidates->ptr[q + 1]; e++)
        if (bits_has(w->marked, candidates->item[e]))
            a.chosen[a.n_chosen++] = recsys__auc_key(s->block.candidate_scores[e]);
    recsys__auc_begin(&a);
    for (int64_t e = candidates->ptr[q]; e < candidates->ptr[q + 1]; e++)
        if (!bits_has(w->marked, candidates->item[e])) recsys__auc_add(&a, s->block.candidate_scores[e]);
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++) {
        int32_t i = s->protocol.test.item_of[test->col[e]];
        if (i >= 0) bits_remove(w->marked, i);
    }
    return recsys__auc_end(&a);
}
