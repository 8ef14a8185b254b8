/* candidates.c - lists from candidates: a user's test items and either items given for him or items drawn for him.
 *
 * Draws are without repetition and depend on the seed and the user's index in the test data alone: they are the same in
 * any block and on any thread. What is masked is no candidate, whoever names it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/parallel.h"
#include "base/random.h"
#include "base/sort.h"
#include "eval/bits.h"
#include "eval/keys.h"
#include "eval/pass.h"

enum { QUERIES_AT_ONCE = 16 };

/* ---- who is a candidate ---- */

static void add_row(uint64_t *set, const row_block *r, int64_t q)
{
    for (int64_t e = r->ptr[q]; e < r->ptr[q + 1]; e++) bits_add(set, r->item[e]);
}

/* Adds what is not in the set to it, and to the list of n. */
static int64_t take(uint64_t *set, int32_t i, int32_t *item, int64_t n)
{
    if (i < 0 || bits_has(set, i)) return n;
    bits_add(set, i);
    item[n] = i;
    return n + 1;
}

static int64_t take_test_items(const pass *s, uint64_t *set, int64_t user, int32_t *item)
{
    const csr *test = s->protocol.test.rows;
    int64_t n = 0;
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++)
        n = take(set, s->protocol.test.item_of[test->col[e]], item, n);
    return n;
}

static int64_t take_given(const pass *s, uint64_t *set, int64_t user, int32_t *item, int64_t n)
{
    const source *given = &s->protocol.negatives;
    int64_t row = given->row_of[user];
    if (row < 0) return n;
    for (int64_t e = given->rows->ptr[row]; e < given->rows->ptr[row + 1]; e++)
        n = take(set, given->item_of[given->rows->col[e]], item, n);
    return n;
}

/* Draws `n` different numbers below `most` into the set: Floyd's method, exactly n draws. */
static void draw(uint64_t *set, uint64_t seed, int64_t user, int64_t n, int64_t most)
{
    for (int64_t d = 0; d < n; d++) {
        int64_t top = most - n + d;
        int64_t number = recsys__random_below(seed, RANDOM_NEGATIVES, (uint64_t)user, (uint64_t)d, top + 1);
        bits_add(set, bits_has(set, number) ? top : number);
    }
}

static int64_t count_free(const uint64_t *taken, int64_t I)
{
    int64_t n = 0;
    for (int64_t word = 0; word < bits_words(I); word++) n += 64 - bits_count(taken[word]);
    return n;
}

/* The n-th bit, from 0, that is not set in the word. */
static int64_t nth_free(uint64_t word, int64_t n)
{
    while (n-- > 0) word |= word + 1;
    return bits_count(word & ~(word + 1));
}

/* Lists the items that have the drawn numbers among those not taken, ascending, and empties `drawn`. */
static int64_t list_drawn(const uint64_t *taken, uint64_t *drawn, int64_t I, int32_t *item, int64_t n)
{
    int64_t word = 0, before = 0; /* free items in the words before this one */
    for (int64_t d = 0; d < bits_words(I); d++) {
        for (; drawn[d]; drawn[d] &= drawn[d] - 1) {
            int64_t number = 64 * d + bits_count((drawn[d] & (0 - drawn[d])) - 1);
            while (number >= before + 64 - bits_count(taken[word])) before += 64 - bits_count(taken[word++]);
            item[n++] = (int32_t)(64 * word + nth_free(taken[word], number - before));
        }
    }
    return n;
}

/* Neither known (what is masked is marked before) nor in the user's test data at all. */
static int64_t take_sampled(const pass *s, const worker *w, int64_t q, int32_t *item, int64_t n)
{
    const csr *test = s->protocol.test.rows;
    int64_t user = s->block.user[q];
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++)
        if (s->protocol.column_item[test->col[e]] >= 0) bits_add(w->marked, s->protocol.column_item[test->col[e]]);
    add_row(w->marked, &s->block.known, q);
    int64_t room = count_free(w->marked, s->I);
    int64_t wanted = s->options->n_negatives < room ? s->options->n_negatives : room;
    draw(w->drawn, s->options->seed, user, wanted, room);
    return list_drawn(w->marked, w->drawn, s->I, item, n);
}

