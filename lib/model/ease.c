/* ease.c - EASE^R: an item-item regression in closed form; a history is scored by its row times the item weights.
 *
 * Paper: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (Eq.).
 * Shapes: U users, I items, R the U x I interaction matrix, P and B I x I.
 * Departs from the paper: in nothing by default. Row and column normalisation, values in place of ones and sparse item
 * weights are parameters, as the published program has them; see docs/models/ease.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/op/gram.h"
#include "backend/op/spd_inverse.h"
#include "backend/op/weights_sparsify.h"
#include "backend/run.h"
#include "base/scratch.h"
#include "base/text.h"
#include "model/device_csr.h"
#include "model/model.h"
#include "tensor/ops.h"

enum { VALUES_BINARY, VALUES_GIVEN };
enum { NORMALIZE_NONE, NORMALIZE_ROWS, NORMALIZE_COLUMNS, NORMALIZE_BOTH };

static const param_schema ease_params[] = {
    { "l2", RECSYS_PARAM_F64, "1000", 0.0, 1e30, 1, NULL, "0.1", "lambda, added to the diagonal of the Gram matrix" },
    { "values", RECSYS_PARAM_CHOICE, "binary", 0.0, 0.0, 0, "binary|given", "0.1",
      "what R holds: 1 for every interaction, or the value of the interaction" },
    { "normalize", RECSYS_PARAM_CHOICE, "none", 0.0, 0.0, 0, "none|rows|columns|both", "0.1",
      "divide the rows of R, its columns, or first rows and then columns by their L2 norms" },
    { "top_k", RECSYS_PARAM_I64, "0", 0.0, 2147483647.0, 0, NULL, "0.1",
      "keep so many weights of largest absolute value in each column of B; 0 keeps all" },
};

/* What the parameters make of one interaction's value. */
static float raw_value(int64_t values, const float *val, int64_t e)
{
    return values == VALUES_BINARY || val == NULL ? 1.0f : val[e];
}

static int normalizes_rows(const recsys_params *p)
{
    int64_t n = recsys__param_choice(p, "normalize");
    return n == NORMALIZE_ROWS || n == NORMALIZE_BOTH;
}

static int normalizes_columns(const recsys_params *p)
{
    int64_t n = recsys__param_choice(p, "normalize");
    return n == NORMALIZE_COLUMNS || n == NORMALIZE_BOTH;
}

static int is_plain(const recsys_params *p, const float *val)
{
    return recsys__param_choice(p, "normalize") == NORMALIZE_NONE
           && (recsys__param_choice(p, "values") == VALUES_BINARY || val == NULL);
}

/* 1 / norm, and 0 for a row or column of zeros. */
static float inverse_norm(double sum_of_squares)
{
    return sum_of_squares > 0.0 ? (float)(1.0 / sqrt(sum_of_squares)) : 0.0f;
}

static float row_scale(const recsys_params *p, const float *val, int64_t begin, int64_t end)
{
    if (!normalizes_rows(p))
        return 1.0f;
    double sum = 0.0;
    int64_t values = recsys__param_choice(p, "values");
    for (int64_t e = begin; e < end; e++) {
        double v = raw_value(values, val, e);
        sum += v * v;
    }
    return inverse_norm(sum);
}

/* The entries of R as the parameters want them, by user and by item, and the scale of each column. */
typedef struct entries {
    float *by_user, *by_item;    /* NULL: 1 everywhere */
    float *row_scale, *col_scale;
} entries;

static void free_entries(recsys_exec *x, entries *r)
{
    recsys__free(x->memory, r->by_user);
    recsys__free(x->memory, r->by_item);
    recsys__free(x->memory, r->row_scale);
    recsys__free(x->memory, r->col_scale);
}

/* val[e] of one view: value times the scales of its row (user) and column (item). */
static void fill_by_user(const recsys_params *p, const csr *by_user, entries *r)
{
    int64_t values = recsys__param_choice(p, "values");
    for (int64_t u = 0; u < by_user->n_rows; u++)
        for (int64_t e = by_user->ptr[u]; e < by_user->ptr[u + 1]; e++)
            r->by_user[e] = raw_value(values, by_user->val, e) * r->row_scale[u] * r->col_scale[by_user->col[e]];
}

static void fill_by_item(const recsys_params *p, const csr *by_item, entries *r)
{
    int64_t values = recsys__param_choice(p, "values");
    for (int64_t i = 0; i < by_item->n_rows; i++) {
        double sum = 0.0;
        for (int64_t e = by_item->ptr[i]; e < by_item->ptr[i + 1]; e++) {
            double v = raw_value(values, by_item->val, e) * r->row_scale[by_item->col[e]];
            sum += v * v;
        }
        r->col_scale[i] = normalizes_columns(p) ? inverse_norm(sum) : 1.0f;
        for (int64_t e = by_item->ptr[i]; e < by_item->ptr[i + 1]; e++)
            r->by_item[e] = raw_value(values, by_item->val, e) * r->row_scale[by_item->col[e]] * r->col_scale[i];
    }
}

