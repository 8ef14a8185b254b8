/* sampling_case.h - what the tests of sample_pairs and sample_rows share: random known items, and an oracle for negatives.
 *
 * The oracle lists the unknown items and picks from the list; it shares nothing with the kernels but base/random.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_SAMPLING_CASE_H
#define TESTS_OP_SAMPLING_CASE_H

#include "op/kernel_case.h"

#include "backend/negatives.h"
#include "base/random.h"

/* U rows of known items; user u knows each item with probability (u % 4) / 4 + 0.02, but lacks item u % I. */
static inline negatives case_negatives(int64_t U, int64_t I, int64_t per_positive, uint64_t seed)
{
    int64_t *row_ptr = case_array(U + 1, sizeof *row_ptr);
    int32_t *column = case_array(U * I, sizeof *column);
    row_ptr[0] = 0;
    for (int64_t u = 0; u < U; u++) {
        row_ptr[u + 1] = row_ptr[u];
        for (int64_t i = 0; i < I; i++)
            if (test_random_unit(&seed) < (double)(u % 4) / 4.0 + 0.02 && i != u % I) column[row_ptr[u + 1]++] = (int32_t)i;
    }
    return (negatives){ .n_items = I, .per_positive = per_positive, .seed = seed, .epoch = 3, .stream = RANDOM_SAMPLE + 1,
                        .row_ptr = row_ptr, .column = column };
}

static inline void case_free_negatives(negatives *g)
{
    free((void *)(uintptr_t)g->row_ptr), free((void *)(uintptr_t)g->column);
    free((void *)(uintptr_t)g->weight), free((void *)(uintptr_t)g->threshold), free((void *)(uintptr_t)g->alias);
}

__extension__ typedef unsigned __int128 case_wide;

static inline int case_knows(const negatives *g, int64_t u, int64_t item)
{
    for (int64_t e = g->row_ptr[u]; e < g->row_ptr[u + 1]; e++)
        if (g->column[e] == item) return 1;
    return 0;
}

/* The uniform negative as the contract defines it. */
static inline int32_t case_uniform(const negatives *g, int64_t u, uint64_t number)
{
    int64_t unknown = g->n_items - (g->row_ptr[u + 1] - g->row_ptr[u]);
    int64_t left = recsys__random_below(g->seed, g->stream, g->epoch, number, unknown);
    for (int64_t i = 0; i < g->n_items; i++)
        if (!case_knows(g, u, i) && left-- == 0) return (int32_t)i;
    fail_msg("user %lld knows every item", (long long)u);
    return -1;
}

/* A table in which every item gives itself except the first `n_rare`, which have next to no weight and give their neighbour:
 * a user who knows all but rare items is refused again and again, and answered by adding up the weights. */
static inline void case_weights(negatives *g, int64_t n_rare)
{
    double *weight = case_array(g->n_items, sizeof *weight);
    uint32_t *threshold = case_array(g->n_items, sizeof *threshold);
    int32_t *alias = case_array(g->n_items, sizeof *alias);
    for (int64_t i = 0; i < g->n_items; i++) {
        weight[i] = i < n_rare ? 1e-12 * (double)(i + 1) : 1.0;
        threshold[i] = i < n_rare ? 0 : UINT32_MAX;
        alias[i] = (int32_t)(i < n_rare ? n_rare : i);
    }
    g->weight = weight, g->threshold = threshold, g->alias = alias;
}

/* The weighted negative as the contract defines it. */
static inline int32_t case_weighted(const negatives *g, int64_t u, uint64_t number)
{
    for (uint64_t attempt = 0; attempt < NEGATIVE_TRIES; attempt++) {
        uint32_t word[4];
        recsys__random4(g->seed, g->stream, g->epoch, number + (attempt / 2 << NEGATIVE_NUMBER_BITS), word);
        uint64_t r = (uint64_t)word[attempt % 2 * 2 + 1] << 32 | word[attempt % 2 * 2];
        case_wide scaled = (case_wide)r * (uint64_t)g->n_items;
        int64_t slot = (int64_t)(scaled >> 64);
        int32_t item = (uint32_t)(scaled >> 32) < g->threshold[slot] ? (int32_t)slot : g->alias[slot];
        if (!case_knows(g, u, item)) return item;
    }
    double sum = 0.0, part = 0.0;
    for (int64_t i = 0; i < g->n_items; i++) sum += case_knows(g, u, i) ? 0.0 : g->weight[i];
    double at = sum * recsys__random_unit(g->seed, g->stream, g->epoch,
                                          number + ((uint64_t)NEGATIVE_TRIES / 2 << NEGATIVE_NUMBER_BITS));
    for (int64_t i = 0; i < g->n_items; i++) {
        part += case_knows(g, u, i) ? 0.0 : g->weight[i];
        if (part > at) return (int32_t)i;
    }
    fail_msg("user %lld knows every item with a weight", (long long)u);
    return -1;
}

static inline int32_t case_negative(const negatives *g, int64_t u, uint64_t number)
{
    return g->weight ? case_weighted(g, u, number) : case_uniform(g, u, number);
}

#endif