static int64_t write_candidates(void *data, int64_t row, int32_t thread, int32_t *item, float *val)
{
    (void)val;
    const pass *s = data;
    const worker *w = &s->workers[thread];
    const block *b = &s->block;
    bits_copy(w->marked, s->excluded, s->I);
    if (b->mask) add_row(w->marked, b->mask, row);
    int64_t n = take_test_items(s, w->marked, b->user[row], item);
    n = s->samples ? take_sampled(s, w, row, item, n) : take_given(s, w->marked, b->user[row], item, n);
    memset(w->marked, 0, (size_t)bits_words(s->I) * sizeof *w->marked);
    return n;
}

/* Of a test item alone every list would be right, so a user without negatives is an error and no lucky user. */
static recsys_status check_given(const pass *s, int64_t user)
{
    if (s->samples || recsys__source_has_any(&s->protocol.negatives, user)) return RECSYS_OK;
    char id[64];
    return recsys__fail(&s->x->error, RECSYS_ERR_MISSING_DATA, "negatives: there are none for user %s",
                        recsys__ids_show(s->options->test->users, user, id, sizeof id));
}

static recsys_status fill_candidates(pass *s)
{
    block *b = &s->block;
    const csr *test = s->protocol.test.rows;
    recsys_status status = recsys__rows_begin(s->x, &b->candidates, b->n_queries);
    for (int64_t q = 0; q < b->n_queries && !status; q++) {
        int64_t user = b->user[q], n_test = test->ptr[user + 1] - test->ptr[user];
        int64_t most = s->samples ? s->options->n_negatives : recsys__source_bound(&s->protocol.negatives, user);
        b->candidates.length[q] = most < s->I - n_test ? n_test + most : s->I > n_test ? s->I : n_test;
        status = check_given(s, user);
    }
    return status ? status : recsys__rows_fill(s->x, &b->candidates, 0, write_candidates, s);
}

/* ---- lists ---- */

/* The best k of n candidates: higher score first, then lower item; a score that is no number never enters. */
static void best_of(uint64_t *keys, const int32_t *item, const float *score, int64_t n, int32_t *list, int64_t k)
{
    int64_t n_keys = 0;
    for (int64_t e = 0; e < n; e++)
        if (!isnan(score[e])) keys[n_keys++] = (uint64_t)~key_of_float(score[e]) << 32 | (uint32_t)item[e];
    recsys__sort_u64(keys, n_keys);
    for (int64_t place = 0; place < k; place++) list[place] = place < n_keys ? (int32_t)(keys[place] & UINT32_MAX) : -1;
}

static void list_some(void *data, int64_t begin, int64_t end, int32_t thread)
{
    pass *s = data;
    block *b = &s->block;
    for (int64_t u = begin; u < end; u++) {
        int64_t q = b->query[u];
        if (q < 0) continue;
        if (s->options->auc)
            b->values[u * s->V + value_index(s->tables.n_cutoffs, 0, MEAN_AUC)] =
                recsys__roc_of_candidates(s, &s->workers[thread], q);
        int64_t at = b->candidates.ptr[q];
        best_of(s->workers[thread].keys, b->candidates.item + at, b->candidate_scores + at, b->candidates.ptr[q + 1] - at,
                b->items + q * s->k, s->k);
    }
}

static recsys_status make_scores(pass *s)
{
    block *b = &s->block;
    int64_t n = b->candidates.ptr[b->n_queries];
    if (b->candidate_scores && n <= b->score_room) return RECSYS_OK;
    recsys__free(s->x->memory, b->candidate_scores);
    b->score_room = n;
    return recsys__alloc(s->x->memory, &s->x->error, n, sizeof *b->candidate_scores, &b->candidate_scores);
}

recsys_status recsys__candidates_rank(pass *s)
{
    block *b = &s->block;
    if (b->n_queries == 0) return RECSYS_OK;
    recsys_status status = fill_candidates(s);
    if (!status) status = make_scores(s);
    if (status) return status;
    scoring at = { b->n_queries, s->I, b->candidates.ptr, b->candidates.item, b->candidate_scores };
    struct queries q = recsys__block_queries(s, 0, b->n_queries, NULL);
    status = recsys__model_score(s->x, s->model, &q, &at);
    if (status) return status;
    recsys__parallel_for(s->x, b->n, QUERIES_AT_ONCE, list_some, s);
    return RECSYS_OK;
}
