/* safetensors.c - the container of model files, read with every size checked, and its layout for writing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/safetensors.h"

#include <inttypes.h>
#include <string.h>

#include <recsys/model.h>

enum { PAGE = 4096, LENGTH_BYTES = 8 };

static const struct dtype {
    const char *name;
    int32_t dtype;
    int64_t bytes;
} dtypes[] = {
    { "F32", RECSYS_F32, 4 },
    { "I32", RECSYS_I32, 4 },
    { "I64", RECSYS_I64, 8 },
    { "U8", SAFETENSORS_U8, 1 },
};

static const struct dtype *find_dtype(int32_t number)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].dtype == number) return &dtypes[i];
    return NULL;
}

int64_t recsys__safetensors_element(int32_t dtype)
{
    const struct dtype *d = find_dtype(dtype);
    return d ? d->bytes : 0;
}

/* ---- reading ---- */

static recsys_status fail(recsys_exec *x, const safetensors *s, const char *reason)
{
    return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: %s", s->path, reason);
}

static recsys_status fail_tensor(recsys_exec *x, const safetensors *s, const char *name, const char *reason)
{
    return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: tensor %s: %s", s->path, name, reason);
}

/* N of the file's first 8 bytes, checked against the length of the file. */
static recsys_status header_length(recsys_exec *x, const safetensors *s, int64_t *length)
{
    if (s->file_bytes < LENGTH_BYTES + 2)
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: not a model file: %" PRId64 " bytes long", s->path,
                            s->file_bytes);
    uint64_t n = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) n |= (uint64_t)s->file[i] << (8 * i);
    if (s->file[LENGTH_BYTES] != '{') return fail(x, s, "not a model file: no header of a safetensors file");
    if (n > (uint64_t)(s->file_bytes - LENGTH_BYTES))
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT,
                            "%s: the header should be %" PRIu64 " bytes long, the file has %" PRId64 " bytes: truncated, or not a "
                            "model file", s->path, n, s->file_bytes);
    if (n > JSON_MAX_BYTES)
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: a header of %" PRIu64 " bytes is not that of a model file",
                            s->path, n);
    *length = (int64_t)n;
    return RECSYS_OK;
}

recsys_status recsys__safetensors_open(recsys_exec *x, const char *path, const void *file, int64_t file_bytes, safetensors *s)
{
    *s = (safetensors){ .path = path, .file = file, .file_bytes = file_bytes };
    int64_t length = 0;
    recsys_status status = header_length(x, s, &length);
    if (status) return status;
    s->data = s->file + LENGTH_BYTES + length;
    s->data_bytes = file_bytes - LENGTH_BYTES - length;
    error reason = { 0 };
    status = recsys__json_parse(x->memory, &reason, (const char *)s->file + LENGTH_BYTES, length, &s->header);
    if (status) return recsys__fail(&x->error, status, "%s: the header cannot be read: %s", path, reason.message);
    s->metadata = recsys__json_member(s->header, 0, "__metadata__");
    if (recsys__json_is_twice(s->header, 0, "__metadata__")) {
        recsys__safetensors_close(x, s);
        return fail(x, s, "the header has two __metadata__");
    }
    return RECSYS_OK;
}

void recsys__safetensors_close(recsys_exec *x, safetensors *s)
{
    recsys__json_free(x->memory, s->header);
    s->header = NULL;
}

int64_t recsys__safetensors_text(const safetensors *s, const char *key, char *buffer, int64_t size)
{
    if (recsys__json_is_twice(s->header, s->metadata, key)) return -1;
    return recsys__json_string(s->header, recsys__json_member(s->header, s->metadata, key), buffer, size);
}

int64_t recsys__safetensors_text_position(const safetensors *s, const char *key, int64_t length)
{
    int node = recsys__json_member(s->header, s->metadata, key);
    if (recsys__json_type(s->header, node) != JSON_STRING || recsys__json_is_twice(s->header, s->metadata, key)) return -1;
    int64_t begin = recsys__json_begin(s->header, node);
    return recsys__json_end(s->header, node) - begin == length ? LENGTH_BYTES + begin : -1;
}