static recsys_status make_entries(recsys_exec *x, const recsys_params *p, const csr *by_user, const csr *by_item, entries *r)
{
    if (is_plain(p, by_user->val))
        return RECSYS_OK;
    int64_t count = by_user->ptr[by_user->n_rows];
    recsys_status status = recsys__alloc(x->memory, &x->error, count, sizeof(float), &r->by_user);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, count, sizeof(float), &r->by_item);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, by_user->n_rows, sizeof(float), &r->row_scale);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, by_item->n_rows, sizeof(float), &r->col_scale);
    if (status < 0)
        return status;
    for (int64_t u = 0; u < by_user->n_rows; u++)
        r->row_scale[u] = row_scale(p, by_user->val, by_user->ptr[u], by_user->ptr[u + 1]);
    fill_by_item(p, by_item, r);
    fill_by_user(p, by_user, r);
    return RECSYS_OK;
}

/* Entries that a column of sparse item weights may have. */
static int64_t column_room(const recsys_params *p, int64_t n_items)
{
    int64_t top_k = recsys__param_i64(p, "top_k");
    return top_k < n_items - 1 ? top_k : n_items - 1;
}

static recsys_status cost(recsys_exec *x, const recsys_params *p, const recsys_dataset *train, recsys_cost *c)
{
    int64_t n = recsys_ids_count(recsys_dataset_items(train)), users = recsys_ids_count(recsys_dataset_users(train));
    int64_t events = recsys_dataset_event_count(train);
    symmetric g = { .n = n, .tile = recsys__symmetric_tile(n) };
    int64_t floats = recsys__symmetric_floats(n, g.tile);
    if (floats < 0 || floats > INT64_MAX / 64)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "ease: a matrix of %lld x %lld item weights is too large",
                            (long long)n, (long long)n);
    op_gram gram = { .op = { OP_GRAM, sizeof gram }, .n_users = users, .n_items = n, .out = g };
    op_spd_inverse inverse = { .op = { OP_SPD_INVERSE, sizeof inverse }, .inout = g };
    op_weights_sparsify sparsify = { .op = { OP_WEIGHTS_SPARSIFY, sizeof sparsify }, .precision = g };
    const op *steps[] = { &gram.op, &inverse.op, &sparsify.op };
    int64_t work = 0;
    for (int i = 0; i < (recsys__param_i64(p, "top_k") > 0 ? 3 : 2); i++) {
        int64_t bytes = recsys__run_workspace(x, steps[i]);
        work = bytes > work ? bytes : work;
    }
    int64_t normalized = is_plain(p, train->value) ? 0 : 8 * events + 4 * (users + n);
    int64_t sparse_bytes = recsys__param_i64(p, "top_k") > 0 ? 8 * (n + 1) + 8 * n * column_room(p, n) : 0;
    c->peak_bytes = 4 * floats + work + normalized + sparse_bytes;
    c->model_bytes = sparse_bytes > 0 ? sparse_bytes : 4 * recsys__symmetric_floats(n, SYMMETRIC_LINE);
    c->flops = (double)n * (double)n * (double)n;
    return RECSYS_OK;
}

/* P = (R'R + l2 I)^-1 in serving layout (Eq. 8). */
static recsys_status precision_matrix(recsys_exec *x, const recsys_params *p, const csr *by_user, const csr *by_item,
                                      const entries *r, symmetric *P)
{
    recsys_status status = recsys__phase(x, "gram");
    if (status >= 0)
        status = recsys__gram(x, by_user, r->by_user, by_item, r->by_item, recsys__param_f64(p, "l2"), P);
    if (status >= 0)
        status = recsys__phase(x, "factor");
    if (status >= 0)
        status = recsys__spd_inverse(x, P);
    recsys__drop_workspace(x);
    if (status == RECSYS_ERR_NUMERIC) {
        error reason = x->error;
        char l2[NUMBER_ROOM];
        recsys__fail(&x->error, status, "ease: l2 is %s: %.300s; raise l2", recsys__number(l2, recsys__param_f64(p, "l2")),
                     reason.message);
    }
    return status;
}

/* Keeps P as it is: the form that every weight can be read from. */
static recsys_status keep_dense(recsys_exec *x, recsys_model *m, symmetric *P)
{
    int64_t shape[1] = { recsys__symmetric_floats(P->n, P->tile) };
    return recsys__model_new_tensor(x, m, "precision", 1, shape, P->data);
}

