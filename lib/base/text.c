/* text.c - growing strings, JSON strings, UTF-8, edit distance. Numbers are in number.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- growing text ---- */

text recsys__text_begin(memory *m, error *e)
{
    return (text){.memory = m, .error = e};
}

void recsys__text_free(text *t)
{
    recsys__free(t->memory, t->data);
    t->data = NULL;
    t->length = t->room = 0;
}

static void give_up(text *t, recsys_status status)
{
    recsys__text_free(t);
    t->status = status;
}

/* Makes room for `more` bytes and the final zero. 1 if the text can take them. */
static int make_room(text *t, int64_t more)
{
    if (t->status) return 0;
    if (more < 0 || more > INT64_MAX / 4 - t->length) {
        give_up(t, recsys__fail(t->error, RECSYS_ERR_TOO_LARGE, "a text grows beyond what can be addressed"));
        return 0;
    }
    int64_t need = t->length + more + 1;
    if (need <= t->room) return 1;
    int64_t room = t->room < 128 ? 128 : 2 * t->room;
    if (room < need) room = need;
    recsys_status s = recsys__resize(t->memory, t->error, room, 1, &t->data);
    if (s) {
        give_up(t, s);
        return 0;
    }
    t->room = room;
    return 1;
}

void recsys__text_bytes(text *t, const char *bytes, int64_t length)
{
    if (!make_room(t, length)) return;
    if (length > 0) memcpy(t->data + t->length, bytes, (size_t)length);
    t->length += length;
    t->data[t->length] = 0;
}

void recsys__text_string(text *t, const char *s)
{
    recsys__text_bytes(t, s, (int64_t)strlen(s));
}

void recsys__text_format(text *t, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && make_room(t, length)) {
        vsnprintf(t->data + t->length, (size_t)length + 1, format, again);
        t->length += length;
    } else if (length < 0 && !t->status) {
        give_up(t, recsys__fail(t->error, RECSYS_ERR_TOO_LARGE, "a text grows beyond what can be formatted"));
    }
    va_end(again);
    va_end(arguments);
}

void recsys__text_number(text *t, double value)
{
    char buffer[NUMBER_ROOM];
    recsys__text_string(t, recsys__number(buffer, value));
}

void recsys__text_float(text *t, float value)
{
    char buffer[NUMBER_ROOM];
    recsys__text_string(t, recsys__number_float(buffer, value));
}

/* Control characters and what is no UTF-8 are escaped: the result is valid JSON whatever comes in. */
void recsys__text_json(text *t, const char *s)
{
    int64_t left = (int64_t)strlen(s);
    recsys__text_bytes(t, "\"", 1);
    while (left > 0) {
        int bytes = recsys__utf8_length(s, left);
        unsigned char c = (unsigned char)*s;
        if (bytes == 0) recsys__text_string(t, "\\ufffd"), bytes = 1;
        else if (c == '"' || c == '\\') recsys__text_format(t, "\\%c", c);
        else if (c == '\n') recsys__text_string(t, "\\n");
        else if (c == '\t') recsys__text_string(t, "\\t");
        else if (c < 0x20 || c == 0x7f) recsys__text_format(t, "\\u%04x", c);
        else recsys__text_bytes(t, s, bytes);
        s += bytes;
        left -= bytes;
    }
    recsys__text_bytes(t, "\"", 1);
}

recsys_status recsys__text_end(text *t)
{
    recsys__text_bytes(t, "", 0); /* an empty text is a string too */
    return t->status;
}

int64_t recsys__text_copy(const char *s, int64_t length, char *buffer, int64_t size)
{
    if (!buffer || size <= 0) return length;
    int64_t fits = length < size - 1 ? length : size - 1;
    if (fits > 0) memcpy(buffer, s, (size_t)fits);
    buffer[fits] = 0;
    return length;
}

/* ---- UTF-8 ---- */

int recsys__utf8_length(const char *s, int64_t length)
{
    if (length <= 0) return 0;
    unsigned char lead = (unsigned char)s[0];
    if (lead < 0x80) return 1;
    int bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || length < bytes) return 0;
    for (int k = 1; k < bytes; k++)
        if (((unsigned char)s[k] & 0xc0) != 0x80) return 0;
    unsigned char second = (unsigned char)s[1];
    if (lead == 0xe0 && second < 0xa0) return 0; /* overlong */
    if (lead == 0xed && second > 0x9f) return 0; /* surrogate */
    if (lead == 0xf0 && second < 0x90) return 0; /* overlong */
    if (lead == 0xf4 && second > 0x8f) return 0; /* beyond U+10FFFF */
    return bytes;
}

/* ---- the nearest word ---- */

enum { WORD_MAX = 64 }; /* longer words are compared by their first letters */

/* ASCII only: tolower() asks the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edits that turn a into b: a letter more, less or changed, or two neighbours swapped. Three rows of the usual table. */
static int distance(const char *a, const char *b)
{
    int rows = 0, columns = 0;
    while (rows < WORD_MAX && a[rows]) rows++;
    while (columns < WORD_MAX && b[columns]) columns++;
    int table[3][WORD_MAX + 1];
    for (int c = 0; c <= columns; c++) table[0][c] = c;
    for (int r = 1; r <= rows; r++) {
        int *row = table[r % 3];
        const int *above = table[(r - 1) % 3], *two_above = table[(r + 1) % 3];
        row[0] = r;
        for (int c = 1; c <= columns; c++) {
            int same = lower(a[r - 1]) == lower(b[c - 1]);
            row[c] = least(above[c - 1] + !same, least(above[c], row[c - 1]) + 1);
            if (r > 1 && c > 1 && lower(a[r - 1]) == lower(b[c - 2]) && lower(a[r - 2]) == lower(b[c - 1]))
                row[c] = least(row[c], two_above[c - 2] + 1);
        }
    }
    return table[rows % 3][columns];
}

const char *recsys__nearest(const char *given, const char *const *words, int64_t count)
{
    const char *best = NULL;
    int best_distance = 0;
    for (int64_t k = 0; k < count && words[k]; k++) {
        int d = distance(given, words[k]);
        if (!best || d < best_distance) best = words[k], best_distance = d;
    }
    return best;
}
