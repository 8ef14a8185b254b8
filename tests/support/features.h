/* features.h - gives a dataset of a test a table of features, from an array.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_FEATURES_H
#define TESTS_SUPPORT_FEATURES_H

#include "support/support.h"

#include <string.h>

#include "base/exec.h"
#include "data/dataset.h"
#include "data/ids.h"

/* `side` is SIDE_USERS or SIDE_ITEMS; `value` has `columns` numbers for each of them. A table that is not `dense` does not hold
 * the zeros. The dataset has no table on this side yet, and nothing that was cut from it gets one. */
static inline void test_attach_features(recsys_exec *x, recsys_dataset *d, int side, const float *value, int64_t columns,
                                        int dense)
{
    int64_t rows = recsys_ids_count(side == SIDE_USERS ? d->users : d->items);
    entity_table *t;
    feature_table *f;
    assert_null(d->table[side]);
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, 1, sizeof *t, &t));
    atomic_init(&t->refs, 1);
    t->memory = recsys__memory_retain(x->memory);
    t->n_rows = rows;
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, 1, sizeof *f, &f));
    t->features = f;
    t->n_features = 1;
    f->dense = dense;
    f->cells.n_rows = rows;
    f->cells.n_cols = columns;
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, 9, 1, &f->name));
    strcpy(f->name, "features");
    expect_ok(x, recsys__ids_range(x, RECSYS_ID_STRING, columns, &f->features));
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, rows + 1, sizeof *f->cells.ptr, &f->cells.ptr));
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, rows * columns, sizeof *f->cells.col, &f->cells.col));
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, rows * columns, sizeof *f->cells.val, &f->cells.val));
    for (int64_t r = 0; r < rows; r++) {
        int64_t end = f->cells.ptr[r];
        for (int64_t k = 0; k < columns; k++)
            if (dense || value[r * columns + k] != 0.0f) {
                f->cells.col[end] = (int32_t)k;
                f->cells.val[end++] = value[r * columns + k];
            }
        f->cells.ptr[r + 1] = end;
    }
    d->table[side] = t;
}

#endif
