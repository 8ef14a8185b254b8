/* optimizer.c - the kinds of optimizers, their parameters, and recsys_optimizer itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/struct.h"
#include "base/text.h"
#include "train/rule.h"

/* ---- the kinds ---- */

#define F64(key, value, min, max, open, doc) { key, RECSYS_PARAM_F64, value, min, max, open, NULL, "0.1", doc }
#define I64(key, value, doc) { key, RECSYS_PARAM_I64, value, 0.0, 2147483647.0, 0, NULL, "0.1", doc }

#define LR(value) F64("lr", value, 0.0, 10.0, 1, "learning rate")
#define BETAS                                                                                             \
    F64("beta1", "0.9", 0.0, 0.999999, 0, "how much of the mean of gradients a step keeps"),              \
    F64("beta2", "0.999", 0.0, 0.99999999, 0, "how much of the mean of squared gradients a step keeps")
#define EPS(value) F64("eps", value, 1e-15, 1.0, 0, "added to the root that a step divides by")
#define DECAY(value, doc) F64("weight_decay", value, 0.0, 1e3, 0, doc)
#define COUPLED "so many times the parameter is added to its gradient"

#define COMMON                                                                                            \
    F64("clip_norm", "0", 0.0, 1e30, 0, "gradients whose norm over all parameters is larger are scaled down to it; 0: off"), \
    { "schedule", RECSYS_PARAM_CHOICE, "constant", 0.0, 0.0, 0, "constant|exponential|step|cosine|linear", "0.1", \
      "how the learning rate changes over time" },                                                        \
    F64("decay", "0.1", 0.0, 1.0, 1, "factor of the exponential and the step schedule"),                  \
    { "decay_steps", RECSYS_PARAM_I64, "1000", 1.0, 2147483647.0, 0, NULL, "0.1",                         \
      "exponential: the rate is multiplied by decay after every so many steps" },                         \
    { "milestones", RECSYS_PARAM_LIST, "", 1.0, 2147483647.0, 0, NULL, "0.1",                             \
      "step: the rate is multiplied by decay after each of these numbers of steps" },                     \
    F64("min_lr", "0", 0.0, 10.0, 0, "the rate at the end of cosine and linear, and the least one elsewhere"), \
    I64("warmup_steps", "0", "the rate rises linearly over so many steps at the beginning"),              \
    I64("total_steps", "0", "cosine, linear: the step at which they end; 0: the length of the training")

static const param_schema adam_params[] = { LR("0.001"), BETAS, EPS("1e-8"), DECAY("0", COUPLED), COMMON };
static const param_schema adamw_params[] = {
    LR("0.001"), BETAS, EPS("1e-8"), DECAY("0.01", "parameters are multiplied by 1 - lr * weight_decay in each step"), COMMON
};
static const param_schema sgd_params[] = {
    LR("0.001"),
    F64("momentum", "0", 0.0, 0.999999, 0, "how much of its last change a step repeats"),
    { "nesterov", RECSYS_PARAM_BOOL, "false", 0.0, 0.0, 0, NULL, "0.1", "look ahead by the momentum" },
    DECAY("0", COUPLED),
    COMMON,
};
static const param_schema adagrad_params[] = {
    LR("0.01"), EPS("1e-10"), F64("lr_decay", "0", 0.0, 1e3, 0, "the rate after t steps is lr / (1 + t lr_decay)"),
    DECAY("0", COUPLED), COMMON,
};

#undef F64
#undef I64

typedef struct optimizer_class {
    const char *name, *summary, *citation;
    const param_schema *params;
    int64_t n_params;
    int32_t kind; /* RULE_* */
} optimizer_class;

#define PARAMS(table) table, sizeof table / sizeof *table