const safetensor *recsys__safetensors_find(const safetensors *s, const char *name)
{
    for (int64_t t = 0; t < s->n_tensors; t++)
        if (strcmp(s->tensor[t].name, name) == 0) return &s->tensor[t];
    return NULL;
}

/* Reads an array of at most `room` counts; how many there are, or -1. */
static int32_t read_counts(const json *j, int node, int64_t *values, int32_t room)
{
    int32_t count = 0;
    if (recsys__json_type(j, node) != JSON_ARRAY) return -1;
    for (int at = recsys__json_first(j, node); at >= 0; at = recsys__json_next(j, at), count++)
        if (count == room || !recsys__json_count(j, at, &values[count])) return -1;
    return count;
}

static int read_dtype(const json *j, int node, int32_t *dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (!recsys__json_equals(j, node, dtypes[i].name)) continue;
        *dtype = dtypes[i].dtype;
        return 1;
    }
    return 0;
}

/* Bytes of the whole tensor; -1 if that is more than 2^63 - 1. A dimension of 0 does not hide another that overflows. */
static int64_t tensor_bytes(const safetensor *t)
{
    int64_t bytes = recsys__safetensors_element(t->dtype), empty = 0;
    for (int32_t d = 0; d < t->rank; d++) {
        if (t->shape[d] == 0) {
            empty = 1;
            continue;
        }
        if (t->shape[d] > INT64_MAX / bytes) return -1;
        bytes *= t->shape[d];
    }
    return empty ? 0 : bytes;
}

/* Reads one entry of the header. */
static recsys_status read_tensor(recsys_exec *x, const safetensors *s, int key, safetensor *t)
{
    const json *j = s->header;
    int entry = recsys__json_value(j, key);
    if (recsys__json_string(j, key, t->name, (int64_t)sizeof t->name) < 1)
        return fail(x, s, "a tensor has an empty name, one of over 63 bytes or one that is no text");
    for (const char *c = t->name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return fail(x, s, "the name of a tensor has a control character");
    int n_keys = 0;
    for (int at = recsys__json_first(j, entry); at >= 0; at = recsys__json_next(j, at)) n_keys++;
    int dtype = recsys__json_member(j, entry, "dtype"), shape = recsys__json_member(j, entry, "shape");
    int offsets = recsys__json_member(j, entry, "data_offsets");
    if (n_keys != 3 || dtype < 0 || shape < 0 || offsets < 0)
        return fail_tensor(x, s, t->name, "its entry needs dtype, shape and data_offsets, and nothing else");
    if (!read_dtype(j, dtype, &t->dtype)) return fail_tensor(x, s, t->name, "its dtype is none of F32, I32, I64, U8");
    t->rank = read_counts(j, shape, t->shape, SAFETENSORS_MAX_RANK);
    if (t->rank < 0) return fail_tensor(x, s, t->name, "its shape is no list of at most four sizes");
    for (int32_t d = t->rank; d < SAFETENSORS_MAX_RANK; d++) t->shape[d] = 1;
    int64_t range[2];
    if (read_counts(j, offsets, range, 2) != 2) return fail_tensor(x, s, t->name, "its data_offsets are no two offsets");
    t->begin = range[0];
    t->end = range[1];
    int64_t bytes = tensor_bytes(t);
    if (bytes < 0 || t->end < t->begin || t->end - t->begin != bytes)
        return fail_tensor(x, s, t->name, "its shape does not agree with its data_offsets");
    if (t->end > s->data_bytes)
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT,
                            "%s: tensor %s ends at byte %" PRId64 " of the data, of which the file has %" PRId64 ": truncated",
                            s->path, t->name, t->end, s->data_bytes);
    /* The file is mapped at a page, so its offset decides about the alignment in memory. */
    if ((s->data - s->file + t->begin) % recsys__safetensors_element(t->dtype))
        return fail_tensor(x, s, t->name, "its data is not aligned to its elements");
    return RECSYS_OK;
}

