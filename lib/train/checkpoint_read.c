/* checkpoint_read.c - going on from a checkpoint: everything is proven before anything in the trainer changes.
 *
 * In this order: the container, the checksum of the header, format and version; whether it is the same training; the
 * numbers of its progress; names, types and shapes of the arrays; their checksums, and that numbers are finite and rows are
 * not behind further than the optimizer can make up for. Then the arrays are copied in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <recsys/version.h>

#include "backend/run.h"
#include "base/text.h"
#include "io/checksum.h"
#include "io/mapped_file.h"
#include "train/checkpoint.h"
#include "train/lag.h"

enum { SHOWN = 120 };

typedef struct reading {
    recsys_exec *x;
    recsys_trainer *t;
    const char *path;
    void *mapping;
    size_t mapping_bytes;
    safetensors file;
    int file_is_open;
    char *words; /* room for any text of the header */
    int64_t room;
    checkpoint_settings settings;
    checkpoint_arrays arrays;
    progress_state at;
} reading;

static recsys_status bad_file(reading *r, const char *reason)
{
    return recsys__fail(&r->x->error, RECSYS_ERR_FILE_FORMAT, "%s: %s", r->path, reason);
}

static recsys_status bad_array(reading *r, const char *name, const char *reason)
{
    return recsys__fail(&r->x->error, RECSYS_ERR_FILE_FORMAT, "%s: tensor %s %s", r->path, name, reason);
}

/* ---- the format ---- */

/* The checksum of the header, with the digits of its own as zeros, against those digits. */
static recsys_status check_header(reading *r)
{
    const safetensors *f = &r->file;
    int64_t at = recsys__safetensors_text_position(f, CHECKSUM_OF_HEADER, CHECKSUM_DIGITS), end = f->data - f->file;
    if (at < 0)
        return bad_file(r, "the checksum of the header is missing");
    uint32_t crc = 0;
    char wanted[CHECKSUM_DIGITS + 1];
    recsys__checksum(r->x, f->file, at, &crc, NULL);
    recsys__checksum(r->x, "00000000", CHECKSUM_DIGITS, &crc, NULL);
    recsys__checksum(r->x, f->file + at + CHECKSUM_DIGITS, end - at - CHECKSUM_DIGITS, &crc, NULL);
    recsys__checksum_text(crc, wanted);
    if (memcmp(f->file + at, wanted, CHECKSUM_DIGITS) == 0)
        return RECSYS_OK;
    return recsys__fail(&r->x->error, RECSYS_ERR_CHECKSUM, "%s: the header does not match its checksum: the file is damaged", r->path);
}

static recsys_status check_format(reading *r)
{
    char word[32];
    int64_t version;
    if (recsys__safetensors_text(&r->file, "format", word, sizeof word) < 0)
        word[0] = '\0';
    if (strcmp(word, MODEL_FILE_FORMAT) == 0)
        return bad_file(r, "a model file, not a checkpoint");
    if (strcmp(word, CHECKPOINT_FORMAT) != 0)
        return bad_file(r, "a safetensors file, but not a checkpoint that this library wrote: its metadata has no format "
                           "\"" CHECKPOINT_FORMAT "\"");
    recsys_status status = check_header(r);
    if (status < 0)
        return status;
    int64_t length = recsys__safetensors_text(&r->file, "format_version", word, sizeof word);
    if (length < 0 || !recsys__parse_i64(word, length, &version) || version < 1)
        return bad_file(r, "its format_version is missing or no number");
    if (version <= CHECKPOINT_VERSION)
        return RECSYS_OK;
    if (recsys__safetensors_text(&r->file, "library", word, sizeof word) < 0)
        word[0] = '\0';
    return recsys__fail(&r->x->error, RECSYS_ERR_FILE_VERSION,
                        "%s: written by a newer library (%s) in format %" PRId64 "; version %s reads formats up to %d", r->path, word,
                        version, recsys_version(), CHECKPOINT_VERSION);
}

/* ---- whether it is the same training ---- */

static recsys_status read_text(reading *r, const char *key, int64_t *length)
{
    *length = recsys__safetensors_text(&r->file, key, r->words, r->room);
    if (*length >= 0)
        return RECSYS_OK;
    return recsys__fail(&r->x->error, RECSYS_ERR_FILE_FORMAT, "%s: its metadata has no %s", r->path, key);
}

/* Lists such as "dim=8,loss=bce": the place where the entry begins in which both differ first. */
static int64_t entry_begin(const char *a, const char *b)
{
    int64_t at = 0, begin = 0;
    for (; a[at] != '\0' && a[at] == b[at]; at++)
        if (a[at] == ',')
            begin = at + 1;
    return begin;
}

