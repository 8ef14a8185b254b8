/* edit.c - changing a model file and making its checksums right again; see edit.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

edited edit_copy(const void *bytes, size_t size)
{
    edited f = { malloc(size + 1), size };
    if (f.bytes && size) memcpy(f.bytes, bytes, size);
    return f;
}

size_t edit_header_length(const edited *f)
{
    uint64_t n = 0;
    if (f->size < 8) return 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | f->bytes[i];
    return n <= f->size - 8 ? (size_t)n : 0;
}

int edit_set_header(edited *f, const char *json, size_t length)
{
    size_t old = edit_header_length(f), padded = (length + 7) / 8 * 8, n_data = f->size - 8 - old;
    unsigned char *bytes = malloc(8 + padded + n_data + 1);
    if (!bytes) return 0;
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)padded >> (8 * i));
    memcpy(bytes + 8, json, length);
    memset(bytes + 8 + length, ' ', padded - length);
    memcpy(bytes + 8 + padded, f->bytes + 8 + old, n_data);
    free(f->bytes);
    f->bytes = bytes;
    f->size = 8 + padded + n_data;
    return 1;
}

/* Where `word` first is in the header, as an offset into the file; 0: nowhere. */
static size_t find(const edited *f, const char *word)
{
    size_t n = edit_header_length(f), length = strlen(word);
    for (size_t at = 8; at + length <= 8 + n; at++)
        if (memcmp(f->bytes + at, word, length) == 0) return at;
    return 0;
}

int edit_header(edited *f, const char *from, const char *to)
{
    size_t at = find(f, from), n = edit_header_length(f), n_from = strlen(from), n_to = strlen(to);
    if (!at) return 0;
    char *json = malloc(n + n_to + 1);
    if (!json) return 0;
    memcpy(json, f->bytes + 8, at - 8);
    memcpy(json + at - 8, to, n_to);
    memcpy(json + at - 8 + n_to, f->bytes + at + n_from, 8 + n - at - n_from);
    int done = edit_set_header(f, json, n - n_from + n_to);
    free(json);
    return done;
}

/* Reads the digits of the header at `at`. */
static size_t number(const edited *f, size_t *at)
{
    size_t value = 0, end = 8 + edit_header_length(f);
    for (; *at < end && f->bytes[*at] >= '0' && f->bytes[*at] <= '9'; ++*at) value = value * 10 + (size_t)(f->bytes[*at] - '0');
    return value;
}

unsigned char *edit_tensor(const edited *f, const char *name, size_t *n)
{
    static const char offsets[] = "\"data_offsets\":[";
    char key[160];
    snprintf(key, sizeof key, "\"%s\":{", name);
    size_t at = find(f, key), end = 8 + edit_header_length(f), n_offsets = sizeof offsets - 1;
    if (!at) return NULL;
    while (at + n_offsets < end && memcmp(f->bytes + at, offsets, n_offsets) != 0) at++;
    if (at + n_offsets >= end) return NULL;
    at += n_offsets;
    size_t first = number(f, &at);
    at++;
    size_t last = number(f, &at);
    if (last < first || last > f->size - end) return NULL;
    *n = last - first;
    return f->bytes + end + first;
}

static void put_checksum(unsigned char *to, const unsigned char *bytes, size_t n)
{
    char digits[9];
    snprintf(digits, sizeof digits, "%08lx", crc32_z(0, bytes, n));
    memcpy(to, digits, 8);
}

void edit_seal(edited *f)
{
    static const char prefix[] = "\"crc32.";
    size_t end = 8 + edit_header_length(f), own = 0;
    for (size_t at = 8; at + sizeof prefix - 1 < end; at++) {
        if (memcmp(f->bytes + at, prefix, sizeof prefix - 1) != 0) continue;
        const unsigned char *name = f->bytes + at + sizeof prefix - 1;
        const unsigned char *quote = memchr(name, '"', (size_t)(f->bytes + end - name));
        char word[128];
        if (!quote || (size_t)(quote - name) >= sizeof word || f->bytes + end - quote < 12 || memcmp(quote, "\":\"", 3) != 0) continue;
        memcpy(word, name, (size_t)(quote - name));
        word[quote - name] = '\0';
        size_t digits = (size_t)(quote + 3 - f->bytes), n;
        unsigned char *data = edit_tensor(f, word, &n);
        if (strcmp(word, "__header__") == 0)
            own = digits;
        else if (data)
            put_checksum(f->bytes + digits, data, n);
    }
    if (!own) return;
    memset(f->bytes + own, '0', 8);
    put_checksum(f->bytes + own, f->bytes, end);
}
