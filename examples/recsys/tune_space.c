/* tune_space.c - reading --search, checking it, and drawing from it.
 *
 * --search is KEY=VALUES with commas between, and VALUES is one of
 *
 *     16/32/64             these values: numbers, words, or lists such as 64:32/128:64:32
 *     0..1                 a range, both ends included
 *     log:1e-5..1e-2       a range whose logarithm is drawn
 *     log:1e-5..1e-2:4     4 values of it, evenly spaced, ends included
 *
 * Slashes part the values, since colons part the numbers of a list and a shell takes bars for its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tune_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 100000, MOST_KNOWN = 128 };

static const char OPTIMIZER_PREFIX[] = "optimizer.";

/* Options of the training that may be searched, by their names on the command line. */
static const struct {
    const char *key;
    int32_t type;
    double min, max;
} TRAINING[] = {
    { "batch", RECSYS_PARAM_I64, 1.0, 2147483647.0 },
    { "negatives", RECSYS_PARAM_I64, 0.0, 2147483647.0 },
    { "popularity", RECSYS_PARAM_F64, 0.0, 100.0 },
};

enum { N_TRAINING = sizeof TRAINING / sizeof *TRAINING };

/* What is needed only while --search is read. */
typedef struct reading {
    program *p;
    tune_space *s;
    recsys_params *model, *optimizer; /* to try values on; the latter NULL without steps */
} reading;

static char *copy_text(program *p, const char *text, size_t length)
{
    char *copy = program_alloc(p, (int64_t)length + 1, 1);
    if (copy == NULL) return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* ---- whose a key is ---- */

/* Type of a parameter; 0 if there is none of that name. */
static int32_t type_of(const recsys_params *params, const char *key)
{
    recsys_param_info info = RECSYS_PARAM_INFO_INIT;
    for (int64_t i = 0; params != NULL && i < recsys_params_count(params); i++)
        if (recsys_params_info(params, i, &info) == RECSYS_OK && strcmp(info.key, key) == 0) return info.type;
    return 0;
}

static int training_key(const char *key)
{
    for (int i = 0; i < N_TRAINING; i++)
        if (strcmp(TRAINING[i].key, key) == 0) return i;
    return -1;
}

static int add_known(const recsys_params *params, const char **known, int count)
{
    recsys_param_info info = RECSYS_PARAM_INFO_INIT;
    for (int64_t i = 0; params != NULL && i < recsys_params_count(params) && count < MOST_KNOWN; i++)
        if (recsys_params_info(params, i, &info) == RECSYS_OK) known[count++] = info.key;
    return count;
}

static recsys_status unknown_key(const reading *r, const tune_key *k)
{
    const char *known[MOST_KNOWN + N_TRAINING + 1];
    int n = add_known(r->model, known, 0);
    n = add_known(r->optimizer, known, n);
    for (int i = 0; i < N_TRAINING && r->s->by_steps; i++) known[n++] = TRAINING[i].key;
    known[n] = NULL;
    if (!r->s->by_steps && (training_key(k->key) >= 0 || k->owner == TUNE_OPTIMIZER || strcmp(k->key, "lr") == 0))
        return program_usage(r->p, "--search: %s is for models that are trained by steps, and %s is not", k->name, r->s->name);
    if (strcmp(k->key, "epochs") == 0)
        return program_usage(r->p,
                             "--search: epochs are not searched: --select finds the best one of each trial; give --epochs");
    const char *nearest = nearest_word(k->key, known);
    if (nearest != NULL)
        return program_usage(r->p, "--search: there is no \"%s\" to search for %s; did you mean \"%s\"?", k->name, r->s->name,
                             nearest);
    return program_usage(r->p, "--search: there is no \"%s\" to search for %s; `recsys params %s`%s list what there is",
                         k->name, r->s->name, r->s->name, r->s->by_steps ? " and `recsys params` of the optimizer" : "");
}

/* 1 if the text "key=value,key=value" sets the key. */
static int sets(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *s = text; s != NULL; s = strchr(s, ',') != NULL ? strchr(s, ',') + 1 : NULL)
        if (strncmp(s, key, length) == 0 && s[length] == '=') return 1;
    return 0;
}