/* Keeps the top_k largest weights of each column of B, by row, and lets P go. */
static recsys_status keep_sparse(recsys_exec *x, recsys_model *m, symmetric *P)
{
    int64_t n = P->n, room = n * column_room(m->params, n);
    int64_t *row_ptr = NULL;
    int32_t *col = NULL;
    float *val = NULL;
    recsys_status status = recsys__phase(x, "sparsify");
    if (status >= 0)
        status = recsys__device_alloc(x, n + 1, sizeof(int64_t), &row_ptr);
    if (status >= 0)
        status = recsys__device_alloc(x, room, sizeof(int32_t), &col);
    if (status >= 0)
        status = recsys__device_alloc(x, room, sizeof(float), &val);
    if (status >= 0)
        status = recsys__weights_sparsify(x, P, recsys__param_i64(m->params, "top_k"), row_ptr, col, val);
    int64_t entries_kept = 0;
    if (status >= 0)
        status = recsys__download(x, &entries_kept, row_ptr + n, sizeof entries_kept);
    if (status >= 0)
        status = recsys__model_new_tensor(x, m, "weights_ptr", 1, &(int64_t){ n + 1 }, row_ptr);
    if (status >= 0) {
        row_ptr = NULL;
        status = recsys__model_new_tensor(x, m, "weights_item", 1, &entries_kept, col);
    }
    if (status >= 0) {
        col = NULL;
        status = recsys__model_new_tensor(x, m, "weights_value", 1, &entries_kept, val);
    }
    if (status >= 0)
        val = NULL;
    recsys__device_free(x->backend, x->memory, row_ptr);
    recsys__device_free(x->backend, x->memory, col);
    recsys__device_free(x->backend, x->memory, val);
    return status;
}

/* Column scales are needed again for every history. */
static recsys_status keep_column_scale(recsys_exec *x, recsys_model *m, const entries *r)
{
    if (!normalizes_columns(m->params))
        return RECSYS_OK;
    return recsys__model_keep_tensor(x, m, "column_scale", 1, &m->n_items, r->col_scale);
}

static recsys_status fit(recsys_exec *x, recsys_model *m, const recsys_dataset *train)
{
    const csr *by_user, *by_item;
    entries r = { 0 };
    symmetric P = { .n = m->n_items, .tile = recsys__symmetric_tile(m->n_items) };
    recsys_status status = recsys__dataset_by_user(x, train, &by_user);
    if (status >= 0)
        status = recsys__dataset_by_item(x, train, &by_item);
    if (status >= 0)
        status = make_entries(x, m->params, by_user, by_item, &r);
    if (status >= 0)
        status = recsys__device_alloc(x, recsys__symmetric_floats(P.n, P.tile), sizeof(float), &P.data);
    if (status >= 0)
        status = precision_matrix(x, m->params, by_user, by_item, &r, &P);
    if (status >= 0)
        status = keep_column_scale(x, m, &r);
    int dense = recsys__param_i64(m->params, "top_k") == 0;
    if (status >= 0)
        status = dense ? keep_dense(x, m, &P) : keep_sparse(x, m, &P);
    if (status < 0 || !dense)
        recsys__device_free(x->backend, x->memory, P.data);
    free_entries(x, &r);
    return status;
}

/* The form of B with top_k weights in a column. */
static csr_tensors sparse_weights(const recsys_model *m)
{
    return (csr_tensors){ .what = "the sparse item weights", .ptr = "weights_ptr", .column = "weights_item",
                          .value = "weights_value", .n_rows = m->n_items, .n_columns = m->n_items };
}

static recsys_status wrong_tensors(recsys_exec *x, const char *what)
{
    return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "ease: %s", what);
}

/* Weights are divided by the diagonal of P, which is positive in any inverse of a positive definite matrix. */
static recsys_status check_diagonal(recsys_exec *x, const recsys_model *m)
{
    const float *P = recsys__model_tensor(m, "precision")->data;
    for (int64_t i = 0; i < m->n_items; i++) {
        float p_ii = 0.0f;
        recsys_status status = recsys__download(x, &p_ii, P + symmetric_element(i, i), sizeof p_ii);
        if (status < 0)
            return status;
        if (!(p_ii > 0.0f) || !isfinite(p_ii))
            return wrong_tensors(x, "the diagonal of the precision matrix is not positive");
    }
    return RECSYS_OK;
}

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    if (normalizes_columns(m->params) && !recsys__is_vector(recsys__model_tensor(m, "column_scale"), RECSYS_F32, m->n_items))
        return wrong_tensors(x, "the column scales are missing or have the wrong shape");
    csr_tensors B = sparse_weights(m);
    if (recsys__model_tensor(m, B.ptr) != NULL)
        return recsys__csr_check(x, m, &B);
    if (!recsys__is_vector(recsys__model_tensor(m, "precision"), RECSYS_F32,
                           recsys__symmetric_floats(m->n_items, SYMMETRIC_LINE)))
        return wrong_tensors(x, "the precision matrix is missing or has the wrong shape");
    return check_diagonal(x, m);
}

