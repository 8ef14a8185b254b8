/* safetensors.h - the container of model files: a JSON header, then raw tensors, without gaps.
 *
 *     byte 0        8 bytes: N, little-endian
 *     byte 8        N bytes of JSON, padded with spaces: {"__metadata__": {"key": "text", ...},
 *                   "name": {"dtype": "F32", "shape": [3, 4], "data_offsets": [begin, end]}, ...}
 *     byte 8 + N    the tensors, row-major and little-endian, at their offsets; the last one ends the file
 *
 * This file knows the container, model_save.c and model_load.c know what a model puts in. Sizes and offsets of a header
 * that was read are proven consistent with each other and with the length of the file before anything is handed out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_SAFETENSORS_H
#define IO_SAFETENSORS_H

#include "base/exec.h"
#include "base/text.h"
#include "io/json.h"

enum { SAFETENSORS_MAX_TENSORS = 256, SAFETENSORS_MAX_RANK = 4, SAFETENSORS_MAX_NAME = 64 };

/* Element types. RECSYS_F32, RECSYS_I32 and RECSYS_I64 go on with one that only files have. */
enum { SAFETENSORS_U8 = 100 };

/* Bytes of an element; 0 for a type that is not among ours. */
int64_t recsys__safetensors_element(int32_t dtype);

/* A tensor in a file. Its data begins at byte `begin` of the data, which begins at byte 8 + N. */
typedef struct safetensor {
    char name[SAFETENSORS_MAX_NAME];
    int32_t dtype;
    int32_t rank;
    int64_t shape[SAFETENSORS_MAX_RANK];
    int64_t begin, end;
} safetensor;

/* ---- reading ---- */

/* A file that lies in memory. */
typedef struct safetensors {
    const char *path;           /* for messages; borrowed */
    const unsigned char *file;  /* all of it; borrowed */
    int64_t file_bytes;
    json *header;
    int metadata;               /* node of `__metadata__`, -1: none */
    const unsigned char *data;
    int64_t data_bytes;
    int64_t n_tensors;
    safetensor tensor[SAFETENSORS_MAX_TENSORS];
} safetensors;

/* Reads length and JSON of the header: after it the metadata can be asked for. ERR_FILE_FORMAT with the reason; `s` needs
 * recsys__safetensors_close() only after success. */
recsys_status recsys__safetensors_open(recsys_exec *x, const char *path, const void *file, int64_t file_bytes, safetensors *s);

/* Reads and checks the tensors: names, types, shapes, and offsets that cover the data exactly, in any order. */
recsys_status recsys__safetensors_index(recsys_exec *x, safetensors *s);
void recsys__safetensors_close(recsys_exec *x, safetensors *s);

/* A metadata text; its length, or -1 if there is none, it comes twice, is no string or has no room. */
int64_t recsys__safetensors_text(const safetensors *s, const char *key, char *buffer, int64_t size);

/* Byte of the file at which a metadata text of exactly `length` plain characters begins, or -1. */
int64_t recsys__safetensors_text_position(const safetensors *s, const char *key, int64_t length);

/* The tensor of this name, NULL if there is none. */
const safetensor *recsys__safetensors_find(const safetensors *s, const char *name);

/* ---- writing ---- */

/* Puts the tensors of a file to be written in their order (elements of 8 bytes first, then 4, then 1, otherwise as
 * given), so that each is aligned to its elements, and fills in their offsets. order[k] is the tensor that comes k-th. */
recsys_status recsys__safetensors_layout(error *e, safetensor *tensor, int64_t n_tensors, int64_t *order);

/* Appends the header's entries of the tensors in order: `,"name":{...}` for each. */
void recsys__safetensors_entries(text *t, const safetensor *tensor, int64_t n_tensors, const int64_t *order);

/* Spaces to append to a header of `header_bytes` so that the byte `data_offset` of the data, a multiple of 8, comes to lie
 * at a multiple of 4096 in the file. */
int64_t recsys__safetensors_padding(int64_t header_bytes, int64_t data_offset);

#endif
