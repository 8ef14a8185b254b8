/* checkpoint.c - what is in a checkpoint, and writing it.
 *
 * The header comes first and holds the checksums, so the arrays are read twice: once to add them up, once to write them, each
 * time in slices through a staging block. The parameters are written as they lie in memory: rows that a lazy optimizer is
 * behind with stay so, as the arrays that say how far are written too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <recsys/version.h>

#include "backend/run.h"
#include "io/atomic_file.h"
#include "io/checksum.h"

enum { STAGING_BYTES = 1 << 23, HEADER_MULTIPLE = 64 };

/* ---- what a training is known by ---- */

static checkpoint_setting *add(checkpoint_settings *s, const char *key, const char *words)
{
    checkpoint_setting *to = &s->at[s->n++];
    to->key = key;
    to->words = words;
    to->value = to->room;
    return to;
}

static void add_text(checkpoint_settings *s, const char *key, const char *words, const char *value)
{
    add(s, key, words)->value = value;
}

static void add_integer(checkpoint_settings *s, const char *key, const char *words, int64_t value)
{
    snprintf(add(s, key, words)->room, FINGERPRINT_ROOM, "%" PRId64, value);
}

/* When the best model is looked for: forms of the options that mean the same give the same texts. */
static void add_selection(const recsys_trainer *t, checkpoint_settings *s)
{
    const recsys_training *o = &t->o;
    int64_t epochs = o->validate_every_epochs > 0 ? o->validate_every_epochs : 1;
    checkpoint_setting *select = add(s, "select", "select");
    if (t->validation == NULL)
        snprintf(select->room, sizeof select->room, "none");
    else if (t->metric[0] == '\0')
        snprintf(select->room, sizeof select->room, "loss");
    else
        snprintf(select->room, sizeof select->room, "%s@%" PRId64, t->metric, t->cutoff);
    add_integer(s, "validate_every_steps", "validate_every_steps", o->validate_every_steps);
    add_integer(s, "validate_every_epochs", "validate_every_epochs", t->validation == NULL || o->validate_every_steps > 0 ? 0 : epochs);
    add_integer(s, "validation_negatives", "validation_negatives", o->validation_negatives);
    add_integer(s, "patience", "patience", o->patience);
}

void recsys__checkpoint_settings(const recsys_trainer *t, checkpoint_settings *s)
{
    const recsys_training *o = &t->o;
    s->n = 0;
    add_text(s, "model", "model", t->class->name);
    add_text(s, "params", "params", t->m->params_text);
    add_text(s, "optimizer", "optimizer", recsys_optimizer_name(t->optimizer));
    add_text(s, "optimizer_params", "optimizer params", recsys_optimizer_text(t->optimizer));
    snprintf(add(s, "seed", "seed")->room, FINGERPRINT_ROOM, "%" PRIu64, t->x->seed);
    add_integer(s, "batch_size", "batch_size", o->batch_size);
    add_integer(s, "n_negatives", "n_negatives", o->n_negatives);
    recsys__number(add(s, "popularity", "popularity")->room, o->popularity);
    add_integer(s, "fixed_negatives", "fixed_negatives", o->fixed_negatives);
    add_integer(s, "warm_up_epochs", "warm_up_epochs", o->warm_up_epochs);
    add_integer(s, "epochs", "epochs", o->epochs);
    add_integer(s, "fine_tune_epochs", "fine_tune_epochs", o->fine_tune_epochs);
    add_selection(t, s);
    recsys__fingerprint_ids(t->x, t->train, add(s, "data.ids", "ids of users and items")->room);
    recsys__fingerprint_data(t->x, t->train, add(s, "data.training", "training data")->room);
    recsys__fingerprint_data(t->x, t->validation, add(s, "data.validation", "validation data")->room);
    recsys__fingerprint_data(t->x, t->verified, add(s, "data.verified", "verified data")->room);
}

/* ---- how far it is ---- */

#define INTEGER(member) { "progress." #member, 0, offsetof(progress_state, member) }
#define REAL(member) { "progress." #member, 1, offsetof(progress_state, member) }

const checkpoint_number *recsys__checkpoint_number(int64_t index)
{
    static const checkpoint_number numbers[] = {
        INTEGER(step), INTEGER(n_validations), INTEGER(n_stale), INTEGER(best_step), INTEGER(stopped), INTEGER(validated_step),
        REAL(validation), REAL(best),
        REAL(epoch.loss), REAL(epoch.kept), REAL(epoch.dropped), REAL(epoch.dropped_clean), REAL(epoch.dropped_noisy),
        REAL(epoch.clean), REAL(epoch.noisy), REAL(epoch.clean_loss), REAL(epoch.noisy_loss),
    };
    /* A member that is added must be written too. */
    _Static_assert(sizeof numbers / sizeof *numbers * 8 == sizeof(progress_state), "a number of progress_state is missing");
    return index < (int64_t)(sizeof numbers / sizeof *numbers) ? &numbers[index] : NULL;
}

