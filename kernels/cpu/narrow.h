/* narrow.h - the narrow products of kernels/shared/narrow.h: the same bits for all threads and rungs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_NARROW_H
#define KERNELS_CPU_NARROW_H

#include "kernels/cpu/product.h"
#include "kernels/shared/narrow.h"

/* 1 if recsys__cpu_narrow() does this product, which must not be empty. */
int recsys__cpu_is_narrow(const product *p);
size_t recsys__cpu_narrow_workspace(const product *p);
void recsys__cpu_narrow(op_context *c, const product *p);

#endif
