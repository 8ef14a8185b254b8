/* query.c - questions to a model: callers' queries are checked and put in order, lists and scores handed back.
 *
 * Working memory is the exec's scratch, so that a server that asks the same kind of question again takes nothing from the
 * allocator. Q queries, I items, k places.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/scratch.h"
#include "base/sort.h"
#include "base/struct.h"
#include "model/model.h"

recsys_status recsys__model_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    return q->count == 0 ? RECSYS_OK : m->class->rank(x, m, q, to);
}

recsys_status recsys__model_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    return q->count == 0 ? RECSYS_OK : m->class->score(x, m, q, at);
}

/* Query number q, whatever version of the struct the caller has. */
static recsys_status take_query(recsys_exec *x, const recsys_query *all, int64_t q, recsys_query *own)
{
    const recsys_query *at = (const recsys_query *)((const char *)all + (size_t)q * all->struct_size);
    if (at->struct_size != all->struct_size)
        return recsys__fail(&x->error, RECSYS_ERR_STRUCT_SIZE, "query %lld: struct_size is %zu, that of the first query is %zu",
                            (long long)q, at->struct_size, all->struct_size);
    return recsys__struct_in(&x->error, "recsys_query", at, sizeof(size_t), own, sizeof *own);
}

static recsys_status check_items(recsys_exec *x, const recsys_model *m, int64_t q, const char *what, const int64_t *item,
                                 int64_t count)
{
    if (count < 0 || (count > 0 && item == NULL))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "query %lld: %s is missing or has a negative length",
                            (long long)q, what);
    for (int64_t i = 0; i < count; i++)
        if (item[i] < 0 || item[i] >= m->n_items)
            return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "query %lld: %s %lld is item index %lld, outside 0 to %lld",
                                (long long)q, what, (long long)i, (long long)item[i], (long long)m->n_items - 1);
    return RECSYS_OK;
}

/* A query to a model that scores by features brings these and neither user nor history; to another model it brings none. */
static recsys_status check_features(recsys_exec *x, const recsys_model *m, int64_t q, const recsys_query *own)
{
    error *e = &x->error;
    if (m->class->scores_by_history != BY_FEATURES)
        return own->parts & RECSYS_QUERY_FEATURES
                   ? recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "query %lld: %s does not score by features", (long long)q,
                                  m->class->name)
                   : RECSYS_OK;
    int64_t F = m->class->query_features(m);
    if (own->parts & (RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY))
        return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "query %lld: %s scores by features, not by a user or a history",
                            (long long)q, m->class->name);
    if (!(own->parts & RECSYS_QUERY_FEATURES))
        return recsys__fail(e, RECSYS_ERR_MISSING_DATA, "query %lld: %s needs the %lld features of a row", (long long)q,
                            m->class->name, (long long)F);
    if (own->features == NULL || own->n_features != F)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "query %lld: %lld features are given, %s was trained on %lld",
                            (long long)q, own->features != NULL ? (long long)own->n_features : 0, m->class->name, (long long)F);
    for (int64_t f = 0; f < F; f++)
        if (!isfinite(own->features[f]))
            return recsys__fail(e, RECSYS_ERR_NUMERIC, "query %lld: feature %lld is not finite", (long long)q, (long long)f);
    return RECSYS_OK;
}

static recsys_status check_query(recsys_exec *x, const recsys_model *m, int64_t q, const recsys_query *own)
{
    const int32_t known = RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY | RECSYS_QUERY_CANDIDATES | RECSYS_QUERY_FEATURES;
    if (own->reserved != 0)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "query %lld: reserved is not 0", (long long)q);
    if (own->parts & ~known)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "query %lld: unknown bits in parts", (long long)q);
    if ((own->parts & RECSYS_QUERY_USER) && (own->user < 0 || own->user >= m->n_users))
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "query %lld: user index %lld is outside 0 to %lld",
                            (long long)q, (long long)own->user, (long long)m->n_users - 1);
    if (m->class->scores_by_history == BY_HISTORY && !(own->parts & RECSYS_QUERY_HISTORY)
        && !((own->parts & RECSYS_QUERY_USER) && m->has_histories))
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "query %lld: %s", (long long)q,
                            own->parts & RECSYS_QUERY_USER ? "the model was made without histories, so the query must bring one"
                                                           : "neither a user nor a history is given");
    if (m->class->scores_by_history == BY_EITHER && !(own->parts & (RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY)))
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "query %lld: neither a user nor a history is given",
                            (long long)q);
    if (m->class->scores_by_history == BY_USER && !(own->parts & RECSYS_QUERY_USER))
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "query %lld: %s needs a user it was trained on", (long long)q,
                            m->class->name);
    recsys_status status = check_features(x, m, q, own);
    if (status >= 0 && (own->parts & RECSYS_QUERY_HISTORY)) {
        status = check_items(x, m, q, "history", own->history, own->history_count);
        for (int64_t i = 0; status >= 0 && own->history_values != NULL && i < own->history_count; i++)
            if (!isfinite(own->history_values[i]))
                return recsys__fail(&x->error, RECSYS_ERR_NUMERIC, "query %lld: history value %lld is not finite", (long long)q,
                                    (long long)i);
    }
    if (status >= 0 && (own->parts & RECSYS_QUERY_CANDIDATES))
        status = check_items(x, m, q, "candidate", own->candidates, own->candidate_count);
    return status;
}

