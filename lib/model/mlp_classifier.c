/* mlp_classifier.c - MLP classifier: layers on a row of numbers, one score for each class.
 *
 * Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323, 1986;
 * cross-entropy of a softmax as in Bridle, 1990.
 * h_0 = (features - mean) / scale, h_l = relu(W_l h_l-1 + b_l), logits z = W_n h_n-1 + b_n; loss: mean of log sum_c exp z_c -
 * z_label.
 * Users of the data are rows, items are classes, an event is a row and its label.
 * Shapes: U rows, F features, I classes, H_l width of layer l, B rows of a batch, Q queries.
 * Departs from the published program: in nothing. Layers begin as there, weights and biases U(-1/sqrt(in), 1/sqrt(in)).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mlp_classifier.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "backend/run.h"
#include "base/scratch.h"
#include "data/features.h"
#include "model/prepared.h"
#include "model/score_rows.h"
#include "model/training.h"
#include "tensor/ops.h"

enum { MOST_HIDDEN = 8, BLOCK_FLOATS = 1 << 20 };

/* ---- the layers ---- */

static void declare(declaration *d)
{
    int64_t n_hidden, in = d->n_user_features;
    const int64_t *width = recsys__param_list(d->params, "layers", &n_hidden);
    if (d->status >= 0 && (n_hidden < 1 || n_hidden > MOST_HIDDEN))
        d->status = recsys__fail(&d->x->error, RECSYS_ERR_OUT_OF_RANGE,
                                 "mlp-classifier: layers has %lld numbers, 1 to %d are possible", (long long)n_hidden,
                                 (int)MOST_HIDDEN);
    if (d->status >= 0 && in < 1)
        d->status = recsys__fail(&d->x->error, RECSYS_ERR_MISSING_DATA,
                                 "mlp-classifier learns from features of rows, and the data has none: read it with columns "
                                 "such as feature,feature,label");
    for (int64_t l = 1; d->status >= 0 && l <= n_hidden + 1; l++) {
        int64_t out = l <= n_hidden ? width[l - 1] : d->n_items;
        const beginning b = { BEGIN_UNIFORM, 1.0 / sqrt((double)in) };
        recsys__declare_layer(d, "", l, in, out, b, b); /* H_l x H_l-1 */
        in = out;
    }
}

static void sampling(const recsys_params *p, sampler_options *o)
{
    (void)p;
    o->kind = SAMPLE_POSITIVES;
    o->n_negatives = 0;
    o->default_batch = 32;
}

static int64_t widths_together(const recsys_params *p)
{
    int64_t n_hidden, sum = 0;
    const int64_t *width = recsys__param_list(p, "layers", &n_hidden);
    for (int64_t l = 0; l < n_hidden; l++)
        sum += width[l];
    return sum;
}

static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    return 4 * (widths_together(p) + b->n_items) + 32; /* results, activations and the gradients of both */
}

/* The rows' features, here and while they are collected; the rows of a batch are among them. */
static int64_t floats_beyond(const recsys_params *p, const recsys_dataset *train)
{
    (void)p;
    return 5 * recsys_ids_count(train->users) * recsys__feature_columns(train, FEATURES_OF_USERS);
}

/* Logits of rows h (B x F, standardised).  B x I */
static tensor network(tape *g, const recsys_model *m, tensor h)
{
    int64_t n_hidden;
    (void)recsys__param_list(m->params, "layers", &n_hidden);
    for (int64_t l = 1; l <= n_hidden + 1; l++) {
        tensor W = recsys__layer_param(g, m, "", l, "weight");
        h = op_linear(g, h, W, recsys__layer_param(g, m, "", l, "bias"), l <= n_hidden ? FN_RELU : FN_IDENTITY);
    }
    return h;
}

/* ---- the rows of the training data ---- */

typedef struct rows {
    prepared prepared;
    backend *backend;
    memory *memory;
    int64_t n_rows, n_features;
    float *features; /* device, U x F, standardised */
} rows;

static void destroy(prepared *self)
{
    rows *r = (rows *)self;
    memory *account = r->memory;
    recsys__device_free(r->backend, account, r->features);
    recsys__free(account, r);
    recsys__memory_release(account);
}

