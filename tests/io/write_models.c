/* write_models.c - writes a file of each kind of model and, beside it, its tensors as the library reads them: what
 * read_safetensors.py compares with.
 *
 * write_models FOLDER [USERS ITEMS]
 *   FOLDER/CASE.safetensors   the model file
 *   FOLDER/CASE.TENSOR.raw    elements of each tensor, derived ones too, as they lie in memory
 *   FOLDER/CASE.txt           facts, a word and its value a line: params, users, items, the id of each, the histories
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/models.h"

static FILE *open_part(const char *folder, const char *name, const char *part)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, part);
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("cannot write %s", path);
    return file;
}

static void write_tensor(recsys_exec *exec, const recsys_model *model, int64_t index, const char *folder, const char *name)
{
    recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
    assert_int_equal(recsys_model_tensor_info(model, index, &info), RECSYS_OK);
    size_t bytes = info.dtype == RECSYS_I64 ? 8 : 4;
    for (int32_t d = 0; d < info.rank; d++) bytes *= (size_t)info.shape[d];
    void *data = malloc(bytes + 1);
    assert_non_null(data);
    expect_ok(exec, recsys_model_read_tensor(model, exec, info.name, 0, info.shape[0], data));
    char part[128];
    snprintf(part, sizeof part, "%s.raw", info.name);
    FILE *file = open_part(folder, name, part);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
    free(data);
}

static void write_ids(FILE *file, const char *word, const recsys_ids *ids)
{
    for (int64_t i = 0; i < recsys_ids_count(ids); i++) {
        char id[64];
        recsys_ids_text(ids, i, id, sizeof id);
        fprintf(file, "%s %s\n", word, id);
    }
}

static void write_histories(recsys_exec *exec, FILE *file, const recsys_model *model)
{
    for (int64_t u = 0; recsys_model_has_histories(model) && u < recsys_ids_count(recsys_model_users(model)); u++) {
        int64_t items[64], count;
        float values[64];
        expect_ok(exec, recsys_model_history(model, exec, u, items, values, 64, &count));
        for (int64_t e = 0; e < count; e++)
            fprintf(file, "history %" PRId64 ":%" PRId64 ":%d\n", u, items[e], (int)(values[e] * 2.0f));
    }
}

static void write_case(recsys_exec *exec, const model_case *c, const char *folder, int64_t n_users, int64_t n_items)
{
    recsys_model *model = model_of(exec, c, n_users, n_items);
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, c->name);
    expect_ok(exec, recsys_model_save(model, exec, path, NULL));
    for (int64_t t = 0; t < recsys_model_tensor_count(model); t++) write_tensor(exec, model, t, folder, c->name);
    FILE *file = open_part(folder, c->name, "txt");
    fprintf(file, "model %s\nparams %s\nlibrary %s\n", recsys_model_name(model), recsys_model_params(model), recsys_version());
    write_ids(file, "user", recsys_model_users(model));
    write_ids(file, "item", recsys_model_items(model));
    write_histories(exec, file, model);
    fclose(file);
    recsys_model_release(model);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: %s FOLDER [USERS ITEMS]\n", argv[0]);
        return 2;
    }
    int64_t n_users = argc == 4 ? strtoll(argv[2], NULL, 10) : 50, n_items = argc == 4 ? strtoll(argv[3], NULL, 10) : 70;
    fixture f;
    fixture_open(&f, 2);
    for (int c = 0; c < MODEL_CASES; c++) write_case(f.exec, &model_cases[c], argv[1], n_users, n_items);
    fixture_close(&f);
    return 0;
}