/* Length of the history that a checked query stands for, before repeated items are merged. */
static int64_t history_length(const recsys_model *m, const recsys_query *own)
{
    if (own->parts & RECSYS_QUERY_HISTORY)
        return own->history_count;
    if ((own->parts & RECSYS_QUERY_USER) && m->has_histories)
        return m->histories.ptr[own->user + 1] - m->histories.ptr[own->user];
    return 0;
}

/* Arrays of a block of queries, in the exec's scratch. */
typedef struct block {
    int32_t *user;
    int64_t *ptr;
    int32_t *item;
    float *val;
    float *features; /* NULL unless the model scores by them */
    uint64_t *key; /* room to sort the longest history or candidate list */
} block;

static recsys_status make_room(recsys_exec *x, const recsys_model *m, int64_t n_queries, int64_t entries, int64_t longest,
                               block *b)
{
    recsys_status status = recsys__scratch(x, SCRATCH_QUERY_USERS, n_queries, sizeof *b->user, &b->user);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_QUERY_PTR, n_queries + 1, sizeof *b->ptr, &b->ptr);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_QUERY_ITEMS, entries, sizeof *b->item, &b->item);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_QUERY_VALUES, entries, sizeof *b->val, &b->val);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_QUERY_SORT, longest, sizeof *b->key, &b->key);
    b->features = NULL;
    if (status >= 0 && m->class->scores_by_history == BY_FEATURES)
        status = recsys__scratch(x, SCRATCH_QUERY_FEATURES, n_queries * m->class->query_features(m), sizeof *b->features,
                                 &b->features);
    return status;
}

/* Appends a query's own history: ascending, an item that comes twice once, with its last value. */
static int64_t append_given(const recsys_query *own, block *b, int64_t end)
{
    for (int64_t i = 0; i < own->history_count; i++)
        b->key[i] = (uint64_t)own->history[i] << 32 | (uint64_t)i;
    recsys__sort_u64(b->key, own->history_count);
    for (int64_t i = 0; i < own->history_count; i++) {
        int32_t item = (int32_t)(b->key[i] >> 32);
        if (i + 1 < own->history_count && (int32_t)(b->key[i + 1] >> 32) == item)
            continue;
        b->item[end] = item;
        b->val[end++] = own->history_values != NULL ? own->history_values[b->key[i] & 0xffffffff] : 1.0f;
    }
    return end;
}

static int64_t append_stored(const recsys_model *m, int64_t user, block *b, int64_t end)
{
    for (int64_t e = m->histories.ptr[user]; e < m->histories.ptr[user + 1]; e++, end++) {
        b->item[end] = m->histories.col[e];
        b->val[end] = m->histories.val != NULL ? m->histories.val[e] : 1.0f;
    }
    return end;
}

/* Checks queries and turns them into the form that models take. *n_candidates counts candidates, *with_candidates the
 * queries that have a list of their own. */
