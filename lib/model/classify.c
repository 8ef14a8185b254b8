/* classify.c - a classifier's answers for all rows of a dataset, counted.
 *
 * C classes of the model, F features.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/classify.h>

#include <math.h>
#include <string.h>

#include "base/struct.h"
#include "data/features.h"
#include "model/mlp_classifier.h"

typedef struct counts {
    recsys_exec *x;
    const recsys_model *m;
    const recsys_dataset *data;
    csr *cells;
    int32_t *label_of;      /* the model's class of each of the data's items, or -1 */
    uint8_t *seen;          /* rows that had a label already */
    float *features, *logits; /* of a block */
    int64_t *labelled, *answered, *right; /* C each: rows of a class, rows said to be of it, and both */
    int64_t *confusion;     /* C x C; NULL: not wanted */
    double cross_entropy;   /* summed */
} counts;

static recsys_status check_call(const recsys_model *m, recsys_exec *x, const recsys_dataset *d)
{
    if (m == NULL || d == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_classify: an argument is NULL");
    if (m->class->scores_by_history != BY_FEATURES)
        return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "%s does not score by features: it is no classifier",
                            m->class->name);
    int64_t F = recsys__classifier_features(m), given = recsys__feature_columns(d, FEATURES_OF_USERS);
    if (given == 0)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "the data to classify has no features");
    if (given != F)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "rows have %lld features, the model was trained on %lld",
                            (long long)given, (long long)F);
    if (d->n_events == 0)
        return recsys__fail(&x->error, RECSYS_ERR_EMPTY, "the data to classify has no labels");
    recsys_status status = recsys__check_device(x, m);
    return status < 0 ? status : recsys__phase(x, "classify");
}

static recsys_status prepare(counts *c, int wants_confusion)
{
    recsys_exec *x = c->x;
    int64_t C = c->m->n_items, block = recsys__classifier_block(c->m, c->data->n_events);
    recsys_status status = recsys__features_collect(x, c->data, FEATURES_OF_USERS, 0, &c->cells);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, recsys_ids_count(c->data->items), sizeof *c->label_of, &c->label_of);
    if (status >= 0)
        status = recsys__ids_translate(x, c->data->items, c->m->items, c->label_of);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, recsys_ids_count(c->data->users), sizeof *c->seen, &c->seen);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, block * c->cells->n_cols, sizeof *c->features, &c->features);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, block * C, sizeof *c->logits, &c->logits);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, 3 * C, sizeof *c->labelled, &c->labelled);
    if (status < 0)
        return status;
    c->answered = c->labelled + C;
    c->right = c->answered + C;
    return wants_confusion ? recsys__alloc_zero(x->memory, &x->error, C * C, sizeof *c->confusion, &c->confusion) : RECSYS_OK;
}

/* Event e as a row of features. */
static recsys_status take_row(counts *c, int64_t e, float *features)
{
    char id[64];
    int32_t user = c->data->user[e];
    const csr *cells = c->cells;
    error *fault = &c->x->error;
    if (c->seen[user])
        return recsys__fail(fault, RECSYS_ERR_DUPLICATE, "row %s has two labels",
                            recsys__ids_show(c->data->users, user, id, sizeof id));
    if (cells->ptr[user + 1] == cells->ptr[user])
        return recsys__fail(fault, RECSYS_ERR_MISSING_DATA, "row %s has no features",
                            recsys__ids_show(c->data->users, user, id, sizeof id));
    if (c->label_of[c->data->item[e]] < 0)
        return recsys__fail(fault, RECSYS_ERR_UNKNOWN_ID, "label %s is none of the model's %lld classes",
                            recsys__ids_show(c->data->items, c->data->item[e], id, sizeof id), (long long)c->m->n_items);
    c->seen[user] = 1;
    memset(features, 0, (size_t)cells->n_cols * sizeof *features);
    for (int64_t k = cells->ptr[user]; k < cells->ptr[user + 1]; k++)
        features[cells->col[k]] = cells->val[k];
    return RECSYS_OK;
}

