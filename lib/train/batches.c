/* batches.c - batches that no sampler draws: those that a caller fills, and the rows of users in validation.
 *
 * B rows, E samples, U users, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/run.h"
#include "base/scratch.h"
#include "train/trainer.h"

/* ---- rows of users ---- */

/* Rows of one or two interaction matrices for `count` users: of each user the union of both. In the exec's scratch, then on
 * the device. */
static sparse rows_of(tape *g, const csr *first, const csr *second, const int32_t *user, int64_t count)
{
    recsys_exec *x = recsys__tape_exec(g);
    int64_t *ptr, room = 0, end = 0;
    int32_t *column;
    for (int64_t b = 0; b < count; b++) {
        room += first->ptr[user[b] + 1] - first->ptr[user[b]];
        room += second != NULL ? second->ptr[user[b] + 1] - second->ptr[user[b]] : 0;
    }
    recsys_status status = recsys__scratch(x, SCRATCH_USER_PTR, count + 1, sizeof *ptr, &ptr);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_USER_ITEMS, room, sizeof *column, &column);
    if (status < 0) {
        recsys__tape_fail(g, status, "%s", x->error.message);
        return (sparse){ 0 };
    }
    for (int64_t b = 0; b < count; b++) {
        int64_t i = first->ptr[user[b]], i_end = first->ptr[user[b] + 1], j = 0, j_end = 0;
        if (second != NULL) {
            j = second->ptr[user[b]];
            j_end = second->ptr[user[b] + 1];
        }
        ptr[b] = end;
        while (i < i_end || j < j_end) {
            int32_t a = i < i_end ? first->col[i] : INT32_MAX, c = j < j_end ? second->col[j] : INT32_MAX;
            column[end++] = a < c ? a : c;
            i += a <= c;
            j += c <= a;
        }
    }
    ptr[count] = end;
    sparse rows = { .n_rows = count, .n_columns = first->n_cols, .n_entries = end };
    rows.row_ptr = recsys__tape_copy_in(g, ptr, count + 1, sizeof *ptr);
    rows.column = recsys__tape_copy_in(g, column, end, sizeof *column);
    return rows;
}

/* ---- validation ---- */

void recsys__validation_rows(recsys_trainer *t, int64_t position, batch *b)
{
    const csr *known, *held_out;
    if (t->validation_users == NULL || recsys__tape_failed(t->g))
        return;
    recsys_status status = recsys__dataset_by_user(t->x, t->train, &known);
    if (status >= 0)
        status = recsys__dataset_by_user(t->x, t->validation, &held_out);
    if (status < 0) {
        recsys__tape_fail(t->g, status, "%s", t->x->error.message);
        return;
    }
    const int32_t *user = t->validation_users + position;
    b->input = rows_of(t->g, known, NULL, user, b->rows);
    b->rows_items = rows_of(t->g, known, held_out, user, b->rows);
    b->clean = NULL;
}

/* ---- a caller's batch ---- */

/* The inputs by name; those that are not given are NULL. */
typedef struct given {
    const recsys_batch_input *users, *items, *labels, *rows, *negatives;
} given;

static recsys_status unknown_input(recsys_trainer *t, const char *name)
{
    return recsys__fail(&t->x->error, RECSYS_ERR_UNKNOWN_KEY,
                        "%s has no batch input \"%.60s\"; inputs are users, items, labels, rows and "
                        "negatives",
                        t->class->name, name != NULL ? name : "");
}

static recsys_status find_inputs(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n, given *g)
{
    *g = (given){ 0 };
    for (int64_t i = 0; i < n; i++) {
        const recsys_batch_input **at = inputs[i].name == NULL                      ? NULL
                                        : strcmp(inputs[i].name, "users") == 0     ? &g->users
                                        : strcmp(inputs[i].name, "items") == 0     ? &g->items
                                        : strcmp(inputs[i].name, "labels") == 0    ? &g->labels
                                        : strcmp(inputs[i].name, "rows") == 0      ? &g->rows
                                        : strcmp(inputs[i].name, "negatives") == 0 ? &g->negatives
                                                                                   : NULL;
        if (at == NULL)
            return unknown_input(t, inputs[i].name);
        if (inputs[i].count < 1 || inputs[i].data == NULL)
            return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "batch input %s is empty", inputs[i].name);
        if (*at != NULL)
            return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "batch input %s is given twice", inputs[i].name);
        *at = &inputs[i];
    }
    return RECSYS_OK;
}

/* Indices as int32 on the tape, each checked against `limit`. */
static recsys_status bring_indices(recsys_trainer *t, const recsys_batch_input *in, int64_t limit, tensor *out, int32_t **host)
{
    const int64_t *index = in->data;
    recsys_status status = recsys__scratch(t->x, SCRATCH_QUERY_USERS, in->count, sizeof **host, host);
    for (int64_t i = 0; i < in->count && status >= 0; i++) {
        if (index[i] < 0 || index[i] >= limit)
            status = recsys__fail(&t->x->error, RECSYS_ERR_OUT_OF_RANGE,
                                  "batch input %s: element %lld is %lld, outside 0 to %lld",
                                  in->name, (long long)i, (long long)index[i], (long long)limit - 1);
        else
            (*host)[i] = (int32_t)index[i];
    }
    if (status >= 0)
        *out = recsys__tape_vector(t->g, *host, in->count, RECSYS_I32);
    return status;
}

