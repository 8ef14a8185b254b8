/* flags.c - which events are known to be clean: marked by a rule, kept by their flag, drawn as verified.
 *
 * A rule is a comparison such as "value>=5" or "behaviour==end|entry": a key, an operator, an operand. Values are compared
 * as 32-bit floats, which they are, so that "value==0.1" finds what was read from 0.1. E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/dataset.h>

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "data/cell_number.h"
#include "data/dataset.h"
#include "data/encoding.h"
#include "data/radix_sort.h"

enum { KEY_VALUE, KEY_TIME, KEY_BEHAVIOUR, KEY_FLAG, KEY_COUNT };

/* Operators of two characters come first: a prefix of one is none of its own. */
enum { IS_EQUAL, IS_UNEQUAL, IS_AT_MOST, IS_AT_LEAST, IS_LESS, IS_GREATER, OPERATOR_COUNT };

static const char *const key_words[KEY_COUNT] = { "value", "time", "behaviour", "flag" };
static const char *const operators[OPERATOR_COUNT] = { "==", "!=", "<=", ">=", "<", ">" };

typedef struct rule {
    const char *text; /* the whole, for messages */
    int key, op;
    const char *operand; /* not terminated */
    int64_t length;
    float value;
    int64_t integer; /* time, flag */
} rule;

/* ---- Parsing ---- */

static recsys_status fail_key(recsys_exec *x, const rule *r, int64_t length)
{
    char given[32];
    if (length == 0)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "rule \"%.80s\": it begins with nothing to compare; a rule is such as value>=5", r->text);
    (void)recsys__text_copy(r->text, length, given, sizeof given);
    return recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_KEY,
                        "rule \"%.80s\": \"%s\" cannot be compared (did you mean \"%s\"?); there are value, time, behaviour "
                        "and flag", r->text, given, recsys__nearest(given, key_words, KEY_COUNT));
}

static recsys_status fail_operator(recsys_exec *x, const rule *r)
{
    return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                        "rule \"%.80s\": after %s one of == != <= >= < > is needed, as in value>=5", r->text,
                        key_words[r->key]);
}

static recsys_status fail_operand(recsys_exec *x, const rule *r, const char *fault)
{
    char shown[64];
    return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "rule \"%.80s\": %s %s", r->text,
                        recsys__show_cell(r->operand, r->length, shown, sizeof shown), fault);
}

/* Words have no order, and a flag has but two values. */
static recsys_status parse_operand(recsys_exec *x, rule *r)
{
    int result = NUMBER_OK;
    if (r->key >= KEY_BEHAVIOUR && r->op > IS_UNEQUAL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "rule \"%.80s\": %s takes == or != only, not %s",
                            r->text, key_words[r->key], operators[r->op]);
    if (r->length == 0)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "rule \"%.80s\": nothing stands behind %s", r->text,
                            operators[r->op]);
    if (r->key == KEY_VALUE) result = recsys__cell_float(r->operand, r->length, &r->value);
    if (r->key == KEY_TIME || r->key == KEY_FLAG) result = recsys__cell_i64(r->operand, r->length, &r->integer);
    if (result != NUMBER_OK) return fail_operand(x, r, recsys__number_fault(result, r->key != KEY_VALUE));
    if (r->key == KEY_FLAG && (r->integer < 0 || r->integer > 1)) return fail_operand(x, r, "is neither 0 nor 1");
    return RECSYS_OK;
}

static const char *skip_spaces(const char *s)
{
    return s + strspn(s, " ");
}

static recsys_status parse_rule(recsys_exec *x, const char *given, rule *r)
{
    const char *s = skip_spaces(given);
    *r = (rule){ .text = s };
    int64_t length = (int64_t)strcspn(s, " =!<>");
    while (r->key < KEY_COUNT && !((int64_t)strlen(key_words[r->key]) == length &&
                                   memcmp(s, key_words[r->key], (size_t)length) == 0))
        r->key++;
    if (r->key == KEY_COUNT) return fail_key(x, r, length);
    s = skip_spaces(s + length);
    while (r->op < OPERATOR_COUNT && strncmp(s, operators[r->op], strlen(operators[r->op])) != 0) r->op++;
    if (r->op == OPERATOR_COUNT) return fail_operator(x, r);
    r->operand = skip_spaces(s + strlen(operators[r->op]));
    r->length = (int64_t)strlen(r->operand);
    while (r->length > 0 && r->operand[r->length - 1] == ' ') r->length--;
    return parse_operand(x, r);
}

