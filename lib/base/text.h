/* text.h - text into a caller's or a growing buffer, and numbers in and out without the locale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/error.h"
#include "base/memory.h"

/* A growing, always terminated string. A failure sticks: later calls do nothing, and recsys__text_end() reports it. */
typedef struct text {
    memory *memory;
    error *error;
    recsys_status status;
    int64_t length, room;
    char *data;
} text;

text recsys__text_begin(memory *m, error *e);
void recsys__text_bytes(text *t, const char *bytes, int64_t length);
void recsys__text_string(text *t, const char *s);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void recsys__text_format(text *t, const char *format, ...); /* no %f, %e, %g: their decimal point is the locale's */
void recsys__text_number(text *t, double value);            /* shortest form that reads back equal; nan, inf */
void recsys__text_float(text *t, float value);              /* the same for float: 0.1f is 0.1 */
void recsys__text_fixed(text *t, double value, int digits); /* as %.*f */
void recsys__text_json(text *t, const char *s);             /* in quotes, escaped */
recsys_status recsys__text_end(text *t);                    /* status; on failure the data is gone, on success never NULL */
void recsys__text_free(text *t);                            /* not needed after a failure */

/* Bytes of the UTF-8 character at s[0], of `length` bytes left: 1 to 4, or 0 if there is none (overlong forms, surrogates
 * and what is beyond U+10FFFF are none). */
int recsys__utf8_length(const char *s, int64_t length);

/* Copies `length` bytes and a zero into buffer as far as `size` goes; returns `length`. */
int64_t recsys__text_copy(const char *s, int64_t length, char *buffer, int64_t size);

/* The text of recsys__text_number() and recsys__text_float() in a small buffer, for messages; both return `buffer`. */
#define NUMBER_ROOM 32
const char *recsys__number(char buffer[NUMBER_ROOM], double value);
const char *recsys__number_float(char buffer[NUMBER_ROOM], float value);

/* "3.36 GB", "512 bytes": a size for a person, in powers of 1000. Returns `buffer`. */
const char *recsys__size_text(char buffer[NUMBER_ROOM], int64_t bytes);

/* Reads all of s[0..length-1] as a number with a decimal point, in any locale, to the nearest double. 1 on success.
 * "nan", "inf" and what lies beyond the range of a double succeed too: ask isfinite() where that matters. */
int recsys__parse_double(const char *s, int64_t length, double *value);
int recsys__parse_i64(const char *s, int64_t length, int64_t *value); /* decimal, optional sign; 0 on overflow */

/* Of `count` words (a NULL ends them early) the one nearest to `given` by edit distance, the first of several, for "did you
 * mean". NULL if there are none. */
const char *recsys__nearest(const char *given, const char *const *words, int64_t count);

#endif
