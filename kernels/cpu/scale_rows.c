/* scale_rows.c - the scale_rows kernel: each row times its number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/scale_rows.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"

static void scale_span(const void *work, int64_t begin, int64_t end)
{
    const op_scale_rows *o = work;
    for (int64_t n = begin; n < end; n++) {
        const float *x_n = o->x + n * o->dim;
        float *y_n = o->y + n * o->dim, s_n = o->s[n];
#pragma omp simd
        for (int64_t d = 0; d < o->dim; d++) y_n[d] = s_n * x_n[d];
    }
}

size_t recsys__cpu_scale_rows_workspace(const op_scale_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_scale_rows(op_context *c, const op_scale_rows *o)
{
    spans(c, o->rows, span_rows(o->dim), scale_span, o);
    return RECSYS_OK;
}
