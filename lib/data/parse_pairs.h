/* parse_pairs.h - the fast path of delimited text: lines that begin with two integers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_PARSE_PAIRS_H
#define DATA_PARSE_PAIRS_H

#include <stdint.h>

/* Reads at most `most` lines "DIGITS separator DIGITS [separator anything]" from `s`, up to `end` (behind a newline), of
 * which INPUT_SLACK more bytes can be read. Stops in front of the first line of another form: with a sign, more than 16
 * digits, spaces, quotes, nothing in it; with `strict` also one with a number that is written with leading zeros. Returns
 * the number of lines, *next is where it stopped. */
int64_t recsys__parse_pairs(const char *s, const char *end, char separator, int strict, int64_t *first, int64_t *second,
                            int64_t most, const char **next);

#endif
