/* npy.h - the head of a NumPy array file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_NPY_H
#define RECSYS_PROGRAM_NPY_H

#include <stdio.h>

#include <recsys/model.h>

/* Bytes of an element of a RECSYS_F32, _I32 or _I64 tensor; 0 for a type that this program does not know. */
size_t npy_element_size(int32_t dtype);

/* Writes the head for a tensor; its elements, row-major and little-endian, follow. */
void npy_write_head(FILE *file, const recsys_tensor_info *info);

#endif
