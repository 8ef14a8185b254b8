/* params.h - inside of recsys_params: a model's schema, the values, and what models ask of them.
 *
 * A model declares its parameters as a const table of param_schema; everything else (checks, text form, introspection,
 * hints) follows from it. Values are always valid: setters refuse, and defaults are checked when the object is made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PARAMS_H
#define BASE_PARAMS_H

#include <recsys/params.h>

#include "base/error.h"
#include "base/memory.h"

enum { PARAM_LIST_MAX = 16 };

/* One parameter. The text of `default_value` is that of recsys_params_set_text(). */
typedef struct param_schema {
    const char *key;
    int32_t type;              /* RECSYS_PARAM_* */
    const char *default_value;
    double min, max;           /* I64, F64 and the elements of LIST; INFINITY: unbounded */
    int32_t min_is_open;       /* 1: `min` itself is refused */
    const char *choices;       /* CHOICE: "none|rows|both" */
    const char *since;         /* "0.1" */
    const char *doc;           /* one line, no full stop */
} param_schema;

/* Parameters at their defaults. `model` and `schema` have static storage; the rest is charged to `m`, which is retained. */
recsys_status recsys__params_create(memory *m, error *e, const char *model, const param_schema *schema, int64_t n_params,
                                    recsys_params **out);

/* A copy charged to `m`: what a model keeps, so that later changes of the caller's do not reach it. */
recsys_status recsys__params_copy(memory *m, error *e, const recsys_params *from, recsys_params **out);

/* Values for models. `key` is one of the schema's, of that type; for any other they return 0 or NULL. A choice is the
 * position of its word in `choices`. A list is borrowed from `p` until it is next set. */
int64_t recsys__param_i64(const recsys_params *p, const char *key);
double recsys__param_f64(const recsys_params *p, const char *key);
int recsys__param_bool(const recsys_params *p, const char *key);
int64_t recsys__param_choice(const recsys_params *p, const char *key);
const int64_t *recsys__param_list(const recsys_params *p, const char *key, int64_t *count);

#endif
