/* features.c - feature tables side by side.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/features.h"

#include <math.h>
#include <string.h>

static const entity_table *table_of(const recsys_dataset *d, int32_t side)
{
    return d->table[side];
}

int64_t recsys__feature_columns(const recsys_dataset *d, int32_t side)
{
    const entity_table *t = table_of(d, side);
    int64_t columns = 0;
    for (int64_t f = 0; t != NULL && f < t->n_features; f++)
        columns += t->features[f].cells.n_cols;
    return columns;
}

static float largest(const csr *cells)
{
    float most = 0.0f;
    if (cells->val == NULL)
        return 1.0f;
    for (int64_t e = 0; e < cells->ptr[cells->n_rows]; e++)
        most = fmaxf(most, fabsf(cells->val[e]));
    return most > 0.0f ? most : 1.0f;
}

/* Adds one table: `end` is where each row of the result ends so far, `first` its first column there. */
static void add_table(const csr *cells, float unit, int32_t first, int64_t *end, csr *out)
{
    for (int64_t r = 0; r < cells->n_rows; r++)
        for (int64_t e = cells->ptr[r]; e < cells->ptr[r + 1]; e++, end[r]++) {
            out->col[end[r]] = first + cells->col[e];
            out->val[end[r]] = (cells->val != NULL ? cells->val[e] : 1.0f) / unit;
        }
}

static void fill(const entity_table *t, int32_t scaled, int64_t *end, csr *out)
{
    int32_t first = 0;
    out->ptr[0] = 0;
    for (int64_t r = 0; r < out->n_rows; r++) {
        int64_t cells = 0;
        for (int64_t f = 0; f < t->n_features; f++)
            cells += t->features[f].cells.ptr[r + 1] - t->features[f].cells.ptr[r];
        out->ptr[r + 1] = out->ptr[r] + cells;
    }
    memcpy(end, out->ptr, (size_t)out->n_rows * sizeof *end);
    for (int64_t f = 0; f < t->n_features; f++) {
        const csr *cells = &t->features[f].cells;
        add_table(cells, scaled ? largest(cells) : 1.0f, first, end, out);
        first += (int32_t)cells->n_cols;
    }
}

recsys_status recsys__features_collect(recsys_exec *x, const recsys_dataset *d, int32_t side, int32_t scaled, csr **out)
{
    const entity_table *t = table_of(d, side);
    int64_t cells = 0, *end = NULL;
    *out = NULL;
    if (t == NULL || t->n_features == 0)
        return RECSYS_OK;
    for (int64_t f = 0; f < t->n_features; f++)
        cells += t->features[f].cells.ptr[t->n_rows];
    csr *m;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *m, &m);
    if (status < 0)
        return status;
    m->n_rows = t->n_rows;
    m->n_cols = recsys__feature_columns(d, side);
    status = recsys__alloc(x->memory, &x->error, m->n_rows + 1, sizeof *m->ptr, &m->ptr);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, cells, sizeof *m->col, &m->col);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, cells, sizeof *m->val, &m->val);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, m->n_rows, sizeof *end, &end);
    if (status >= 0)
        fill(t, scaled, end, m);
    recsys__free(x->memory, end);
    if (status < 0)
        recsys__csr_free(x->memory, m);
    else
        *out = m;
    return status;
}
