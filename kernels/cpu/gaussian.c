/* gaussian.c - the gaussian kernel: four numbers of a draw, by Box and Muller.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gaussian.h"

#include "base/random.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"
#include "kernels/shared/box_muller.h"

/* Draws in a piece. */
enum { DRAWS = 1024 };

size_t recsys__cpu_gaussian_workspace(const op_gaussian *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

static void draw(const void *work, int64_t begin, int64_t end)
{
    const op_gaussian *o = work;
    for (int64_t d = begin; d < end; d++) {
        uint32_t w[4];
        float four[4];
        recsys__random4(o->seed, o->stream, o->step, (uint64_t)d, w);
        for (int pair = 0; pair < 4; pair += 2) box_muller(w + pair, four + pair);
        for (int64_t i = 4 * d; i < 4 * d + 4 && i < o->count; i++) o->out[i] = four[i - 4 * d];
    }
}

recsys_status recsys__cpu_gaussian(op_context *c, const op_gaussian *o)
{
    spans(c, (o->count + 3) / 4, DRAWS, draw, o);
    return RECSYS_OK;
}
