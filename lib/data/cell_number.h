/* cell_number.h - numbers in the cells of text files, in any locale; spaces around them do no harm.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_CELL_NUMBER_H
#define DATA_CELL_NUMBER_H

#include <stdint.h>

enum {
    NUMBER_OK = 0,
    NUMBER_NONE = 1,     /* no number, or no integer where one is needed */
    NUMBER_INFINITE = 2, /* NaN or infinity */
    NUMBER_LARGE = 3     /* beyond the type's range */
};

/* A finite float; the result is NUMBER_*. */
int recsys__cell_float(const char *s, int64_t length, float *value);

/* A 64-bit integer; 1.5e9 and 12.0 are integers too. The result is NUMBER_*. */
int recsys__cell_i64(const char *s, int64_t length, int64_t *value);

/* Why a cell is no number: "is not a number". */
const char *recsys__number_fault(int result, int integer);

#endif
