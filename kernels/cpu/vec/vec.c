/* vec.c - chooses the rung of SIMD.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/vec/vec.h"

int32_t recsys__cpu_simd(int32_t limit)
{
#if VEC_X86
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    if (limit >= SIMD_AVX512 && avx512) return SIMD_AVX512;
    if (limit >= SIMD_AVX2 && avx2) return SIMD_AVX2;
#else
    (void)limit;
#endif
    return SIMD_PLAIN;
}

const vec *recsys__cpu_vec(int32_t limit)
{
    switch (recsys__cpu_simd(limit)) {
    case SIMD_AVX512: return recsys__vec_avx512();
    case SIMD_AVX2: return recsys__vec_avx2();
    default: return recsys__vec_plain();
    }
}