static const optimizer_class classes[] = {
    { "adam", "steps of nearly equal size in every direction, from running means of gradients and their squares",
      "Kingma and Ba, \"Adam: A Method for Stochastic Optimization\", ICLR 2015", PARAMS(adam_params), RULE_ADAM },
    { "adamw", "Adam whose weight decay is a step of its own",
      "Loshchilov and Hutter, \"Decoupled Weight Decay Regularization\", ICLR 2019", PARAMS(adamw_params), RULE_ADAM },
    { "sgd", "stochastic gradient descent, with momentum and Nesterov's form of it",
      "Sutskever et al., \"On the Importance of Initialization and Momentum in Deep Learning\", ICML 2013", PARAMS(sgd_params),
      RULE_SGD },
    { "adagrad", "steps that shrink with the sum of squared gradients",
      "Duchi, Hazan and Singer, \"Adaptive Subgradient Methods for Online Learning and Stochastic Optimization\", JMLR 2011",
      PARAMS(adagrad_params), RULE_ADAGRAD },
};

enum { CLASS_COUNT = sizeof classes / sizeof *classes };

int64_t recsys_optimizer_class_count(void)
{
    return CLASS_COUNT;
}

recsys_status recsys_optimizer_class_at(int64_t index, recsys_optimizer_class_info *info)
{
    if (index < 0 || index >= CLASS_COUNT) return RECSYS_ERR_OUT_OF_RANGE;
    const optimizer_class *c = &classes[index];
    recsys_optimizer_class_info own = { sizeof own, c->name, c->summary, c->citation };
    return recsys__struct_out(NULL, "recsys_optimizer_class_info", &own, sizeof own, info);
}

static recsys_status find_class(const char *name, const optimizer_class **found, error *e)
{
    const char *names[CLASS_COUNT];
    for (int i = 0; i < CLASS_COUNT; i++) {
        names[i] = classes[i].name;
        *found = &classes[i];
        if (strcmp(names[i], name) == 0) return RECSYS_OK;
    }
    return recsys__fail(e, RECSYS_ERR_UNKNOWN_KEY, "no optimizer is called \"%.60s\"; did you mean \"%s\"?", name,
                        recsys__nearest(name, names, CLASS_COUNT));
}

recsys_status recsys_optimizer_params(recsys_env *env, const char *name, recsys_params **params, recsys_error_info *info)
{
    error e = { 0 };
    const optimizer_class *c = NULL;
    recsys_status s = RECSYS_OK;
    if (params) *params = NULL;
    if (!env || !name || !params)
        s = recsys__fail(&e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_optimizer_params: an argument is NULL");
    if (!s) s = find_class(name, &c, &e);
    if (!s) s = recsys__params_create(env->memory, &e, c->name, c->params, c->n_params, params);
    if (info && s) recsys__error_copy(&e, info);
    return s;
}

/* ---- settings that only together make sense ---- */

static recsys_status refuse(error *e, const char *name, const char *why)
{
    return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "%s: %s", name, why);
}

static recsys_status check_schedule(error *e, const char *name, const schedule *s)
{
    if (s->min_lr > s->lr) return refuse(e, name, "min_lr is larger than lr");
    if (s->kind == SCHEDULE_STEP && s->n_milestones == 0)
        return refuse(e, name, "schedule=step needs milestones, such as milestones=1000:5000");
    if (s->kind != SCHEDULE_STEP && s->n_milestones > 0) return refuse(e, name, "milestones are for schedule=step");
    for (int64_t k = 1; k < s->n_milestones; k++)
        if (s->milestones[k] <= s->milestones[k - 1]) return refuse(e, name, "milestones must ascend");
    if (s->total_steps > 0 && !recsys__schedule_ends(s))
        return refuse(e, name, "total_steps is for schedule=cosine and schedule=linear");
    if (s->total_steps > 0 && s->total_steps <= s->warmup_steps)
        return refuse(e, name, "warmup_steps must be less than total_steps");
    return RECSYS_OK;
}

static recsys_status check_rule(error *e, const char *name, const rule *r, const recsys_params *p)
{
    if (recsys__param_bool(p, "nesterov") && r->momentum == 0.0)
        return refuse(e, name, "nesterov=true needs a momentum above 0");
    if (r->schedule.lr * r->decoupled >= 1.0)
        return refuse(e, name, "lr * weight_decay is 1 or more: a step would turn every parameter round");
    return check_schedule(e, name, &r->schedule);
}

