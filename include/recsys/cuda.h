/* cuda.h - for programs that use CUDA themselves: an exec in a stream of theirs.
 *
 * Nothing of CUDA is included here: a stream is passed as the pointer that it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_CUDA_H
#define RECSYS_CUDA_H

#include <recsys/exec.h>

RECSYS_BEGIN_DECLS

/** Makes an exec like recsys_exec_create() whose work on the device is done in a stream of the caller, after what the caller
 * has put there before and before what comes later. The caller's current device is neither used nor changed.
 * @param options `device` is a CUDA device, the one that the stream belongs to.
 * @param stream a cudaStream_t, which outlives the exec and is not captured meanwhile; NULL: a stream of the exec's own.
 * @param[out] exec the new exec, owned by the caller; NULL on failure.
 * @param[out] error details on failure; may be NULL.
 * @return RECSYS_OK, and as recsys_exec_create(); ERR_DEVICE if the device has no streams. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_exec_create_on_stream(recsys_env *env, const recsys_exec_options *options, void *stream,
                                                      recsys_exec **exec, recsys_error_info *error);

RECSYS_END_DECLS
#endif
