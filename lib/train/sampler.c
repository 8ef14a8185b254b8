/* sampler.c - what a training draws from, put on the device once, and the descriptors that draw a batch of it.
 *
 * The draws themselves are operations (backend/op/sample_*.h). Known items of a user are his cells in the
 * data to avoid and, unless the options let them be drawn, in the positives.
 *
 * U users, I items, P positives: events for pairs and positives, cells of the interaction matrix for user rows; R users with
 * positives; n negatives a positive; N items that a batch shares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/sampler.h"

#include <math.h>
#include <string.h>

#include "backend/op/gather_rows.h"
#include "backend/op/sample_items.h"
#include "backend/op/sample_pairs.h"
#include "backend/op/sample_positives.h"
#include "backend/op/sample_rows.h"
#include "backend/run.h"
#include "base/random.h"
#include "base/text.h"
#include "train/alias.h"

enum { MOST_STREAM = 15 };

/* Indices of shared draws begin here: negatives' are below (backend/negatives.h). */
static const uint64_t SHARED_DRAWS = UINT64_C(1) << 63;

struct sampler {
    sampler_options options;
    int64_t n_users, n_items;
    int64_t n_positives; /* P */
    int64_t n_rows;      /* R, for user rows */
    int32_t *row_length; /* host, R: so that the sizes of a batch are known without asking the device */

    /* Device. Those that the options do not ask for are NULL. */
    int32_t *user, *item;                             /* pairs, positives: P */
    int32_t *row_user;                                /* user rows: R */
    int64_t *row_ptr;                                 /* user rows: U + 1 */
    int32_t *column;                                  /* user rows: P */
    uint8_t *flag;                                    /* P */
    int64_t *known_ptr;                               /* U + 1 */
    int32_t *known_column;
    double *weight;                                   /* I */
    uint32_t *threshold;                              /* I */
    int32_t *alias;                                   /* I */
    float *item_log_q, *shared_log_q;                 /* I: log of shares of positives, and of probabilities */
};

/* 1 if negatives are drawn at all. */
static int draws_negatives(const sampler_options *o)
{
    return o->n_negatives > 0 && (o->kind != SAMPLE_USER_ROWS || o->sampled_output);
}

/* 1 if items are drawn by weights. */
static int draws_by_weight(const sampler_options *o)
{
    return o->popularity > 0.0 && (draws_negatives(o) || (o->kind == SAMPLE_POSITIVES && o->n_shared > 0));
}

/* ---- what is asked for ---- */

static recsys_status check_options(recsys_exec *x, const sampler_options *o, const recsys_dataset *positives)
{
    error *e = &x->error;
    if (o->kind != SAMPLE_PAIRS && o->kind != SAMPLE_USER_ROWS && o->kind != SAMPLE_POSITIVES)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "there is no kind of sampler %d", (int)o->kind);
    if (o->n_negatives < 0)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "%lld negatives for each positive cannot be drawn",
                            (long long)o->n_negatives);
    if (o->n_shared < 0 || o->n_shared > INT32_MAX)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "%lld items for a batch to share cannot be drawn",
                            (long long)o->n_shared);
    if (!(o->popularity >= 0.0 && o->popularity < INFINITY)) {
        char number[NUMBER_ROOM];
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT,
                            "the exponent of popularity by which negatives are drawn is %s, not a number from 0 on",
                            recsys__number(number, o->popularity));
    }
    if (o->stream > MOST_STREAM)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "a sampler's stream is %u, above %d", (unsigned)o->stream,
                            MOST_STREAM);
    if (positives->n_events == 0) return recsys__fail(e, RECSYS_ERR_EMPTY, "there is no positive to draw samples for");
    const int64_t most = INT64_C(1) << NEGATIVE_NUMBER_BITS;
    if (positives->n_events > most || o->n_negatives > most / positives->n_events - 1)
        return recsys__fail(e, RECSYS_ERR_TOO_LARGE,
                            "%lld positives with %lld negatives each are more samples than can be counted",
                            (long long)positives->n_events, (long long)o->n_negatives);
    return RECSYS_OK;
}

