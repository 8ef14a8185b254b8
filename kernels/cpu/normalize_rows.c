/* normalize_rows.c - the normalize_rows kernel: each row divided by its length, in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/normalize_rows.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"
#include "kernels/shared/lengths.h"

static void normalize_span(const void *work, int64_t begin, int64_t end)
{
    const op_normalize_rows *o = work;
    for (int64_t n = begin; n < end; n++) {
        const float *x_n = o->x + n * o->dim;
        float *y_n = o->y + n * o->dim;
        double squares = 0.0;
        for (int64_t d = 0; d < o->dim; d++) squares += (double)x_n[d] * (double)x_n[d];
        double over = length_inverse(squares);
        for (int64_t d = 0; d < o->dim; d++) y_n[d] = (float)((double)x_n[d] * over);
        o->s[n] = length_inverse_float(over);
    }
}

size_t recsys__cpu_normalize_rows_workspace(const op_normalize_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_normalize_rows(op_context *c, const op_normalize_rows *o)
{
    spans(c, o->rows, span_rows(o->dim), normalize_span, o);
    return RECSYS_OK;
}
