/* precision.c - reading P in serving layout: parts of its rows, panels of its columns, scores of a history.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/precision.h"

#include <math.h>
#include <string.h>

/* Lines that are fetched ahead. Along a row the processor's own prefetching takes over; those of a column or of the
 * diagonal are in a page each. */
enum { ROW_AHEAD = 4, COLUMN_AHEAD = 16, DIAGONAL_AHEAD = 32 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

recsys_status recsys__precision_check(error *e, const item_weights *w)
{
    if (w->row_ptr != NULL || w->precision.tile == SYMMETRIC_LINE) return RECSYS_OK;
    return recsys__fail(e, RECSYS_ERR_INTERNAL, "item weights in tiles of %lld rows are not in serving layout",
                        (long long)w->precision.tile);
}

void recsys__precision_scale(float *scale, const symmetric *p, int64_t first, int64_t last)
{
    int64_t strips = precision_padded(p->n) / SYMMETRIC_LINE, end = smaller(last / SYMMETRIC_LINE, strips);
    for (int64_t s = first / SYMMETRIC_LINE; s < end; s++) {
        const float *line = p->data + symmetric_line(s, s);
        int64_t ahead = smaller(s + DIAGONAL_AHEAD, strips - 1);
        __builtin_prefetch(p->data + symmetric_line(ahead, ahead));
        float *to = scale + SYMMETRIC_LINE * s - first;
        for (int64_t r = 0; r < SYMMETRIC_LINE; r++) to[r] = 1.0f / line[5 * r];
    }
    for (int64_t j = p->n; j < last; j++) scale[j - first] = 0.0f;
}

/* ---- by rows ---- */

/* Part of row i as it is kept: lines (strip, begin..turn-1), one after the other, then (turn..end-1, strip). */
typedef struct halves {
    int64_t strip, begin, turn, end;
} halves;

static halves halves_of(int64_t i, int64_t first, int64_t last)
{
    halves h = { .strip = i / 4, .begin = first / 4, .end = last / 4 };
    h.turn = h.strip < h.begin ? h.begin : smaller(h.strip + 1, h.end);
    return h;
}

void recsys__precision_add_row(const vec *v, float *y, const symmetric *p, int64_t i, float x, int64_t first,
                               int64_t last)
{
    halves h = halves_of(i, first, last);
    int inside = i >= first && i < last;
    float own = inside ? y[i - first] : 0.0f;
    if (h.turn > h.begin)
        v->strip_row(y, p->data + symmetric_line(h.strip, h.begin), h.turn - h.begin, i % 4, x);
    if (h.end > h.turn)
        v->strip_column(y + 4 * (h.turn - h.begin), p->data + symmetric_line(h.turn, h.strip), h.turn, h.end - h.turn,
                        i % 4, x);
    if (inside) y[i - first] = own;
}

void recsys__precision_scores(const vec *v, float *y, const symmetric *p, const int32_t *item, const float *val,
                              int64_t n, const float *scale, int64_t first, int64_t last)
{
    memset(y, 0, (size_t)(last - first) * sizeof *y);
    for (int64_t e = 0; e < n; e++) {
        if (e + 1 < n) { /* the next row's first lines: each half begins with a wait for memory otherwise */
            halves h = halves_of(item[e + 1], first, last);
            for (int64_t b = h.begin; b < smaller(h.begin + ROW_AHEAD, h.turn); b++)
                __builtin_prefetch(p->data + symmetric_line(h.strip, b));
            for (int64_t a = h.turn; a < smaller(h.turn + COLUMN_AHEAD, h.end); a++)
                __builtin_prefetch(p->data + symmetric_line(a, h.strip));
        }
        recsys__precision_add_row(v, y, p, item[e], val ? val[e] : 1.0f, first, last);
    }
    v->negate_scale(y, scale, last - first);
}

float recsys__precision_score(const symmetric *p, const int32_t *item, const float *val, int64_t n, int64_t j)
{
    float sum = 0.0f;
    for (int64_t e = 0; e < n; e++) {
        if (item[e] == j) continue;
        float p_ij = p->data[symmetric_element(item[e], j)];
        sum = val ? fmaf(val[e], p_ij, sum) : sum + p_ij;
    }
    return fmaf(-sum, 1.0f / p->data[symmetric_element(j, j)], 0.0f);
}

/* ---- rows and columns written out ---- */

void recsys__precision_rows(float *rows, const symmetric *p, int64_t s)
{
    int64_t N = precision_padded(p->n);
    const float *line = p->data + symmetric_line(s, 0);
    for (int64_t b = 0; b <= s; b++, line += SYMMETRIC_LINE_FLOATS)
        for (int64_t r = 0; r < 4; r++) memcpy(rows + r * N + 4 * b, line + 4 * r, 4 * sizeof *rows);
    for (int64_t a = s + 1; a < N / 4; a++) {
        line = p->data + symmetric_line(a, s);
        __builtin_prefetch(p->data + symmetric_line(a + 32 < N / 4 ? a + 32 : a, s));
        for (int64_t r = 0; r < 4; r++)
            for (int64_t c = 0; c < 4; c++) rows[r * N + 4 * a + c] = line[4 * c + r];
    }
    for (int64_t r = 0; r < 4; r++) rows[r * N + 4 * s + r] = 0.0f;
}

/* Lines (s, b) for b = begin..end-1: 4 rows of the panel, as they stand. */
static void pack_rows(float *row, const float *lines, int64_t n)
{
    for (int64_t l = 0; l < n; l++)
        for (int64_t r = 0; r < 4; r++) memcpy(row + r * VEC_PANEL + 4 * l, lines + 16 * l + 4 * r, 4 * sizeof *row);
}

/* Line (b, s), transposed, where (s, b) is not kept. */
static void pack_transposed(float *row, const float *line)
{
    for (int64_t c = 0; c < 4; c++)
        for (int64_t r = 0; r < 4; r++) row[c * VEC_PANEL + r] = line[4 * r + c];
}

void recsys__precision_pack(float *panel, const symmetric *p, int64_t first, int64_t begin, int64_t end)
{
    int64_t strips = precision_padded(p->n) / 4, left = first / 4;
    int64_t right = left + VEC_PANEL / 4 < strips ? left + VEC_PANEL / 4 : strips;
    for (int64_t s = begin; s < end; s++) {
        float *row = panel + 4 * s * VEC_PANEL;
        int64_t kept = s + 1 < left ? left : s + 1 < right ? s + 1 : right; /* columns of strips left..kept-1 are kept */
        for (int64_t l = 0; l < right - left && s + 4 < end && s + 4 >= left; l++)
            __builtin_prefetch(p->data + symmetric_line(s + 4, left + l));
        pack_rows(row, p->data + symmetric_line(s, left), kept - left);
        if (right - left < VEC_PANEL / 4)
            for (int64_t r = 0; r < 4; r++)
                memset(row + r * VEC_PANEL + 4 * (right - left), 0,
                       (size_t)(VEC_PANEL - 4 * (right - left)) * sizeof *row);
    }
    /* Column by column of lines, so that no more than one stream is read at a time. */
    for (int64_t b = left; b < right; b++) {
        const float *lines = p->data + symmetric_line(b, 0);
        for (int64_t s = begin; s < end && s < b; s++)
            pack_transposed(panel + 4 * s * VEC_PANEL + 4 * (b - left), lines + s * SYMMETRIC_LINE_FLOATS);
    }
    for (int64_t j = first; j < 4 * right; j++)
        if (j / 4 >= begin && j / 4 < end) panel[j * VEC_PANEL + j - first] = 0.0f;
}