static recsys_status check_avoid(recsys_exec *x, const recsys_dataset *positives, int64_t n_avoid,
                                 const recsys_dataset *const *avoid)
{
    int64_t U = recsys_ids_count(positives->users), I = recsys_ids_count(positives->items);
    for (int64_t k = 0; k < n_avoid; k++) {
        int64_t users = recsys_ids_count(avoid[k]->users), items = recsys_ids_count(avoid[k]->items);
        if (users != U || items != I)
            return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                                "data to avoid when drawing negatives has %lld users and %lld items, the positives have %lld "
                                "and %lld: they must share their ids",
                                (long long)users, (long long)items, (long long)U, (long long)I);
    }
    return RECSYS_OK;
}

/* ---- known items ---- */

/* Rows of items on the host, `owned` or borrowed from a dataset. */
typedef struct known_rows {
    int64_t n_rows;
    int64_t *ptr;
    int32_t *column;
    int owned;
} known_rows;

static void known_free(recsys_exec *x, known_rows *k)
{
    if (k->owned) {
        recsys__free(x->memory, k->ptr);
        recsys__free(x->memory, k->column);
    }
    *k = (known_rows){ 0 };
}

/* a and b, each ascending and distinct, to `out` in the same form; the length of that. */
static int64_t merge_items(const int32_t *a, int64_t n_a, const int32_t *b, int64_t n_b, int32_t *out)
{
    int64_t n = 0, i = 0, j = 0;
    while (i < n_a || j < n_b) {
        int32_t next = j == n_b || (i < n_a && a[i] <= b[j]) ? a[i] : b[j];
        i += i < n_a && a[i] == next;
        j += j < n_b && b[j] == next;
        out[n++] = next;
    }
    return n;
}

/* k becomes its union with `other`, row by row. */
static recsys_status known_add(recsys_exec *x, known_rows *k, const csr *other)
{
    const int64_t U = k->n_rows;
    known_rows sum = { .n_rows = U, .owned = 1 };
    if (other->ptr[U] == 0) return RECSYS_OK;
    recsys_status s = recsys__alloc(x->memory, &x->error, U + 1, sizeof *sum.ptr, &sum.ptr);
    if (!s) s = recsys__alloc(x->memory, &x->error, k->ptr[U] + other->ptr[U], sizeof *sum.column, &sum.column);
    if (s) {
        known_free(x, &sum);
        return s;
    }
    sum.ptr[0] = 0;
    for (int64_t u = 0; u < U; u++)
        sum.ptr[u + 1] = sum.ptr[u] + merge_items(k->column + k->ptr[u], k->ptr[u + 1] - k->ptr[u], other->col + other->ptr[u],
                                                  other->ptr[u + 1] - other->ptr[u], sum.column + sum.ptr[u]);
    known_free(x, k);
    *k = sum;
    return RECSYS_OK;
}

/* Rows without any item. */
static recsys_status known_nothing(recsys_exec *x, int64_t n_users, known_rows *k)
{
    *k = (known_rows){ .n_rows = n_users, .owned = 1 };
    return recsys__alloc_zero(x->memory, &x->error, n_users + 1, sizeof *k->ptr, &k->ptr);
}

static void known_borrow(known_rows *k, const csr *m)
{
    *k = (known_rows){ .n_rows = m->n_rows, .ptr = m->ptr, .column = m->col };
}

/* One matrix alone is borrowed; of several the union is made. */
static recsys_status known_make(recsys_exec *x, const sampler_options *o, const csr *positives, int64_t n_avoid,
                                const recsys_dataset *const *avoid, known_rows *k)
{
    recsys_status s = RECSYS_OK;
    *k = (known_rows){ 0 };
    if (!o->own_may_be_drawn) known_borrow(k, positives);
    for (int64_t a = 0; a < n_avoid && !s; a++) {
        const csr *other;
        s = recsys__dataset_by_user(x, avoid[a], &other);
        if (s || k->ptr == other->ptr) continue;
        if (k->ptr) s = known_add(x, k, other);
        else known_borrow(k, other);
    }
    if (!s && !k->ptr) s = known_nothing(x, positives->n_rows, k);
    if (s) known_free(x, k);
    return s;
}

