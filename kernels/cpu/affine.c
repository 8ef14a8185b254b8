/* affine.c - the affine kernel: s x + t.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/affine.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"

static void affine_span(const void *work, int64_t begin, int64_t end)
{
    const op_affine *o = work;
    float s = o->s, t = o->t;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) o->y[i] = s * o->x[i] + t;
}

size_t recsys__cpu_affine_workspace(const op_affine *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_affine(op_context *c, const op_affine *o)
{
    spans(c, o->n, SPAN_ELEMENTS, affine_span, o);
    return RECSYS_OK;
}
