/* json.c - reading a small JSON text, on jsmn.
 *
 * jsmn cuts the text into tokens. It is lenient about commas and about what numbers look like, and its time grows with the
 * square of the depth: what matters of that is checked here. One root, keys that are strings with one value each, numbers
 * made of the characters of numbers, and a bound on the depth.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"

#include <string.h>

#include "base/text.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

enum { MOST_DEPTH = 32 };

struct json {
    const char *text;
    int n_tokens;
    jsmntok_t token[];
};

static recsys_status fail(error *e, const char *reason)
{
    return recsys__fail(e, RECSYS_ERR_FILE_FORMAT, "%s", reason);
}

/* Brackets that are open at once, at most; those in strings do not count. */
static int64_t depth(const char *bytes, int64_t length)
{
    int64_t open = 0, most = 0;
    int in_string = 0;
    for (int64_t i = 0; i < length; i++) {
        char c = bytes[i];
        if (c == '"')
            in_string = !in_string;
        else if (in_string)
            i += c == '\\';
        else if (c == '[' || c == '{')
            open++;
        else if (c == ']' || c == '}')
            open--;
        if (open > most) most = open;
    }
    return most;
}

static int is_primitive(const char *s, size_t length)
{
    if ((length == 4 && (memcmp(s, "true", 4) == 0 || memcmp(s, "null", 4) == 0)) || (length == 5 && memcmp(s, "false", 5) == 0))
        return 1;
    for (size_t i = 0; i < length; i++)
        if (!memchr("0123456789+-.eE", s[i], 15)) return 0;
    return 1;
}

/* What every caller relies on: one root over the whole text, keys with exactly one value. */
static const char *structure_error(const json *j, int64_t length)
{
    const jsmntok_t *root = &j->token[0];
    for (int64_t i = root->end; i < length; i++)
        if (!memchr(" \t\r\n", j->text[i], 4)) return "text after the end of the JSON value";
    for (int t = 1; t < j->n_tokens; t++) {
        const jsmntok_t *token = &j->token[t];
        if (token->parent < 0) return "more than one JSON value";
        jsmntype_t parent = j->token[token->parent].type;
        if (parent == JSMN_OBJECT && (token->type != JSMN_STRING || token->size != 1)) return "a JSON key without a value";
        if (parent != JSMN_OBJECT && token->type == JSMN_STRING && token->size) return "a JSON string used as a key";
        if (parent == JSMN_PRIMITIVE) return "a JSON number used as a key";
        if (token->type == JSMN_PRIMITIVE && !is_primitive(j->text + token->start, (size_t)(token->end - token->start)))
            return "a JSON value that is no number, true, false or null";
    }
    return NULL;
}

recsys_status recsys__json_parse(memory *m, error *e, const char *bytes, int64_t length, json **out)
{
    *out = NULL;
    if (length > JSON_MAX_BYTES) return fail(e, "the JSON text is too long");
    /* jsmn takes a zero for the end of the text. */
    if (memchr(bytes, 0, (size_t)length)) return fail(e, "a zero byte in the JSON text");
    if (depth(bytes, length) > MOST_DEPTH) return fail(e, "JSON nested too deeply");
    jsmn_parser parser;
    jsmn_init(&parser);
    int n_tokens = jsmn_parse(&parser, bytes, (size_t)length, NULL, 0);
    if (n_tokens < 1) return fail(e, "malformed JSON");
    json *j;
    recsys_status status = recsys__alloc(m, e, (int64_t)(sizeof *j + (size_t)n_tokens * sizeof j->token[0]), 1, &j);
    if (status) return status;
    j->text = bytes;
    jsmn_init(&parser);
    j->n_tokens = jsmn_parse(&parser, bytes, (size_t)length, j->token, (unsigned)n_tokens);
    const char *reason = j->n_tokens < 1 ? "malformed JSON" : structure_error(j, length);
    if (reason) {
        recsys__json_free(m, j);
        return fail(e, reason);
    }
    *out = j;
    return RECSYS_OK;
}

void recsys__json_free(memory *m, json *j)
{
    recsys__free(m, j);
}

int recsys__json_type(const json *j, int node)
{
    if (node < 0) return 0;
    switch (j->token[node].type) {
    case JSMN_OBJECT: return JSON_OBJECT;
    case JSMN_ARRAY: return JSON_ARRAY;
    case JSMN_STRING: return JSON_STRING;
    case JSMN_PRIMITIVE: return JSON_PRIMITIVE;
    default: return 0;
    }
}

/* The next token after `node` whose parent is `parent`: tokens stand in the order of the text. */
static int child_after(const json *j, int node, int parent)
{
    int end = j->token[parent].end;
    for (int t = node + 1; t < j->n_tokens && j->token[t].start < end; t++)
        if (j->token[t].parent == parent) return t;
    return -1;
}

