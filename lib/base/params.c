/* params.c - the parameters of a model: checks, text form, introspection, all driven by the model's schema.
 *
 * The text form is in params_text.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/params_inside.h"
#include "base/struct.h"
#include "base/text.h"

/* ---- making and dropping ---- */

/* The words of all choices, zero-separated, parameter after parameter: what recsys_params_get_choice() lends out. */
static recsys_status copy_words(recsys_params *p, error *e)
{
    size_t bytes = 1;
    for (int64_t k = 0; k < p->n_params; k++)
        if (p->schema[k].choices) bytes += strlen(p->schema[k].choices) + 1;
    recsys_status s = recsys__alloc_zero(p->memory, e, (int64_t)bytes, 1, &p->words);
    if (s) return s;
    char *to = p->words;
    for (int64_t k = 0; k < p->n_params; k++) {
        const char *from = p->schema[k].choices;
        if (!from) continue;
        for (; *from; from++) *to++ = *from == '|' ? (char)0 : *from;
        *to++ = 0;
    }
    return RECSYS_OK;
}

static recsys_status set_defaults(recsys_params *p, error *e)
{
    for (int64_t k = 0; k < p->n_params; k++) {
        const char *given = p->schema[k].default_value;
        recsys_status s = recsys__param_parse(p, k, given, (int64_t)strlen(given), &p->values[k]);
        if (s) return recsys__fail(e, RECSYS_ERR_INTERNAL, "default of a parameter: %s", p->error.message);
    }
    return RECSYS_OK;
}

recsys_status recsys__params_create(memory *m, error *e, const char *model, const param_schema *schema, int64_t n_params,
                                    recsys_params **out)
{
    *out = NULL;
    if (n_params > PARAMS_MAX)
        return recsys__fail(e, RECSYS_ERR_INTERNAL, "%s has more than %d parameters", model, PARAMS_MAX);
    recsys_params *p;
    recsys_status s = recsys__alloc_zero(m, e, 1, sizeof *p, &p);
    if (s) return s;
    atomic_init(&p->refs, 1);
    p->memory = recsys__memory_retain(m);
    p->model = model;
    p->schema = schema;
    p->n_params = n_params;
    s = recsys__alloc_zero(m, e, n_params, sizeof *p->values, &p->values);
    if (!s) s = recsys__alloc_zero(m, e, n_params, sizeof *p->staged, &p->staged);
    if (!s) s = copy_words(p, e);
    if (!s) s = set_defaults(p, e);
    if (s) {
        recsys_params_release(p);
        return s;
    }
    *out = p;
    return RECSYS_OK;
}

recsys_status recsys__params_copy(memory *m, error *e, const recsys_params *from, recsys_params **out)
{
    recsys_status s = recsys__params_create(m, e, from->model, from->schema, from->n_params, out);
    if (!s && from->n_params > 0) memcpy((*out)->values, from->values, (size_t)from->n_params * sizeof *from->values);
    return s;
}

recsys_params *recsys_params_retain(recsys_params *params)
{
    if (params) atomic_fetch_add_explicit(&params->refs, 1, memory_order_relaxed);
    return params;
}

void recsys_params_release(recsys_params *params)
{
    if (!params || atomic_fetch_sub_explicit(&params->refs, 1, memory_order_acq_rel) != 1) return;
    memory *m = params->memory;
    recsys__free(m, params->values);
    recsys__free(m, params->staged);
    recsys__free(m, params->words);
    recsys__free(m, params);
    recsys__memory_release(m);
}

/* ---- finding and checking ---- */

const char *recsys__param_word(const recsys_params *p, int64_t index, int64_t position)
{
    const char *word = p->words;
    for (int64_t k = 0; k < index; k++)
        if (p->schema[k].choices) word += strlen(p->schema[k].choices) + 1;
    for (int64_t k = 0; k < position; k++) word += strlen(word) + 1;
    return word;
}

static recsys_status fail_key(recsys_params *p, const char *key, int64_t length)
{
    char given[64], list[256] = "";
    const char *keys[PARAMS_MAX];
    size_t used = 0;
    for (int64_t k = 0; k < p->n_params; k++) {
        keys[k] = p->schema[k].key;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", k ? ", " : "", keys[k]);
    }
    recsys__text_copy(key, length, given, (int64_t)sizeof given);
    const char *nearest = recsys__nearest(given, keys, p->n_params);
    if (!nearest)
        return recsys__fail(&p->error, RECSYS_ERR_UNKNOWN_KEY, "%s has no parameter \"%s\", nor any other", p->model, given);
    return recsys__fail(&p->error, RECSYS_ERR_UNKNOWN_KEY, "%s has no parameter \"%s\"; did you mean \"%s\"? (parameters: %s)",
                        p->model, given, nearest, list);
}

