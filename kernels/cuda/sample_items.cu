/* sample_items.cu - the sample_items kernel: a thread for each draw.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/negatives.h"

extern "C" {
#include "backend/op/sample_items.h"
}

static __global__ void sample_items(op_sample_items o)
{
    GRID_STRIDE(k, o.count) {
        uint32_t word[4];
        philox4(o.seed, o.stream, o.epoch, o.first + (uint64_t)k, word);
        o.items[k] = table_item(o.threshold, o.alias, scaled_draw(word[0], word[1], o.n_items));
    }
}

size_t recsys__cuda_sample_items_workspace(const op_sample_items *)
{
    return 0;
}

recsys_status recsys__cuda_sample_items(op_context *c, const op_sample_items *o)
{
    LAUNCH(sample_items, cuda_blocks(o->count, BLOCK), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
