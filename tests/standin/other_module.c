/* other_module.c - modules that the library must not take: of another ABI number (OTHER_ABI), or of another kind (OTHER_NAME).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/module.h"

static const backend_module module = {
    .struct_size = sizeof module,
#ifdef OTHER_ABI
    .abi = BACKEND_ABI + 1,
    .name = "cuda",
#else
    .abi = BACKEND_ABI,
    .name = "abacus",
#endif
};

__attribute__((visibility("default"))) const backend_module *recsys_backend_module(void);
__attribute__((visibility("default"))) const backend_module *recsys_backend_module(void)
{
    return &module;
}
