/* encoding.h - text of unknown encoding: as UTF-8, and in messages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_ENCODING_H
#define DATA_ENCODING_H

#include "base/text.h"

/* 1 if all of s[0..length-1] is UTF-8. */
int recsys__is_utf8(const char *s, int64_t length);

/* Appends `s` as UTF-8: as it is if it is UTF-8, else taken for Latin-1. */
void recsys__text_utf8(text *t, const char *s, int64_t length);

/* A cell or an id for a message: in quotes, cut to fit. (Messages replace what cannot be printed.) Returns buffer. */
const char *recsys__show_cell(const char *s, int64_t length, char *buffer, size_t size);

#endif
