/* sample_positives.cu - the sample_positives kernel: a thread for each negative; the first of a row writes the positive too.
 * Which positive a row has is computed by each of them: that costs less than a launch of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/negatives.h"

extern "C" {
#include "backend/op/sample_positives.h"
}

enum { SAMPLES = 64 };

static __global__ void sample_positives(op_sample_positives o)
{
    const int64_t P = o.n_positives, n = o.negatives.per_positive, threads_of_row = n > 0 ? n : 1;
    GRID_STRIDE(k, o.count * threads_of_row) {
        int64_t b = k / threads_of_row, j = k - b * threads_of_row;
        int64_t positive = o.in_order ? o.position + b : permutation_at(&o.order, o.position + b);
        int32_t u = o.user[positive];
        if (j == 0) {
            o.users[b] = u;
            o.items[b] = o.item[positive];
        }
        if (n > 0) o.drawn[k] = draw_negative(o.negatives, u, (uint64_t)(P + positive * n + j));
    }
}

size_t recsys__cuda_sample_positives_workspace(const op_sample_positives *)
{
    return 0;
}

recsys_status recsys__cuda_sample_positives(op_context *c, const op_sample_positives *o)
{
    const int64_t n = o->negatives.per_positive;
    LAUNCH(sample_positives, cuda_blocks(o->count * (n > 0 ? n : 1), SAMPLES), SAMPLES, 0, c, *o);
    return cuda_launched(c);
}
