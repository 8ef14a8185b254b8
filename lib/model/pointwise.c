/* pointwise.c - the losses of adaptive denoising training, and colliding inference, for all models of single samples.
 *
 * U users, I items, n neighbours.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/pointwise.h"

#include <string.h>

#include "backend/run.h"
#include "base/scratch.h"
#include "data/align.h"

#include <recsys/trainer.h>

/* ---- losses ---- */

void recsys__sample_pairs(const recsys_params *p, sampler_options *o)
{
    (void)p;
    o->kind = SAMPLE_PAIRS;
}

double recsys__drop_rate(double rate, double exponent, int64_t num_gradual, int64_t t)
{
    if (t >= num_gradual)
        return rate;
    return num_gradual < 2 ? 0.0 : pow(rate, exponent) * (double)t / (double)(num_gradual - 1);
}

tensor recsys__pointwise_loss(tape *g, const recsys_model *m, const batch *b, tensor logits, tensor labels)
{
    enum { AUTO, OF_BATCH, OF_POSITIVES };
    const recsys_params *p = m->params;
    int64_t drop_of = recsys__param_choice(p, "drop_of");
    int is_full_rows = b->items.data == NULL;
    pointwise_rule rule = {
        .kind = b->plain ? LOSS_BCE : (int32_t)recsys__param_choice(p, "loss"),
        .drop_of = drop_of == OF_POSITIVES || (drop_of == AUTO && is_full_rows) ? DROP_OF_POSITIVES : DROP_OF_BATCH,
        .drop_rate = recsys__drop_rate(recsys__param_f64(p, "drop_rate"), recsys__param_f64(p, "exponent"),
                                       recsys__param_i64(p, "num_gradual"), b->step),
        .alpha = recsys__param_f64(p, "alpha"),
        .clean = b->clean,
        .stats = b->stats,
    };
    return op_pointwise_loss(g, logits, labels, &rule);
}

/* ---- colliding inference ---- */

static int is_colliding(const recsys_model *m)
{
    return m->neighbours != NULL && recsys__param_f64(m->params, "colliding") > 0.0;
}

static int is_network(const recsys_model *m)
{
    return m->class->training->network != NULL;
}

/* A model that scores by history may be shown one by the query; its neighbours have theirs from training. */
static recsys_status settings_of(recsys_exec *x, const recsys_model *m, const queries *q, colliding *c)
{
    *c = (colliding){
        .lambda = (float)recsys__param_f64(m->params, "colliding"),
        .form = (int32_t)recsys__param_choice(m->params, "colliding_of"),
        .n = recsys__model_tensor(m, "neighbours")->shape[1],
        .neighbour = m->neighbours,
        .own_rows = m->class->scores_by_history,
        .n_users = m->n_users,
        .self = q,
    };
    if (m->class->scores_by_history && !m->has_histories)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA,
                            "colliding inference: the neighbours' histories are needed, and this %s was made without",
                            m->class->name);
    return RECSYS_OK;
}

/* One row of a query made for scoring: a user as the model knows him, or a query of the caller's. */
typedef struct row_of_user {
    int32_t user;
    const int32_t *item;
    int64_t count;
} row_of_user;

static row_of_user row_of(const recsys_model *m, const queries *asked, int32_t id)
{
    const csr *h = &m->histories;
    if (id >= m->n_users) {
        int64_t q = id - m->n_users, begin = asked->x.ptr[q];
        return (row_of_user){ asked->user[q], asked->x.item + begin, asked->x.ptr[q + 1] - begin };
    }
    if (id < 0 || !m->has_histories)
        return (row_of_user){ id, NULL, 0 };
    return (row_of_user){ id, h->col + h->ptr[id], h->ptr[id + 1] - h->ptr[id] };
}

