/* filter_hops.c - a history over two hops of the graph of interactions.
 *
 * Alone, a query adds t of each user it reached to the items of that user, in a row of I floats that stays in the second-level
 * cache. Where queries reach so many users that most entries of R are read for each, up to HOP_LANES of them go side by side:
 * each entry is read once and adds a vector of t, one number of each query. Both are the same chain for each item.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/filter_hops.h"

#include <string.h>

#include "kernels/cpu/vec/vec.h"

/* Items whose lanes are added up before they are written to the rows. */
enum { ITEMS_AT_ONCE = 16 };

/* Users whose lanes may be kept: 8 MiB for each thread. */
enum { USERS_MOST = 1 << 17 };

/* An entry read for a vector of lanes costs as much as so many additions to a row. */
enum { LANES_COST = 4 };

static int64_t words_of(const filter *f)
{
    return (f->n_users + 63) / 64;
}

static int64_t whole_lines(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static int has_lanes(const filter *f, int side_by_side)
{
    return side_by_side && f->n_users <= USERS_MOST;
}

int64_t recsys__cpu_hops_bytes(const filter *f, int side_by_side)
{
    int64_t lanes = has_lanes(f, side_by_side) ? f->n_users * HOP_LANES * (int64_t)sizeof(float) : 0;
    return whole_lines(f->n_items * 4) + whole_lines(f->n_users * 4) + whole_lines(words_of(f) * 8) + lanes;
}

hops recsys__cpu_hops(const filter *f, int side_by_side, int32_t rung, void *room)
{
    char *at = room;
    hops h = { .f = f, .rung = rung };
    memset(room, 0, (size_t)recsys__cpu_hops_bytes(f, side_by_side));
    h.weight = (void *)at;
    h.y = (void *)(at += whole_lines(f->n_items * 4));
    h.touched = (void *)(at += whole_lines(f->n_users * 4));
    at += whole_lines(words_of(f) * 8);
    h.lanes = has_lanes(f, side_by_side) ? (void *)at : NULL;
    return h;
}

void recsys__cpu_hops_weigh(hops *h, const histories *x, int64_t q)
{
    for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++)
        h->weight[e - x->ptr[q]] = (x->val ? x->val[e] : 1.0f) * h->f->item_scale[x->item[e]];
}

/* ---- alone ---- */

/* y_u += w_i R_ui for the users of an item. */
static void first_hop(hops *h, int32_t item, float w)
{
    const filter *f = h->f;
    for (int64_t e = f->item_ptr[item]; e < f->item_ptr[item + 1]; e++) {
        int32_t u = f->item_user[e];
        h->y[u] += f->item_val ? w * f->item_val[e] : w;
        h->touched[u / 64] |= UINT64_C(1) << (u % 64);
    }
}

/* row_j += t R_uj for the items of a user. */
static void second_hop(const filter *f, int64_t u, float t, float *row)
{
    int64_t e = f->user_ptr[u], end = f->user_ptr[u + 1];
    const int32_t *item = f->user_item;
    if (t == 0.0f) return;
    if (f->user_val)
        for (; e < end; e++) row[item[e]] += t * f->user_val[e];
    else {
        for (; e + 4 <= end; e += 4) { /* the items of a user differ */
            float a = row[item[e]] + t, b = row[item[e + 1]] + t, c = row[item[e + 2]] + t, d = row[item[e + 3]] + t;
            row[item[e]] = a, row[item[e + 1]] = b, row[item[e + 2]] = c, row[item[e + 3]] = d;
        }
        for (; e < end; e++) row[item[e]] += t;
    }
}

/* What the users reached would add up. */
static int64_t count_additions(const hops *h)
{
    int64_t n = 0;
    for (int64_t w = 0; w < words_of(h->f); w++)
        for (uint64_t bits = h->touched[w]; bits != 0; bits &= bits - 1) {
            int64_t u = 64 * w + __builtin_ctzll(bits);
            n += h->f->user_ptr[u + 1] - h->f->user_ptr[u];
        }
    return n;
}

/* Users reached, ascending: to the row, or to a lane (row NULL). Clears y and the bits. */
static void leave_users(hops *h, float *row)
{
    float *lane = row == NULL ? h->lanes + h->waiting : NULL;
    for (int64_t w = 0; w < words_of(h->f); w++) {
        for (uint64_t bits = h->touched[w]; bits != 0; bits &= bits - 1) {
            int64_t u = 64 * w + __builtin_ctzll(bits);
            float t = h->f->user_weight[u] * h->y[u];
            h->y[u] = 0.0f;
            if (lane != NULL) lane[u * HOP_LANES] = t;
            else second_hop(h->f, u, t, row);
        }
        h->touched[w] = 0;
    }
}

