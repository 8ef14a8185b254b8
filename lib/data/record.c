/* record.c - delimited text as records of cells.
 *
 * A record is scanned where it lies in the chunk. If an open quote takes it beyond the chunk, the chunk is extended and
 * the record scanned again. Doubled quotes are put right in place, once the record is known to be whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/record.h"

#include <string.h>

/* What scanning one record found. */
enum { SCAN_OK = 0, SCAN_OPEN = 1, SCAN_TEXT_BEHIND_QUOTE = 2 };

typedef struct scan {
    char *next;    /* behind the record */
    int64_t lines; /* line feeds in it */
    int32_t n_cells;
    int32_t column; /* of the cell at fault, from 0 */
    int doubled;    /* there are doubled quotes */
} scan;

/* ---- separators ---- */

/* Whether the separator stands at `s`; the chunk's slack makes the comparison safe. */
static int separator_at(const record_reader *r, const char *s)
{
    return *s == r->separator[0] && (r->separator_length == 1 || memcmp(s, r->separator, (size_t)r->separator_length) == 0);
}

/* Whether `word` stands in the line outside quotes. */
static int line_has(const char *line, const char *end, const char *word, int quotes)
{
    size_t length = strlen(word);
    int quoted = 0;
    for (; line < end; line++) {
        if (*line == '"' && quotes) quoted = !quoted;
        if (!quoted && (size_t)(end - line) >= length && memcmp(line, word, length) == 0) return 1;
    }
    return 0;
}

static void find_separator(record_reader *r)
{
    static const char *const known[] = {"\t", "::", ",", ";", " "};
    char *line = r->at;
    while (line < r->end && (*line == '\n' || *line == '\r')) line++;
    if (line == r->end) return;
    const char *end = memchr(line, '\n', (size_t)(r->end - line));
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (line_has(line, end, known[k], r->quotes)) {
            strcpy(r->separator, known[k]);
            r->separator_length = (int64_t)strlen(known[k]);
            return;
        }
}

/* ---- opening and closing ---- */

static recsys_status set_separator(record_reader *r, const char *separator)
{
    size_t length = strlen(separator);
    if (length >= sizeof r->separator || strpbrk(separator, "\"\r\n"))
        return recsys__fail(&r->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "separator: up to %d characters, neither quotes nor line ends, are needed",
                            (int)sizeof r->separator - 1);
    memcpy(r->separator, separator, length + 1);
    r->separator_length = (int64_t)length;
    return RECSYS_OK;
}

recsys_status recsys__record_open(recsys_exec *x, input *in, const char *separator, int quotes, int32_t max_cells,
                                  record_reader **out)
{
    record_reader *r;
    *out = NULL;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *r, &r);
    if (s) return s;
    r->x = x;
    r->in = in;
    r->quotes = quotes;
    r->line = 1;
    r->max_cells = max_cells > 0 ? max_cells : 1;
    s = recsys__alloc_zero(x->memory, &x->error, r->max_cells, sizeof *r->cells, &r->cells);
    if (!s && separator) s = set_separator(r, separator);
    if (!s) s = recsys__record_fill(r);
    if (s) {
        recsys__record_close(r);
        return s;
    }
    if (!separator) find_separator(r);
    *out = r;
    return RECSYS_OK;
}

void recsys__record_close(record_reader *r)
{
    if (!r) return;
    memory *m = r->x->memory;
    recsys__free(m, r->cells);
    recsys__free(m, r);
}

recsys_status recsys__record_fill(record_reader *r)
{
    if (r->at < r->end) return RECSYS_OK;
    return recsys__input_chunk(r->in, r->line, &r->at, &r->end);
}

/* ---- scanning ---- */

/* Scans the cell in quotes that begins at `s`. Returns what follows the closing quote, NULL if there is none. */
static char *scan_quoted(char *s, char *end, scan *found, int64_t *length)
{
    char *from = s + 1;
    for (s = from; (s = memchr(s, '"', (size_t)(end - s))) != NULL; s += 2) {
        if (s[1] != '"') break; /* the slack makes s[1] readable; the chunk's last byte is a newline, so s is before it */
        found->doubled = 1;
    }
    if (!s) return NULL;
    for (const char *c = from; (c = memchr(c, '\n', (size_t)(s - c))) != NULL; c++) found->lines++;
    *length = s - from;
    return s + 1;
}

