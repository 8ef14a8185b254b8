/* judge.c - compares the lists in hand with the test data: hits, the users' values, how often each item came.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/parallel.h"
#include "base/sort.h"
#include "eval/bits.h"
#include "eval/keys.h"
#include "eval/pass.h"
#include "eval/similarity.h"

enum { USERS_AT_ONCE = 64 };

/* Values above this are lowered together before 2^value is taken. Gains count only in proportion to each other. */
static const double most_exponent = 900.0;

/* ---- one user ---- */

/* 2^value - 1, and nothing for values below 0: divided by 2^shift. */
static double gain(double value, double shift)
{
    return value > 0.0 ? exp2(value - shift) - exp2(-shift) : 0.0;
}

/* Descending. */
static void sort_down(uint64_t *keys, double *a, int64_t n)
{
    for (int64_t e = 0; e < n; e++) keys[e] = key_of_number(a[e]);
    recsys__sort_u64(keys, n);
    for (int64_t e = 0; e < n; e++) a[e] = number_of_key(keys[n - 1 - e]);
}

static double shift_of(const pass *s, int64_t user)
{
    const csr *test = s->protocol.test.rows;
    double most = 0.0;
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++)
        if (s->protocol.test.item_of[test->col[e]] != ITEM_DROPPED) most = fmax(most, (double)test->val[e]);
    return most > most_exponent ? most : 0.0;
}

/* Reads the user's test items: marks those that the model has, collects gains; returns how many there are in all. */
static int64_t read_test(const pass *s, const worker *w, int64_t user, double shift)
{
    const csr *test = s->protocol.test.rows;
    int64_t n = 0;
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++) {
        int32_t i = s->protocol.test.item_of[test->col[e]];
        if (i == ITEM_DROPPED) continue;
        if (i >= 0) bits_add(w->marked, i);
        if (s->graded) w->test_gain[n] = gain((double)test->val[e], shift);
        n++;
    }
    if (s->graded) sort_down(w->keys, w->test_gain, n);
    return n;
}

static void unmark_test(const pass *s, const worker *w, int64_t user)
{
    const csr *test = s->protocol.test.rows;
    for (int64_t e = test->ptr[user]; e < test->ptr[user + 1]; e++) {
        int32_t i = s->protocol.test.item_of[test->col[e]];
        if (i >= 0) bits_remove(w->marked, i);
    }
}

/* The value of a test item of this user, by its column. */
static double value_of(const pass *s, int64_t user, int32_t item)
{
    const csr *test = s->protocol.test.rows;
    int32_t column = s->protocol.test_column[item];
    int64_t from = test->ptr[user], to = test->ptr[user + 1] - 1;
    while (from < to) {
        int64_t middle = from + (to - from) / 2;
        if (test->col[middle] < column) from = middle + 1;
        else to = middle;
    }
    return (double)test->val[from];
}

/* Walks down the list of query q: its length, and where it is right. */
static void find_hits(const pass *s, const worker *w, int64_t user, int64_t q, double shift, outcome *o)
{
    const int32_t *list = s->block.items + q * s->k;
    uint8_t *hit = s->block.hit + q * s->k;
    int64_t place = 0;
    for (; place < s->k && list[place] >= 0; place++) {
        hit[place] = (uint8_t)bits_has(w->marked, list[place]);
        if (!hit[place]) continue;
        w->hit_place[o->n_hits] = (int32_t)place;
        if (s->graded) w->hit_gain[o->n_hits] = gain(value_of(s, user, list[place]), shift);
        o->n_hits++;
    }
    o->list = list;
    o->n_list = place;
}

static void judge_user(const pass *s, const worker *w, int64_t u)
{
    const block *b = &s->block;
    int64_t user = s->protocol.user[b->first + u];
    double *values = b->values + u * s->V;
    double shift = s->graded ? shift_of(s, user) : 0.0;
    outcome o = {
        .n_test = read_test(s, w, user, shift),
        .hit_place = w->hit_place,
        .hit_gain = s->graded ? w->hit_gain : NULL,
        .test_gain = s->graded ? w->test_gain : NULL,
    };
    if (b->query[u] >= 0) find_hits(s, w, user, b->query[u], shift, &o);
    unmark_test(s, w, user);
    recsys__user_metrics(&s->tables, &o, values);
    if (s->options->similar_ptr) recsys__list_diversity(s->options, &o, w->place_of, w->similar, values);
    if (!s->options->auc || b->query[u] < 0)
        values[value_index(s->tables.n_cutoffs, 0, MEAN_AUC)] = s->options->auc ? 0.0 : (double)NAN;
}

static void judge_some(void *data, int64_t begin, int64_t end, int32_t thread)
{
    const pass *s = data;
    for (int64_t u = begin; u < end; u++) judge_user(s, &s->workers[thread], u);
}

/* ---- all of them ---- */

/* The places from the cut-off before on to this one, of all lists: no two threads count in the same array. */
static void count_places(void *data, int64_t begin, int64_t end, int32_t thread)
{
    (void)thread;
    const pass *s = data;
    for (int64_t c = begin; c < end; c++) {
        int64_t from = c > 0 ? s->tables.cutoffs[c - 1] : 0;
        int64_t to = s->tables.cutoffs[c] < s->k ? s->tables.cutoffs[c] : s->k;
        uint32_t *listed = s->listed + c * s->I, *right = s->hit + c * s->I;
        for (int64_t q = 0; q < s->block.n_queries; q++) {
            const int32_t *list = s->block.items + q * s->k;
            const uint8_t *hit = s->block.hit + q * s->k;
            for (int64_t place = from; place < to && list[place] >= 0; place++) {
                listed[list[place]]++;
                right[list[place]] += hit[place];
            }
        }
    }
}

/* In the order of users, whatever the block and the threads: the bits are always the same. */
static void add_up(pass *s)
{
    const block *b = &s->block;
    for (int64_t u = 0; u < b->n; u++) {
        const double *values = b->values + u * s->V;
        for (int64_t v = 0; v < s->V; v++) {
            int known = !isnan(values[v]);
            s->total[v] += known ? values[v] : 0.0;
            s->defined[v] += known;
        }
        s->users_listed += b->query[u] >= 0 && b->items[b->query[u] * s->k] >= 0;
    }
    if (s->user_values)
        memcpy(s->user_values + b->first * s->V, b->values, (size_t)(b->n * s->V) * sizeof *b->values);
}

void recsys__judge(pass *s)
{
    recsys__parallel_for(s->x, s->block.n, USERS_AT_ONCE, judge_some, s);
    recsys__parallel_for(s->x, s->tables.n_cutoffs, 1, count_places, s);
    add_up(s);
}
