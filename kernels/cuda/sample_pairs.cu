/* sample_pairs.cu - the sample_pairs kernel: a thread for each sample, and small blocks, because a batch has few samples and
 * each waits for a chain of look-ups.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/negatives.h"

extern "C" {
#include "backend/op/sample_pairs.h"
}

enum { SAMPLES = 64 };

static __global__ void sample_pairs(op_sample_pairs o)
{
    const int64_t P = o.n_positives, n = o.negatives.per_positive;
    GRID_STRIDE(b, o.count) {
        int64_t sample = o.in_order ? o.position + b : permutation_at(&o.order, o.position + b);
        bool is_negative = sample >= P;
        int64_t positive = is_negative ? (sample - P) / n : sample;
        int32_t u = o.user[positive];
        o.users[b] = u;
        o.labels[b] = is_negative ? 0.0f : 1.0f;
        if (o.clean) o.clean[b] = is_negative ? 2 : o.flag[positive];
        o.items[b] = is_negative ? draw_negative(o.negatives, u, (uint64_t)sample) : o.item[positive];
    }
}

size_t recsys__cuda_sample_pairs_workspace(const op_sample_pairs *)
{
    return 0;
}

recsys_status recsys__cuda_sample_pairs(op_context *c, const op_sample_pairs *o)
{
    LAUNCH(sample_pairs, cuda_blocks(o->count, SAMPLES), SAMPLES, 0, c, *o);
    return cuda_launched(c);
}