/* Every user with positives has at least n items left, of those with a weight if weights are given. */
static recsys_status check_left(recsys_exec *x, const sampler_options *o, const recsys_dataset *data, const csr *positives,
                                const known_rows *k, const double *weight)
{
    const int64_t I = positives->n_cols;
    int64_t drawable = 0;
    for (int64_t i = 0; i < I; i++) drawable += !weight || weight[i] > 0.0;
    for (int64_t u = 0; u < positives->n_rows; u++) {
        int64_t left = drawable;
        if (positives->ptr[u + 1] == positives->ptr[u]) continue;
        for (int64_t c = k->ptr[u]; c < k->ptr[u + 1]; c++) left -= !weight || weight[k->column[c]] > 0.0;
        if (left >= o->n_negatives) continue;
        char id[80];
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "user %s has %lld of %lld items left to draw negatives from%s, and %lld are asked for",
                            recsys__ids_show(data->users, u, id, sizeof id), (long long)left, (long long)I,
                            weight ? " (not known and with a popularity above 0)" : "", (long long)o->n_negatives);
    }
    return RECSYS_OK;
}

/* ---- weights ---- */

/* (number of users of item i in `m` / largest such number)^a, 0 for items without users. */
static void popularity_weights(const csr *m, double a, double *weight)
{
    double most = 0.0;
    memset(weight, 0, (size_t)m->n_cols * sizeof *weight);
    for (int64_t c = 0; c < m->ptr[m->n_rows]; c++) {
        double count = weight[m->col[c]] += 1.0;
        most = count > most ? count : most;
    }
    for (int64_t i = 0; i < m->n_cols; i++)
        if (weight[i] > 0.0) weight[i] = pow(weight[i] / most, a);
}

static recsys_status upload_table(recsys_exec *x, sampler *s, const double *weight)
{
    const int64_t I = s->n_items;
    uint32_t *threshold = NULL;
    int32_t *alias = NULL;
    recsys_status status = recsys__alloc(x->memory, &x->error, I, sizeof *threshold, &threshold);
    if (!status) status = recsys__alloc(x->memory, &x->error, I, sizeof *alias, &alias);
    if (!status) status = recsys__alias_table(x, I, weight, threshold, alias);
    if (!status) status = recsys__upload(x, weight, I * (int64_t)sizeof *weight, &s->weight);
    if (!status) status = recsys__upload(x, threshold, I * (int64_t)sizeof *threshold, &s->threshold);
    if (!status) status = recsys__upload(x, alias, I * (int64_t)sizeof *alias, &s->alias);
    recsys__free(x->memory, threshold);
    recsys__free(x->memory, alias);
    return status;
}

/* log(positives of item i / P), as if an item without any had one: only a caller's batch can bring such an item. */
static void log_shares(const recsys_dataset *data, int64_t I, double *count, float *log_q)
{
    memset(count, 0, (size_t)I * sizeof *count);
    for (int64_t e = 0; e < data->n_events; e++) count[data->item[e]] += 1.0;
    for (int64_t i = 0; i < I; i++) log_q[i] = (float)log((count[i] > 1.0 ? count[i] : 1.0) / (double)data->n_events);
}

/* log of the probability with which one draw gives item i; `weight` NULL: uniform. What is never drawn counts as the rarest
 * other. */
static void log_probabilities(const double *weight, int64_t I, float *log_q)
{
    double sum = 0.0, least = INFINITY;
    for (int64_t i = 0; i < I; i++) {
        double w = weight ? weight[i] : 1.0;
        sum += w;
        least = w > 0.0 && w < least ? w : least;
    }
    for (int64_t i = 0; i < I; i++) log_q[i] = (float)log((weight && weight[i] > 0.0 ? weight[i] : least) / sum);
}

static recsys_status make_log_q(recsys_exec *x, sampler *s, const recsys_dataset *data, const double *weight)
{
    const int64_t I = s->n_items, bytes = I * (int64_t)sizeof(float);
    double *count = NULL;
    float *log_q = NULL;
    recsys_status status = recsys__alloc(x->memory, &x->error, I, sizeof *count, &count);
    if (!status) status = recsys__alloc(x->memory, &x->error, I, sizeof *log_q, &log_q);
    if (!status) {
        log_shares(data, I, count, log_q);
        status = recsys__upload(x, log_q, bytes, &s->item_log_q);
    }
    if (!status && s->options.n_shared > 0) {
        log_probabilities(weight, I, log_q);
        status = recsys__upload(x, log_q, bytes, &s->shared_log_q);
    }
    recsys__free(x->memory, count);
    recsys__free(x->memory, log_q);
    return status;
}

