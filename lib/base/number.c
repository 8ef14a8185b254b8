/* number.c - numbers as text and back, the same in every locale and correctly rounded.
 *
 * printf() and strtod() depend on the locale in one thing, the decimal point. Writing lets printf() find the digits and
 * sets the point itself; reading handles the point itself and shows strtod() integers with an exponent only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- reading ---- */

/* The number is digits * 10^exponent, where `digits` stand from `first` to `end`, perhaps with a point among them. */
typedef struct scanned {
    int negative;
    const char *first, *end; /* from the first digit that is not 0; first = end: zero */
    int64_t n_digits;
    uint64_t mantissa; /* their value while n_digits <= 19 */
    int64_t exponent;
} scanned;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits and at most one point. Returns where they end, NULL if there is no digit. */
static const char *scan_digits(scanned *n, const char *s, const char *end)
{
    int any = 0, point = 0;
    n->first = NULL;
    for (; s < end; s++) {
        if (*s == '.' && !point) {
            point = 1;
            continue;
        }
        if (!is_digit(*s)) break;
        any = 1;
        n->exponent -= point;
        if (!n->first && *s == '0') continue;
        if (!n->first) n->first = s;
        if (n->n_digits < 19) n->mantissa = 10 * n->mantissa + (uint64_t)(*s - '0');
        n->n_digits++;
    }
    n->end = s;
    if (!n->first) n->first = s;
    return any ? s : NULL;
}

/* An exponent, if there is one; far beyond the range of a double it only needs its sign. 1 if all up to `end` was read. */
static int scan_exponent(scanned *n, const char *s, const char *end)
{
    if (s == end) return 1;
    if (*s != 'e' && *s != 'E') return 0;
    s++;
    int negative = s < end && *s == '-';
    if (s < end && (*s == '-' || *s == '+')) s++;
    if (s == end) return 0;
    int64_t exponent = 0;
    for (; s < end && is_digit(*s); s++)
        if (exponent < INT64_MAX / 100) exponent = 10 * exponent + (*s - '0');
    n->exponent += negative ? -exponent : exponent;
    return s == end;
}

/* 768 digits decide any double; of those behind them it matters only whether one is not 0. */
static double slow_value(const scanned *n)
{
    enum { DIGITS = 770 };
    char buffer[DIGITS + 40];
    int length = 0;
    int64_t seen = 0, exponent = n->exponent;
    char sticky = '0';
    for (const char *s = n->first; s < n->end; s++) {
        if (*s == '.') continue;
        if (seen++ < DIGITS) buffer[length++] = *s;
        else if (*s != '0') sticky = '1';
    }
    if (seen > DIGITS) {
        buffer[length++] = sticky;
        exponent += seen - DIGITS - 1;
    }
    const int64_t far = 100000;
    exponent = exponent > far ? far : exponent < -far ? -far : exponent;
    snprintf(buffer + length, sizeof buffer - (size_t)length, "e%lld", (long long)exponent);
    return strtod(buffer, NULL);
}

/* A product or quotient of two doubles that are exact is rounded once, hence right. */
static double value_of(const scanned *n)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (n->n_digits == 0) return 0.0;
    if (FLT_EVAL_METHOD == 0 && n->n_digits <= 19 && n->mantissa <= (uint64_t)1 << 53) {
        if (n->exponent >= 0 && n->exponent <= 22) return (double)n->mantissa * power[n->exponent];
        if (n->exponent < 0 && n->exponent >= -22) return (double)n->mantissa / power[-n->exponent];
    }
    return slow_value(n);
}

static int is_word(const char *s, int64_t length, const char *word)
{
    for (int64_t k = 0; k < length; k++) {
        char c = s[k] >= 'A' && s[k] <= 'Z' ? (char)(s[k] + ('a' - 'A')) : s[k];
        if (c != word[k]) return 0; /* also where `word` ends */
    }
    return word[length] == 0;
}

int recsys__parse_double(const char *s, int64_t length, double *value)
{
    const char *end = s + length;
    scanned n = {0};
    if (s < end && (*s == '-' || *s == '+')) n.negative = *s++ == '-';
    double magnitude;
    if (s < end && !is_digit(*s) && *s != '.') {
        if (is_word(s, end - s, "nan")) magnitude = (double)NAN;
        else if (is_word(s, end - s, "inf") || is_word(s, end - s, "infinity")) magnitude = (double)INFINITY;
        else return 0;
    } else {
        s = scan_digits(&n, s, end);
        if (!s || !scan_exponent(&n, s, end)) return 0;
        magnitude = value_of(&n);
    }
    *value = n.negative ? -magnitude : magnitude;
    return 1;
}

int recsys__parse_i64(const char *s, int64_t length, int64_t *value)
{
    const char *end = s + length;
    int negative = 0;
    if (s < end && (*s == '-' || *s == '+')) negative = *s++ == '-';
    if (s == end) return 0;
    /* Counted downwards: the negative range is the larger. */
    int64_t v = 0;
    for (; s < end; s++) {
        if (!is_digit(*s)) return 0;
        int digit = *s - '0';
        if (v < (INT64_MIN + digit) / 10) return 0;
        v = 10 * v - digit;
    }
    if (!negative && v == INT64_MIN) return 0;
    *value = negative ? v : -v;
    return 1;
}

