/* spans.h - loops over elements or rows in pieces of a fixed size; small work stays on the calling thread.
 *
 * A training step is many small operations, and opening a parallel region costs as much as thousands of elements. Pieces do
 * not depend on the number of threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_SPANS_H
#define KERNELS_CPU_SPANS_H

#include "backend/backend.h"

/* Elements worth a thread. */
enum { SPAN_ELEMENTS = 16384 };

/* Does elements or rows `begin` to `end` - 1. */
typedef void (*span_body)(const void *work, int64_t begin, int64_t end);

static inline void spans(const op_context *c, int64_t n, int64_t span, span_body body, const void *work)
{
    if (n <= span || c->threads == 1) {
        if (n > 0) body(work, 0, n);
        return;
    }
    int64_t pieces = (n + span - 1) / span;
    int32_t threads = pieces < c->threads ? (int32_t)pieces : c->threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t piece = 0; piece < pieces; piece++) {
        int64_t begin = piece * span, end = begin + span < n ? begin + span : n;
        body(work, begin, end);
    }
}

/* Rows in a piece, for rows of `dim` elements. */
static inline int64_t span_rows(int64_t dim)
{
    return dim >= SPAN_ELEMENTS ? 1 : SPAN_ELEMENTS / (dim > 0 ? dim : 1);
}

#endif
