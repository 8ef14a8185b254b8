/* feature_tower.c - vectors of users and items with their features, and stacks of layers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/feature_tower.h"

#include "model/device_csr.h"
#include "model/prepared.h"
#include "tensor/ops.h"

/* Names of what each side has, by FEATURES_OF_USERS and FEATURES_OF_ITEMS. */
static const struct {
    const char *what, *matrix, *table, *weight, *ptr, *column, *value;
} sides[] = {
    { "users", "the features of users", "user_embedding", "user_feature_weight", "user_feature_ptr", "user_feature_column",
      "user_feature_value" },
    { "items", "the features of items", "item_embedding", "item_feature_weight", "item_feature_ptr", "item_feature_column",
      "item_feature_value" },
};

/* The transposes, for gradients; n_rows 0: there is none. */
typedef struct transposes {
    prepared base;
    backend *backend;
    memory *memory;
    sparse of[2];
} transposes;

static int64_t rows_of(const recsys_model *m, int32_t side)
{
    return side == FEATURES_OF_USERS ? m->n_users : m->n_items;
}

/* ---- widths ---- */

const int64_t *recsys__two_tower_layers(const recsys_params *p, int64_t *count)
{
    const int64_t *list = recsys__param_list(p, "layers", count);
    *count -= 1;
    return list + 1;
}

int64_t recsys__two_tower_width(const recsys_params *p)
{
    int64_t count;
    return recsys__param_list(p, "layers", &count)[0] / 2;
}

int64_t recsys__two_tower_last(const recsys_params *p, int64_t in)
{
    int64_t L;
    const int64_t *width = recsys__two_tower_layers(p, &L);
    return L > 0 ? width[L - 1] : in;
}

int64_t recsys__two_tower_sum(const recsys_params *p)
{
    int64_t L, sum = 0;
    const int64_t *width = recsys__two_tower_layers(p, &L);
    for (int64_t l = 0; l < L; l++)
        sum += width[l];
    return sum;
}

/* ---- declaring ---- */

/* A model file with such a list is a bad file. */
static int refuse(declaration *d, const char *words, int64_t number)
{
    recsys_status status = d->against != NULL ? RECSYS_ERR_FILE_FORMAT : RECSYS_ERR_INVALID_ARGUMENT;
    d->status = recsys__fail(&d->x->error, status, words, d->class->name, (long long)number);
    return 0;
}

int recsys__two_tower_possible(declaration *d)
{
    int64_t count;
    const int64_t *list = recsys__param_list(d->params, "layers", &count);
    if (count < 1)
        return refuse(d, "%s: layers has %lld numbers; the first is the width of both embeddings together", 0);
    if (count > TWO_TOWER_MAX_LAYERS)
        return refuse(d, "%s: layers has %lld numbers; at most 8 are possible", count);
    if (list[0] % 2 != 0)
        return refuse(d, "%s: layers begins with %lld, which is odd: it is split in halves for users and items", list[0]);
    return 1;
}

static int is_published(const declaration *d)
{
    return recsys__param_choice(d->params, "init") == INIT_PUBLISHED;
}

void recsys__declare_tables(declaration *d)
{
    const beginning b = { BEGIN_NORMAL, is_published(d) ? 1.0 : 0.1 };
    int64_t E = recsys__two_tower_width(d->params);
    recsys__declare(d, "user_embedding", d->n_users, E, b);
    recsys__declare(d, "item_embedding", d->n_items, E, b);
}

void recsys__declare_stack(declaration *d, const char *prefix, int64_t in)
{
    int64_t L;
    const int64_t *width = recsys__two_tower_layers(d->params, &L);
    for (int64_t l = 1; l <= L; l++) {
        int64_t out = width[l - 1];
        beginning b = is_published(d) ? (beginning){ BEGIN_NORMAL, 1.0 } : recsys__xavier(in, out);
        recsys__declare_layer(d, prefix, l, in, out, b, (beginning){ BEGIN_ZERO, 0 });
        in = out;
    }
}

void recsys__declare_prediction(declaration *d, int64_t in)
{
    beginning b = is_published(d) ? (beginning){ BEGIN_POSITIVE, 1.0 } : recsys__kaiming(in);
    recsys__declare(d, "predict_weight", in, 0, b);
    recsys__declare(d, "predict_bias", 1, 0, (beginning){ BEGIN_ZERO, 0 });
}

void recsys__declare_features(declaration *d)
{
    const beginning zero = { BEGIN_ZERO, 0 };
    int64_t E = recsys__two_tower_width(d->params);
    if (!recsys__param_bool(d->params, "features"))
        return;
    if (d->n_user_features > 0)
        recsys__declare(d, "user_feature_weight", d->n_user_features, E, zero);
    if (d->n_item_features > 0)
        recsys__declare(d, "item_feature_weight", d->n_item_features, E, zero);
}

/* ---- features of the data ---- */

/* 1 if the model has features of this side: then the weights are declared, so their shape is right. */
static int has_features(const recsys_model *m, int32_t side)
{
    return recsys__param_bool(m->params, "features") && recsys__model_tensor(m, sides[side].weight) != NULL;
}

static csr_tensors matrix_of(const recsys_model *m, int32_t side)
{
    return (csr_tensors){
        .what = sides[side].matrix,
        .ptr = sides[side].ptr,
        .column = sides[side].column,
        .value = sides[side].value,
        .n_rows = rows_of(m, side),
        .n_columns = recsys__model_tensor(m, sides[side].weight)->shape[0],
    };
}

