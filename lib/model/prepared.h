/* prepared.h - what a model makes of the training data once and reads at each step: a graph, for example.
 *
 * The first member of the model's own struct. Copies of the model that validation makes share it. Reference-counted; it is no
 * part of a model's file, and a trained model lets go of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PREPARED_H
#define MODEL_PREPARED_H

#include <stdatomic.h>
#include <stddef.h>

typedef struct prepared {
    atomic_int refs;
    void (*destroy)(struct prepared *self); /* frees it; its own struct knows backend and memory account */
} prepared;

static inline void recsys__prepared_begin(prepared *p, void (*destroy)(prepared *self))
{
    atomic_init(&p->refs, 1);
    p->destroy = destroy;
}

static inline prepared *recsys__prepared_retain(prepared *p)
{
    if (p != NULL)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

static inline void recsys__prepared_release(prepared *p) /* NULL is allowed */
{
    if (p != NULL && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        p->destroy(p);
}

#endif
