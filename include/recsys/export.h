/* export.h - the mark on every function of the public API.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_EXPORT_H
#define RECSYS_EXPORT_H

/** Gives a function default visibility; everything else in the shared library is hidden. */
#if defined(__GNUC__)
#define RECSYS_API __attribute__((visibility("default")))
#else
#define RECSYS_API
#endif

#ifdef __cplusplus
#define RECSYS_BEGIN_DECLS extern "C" {
#define RECSYS_END_DECLS }
#else
#define RECSYS_BEGIN_DECLS
#define RECSYS_END_DECLS
#endif

#endif
