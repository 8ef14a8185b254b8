/* linear.c - the linear kernel: tiles of X W' that get their b and f while they are in the cache.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/linear.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/map_rows.h"
#include "kernels/cpu/product.h"

typedef struct finishing {
    const op_linear *o;
    map_fn map;
} finishing;

static void add_and_map(const void *data, const product_tile *t)
{
    const finishing *w = data;
    const op_linear *o = w->o;
    const float *b = o->b ? o->b + t->column : NULL;
    int whole = t->columns == o->width; /* then the rows follow each other and f takes them in one go */
    float *first = o->y + t->row * o->width + t->column;
    for (int64_t r = 0; r < t->rows; r++) {
        float *y = first + r * o->width;
        if (b)
            for (int64_t h = 0; h < t->columns; h++) y[h] += b[h];
        if (!whole) w->map(o->f, y, y, t->columns);
    }
    if (whole) w->map(o->f, first, first, t->rows * t->columns);
}

static product product_of(const op_linear *o)
{
    return (product){ .m = o->rows, .n = o->width, .k = o->dim, .a = o->x, .b = o->w, .transpose_b = 1, .c = o->y };
}

size_t recsys__cpu_linear_workspace(const op_linear *o, int32_t threads)
{
    (void)threads;
    product p = product_of(o);
    return recsys__cpu_product_workspace(&p);
}

recsys_status recsys__cpu_linear(op_context *c, const op_linear *o)
{
    finishing w = { .o = o, .map = recsys__cpu_map_fn(c->simd) };
    product p = product_of(o);
    p.finish = add_and_map;
    p.data = &w;
    return recsys__cpu_product(c, &p);
}
