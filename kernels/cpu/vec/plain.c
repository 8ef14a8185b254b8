/* plain.c - the row primitives in portable C: the shortest form of each, which defines its bits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stddef.h>

#include "kernels/cpu/vec/vec.h"

/* fmaf(x, a, y). Histories without values have x = 1, for which the sum is the same and needs no call. */
static inline float multiply_add(float x, float a, float y)
{
    return x == 1.0f ? a + y : fmaf(x, a, y);
}

static uint32_t at_least(const float *y, float floor)
{
    uint32_t bits = 0;
    for (int c = 0; c < VEC_PANEL; c++) bits |= (uint32_t)(y[c] >= floor) << c;
    return bits;
}

static uint32_t panel_scores(float *y, const float *panel, const int32_t *item, const float *val, int64_t n,
                             int64_t readable, const float *scale, float floor)
{
    (void)readable;
    for (int c = 0; c < VEC_PANEL; c++) y[c] = 0.0f;
    for (int64_t e = 0; e < n; e++) {
        const float *row = panel + (int64_t)item[e] * VEC_PANEL;
        float x = val ? val[e] : 1.0f;
        for (int c = 0; c < VEC_PANEL; c++) y[c] = multiply_add(x, row[c], y[c]);
    }
    for (int c = 0; c < VEC_PANEL; c++) y[c] = fmaf(-y[c], scale[c], 0.0f);
    return at_least(y, floor);
}

static void strip_row(float *y, const float *lines, int64_t n, int64_t r, float x)
{
    for (int64_t l = 0; l < n; l++)
        for (int64_t c = 0; c < 4; c++) y[4 * l + c] = multiply_add(x, lines[16 * l + 4 * r + c], y[4 * l + c]);
}

static void strip_column(float *y, const float *line_0, int64_t a, int64_t n, int64_t c, float x)
{
    const float *line = line_0;
    for (int64_t l = 0; l < n; l++) {
        for (int64_t r = 0; r < 4; r++) y[4 * l + r] = multiply_add(x, line[4 * r + c], y[4 * l + r]);
        line += 16 * (a + l + 1);
    }
}

static void negate_scale(float *y, const float *scale, int64_t n)
{
    for (int64_t c = 0; c < n; c++) y[c] = fmaf(-y[c], scale[c], 0.0f);
}

static void sparse_row(float *y, const int32_t *col, const float *val, int64_t n, float x)
{
    for (int64_t e = 0; e < n; e++) y[col[e]] = multiply_add(x, val[e], y[col[e]]);
}

const vec *recsys__vec_plain(void)
{
    static const vec table = {
        .name = "plain",
        .panel_scores = panel_scores,
        .at_least = at_least,
        .strip_row = strip_row,
        .strip_column = strip_column,
        .negate_scale = negate_scale,
        .sparse_row = sparse_row,
    };
    return &table;
}
