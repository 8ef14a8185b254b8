/* dropout.cu - the dropout kernel: a thread for each draw, which is four elements.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/dropout.h"
}
#include "base/philox.h"
#include "kernels/shared/dropping.h"

/* `fours`: x and y lie so that four elements are one access. */
static __global__ void dropout(op_dropout o, uint32_t below, float factor, bool fours)
{
    GRID_STRIDE(draw, (o.n + 3) / 4) {
        uint32_t word[4];
        float keep[4];
        int64_t first = 4 * draw;
        philox4(o.seed, o.stream, o.step, (uint64_t)draw, word);
        for (int j = 0; j < 4; j++) keep[j] = dropping_of_word(word[j], below, factor);
        if (fours && first + 4 <= o.n) {
            float4 x = reinterpret_cast<const float4 *>(o.x)[draw];
            reinterpret_cast<float4 *>(o.y)[draw] = make_float4(dropping_element(x.x, keep[0]), dropping_element(x.y, keep[1]),
                                                                dropping_element(x.z, keep[2]), dropping_element(x.w, keep[3]));
        } else
            for (int j = 0; j < 4; j++)
                if (first + j < o.n) o.y[first + j] = dropping_element(o.x[first + j], keep[j]);
    }
}

size_t recsys__cuda_dropout_workspace(const op_dropout *)
{
    return 0;
}

recsys_status recsys__cuda_dropout(op_context *c, const op_dropout *o)
{
    bool fours = (reinterpret_cast<uintptr_t>(o->x) | reinterpret_cast<uintptr_t>(o->y)) % sizeof(float4) == 0;
    LAUNCH(dropout, cuda_blocks((o->n + 3) / 4, BLOCK), BLOCK, 0, c, *o, dropping_below(o->p), dropping_factor(o->p), fours);
    return cuda_launched(c);
}
