/* split.c - cutting a dataset into training, validation and test data: each event is given a part, then cut apart.
 *
 * What is drawn is drawn by rank: every event (or user) has a random key, a pure function of the seed and its index, and
 * those with the smallest keys are taken. So counts are exact, and the draw does not depend on threads or on order.
 * U users, E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/split.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "base/random.h"
#include "base/struct.h"
#include "base/text.h"
#include "data/order.h"

enum { PART_TRAIN, PART_VALID, PART_TEST, PART_VALID_HISTORY, PART_TEST_HISTORY, PART_COUNT };

static const char *const part_names[PART_COUNT] = { "training", "validation", "test", "validation history", "test history" };

struct job {
    recsys_exec *exec;
    const recsys_dataset *data;
    recsys_split_options options;
    uint8_t *part; /* E, PART_* */
};

/* ---- Drawing by rank ---- */

/* What keys are drawn for: the steps of RANDOM_SPLIT, never to change their meaning. */
enum { DRAW_EVENTS = 0, DRAW_USERS = 1 };

enum { KEY_CHUNK = 1 << 14, BUCKET_BITS = 16 };

struct keys {
    uint64_t seed, step;
    uint64_t *key;
};

static void make_keys(void *data, int64_t begin, int64_t end, int32_t thread)
{
    const struct keys *k = data;
    (void)thread;
    for (int64_t index = begin; index < end; index++)
        k->key[index] = recsys__random_u64(k->seed, RANDOM_SPLIT, k->step, (uint64_t)index);
}

/* The element that stands at `rank` (below n) when all are in order of key and index. Only the bucket of keys that holds
 * it is sorted; keys are uniform, so that is about n / 2^16 of them. */
static recsys_status find_rank(recsys_exec *x, const uint64_t *key, int64_t n, int64_t rank, keyed *out)
{
    int64_t *in_bucket, before = 0, bucket = 0, found = 0;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1 << BUCKET_BITS, sizeof *in_bucket, &in_bucket);
    if (status) return status;
    for (int64_t k = 0; k < n; k++) in_bucket[key[k] >> (64 - BUCKET_BITS)]++;
    while (before + in_bucket[bucket] <= rank) before += in_bucket[bucket++];
    keyed *candidate;
    status = recsys__alloc(x->memory, &x->error, in_bucket[bucket], sizeof *candidate, &candidate);
    recsys__free(x->memory, in_bucket);
    if (status) return status;
    for (int64_t k = 0; k < n; k++)
        if ((int64_t)(key[k] >> (64 - BUCKET_BITS)) == bucket) candidate[found++] = (keyed){ key[k], k };
    recsys__sort_keyed(candidate, found);
    *out = candidate[rank - before];
    recsys__free(x->memory, candidate);
    return RECSYS_OK;
}

/* Marks the elements that come before rank `count` with `mark`, unless they are marked already. */
static recsys_status mark_first(recsys_exec *x, const uint64_t *key, int64_t n, int64_t count, uint8_t mark, uint8_t *marks)
{
    keyed cut = { UINT64_MAX, n };
    recsys_status status = count < n ? find_rank(x, key, n, count, &cut) : RECSYS_OK;
    for (int64_t k = 0; !status && k < n; k++)
        if (!marks[k] && (key[k] < cut.key || (key[k] == cut.key && k < cut.event))) marks[k] = mark;
    return status;
}

/* Draws `n_test` of n elements, then `n_valid` of the others; `marks` are PART_TRAIN before. */
static recsys_status draw(const struct job *job, uint64_t step, int64_t n, int64_t n_test, int64_t n_valid, uint8_t *marks)
{
    recsys_exec *x = job->exec;
    struct keys keys = { job->options.seed, step, NULL };
    recsys_status status = recsys__alloc(x->memory, &x->error, n, sizeof *keys.key, &keys.key);
    if (status) return status;
    recsys__parallel_for(x, n, KEY_CHUNK, make_keys, &keys);
    status = mark_first(x, keys.key, n, n_test, PART_TEST, marks);
    if (!status && n_valid > 0) status = mark_first(x, keys.key, n, n_test + n_valid, PART_VALID, marks);
    recsys__free(x->memory, keys.key);
    return status;
}

/* share * n, rounded to the nearest, halves up. */
static int64_t nearest(double share, int64_t n)
{
    return (int64_t)floor(share * (double)n + 0.5);
}