/* The end of the cell without quotes that begins at `s`: a separator or the end of the line. */
static char *scan_plain(const record_reader *r, char *s)
{
    const char separator = r->separator[0];
    for (;; s++) {
        while (*s != separator && *s != '\n') s++;
        if (*s == '\n' || r->separator_length == 1 || separator_at(r, s)) return s;
    }
}

/* Scans the record that begins at `s`, which is not the end of the chunk. */
static int scan_record(record_reader *r, char *s, scan *found)
{
    *found = (scan){.next = NULL};
    for (;;) {
        cell c = {s, 0};
        if (*s == '"' && r->quotes) {
            int64_t length;
            s = scan_quoted(s, r->end, found, &length);
            found->column = found->n_cells;
            if (!s) return SCAN_OPEN;
            c = (cell){c.text + 1, length};
            if (*s == '\r' && s[1] == '\n') s++;
            if (*s != '\n' && !separator_at(r, s)) return SCAN_TEXT_BEHIND_QUOTE;
        } else {
            s = scan_plain(r, s);
            c.length = s - c.text;
            if (*s == '\n' && c.length > 0 && s[-1] == '\r') c.length--;
        }
        if (found->n_cells < r->max_cells) r->cells[found->n_cells] = c;
        found->n_cells++;
        if (*s == '\n') break;
        s += r->separator_length;
    }
    found->lines++;
    found->next = s + 1;
    return SCAN_OK;
}

/* Makes one quote of two, in a cell in quotes: one that has a quote right before it. */
static void undouble(cell *c)
{
    if (c->text[-1] != '"') return;
    char *to = (char *)c->text, *end = to + c->length;
    for (const char *from = to; from < end; from++) {
        *to++ = *from;
        if (*from == '"') from++;
    }
    c->length = to - c->text;
}

static void undouble_all(record_reader *r, const char *begin, int32_t n_cells)
{
    for (int32_t k = 0; k < n_cells && k < r->max_cells; k++)
        if (r->cells[k].text > begin) undouble(&r->cells[k]);
}

static recsys_status fail_scan(const record_reader *r, int result, const scan *found)
{
    error *e = &r->x->error;
    const char *path = recsys__input_path(r->in);
    if (result == SCAN_OPEN)
        return recsys__fail(e, RECSYS_ERR_PARSE, "%s:%lld: column %d: the quote is not closed before the end of the file",
                            path, (long long)r->line, found->column + 1);
    return recsys__fail(e, RECSYS_ERR_PARSE, "%s:%lld: column %d: text behind the closing quote", path,
                        (long long)(r->line + found->lines), found->column + 1);
}

static int blank_line(const char *s)
{
    return *s == '\n' ? 1 : s[0] == '\r' && s[1] == '\n' ? 2 : 0;
}

recsys_status recsys__record_next(record_reader *r, const cell **cells, int32_t *n_cells, int64_t *line)
{
    *cells = NULL;
    *n_cells = 0;
    for (;;) {
        recsys_status s = recsys__record_fill(r);
        *line = r->line;
        if (s || r->at == r->end) return s;
        int blank = blank_line(r->at);
        if (!blank) break;
        r->at += blank;
        r->line++;
    }
    scan found;
    int result = scan_record(r, r->at, &found);
    while (result == SCAN_OPEN) {
        int64_t had = r->end - r->at;
        recsys_status s = recsys__input_extend(r->in, r->line, r->at, &r->at, &r->end);
        if (s) return s;
        if (r->end - r->at == had) break;
        result = scan_record(r, r->at, &found);
    }
    if (result != SCAN_OK) return fail_scan(r, result, &found);
    if (found.doubled) undouble_all(r, r->at, found.n_cells);
    r->at = found.next;
    r->line += found.lines;
    *cells = r->cells;
    *n_cells = found.n_cells;
    return RECSYS_OK;
}

void recsys__record_peek(record_reader *r, int ahead, const cell **cells, int32_t *n_cells)
{
    *cells = NULL;
    *n_cells = 0;
    scan found;
    char *s = r->at;
    for (int k = 0; k <= ahead; k++) {
        int blank;
        while (s < r->end && (blank = blank_line(s)) > 0) s += blank;
        if (s == r->end || scan_record(r, s, &found) != SCAN_OK) return;
        s = found.next;
    }
    *cells = r->cells;
    *n_cells = found.n_cells;
}