/* Weights by popularity; *weight NULL where nothing is drawn by them. */
static recsys_status make_weights(recsys_exec *x, const sampler *s, const recsys_dataset *counted, double **weight)
{
    const csr *m;
    *weight = NULL;
    if (!draws_by_weight(&s->options)) return RECSYS_OK;
    recsys_status status = recsys__dataset_by_user(x, counted, &m);
    if (!status) status = recsys__alloc(x->memory, &x->error, s->n_items, sizeof **weight, weight);
    if (!status) popularity_weights(m, s->options.popularity, *weight);
    return status;
}

/* What users know, so that it is not drawn. */
static recsys_status make_known(recsys_exec *x, sampler *s, const recsys_dataset *data, int64_t n_avoid,
                                const recsys_dataset *const *avoid, const double *weight)
{
    const sampler_options *o = &s->options;
    const csr *positives;
    known_rows k = { 0 };
    recsys_status status = recsys__dataset_by_user(x, data, &positives);
    if (!status) status = known_make(x, o, positives, n_avoid, avoid, &k);
    if (!status) status = check_left(x, o, data, positives, &k, weight);
    if (!status) status = recsys__upload(x, k.ptr, (k.n_rows + 1) * (int64_t)sizeof *k.ptr, &s->known_ptr);
    if (!status) status = recsys__upload(x, k.column, k.ptr[k.n_rows] * (int64_t)sizeof *k.column, &s->known_column);
    known_free(x, &k);
    return status;
}

/* All that negatives and shared items are drawn from. */
static recsys_status make_draws(recsys_exec *x, sampler *s, const recsys_dataset *data, int64_t n_avoid,
                                const recsys_dataset *const *avoid)
{
    double *weight;
    recsys_status status = make_weights(x, s, n_avoid > 0 ? avoid[0] : data, &weight);
    if (!status && draws_negatives(&s->options)) status = make_known(x, s, data, n_avoid, avoid, weight);
    if (!status && weight) status = upload_table(x, s, weight);
    if (!status && s->options.with_log_q) status = make_log_q(x, s, data, weight);
    recsys__free(x->memory, weight);
    return status;
}

/* ---- positives ---- */

static recsys_status make_events(recsys_exec *x, sampler *s, const recsys_dataset *data)
{
    const int64_t P = data->n_events;
    s->n_positives = P;
    recsys_status status = recsys__upload(x, data->user, P * (int64_t)sizeof *data->user, &s->user);
    if (!status) status = recsys__upload(x, data->item, P * (int64_t)sizeof *data->item, &s->item);
    if (!status && data->flag && s->options.kind == SAMPLE_PAIRS) status = recsys__upload(x, data->flag, P, &s->flag);
    return status;
}

/* Flags of cells: 1 if one of the cell's events has it. */
static recsys_status upload_cell_flags(recsys_exec *x, sampler *s, const recsys_dataset *data, const csr *positives)
{
    uint8_t *flag;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, s->n_positives, 1, &flag);
    if (status) return status;
    for (int64_t e = 0; e < data->n_events; e++) {
        int64_t at = positives->ptr[data->user[e]], end = positives->ptr[data->user[e] + 1];
        while (end - at > 1) {
            int64_t middle = at + (end - at) / 2;
            if (positives->col[middle] <= data->item[e]) at = middle;
            else end = middle;
        }
        flag[at] |= data->flag[e];
    }
    status = recsys__upload(x, flag, s->n_positives, &s->flag);
    recsys__free(x->memory, flag);
    return status;
}