/* share * n, rounded down; 0.29 of 100 is 29, though its product is 28.999999999999996. */
static int64_t rounded_down(double share, int64_t n)
{
    double product = share * (double)n;
    return (int64_t)floor(product + 1e-12 * product);
}

/* ---- The methods ---- */

static recsys_status split_random(const struct job *job)
{
    int64_t E = job->data->n_events;
    int64_t n_test = nearest(job->options.test_share, E), n_valid = nearest(job->options.valid_share, E);
    if (n_valid > E - n_test) n_valid = E - n_test;
    return draw(job, DRAW_EVENTS, E, n_test, n_valid, job->part);
}

/* Puts the events of one user, in row order, into the order in which parts are dealt out. */
static void order_events(const struct job *job, const int64_t *event, int64_t n, uint32_t stream, keyed *out)
{
    for (int64_t k = 0; k < n; k++) {
        uint64_t key = job->options.method == RECSYS_SPLIT_LAST_PER_USER
                           ? recsys__time_key(job->data->time[event[k]])
                           : recsys__random_u64(job->options.seed, stream, DRAW_EVENTS, (uint64_t)event[k]);
        out[k] = (keyed){ key, event[k] };
    }
    recsys__sort_keyed(out, n);
}

/* How many of a user's n events go to test and validation. */
static void count_parts(const recsys_split_options *o, int64_t n, int64_t *n_test, int64_t *n_valid)
{
    if (o->method == RECSYS_SPLIT_LAST_PER_USER) {
        int enough = n - o->test_k > o->valid_k;
        *n_test = enough ? o->test_k : 0;
        *n_valid = enough ? o->valid_k : 0;
        return;
    }
    *n_test = rounded_down(o->test_share, n);
    *n_valid = rounded_down(o->valid_share, n);
    if (*n_test > n - 1) *n_test = n - 1;
    if (*n_valid > n - 1 - *n_test) *n_valid = n - 1 - *n_test;
}

/* RANDOM_PER_USER and LAST_PER_USER: the last of the ordered events are test, those before them validation. */
static recsys_status split_within_users(const struct job *job)
{
    user_events groups;
    recsys_status status = recsys__user_events(job->exec, job->data, &groups);
    if (status) return status;
    int64_t U = recsys_ids_count(job->data->users);
    for (int64_t u = 0; u < U; u++) {
        int64_t n = groups.user_ptr[u + 1] - groups.user_ptr[u], n_test, n_valid;
        if (n < 2) continue;
        count_parts(&job->options, n, &n_test, &n_valid);
        order_events(job, groups.event + groups.user_ptr[u], n, RANDOM_SPLIT, groups.room);
        for (int64_t k = n - n_test; k < n; k++) job->part[groups.room[k].event] = PART_TEST;
        for (int64_t k = n - n_test - n_valid; k < n - n_test; k++) job->part[groups.room[k].event] = PART_VALID;
    }
    recsys__user_events_free(job->exec, &groups);
    return RECSYS_OK;
}

static recsys_status split_by_time(const struct job *job)
{
    const recsys_split_options *o = &job->options;
    for (int64_t e = 0; e < job->data->n_events; e++) {
        int64_t time = job->data->time[e];
        if (time >= o->test_time)
            job->part[e] = PART_TEST;
        else if (o->valid_time != 0 && time >= o->valid_time)
            job->part[e] = PART_VALID;
    }
    return RECSYS_OK;
}

/* Draws the users of validation and test; `user` lists those with at least two events. */
static recsys_status draw_users(const struct job *job, const int64_t *user_ptr, int64_t *user, int64_t *n, uint8_t *marks)
{
    int64_t U = recsys_ids_count(job->data->users);
    *n = 0;
    for (int64_t u = 0; u < U; u++)
        if (user_ptr[u + 1] - user_ptr[u] >= 2) user[(*n)++] = u;
    int64_t n_test = nearest(job->options.test_share, *n), n_valid = nearest(job->options.valid_share, *n);
    if (n_valid > *n - n_test) n_valid = *n - n_test;
    return draw(job, DRAW_USERS, *n, n_test, n_valid, marks);
}

/* Cuts the n events of a user who is held out: the first of them, in drawn order, are known. */
static void hold_out(const struct job *job, const int64_t *event, int64_t n, uint8_t part, keyed *room)
{
    int64_t known = nearest(job->options.fold_in_share, n);
    known = known < 1 ? 1 : known > n - 1 ? n - 1 : known;
    order_events(job, event, n, RANDOM_FOLD_IN, room);
    uint8_t history = part == PART_TEST ? PART_TEST_HISTORY : PART_VALID_HISTORY;
    for (int64_t k = 0; k < n; k++) job->part[room[k].event] = k < known ? history : part;
}

