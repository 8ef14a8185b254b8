/* gather_rows.c - the gather_rows kernel: a copy for each query.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gather_rows.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"

/* Rows and bytes of them that are fetched ahead; a processor fetches the rest of a longer row itself. */
enum { AHEAD = 8, BYTES_AHEAD = 256, LINE = 64 };

size_t recsys__cpu_gather_rows_workspace(const op_gather_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* Queries q0..q1-1. */
static void gather(const op_gather_rows *o, int64_t q0, int64_t q1)
{
    int64_t D = o->dim, row_bytes = D * (int64_t)sizeof(float), near = row_bytes < BYTES_AHEAD ? row_bytes : BYTES_AHEAD;
    for (int64_t q = q0; q < q1; q++) {
        float *y_q = o->out + q * D;
        if (q + AHEAD < q1 && o->row[q + AHEAD] >= 0) {
            const char *ahead = (const char *)(o->table + o->row[q + AHEAD] * D);
            for (int64_t byte = 0; byte < near; byte += LINE) __builtin_prefetch(ahead + byte);
        }
        if (o->row[q] < 0)
            memset(y_q, 0, (size_t)row_bytes);
        else
            memcpy(y_q, o->table + o->row[q] * D, (size_t)row_bytes);
    }
}

recsys_status recsys__cpu_gather_rows(op_context *c, const op_gather_rows *o)
{
    int32_t threads = threads_worth(c, o->count * o->dim);
    if (threads == 1) {
        gather(o, 0, o->count);
        return RECSYS_OK;
    }
    int64_t each = (o->count + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int32_t t = 0; t < threads; t++) {
        int64_t q0 = t * each, q1 = q0 + each < o->count ? q0 + each : o->count;
        gather(o, q0, q1);
    }
    return RECSYS_OK;
}
