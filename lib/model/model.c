/* model.c - the life of a model: making it, training it, taking it apart, and what it tells about itself.
 *
 * U users, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/run.h"
#include "base/struct.h"
#include "data/align.h"
#include "model/dlpack.h"
#include "model/prepared.h"
#include "model/training.h"

recsys_status recsys__model_create(recsys_exec *x, const struct model_class *class, const recsys_params *p, recsys_ids *users,
                                   recsys_ids *items, recsys_model **out)
{
    recsys_model *m;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *m, &m);
    if (status < 0)
        return status;
    atomic_init(&m->refs, 1);
    m->class = class;
    m->memory = recsys__memory_retain(x->memory);
    m->env = recsys_env_retain(x->env);
    m->backend = x->backend;
    m->users = recsys__ids_retain(users);
    m->items = recsys__ids_retain(items);
    m->n_users = recsys_ids_count(users);
    m->n_items = recsys_ids_count(items);
    status = recsys__params_copy(x->memory, &x->error, p, &m->params);
    int64_t length = status >= 0 ? recsys_params_text(m->params, NULL, 0) : 0;
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, length + 1, 1, &m->params_text);
    if (status < 0) {
        recsys_model_release(m);
        return status;
    }
    recsys_params_text(m->params, m->params_text, length + 1);
    *out = m;
    return RECSYS_OK;
}

static void destroy(recsys_model *m)
{
    memory *account = m->memory;
    recsys_env *env = m->env;
    for (int64_t t = 0; t < m->tensors.count; t++)
        if (!m->tensors.at[t].borrowed)
            recsys__device_free(m->backend, account, m->tensors.at[t].data);
    for (int c = 0; c < MODEL_MAX_CACHES; c++)
        recsys__device_free(m->backend, account, m->cache[c]);
    recsys__prepared_release(m->prepared);
    recsys__dlpack_give_back(m);
    recsys__free(account, m->neighbours);
    if (m->mapping != NULL) {
        munmap(m->mapping, m->mapping_bytes);
    } else {
        recsys__free(account, m->histories.ptr);
        recsys__free(account, m->histories.col);
        recsys__free(account, m->histories.val);
    }
    recsys_params_release(m->params);
    recsys__free(account, m->params_text);
    recsys__ids_release(m->users);
    recsys__ids_release(m->items);
    recsys__free(account, m);
    recsys__memory_release(account);
    recsys_env_release(env);
}

recsys_model *recsys_model_retain(recsys_model *m)
{
    if (m != NULL)
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void recsys_model_release(recsys_model *m)
{
    if (m != NULL && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        destroy(m);
}

recsys_status recsys__check_same_ids(recsys_exec *x, const recsys_ids *users, const recsys_ids *items,
                                     const recsys_dataset *data, const char *what)
{
    if (!recsys__ids_equal(users, data->users))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: other users than those of the model", what);
    if (!recsys__ids_equal(items, data->items))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: other items than those of the model", what);
    return RECSYS_OK;
}

recsys_status recsys__check_kind_of_data(recsys_exec *x, const struct model_class *c, const recsys_dataset *train)
{
    if (c->scores_by_history == BY_FEATURES || recsys__dataset_dense(train) == NULL)
        return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                        "%s learns from interactions of users with items, and this data has rows of features with a label "
                        "each: they are for mlp-classifier", c->name);
}

/* The tables of two environments can stand for one device: they have the same functions then. */
recsys_status recsys__check_device(recsys_exec *x, const recsys_model *m)
{
    const backend *here = x->backend, *there = m->backend;
    if (here == there || (here->run == there->run && strcmp(here->name, there->name) == 0))
        return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_DEVICE,
                        "this %s model is in memory of the device \"%s\", and the exec works on \"%s\": "
                        "use an exec of its device, or save and load it", m->class->name, there->name, here->name);
}

