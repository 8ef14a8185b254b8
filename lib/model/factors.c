/* factors.c - lists, scores and rows of scores by inner products of vectors that are computed for each query.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/factors.h"

#include <math.h>

#include "backend/run.h"
#include "base/scratch.h"
#include "model/training.h"
#include "tensor/ops.h"

static recsys_status begin(recsys_exec *x, const recsys_model *m, const queries *q, factors *f, float *bias)
{
    tape *g;
    recsys_status status = recsys__scoring_tape(x, &g);
    if (status < 0)
        return status;
    *f = m->class->training->factors(g, m, q);
    *bias = 0.0f;
    status = recsys__tape_status(g);
    if (status >= 0 && tensor_columns(&f->users) != tensor_columns(&f->items))
        return recsys__fail(&x->error, RECSYS_ERR_INTERNAL, "%s: vectors of users and items have different widths",
                            m->class->name);
    if (status >= 0 && f->bias.data != NULL)
        status = recsys__download(x, bias, f->bias.data, sizeof *bias);
    return status;
}

static void add(float *scores, int64_t count, float bias)
{
    for (int64_t i = 0; i < count; i++)
        scores[i] += bias;
}

recsys_status recsys__factors_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    factors f;
    float bias;
    recsys_status status = begin(x, m, q, &f, &bias);
    if (status >= 0)
        status = recsys__dot_rank(x, tensor_columns(&f.users), f.users.data, f.items.data, to);
    if (status >= 0)
        add(to->scores, to->n_queries * to->k, bias);
    return status;
}

recsys_status recsys__factors_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    factors f;
    float bias;
    recsys_status status = begin(x, m, q, &f, &bias);
    if (status >= 0)
        status = recsys__dot_score(x, tensor_columns(&f.users), f.users.data, f.items.data, at);
    if (status >= 0)
        add(at->out, at->ptr != NULL ? at->ptr[at->n_queries] : at->n_queries * at->n_items, bias);
    return status;
}

recsys_status recsys__factors_score_rows(recsys_exec *x, const recsys_model *m, const queries *q, float *out)
{
    tape *g;
    recsys_status status = recsys__scoring_tape(x, &g);
    if (status < 0)
        return status;
    factors f = m->class->training->factors(g, m, q);
    tensor scores = op_matmul_nt(g, f.users, f.items);
    if (f.bias.data != NULL)
        scores = op_add(g, scores, f.bias);
    recsys__tape_copy_out(g, scores, out);
    return recsys__tape_status(g);
}

/* ---- a last layer as an inner product ---- */

recsys_status recsys__output_layer_ready(recsys_exec *x, recsys_model *m, const char *weight, const char *bias)
{
    tape *g;
    recsys_status status = recsys__scoring_tape(x, &g);
    if (status < 0)
        return status;
    return recsys__keep_cache(x, m, 0, g, op_concat(g, recsys__param(g, m, weight), recsys__param(g, m, bias)));
}

factors recsys__output_layer(tape *g, const recsys_model *m, tensor h)
{
    tensor one = op_affine(g, recsys__tape_zeros(g, tensor_rows(&h), 1), 0.0f, 1.0f);
    tensor users = op_concat(g, h, one);
    int64_t shape[] = { m->n_items, tensor_columns(&users) };
    return (factors){ .users = users, .items = recsys__tape_constant(g, m->cache[0], RECSYS_F32, 2, shape) };
}

/* ---- likeness ---- */

recsys_status recsys__cosine_similarity(recsys_exec *x, const model_tensor *table, int32_t item, float *out)
{
    int64_t n = table->shape[0], dim = table->shape[1];
    const float *data = table->data;
    float *row;
    scoring at = { .n_queries = 1, .n_items = n, .out = out };
    recsys_status status = recsys__scratch(x, SCRATCH_MODEL_A, n * dim, sizeof *row, &row);
    if (status >= 0)
        status = recsys__dot_score(x, dim, data + item * dim, data, &at);
    if (status >= 0)
        status = recsys__download(x, row, data, n * dim * (int64_t)sizeof *row);
    for (int64_t i = 0; status >= 0 && i < n; i++) {
        double own = 0.0, other = 0.0;
        for (int64_t d = 0; d < dim; d++) {
            own += (double)row[item * dim + d] * (double)row[item * dim + d];
            other += (double)row[i * dim + d] * (double)row[i * dim + d];
        }
        out[i] = own > 0.0 && other > 0.0 ? (float)((double)out[i] / sqrt(own * other)) : 0.0f;
    }
    return status;
}
