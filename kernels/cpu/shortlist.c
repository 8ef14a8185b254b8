/* shortlist.c - the k best of a stream of scored items: dropping what is masked, choosing, sorting.
 *
 * Scores are compared as whole numbers whose order is that of the floats (no NaN gets here, zeros are all positive).
 * Then "the next higher score" is + 1, and halving an interval ends after a bounded number of steps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/shortlist.h"

#include <math.h>

/* ---- floats as ordered whole numbers ---- */

static int32_t rank_of(float score)
{
    union { float number; int32_t bits; } s = { score };
    int32_t sign = -(s.bits < 0);
    return ((s.bits & INT32_MAX) ^ sign) - sign;
}

static float score_of(int64_t rank)
{
    union { uint32_t bits; float number; } s = { rank >= 0 ? (uint32_t)rank : (uint32_t)-rank | 0x80000000u };
    return s.number;
}

/* The lowest score above that of `rank`: what a later item needs to get past it. Above infinity there is none. */
static float floor_above(int64_t rank)
{
    return rank == rank_of(INFINITY) ? NAN : score_of(rank + 1);
}

/* ---- filling ---- */

int64_t recsys__shortlist_room(int64_t k, int64_t n)
{
    /* More room means fewer cuts, but a floor that lags behind and lets more scores in. Flat between 1 k and 3 k. */
    int64_t spare = k > 64 ? k : 64;
    return k + spare < n ? k + spare : n;
}

void recsys__shortlist_start(shortlist *l)
{
    l->floor = -INFINITY;
    l->band = 0.0f;
    l->failed = false;
    l->count = l->checked = 0;
}

void recsys__shortlist_resume(shortlist *l, const shortlist_rule *rule, const int32_t *items, const float *scores)
{
    recsys__shortlist_start(l);
    int64_t n = 0;
    while (n < rule->k && items[n] >= 0) {
        l->score[n] = scores[n];
        l->item[n] = items[n];
        n++;
    }
    l->count = l->checked = n;
    if (n == rule->k) l->floor = floor_above(rank_of(scores[n - 1]));
}

/* Turns positions into items and drops those of the mask: two ascending lists, read side by side. */
void recsys__shortlist_check(shortlist *l, const shortlist_rule *rule)
{
    int64_t kept = l->checked;
    if (!rule->ids && l->mask == l->mask_end) kept = l->count; /* nothing to do for any of them */
    for (int64_t e = kept; e < l->count; e++) {
        int32_t i = rule->ids ? rule->ids[l->item[e]] : l->item[e];
        while (l->mask < l->mask_end && *l->mask < i) l->mask++;
        l->score[kept] = l->score[e];
        l->item[kept] = i;
        kept += !(l->mask < l->mask_end && *l->mask == i);
    }
    l->count = l->checked = kept;
}

/* ---- choosing ---- */

/* Kept out of line and free of branches so that compilers turn it into vector code. */
static int64_t count_from(const float *score, int64_t n, float least)
{
    int64_t total = 0;
    for (int64_t done = 0; done < n; done += 4096) {
        int64_t end = n - done < 4096 ? n : done + 4096;
        int32_t part = 0;
#pragma omp simd reduction(+ : part)
        for (int64_t e = done; e < end; e++) part += score[e] >= least;
        total += part;
    }
    return total;
}

static void extremes(const float *score, int64_t n, int32_t *lowest, int32_t *highest)
{
    int32_t low = INT32_MAX, high = INT32_MIN;
#pragma omp simd reduction(min : low) reduction(max : high)
    for (int64_t e = 0; e < n; e++) {
        int32_t rank = rank_of(score[e]);
        low = rank < low ? rank : low;
        high = rank > high ? rank : high;
    }
    *lowest = low;
    *highest = high;
}

/* A bound between low and high, both exclusive: half of the values on even steps, half of the numbers on odd ones. The
 * first is quick on ordinary scores, the second ends on any. */
static int64_t between(int64_t low, int64_t high, int step)
{
    int64_t middle = low + (high - low) / 2;
    if (step % 2 == 0) {
        double mean = 0.5 * ((double)score_of(low) + (double)score_of(high));
        if (isfinite(mean)) {
            int64_t m = rank_of((float)mean);
            if (m > low && m < high) return m;
        }
    }
    return middle;
}

/* Strikes out all but the first `ties` of the scores that equal `least`. */
static void strike_ties(shortlist *l, float least, int64_t ties)
{
    for (int64_t e = 0; e < l->count; e++)
        if (l->score[e] == least && ties-- <= 0) l->score[e] = NAN;
}

static void keep_from(shortlist *l, float least)
{
    int64_t n = l->count, kept = 0;
    float *score = l->score;
    int32_t *item = l->item;
    for (int64_t e = 0; e < n; e++) {
        float s = score[e];
        score[kept] = s;
        item[kept] = item[e];
        kept += s >= least;
    }
    l->count = l->checked = kept;
}