/* ---- Marking ---- */

/* Whether `order`, the sign of left - right, is what the operator asks for. */
static int holds(int op, int order)
{
    switch (op) {
    case IS_EQUAL: return order == 0;
    case IS_UNEQUAL: return order != 0;
    case IS_AT_MOST: return order <= 0;
    case IS_AT_LEAST: return order >= 0;
    case IS_LESS: return order < 0;
    default: return order > 0;
    }
}

/* Marks the behaviours that the operand names: one word, or several with | between. */
static recsys_status mark_words(recsys_exec *x, const recsys_dataset *d, const rule *r, uint8_t *named)
{
    int64_t whole = recsys__ids_find_text(d->behaviours, r->operand, r->length);
    if (whole >= 0) {
        named[whole] = 1;
        return RECSYS_OK;
    }
    const char *s = r->operand, *end = s + r->length;
    for (;;) {
        const char *bar = memchr(s, '|', (size_t)(end - s));
        int64_t length = (bar ? bar : end) - s;
        int64_t found = recsys__ids_find_text(d->behaviours, s, length);
        if (found < 0) {
            char given[65];
            (void)recsys__text_copy(s, length, given, sizeof given);
            return recsys__fail_behaviour(x, d, given);
        }
        named[found] = 1;
        if (!bar) return RECSYS_OK;
        s = bar + 1;
    }
}

static recsys_status mark_behaviours(recsys_exec *x, const recsys_dataset *d, const rule *r, uint8_t *mark)
{
    uint8_t *named;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, recsys_ids_count(d->behaviours), sizeof *named, &named);
    if (status) return status;
    status = mark_words(x, d, r, named);
    for (int64_t e = 0; !status && e < d->n_events; e++) mark[e] = named[d->behaviour[e]] == (r->op == IS_EQUAL);
    recsys__free(x->memory, named);
    return status;
}

/* mark[e] = 1 where the rule holds for event e, else 0. */
static recsys_status mark_events(recsys_exec *x, const recsys_dataset *d, const rule *r, uint8_t *mark)
{
    if (r->key == KEY_BEHAVIOUR) return mark_behaviours(x, d, r, mark);
    for (int64_t e = 0; e < d->n_events; e++) {
        int order;
        if (r->key == KEY_VALUE) {
            order = (d->value[e] > r->value) - (d->value[e] < r->value);
        } else {
            int64_t left = r->key == KEY_TIME ? d->time[e] : d->flag[e];
            order = (left > r->integer) - (left < r->integer);
        }
        mark[e] = (uint8_t)holds(r->op, order);
    }
    return RECSYS_OK;
}

static recsys_status check_column(recsys_exec *x, const recsys_dataset *d, const rule *r)
{
    const void *columns[KEY_COUNT] = { d->value, d->time, d->behaviour, d->flag };
    if (columns[r->key]) return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "rule \"%.80s\": the data has no %ss", r->text,
                        key_words[r->key]);
}

static recsys_status fail_null(recsys_exec *x, const char *function)
{
    return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: an argument is NULL", function);
}

recsys_status recsys_dataset_mark(const recsys_dataset *dataset, recsys_exec *exec, const char *rule_text,
                                  recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset || !rule_text) return fail_null(exec, "recsys_dataset_mark");
    rule r;
    uint8_t *mark = NULL, *keep = NULL;
    recsys_status status = parse_rule(exec, rule_text, &r);
    if (!status) status = check_column(exec, dataset, &r);
    if (!status) status = recsys__alloc(exec->memory, &exec->error, dataset->n_events, sizeof *mark, &mark);
    if (!status) status = recsys__alloc(exec->memory, &exec->error, dataset->n_events, sizeof *keep, &keep);
    if (!status) status = mark_events(exec, dataset, &r, mark);
    if (!status) {
        memset(keep, 1, (size_t)dataset->n_events);
        status = recsys__dataset_select(exec, dataset, keep, result);
    }
    recsys__free(exec->memory, keep);
    if (status) {
        recsys__free(exec->memory, mark);
        return status;
    }
    recsys__free((*result)->memory, (*result)->flag);
    (*result)->flag = mark; /* the result's account is the exec's, so it may own the marks */
    return RECSYS_OK;
}

