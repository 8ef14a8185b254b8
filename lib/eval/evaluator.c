/* evaluator.c - making an evaluator: every option checked once, so that a run can only fail for lack of memory or data.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/evaluator.h"

#include <math.h>
#include <string.h>

#include "base/exec.h"
#include "base/struct.h"

static const int64_t default_cutoff = 10;

/* ---- options ---- */

static recsys_status check_numbers(error *e, const recsys_evaluator_options *o)
{
    if (o->n_cutoffs < 0 || (o->n_cutoffs > 0 && !o->cutoffs))
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "cutoffs: %lld of them are announced, but the array is missing",
                            (long long)o->n_cutoffs);
    for (int64_t c = 0; c < o->n_cutoffs; c++)
        if (o->cutoffs[c] < 1)
            return recsys__fail(e, RECSYS_ERR_OUT_OF_RANGE, "cut-off %lld: a list has at least 1 item",
                                (long long)o->cutoffs[c]);
    if (o->min_ratings < 0)
        return recsys__fail(e, RECSYS_ERR_OUT_OF_RANGE, "min_ratings is %lld, it must not be negative",
                            (long long)o->min_ratings);
    if (o->cold < RECSYS_COLD_SKIP || o->cold > RECSYS_COLD_MISS)
        return recsys__fail(e, RECSYS_ERR_OUT_OF_RANGE, "cold is %d, it must be one of RECSYS_COLD_*", (int)o->cold);
    if (o->n_negatives < 0)
        return recsys__fail(e, RECSYS_ERR_OUT_OF_RANGE, "n_negatives is %lld, it must not be negative",
                            (long long)o->n_negatives);
    if (o->n_negatives > 0 && o->negatives)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT,
                            "negatives (fixed candidates) and n_negatives (sampled ones) exclude each other");
    return RECSYS_OK;
}

static recsys_status check_ignored(error *e, const recsys_evaluator_options *o)
{
    int64_t n_users = recsys_ids_count(recsys_dataset_users(o->test));
    if (o->n_ignored_users < 0 || (o->n_ignored_users > 0 && !o->ignored_users))
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "ignored_users: the array is missing or its length negative");
    for (int64_t n = 0; n < o->n_ignored_users; n++)
        if (o->ignored_users[n] < 0 || o->ignored_users[n] >= n_users)
            return recsys__fail(e, RECSYS_ERR_OUT_OF_RANGE, "ignored_users[%lld] is %lld, the test data has users 0 to %lld",
                                (long long)n, (long long)o->ignored_users[n], (long long)n_users - 1);
    if (o->n_ignored_items < 0 || (o->n_ignored_items > 0 && !o->ignored_items))
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "ignored_items: the array is missing or its length negative");
    for (int64_t n = 0; n < o->n_ignored_items; n++)
        if (!o->ignored_items[n])
            return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "ignored_items[%lld] is NULL", (long long)n);
    return RECSYS_OK;
}

static recsys_status check_similarity(error *e, const recsys_similarity *s)
{
    if (s->n_items < 0 || s->n_items > INT32_MAX || !s->ptr || s->ptr[0] != 0)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "similarity: ptr must hold n_items + 1 offsets from 0 on");
    for (int64_t i = 0; i < s->n_items; i++) {
        if (s->ptr[i + 1] < s->ptr[i])
            return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "similarity: ptr[%lld] is below the offset before it",
                                (long long)i + 1);
        if (s->ptr[i + 1] > s->ptr[i] && (!s->items || !s->values))
            return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "similarity: items or values are missing");
        for (int64_t n = s->ptr[i]; n < s->ptr[i + 1]; n++) {
            if (s->items[n] < 0 || s->items[n] >= s->n_items || (n > s->ptr[i] && s->items[n] <= s->items[n - 1]))
                return recsys__fail(e, RECSYS_ERR_OUT_OF_RANGE,
                                    "similarity: item %lld in row %lld is no item, or the row does not ascend",
                                    (long long)s->items[n], (long long)i);
            if (!isfinite(s->values[n]))
                return recsys__fail(e, RECSYS_ERR_NUMERIC, "similarity of items %lld and %lld is not finite", (long long)i,
                                    (long long)s->items[n]);
        }
    }
    return RECSYS_OK;
}

/* ---- copies ---- */

/* Sorted, each once. Lists of cut-offs are short: insertion. */
static recsys_status copy_cutoffs(recsys_exec *x, recsys_evaluator *v, const recsys_evaluator_options *o)
{
    const int64_t *given = o->n_cutoffs > 0 ? o->cutoffs : &default_cutoff;
    int64_t n = o->n_cutoffs > 0 ? o->n_cutoffs : 1;
    recsys_status status = recsys__alloc(x->memory, &x->error, n, sizeof *v->cutoffs, &v->cutoffs);
    if (status) return status;
    for (int64_t g = 0; g < n; g++) {
        int64_t c = v->n_cutoffs;
        while (c > 0 && v->cutoffs[c - 1] > given[g]) c--;
        if (c > 0 && v->cutoffs[c - 1] == given[g]) continue;
        memmove(v->cutoffs + c + 1, v->cutoffs + c, (size_t)(v->n_cutoffs - c) * sizeof *v->cutoffs);
        v->cutoffs[c] = given[g];
        v->n_cutoffs++;
    }
    return RECSYS_OK;
}

