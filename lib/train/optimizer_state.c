/* optimizer_state.c - what an optimizer keeps for the parameters of one training, and its steps.
 *
 * Per parameter: m and v as the rule wants them, and `last`, how many steps each row has seen, where rows may be behind.
 * A parameter without a gradient has the gradient 0: rows that may be behind wait, the others are updated.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/op/catch_up.h"
#include "backend/op/gradient_norm.h"
#include "backend/op/optimize.h"
#include "backend/op/read_rows.h"
#include "backend/run.h"
#include "train/lag.h"
#include "train/optimizer.h"

enum { NAME_ROOM = 64 };

typedef struct slot {
    char name[NAME_ROOM];
    updated table;
} slot;

/* What a step reports, in device memory, until the host asks. */
typedef struct report {
    double square, norm;
    float factor;
    int32_t bad[]; /* one a parameter, in the order of the step's targets */
} report;

struct optimizer_state {
    memory *memory;
    struct backend *backend;
    recsys_optimizer *optimizer;
    rule rule;
    lag_plan plan;
    int32_t any_lag;         /* 1: some table has rows that may be behind */
    void *chunk, *chunk_device;
    int64_t base, t, n;
    slot *slots;
    int64_t reported;        /* steps whose reports the host has seen; those of the t - reported steps since lie in a row */
    int64_t *of_target;      /* STEPS_AHEAD x n: the parameter that a step's target belongs to; -1 after the last target */
    unsigned char *reports, *reports_device; /* STEPS_AHEAD of report_bytes each */
    int64_t report_bytes;
};

/* ---- arrays ---- */

static int has_m(const rule *r)
{
    return r->kind == RULE_ADAM || r->kind == RULE_MOMENTUM || r->kind == RULE_NESTEROV;
}

static int has_v(const rule *r)
{
    return r->kind == RULE_ADAM || r->kind == RULE_ADAGRAD;
}

static recsys_status zeros(recsys_exec *x, int64_t count, size_t size, void *out)
{
    recsys_status s = recsys__device_alloc(x, count, size, out);
    void *p;
    memcpy(&p, out, sizeof p);
    return s ? s : recsys__device_fill(x, p, 0, count * (int64_t)size);
}

static recsys_status make_slot(recsys_exec *x, optimizer_state *s, slot *to, const optimized *from)
{
    snprintf(to->name, sizeof to->name, "%s", from->name);
    to->table = (updated){ .n_rows = from->n_rows, .dim = from->dim, .p = from->data };
    int64_t n = from->n_rows * from->dim;
    recsys_status status = RECSYS_OK;
    if (has_m(&s->rule)) status = zeros(x, n, sizeof(float), &to->table.m);
    if (!status && has_v(&s->rule)) status = zeros(x, n, sizeof(float), &to->table.v);
    if (!status && from->by_rows && s->plan.rows == ROWS_LAG) {
        status = zeros(x, from->n_rows, sizeof(int32_t), &to->table.last);
        s->any_lag = 1;
    }
    return status;
}

static recsys_status upload_chunk(recsys_exec *x, optimizer_state *s, int64_t base)
{
    s->base = base;
    if (!s->any_lag) return RECSYS_OK;
    recsys__lag_fill(&s->plan, &s->rule, s->base, s->chunk);
    return recsys__copy_in(x, s->chunk_device, s->chunk, s->plan.bytes);
}

static recsys_status make_chunk(recsys_exec *x, optimizer_state *s)
{
    recsys_status status = RECSYS_OK;
    if (s->any_lag) {
        status = recsys__alloc(x->memory, &x->error, s->plan.bytes, 1, &s->chunk);
        if (!status) status = recsys__device_alloc(x, s->plan.bytes, 1, &s->chunk_device);
    }
    return status ? status : upload_chunk(x, s, 0);
}

static recsys_status make_all(recsys_exec *x, optimizer_state *s, int64_t n, const optimized *parameters)
{
    int64_t even = n + n % 2; /* so that the next one is aligned */
    s->report_bytes = (int64_t)sizeof(report) + even * (int64_t)sizeof(int32_t);
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, n, sizeof *s->slots, &s->slots);
    if (!status) status = recsys__alloc(x->memory, &x->error, STEPS_AHEAD * n, sizeof *s->of_target, &s->of_target);
    if (!status) status = recsys__alloc(x->memory, &x->error, STEPS_AHEAD, (size_t)s->report_bytes, &s->reports);
    if (!status) status = recsys__device_alloc(x, STEPS_AHEAD, (size_t)s->report_bytes, &s->reports_device);
    for (int64_t p = 0; !status && p < n; p++) {
        s->n = p + 1;
        status = make_slot(x, s, &s->slots[p], &parameters[p]);
    }
    return status ? status : make_chunk(x, s);
}

