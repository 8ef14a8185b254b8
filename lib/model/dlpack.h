/* dlpack.h - arrays of the caller as tensors of a model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_DLPACK_H
#define MODEL_DLPACK_H

#include <recsys/dlpack.h>

#include "model/model.h"

/* Appends the tensor `name`, rows x *dim (0: whatever the array has, which is then set), that lies in an array of the
 * caller. */
recsys_status recsys__dlpack_borrow(recsys_exec *x, recsys_model *m, const char *name, int64_t rows, int64_t *dim,
                                    const struct DLManagedTensor *from);

/* The model has the arrays from now on. */
void recsys__dlpack_keep(recsys_model *m, struct DLManagedTensor *users, struct DLManagedTensor *items);

/* Calls the deleters of what a model was lent. */
void recsys__dlpack_give_back(recsys_model *m);

#endif
