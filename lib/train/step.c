/* step.c - one step of a training, and what it leaves on the device until somebody asks.
 *
 * A device with a queue works behind the host. A step only asks for work; its loss and the optimizer's report stay on the
 * device, and settling fetches those of all steps since the last time. What it finds wrong cannot be undone: the training
 * ends there, and whoever asks again is told the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/run.h"
#include "tensor/ops.h"
#include "train/trainer.h"

static void add_stats(pointwise_stats *sum, const pointwise_stats *s)
{
    sum->loss += s->loss;
    sum->kept += s->kept;
    sum->dropped += s->dropped;
    sum->dropped_clean += s->dropped_clean;
    sum->dropped_noisy += s->dropped_noisy;
    sum->clean += s->clean;
    sum->noisy += s->noisy;
    sum->clean_loss += s->clean_loss;
    sum->noisy_loss += s->noisy_loss;
}

static void count_seconds(recsys_trainer *t, double since)
{
    double seconds = recsys__seconds() - since;
    t->spent += seconds;
    t->epoch_spent += seconds;
}

/* ---- asking for a step ---- */

static recsys_status next_batch(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs, batch *b)
{
    const part *p = recsys__trainer_part(t, t->at.step);
    int64_t step = t->at.step - p->first_step, position = step % p->n_batches * t->o.batch_size;
    int64_t left = recsys__sampler_size(p->sampler) - position;
    *b = (batch){ .step = step, .plain = p->kind != RECSYS_PART_MAIN };
    if (inputs != NULL)
        return recsys__caller_batch(t, inputs, n_inputs, b);
    recsys__sampler_draw(p->sampler, t->g, step / p->n_batches, position, left < t->o.batch_size ? left : t->o.batch_size, b);
    b->input = b->rows_items;
    return RECSYS_OK;
}

/* Loss and gradients of one batch, on the tape. The loss, with its sums where that is wanted, goes to its place among the
 * losses. */
static recsys_status run_batch(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs, int64_t *rows)
{
    batch b;
    tape *g = t->g;
    int64_t place = t->at.step - t->settled;
    recsys__tape_reset(g, t->x->seed, (uint64_t)t->at.step);
    recsys__tape_mode(g, 1, 1);
    recsys_status status = next_batch(t, inputs, n_inputs, &b);
    if (status < 0)
        return status;
    int32_t has_stats = t->class->training->is_pointwise;
    b.stats = has_stats ? t->losses_device + place : NULL;
    tensor loss = t->class->training->loss(g, t->m, &b);
    recsys__tape_backward(g, loss);
    status = recsys__tape_status(g);
    if (status >= 0 && !has_stats)
        status = recsys__device_copy(t->x, loss.data, (float *)(void *)t->losses_device + place, 1);
    t->losses[place] = (pointwise_stats){ .kept = (double)b.rows };
    *rows = b.rows;
    return status;
}

static recsys_status queue_step(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs, int64_t *rows)
{
    parameter_gradient gradients[MODEL_MAX_TENSORS];
    recsys_status status = run_batch(t, inputs, n_inputs, rows);
    for (int64_t p = 0; status >= 0 && p < t->n_parameters; p++)
        gradients[p] = recsys__tape_parameter_gradient(t->g, p);
    if (status >= 0)
        status = recsys__tape_status(t->g);
    t->learning_rate = recsys__optimizer_learning_rate(t->state);
    return status < 0 ? status : recsys__optimizer_step(t->state, t->x, gradients);
}

int64_t recsys__trainer_steps_ahead(const recsys_trainer *t)
{
    return t->x->backend->queue_open != NULL ? STEPS_AHEAD : 1;
}

static recsys_status say_fault(recsys_trainer *t)
{
    t->x->error = t->fault;
    return t->fault.status;
}

recsys_status recsys__trainer_make_step(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs)
{
    double start = recsys__seconds();
    int64_t rows = 0;
    recsys_status status = t->fault.status < 0 ? say_fault(t) : queue_step(t, inputs, n_inputs, &rows);
    if (status < 0)
        return status;
    if (t->at.step == t->first_step || recsys__trainer_ends_epoch(t)) {
        t->epoch_spent = 0.0;
        t->epoch_samples = 0;
    }
    if (recsys__trainer_ends_epoch(t) || t->at.step == 0)
        t->at.epoch = (pointwise_stats){ 0 };
    t->at.step++;
    t->samples += rows;
    t->epoch_samples += rows;
    count_seconds(t, start);
    int is_full = t->at.step - t->settled >= recsys__trainer_steps_ahead(t);
    return is_full || recsys__trainer_ends_epoch(t) || recsys__trainer_is_over(t) ? recsys__trainer_settle(t) : RECSYS_OK;
}

/* ---- what steps left ---- */

static recsys_status fetch_losses(recsys_trainer *t, int64_t n)
{
    float loss[STEPS_AHEAD];
    if (t->class->training->is_pointwise)
        return recsys__download(t->x, t->losses, t->losses_device, n * (int64_t)sizeof *t->losses);
    recsys_status status = recsys__download(t->x, loss, t->losses_device, n * (int64_t)sizeof *loss);
    for (int64_t k = 0; status >= 0 && k < n; k++)
        t->losses[k].loss = loss[k];
    return status;
}

/* The first step that went wrong is named: by its loss, or else by its gradients. */
static recsys_status check_steps(recsys_trainer *t, int64_t n)
{
    int64_t good = 0;
    while (good < n && isfinite(t->losses[good].loss))
        good++;
    recsys_status status = recsys__optimizer_report(t->state, t->x, t->settled + good, &t->norm);
    if (status >= 0 && good < n)
        return recsys__fail(&t->x->error, RECSYS_ERR_NUMERIC, "step %lld: the loss of %s is not finite",
                            (long long)(t->settled + good + 1), t->class->name);
    return status;
}

static void count_losses(recsys_trainer *t, int64_t n)
{
    if (t->told) {
        t->since = (pointwise_stats){ 0 };
        t->n_since = 0;
        t->told = 0;
    }
    for (int64_t k = 0; k < n; k++) {
        add_stats(&t->at.epoch, &t->losses[k]);
        add_stats(&t->since, &t->losses[k]);
    }
    t->n_since += n;
    t->settled += n;
}

recsys_status recsys__trainer_settle(recsys_trainer *t)
{
    double start = recsys__seconds();
    int64_t n = t->at.step - t->settled;
    if (t->fault.status < 0)
        return say_fault(t);
    if (n == 0)
        return RECSYS_OK;
    recsys_status status = fetch_losses(t, n);
    if (status >= 0)
        status = check_steps(t, n);
    if (status < 0) {
        t->fault = t->x->error;
        return status;
    }
    count_losses(t, n);
    count_seconds(t, start);
    return RECSYS_OK;
}
