/* vec.h - the rungs of SIMD: which there are, which one to use, and the row primitives that each offers.
 *
 * A rung is an instruction set. Kernels ask once per call for the highest rung that the exec allows and the processor
 * has, and take the table of primitives of that rung. Every primitive gives the same bits on every rung: the plain one
 * (vec/plain.c) defines them, the others are compared with it. Functions of a rung carry its TARGET_ attribute, so no
 * file needs compiler flags of its own, and nothing outside such functions can end up with instructions that the
 * processor lacks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_VEC_VEC_H
#define KERNELS_CPU_VEC_VEC_H

#include <stdint.h>

/* Rungs in ascending order; op_context.simd holds the highest one allowed. */
enum { SIMD_PLAIN = 0, SIMD_AVX2 = 1, SIMD_AVX512 = 2 };

#if defined(__x86_64__) && defined(__GNUC__)
#define VEC_X86 1
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_AVX512 __attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")))
#else
#define VEC_X86 0
#endif

/* The highest rung that is at most `limit` and that this processor has. Any thread. */
int32_t recsys__cpu_simd(int32_t limit);

/* Columns of a panel: the scores that panel_scores computes at once and at_least looks at, with a bit for each. Wider
 * panels do less work around the sums, narrower ones leave more of their rows in the caches. */
enum { VEC_PANEL = 32 };

/* The primitives of a rung. "y += x * a" is fmaf(x, a, y) for each element. Strips and lines: backend/symmetric.h. */
typedef struct vec {
    const char *name;

    /* y[c] = -sum * scale[c] for the columns c of a panel, where sum += val[e] * panel[item[e]][c] from 0 over
     * e = 0..n-1; val NULL: 1. item[0..readable-1] may be read, so that the rows that come next, this history's or those
     * of its successors, are fetched before they are needed. Returns at_least(y, floor). */
    uint32_t (*panel_scores)(float *y, const float *panel, const int32_t *item, const float *val, int64_t n,
                             int64_t readable, const float *scale, float floor);

    /* Bit c, for each of VEC_PANEL columns: y[c] >= floor. */
    uint32_t (*at_least)(const float *y, float floor);

    /* y[4 l + c] += x * line_l[r][c] for the n lines that follow each other from `lines` on. */
    void (*strip_row)(float *y, const float *lines, int64_t n, int64_t r, float x);

    /* y[4 l + r] += x * line_l[r][c] for the n lines below each other: line_0 is in strip a, line_l in strip a + l. */
    void (*strip_column)(float *y, const float *line_0, int64_t a, int64_t n, int64_t c, float x);

    /* y[c] = -y[c] * scale[c], as fmaf(-y[c], scale[c], 0), which makes every zero +0. Here and in panel_scores. */
    void (*negate_scale)(float *y, const float *scale, int64_t n);

    /* y[col[e]] += x * val[e] for e = 0..n-1. */
    void (*sparse_row)(float *y, const int32_t *col, const float *val, int64_t n, float x);
} vec;

/* The table of rung recsys__cpu_simd(limit). */
const vec *recsys__cpu_vec(int32_t limit);

/* The tables themselves; NULL where the build's processor family has no such rung. */
const vec *recsys__vec_plain(void);
const vec *recsys__vec_avx2(void);
const vec *recsys__vec_avx512(void);

/* Primitives of AVX2 that the table of AVX-512 takes over. */
void recsys__avx2_strip_row(float *y, const float *lines, int64_t n, int64_t r, float x);
void recsys__avx2_strip_column(float *y, const float *line_0, int64_t a, int64_t n, int64_t c, float x);
void recsys__avx2_sparse_row(float *y, const int32_t *col, const float *val, int64_t n, float x);

#endif