static recsys_status copy_array(recsys_exec *x, const void *from, int64_t count, size_t size, void *out)
{
    void *to = NULL;
    recsys_status status = recsys__alloc(x->memory, &x->error, count, size, &to);
    if (status >= 0 && count > 0)
        memcpy(to, from, (size_t)count * size);
    memcpy(out, &to, sizeof to);
    return status;
}

recsys_status recsys__model_keep_histories(recsys_exec *x, recsys_model *m, const csr *R)
{
    int64_t entries = R->ptr[R->n_rows];
    csr *h = &m->histories;
    h->n_rows = R->n_rows;
    h->n_cols = R->n_cols;
    recsys_status status = copy_array(x, R->ptr, R->n_rows + 1, sizeof *R->ptr, &h->ptr);
    if (status >= 0)
        status = copy_array(x, R->col, entries, sizeof *R->col, &h->col);
    if (status >= 0 && R->val != NULL)
        status = copy_array(x, R->val, entries, sizeof *R->val, &h->val);
    m->has_histories = status >= 0;
    return status;
}

recsys_status recsys__model_keep_data(recsys_exec *x, recsys_model *m, const recsys_dataset *train, const recsys_fit_options *o)
{
    if (o->without_histories || m->class->scores_by_history == BY_FEATURES)
        return RECSYS_OK;
    const csr *R;
    recsys_status status = recsys__dataset_by_user(x, train, &R);
    return status < 0 ? status : recsys__model_keep_histories(x, m, R);
}

static const struct model_class *class_of(recsys_exec *x, const recsys_params *p)
{
    const struct model_class *c = recsys__model_class(recsys_params_model(p));
    if (c == NULL)
        recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_MODEL, "these parameters belong to no model");
    return c;
}

/* Bytes of the interaction matrix by user or by item. */
static int64_t view_bytes(const recsys_dataset *train, int64_t rows)
{
    return 8 * (rows + 1) + train->n_events * (train->value != NULL ? 8 : 4);
}

/* What every fit takes of the data: both views, and the histories that the model keeps. */
static int64_t data_bytes(const recsys_dataset *train)
{
    int64_t users = recsys_ids_count(train->users), items = recsys_ids_count(train->items);
    return 2 * view_bytes(train, users) + view_bytes(train, items) + 8 * train->n_events;
}

static recsys_status ask_cost(recsys_exec *x, const struct model_class *c, const recsys_params *p, const recsys_dataset *train,
                              recsys_cost *cost)
{
    *cost = (recsys_cost){ .struct_size = sizeof *cost };
    recsys_status status = c->training != NULL ? recsys__training_cost(x, c, p, train, cost)
                           : c->cost != NULL   ? c->cost(x, p, train, cost)
                                               : RECSYS_OK;
    cost->peak_bytes += data_bytes(train);
    return status;
}