static recsys_status make_rows(recsys_exec *x, const float *features, int64_t n_rows, int64_t n_features, rows **out)
{
    rows *r;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *r, &r);
    if (status < 0)
        return status;
    recsys__prepared_begin(&r->prepared, destroy);
    r->backend = x->backend;
    r->memory = recsys__memory_retain(x->memory);
    r->n_rows = n_rows;
    r->n_features = n_features;
    status = recsys__upload(x, features, n_rows * n_features * (int64_t)sizeof *features, &r->features);
    if (status < 0)
        recsys__prepared_release(&r->prepared);
    else
        *out = r;
    return status;
}

/* Mean and standard deviation of each feature over the training rows; a constant one has 1 for its deviation. */
static void moments(const float *features, int64_t F, const recsys_dataset *train, int64_t f, float *mean, float *scale)
{
    double sum = 0.0, squares = 0.0;
    const int64_t n = train->n_events;
    float low = INFINITY, high = -INFINITY;
    for (int64_t e = 0; e < n; e++) {
        float v = features[train->user[e] * F + f];
        sum += v;
        low = fminf(low, v);
        high = fmaxf(high, v);
    }
    double middle = sum / (double)n;
    for (int64_t e = 0; e < n; e++) {
        double off = (double)features[train->user[e] * F + f] - middle;
        squares += off * off;
    }
    *mean = (float)middle;
    *scale = (float)sqrt(squares / (double)n);
    if (low == high || !(*scale > 0.0f))
        *scale = 1.0f;
}

static void standardise(float *features, int64_t n_rows, int64_t F, const float *mean, const float *scale)
{
    for (int64_t r = 0; r < n_rows; r++)
        for (int64_t f = 0; f < F; f++)
            features[r * F + f] = (float)(((double)features[r * F + f] - mean[f]) / scale[f]);
}

/* Every row has features, and none has two labels. */
static recsys_status check_rows(recsys_exec *x, const recsys_dataset *d, const csr *cells, uint8_t *labelled)
{
    char id[64];
    if (recsys_ids_count(d->items) < 2)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "mlp-classifier: the rows have %lld class, and two are needed at least",
                            (long long)recsys_ids_count(d->items));
    for (int64_t u = 0; u < cells->n_rows; u++)
        if (cells->ptr[u + 1] == cells->ptr[u])
            return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA, "mlp-classifier: row %s has no features",
                                recsys__ids_show(d->users, u, id, sizeof id));
    for (int64_t e = 0; e < d->n_events; e++) {
        if (labelled[d->user[e]])
            return recsys__fail(&x->error, RECSYS_ERR_DUPLICATE, "mlp-classifier: row %s has two labels",
                                recsys__ids_show(d->users, d->user[e], id, sizeof id));
        labelled[d->user[e]] = 1;
    }
    return RECSYS_OK;
}

/* The rows as a dense array, brought to their standard form; `moment`: room for 2 F numbers. */
static recsys_status fill(recsys_exec *x, recsys_model *m, const recsys_dataset *train, const csr *cells, float *dense,
                          float *moment)
{
    int64_t F = cells->n_cols;
    rows *r;
    for (int64_t u = 0; u < cells->n_rows; u++)
        for (int64_t e = cells->ptr[u]; e < cells->ptr[u + 1]; e++)
            dense[u * F + cells->col[e]] = cells->val[e];
    for (int64_t f = 0; f < F; f++) {
        moment[f] = 0.0f;
        moment[F + f] = 1.0f;
        if (recsys__param_bool(m->params, "standardize"))
            moments(dense, F, train, f, &moment[f], &moment[F + f]);
    }
    standardise(dense, cells->n_rows, F, moment, moment + F);
    recsys_status status = recsys__model_keep_tensor(x, m, "feature_mean", 1, &F, moment);
    if (status >= 0)
        status = recsys__model_keep_tensor(x, m, "feature_scale", 1, &F, moment + F);
    if (status >= 0)
        status = make_rows(x, dense, cells->n_rows, F, &r);
    if (status >= 0)
        m->prepared = &r->prepared;
    return status;
}

static recsys_status prepare(recsys_exec *x, recsys_model *m, const recsys_dataset *train)
{
    csr *cells = NULL;
    uint8_t *labelled = NULL;
    float *dense = NULL, *moment = NULL;
    recsys_status status = recsys__features_collect(x, train, FEATURES_OF_USERS, 0, &cells);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, cells->n_rows, sizeof *labelled, &labelled);
    if (status >= 0)
        status = check_rows(x, train, cells, labelled);
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, cells->n_rows * cells->n_cols, sizeof *dense, &dense);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, 2 * cells->n_cols, sizeof *moment, &moment);
    if (status >= 0)
        status = fill(x, m, train, cells, dense, moment);
    recsys__free(x->memory, moment);
    recsys__free(x->memory, dense);
    recsys__free(x->memory, labelled);
    recsys__csr_free(x->memory, cells);
    return status;
}

