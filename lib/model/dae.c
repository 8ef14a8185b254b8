/* dae.c - a denoising autoencoder of users' rows: layers of any width, a loss over all items.
 *
 * Papers: Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008; with
 * loss=multinomial, normalize=l2 and rescale the Mult-DAE of Liang et al., "Variational Autoencoders for Collaborative
 * Filtering", WWW 2018, sect. 2.2.
 * h_1 = act(x' W_1 + b_1), h_l = act(W_l h_l-1 + b_l) for l = 2..n-1, logits W_n h_n-1 + b_n, where x is the user's row.
 * Layer number `encoder sizes` is the code, which has an activation of its own.
 * Shapes: I items, H_l width of layer l, B users of a batch, Q queries.
 * Departs from the published program (AE_recommender in a course's notebook): noise hides cells with one probability and sets
 * others with a second one, only in training and only in the input; BCE is of logits; every user is trained on. From Mult-DAE:
 * weights are decayed by the optimizer, and the default activation is ReLU.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rows_loss.h"
#include "model/training.h"
#include "tensor/ops.h"

enum { SIDE_LAYERS = 4, MOST_LAYERS = 2 * SIDE_LAYERS + 1 };
enum { LOSS_BCE_ALL = 0, LOSS_MSE_ALL = 1, LOSS_MULTINOMIAL = 2 };

/* ---- the layers ---- */

typedef struct layers {
    int64_t n;                  /* all, the output layer included */
    int64_t n_hidden;
    int64_t code;               /* number of the code layer, from 1 on */
    int64_t width[MOST_LAYERS]; /* of hidden layer 1, 2, ... */
} layers;

/* decoder=0 stands for none. */
static layers layers_of(const recsys_params *p)
{
    int64_t n_encoder, n_decoder;
    const int64_t *encoder = recsys__param_list(p, "encoder", &n_encoder),
        *decoder = recsys__param_list(p, "decoder", &n_decoder);
    layers L = { .code = n_encoder };
    for (int64_t l = 0; l < n_encoder && l < SIDE_LAYERS; l++)
        L.width[L.n_hidden++] = encoder[l];
    for (int64_t l = 0; l < n_decoder && l < SIDE_LAYERS && decoder[0] > 0; l++)
        L.width[L.n_hidden++] = decoder[l];
    L.n = L.n_hidden + 1;
    return L;
}

static int32_t activation_of(const recsys_params *p, const layers *L, int64_t layer)
{
    static const int32_t hidden[] = { FN_RELU, FN_TANH, FN_SIGMOID, FN_IDENTITY };
    static const int32_t code[] = { FN_IDENTITY, FN_RELU, FN_TANH, FN_SIGMOID };
    return layer == L->code ? code[recsys__param_choice(p, "code_activation")] : hidden[recsys__param_choice(p, "activation")];
}

/* At most four layers on each side, none of width 0, but that decoder=0 stands for none. */
static int is_possible(declaration *d)
{
    static const char *const sides[] = { "encoder", "decoder" };
    for (int s = 0; s < 2 && d->status >= 0; s++) {
        int64_t n;
        const int64_t *width = recsys__param_list(d->params, sides[s], &n);
        if (n < 1 || n > SIDE_LAYERS)
            d->status = recsys__fail(&d->x->error, RECSYS_ERR_OUT_OF_RANGE, "dae: %s has %lld layers, 1 to %d are possible",
                                     sides[s], (long long)n, (int)SIDE_LAYERS);
        for (int64_t l = 0; l < n && d->status >= 0; l++)
            if (width[l] == 0 && (s == 0 || n > 1))
                d->status = recsys__fail(&d->x->error, RECSYS_ERR_OUT_OF_RANGE, "dae: a layer of the %s has width 0%s",
                                         sides[s], s == 1 ? "; decoder=0 alone stands for no decoder" : "");
    }
    return d->status >= 0;
}