/* Queries that stand for them, in scratch. */
static recsys_status queries_of(recsys_exec *x, const recsys_model *m, const queries *asked, const int32_t *id, int64_t count,
                                queries *q)
{
    int64_t *ptr, entries = 0;
    int32_t *item, *user;
    recsys_status status = recsys__scratch(x, SCRATCH_USER_PTR, count + 1, sizeof *ptr, &ptr);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_ROW_NUMBERS, count, sizeof *user, &user);
    for (int64_t k = 0; status >= 0 && k < count; k++) {
        row_of_user r = row_of(m, asked, id[k]);
        ptr[k] = entries;
        user[k] = r.user;
        entries += r.count;
    }
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_USER_ITEMS, entries, sizeof *item, &item);
    if (status < 0)
        return status;
    ptr[count] = entries;
    for (int64_t k = 0; k < count; k++) {
        row_of_user r = row_of(m, asked, id[k]);
        if (r.count > 0)
            memcpy(item + ptr[k], r.item, (size_t)r.count * sizeof *item);
    }
    *q = (queries){ .count = count, .user = user, .x = { .ptr = ptr, .item = item } };
    return RECSYS_OK;
}

static recsys_status rows_of_users(recsys_exec *x, const recsys_model *m, const void *asked, const int32_t *id, int64_t count,
                                   float *out)
{
    queries q;
    recsys_status status = queries_of(x, m, asked, id, count, &q);
    return status < 0 ? status : is_network(m) ? recsys__network_score_rows(x, m, &q, out)
                                               : recsys__factors_score_rows(x, m, &q, out);
}

recsys_status recsys__pointwise_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    if (!is_colliding(m))
        return is_network(m) ? recsys__network_rank(x, m, q, to) : recsys__factors_rank(x, m, q, to);
    colliding c;
    recsys_status status = settings_of(x, m, q, &c);
    return status < 0 ? status : recsys__colliding_rank(x, m, &c, rows_of_users, q->user, to);
}

recsys_status recsys__pointwise_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    if (!is_colliding(m))
        return is_network(m) ? recsys__network_score(x, m, q, at) : recsys__factors_score(x, m, q, at);
    colliding c;
    recsys_status status = settings_of(x, m, q, &c);
    return status < 0 ? status : recsys__colliding_score(x, m, &c, rows_of_users, q->user, at);
}

/* Finds the neighbours and keeps them as a tensor of the model. */
static recsys_status find_neighbours(recsys_exec *x, recsys_model *m, const recsys_dataset *verified)
{
    int64_t n = recsys__param_i64(m->params, "neighbours");
    const csr *by_user, *by_item;
    int32_t *host = NULL;
    if (n >= m->n_users)
        n = m->n_users > 1 ? m->n_users - 1 : 1;
    recsys_status status = recsys__phase(x, "neighbours");
    if (status >= 0)
        status = recsys__dataset_by_user(x, verified, &by_user);
    if (status >= 0)
        status = recsys__dataset_by_item(x, verified, &by_item);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, m->n_users * n, sizeof *host, &host);
    if (status >= 0)
        status = recsys__colliding_neighbours(x, by_user, by_item, n, (int32_t)recsys__param_choice(m->params, "similarity"),
                                              host);
    if (status >= 0)
        status = recsys__model_keep_tensor(x, m, "neighbours", 2, (int64_t[]){ m->n_users, n }, host);
    recsys__free(x->memory, host);
    return status;
}

recsys_status recsys__pointwise_check_data(recsys_exec *x, const recsys_model *m, const recsys_dataset *verified)
{
    if (recsys__param_f64(m->params, "colliding") > 0.0 && verified == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "%s: colliding inference needs verified positives",
                            m->class->name);
    return RECSYS_OK;
}

recsys_status recsys__pointwise_finish(recsys_exec *x, recsys_model *m, const recsys_dataset *verified)
{
    recsys_status status = recsys__pointwise_check_data(x, m, verified);
    return status < 0 || recsys__param_f64(m->params, "colliding") <= 0.0 ? status : find_neighbours(x, m, verified);
}

recsys_status recsys__pointwise_check(recsys_exec *x, const recsys_model *m)
{
    const model_tensor *t = recsys__model_tensor(m, "neighbours");
    if (t != NULL && (t->rank != 2 || t->shape[0] != m->n_users || t->shape[1] < 1))
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: the neighbours have the wrong shape", m->class->name);
    return recsys__check_declared(x, m);
}

