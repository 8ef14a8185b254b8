/* model_load.c - a model from a file: mapped, checked, and used where it lies.
 *
 * Whoever wrote the file may mean harm, so nothing in it is used before it is known to be what it should: the container
 * (safetensors.c), then here the metadata, the checksums, ids and histories, and last what the kind of model asks of its
 * tensors. On a device that reads host memory the tensors are the mapping; elsewhere they are copied in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <recsys/io.h>
#include <recsys/version.h>

#include "backend/run.h"
#include "base/struct.h"
#include "io/checksum.h"
#include "io/mapped_file.h"
#include "io/model_file.h"

/* A file while it is loaded. The mapping goes over to the model. */
typedef struct loading {
    recsys_exec *x;
    const char *path;
    int32_t verify;
    void *mapping;
    size_t mapping_bytes;
    safetensors file;
    int file_is_open;
    const struct model_class *class;
    recsys_params *params;
    recsys_ids *users, *items;
    int has_histories;
    csr histories;
    recsys_model *model;
} loading;

static recsys_status fail_file(loading *l, recsys_status status, const char *reason)
{
    return recsys__fail(&l->x->error, status, "%s: %s", l->path, reason);
}

static recsys_status bad_tensor(loading *l, const char *name, const char *reason)
{
    return recsys__fail(&l->x->error, RECSYS_ERR_FILE_FORMAT, "%s: tensor %s %s", l->path, name, reason);
}

/* ---- metadata ---- */

/* The checksum of the header, with the digits of its own as zeros, against those digits. */
static recsys_status check_header_checksum(loading *l)
{
    const safetensors *f = &l->file;
    int64_t at = recsys__safetensors_text_position(f, CHECKSUM_OF_HEADER, CHECKSUM_DIGITS), end = f->data - f->file;
    if (at < 0) return fail_file(l, RECSYS_ERR_FILE_FORMAT, "the checksum of the header is missing");
    uint32_t crc = 0;
    char wanted[CHECKSUM_DIGITS + 1];
    recsys__checksum(l->x, f->file, at, &crc, NULL);
    recsys__checksum(l->x, "00000000", CHECKSUM_DIGITS, &crc, NULL);
    recsys__checksum(l->x, f->file + at + CHECKSUM_DIGITS, end - at - CHECKSUM_DIGITS, &crc, NULL);
    recsys__checksum_text(crc, wanted);
    if (memcmp(f->file + at, wanted, CHECKSUM_DIGITS) == 0) return RECSYS_OK;
    return fail_file(l, RECSYS_ERR_CHECKSUM, "the header does not match its checksum: the file is damaged");
}

/* Whether the file is one of ours, and of a format that this library knows. The checksum is looked at before the number:
 * every format keeps it. */
static recsys_status check_format(loading *l)
{
    char word[32];
    int64_t version;
    int64_t known = recsys__safetensors_text(&l->file, "format", word, sizeof word);
    if (known >= 0 && strcmp(word, "recsys-checkpoint") == 0)
        return fail_file(l, RECSYS_ERR_FILE_FORMAT, "a checkpoint of a training, not a model: it can be resumed");
    if (known < 0 || strcmp(word, MODEL_FILE_FORMAT) != 0)
        return fail_file(l, RECSYS_ERR_FILE_FORMAT, "a safetensors file, but not one that this library wrote: its metadata has no "
                                                    "format \"" MODEL_FILE_FORMAT "\"");
    recsys_status status = check_header_checksum(l);
    if (status) return status;
    int64_t length = recsys__safetensors_text(&l->file, "format_version", word, sizeof word);
    if (length < 0 || !recsys__parse_i64(word, length, &version) || version < 1)
        return fail_file(l, RECSYS_ERR_FILE_FORMAT, "its format_version is missing or no number");
    if (version <= RECSYS_MODEL_FORMAT) return RECSYS_OK;
    if (recsys__safetensors_text(&l->file, "library", word, sizeof word) < 0) word[0] = '\0';
    return recsys__fail(&l->x->error, RECSYS_ERR_FILE_VERSION,
                        "%s: written by a newer library (%s) in format %" PRId64 "; version %s reads formats up to %d", l->path,
                        word, version, recsys_version(), RECSYS_MODEL_FORMAT);
}

static recsys_status read_class(loading *l)
{
    char name[64];
    if (recsys__safetensors_text(&l->file, "model", name, sizeof name) < 0)
        return fail_file(l, RECSYS_ERR_FILE_FORMAT, "its metadata names no model");
    l->class = recsys__model_class(name);
    if (l->class) return RECSYS_OK;
    return recsys__fail(&l->x->error, RECSYS_ERR_UNKNOWN_MODEL, "%s: holds a model called \"%s\", which this library does not know",
                        l->path, name);
}

