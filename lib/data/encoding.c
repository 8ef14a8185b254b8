/* encoding.c - text of unknown encoding: as UTF-8, and in messages.
 *
 * Latin-1 text with letters beyond ASCII is hardly ever well-formed UTF-8 (an accented letter would need a sign such as
 * (c) behind it), so each piece of text can be judged by itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/encoding.h"

#include <string.h>

int recsys__is_utf8(const char *s, int64_t length)
{
    for (int64_t at = 0; at < length;) {
        int bytes = recsys__utf8_length(s + at, length - at);
        if (bytes == 0) return 0;
        at += bytes;
    }
    return 1;
}

void recsys__text_utf8(text *t, const char *s, int64_t length)
{
    if (recsys__is_utf8(s, length)) {
        recsys__text_bytes(t, s, length);
        return;
    }
    for (int64_t at = 0; at < length; at++) {
        unsigned char c = (unsigned char)s[at];
        char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
        if (c < 0x80)
            recsys__text_bytes(t, s + at, 1);
        else
            recsys__text_bytes(t, two, 2);
    }
}

const char *recsys__show_cell(const char *s, int64_t length, char *buffer, size_t size)
{
    static const char more[] = "...\"";
    if (size < sizeof more + 1) {
        if (size > 0) buffer[0] = 0;
        return buffer;
    }
    int cut = length > (int64_t)(size - 3);
    size_t n = cut ? size - 1 - sizeof more : (size_t)length;
    while (cut && n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80) n--; /* not within a UTF-8 character */
    buffer[0] = '"';
    memcpy(buffer + 1, s, n);
    strcpy(buffer + 1 + n, cut ? more : "\"");
    return buffer;
}