recsys_status recsys__pointwise_ready(recsys_exec *x, recsys_model *m)
{
    const model_tensor *t = recsys__model_tensor(m, "neighbours");
    if (t == NULL)
        return RECSYS_OK;
    int64_t count = recsys__tensor_elements(t);
    recsys_status status = recsys__alloc(m->memory, &x->error, count, sizeof *m->neighbours, &m->neighbours);
    if (status >= 0)
        status = recsys__download(x, m->neighbours, t->data, count * (int64_t)sizeof *m->neighbours);
    for (int64_t i = 0; status >= 0 && i < count; i++)
        if (m->neighbours[i] < -1 || m->neighbours[i] >= m->n_users)
            return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT,
                                "%s: neighbour %lld of user %lld is user %lld, whom there is not",
                                m->class->name, (long long)(i % t->shape[1]), (long long)(i / t->shape[1]),
                                (long long)m->neighbours[i]);
    return status;
}

/* ---- the public way to it ---- */

static const char *const colliding_keys[] = { "colliding", "neighbours", "similarity", "colliding_of" };

static int is_pointwise(const recsys_model *m)
{
    return m->class->training != NULL && m->class->training->finish == recsys__pointwise_finish;
}

/* Of `text` only these keys may be set: the others say how the model was trained. */
static recsys_status check_keys(recsys_exec *x, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, "=,");
        int known = length == 0;
        for (size_t k = 0; k < sizeof colliding_keys / sizeof *colliding_keys; k++)
            known |= strlen(colliding_keys[k]) == length && strncmp(at, colliding_keys[k], length) == 0;
        if (!known)
            return recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_KEY,
                                "colliding inference has no parameter \"%.*s\"; it has colliding, neighbours, similarity and "
                                "colliding_of", (int)(length < 60 ? length : 60), at);
        at += strcspn(at, ",");
        at += *at == ',';
    }
    return RECSYS_OK;
}

static recsys_status make_params(recsys_exec *x, const recsys_model *m, const char *text, recsys_params **p)
{
    recsys_status status = check_keys(x, text);
    if (status >= 0)
        status = recsys__params_copy(x->memory, &x->error, m->params, p);
    if (status < 0 || *text == '\0')
        return status;
    recsys_error_info said = RECSYS_ERROR_INFO_INIT;
    status = recsys_params_set_text(*p, text);
    if (status < 0) {
        recsys_params_last_error(*p, &said);
        recsys__fail(&x->error, status, "%s", said.message);
    }
    return status;
}

static recsys_status collide(recsys_exec *x, const recsys_model *m, recsys_params *p, const recsys_dataset *verified,
                             recsys_model **out)
{
    recsys_model *own = NULL;
    recsys_status status = recsys__model_create(x, m->class, p, m->users, m->items, &own);
    for (int64_t t = 0; status >= 0 && t < m->tensors.count; t++)
        if (strcmp(m->tensors.at[t].name, "neighbours") != 0)
            status = recsys__model_copy_tensor(x, own, &m->tensors.at[t]);
    if (status >= 0 && m->has_histories)
        status = recsys__model_keep_histories(x, own, &m->histories);
    if (status >= 0)
        status = recsys__pointwise_finish(x, own, verified);
    if (status >= 0)
        status = recsys__model_complete(x, own);
    if (status < 0)
        recsys_model_release(own);
    else
        *out = own;
    return status;
}

recsys_status recsys_model_with_colliding(const recsys_model *m, recsys_exec *x, const char *settings,
                                          const recsys_dataset *verified, recsys_model **result)
{
    if (x == NULL || result == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (m == NULL || verified == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_with_colliding: an argument is NULL");
    if (!is_pointwise(m))
        return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED,
                            "colliding inference is for gmf, mlp, neumf, cdae and two-tower-concat, not for %s",
                            m->class->name);
    recsys_params *p = NULL;
    recsys_dataset *aligned = NULL;
    int64_t dropped;
    recsys_status status = recsys__check_device(x, m);
    if (status >= 0)
        status = make_params(x, m, settings != NULL ? settings : "", &p);
    if (status >= 0)
        status = recsys__align(x, verified, m->users, m->items, &aligned, &dropped);
    if (status >= 0 && aligned->n_events == 0)
        status = recsys__fail(&x->error, RECSYS_ERR_EMPTY,
                              "the verified data has no positives of users and items that the model has");
    if (status >= 0)
        status = collide(x, m, p, aligned, result);
    recsys_dataset_release(aligned);
    recsys_params_release(p);
    return status;
}
