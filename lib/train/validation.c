/* validation.c - how good the parameters are now, on positives held out of training; and the best ones so far.
 *
 * Looking changes nothing: rows that a lazy optimizer is behind with are read as they are now, and stay as they were.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/run.h"
#include "base/text.h"
#include "model/prepared.h"
#include "tensor/ops.h"
#include "train/trainer.h"

enum { VALIDATION_STREAM = 3 };

/* ---- opening ---- */

static recsys_status bad_select(recsys_trainer *t, const char *reason)
{
    return recsys__fail(&t->x->error, RECSYS_ERR_UNKNOWN_KEY, "select is \"%.60s\": %s", t->o.select, reason);
}

/* "NDCG@20" into its two parts. Only metrics at a cut-off of which more is better, and which every list has. */
static recsys_status parse_select(recsys_trainer *t)
{
    const char *word = t->o.select, *at = word != NULL ? strchr(word, '@') : NULL;
    t->metric[0] = '\0';
    if (word == NULL || strcmp(word, "loss") == 0)
        return RECSYS_OK;
    if (t->class->scores_by_history == BY_FEATURES)
        return bad_select(t, "a classifier ranks nothing for users; it is chosen by loss");
    if (at == NULL || at - word >= SELECT_ROOM)
        return bad_select(t, "it must be loss, or a metric with its cut-off such as NDCG@20");
    memcpy(t->metric, word, (size_t)(at - word));
    t->metric[at - word] = '\0';
    if (!recsys__parse_i64(at + 1, (int64_t)strlen(at + 1), &t->cutoff) || t->cutoff < 1 || t->cutoff > INT32_MAX)
        return bad_select(t, "its cut-off must be a number of at least 1");
    static const char *const names[] = { "NDCG", "RECALL", "RECALL_MIN_DEN", "PRECISION", "PRECISION_RECALL_MIN_DEN", "MAP",
                                         "MAP_MIN_DEN", "MRR", "F1", "HIT_RATE", "ARHR_ALL_HITS" };
    const int64_t n = sizeof names / sizeof *names;
    for (int64_t k = 0; k < n; k++)
        if (strcmp(names[k], t->metric) == 0)
            return RECSYS_OK;
    return recsys__fail(&t->x->error, RECSYS_ERR_UNKNOWN_KEY,
                        "select: \"%s\" is no metric of how well lists match, which a model can be chosen by; did you mean "
                        "\"%s\"?", t->metric, recsys__nearest(t->metric, names, n));
}

/* Users with validation positives, in the order of a sampler that does not shuffle. */
static recsys_status list_users(recsys_trainer *t)
{
    const csr *held_out;
    int64_t n = 0;
    recsys_status status = recsys__dataset_by_user(t->x, t->validation, &held_out);
    if (status >= 0)
        status = recsys__alloc(t->x->memory, &t->x->error, recsys__sampler_size(t->validation_sampler),
                               sizeof *t->validation_users, &t->validation_users);
    for (int32_t u = 0; status >= 0 && u < held_out->n_rows; u++)
        if (held_out->ptr[u + 1] > held_out->ptr[u])
            t->validation_users[n++] = u;
    return status;
}

static recsys_status open_sampler(recsys_trainer *t)
{
    sampler_options o = {
        .n_negatives = t->o.n_negatives,
        .popularity = t->o.popularity,
        .own_may_be_drawn = t->o.validation_negatives,
        .seed = t->x->seed,
        .stream = VALIDATION_STREAM,
    };
    const recsys_dataset *avoid[] = { t->train };
    t->class->training->sampling(t->m->params, &o);
    o.keep_order = o.kind == SAMPLE_USER_ROWS; /* pairs are shuffled: T-CE drops among a batch's positives and negatives */
    recsys_status status = recsys__sampler_create(t->x, &o, t->validation, 1, avoid, &t->validation_sampler);
    return status < 0 || o.kind != SAMPLE_USER_ROWS ? status : list_users(t);
}

