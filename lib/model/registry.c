/* registry.c - the kinds of models: one line each.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/struct.h"
#include "base/text.h"
#include "model/model.h"

static const struct model_class *const classes[] = {
    &recsys__ease,
    &recsys__top_popular,
    &recsys__embeddings,
    &recsys__gmf,
    &recsys__mlp,
    &recsys__neumf,
    &recsys__cdae,
    &recsys__dae,
    &recsys__lightgcn,
    &recsys__gf_cf,
    &recsys__two_tower_concat,
    &recsys__two_tower_product,
    &recsys__mlp_classifier,
};

enum { CLASS_COUNT = sizeof classes / sizeof *classes };

const struct model_class *recsys__model_class_at(int64_t index)
{
    return index >= 0 && index < CLASS_COUNT ? classes[index] : NULL;
}

const struct model_class *recsys__model_class(const char *name)
{
    for (int i = 0; i < CLASS_COUNT; i++)
        if (strcmp(classes[i]->name, name) == 0)
            return classes[i];
    return NULL;
}

int64_t recsys_model_class_count(void)
{
    return CLASS_COUNT;
}

static int32_t query_parts(const struct model_class *c)
{
    switch (c->scores_by_history) {
    case BY_FEATURES: return RECSYS_QUERY_FEATURES;
    case BY_USER: return RECSYS_QUERY_USER;
    default: return RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY;
    }
}

recsys_status recsys_model_class_at(int64_t index, recsys_model_class_info *info)
{
    const struct model_class *c = recsys__model_class_at(index);
    if (c == NULL)
        return RECSYS_ERR_OUT_OF_RANGE;
    recsys_model_class_info own = { sizeof own, c->name, c->summary, c->citation, query_parts(c), 0 };
    return recsys__struct_out(NULL, "recsys_model_class_info", &own, sizeof own, info);
}

recsys_status recsys_params_create(recsys_env *env, const char *model, recsys_params **params, recsys_error_info *info)
{
    error e = { 0 };
    recsys_status status = RECSYS_OK;
    if (params != NULL)
        *params = NULL;
    if (env == NULL || model == NULL || params == NULL) {
        status = recsys__fail(&e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_params_create: an argument is NULL");
    } else {
        const struct model_class *c = recsys__model_class(model);
        if (c == NULL) {
            const char *names[CLASS_COUNT];
            for (int i = 0; i < CLASS_COUNT; i++)
                names[i] = classes[i]->name;
            status = recsys__fail(&e, RECSYS_ERR_UNKNOWN_MODEL, "no model is called \"%.60s\"; did you mean \"%s\"?", model,
                                  recsys__nearest(model, names, CLASS_COUNT));
        } else {
            status = recsys__params_create(env->memory, &e, c->name, c->params, c->n_params, params);
        }
    }
    if (info != NULL && status < 0)
        recsys__error_copy(&e, info);
    return status;
}