/* A key that is fixed elsewhere and searched too is a mistake. */
static recsys_status check_fixed(const reading *r, const tune_key *k)
{
    const settings *o = &r->p->settings;
    const char *where = NULL;
    if (k->owner == TUNE_MODEL && sets(r->s->params, k->key)) where = "params";
    if (k->owner == TUNE_OPTIMIZER && sets(r->s->optimizer_params, k->key)) where = "optimizer";
    if (k->owner == TUNE_TRAINING && strcmp(k->key, "batch") == 0 && o->batch > 0) where = "batch";
    if (k->owner == TUNE_TRAINING && strcmp(k->key, "negatives") == 0 && o->n_negatives != NOT_GIVEN) where = "negatives";
    if (k->owner == TUNE_TRAINING && strcmp(k->key, "popularity") == 0 && !isnan(o->popularity)) where = "popularity";
    if (where != NULL) return program_usage(r->p, "--search: %s is fixed by --%s already", k->name, where);
    for (int64_t i = 0; i < r->s->count; i++)
        if (r->s->key[i].owner == k->owner && strcmp(r->s->key[i].key, k->key) == 0)
            return program_usage(r->p, "--search: %s comes twice", k->name);
    return RECSYS_OK;
}

/* A plain name is the model's parameter if the model has one, else the optimizer's, else an option of the training. */
static recsys_status find_owner(const reading *r, tune_key *k)
{
    size_t prefix = sizeof OPTIMIZER_PREFIX - 1;
    int own = strncmp(k->name, OPTIMIZER_PREFIX, prefix) == 0, place = training_key(k->name);
    k->key = own ? k->name + prefix : k->name;
    k->owner = own ? TUNE_OPTIMIZER : TUNE_MODEL;
    k->type = own ? type_of(r->optimizer, k->key) : type_of(r->model, k->key);
    if (k->type == 0 && !own) {
        k->type = type_of(r->optimizer, k->key);
        k->owner = k->type != 0 ? TUNE_OPTIMIZER : TUNE_TRAINING;
    }
    if (k->owner == TUNE_TRAINING && place >= 0 && r->s->by_steps) k->type = TRAINING[place].type;
    return k->type == 0 ? unknown_key(r, k) : check_fixed(r, k);
}

/* ---- values ---- */

static recsys_status check_training(const reading *r, const tune_key *k, const char *text)
{
    int place = training_key(k->key);
    char *end;
    double value = strtod(text, &end);
    int is_whole = k->type != RECSYS_PARAM_I64 || text[strspn(text, "-+0123456789")] == '\0';
    if (end == text || *end != '\0' || !is_whole)
        return program_usage(r->p, "--search: %s: \"%s\" is not %s", k->name, text,
                             k->type == RECSYS_PARAM_I64 ? "an integer" : "a number");
    if (!(value >= TRAINING[place].min && value <= TRAINING[place].max))
        return program_usage(r->p, "--search: %s: %s is not from %.10g to %.10g", k->name, text, TRAINING[place].min,
                             TRAINING[place].max);
    return RECSYS_OK;
}

/* Whether the key takes the value: for parameters the library itself says so. */
static recsys_status check_value(const reading *r, const tune_key *k, const char *text)
{
    char assignment[2 * TUNE_VALUE_ROOM];
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (*text == '\0') return program_usage(r->p, "--search: %s: a value is missing", k->name);
    if (strlen(text) >= TUNE_VALUE_ROOM) return program_usage(r->p, "--search: %s: a value is too long", k->name);
    if (k->owner == TUNE_TRAINING) return check_training(r, k, text);
    recsys_params *params = k->owner == TUNE_MODEL ? r->model : r->optimizer;
    snprintf(assignment, sizeof assignment, "%s=%s", k->key, text);
    if (recsys_params_set_text(params, assignment) == RECSYS_OK) return RECSYS_OK;
    recsys_params_last_error(params, &error);
    return program_usage(r->p, "--search: %s", error.message);
}

static recsys_status add_value(const reading *r, tune_key *k, const char *text)
{
    for (int64_t i = 0; i < k->n_values; i++)
        if (strcmp(k->value[i], text) == 0) return program_usage(r->p, "--search: %s: %s comes twice", k->name, text);
    k->value[k->n_values] = copy_text(r->p, text, strlen(text));
    if (k->value[k->n_values] == NULL) return RECSYS_ERR_NO_MEMORY;
    k->n_values++;
    return RECSYS_OK;
}