static recsys_status make_rows(recsys_exec *x, sampler *s, const recsys_dataset *data)
{
    const csr *positives;
    int32_t *row_user = NULL;
    const int64_t U = s->n_users;
    recsys_status status = recsys__dataset_by_user(x, data, &positives);
    if (status) return status;
    s->n_positives = positives->ptr[U];
    for (int64_t u = 0; u < U; u++) s->n_rows += positives->ptr[u + 1] > positives->ptr[u];
    status = recsys__alloc(x->memory, &x->error, s->n_rows, sizeof *s->row_length, &s->row_length);
    if (!status) status = recsys__alloc(x->memory, &x->error, s->n_rows, sizeof *row_user, &row_user);
    for (int64_t u = 0, row = 0; u < U && !status; u++) {
        int64_t d = positives->ptr[u + 1] - positives->ptr[u];
        if (d == 0) continue;
        row_user[row] = (int32_t)u;
        s->row_length[row++] = (int32_t)d;
    }
    if (!status) status = recsys__upload(x, row_user, s->n_rows * (int64_t)sizeof *row_user, &s->row_user);
    if (!status) status = recsys__upload(x, positives->ptr, (U + 1) * (int64_t)sizeof *positives->ptr, &s->row_ptr);
    if (!status) status = recsys__upload(x, positives->col, s->n_positives * (int64_t)sizeof *positives->col, &s->column);
    if (!status && data->flag) status = upload_cell_flags(x, s, data, positives);
    recsys__free(x->memory, row_user);
    return status;
}

/* ---- life ---- */

recsys_status recsys__sampler_create(recsys_exec *x, const sampler_options *o, const recsys_dataset *positives, int64_t n_avoid,
                                     const recsys_dataset *const *avoid, sampler **out)
{
    sampler *s;
    *out = NULL;
    recsys_status status = check_options(x, o, positives);
    if (!status) status = check_avoid(x, positives, n_avoid, avoid);
    if (!status) status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *s, &s);
    if (status) return status;
    s->options = *o;
    if (!draws_negatives(o)) s->options.n_negatives = 0;
    if (o->kind != SAMPLE_POSITIVES) s->options.n_shared = s->options.with_log_q = 0;
    s->n_users = recsys_ids_count(positives->users);
    s->n_items = recsys_ids_count(positives->items);
    status = o->kind == SAMPLE_USER_ROWS ? make_rows(x, s, positives) : make_events(x, s, positives);
    if (!status) status = make_draws(x, s, positives, n_avoid, avoid);
    if (status) recsys__sampler_free(x, s);
    else *out = s;
    return status;
}

void recsys__sampler_free(recsys_exec *x, sampler *s)
{
    if (!s) return;
    void *device[] = { s->user, s->item, s->row_user, s->row_ptr, s->column, s->flag, s->known_ptr, s->known_column,
                       s->weight, s->threshold, s->alias, s->item_log_q, s->shared_log_q };
    for (size_t k = 0; k < sizeof device / sizeof *device; k++) recsys__device_free(x->backend, x->memory, device[k]);
    recsys__free(x->memory, s->row_length);
    recsys__free(x->memory, s);
}

int64_t recsys__sampler_size(const sampler *s)
{
    if (s->options.kind == SAMPLE_USER_ROWS) return s->n_rows;
    return s->options.kind == SAMPLE_PAIRS ? s->n_positives * (1 + s->options.n_negatives) : s->n_positives;
}

int64_t recsys__sampler_bytes(const sampler_options *o, const recsys_dataset *positives)
{
    int64_t U = recsys_ids_count(positives->users), I = recsys_ids_count(positives->items), P = positives->n_events;
    int64_t matrix = (U + 1) * (int64_t)sizeof(int64_t) + P * (int64_t)sizeof(int32_t);
    int64_t bytes = positives->flag && o->kind != SAMPLE_POSITIVES ? P : 0;
    bytes += o->kind != SAMPLE_USER_ROWS ? 2 * P * (int64_t)sizeof(int32_t) : matrix + U * (int64_t)sizeof(int32_t);
    if (draws_negatives(o)) bytes += matrix;
    if (o->kind == SAMPLE_POSITIVES && o->with_log_q) bytes += (1 + (o->n_shared > 0)) * I * (int64_t)sizeof(float);
    if (draws_by_weight(o))
        bytes += I * (int64_t)(sizeof(double) + sizeof(uint32_t) + sizeof(int32_t));
    return bytes;
}