static recsys_status prepare(recsys_exec *x, const recsys_model *m, const recsys_query *all, int64_t n_queries, queries *q,
                             block *b, int64_t *n_candidates, int64_t *with_candidates)
{
    int64_t entries = 0, longest = 0;
    recsys_query own;
    *n_candidates = *with_candidates = 0;
    for (int64_t i = 0; i < n_queries; i++) {
        recsys_status status = take_query(x, all, i, &own);
        if (status >= 0)
            status = check_query(x, m, i, &own);
        if (status < 0)
            return status;
        int64_t length = history_length(m, &own);
        int64_t candidates = own.parts & RECSYS_QUERY_CANDIDATES ? own.candidate_count : 0;
        if (length > UINT32_MAX || candidates > UINT32_MAX)
            return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "query %lld: a list has more than 2^32 items", (long long)i);
        entries += length;
        longest = length > longest ? length : longest;
        if (own.parts & RECSYS_QUERY_CANDIDATES) {
            longest = own.candidate_count > longest ? own.candidate_count : longest;
            *n_candidates += own.candidate_count;
            ++*with_candidates;
        }
    }
    recsys_status status = make_room(x, m, n_queries, entries, longest, b);
    if (status < 0)
        return status;
    int64_t end = 0;
    b->ptr[0] = 0;
    for (int64_t i = 0; i < n_queries; i++) {
        take_query(x, all, i, &own);
        b->user[i] = own.parts & RECSYS_QUERY_USER ? (int32_t)own.user : -1;
        if (own.parts & RECSYS_QUERY_HISTORY)
            end = append_given(&own, b, end);
        else if (b->user[i] >= 0 && m->has_histories)
            end = append_stored(m, own.user, b, end);
        b->ptr[i + 1] = end;
        if (b->features != NULL)
            memcpy(b->features + i * own.n_features, own.features, (size_t)own.n_features * sizeof *own.features);
    }
    *q = (queries){ .features = b->features, .count = n_queries, .user = b->user,
                    .x = { .ptr = b->ptr, .item = b->item, .val = b->val } };
    return RECSYS_OK;
}

static recsys_status check_call(const recsys_model *m, recsys_exec *x, const recsys_query *all, int64_t n_queries,
                                const void *out, const char *function, const char *phase)
{
    if (x == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (m == NULL || n_queries < 0 || (n_queries > 0 && (all == NULL || out == NULL)))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: an argument is NULL or negative", function);
    if (n_queries > 0 && all->struct_size < sizeof(size_t))
        return recsys__fail(&x->error, RECSYS_ERR_STRUCT_SIZE, "recsys_query: struct_size is %zu", all->struct_size);
    recsys_status status = recsys__check_device(x, m);
    return status < 0 ? status : recsys__phase(x, phase);
}

/* The candidate lists of a block of queries that all have one, end to end in scratch. */
static recsys_status gather_candidates(recsys_exec *x, const recsys_query *all, int64_t n_queries, int64_t total, int64_t **ptr,
                                       int32_t **item)
{
    recsys_query own;
    recsys_status status = recsys__scratch(x, SCRATCH_CANDIDATE_PTR, n_queries + 1, sizeof **ptr, ptr);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_CANDIDATES, total, sizeof **item, item);
    if (status < 0)
        return status;
    int64_t end = 0;
    (*ptr)[0] = 0;
    for (int64_t i = 0; i < n_queries; i++) {
        take_query(x, all, i, &own);
        for (int64_t c = 0; c < own.candidate_count; c++)
            (*item)[end++] = (int32_t)own.candidates[c];
        (*ptr)[i + 1] = end;
    }
    return RECSYS_OK;
}

recsys_status recsys_model_score(const recsys_model *m, recsys_exec *x, const recsys_query *all, int64_t n_queries,
                                 float *scores)
{
    queries q;
    block b;
    int64_t total, with_candidates;
    recsys_status status = check_call(m, x, all, n_queries, scores, "recsys_model_score", "score");
    if (status < 0 || n_queries == 0)
        return status;
    status = prepare(x, m, all, n_queries, &q, &b, &total, &with_candidates);
    if (status < 0)
        return status;
    scoring at = { .n_queries = n_queries, .n_items = m->n_items, .out = scores };
    if (with_candidates == 0)
        return recsys__model_score(x, m, &q, &at);
    if (with_candidates == n_queries) {
        int64_t *ptr;
        int32_t *item;
        status = gather_candidates(x, all, n_queries, total, &ptr, &item);
        at.ptr = ptr;
        at.item = item;
        return status < 0 ? status : recsys__model_score(x, m, &q, &at);
    }
    for (int64_t i = 0; i < n_queries && status >= 0; i++) { /* some of each: one at a time */
        const recsys_query *one = (const recsys_query *)((const char *)all + (size_t)i * all->struct_size);
        recsys_query own;
        status = take_query(x, all, i, &own);
        if (status >= 0)
            status = recsys_model_score(m, x, one, 1, scores);
        scores += own.parts & RECSYS_QUERY_CANDIDATES ? own.candidate_count : m->n_items;
    }
    return status;
}

