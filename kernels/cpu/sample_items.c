/* sample_items.c - the sample_items kernel: two look-ups in the alias table for each draw.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/sample_items.h"

#include "base/random.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"
#include "kernels/shared/negatives.h"

/* Draws worth a thread. */
enum { SPAN_DRAWS = 1024 };

size_t recsys__cpu_sample_items_workspace(const op_sample_items *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

static void draw_span(const void *work, int64_t begin, int64_t end)
{
    const op_sample_items *o = work;
    for (int64_t k = begin; k < end; k++) {
        uint32_t word[4];
        recsys__random4(o->seed, o->stream, o->epoch, o->first + (uint64_t)k, word);
        o->items[k] = table_item(o->threshold, o->alias, scaled_draw(word[0], word[1], o->n_items));
    }
}

recsys_status recsys__cpu_sample_items(op_context *c, const op_sample_items *o)
{
    spans(c, o->count, SPAN_DRAWS, draw_span, o);
    return RECSYS_OK;
}
