/* params.h - the parameters of a model: typed, checked when set, described by the library itself.
 *
 * A recsys_params is made for a named model. Setters fail at once on an unknown key (the message names the nearest
 * known one), a wrong type or a value out of range. Lists are integers with colons between them. One text form holds
 * everything: `"l2=80,normalize=both,top_k=0"`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PARAMS_H
#define RECSYS_PARAMS_H

#include <recsys/env.h>

/** Parameters of one model. Reference-counted; confined to one thread at a time. */
typedef struct recsys_params recsys_params;

/** Types of a parameter. */
enum {
    RECSYS_PARAM_I64 = 1,    /**< Integer. */
    RECSYS_PARAM_F64 = 2,    /**< Finite number. */
    RECSYS_PARAM_BOOL = 3,   /**< `true` or `false`. */
    RECSYS_PARAM_CHOICE = 4, /**< One of several words. */
    RECSYS_PARAM_LIST = 5    /**< Integers: `64:32:16`. */
};

/** What there is to know about one parameter. The strings have static storage. */
typedef struct recsys_param_info {
    size_t struct_size;        /**< sizeof(recsys_param_info). */
    const char *key;           /**< Name: `"l2"`. */
    int32_t type;              /**< RECSYS_PARAM_*. */
    int32_t min_is_open;       /**< 1 if `min` itself is outside the range. */
    double min;                /**< Least value (F64 and I64; of each element for LIST). */
    double max;                /**< Greatest value, infinity if unbounded. */
    const char *default_value; /**< Default in text form. */
    const char *choices;       /**< CHOICE: the words with `|` between them; else NULL. */
    const char *since;         /**< First product version that has it: `"0.1"`. */
    const char *doc;           /**< One line. */
} recsys_param_info;

/** Initialiser of recsys_param_info. */
#define RECSYS_PARAM_INFO_INIT { sizeof(recsys_param_info), NULL, 0, 0, 0.0, 0.0, NULL, NULL, NULL, NULL }

RECSYS_BEGIN_DECLS

/** Makes the parameters of a model, all at their defaults.
 * @param model name from recsys_model_class_at().
 * @param[out] params owned by the caller; NULL on failure.
 * @param[out] error details on failure; may be NULL. The nearest known model is named.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_UNKNOWN_MODEL, ERR_NO_MEMORY. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_params_create(recsys_env *env, const char *model, recsys_params **params,
                                              recsys_error_info *error);

/** Adds a reference. Any thread. @since 0.1 */
RECSYS_API recsys_params *recsys_params_retain(recsys_params *params);

/** Drops a reference; NULL is allowed. Any thread. @since 0.1 */
RECSYS_API void recsys_params_release(recsys_params *params);

/** Name of the model. Borrowed. Any thread. @since 0.1 */
RECSYS_API const char *recsys_params_model(const recsys_params *params);

/** Sets an integer. @return RECSYS_OK, ERR_UNKNOWN_KEY, ERR_TYPE, ERR_OUT_OF_RANGE. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_set_i64(recsys_params *params, const char *key, int64_t value);

/** Sets a number. NaN and infinity are out of range. @return as recsys_params_set_i64(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_set_f64(recsys_params *params, const char *key, double value);

/** Sets a truth value: 0 or 1. @return as recsys_params_set_i64(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_set_bool(recsys_params *params, const char *key, int32_t value);

/** Sets a choice by its word. @return as recsys_params_set_i64(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_set_choice(recsys_params *params, const char *key, const char *value);

/** Sets a list of `count` integers (at most 16). @return as recsys_params_set_i64(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_set_list(recsys_params *params, const char *key, const int64_t *values,
                                                int64_t count);

/** Sets any number of parameters from text: `"key=value,key=value"`. All or none are set.
 * @return as recsys_params_set_i64(), or ERR_PARSE. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_set_text(recsys_params *params, const char *text);

/** Reads an integer. @return RECSYS_OK, ERR_UNKNOWN_KEY, ERR_TYPE. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_get_i64(recsys_params *params, const char *key, int64_t *value);

/** Reads a number. @return as recsys_params_get_i64(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_get_f64(recsys_params *params, const char *key, double *value);

/** Reads a truth value. @return as recsys_params_get_i64(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_get_bool(recsys_params *params, const char *key, int32_t *value);

/** Reads a choice; the word lives as long as the params. @return as recsys_params_get_i64(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_get_choice(recsys_params *params, const char *key, const char **value);

/** Reads a list into `values`, room for `capacity`; `count` receives its length.
 * @return as recsys_params_get_i64(), or ERR_OUT_OF_RANGE if it does not fit. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_params_get_list(recsys_params *params, const char *key, int64_t *values,
                                                int64_t capacity, int64_t *count);

/** Writes all parameters as text, defaults included, in the order of the schema.
 * @param[out] buffer receives at most `size` bytes with the final zero; may be NULL if `size` is 0.
 * @return length of the whole text without the final zero. Confined. @since 0.1 */
RECSYS_API int64_t recsys_params_text(const recsys_params *params, char *buffer, int64_t size);

/** Number of parameters. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_params_count(const recsys_params *params);

/** Describes parameter `index` (0 to count - 1). @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_STRUCT_SIZE. Any thread.
 * @since 0.1 */
RECSYS_API recsys_status recsys_params_info(const recsys_params *params, int64_t index, recsys_param_info *info);

/** Copies the details of the last failed call on these parameters. @return RECSYS_OK, ERR_STRUCT_SIZE. Confined.
 * @since 0.1 */
RECSYS_API recsys_status recsys_params_last_error(const recsys_params *params, recsys_error_info *error);

RECSYS_END_DECLS
#endif
