/* dot_rank_plain.c - inner-product kernels in portable C: the shortest form, which defines the bits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kernels/cpu/dot_tile.h"

enum { ROWS = 4, WIDTH = 16 };

static void scores_plain(float *out, const float *users, const float *panel, int64_t D)
{
    for (int i = 0; i < ROWS * WIDTH; i++) out[i] = 0.0f;
    for (int64_t k = 0; k < D; k++)
        for (int r = 0; r < ROWS; r++)
            for (int j = 0; j < WIDTH; j++)
                out[r * WIDTH + j] = fmaf(users[k * ROWS + r], panel[k * WIDTH + j], out[r * WIDTH + j]);
}

/* Appends what reaches the floor of one user's list; `first` is the position of scores[0]. */
static void append(shortlist *l, const shortlist_rule *rule, const float *scores, int64_t first)
{
    for (int j = 0; j < WIDTH; j++) {
        if (!(scores[j] >= l->floor)) continue;
        l->score[l->count] = scores[j];
        l->item[l->count] = (int32_t)(first + j);
        l->count++;
    }
    if (l->count > rule->room) recsys__shortlist_cut(l, rule);
}

static void rank_plain(const dot_call *call)
{
    const float *panel = call->panels;
    float scores[ROWS * WIDTH];
    for (int64_t p = 0; p < call->n_panels; p++, panel += call->dim * WIDTH) {
        scores_plain(scores, call->users, panel, call->dim);
        for (int r = 0; r < ROWS; r++)
            append(call->lists + r, call->rule, scores + r * WIDTH, call->first + p * WIDTH);
    }
}

static void scores_at_plain(float *out, const float *user, const float *items, const int32_t *item, int64_t n,
                            int64_t D)
{
    for (int64_t e = 0; e < n; e++) {
        const float *v = items + (item ? item[e] : e) * D;
        float sum = 0.0f;
        for (int64_t k = 0; k < D; k++) sum = fmaf(user[k], v[k], sum);
        out[e] = sum;
    }
}

const dot_tile *recsys__cpu_dot_plain(void)
{
    static const dot_tile plain = {
        .name = "plain",
        .rows = ROWS,
        .width = WIDTH,
        .panels_most = 32,
        .rank = rank_plain,
        .scores = scores_plain,
        .scores_at = scores_at_plain,
    };
    return &plain;
}
