/* command_export.c - `recsys export`: a tensor as .npy, or the ids that its rows stand for.
 *
 * A tensor may be larger than the memory (the item weights of EASE^R are items x items): it passes through in blocks of
 * rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "npy.h"
#include "outfile.h"

enum { BLOCK_BYTES = 8 << 20 };

/* The tensor of that name; else a message with the nearest there is. */
static recsys_status find_tensor(program *p, const recsys_model *model, const char *name, recsys_tensor_info *info)
{
    int64_t count = recsys_model_tensor_count(model);
    const char **names = program_alloc(p, count + 1, sizeof *names);
    if (names == NULL) return RECSYS_ERR_NO_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        recsys_model_tensor_info(model, i, info);
        names[i] = info->name;
        if (strcmp(name, info->name) == 0) {
            free(names);
            return RECSYS_OK;
        }
    }
    names[count] = NULL;
    const char *nearest = nearest_word(name, names);
    recsys_status status = program_usage(p, "the model has no tensor \"%s\"%s%s%s; `recsys inspect` lists them", name,
                                         nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    free(names);
    return status;
}

static recsys_status write_rows(program *p, const recsys_model *model, const recsys_tensor_info *info, FILE *file)
{
    size_t row_bytes = npy_element_size(info->dtype);
    for (int32_t d = 1; d < info->rank; d++) row_bytes *= (size_t)info->shape[d];
    int64_t block = row_bytes > 0 && row_bytes < BLOCK_BYTES ? (int64_t)(BLOCK_BYTES / row_bytes) : 1;
    void *buffer = program_alloc(p, block, row_bytes > 0 ? row_bytes : 1);
    recsys_status status = buffer != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    for (int64_t row = 0; row < info->shape[0] && status == RECSYS_OK; row += block) {
        int64_t n = info->shape[0] - row < block ? info->shape[0] - row : block;
        status = recsys_model_read_tensor(model, p->exec, info->name, row, n, buffer);
        if (status == RECSYS_OK && row_bytes > 0 && fwrite(buffer, row_bytes, (size_t)n, file) != (size_t)n)
            status = program_fail(p, RECSYS_ERR_IO, "%s: cannot write: %s", p->settings.out, strerror(errno));
        if (status == RECSYS_OK && program_interrupted()) status = RECSYS_ERR_CANCELLED;
    }
    free(buffer);
    return status;
}

static recsys_status write_tensor(program *p, const recsys_model *model, const char *name)
{
    outfile out = OUTFILE_INIT;
    recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
    recsys_status status = find_tensor(p, model, name, &info);
    if (status == RECSYS_OK && npy_element_size(info.dtype) == 0)
        status = program_fail(p, RECSYS_ERR_UNSUPPORTED, "tensor \"%s\" has a type newer than this program", name);
    if (status == RECSYS_OK) status = outfile_open(p, &out, p->settings.out);
    if (status == RECSYS_OK) {
        npy_write_head(out.file, &info);
        status = write_rows(p, model, &info, out.file);
    }
    return outfile_close(p, &out, status);
}

static recsys_status write_ids(program *p, const recsys_ids *ids)
{
    outfile out = OUTFILE_INIT;
    recsys_status status = outfile_open(p, &out, p->settings.out);
    for (int64_t i = 0; i < recsys_ids_count(ids) && status == RECSYS_OK; i++) {
        char *id = id_text(ids, i);
        if (id == NULL) status = program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
        else fprintf(out.file, "%s\n", id);
        free(id);
    }
    return outfile_close(p, &out, status);
}

recsys_status command_export(program *p)
{
    const settings *s = &p->settings;
    recsys_model *model = NULL;
    if (s->tensor != NULL && s->ids >= 0) return program_usage(p, "--tensor and --ids exclude each other");
    if (s->tensor == NULL && s->ids < 0) return program_usage(p, "give --tensor NAME or --ids users|items");
    if (s->out == NULL) return program_usage(p, "--out FILE is missing");
    recsys_status status = program_load(p, 0, &model);
    if (status != RECSYS_OK) return status;
    if (s->tensor != NULL) status = write_tensor(p, model, s->tensor);
    else status = write_ids(p, s->ids == 0 ? recsys_model_users(model) : recsys_model_items(model));
    recsys_model_release(model);
    return status;
}
