/* model_save.c - a model into a file: the plan of its tensors, their checksums, the header, the data.
 *
 * The header comes first and holds the checksums, so the data is read twice: once to add it up, once to write it. Tensors
 * in device memory pass through a staging block both times.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <recsys/io.h>
#include <recsys/version.h>

#include "base/struct.h"
#include "io/atomic_file.h"
#include "io/checksum.h"
#include "io/model_file.h"

enum { STAGING_BYTES = 1 << 23 };

/* The tensors of a file to be, where their contents are, and how far the work on them has come. */
typedef struct plan {
    recsys_exec *x;
    const recsys_model *m;
    int64_t n;
    safetensor tensor[SAFETENSORS_MAX_TENSORS];
    const unsigned char *data[SAFETENSORS_MAX_TENSORS];
    int on_device[SAFETENSORS_MAX_TENSORS];
    uint32_t crc[SAFETENSORS_MAX_TENSORS];
    int64_t order[SAFETENSORS_MAX_TENSORS];
    unsigned char *staging;
    int64_t done, total; /* bytes, of both passes */
} plan;

void recsys__checksum_text(uint32_t crc, char out[CHECKSUM_DIGITS + 1])
{
    snprintf(out, CHECKSUM_DIGITS + 1, "%08" PRIx32, crc);
}

recsys_status recsys__check_byte_order(recsys_exec *x, const char *path)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    if (first == 1) return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "%s: model files are little-endian, this machine is not", path);
}

/* ---- the plan ---- */

static void add(plan *p, const char *name, int32_t dtype, int32_t rank, const int64_t *shape, const void *data, int on_device)
{
    safetensor *t = &p->tensor[p->n];
    *t = (safetensor){ .dtype = dtype, .rank = rank, .shape = { 1, 1, 1, 1 } };
    snprintf(t->name, sizeof t->name, "%s", name);
    memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
    p->data[p->n] = data;
    p->on_device[p->n++] = on_device;
}

static void add_vector(plan *p, const char *name, int32_t dtype, int64_t length, const void *data)
{
    add(p, name, dtype, 1, &length, data, 0);
}

static void add_ids(plan *p, const recsys_ids *ids, const char *ints, const char *bytes, const char *offsets)
{
    int64_t count = recsys_ids_count(ids);
    if (recsys_ids_type(ids) != RECSYS_ID_STRING) {
        add_vector(p, ints, RECSYS_I64, count, recsys__ids_ints(ids));
        return;
    }
    static const int64_t no_offsets[1] = { 0 };
    const int64_t *offset;
    const char *all = recsys__ids_bytes(ids, &offset);
    if (count == 0) offset = no_offsets;
    add_vector(p, bytes, SAFETENSORS_U8, offset[count], all);
    add_vector(p, offsets, RECSYS_I64, count + 1, offset);
}

static int64_t own_bytes(const model_tensor *t)
{
    return recsys__tensor_elements(t) * (int64_t)recsys__dtype_size(t->dtype);
}

/* The model's own tensors, the largest first: see first_large(). */
static void add_own(plan *p)
{
    const tensor_list *own = &p->m->tensors;
    unsigned char is_added[MODEL_MAX_TENSORS] = { 0 };
    for (int64_t n = 0; n < own->count; n++) {
        int64_t largest = -1;
        for (int64_t t = 0; t < own->count; t++)
            if (!is_added[t] && (largest < 0 || own_bytes(&own->at[t]) > own_bytes(&own->at[largest]))) largest = t;
        const model_tensor *t = &own->at[largest];
        add(p, t->name, t->dtype, t->rank, t->shape, t->data, 1);
        is_added[largest] = 1;
    }
}

static recsys_status make_plan(plan *p, int with_histories)
{
    const recsys_model *m = p->m;
    add_own(p);
    add_ids(p, m->users, FILE_USER_IDS, FILE_USER_ID_BYTES, FILE_USER_ID_OFFSETS);
    add_ids(p, m->items, FILE_ITEM_IDS, FILE_ITEM_ID_BYTES, FILE_ITEM_ID_OFFSETS);
    if (with_histories) {
        const csr *h = &m->histories;
        add_vector(p, FILE_HISTORY_PTR, RECSYS_I64, m->n_users + 1, h->ptr);
        add_vector(p, FILE_HISTORY_ITEM, RECSYS_I32, h->ptr[m->n_users], h->col);
        if (h->val) add_vector(p, FILE_HISTORY_VALUE, RECSYS_F32, h->ptr[m->n_users], h->val);
    }
    recsys_status status = recsys__safetensors_layout(&p->x->error, p->tensor, p->n, p->order);
    if (status) return status;
    for (int64_t t = 0; t < p->n; t++) p->total += 2 * (p->tensor[t].end - p->tensor[t].begin);
    return RECSYS_OK;
}

/* ---- the two passes ---- */

/* Takes a piece of tensor `t`; `to` is the file, NULL in the pass of the checksums. */
static recsys_status take_piece(plan *p, int64_t t, const void *bytes, int64_t n, atomic_file *to)
{
    recsys_status status = RECSYS_OK;
    if (to)
        status = recsys__atomic_write(to, bytes, n);
    else
        recsys__checksum(p->x, bytes, n, &p->crc[t], NULL);
    if (status) return status;
    p->done += n;
    return recsys__progress(p->x, p->done, p->total);
}