static int entry_length(const char *s)
{
    size_t n = strcspn(s, ",");
    return n < SHOWN ? (int)n : SHOWN;
}

static recsys_status check_setting(reading *r, const checkpoint_setting *s)
{
    int64_t length;
    recsys_status status = read_text(r, s->key, &length);
    if (status < 0 || strcmp(r->words, s->value) == 0)
        return status;
    int64_t begin = entry_begin(r->words, s->value);
    const char *theirs = r->words + begin, *ours = s->value + begin;
    return recsys__fail(&r->x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: written with %s %.*s, this training has %s %.*s", r->path,
                        s->words, entry_length(theirs), theirs, s->words, entry_length(ours), ours);
}

static recsys_status check_settings(reading *r)
{
    recsys_status status = RECSYS_OK;
    recsys__checkpoint_settings(r->t, &r->settings);
    for (int64_t i = 0; i < r->settings.n && status >= 0; i++)
        status = check_setting(r, &r->settings.at[i]);
    return status;
}

/* ---- how far it was ---- */

static recsys_status read_number(reading *r, const checkpoint_number *n)
{
    unsigned char *to = (unsigned char *)&r->at + n->offset;
    int64_t length, integer;
    double real;
    recsys_status status = read_text(r, n->key, &length);
    if (status < 0)
        return status;
    int ok = n->is_real ? recsys__parse_double(r->words, length, &real) : recsys__parse_i64(r->words, length, &integer);
    if (!ok)
        return recsys__fail(&r->x->error, RECSYS_ERR_FILE_FORMAT, "%s: its %s is no number", r->path, n->key);
    if (n->is_real)
        memcpy(to, &real, sizeof real);
    else
        memcpy(to, &integer, sizeof integer);
    return RECSYS_OK;
}

static recsys_status read_progress(reading *r)
{
    const checkpoint_number *n;
    recsys_status status = RECSYS_OK;
    for (int64_t i = 0; status >= 0 && (n = recsys__checkpoint_number(i)) != NULL; i++)
        status = read_number(r, n);
    const progress_state *p = &r->at;
    if (status < 0)
        return status;
    if (p->step < 0 || p->step > r->t->n_steps || p->step >= INT32_MAX)
        return recsys__fail(&r->x->error, RECSYS_ERR_FILE_FORMAT, "%s: it is at step %" PRId64 " of %" PRId64, r->path, p->step,
                            r->t->n_steps);
    if (p->n_validations < 0 || p->n_stale < 0 || p->n_stale > p->n_validations || p->best_step < -1 || p->best_step > p->step
        || p->stopped < 0 || p->stopped > 1 || p->validated_step < 0 || p->validated_step > p->step)
        return bad_file(r, "the numbers of its progress contradict each other");
    return RECSYS_OK;
}

/* ---- the arrays ---- */

/* The array of the file that is number k of the training: after check_arrays() it is there. */
static const safetensor *stored(const reading *r, int64_t k)
{
    return recsys__safetensors_find(&r->file, r->arrays.at[k].name);
}

static recsys_status check_shapes(reading *r)
{
    recsys_status status = recsys__checkpoint_arrays(r->t, r->at.best_step >= 0, &r->arrays);
    for (int64_t k = 0; k < r->arrays.n && status >= 0; k++) {
        const safetensor *wanted = &r->arrays.at[k], *found = stored(r, k);
        if (found == NULL)
            return bad_array(r, wanted->name, "is missing");
        if (found->dtype != wanted->dtype || found->rank != wanted->rank
            || memcmp(found->shape, wanted->shape, (size_t)wanted->rank * sizeof *wanted->shape) != 0)
            return bad_array(r, wanted->name, "has another type or shape than this training has");
    }
    if (status >= 0 && r->file.n_tensors != r->arrays.n)
        return bad_file(r, "it has tensors that this training does not have");
    return status;
}

/* Steps that rows have seen: none of the future, and none before the optimizer last brought all rows to the present. */
static int steps_fit(const reading *r, const unsigned char *bytes, int64_t n)
{
    int64_t base = recsys__lag_base(r->at.step);
    for (int64_t at = 0; at < n; at += 4) {
        int32_t step;
        memcpy(&step, bytes + at, sizeof step);
        if (step < base || step > r->at.step)
            return 0;
    }
    return 1;
}

