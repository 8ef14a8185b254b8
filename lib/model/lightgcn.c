/* lightgcn.c - LightGCN: embeddings of users and items that are smoothed over the graph of their interactions.
 *
 * Paper: He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020,
 * eq. 3, 4, 8, 15.
 * Shapes: U users, I items, D width, L layers, B positives of a batch with n negatives each, Q queries, E edges.
 * Departs from the paper: in nothing by default. Several negatives count as so many samples of a positive; edges may be dropped
 * in training; who is no user of the graph is folded in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/op/affine.h"
#include "backend/op/binary.h"
#include "backend/op/gather_rows.h"
#include "backend/op/scale_rows.h"
#include "backend/op/spmm.h"
#include "backend/run.h"
#include "base/scratch.h"
#include "model/graph.h"
#include "model/training.h"
#include "tensor/ops.h"

enum { DROP_UNDIRECTED = 0, DROP_DIRECTED = 1 };

static void sampling(const recsys_params *p, sampler_options *o)
{
    (void)p;
    o->kind = SAMPLE_POSITIVES;
    o->needs_negatives = 1;
    o->default_batch = 2048;
}

static void declare(declaration *d)
{
    const beginning normal = { BEGIN_NORMAL, recsys__param_f64(d->params, "init") };
    int64_t D = recsys__param_i64(d->params, "dim");
    recsys__declare(d, "user_embedding", d->n_users, D, normal); /* U x D, layer 0 */
    recsys__declare(d, "item_embedding", d->n_items, D, normal); /* I x D */
}

/* The result for the two nodes of a pair, its halves, and the gradients of all. */
static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    int64_t n = b->n_negatives < 1 << 20 ? b->n_negatives : 1 << 20;
    return (1 + n) * (20 * recsys__param_i64(p, "dim") + 32);
}

/* The graph, the layers, both tables' gradients; dropped values of both sides. */
static int64_t floats_beyond(const recsys_params *p, const recsys_dataset *train)
{
    int64_t nodes = recsys_ids_count(train->users) + recsys_ids_count(train->items), L = recsys__param_i64(p, "layers");
    int64_t dropped = recsys__param_f64(p, "dropout") > 0.0 ? 4 * train->n_events : 0;
    return recsys__graph_floats(train) + dropped + nodes * (L > 2 ? L : 2) * recsys__param_i64(p, "dim");
}

static recsys_status prepare(recsys_exec *x, recsys_model *m, const recsys_dataset *train)
{
    graph *g;
    recsys_status status = recsys__graph_create(x, train, &g);
    if (status >= 0)
        m->prepared = &g->prepared;
    return status;
}

/* ---- the loss ---- */

/* A batch as pairs of user and item: the B positives, then the B n negatives. */
typedef struct pairs {
    tensor row, items;         /* int32, B (1 + n): the row of the batch, so its user, and the item */
    tensor positive, negative; /* int32, B n: the pairs that a sample compares */
} pairs;

/* Numbers of pairs, made on the host: the row of the batch that each is of, and what a sample compares. */
static tensor number_pairs(tape *g, int64_t B, int64_t n, pairs *p)
{
    int32_t *row;
    int64_t count = B * (1 + n);
    recsys_status status = recsys__scratch(recsys__tape_exec(g), SCRATCH_ROW_NUMBERS, 2 * count, sizeof *row, &row);
    if (status < 0)
        return recsys__tape_fail(g, status, "%s", recsys__tape_exec(g)->error.message);
    int32_t *self = row + count;
    for (int64_t k = 0; k < count; k++) {
        row[k] = (int32_t)(k < B ? k : (k - B) / n);
        self[k] = (int32_t)k;
    }
    p->positive = recsys__tape_vector(g, row + B, count - B, RECSYS_I32);
    p->negative = recsys__tape_vector(g, self + B, count - B, RECSYS_I32);
    return recsys__tape_vector(g, row, count, RECSYS_I32);
}