static recsys_status make_room(const reading *r, tune_key *k, int64_t count)
{
    k->value = program_alloc(r->p, count, sizeof *k->value);
    return k->value != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
}

/* "16/32/64" */
static recsys_status read_values(const reading *r, tune_key *k, char *text)
{
    int64_t count = 1;
    for (const char *c = text; *c != '\0'; c++) count += *c == '/';
    recsys_status status = make_room(r, k, count);
    for (char *s = text; status == RECSYS_OK && s != NULL;) {
        char *slash = strchr(s, '/');
        if (slash != NULL) *slash = '\0';
        status = check_value(r, k, s);
        if (status == RECSYS_OK) status = add_value(r, k, s);
        s = slash != NULL ? slash + 1 : NULL;
    }
    return status;
}

/* ---- ranges ---- */

/* A number of the range as text that reads back within it. */
static void number_text(const tune_key *k, double value, char *text, size_t size)
{
    if (k->type == RECSYS_PARAM_I64) {
        snprintf(text, size, "%.0f", value);
        return;
    }
    snprintf(text, size, "%.6g", value);
    double back = strtod(text, NULL);
    if (back < k->low) snprintf(text, size, "%s", k->low_text);
    if (back > k->high) snprintf(text, size, "%s", k->high_text);
}

/* The place of the range at `share`, from 0 to 1, of its length. */
static double at_share(const tune_key *k, double share)
{
    if (k->is_log) return exp(log(k->low) + share * (log(k->high) - log(k->low)));
    return k->low + share * (k->high - k->low);
}

/* `count` values, evenly spaced; of integers those that fall together count once. */
static recsys_status spread(const reading *r, tune_key *k, int64_t count)
{
    char text[64];
    recsys_status status = make_room(r, k, count);
    for (int64_t i = 0; i < count && status == RECSYS_OK; i++) {
        double value = at_share(k, (double)i / (double)(count - 1));
        number_text(k, k->type == RECSYS_PARAM_I64 ? floor(value + 0.5) : value, text, sizeof text);
        if (i == 0) snprintf(text, sizeof text, "%s", k->low_text);
        if (i == count - 1) snprintf(text, sizeof text, "%s", k->high_text);
        if (k->n_values > 0 && strcmp(k->value[k->n_values - 1], text) == 0) continue;
        status = add_value(r, k, text);
    }
    return status;
}

static recsys_status check_range(const reading *r, const tune_key *k)
{
    if (k->low > k->high)
        return program_usage(r->p, "--search: %s: the range %s..%s is empty", k->name, k->low_text, k->high_text);
    if (k->low >= k->high)
        return program_usage(r->p, "--search: %s: the range %s..%s has one value; give it as a list of one", k->name,
                             k->low_text, k->high_text);
    if (k->is_log && !(k->low > 0.0))
        return program_usage(r->p, "--search: %s: a logarithmic range must begin above 0, not at %s", k->name, k->low_text);
    return RECSYS_OK;
}

/* "LOW..HIGH" or "LOW..HIGH:N", what stands behind "log:"; `dots` is where the two points are. */
static recsys_status read_range(const reading *r, tune_key *k, char *text, char *dots)
{
    char *colon = strchr(dots, ':'), *end, *high = dots + 2;
    long long count = 0;
    *dots = '\0';
    if (colon != NULL) {
        *colon = '\0';
        count = strtoll(colon + 1, &end, 10);
        if (end == colon + 1 || *end != '\0' || count < 2 || count > MOST_VALUES)
            return program_usage(r->p, "--search: %s: \"%s\" is not a number of values from 2 to %d", k->name, colon + 1,
                                 MOST_VALUES);
    }
    recsys_status status = check_value(r, k, text);
    if (status == RECSYS_OK) status = check_value(r, k, high);
    if (status != RECSYS_OK) return status;
    if (strlen(text) >= sizeof k->low_text || strlen(high) >= sizeof k->high_text)
        return program_usage(r->p, "--search: %s: a number is too long", k->name);
    strcpy(k->low_text, text);
    strcpy(k->high_text, high);
    k->low = strtod(text, NULL);
    k->high = strtod(high, NULL);
    status = check_range(r, k);
    return status == RECSYS_OK && count > 0 ? spread(r, k, count) : status;
}