static recsys_status settle_schedule(recsys_exec *x, const recsys_optimizer *o, int64_t total_steps, schedule *s)
{
    if (!recsys__schedule_ends(s) || s->total_steps > 0) return RECSYS_OK;
    s->total_steps = total_steps;
    if (total_steps > s->warmup_steps) return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                        "%s: the schedule ends with the training, which has %lld steps, not more than warmup_steps (%lld); set "
                        "total_steps", o->name, (long long)total_steps, (long long)s->warmup_steps);
}

recsys_status recsys__optimizer_state_create(recsys_exec *x, const recsys_optimizer *o, int64_t n, const optimized *parameters,
                                             int64_t total_steps, optimizer_state **out)
{
    *out = NULL;
    rule r = o->rule;
    recsys_status status = settle_schedule(x, o, total_steps, &r.schedule);
    if (status) return status;
    optimizer_state *s;
    status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *s, &s);
    if (status) return status;
    s->memory = recsys__memory_retain(x->memory);
    s->backend = x->backend;
    s->optimizer = recsys_optimizer_retain((recsys_optimizer *)(uintptr_t)o);
    s->rule = r;
    s->plan = recsys__lag_plan(&r);
    status = make_all(x, s, n, parameters);
    if (status)
        recsys__optimizer_state_free(x, s);
    else
        *out = s;
    return status;
}

void recsys__optimizer_state_free(recsys_exec *x, optimizer_state *s)
{
    (void)x;
    if (!s) return;
    memory *m = s->memory;
    for (int64_t p = 0; s->slots && p < s->n; p++) {
        recsys__device_free(s->backend, m, s->slots[p].table.m);
        recsys__device_free(s->backend, m, s->slots[p].table.v);
        recsys__device_free(s->backend, m, s->slots[p].table.last);
    }
    recsys__device_free(s->backend, m, s->chunk_device);
    recsys__device_free(s->backend, m, s->reports_device);
    recsys__free(m, s->chunk);
    recsys__free(m, s->reports);
    recsys__free(m, s->of_target);
    recsys__free(m, s->slots);
    recsys_optimizer_release(s->optimizer);
    recsys__free(m, s);
    recsys__memory_release(m);
}

/* ---- rows that are behind ---- */

/* The rule of step t + 1, and what it takes to be at step t. */
static update_rule rule_now(const optimizer_state *s)
{
    const rule *r = &s->rule;
    double lr = recsys__schedule_rate(&r->schedule, s->t), t = (double)(s->t + 1);
    update_rule u = {
        .kind = r->kind,
        .rate = (float)lr,
        .inverse_root = 1.0f,
        .fade = (float)(lr * r->decoupled),
        .l2 = (float)r->l2,
        .momentum = (float)r->momentum,
        .u1 = (float)(1.0 - r->beta1),
        .u2 = (float)(1.0 - r->beta2),
        .eps = (float)r->eps,
        .t = s->t,
        .lag = recsys__lag_tables(&s->plan, r, s->base, s->chunk_device),
    };
    if (r->kind == RULE_ADAM) {
        u.rate = (float)(lr / (1.0 - pow(r->beta1, t)));
        u.inverse_root = (float)(1.0 / sqrt(-expm1(t * log(r->beta2))));
    }
    return u;
}

static recsys_status run_catch_up(recsys_exec *x, op_catch_up *o)
{
    recsys_status status = o->n_tables > 0 ? recsys__run(x, &o->op) : RECSYS_OK;
    o->n_tables = 0;
    return status;
}

/* One table at a time where both reads are of the same: two threads must not meet in a row. */
static int is_in(const op_catch_up *o, const updated *table)
{
    return o->n_tables > 0 && o->table[0].table.p == table->p;
}

recsys_status recsys__optimizer_before_read(void *self, recsys_exec *x, int64_t count, const table_read *reads)
{
    optimizer_state *s = self;
    recsys_status status = RECSYS_OK;
    if (!s->any_lag || s->t == 0) return RECSYS_OK;
    op_catch_up o = { .op = { OP_CATCH_UP, sizeof o }, .rule = rule_now(s) };
    for (int64_t k = 0; !status && k < count; k++) {
        const updated *table = &s->slots[reads[k].parameter].table;
        if (!table->last) continue;
        if (o.n_tables == CATCH_UP_TABLES || is_in(&o, table)) status = run_catch_up(x, &o);
        o.table[o.n_tables++] = (catch_up_table){ .table = *table, .whole = reads[k].whole, .index = reads[k].index };
    }
    return status ? status : run_catch_up(x, &o);
}