static recsys_status split_strong(const struct job *job)
{
    recsys_exec *x = job->exec;
    int64_t U = recsys_ids_count(job->data->users), *user = NULL, n = 0;
    uint8_t *marks = NULL;
    user_events groups;
    recsys_status status = recsys__user_events(x, job->data, &groups);
    if (status) return status;
    status = recsys__alloc(x->memory, &x->error, U, sizeof *user, &user);
    if (!status) status = recsys__alloc_zero(x->memory, &x->error, U, sizeof *marks, &marks);
    if (!status) status = draw_users(job, groups.user_ptr, user, &n, marks);
    for (int64_t k = 0; !status && k < n; k++) {
        int64_t begin = groups.user_ptr[user[k]], end = groups.user_ptr[user[k] + 1];
        if (marks[k] != PART_TRAIN) hold_out(job, groups.event + begin, end - begin, marks[k], groups.room);
    }
    recsys__free(x->memory, marks);
    recsys__free(x->memory, user);
    recsys__user_events_free(x, &groups);
    return status;
}

/* ---- Options ---- */

static recsys_status fail_share(const struct job *job, const char *name, double value, const char *rule)
{
    char number[NUMBER_ROOM];
    return recsys__fail(&job->exec->error, RECSYS_ERR_OUT_OF_RANGE, "%s is %s, but must be %s", name,
                        recsys__number(number, value), rule);
}

static recsys_status fail_integer(const struct job *job, const char *name, int64_t value, const char *rule)
{
    return recsys__fail(&job->exec->error, RECSYS_ERR_OUT_OF_RANGE, "%s is %" PRId64 ", but must be %s", name, value, rule);
}

/* The negated comparisons refuse NaN too. */
static recsys_status check_shares(struct job *job)
{
    recsys_split_options *o = &job->options;
    if (o->test_share == 0.0) o->test_share = 0.2;
    if (!(o->test_share > 0.0 && o->test_share < 1.0))
        return fail_share(job, "test_share", o->test_share, "above 0 and below 1");
    if (!(o->valid_share >= 0.0 && o->valid_share < 1.0))
        return fail_share(job, "valid_share", o->valid_share, "at least 0 and below 1");
    if (!(o->test_share + o->valid_share < 1.0))
        return fail_share(job, "test_share + valid_share", o->test_share + o->valid_share, "below 1");
    if (o->method != RECSYS_SPLIT_STRONG) return RECSYS_OK;
    if (o->fold_in_share == 0.0) o->fold_in_share = 0.8;
    if (!(o->fold_in_share > 0.0 && o->fold_in_share < 1.0))
        return fail_share(job, "fold_in_share", o->fold_in_share, "above 0 and below 1");
    return RECSYS_OK;
}

static recsys_status check_times(struct job *job)
{
    recsys_split_options *o = &job->options;
    if (!job->data->time)
        return recsys__fail(&job->exec->error, RECSYS_ERR_MISSING_DATA, "this split needs times, and the data has none");
    if (o->method == RECSYS_SPLIT_LAST_PER_USER) {
        if (o->test_k == 0) o->test_k = 1;
        if (o->test_k < 0) return fail_integer(job, "test_k", o->test_k, "at least 1");
        if (o->valid_k < 0) return fail_integer(job, "valid_k", o->valid_k, "at least 0");
    } else if (o->valid_time != 0 && o->valid_time >= o->test_time) {
        return fail_integer(job, "valid_time", o->valid_time, "before test_time");
    }
    return RECSYS_OK;
}

static recsys_status check_options(struct job *job)
{
    const recsys_split_options *o = &job->options;
    if (o->reserved != 0) return fail_integer(job, "reserved", o->reserved, "0");
    if (o->method == RECSYS_SPLIT_LAST_PER_USER || o->method == RECSYS_SPLIT_BY_TIME) return check_times(job);
    if (o->method < 0 || o->method > RECSYS_SPLIT_STRONG)
        return fail_integer(job, "method", o->method, "a RECSYS_SPLIT_ value");
    return check_shares(job);
}