static recsys_status open_evaluator(recsys_trainer *t)
{
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = t->validation;
    o.known = t->train;
    o.cutoffs = &t->cutoff;
    o.n_cutoffs = 1;
    return recsys_evaluator_create(t->x, &o, &t->evaluator);
}

recsys_status recsys__validation_open(recsys_trainer *t)
{
    recsys_status status = parse_select(t);
    if (status < 0 || t->validation == NULL)
        return status;
    if (recsys_dataset_event_count(t->validation) == 0)
        return recsys__fail(&t->x->error, RECSYS_ERR_EMPTY,
                            "the validation data has no positives of users and items that are trained");
    return t->metric[0] == '\0' ? open_sampler(t) : open_evaluator(t);
}

void recsys__validation_close(recsys_trainer *t)
{
    recsys__sampler_free(t->x, t->validation_sampler);
    recsys_evaluator_release(t->evaluator);
    recsys__free(t->x->memory, t->validation_users);
    t->validation_users = NULL;
    t->validation_sampler = NULL;
    t->evaluator = NULL;
}

/* ---- the loss ---- */

static recsys_status look(void *self, recsys_exec *x, int64_t parameter, const int32_t *row, int64_t count, float *out)
{
    return row == NULL ? recsys__optimizer_read(self, x, parameter, out)
                       : recsys__optimizer_read_rows(self, x, parameter, row, count, out);
}

/* Steps of the main part so far. Values of all parts are of one loss, the main part's, so that they can be compared. */
static int64_t main_steps(const recsys_trainer *t)
{
    const part *p = t->parts;
    while (p->kind != RECSYS_PART_MAIN)
        p++;
    int64_t steps = t->at.step - p->first_step, all = p->n_epochs * p->n_batches;
    return steps < 0 ? 0 : steps > all ? all : steps;
}

/* The loss of the validation samples from a position on, to a place on the device. */
static recsys_status queue_loss(recsys_trainer *t, int64_t position, int64_t count, float *to, double *rows)
{
    batch b = { .step = main_steps(t) };
    recsys__tape_reset(t->g, t->x->seed, (uint64_t)t->at.step);
    recsys__sampler_draw(t->validation_sampler, t->g, t->at.n_validations, position, count, &b);
    recsys__validation_rows(t, position, &b);
    tensor loss = t->class->training->loss(t->g, t->m, &b);
    recsys_status status = recsys__tape_status(t->g);
    *rows = (double)b.rows;
    return status < 0 ? status : recsys__device_copy(t->x, loss.data, to, 1);
}

/* Mean of the training loss over the validation samples, weighted by the rows of each batch. The device has settled, so the
 * place of the steps' losses is free; it is waited for when that is full. */
static recsys_status loss_of_all(recsys_trainer *t, double *value)
{
    int64_t size = recsys__sampler_size(t->validation_sampler), B = t->o.batch_size, n = 0;
    double sum = 0.0, rows[STEPS_AHEAD];
    float loss[STEPS_AHEAD], *device = (float *)(void *)t->losses_device;
    recsys_status status = RECSYS_OK;
    for (int64_t position = 0; position < size && status >= 0; position += B) {
        int64_t left = size - position;
        status = queue_loss(t, position, left < B ? left : B, device + n, &rows[n]);
        n++;
        if (status < 0 || (n < STEPS_AHEAD && left > B))
            continue;
        status = recsys__download(t->x, loss, device, n * (int64_t)sizeof *loss);
        for (int64_t k = 0; k < n && status >= 0; k++)
            sum += (double)loss[k] * rows[k];
        n = 0;
    }
    *value = sum / (double)size;
    return status;
}

static recsys_status validation_loss(recsys_trainer *t, double *value)
{
    recsys__tape_mode(t->g, 0, 0);
    recsys__tape_look(t->g, look, t->state);
    recsys_status status = loss_of_all(t, value);
    recsys__tape_look(t->g, NULL, NULL);
    return status;
}

/* ---- a metric ---- */

