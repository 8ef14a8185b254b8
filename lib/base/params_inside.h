/* params_inside.h - the parts of recsys_params that params.c and params_text.c share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PARAMS_INSIDE_H
#define BASE_PARAMS_INSIDE_H

#include <stdatomic.h>

#include "base/params.h"

enum { PARAMS_MAX = 64 }; /* parameters of one model */

/* Which member counts is said by the schema's type. */
typedef struct param_value {
    int64_t integer; /* I64; BOOL 0 or 1; CHOICE the position of the word */
    double number;   /* F64 */
    int64_t count, list[PARAM_LIST_MAX];
} param_value;

struct recsys_params {
    atomic_int refs;
    memory *memory;
    const char *model;
    const param_schema *schema;
    int64_t n_params;
    param_value *values; /* n_params */
    param_value *staged; /* n_params: where a text is read to before all of it is known to be right */
    char *words;         /* the words of all choices, see recsys__param_word() */
    error error;
};

/* Index of a key of `length` bytes; ERR_UNKNOWN_KEY with the nearest one. */
recsys_status recsys__param_find(recsys_params *p, const char *key, int64_t length, int64_t *index);

/* Reads and checks a value of parameter `index`: ERR_TYPE, ERR_OUT_OF_RANGE. */
recsys_status recsys__param_parse(recsys_params *p, int64_t index, const char *s, int64_t length, param_value *v);

/* Whether a value of the right type is in range. */
recsys_status recsys__param_check(recsys_params *p, int64_t index, const param_value *v);

/* The word at `position` among the choices of parameter `index`; lives as long as `p`. */
const char *recsys__param_word(const recsys_params *p, int64_t index, int64_t position);

#endif