/* ---- its arrays ---- */

static recsys_status add_array(const recsys_trainer *t, checkpoint_arrays *a, const char *prefix, const char *name, int32_t dtype,
                               int32_t rank, const int64_t *shape, void *data)
{
    safetensor *to = &a->at[a->n];
    *to = (safetensor){ .dtype = dtype, .rank = rank };
    int length = snprintf(to->name, sizeof to->name, "%s%s", prefix, name);
    if (a->n == CHECKPOINT_MAX_ARRAYS || length < 0 || (size_t)length >= sizeof to->name)
        return recsys__fail(&t->x->error, RECSYS_ERR_TOO_LARGE, "%s%s cannot be part of a checkpoint: there are too many arrays, "
                            "or its name is too long", prefix, name);
    for (int32_t d = 0; d < rank; d++)
        to->shape[d] = shape[d];
    a->data[a->n++] = data;
    return RECSYS_OK;
}

recsys_status recsys__checkpoint_arrays(const recsys_trainer *t, int with_best, checkpoint_arrays *a)
{
    recsys_status status = RECSYS_OK;
    const model_tensor *m = t->m->tensors.at;
    a->n = 0;
    for (int64_t p = 0; p < t->n_parameters && status >= 0; p++)
        status = add_array(t, a, "p.", m[p].name, m[p].dtype, m[p].rank, m[p].shape, m[p].data);
    for (int64_t k = 0; k < recsys__optimizer_array_count(t->state) && status >= 0; k++) {
        optimizer_array o = recsys__optimizer_array(t->state, k);
        status = add_array(t, a, "", o.name, o.dtype, 1, &o.count, o.data);
    }
    for (int64_t p = 0; p < t->n_parameters && with_best && status >= 0; p++)
        status = add_array(t, a, "best.", m[p].name, m[p].dtype, m[p].rank, m[p].shape, t->best[p]);
    return status;
}

/* ---- writing ---- */

typedef struct writing {
    recsys_exec *x;
    const recsys_trainer *t;
    checkpoint_settings settings;
    checkpoint_arrays arrays;
    uint32_t crc[CHECKPOINT_MAX_ARRAYS];
    int64_t order[CHECKPOINT_MAX_ARRAYS];
    unsigned char *staging;
    int64_t staging_bytes;
    int64_t done, total; /* bytes, of both passes */
} writing;

static int64_t bytes_of(const safetensor *s)
{
    return s->end - s->begin;
}

/* Array k through the staging block: into its checksum, or to the file. */
static recsys_status pass_array(writing *w, int64_t k, atomic_file *to)
{
    const safetensor *s = &w->arrays.at[k];
    int64_t n = bytes_of(s);
    int finite = 1;
    recsys_status status = RECSYS_OK;
    for (int64_t at = 0; at < n && status >= 0; at += w->staging_bytes) {
        int64_t length = n - at < w->staging_bytes ? n - at : w->staging_bytes;
        status = recsys__download(w->x, w->staging, (const unsigned char *)w->arrays.data[k] + at, length);
        if (status < 0)
            return status;
        if (to != NULL)
            status = recsys__atomic_write(to, w->staging, length);
        else
            recsys__checksum(w->x, w->staging, length, &w->crc[k], s->dtype == RECSYS_F32 ? &finite : NULL);
        w->done += length;
        if (status >= 0)
            status = recsys__progress(w->x, w->done, w->total);
    }
    /* A training that has run away must not replace the last checkpoint that it could go on from. */
    if (status >= 0 && !finite)
        status = recsys__fail(&w->x->error, RECSYS_ERR_NUMERIC, "after step %" PRId64 " %s holds a value that is not finite; no "
                              "checkpoint is written", w->t->at.step, s->name);
    return status;
}

/* All arrays in the order of the file. */
static recsys_status pass(writing *w, atomic_file *to)
{
    recsys_status status = RECSYS_OK;
    for (int64_t k = 0; k < w->arrays.n && status >= 0; k++)
        status = pass_array(w, w->order[k], to);
    return status;
}

static void write_text(text *h, const char *key, const char *value)
{
    recsys__text_string(h, ",");
    recsys__text_json(h, key);
    recsys__text_string(h, ":");
    recsys__text_json(h, value);
}

static void write_progress(const writing *w, text *h)
{
    char value[NUMBER_ROOM];
    const checkpoint_number *n;
    for (int64_t i = 0; (n = recsys__checkpoint_number(i)) != NULL; i++) {
        const unsigned char *from = (const unsigned char *)&w->t->at + n->offset;
        int64_t integer;
        double real;
        memcpy(&integer, from, sizeof integer);
        memcpy(&real, from, sizeof real);
        if (n->is_real)
            recsys__number(value, real);
        else
            snprintf(value, sizeof value, "%" PRId64, integer);
        write_text(h, n->key, value);
    }
}

