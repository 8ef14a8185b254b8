/* parameters.c - the parameters of models that are trained by steps: declared, filled, checked, found.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/run.h"
#include "base/parallel.h"
#include "base/random.h"
#include "model/training.h"
#include "tensor/ops.h"

enum { DRAWS_AT_ONCE = 1 << 16 };

beginning recsys__xavier(int64_t in, int64_t out)
{
    return (beginning){ BEGIN_UNIFORM, sqrt(6.0 / (double)(in + out)) };
}

beginning recsys__kaiming(int64_t in)
{
    return (beginning){ BEGIN_UNIFORM, sqrt(3.0 / (double)in) };
}

/* ---- the numbers it begins with ---- */

typedef struct draws {
    float *out;
    beginning b;
    uint64_t seed;
    uint32_t place;
    int64_t first;
} draws;

static double unit(uint32_t bits)
{
    return ((double)bits + 0.5) * 0x1p-32;
}

/* Two normal numbers of each four words, by Box and Muller; or one uniform number of two words. */
static void draw(void *data, int64_t begin, int64_t end, int32_t thread)
{
    draws *d = data;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        uint32_t w[4];
        recsys__random4(d->seed, RANDOM_INIT, d->place, (uint64_t)(d->first + i), w);
        if (d->b.kind == BEGIN_NORMAL)
            d->out[i] = (float)(d->b.scale * sqrt(-2.0 * log(unit(w[0]))) * cos(6.283185307179586 * unit(w[1])));
        else
            d->out[i] = (float)(d->b.scale * (d->b.kind == BEGIN_POSITIVE ? unit(w[0]) : 2.0 * unit(w[0]) - 1.0));
    }
}

static recsys_status fill(recsys_exec *x, float *device, int64_t count, int32_t place, beginning b)
{
    if (b.kind == BEGIN_ZERO)
        return recsys__device_fill(x, device, 0, count * (int64_t)sizeof *device);
    int64_t room = count < DRAWS_AT_ONCE ? count : DRAWS_AT_ONCE;
    draws d = { .b = b, .seed = x->seed, .place = (uint32_t)place };
    recsys_status status = recsys__alloc(x->memory, &x->error, room, sizeof *d.out, &d.out);
    for (d.first = 0; d.first < count && status >= 0; d.first += room) {
        int64_t n = count - d.first < room ? count - d.first : room;
        recsys__parallel_for(x, n, 4096, draw, &d);
        status = recsys__copy_in(x, device + d.first, d.out, n * (int64_t)sizeof *d.out);
    }
    recsys__free(x->memory, d.out);
    return status;
}

/* ---- declaring ---- */

static recsys_status make(declaration *d, const tensor_kind *kind, int64_t rows, int64_t columns, beginning b)
{
    recsys_exec *x = d->x;
    int64_t count = columns > 0 ? rows * columns : rows;
    float *device;
    recsys_status status = recsys__device_alloc(x, count, sizeof *device, &device);
    if (status >= 0)
        status = fill(x, device, count, (int32_t)(kind - d->class->tensors), b);
    if (status >= 0)
        status = recsys__model_new_tensor(x, d->m, kind->name, columns > 0 ? 2 : 1,
                                          (int64_t[]){ rows, columns > 0 ? columns : 1 }, device);
    if (status < 0)
        recsys__device_free(x->backend, x->memory, device);
    return status;
}

/* Whoever reads a tensor takes its rows and columns from its shape, so the number of dimensions counts too. */
static recsys_status compare(declaration *d, const char *name, int64_t rows, int64_t columns)
{
    const model_tensor *t = recsys__model_tensor(d->against, name);
    int64_t width = columns > 0 ? columns : 1;
    if (t == NULL)
        return recsys__fail(&d->x->error, RECSYS_ERR_FILE_FORMAT, "%s: tensor %s is missing", d->class->name, name);
    if (t->rank != (columns > 0 ? 2 : 1))
        return recsys__fail(&d->x->error, RECSYS_ERR_FILE_FORMAT, "%s: tensor %s has %d dimensions, and %d are needed",
                            d->class->name, name, (int)t->rank, columns > 0 ? 2 : 1);
    if (t->shape[0] != rows || recsys__tensor_elements(t) != rows * width)
        return recsys__fail(&d->x->error, RECSYS_ERR_FILE_FORMAT, "%s: tensor %s is %lld x %lld, and %lld x %lld is needed",
                            d->class->name, name, (long long)t->shape[0], (long long)t->shape[1], (long long)rows,
                            (long long)width);
    return RECSYS_OK;
}

