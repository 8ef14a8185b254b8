/* gather_rows.c - the gather_rows kernel: a copy for each query.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gather_rows.h"

#include <string.h>

#include "kernels/cpu/cpu.h"

size_t recsys__cpu_gather_rows_workspace(const op_gather_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_gather_rows(op_context *c, const op_gather_rows *o)
{
    size_t row_bytes = (size_t)o->dim * sizeof(float);
#pragma omp parallel for num_threads(c->threads) schedule(static)
    for (int64_t q = 0; q < o->count; q++) {
        float *y_q = o->out + q * o->dim;
        if (o->row[q] < 0)
            memset(y_q, 0, row_bytes);
        else
            memcpy(y_q, o->table + o->row[q] * o->dim, row_bytes);
    }
    return RECSYS_OK;
}