static recsys_status check_data(recsys_exec *x, const recsys_model *m, const recsys_dataset *verified)
{
    (void)m;
    if (verified == NULL)
        return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "mlp-classifier has no use for verified positives");
}

static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    const rows *r = (const rows *)m->prepared;
    tensor X = recsys__tape_constant(g, r->features, RECSYS_F32, 2, (int64_t[]){ r->n_rows, r->n_features });
    softmax_rule rule = { .target = b->items };
    return op_softmax_loss(g, network(g, m, op_lookup(g, X, b->users)), &rule);
}

/* ---- scoring ---- */

/* Features are divided by these. */
static recsys_status check_scale(recsys_exec *x, const model_tensor *scale)
{
    float *host;
    int64_t F = scale->shape[0];
    recsys_status status = recsys__model_fetch_tensor(x, scale, &host);
    for (int64_t f = 0; f < F && status >= 0; f++)
        if (!(host[f] > 0.0f && host[f] <= FLT_MAX))
            status = recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "mlp-classifier: feature_scale %lld is no number above 0",
                                  (long long)f);
    recsys__free(x->memory, host);
    return status;
}

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    const model_tensor *mean = recsys__model_tensor(m, "feature_mean"), *scale = recsys__model_tensor(m, "feature_scale");
    if (mean == NULL || scale == NULL || mean->rank != 1 || scale->rank != 1 || mean->shape[0] != scale->shape[0])
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT,
                            "mlp-classifier: feature_mean and feature_scale are missing or not of one length");
    declaration d = { .x = x, .against = m, .class = m->class, .params = m->params, .n_users = m->n_users,
                      .n_items = m->n_items, .n_user_features = mean->shape[0] };
    declare(&d);
    return d.status < 0 ? d.status : check_scale(x, scale);
}

int64_t recsys__classifier_features(const recsys_model *m)
{
    return recsys__model_tensor(m, "feature_mean")->shape[0];
}

int64_t recsys__classifier_block(const recsys_model *m, int64_t count)
{
    int64_t width = recsys__classifier_features(m) + widths_together(m->params) + m->n_items, block = BLOCK_FLOATS / width;
    if (block < 1)
        block = 1;
    return block < count ? block : count;
}

/* Rows brought to their standard form, in scratch. */
static recsys_status standard_rows(recsys_exec *x, const recsys_model *m, const float *features, int64_t count, float **out)
{
    int64_t F = recsys__classifier_features(m);
    float *room;
    recsys_status status = recsys__scratch(x, SCRATCH_MODEL_A, (count + 2) * F, sizeof *room, &room);
    if (status >= 0)
        status = recsys__download(x, room, recsys__model_tensor(m, "feature_mean")->data, F * (int64_t)sizeof *room);
    if (status >= 0)
        status = recsys__download(x, room + F, recsys__model_tensor(m, "feature_scale")->data, F * (int64_t)sizeof *room);
    if (status < 0)
        return status;
    *out = room + 2 * F;
    memcpy(*out, features, (size_t)(count * F) * sizeof *room);
    standardise(*out, count, F, room, room + F);
    return RECSYS_OK;
}

recsys_status recsys__classifier_logits(recsys_exec *x, const recsys_model *m, const float *features, int64_t count,
                                        float *logits)
{
    tape *g;
    float *standard;
    recsys_status status = standard_rows(x, m, features, count, &standard);
    if (status >= 0)
        status = recsys__scoring_tape(x, &g);
    if (status < 0)
        return status;
    int64_t F = recsys__classifier_features(m), shape[] = { count, F };
    void *device = recsys__tape_copy_in(g, standard, count * F, sizeof *standard);
    tensor z = network(g, m, recsys__tape_constant(g, device, RECSYS_F32, 2, shape));
    status = recsys__tape_status(g);
    return status < 0 ? status : recsys__download(x, logits, z.data, count * m->n_items * (int64_t)sizeof *logits);
}

/* Logits become probabilities. */
static void softmax(float *z, int64_t n)
{
    double sum = 0.0, most = -INFINITY;
    for (int64_t c = 0; c < n; c++)
        most = fmax(most, z[c]);
    for (int64_t c = 0; c < n; c++)
        sum += exp((double)z[c] - most);
    for (int64_t c = 0; c < n; c++)
        z[c] = (float)(exp((double)z[c] - most) / sum);
}

