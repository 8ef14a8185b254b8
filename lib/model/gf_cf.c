/* gf_cf.c - GF-CF: graph filters in closed form, a linear one and an ideal low-pass one; a history is a signal on the items.
 *
 * Paper: Shen, Wu, Zhang, Shan, Zhang, Letaief, Li, "How Powerful is Graph Convolution for Recommendation?", CIKM 2021.
 * Shapes: U users, I items, E interactions, k directions, l = k + oversampling; R and R~ are U x I, V is I x k.
 * R~ = D_U^-1/2 R D_I^-1/2 with sums of values as degrees; a history r scores r R~'R~ + alpha r D_I^-1/2 V V' D_I^1/2 with the
 * k leading right singular vectors V of R~. With g = guard, 1/sqrt(d) + g stands for users, 1/(sqrt(d) + g) for items, and
 * D_I^1/2 stays as it is, as in the published program; without users or items of degree 0 nothing depends on g = 0.
 * Departs from the paper: a degree of 0 stands for 0 in all three powers; directions without energy are left out of V (zeros).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>

#include "backend/run.h"
#include "base/text.h"
#include "model/device_csr.h"
#include "model/model.h"
#include "model/truncated_svd.h"
#include "tensor/ops.h"

enum { VALUES_GIVEN, VALUES_BINARY };

/* Floats of V that are checked at a time. */
enum { LOOK = 1 << 14 };

/* The largest value of a history: times any power of a degree it is finite. */
#define LARGEST_VALUE 1e18f

static const param_schema gf_cf_params[] = {
    { "factors", RECSYS_PARAM_I64, "256", 0.0, 16384.0, 0, NULL, "0.1",
      "k, singular vectors of the low-pass filter; 0: the linear filter alone" },
    { "alpha", RECSYS_PARAM_F64, "0.3", 0.0, 1e10, 0, NULL, "0.1",
      "weight of the low-pass filter; 0: the linear filter alone" },
    { "power_iterations", RECSYS_PARAM_I64, "4", 0.0, 1000.0, 0, NULL, "0.1", "rounds that sharpen the singular vectors" },
    { "oversampling", RECSYS_PARAM_I64, "10", 0.0, 16384.0, 0, NULL, "0.1", "directions that are worked on beyond k" },
    { "guard", RECSYS_PARAM_F64, "0", 0.0, 1.0, 0, NULL, "0.1",
      "g in 1/sqrt(d) + g of users and 1/(sqrt(d) + g) of items; the published program has 1e-6" },
    { "values", RECSYS_PARAM_CHOICE, "given", 0.0, 0.0, 0, "given|binary", "0.1",
      "what R and histories hold: the value of the interaction, or 1 for every interaction" },
};

static float raw_value(const recsys_params *p, const float *val, int64_t e)
{
    return val == NULL || recsys__param_choice(p, "values") == VALUES_BINARY ? 1.0f : val[e];
}

static int is_binary(const recsys_params *p, const float *val)
{
    return val == NULL || recsys__param_choice(p, "values") == VALUES_BINARY;
}

/* ---- powers of degrees ---- */

/* 1 / sqrt(d) as the guard has it; 0 for a degree of 0. */
static double user_power(const recsys_params *p, float degree)
{
    return degree > 0.0f ? 1.0 / sqrt((double)degree) + recsys__param_f64(p, "guard") : 0.0;
}

static double item_power(const recsys_params *p, float degree)
{
    return degree > 0.0f ? 1.0 / (sqrt((double)degree) + recsys__param_f64(p, "guard")) : 0.0;
}

/* Whose powers are finite. */
static int is_degree(double d)
{
    return d == 0.0 || (d >= (double)FLT_MIN && d <= (double)FLT_MAX);
}

/* degree[r] = sum of the values of row r. */
static recsys_status add_degrees(recsys_exec *x, const recsys_params *p, const csr *R, const char *what, float *degree)
{
    for (int64_t r = 0; r < R->n_rows; r++) {
        double sum = 0.0;
        for (int64_t e = R->ptr[r]; e < R->ptr[r + 1]; e++)
            sum += (double)raw_value(p, R->val, e);
        if (!is_degree(sum)) {
            char number[NUMBER_ROOM];
            return recsys__fail(&x->error, RECSYS_ERR_NUMERIC,
                                "gf-cf: the values of %s %lld add up to %s, and degrees are 0 or positive "
                                "numbers that float32 holds", what, (long long)r, recsys__number(number, sum));
        }
        degree[r] = (float)sum;
    }
    return RECSYS_OK;
}

