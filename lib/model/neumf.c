/* neumf.c - NeuMF: GMF and MLP side by side under one prediction, trained together from random numbers or from two models.
 *
 * Paper: He et al., "Neural Collaborative Filtering", WWW 2017, eq. 12 and section 3.4.1 (pre-training).
 * Shapes: U users, I items, D width of both halves, B samples of a batch, Q queries.
 * Departs from the paper: in nothing but the losses, which are those of adaptive denoising training (pointwise.h). Starting
 * from two models weighs both halves alike, as in the published program (the paper's alpha is 1/2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/run.h"
#include "model/pointwise.h"
#include "model/tower.h"

static const tower the_tower = { "mlp_user_embedding", "mlp_item_embedding" };

static void declare(declaration *d)
{
    const beginning normal = { BEGIN_NORMAL, 0.01 };
    int64_t D = recsys__param_i64(d->params, "dim");
    recsys__declare(d, "gmf_user_embedding", d->n_users, D, normal);        /* P  U x D */
    recsys__declare(d, "gmf_item_embedding", d->n_items, D, normal);        /* Q  I x D */
    recsys__tower_declare(d, &the_tower);
    recsys__declare(d, "predict_weight", 2 * D, 0, recsys__kaiming(2 * D)); /* h  2 D: the GMF half first */
    recsys__declare(d, "predict_bias", 1, 0, (beginning){ BEGIN_ZERO, 0 }); /* c */
}

static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    (void)b;
    return recsys__tower_floats(p) + 40 * recsys__param_i64(p, "dim") + 32;
}

/* logit = h . [p_u * q_i ; z_n] + c (eq. 12, before the sigmoid).  B */
static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    tensor p = op_lookup(g, recsys__param(g, m, "gmf_user_embedding"), b->users);
    tensor q = op_lookup(g, recsys__param(g, m, "gmf_item_embedding"), b->items);
    tensor z = recsys__tower(g, m, &the_tower, b->users, b->items);
    tensor both = op_concat(g, op_mul(g, p, q), z);
    tensor logits = op_add(g, op_matmul(g, both, recsys__param(g, m, "predict_weight")), recsys__param(g, m, "predict_bias"));
    return recsys__pointwise_loss(g, m, b, logits, b->labels);
}

static pair_net network(tape *g, const recsys_model *m, const queries *q)
{
    tensor users = recsys__tape_vector(g, q->user, q->count, RECSYS_I32), h = recsys__param(g, m, "predict_weight");
    int64_t D = recsys__param_i64(m->params, "dim");
    pair_net net = recsys__tower_net(g, m, &the_tower, users);
    if (recsys__tape_failed(g))
        return net;
    tensor h_gmf = recsys__tape_constant(g, h.data, RECSYS_F32, 1, &D);
    net.dot_dim = D;
    net.query_vector = op_mul(g, op_lookup(g, recsys__param(g, m, "gmf_user_embedding"), users), h_gmf).data;
    net.item_vector = recsys__param(g, m, "gmf_item_embedding").data;
    net.last = tensor_floats(&h) + D;
    net.bias = recsys__param(g, m, "predict_bias").data;
    return net;
}

/* ---- starting from a gmf and an mlp ---- */

/* h and c as half of both models' together. */
static recsys_status join_predictions(recsys_exec *x, recsys_model *m, const recsys_model *gmf, const recsys_model *mlp)
{
    const model_tensor *h = recsys__model_tensor(m, "predict_weight"), *c = recsys__model_tensor(m, "predict_bias");
    int64_t D = h->shape[0] / 2;
    float *host, bias[2];
    recsys_status status = recsys__alloc(x->memory, &x->error, 2 * D, sizeof *host, &host);
    if (status >= 0)
        status = recsys__download(x, host, recsys__model_tensor(gmf, "predict_weight")->data, D * (int64_t)sizeof *host);
    if (status >= 0)
        status = recsys__download(x, host + D, recsys__model_tensor(mlp, "predict_weight")->data, D * (int64_t)sizeof *host);
    if (status >= 0)
        status = recsys__download(x, &bias[0], recsys__model_tensor(gmf, "predict_bias")->data, sizeof *bias);
    if (status >= 0)
        status = recsys__download(x, &bias[1], recsys__model_tensor(mlp, "predict_bias")->data, sizeof *bias);
    for (int64_t d = 0; status >= 0 && d < 2 * D; d++)
        host[d] *= 0.5f;
    if (status >= 0)
        status = recsys__copy_in(x, h->data, host, 2 * D * (int64_t)sizeof *host);
    if (status >= 0) {
        bias[0] = 0.5f * (bias[0] + bias[1]);
        status = recsys__copy_in(x, c->data, bias, sizeof *bias);
    }
    recsys__free(x->memory, host);
    return status;
}