recsys_status recsys_model_cost(const recsys_params *p, const recsys_dataset *train, recsys_exec *x, recsys_cost *cost)
{
    if (x == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (p == NULL || train == NULL || cost == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_cost: an argument is NULL");
    const struct model_class *c = class_of(x, p);
    recsys_cost own;
    recsys_status status = c == NULL ? x->error.status : recsys__check_kind_of_data(x, c, train);
    if (status >= 0)
        status = ask_cost(x, c, p, train, &own);
    return status < 0 ? status : recsys__struct_out(&x->error, "recsys_cost", &own, sizeof own, cost);
}

/* Refuses before anything large is taken. */
static recsys_status check_cost(recsys_exec *x, const struct model_class *c, const recsys_params *p,
                                const recsys_dataset *train)
{
    recsys_cost cost;
    recsys_status status = ask_cost(x, c, p, train, &cost);
    if (status < 0)
        return status;
    char what[96];
    snprintf(what, sizeof what, "%s on %lld items", c->name, (long long)recsys_ids_count(recsys_dataset_items(train)));
    return recsys__memory_check(x->memory, &x->error, cost.peak_bytes, what);
}

recsys_status recsys_model_fit(const recsys_params *p, const recsys_dataset *train, recsys_exec *x,
                               const recsys_fit_options *options, recsys_model **model)
{
    if (x == NULL || model == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *model = NULL;
    if (p == NULL || train == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_fit: an argument is NULL");
    recsys_fit_options o;
    recsys_model *m = NULL;
    const struct model_class *c = class_of(x, p);
    recsys_status status = c == NULL ? x->error.status
                                     : recsys__struct_in(&x->error, "recsys_fit_options", options, sizeof(size_t), &o,
                                                         sizeof o);
    if (status >= 0 && recsys__cancelled(x))
        status = recsys__fail_cancelled(x);
    if (status >= 0 && (o.reserved != 0 || o.without_histories < 0 || o.without_histories > 1))
        status = recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                              "recsys_fit_options: without_histories is 0 or 1, reserved 0");
    if (status >= 0 && c->training != NULL)
        return recsys__train(x, p, train, &o, model);
    if (status >= 0 && o.training != NULL)
        status = recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED,
                              "%s is not trained by steps: recsys_fit_options.training must be "
                              "NULL", c->name);
    if (status >= 0 && c->fit == NULL)
        status = recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "%s is not trained: %s", c->name, c->summary);
    if (status >= 0)
        status = recsys__check_kind_of_data(x, c, train);
    if (status >= 0 && recsys_dataset_event_count(train) == 0)
        status = recsys__fail(&x->error, RECSYS_ERR_EMPTY, "%s: the training data has no events", c->name);
    if (status >= 0)
        status = check_cost(x, c, p, train);
    if (status >= 0)
        status = recsys__model_create(x, c, p, train->users, train->items, &m);
    if (status >= 0)
        status = c->fit(x, m, train);
    if (status >= 0)
        status = recsys__model_keep_data(x, m, train, &o);
    if (status >= 0)
        status = recsys__model_complete(x, m);
    if (status < 0)
        recsys_model_release(m);
    else
        *model = m;
    return status;
}

recsys_status recsys__model_complete(recsys_exec *x, recsys_model *m)
{
    recsys_status status = m->class->check(x, m);
    if (status >= 0 && m->class->ready != NULL)
        status = m->class->ready(x, m);
    return status < 0 ? status : recsys__finish(x);
}

const char *recsys_model_name(const recsys_model *m) { return m != NULL ? m->class->name : NULL; }
const char *recsys_model_params(const recsys_model *m) { return m != NULL ? m->params_text : NULL; }
const recsys_ids *recsys_model_users(const recsys_model *m) { return m != NULL ? m->users : NULL; }
const recsys_ids *recsys_model_items(const recsys_model *m) { return m != NULL ? m->items : NULL; }
int32_t recsys_model_has_histories(const recsys_model *m) { return m != NULL ? m->has_histories : 0; }

recsys_status recsys_model_history(const recsys_model *m, recsys_exec *x, int64_t user, int64_t *items, float *values,
                                   int64_t capacity, int64_t *count)
{
    if (x == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (count != NULL)
        *count = 0;
    if (m == NULL || count == NULL || capacity < 0)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_history: an argument is NULL or negative");
    if (!m->has_histories)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "this %s model was made without histories", m->class->name);
    if (user < 0 || user >= m->n_users)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "user index %lld is outside 0 to %lld", (long long)user,
                            (long long)m->n_users - 1);
    int64_t begin = m->histories.ptr[user], length = m->histories.ptr[user + 1] - begin;
    for (int64_t e = 0; e < length && e < capacity; e++) {
        if (items != NULL)
            items[e] = m->histories.col[begin + e];
        if (values != NULL)
            values[e] = m->histories.val != NULL ? m->histories.val[begin + e] : 1.0f;
    }
    *count = length;
    return RECSYS_OK;
}