/* ---- what a fit works on ---- */

/* Host memory: degrees, and R~ by user and by item. */
typedef struct fit_data {
    const csr *by_user, *by_item;
    float *user_degree, *item_degree;
    float *user_value, *item_value; /* E each, of R~; NULL where no decomposition is wanted */
} fit_data;

static void free_data(recsys_exec *x, fit_data *d)
{
    recsys__free(x->memory, d->user_degree);
    recsys__free(x->memory, d->item_degree);
    recsys__free(x->memory, d->user_value);
    recsys__free(x->memory, d->item_value);
}

/* Columns of V; 0: there is no low-pass part. */
static int64_t directions(const recsys_params *p, int64_t n_users, int64_t n_items)
{
    int64_t k = recsys__param_i64(p, "factors"), side = n_users < n_items ? n_users : n_items;
    if (!(recsys__param_f64(p, "alpha") > 0.0))
        return 0;
    return k < side ? k : side;
}

/* Columns that are worked on. */
static int64_t sketch_columns(const recsys_params *p, int64_t n_users, int64_t n_items)
{
    int64_t l = directions(p, n_users, n_items) + recsys__param_i64(p, "oversampling"),
        side = n_users < n_items ? n_users : n_items;
    return l < side ? l : side;
}

/* value[e] of R~ in one view; `row` and `column` are the powers of its rows and columns. */
static recsys_status fill_values(recsys_exec *x, const recsys_params *p, const csr *R, const float *row, const float *column,
                                 float *value)
{
    for (int64_t r = 0; r < R->n_rows; r++)
        for (int64_t e = R->ptr[r]; e < R->ptr[r + 1]; e++) {
            value[e] = (float)((double)raw_value(p, R->val, e) * (double)row[r] * (double)column[R->col[e]]);
            if (!isfinite(value[e]))
                return recsys__fail(&x->error, RECSYS_ERR_NUMERIC,
                                    "gf-cf: normalised, the value of user or item %lld is not finite", (long long)r);
        }
    return RECSYS_OK;
}

/* R~ in both views. */
static recsys_status normalise(recsys_exec *x, const recsys_params *p, fit_data *d)
{
    int64_t U = d->by_user->n_rows, I = d->by_item->n_rows, E = d->by_user->ptr[U];
    float *power = NULL;
    recsys_status status = recsys__alloc(x->memory, &x->error, U + I, sizeof(float), &power);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, E, sizeof(float), &d->user_value);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, E, sizeof(float), &d->item_value);
    if (status >= 0) {
        for (int64_t u = 0; u < U; u++)
            power[u] = (float)user_power(p, d->user_degree[u]);
        for (int64_t i = 0; i < I; i++)
            power[U + i] = (float)item_power(p, d->item_degree[i]);
        status = fill_values(x, p, d->by_user, power, power + U, d->user_value);
    }
    if (status >= 0)
        status = fill_values(x, p, d->by_item, power + U, power, d->item_value);
    recsys__free(x->memory, power);
    return status;
}

static recsys_status make_data(recsys_exec *x, const recsys_params *p, const recsys_dataset *train, int with_values,
                               fit_data *d)
{
    recsys_status status = recsys__dataset_by_user(x, train, &d->by_user);
    if (status >= 0)
        status = recsys__dataset_by_item(x, train, &d->by_item);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, d->by_user->n_rows, sizeof(float), &d->user_degree);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, d->by_item->n_rows, sizeof(float), &d->item_degree);
    if (status >= 0)
        status = add_degrees(x, p, d->by_user, "user", d->user_degree);
    if (status >= 0)
        status = add_degrees(x, p, d->by_item, "item", d->item_degree);
    return status < 0 || !with_values ? status : normalise(x, p, d);
}

/* ---- cost ---- */

static recsys_status cost(recsys_exec *x, const recsys_params *p, const recsys_dataset *train, recsys_cost *c)
{
    int64_t U = recsys_ids_count(recsys_dataset_users(train)), I = recsys_ids_count(recsys_dataset_items(train));
    int64_t E = recsys_dataset_event_count(train), k = directions(p, U, I), l = sketch_columns(p, U, I);
    int64_t kept = 8 * (U + 1) + 4 * E + (train->value != NULL ? 4 * E : 0) + 4 * (U + I);
    int64_t ready = 8 * (I + 1) + 4 * E + (train->value != NULL ? 4 * E : 0) + 4 * (U + 2 * I);
    if (k > 0 && l > INT64_MAX / 64 / (U + I))
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "gf-cf: %lld directions of %lld users and items are too large",
                            (long long)l, (long long)(U + I));
    c->model_bytes = kept + 4 * k * (I + 1);
    c->peak_bytes = 4 * (U + I) + kept + ready;
    c->flops = 0.0;
    if (k == 0)
        return RECSYS_OK;
    c->peak_bytes += recsys__truncated_svd_bytes(x, U, I, E, k, l) + 4 * (U + I) + 8 * E;
    c->flops = recsys__truncated_svd_flops(U, I, E, l, recsys__param_i64(p, "power_iterations"));
    return RECSYS_OK;
}

