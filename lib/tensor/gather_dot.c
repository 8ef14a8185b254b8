/* gather_dot.c - op_gather_dot: the logits of a factor model straight from its tables. B samples, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gather_dot.h"

#include "backend/op/gather_dot_gradient.h"
#include "tensor/front.h"
#include "tensor/scatter_rows.h"

static void gather_dot_gradient(tape *g, const record *r, tensor gy);

/* Inputs of the record, and what it saves. */
enum { IN_P, IN_Q, IN_H, IN_C, INPUTS };
enum { SAVED_P, SAVED_Q, SAVED_H };

static tensor fail_shapes(tape *g, tensor P, tensor users, tensor Q, tensor items, tensor h, tensor c)
{
    char t[6][SHAPE_ROOM];
    return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "tables of %s and %s at rows of %s and %s with h of %s and c of %s",
                             recsys__shape_text(P, t[0]), recsys__shape_text(Q, t[1]), recsys__shape_text(users, t[2]),
                             recsys__shape_text(items, t[3]), recsys__shape_text(h, t[4]),
                             c.data ? recsys__shape_text(c, t[5]) : "nothing");
}

static int shapes_fit(tensor P, tensor users, tensor Q, tensor items, tensor h, tensor c)
{
    int64_t D = P.shape[1];
    return P.rank == 2 && Q.rank == 2 && Q.shape[1] == D && users.rank == 1 && items.rank == 1 &&
           users.shape[0] == items.shape[0] && tensor_elements(&h) == D && (!c.data || tensor_elements(&c) == 1);
}

/* Room for what the gradient needs: the rows that are read, and h, which an optimizer may change before that. */
static void save(tape *g, record *r, int64_t B, int64_t D)
{
    r->saved[SAVED_P] = front_array(g, B, D);
    r->saved[SAVED_Q] = front_array(g, B, D);
    r->saved[SAVED_H] = recsys__tape_floats(g, D, 0);
}

tensor recsys__op_gather_dot(tape *g, tensor P, tensor users, tensor Q, tensor items, tensor h, tensor c)
{
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (!P.data || !users.data || !Q.data || !items.data || !h.data)
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "c alone may be the empty tensor");
    if (users.dtype != RECSYS_I32 || items.dtype != RECSYS_I32 || P.dtype != RECSYS_F32 || Q.dtype != RECSYS_F32)
        return recsys__tape_fail(g, RECSYS_ERR_TYPE, "row numbers must be int32 and tables float32");
    if (!shapes_fit(P, users, Q, items, h, c)) return fail_shapes(g, P, users, Q, items, h, c);
    record r = { .rule = gather_dot_gradient, .operation = "gather_dot", .in = { P, Q, h, c } };
    int wanted = 0;
    for (int i = 0; i < INPUTS; i++) wanted |= recsys__tape_wants(g, r.in[i]);
    tensor tables[2] = { P, Q }, rows[2] = { users, items };
    int by_rows = recsys__tape_wants(g, P) || recsys__tape_wants(g, Q);
    recsys__tape_index(g, 2, tables, rows, by_rows ? r.index : NULL);
    h = front_floats(g, h, "h");
    if (c.data) c = front_floats(g, c, "c");
    int64_t B = tensor_rows(&users), D = P.shape[1];
    if (wanted) save(g, &r, B, D);
    tensor out = recsys__tape_floats(g, B, 0);
    op_gather_dot o = { .op = { OP_GATHER_DOT, sizeof o }, .count = B, .dim = D, .p = tensor_floats(&tables[0]),
                        .q = tensor_floats(&tables[1]), .user = tensor_ints(&rows[0]), .item = tensor_ints(&rows[1]),
                        .h = tensor_floats(&h), .c = tensor_floats(&c), .out = tensor_floats(&out),
                        .p_rows = tensor_floats(&r.saved[SAVED_P]), .q_rows = tensor_floats(&r.saved[SAVED_Q]),
                        .h_copy = tensor_floats(&r.saved[SAVED_H]) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_record(g, &r, INPUTS, out);
}

/* gP_u = h * sum of gy_b Q[item_b] over the samples of user u, gQ the same with P; gh and gc are sums over the batch. */
static void gather_dot_gradient(tape *g, const record *r, tensor gy)
{
    const tensor *in = r->in, *saved = r->saved;
    if (in[IN_H].node != 0 || in[IN_C].node != 0) {
        tensor gh = recsys__tape_new(g, RECSYS_F32, in[IN_H].rank, in[IN_H].shape), gc = recsys__tape_floats(g, 1, 0);
        op_gather_dot_gradient o = { .op = { OP_GATHER_DOT_GRADIENT, sizeof o }, .count = tensor_rows(&gy),
                                     .dim = saved[SAVED_P].shape[1], .gy = tensor_floats(&gy),
                                     .p_rows = tensor_floats(&saved[SAVED_P]), .q_rows = tensor_floats(&saved[SAVED_Q]),
                                     .gh = tensor_floats(&gh), .gc = tensor_floats(&gc) };
        recsys__tape_run(g, &o.op);
        if (recsys__tape_failed(g)) return;
        recsys__tape_add_gradient(g, in[IN_H], gh);
        recsys__tape_add_gradient(g, in[IN_C], gc);
    }
    row_gradient p = { .index = r->index[0], .source = tensor_floats(&saved[SAVED_Q]), .weight = tensor_floats(&gy),
                       .scale = tensor_floats(&saved[SAVED_H]) };
    row_gradient q = p;
    q.index = r->index[1];
    q.source = tensor_floats(&saved[SAVED_P]);
    recsys__add_row_gradient(g, in[IN_P], &p);
    recsys__add_row_gradient(g, in[IN_Q], &q);
}