/* Whole numbers are copied as the floats of the same bits. */
static void copy_numbers(tape *g, const void *from, void *to, int64_t count)
{
    recsys_status status = recsys__tape_failed(g) ? RECSYS_OK : recsys__device_copy(recsys__tape_exec(g), from, to, count);
    if (status < 0)
        recsys__tape_fail(g, status, "%s", recsys__tape_exec(g)->error.message);
}

static pairs pairs_of(tape *g, const batch *b)
{
    pairs p = { 0 };
    int64_t B = tensor_rows(&b->users), n = B > 0 ? tensor_elements(&b->negatives) / B : 0, count = B * (1 + n);
    if (!recsys__tape_failed(g) && (b->negatives.data == NULL || n < 1))
        recsys__tape_fail(g, RECSYS_ERR_INTERNAL, "a batch of lightgcn without negatives");
    if (!recsys__tape_failed(g) && n > INT32_MAX / B - 1)
        recsys__tape_fail(g, RECSYS_ERR_TOO_LARGE,
                          "a batch of %lld positives with %lld negatives each: more pairs than 2^31 - 1", (long long)B,
                          (long long)n);
    if (recsys__tape_failed(g))
        return p;
    p.row = number_pairs(g, B, n, &p);
    p.items = recsys__tape_new(g, RECSYS_I32, 1, &count);
    copy_numbers(g, b->items.data, p.items.data, B);
    copy_numbers(g, b->negatives.data, tensor_ints(&p.items) + B, B * n);
    return p;
}

/* The place of each pair's user, from those of the rows. */
static tensor places_of_users(tape *g, tensor place, tensor row)
{
    tensor out = recsys__tape_new(g, RECSYS_I32, 1, row.shape);
    op_gather_rows o = { .op = { OP_GATHER_ROWS, sizeof o }, .count = tensor_rows(&row), .dim = 1, .table = place.data,
                         .row = tensor_ints(&row), .out = out.data };
    recsys__tape_run(g, &o.op);
    return out;
}

/* |e_u|^2 + |e_i|^2 + |e_j|^2 of each sample, from the same of each node. */
static tensor squares(tape *g, const pairs *p, tensor of_node, tensor user_place, tensor item_place)
{
    tensor user = op_lookup(g, of_node, user_place), item = op_lookup(g, of_node, item_place);
    tensor positive = op_lookup(g, op_add(g, user, item), p->positive);
    return op_add(g, positive, op_lookup(g, item, p->negative));
}

/* mean of softplus(x_u . x_j - x_u . x_i) + decay / 2 (|e_u|^2 + |e_i|^2 + |e_j|^2) (eq. 15), x the mean of all layers. */
static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    const graph *whole = (const graph *)m->prepared;
    step_graph s;
    int directed = recsys__param_choice(m->params, "dropout_of") == DROP_DIRECTED;
    recsys__graph_of_step(g, whole, recsys__param_f64(m->params, "dropout"), directed, &s);
    pairs p = pairs_of(g, b);
    propagation how = { .to_users = &s.to_users, .to_items = &s.to_items, .user_table = recsys__param(g, m, "user_embedding"),
                        .item_table = recsys__param(g, m, "item_embedding"), .layers = recsys__param_i64(m->params, "layers"),
                        .users = b->users, .items = p.items };
    tensor u, i, nodes = op_propagate(g, &how, &u, &i);
    u = places_of_users(g, u, p.row);
    int64_t D = tensor_columns(&nodes) / 2;
    tensor x = op_columns(g, nodes, 0, D), e = op_columns(g, nodes, D, D);
    tensor one = op_affine(g, recsys__tape_zeros(g, D, 0), 0.0f, 1.0f);
    tensor score = op_gather_dot(g, x, u, x, i, one, (tensor){ 0 }); /* of each pair */
    tensor behind = op_sub(g, op_lookup(g, score, p.negative), op_lookup(g, score, p.positive));
    tensor bpr = op_mean(g, op_map(g, behind, FN_SOFTPLUS));
    float decay = (float)recsys__param_f64(m->params, "decay");
    if (decay == 0.0f)
        return bpr;
    return op_add(g, bpr, op_affine(g, op_mean(g, squares(g, &p, op_rowdot(g, e, e), u, i)), 0.5f * decay, 0.0f));
}