/* No tensor is of size 0: tables without any cell get one of value 0, which adds nothing. */
static recsys_status fill_if_empty(recsys_exec *x, csr *F)
{
    if (F->ptr[F->n_rows] > 0)
        return RECSYS_OK;
    recsys_status status = recsys__resize(x->memory, &x->error, 1, sizeof *F->col, &F->col);
    if (status >= 0)
        status = recsys__resize(x->memory, &x->error, 1, sizeof *F->val, &F->val);
    if (status < 0)
        return status;
    F->col[0] = 0;
    F->val[0] = 0.0f;
    for (int64_t r = 1; r <= F->n_rows; r++)
        F->ptr[r] = 1;
    return RECSYS_OK;
}

static void destroy(prepared *base)
{
    transposes *t = (transposes *)base;
    memory *account = t->memory;
    for (int32_t side = 0; side < 2; side++)
        recsys__sparse_free(t->backend, account, &t->of[side]);
    recsys__free(account, t);
    recsys__memory_release(account);
}

static recsys_status prepare_side(recsys_exec *x, recsys_model *m, const recsys_dataset *train, int32_t side)
{
    csr *F = NULL, *transposed = NULL;
    transposes *t = (transposes *)m->prepared;
    csr_tensors matrix = matrix_of(m, side);
    recsys_status status = recsys__features_collect(x, train, side, 1, &F);
    if (status >= 0 && F->n_rows != rows_of(m, side))
        status = recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                              "%s: the feature tables have rows for %lld %s, and there are %lld",
                              m->class->name, (long long)F->n_rows, sides[side].what, (long long)rows_of(m, side));
    if (status >= 0)
        status = fill_if_empty(x, F);
    if (status >= 0)
        status = recsys__csr_keep(x, m, &matrix, F);
    if (status >= 0)
        status = recsys__csr_transpose(x, F, &transposed);
    if (status >= 0)
        status = recsys__sparse_upload(x, transposed, transposed->val, &t->of[side]);
    recsys__csr_free(x->memory, transposed);
    recsys__csr_free(x->memory, F);
    return status;
}

recsys_status recsys__two_tower_prepare(recsys_exec *x, recsys_model *m, const recsys_dataset *train)
{
    transposes *t;
    if (!has_features(m, FEATURES_OF_USERS) && !has_features(m, FEATURES_OF_ITEMS))
        return RECSYS_OK;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *t, &t);
    if (status < 0)
        return status;
    recsys__prepared_begin(&t->base, destroy);
    t->backend = x->backend;
    t->memory = recsys__memory_retain(x->memory);
    m->prepared = &t->base;
    for (int32_t side = 0; side < 2 && status >= 0; side++)
        if (has_features(m, side))
            status = prepare_side(x, m, train, side);
    return status;
}

static int64_t cells_of(const recsys_dataset *d, int32_t side)
{
    const entity_table *t = d->table[side];
    int64_t cells = 0;
    for (int64_t f = 0; t != NULL && f < t->n_features; f++)
        cells += t->features[f].cells.ptr[t->n_rows];
    return cells;
}

/* Both forms of the matrices: 8 bytes a cell and 8 a row. */
int64_t recsys__two_tower_beyond(const recsys_params *p, const recsys_dataset *train)
{
    int64_t floats = 0;
    for (int32_t side = 0; side < 2 && recsys__param_bool(p, "features"); side++) {
        int64_t columns = recsys__feature_columns(train, side);
        int64_t rows = recsys_ids_count(side == FEATURES_OF_USERS ? train->users : train->items);
        floats += columns > 0 ? 2 * rows + 2 * columns + 4 * cells_of(train, side) : 0;
    }
    return floats;
}

/* ---- features of a file ---- */

recsys_status recsys__two_tower_check(recsys_exec *x, const recsys_model *m)
{
    recsys_status status = RECSYS_OK;
    for (int32_t side = 0; side < 2 && status >= 0; side++)
        if (has_features(m, side)) {
            csr_tensors matrix = matrix_of(m, side);
            status = recsys__csr_check(x, m, &matrix);
        }
    return status;
}

/* ---- on the tape ---- */

static sparse features_of(const recsys_model *m, int32_t side)
{
    const transposes *t = (const transposes *)m->prepared;
    csr_tensors matrix = matrix_of(m, side);
    sparse F = recsys__csr_on_device(m, &matrix);
    F.transposed = t != NULL ? &t->of[side] : NULL;
    return F;
}

tensor recsys__side_rows(tape *g, const recsys_model *m, int32_t side, tensor rows)
{
    tensor e = op_lookup(g, recsys__param(g, m, sides[side].table), rows);
    if (!has_features(m, side))
        return e;
    sparse F = features_of(m, side);
    return op_add(g, e, op_spmm_rows(g, &F, rows, recsys__param(g, m, sides[side].weight)));
}

tensor recsys__side_all(tape *g, const recsys_model *m, int32_t side)
{
    tensor e = recsys__param(g, m, sides[side].table);
    if (!has_features(m, side))
        return e;
    sparse F = features_of(m, side);
    return op_add(g, e, op_spmm(g, &F, recsys__param(g, m, sides[side].weight)));
}

tensor recsys__stack(tape *g, const recsys_model *m, const char *prefix, tensor Z, int32_t last, int32_t last_bias)
{
    int64_t L;
    recsys__two_tower_layers(m->params, &L);
    for (int64_t l = 1; l <= L; l++) {
        tensor W = recsys__layer_param(g, m, prefix, l, "weight");
        tensor b = l < L || last_bias ? recsys__layer_param(g, m, prefix, l, "bias") : (tensor){ 0 };
        Z = op_linear(g, Z, W, b, l < L ? FN_RELU : last);
    }
    return Z;
}