void recsys__declare(declaration *d, const char *name, int64_t rows, int64_t columns, beginning b)
{
    if (d->status < 0)
        return;
    const tensor_kind *kind = recsys__tensor_kind(d->class, name);
    int64_t width = columns > 0 ? columns : 1;
    if (kind == NULL) {
        d->status = recsys__fail(&d->x->error, RECSYS_ERR_INTERNAL, "%s declares %s, which its class does not list",
                                 d->class->name, name);
    } else if (rows < 1 || width > INT64_MAX / 8 / rows) {
        d->status = recsys__fail(&d->x->error, RECSYS_ERR_TOO_LARGE, "%s: %s would be %lld x %lld", d->class->name, name,
                                 (long long)rows, (long long)width);
    } else {
        d->floats += rows * width;
        d->table_floats += kind->by_rows ? rows * width : 0;
        d->table_rows += kind->by_rows ? rows : 0;
        if (d->against != NULL)
            d->status = compare(d, name, rows, columns);
        else if (d->m != NULL)
            d->status = make(d, kind, rows, columns, b);
    }
}

const char *recsys__layer_name(char name[LAYER_NAME_ROOM], const char *prefix, int64_t layer, const char *what)
{
    snprintf(name, LAYER_NAME_ROOM, "%slayer%d_%s", prefix, (int)layer, what);
    return name;
}

void recsys__declare_layer(declaration *d, const char *prefix, int64_t layer, int64_t in, int64_t out, beginning weight,
                           beginning bias)
{
    char name[LAYER_NAME_ROOM];
    recsys__declare(d, recsys__layer_name(name, prefix, layer, "weight"), out, in, weight);
    recsys__declare(d, recsys__layer_name(name, prefix, layer, "bias"), out, 0, bias);
}

recsys_status recsys__check_declared(recsys_exec *x, const recsys_model *m)
{
    const model_tensor *of_users = recsys__model_tensor(m, "user_feature_weight"),
        *of_items = recsys__model_tensor(m, "item_feature_weight");
    declaration d = { .x = x, .against = m, .class = m->class, .params = m->params, .n_users = m->n_users,
                      .n_items = m->n_items,
                      .n_user_features = of_users != NULL ? of_users->shape[0] : 0,
                      .n_item_features = of_items != NULL ? of_items->shape[0] : 0 };
    m->class->training->declare(&d);
    return d.status;
}

recsys_status recsys__copy_parameter(recsys_exec *x, recsys_model *to, const char *name, const recsys_model *from,
                                     const char *from_name)
{
    const model_tensor *a = recsys__model_tensor(to, name), *b = recsys__model_tensor(from, from_name);
    if (a == NULL || b == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s cannot start from this %s: it has no %s",
                            to->class->name, from->class->name, from_name);
    if (memcmp(a->shape, b->shape, sizeof a->shape) != 0)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "%s cannot start from this %s: its %s is %lld x %lld, and %lld x %lld is needed", to->class->name,
                            from->class->name, from_name, (long long)b->shape[0], (long long)b->shape[1],
                            (long long)a->shape[0], (long long)a->shape[1]);
    return recsys__device_copy(x, b->data, a->data, recsys__tensor_elements(a));
}

/* ---- on the tape ---- */

tensor recsys__param(tape *g, const recsys_model *m, const char *name)
{
    for (int64_t t = 0; t < m->tensors.count; t++) {
        const model_tensor *at = &m->tensors.at[t];
        if (strcmp(at->name, name) == 0)
            return recsys__tape_parameter(g, t, at->name, at->data, at->rank, at->shape);
    }
    return recsys__tape_fail(g, RECSYS_ERR_INTERNAL, "%s has no parameter %s", m->class->name, name);
}

tensor recsys__layer_param(tape *g, const recsys_model *m, const char *prefix, int64_t layer, const char *what)
{
    char name[LAYER_NAME_ROOM];
    return recsys__param(g, m, recsys__layer_name(name, prefix, layer, what));
}
