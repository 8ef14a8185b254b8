/* table.c - cells are kept as text until their columns' widths are known.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 32 };

void table_text(table *t, const char *text)
{
    if (t->cells == t->room) {
        int64_t room = t->room > 0 ? 2 * t->room : 64;
        char **grown = realloc(t->cell, (size_t)room * sizeof *grown);
        if (grown != NULL) {
            t->cell = grown;
            t->room = room;
        }
    }
    size_t size = strlen(text) + 1;
    char *copy = t->cells < t->room ? malloc(size) : NULL;
    if (copy == NULL) {
        t->failed = 1;
        return;
    }
    memcpy(copy, text, size);
    t->cell[t->cells++] = copy;
}

void table_integer(table *t, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    table_text(t, text);
}

void table_head(table *t, ...)
{
    va_list arguments;
    va_start(arguments, t);
    for (const char *s; (s = va_arg(arguments, const char *)) != NULL;) table_text(t, s);
    va_end(arguments);
}

/* Characters of UTF-8 text: all bytes but those that continue one. */
static int width(const char *s)
{
    int n = 0;
    for (; *s != '\0'; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

recsys_status table_show(program *p, table *t)
{
    int widest[MOST_COLUMNS] = { 0 };
    int good = !t->failed && t->columns <= MOST_COLUMNS;
    for (int64_t i = 0; good && i < t->cells; i++) {
        int w = width(t->cell[i]);
        if (w > widest[i % t->columns]) widest[i % t->columns] = w;
    }
    for (int64_t i = 0; good && i < t->cells; i++) {
        int c = (int)(i % t->columns);
        int last = c == t->columns - 1;
        int padding = widest[c] - width(t->cell[i]);
        program_say(p, "%*s%s", t->align[c] == 'r' ? padding : 0, "", t->cell[i]);
        program_say(p, "%*s%s", t->align[c] == 'l' && !last ? padding : 0, "", last ? "\n" : "  ");
    }
    for (int64_t i = 0; i < t->cells; i++) free(t->cell[i]);
    free(t->cell);
    t->cell = NULL;
    t->cells = t->room = 0;
    t->failed = 0;
    return good ? RECSYS_OK : program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
}

const char *size_text(char buffer[24], int64_t bytes)
{
    static const char *const unit[] = { "bytes", "kB", "MB", "GB", "TB", "PB", "EB" };
    double value = (double)bytes;
    int u = 0;
    for (; value >= 1000.0 && u < 6; u++) value /= 1000.0;
    snprintf(buffer, 24, u == 0 ? "%.0f %s" : value < 10.0 ? "%.2f %s" : value < 100.0 ? "%.1f %s" : "%.0f %s", value, unit[u]);
    return buffer;
}