/* Parameters of the class from the text in the metadata. What does not fit the schema makes the file a bad one. */
static recsys_status read_params(loading *l)
{
    memory *m = l->x->memory;
    int64_t room = l->file.data - l->file.file;
    char *words;
    recsys_status status = recsys__alloc(m, &l->x->error, room, 1, &words);
    if (status) return status;
    if (recsys__safetensors_text(&l->file, "params", words, room) < 0)
        status = fail_file(l, RECSYS_ERR_FILE_FORMAT, "its metadata has no params");
    if (!status) status = recsys__params_create(m, &l->x->error, l->class->name, l->class->params, l->class->n_params, &l->params);
    if (!status && words[0]) {
        status = recsys_params_set_text(l->params, words);
        recsys_error_info said = RECSYS_ERROR_INFO_INIT;
        if (status) recsys_params_last_error(l->params, &said);
        if (status == RECSYS_ERR_NO_MEMORY || status == RECSYS_ERR_MEMORY_LIMIT)
            recsys__fail(&l->x->error, status, "%s", said.message);
        else if (status)
            status = recsys__fail(&l->x->error, RECSYS_ERR_FILE_FORMAT, "%s: its params cannot be used: %s", l->path, said.message);
    }
    recsys__free(m, words);
    return status;
}

/* ---- checksums ---- */

static recsys_status check_tensor_checksum(loading *l, const safetensor *t, int64_t *done)
{
    char key[SAFETENSORS_MAX_NAME + sizeof CHECKSUM_PREFIX], stored[CHECKSUM_DIGITS + 1], wanted[CHECKSUM_DIGITS + 1];
    snprintf(key, sizeof key, CHECKSUM_PREFIX "%s", t->name);
    if (recsys__safetensors_text(&l->file, key, stored, sizeof stored) != CHECKSUM_DIGITS)
        return bad_tensor(l, t->name, "has no checksum");
    uint32_t crc = 0;
    int finite = 1;
    for (int64_t at = t->begin; at < t->end; at += CHECKSUM_SLICE) {
        int64_t n = t->end - at < CHECKSUM_SLICE ? t->end - at : CHECKSUM_SLICE;
        recsys__checksum(l->x, l->file.data + at, n, &crc, t->dtype == RECSYS_F32 ? &finite : NULL);
        *done += n;
        recsys_status status = recsys__progress(l->x, *done, l->file.data_bytes);
        if (status) return status;
    }
    recsys__checksum_text(crc, wanted);
    if (strcmp(stored, wanted) != 0)
        return recsys__fail(&l->x->error, RECSYS_ERR_CHECKSUM, "%s: tensor %s does not match its checksum: the file is damaged",
                            l->path, t->name);
    return finite ? RECSYS_OK : bad_tensor(l, t->name, "holds a value that is not finite");
}

static recsys_status check_checksums(loading *l)
{
    int64_t done = 0;
    recsys_status status = recsys__phase(l->x, "verify");
    for (int64_t t = 0; t < l->file.n_tensors && !status; t++) status = check_tensor_checksum(l, &l->file.tensor[t], &done);
    return status;
}

/* ---- ids and histories ---- */

/* The contents of a vector that the file must have, of this type and, unless it is -1, of this length. */
static recsys_status vector(loading *l, const char *name, int32_t dtype, int64_t length, const safetensor **out, const void *data)
{
    const safetensor *t = recsys__safetensors_find(&l->file, name);
    if (!t) return bad_tensor(l, name, "is missing");
    if (t->dtype != dtype || t->rank != 1) return bad_tensor(l, name, "has the wrong type or number of dimensions");
    if (length >= 0 && t->shape[0] != length) return bad_tensor(l, name, "has the wrong length");
    const unsigned char *begin = l->file.data + t->begin;
    memcpy((void *)data, &begin, sizeof begin);
    *out = t;
    return RECSYS_OK;
}

/* Offsets from 0 to `end` that never fall. */
static int offsets_rise(const int64_t *offset, int64_t count, int64_t end)
{
    if (count < 1 || offset[0] != 0 || offset[count - 1] != end) return 0;
    for (int64_t i = 1; i < count; i++)
        if (offset[i] < offset[i - 1]) return 0;
    return 1;
}

/* Says which ids a complaint about ids is about. */
static recsys_status name_ids(loading *l, const char *name, recsys_status status)
{
    if (status != RECSYS_ERR_FILE_FORMAT && status != RECSYS_ERR_TOO_LARGE) return status;
    error said = l->x->error;
    return recsys__fail(&l->x->error, status, "%s: tensor %s: %s", l->path, name, said.message);
}