/* Leaves at least k entries, the k best among them, and k + `slack` at most. Needs more than k + slack of them.
 * Invariant: at least k scores have rank `low` or more, fewer than k have rank `high` or more. */
static void choose(shortlist *l, int64_t k, int64_t slack)
{
    int32_t lowest, highest;
    extremes(l->score, l->count, &lowest, &highest);
    int64_t low = lowest, high = (int64_t)highest + 1;
    int64_t from_low = l->count, from_high = 0;
    for (int step = 0; from_low > k + slack && high - low > 1; step++) {
        int64_t middle = between(low, high, step);
        int64_t n = count_from(l->score, l->count, score_of(middle));
        if (n >= k) low = middle, from_low = n;
        else high = middle, from_high = n;
    }
    float least = score_of(low) - l->band;
    if (l->band == 0.0f && from_low > k + slack) strike_ties(l, least, k - from_high);
    keep_from(l, least);
    l->floor = l->band > 0.0f ? least : floor_above(low);
}

/* Entries beyond k that a cut may leave: an exact choice would take twice as many scans. */
static int64_t slack_of(int64_t k)
{
    return k / 8;
}

/* Chooses if there are more entries than `most`. */
static void cut_above(shortlist *l, const shortlist_rule *rule, int64_t most)
{
    recsys__shortlist_check(l, rule);
    if (l->count > most) choose(l, rule->k, slack_of(rule->k));
    if (l->count <= rule->room) return;
    l->failed = true;
    l->floor = NAN;
    l->count = l->checked = 0;
}

void recsys__shortlist_cut(shortlist *l, const shortlist_rule *rule)
{
    cut_above(l, rule, rule->room);
}

void recsys__shortlist_narrow(shortlist *l, const shortlist_rule *rule)
{
    cut_above(l, rule, rule->k + slack_of(rule->k));
}

void recsys__shortlist_join(shortlist *l, shortlist *from, const shortlist_rule *rule)
{
    recsys__shortlist_check(l, rule);
    recsys__shortlist_check(from, rule);
    for (int64_t e = 0; e < from->count; e++) {
        if (!(from->score[e] >= l->floor)) continue;
        l->score[l->count] = from->score[e];
        l->item[l->count] = from->item[e];
        l->checked = ++l->count;
        if (l->count > rule->room) choose(l, rule->k, slack_of(rule->k));
    }
}

/* ---- sorting ---- */

/* Sorts runs of up to eight by counting, for each number, those that stand before it. All numbers differ. */
static void sort_runs(uint64_t *to, const uint64_t *from, int64_t n)
{
    for (int64_t start = 0; start < n; start += 8) {
        int64_t length = n - start < 8 ? n - start : 8;
        for (int64_t x = 0; x < length; x++) {
            int64_t before = 0;
            for (int64_t y = 0; y < length; y++) before += from[start + y] < from[start + x];
            to[start + before] = from[start + x];
        }
    }
}

/* Ascending merge sort; `b` is as large as `a`. Returns the one of both that holds the result. The inner choice is
 * arithmetic, not a branch, because its outcome is a coin toss. */
static uint64_t *sort(uint64_t *a, uint64_t *b, int64_t n)
{
    sort_runs(b, a, n);
    for (int64_t run = 8; run < n; run *= 2) {
        uint64_t *swap = a;
        a = b;
        b = swap;
        for (int64_t start = 0; start < n; start += 2 * run) {
            int64_t middle = start + run < n ? start + run : n;
            int64_t end = middle + run < n ? middle + run : n;
            int64_t x = start, y = middle, to = start;
            while (x < middle && y < end) {
                uint64_t ax = a[x], ay = a[y];
                bool right = ay < ax;
                b[to++] = right ? ay : ax;
                x += !right;
                y += right;
            }
            while (x < middle) b[to++] = a[x++];
            while (y < end) b[to++] = a[y++];
        }
    }
    return b;
}

void recsys__shortlist_finish(shortlist *l, const shortlist_rule *rule, uint64_t *temporary, int32_t *items,
                              float *scores)
{
    recsys__shortlist_check(l, rule);
    if (l->count > rule->k + slack_of(rule->k)) choose(l, rule->k, slack_of(rule->k));
    int64_t top = rank_of(INFINITY);
    for (int64_t e = 0; e < l->count; e++)
        temporary[e] = (uint64_t)(top - rank_of(l->score[e])) << 32 | (uint32_t)l->item[e];
    const uint64_t *best = sort(temporary, temporary + l->count, l->count);
    for (int64_t e = 0; e < rule->k; e++) {
        bool there = e < l->count;
        items[e] = there ? (int32_t)(best[e] & UINT32_MAX) : -1;
        scores[e] = there ? score_of(top - (int64_t)(best[e] >> 32)) : -INFINITY;
    }
}
