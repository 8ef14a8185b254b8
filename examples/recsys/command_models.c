/* command_models.c - `recsys models`, `recsys optimizers`, `recsys params` and `recsys devices`: what the library says of itself.
 *
 * Nothing here knows a model by name: models, optimizers and parameters describe themselves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "json.h"
#include "table.h"

static void describe_kind(table *t, json *j, const char *name, const char *summary, const char *citation)
{
    table_text(t, name);
    table_text(t, summary);
    table_text(t, citation != NULL ? citation : "");
    json_text(j, "name", name);
    json_text(j, "summary", summary);
    json_text(j, "citation", citation);
}

/* What a model can be asked about. */
static void describe_queries(json *j, int32_t parts)
{
    json_begin(j, "scores", '[');
    if (parts & RECSYS_QUERY_USER) json_text(j, NULL, "user");
    if (parts & RECSYS_QUERY_HISTORY) json_text(j, NULL, "history");
    if (parts & RECSYS_QUERY_FEATURES) json_text(j, NULL, "features");
    json_end(j, ']');
}

recsys_status command_models(program *p)
{
    table t = TABLE_INIT("lll");
    json j;
    recsys_status status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    json_begin(&j, "models", '[');
    for (int64_t i = 0; i < recsys_model_class_count(); i++) {
        recsys_model_class_info info = RECSYS_MODEL_CLASS_INFO_INIT;
        recsys_model_class_at(i, &info);
        json_begin(&j, NULL, '{');
        describe_kind(&t, &j, info.name, info.summary, info.citation);
        describe_queries(&j, info.query_parts);
        json_end(&j, '}');
    }
    json_end(&j, ']');
    return json_close(p, &j, table_show(p, &t));
}

recsys_status command_optimizers(program *p)
{
    table t = TABLE_INIT("lll");
    json j;
    recsys_status status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    json_begin(&j, "optimizers", '[');
    for (int64_t i = 0; i < recsys_optimizer_class_count(); i++) {
        recsys_optimizer_class_info info = RECSYS_OPTIMIZER_CLASS_INFO_INIT;
        recsys_optimizer_class_at(i, &info);
        json_begin(&j, NULL, '{');
        describe_kind(&t, &j, info.name, info.summary, info.citation);
        json_end(&j, '}');
    }
    json_end(&j, ']');
    return json_close(p, &j, table_show(p, &t));
}

/* Why there is no GPU: what asking for one says. */
static void say_why_none(program *p)
{
    recsys_exec *exec = NULL;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.device = "cuda";
    if (recsys_exec_create(p->env, &options, &exec, &error) != RECSYS_OK && !p->settings.quiet)
        fprintf(stderr, "recsys: devices: %s\n", error.message);
    recsys_exec_release(exec);
}

recsys_status command_devices(program *p)
{
    table t = TABLE_INIT("lrl");
    json j;
    recsys_status status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    json_begin(&j, "devices", '[');
    for (int64_t i = 0; i < recsys_env_device_count(p->env); i++) {
        char memory[32];
        recsys_device_info info = RECSYS_DEVICE_INFO_INIT;
        if (recsys_env_device(p->env, i, &info) != RECSYS_OK) continue; /* gone since it was counted */
        snprintf(memory, sizeof memory, "%.1f GiB", (double)info.memory_bytes / 0x1p30);
        table_text(&t, info.name);
        table_text(&t, memory);
        table_text(&t, info.description);
        json_begin(&j, NULL, '{');
        json_text(&j, "name", info.name);
        json_text(&j, "description", info.description);
        json_integer(&j, "memory_bytes", info.memory_bytes);
        json_end(&j, '}');
    }
    json_end(&j, ']');
    if (recsys_env_device_count(p->env) == 1) say_why_none(p);
    return json_close(p, &j, table_show(p, &t));
}

/* "more than 0", "0 to 10", "at least 1", "" for any number. */
static void range_text(char *buffer, size_t size, const recsys_param_info *info)
{
    const char *open = info->min_is_open ? "more than" : "at least";
    buffer[0] = '\0';
    if (info->type == RECSYS_PARAM_CHOICE) snprintf(buffer, size, "%s", info->choices);
    else if (info->type == RECSYS_PARAM_BOOL) snprintf(buffer, size, "true|false");
    else if (isfinite(info->min) && isfinite(info->max))
        snprintf(buffer, size, "%s%.10g to %.10g", info->min_is_open ? "more than " : "", info->min, info->max);
    else if (isfinite(info->min)) snprintf(buffer, size, "%s %.10g", open, info->min);
    else if (isfinite(info->max)) snprintf(buffer, size, "at most %.10g", info->max);
}

static void describe_param(table *t, json *j, const recsys_param_info *info)
{
    static const char *const types[] = { "", "integer", "number", "bool", "choice", "list" };
    char range[256];
    range_text(range, sizeof range, info);
    table_text(t, info->key);
    table_text(t, types[info->type]);
    table_text(t, info->default_value);
    table_text(t, range);
    table_text(t, info->doc);
    json_begin(j, NULL, '{');
    json_text(j, "name", info->key);
    json_text(j, "type", types[info->type]);
    json_text(j, "default", info->default_value);
    json_text(j, "range", range);
    json_text(j, "since", info->since);
    json_text(j, "meaning", info->doc);
    json_end(j, '}');
}

/* The name is a model's or else an optimizer's. If it is neither, the nearest model is what is named. */
static recsys_status find_params(program *p, const char *name, const char **what, recsys_params **params)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_params_create(p->env, name, params, &error);
    *what = "model";
    if (status == RECSYS_ERR_UNKNOWN_MODEL && recsys_optimizer_params(p->env, name, params, NULL) == RECSYS_OK) {
        *what = "optimizer";
        return RECSYS_OK;
    }
    if (status == RECSYS_ERR_UNKNOWN_MODEL) return program_usage(p, "%s; nor is it an optimizer", error.message);
    return status == RECSYS_OK ? RECSYS_OK : program_fail(p, status, "%s", error.message);
}

recsys_status command_params(program *p)
{
    table t = TABLE_INIT("lllll");
    json j;
    const char *what;
    recsys_params *params = NULL;
    recsys_status status = find_params(p, p->settings.operands.word[0], &what, &params);
    if (status == RECSYS_OK) status = json_open(p, &j, p->settings.json);
    if (status == RECSYS_OK) {
        json_text(&j, what, recsys_params_model(params));
        json_begin(&j, "params", '[');
        table_head(&t, "name", "type", "default", "range", "meaning", NULL);
        for (int64_t i = 0; i < recsys_params_count(params); i++) {
            recsys_param_info info = RECSYS_PARAM_INFO_INIT;
            if (recsys_params_info(params, i, &info) == RECSYS_OK) describe_param(&t, &j, &info);
        }
        json_end(&j, ']');
        status = json_close(p, &j, table_show(p, &t));
    }
    recsys_params_release(params);
    return status;
}
