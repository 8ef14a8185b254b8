/* tape.c - the tape: leaves, records, and the walk back.
 *
 * Nodes are numbered from 1 in the order in which they come, so records are in topological order by themselves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tape.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/run.h"
#include "tensor/front.h"
#include "tensor/tape_inside.h"

/* ---- life ---- */

recsys_status recsys__tape_create(recsys_exec *x, tape **out)
{
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof **out, out);
    if (status < 0)
        return status;
    (*out)->x = x;
    (*out)->operation = "nothing";
    return RECSYS_OK;
}

void recsys__tape_free(tape *g)
{
    if (g == NULL)
        return;
    memory *account = g->x->memory;
    recsys__arena_free(g->x, &g->arena);
    recsys__free(account, g->records);
    recsys__free(account, g->gradient);
    recsys__free(account, g->aside);
    recsys__free(account, g->parameters);
    recsys__free(account, g);
}

void recsys__tape_reset(tape *g, uint64_t seed, uint64_t step)
{
    recsys__arena_reset(&g->arena);
    g->status = RECSYS_OK;
    g->seed = seed;
    g->step = step;
    g->n_records = 0;
    g->n_nodes = 0;
    g->one = (tensor){ 0 };
    for (int64_t p = 0; p < g->n_parameters; p++)
        g->parameters[p] = (parameter){ 0 };
}

void recsys__tape_mode(tape *g, int32_t recording, int32_t training)
{
    g->recording = recording;
    g->training = training;
}

void recsys__tape_before_read(tape *g, before_read hook, void *self)
{
    g->before = hook;
    g->before_self = self;
}

void recsys__tape_look(tape *g, look_rows hook, void *self)
{
    g->look = hook;
    g->look_self = self;
}

recsys_status recsys__tape_status(const tape *g) { return g->status; }
recsys_exec *recsys__tape_exec(tape *g) { return g->x; }
int32_t recsys__tape_training(const tape *g) { return g->training; }
uint64_t recsys__tape_seed(const tape *g) { return g->seed; }
uint64_t recsys__tape_step(const tape *g) { return g->step; }
int recsys__tape_failed(const tape *g) { return g->status < 0; }

/* ---- errors ---- */

tape *recsys__tape_at(tape *g, const char *file, int line, const char *operation)
{
    const char *slash = strrchr(file, '/');
    g->file = slash != NULL ? slash + 1 : file;
    g->line = line;
    g->operation = operation;
    return g;
}

/* Puts the place of the current call before a message that is already there. Who is stopped wants no place. */
static void stick(tape *g, recsys_status status)
{
    g->status = status;
    if (status != RECSYS_ERR_CANCELLED && g->file != NULL)
        recsys__fail(&g->x->error, status, "%s:%d op_%s: %s", g->file, g->line, g->operation, g->x->error.message);
}