recsys_status recsys__trainer_snapshot(recsys_trainer *t, int32_t best, recsys_model **out)
{
    recsys_model *copy = NULL;
    recsys_exec *x = t->x;
    recsys_status status = best ? RECSYS_OK : recsys__trainer_settle(t); /* the best was kept when all was well */
    if (status >= 0)
        status = recsys__model_create(x, t->class, t->m->params, t->m->users, t->m->items, &copy);
    for (int64_t p = 0; p < t->n_parameters && status >= 0; p++) {
        const model_tensor *from = &t->m->tensors.at[p];
        int64_t n = recsys__tensor_elements(from);
        float *device;
        status = recsys__device_alloc(x, n, sizeof *device, &device);
        if (status >= 0)
            status = best ? recsys__device_copy(x, t->best[p], device, n) : recsys__optimizer_read(t->state, x, p, device);
        if (status >= 0)
            status = recsys__model_new_tensor(x, copy, from->name, from->rank, from->shape, device);
        if (status < 0)
            recsys__device_free(x->backend, x->memory, device);
    }
    for (int64_t p = t->n_parameters; p < t->m->tensors.count && status >= 0; p++)
        status = recsys__model_copy_tensor(x, copy, &t->m->tensors.at[p]);
    if (status >= 0)
        copy->prepared = recsys__prepared_retain(t->m->prepared);
    if (status < 0) {
        recsys_model_release(copy);
        copy = NULL;
    }
    *out = copy;
    return status;
}

static recsys_status validation_metric(recsys_trainer *t, double *value)
{
    recsys_model *now = NULL;
    recsys_report *report = NULL;
    recsys_status status = recsys__trainer_snapshot(t, 0, &now);
    if (status >= 0 && t->class->training->derive != NULL)
        status = t->class->training->derive(t->x, now);
    if (status >= 0)
        status = recsys__model_complete(t->x, now);
    if (status >= 0)
        status = recsys_evaluator_run(t->evaluator, now, t->x, &report);
    if (status >= 0)
        status = recsys_report_get(report, t->metric, t->cutoff, value);
    recsys_report_release(report);
    recsys_model_release(now);
    return status;
}

/* ---- both ---- */

recsys_status recsys__validation_value(recsys_trainer *t, double *value)
{
    recsys_status status = recsys__trainer_settle(t);
    if (status < 0)
        return status;
    return t->metric[0] == '\0' ? validation_loss(t, value) : validation_metric(t, value);
}

/* Keeps a copy of the parameters; its memory is taken once. */
static recsys_status keep_best(recsys_trainer *t)
{
    recsys_status status = RECSYS_OK;
    for (int64_t p = 0; p < t->n_parameters && status >= 0; p++) {
        if (t->best[p] == NULL)
            status = recsys__device_alloc(t->x, recsys__tensor_elements(&t->m->tensors.at[p]), sizeof(float), &t->best[p]);
        if (status >= 0)
            status = recsys__optimizer_read(t->state, t->x, p, t->best[p]);
    }
    return status;
}

recsys_status recsys__validation_round(recsys_trainer *t)
{
    double value;
    recsys_status status = recsys__validation_value(t, &value);
    if (status < 0)
        return status;
    if (!isfinite(value))
        return recsys__fail(&t->x->error, RECSYS_ERR_NUMERIC, "the validation %s after step %lld is not finite",
                            t->metric[0] == '\0' ? "loss" : t->metric, (long long)t->at.step);
    int is_better = t->at.best_step < 0 || (t->metric[0] == '\0' ? value < t->at.best : value > t->at.best);
    if (is_better) {
        t->at.best_step = -1; /* copies that are cut off halfway are of no model */
        t->at.best = NAN;
        status = keep_best(t);
    }
    if (status < 0)
        return status;
    t->at.n_validations++;
    t->at.validation = value;
    t->at.n_stale = is_better ? 0 : t->at.n_stale + 1;
    t->at.stopped = t->o.patience > 0 && t->at.n_stale >= t->o.patience;
    if (!is_better)
        return RECSYS_OK;
    t->at.best = value;
    t->at.best_step = t->at.step;
    return RECSYS_OK;
}
