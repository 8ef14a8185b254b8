/* lag.c - sums over missed steps, by recursion from the end of a chunk backwards, in double.
 *
 * T_j(t) = r_j / (1 - fade_{t+1}) (c_{t+1} B_{t+1}^j + T_j(t+1)), and 0 at the end, with r_j = beta1 beta2^(-(1+j)/2), B_t =
 * sqrt(1 - beta2^t). The moments of the steps t0+1..t1 are P(t1)/P(t0) T_j(t0) - r_j^(t1-t0) T_j(t1): where the chunk ends
 * does not enter. Sums from the front would lose all digits in that difference.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/lag.h"

#include <math.h>
#include <stddef.h>

/* Powers below this are nothing beside 1 in double, and nothing beside other errors in float. */
static const double TINY_DOUBLE = 0x1p-60, TINY_FLOAT = 0x1p-30;
/* Beyond this ratio of one missed step to the next, sums are long and their differences lose digits. */
static const double MOST_RATIO = 0.995;
/* Largest decoupled decay in a step, so that the decay of a chunk stays within the range of double. */
static const double MOST_FADE = 0.1;
/* Two terms represent the steps while a_k varies by no more than this over the steps that count. */
static const double MOST_SPREAD = 0.02;

/* ---- what is possible ---- */

static double ratio_of(const rule *r, int j)
{
    return r->kind == RULE_ADAM ? r->beta1 * pow(r->beta2, -0.5 * (1 + j)) : r->momentum;
}

/* No schedule goes above lr, so no step fades more than this. */
static double most_fade(const rule *r)
{
    return r->schedule.lr * r->decoupled;
}

static int64_t steps_until(double ratio, double small)
{
    double steps = ratio > 0.0 ? ceil(log(small) / log(ratio)) : 1.0;
    return steps < 1.0 ? 1 : steps < LAG_CHUNK ? (int64_t)steps : LAG_CHUNK;
}

static void plan_adam(lag_plan *plan, const rule *r)
{
    double left = 1.0 - most_fade(r), ratio = ratio_of(r, 0) / left, steepest = ratio_of(r, LAG_MOMENTS - 1) / left;
    if (!(ratio <= MOST_RATIO) || most_fade(r) > MOST_FADE) {
        plan->rows = ROWS_ALL;
        return;
    }
    plan->rows = ROWS_LAG;
    plan->loop_steps = steps_until(ratio, TINY_FLOAT * (1.0 - ratio));
    plan->loop_below = INT64_MAX;
    double needed = -0.5 * log(r->beta2) / ((1.0 - ratio) * MOST_SPREAD);
    if (steepest <= MOST_RATIO && needed < 1.0) {
        plan->loop_below = (int64_t)ceil(log1p(-needed) / log(r->beta2));
        plan->near = steps_until(steepest, TINY_DOUBLE) + 1;
    }
}

/* ---- the block ---- */

enum { COUNT = LAG_CHUNK + 1 };

typedef struct block {
    double *sums, *power, *kept, *term, *ratio;
    float *far, *shrink;
} block;

/* How many numbers each part has; doubles come first. */
typedef struct parts {
    int64_t sums, power, kept, term, ratio, far, shrink;
} parts;

static parts parts_of(const lag_plan *plan, const rule *r)
{
    int64_t adam = r->kind == RULE_ADAM, fades = r->decoupled > 0.0;
    return (parts){ COUNT * LAG_MOMENTS, plan->near * LAG_MOMENTS, fades * COUNT, adam * COUNT * 2,
                    adam * (plan->loop_steps + 1) * 2, adam * COUNT * 4, COUNT * 2 };
}

static int64_t bytes_of(parts n)
{
    int64_t doubles = n.sums + n.power + n.kept + n.term + n.ratio, floats = n.far + n.shrink;
    return doubles * (int64_t)sizeof(double) + floats * (int64_t)sizeof(float);
}

static block lay_out(parts n, void *start)
{
    block b;
    double *at = start;
    b.sums = at, at += n.sums;
    b.power = at, at += n.power;
    b.kept = n.kept > 0 ? at : NULL, at += n.kept;
    b.term = at, at += n.term;
    b.ratio = at, at += n.ratio;
    b.far = (void *)at;
    b.shrink = b.far + n.far;
    return b;
}

