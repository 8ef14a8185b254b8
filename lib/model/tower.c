/* tower.c - the MLP of neural collaborative filtering: training and scoring.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/tower.h"

#include "tensor/ops.h"

int64_t recsys__tower_width(const recsys_params *p)
{
    return recsys__param_i64(p, "dim") << (recsys__param_i64(p, "layers") - 1);
}

/* About nine times the width of the first input; measured. */
int64_t recsys__tower_floats(const recsys_params *p)
{
    return 18 * recsys__tower_width(p);
}

void recsys__tower_declare(declaration *d, const tower *t)
{
    const beginning normal = { BEGIN_NORMAL, 0.01 }, zero = { BEGIN_ZERO, 0 };
    int64_t E = recsys__tower_width(d->params), in = 2 * E;
    recsys__declare(d, t->user_table, d->n_users, E, normal);
    recsys__declare(d, t->item_table, d->n_items, E, normal);
    for (int64_t l = 1; l <= recsys__param_i64(d->params, "layers"); l++, in /= 2) {
        recsys__declare_layer(d, "", l, in, in / 2, recsys__xavier(in, in / 2), zero);
    }
}

/* z_0 = [p_u ; e_i], z_l = relu(W_l dropout(z_l-1) + b_l). */
tensor recsys__tower(tape *g, const recsys_model *m, const tower *t, tensor users, tensor items)
{
    float dropout = (float)recsys__param_f64(m->params, "dropout");
    tensor z = op_concat(g, op_lookup(g, recsys__param(g, m, t->user_table), users),
                         op_lookup(g, recsys__param(g, m, t->item_table), items));
    for (int64_t l = 1; l <= recsys__param_i64(m->params, "layers"); l++) {
        tensor W = recsys__layer_param(g, m, "", l, "weight"), b = recsys__layer_param(g, m, "", l, "bias");
        z = op_linear(g, op_dropout(g, z, dropout, (uint32_t)l), W, b, FN_RELU);
    }
    return z;
}

/* ---- scoring ---- */

/* The first layer's weights for users (side 0) or items (side 1).  H1 x E */
static tensor half_of_first(tape *g, const recsys_model *m, int64_t side)
{
    int64_t E = recsys__tower_width(m->params);
    return op_columns(g, recsys__param(g, m, "layer1_weight"), side * E, E);
}

recsys_status recsys__tower_ready(recsys_exec *x, recsys_model *m, const tower *t)
{
    tape *g;
    recsys_status status = recsys__scoring_tape(x, &g);
    if (status < 0)
        return status;
    return recsys__keep_cache(x, m, 0, g, op_matmul_nt(g, recsys__param(g, m, t->item_table), half_of_first(g, m, 1)));
}

pair_net recsys__tower_net(tape *g, const recsys_model *m, const tower *t, tensor users)
{
    pair_net net = { .n_layers = recsys__param_i64(m->params, "layers"), .item_half = m->cache[0] };
    tensor p = op_lookup(g, recsys__param(g, m, t->user_table), users);
    net.query_half = op_linear(g, p, half_of_first(g, m, 0), recsys__param(g, m, "layer1_bias"), FN_IDENTITY).data;
    for (int64_t l = 1; l <= net.n_layers; l++) {
        tensor W = recsys__layer_param(g, m, "", l, "weight");
        net.widths[l - 1] = tensor_rows(&W);
        net.weights[l - 1] = W.data;
        net.biases[l - 1] = recsys__layer_param(g, m, "", l, "bias").data;
    }
    return net;
}
