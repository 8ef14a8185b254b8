/* version.h - version numbers of the product, of its ABI and of its files.
 *
 * The ABI is numbered apart from the product: the soname comes from RECSYS_ABI_MAJOR, and within one major number
 * functions are only ever added. Before product version 1.0 the ABI major number is 0 and makes no promise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_VERSION_H
#define RECSYS_VERSION_H

#include <stdint.h>

#include <recsys/export.h>

#define RECSYS_VERSION_MAJOR 0 /**< Product version, major part. */
#define RECSYS_VERSION_MINOR 1 /**< Product version, minor part. */
#define RECSYS_VERSION_PATCH 0 /**< Product version, patch part. */
#define RECSYS_ABI_MAJOR 0     /**< ABI number: the soname. Programs built for another major number do not load. */
#define RECSYS_ABI_MINOR 1     /**< ABI additions: the newest node of the version script. */
#define RECSYS_MODEL_FORMAT 1  /**< Number of the model file format that this library writes. */

RECSYS_BEGIN_DECLS

/** Product version of the library that is loaded, as `"0.1.0"`. Static storage. Any thread. @since 0.1 */
RECSYS_API const char *recsys_version(void);

/** ABI number of the library that is loaded: `RECSYS_ABI_MAJOR * 1000 + RECSYS_ABI_MINOR`. Any thread. @since 0.1 */
RECSYS_API int32_t recsys_abi_version(void);

/** One line about the build: compiler, BLAS library, instruction sets that have kernels of their own. What of it this
 * machine uses is in recsys_device_info::description. Static storage. Any thread. @since 0.1 */
RECSYS_API const char *recsys_build_info(void);

RECSYS_END_DECLS
#endif
