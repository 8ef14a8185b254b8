/* row_slots.c - the row_slots kernel. N rows, E entries, S different rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/row_slots.h"

#include <string.h>

#include "kernels/cpu/cpu.h"

size_t recsys__cpu_row_slots_workspace(const op_row_slots *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_row_slots(op_context *c, const op_row_slots *o)
{
    const row_index *x = &o->index;
    (void)c;
    if (o->slot && o->n_rows > 0) memset(o->slot, 0xff, (size_t)o->n_rows * sizeof *o->slot); /* -1 */
    if (o->place && x->n_entries > 0) memset(o->place, 0xff, (size_t)x->n_entries * sizeof *o->place);
    for (int32_t s = 0; s < *x->n_rows; s++) {
        if (o->slot) o->slot[x->row[s]] = s;
        for (int32_t k = x->begin[s]; o->place && k < x->begin[s + 1]; k++) o->place[x->order[k]] = o->first + s;
    }
    return RECSYS_OK;
}