static recsys_status start(recsys_exec *x, recsys_model *m, const recsys_model *const *from, int64_t n)
{
    const recsys_model *gmf = NULL, *mlp = NULL;
    for (int64_t i = 0; i < n; i++) {
        gmf = from[i]->class == &recsys__gmf ? from[i] : gmf;
        mlp = from[i]->class == &recsys__mlp ? from[i] : mlp;
    }
    if (n != 2 || gmf == NULL || mlp == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "neumf starts from one neumf, or from a gmf and an mlp");
    if (recsys__param_i64(mlp->params, "layers") != recsys__param_i64(m->params, "layers"))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "neumf has %lld layers and cannot start from an mlp with %lld",
                            (long long)recsys__param_i64(m->params, "layers"),
                            (long long)recsys__param_i64(mlp->params, "layers"));
    recsys_status status = recsys__copy_parameter(x, m, "gmf_user_embedding", gmf, "user_embedding");
    if (status >= 0)
        status = recsys__copy_parameter(x, m, "gmf_item_embedding", gmf, "item_embedding");
    if (status >= 0)
        status = recsys__copy_parameter(x, m, "mlp_user_embedding", mlp, "user_embedding");
    if (status >= 0)
        status = recsys__copy_parameter(x, m, "mlp_item_embedding", mlp, "item_embedding");
    for (int64_t t = 0; t < m->tensors.count && status >= 0; t++)
        if (strncmp(m->tensors.at[t].name, "layer", 5) == 0)
            status = recsys__copy_parameter(x, m, m->tensors.at[t].name, mlp, m->tensors.at[t].name);
    return status < 0 ? status : join_predictions(x, m, gmf, mlp);
}

/* ---- the class ---- */

static recsys_status ready(recsys_exec *x, recsys_model *m)
{
    recsys_status status = recsys__tower_ready(x, m, &the_tower);
    return status < 0 ? status : recsys__pointwise_ready(x, m);
}

static const param_schema neumf_params[] = {
    { "dim", RECSYS_PARAM_I64, "32", 1, 4096, 0, NULL, "0.1", "width of the GMF embeddings and of the MLP's last layer" },
    TOWER_PARAMS,
    POINTWISE_PARAMS,
};

static const tensor_kind neumf_tensors[] = {
    { "gmf_user_embedding", "a vector for each user, GMF half", RECSYS_F32, 0, 1 },
    { "gmf_item_embedding", "a vector for each item, GMF half", RECSYS_F32, 0, 1 },
    { "mlp_user_embedding", "a vector for each user, MLP half", RECSYS_F32, 0, 1 },
    { "mlp_item_embedding", "a vector for each item, MLP half", RECSYS_F32, 0, 1 },
    TOWER_TENSORS,
    { "predict_weight", "weights of both halves, GMF first", RECSYS_F32, 0, 0 },
    { "predict_bias", "bias of the prediction", RECSYS_F32, 0, 0 },
    POINTWISE_TENSORS,
};

static const training_class training = {
    .sampling = recsys__sample_pairs,
    .declare = declare,
    .is_pointwise = 1,
    .floats_of_row = floats_of_row,
    .loss = loss,
    .start = start,
    .check_data = recsys__pointwise_check_data,
    .finish = recsys__pointwise_finish,
    .network = network,
};

const struct model_class recsys__neumf = {
    .name = "neumf",
    .summary = "GMF and MLP side by side, with adaptive denoising",
    .citation = "He et al., Neural Collaborative Filtering, WWW 2017",
    .params = neumf_params,
    .n_params = sizeof neumf_params / sizeof *neumf_params,
    .tensors = neumf_tensors,
    .n_tensors = sizeof neumf_tensors / sizeof *neumf_tensors,
    .training = &training,
    .check = recsys__pointwise_check,
    .ready = ready,
    .rank = recsys__pointwise_rank,
    .score = recsys__pointwise_score,
};