/* The values of a key, which may be cut into pieces. */
static recsys_status read_spec(const reading *r, tune_key *k, char *text)
{
    int is_number = k->type == RECSYS_PARAM_I64 || k->type == RECSYS_PARAM_F64;
    k->is_log = strncmp(text, "log:", 4) == 0;
    char *range = k->is_log ? text + 4 : text, *dots = strstr(range, "..");
    if (dots == NULL && k->is_log)
        return program_usage(r->p, "--search: %s: log: belongs to a range, such as log:%s", k->name,
                             k->type == RECSYS_PARAM_I64 ? "8..256" : "0.0001..0.1");
    if (dots == NULL) return read_values(r, k, text);
    if (!is_number)
        return program_usage(r->p, "--search: %s is not a number, so it has no range; list its values with slashes between",
                             k->name);
    return read_range(r, k, range, dots);
}

/* ---- the whole ---- */

/* "KEY=VALUES", which may be cut into pieces. */
static recsys_status read_entry(const reading *r, char *text)
{
    tune_space *s = r->s;
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return program_usage(r->p, "--search: \"%s\" is not KEY=VALUES, such as dim=16/32/64 or lr=log:0.0001..0.01", text);
    if (s->count == TUNE_MOST_KEYS) return program_usage(r->p, "--search: more than %d keys", TUNE_MOST_KEYS);
    tune_key *k = &s->key[s->count];
    *k = (tune_key){ .low = (double)NAN, .high = (double)NAN };
    k->name = copy_text(r->p, text, (size_t)(equals - text));
    if (k->name == NULL) return RECSYS_ERR_NO_MEMORY;
    recsys_status status = find_owner(r, k);
    s->count++; /* from here on tune_space_close() knows of it */
    return status == RECSYS_OK ? read_spec(r, k, equals + 1) : status;
}

static recsys_status read_search(const reading *r)
{
    const char *search = r->p->settings.search;
    recsys_status status = RECSYS_OK;
    char *text = copy_text(r->p, search, strlen(search));
    if (text == NULL) return RECSYS_ERR_NO_MEMORY;
    for (char *s = text; status == RECSYS_OK && s != NULL;) {
        char *comma = strchr(s, ',');
        if (comma != NULL) *comma = '\0';
        status = read_entry(r, s);
        s = comma != NULL ? comma + 1 : NULL;
    }
    free(text);
    return status;
}

/* A grid counts every integer of a linear range; other ranges must say how many values they stand for. */
static recsys_status count_combinations(const reading *r, int is_grid)
{
    tune_space *s = r->s;
    recsys_status status = RECSYS_OK;
    s->n_combinations = 1;
    for (int64_t i = 0; i < s->count && status == RECSYS_OK; i++) {
        tune_key *k = &s->key[i];
        if (k->value == NULL && is_grid) {
            if (k->type != RECSYS_PARAM_I64 || k->is_log)
                return program_usage(r->p, "--search: %s: a grid needs to know how many values of the range: %s%s..%s:N",
                                     k->name, k->is_log ? "log:" : "", k->low_text, k->high_text);
            if (k->high - k->low >= MOST_VALUES)
                return program_usage(r->p, "--search: %s: the grid is too large: the range %s..%s has more than %d values",
                                     k->name, k->low_text, k->high_text, MOST_VALUES);
            status = spread(r, k, (int64_t)(k->high - k->low) + 1);
        }
        if (k->value == NULL) s->n_combinations = -1;
        else if (s->n_combinations > 0)
            s->n_combinations = s->n_combinations <= INT64_MAX / k->n_values ? s->n_combinations * k->n_values : -1;
    }
    return status;
}

/* "NAME:K=V,K=V" of --optimizer; by default what the library takes. */
static recsys_status name_optimizer(program *p, tune_space *s)
{
    const char *text = p->settings.optimizer;
    if (text == NULL) text = p->settings.start.count == 2 ? "sgd" : "adam";
    size_t length = strcspn(text, ":");
    s->optimizer = copy_text(p, text, length);
    s->optimizer_params = text[length] == ':' ? text + length + 1 : NULL;
    return s->optimizer != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
}

