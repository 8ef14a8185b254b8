/* scoring_tape.c - the tape that an exec keeps for scoring, and host arrays brought onto it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/copy_columns.h"
#include "backend/run.h"
#include "model/training.h"

recsys_status recsys__scoring_tape(recsys_exec *x, tape **g)
{
    *g = x->scoring_tape;
    if (*g == NULL) {
        recsys_status status = recsys__tape_create(x, g);
        if (status < 0)
            return status;
        x->scoring_tape = *g;
        x->free_tape = recsys__tape_free;
    }
    recsys__tape_reset(*g, 0, 0);
    return RECSYS_OK;
}

/* A copy of host memory in the arena; NULL once the tape has failed. */
static void *bring(tape *g, const void *host, int64_t count, size_t size)
{
    void *device = recsys__tape_memory(g, count, size);
    if (device == NULL)
        return NULL;
    recsys_exec *x = recsys__tape_exec(g);
    recsys_status status = recsys__copy_in(x, device, host, count * (int64_t)size);
    if (status < 0)
        recsys__tape_fail(g, status, "%s", x->error.message);
    return device;
}

tensor recsys__tape_ints(tape *g, const int32_t *host, int64_t count)
{
    const void *device = bring(g, host, count, sizeof *host);
    return device == NULL ? (tensor){ 0 } : recsys__tape_constant(g, device, RECSYS_I32, 1, &count);
}

sparse recsys__tape_histories(tape *g, const queries *q, int64_t n_items)
{
    sparse A = { .n_rows = q->count, .n_columns = n_items, .n_entries = q->x.ptr[q->count] };
    A.row_ptr = bring(g, q->x.ptr, q->count + 1, sizeof *q->x.ptr);
    A.column = bring(g, q->x.item, A.n_entries, sizeof *q->x.item);
    return A;
}

void recsys__tape_copy_out(tape *g, tensor from, float *to)
{
    int64_t width = tensor_columns(&from);
    op_copy_columns o = {
        .op = { OP_COPY_COLUMNS, sizeof o },
        .rows = tensor_rows(&from),
        .count = width,
        .from = from.data,
        .from_width = width,
        .to = to,
        .to_width = width,
    };
    recsys__tape_run(g, &o.op);
}