/* ---- what the model keeps ---- */

/* V and the singular values become tensors of the model. */
static recsys_status keep_low_pass(recsys_exec *x, recsys_model *m, const fit_data *d, int64_t k)
{
    float *V = NULL, *values = NULL;
    truncated_svd svd = { .by_row = d->by_user, .by_column = d->by_item, .row_value = d->user_value,
                          .column_value = d->item_value,
                          .k = k, .l = sketch_columns(m->params, m->n_users, m->n_items),
                          .rounds = recsys__param_i64(m->params, "power_iterations") };
    recsys_status status = recsys__truncated_svd(x, &svd, &V, &values);
    if (status >= 0)
        status = recsys__model_new_tensor(x, m, "singular_vectors", 2, (int64_t[]){ m->n_items, k }, V);
    if (status >= 0) {
        V = NULL;
        status = recsys__model_new_tensor(x, m, "singular_values", 1, &k, values);
    }
    if (status >= 0)
        values = NULL;
    recsys__device_free(x->backend, x->memory, V);
    recsys__device_free(x->backend, x->memory, values);
    return status;
}

static csr_tensors interactions_of(const recsys_model *m)
{
    return (csr_tensors){ .what = "the interactions", .ptr = "interaction_ptr", .column = "interaction_item",
                          .value = "interaction_value", .n_rows = m->n_users, .n_columns = m->n_items, .may_lack_values = 1 };
}

static recsys_status keep_interactions(recsys_exec *x, recsys_model *m, const fit_data *d)
{
    csr_tensors tensors = interactions_of(m);
    csr R = *d->by_user;
    if (is_binary(m->params, R.val))
        R.val = NULL;
    recsys_status status = recsys__csr_keep(x, m, &tensors, &R);
    if (status >= 0)
        status = recsys__model_keep_tensor(x, m, "user_degree", 1, &m->n_users, d->user_degree);
    return status < 0 ? status : recsys__model_keep_tensor(x, m, "item_degree", 1, &m->n_items, d->item_degree);
}

static recsys_status fit(recsys_exec *x, recsys_model *m, const recsys_dataset *train)
{
    fit_data d = { 0 };
    int64_t k = directions(m->params, m->n_users, m->n_items);
    recsys_status status = recsys__phase(x, "degrees");
    if (status >= 0)
        status = make_data(x, m->params, train, k > 0, &d);
    if (status >= 0)
        status = keep_interactions(x, m, &d);
    if (status >= 0 && k > 0)
        status = keep_low_pass(x, m, &d, k);
    free_data(x, &d);
    return status;
}

/* ---- tensors of a file ---- */

static recsys_status wrong_tensors(recsys_exec *x, const char *what)
{
    return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "gf-cf: %s", what);
}

static recsys_status check_degrees(recsys_exec *x, const recsys_model *m, const char *name, int64_t n)
{
    const model_tensor *t = recsys__model_tensor(m, name);
    if (!recsys__is_vector(t, RECSYS_F32, n))
        return wrong_tensors(x, "degrees are missing or have the wrong shape");
    float *degree;
    recsys_status status = recsys__model_fetch_tensor(x, t, &degree);
    for (int64_t r = 0; r < n && status >= 0; r++)
        if (!is_degree((double)degree[r]))
            status = wrong_tensors(x, "a degree is neither 0 nor a positive number");
    recsys__free(x->memory, degree);
    return status;
}

static recsys_status check_values(recsys_exec *x, const model_tensor *s, int64_t k)
{
    float *value;
    recsys_status status = recsys__model_fetch_tensor(x, s, &value);
    for (int64_t c = 0; c < k && status >= 0; c++)
        if (!(value[c] >= 0.0f && value[c] <= FLT_MAX))
            status = wrong_tensors(x, "a singular value is negative or not finite");
    recsys__free(x->memory, value);
    return status;
}

