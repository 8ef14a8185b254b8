/* dropout.c - the dropout kernel: Philox4x32-10 on many counters at once, and a choice for each element.
 *
 * The rounds are those of base/random.c, written over lanes so that a compiler makes vectors of them; each rung gives the
 * same words. Lane j of a block draws for elements 4 j to 4 j + 3 of the block.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/dropout.h"

#include "base/random.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/shared/dropping.h"

enum { LANES = 16, BLOCK = 4 * LANES, ROUNDS = 10 };

typedef struct dropping {
    const op_dropout *o;
    uint32_t below; /* words below it drop */
    float factor;
} dropping;

/* The words of draws first to first + LANES - 1. Multipliers and key steps are Philox's. */
PART_OF_CALLER void draw(const op_dropout *o, uint64_t first, uint32_t word[4][LANES])
{
    uint32_t *c0 = word[0], *c1 = word[1], *c2 = word[2], *c3 = word[3];
    uint32_t key_0 = (uint32_t)o->seed, key_1 = (uint32_t)(o->seed >> 32);
    for (int j = 0; j < LANES; j++) {
        uint64_t index = first + (uint64_t)j;
        c0[j] = (uint32_t)index;
        c1[j] = (uint32_t)(index >> 32);
        c2[j] = (uint32_t)o->step;
        c3[j] = (o->stream << 16) ^ (uint32_t)(o->step >> 32);
    }
    for (int round = 0; round < ROUNDS; round++, key_0 += 0x9E3779B9u, key_1 += 0xBB67AE85u)
#pragma omp simd
        for (int j = 0; j < LANES; j++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[j], p1 = (uint64_t)0xCD9E8D57u * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ key_0;
            c1[j] = (uint32_t)p1;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ key_1;
            c3[j] = (uint32_t)p0;
        }
}

/* Elements begin to end - 1; begin is a multiple of BLOCK. */
PART_OF_CALLER void drop(const dropping *w, int64_t begin, int64_t end)
{
    const op_dropout *o = w->o;
    uint32_t below = w->below;
    for (int64_t i = begin; i < end; i += BLOCK) {
        uint32_t word[4][LANES];
        float factor[BLOCK];
        int64_t n = end - i < BLOCK ? end - i : BLOCK;
        draw(o, (uint64_t)i / 4, word);
        for (int j = 0; j < LANES; j++)
            for (int part = 0; part < 4; part++) factor[4 * j + part] = dropping_of_word(word[part][j], below, w->factor);
#pragma omp simd
        for (int64_t j = 0; j < n; j++) o->y[i + j] = dropping_element(o->x[i + j], factor[j]);
    }
}

static void drop_plain(const void *work, int64_t begin, int64_t end)
{
    drop(work, begin, end);
}

#if VEC_X86
TARGET_AVX2 static void drop_avx2(const void *work, int64_t begin, int64_t end)
{
    drop(work, begin, end);
}
#endif

size_t recsys__cpu_dropout_workspace(const op_dropout *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_dropout(op_context *c, const op_dropout *o)
{
    dropping w = { .o = o, .below = dropping_below(o->p), .factor = dropping_factor(o->p) };
    span_body body = drop_plain;
#if VEC_X86
    if (recsys__cpu_simd(c->simd) >= SIMD_AVX2) body = drop_avx2;
#endif
    c->rung = body == drop_plain ? "plain" : "avx2";
    spans(c, o->n, SPAN_ELEMENTS / 4, body, &w);
    return RECSYS_OK;
}
