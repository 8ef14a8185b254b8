/* cell_number.c - numbers in the cells of text files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/cell_number.h"

#include <math.h>

#include "base/text.h"
#include "data/ids.h"

static void trim(const char **s, int64_t *length)
{
    while (*length > 0 && **s == ' ') ++*s, --*length;
    while (*length > 0 && (*s)[*length - 1] == ' ') --*length;
}

/* Digits with at most one point, 15 digits at most: whole numbers below 2^53 and powers of ten below 10^16 are exact as
 * doubles, so one division rounds once. 0 if the cell is of another form. */
static int plain_decimal(const char *s, int64_t length, double *value)
{
    static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    if (length > 16) return 0;
    int64_t digits = 0, point = -1, whole = 0;
    for (int64_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)(unsigned char)s[i] - '0';
        if (digit <= 9) {
            whole = whole * 10 + (int64_t)digit;
            digits++;
        } else if (s[i] == '.' && point < 0) {
            point = digits;
        } else {
            return 0;
        }
    }
    if (digits == 0 || digits > 15) return 0;
    *value = point < 0 ? (double)whole : (double)whole / power[digits - point];
    return 1;
}

/* What an infinite result came from: "inf" has no digit; 1e39 is a number, but none that a float can hold. */
static int infinite_or_large(const char *s, int64_t length)
{
    for (int64_t i = 0; i < length; i++)
        if (s[i] >= '0' && s[i] <= '9') return NUMBER_LARGE;
    return NUMBER_INFINITE;
}

int recsys__cell_float(const char *s, int64_t length, float *value)
{
    double v;
    trim(&s, &length);
    if (plain_decimal(s, length, &v)) {
        *value = (float)v;
        return NUMBER_OK;
    }
    if (length == 0 || !recsys__parse_double(s, length, &v)) return NUMBER_NONE;
    if (isnan(v)) return NUMBER_INFINITE;
    float rounded = (float)v;
    if (isinf(rounded)) return infinite_or_large(s, length);
    *value = rounded;
    return NUMBER_OK;
}

int recsys__cell_i64(const char *s, int64_t length, int64_t *value)
{
    trim(&s, &length);
    switch (recsys__integer(s, length, value)) {
    case INTEGER_OK:
    case INTEGER_PADDED: return NUMBER_OK;
    case INTEGER_LARGE: return NUMBER_LARGE;
    default: break;
    }
    double v;
    if (length == 0 || !recsys__parse_double(s, length, &v)) return NUMBER_NONE;
    if (!isfinite(v)) return NUMBER_INFINITE;
    if (v != floor(v)) return NUMBER_NONE;
    if (fabs(v) > 9007199254740992.0) return NUMBER_LARGE; /* 2^53: beyond it a double is no sure integer */
    *value = (int64_t)v;
    return NUMBER_OK;
}

const char *recsys__number_fault(int result, int integer)
{
    if (result == NUMBER_INFINITE) return "is not finite";
    if (result == NUMBER_LARGE) return integer ? "does not fit into 64 bits" : "does not fit into a 32-bit float";
    return integer ? "is not an integer" : "is not a number";
}
