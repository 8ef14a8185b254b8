/* filter_case.h - what the tests of graph filters share: random graphs, and scores as the contract defines them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_FILTER_CASE_H
#define TESTS_OP_FILTER_CASE_H

#include "op/kernel_case.h"

#include "backend/filter.h"

/* A filter over lists of items by user, with all that follows from it. */
typedef struct filter_case {
    case_lists by_user, by_item;
    float *user_weight, *item_scale, *low_weight, *vectors;
    filter f;
} filter_case;

static inline float *filter_numbers(int64_t n, double low, double high, uint64_t *seed)
{
    float *x = case_floats(n);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(low + (high - low) * test_random_unit(seed));
    return x;
}

/* The same entries by item. */
static inline case_lists filter_transpose(const case_lists *by_user, int64_t U, int64_t I)
{
    int64_t E = by_user->ptr[U], at = 0;
    case_lists t = { case_array(I + 1, sizeof *t.ptr), case_array(E, sizeof *t.item), case_floats(E) };
    for (int64_t i = 0; i < I; i++) {
        t.ptr[i] = at;
        for (int64_t u = 0; u < U; u++)
            for (int64_t e = by_user->ptr[u]; e < by_user->ptr[u + 1]; e++)
                if (by_user->item[e] == i) t.item[at] = (int32_t)u, t.val[at++] = by_user->val[e];
    }
    t.ptr[I] = at;
    return t;
}

/* A graph in which each user has an item with probability `share`. */
static inline filter_case filter_open(int64_t U, int64_t I, int64_t D, double share, int with_values, uint64_t seed)
{
    filter_case c = { .by_user = case_random_lists(U, I, share, seed) };
    c.by_item = filter_transpose(&c.by_user, U, I);
    c.user_weight = filter_numbers(U, 0.0, 0.5, &seed);
    c.item_scale = filter_numbers(I, 0.1, 1.0, &seed);
    c.low_weight = filter_numbers(I, 0.0, 2.0, &seed);
    c.vectors = filter_numbers(I * D, -1.0, 1.0, &seed);
    if (U > 2) c.user_weight[2] = 0.0f;
    c.f = (filter){ .n_users = U, .n_items = I, .n_entries = c.by_user.ptr[U], .dim = D, .user_ptr = c.by_user.ptr,
                    .user_item = c.by_user.item, .user_val = with_values ? c.by_user.val : NULL, .item_ptr = c.by_item.ptr,
                    .item_user = c.by_item.item, .item_val = with_values ? c.by_item.val : NULL, .user_weight = c.user_weight,
                    .item_scale = c.item_scale, .low_weight = D > 0 ? c.low_weight : NULL, .vectors = c.vectors };
    return c;
}

static inline void filter_close(filter_case *c)
{
    case_free_lists(&c->by_user), case_free_lists(&c->by_item);
    free(c->user_weight), free(c->item_scale), free(c->low_weight), free(c->vectors);
}

/* Sums of the contract and the same in double: `size` with absolute values. */
typedef struct filter_sums {
    float hop, low;
    double exact_hop, size_hop, exact_low, size_low;
} filter_sums;

/* y of a user for history q: float chain, exact, absolute. */
static inline float filter_first_hop(const filter *f, const histories *x, int64_t q, int64_t u, double *exact, double *size)
{
    float y = 0.0f;
    *exact = *size = 0.0;
    for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++)
        for (int64_t k = f->user_ptr[u]; k < f->user_ptr[u + 1]; k++) {
            if (f->user_item[k] != x->item[e]) continue;
            float v = x->val ? x->val[e] : 1.0f, r = f->user_val ? f->user_val[k] : 1.0f;
            volatile float w = v * f->item_scale[x->item[e]], term = w * r;
            double want = (double)v * (double)f->item_scale[x->item[e]] * (double)r;
            y += term;
            *exact += want, *size += fabs(want);
        }
    return y;
}

/* All I scores of history q, and in bound[] how far each may be from the exact one in exact[]. */
static inline void filter_scores(const filter *f, const histories *x, int64_t q, float *out, double *exact, double *bound)
{
    int64_t I = f->n_items, D = f->dim, H = x->ptr[q + 1] - x->ptr[q];
    filter_sums *s = calloc((size_t)I, sizeof *s);
    int64_t *entries = calloc((size_t)I, sizeof *entries);
    for (int64_t u = 0; u < f->n_users; u++) {
        double want, size, weight = (double)f->user_weight[u];
        volatile float t = f->user_weight[u] * filter_first_hop(f, x, q, u, &want, &size);
        for (int64_t k = f->user_ptr[u]; k < f->user_ptr[u + 1]; k++) {
            filter_sums *j = s + f->user_item[k];
            float r = f->user_val ? f->user_val[k] : 1.0f;
            volatile float term = t * r;
            j->hop += term;
            j->exact_hop += weight * want * (double)r;
            j->size_hop += weight * size * fabs((double)r);
            entries[f->user_item[k]]++;
        }
    }
    for (int64_t d = 0; d < D; d++) {
        float z = 0.0f;
        double want = 0.0, size = 0.0;
        for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++) {
            volatile float w = (x->val ? x->val[e] : 1.0f) * f->item_scale[x->item[e]];
            double value = x->val ? (double)x->val[e] : 1.0, scale = (double)f->item_scale[x->item[e]];
            double term = value * scale * (double)f->vectors[x->item[e] * D + d];
            z = fmaf(w, f->vectors[x->item[e] * D + d], z);
            want += term, size += fabs(term);
        }
        for (int64_t j = 0; j < I; j++) {
            s[j].low = fmaf(z, f->vectors[j * D + d], s[j].low);
            s[j].exact_low += want * (double)f->vectors[j * D + d];
            s[j].size_low += size * fabs((double)f->vectors[j * D + d]);
        }
    }
    for (int64_t j = 0; j < I; j++) {
        double scale = (double)f->item_scale[j], weight = D > 0 ? (double)f->low_weight[j] : 0.0;
        volatile float a = f->item_scale[j] * s[j].hop, b = D > 0 ? f->low_weight[j] * s[j].low : 0.0f;
        out[j] = D > 0 ? a + b : a;
        exact[j] = scale * s[j].exact_hop + weight * s[j].exact_low;
        bound[j] = ROUNDING * ((double)(2 * H + 2 * entries[j] + 6) * scale * s[j].size_hop
                               + (double)(H + D + 6) * weight * s[j].size_low);
    }
    free(s), free(entries);
}

#endif
