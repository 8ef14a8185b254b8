/* scoring_tape.c - the tape that an exec keeps for scoring, and what comes onto it and leaves it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/run.h"
#include "model/training.h"
#include "tensor/ops.h"

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

sparse recsys__tape_histories(tape *g, const queries *q, int64_t n_items)
{
    sparse A = { .n_rows = q->count, .n_columns = n_items, .n_entries = q->x.ptr[q->count] };
    A.row_ptr = recsys__tape_copy_in(g, q->x.ptr, q->count + 1, sizeof *q->x.ptr);
    A.column = recsys__tape_copy_in(g, q->x.item, A.n_entries, sizeof *q->x.item);
    return A;
}

void recsys__tape_copy_out(tape *g, tensor from, float *to)
{
    if (recsys__tape_failed(g))
        return;
    recsys_exec *x = recsys__tape_exec(g);
    recsys_status status = recsys__device_copy(x, from.data, to, tensor_elements(&from));
    if (status < 0)
        recsys__tape_fail(g, status, "%s", x->error.message);
}

recsys_status recsys__keep_cache(recsys_exec *x, recsys_model *m, int place, tape *g, tensor t)
{
    float *own;
    recsys_status status = recsys__tape_status(g);
    if (status >= 0)
        status = recsys__device_alloc(x, tensor_elements(&t), sizeof *own, &own);
    if (status < 0)
        return status;
    m->cache[place] = own;
    recsys__tape_copy_out(g, t, own);
    return recsys__tape_status(g);
}