static void declare(declaration *d)
{
    const beginning zero = { BEGIN_ZERO, 0 };
    char name[LAYER_NAME_ROOM];
    if (d->status < 0 || !is_possible(d))
        return;
    layers L = layers_of(d->params);
    int64_t in = d->n_items;
    for (int64_t l = 1; l <= L.n; l++) {
        int64_t out = l == L.n ? d->n_items : L.width[l - 1];
        recsys__declare(d, recsys__layer_name(name, "", l, "weight"), l == 1 ? in : out, l == 1 ? out : in,
                        recsys__xavier(in, out));
        recsys__declare(d, recsys__layer_name(name, "", l, "bias"), out, 0, zero);
        in = out;
    }
}

static void sampling(const recsys_params *p, sampler_options *o)
{
    (void)p;
    o->kind = SAMPLE_USER_ROWS;
    o->default_batch = 256;
}

/* ---- memory ---- */

/* Logits, the loss's gradient and its pass back; a hidden layer's results and gradients. */
static int64_t floats_of_row(const recsys_params *p, const batch_shape *b)
{
    layers L = layers_of(p);
    int64_t sum = 0;
    for (int64_t l = 0; l < L.n_hidden; l++)
        sum += L.width[l];
    int64_t flips = (int64_t)(2.0 * recsys__param_f64(p, "flip") * (double)b->n_items);
    return 3 * b->n_items + flips + 6 * sum + 64;
}

/* Gradients of the weights, and the indices of the rows' entries. */
static int64_t floats_beyond(const recsys_params *p, const recsys_dataset *train)
{
    layers L = layers_of(p);
    int64_t floats = 0, in = recsys_ids_count(recsys_dataset_items(train)), items = in;
    for (int64_t l = 0; l < L.n; l++) {
        int64_t out = l == L.n_hidden ? items : L.width[l];
        floats += in * out + out;
        in = out;
    }
    return floats;
}

/* ---- the network ---- */

/* The rows as the network is shown them. */
static sparse shown(tape *g, const recsys_model *m, const sparse *rows)
{
    row_noise noise = { .mask = recsys__param_f64(m->params, "mask"),
                        .flip = recsys__param_f64(m->params, "flip"),
                        .rescale = recsys__param_bool(m->params, "rescale"),
                        .normalize = (int32_t)recsys__param_choice(m->params, "normalize"),
                        .place = 1 };
    return op_corrupt_rows(g, rows, &noise);
}

/* What the output layer gets.  B x H_n-1 */
static tensor last_hidden(tape *g, const recsys_model *m, const layers *L, const sparse *rows)
{
    sparse x = shown(g, m, rows);
    tensor seen = op_spmm(g, &x, recsys__param(g, m, "layer1_weight"));
    tensor h = op_map(g, op_add(g, seen, recsys__param(g, m, "layer1_bias")), activation_of(m->params, L, 1));
    for (int64_t l = 2; l <= L->n_hidden; l++) {
        tensor W = recsys__layer_param(g, m, "", l, "weight");
        h = op_linear(g, h, W, recsys__layer_param(g, m, "", l, "bias"), activation_of(m->params, L, l));
    }
    return h;
}

/* Targets are the users' rows as they are. */
static tensor loss(tape *g, const recsys_model *m, const batch *b)
{
    layers L = layers_of(m->params);
    int64_t kind = recsys__param_choice(m->params, "loss");
    tensor h = last_hidden(g, m, &L, &b->input);
    tensor W = recsys__layer_param(g, m, "", L.n, "weight"), c = recsys__layer_param(g, m, "", L.n, "bias");
    tensor logits = op_linear(g, h, W, c, FN_IDENTITY); /* B x I */
    if (kind == LOSS_MULTINOMIAL) {
        softmax_rule rule = { .targets = &b->rows_items };
        return op_softmax_loss(g, logits, &rule);
    }
    return op_rows_loss(g, logits, &b->rows_items, kind == LOSS_MSE_ALL ? LOSS_CELLS_MSE : LOSS_CELLS_BCE);
}

/* ---- scoring ---- */