static recsys_status read_texts(loading *l, const char *bytes_name, const char *offsets_name, recsys_ids **ids)
{
    const safetensor *t_bytes = NULL, *t_offsets = NULL;
    const char *bytes = NULL;
    const int64_t *offset = NULL;
    recsys_status status = vector(l, bytes_name, SAFETENSORS_U8, -1, &t_bytes, &bytes);
    if (!status) status = vector(l, offsets_name, RECSYS_I64, -1, &t_offsets, &offset);
    if (status) return status;
    if (!offsets_rise(offset, t_offsets->shape[0], t_bytes->shape[0]))
        return bad_tensor(l, offsets_name, "does not rise from 0 to the number of bytes");
    if (t_bytes->shape[0] > 0 && memchr(bytes, 0, (size_t)t_bytes->shape[0])) return bad_tensor(l, bytes_name, "holds a zero byte");
    return name_ids(l, offsets_name, recsys__ids_from_text(l->x, bytes, offset, t_offsets->shape[0] - 1, ids));
}

static recsys_status read_ids(loading *l, const char *type_key, const char *ints, const char *bytes, const char *offsets,
                              recsys_ids **ids)
{
    char type[16];
    const safetensor *t = NULL;
    const int64_t *id = NULL;
    if (recsys__safetensors_text(&l->file, type_key, type, sizeof type) < 0) type[0] = '\0';
    if (strcmp(type, "string") == 0) return read_texts(l, bytes, offsets, ids);
    if (strcmp(type, "int") != 0)
        return recsys__fail(&l->x->error, RECSYS_ERR_FILE_FORMAT, "%s: its metadata has no %s, or another than int and string",
                            l->path, type_key);
    recsys_status status = vector(l, ints, RECSYS_I64, -1, &t, &id);
    return status ? status : name_ids(l, ints, recsys__ids_from_ints(l->x, id, t->shape[0], ids));
}

/* Items ascend within each user, so none comes twice; values are finite. */
static const char *row_error(const csr *h, int64_t u)
{
    for (int64_t e = h->ptr[u]; e < h->ptr[u + 1]; e++) {
        if (h->col[e] < 0 || h->col[e] >= h->n_cols) return "has an item that there is not";
        if (e > h->ptr[u] && h->col[e] <= h->col[e - 1]) return "has items that do not ascend";
        if (h->val && !isfinite(h->val[e])) return "has a value that is not finite";
    }
    return NULL;
}

static recsys_status read_histories(loading *l)
{
    if (!recsys__safetensors_find(&l->file, FILE_HISTORY_PTR)) return RECSYS_OK;
    csr *h = &l->histories;
    const safetensor *t;
    h->n_rows = recsys_ids_count(l->users);
    h->n_cols = recsys_ids_count(l->items);
    recsys_status status = vector(l, FILE_HISTORY_PTR, RECSYS_I64, h->n_rows + 1, &t, &h->ptr);
    if (!status) status = vector(l, FILE_HISTORY_ITEM, RECSYS_I32, -1, &t, &h->col);
    if (status) return status;
    int64_t entries = t->shape[0];
    if (recsys__safetensors_find(&l->file, FILE_HISTORY_VALUE))
        status = vector(l, FILE_HISTORY_VALUE, RECSYS_F32, entries, &t, &h->val);
    if (status) return status;
    if (!offsets_rise(h->ptr, h->n_rows + 1, entries))
        return bad_tensor(l, FILE_HISTORY_PTR, "does not rise from 0 to the number of interactions");
    for (int64_t u = 0; u < h->n_rows; u++) {
        const char *reason = row_error(h, u);
        if (reason)
            return recsys__fail(&l->x->error, RECSYS_ERR_FILE_FORMAT, "%s: the history of user %" PRId64 " %s", l->path, u, reason);
    }
    l->has_histories = 1;
    return RECSYS_OK;
}

/* ---- the model ---- */

/* Whether a tensor has a meaning in a model of this class. */
static int is_known(const struct model_class *class, const char *name)
{
    static const char *const names[] = { FILE_USER_IDS, FILE_USER_ID_BYTES, FILE_USER_ID_OFFSETS, FILE_ITEM_IDS, FILE_ITEM_ID_BYTES,
                                         FILE_ITEM_ID_OFFSETS, FILE_HISTORY_PTR, FILE_HISTORY_ITEM, FILE_HISTORY_VALUE };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return 1;
    for (int64_t k = 0; k < class->n_tensors; k++)
        if (strcmp(name, class->tensors[k].name) == 0) return 1;
    return 0;
}

