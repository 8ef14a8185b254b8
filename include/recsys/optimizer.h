/* optimizer.h - optimizers: how a training step changes parameters, and the learning rate over time.
 *
 * A recsys_optimizer is a rule with settings, made by name like a model's parameters: "adam", "adamw", "sgd", "adagrad".
 * It holds nothing of a training and can serve any number of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_OPTIMIZER_H
#define RECSYS_OPTIMIZER_H

#include <recsys/exec.h>
#include <recsys/params.h>

/** An optimizer with its settings. Immutable; reference-counted; shared between threads. */
typedef struct recsys_optimizer recsys_optimizer;

/** What there is to know about a kind of optimizer. The strings have static storage. */
typedef struct recsys_optimizer_class_info {
    size_t struct_size;   /**< sizeof(recsys_optimizer_class_info). */
    const char *name;     /**< What recsys_optimizer_params() takes: `"adam"`. */
    const char *summary;  /**< One line. */
    const char *citation; /**< The paper. */
} recsys_optimizer_class_info;

/** Initialiser of recsys_optimizer_class_info. */
#define RECSYS_OPTIMIZER_CLASS_INFO_INIT { sizeof(recsys_optimizer_class_info), NULL, NULL, NULL }

RECSYS_BEGIN_DECLS

/** Number of kinds of optimizers. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_optimizer_class_count(void);

/** Describes kind `index` (0 to count - 1). @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_STRUCT_SIZE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_optimizer_class_at(int64_t index, recsys_optimizer_class_info *info);

/** Makes the settings of an optimizer, all at their defaults; set and described as those of a model (params.h).
 * @param name from recsys_optimizer_class_at(). @param[out] params owned by the caller; NULL on failure.
 * @param[out] error details on failure; may be NULL. The nearest known name is given.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_UNKNOWN_KEY, ERR_NO_MEMORY. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_optimizer_params(recsys_env *env, const char *name, recsys_params **params,
                                                 recsys_error_info *error);

/** Makes an optimizer from settings, which are copied.
 * @param[out] optimizer owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT (parameters of a model; settings that exclude each other), ERR_NO_MEMORY.
 * Confined exec and params. @since 0.1 */
RECSYS_API recsys_status recsys_optimizer_create(recsys_exec *exec, const recsys_params *params, recsys_optimizer **optimizer);

/** Adds a reference. Any thread. @since 0.1 */
RECSYS_API recsys_optimizer *recsys_optimizer_retain(recsys_optimizer *optimizer);

/** Drops a reference; NULL is allowed. Any thread. @since 0.1 */
RECSYS_API void recsys_optimizer_release(recsys_optimizer *optimizer);

/** Name of the rule. Static storage. Any thread. @since 0.1 */
RECSYS_API const char *recsys_optimizer_name(const recsys_optimizer *optimizer);

/** Settings in text form. Borrowed. Any thread. @since 0.1 */
RECSYS_API const char *recsys_optimizer_text(const recsys_optimizer *optimizer);

RECSYS_END_DECLS
#endif