static recsys_status check_vectors(recsys_exec *x, const recsys_model *m)
{
    const model_tensor *V = recsys__model_tensor(m, "singular_vectors"), *s = recsys__model_tensor(m, "singular_values");
    int64_t k = directions(m->params, m->n_users, m->n_items);
    if (k == 0)
        return V == NULL && s == NULL ? RECSYS_OK : wrong_tensors(x,
                                                                  "there are singular vectors, and the parameters have none");
    if (V == NULL || V->dtype != RECSYS_F32 || V->rank != 2 || V->shape[0] != m->n_items || V->shape[1] != k
        || !recsys__is_vector(s, RECSYS_F32, k))
        return wrong_tensors(x, "the singular vectors are missing or have the wrong shape");
    float *look;
    recsys_status status = recsys__alloc(x->memory, &x->error, LOOK, sizeof *look, &look);
    for (int64_t first = 0; first < m->n_items * k && status >= 0; first += LOOK) {
        int64_t n = m->n_items * k - first < LOOK ? m->n_items * k - first : LOOK;
        status = recsys__download(x, look, (const float *)V->data + first, n * (int64_t)sizeof *look);
        int finite = 1;
        for (int64_t i = 0; i < n && status >= 0; i++)
            finite &= fabsf(look[i]) <= 1.0f + 1e-3f; /* what a vector of length 1 may hold */
        if (status >= 0 && !finite)
            status = wrong_tensors(x, "the singular vectors are not of length 1");
    }
    recsys__free(x->memory, look);
    return status < 0 ? status : check_values(x, s, k);
}

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    csr_tensors interactions = interactions_of(m);
    recsys_status status = recsys__csr_check(x, m, &interactions);
    if (status >= 0)
        status = check_degrees(x, m, "user_degree", m->n_users);
    if (status >= 0)
        status = check_degrees(x, m, "item_degree", m->n_items);
    return status < 0 ? status : check_vectors(x, m);
}

/* ---- scoring ---- */

/* What scoring wants beside the tensors: the interactions by item, and powers of degrees. */
enum { BY_ITEM, POWERS };

/* Arrays behind each other in one block of device memory. */
static recsys_status upload_by_item(recsys_exec *x, const csr *R, void **block)
{
    int64_t E = R->ptr[R->n_rows], ptr_bytes = 8 * (R->n_rows + 1);
    char *at;
    recsys_status status = recsys__device_alloc(x, ptr_bytes + E * (R->val != NULL ? 8 : 4), 1, &at);
    *block = at;
    if (status >= 0)
        status = recsys__copy_in(x, at, R->ptr, ptr_bytes);
    if (status >= 0)
        status = recsys__copy_in(x, at + ptr_bytes, R->col, 4 * E);
    return status < 0 || R->val == NULL ? status : recsys__copy_in(x, at + ptr_bytes + 4 * E, R->val, 4 * E);
}

static recsys_status make_powers(recsys_exec *x, const recsys_model *m, void **block)
{
    int64_t U = m->n_users, I = m->n_items;
    double alpha = recsys__param_f64(m->params, "alpha");
    float *user_degree = NULL, *item_degree = NULL, *power = NULL;
    recsys_status status = recsys__model_fetch_tensor(x, recsys__model_tensor(m, "user_degree"), &user_degree);
    if (status >= 0)
        status = recsys__model_fetch_tensor(x, recsys__model_tensor(m, "item_degree"), &item_degree);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, U + 2 * I, sizeof *power, &power);
    for (int64_t u = 0; u < U && status >= 0; u++) {
        double p = user_power(m->params, user_degree[u]);
        power[u] = (float)(p * p);
    }
    for (int64_t i = 0; i < I && status >= 0; i++) {
        power[U + i] = (float)item_power(m->params, item_degree[i]);
        power[U + I + i] = (float)(alpha * sqrt((double)item_degree[i]));
    }
    if (status >= 0)
        status = recsys__upload(x, power, (U + 2 * I) * (int64_t)sizeof *power, block);
    recsys__free(x->memory, user_degree);
    recsys__free(x->memory, item_degree);
    recsys__free(x->memory, power);
    return status;
}

static recsys_status ready(recsys_exec *x, recsys_model *m)
{
    csr_tensors interactions = interactions_of(m);
    csr *R, *by_item = NULL;
    recsys_status status = recsys__csr_fetch(x, m, &interactions, &R);
    if (status >= 0)
        status = recsys__csr_transpose(x, R, &by_item);
    if (status >= 0)
        status = upload_by_item(x, by_item, &m->cache[BY_ITEM]);
    recsys__csr_free(x->memory, by_item);
    recsys__csr_free(x->memory, R);
    return status < 0 ? status : make_powers(x, m, &m->cache[POWERS]);
}