/* Probabilities of the queries first..first + count - 1, in scratch. */
static recsys_status probabilities(recsys_exec *x, const recsys_model *m, const queries *q, int64_t first, int64_t count,
                                   float **out)
{
    recsys_status status = recsys__scratch(x, SCRATCH_MODEL_B, count * m->n_items, sizeof **out, out);
    if (status >= 0)
        status = recsys__classifier_logits(x, m, q->features + first * recsys__classifier_features(m), count, *out);
    for (int64_t r = 0; r < count && status >= 0; r++)
        softmax(*out + r * m->n_items, m->n_items);
    return status;
}

static recsys_status score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    int64_t block = recsys__classifier_block(m, q->count), I = m->n_items;
    recsys_status status = RECSYS_OK;
    for (int64_t first = 0; first < q->count && status >= 0; first += block) {
        float *p;
        int64_t n = q->count - first < block ? q->count - first : block;
        status = probabilities(x, m, q, first, n, &p);
        if (status < 0)
            return status;
        if (at->ptr == NULL)
            memcpy(at->out + first * I, p, (size_t)(n * I) * sizeof *p);
        else
            for (int64_t r = 0; r < n; r++)
                for (int64_t e = at->ptr[first + r]; e < at->ptr[first + r + 1]; e++)
                    at->out[e] = p[r * I + at->item[e]];
    }
    return status;
}

static recsys_status rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    int64_t block = recsys__classifier_block(m, q->count);
    recsys_status status = RECSYS_OK;
    for (int64_t first = 0; first < q->count && status >= 0; first += block) {
        float *p, *device = NULL;
        int64_t n = q->count - first < block ? q->count - first : block;
        status = probabilities(x, m, q, first, n, &p);
        tape *g;
        if (status >= 0)
            status = recsys__scoring_tape(x, &g);
        if (status >= 0) {
            device = recsys__tape_copy_in(g, p, n * m->n_items, sizeof *p);
            status = recsys__tape_status(g);
        }
        if (status >= 0) {
            ranking part = recsys__ranking_part(to, first, n);
            status = recsys__rows_rank(x, device, &part);
        }
    }
    return status;
}

/* ---- what it is called ---- */

static const param_schema classifier_params[] = {
    { "layers", RECSYS_PARAM_LIST, "16:32", 1, 65536, 0, NULL, "0.1", "widths of 1 to 8 hidden layers" },
    { "standardize", RECSYS_PARAM_BOOL, "0", 0, 1, 0, NULL, "0.1",
      "1: features less their mean, divided by their standard deviation, both of the training rows" },
};

#define CLASSIFIER_LAYER(l)                                                                \
    { "layer" #l "_weight", "weights of layer " #l ", output x input", RECSYS_F32, 0, 0 }, \
    { "layer" #l "_bias", "bias of layer " #l, RECSYS_F32, 0, 0 }

static const tensor_kind classifier_tensors[] = {
    CLASSIFIER_LAYER(1), CLASSIFIER_LAYER(2), CLASSIFIER_LAYER(3), CLASSIFIER_LAYER(4), CLASSIFIER_LAYER(5),
    CLASSIFIER_LAYER(6), CLASSIFIER_LAYER(7), CLASSIFIER_LAYER(8), CLASSIFIER_LAYER(9),
    { "feature_mean", "what is taken from each feature", RECSYS_F32, 0, 0 },
    { "feature_scale", "what each feature is divided by", RECSYS_F32, 0, 0 },
};

static const training_class training = {
    .sampling = sampling,
    .declare = declare,
    .prepare = prepare,
    .floats_of_row = floats_of_row,
    .floats_beyond = floats_beyond,
    .loss = loss,
    .check_data = check_data,
};

const struct model_class recsys__mlp_classifier = {
    .name = "mlp-classifier",
    .summary = "layers on the features of a row, with a probability for each class",
    .citation = "Rumelhart et al., Learning representations by back-propagating errors, Nature 323, 1986",
    .params = classifier_params,
    .n_params = sizeof classifier_params / sizeof *classifier_params,
    .tensors = classifier_tensors,
    .n_tensors = sizeof classifier_tensors / sizeof *classifier_tensors,
    .scores_by_history = BY_FEATURES,
    .query_features = recsys__classifier_features,
    .training = &training,
    .check = check,
    .rank = rank,
    .score = score,
};
