/* two_tower_product.c - the two-tower model of type 2: a tower for users, a tower for items, and an inner product of both.
 *
 * Published as TwoTowerRecommender_type2 in a course's notebook (output=linear, objective=pairs). Sampled softmax with log-q
 * correction: Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019, eq. 3;
 * Bengio and Senecal, "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language Model", IEEE TNN
 * 2008.
 * Shapes: U users, I items, E width of a vector, H of a tower's last layer, B rows of a batch, N shared negatives, Q queries.
 * Departs from the published program: it trains on all positives and not on those of the first users alone, adds the features
 * of users and items where there are any, and for output=dot and cosine the last layers are linear: of vectors without negative
 * numbers no inner product could be negative.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/pointwise_loss.h"
#include "backend/run.h"
#include "base/scratch.h"
#include "model/feature_tower.h"
#include "tensor/ops.h"

enum { OBJECTIVE_PAIRS, OBJECTIVE_IN_BATCH, OBJECTIVE_SHARED };
enum { OUTPUT_LINEAR, OUTPUT_DOT, OUTPUT_COSINE };

static int64_t objective_of(const recsys_params *p)
{
    return recsys__param_choice(p, "objective");
}

static int64_t output_of(const recsys_model *m)
{
    return recsys__param_choice(m->params, "output");
}

/* H. */
static int64_t vector_width(const recsys_params *p)
{
    return recsys__two_tower_last(p, recsys__two_tower_width(p));
}

static void sampling(const recsys_params *p, sampler_options *o)
{
    if (objective_of(p) == OBJECTIVE_PAIRS) {
        o->kind = SAMPLE_PAIRS;
        o->default_negatives = 3;
        return;
    }
    o->kind = SAMPLE_POSITIVES;
    o->n_negatives = 0;
    o->n_shared = objective_of(p) == OBJECTIVE_SHARED ? recsys__param_i64(p, "shared_negatives") : 0;
    o->with_log_q = recsys__param_bool(p, "log_q");
}

static void declare(declaration *d)
{
    if (!recsys__two_tower_possible(d))
        return;
    int64_t E = recsys__two_tower_width(d->params);
    recsys__declare_tables(d);
    recsys__declare_stack(d, "user_", E);
    recsys__declare_stack(d, "item_", E);
    if (recsys__param_choice(d->params, "output") == OUTPUT_LINEAR)
        recsys__declare_prediction(d, recsys__two_tower_last(d->params, E));
    recsys__declare_features(d);
}

/* Results and gradients of both towers; of a softmax the logits, corrected and not, their gradient and what becomes of it:
 * in-batch as many columns as rows. */
static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    int64_t objective = objective_of(p), towers = 10 * recsys__two_tower_width(p) + 10 * recsys__two_tower_sum(p) + 32;
    if (objective == OBJECTIVE_PAIRS)
        return towers;
    return towers + 5 * (objective == OBJECTIVE_SHARED ? recsys__param_i64(p, "shared_negatives") : b->rows);
}

/* Features, and the vectors that a trained model keeps; of a softmax with shared negatives also their rows. */
static int64_t floats_beyond(const recsys_params *p, const recsys_dataset *train)
{
    int64_t rows = recsys_ids_count(train->users) + recsys_ids_count(train->items), H = vector_width(p);
    return recsys__two_tower_beyond(p, train) + rows * (2 * H + recsys__two_tower_sum(p));
}

/* ---- towers ---- */

/* What an inner product is taken of: the tower's last layer, of length 1 if the output is a cosine.  B x H */
static tensor layers_of(tape *g, const recsys_model *m, int32_t side, tensor x, int32_t last_bias)
{
    int64_t output = output_of(m);
    const char *prefix = side == FEATURES_OF_USERS ? "user_" : "item_";
    tensor z = recsys__stack(g, m, prefix, x, output == OUTPUT_LINEAR ? FN_RELU : FN_IDENTITY, last_bias);
    return output == OUTPUT_COSINE ? op_normalize_rows(g, z) : z;
}

static tensor tower(tape *g, const recsys_model *m, int32_t side, tensor x)
{
    return layers_of(g, m, side, x, 1);
}

/* Items for a softmax. With output=dot their last bias would add the same to all logits of a row: its gradient is rounding
 * alone, which Adam would make steps of, so it is left out and stays as it is.  B x H */
static tensor candidates(tape *g, const recsys_model *m, tensor items)
{
    return layers_of(g, m, FEATURES_OF_ITEMS, recsys__side_rows(g, m, FEATURES_OF_ITEMS, items), output_of(m) != OUTPUT_DOT);
}

/* With the prediction's weights or the temperature multiplied into a user's vector, every output is an inner product. */
static tensor query_side(tape *g, const recsys_model *m, tensor x)
{
    tensor z = tower(g, m, FEATURES_OF_USERS, x);
    if (output_of(m) == OUTPUT_LINEAR)
        return op_mul(g, z, recsys__param(g, m, "predict_weight"));
    return output_of(m) == OUTPUT_COSINE ? op_affine(g, z, (float)(1.0 / recsys__param_f64(m->params, "temperature")),
                                                     0.0f) : z;
}