static recsys_status pass_tensor(plan *p, int64_t t, atomic_file *to)
{
    int64_t n = p->tensor[t].end - p->tensor[t].begin;
    int64_t step = p->on_device[t] ? STAGING_BYTES : CHECKSUM_SLICE;
    recsys_status status = RECSYS_OK;
    for (int64_t at = 0; at < n && !status; at += step) {
        int64_t length = n - at < step ? n - at : step;
        const unsigned char *bytes = p->data[t] + at;
        if (p->on_device[t]) {
            /* The model's device: the exec that saves may have another. */
            const backend *b = p->m->backend;
            status = b->copy_out(b->self, NULL, &p->x->error, p->staging, bytes, (size_t)length);
            bytes = p->staging;
        }
        if (!status) status = take_piece(p, t, bytes, length, to);
    }
    return status;
}

/* All tensors in the order of the file. */
static recsys_status pass(plan *p, atomic_file *to)
{
    recsys_status status = RECSYS_OK;
    for (int64_t k = 0; k < p->n && !status; k++) status = pass_tensor(p, p->order[k], to);
    return status;
}

/* ---- the header ---- */

static void add_text(text *t, const char *key, const char *value)
{
    recsys__text_string(t, ",");
    recsys__text_json(t, key);
    recsys__text_string(t, ":");
    recsys__text_json(t, value);
}

static const char *id_type(const recsys_ids *ids)
{
    return recsys_ids_type(ids) == RECSYS_ID_STRING ? "string" : "int";
}

/* The metadata; *digits is where the zeros stand that the checksum of the header will replace. */
static void write_metadata(const plan *p, text *t, int64_t *digits)
{
    char crc[CHECKSUM_DIGITS + 1], key[SAFETENSORS_MAX_NAME + sizeof CHECKSUM_PREFIX];
    recsys__text_string(t, "{\"__metadata__\":{\"format\":\"" MODEL_FILE_FORMAT "\"");
    recsys__text_format(t, ",\"format_version\":\"%d\"", RECSYS_MODEL_FORMAT);
    add_text(t, "library", recsys_version());
    add_text(t, "model", p->m->class->name);
    add_text(t, "params", p->m->params_text);
    add_text(t, "user_id_type", id_type(p->m->users));
    add_text(t, "item_id_type", id_type(p->m->items));
    for (int64_t k = 0; k < p->n; k++) {
        snprintf(key, sizeof key, CHECKSUM_PREFIX "%s", p->tensor[p->order[k]].name);
        recsys__checksum_text(p->crc[p->order[k]], crc);
        add_text(t, key, crc);
    }
    add_text(t, CHECKSUM_OF_HEADER, "00000000");
    *digits = t->length - CHECKSUM_DIGITS - 1;
    recsys__text_string(t, "}");
}

/* Where the first tensor of 4-byte elements begins: it is the largest of the model's own, and will lie at a page. */
static int64_t first_large(const plan *p)
{
    for (int64_t k = 0; k < p->n; k++)
        if (recsys__safetensors_element(p->tensor[p->order[k]].dtype) == 4) return p->tensor[p->order[k]].begin;
    return 0;
}

static recsys_status write_header(plan *p, atomic_file *to)
{
    static const char spaces[64] = "                                                                ";
    unsigned char length[8];
    char crc[CHECKSUM_DIGITS + 1];
    int64_t digits = 0;
    text t = recsys__text_begin(p->x->memory, &p->x->error);
    write_metadata(p, &t, &digits);
    recsys__safetensors_entries(&t, p->tensor, p->n, p->order);
    recsys__text_string(&t, "}");
    int64_t padding = recsys__safetensors_padding(t.length, first_large(p));
    for (; padding > 0; padding -= 64) recsys__text_bytes(&t, spaces, padding < 64 ? padding : 64);
    recsys_status status = recsys__text_end(&t);
    if (status) return status;
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)t.length >> (8 * i));
    uint32_t sum = 0;
    recsys__checksum(p->x, length, sizeof length, &sum, NULL);
    recsys__checksum(p->x, t.data, t.length, &sum, NULL);
    recsys__checksum_text(sum, crc);
    memcpy(t.data + digits, crc, CHECKSUM_DIGITS);
    if (t.length > JSON_MAX_BYTES)
        status = recsys__fail(&p->x->error, RECSYS_ERR_TOO_LARGE, "the header of the model file would take %" PRId64 " bytes",
                              t.length);
    if (!status) status = recsys__atomic_write(to, length, sizeof length);
    if (!status) status = recsys__atomic_write(to, t.data, t.length);
    recsys__text_free(&t);
    return status;
}

/* ---- saving ---- */

static recsys_status save(plan *p, const char *path)
{
    atomic_file *file = NULL;
    /* Before anything long: a folder that cannot be written to is told at once. */
    recsys_status status = recsys__atomic_open(p->x, path, &file);
    if (!status) status = recsys__phase(p->x, "save");
    if (!status) status = pass(p, NULL);
    if (!status) status = write_header(p, file);
    if (!status) status = pass(p, file);
    if (!status) return recsys__atomic_commit(file);
    recsys__atomic_abort(file);
    return status;
}

recsys_status recsys_model_save(const recsys_model *m, recsys_exec *x, const char *path, const recsys_save_options *options)
{
    if (!x) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!m || !path) return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_save: an argument is NULL");
    recsys_save_options o;
    recsys_status status = recsys__struct_in(&x->error, "recsys_save_options", options, sizeof(size_t), &o, sizeof o);
    if (!status) status = recsys__check_device(x, m);
    if (!status) status = recsys__check_byte_order(x, path);
    plan *p = NULL;
    if (!status) status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *p, &p);
    if (status) return status;
    p->x = x;
    p->m = m;
    status = make_plan(p, m->has_histories && !o.without_histories);
    if (!status) status = recsys__alloc(x->memory, &x->error, STAGING_BYTES, 1, &p->staging);
    if (!status) status = save(p, path);
    recsys__free(x->memory, p->staging);
    recsys__free(x->memory, p);
    return status;
}
