/* update_rule.h - how one training step changes parameters, and what a row misses while no step touches it.
 *
 * Step t (1, 2, ...) changes every element p, with gradient g and state m, v (float, zero at first):
 *
 *     g := clip g + l2 p                       l2: coupled weight decay
 *     SGD       p := p - rate g
 *     MOMENTUM  m := momentum m + g            p := p - rate m
 *     NESTEROV  m := momentum m + g            p := p - rate (g + momentum m)
 *     ADAGRAD   v := v + g g                   p := p - rate g / (sqrt(v) + eps)
 *     ADAM      m := m + u1 (g - m)            v := v + u2 (g g - v)
 *               p := p - fade p - rate m / (inverse_root sqrt(v) + eps)
 *
 * For ADAM rate = lr / (1 - beta1^t), inverse_root = 1 / sqrt(1 - beta2^t), fade = lr * decoupled decay; elsewhere rate = lr.
 * Rows of a lazy table, of which a step touches few, are updated when they are next needed: `last` holds how many
 * steps each row has seen, and docs/optimizers.md derives the sums below.
 *
 * Weights of the steps that are missed: w_k = r^k c_{t0+k} P(t1) / P(t0+k) for k = 1..K, K = t1 - t0, with r = beta1 /
 * sqrt(beta2), c_t = rate_t / inverse_root_t, P(t) the product of 1 - fade over the steps up to t; e_k = eps a_k, a_k =
 * beta2^(-k/2) / inverse_root_{t0+k}. They change a row by
 *
 *     p := P(t1)/P(t0) p - m sum_k w_k / (sqrt(v) + e_k),   m := beta1^K m,   v := beta2^K v      (ADAM)
 *     p := p - m sum_k momentum^k lr_{t0+k},                m := momentum^K m                     (MOMENTUM; NESTEROV: times
 *                                                                                                  momentum)
 * The sum over k has as many terms as steps where t0 < loop_below (at most loop_steps: what follows is below rounding), else
 * two, which have the moments sum_k w_k a_k^j, j = 0..3, of all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_UPDATE_RULE_H
#define BACKEND_UPDATE_RULE_H

#include <math.h>
#include <stdint.h>

#include "base/part_of_caller.h"

enum { RULE_SGD = 0, RULE_MOMENTUM = 1, RULE_NESTEROV = 2, RULE_ADAGRAD = 3, RULE_ADAM = 4 };

enum { LAG_MOMENTS = 4 };

/* What the missed steps come to, tabulated in device memory for the steps base..base + count. MOMENTUM and NESTEROV have
 * the first moment only, with r = momentum and c = lr. */
typedef struct lag_tables {
    int64_t base, count;
    int64_t loop_below, loop_steps;
    int64_t near;          /* K >= near: r_j^K counts as 0 */
    double eps;
    const double *sums;    /* (count + 1) x LAG_MOMENTS: T_j(base + i), so that moment j is
                              T_j(t0) P(t1) / P(t0) - r_j^K T_j(t1) */
    const double *power;   /* near x LAG_MOMENTS: r_j^K */
    const double *kept;    /* count + 1: P(base + i) / P(base); NULL: 1 */
    const float *far;      /* (count + 1) x 4: the lag_pair of T_j(base + i) */
    const double *term;    /* (count + 1) x 2: c and eps / inverse_root of step base + i */
    const double *ratio;   /* (count + 1) x 2: r^k and beta2^(-k/2) */
    const float *shrink;   /* (count + 1) x 2: beta1^k (momentum^k) and beta2^k */
} lag_tables;

typedef struct update_rule {
    int32_t kind; /* RULE_* */
    float rate, inverse_root, fade, l2, momentum, u1, u2, eps;
    int32_t reserved; /* zero: descriptors have no padding that could look like an address */
    int64_t t;        /* steps finished before this one */
    lag_tables lag;
} update_rule;

/* A parameter with its state: N rows, D columns. Members that the rule does not have are NULL; `last` is NULL where rows are
 * never behind. */
typedef struct updated {
    int64_t n_rows, dim;
    float *p, *m, *v; /* N x D */
    int32_t *last;    /* N */
} updated;

/* sum_k w_k / (s + e_k) as (S s + E) / ((s + e1) (s + e2)). */
typedef struct lag_pair {
    float S, E, e1, e2;
} lag_pair;

/* The pair with the moments M_j = sum_k w_k a_k^j (Gauss's rule with two nodes), a > 0 hardly varying. `whole` are the sums
 * that M was made of as a difference: where little is left of them, the digits of M mean nothing, and one node in the
 * middle does. */
PART_OF_CALLER lag_pair lag_pair_of(const double M[LAG_MOMENTS], const double whole[LAG_MOMENTS], double eps)
{
    double sum = M[0] > 0.0 ? M[0] : 0.0;
    double a = whole[0] > 0.0 ? whole[1] / whole[0] : 1.0;
    if (sum > 1e-9 * whole[0]) {
        double one = 1.0 / M[0];
        a = M[1] * one;
        double m2 = M[2] * one - a * a, m3 = M[3] * one - 3.0 * a * M[2] * one + 2.0 * a * a * a;
        if (m2 > 1e-13 * a * a) {
            double half = m3 / (2.0 * m2), reach = sqrt(half * half + m2);
            double a1 = a + half - reach, a2 = a + half + reach;
            if (a1 > 0.5 * a && a2 < 2.0 * a) {
                double w1 = sum * (a2 - a) / (a2 - a1), w2 = sum - w1;
                lag_pair two = { (float)sum, (float)(eps * (w1 * a2 + w2 * a1)), (float)(eps * a1), (float)(eps * a2) };
                return two;
            }
        }
    }
    lag_pair one_node = { (float)sum, (float)(eps * sum * a), (float)(eps * a), (float)(eps * a) };
    return one_node;
}

#endif
