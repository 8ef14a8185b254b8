/* copy_columns.c - the copy_columns kernel: a copy for each row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/copy_columns.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"

static void copy_span(const void *work, int64_t begin, int64_t end)
{
    const op_copy_columns *o = work;
    size_t before = (size_t)o->to_first * sizeof(float), bytes = (size_t)o->count * sizeof(float);
    size_t after = (size_t)(o->to_width - o->to_first - o->count) * sizeof(float);
    for (int64_t n = begin; n < end; n++) {
        float *to_n = o->to + n * o->to_width;
        if (o->zero) memset(to_n, 0, before);
        memcpy(to_n + o->to_first, o->from + n * o->from_width + o->from_first, bytes);
        if (o->zero) memset(to_n + o->to_first + o->count, 0, after);
    }
}

size_t recsys__cpu_copy_columns_workspace(const op_copy_columns *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_copy_columns(op_context *c, const op_copy_columns *o)
{
    spans(c, o->rows, span_rows(o->zero ? o->to_width : o->count), copy_span, o);
    return RECSYS_OK;
}