static recsys_status ready(recsys_exec *x, recsys_model *m)
{
    char weight[LAYER_NAME_ROOM], bias[LAYER_NAME_ROOM];
    layers L = layers_of(m->params);
    return recsys__output_layer_ready(x, m, recsys__layer_name(weight, "", L.n, "weight"),
                                      recsys__layer_name(bias, "", L.n, "bias"));
}

static factors factors_of(tape *g, const recsys_model *m, const queries *q)
{
    layers L = layers_of(m->params);
    sparse rows = recsys__tape_histories(g, q, m->n_items);
    return recsys__output_layer(g, m, last_hidden(g, m, &L, &rows));
}

/* By the items' weights in the output layer. */
static recsys_status similarity(recsys_exec *x, const recsys_model *m, int32_t item, float *out)
{
    char name[LAYER_NAME_ROOM];
    layers L = layers_of(m->params);
    return recsys__cosine_similarity(x, recsys__model_tensor(m, recsys__layer_name(name, "", L.n, "weight")), item, out);
}

/* ---- what it is called ---- */

static const param_schema dae_params[] = {
    { "encoder", RECSYS_PARAM_LIST, "420:69", 0, 65536, 0, NULL, "0.1", "widths of 1 to 4 layers, the last one is the code" },
    { "decoder", RECSYS_PARAM_LIST, "420", 0, 65536, 0, NULL, "0.1",
      "widths of 1 to 4 layers between the code and the output; 0: none" },
    { "activation", RECSYS_PARAM_CHOICE, "relu", 0, 0, 0, "relu|tanh|sigmoid|identity", "0.1", "of the hidden layers" },
    { "code_activation", RECSYS_PARAM_CHOICE, "identity", 0, 0, 0, "identity|relu|tanh|sigmoid", "0.1", "of the code" },
    { "mask", RECSYS_PARAM_F64, "0.1", 0, 0.99, 0, NULL, "0.1", "share of a row's interactions that training hides" },
    { "flip", RECSYS_PARAM_F64, "0", 0, 0.99, 0, NULL, "0.1", "share of the other items that training shows as interactions" },
    { "rescale", RECSYS_PARAM_BOOL, "0", 0, 1, 0, NULL, "0.1", "1: what is not hidden is divided by 1 - mask" },
    { "normalize", RECSYS_PARAM_CHOICE, "none", 0, 0, 0, "none|l2", "0.1", "of the input rows, before cells are hidden" },
    { "loss", RECSYS_PARAM_CHOICE, "bce", 0, 0, 0, "bce|mse|multinomial", "0.1",
      "binary cross-entropy or squared error of all items, or a softmax over them" },
};

#define DAE_LAYER(l)                                                       \
    { "layer" #l "_weight", "weights of layer " #l ", output x input", RECSYS_F32, 0, 0 }, \
    { "layer" #l "_bias", "bias of layer " #l, RECSYS_F32, 0, 0 }

static const tensor_kind dae_tensors[] = {
    { "layer1_weight", "a vector for each item of the input", RECSYS_F32, 0, 1 },
    { "layer1_bias", "bias of layer 1", RECSYS_F32, 0, 0 },
    DAE_LAYER(2), DAE_LAYER(3), DAE_LAYER(4), DAE_LAYER(5), DAE_LAYER(6), DAE_LAYER(7), DAE_LAYER(8), DAE_LAYER(9),
};

static const training_class training = {
    .sampling = sampling,
    .declare = declare,
    .floats_of_row = floats_of_row,
    .floats_beyond = floats_beyond,
    .loss = loss,
    .factors = factors_of,
};

const struct model_class recsys__dae = {
    .name = "dae",
    .summary = "a denoising autoencoder of users' rows, with the Mult-DAE's likelihood among its losses",
    .citation = "Vincent et al., Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008",
    .params = dae_params,
    .n_params = sizeof dae_params / sizeof *dae_params,
    .tensors = dae_tensors,
    .n_tensors = sizeof dae_tensors / sizeof *dae_tensors,
    .scores_by_history = BY_HISTORY,
    .training = &training,
    .check = recsys__check_declared,
    .ready = ready,
    .rank = recsys__factors_rank,
    .score = recsys__factors_score,
    .similarity = similarity,
};
