/* corrupt_rows.c - op_corrupt_rows: the rows that a denoising autoencoder is shown. A: B x I.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/corrupt_rows.h"

#include "backend/op/dropout.h"
#include "backend/run.h"
#include "base/random.h"
#include "tensor/ops.h"

static uint32_t stream_of(uint32_t place)
{
    return RANDOM_DROPOUT + DROPOUT_STREAMS * place;
}

/* Flips change how many entries there are: they are counted, and the host asks for the count. */
static sparse with_flips(tape *g, const sparse *A, op_corrupt_rows *o)
{
    recsys_exec *x = recsys__tape_exec(g);
    sparse Y = { .n_rows = A->n_rows, .n_columns = A->n_columns };
    o->out_ptr = recsys__tape_memory(g, A->n_rows + 1, sizeof *o->out_ptr);
    recsys__tape_run(g, &o->op);
    if (recsys__tape_failed(g)) return (sparse){ 0 };
    recsys_status status = recsys__download(x, &Y.n_entries, o->out_ptr + A->n_rows, sizeof Y.n_entries);
    if (status < 0) {
        recsys__tape_fail(g, status, "%s", x->error.message);
        return (sparse){ 0 };
    }
    o->out_column = recsys__tape_memory(g, Y.n_entries + 1, sizeof *o->out_column); /* + 1: not NULL without entries */
    o->out_value = recsys__tape_memory(g, Y.n_entries + 1, sizeof *o->out_value);
    recsys__tape_run(g, &o->op);
    Y.row_ptr = o->out_ptr, Y.column = o->out_column, Y.value = o->out_value;
    return Y;
}

sparse recsys__op_corrupt_rows(tape *g, const sparse *A, const row_noise *noise)
{
    const int trains = recsys__tape_training(g);
    const double mask = trains ? noise->mask : 0.0, flip = trains ? noise->flip : 0.0;
    if (recsys__tape_failed(g)) return (sparse){ 0 };
    if (!(noise->mask >= 0.0 && noise->mask < 1.0 && noise->flip >= 0.0 && noise->flip < 1.0)) {
        recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "mask and flip must be at least 0 and below 1");
        return (sparse){ 0 };
    }
    if (mask == 0.0 && flip == 0.0 && !noise->normalize) {
        sparse same = *A;
        same.value = NULL;
        return same;
    }
    op_corrupt_rows o = { .op = { OP_CORRUPT_ROWS, sizeof o }, .n_rows = A->n_rows, .n_columns = A->n_columns,
                          .row_ptr = A->row_ptr,
                          .column = A->column, .seed = recsys__tape_seed(g), .step = recsys__tape_step(g),
                          .mask_stream = stream_of(noise->place), .flip_stream = stream_of(noise->place + 1), .mask = mask,
                          .flip = flip, .kept = noise->rescale ? (float)(1.0 / (1.0 - mask)) : 1.0f,
                          .normalize = noise->normalize };
    if (flip > 0.0) return with_flips(g, A, &o);
    sparse Y = *A;
    Y.transposed = NULL;
    o.out_value = recsys__tape_memory(g, A->n_entries, sizeof *o.out_value);
    recsys__tape_run(g, &o.op);
    Y.value = o.out_value;
    return recsys__tape_failed(g) ? (sparse){ 0 } : Y;
}