static void count_row(counts *c, const float *z, int32_t label)
{
    int64_t C = c->m->n_items, best = 0;
    double sum = 0.0;
    for (int64_t k = 1; k < C; k++)
        if (z[k] > z[best])
            best = k;
    for (int64_t k = 0; k < C; k++)
        sum += exp((double)z[k] - z[best]);
    c->labelled[label]++;
    c->answered[best]++;
    c->right[label] += label == best;
    if (c->confusion != NULL)
        c->confusion[label * C + best]++;
    c->cross_entropy += log(sum) + z[best] - z[label];
}

static recsys_status count_all(counts *c)
{
    int64_t n = c->data->n_events, block = recsys__classifier_block(c->m, n), F = c->cells->n_cols, C = c->m->n_items;
    recsys_status status = RECSYS_OK;
    for (int64_t first = 0; first < n && status >= 0; first += block) {
        int64_t rows = n - first < block ? n - first : block;
        for (int64_t r = 0; r < rows && status >= 0; r++)
            status = take_row(c, first + r, c->features + r * F);
        if (status >= 0)
            status = recsys__classifier_logits(c->x, c->m, c->features, rows, c->logits);
        for (int64_t r = 0; r < rows && status >= 0; r++)
            count_row(c, c->logits + r * C, c->label_of[c->data->item[first + r]]);
        if (status >= 0)
            status = recsys__progress(c->x, first + rows, n);
    }
    return status;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

/* Precision, recall and F1 of class k. */
static void measure_class(const counts *c, int64_t k, double out[3])
{
    out[0] = share(c->right[k], c->answered[k]);
    out[1] = share(c->right[k], c->labelled[k]);
    out[2] = share(2 * c->right[k], c->labelled[k] + c->answered[k]);
}

static recsys_classification measure(const counts *c, double *per_class)
{
    recsys_classification f = RECSYS_CLASSIFICATION_INIT;
    f.n_rows = c->data->n_events;
    f.n_classes = c->m->n_items;
    for (int64_t k = 0; k < f.n_classes; k++) {
        double one[3];
        measure_class(c, k, one);
        f.n_correct += c->right[k];
        f.macro_f1 += one[2] / (double)f.n_classes;
        if (per_class != NULL)
            memcpy(per_class + 3 * k, one, sizeof one);
    }
    f.accuracy = share(f.n_correct, f.n_rows);
    f.cross_entropy = c->cross_entropy / (double)f.n_rows;
    return f;
}

recsys_status recsys_model_classify(const recsys_model *m, recsys_exec *x, const recsys_dataset *data,
                                    recsys_classification *figures, int64_t *confusion, double *per_class)
{
    if (x == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (figures != NULL && figures->struct_size < sizeof(size_t))
        return recsys__fail(&x->error, RECSYS_ERR_STRUCT_SIZE, "recsys_classification: struct_size is %zu",
                            figures->struct_size);
    counts c = { .x = x, .m = m, .data = data };
    recsys_status status = check_call(m, x, data);
    if (status >= 0)
        status = prepare(&c, confusion != NULL);
    if (status >= 0)
        status = count_all(&c);
    if (status >= 0) {
        recsys_classification own = measure(&c, per_class);
        if (confusion != NULL)
            memcpy(confusion, c.confusion, (size_t)(own.n_classes * own.n_classes) * sizeof *confusion);
        if (figures != NULL)
            status = recsys__struct_out(&x->error, "recsys_classification", &own, sizeof own, figures);
    }
    recsys__free(x->memory, c.confusion);
    recsys__free(x->memory, c.labelled);
    recsys__free(x->memory, c.logits);
    recsys__free(x->memory, c.features);
    recsys__free(x->memory, c.seen);
    recsys__free(x->memory, c.label_of);
    recsys__csr_free(x->memory, c.cells);
    return status;
}
