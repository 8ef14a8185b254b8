/* dot_score.cu - the dot_score kernel: inner products in tiles at all items, or at given ones.
 *
 * Given items: a warp for 32 places of the list at a time. Their items' rows come into shared memory 32 columns at a time,
 * read along the rows, and each lane goes on with the chain of its own place. How many places there are is read on the
 * device.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/dot_panel.cuh"
#include "kernels/cuda/places.cuh"
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/dot_score.h"
}

/* Users of a launch; blocks for given items: as many as large devices run at once. */
static const int64_t USERS = 4096;
enum { LISTED_WARPS = 8, LISTED_BLOCKS = 1024 };

static __global__ void dot_listed(op_dot_score o)
{
    __shared__ float rooms[LISTED_WARPS][WARP][WARP + 1];
    int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP;
    float(*room)[WARP + 1] = rooms[warp];
    int64_t begin = o.at.ptr[0], end = o.at.ptr[o.at.n_queries];
    for (int64_t first = begin + ((int64_t)blockIdx.x * LISTED_WARPS + warp) * WARP; first < end;
         first += (int64_t)gridDim.x * LISTED_WARPS * WARP) {
        int64_t place = first + lane < end ? first + lane : end - 1;
        const float *user = o.users + query_of_place(&o.at, place) * o.dim;
        int32_t item = o.at.item[place];
        float sum = 0.0f;
        for (int64_t c = 0; c < o.dim; c += WARP) {
            int columns = o.dim - c < WARP ? (int)(o.dim - c) : (int)WARP;
            for (int row = 0; row < WARP; row++) {
                int32_t i = __shfl_sync(0xffffffffu, item, row);
                if (lane < columns) room[row][lane] = o.items[i * o.dim + c + lane];
            }
            __syncwarp();
            for (int k = 0; k < columns; k++) sum = fmaf(user[c + k], room[lane][k], sum);
            __syncwarp();
        }
        if (first + lane < end) o.at.out[place] = sum;
    }
}

size_t recsys__cuda_dot_score_workspace(const op_dot_score *)
{
    return 0;
}

recsys_status recsys__cuda_dot_score(op_context *c, const op_dot_score *o)
{
    int64_t Q = o->at.n_queries, I = o->at.n_items, D = o->dim;
    if (D < 1 || D > INT32_MAX)
        return cuda_fail(c->error, RECSYS_ERR_UNSUPPORTED, "dot_score: vectors of %lld columns", (long long)D);
    if (Q == 0) return RECSYS_OK;
    if (o->at.ptr) {
        TRY(topk_cancelled(c, "scoring"));
        LAUNCH(dot_listed, LISTED_BLOCKS, LISTED_WARPS * WARP, 0, c, *o);
        return cuda_launched(c);
    }
    for (int64_t q = 0; q < Q; q += USERS) {
        TRY(topk_cancelled(c, "scoring"));
        dot_fill(c, dot_panel{ o->users + q * D, o->items, Q - q < USERS ? Q - q : USERS, I, D, o->at.out + q * I, I },
                 dot_as_it_is());
    }
    return cuda_launched(c);
}
