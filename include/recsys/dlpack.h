/* dlpack.h - arrays that other libraries hold, on a device or in host memory, exchanged without a copy.
 *
 * DLPack is the exchange format of array libraries (PyTorch, JAX, CuPy, NumPy ...). A program that uses these functions includes
 * <dlpack/dlpack.h> too; here its struct is only named.
 * Source: https://dmlc.github.io/dlpack/latest/ (DLManagedTensor, the layout that has no version).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_DLPACK_H
#define RECSYS_DLPACK_H

#include <recsys/model.h>

struct DLManagedTensor;

RECSYS_BEGIN_DECLS

/** Makes a model like recsys_model_from_embeddings() from arrays that are where the exec works: in memory of its CUDA device, or
 * of the host for the device `"cpu"`. They are not copied: the model reads them until it goes, and then calls their deleters, on
 * the thread that releases it last. They must not change meanwhile, and work of other streams on them must be finished.
 * @param train gives ids and histories; row r of each array belongs to index r.
 * @param users n_users x dim, @param items n_items x dim: float32, rows without gaps, each element finite (which is not looked at),
 * aligned to 64 bytes. Taken over on success only; after a failure they are the caller's as before.
 * @param options NULL for all defaults.
 * @param[out] model owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT (another shape, layout or alignment), ERR_TYPE, ERR_DEVICE (elsewhere),
 * ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_from_dlpack(const recsys_dataset *train, recsys_exec *exec,
                                                  struct DLManagedTensor *users, struct DLManagedTensor *items,
                                                  const recsys_fit_options *options, recsys_model **model);

/** Shows a tensor of a model to another library, without a copy. The tensor keeps the model alive until its deleter is called,
 * and must not be written to. Derived tensors are not shown.
 * @param[out] tensor owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_UNKNOWN_KEY, ERR_UNSUPPORTED (a derived tensor), ERR_DEVICE, ERR_NO_MEMORY. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_tensor_dlpack(const recsys_model *model, recsys_exec *exec, const char *name,
                                                    struct DLManagedTensor **tensor);

RECSYS_END_DECLS
#endif
