/* pair_tile_avx2.c - pair networks on AVX2 with FMA: groups of 4 rows x 24 items.
 *
 * A group's 12 sums, three vectors of activations and one weight take all 16 registers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kernels/cpu/pair_tile.h"
#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <immintrin.h>

enum { ROWS = 4, VECTORS = 3, LANES = 8, WIDTH = VECTORS * LANES };

/* 0 where 0 > x, else x: the second operand is what comes out for a NaN. */
#define RELU(x) _mm256_max_ps(_mm256_setzero_ps(), (x))

TARGET_AVX2 static void first_avx2(float *z, const float *query, const float *panel, int64_t H)
{
    for (int64_t h = 0; h < H; h++, z += WIDTH, panel += WIDTH) {
        __m256 q = _mm256_broadcast_ss(query + h);
#pragma GCC unroll 3
        for (int v = 0; v < VECTORS; v++)
            _mm256_storeu_ps(z + v * LANES, RELU(_mm256_add_ps(q, _mm256_loadu_ps(panel + v * LANES))));
    }
}

TARGET_AVX2 static void layer_avx2(float *out, const float *z, const float *weights, const float *bias, int64_t groups,
                                   int64_t H)
{
    const float *w = weights;
    for (int64_t g = 0; g < groups; g++, bias += ROWS, out += ROWS * WIDTH) {
        __m256 sum[ROWS][VECTORS];
        const float *z_c = z;
#pragma GCC unroll 4
        for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = sum[r][2] = _mm256_broadcast_ss(bias + r);
        for (int64_t c = 0; c < H; c++, w += ROWS, z_c += WIDTH) {
            __m256 z0 = _mm256_loadu_ps(z_c), z1 = _mm256_loadu_ps(z_c + LANES), z2 = _mm256_loadu_ps(z_c + 2 * LANES);
#pragma GCC unroll 4
            for (int r = 0; r < ROWS; r++) {
                __m256 w_r = _mm256_broadcast_ss(w + r);
                sum[r][0] = _mm256_fmadd_ps(w_r, z0, sum[r][0]);
                sum[r][1] = _mm256_fmadd_ps(w_r, z1, sum[r][1]);
                sum[r][2] = _mm256_fmadd_ps(w_r, z2, sum[r][2]);
            }
        }
#pragma GCC unroll 4
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 3
            for (int v = 0; v < VECTORS; v++) _mm256_storeu_ps(out + r * WIDTH + v * LANES, RELU(sum[r][v]));
    }
}

TARGET_AVX2 static void add_avx2(float *sum, const float *w, const float *z, int64_t H)
{
    __m256 s0 = _mm256_loadu_ps(sum), s1 = _mm256_loadu_ps(sum + LANES), s2 = _mm256_loadu_ps(sum + 2 * LANES);
    for (int64_t h = 0; h < H; h++, z += WIDTH) {
        __m256 w_h = _mm256_broadcast_ss(w + h);
        s0 = _mm256_fmadd_ps(w_h, _mm256_loadu_ps(z), s0);
        s1 = _mm256_fmadd_ps(w_h, _mm256_loadu_ps(z + LANES), s1);
        s2 = _mm256_fmadd_ps(w_h, _mm256_loadu_ps(z + 2 * LANES), s2);
    }
    _mm256_storeu_ps(sum, s0), _mm256_storeu_ps(sum + LANES, s1), _mm256_storeu_ps(sum + 2 * LANES, s2);
}

TARGET_AVX2 static void add_lanes_avx2(float *sum, const float *a, const float *b, int64_t D)
{
    __m256 s0 = _mm256_loadu_ps(sum), s1 = _mm256_loadu_ps(sum + LANES), s2 = _mm256_loadu_ps(sum + 2 * LANES);
    for (int64_t d = 0; d < D; d++, a += WIDTH, b += WIDTH) {
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), s0);
        s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + LANES), _mm256_loadu_ps(b + LANES), s1);
        s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + 2 * LANES), _mm256_loadu_ps(b + 2 * LANES), s2);
    }
    _mm256_storeu_ps(sum, s0), _mm256_storeu_ps(sum + LANES, s1), _mm256_storeu_ps(sum + 2 * LANES, s2);
}

const pair_tile *recsys__cpu_pair_avx2(void)
{
    static const pair_tile avx2 = {
        .name = "avx2",
        .rows = ROWS,
        .width = WIDTH,
        .first = first_avx2,
        .layer = layer_avx2,
        .add = add_avx2,
        .add_lanes = add_lanes_avx2,
    };
    return &avx2;
}
#else
const pair_tile *recsys__cpu_pair_avx2(void)
{
    return NULL;
}
#endif