/* ---- what scoring reads ---- */

/* One side of the graph on its way through the layers. */
typedef struct side {
    const sparse *from_other;
    const model_tensor *first; /* layer 0 */
    float *now, *next;         /* layers l and l + 1; `now` begins as layer 0 itself */
    float *room[2];            /* owned */
    float *sum;                /* of the layers so far; owned by the caller */
} side;

static int64_t floats_of(const side *s)
{
    return recsys__tensor_elements(s->first);
}

static recsys_status begin_side(recsys_exec *x, const recsys_model *m, const char *name, const sparse *from_other, side *s)
{
    *s = (side){ .from_other = from_other, .first = recsys__model_tensor(m, name) };
    recsys_status status = RECSYS_OK;
    for (int k = 0; k < 2 && status >= 0; k++)
        status = recsys__device_alloc(x, floats_of(s), sizeof(float), &s->room[k]);
    if (status >= 0)
        status = recsys__device_alloc(x, floats_of(s), sizeof(float), &s->sum);
    s->now = s->first->data;
    s->next = s->room[0];
    return status < 0 ? status : recsys__device_copy(x, s->now, s->sum, floats_of(s));
}

static void end_side(recsys_exec *x, side *s)
{
    recsys__device_free(x->backend, x->memory, s->room[0]);
    recsys__device_free(x->backend, x->memory, s->room[1]);
    recsys__device_free(x->backend, x->memory, s->sum);
}

static recsys_status next_layer(recsys_exec *x, side *to, const side *from)
{
    const sparse *A = to->from_other;
    op_spmm o = { .op = { OP_SPMM, sizeof o }, .n_rows = A->n_rows, .dim = to->first->shape[1], .n_entries = A->n_entries,
                  .row_ptr = A->row_ptr, .column = A->column, .value = A->value, .x = from->now, .y = to->next };
    return recsys__run(x, &o.op);
}

static recsys_status take_layer(recsys_exec *x, side *s)
{
    op_binary o = { .op = { OP_BINARY, sizeof o }, .rows = s->first->shape[0], .dim = s->first->shape[1], .kind = BINARY_ADD,
                    .a = s->sum, .b = s->next, .y = s->sum };
    s->now = s->next;
    s->next = s->now == s->room[0] ? s->room[1] : s->room[0];
    return recsys__run(x, &o.op);
}

static recsys_status scale(recsys_exec *x, const recsys_model *m, float *y, int64_t n)
{
    float factor = (float)(1.0 / (double)(recsys__param_i64(m->params, "layers") + 1));
    op_affine o = { .op = { OP_AFFINE, sizeof o }, .n = n, .s = factor, .x = y, .y = y };
    return recsys__run(x, &o.op);
}

/* A new tensor of a side's shape, with `data`, which the model owns if this succeeds: then *data becomes NULL. */
static recsys_status add_tensor(recsys_exec *x, recsys_model *m, const char *name, const side *like, float **data)
{
    recsys_status status = recsys__model_new_tensor(x, m, name, 2, like->first->shape, *data);
    if (status >= 0)
        *data = NULL;
    return status;
}

