/* version.c - the version numbers of the library that is loaded, and how it was built.
 *
 * The build may define RECSYS_BLAS_INFO, a string literal such as "OpenBLAS 0.3.21 (openmp, static)".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/version.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

#if defined(__clang__)
#define COMPILER "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(__clang_patchlevel__)
#elif defined(__GNUC__)
#define COMPILER "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__) "." TEXT(__GNUC_PATCHLEVEL__)
#else
#define COMPILER "unknown compiler"
#endif

#if defined(__x86_64__)
#define KERNELS "x86-64 kernels plain, avx2, avx512"
#else
#define KERNELS "plain kernels"
#endif

#ifndef RECSYS_BLAS_INFO
#define RECSYS_BLAS_INFO "OpenBLAS"
#endif

const char *recsys_version(void)
{
    return TEXT(RECSYS_VERSION_MAJOR) "." TEXT(RECSYS_VERSION_MINOR) "." TEXT(RECSYS_VERSION_PATCH);
}

int32_t recsys_abi_version(void)
{
    return RECSYS_ABI_MAJOR * 1000 + RECSYS_ABI_MINOR;
}

const char *recsys_build_info(void)
{
    return COMPILER ", " RECSYS_BLAS_INFO ", " KERNELS;
}