static item_weights weights(const recsys_model *m)
{
    csr_tensors form = sparse_weights(m);
    item_weights w = { .n_items = m->n_items, .precision = { .n = m->n_items, .tile = SYMMETRIC_LINE } };
    if (recsys__model_tensor(m, form.ptr) != NULL) {
        sparse B = recsys__csr_on_device(m, &form);
        w.row_ptr = B.row_ptr;
        w.col = B.column;
        w.val = B.value;
    } else {
        w.precision.data = recsys__model_tensor(m, "precision")->data;
    }
    return w;
}

/* The queries' histories with the values that the training rows had: the fold-in of any user. */
static recsys_status fold_in(recsys_exec *x, const recsys_model *m, const queries *q, histories *h)
{
    *h = q->x;
    if (is_plain(m->params, q->x.val)) {
        h->val = NULL;
        return RECSYS_OK;
    }
    float *val, *col_scale = NULL;
    recsys_status status = recsys__scratch(x, SCRATCH_MODEL_A, q->x.ptr[q->count], sizeof(float), &val);
    if (status >= 0 && normalizes_columns(m->params)) {
        status = recsys__scratch(x, SCRATCH_MODEL_B, m->n_items, sizeof(float), &col_scale);
        if (status >= 0)
            status = recsys__download(x, col_scale, recsys__model_tensor(m, "column_scale")->data,
                                      m->n_items * (int64_t)sizeof(float));
    }
    if (status < 0)
        return status;
    int64_t values = recsys__param_choice(m->params, "values");
    for (int64_t i = 0; i < q->count; i++) {
        float scale = row_scale(m->params, q->x.val, q->x.ptr[i], q->x.ptr[i + 1]);
        for (int64_t e = q->x.ptr[i]; e < q->x.ptr[i + 1]; e++) {
            val[e] = raw_value(values, q->x.val, e) * scale * (col_scale != NULL ? col_scale[q->x.item[e]] : 1.0f);
            if (!isfinite(val[e]))
                return recsys__fail(&x->error, RECSYS_ERR_NUMERIC,
                                    "query %lld: normalised, the value of item %lld is not finite", (long long)i,
                                    (long long)q->x.item[e]);
        }
    }
    h->val = val;
    return RECSYS_OK;
}

static recsys_status rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    histories h;
    item_weights B = weights(m);
    recsys_status status = fold_in(x, m, q, &h);
    return status < 0 ? status : recsys__history_rank(x, &B, &h, to);
}

static recsys_status score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    histories h;
    item_weights B = weights(m);
    recsys_status status = fold_in(x, m, q, &h);
    return status < 0 ? status : recsys__history_score(x, &B, &h, at);
}

/* Row `item` of B: how much having it raises the score of each other item. */
static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    item_weights B = weights(m);
    return recsys__weights_rows(x, &B, item, 1, out);
}

static int derived(const recsys_model *m, int64_t index, derived_tensor *t)
{
    if (index != 0)
        return 0;
    *t = (derived_tensor){ "item_weights", "B in full: B[i, j] = -P[i, j] / P[j, j], 0 on the diagonal", m->n_items,
                           m->n_items };
    return 1;
}

static recsys_status read_derived(recsys_exec *x, const recsys_model *m, const char *name, int64_t first_row, int64_t n_rows,
                                  float *out)
{
    (void)name;
    item_weights B = weights(m);
    return recsys__weights_rows(x, &B, first_row, n_rows, out);
}

static const tensor_kind ease_tensors[] = {
    { "column_scale", "1 / L2 norm of each column of R", RECSYS_F32, 0, 0 },
    { "precision", "P = (R'R + l2 I)^-1, lower half in lines of 4 x 4: docs/model-file.md", RECSYS_F32, 64, 0 },
    { "weights_ptr", "where each row of B begins", RECSYS_I64, 0, 0 },
    { "weights_item", "columns of the entries of B, by row", RECSYS_I32, 0, 0 },
    { "weights_value", "entries of B", RECSYS_F32, 0, 0 },
};

const struct model_class recsys__ease = {
    .name = "ease",
    .summary = "EASE^R: linear item-item regression in closed form",
    .citation = "Harald Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019",
    .params = ease_params,
    .n_params = (int64_t)(sizeof ease_params / sizeof *ease_params),
    .tensors = ease_tensors,
    .n_tensors = (int64_t)(sizeof ease_tensors / sizeof *ease_tensors),
    .scores_by_history = BY_HISTORY,
    .cost = cost,
    .fit = fit,
    .check = check,
    .rank = rank,
    .score = score,
    .similarity = similarity,
    .derived = derived,
    .read_derived = read_derived,
};
