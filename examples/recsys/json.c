/* json.c - the JSON that the commands write.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

static void indent(json *j)
{
    fputc('\n', j->out.file);
    for (int d = 0; d < j->depth; d++) fputs("  ", j->out.file);
}

/* Bytes of the UTF-8 character at s; 0 if what stands there is none. */
static int character_length(const unsigned char *s)
{
    static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    int length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (length < 2) return length;
    unsigned code = s[0] & (0x7Fu >> length);
    for (int i = 1; i < length; i++) {
        if (s[i] >> 6 != 2) return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    return code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : length;
}

/* In quotes and escaped. An id may hold any bytes: those that are no UTF-8 become the replacement character. */
static void quoted(json *j, const char *value)
{
    FILE *f = j->out.file;
    const unsigned char *s = (const unsigned char *)value;
    fputc('"', f);
    while (*s != '\0') {
        int length = character_length(s);
        if (length == 0) fputs("\\ufffd", f);
        else if (*s == '"' || *s == '\\') fprintf(f, "\\%c", *s);
        else if (*s < 0x20) fprintf(f, "\\u%04x", *s);
        else fwrite(s, 1, (size_t)length, f);
        s += length > 0 ? length : 1;
    }
    fputc('"', f);
}

static void key_of(json *j, const char *key)
{
    if (!j->fresh) fputc(',', j->out.file);
    j->fresh = 0;
    indent(j);
    if (key == NULL) return;
    quoted(j, key);
    fputs(": ", j->out.file);
}

recsys_status json_open(program *p, json *j, const char *path)
{
    *j = (json)JSON_INIT;
    if (path == NULL) return RECSYS_OK;
    recsys_status status = outfile_open(p, &j->out, path);
    if (status != RECSYS_OK) return status;
    fputc('{', j->out.file);
    j->depth = 1;
    j->fresh = 1;
    return RECSYS_OK;
}

recsys_status json_close(program *p, json *j, recsys_status status)
{
    if (j->out.file == NULL) return status;
    fputs("\n}\n", j->out.file);
    return outfile_close(p, &j->out, status);
}

void json_begin(json *j, const char *key, char bracket)
{
    if (j->out.file == NULL) return;
    key_of(j, key);
    fputc(bracket, j->out.file);
    j->depth++;
    j->fresh = 1;
}

void json_end(json *j, char bracket)
{
    if (j->out.file == NULL) return;
    j->depth--;
    if (!j->fresh) indent(j);
    fputc(bracket, j->out.file);
    j->fresh = 0;
}

void json_text(json *j, const char *key, const char *value)
{
    if (j->out.file == NULL) return;
    key_of(j, key);
    if (value != NULL) quoted(j, value);
    else fputs("null", j->out.file);
}

void json_integer(json *j, const char *key, int64_t value)
{
    if (j->out.file == NULL) return;
    key_of(j, key);
    fprintf(j->out.file, "%lld", (long long)value);
}

void json_number(json *j, const char *key, double value)
{
    char text[32] = "null";
    if (j->out.file == NULL) return;
    key_of(j, key);
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (back >= value && back <= value) break;
    }
    fputs(text, j->out.file);
}

void json_id(json *j, const char *key, const recsys_ids *ids, int64_t index)
{
    if (j->out.file == NULL) return;
    char *text = id_text(ids, index);
    if (recsys_ids_type(ids) == RECSYS_ID_INT && text != NULL) {
        key_of(j, key);
        fputs(text, j->out.file);
    } else {
        json_text(j, key, text);
    }
    free(text);
}