/* Whether the options ask for validation data. */
static int wants_validation(const recsys_split_options *o)
{
    if (o->method == RECSYS_SPLIT_LAST_PER_USER) return o->valid_k > 0;
    if (o->method == RECSYS_SPLIT_BY_TIME) return o->valid_time != 0;
    return o->valid_share > 0.0;
}

/* ---- Cutting ---- */

static recsys_status assign_parts(const struct job *job)
{
    switch (job->options.method) {
    case RECSYS_SPLIT_RANDOM: return split_random(job);
    case RECSYS_SPLIT_BY_TIME: return split_by_time(job);
    case RECSYS_SPLIT_STRONG: return split_strong(job);
    default: return split_within_users(job);
    }
}

/* Which parts the split has, and that none of them is empty. */
static recsys_status check_parts(const struct job *job, int wanted[PART_COUNT])
{
    int64_t count[PART_COUNT] = { 0 };
    for (int64_t e = 0; e < job->data->n_events; e++) count[job->part[e]]++;
    int strong = job->options.method == RECSYS_SPLIT_STRONG, valid = wants_validation(&job->options);
    wanted[PART_TRAIN] = wanted[PART_TEST] = 1;
    wanted[PART_VALID] = valid;
    wanted[PART_VALID_HISTORY] = valid && strong;
    wanted[PART_TEST_HISTORY] = strong;
    for (int p = 0; p < PART_COUNT; p++)
        if (wanted[p] && count[p] == 0)
            return recsys__fail(&job->exec->error, RECSYS_ERR_EMPTY, "the %s side of the split would be empty",
                                part_names[p]);
    return RECSYS_OK;
}

/* Makes the datasets of the parts. `keep` is scratch of E elements. */
static recsys_status cut(const struct job *job, uint8_t *keep, recsys_split *split)
{
    recsys_dataset **const result[PART_COUNT] = { &split->train, &split->valid, &split->test, &split->valid_history,
                                                  &split->test_history };
    int wanted[PART_COUNT];
    recsys_status status = check_parts(job, wanted);
    for (int p = 0; !status && p < PART_COUNT; p++) {
        if (!wanted[p]) continue;
        for (int64_t e = 0; e < job->data->n_events; e++) keep[e] = job->part[e] == p;
        status = recsys__dataset_select(job->exec, job->data, keep, result[p]);
        if (!status) status = recsys__progress(job->exec, p + 1, PART_COUNT);
    }
    return status;
}

static recsys_status run(struct job *job, recsys_split *split)
{
    recsys_exec *x = job->exec;
    uint8_t *keep = NULL;
    recsys_status status = recsys__phase(x, "split");
    if (!status) status = recsys__alloc_zero(x->memory, &x->error, job->data->n_events, sizeof *job->part, &job->part);
    if (!status) status = assign_parts(job);
    if (!status) status = recsys__alloc(x->memory, &x->error, job->data->n_events, sizeof *keep, &keep);
    if (!status) status = cut(job, keep, split);
    recsys__free(x->memory, keep);
    recsys__free(x->memory, job->part);
    return status;
}

recsys_status recsys_dataset_split(const recsys_dataset *dataset, recsys_exec *exec, const recsys_split_options *options,
                                   recsys_split *split)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    error *e = &exec->error;
    if (!dataset || !split) return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_split: an argument is NULL");
    struct job job = { .exec = exec, .data = dataset };
    recsys_split given, made = RECSYS_SPLIT_INIT;
    /* All parts must have a place, or they could not be handed over. */
    recsys_status status = recsys__struct_in(e, "recsys_split", split, sizeof given, &given, sizeof given);
    if (status) return status;
    recsys__struct_out(e, "recsys_split", &made, sizeof made, split);
    status = recsys__struct_in(e, "recsys_split_options", options, sizeof(size_t), &job.options, sizeof job.options);
    if (!status) status = check_options(&job);
    if (status) return status;
    if (job.options.seed == 0) job.options.seed = exec->seed;
    status = run(&job, &made);
    if (!status) status = recsys__struct_out(e, "recsys_split", &made, sizeof made, split);
    if (status) recsys_split_release(&made);
    return status;
}

void recsys_split_release(recsys_split *split)
{
    if (!split) return;
    recsys_dataset **const part[] = { &split->train, &split->valid, &split->test, &split->valid_history,
                                      &split->test_history };
    for (size_t p = 0; p < sizeof part / sizeof part[0]; p++) {
        recsys_dataset_release(*part[p]);
        *part[p] = NULL;
    }
}
