/* mlp.c - MLP: a tower of layers on the embeddings of user and item.
 *
 * Paper: He et al., "Neural Collaborative Filtering", WWW 2017, eq. 10.
 * Shapes: U users, I items, D width of the last layer, B samples of a batch, Q queries.
 * Departs from the paper: in nothing but the losses, which are those of adaptive denoising training (pointwise.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/pointwise.h"
#include "model/tower.h"

static const tower the_tower = { "user_embedding", "item_embedding" };

static void declare(declaration *d)
{
    int64_t D = recsys__param_i64(d->params, "dim");
    recsys__tower_declare(d, &the_tower);
    recsys__declare(d, "predict_weight", D, 0, recsys__kaiming(D));         /* h  D */
    recsys__declare(d, "predict_bias", 1, 0, (beginning){ BEGIN_ZERO, 0 }); /* c */
}

static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    (void)b;
    return recsys__tower_floats(p) + 32;
}

/* logit = h . z_n + c.  B */
static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    tensor z = recsys__tower(g, m, &the_tower, b->users, b->items);
    tensor logits = op_add(g, op_matmul(g, z, recsys__param(g, m, "predict_weight")), recsys__param(g, m, "predict_bias"));
    return recsys__pointwise_loss(g, m, b, logits, b->labels);
}

static pair_net network(tape *g, const recsys_model *m, const queries *q)
{
    pair_net net = recsys__tower_net(g, m, &the_tower, recsys__tape_vector(g, q->user, q->count, RECSYS_I32));
    net.last = recsys__param(g, m, "predict_weight").data;
    net.bias = recsys__param(g, m, "predict_bias").data;
    return net;
}

static recsys_status ready(recsys_exec *x, recsys_model *m)
{
    recsys_status status = recsys__tower_ready(x, m, &the_tower);
    return status < 0 ? status : recsys__pointwise_ready(x, m);
}

static const param_schema mlp_params[] = {
    { "dim", RECSYS_PARAM_I64, "32", 1, 4096, 0, NULL, "0.1",
      "width of the last layer; the embeddings have dim * 2^(layers - 1)" },
    TOWER_PARAMS,
    POINTWISE_PARAMS,
};

static const tensor_kind mlp_tensors[] = {
    { "user_embedding", "a vector for each user", RECSYS_F32, 0, 1 },
    { "item_embedding", "a vector for each item", RECSYS_F32, 0, 1 },
    TOWER_TENSORS,
    { "predict_weight", "weights of the last layer's columns", RECSYS_F32, 0, 0 },
    { "predict_bias", "bias of the prediction", RECSYS_F32, 0, 0 },
    POINTWISE_TENSORS,
};

static const training_class training = {
    .sampling = recsys__sample_pairs,
    .declare = declare,
    .is_pointwise = 1,
    .floats_of_row = floats_of_row,
    .loss = loss,
    .check_data = recsys__pointwise_check_data,
    .finish = recsys__pointwise_finish,
    .network = network,
};

const struct model_class recsys__mlp = {
    .name = "mlp",
    .summary = "a tower of layers on the embeddings of user and item, with adaptive denoising",
    .citation = "He et al., Neural Collaborative Filtering, WWW 2017",
    .params = mlp_params,
    .n_params = sizeof mlp_params / sizeof *mlp_params,
    .tensors = mlp_tensors,
    .n_tensors = sizeof mlp_tensors / sizeof *mlp_tensors,
    .training = &training,
    .check = recsys__pointwise_check,
    .ready = ready,
    .rank = recsys__pointwise_rank,
    .score = recsys__pointwise_score,
};