/* Layers 1 to L. What an item brings to somebody new is made of layers 0 to L - 1, of which a user's layers 1 to L are made. */
static recsys_status propagate(recsys_exec *x, const recsys_model *m, side *u, side *i, float *brings)
{
    const graph *whole = (const graph *)m->prepared;
    int64_t L = recsys__param_i64(m->params, "layers"), D = i->first->shape[1];
    recsys_status status = RECSYS_OK;
    for (int64_t l = 1; l <= L && status >= 0; l++) {
        op_scale_rows o = { .op = { OP_SCALE_ROWS, sizeof o }, .rows = i->first->shape[0], .dim = D, .x = i->sum,
                            .s = whole->item_share, .y = brings };
        if (l == L)
            status = recsys__run(x, &o.op);
        if (status >= 0)
            status = next_layer(x, u, i);
        if (status >= 0)
            status = next_layer(x, i, u);
        if (status >= 0)
            status = take_layer(x, u);
        if (status >= 0)
            status = take_layer(x, i);
    }
    if (status >= 0 && L == 0)
        status = recsys__device_fill(x, brings, 0, floats_of(i) * (int64_t)sizeof *brings);
    if (status >= 0)
        status = scale(x, m, brings, floats_of(i));
    if (status >= 0)
        status = scale(x, m, u->sum, floats_of(u));
    return status < 0 ? status : scale(x, m, i->sum, floats_of(i));
}

static recsys_status derive(recsys_exec *x, recsys_model *m)
{
    const graph *whole = (const graph *)m->prepared;
    side u = { 0 }, i = { 0 };
    float *brings = NULL;
    recsys_status status = begin_side(x, m, "user_embedding", &whole->by_user, &u);
    if (status >= 0)
        status = begin_side(x, m, "item_embedding", &whole->by_item, &i);
    if (status >= 0)
        status = recsys__device_alloc(x, floats_of(&i), sizeof *brings, &brings);
    if (status >= 0)
        status = propagate(x, m, &u, &i, brings);
    if (status >= 0)
        status = add_tensor(x, m, "user_vector", &u, &u.sum);
    if (status >= 0)
        status = add_tensor(x, m, "item_vector", &i, &i.sum);
    if (status >= 0)
        status = add_tensor(x, m, "item_fold_in", &i, &brings);
    end_side(x, &u);
    end_side(x, &i);
    recsys__device_free(x->backend, x->memory, brings);
    return status;
}

static recsys_status check_like(recsys_exec *x, const recsys_model *m, const char *name, const char *like)
{
    const model_tensor *t = recsys__model_tensor(m, name), *want = recsys__model_tensor(m, like);
    if (t == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "lightgcn: tensor %s is missing", name);
    if (t->rank == 2 && t->shape[0] == want->shape[0] && t->shape[1] == want->shape[1])
        return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "lightgcn: tensor %s is %lld x %lld, and %lld x %lld is needed",
                        name, (long long)t->shape[0], (long long)t->shape[1], (long long)want->shape[0],
                        (long long)want->shape[1]);
}

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    recsys_status status = recsys__check_declared(x, m);
    if (status >= 0)
        status = check_like(x, m, "user_vector", "user_embedding");
    if (status >= 0)
        status = check_like(x, m, "item_vector", "item_embedding");
    return status < 0 ? status : check_like(x, m, "item_fold_in", "item_embedding");
}

/* ---- scoring ---- */

/* Histories of the queries that name no user, each entry 1 / sqrt(length); the other rows are empty. */
static sparse unknown_histories(tape *g, const recsys_model *m, const queries *q)
{
    recsys_exec *x = recsys__tape_exec(g);
    sparse A = { .n_rows = q->count, .n_columns = m->n_items };
    int64_t *ptr, room = q->x.ptr[q->count] - q->x.ptr[0];
    int32_t *item;
    float *value;
    recsys_status status = recsys__scratch(x, SCRATCH_USER_PTR, q->count + 1, sizeof *ptr, &ptr);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_USER_ITEMS, room, sizeof *item, &item);
    if (status >= 0)
        status = recsys__scratch(x, SCRATCH_MODEL_A, room, sizeof *value, &value);
    if (status < 0) {
        recsys__tape_fail(g, status, "%s", x->error.message);
        return A;
    }
    ptr[0] = 0;
    for (int64_t k = 0; k < q->count; k++) {
        int64_t begin = q->x.ptr[k], end = q->x.ptr[k + 1], at = ptr[k];
        for (int64_t e = begin; q->user[k] < 0 && e < end; e++, at++) {
            item[at] = q->x.item[e];
            value[at] = (float)(1.0 / sqrt((double)(end - begin)));
        }
        ptr[k + 1] = at;
    }
    A.n_entries = ptr[q->count];
    A.row_ptr = recsys__tape_copy_in(g, ptr, q->count + 1, sizeof *ptr);
    A.column = recsys__tape_copy_in(g, item, A.n_entries, sizeof *item);
    A.value = recsys__tape_copy_in(g, value, A.n_entries, sizeof *value);
    return A;
}

