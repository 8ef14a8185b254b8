/* gaussian.cu - the gaussian kernel: a thread for each draw, which is four numbers.
 *
 * The words are the CPU's; logarithm, sine and cosine are the device's, so that the last bits of a number may differ.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/gaussian.h"
}
#include "base/philox.h"
#include "kernels/shared/box_muller.h"

static __global__ void gaussian(op_gaussian o)
{
    GRID_STRIDE(draw, (o.count + 3) / 4) {
        uint32_t word[4];
        float four[4];
        philox4(o.seed, o.stream, o.step, (uint64_t)draw, word);
        for (int pair = 0; pair < 4; pair += 2) box_muller(word + pair, four + pair);
        for (int j = 0; j < 4; j++)
            if (4 * draw + j < o.count) o.out[4 * draw + j] = four[j];
    }
}

size_t recsys__cuda_gaussian_workspace(const op_gaussian *)
{
    return 0;
}

recsys_status recsys__cuda_gaussian(op_context *c, const op_gaussian *o)
{
    LAUNCH(gaussian, cuda_blocks((o->count + 3) / 4, BLOCK), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