static recsys_status copy_ignored(recsys_exec *x, recsys_evaluator *v, const recsys_evaluator_options *o)
{
    if (o->n_ignored_users > 0) {
        int64_t n_users = recsys_ids_count(recsys_dataset_users(o->test));
        recsys_status status = recsys__alloc_zero(x->memory, &x->error, n_users, 1, &v->ignored_user);
        if (status) return status;
        for (int64_t n = 0; n < o->n_ignored_users; n++) {
            v->n_ignored_users += !v->ignored_user[o->ignored_users[n]];
            v->ignored_user[o->ignored_users[n]] = 1;
        }
    }
    int64_t bytes = 0;
    for (int64_t n = 0; n < o->n_ignored_items; n++) bytes += (int64_t)strlen(o->ignored_items[n]) + 1;
    if (bytes == 0) return RECSYS_OK;
    recsys_status status = recsys__alloc(x->memory, &x->error, bytes, 1, &v->ignored_items);
    if (status) return status;
    char *to = v->ignored_items;
    for (int64_t n = 0; n < o->n_ignored_items; n++) {
        size_t length = strlen(o->ignored_items[n]) + 1;
        memcpy(to, o->ignored_items[n], length);
        to += length;
    }
    v->n_ignored_items = o->n_ignored_items;
    return RECSYS_OK;
}

static recsys_status copy_similarity(recsys_exec *x, recsys_evaluator *v, const recsys_similarity *s)
{
    int64_t n = s->ptr[s->n_items];
    recsys_status status = recsys__alloc(x->memory, &x->error, s->n_items + 1, sizeof *v->similar_ptr, &v->similar_ptr);
    if (!status) status = recsys__alloc(x->memory, &x->error, n, sizeof *v->similar_item, &v->similar_item);
    if (!status) status = recsys__alloc(x->memory, &x->error, n, sizeof *v->similar_value, &v->similar_value);
    if (status) return status;
    v->n_similar = s->n_items;
    for (int64_t i = 0; i <= s->n_items; i++) v->similar_ptr[i] = s->ptr[i];
    for (int64_t e = 0; e < n; e++) {
        v->similar_item[e] = (int32_t)s->items[e];
        v->similar_value[e] = s->values[e];
    }
    return RECSYS_OK;
}

/* A reference for the evaluator: datasets are immutable, the count is all that changes. */
static recsys_dataset *hold(const recsys_dataset *d)
{
    return d ? recsys_dataset_retain((recsys_dataset *)d) : NULL;
}

/* ---- life ---- */

static recsys_status take_options(recsys_exec *x, const void *given, recsys_evaluator_options *o, recsys_similarity *s)
{
    error *e = &x->error;
    size_t least = offsetof(recsys_evaluator_options, test) + sizeof o->test;
    recsys_status status = recsys__struct_in(e, "recsys_evaluator_options", given, least, o, sizeof *o);
    if (status) return status;
    if (!o->test) return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_evaluator_create: no test data given");
    status = check_numbers(e, o);
    if (!status) status = check_ignored(e, o);
    if (!status && o->similarity) {
        status = recsys__struct_in(e, "recsys_similarity", o->similarity, sizeof *s, s, sizeof *s);
        if (!status) status = check_similarity(e, s);
    }
    return status;
}

recsys_status recsys_evaluator_create(recsys_exec *exec, const recsys_evaluator_options *options,
                                      recsys_evaluator **evaluator)
{
    if (!exec || !evaluator) return RECSYS_ERR_INVALID_ARGUMENT;
    *evaluator = NULL;
    recsys_evaluator_options o;
    recsys_similarity s;
    recsys_status status = take_options(exec, options, &o, &s);
    if (status) return status;

    recsys_evaluator *v;
    status = recsys__alloc_zero(exec->memory, &exec->error, 1, sizeof *v, &v);
    if (status) return status;
    v->memory = recsys__memory_retain(exec->memory);
    v->test = hold(o.test);
    v->known = hold(o.known);
    v->mask = hold(o.mask);
    v->negatives = hold(o.negatives);
    v->min_ratings = o.min_ratings > 1 ? o.min_ratings : 1;
    v->cold = o.cold;
    v->drop_unseen_items = o.drop_unseen_items != 0;
    v->binary_gain = o.binary_gain != 0;
    v->auc = o.auc != 0;
    v->keep_seen = o.keep_seen != 0;
    v->per_user = o.per_user != 0;
    v->n_negatives = o.n_negatives;
    v->seed = o.seed;
    status = copy_cutoffs(exec, v, &o);
    if (!status) status = copy_ignored(exec, v, &o);
    if (!status && o.similarity) status = copy_similarity(exec, v, &s);
    if (status) {
        recsys_evaluator_release(v);
        return status;
    }
    *evaluator = v;
    return RECSYS_OK;
}

void recsys_evaluator_release(recsys_evaluator *v)
{
    if (!v) return;
    memory *m = v->memory;
    recsys_dataset_release(v->test);
    recsys_dataset_release(v->known);
    recsys_dataset_release(v->mask);
    recsys_dataset_release(v->negatives);
    recsys__free(m, v->cutoffs);
    recsys__free(m, v->ignored_user);
    recsys__free(m, v->ignored_items);
    recsys__free(m, v->similar_ptr);
    recsys__free(m, v->similar_item);
    recsys__free(m, v->similar_value);
    recsys__free(m, v);
    recsys__memory_release(m);
}