/* ---- drawing ---- */

static permutation order_of(const sampler *s, int64_t epoch)
{
    return recsys__permutation(recsys__sampler_size(s), s->options.seed, RANDOM_ORDER, (uint64_t)epoch, s->options.stream);
}

/* The epoch that draws are keyed by. */
static uint64_t drawing_epoch(const sampler *s, int64_t epoch)
{
    return s->options.fixed ? 0 : (uint64_t)epoch;
}

static negatives negatives_of(const sampler *s, int64_t epoch)
{
    return (negatives){ .n_items = s->n_items, .per_positive = s->options.n_negatives, .seed = s->options.seed,
                        .epoch = drawing_epoch(s, epoch), .stream = RANDOM_SAMPLE + s->options.stream,
                        .row_ptr = s->known_ptr, .column = s->known_column, .weight = s->weight, .threshold = s->threshold,
                        .alias = s->alias };
}

static tensor vector(tape *g, int32_t dtype, int64_t n)
{
    return recsys__tape_new(g, dtype, 1, &n);
}

static void draw_pairs(const sampler *s, tape *g, int64_t epoch, int64_t position, int64_t count, batch *b)
{
    uint8_t *clean = s->flag ? recsys__tape_memory(g, count, 1) : NULL;
    b->users = vector(g, RECSYS_I32, count);
    b->items = vector(g, RECSYS_I32, count);
    b->labels = vector(g, RECSYS_F32, count);
    b->clean = clean;
    op_sample_pairs o = { { OP_SAMPLE_PAIRS, sizeof o },
                          .n_positives = s->n_positives,
                          .position = position,
                          .count = count,
                          .in_order = s->options.keep_order,
                          .order = order_of(s, epoch),
                          .negatives = negatives_of(s, epoch),
                          .user = s->user,
                          .item = s->item,
                          .flag = s->flag,
                          .users = tensor_ints(&b->users),
                          .items = tensor_ints(&b->items),
                          .labels = tensor_floats(&b->labels),
                          .clean = clean };
    recsys__tape_run(g, &o.op);
}

static tensor look_up(tape *g, const float *table, tensor items)
{
    tensor out = vector(g, RECSYS_F32, tensor_elements(&items));
    op_gather_rows o = { { OP_GATHER_ROWS, sizeof o }, .count = tensor_elements(&items), .dim = 1, .table = table,
                         .row = tensor_ints(&items), .out = tensor_floats(&out) };
    recsys__tape_run(g, &o.op);
    return out;
}

void recsys__sampler_complete(const sampler *s, tape *g, int64_t epoch, int64_t position, batch *b)
{
    const int64_t N = s->options.n_shared;
    if (recsys__tape_failed(g)) return;
    if (N > 0) {
        b->shared = vector(g, RECSYS_I32, N);
        op_sample_items o = { { OP_SAMPLE_ITEMS, sizeof o }, .count = N, .n_items = s->n_items, .seed = s->options.seed,
                              .epoch = drawing_epoch(s, epoch), .first = SHARED_DRAWS + (uint64_t)position * (uint64_t)N,
                              .stream = RANDOM_SAMPLE + s->options.stream, .threshold = s->threshold, .alias = s->alias,
                              .items = tensor_ints(&b->shared) };
        recsys__tape_run(g, &o.op);
    }
    if (s->item_log_q) b->item_log_q = look_up(g, s->item_log_q, b->items);
    if (s->shared_log_q) b->shared_log_q = look_up(g, s->shared_log_q, b->shared);
    if (s->shared_log_q) b->own_log_q = look_up(g, s->shared_log_q, b->items);
}