static schedule schedule_of(const recsys_params *p)
{
    schedule s = {
        .kind = recsys__param_choice(p, "schedule"),
        .lr = recsys__param_f64(p, "lr"),
        .decay = recsys__param_f64(p, "decay"),
        .min_lr = recsys__param_f64(p, "min_lr"),
        .lr_decay = recsys__param_f64(p, "lr_decay"),
        .decay_steps = recsys__param_i64(p, "decay_steps"),
        .warmup_steps = recsys__param_i64(p, "warmup_steps"),
        .total_steps = recsys__param_i64(p, "total_steps"),
    };
    const int64_t *list = recsys__param_list(p, "milestones", &s.n_milestones);
    for (int64_t k = 0; k < s.n_milestones; k++) s.milestones[k] = list[k];
    return s;
}

static rule rule_of(const optimizer_class *c, const recsys_params *p)
{
    double decay = recsys__param_f64(p, "weight_decay");
    int is_decoupled = c->params == adamw_params;
    rule r = {
        .kind = c->kind,
        .beta1 = recsys__param_f64(p, "beta1"),
        .beta2 = recsys__param_f64(p, "beta2"),
        .eps = recsys__param_f64(p, "eps"),
        .momentum = recsys__param_f64(p, "momentum"),
        .l2 = is_decoupled ? 0.0 : decay,
        .decoupled = is_decoupled ? decay : 0.0,
        .clip_norm = recsys__param_f64(p, "clip_norm"),
        .schedule = schedule_of(p),
    };
    if (r.kind == RULE_SGD && r.momentum > 0.0) r.kind = recsys__param_bool(p, "nesterov") ? RULE_NESTEROV : RULE_MOMENTUM;
    return r;
}

/* ---- recsys_optimizer ---- */

static const optimizer_class *class_of(const char *name)
{
    for (int i = 0; name && i < CLASS_COUNT; i++)
        if (classes[i].name == name || strcmp(classes[i].name, name) == 0) return &classes[i];
    return NULL;
}

static recsys_status fill(recsys_exec *x, recsys_optimizer *o, const optimizer_class *c, const recsys_params *params)
{
    o->name = c->name;
    o->rule = rule_of(c, params);
    recsys_status s = check_rule(&x->error, c->name, &o->rule, params);
    if (!s) s = recsys__params_copy(o->memory, &x->error, params, &o->params);
    if (s) return s;
    int64_t length = recsys_params_text(o->params, NULL, 0);
    s = recsys__alloc(o->memory, &x->error, length + 1, 1, &o->text);
    if (!s) recsys_params_text(o->params, o->text, length + 1);
    return s;
}

recsys_status recsys_optimizer_create(recsys_exec *exec, const recsys_params *params, recsys_optimizer **optimizer)
{
    if (optimizer) *optimizer = NULL;
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!params || !optimizer)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_optimizer_create: an argument is NULL");
    const char *name = recsys_params_model(params);
    const optimizer_class *c = class_of(name);
    if (!c)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "these are the parameters of %s, which is no optimizer: recsys_optimizer_params() makes some", name);
    recsys_optimizer *o;
    recsys_status s = recsys__alloc_zero(exec->env->memory, &exec->error, 1, sizeof *o, &o);
    if (s) return s;
    atomic_init(&o->refs, 1);
    o->memory = recsys__memory_retain(exec->env->memory);
    s = fill(exec, o, c, params);
    if (s)
        recsys_optimizer_release(o);
    else
        *optimizer = o;
    return s;
}

recsys_optimizer *recsys_optimizer_retain(recsys_optimizer *optimizer)
{
    if (optimizer) atomic_fetch_add_explicit(&optimizer->refs, 1, memory_order_relaxed);
    return optimizer;
}

void recsys_optimizer_release(recsys_optimizer *optimizer)
{
    if (!optimizer || atomic_fetch_sub_explicit(&optimizer->refs, 1, memory_order_acq_rel) != 1) return;
    memory *m = optimizer->memory;
    recsys_params_release(optimizer->params);
    recsys__free(m, optimizer->text);
    recsys__free(m, optimizer);
    recsys__memory_release(m);
}

const char *recsys_optimizer_name(const recsys_optimizer *optimizer)
{
    return optimizer ? optimizer->name : NULL;
}

const char *recsys_optimizer_text(const recsys_optimizer *optimizer)
{
    return optimizer ? optimizer->text : NULL;
}