/* Appends a tensor of the file to the model's list. */
static recsys_status take_tensor(loading *l, const tensor_kind *kind, const safetensor *t)
{
    if (t->dtype != kind->dtype || t->rank < 1) return bad_tensor(l, t->name, "has the wrong type or number of dimensions");
    void *data = NULL;
    int copied = 1;
    const unsigned char *host = l->file.data + t->begin;
    /* A file of ours has it right; a copy has the alignment of all memory. */
    int is_aligned = kind->align == 0 || (host - l->file.file) % kind->align == 0;
    recsys_status status = is_aligned ? recsys__share(l->x, host, t->end - t->begin, &data, &copied)
                                      : recsys__upload(l->x, host, t->end - t->begin, &data);
    if (status) return status;
    status = recsys__model_new_tensor(l->x, l->model, kind->name, t->rank, t->shape, data);
    if (status && copied) recsys__device_free(l->x->backend, l->x->memory, data);
    if (!status) l->model->tensors.at[l->model->tensors.count - 1].borrowed = !copied;
    return status;
}

/* Takes the tensors that the class knows in its order, whatever that of the file. */
static recsys_status take_tensors(loading *l)
{
    for (int64_t t = 0; t < l->file.n_tensors; t++)
        if (!is_known(l->class, l->file.tensor[t].name))
            return recsys__fail(&l->x->error, RECSYS_ERR_FILE_FORMAT, "%s: a tensor %s does not belong into a model %s", l->path,
                                l->file.tensor[t].name, l->class->name);
    recsys_status status = RECSYS_OK;
    for (int64_t k = 0; k < l->class->n_tensors && !status; k++) {
        const safetensor *t = recsys__safetensors_find(&l->file, l->class->tensors[k].name);
        if (t) status = take_tensor(l, &l->class->tensors[k], t);
    }
    return status;
}

static recsys_status make_model(loading *l)
{
    recsys_status status = recsys__model_create(l->x, l->class, l->params, l->users, l->items, &l->model);
    if (status) return status;
    recsys_model *m = l->model;
    m->mapping = l->mapping;
    m->mapping_bytes = l->mapping_bytes;
    l->mapping = NULL;
    m->has_histories = l->has_histories;
    m->histories = l->histories;
    status = take_tensors(l);
    if (status) return status;
    status = recsys__model_complete(l->x, m);
    if (status != RECSYS_ERR_FILE_FORMAT) return status;
    error said = l->x->error;
    return fail_file(l, status, said.message);
}

static recsys_status load(loading *l)
{
    recsys_status status = recsys__phase(l->x, "load");
    if (!status) status = recsys__check_byte_order(l->x, l->path);
    if (!status) status = recsys__map_file(l->x, l->path, "a model file", &l->mapping, &l->mapping_bytes);
    if (!status) status = recsys__safetensors_open(l->x, l->path, l->mapping, (int64_t)l->mapping_bytes, &l->file);
    l->file_is_open = status == RECSYS_OK;
    if (!status) status = check_format(l);
    if (!status) status = recsys__safetensors_index(l->x, &l->file);
    if (!status) status = read_class(l);
    if (!status) status = read_params(l);
    if (!status && l->verify == RECSYS_VERIFY_ALL) status = check_checksums(l);
    if (!status) status = read_ids(l, "user_id_type", FILE_USER_IDS, FILE_USER_ID_BYTES, FILE_USER_ID_OFFSETS, &l->users);
    if (!status) status = read_ids(l, "item_id_type", FILE_ITEM_IDS, FILE_ITEM_ID_BYTES, FILE_ITEM_ID_OFFSETS, &l->items);
    if (!status) status = read_histories(l);
    if (!status) status = make_model(l);
    return status;
}

recsys_status recsys_model_load(recsys_exec *x, const char *path, const recsys_load_options *options, recsys_model **model)
{
    if (model) *model = NULL;
    if (!x) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!path || !model) return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_load: an argument is NULL");
    recsys_load_options o;
    recsys_status status = recsys__struct_in(&x->error, "recsys_load_options", options, sizeof(size_t), &o, sizeof o);
    if (status) return status;
    if (o.verify != RECSYS_VERIFY_ALL && o.verify != RECSYS_VERIFY_HEADER)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "recsys_load_options: verify is %d, it must be 0 or 1", o.verify);
    loading *l;
    status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *l, &l);
    if (status) return status;
    l->x = x;
    l->path = path;
    l->verify = o.verify;
    status = load(l);
    if (status)
        recsys_model_release(l->model);
    else
        *model = l->model;
    if (l->file_is_open) recsys__safetensors_close(x, &l->file);
    recsys__unmap_file(l->mapping, l->mapping_bytes);
    recsys_params_release(l->params);
    recsys__ids_release(l->users);
    recsys__ids_release(l->items);
    recsys__free(x->memory, l);
    return status;
}