/* The header; *digits is where the zeros stand that its checksum will replace. */
static void write_json(const writing *w, text *h, int64_t *digits)
{
    char crc[CHECKSUM_DIGITS + 1], key[SAFETENSORS_MAX_NAME + sizeof CHECKSUM_PREFIX];
    recsys__text_string(h, "{\"__metadata__\":{\"format\":\"" CHECKPOINT_FORMAT "\"");
    recsys__text_format(h, ",\"format_version\":\"%d\"", CHECKPOINT_VERSION);
    write_text(h, "library", recsys_version());
    for (int64_t i = 0; i < w->settings.n; i++)
        write_text(h, w->settings.at[i].key, w->settings.at[i].value);
    write_progress(w, h);
    for (int64_t k = 0; k < w->arrays.n; k++) {
        snprintf(key, sizeof key, CHECKSUM_PREFIX "%s", w->arrays.at[w->order[k]].name);
        recsys__checksum_text(w->crc[w->order[k]], crc);
        write_text(h, key, crc);
    }
    write_text(h, CHECKSUM_OF_HEADER, "00000000");
    *digits = h->length - CHECKSUM_DIGITS - 1;
    recsys__text_string(h, "}");
    recsys__safetensors_entries(h, w->arrays.at, w->arrays.n, w->order);
    recsys__text_string(h, "}");
    int64_t past = (8 + h->length) % HEADER_MULTIPLE;
    for (int64_t i = past; i > 0 && i < HEADER_MULTIPLE; i++)
        recsys__text_string(h, " ");
}

static recsys_status write_header(const writing *w, atomic_file *to)
{
    unsigned char length[8];
    char crc[CHECKSUM_DIGITS + 1];
    int64_t digits = 0;
    uint32_t sum = 0;
    text h = recsys__text_begin(w->x->memory, &w->x->error);
    write_json(w, &h, &digits);
    recsys_status status = recsys__text_end(&h);
    if (status < 0)
        return status;
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)h.length >> (8 * i));
    recsys__checksum(w->x, length, sizeof length, &sum, NULL);
    recsys__checksum(w->x, h.data, h.length, &sum, NULL);
    recsys__checksum_text(sum, crc);
    memcpy(h.data + digits, crc, CHECKSUM_DIGITS);
    if (h.length > JSON_MAX_BYTES)
        status = recsys__fail(&w->x->error, RECSYS_ERR_TOO_LARGE, "the header of the checkpoint would take %" PRId64 " bytes", h.length);
    if (status >= 0)
        status = recsys__atomic_write(to, length, sizeof length);
    if (status >= 0)
        status = recsys__atomic_write(to, h.data, h.length);
    recsys__text_free(&h);
    return status;
}

static recsys_status prepare(writing *w)
{
    int64_t largest = 1;
    recsys__checkpoint_settings(w->t, &w->settings);
    recsys_status status = recsys__checkpoint_arrays(w->t, w->t->at.best_step >= 0, &w->arrays);
    if (status >= 0)
        status = recsys__safetensors_layout(&w->x->error, w->arrays.at, w->arrays.n, w->order);
    if (status < 0)
        return status;
    for (int64_t k = 0; k < w->arrays.n; k++) {
        int64_t n = bytes_of(&w->arrays.at[k]);
        w->total += 2 * n;
        largest = n > largest ? n : largest;
    }
    w->staging_bytes = largest < STAGING_BYTES ? largest : STAGING_BYTES;
    return recsys__alloc(w->x->memory, &w->x->error, w->staging_bytes, 1, &w->staging);
}

static recsys_status write_file(writing *w, const char *path)
{
    atomic_file *file = NULL;
    recsys_status status = recsys__phase(w->x, "checkpoint");
    if (status >= 0)
        status = prepare(w);
    if (status >= 0)
        status = recsys__atomic_open(w->x, path, &file);
    if (status >= 0)
        status = pass(w, NULL);
    if (status >= 0)
        status = write_header(w, file);
    if (status >= 0)
        status = pass(w, file);
    if (status >= 0)
        return recsys__atomic_commit(file);
    recsys__atomic_abort(file);
    return status;
}

recsys_status recsys__checkpoint_write(recsys_trainer *t, const char *path)
{
    recsys_exec *x = t->x;
    writing *w = NULL;
    recsys_status status = recsys__check_byte_order(x, path);
    if (status >= 0)
        status = recsys__trainer_settle(t);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *w, &w);
    if (status < 0)
        return status;
    w->x = x;
    w->t = t;
    status = write_file(w, path);
    recsys__free(x->memory, w->staging);
    recsys__free(x->memory, w);
    return status;
}