/* ---- writing ---- */

/* 0.d1 d2 ... dn * 10^point. */
typedef struct decimal {
    int negative, n_digits, point;
    char digit[20];
} decimal;

/* Rounds a finite value to so many digits, and drops zeros at their end. */
static decimal to_digits(double value, int n_digits)
{
    char buffer[64];
    decimal d = {.negative = signbit(value) != 0};
    snprintf(buffer, sizeof buffer, "%.*e", n_digits - 1, fabs(value));
    const char *s = buffer;
    for (; *s && *s != 'e'; s++)
        if (is_digit(*s)) d.digit[d.n_digits++] = *s;
    d.point = (int)strtol(s + 1, NULL, 10) + 1;
    while (d.n_digits > 1 && d.digit[d.n_digits - 1] == '0') d.n_digits--;
    return d;
}

/* 1234.5 or 0.0012 where the point lies near the digits, else 1.2e+30. */
static void lay_out(char buffer[NUMBER_ROOM], const decimal *d)
{
    const char *sign = d->negative ? "-" : "";
    int n = d->n_digits, point = d->point;
    if (point > 0 && point <= 17 && point >= n)
        snprintf(buffer, NUMBER_ROOM, "%s%.*s%.*s", sign, n, d->digit, point - n, "00000000000000000");
    else if (point > 0 && point <= 17)
        snprintf(buffer, NUMBER_ROOM, "%s%.*s.%.*s", sign, point, d->digit, n - point, d->digit + point);
    else if (point <= 0 && point > -5)
        snprintf(buffer, NUMBER_ROOM, "%s0.%.*s%.*s", sign, -point, "0000", n, d->digit);
    else
        snprintf(buffer, NUMBER_ROOM, "%s%c%s%.*se%+d", sign, d->digit[0], n > 1 ? "." : "", n - 1, d->digit + 1, point - 1);
}

static const char *not_finite(char buffer[NUMBER_ROOM], double value)
{
    snprintf(buffer, NUMBER_ROOM, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
    return buffer;
}

/* Any decimal of up to DBL_DIG digits survives being a normal double, so if a form that short exists, rounding to DBL_DIG
 * digits shows it, followed by zeros. Subnormal numbers hold fewer digits and are tried from one on. */
const char *recsys__number(char buffer[NUMBER_ROOM], double value)
{
    if (!isfinite(value)) return not_finite(buffer, value);
    for (int n_digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; n_digits <= DBL_DECIMAL_DIG; n_digits++) {
        decimal d = to_digits(value, n_digits);
        lay_out(buffer, &d);
        double back;
        if (recsys__parse_double(buffer, (int64_t)strlen(buffer), &back) && back == value) break;
    }
    return buffer;
}

const char *recsys__number_float(char buffer[NUMBER_ROOM], float value)
{
    if (!isfinite(value)) return not_finite(buffer, (double)value);
    for (int n_digits = fabsf(value) < FLT_MIN ? 1 : FLT_DIG; n_digits <= FLT_DECIMAL_DIG; n_digits++) {
        decimal d = to_digits((double)value, n_digits);
        lay_out(buffer, &d);
        double back;
        if (recsys__parse_double(buffer, (int64_t)strlen(buffer), &back) && (float)back == value) break;
    }
    return buffer;
}

/* The last `digits` characters of %.*f are the fraction, those at the front the whole; what is between is the locale's. */
void recsys__text_fixed(text *t, double value, int digits)
{
    enum { DIGITS_MAX = 60 };
    char buffer[DBL_MAX_10_EXP + DIGITS_MAX + 20];
    if (!isfinite(value)) {
        recsys__text_string(t, not_finite(buffer, value));
        return;
    }
    digits = digits < 0 ? 0 : digits > DIGITS_MAX ? DIGITS_MAX : digits;
    int length = snprintf(buffer, sizeof buffer, "%.*f", digits, value);
    int whole = buffer[0] == '-';
    while (whole < length && is_digit(buffer[whole])) whole++;
    recsys__text_bytes(t, buffer, whole);
    if (digits == 0) return;
    recsys__text_bytes(t, ".", 1);
    recsys__text_bytes(t, buffer + length - digits, digits);
}

const char *recsys__size_text(char buffer[NUMBER_ROOM], int64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(buffer, NUMBER_ROOM, "%lld bytes", (long long)bytes);
        return buffer;
    }
    int unit = 0;
    int64_t scale = 1000;
    while (bytes / scale >= 1000) scale *= 1000, unit++;
    snprintf(buffer, NUMBER_ROOM, "%lld.%02d %s", (long long)(bytes / scale), (int)(bytes % scale / (scale / 100)), units[unit]);
    return buffer;
}
