/* two_tower_concat.c - the two-tower model of type 1: layers on the vectors of user and item side by side.
 *
 * Published as TwoTowerRecommender_type1 in a course's notebook; its network is the MLP of He et al., "Neural Collaborative
 * Filtering", WWW 2017, eq. 10, with layers of any width.
 * Shapes: U users, I items, E width of a vector, B samples of a batch, Q queries, L layers, H1 columns after the first.
 * Departs from the published program: it trains on all positives and not on those of the first users alone, adds the features
 * of users and items where there are any, and has the losses of adaptive denoising training (pointwise.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/feature_tower.h"
#include "model/pointwise.h"

static void sampling(const recsys_params *p, sampler_options *o)
{
    recsys__sample_pairs(p, o);
    o->default_negatives = 3;
}

static void declare(declaration *d)
{
    if (!recsys__two_tower_possible(d))
        return;
    int64_t in = 2 * recsys__two_tower_width(d->params);
    recsys__declare_tables(d);
    recsys__declare_stack(d, "", in);
    recsys__declare_prediction(d, recsys__two_tower_last(d->params, in));
    recsys__declare_features(d);
}

/* About eight times the columns of all layers: results, gradients of both sides, copies of rows. */
static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    (void)b;
    return 10 * recsys__two_tower_width(p) + 4 * recsys__two_tower_sum(p) + 32;
}

/* z_0 = [x_u ; x_i], z_l = relu(W_l z_l-1 + b_l), logit = h . z_L + c.  B */
static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    tensor z = op_concat(g, recsys__side_rows(g, m, FEATURES_OF_USERS, b->users),
                         recsys__side_rows(g, m, FEATURES_OF_ITEMS, b->items));
    z = recsys__stack(g, m, "", z, FN_RELU, 1);
    tensor logits = op_add(g, op_matmul(g, z, recsys__param(g, m, "predict_weight")), recsys__param(g, m, "predict_bias"));
    return recsys__pointwise_loss(g, m, b, logits, b->labels);
}

/* ---- scoring ---- */

/* What is multiplied with the concatenated vectors: the first layer, or without layers the prediction as one row.  H1 x 2 E */
static tensor first_of(tape *g, const recsys_model *m, int64_t n_layers)
{
    tensor h = recsys__param(g, m, n_layers > 0 ? "layer1_weight" : "predict_weight");
    return n_layers > 0 || h.data == NULL ? h : recsys__tape_constant(g, h.data, RECSYS_F32, 2,
                                                                      (int64_t[]){ 1, tensor_elements(&h) });
}

static tensor half_of_first(tape *g, const recsys_model *m, int64_t n_layers, int32_t side)
{
    int64_t E = recsys__two_tower_width(m->params);
    return op_columns(g, first_of(g, m, n_layers), side == FEATURES_OF_USERS ? 0 : E, E);
}

static tensor ones(tape *g, int64_t rows)
{
    return op_affine(g, recsys__tape_zeros(g, rows, 1), 0.0f, 1.0f);
}

/* The items' half of the first layer is kept: I x H1. Without layers a score is h_u . x_u + h_i . x_i + c, an inner product of
 * (1, h_u . x_u) and (h_i . x_i, 1): I x 2. */
static recsys_status ready(recsys_exec *x, recsys_model *m)
{
    tape *g;
    int64_t L;
    recsys_status status = recsys__scoring_tape(x, &g);
    if (status < 0)
        return status;
    recsys__two_tower_layers(m->params, &L);
    tensor half = op_matmul_nt(g, recsys__side_all(g, m, FEATURES_OF_ITEMS), half_of_first(g, m, L, FEATURES_OF_ITEMS));
    status = recsys__keep_cache(x, m, 0, g, L > 0 ? half : op_concat(g, half, ones(g, m->n_items)));
    return status < 0 ? status : recsys__pointwise_ready(x, m);
}

static pair_net network(tape *g, const recsys_model *m, const queries *q)
{
    int64_t L;
    const int64_t *width = recsys__two_tower_layers(m->params, &L);
    pair_net net = { .n_layers = L, .bias = recsys__param(g, m, "predict_bias").data };
    tensor x = recsys__side_rows(g, m, FEATURES_OF_USERS, recsys__tape_vector(g, q->user, q->count, RECSYS_I32));
    tensor W = half_of_first(g, m, L, FEATURES_OF_USERS);
    if (L == 0) {
        net.dot_dim = 2;
        net.query_vector = op_concat(g, ones(g, q->count), op_matmul_nt(g, x, W)).data;
        net.item_vector = m->cache[0];
        return net;
    }
    net.query_half = op_linear(g, x, W, recsys__param(g, m, "layer1_bias"), FN_IDENTITY).data;
    net.item_half = m->cache[0];
    net.last = recsys__param(g, m, "predict_weight").data;
    for (int64_t l = 0; l < L; l++) {
        net.widths[l] = width[l];
        net.weights[l] = recsys__layer_param(g, m, "", l + 1, "weight").data;
        net.biases[l] = recsys__layer_param(g, m, "", l + 1, "bias").data;
    }
    return net;
}

/* ---- the class ---- */

static recsys_status check(recsys_exec *x, const recsys_model *m)
{
    recsys_status status = recsys__pointwise_check(x, m);
    return status < 0 ? status : recsys__two_tower_check(x, m);
}

static const param_schema concat_params[] = { TWO_TOWER_PARAMS, POINTWISE_PARAMS };

static const tensor_kind concat_tensors[] = {
    TWO_TOWER_TABLES,
    TWO_TOWER_STACK(""),
    { "predict_weight", "weights of the last layer's columns", RECSYS_F32, 0, 0 },
    { "predict_bias", "bias of the prediction", RECSYS_F32, 0, 0 },
    TWO_TOWER_FEATURES,
    POINTWISE_TENSORS,
};

static const training_class training = {
    .sampling = sampling,
    .declare = declare,
    .is_pointwise = 1,
    .prepare = recsys__two_tower_prepare,
    .floats_of_row = floats_of_row,
    .floats_beyond = recsys__two_tower_beyond,
    .loss = loss,
    .check_data = recsys__pointwise_check_data,
    .finish = recsys__pointwise_finish,
    .network = network,
};

const struct model_class recsys__two_tower_concat = {
    .name = "two-tower-concat",
    .summary = "layers on the vectors of user and item side by side, with features",
    .citation = "He et al., Neural Collaborative Filtering, WWW 2017",
    .params = concat_params,
    .n_params = sizeof concat_params / sizeof *concat_params,
    .tensors = concat_tensors,
    .n_tensors = sizeof concat_tensors / sizeof *concat_tensors,
    .training = &training,
    .check = check,
    .ready = ready,
    .rank = recsys__pointwise_rank,
    .score = recsys__pointwise_score,
};