static recsys_status check_array(reading *r, const safetensor *s, int64_t *done)
{
    char key[SAFETENSORS_MAX_NAME + sizeof CHECKSUM_PREFIX], written[CHECKSUM_DIGITS + 1], wanted[CHECKSUM_DIGITS + 1];
    snprintf(key, sizeof key, CHECKSUM_PREFIX "%s", s->name);
    if (recsys__safetensors_text(&r->file, key, written, sizeof written) != CHECKSUM_DIGITS)
        return bad_array(r, s->name, "has no checksum");
    uint32_t crc = 0;
    int finite = 1, fits = 1;
    for (int64_t at = s->begin; at < s->end; at += CHECKSUM_SLICE) {
        int64_t n = s->end - at < CHECKSUM_SLICE ? s->end - at : CHECKSUM_SLICE;
        recsys__checksum(r->x, r->file.data + at, n, &crc, s->dtype == RECSYS_F32 ? &finite : NULL);
        fits = fits && (s->dtype != RECSYS_I32 || steps_fit(r, r->file.data + at, n));
        *done += n;
        recsys_status status = recsys__progress(r->x, *done, r->file.data_bytes);
        if (status < 0)
            return status;
    }
    recsys__checksum_text(crc, wanted);
    if (strcmp(written, wanted) != 0)
        return recsys__fail(&r->x->error, RECSYS_ERR_CHECKSUM, "%s: tensor %s does not match its checksum: the file is damaged",
                            r->path, s->name);
    if (!fits)
        return bad_array(r, s->name, "has a row at a step where it cannot be");
    return finite ? RECSYS_OK : bad_array(r, s->name, "holds a value that is not finite");
}

static recsys_status check_arrays(reading *r)
{
    int64_t done = 0;
    recsys_status status = check_shapes(r);
    for (int64_t k = 0; k < r->arrays.n && status >= 0; k++)
        status = check_array(r, stored(r, k), &done);
    return status;
}

/* ---- taking it over ---- */

static recsys_status make_best(reading *r)
{
    recsys_trainer *t = r->t;
    recsys_status status = RECSYS_OK;
    for (int64_t p = 0; p < t->n_parameters && r->at.best_step >= 0 && status >= 0; p++)
        if (t->best[p] == NULL)
            status = recsys__device_alloc(r->x, recsys__tensor_elements(&t->m->tensors.at[p]), sizeof(float), &t->best[p]);
    return status < 0 ? status : recsys__checkpoint_arrays(t, r->at.best_step >= 0, &r->arrays);
}

static recsys_status take_over(reading *r)
{
    recsys_trainer *t = r->t;
    recsys_status status = make_best(r);
    for (int64_t k = 0; k < r->arrays.n && status >= 0; k++) {
        const safetensor *s = stored(r, k);
        status = recsys__copy_in(r->x, r->arrays.data[k], r->file.data + s->begin, s->end - s->begin);
    }
    if (status >= 0)
        status = recsys__optimizer_set_t(t->state, r->x, r->at.step);
    if (status < 0)
        return status;
    t->at = r->at;
    t->first_step = t->at.step;
    return RECSYS_OK;
}

static recsys_status read_file(reading *r)
{
    recsys_exec *x = r->x;
    recsys_status status = recsys__phase(x, "resume");
    if (status >= 0)
        status = recsys__map_file(x, r->path, "a checkpoint", &r->mapping, &r->mapping_bytes);
    if (status >= 0)
        status = recsys__safetensors_open(x, r->path, r->mapping, (int64_t)r->mapping_bytes, &r->file);
    r->file_is_open = status >= 0;
    if (status >= 0)
        status = check_format(r);
    if (status >= 0)
        status = recsys__safetensors_index(x, &r->file);
    if (status < 0)
        return status;
    r->room = r->file.data - r->file.file + 1;
    status = recsys__alloc(x->memory, &x->error, r->room, 1, &r->words);
    if (status >= 0)
        status = check_settings(r);
    if (status >= 0)
        status = read_progress(r);
    if (status >= 0)
        status = check_arrays(r);
    return status < 0 ? status : take_over(r);
}

recsys_status recsys__checkpoint_read(recsys_trainer *t, const char *path)
{
    recsys_exec *x = t->x;
    reading *r = NULL;
    recsys_status status = recsys__check_byte_order(x, path);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *r, &r);
    if (status < 0)
        return status;
    r->x = x;
    r->t = t;
    r->path = path;
    status = read_file(r);
    if (r->file_is_open)
        recsys__safetensors_close(x, &r->file);
    recsys__unmap_file(r->mapping, r->mapping_bytes);
    recsys__free(x->memory, r->words);
    recsys__free(x->memory, r);
    return status;
}