/* ---- Selecting ---- */

/* Fails if there are no flags; else counts the events that have this one. */
static recsys_status count_flag(recsys_exec *x, const recsys_dataset *d, int32_t flag, int64_t *count)
{
    *count = 0;
    if (!d->flag)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA,
                            "the data has no flags: which events are clean, a column \"flag\" or a rule must say");
    for (int64_t e = 0; e < d->n_events; e++) *count += d->flag[e] == flag;
    if (*count > 0) return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_EMPTY, "no event has the flag %d (%s)", (int)flag, flag ? "clean" : "noisy");
}

recsys_status recsys_dataset_of_flag(const recsys_dataset *dataset, recsys_exec *exec, int32_t flag, recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset) return fail_null(exec, "recsys_dataset_of_flag");
    if (flag < 0 || flag > 1)
        return recsys__fail(&exec->error, RECSYS_ERR_OUT_OF_RANGE, "a flag is 0 or 1, not %d", (int)flag);
    int64_t count;
    uint8_t *keep;
    recsys_status status = count_flag(exec, dataset, flag, &count);
    if (!status) status = recsys__alloc(exec->memory, &exec->error, dataset->n_events, sizeof *keep, &keep);
    if (status) return status;
    for (int64_t e = 0; e < dataset->n_events; e++) keep[e] = dataset->flag[e] == flag;
    status = recsys__dataset_select(exec, dataset, keep, result);
    recsys__free(exec->memory, keep);
    return status;
}

/* Marks `wanted` of the `n_clean` clean events: those with the least random keys. A key depends on the seed and the place of
 * the event alone, so a larger share holds all that a smaller one does. */
static recsys_status draw_clean(recsys_exec *x, const recsys_dataset *d, uint64_t seed, int64_t n_clean, int64_t wanted,
                                uint8_t *keep)
{
    tagged *order = NULL, *room = NULL;
    recsys_status status = recsys__alloc(x->memory, &x->error, n_clean, sizeof *order, &order);
    if (!status) status = recsys__alloc(x->memory, &x->error, n_clean, sizeof *room, &room);
    if (!status) {
        int64_t n = 0;
        for (int64_t e = 0; e < d->n_events; e++)
            if (d->flag[e]) order[n++] = (tagged){ recsys__random_u64(seed, RANDOM_VERIFIED, 0, (uint64_t)e), e };
        const tagged *sorted = recsys__radix_sort(order, room, n);
        for (int64_t k = 0; k < wanted; k++) keep[sorted[k].tag] = 1;
    }
    recsys__free(x->memory, room);
    recsys__free(x->memory, order);
    return status;
}

recsys_status recsys_dataset_verified(const recsys_dataset *dataset, recsys_exec *exec, double share, uint64_t seed,
                                      recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset) return fail_null(exec, "recsys_dataset_verified");
    if (!(share > 0.0 && share <= 1.0)) {
        char number[NUMBER_ROOM];
        return recsys__fail(&exec->error, RECSYS_ERR_OUT_OF_RANGE,
                            "the share of clean events to verify is %s, but must be above 0 and at most 1",
                            recsys__number(number, share));
    }
    int64_t n_clean;
    uint8_t *keep;
    recsys_status status = count_flag(exec, dataset, 1, &n_clean);
    if (!status) status = recsys__alloc_zero(exec->memory, &exec->error, dataset->n_events, sizeof *keep, &keep);
    if (status) return status;
    int64_t wanted = (int64_t)floor(share * (double)n_clean + 0.5);
    if (wanted < 1) wanted = 1;
    if (wanted > n_clean) wanted = n_clean;
    status = draw_clean(exec, dataset, seed, n_clean, wanted, keep);
    if (!status) status = recsys__dataset_select(exec, dataset, keep, result);
    recsys__free(exec->memory, keep);
    return status;
}