tensor recsys__tape_fail(tape *g, recsys_status status, const char *format, ...)
{
    if (g->status < 0)
        return (tensor){ 0 };
    char message[sizeof g->x->error.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    recsys__fail(&g->x->error, status, "%s", message);
    stick(g, status);
    return (tensor){ 0 };
}

const char *recsys__shape_text(tensor t, char text[SHAPE_ROOM])
{
    int length = 0;
    text[0] = '\0';
    for (int32_t d = 0; d < t.rank && length >= 0 && length < SHAPE_ROOM; d++)
        length += snprintf(text + length, (size_t)(SHAPE_ROOM - length), "%s%lld", d > 0 ? " x " : "", (long long)t.shape[d]);
    return text;
}

/* ---- memory and running ---- */

void *recsys__tape_memory(tape *g, int64_t count, size_t size)
{
    void *block = NULL;
    if (g->status < 0)
        return NULL;
    recsys_status status = count < 0 || (size > 0 && count > INT64_MAX / (int64_t)size)
                               ? recsys__fail(&g->x->error, RECSYS_ERR_TOO_LARGE, "%lld elements of %zu bytes",
                                              (long long)count, size)
                               : recsys__arena_take(g->x, &g->arena, count * (int64_t)size, &block);
    if (status < 0)
        stick(g, status);
    return block;
}

void *recsys__tape_copy_in(tape *g, const void *host, int64_t count, size_t size)
{
    void *block = recsys__tape_memory(g, count, size);
    recsys_status status = block != NULL ? recsys__copy_in(g->x, block, host, count * (int64_t)size) : RECSYS_OK;
    if (status < 0)
        stick(g, status);
    return status < 0 ? NULL : block;
}

tensor recsys__tape_vector(tape *g, const void *host, int64_t count, int32_t dtype)
{
    const void *block = recsys__tape_copy_in(g, host, count, 4);
    return block == NULL ? (tensor){ 0 } : recsys__tape_constant(g, block, dtype, 1, &count);
}

tensor recsys__tape_new(tape *g, int32_t dtype, int32_t rank, const int64_t *shape)
{
    tensor t = { .dtype = dtype, .rank = rank, .shape = { 1, 1, 1, 1 } };
    memcpy(t.shape, shape, (size_t)rank * sizeof *shape);
    t.data = recsys__tape_memory(g, tensor_elements(&t), 4);
    return t.data != NULL ? t : (tensor){ 0 };
}

tensor recsys__tape_floats(tape *g, int64_t rows, int64_t columns)
{
    return recsys__tape_new(g, RECSYS_F32, columns > 0 ? 2 : 1, (int64_t[]){ rows, columns });
}

tensor recsys__tape_zeros(tape *g, int64_t rows, int64_t columns)
{
    tensor t = recsys__tape_floats(g, rows, columns);
    if (t.data == NULL)
        return t;
    recsys_status status = recsys__device_fill(g->x, t.data, 0, tensor_elements(&t) * (int64_t)sizeof(float));
    if (status < 0)
        stick(g, status);
    return t;
}

void recsys__tape_run(tape *g, const op *o)
{
    if (g->status < 0)
        return;
    recsys_status status = recsys__run(g->x, o);
    if (status < 0)
        stick(g, status);
}

/* ---- leaves ---- */

/* Room for element `count` in a host array, doubled when it is full. */
static recsys_status grow(tape *g, int64_t count, size_t size, int64_t *room, void *array)
{
    if (count < *room)
        return RECSYS_OK;
    int64_t wanted = *room < 32 ? 64 : 2 * *room;
    recsys_status status = recsys__resize(g->x->memory, &g->x->error, wanted, size, array);
    if (status >= 0)
        *room = wanted;
    return status;
}

/* A new node; 0 on failure. */
static int32_t new_node(tape *g)
{
    int64_t room = g->node_room;
    recsys_status status = g->status < 0 ? g->status : grow(g, g->n_nodes + 1, sizeof(tensor), &room, &g->gradient);
    if (status >= 0) {
        room = g->node_room;
        status = grow(g, g->n_nodes + 1, sizeof(tensor), &room, &g->aside);
    }
    if (status < 0) {
        if (g->status >= 0)
            stick(g, status);
        return 0;
    }
    g->node_room = room;
    g->n_nodes++;
    g->gradient[g->n_nodes] = g->aside[g->n_nodes] = (tensor){ 0 };
    return g->n_nodes;
}

static tensor leaf(const void *data, int32_t dtype, int32_t rank, const int64_t *shape, int32_t node)
{
    tensor t = { .data = (void *)(uintptr_t)data, .dtype = dtype, .rank = rank, .shape = { 1, 1, 1, 1 }, .node = node };
    memcpy(t.shape, shape, (size_t)rank * sizeof *shape);
    return t;
}

tensor recsys__tape_parameter(tape *g, int64_t index, const char *name, float *data, int32_t rank, const int64_t *shape)
{
    if (g->status < 0)
        return (tensor){ 0 };
    if (index >= g->n_parameters) {
        recsys_status status = recsys__resize(g->x->memory, &g->x->error, index + 1, sizeof *g->parameters, &g->parameters);
        if (status < 0) {
            stick(g, status);
            return (tensor){ 0 };
        }
        for (; g->n_parameters <= index; g->n_parameters++)
            g->parameters[g->n_parameters] = (parameter){ 0 };
    }
    parameter *p = &g->parameters[index];
    if (p->tensor.node == 0) {
        p->name = name;
        p->tensor = leaf(data, RECSYS_F32, rank, shape, new_node(g));
    }
    return g->status < 0 ? (tensor){ 0 } : p->tensor;
}

tensor recsys__tape_constant(tape *g, const void *data, int32_t dtype, int32_t rank, const int64_t *shape)
{
    return g->status < 0 ? (tensor){ 0 } : leaf(data, dtype, rank, shape, 0);
}

tensor recsys__tape_input(tape *g, const float *data, int32_t rank, const int64_t *shape)
{
    int32_t node = new_node(g);
    return node == 0 ? (tensor){ 0 } : leaf(data, RECSYS_F32, rank, shape, node);
}

tensor recsys__tape_detach(tensor t)
{
    t.node = 0;
    return t;
}

/* ---- records ---- */

int recsys__tape_wants(const tape *g, tensor t)
{
    return g->recording && t.node != 0;
}

tensor recsys__tape_record(tape *g, const record *r, int32_t n_inputs, tensor out)
{
    int wanted = 0;
    for (int32_t i = 0; i < n_inputs; i++)
        wanted |= recsys__tape_wants(g, r->in[i]);
    if (g->status < 0)
        return (tensor){ 0 };
    out.node = 0;
    if (!wanted)
        return out;
    recsys_status status = grow(g, g->n_records, sizeof *g->records, &g->record_room, &g->records);
    if (status < 0) {
        stick(g, status);
        return (tensor){ 0 };
    }
    out.node = new_node(g);
    if (out.node == 0)
        return (tensor){ 0 };
    record *own = &g->records[g->n_records++];
    *own = *r;
    own->output = out.node;
    own->file = g->file;
    own->line = g->line;
    return out;
}

/* ---- backward ---- */

static tensor *slots(tape *g)
{
    return g->is_aside ? g->aside : g->gradient;
}

void recsys__tape_add_gradient(tape *g, tensor in, tensor gradient)
{
    if (g->status < 0 || in.node == 0 || gradient.data == NULL)
        return;
    if (tensor_elements(&in) != tensor_elements(&gradient)) {
        char a[SHAPE_ROOM], b[SHAPE_ROOM];
        recsys__tape_fail(g, RECSYS_ERR_INTERNAL, "a gradient of %s for a tensor of %s", recsys__shape_text(gradient, a),
                          recsys__shape_text(in, b));
        return;
    }
    tensor *at = &slots(g)[in.node];
    memcpy(gradient.shape, in.shape, sizeof in.shape);
    gradient.rank = in.rank;
    gradient.node = 0;
    if (at->data == NULL)
        *at = gradient;
    else
        slots(g)[in.node] = recsys__op_add(g, *at, gradient);
}

int recsys__tape_is_one(const tape *g, tensor gy)
{
    return gy.data != NULL && gy.data == g->one.data;
}

static void walk_back(tape *g, tensor loss)
{
    int32_t recording = g->recording;
    if (g->status < 0)
        return;
    if (loss.node == 0 || tensor_elements(&loss) != 1) {
        char text[SHAPE_ROOM];
        recsys__tape_fail(g, RECSYS_ERR_INTERNAL,
                          "backward starts from one number that was computed from parameters, not from %s",
                          recsys__shape_text(loss, text));
        return;
    }
    g->recording = 0;
    if (g->one.data == NULL) {
        const float one = 1.0f;
        g->one = recsys__tape_vector(g, &one, 1, RECSYS_F32);
    }
    for (int32_t n = 1; n <= g->n_nodes; n++)
        slots(g)[n] = (tensor){ 0 };
    if (g->status >= 0)
        slots(g)[loss.node] = g->one;
    for (int64_t r = g->n_records - 1; r >= 0 && g->status >= 0; r--) {
        const record *at = &g->records[r];
        tensor gy = slots(g)[at->output];
        if (gy.data == NULL)
            continue;
        g->file = at->file;
        g->line = at->line;
        g->operation = at->operation;
        at->rule(g, at, gy);
    }
    g->recording = recording;
}

void recsys__tape_backward(tape *g, tensor loss)
{
    for (int64_t p = 0; p < g->n_parameters; p++)
        g->parameters[p].n_rows_gradients = 0;
    walk_back(g, loss);
}

tensor recsys__tape_gradient(tape *g, tensor of)
{
    return g->status < 0 || of.node == 0 ? (tensor){ 0 } : g->gradient[of.node];
}

tensor recsys__tape_gradient_of(tape *g, tensor y, tensor x)
{
    g->is_aside = 1;
    walk_back(g, y);
    g->is_aside = 0;
    return g->status < 0 || x.node == 0 ? (tensor){ 0 } : recsys__tape_detach(g->aside[x.node]);
}