/* ---- losses ---- */

/* Mean binary cross-entropy of w . (u * v) + c, u . v or cos(u, v) / temperature. */
static tensor pairs_loss(tape *g, const recsys_model *m, const batch *b)
{
    const pointwise_rule rule = { .kind = LOSS_BCE, .stats = b->stats };
    tensor x = recsys__side_rows(g, m, FEATURES_OF_USERS, b->users);
    tensor v = tower(g, m, FEATURES_OF_ITEMS, recsys__side_rows(g, m, FEATURES_OF_ITEMS, b->items));
    tensor logits = op_rowdot(g, query_side(g, m, x), v);
    if (output_of(m) == OUTPUT_LINEAR)
        logits = op_add(g, logits, recsys__param(g, m, "predict_bias"));
    return op_pointwise_loss(g, logits, b->labels, &rule);
}

/* 0, 1, ..., B - 1. */
static tensor count_up(tape *g, int64_t B)
{
    recsys_exec *x = recsys__tape_exec(g);
    int32_t *host = NULL;
    recsys_status status = recsys__scratch(x, SCRATCH_ROW_NUMBERS, B, sizeof *host, &host);
    if (status < 0)
        return recsys__tape_fail(g, status, "%s", x->error.message);
    for (int64_t i = 0; i < B; i++)
        host[i] = (int32_t)i;
    return recsys__tape_vector(g, host, B, RECSYS_I32);
}

/* The first `n_a` numbers of a, then all of b, which are of 4 bytes each. */
static tensor join(tape *g, tensor a, int64_t n_a, tensor b)
{
    int64_t n_b = tensor_rows(&b), n = n_a + n_b;
    tensor both = recsys__tape_new(g, RECSYS_I32, 1, &n);
    if (recsys__tape_failed(g))
        return both;
    recsys__tape_copy_out(g, recsys__tape_constant(g, a.data, RECSYS_I32, 1, &n_a), both.data);
    recsys__tape_copy_out(g, b, (float *)both.data + n_a);
    return both;
}

/* Each row's own item against the items of the other rows; s_bj - log q_j with the share q_j of item j among the positives.
 * Rows with the same item are left out, as are other columns of it. */
static tensor in_batch_loss(tape *g, const recsys_model *m, const batch *b)
{
    tensor u = query_side(g, m, recsys__side_rows(g, m, FEATURES_OF_USERS, b->users));
    tensor v = candidates(g, m, b->items);
    tensor logits = op_matmul_nt(g, u, v);
    if (recsys__param_bool(m->params, "log_q"))
        logits = op_sub(g, logits, b->item_log_q);
    const softmax_rule rule = { .target = count_up(g, b->rows), .row_id = b->items, .column_id = b->items };
    return op_softmax_loss(g, logits, &rule);
}

/* Each row's own item against N negatives that all rows share; s_bj - log q_j with the probability q_j that a draw gives item
 * j. Negatives that are the own item are left out. */
static tensor shared_loss(tape *g, const recsys_model *m, const batch *b)
{
    int64_t B = b->rows, N = tensor_rows(&b->shared);
    tensor u = query_side(g, m, recsys__side_rows(g, m, FEATURES_OF_USERS, b->users));
    tensor v = candidates(g, m, join(g, b->items, B, b->shared));
    tensor own = op_rowdot(g, u, op_rows(g, v, 0, B)), others = op_matmul_nt(g, u, op_rows(g, v, B, N));
    if (recsys__param_bool(m->params, "log_q")) {
        own = op_sub(g, own, b->own_log_q);
        others = op_sub(g, others, b->shared_log_q);
    }
    tensor first = recsys__tape_zeros(g, B, 0);
    first.dtype = RECSYS_I32; /* column 0 */
    const softmax_rule rule = { .target = first, .row_id = b->items, .column_id = join(g, b->items, 1, b->shared) };
    return op_softmax_loss(g, op_concat(g, own, others), &rule);
}

static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    int64_t objective = objective_of(m->params);
    return objective == OBJECTIVE_PAIRS      ? pairs_loss(g, m, b)
           : objective == OBJECTIVE_IN_BATCH ? in_batch_loss(g, m, b)
                                             : shared_loss(g, m, b);
}

/* ---- scoring ---- */

enum { CACHE_USERS = 0, CACHE_ITEMS = 1 };

/* The vectors of all users and items, for scoring and for whoever asks: U x H, I x H. */
static recsys_status ready(recsys_exec *x, recsys_model *m)
{
    tape *g;
    recsys_status status = recsys__scoring_tape(x, &g);
    if (status >= 0)
        status = recsys__keep_cache(x, m, CACHE_USERS, g, query_side(g, m, recsys__side_all(g, m, FEATURES_OF_USERS)));
    if (status >= 0)
        status = recsys__scoring_tape(x, &g);
    if (status >= 0)
        status = recsys__keep_cache(x, m, CACHE_ITEMS, g, tower(g, m, FEATURES_OF_ITEMS,
                                                                recsys__side_all(g, m, FEATURES_OF_ITEMS)));
    return status;
}

