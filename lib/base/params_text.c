/* params_text.c - the text form of parameters: "l2=80,normalize=both,layers=64:32:16".
 *
 * Spaces around keys and values are allowed when reading. Numbers know no locale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/params_inside.h"
#include "base/text.h"

/* ---- reading a value ---- */

/* What a message quotes of a text that may be long. */
static int shown(int64_t length)
{
    return length < 60 ? (int)length : 60;
}

static recsys_status fail_type(recsys_params *p, const param_schema *schema, const char *s, int64_t length, const char *wanted)
{
    return recsys__fail(&p->error, RECSYS_ERR_TYPE, "%s: %s is \"%.*s\", which is not %s", p->model, schema->key, shown(length),
                        s, wanted);
}

static int is_integer(const char *s, int64_t length)
{
    int64_t k = length > 0 && (s[0] == '-' || s[0] == '+');
    if (k == length) return 0;
    for (; k < length; k++)
        if (s[k] < '0' || s[k] > '9') return 0;
    return 1;
}

static recsys_status parse_integer(recsys_params *p, const param_schema *schema, const char *s, int64_t length, int64_t *value)
{
    if (!is_integer(s, length)) return fail_type(p, schema, s, length, "an integer");
    if (recsys__parse_i64(s, length, value)) return RECSYS_OK;
    return recsys__fail(&p->error, RECSYS_ERR_OUT_OF_RANGE, "%s: %s is %.*s, which is beyond 64 bits", p->model, schema->key,
                        shown(length), s);
}

static int is_word(const char *s, int64_t length, const char *word)
{
    return (int64_t)strlen(word) == length && memcmp(s, word, (size_t)length) == 0;
}

static recsys_status parse_bool(recsys_params *p, const param_schema *schema, const char *s, int64_t length, int64_t *value)
{
    *value = is_word(s, length, "true") || is_word(s, length, "1");
    if (*value || is_word(s, length, "false") || is_word(s, length, "0")) return RECSYS_OK;
    return fail_type(p, schema, s, length, "true or false");
}

static recsys_status parse_choice(recsys_params *p, int64_t index, const char *s, int64_t length, int64_t *value)
{
    enum { WORDS_MAX = 32 };
    const param_schema *schema = &p->schema[index];
    const char *words[WORDS_MAX], *word = recsys__param_word(p, index, 0);
    int64_t n_words = 1;
    for (const char *c = schema->choices; *c; c++) n_words += *c == '|';
    for (int64_t k = 0; k < n_words; k++, word += strlen(word) + 1) {
        if (is_word(s, length, word)) {
            *value = k;
            return RECSYS_OK;
        }
        if (k < WORDS_MAX) words[k] = word;
    }
    char given[64];
    recsys__text_copy(s, length, given, (int64_t)sizeof given);
    const char *nearest = recsys__nearest(given, words, n_words < WORDS_MAX ? n_words : WORDS_MAX);
    return recsys__fail(&p->error, RECSYS_ERR_OUT_OF_RANGE, "%s: %s is \"%s\", but must be one of %s; did you mean \"%s\"?",
                        p->model, schema->key, given, schema->choices, nearest);
}

static recsys_status parse_list(recsys_params *p, const param_schema *schema, const char *s, int64_t length, param_value *v)
{
    const char *end = s + length;
    while (s < end) {
        const char *colon = memchr(s, ':', (size_t)(end - s)), *stop = colon ? colon : end;
        if (v->count == PARAM_LIST_MAX)
            return recsys__fail(&p->error, RECSYS_ERR_OUT_OF_RANGE, "%s: %s has more than %d elements", p->model, schema->key,
                                PARAM_LIST_MAX);
        recsys_status status = parse_integer(p, schema, s, stop - s, &v->list[v->count++]);
        if (status) return status;
        if (colon && colon + 1 == end) return fail_type(p, schema, s, end - s, "a list of integers");
        s = colon ? colon + 1 : end;
    }
    return RECSYS_OK;
}