static recsys_status bring_labels(recsys_trainer *t, const recsys_batch_input *in, tensor *out)
{
    const float *label = in->data;
    for (int64_t i = 0; i < in->count; i++)
        if (!(label[i] >= 0.0f && label[i] <= 1.0f))
            return recsys__fail(&t->x->error, RECSYS_ERR_OUT_OF_RANGE, "batch input labels: element %lld is outside 0 to 1",
                                (long long)i);
    *out = recsys__tape_vector(t->g, label, in->count, RECSYS_F32);
    return RECSYS_OK;
}

static recsys_status bring_samples(recsys_trainer *t, const given *in, batch *b)
{
    int32_t *host;
    recsys_status status = bring_indices(t, in->items, t->m->n_items, &b->items, &host);
    if (status >= 0)
        status = bring_labels(t, in->labels, &b->labels);
    if (status >= 0 && in->rows != NULL)
        status = bring_indices(t, in->rows, in->users->count, &b->sample_row, &host);
    return status;
}

/* Positives: a caller's steps share items as an epoch that no sampler gets to does. */
static const int64_t CALLER_EPOCH = INT64_C(1) << 40;

static recsys_status bring_positives(recsys_trainer *t, const given *in, batch *b)
{
    int32_t *host;
    const int64_t B = b->rows;
    recsys_status status = bring_indices(t, in->items, t->m->n_items, &b->items, &host);
    if (status >= 0 && in->negatives != NULL)
        status = bring_indices(t, in->negatives, t->m->n_items, &b->negatives, &host);
    if (status < 0)
        return status;
    if (in->negatives != NULL) {
        b->negatives.rank = 2;
        b->negatives.shape[0] = B;
        b->negatives.shape[1] = in->negatives->count / B;
    }
    recsys__tape_at(t->g, __FILE__, __LINE__, "sample");
    recsys__sampler_complete(recsys__trainer_part(t, t->at.step)->sampler, t->g, CALLER_EPOCH, t->at.step, b);
    return recsys__tape_status(t->g);
}

/* A batch of positives needs users, items and, where the model draws them, negatives. */
static recsys_status check_positives(recsys_trainer *t, const given *in, int64_t n_negatives)
{
    if (in->users == NULL || in->items == NULL || in->labels != NULL || in->rows != NULL
        || (n_negatives > 0) != (in->negatives != NULL))
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "a batch of %s needs exactly the inputs users, items%s",
                            t->class->name, n_negatives > 0 ? ", negatives" : "");
    if (in->items->count != in->users->count)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "the inputs of the batch have different lengths");
    if (in->negatives != NULL && in->negatives->count % in->users->count != 0)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "batch input negatives has %lld elements for %lld users: each needs as many",
                            (long long)in->negatives->count, (long long)in->users->count);
    return RECSYS_OK;
}

/* Pairs and user rows. */
static recsys_status check_inputs(recsys_trainer *t, const given *in, int is_rows, int has_samples)
{
    if (in->users == NULL || has_samples != (in->items != NULL) || has_samples != (in->labels != NULL)
        || (is_rows && has_samples) != (in->rows != NULL) || in->negatives != NULL)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "a batch of %s needs exactly the inputs %s",
                            t->class->name,
                            !is_rows ? "users, items, labels" : has_samples ? "users, items, labels, rows" : "users");
    int64_t samples = has_samples ? in->items->count : 0;
    if (has_samples && (in->labels->count != samples || (is_rows ? in->rows : in->users)->count != samples))
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "the inputs of the batch have different lengths");
    return RECSYS_OK;
}

recsys_status recsys__caller_batch(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs, batch *b)
{
    given in;
    int32_t *user;
    const csr *known;
    sampler_options kind = { .n_negatives = t->o.n_negatives };
    t->class->training->sampling(t->m->params, &kind);
    int is_rows = kind.kind == SAMPLE_USER_ROWS, has_samples = !is_rows || kind.sampled_output;
    recsys_status status = find_inputs(t, inputs, n_inputs, &in);
    if (status >= 0)
        status = kind.kind == SAMPLE_POSITIVES ? check_positives(t, &in, kind.n_negatives) : check_inputs(t, &in, is_rows,
                                                                                                          has_samples);
    if (status < 0)
        return status;
    b->rows = in.users->count;
    status = bring_indices(t, in.users, t->m->n_users, &b->users, &user);
    if (status >= 0 && is_rows)
        status = recsys__dataset_by_user(t->x, t->train, &known);
    if (status >= 0 && is_rows)
        b->input = b->rows_items = rows_of(t->g, known, NULL, user, b->rows);
    if (status < 0 || !has_samples)
        return status;
    return kind.kind == SAMPLE_POSITIVES ? bring_positives(t, &in, b) : bring_samples(t, &in, b);
}
