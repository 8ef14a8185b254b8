/* cpu.h - the CPU backend: its kernels, one function per operation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_CPU_H
#define KERNELS_CPU_CPU_H

#include "backend/backend.h"

/* Each runs one descriptor; the size of its workspace is given by the function of the same name with _workspace. */
#define OP(number, NAME, name, formula)                                         \
    struct op_##name;                                                           \
    recsys_status recsys__cpu_##name(op_context *c, const struct op_##name *o); \
    size_t recsys__cpu_##name##_workspace(const struct op_##name *o, int32_t threads);
#include "backend/ops.def"
#undef OP

/* OK if `flavour`, as openblas_get_parallel() gives it, is OpenMP's; else ERR_BLAS with the packages to install. */
recsys_status recsys__cpu_check_blas(int flavour, error *e);

#endif