recsys_status recsys__param_parse(recsys_params *p, int64_t index, const char *s, int64_t length, param_value *v)
{
    const param_schema *schema = &p->schema[index];
    recsys_status status = RECSYS_OK;
    *v = (param_value){0};
    switch (schema->type) {
    case RECSYS_PARAM_I64: status = parse_integer(p, schema, s, length, &v->integer); break;
    case RECSYS_PARAM_F64:
        if (!recsys__parse_double(s, length, &v->number)) status = fail_type(p, schema, s, length, "a number");
        break;
    case RECSYS_PARAM_BOOL: status = parse_bool(p, schema, s, length, &v->integer); break;
    case RECSYS_PARAM_CHOICE: status = parse_choice(p, index, s, length, &v->integer); break;
    default: status = parse_list(p, schema, s, length, v); break;
    }
    return status ? status : recsys__param_check(p, index, v);
}

/* ---- reading many ---- */

typedef struct span {
    const char *s;
    int64_t length;
} span;

static span trimmed(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\t')) s++;
    while (s < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
    return (span){s, end - s};
}

/* One "key=value" from s to end. `seen` has a bit for each parameter that came before. */
static recsys_status stage(recsys_params *p, const char *s, const char *end, uint64_t *seen)
{
    const char *equals = memchr(s, '=', (size_t)(end - s));
    if (!equals) {
        span entry = trimmed(s, end);
        return recsys__fail(&p->error, RECSYS_ERR_PARSE, "%s: \"%.*s\" in the parameters is not of the form key=value", p->model,
                            shown(entry.length), entry.s);
    }
    span key = trimmed(s, equals), value = trimmed(equals + 1, end);
    int64_t index;
    recsys_status status = recsys__param_find(p, key.s, key.length, &index);
    if (status) return status;
    if (*seen >> index & 1)
        return recsys__fail(&p->error, RECSYS_ERR_PARSE, "%s: %s is set twice", p->model, p->schema[index].key);
    *seen |= (uint64_t)1 << index;
    return recsys__param_parse(p, index, value.s, value.length, &p->staged[index]);
}

recsys_status recsys_params_set_text(recsys_params *params, const char *assignments)
{
    if (!params) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!assignments)
        return recsys__fail(&params->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: the text of the parameters is NULL", params->model);
    const char *end = assignments + strlen(assignments);
    size_t bytes = (size_t)params->n_params * sizeof *params->values;
    memcpy(params->staged, params->values, bytes);
    uint64_t seen = 0;
    span all = trimmed(assignments, end);
    for (const char *s = assignments; all.length > 0 && s <= end;) {
        const char *comma = memchr(s, ',', (size_t)(end - s)), *stop = comma ? comma : end;
        recsys_status status = stage(params, s, stop, &seen);
        if (status) return status;
        s = stop + 1;
    }
    memcpy(params->values, params->staged, bytes);
    return RECSYS_OK;
}

/* ---- writing ---- */

/* A caller's buffer; counts what does not fit. */
typedef struct sink {
    char *buffer;
    int64_t size, length;
} sink;

static void put(sink *to, const char *s)
{
    int64_t length = (int64_t)strlen(s);
    if (to->length < to->size) recsys__text_copy(s, length, to->buffer + to->length, to->size - to->length);
    to->length += length;
}

static void put_integer(sink *to, int64_t value)
{
    char buffer[32];
    snprintf(buffer, sizeof buffer, "%lld", (long long)value);
    put(to, buffer);
}

static void put_value(sink *to, const recsys_params *p, int64_t index)
{
    const param_value *v = &p->values[index];
    char number[NUMBER_ROOM];
    switch (p->schema[index].type) {
    case RECSYS_PARAM_I64: put_integer(to, v->integer); break;
    case RECSYS_PARAM_F64: put(to, recsys__number(number, v->number)); break;
    case RECSYS_PARAM_BOOL: put(to, v->integer ? "true" : "false"); break;
    case RECSYS_PARAM_CHOICE: put(to, recsys__param_word(p, index, v->integer)); break;
    default:
        for (int64_t k = 0; k < v->count; k++) {
            if (k > 0) put(to, ":");
            put_integer(to, v->list[k]);
        }
    }
}

int64_t recsys_params_text(const recsys_params *params, char *buffer, int64_t size)
{
    sink to = {.buffer = buffer, .size = buffer ? size : 0};
    if (to.size > 0) buffer[0] = 0;
    for (int64_t k = 0; params && k < params->n_params; k++) {
        if (k > 0) put(&to, ",");
        put(&to, params->schema[k].key);
        put(&to, "=");
        put_value(&to, params, k);
    }
    return to.length;
}
