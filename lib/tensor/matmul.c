/* matmul.c - products of two dense arrays, plain and with one of them transposed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/matmul.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* op(A) op(B), with the record's rule if there is one. */
static tensor multiply(tape *g, tensor A, tensor B, int32_t transpose_a, int32_t transpose_b, gradient_rule rule)
{
    A = front_floats(g, A, "A");
    B = front_floats(g, B, "B");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    int64_t m = transpose_a ? tensor_columns(&A) : tensor_rows(&A), k = transpose_a ? tensor_rows(&A) : tensor_columns(&A);
    int64_t n = transpose_b ? tensor_rows(&B) : tensor_columns(&B), k_of_b = transpose_b ? tensor_columns(&B) : tensor_rows(&B);
    if (k != k_of_b)
        return front_mismatch(g, "A", A, "B", B,
                              transpose_a   ? ": A' B needs as many rows in both"
                              : transpose_b ? ": A B' needs as many columns in both"
                                            : ": A B needs as many columns in A as rows in B");
    tensor C = front_array(g, m, n);
    op_matmul o = { .op = { OP_MATMUL, sizeof o }, .m = m, .n = n, .k = k, .a = tensor_floats(&A), .b = tensor_floats(&B),
                    .transpose_a = transpose_a, .transpose_b = transpose_b, .c = tensor_floats(&C) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = rule, .operation = transpose_a ? "matmul_tn" : transpose_b ? "matmul_nt" : "matmul", .in = { A, B } };
    return recsys__tape_record(g, &r, 2, C);
}

/* C = A B: gA = gC B', gB = A' gC. */
static void gradient_nn(tape *g, const record *r, tensor gC)
{
    tensor A = r->in[0], B = r->in[1];
    if (front_leads_back(A)) recsys__tape_add_gradient(g, A, recsys__op_matmul_nt(g, gC, B));
    if (front_leads_back(B)) recsys__tape_add_gradient(g, B, recsys__op_matmul_tn(g, A, gC));
}

/* C = A B': gA = gC B, gB = gC' A. */
static void gradient_nt(tape *g, const record *r, tensor gC)
{
    tensor A = r->in[0], B = r->in[1];
    if (front_leads_back(A)) recsys__tape_add_gradient(g, A, recsys__op_matmul(g, gC, B));
    if (front_leads_back(B)) recsys__tape_add_gradient(g, B, recsys__op_matmul_tn(g, gC, A));
}

/* C = A' B: gA = B gC', gB = A gC. */
static void gradient_tn(tape *g, const record *r, tensor gC)
{
    tensor A = r->in[0], B = r->in[1];
    if (front_leads_back(A)) recsys__tape_add_gradient(g, A, recsys__op_matmul_nt(g, B, gC));
    if (front_leads_back(B)) recsys__tape_add_gradient(g, B, recsys__op_matmul(g, A, gC));
}

tensor recsys__op_matmul(tape *g, tensor A, tensor B)
{
    return multiply(g, A, B, 0, 0, gradient_nn);
}

tensor recsys__op_matmul_nt(tape *g, tensor A, tensor B)
{
    return multiply(g, A, B, 0, 1, gradient_nt);
}

tensor recsys__op_matmul_tn(tape *g, tensor A, tensor B)
{
    return multiply(g, A, B, 1, 0, gradient_tn);
}
