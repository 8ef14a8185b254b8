/* edit.h - changing a model file the way a forger would: any part, with the checksums made right again.
 *
 * Knows the format from docs/model-file.md alone and uses nothing of the library, so it is a second opinion on it too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_IO_EDIT_H
#define TESTS_IO_EDIT_H

#include <stddef.h>
#include <stdint.h>

/* A model file in memory; `bytes` is from malloc(). */
typedef struct edited {
    unsigned char *bytes;
    size_t size;
} edited;

/* A copy of some bytes. bytes NULL: out of memory, as in the functions below. */
edited edit_copy(const void *bytes, size_t size);

/* Length of the header's JSON, 0 if the file does not begin like a model file. */
size_t edit_header_length(const edited *f);

/* Gives the file another JSON header, padded to a multiple of 8; 0 on failure. */
int edit_set_header(edited *f, const char *json, size_t length);

/* Replaces the first `from` in the header by `to`; 0 if it is not there. */
int edit_header(edited *f, const char *from, const char *to);

/* The data of a tensor and its length, by its entry in the header; NULL if it has none that fits the file. */
unsigned char *edit_tensor(const edited *f, const char *name, size_t *n);

/* Makes all checksums right that the header names, its own last. Leaves what it does not understand. */
void edit_seal(edited *f);

#endif