static model_tensor vectors_of(const recsys_model *m, int place)
{
    return (model_tensor){
        .name = place == CACHE_USERS ? "user_vector" : "item_vector",
        .doc = place == CACHE_USERS ? "a query's vector for each user: its inner products with item_vector order the items"
                                    : "a vector for each item, as an index of vectors wants it",
        .dtype = RECSYS_F32,
        .rank = 2,
        .shape = { place == CACHE_USERS ? m->n_users : m->n_items, vector_width(m->params), 1, 1 },
        .data = m->cache[place],
    };
}

static int derived(const recsys_model *m, int64_t index, derived_tensor *t)
{
    if (index > CACHE_ITEMS)
        return 0;
    model_tensor v = vectors_of(m, (int)index);
    *t = (derived_tensor){ .name = v.name, .doc = v.doc, .n_rows = v.shape[0], .row_size = v.shape[1] };
    return 1;
}

static recsys_status read_derived(recsys_exec *x, const recsys_model *m, const char *name, int64_t first_row, int64_t n_rows,
                                  float *out)
{
    model_tensor v = vectors_of(m, name[0] == 'u' ? CACHE_USERS : CACHE_ITEMS);
    int64_t H = v.shape[1];
    return recsys__download(x, out, (const float *)v.data + first_row * H, n_rows * H * (int64_t)sizeof *out);
}

static tensor on_tape(tape *g, const recsys_model *m, int place)
{
    model_tensor v = vectors_of(m, place);
    return recsys__tape_constant(g, v.data, v.dtype, v.rank, v.shape);
}

static factors factors_of(tape *g, const recsys_model *m, const queries *q)
{
    factors f = { .items = on_tape(g, m, CACHE_ITEMS) };
    f.users = op_lookup(g, on_tape(g, m, CACHE_USERS), recsys__tape_vector(g, q->user, q->count, RECSYS_I32));
    if (output_of(m) == OUTPUT_LINEAR)
        f.bias = recsys__param(g, m, "predict_bias");
    return f;
}

static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    model_tensor v = vectors_of(m, CACHE_ITEMS);
    return recsys__cosine_similarity(x, &v, item, out);
}

/* ---- the class ---- */

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    recsys_status status = recsys__check_declared(x, m);
    return status < 0 ? status : recsys__two_tower_check(x, m);
}

static const param_schema product_params[] = {
    TWO_TOWER_PARAMS,
    { "objective", RECSYS_PARAM_CHOICE, "pairs", 0, 0, 0, "pairs|in-batch|shared", "0.1",
      "pairs: cross-entropy of drawn negatives; in-batch, shared: sampled softmax" },
    { "shared_negatives", RECSYS_PARAM_I64, "1024", 1, 1000000, 0, NULL, "0.1", "shared: negatives that a batch shares" },
    { "log_q", RECSYS_PARAM_BOOL, "true", 0, 0, 0, NULL, "0.1", "softmax: correct for how often each item is a candidate" },
    { "output", RECSYS_PARAM_CHOICE, "linear", 0, 0, 0, "linear|dot|cosine", "0.1",
      "linear: w . (u * v) + c; dot: u . v; cosine: of u and v, divided by the temperature" },
    { "temperature", RECSYS_PARAM_F64, "0.1", 0, 1000, 1, NULL, "0.1", "cosine: what it is divided by" },
};

static const tensor_kind product_tensors[] = {
    TWO_TOWER_TABLES,
    TWO_TOWER_STACK("user_"),
    TWO_TOWER_STACK("item_"),
    { "predict_weight", "linear: weights of the products of both vectors", RECSYS_F32, 0, 0 },
    { "predict_bias", "linear: bias of the prediction", RECSYS_F32, 0, 0 },
    TWO_TOWER_FEATURES,
};

static const training_class training = {
    .sampling = sampling,
    .declare = declare,
    .prepare = recsys__two_tower_prepare,
    .floats_of_row = floats_of_row,
    .floats_beyond = floats_beyond,
    .loss = loss,
    .factors = factors_of,
};

const struct model_class recsys__two_tower_product = {
    .name = "two-tower-product",
    .summary = "a tower for users and one for items, and an inner product of both, with features",
    .citation = "Yi et al., Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations, RecSys 2019",
    .params = product_params,
    .n_params = sizeof product_params / sizeof *product_params,
    .tensors = product_tensors,
    .n_tensors = sizeof product_tensors / sizeof *product_tensors,
    .training = &training,
    .check = check,
    .ready = ready,
    .rank = recsys__factors_rank,
    .score = recsys__factors_score,
    .similarity = similarity,
    .derived = derived,
    .read_derived = read_derived,
};
