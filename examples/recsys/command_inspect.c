/* command_inspect.c - `recsys inspect`: what is in a model file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>

#include "json.h"
#include "npy.h"
#include "table.h"

static int64_t tensor_bytes(const recsys_tensor_info *info)
{
    int64_t bytes = (int64_t)npy_element_size(info->dtype);
    for (int32_t d = 0; d < info->rank; d++) bytes *= info->shape[d];
    return bytes;
}

static void describe_tensor(table *t, json *j, const recsys_tensor_info *info)
{
    static const char *const types[] = { "?", "float32", "int32", "int64" };
    const char *type = types[info->dtype >= 1 && info->dtype <= 3 ? info->dtype : 0];
    char size[24], shape[96] = "";
    int length = 0;
    json_begin(j, NULL, '{');
    json_text(j, "name", info->name);
    json_text(j, "type", type);
    json_begin(j, "shape", '[');
    for (int32_t d = 0; d < info->rank; d++) {
        length += snprintf(shape + length, sizeof shape - (size_t)length, "%s%lld", d > 0 ? " x " : "", (long long)info->shape[d]);
        json_integer(j, NULL, info->shape[d]);
    }
    json_end(j, ']');
    json_integer(j, "bytes", tensor_bytes(info));
    json_text(j, "stored", info->derived ? "no" : "yes");
    json_text(j, "meaning", info->doc);
    json_end(j, '}');
    table_text(t, info->name);
    table_text(t, type);
    table_text(t, shape);
    table_text(t, size_text(size, tensor_bytes(info)));
    table_text(t, info->derived ? "no" : "yes");
    table_text(t, info->doc != NULL ? info->doc : "");
}

static recsys_status describe(program *p, const recsys_model *model, int64_t file_bytes)
{
    static const char *const id_types[] = { "", "integers", "strings" };
    const recsys_ids *users = recsys_model_users(model), *items = recsys_model_items(model);
    char size[24];
    json j;
    table t = TABLE_INIT("lllrll");
    recsys_status status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    program_say(p, "model      %s\nparams     %s\n", recsys_model_name(model), recsys_model_params(model));
    program_say(p, "users      %lld (%s)\n", (long long)recsys_ids_count(users), id_types[recsys_ids_type(users)]);
    program_say(p, "items      %lld (%s)\n", (long long)recsys_ids_count(items), id_types[recsys_ids_type(items)]);
    program_say(p, "histories  %s\nfile       %s\n\n", recsys_model_has_histories(model) ? "yes" : "no", size_text(size, file_bytes));
    json_text(&j, "model", recsys_model_name(model));
    json_text(&j, "params", recsys_model_params(model));
    json_integer(&j, "users", recsys_ids_count(users));
    json_integer(&j, "items", recsys_ids_count(items));
    json_text(&j, "histories", recsys_model_has_histories(model) ? "yes" : "no");
    json_integer(&j, "file_bytes", file_bytes);
    json_begin(&j, "tensors", '[');
    table_head(&t, "tensor", "type", "shape", "size", "stored", "meaning", NULL);
    for (int64_t i = 0; i < recsys_model_tensor_count(model) && status == RECSYS_OK; i++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        status = recsys_model_tensor_info(model, i, &info);
        if (status == RECSYS_OK) describe_tensor(&t, &j, &info);
    }
    json_end(&j, ']');
    recsys_status shown = table_show(p, &t);
    return json_close(p, &j, status != RECSYS_OK ? status : shown);
}

recsys_status command_inspect(program *p)
{
    recsys_model *model = NULL;
    struct stat file;
    recsys_status status = program_load(p, 0, &model);
    if (status != RECSYS_OK) return status;
    int64_t bytes = stat(p->settings.operands.word[0], &file) == 0 ? (int64_t)file.st_size : 0;
    status = describe(p, model, bytes);
    recsys_model_release(model);
    return status;
}