/* A byte for each item: 1 if the options keep it out of every list. NULL if they keep none out. */
static recsys_status mark_excluded(recsys_exec *x, const recsys_model *m, const recsys_topk_options *o, uint8_t **excluded)
{
    *excluded = NULL;
    if (o->allow == NULL && o->deny_count == 0)
        return RECSYS_OK;
    const int64_t *lists[2] = { o->allow, o->deny }, counts[2] = { o->allow_count, o->deny_count };
    const char *names[2] = { "allow", "deny" };
    for (int l = 0; l < 2; l++) {
        if (counts[l] < 0 || (counts[l] > 0 && lists[l] == NULL))
            return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "the %s list is missing or has a negative length",
                                names[l]);
        for (int64_t i = 0; i < counts[l]; i++)
            if (lists[l][i] < 0 || lists[l][i] >= m->n_items)
                return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "%s list: item index %lld is outside 0 to %lld",
                                    names[l], (long long)lists[l][i], (long long)m->n_items - 1);
    }
    recsys_status status = recsys__scratch(x, SCRATCH_EXCLUDED, m->n_items, 1, excluded);
    if (status < 0)
        return status;
    memset(*excluded, o->allow != NULL, (size_t)m->n_items);
    for (int64_t i = 0; o->allow != NULL && i < o->allow_count; i++)
        (*excluded)[o->allow[i]] = 0;
    for (int64_t i = 0; i < o->deny_count; i++)
        (*excluded)[o->deny[i]] = 1;
    return RECSYS_OK;
}