/* Whether the tensors, whatever their order, cover bytes 0 to data_bytes - 1 without gap or overlap. */
static recsys_status check_cover(recsys_exec *x, const safetensors *s)
{
    int64_t at = 0;
    for (int64_t covered = 0; covered < s->n_tensors;) {
        int64_t begun = covered, next = at;
        /* All that begin here: empty ones, and at most one that is not. */
        for (int64_t t = 0; t < s->n_tensors; t++) {
            if (s->tensor[t].begin != at) continue;
            covered++;
            if (s->tensor[t].end == at) continue;
            if (next != at) return fail_tensor(x, s, s->tensor[t].name, "it overlaps another tensor");
            next = s->tensor[t].end;
        }
        /* Nothing begins here, or what does is empty and something lies elsewhere. */
        if (covered == begun || (next == at && covered < s->n_tensors))
            return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: the tensors leave a gap, or overlap, at byte %" PRId64
                                " of the data", s->path, at);
        at = next;
    }
    if (at == s->data_bytes) return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT,
                        "%s: the tensors end at byte %" PRId64 " of the data, of which the file has %" PRId64, s->path, at,
                        s->data_bytes);
}

recsys_status recsys__safetensors_index(recsys_exec *x, safetensors *s)
{
    const json *j = s->header;
    for (int key = recsys__json_first(j, 0); key >= 0; key = recsys__json_next(j, key)) {
        if (recsys__json_equals(j, key, "__metadata__")) continue;
        if (s->n_tensors == SAFETENSORS_MAX_TENSORS) return fail(x, s, "more tensors than a model has");
        safetensor *t = &s->tensor[s->n_tensors];
        recsys_status status = read_tensor(x, s, key, t);
        if (status) return status;
        if (recsys__safetensors_find(s, t->name)) return fail_tensor(x, s, t->name, "it comes twice");
        s->n_tensors++;
    }
    return check_cover(x, s);
}

/* ---- writing ---- */

recsys_status recsys__safetensors_layout(error *e, safetensor *tensor, int64_t n_tensors, int64_t *order)
{
    static const int64_t sizes[] = { 8, 4, 1 };
    int64_t at = 0, k = 0;
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++)
        for (int64_t t = 0; t < n_tensors; t++) {
            if (recsys__safetensors_element(tensor[t].dtype) != sizes[size]) continue;
            int64_t bytes = tensor_bytes(&tensor[t]);
            if (bytes < 0 || at > INT64_MAX / 2 - bytes)
                return recsys__fail(e, RECSYS_ERR_TOO_LARGE, "tensor %s: too large for a file", tensor[t].name);
            tensor[t].begin = at;
            tensor[t].end = at += bytes;
            order[k++] = t;
        }
    return RECSYS_OK;
}

void recsys__safetensors_entries(text *t, const safetensor *tensor, int64_t n_tensors, const int64_t *order)
{
    for (int64_t k = 0; k < n_tensors; k++) {
        const safetensor *s = &tensor[order[k]];
        recsys__text_string(t, ",");
        recsys__text_json(t, s->name);
        recsys__text_format(t, ":{\"dtype\":\"%s\",\"shape\":[", find_dtype(s->dtype)->name);
        for (int32_t d = 0; d < s->rank; d++) recsys__text_format(t, d ? ",%" PRId64 : "%" PRId64, s->shape[d]);
        recsys__text_format(t, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", s->begin, s->end);
    }
}

int64_t recsys__safetensors_padding(int64_t header_bytes, int64_t data_offset)
{
    int64_t past = (LENGTH_BYTES + header_bytes + data_offset) % PAGE;
    return past ? PAGE - past : 0;
}