recsys_status recsys__optimizer_finish(optimizer_state *s, recsys_exec *x)
{
    recsys_status status = RECSYS_OK;
    for (int64_t p = 0; !status && p < s->n; p++)
        status = recsys__optimizer_before_read(s, x, 1, &(table_read){ .parameter = p, .whole = 1 });
    return status;
}

/* Before the first step after a chunk: all rows to the present, then the next chunk. A pure function of t, so that a training
 * that goes on from a checkpoint does the same at the same steps. */
static recsys_status turn_chunk(optimizer_state *s, recsys_exec *x)
{
    if (s->t != s->base + LAG_CHUNK) return RECSYS_OK;
    recsys_status status = recsys__optimizer_finish(s, x);
    return status ? status : upload_chunk(x, s, s->t);
}

/* ---- a step ---- */

/* The gradient of a parameter as the kernels take it; 0 if there is nothing to do. */
static int make_target(const optimizer_state *s, int64_t p, const parameter_gradient *g, optimize_target *to)
{
    const updated *table = &s->slots[p].table;
    int waits = table->last || s->plan.rows == ROWS_STAY;
    *to = (optimize_target){ .table = *table };
    switch (g->kind) {
    case GRADIENT_DENSE:
        to->kind = TARGET_DENSE;
        to->dense = g->dense;
        return 1;
    case GRADIENT_ROWS:
        to->kind = TARGET_ROWS;
        to->every_row = !waits;
        to->rows = g->rows;
        return 1;
    default:
        to->kind = TARGET_ZERO;
        return !waits;
    }
}

/* Where the step that comes next reports: memory of the device. */
static report *next_report(const optimizer_state *s)
{
    return (report *)(void *)(s->reports_device + (s->t - s->reported) * s->report_bytes);
}

static recsys_status find_norm(optimizer_state *s, recsys_exec *x, const parameter_gradient *gradients)
{
    op_gradient_norm o = { .op = { OP_GRADIENT_NORM, sizeof o }, .most = s->rule.clip_norm };
    report *r = next_report(s);
    o.square = &r->square, o.norm = &r->norm, o.factor = &r->factor;
    recsys_status status = RECSYS_OK;
    for (int64_t p = 0; !status && p < s->n; p++) {
        o.n_targets += make_target(s, p, &gradients[p], &o.target[o.n_targets]);
        if (o.n_targets < OPTIMIZE_TARGETS && p + 1 < s->n) continue;
        status = recsys__run(x, &o.op);
        o.n_targets = 0;
        o.add = 1;
    }
    return status;
}

static recsys_status optimize(optimizer_state *s, recsys_exec *x, const parameter_gradient *gradients)
{
    op_optimize o = { .op = { OP_OPTIMIZE, sizeof o }, .rule = rule_now(s) };
    report *r = next_report(s);
    int64_t *of_target = s->of_target + (s->t - s->reported) * s->n;
    if (s->rule.clip_norm > 0.0) o.clip = &r->factor;
    recsys_status status = RECSYS_OK;
    int64_t done = 0;
    for (int64_t p = 0; !status && p < s->n; p++) {
        of_target[done + o.n_targets] = p;
        o.n_targets += make_target(s, p, &gradients[p], &o.target[o.n_targets]);
        if (o.n_targets == 0 || (o.n_targets < OPTIMIZE_TARGETS && p + 1 < s->n)) continue;
        o.bad = r->bad + done;
        status = recsys__run(x, &o.op);
        done += o.n_targets;
        o.n_targets = 0;
    }
    while (done < s->n)
        of_target[done++] = -1;
    return status;
}

recsys_status recsys__optimizer_step(optimizer_state *s, recsys_exec *x, const parameter_gradient *gradients)
{
    if (s->t >= INT32_MAX - 1)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "a training has at most %d steps", (int)INT32_MAX - 1);
    if (s->t - s->reported == STEPS_AHEAD)
        return recsys__fail(&x->error, RECSYS_ERR_INTERNAL, "%d steps without a report", (int)STEPS_AHEAD);
    recsys_status status = turn_chunk(s, x);
    if (!status && s->rule.clip_norm > 0.0) status = find_norm(s, x, gradients);
    if (!status) status = optimize(s, x, gradients);
    if (!status) s->t++;
    return status;
}

