/* fuzz_params.c - any text as the parameters of a model. What is accepted must be written as text that gives the same
 * parameters again; what is refused must leave them as they were and say why.
 *
 * The first byte chooses the model, the rest is the text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <recsys/recsys.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text form, freed by the caller. */
static char *text_of(const recsys_params *params)
{
    int64_t length = recsys_params_text(params, NULL, 0);
    char *words = malloc((size_t)length + 1);
    if (!words || recsys_params_text(params, words, length + 1) != length || strlen(words) != (size_t)length) abort();
    return words;
}

static recsys_params *params_of(recsys_env *env, const char *model)
{
    recsys_params *params;
    if (recsys_params_create(env, model, &params, NULL)) abort();
    return params;
}

static void try_text(recsys_env *env, const char *model, const char *words)
{
    recsys_params *params = params_of(env, model), *again = params_of(env, model);
    char *before = text_of(params);
    recsys_status status = recsys_params_set_text(params, words);
    char *after = text_of(params);
    if (status == RECSYS_OK) {
        if (recsys_params_set_text(again, after) != RECSYS_OK) abort();
        char *twice = text_of(again);
        if (strcmp(twice, after) != 0) abort();
        free(twice);
    } else {
        recsys_error_info error = RECSYS_ERROR_INFO_INIT;
        recsys_params_last_error(params, &error);
        if (strcmp(before, after) != 0 || error.status != status || !error.message[0]) abort();
    }
    free(before);
    free(after);
    recsys_params_release(params);
    recsys_params_release(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recsys_env *env;
    if (size == 0 || recsys_env_create(NULL, &env, NULL)) return 0;
    recsys_model_class_info info = RECSYS_MODEL_CLASS_INFO_INIT;
    recsys_model_class_at(data[0] % recsys_model_class_count(), &info);
    char *words = malloc(size);
    if (words) {
        memcpy(words, data + 1, size - 1);
        words[size - 1] = '\0';
        try_text(env, info.name, words);
    }
    free(words);
    recsys_env_release(env);
    return 0;
}