static filter filter_of(const recsys_model *m)
{
    const model_tensor *V = recsys__model_tensor(m, "singular_vectors");
    csr_tensors interactions = interactions_of(m);
    sparse R = recsys__csr_on_device(m, &interactions);
    const char *by_item = m->cache[BY_ITEM], *columns = by_item + 8 * (m->n_items + 1);
    const float *power = m->cache[POWERS];
    return (filter){
        .n_users = m->n_users,
        .n_items = m->n_items,
        .n_entries = R.n_entries,
        .dim = V != NULL ? V->shape[1] : 0,
        .user_ptr = R.row_ptr,
        .user_item = R.column,
        .user_val = R.value,
        .item_ptr = (const int64_t *)(const void *)by_item,
        .item_user = (const int32_t *)(const void *)columns,
        .item_val = R.value != NULL ? (const float *)(const void *)(columns + 4 * R.n_entries) : NULL,
        .user_weight = power,
        .item_scale = power + m->n_users,
        .low_weight = V != NULL ? power + m->n_users + m->n_items : NULL,
        .vectors = V != NULL ? V->data : NULL,
    };
}

/* The queries' histories with the values that the training rows had: the fold-in of any user. */
static recsys_status fold_in(recsys_exec *x, const recsys_model *m, const queries *q, histories *h)
{
    *h = q->x;
    if (is_binary(m->params, q->x.val)) {
        h->val = NULL;
        return RECSYS_OK;
    }
    for (int64_t i = 0; i < q->count; i++)
        for (int64_t e = q->x.ptr[i]; e < q->x.ptr[i + 1]; e++)
            if (!(fabsf(q->x.val[e]) <= LARGEST_VALUE))
                return recsys__fail(&x->error, RECSYS_ERR_NUMERIC, "query %lld: the value of item %lld is beyond 1e18",
                                    (long long)i, (long long)q->x.item[e]);
    return RECSYS_OK;
}

static recsys_status rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    histories h;
    filter f = filter_of(m);
    recsys_status status = fold_in(x, m, q, &h);
    return status < 0 ? status : recsys__filter_rank(x, &f, &h, to);
}

static recsys_status score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    histories h;
    filter f = filter_of(m);
    recsys_status status = fold_in(x, m, q, &h);
    return status < 0 ? status : recsys__filter_score(x, &f, &h, at);
}

/* The item's row of the filter: the scores of a history of this item alone. */
static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    filter f = filter_of(m);
    int64_t ptr[2] = { 0, 1 };
    histories h = { .ptr = ptr, .item = &item };
    scoring at = { .n_queries = 1, .n_items = m->n_items, .out = out };
    return recsys__filter_score(x, &f, &h, &at);
}

static const tensor_kind gf_cf_tensors[] = {
    { "interaction_ptr", "where each user's interactions begin", RECSYS_I64, 0, 0 },
    { "interaction_item", "items of the interactions, by user: what scoring sums over", RECSYS_I32, 0, 0 },
    { "interaction_value", "their values, where they are not all 1", RECSYS_F32, 0, 0 },
    { "user_degree", "sum of each user's values", RECSYS_F32, 0, 0 },
    { "item_degree", "sum of each item's values", RECSYS_F32, 0, 0 },
    { "singular_vectors", "V: leading right singular vectors of R~, one a column", RECSYS_F32, 0, 0 },
    { "singular_values", "singular values of R~, descending", RECSYS_F32, 0, 0 },
};

const struct model_class recsys__gf_cf = {
    .name = "gf-cf",
    .summary = "GF-CF: a linear and a low-pass graph filter in closed form",
    .citation = "Shen, Wu, Zhang, Shan, Zhang, Letaief, Li, How Powerful is Graph Convolution for Recommendation?, CIKM 2021",
    .params = gf_cf_params,
    .n_params = (int64_t)(sizeof gf_cf_params / sizeof *gf_cf_params),
    .tensors = gf_cf_tensors,
    .n_tensors = (int64_t)(sizeof gf_cf_tensors / sizeof *gf_cf_tensors),
    .scores_by_history = BY_HISTORY,
    .cost = cost,
    .fit = fit,
    .check = check,
    .ready = ready,
    .rank = rank,
    .score = score,
    .similarity = similarity,
};
