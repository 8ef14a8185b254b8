/* top_popular.c - the baseline everyone compares with: all users get the items that most users had.
 *
 * popularity(i) = number of users who interacted with item i. Ranking is an inner product of width 1.
 * Shapes: U users, I items, Q queries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/run.h"
#include "base/scratch.h"
#include "model/model.h"
#include "tensor/ops.h"

static recsys_status fit(recsys_exec *x, recsys_model *m, const recsys_dataset *train)
{
    const csr *by_item;
    float *popularity = NULL;
    recsys_status status = recsys__dataset_by_item(x, train, &by_item);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, m->n_items, sizeof(float), &popularity);
    for (int64_t i = 0; status >= 0 && i < m->n_items; i++)
        popularity[i] = (float)(by_item->ptr[i + 1] - by_item->ptr[i]);
    if (status >= 0)
        status = recsys__model_keep_tensor(x, m, "popularity", 1, &m->n_items, popularity);
    recsys__free(x->memory, popularity);
    return status;
}

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    if (!recsys__is_vector(recsys__model_tensor(m, "popularity"), RECSYS_F32, m->n_items))
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "top-popular: the popularity is missing or has the wrong shape");
    return RECSYS_OK;
}

/* The same vector of width 1 for every query: 1. In device memory that the exec keeps. */
static recsys_status ones(recsys_exec *x, int64_t count, float **users)
{
    float *host;
    recsys_status status = recsys__scratch(x, SCRATCH_MODEL_A, count, sizeof *host, &host);
    for (int64_t q = 0; status >= 0 && q < count; q++)
        host[q] = 1.0f;
    if (status >= 0)
        status = recsys__device_scratch(x, count, sizeof *host, users);
    return status < 0 ? status : recsys__copy_in(x, *users, host, count * (int64_t)sizeof *host);
}

static recsys_status rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    float *users;
    recsys_status status = ones(x, q->count, &users);
    return status < 0 ? status : recsys__dot_rank(x, 1, users, recsys__model_tensor(m, "popularity")->data, to);
}

static recsys_status score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    float *users;
    recsys_status status = ones(x, q->count, &users);
    return status < 0 ? status : recsys__dot_score(x, 1, users, recsys__model_tensor(m, "popularity")->data, at);
}

static const tensor_kind top_popular_tensors[] = { { "popularity", "users who interacted with each item", RECSYS_F32, 0, 0 } };

const struct model_class recsys__top_popular = {
    .name = "top-popular",
    .summary = "the items that most users had: the baseline to beat",
    .citation = "none",
    .tensors = top_popular_tensors,
    .n_tensors = 1,
    .scores_by_history = BY_HISTORY,
    .fit = fit,
    .check = check,
    .rank = rank,
    .score = score,
};
