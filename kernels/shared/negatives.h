/* negatives.h - one negative, and one item of an alias table, from their random words; see backend/negatives.h.
 *
 * Both backends draw with these, so they draw the same items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_NEGATIVES_H
#define KERNELS_SHARED_NEGATIVES_H

#include <math.h>
#include <stdint.h>

#include "backend/negatives.h"
#include "base/part_of_caller.h"
#include "base/philox.h"

/* floor(r m / 2^64) for r = word_1 word_0 and m < 2^31: the result in the high half, and its fraction in the low one. */
PART_OF_CALLER uint64_t scaled_draw(uint32_t word_0, uint32_t word_1, int64_t m)
{
    return (uint64_t)word_1 * (uint64_t)m + ((uint64_t)word_0 * (uint64_t)m >> 32);
}

/* What an alias table gives for scaled_draw() of as many items as it has; alias NULL: all are drawn equally often. */
PART_OF_CALLER int32_t table_item(const uint32_t *threshold, const int32_t *alias, uint64_t scaled)
{
    int32_t item = (int32_t)(scaled >> 32);
    return alias && (uint32_t)scaled >= threshold[item] ? alias[item] : item;
}

/* How many of list[0..d-1], which ascends, are below `item`. */
PART_OF_CALLER int64_t count_below(const int32_t *list, int64_t d, int64_t item)
{
    int64_t begin = 0, end = d;
    while (begin < end) {
        int64_t middle = begin + (end - begin) / 2;
        if (list[middle] < item) begin = middle + 1;
        else end = middle;
    }
    return begin;
}

PART_OF_CALLER int is_listed(const int32_t *list, int64_t d, int64_t item)
{
    int64_t at = count_below(list, d, item);
    return at < d && list[at] == item;
}

/* Item number r of those that are not among known[0..d-1]: known[j] - j of the unknown items come before known[j]. Most rows
 * are short, and of lengths that no branch could foresee: these are looked at without one. */
PART_OF_CALLER int32_t unknown_item(const int32_t *known, int64_t d, int64_t r)
{
    enum { SHORT = 4 };
    int64_t j = 0;
    if (d == 0) return (int32_t)r;
    if (d <= SHORT) {
        for (int64_t e = 0; e < SHORT; e++) {
            int64_t in_row = e < d ? e : 0;
            j += (e < d) & (known[in_row] - e <= r);
        }
    } else {
        int64_t end = d;
        while (j < end) {
            int64_t middle = j + (end - j) / 2;
            if (known[middle] - middle <= r) j = middle + 1;
            else end = middle;
        }
    }
    return (int32_t)(r + j);
}

/* Adds up the weights of the unknown items until the sum is above `most`, or to the end. Returns the last item that had a
 * weight; the sum goes to *sum. */
PART_OF_CALLER int32_t add_weights(const negatives *g, const int32_t *known, int64_t d, double most, double *sum)
{
    int32_t last = -1;
    int64_t j = 0;
    *sum = 0.0;
    for (int64_t i = 0; i < g->n_items && !(*sum > most); i++) {
        if (j < d && known[j] == i) {
            j++;
        } else if (g->weight[i] > 0.0) {
            *sum += g->weight[i];
            last = (int32_t)i;
        }
    }
    return last;
}

PART_OF_CALLER int32_t negative_by_pass(const negatives *g, const int32_t *known, int64_t d, uint64_t number)
{
    uint64_t index = number | (uint64_t)(NEGATIVE_TRIES / 2) << NEGATIVE_NUMBER_BITS;
    double sum, part;
    add_weights(g, known, d, (double)INFINITY, &sum);
    return add_weights(g, known, d, philox_unit(g->seed, g->stream, g->epoch, index) * sum, &part);
}

/* `word`: of the first block; used up. */
PART_OF_CALLER int32_t negative_by_weight(const negatives *g, const int32_t *known, int64_t d, uint64_t number,
                                          uint32_t word[4])
{
    for (uint64_t block = 0; block < NEGATIVE_TRIES / 2; block++) {
        if (block > 0) philox4(g->seed, g->stream, g->epoch, number | block << NEGATIVE_NUMBER_BITS, word);
        for (int half = 0; half < 4; half += 2) {
            int32_t item = table_item(g->threshold, g->alias, scaled_draw(word[half], word[half + 1], g->n_items));
            if (!is_listed(known, d, item)) return item;
        }
    }
    return negative_by_pass(g, known, d, number);
}

/* The negative of this number for a user who knows known[0..d-1]. `word`: philox4() of the number; used up. */
PART_OF_CALLER int32_t negative_item(const negatives *g, const int32_t *known, int64_t d, uint64_t number, uint32_t word[4])
{
    if (g->weight) return negative_by_weight(g, known, d, number, word);
    return unknown_item(known, d, (int64_t)(scaled_draw(word[0], word[1], g->n_items - d) >> 32));
}

#endif