static void draw_positives(const sampler *s, tape *g, int64_t epoch, int64_t position, int64_t count, batch *b)
{
    const int64_t n = s->options.n_negatives;
    b->users = vector(g, RECSYS_I32, count);
    b->items = vector(g, RECSYS_I32, count);
    if (n > 0) b->negatives = recsys__tape_new(g, RECSYS_I32, 2, (int64_t[]){ count, n });
    op_sample_positives o = { { OP_SAMPLE_POSITIVES, sizeof o },
                              .n_positives = s->n_positives,
                              .position = position,
                              .count = count,
                              .in_order = s->options.keep_order,
                              .order = order_of(s, epoch),
                              .negatives = negatives_of(s, epoch),
                              .user = s->user,
                              .item = s->item,
                              .users = tensor_ints(&b->users),
                              .items = tensor_ints(&b->items),
                              .drawn = tensor_ints(&b->negatives) };
    recsys__tape_run(g, &o.op);
    recsys__sampler_complete(s, g, epoch, position, b);
}

/* Cells in the rows of a batch. */
static int64_t count_cells(const sampler *s, const permutation *order, int64_t position, int64_t count)
{
    int64_t cells = 0;
    for (int64_t k = position; k < position + count; k++)
        cells += s->row_length[s->options.keep_order ? k : recsys__permute(order, k)];
    return cells;
}

static void draw_rows(const sampler *s, tape *g, int64_t epoch, int64_t position, int64_t count, batch *b)
{
    const permutation order = order_of(s, epoch);
    const int64_t E = count_cells(s, &order, position, count), samples = E * (1 + s->options.n_negatives);
    if (samples > INT32_MAX) {
        recsys__tape_fail(g, RECSYS_ERR_TOO_LARGE, "a batch of %lld users has %lld samples: take fewer users", (long long)count,
                          (long long)samples);
        return;
    }
    int64_t *row_ptr = recsys__tape_memory(g, count + 1, sizeof *row_ptr);
    int32_t *column = recsys__tape_memory(g, E, sizeof *column);
    uint8_t *clean = NULL;
    if (s->flag) clean = recsys__tape_memory(g, s->options.sampled_output ? samples : count * s->n_items, 1);
    b->users = vector(g, RECSYS_I32, count);
    if (s->options.sampled_output) {
        b->items = vector(g, RECSYS_I32, samples);
        b->labels = vector(g, RECSYS_F32, samples);
        b->sample_row = vector(g, RECSYS_I32, samples);
    }
    b->rows_items = (sparse){ .n_rows = count, .n_columns = s->n_items, .n_entries = E, .row_ptr = row_ptr, .column = column };
    b->clean = clean;
    op_sample_rows o = { { OP_SAMPLE_ROWS, sizeof o },
                         .n_rows = s->n_rows,
                         .position = position,
                         .count = count,
                         .in_order = s->options.keep_order,
                         .order = order,
                         .negatives = negatives_of(s, epoch),
                         .row_user = s->row_user,
                         .row_ptr = s->row_ptr,
                         .n_cells = s->n_positives,
                         .column = s->column,
                         .flag = s->flag,
                         .users = tensor_ints(&b->users),
                         .out_ptr = row_ptr,
                         .out_column = column,
                         .items = tensor_ints(&b->items),
                         .labels = tensor_floats(&b->labels),
                         .sample_row = tensor_ints(&b->sample_row),
                         .clean = clean };
    recsys__tape_run(g, &o.op);
}

void recsys__sampler_draw(const sampler *s, tape *g, int64_t epoch, int64_t position, int64_t count, batch *b)
{
    recsys__tape_at(g, __FILE__, __LINE__, "sample");
    b->rows = count;
    b->users = b->items = b->labels = b->sample_row = (tensor){ 0 };
    b->negatives = b->shared = b->item_log_q = b->shared_log_q = b->own_log_q = (tensor){ 0 };
    b->rows_items = (sparse){ 0 };
    b->clean = NULL;
    if (recsys__tape_failed(g)) return;
    if (epoch < 0 || position < 0 || count < 0 || count > INT32_MAX || position > recsys__sampler_size(s) - count) {
        recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "%lld rows from %lld on of epoch %lld were asked for; an epoch has %lld",
                          (long long)count, (long long)position, (long long)epoch, (long long)recsys__sampler_size(s));
        return;
    }
    if (s->options.kind == SAMPLE_PAIRS) draw_pairs(s, g, epoch, position, count, b);
    else if (s->options.kind == SAMPLE_POSITIVES) draw_positives(s, g, epoch, position, count, b);
    else draw_rows(s, g, epoch, position, count, b);
}
