/* gmf.c - GMF: generalised matrix factorisation, an inner product of user and item with learned weights.
 *
 * Paper: He et al., "Neural Collaborative Filtering", WWW 2017, eq. 8 and 9.
 * Shapes: U users, I items, D width, B samples of a batch, Q queries.
 * Departs from the paper: in nothing but the losses, which are those of adaptive denoising training (pointwise.h). The
 * prediction has a bias, as in the published program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/pointwise.h"

static void declare(declaration *d)
{
    const beginning normal = { BEGIN_NORMAL, 0.01 };
    int64_t D = recsys__param_i64(d->params, "dim");
    recsys__declare(d, "user_embedding", d->n_users, D, normal);           /* P  U x D */
    recsys__declare(d, "item_embedding", d->n_items, D, normal);           /* Q  I x D */
    recsys__declare(d, "predict_weight", D, 0, recsys__kaiming(D));        /* h  D */
    recsys__declare(d, "predict_bias", 1, 0, (beginning){ BEGIN_ZERO, 0 }); /* c */
}

static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    (void)b;
    return 2 * recsys__param_i64(p, "dim") + 32; /* copies of both rows; logits, labels, indices */
}

/* logit = h . (p_u * q_i) + c (eq. 9, before the sigmoid).  B */
static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    tensor P = recsys__param(g, m, "user_embedding"), Q = recsys__param(g, m, "item_embedding");
    tensor h = recsys__param(g, m, "predict_weight"), c = recsys__param(g, m, "predict_bias");
    return recsys__pointwise_loss(g, m, b, op_gather_dot(g, P, b->users, Q, b->items, h, c), b->labels);
}

/* h * p_u: with it scoring is a plain inner product.  Q x D */
static factors factors_of(tape *g, const recsys_model *m, const queries *q)
{
    tensor p = op_lookup(g, recsys__param(g, m, "user_embedding"), recsys__tape_vector(g, q->user, q->count, RECSYS_I32));
    return (factors){
        .users = op_mul(g, p, recsys__param(g, m, "predict_weight")),
        .items = recsys__param(g, m, "item_embedding"),
        .bias = recsys__param(g, m, "predict_bias"),
    };
}

static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    return recsys__cosine_similarity(x, recsys__model_tensor(m, "item_embedding"), item, out);
}

static const param_schema gmf_params[] = {
    { "dim", RECSYS_PARAM_I64, "32", 1, 4096, 0, NULL, "0.1", "width of the embeddings" },
    POINTWISE_PARAMS,
};

static const tensor_kind gmf_tensors[] = {
    { "user_embedding", "a vector for each user", RECSYS_F32, 0, 1 },
    { "item_embedding", "a vector for each item", RECSYS_F32, 0, 1 },
    { "predict_weight", "weights of the products of both", RECSYS_F32, 0, 0 },
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
    .factors = factors_of,
};

const struct model_class recsys__gmf = {
    .name = "gmf",
    .summary = "generalised matrix factorisation, with adaptive denoising",
    .citation = "He et al., Neural Collaborative Filtering, WWW 2017",
    .params = gmf_params,
    .n_params = sizeof gmf_params / sizeof *gmf_params,
    .tensors = gmf_tensors,
    .n_tensors = sizeof gmf_tensors / sizeof *gmf_tensors,
    .training = &training,
    .check = recsys__pointwise_check,
    .ready = recsys__pointwise_ready,
    .rank = recsys__pointwise_rank,
    .score = recsys__pointwise_score,
    .similarity = similarity,
};
