/* model_file.h - what saving and loading agree on: the names in a model file. docs/model-file.md explains them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_MODEL_FILE_H
#define IO_MODEL_FILE_H

#include "io/safetensors.h"
#include "model/model.h"

#define MODEL_FILE_FORMAT "recsys-model"

/* Tensors besides those of the model itself: ids of both kinds, of which a side has one, and histories. */
#define FILE_USER_IDS "user_ids"
#define FILE_USER_ID_BYTES "user_id_bytes"
#define FILE_USER_ID_OFFSETS "user_id_offsets"
#define FILE_ITEM_IDS "item_ids"
#define FILE_ITEM_ID_BYTES "item_id_bytes"
#define FILE_ITEM_ID_OFFSETS "item_id_offsets"
#define FILE_HISTORY_PTR "history_ptr"
#define FILE_HISTORY_ITEM "history_item"
#define FILE_HISTORY_VALUE "history_value"
enum { FILE_OTHER_TENSORS = 7 };
_Static_assert(MODEL_MAX_TENSORS + FILE_OTHER_TENSORS <= SAFETENSORS_MAX_TENSORS, "a model does not fit a file");

/* Checksums are metadata texts of eight lower-case hexadecimal digits: of each tensor, and of the header with the digits
 * of its own replaced by zeros, from the first byte of the file to the first byte of the data. */
#define CHECKSUM_PREFIX "crc32."
#define CHECKSUM_OF_HEADER CHECKSUM_PREFIX "__header__"
enum { CHECKSUM_DIGITS = 8 };

/* Writes the eight digits and a zero. */
void recsys__checksum_text(uint32_t crc, char out[CHECKSUM_DIGITS + 1]);

/* ERR_UNSUPPORTED on a machine whose numbers are not little-endian, which is what files hold. */
recsys_status recsys__check_byte_order(recsys_exec *x, const char *path);

#endif