static int is_seen(const queries *q, int32_t item)
{
    int64_t low = q->x.ptr[0], high = q->x.ptr[1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (q->x.item[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < q->x.ptr[1] && q->x.item[low] == item;
}

/* A key that sorts as lists are ordered: higher score first, then lower item. */
static uint64_t rank_key(float score, int32_t item)
{
    uint32_t bits;
    score += 0.0f; /* -0 and 0 are equal */
    memcpy(&bits, &score, sizeof bits);
    bits = bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
    return (uint64_t)bits << 32 | (uint32_t)item;
}

static float key_score(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float score;
    bits = bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* Writes the k first of n keys in order, and fills up what is missing. */
static void write_list(uint64_t *key, int64_t n, int64_t k, int64_t *items, float *scores)
{
    recsys__sort_u64(key, n);
    for (int64_t r = 0; r < k; r++) {
        items[r] = r < n ? (int64_t)(uint32_t)key[r] : -1;
        if (scores != NULL)
            scores[r] = r < n ? key_score(key[r]) : -INFINITY;
    }
}

/* The k best of one query's own candidates: they are scored, then put in order. */
static recsys_status topk_of_candidates(const recsys_model *m, recsys_exec *x, const recsys_query *own, const queries *q,
                                        const block *b, int keep_seen, const uint8_t *excluded, int64_t k, int64_t *items,
                                        float *scores)
{
    int32_t *item;
    float *value;
    recsys_status status = recsys__scratch(x, SCRATCH_CANDIDATES, own->candidate_count, sizeof *item, &item);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_LIST_SCORES, own->candidate_count, sizeof *value, &value);
    if (status < 0)
        return status;
    for (int64_t c = 0; c < own->candidate_count; c++)
        b->key[c] = (uint64_t)own->candidates[c];
    recsys__sort_u64(b->key, own->candidate_count);
    int64_t count = 0, keys = 0;
    for (int64_t c = 0; c < own->candidate_count; c++) {
        int32_t i = (int32_t)b->key[c];
        int repeated = c > 0 && b->key[c - 1] == b->key[c];
        if (!repeated && (excluded == NULL || !excluded[i]) && (keep_seen || !is_seen(q, i)))
            item[count++] = i;
    }
    int64_t ptr[2] = { 0, count };
    scoring at = { .n_queries = 1, .n_items = m->n_items, .ptr = ptr, .item = item, .out = value };
    status = recsys__model_score(x, m, q, &at);
    for (int64_t c = 0; status >= 0 && c < count; c++)
        if (!isnan(value[c]))
            b->key[keys++] = rank_key(value[c], item[c]);
    if (status >= 0)
        write_list(b->key, keys, k, items, scores);
    return status;
}

/* The k best of all items for each query of a block. */
static recsys_status topk_of_all(const recsys_model *m, recsys_exec *x, const queries *q, int keep_seen,
                                 const uint8_t *excluded, int64_t k, int64_t *items, float *scores)
{
    int64_t places = k < m->n_items ? k : m->n_items;
    int32_t *list;
    float *value;
    recsys_status status = recsys__scratch(x, SCRATCH_LIST_ITEMS, q->count * places, sizeof *list, &list);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_LIST_SCORES, q->count * places, sizeof *value, &value);
    if (status < 0)
        return status;
    ranking to = { .n_queries = q->count, .n_items = m->n_items, .k = places, .excluded = excluded, .items = list,
                   .scores = value };
    if (!keep_seen) {
        to.mask_ptr = q->x.ptr;
        to.mask_item = q->x.item;
    }
    status = recsys__model_rank(x, m, q, &to);
    if (status < 0)
        return status;
    for (int64_t i = 0; i < q->count; i++)
        for (int64_t r = 0; r < k; r++) {
            items[i * k + r] = r < places ? list[i * places + r] : -1;
            if (scores != NULL)
                scores[i * k + r] = r < places ? value[i * places + r] : -INFINITY;
        }
    return RECSYS_OK;
}

recsys_status recsys_model_topk(const recsys_model *m, recsys_exec *x, const recsys_query *all, int64_t n_queries, int64_t k,
                                const recsys_topk_options *options, int64_t *items, float *scores)
{
    queries q;
    block b;
    recsys_topk_options o;
    uint8_t *excluded;
    int64_t total, with_candidates;
    recsys_status status = check_call(m, x, all, n_queries, items, "recsys_model_topk", "rank");
    if (status < 0)
        return status;
    if (k < 1 || k > INT32_MAX)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "k is %lld, it must be 1 to 2147483647", (long long)k);
    status = recsys__struct_in(&x->error, "recsys_topk_options", options, sizeof(size_t), &o, sizeof o);
    if (status >= 0 && (o.keep_seen < 0 || o.keep_seen > 1 || o.reserved != 0))
        status = recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_topk_options: keep_seen is 0 or 1, reserved 0");
    if (status < 0 || n_queries == 0)
        return status;
    status = prepare(x, m, all, n_queries, &q, &b, &total, &with_candidates);
    if (status >= 0)
        status = mark_excluded(x, m, &o, &excluded);
    if (status < 0)
        return status;
    if (with_candidates == 0)
        return topk_of_all(m, x, &q, o.keep_seen, excluded, k, items, scores);
    if (n_queries == 1) {
        recsys_query own;
        status = take_query(x, all, 0, &own);
        return status < 0 ? status : topk_of_candidates(m, x, &own, &q, &b, o.keep_seen, excluded, k, items, scores);
    }
    for (int64_t i = 0; i < n_queries && status >= 0; i++) {
        const recsys_query *one = (const recsys_query *)((const char *)all + (size_t)i * all->struct_size);
        status = recsys_model_topk(m, x, one, 1, k, options, items + i * k, scores == NULL ? NULL : scores + i * k);
    }
    return status;
}

recsys_status recsys_model_similar_items(const recsys_model *m, recsys_exec *x, int64_t item, int64_t k, int64_t *items,
                                         float *scores)
{
    if (x == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (m == NULL || items == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_similar_items: an argument is NULL");
    if (item < 0 || item >= m->n_items)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "item index %lld is outside 0 to %lld", (long long)item,
                            (long long)m->n_items - 1);
    if (k < 1 || k > INT32_MAX)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "k is %lld, it must be 1 to 2147483647", (long long)k);
    if (m->class->similarity == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "%s knows no similar items", m->class->name);
    float *value;
    uint64_t *key;
    recsys_status status = recsys__check_device(x, m);
    if (status >= 0)
        status = recsys__phase(x, "rank");
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_LIST_SCORES, m->n_items, sizeof *value, &value);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_QUERY_SORT, m->n_items, sizeof *key, &key);
    if (status >= 0)
        status = m->class->similarity(x, m, (int32_t)item, value);
    if (status < 0)
        return status;
    int64_t keys = 0;
    for (int64_t i = 0; i < m->n_items; i++)
        if (i != item && !isnan(value[i]))
            key[keys++] = rank_key(value[i], (int32_t)i);
    write_list(key, keys, k, items, scores);
    return RECSYS_OK;
}
