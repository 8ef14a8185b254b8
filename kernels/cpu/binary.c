/* binary.c - the binary kernel: sums, differences and products of elements.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/binary.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"

static void with_elements(int32_t kind, float *y, const float *a, const float *b, int64_t n)
{
    if (kind == BINARY_ADD)
        for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
    else if (kind == BINARY_SUB)
        for (int64_t i = 0; i < n; i++) y[i] = a[i] - b[i];
    else
        for (int64_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

static void with_number(int32_t kind, float *y, const float *a, float b, int64_t n)
{
    if (kind == BINARY_ADD)
        for (int64_t i = 0; i < n; i++) y[i] = a[i] + b;
    else if (kind == BINARY_SUB)
        for (int64_t i = 0; i < n; i++) y[i] = a[i] - b;
    else
        for (int64_t i = 0; i < n; i++) y[i] = a[i] * b;
}

/* Elements begin to end - 1 of all N D. */
static void element_span(const void *work, int64_t begin, int64_t end)
{
    const op_binary *o = work;
    if (o->second == BINARY_SAME) with_elements(o->kind, o->y + begin, o->a + begin, o->b + begin, end - begin);
    else with_number(o->kind, o->y + begin, o->a + begin, o->b[0], end - begin);
}

static void row_span(const void *work, int64_t begin, int64_t end)
{
    const op_binary *o = work;
    for (int64_t n = begin; n < end; n++) with_elements(o->kind, o->y + n * o->dim, o->a + n * o->dim, o->b, o->dim);
}

size_t recsys__cpu_binary_workspace(const op_binary *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_binary(op_context *c, const op_binary *o)
{
    if (o->second == BINARY_ROW) spans(c, o->rows, span_rows(o->dim), row_span, o);
    else spans(c, o->rows * o->dim, SPAN_ELEMENTS, element_span, o);
    return RECSYS_OK;
}
