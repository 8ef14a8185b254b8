/* plan.c - the parts of a training: which positives, how many epochs, how many steps; and the memory it will take.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

#include "data/features.h"

/* ---- memory ---- */

static recsys_status count_parameters(recsys_exec *x, const struct model_class *c, const recsys_params *p,
                                      const recsys_dataset *train, declaration *d)
{
    *d = (declaration){ .x = x, .class = c, .params = p, .n_users = recsys_ids_count(train->users),
                        .n_items = recsys_ids_count(train->items),
                        .n_user_features = recsys__feature_columns(train, FEATURES_OF_USERS),
                        .n_item_features = recsys__feature_columns(train, FEATURES_OF_ITEMS) };
    c->training->declare(d);
    if (d->status >= 0 && d->floats > INT64_MAX / 64)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "%s with %lld parameters", c->name, (long long)d->floats);
    return d->status;
}

int64_t recsys__default_batch(const sampler_options *o)
{
    return o->default_batch > 0 ? o->default_batch : 1024;
}

/* Rows that an epoch has, if that is fewer than its batch may hold: pairs come in any number. */
static int64_t rows_of_epoch(int32_t kind, const recsys_dataset *train)
{
    return kind == SAMPLE_USER_ROWS ? recsys_ids_count(train->users) : kind == SAMPLE_POSITIVES ? train->n_events : INT64_MAX;
}

/* What a step takes, and what stays beside the parameters. */
static int64_t batch_bytes(const struct model_class *c, const recsys_params *p, const recsys_dataset *train, int64_t rows,
                           int64_t n_negatives)
{
    sampler_options o = { 0 };
    c->training->sampling(p, &o);
    int64_t most = rows_of_epoch(o.kind, train);
    rows = rows < most ? rows : most;
    const batch_shape shape = { recsys_ids_count(train->items), rows, n_negatives };
    int64_t floats = c->training->floats_of_row(p, &shape);
    int64_t beyond = c->training->floats_beyond != NULL ? c->training->floats_beyond(p, train) : 0;
    return rows > 0 && floats > INT64_MAX / 16 / rows ? INT64_MAX / 2 : 4 * (rows * floats + beyond);
}

/* Parameters, Adam's two moments and the best model; the sampler's copy of the data. A batch comes on top. */
recsys_status recsys__training_cost(recsys_exec *x, const struct model_class *c, const recsys_params *p,
                                    const recsys_dataset *train, recsys_cost *cost)
{
    declaration d;
    sampler_options o = { .n_negatives = 1 };
    recsys_status status = count_parameters(x, c, p, train, &d);
    if (status < 0)
        return status;
    c->training->sampling(p, &o);
    cost->model_bytes = 4 * d.floats;
    cost->peak_bytes = 16 * d.floats + 4 * d.table_rows + recsys__sampler_bytes(&o, train);
    cost->peak_bytes += batch_bytes(c, p, train, recsys__default_batch(&o), o.default_negatives > 0 ? o.default_negatives : 1);
    return RECSYS_OK;
}

/* The same with this training's optimizer, and without a best model where none is kept. */
recsys_status recsys__trainer_check_memory(recsys_trainer *t, const recsys_params *p)
{
    declaration d;
    sampler_options o = { .n_negatives = t->o.n_negatives, .popularity = t->o.popularity };
    char what[96];
    recsys_status status = count_parameters(t->x, t->class, p, t->train, &d);
    if (status < 0)
        return status;
    t->class->training->sampling(p, &o);
    int64_t copies = t->validation == NULL ? 1 : t->o.select == NULL || strcmp(t->o.select, "loss") == 0 ? 2 : 3;
    int64_t bytes = 4 * d.floats * copies + recsys__sampler_bytes(&o, t->train);
    bytes += recsys__optimizer_bytes(t->optimizer, 1, d.floats, 0) + recsys__optimizer_bytes(t->optimizer, d.table_rows, 0, 1);
    bytes += batch_bytes(t->class, p, t->train, t->o.batch_size, t->o.n_negatives);
    snprintf(what, sizeof what, "training %s on %lld users and %lld items", t->class->name, (long long)d.n_users,
             (long long)d.n_items);
    return recsys__memory_check(t->x->memory, &t->x->error, bytes, what);
}

/* ---- parts ---- */

/* Streams of the samplers' random numbers: a part its own kind, validation the one after them. Never to change. */
_Static_assert(RECSYS_PART_FINE_TUNE == 2, "streams 0 to 2 are the parts', 3 is validation's");

static const int64_t MOST_STEPS = INT32_MAX - 1;

static sampler_options options_of(const recsys_trainer *t, uint32_t stream)
{
    sampler_options o = {
        .n_negatives = t->o.n_negatives,
        .popularity = t->o.popularity,
        .fixed = t->o.fixed_negatives,
        .seed = t->x->seed,
        .stream = stream,
    };
    t->class->training->sampling(t->m->params, &o);
    return o;
}

static recsys_status add_part(recsys_trainer *t, int32_t kind, const recsys_dataset *positives, int64_t epochs)
{
    if (epochs == 0)
        return RECSYS_OK;
    sampler_options o = options_of(t, (uint32_t)kind);
    const recsys_dataset *avoid[] = { t->train, t->verified };
    int64_t n_avoid = t->verified != NULL ? 2 : 0; /* without verified positives there is only the main part: its own data */
    part *p = &t->parts[t->n_parts];
    *p = (part){ .kind = kind, .n_epochs = epochs, .first_epoch = t->n_epochs, .first_step = t->n_steps };
    recsys_status status = recsys__sampler_create(t->x, &o, positives, n_avoid, avoid, &p->sampler);
    if (status < 0)
        return status;
    t->n_parts++;
    int64_t size = recsys__sampler_size(p->sampler);
    p->n_batches = size / t->o.batch_size + (size % t->o.batch_size > 0);
    if (epochs > (MOST_STEPS - t->n_steps) / p->n_batches) /* optimizers count steps in 32 bits */
        return recsys__fail(&t->x->error, RECSYS_ERR_TOO_LARGE, "%lld epochs of %lld steps are too many", (long long)epochs,
                            (long long)p->n_batches);
    t->n_epochs += epochs;
    t->n_steps += epochs * p->n_batches;
    return RECSYS_OK;
}

recsys_status recsys__trainer_plan(recsys_trainer *t)
{
    recsys_status status = add_part(t, RECSYS_PART_WARM_UP, t->verified, t->o.warm_up_epochs);
    if (status >= 0)
        status = add_part(t, RECSYS_PART_MAIN, t->train, t->o.epochs);
    if (status >= 0)
        status = add_part(t, RECSYS_PART_FINE_TUNE, t->verified, t->o.fine_tune_epochs);
    return status;
}

void recsys__trainer_unplan(recsys_trainer *t)
{
    for (int32_t p = 0; p < t->n_parts; p++)
        recsys__sampler_free(t->x, t->parts[p].sampler);
    t->n_parts = 0;
}