static const report *report_at(const optimizer_state *s, int64_t k)
{
    return (const report *)(const void *)(s->reports + k * s->report_bytes);
}

static recsys_status check_report(const optimizer_state *s, recsys_exec *x, int64_t k)
{
    const report *r = report_at(s, k);
    const int64_t *of_target = s->of_target + k * s->n;
    for (int64_t i = 0; i < s->n && of_target[i] >= 0; i++)
        if (r->bad[i])
            return recsys__fail(&x->error, RECSYS_ERR_NUMERIC,
                                "step %lld: the gradient of %s is NaN, infinite or too large to be squared; a smaller learning "
                                "rate may help", (long long)(s->reported + k + 1), s->slots[of_target[i]].name);
    return RECSYS_OK;
}

recsys_status recsys__optimizer_report(optimizer_state *s, recsys_exec *x, int64_t before, double *norm)
{
    int64_t n = s->t - s->reported;
    recsys_status status = recsys__download(x, s->reports, s->reports_device, n * s->report_bytes);
    for (int64_t k = 0; !status && k < n && s->reported + k < before; k++)
        status = check_report(s, x, k);
    if (status) return status;
    if (norm && n > 0) *norm = s->rule.clip_norm > 0.0 ? report_at(s, n - 1)->norm : NAN;
    s->reported = s->t;
    return RECSYS_OK;
}

int64_t recsys__optimizer_t(const optimizer_state *s)
{
    return s->t;
}

double recsys__optimizer_learning_rate(const optimizer_state *s)
{
    return recsys__schedule_rate(&s->rule.schedule, s->t);
}

/* ---- looking ---- */

recsys_status recsys__optimizer_read_rows(optimizer_state *s, recsys_exec *x, int64_t parameter, const int32_t *row, int64_t count,
                                          float *out)
{
    op_read_rows o = { .op = { OP_READ_ROWS, sizeof o }, .rule = rule_now(s), .table = s->slots[parameter].table };
    o.row = row, o.count = row ? count : o.table.n_rows, o.out = out;
    return recsys__run(x, &o.op);
}

recsys_status recsys__optimizer_read(optimizer_state *s, recsys_exec *x, int64_t parameter, float *out)
{
    return recsys__optimizer_read_rows(s, x, parameter, NULL, 0, out);
}

/* ---- checkpoints ---- */

static int64_t arrays_of(const slot *p)
{
    return (p->table.m != NULL) + (p->table.v != NULL) + (p->table.last != NULL);
}

int64_t recsys__optimizer_array_count(const optimizer_state *s)
{
    int64_t count = 0;
    for (int64_t p = 0; p < s->n; p++) count += arrays_of(&s->slots[p]);
    return count;
}

static optimizer_array array_of(const slot *p, const char *what, int32_t dtype, int64_t count, void *data)
{
    optimizer_array a = { .dtype = dtype, .count = count, .data = data };
    snprintf(a.name, sizeof a.name, "%s.%s", p->name, what);
    return a;
}

optimizer_array recsys__optimizer_array(const optimizer_state *s, int64_t index)
{
    for (int64_t p = 0; p < s->n; p++) {
        const slot *q = &s->slots[p];
        int64_t n = q->table.n_rows * q->table.dim;
        if (q->table.m && index-- == 0) return array_of(q, "m", RECSYS_F32, n, q->table.m);
        if (q->table.v && index-- == 0) return array_of(q, "v", RECSYS_F32, n, q->table.v);
        if (q->table.last && index-- == 0) return array_of(q, "last", RECSYS_I32, q->table.n_rows, q->table.last);
    }
    return (optimizer_array){ .name = "" };
}

recsys_status recsys__optimizer_set_t(optimizer_state *s, recsys_exec *x, int64_t t)
{
    if (t < 0 || t >= INT32_MAX)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "a training cannot be at step %lld", (long long)t);
    s->t = s->reported = t;
    return upload_chunk(x, s, recsys__lag_base(t));
}

int64_t recsys__optimizer_bytes(const recsys_optimizer *o, int64_t n_rows, int64_t dim, int32_t by_rows)
{
    const rule *r = &o->rule;
    int64_t bytes = n_rows * dim * (int64_t)sizeof(float) * (has_m(r) + has_v(r));
    if (by_rows && recsys__lag_plan(r).rows == ROWS_LAG) bytes += n_rows * (int64_t)sizeof(int32_t);
    return bytes;
}