recsys_status recsys__param_find(recsys_params *p, const char *key, int64_t length, int64_t *index)
{
    for (int64_t k = 0; k < p->n_params; k++) {
        const char *own = p->schema[k].key;
        if ((int64_t)strlen(own) == length && memcmp(own, key, (size_t)length) == 0) {
            *index = k;
            return RECSYS_OK;
        }
    }
    return fail_key(p, key, length);
}

/* "greater than 0 and at most 1". */
static void show_range(const param_schema *schema, char *buffer, size_t size)
{
    char min[NUMBER_ROOM], max[NUMBER_ROOM];
    const char *above = schema->min_is_open ? "greater than " : "at least ";
    int has_min = isfinite(schema->min), has_max = isfinite(schema->max);
    snprintf(buffer, size, "%s%s%s%s%s", has_min ? above : "", has_min ? recsys__number(min, schema->min) : "",
             has_min && has_max ? " and " : "", has_max ? "at most " : has_min ? "" : "finite",
             has_max ? recsys__number(max, schema->max) : "");
}

static recsys_status check_number(recsys_params *p, const param_schema *schema, double value, const char *shown)
{
    int in_range = isfinite(value) && value <= schema->max && (schema->min_is_open ? value > schema->min : value >= schema->min);
    if (in_range) return RECSYS_OK;
    char range[96];
    show_range(schema, range, sizeof range);
    return recsys__fail(&p->error, RECSYS_ERR_OUT_OF_RANGE, "%s: %s is %s, but must be %s", p->model, schema->key, shown, range);
}

static recsys_status check_integer(recsys_params *p, const param_schema *schema, int64_t value)
{
    char shown[32];
    snprintf(shown, sizeof shown, "%lld", (long long)value);
    return check_number(p, schema, (double)value, shown);
}

recsys_status recsys__param_check(recsys_params *p, int64_t index, const param_value *v)
{
    const param_schema *schema = &p->schema[index];
    recsys_status s = RECSYS_OK;
    char shown[NUMBER_ROOM];
    switch (schema->type) {
    case RECSYS_PARAM_I64: return check_integer(p, schema, v->integer);
    case RECSYS_PARAM_F64: return check_number(p, schema, v->number, recsys__number(shown, v->number));
    case RECSYS_PARAM_LIST:
        for (int64_t k = 0; !s && k < v->count; k++) s = check_integer(p, schema, v->list[k]);
        return s;
    default: return s; /* a truth value or a choice has no range of its own */
    }
}

/* ---- setters ---- */

static const char *type_name(int32_t type)
{
    switch (type) {
    case RECSYS_PARAM_I64: return "an integer";
    case RECSYS_PARAM_F64: return "a number";
    case RECSYS_PARAM_BOOL: return "true or false";
    case RECSYS_PARAM_CHOICE: return "a choice of words";
    default: return "a list of integers";
    }
}

/* The parameter `key` if it has this type. */
static recsys_status find_typed(recsys_params *p, const char *key, int32_t type, int64_t *index)
{
    if (!p) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!key) return recsys__fail(&p->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: the parameter's key is NULL", p->model);
    recsys_status s = recsys__param_find(p, key, (int64_t)strlen(key), index);
    if (!s && p->schema[*index].type != type)
        return recsys__fail(&p->error, RECSYS_ERR_TYPE, "%s: %s is %s, not %s", p->model, key, type_name(p->schema[*index].type),
                            type_name(type));
    return s;
}

static recsys_status set(recsys_params *p, int64_t index, const param_value *v)
{
    recsys_status s = recsys__param_check(p, index, v);
    if (!s) p->values[index] = *v;
    return s;
}

recsys_status recsys_params_set_i64(recsys_params *params, const char *key, int64_t value)
{
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_I64, &index);
    return s ? s : set(params, index, &(param_value){.integer = value});
}

recsys_status recsys_params_set_f64(recsys_params *params, const char *key, double value)
{
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_F64, &index);
    return s ? s : set(params, index, &(param_value){.number = value});
}

recsys_status recsys_params_set_bool(recsys_params *params, const char *key, int32_t value)
{
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_BOOL, &index);
    if (s) return s;
    if (value != 0 && value != 1)
        return recsys__fail(&params->error, RECSYS_ERR_OUT_OF_RANGE, "%s: %s is %d, but must be 0 or 1", params->model, key,
                            (int)value);
    return set(params, index, &(param_value){.integer = value});
}

recsys_status recsys_params_set_choice(recsys_params *params, const char *key, const char *value)
{
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_CHOICE, &index);
    if (s) return s;
    if (!value)
        return recsys__fail(&params->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: the word for %s is NULL", params->model, key);
    param_value v;
    s = recsys__param_parse(params, index, value, (int64_t)strlen(value), &v);
    return s ? s : set(params, index, &v);
}

