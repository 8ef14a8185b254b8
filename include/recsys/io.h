/* io.h - model files and data files.
 *
 * Models are saved as safetensors: a JSON header, then raw little-endian tensors, readable with the safetensors packages of
 * Python, Rust and others. docs/model-file.md describes the tensors. Files are written under a temporary name, synced and
 * renamed: after a crash there is the old file or the new one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_IO_H
#define RECSYS_IO_H

#include <recsys/model.h>

/** How to save a model; zero means default. */
typedef struct recsys_save_options {
    size_t struct_size;        /**< sizeof(recsys_save_options). */
    int32_t without_histories; /**< 1: the training histories stay out of the file. */
    int32_t reserved;          /**< Zero. */
} recsys_save_options;

/** Initialiser of recsys_save_options: all defaults. */
#define RECSYS_SAVE_OPTIONS_INIT { sizeof(recsys_save_options), 0, 0 }

/** How much of a model file to check. */
enum {
    RECSYS_VERIFY_ALL = 0,   /**< Header and every tensor's checksum. */
    RECSYS_VERIFY_HEADER = 1 /**< Header, sizes and the structure of ids and histories; tensors are read when used. */
};

/** How to load a model; zero means default. */
typedef struct recsys_load_options {
    size_t struct_size; /**< sizeof(recsys_load_options). */
    int32_t verify;     /**< RECSYS_VERIFY_*. */
    int32_t reserved;   /**< Zero. */
} recsys_load_options;

/** Initialiser of recsys_load_options: all defaults. */
#define RECSYS_LOAD_OPTIONS_INIT { sizeof(recsys_load_options), 0, 0 }

/** How to write events; zero means default. */
typedef struct recsys_write_options {
    size_t struct_size;    /**< sizeof(recsys_write_options). */
    const char *columns;   /**< Words as in recsys_read_options; NULL: all that the data has. */
    const char *separator; /**< NULL: tab. */
} recsys_write_options;

/** Initialiser of recsys_write_options: all defaults. */
#define RECSYS_WRITE_OPTIONS_INIT { sizeof(recsys_write_options), NULL, NULL }

RECSYS_BEGIN_DECLS

/** Saves a model. The same model gives the same bytes. A file that a loaded model lies in may be replaced.
 * @param options NULL for all defaults.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_STRUCT_SIZE, ERR_FILE_NOT_FOUND (the folder), ERR_IO (no room, a read-only
 * folder, a path that is no regular file), ERR_CANCELLED, ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_UNSUPPORTED (a machine that
 * is not little-endian). Messages about the file name it. On failure an existing file at `path` is as it was. Confined exec.
 * @since 0.1 */
RECSYS_API recsys_status recsys_model_save(const recsys_model *model, recsys_exec *exec, const char *path,
                                           const recsys_save_options *options);

/** Loads a model. On the CPU its tensors are the mapped file, without a copy; the file must not be changed in place
 * while the model lives (replacing it by renaming, or deleting it, is fine).
 * @param options NULL for all defaults.
 * @param[out] model owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_STRUCT_SIZE, ERR_OUT_OF_RANGE (`verify`), ERR_FILE_NOT_FOUND, ERR_IO,
 * ERR_FILE_FORMAT (no model file, or a malformed or truncated one), ERR_FILE_VERSION (the message has both numbers),
 * ERR_CHECKSUM, ERR_UNKNOWN_MODEL, ERR_TOO_LARGE (more ids than an index can count), ERR_NO_MEMORY, ERR_MEMORY_LIMIT,
 * ERR_CANCELLED, ERR_UNSUPPORTED (a machine that is not little-endian). Messages about the file name it. Confined exec.
 * @since 0.1 */
RECSYS_API recsys_status recsys_model_load(recsys_exec *exec, const char *path, const recsys_load_options *options,
                                           recsys_model **model);

/** Writes a dataset's events as delimited text, a line each, without header; rows of features with a label have one if their
 * features have names, and the word `feature` stands for all of them. A path that ends in `.gz` is compressed.
 * Strings that hold the separator, a quote or a newline are quoted. Ids without events are not written.
 * @param options NULL for all defaults.
 * @return RECSYS_OK, ERR_UNKNOWN_COLUMN, ERR_MISSING_DATA (a column that the data lacks), ERR_OUT_OF_RANGE (a separator that
 * could be part of a number), ERR_FILE_NOT_FOUND (no such folder), ERR_IO, ERR_INVALID_ARGUMENT, ERR_CANCELLED,
 * ERR_NO_MEMORY, ERR_MEMORY_LIMIT. On failure an existing file at `path` is as it was. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_write(const recsys_dataset *dataset, recsys_exec *exec, const char *path,
                                              const recsys_write_options *options);

RECSYS_END_DECLS
#endif