/* A user of the graph by his vector; anybody else by what the propagation would bring to his node if he had this history, with
 * nothing of his own in layer 0, and if it changed nothing for the items. */
static factors factors_of(tape *g, const recsys_model *m, const queries *q)
{
    tensor user = recsys__tape_vector(g, q->user, q->count, RECSYS_I32);
    sparse unknown = unknown_histories(g, m, q);
    tensor known = op_lookup(g, recsys__param(g, m, "user_vector"), user);
    if (unknown.n_entries > 0)
        known = op_add(g, known, op_spmm(g, &unknown, recsys__param(g, m, "item_fold_in")));
    return (factors){ .users = known, .items = recsys__param(g, m, "item_vector") };
}

static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    return recsys__cosine_similarity(x, recsys__model_tensor(m, "item_vector"), item, out);
}

static const param_schema lightgcn_params[] = {
    { "dim", RECSYS_PARAM_I64, "64", 1, 4096, 0, NULL, "0.1", "width of the embeddings" },
    { "layers", RECSYS_PARAM_I64, "3", 0, 64, 0, NULL, "0.1", "layers of the propagation; 0: none, a matrix factorisation" },
    { "decay", RECSYS_PARAM_F64, "1e-4", 0, 1e6, 0, NULL, "0.1", "L2 on the layer-0 rows of each sample" },
    { "dropout", RECSYS_PARAM_F64, "0", 0, 0.99, 0, NULL, "0.1", "share of the edges that a training step drops" },
    { "dropout_of", RECSYS_PARAM_CHOICE, "undirected", 0, 0, 0, "undirected|directed", "0.1",
      "dropout: an edge for both sides at once, or for each by itself" },
    { "init", RECSYS_PARAM_F64, "0.1", 0, 100, 0, NULL, "0.1", "standard deviation of the start" },
};

static const tensor_kind lightgcn_tensors[] = {
    { "user_embedding", "layer 0: a vector for each user", RECSYS_F32, 0, 0 },
    { "item_embedding", "layer 0: a vector for each item", RECSYS_F32, 0, 0 },
    { "user_vector", "mean of all layers for each user", RECSYS_F32, 0, 0 },
    { "item_vector", "mean of all layers for each item", RECSYS_F32, 0, 0 },
    { "item_fold_in", "what each item brings to a user whom the graph does not have", RECSYS_F32, 0, 0 },
};

static const training_class training = {
    .sampling = sampling,
    .declare = declare,
    .prepare = prepare,
    .derive = derive,
    .floats_of_row = floats_of_row,
    .floats_beyond = floats_beyond,
    .loss = loss,
    .factors = factors_of,
};

const struct model_class recsys__lightgcn = {
    .name = "lightgcn",
    .summary = "embeddings smoothed over the graph of users and items",
    .citation = "He et al., LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation, SIGIR 2020",
    .params = lightgcn_params,
    .n_params = sizeof lightgcn_params / sizeof *lightgcn_params,
    .tensors = lightgcn_tensors,
    .n_tensors = sizeof lightgcn_tensors / sizeof *lightgcn_tensors,
    .scores_by_history = BY_EITHER,
    .training = &training,
    .check = check,
    .rank = recsys__factors_rank,
    .score = recsys__factors_score,
    .similarity = similarity,
};