lag_plan recsys__lag_plan(const rule *r)
{
    lag_plan plan = { .rows = ROWS_STAY };
    if (r->l2 > 0.0) {
        plan.rows = ROWS_ALL;
    } else if (r->kind == RULE_ADAM) {
        plan_adam(&plan, r);
    } else if (r->kind == RULE_MOMENTUM || r->kind == RULE_NESTEROV) {
        plan.rows = ROWS_LAG;
        plan.near = steps_until(r->momentum, TINY_DOUBLE) + 1;
    }
    if (plan.rows == ROWS_LAG) plan.bytes = bytes_of(parts_of(&plan, r));
    return plan;
}

/* ---- filling ---- */

static double root_of(const rule *r, int64_t t)
{
    return sqrt(-expm1((double)t * log(r->beta2)));
}

/* c_t: what a step changes for a mean of 1 and a root of 1. */
static double change_of(const rule *r, int64_t t, double lr)
{
    return r->kind == RULE_ADAM ? lr * root_of(r, t) / (1.0 - pow(r->beta1, (double)t)) : lr;
}

static void fill_sums(block *b, const rule *r, int64_t base)
{
    int moments = r->kind == RULE_ADAM ? LAG_MOMENTS : 1;
    double ratio[LAG_MOMENTS];
    for (int j = 0; j < LAG_MOMENTS; j++) {
        ratio[j] = ratio_of(r, j);
        b->sums[LAG_CHUNK * LAG_MOMENTS + j] = 0.0;
    }
    for (int64_t i = LAG_CHUNK - 1; i >= 0; i--) {
        int64_t t = base + i + 1;
        double lr = recsys__schedule_rate(&r->schedule, t - 1), term = change_of(r, t, lr), left = 1.0 - lr * r->decoupled;
        double root = moments > 1 ? root_of(r, t) : 1.0;
        double *here = b->sums + i * LAG_MOMENTS;
        for (int j = 0; j < LAG_MOMENTS; j++, term *= root)
            here[j] = j < moments ? ratio[j] / left * (term + here[LAG_MOMENTS + j]) : 0.0;
    }
}

static void fill_adam(block *b, const lag_plan *plan, const rule *r, int64_t base)
{
    for (int64_t i = 0; i < COUNT; i++) {
        const double *T = b->sums + i * LAG_MOMENTS;
        int64_t t = base + i;
        double lr = t > 0 ? recsys__schedule_rate(&r->schedule, t - 1) : 0.0;
        lag_pair pair = lag_pair_of(T, T, r->eps);
        b->far[4 * i] = pair.S, b->far[4 * i + 1] = pair.E;
        b->far[4 * i + 2] = pair.e1, b->far[4 * i + 3] = pair.e2;
        b->term[2 * i] = t > 0 ? change_of(r, t, lr) : 0.0;
        b->term[2 * i + 1] = r->eps * root_of(r, t);
        if (b->kept) b->kept[i] = i > 0 ? b->kept[i - 1] * (1.0 - lr * r->decoupled) : 1.0;
    }
    for (int64_t k = 0; k <= plan->loop_steps; k++) {
        b->ratio[2 * k] = pow(ratio_of(r, 0), (double)k);
        b->ratio[2 * k + 1] = pow(r->beta2, -0.5 * (double)k);
    }
}

void recsys__lag_fill(const lag_plan *plan, const rule *r, int64_t base, void *start)
{
    block b = lay_out(parts_of(plan, r), start);
    fill_sums(&b, r, base);
    for (int64_t k = 0; k < plan->near; k++)
        for (int j = 0; j < LAG_MOMENTS; j++) b.power[k * LAG_MOMENTS + j] = pow(ratio_of(r, j), (double)k);
    double first = r->kind == RULE_ADAM ? r->beta1 : r->momentum;
    for (int64_t k = 0; k < COUNT; k++) {
        b.shrink[2 * k] = (float)pow(first, (double)k);
        b.shrink[2 * k + 1] = r->kind == RULE_ADAM ? (float)pow(r->beta2, (double)k) : 1.0f;
    }
    if (r->kind == RULE_ADAM) fill_adam(&b, plan, r, base);
}

lag_tables recsys__lag_tables(const lag_plan *plan, const rule *r, int64_t base, const void *start)
{
    lag_tables l = { .base = base, .eps = r->eps };
    if (plan->rows != ROWS_LAG || !start) return l;
    block b = lay_out(parts_of(plan, r), (void *)(uintptr_t)start);
    l.count = LAG_CHUNK;
    l.near = plan->near, l.loop_below = plan->loop_below, l.loop_steps = plan->loop_steps;
    l.sums = b.sums, l.power = b.power, l.kept = b.kept, l.term = b.term, l.ratio = b.ratio;
    l.far = b.far, l.shrink = b.shrink;
    return l;
}