recsys_status recsys_params_set_list(recsys_params *params, const char *key, const int64_t *values, int64_t count)
{
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_LIST, &index);
    if (s) return s;
    if (count < 0 || count > PARAM_LIST_MAX)
        return recsys__fail(&params->error, RECSYS_ERR_OUT_OF_RANGE, "%s: a list of %lld for %s, but 0 to %d are possible",
                            params->model, (long long)count, key, PARAM_LIST_MAX);
    if (count > 0 && !values)
        return recsys__fail(&params->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: the list for %s is NULL", params->model, key);
    param_value v = {.count = count};
    if (count > 0) memcpy(v.list, values, (size_t)count * sizeof *values);
    return set(params, index, &v);
}

/* ---- getters ---- */

static recsys_status fail_null(recsys_params *p, const char *key)
{
    if (!p) return RECSYS_ERR_INVALID_ARGUMENT;
    return recsys__fail(&p->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: nowhere to put the value of %s", p->model, key ? key : "?");
}

recsys_status recsys_params_get_i64(recsys_params *params, const char *key, int64_t *value)
{
    if (!value) return fail_null(params, key);
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_I64, &index);
    if (!s) *value = params->values[index].integer;
    return s;
}

recsys_status recsys_params_get_f64(recsys_params *params, const char *key, double *value)
{
    if (!value) return fail_null(params, key);
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_F64, &index);
    if (!s) *value = params->values[index].number;
    return s;
}

recsys_status recsys_params_get_bool(recsys_params *params, const char *key, int32_t *value)
{
    if (!value) return fail_null(params, key);
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_BOOL, &index);
    if (!s) *value = (int32_t)params->values[index].integer;
    return s;
}

recsys_status recsys_params_get_choice(recsys_params *params, const char *key, const char **value)
{
    if (!value) return fail_null(params, key);
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_CHOICE, &index);
    if (!s) *value = recsys__param_word(params, index, params->values[index].integer);
    return s;
}

recsys_status recsys_params_get_list(recsys_params *params, const char *key, int64_t *values, int64_t capacity, int64_t *count)
{
    if (!count || (capacity > 0 && !values)) return fail_null(params, key);
    int64_t index;
    recsys_status s = find_typed(params, key, RECSYS_PARAM_LIST, &index);
    if (s) return s;
    const param_value *v = &params->values[index];
    *count = v->count;
    if (v->count > capacity)
        return recsys__fail(&params->error, RECSYS_ERR_OUT_OF_RANGE, "%s: %s has %lld elements, but there is room for %lld",
                            params->model, key, (long long)v->count, (long long)capacity);
    if (v->count > 0) memcpy(values, v->list, (size_t)v->count * sizeof *values);
    return RECSYS_OK;
}

/* For models, whose keys are their own. */
static const param_value *value_of(const recsys_params *p, const char *key, int32_t type)
{
    static const param_value none = {0};
    for (int64_t k = 0; k < p->n_params; k++)
        if (p->schema[k].type == type && strcmp(p->schema[k].key, key) == 0) return &p->values[k];
    return &none;
}

int64_t recsys__param_i64(const recsys_params *p, const char *key)
{
    return value_of(p, key, RECSYS_PARAM_I64)->integer;
}

double recsys__param_f64(const recsys_params *p, const char *key)
{
    return value_of(p, key, RECSYS_PARAM_F64)->number;
}

int recsys__param_bool(const recsys_params *p, const char *key)
{
    return value_of(p, key, RECSYS_PARAM_BOOL)->integer != 0;
}

int64_t recsys__param_choice(const recsys_params *p, const char *key)
{
    return value_of(p, key, RECSYS_PARAM_CHOICE)->integer;
}

const int64_t *recsys__param_list(const recsys_params *p, const char *key, int64_t *count)
{
    const param_value *v = value_of(p, key, RECSYS_PARAM_LIST);
    *count = v->count;
    return v->list;
}

/* ---- introspection ---- */

const char *recsys_params_model(const recsys_params *params)
{
    return params ? params->model : NULL;
}

int64_t recsys_params_count(const recsys_params *params)
{
    return params ? params->n_params : 0;
}

recsys_status recsys_params_info(const recsys_params *params, int64_t index, recsys_param_info *info)
{
    if (!params || !info) return RECSYS_ERR_INVALID_ARGUMENT;
    if (index < 0 || index >= params->n_params) return RECSYS_ERR_OUT_OF_RANGE;
    const param_schema *schema = &params->schema[index];
    recsys_param_info own = RECSYS_PARAM_INFO_INIT;
    own.key = schema->key;
    own.type = schema->type;
    own.min_is_open = schema->min_is_open;
    own.min = schema->min;
    own.max = schema->max;
    own.default_value = schema->default_value;
    own.choices = schema->choices;
    own.since = schema->since;
    own.doc = schema->doc;
    return recsys__struct_out(NULL, "recsys_param_info", &own, sizeof own, info);
}

recsys_status recsys_params_last_error(const recsys_params *params, recsys_error_info *info)
{
    return params ? recsys__error_copy(&params->error, info) : RECSYS_ERR_INVALID_ARGUMENT;
}
