/* embeddings.c - vectors of users and items trained elsewhere, ranked by their inner product.
 *
 * Shapes: U users, I items, Q queries, D width.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/run.h"
#include "base/struct.h"
#include "model/dlpack.h"
#include "model/model.h"
#include "tensor/ops.h"

static const model_tensor *user_table(const recsys_model *m) { return recsys__model_tensor(m, "user_embedding"); }
static const model_tensor *item_table_of(const recsys_model *m) { return recsys__model_tensor(m, "item_embedding"); }

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    const model_tensor *users = user_table(m), *items = item_table_of(m);
    if (users == NULL || items == NULL || users->dtype != RECSYS_F32 || items->dtype != RECSYS_F32 || users->rank != 2
        || items->rank != 2 || users->shape[0] != m->n_users || items->shape[0] != m->n_items || users->shape[1] < 1
        || users->shape[1] != items->shape[1])
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "embeddings: the tables are missing or have the wrong shape");
    return RECSYS_OK;
}

/* The rows of the queries' users, Q x D on the device; kept by the exec. */
static recsys_status gather_users(recsys_exec *x, const recsys_model *m, const queries *q, float **out)
{
    int64_t dim = user_table(m)->shape[1];
    recsys_status status = recsys__device_scratch(x, q->count * dim, sizeof(float), out);
    return status < 0 ? status : recsys__gather_rows(x, user_table(m)->data, dim, q->user, q->count, *out);
}

static recsys_status rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    float *users;
    recsys_status status = gather_users(x, m, q, &users);
    return status < 0 ? status : recsys__dot_rank(x, user_table(m)->shape[1], users, item_table_of(m)->data, to);
}

static recsys_status score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    float *users;
    recsys_status status = gather_users(x, m, q, &users);
    return status < 0 ? status : recsys__dot_score(x, user_table(m)->shape[1], users, item_table_of(m)->data, at);
}

/* Inner products of one item's vector with all of them: cosines, where the caller brought vectors of length 1. */
static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    int64_t dim = item_table_of(m)->shape[1];
    const float *table = item_table_of(m)->data;
    scoring at = { .n_queries = 1, .n_items = m->n_items, .out = out };
    return recsys__dot_score(x, dim, table + item * dim, table, &at);
}

static const tensor_kind embeddings_tensors[] = {
    { "user_embedding", "a vector for each user", RECSYS_F32, 0, 0 },
    { "item_embedding", "a vector for each item", RECSYS_F32, 0, 0 },
};

const struct model_class recsys__embeddings = {
    .name = "embeddings",
    .summary = "inner products of vectors trained elsewhere (made by recsys_model_from_embeddings)",
    .citation = "none",
    .tensors = embeddings_tensors,
    .n_tensors = 2,
    .check = check,
    .rank = rank,
    .score = score,
    .similarity = similarity,
};

static recsys_status add_table(recsys_exec *x, recsys_model *m, const char *name, const float *host, int64_t rows, int64_t dim)
{
    for (int64_t i = 0; i < rows * dim; i++)
        if (!isfinite(host[i]))
            return recsys__fail(&x->error, RECSYS_ERR_NUMERIC, "%s: row %lld, column %lld is not finite", name,
                                (long long)(i / dim), (long long)(i % dim));
    return recsys__model_keep_tensor(x, m, name, 2, (int64_t[]){ rows, dim }, host);
}

/* A model with histories and no tables yet. */
static recsys_status begin(recsys_exec *x, const recsys_dataset *train, const recsys_fit_options *options, recsys_model **model)
{
    recsys_fit_options o;
    recsys_model *m = NULL;
    recsys_params *p = NULL;
    recsys_status status = recsys__struct_in(&x->error, "recsys_fit_options", options, sizeof(size_t), &o, sizeof o);
    if (status >= 0)
        status = recsys__params_create(x->memory, &x->error, recsys__embeddings.name, NULL, 0, &p);
    if (status >= 0)
        status = recsys__model_create(x, &recsys__embeddings, p, train->users, train->items, &m);
    if (status >= 0)
        status = recsys__model_keep_data(x, m, train, &o);
    recsys_params_release(p);
    if (status < 0) {
        recsys_model_release(m);
        m = NULL;
    }
    *model = m;
    return status;
}

static recsys_status finish(recsys_exec *x, recsys_model *m, recsys_status status, recsys_model **model)
{
    if (status >= 0)
        status = recsys__model_complete(x, m);
    if (status < 0)
        recsys_model_release(m);
    else
        *model = m;
    return status;
}

recsys_status recsys_model_from_embeddings(const recsys_dataset *train, recsys_exec *x, int64_t dim, const float *users,
                                           const float *items, const recsys_fit_options *options, recsys_model **model)
{
    if (x == NULL || model == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *model = NULL;
    if (train == NULL || users == NULL || items == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_from_embeddings: an argument is NULL");
    if (recsys__cancelled(x))
        return recsys__fail_cancelled(x);
    if (dim < 1 || dim > INT32_MAX)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "embeddings: dim is %lld, it must be 1 to 2147483647",
                            (long long)dim);
    recsys_model *m;
    recsys_status status = begin(x, train, options, &m);
    if (status >= 0)
        status = add_table(x, m, "user_embedding", users, m->n_users, dim);
    if (status >= 0)
        status = add_table(x, m, "item_embedding", items, m->n_items, dim);
    return finish(x, m, status, model);
}

recsys_status recsys_model_from_dlpack(const recsys_dataset *train, recsys_exec *x, struct DLManagedTensor *users,
                                       struct DLManagedTensor *items, const recsys_fit_options *options, recsys_model **model)
{
    if (x == NULL || model == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *model = NULL;
    if (train == NULL || users == NULL || items == NULL || users == items)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "recsys_model_from_dlpack: an argument is NULL or comes twice");
    if (recsys__cancelled(x))
        return recsys__fail_cancelled(x);
    recsys_model *m;
    int64_t dim = 0;
    recsys_status status = begin(x, train, options, &m);
    if (status >= 0)
        status = recsys__dlpack_borrow(x, m, "user_embedding", m->n_users, &dim, users);
    if (status >= 0)
        status = recsys__dlpack_borrow(x, m, "item_embedding", m->n_items, &dim, items);
    status = finish(x, m, status, model);
    if (status >= 0)
        recsys__dlpack_keep(m, users, items);
    return status;
}