void recsys__cpu_hops_add(hops *h, const histories *x, int64_t q, float *row)
{
    for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++) first_hop(h, x->item[e], h->weight[e - x->ptr[q]]);
    int64_t additions = h->lanes != NULL ? count_additions(h) : 0;
    if (additions * HOP_LANES <= LANES_COST * h->f->n_entries) {
        memset(row, 0, (size_t)h->f->n_items * sizeof *row);
        leave_users(h, row);
        return;
    }
    leave_users(h, NULL);
    h->row[h->waiting++] = row;
    h->additions += additions;
    if (h->waiting == HOP_LANES) recsys__cpu_hops_finish(h);
}

/* ---- side by side ---- */

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* h of one item in all lanes: the chain over its users. */
INLINE void lanes_of_item(const filter *f, const float *lanes, int64_t item, float *out)
{
    float sum[HOP_LANES] = { 0.0f };
    for (int64_t e = f->item_ptr[item]; e < f->item_ptr[item + 1]; e++) {
        const float *t = lanes + (int64_t)f->item_user[e] * HOP_LANES;
        float r = f->item_val ? f->item_val[e] : 1.0f; /* t * 1 is t */
        for (int l = 0; l < HOP_LANES; l++) sum[l] += t[l] * r;
    }
    memcpy(out, sum, sizeof sum);
}

INLINE void all_items(const hops *h)
{
    int64_t I = h->f->n_items;
    float sums[ITEMS_AT_ONCE][HOP_LANES];
    for (int64_t first = 0; first < I; first += ITEMS_AT_ONCE) {
        int64_t n = I - first < ITEMS_AT_ONCE ? I - first : ITEMS_AT_ONCE;
        for (int64_t i = 0; i < n; i++) lanes_of_item(h->f, h->lanes, first + i, sums[i]);
        for (int64_t l = 0; l < h->waiting; l++)
            for (int64_t i = 0; i < n; i++) h->row[l][first + i] = sums[i][l];
    }
}

static void all_items_plain(const hops *h)
{
    all_items(h);
}

#if VEC_X86
TARGET_AVX2 static void all_items_avx2(const hops *h)
{
    all_items(h);
}
#else
#define all_items_avx2 all_items_plain
#endif

void recsys__cpu_hops_finish(hops *h)
{
    if (h->waiting == 0) return;
    if (h->additions > LANES_COST * h->f->n_entries) {
        if (h->rung >= SIMD_AVX2) all_items_avx2(h);
        else all_items_plain(h);
    } else
        for (int64_t l = 0; l < h->waiting; l++) {
            memset(h->row[l], 0, (size_t)h->f->n_items * sizeof(float));
            for (int64_t u = 0; u < h->f->n_users; u++) second_hop(h->f, u, h->lanes[u * HOP_LANES + l], h->row[l]);
        }
    memset(h->lanes, 0, (size_t)(h->f->n_users * HOP_LANES) * sizeof(float));
    h->waiting = h->additions = 0;
}

/* ---- the low-rank part, and both ---- */

void recsys__cpu_hops_project(const hops *h, const histories *x, int64_t q, float *z)
{
    int64_t begin = x->ptr[q], n = x->ptr[q + 1] - begin;
    row_terms t = { .source_row = x->item + begin, .weight = h->weight, .source = h->f->vectors, .dim = h->f->dim,
                    .readable = n };
    recsys__cpu_sum_rows(h->rung)(z, &t, 0, n);
}

INLINE void join(const filter *f, float *s, const float *hop, const float *low, int64_t first, int64_t n)
{
    const float *scale = f->item_scale + first, *weight = low ? f->low_weight + first : NULL;
    if (low)
        for (int64_t i = 0; i < n; i++) s[i] = scale[i] * hop[i] + weight[i] * low[i];
    else
        for (int64_t i = 0; i < n; i++) s[i] = scale[i] * hop[i];
}

static void join_plain(const filter *f, float *s, const float *hop, const float *low, int64_t first, int64_t n)
{
    join(f, s, hop, low, first, n);
}

#if VEC_X86
TARGET_AVX2 static void join_avx2(const filter *f, float *s, const float *hop, const float *low, int64_t first, int64_t n)
{
    join(f, s, hop, low, first, n);
}
#else
#define join_avx2 join_plain
#endif

void recsys__cpu_filter_join(const hops *h, float *s, const float *hop, const float *low, int64_t first, int64_t n)
{
    if (h->rung >= SIMD_AVX2) join_avx2(h->f, s, hop, low, first, n);
    else join_plain(h->f, s, hop, low, first, n);
}