int recsys__json_first(const json *j, int node)
{
    int type = recsys__json_type(j, node);
    return type == JSON_OBJECT || type == JSON_ARRAY ? child_after(j, node, node) : -1;
}

int recsys__json_next(const json *j, int node)
{
    int parent = node < 0 ? -1 : j->token[node].parent;
    return parent < 0 ? -1 : child_after(j, node, parent);
}

int recsys__json_value(const json *j, int key)
{
    return key >= 0 && key + 1 < j->n_tokens && j->token[key + 1].parent == key ? key + 1 : -1;
}

int recsys__json_member(const json *j, int object, const char *name)
{
    if (recsys__json_type(j, object) != JSON_OBJECT) return -1;
    for (int key = recsys__json_first(j, object); key >= 0; key = recsys__json_next(j, key))
        if (recsys__json_equals(j, key, name)) return recsys__json_value(j, key);
    return -1;
}

int recsys__json_is_twice(const json *j, int object, const char *name)
{
    int found = 0;
    for (int key = recsys__json_first(j, object); key >= 0; key = recsys__json_next(j, key))
        found += recsys__json_equals(j, key, name);
    return found > 1;
}

int64_t recsys__json_begin(const json *j, int node)
{
    return j->token[node].start;
}

int64_t recsys__json_end(const json *j, int node)
{
    return j->token[node].end;
}

/* The four hexadecimal digits at s; jsmn has checked most of them, not those that the end of a string cuts off. */
static int hex4(const char *s, const char *end, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, s++) {
        if (s >= end) return 0;
        uint32_t digit = *s >= '0' && *s <= '9'   ? (uint32_t)(*s - '0')
                         : *s >= 'a' && *s <= 'f' ? (uint32_t)(*s - 'a') + 10
                         : *s >= 'A' && *s <= 'F' ? (uint32_t)(*s - 'A') + 10
                                                  : 16;
        if (digit > 15) return 0;
        *value = *value * 16 + digit;
    }
    return 1;
}

/* Reads the code point after "\u", a surrogate pair as one; the bytes taken, 0 if it is none. */
static int unicode_escape(const char *s, const char *end, uint32_t *point)
{
    uint32_t low;
    if (!hex4(s, end, point)) return 0;
    if (*point < 0xd800 || *point > 0xdfff) return *point ? 4 : 0;
    if (*point > 0xdbff || end - s < 10 || s[4] != '\\' || s[5] != 'u' || !hex4(s + 6, end, &low)) return 0;
    if (low < 0xdc00 || low > 0xdfff) return 0;
    *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
    return 10;
}

static int write_utf8(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint32_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    out[0] = (char)(lead[more] | (point >> (6 * more)));
    for (int i = 1; i <= more; i++) out[i] = (char)(0x80 | ((point >> (6 * (more - i))) & 0x3f));
    return more + 1;
}

/* One character of a string at s, its escape resolved; the bytes taken, 0 if it is none. */
static int string_step(const char *s, const char *end, char out[4], int *n_out)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    *n_out = 1;
    out[0] = s[0];
    if (s[0] != '\\') return 1;
    if (end - s < 2) return 0;
    if (s[1] == 'u') {
        uint32_t point;
        int taken = unicode_escape(s + 2, end, &point);
        if (taken) *n_out = write_utf8(point, out);
        return taken ? taken + 2 : 0;
    }
    for (const char *pair = escapes; *pair; pair += 2) {
        if (s[1] != pair[0]) continue;
        out[0] = pair[1];
        return 2;
    }
    return 0;
}

int64_t recsys__json_string(const json *j, int node, char *buffer, int64_t size)
{
    if (recsys__json_type(j, node) != JSON_STRING) return -1;
    const char *s = j->text + j->token[node].start, *end = j->text + j->token[node].end;
    int64_t length = 0;
    while (s < end) {
        char piece[4];
        int n_piece, taken = string_step(s, end, piece, &n_piece);
        if (!taken || length + n_piece >= size) return -1;
        memcpy(buffer + length, piece, (size_t)n_piece);
        length += n_piece;
        s += taken;
    }
    if (length >= size) return -1;
    buffer[length] = '\0';
    return length;
}

int recsys__json_equals(const json *j, int node, const char *s)
{
    char buffer[128];
    int64_t length = recsys__json_string(j, node, buffer, (int64_t)sizeof buffer);
    return length >= 0 && strcmp(buffer, s) == 0;
}

int recsys__json_count(const json *j, int node, int64_t *value)
{
    if (recsys__json_type(j, node) != JSON_PRIMITIVE) return 0;
    const char *s = j->text + j->token[node].start;
    if (*s < '0' || *s > '9') return 0;
    return recsys__parse_i64(s, j->token[node].end - j->token[node].start, value);
}
