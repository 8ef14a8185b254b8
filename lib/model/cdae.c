/* cdae.c - CDAE: a denoising autoencoder of users' rows with an input of its own for each user.
 *
 * Paper: Wu et al., "Collaborative Denoising Auto-Encoders for Top-N Recommender Systems", WSDM 2016, eq. 3 and 4.
 * Shapes: U users, I items, H hidden width, B users of a batch, E samples of a batch, Q queries.
 * Departs from the paper: in the losses, which are those of adaptive denoising training (pointwise.h); a query that names no
 * user it was trained on has V_u = 0 (fold-in).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/pointwise.h"

enum { OUTPUT_FULL = 0, OUTPUT_SAMPLED = 1 };

static void sampling(const recsys_params *p, sampler_options *o)
{
    o->kind = SAMPLE_USER_ROWS;
    o->default_batch = 64;
    o->sampled_output = recsys__param_choice(p, "output") == OUTPUT_SAMPLED;
}

static void declare(declaration *d)
{
    const beginning zero = { BEGIN_ZERO, 0 };
    int64_t I = d->n_items, H = recsys__param_i64(d->params, "hidden");
    recsys__declare(d, "input_weight", I, H, recsys__xavier(I, H));                       /* W   I x H */
    recsys__declare(d, "user_embedding", d->n_users, H, (beginning){ BEGIN_NORMAL, 0.01 }); /* V   U x H */
    recsys__declare(d, "hidden_bias", H, 0, zero);                                        /* b   H */
    recsys__declare(d, "output_weight", I, H, recsys__xavier(H, I));                      /* W'  I x H */
    recsys__declare(d, "output_bias", I, 0, zero);                                        /* b'  I */
}

/* Full rows: labels, logits, the loss's gradient and its pass back, and what T-CE sorts by. */
static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    int64_t outputs = recsys__param_choice(p, "output") == OUTPUT_FULL ? 5 * b->n_items : 64 * recsys__param_i64(p, "hidden");
    return outputs + 10 * recsys__param_i64(p, "hidden") + 32;
}

/* z_u = act(W' dropout(r_u) + V_u + b) (eq. 3).  B x H */
static tensor hidden(tape *g, const recsys_model *m, const sparse *rows, tensor users)
{
    static const int32_t act[] = { FN_SIGMOID, FN_TANH, FN_IDENTITY };
    tensor own = op_lookup(g, recsys__param(g, m, "user_embedding"), users);
    tensor seen = op_spmm(g, rows, recsys__param(g, m, "input_weight"));
    tensor sum = op_add(g, op_add(g, seen, own), recsys__param(g, m, "hidden_bias"));
    return op_map(g, sum, act[recsys__param_choice(m->params, "activation")]);
}

/* The rows with a share of their entries dropped and the others scaled up. */
static sparse corrupted(tape *g, const recsys_model *m, sparse rows)
{
    float share = (float)recsys__param_f64(m->params, "dropout");
    if (share > 0.0f && recsys__tape_training(g)) {
        tensor ones = op_affine(g, recsys__tape_zeros(g, rows.n_entries, 0), 0.0f, 1.0f);
        rows.value = op_dropout(g, ones, share, 1).data;
    }
    return rows;
}

/* Logits W' z + b' (eq. 4, before the sigmoid) of all items, or of the sampled ones. */
static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    sparse rows = corrupted(g, m, b->input);
    tensor z = hidden(g, m, &rows, b->users);
    tensor W = recsys__param(g, m, "output_weight"), c = recsys__param(g, m, "output_bias");
    if (b->items.data == NULL) /* B x I */
        return recsys__pointwise_loss(g, m, b, op_linear(g, z, W, c, FN_IDENTITY), op_densify(g, &b->rows_items));
    tensor dots = op_rowdot(g, op_lookup(g, z, b->sample_row), op_lookup(g, W, b->items)); /* E */
    return recsys__pointwise_loss(g, m, b, op_add(g, dots, op_lookup(g, c, b->items)), b->labels);
}

/* ---- scoring ---- */

static recsys_status ready(recsys_exec *x, recsys_model *m)
{
    recsys_status status = recsys__output_layer_ready(x, m, "output_weight", "output_bias");
    return status < 0 ? status : recsys__pointwise_ready(x, m);
}

static factors factors_of(tape *g, const recsys_model *m, const queries *q)
{
    sparse rows = recsys__tape_histories(g, q, m->n_items);
    return recsys__output_layer(g, m, hidden(g, m, &rows, recsys__tape_vector(g, q->user, q->count, RECSYS_I32)));
}

static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    return recsys__cosine_similarity(x, recsys__model_tensor(m, "output_weight"), item, out);
}

static const param_schema cdae_params[] = {
    { "hidden", RECSYS_PARAM_I64, "200", 1, 65536, 0, NULL, "0.1", "width of the hidden layer" },
    { "activation", RECSYS_PARAM_CHOICE, "sigmoid", 0, 0, 0, "sigmoid|tanh|identity", "0.1", "of the hidden layer" },
    { "dropout", RECSYS_PARAM_F64, "0.5", 0, 0.99, 0, NULL, "0.1", "share of a row's interactions that training hides" },
    { "output", RECSYS_PARAM_CHOICE, "full", 0, 0, 0, "full|sampled", "0.1",
      "items of a row's loss: all, or the positives with sampled negatives (for large catalogues)" },
    POINTWISE_PARAMS,
};

static const tensor_kind cdae_tensors[] = {
    { "input_weight", "a vector for each item of the input", RECSYS_F32, 0, 1 },
    { "user_embedding", "a vector for each user", RECSYS_F32, 0, 1 },
    { "hidden_bias", "bias of the hidden layer", RECSYS_F32, 0, 0 },
    { "output_weight", "a vector for each item of the output", RECSYS_F32, 0, 1 },
    { "output_bias", "bias of each item of the output", RECSYS_F32, 0, 1 },
    POINTWISE_TENSORS,
};

static const training_class training = {
    .sampling = sampling,
    .declare = declare,
    .is_pointwise = 1,
    .floats_of_row = floats_of_row,
    .loss = loss,
    .check_data = recsys__pointwise_check_data,
    .finish = recsys__pointwise_finish,
    .factors = factors_of,
};

const struct model_class recsys__cdae = {
    .name = "cdae",
    .summary = "a denoising autoencoder of users' rows with a vector for each user, with adaptive denoising",
    .citation = "Wu et al., Collaborative Denoising Auto-Encoders for Top-N Recommender Systems, WSDM 2016",
    .params = cdae_params,
    .n_params = sizeof cdae_params / sizeof *cdae_params,
    .tensors = cdae_tensors,
    .n_tensors = sizeof cdae_tensors / sizeof *cdae_tensors,
    .scores_by_history = BY_HISTORY,
    .training = &training,
    .check = recsys__pointwise_check,
    .ready = ready,
    .rank = recsys__pointwise_rank,
    .score = recsys__pointwise_score,
    .similarity = similarity,
};
