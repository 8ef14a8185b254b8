/* densify.c - the densify kernel: zeros, then the entries, row by row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/densify.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"

static void dense_span(const void *work, int64_t begin, int64_t end)
{
    const op_densify *o = work;
    memset(o->y + begin * o->n_columns, 0, (size_t)((end - begin) * o->n_columns) * sizeof *o->y);
    for (int64_t n = begin; n < end; n++) {
        float *y_n = o->y + n * o->n_columns;
        for (int64_t e = o->row_ptr[n]; e < o->row_ptr[n + 1]; e++) y_n[o->column[e]] = o->value ? o->value[e] : 1.0f;
    }
}

size_t recsys__cpu_densify_workspace(const op_densify *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_densify(op_context *c, const op_densify *o)
{
    spans(c, o->n_rows, span_rows(o->n_columns), dense_span, o);
    return RECSYS_OK;
}