static recsys_status open_optimizer(reading *r)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_optimizer_params(r->p->env, r->s->optimizer, &r->optimizer, &error);
    if (status == RECSYS_OK && r->s->optimizer_params != NULL) {
        status = recsys_params_set_text(r->optimizer, r->s->optimizer_params);
        if (status != RECSYS_OK) recsys_params_last_error(r->optimizer, &error);
    }
    if (status == RECSYS_OK || status == RECSYS_ERR_NO_MEMORY) return status;
    return program_usage(r->p, "--optimizer: %s", error.message);
}

recsys_status tune_space_open(program *p, tune_space *s, int by_steps)
{
    reading r = { p, s, NULL, NULL };
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    *s = (tune_space){ .by_steps = by_steps, .name = p->settings.operands.word[0], .params = p->settings.params };
    recsys_status status = name_optimizer(p, s);
    if (status != RECSYS_OK) return status;
    status = recsys_params_create(p->env, s->name, &r.model, &error);
    if (status != RECSYS_OK) status = program_usage(p, "%s", error.message);
    if (status == RECSYS_OK && by_steps) status = open_optimizer(&r);
    if (status == RECSYS_OK) status = read_search(&r);
    if (status == RECSYS_OK) status = count_combinations(&r, p->settings.search_method == TUNE_GRID);
    recsys_params_release(r.model);
    recsys_params_release(r.optimizer);
    return status;
}

void tune_space_close(tune_space *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        tune_key *k = &s->key[i];
        for (int64_t v = 0; v < k->n_values; v++) free(k->value[v]);
        free(k->value);
        free(k->name);
    }
    free(s->optimizer);
    s->optimizer = NULL;
    s->count = 0;
}

/* ---- the values of a trial ---- */

/* The finaliser of splitmix64: every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* A number in [0, 1) for a key of a trial. The name takes the key's place, so that other keys can come and go. */
static double draw(uint64_t seed, int64_t number, const char *name)
{
    uint64_t bits = mix(mix(seed) + (uint64_t)number);
    for (const char *c = name; *c != '\0'; c++) bits = mix(bits ^ (unsigned char)*c);
    return (double)(bits >> 11) * 0x1p-53;
}

/* Of integers each end has the share of a whole number, like all others. */
static void draw_text(const tune_key *k, double u, char *text, size_t size)
{
    if (k->value != NULL) {
        snprintf(text, size, "%s", k->value[(int64_t)(u * (double)k->n_values)]);
        return;
    }
    double value = at_share(k, u);
    if (k->type == RECSYS_PARAM_I64) {
        double beyond = k->high + 1.0;
        value = floor(k->is_log ? exp(log(k->low) + u * (log(beyond) - log(k->low))) : k->low + u * (beyond - k->low));
        if (value > k->high) value = k->high;
        if (value < k->low) value = k->low;
    }
    number_text(k, value, text, size);
}

void tune_space_values(const tune_space *s, int is_grid, uint64_t seed, int64_t number, tune_values *values)
{
    int64_t rest = number - 1;
    for (int64_t i = s->count - 1; i >= 0; i--) {
        const tune_key *k = &s->key[i];
        if (is_grid) {
            snprintf(values->text[i], TUNE_VALUE_ROOM, "%s", k->value[rest % k->n_values]);
            rest /= k->n_values;
        } else {
            draw_text(k, draw(seed, number, k->name), values->text[i], TUNE_VALUE_ROOM);
        }
    }
}

char *tune_space_text(program *p, const tune_space *s, int owner, const tune_values *values)
{
    const char *fixed = owner == TUNE_MODEL ? s->params : s->optimizer_params;
    size_t room = (fixed != NULL ? strlen(fixed) : 0) + 2, length;
    for (int64_t i = 0; i < s->count; i++) room += strlen(s->key[i].key) + strlen(values->text[i]) + 2;
    char *text = program_alloc(p, (int64_t)room, 1);
    if (text == NULL) return NULL;
    length = (size_t)snprintf(text, room, "%s", fixed != NULL ? fixed : "");
    for (int64_t i = 0; i < s->count; i++)
        if (s->key[i].owner == owner)
            length += (size_t)snprintf(text + length, room - length, "%s%s=%s", length > 0 ? "," : "", s->key[i].key,
                                       values->text[i]);
    return text;
}

const char *tune_space_training(const tune_space *s, const char *key, const tune_values *values)
{
    for (int64_t i = 0; i < s->count; i++)
        if (s->key[i].owner == TUNE_TRAINING && strcmp(s->key[i].key, key) == 0) return values->text[i];
    return NULL;
}
