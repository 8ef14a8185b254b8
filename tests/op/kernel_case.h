/* kernel_case.h - what the tests of the item-weight kernels share: running a descriptor, random matrices and histories.
 *
 * Oracles are plain loops in double, or in float where a contract fixes the bits, over full n x n arrays; none of them
 * calls into the library. Everything random is a pure function of a seed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_KERNEL_CASE_H
#define TESTS_OP_KERNEL_CASE_H

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/mirror.h"
#include "support/support.h"

#include "backend/backend.h"
#include "backend/item_weights.h"
#include "backend/op/rank.h"
#include "base/exec.h"

/* Half the distance from 1 to the next float: the relative error of one rounding. */
#define ROUNDING 0x1p-24

static const int32_t case_threads[] = { 1, 2, 3, 8 };
enum { CASE_THREADS = 4, CASE_RUNGS = 3 };

/* Numbers of threads and rungs that make a difference, and questions whether to stop that a kernel asks at least: on a device one
 * of each. */
static inline int case_thread_counts(void)
{
    return getenv("RECSYS_TEST_DEVICE") ? 1 : CASE_THREADS;
}

static inline int32_t case_rungs(void)
{
    return getenv("RECSYS_TEST_DEVICE") ? 1 : CASE_RUNGS;
}

static inline int64_t case_questions(int64_t on_processor)
{
    return getenv("RECSYS_TEST_DEVICE") ? 1 : on_processor;
}

/* ---- running ---- */

/* A host that counts, and cancels at the n-th question. */
typedef struct case_host {
    atomic_llong questions;
    int64_t cancel_at; /* 0: never */
    int64_t done;
    int wrong; /* progress went backwards, past its total, or came from another thread */
    pthread_t caller;
} case_host;

static inline int case_cancelled(void *data)
{
    case_host *h = data;
    return atomic_fetch_add(&h->questions, 1) + 1 >= h->cancel_at && h->cancel_at > 0;
}

static inline recsys_status case_progress(void *data, int64_t done, int64_t total)
{
    case_host *h = data;
    h->wrong |= done < h->done || done > total || !pthread_equal(h->caller, pthread_self());
    h->done = done;
    return RECSYS_OK;
}

/* Runs a descriptor with a workspace of just the size asked for, full of NaN; the words of an error go to `e`. */
static inline recsys_status case_run(const fixture *f, const op *o, int32_t threads, int32_t simd, int64_t cancel_at,
                                     error *e)
{
    backend *b = f->exec->backend;
    case_host host = { .cancel_at = cancel_at, .caller = pthread_self() };
    memset(e, 0, sizeof *e);
    recsys_status s = b->supports(b->self, e, o);
    if (s) return s;
    size_t bytes = b->workspace(b->self, o, threads);
    char *room = malloc(bytes + 128), *workspace = room + (64 - (uintptr_t)room % 64) % 64;
    assert_non_null(room);
    memset(room, 0xff, bytes + 128);
    op_context c = { .struct_size = sizeof c, .threads = threads, .simd = simd, .memory = f->exec->memory,
                     .workspace = workspace, .workspace_bytes = bytes, .error = e, .host = &host,
                     .cancelled = case_cancelled, .progress = case_progress, .queue = f->exec->queue };
    s = b->queue_open ? mirror_run(f->exec, &c, o) : b->run(b->self, &c, o);
    for (size_t past = 0; past < 32; past++) assert_int_equal((unsigned char)workspace[bytes + past], 0xff);
    free(room);
    assert_false(host.wrong);
    assert_int_equal(e->status, s);
    return s;
}

/* The same where success is expected. */
static inline void case_expect(const fixture *f, const op *o, int32_t threads, int32_t simd)
{
    error e;
    if (case_run(f, o, threads, simd, 0, &e)) fail_msg("%s: %s", recsys__op_name(o->number), e.message);
}

/* ---- arrays ---- */

static inline void *case_array(int64_t count, size_t size)
{
    void *p = NULL;
    size_t bytes = ((size_t)count * size + 64) / 64 * 64;
    assert_int_equal(posix_memalign(&p, 64, bytes), 0);
    memset(p, 0xff, bytes);
    mirror_know(p, bytes);
    return p;
}

static inline void case_free(void *p)
{
    mirror_forget(p);
    free(p);
}
#define free(p) case_free(p)

static inline float *case_floats(int64_t count)
{
    return case_array(count, sizeof(float));
}

static inline void case_same_floats(const float *a, const float *b, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0)
            fail_msg("%s: element %lld is %a, want %a", what, (long long)i, (double)a[i], (double)b[i]);
}

/* A full symmetric matrix with a positive diagonal. `steps` > 0: elements are multiples of 1 / steps, full of ties. */
static inline float *case_symmetric(int64_t n, int steps, uint64_t seed)
{
    float *p = case_floats(n * n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double value = 2.0 * test_random_unit(&seed) - 1.0;
            if (steps > 0) value = floor(value * steps) / steps;
            if (i == j) value = 1.0 + fabs(value);
            p[i * n + j] = p[j * n + i] = (float)value;
        }
    return p;
}

/* The same in serving layout, from the words of backend/symmetric.h. */
static inline float *case_serving(const float *full, int64_t n)
{
    int64_t strips = (n + 3) / 4, at = 0;
    float *data = case_floats(8 * strips * (strips + 1));
    for (int64_t a = 0; a < strips; a++)
        for (int64_t b = 0; b <= a; b++)
            for (int64_t r = 0; r < 4; r++)
                for (int64_t c = 0; c < 4; c++, at++) {
                    int64_t i = 4 * a + r, j = 4 * b + c;
                    data[at] = i < n && j < n ? full[i * n + j] : 0.0f;
                }
    return data;
}

/* B_ij as the contracts define it. */
static inline float case_weight(const float *full, int64_t n, int64_t i, int64_t j)
{
    return i == j ? 0.0f : fmaf(-full[i * n + j], 1.0f / full[j * n + j], 0.0f);
}

/* ---- histories ---- */

typedef struct case_lists {
    int64_t *ptr;
    int32_t *item;
    float *val;
} case_lists;

/* Q ascending lists of distinct items, each item with probability `share`; every fifth list empty, list 1 full. */
static inline case_lists case_random_lists(int64_t Q, int64_t n, double share, uint64_t seed)
{
    case_lists l = { case_array(Q + 1, sizeof *l.ptr), case_array(Q * n, sizeof *l.item), case_floats(Q * n) };
    l.ptr[0] = 0;
    for (int64_t q = 0; q < Q; q++) {
        int64_t e = l.ptr[q];
        for (int64_t i = 0; i < n; i++) {
            int in = test_random_unit(&seed) < share;
            if (q == 1 || (in && q % 5 != 4)) l.item[e++] = (int32_t)i;
        }
        l.ptr[q + 1] = e;
    }
    for (int64_t e = 0; e < l.ptr[Q]; e++) l.val[e] = (float)(4.0 * test_random_unit(&seed) - 2.0);
    return l;
}

static inline void case_free_lists(case_lists *l)
{
    free(l->ptr), free(l->item), free(l->val);
}

/* The score that the contract defines for item j, and in *bound how far it may be from the exact sum *exact. */
static inline float case_score(const float *full, int64_t n, const histories *x, int64_t q, int64_t j, double *exact,
                               double *bound)
{
    float sum = 0.0f;
    double want = 0.0, size = 0.0;
    for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++) {
        int64_t i = x->item[e];
        if (i == j) continue;
        float value = x->val ? x->val[e] : 1.0f;
        double term = -(double)value * (double)full[i * n + j] / (double)full[j * n + j];
        sum = fmaf(value, full[i * n + j], sum);
        want += term, size += fabs(term);
    }
    *exact = want;
    *bound = (double)(x->ptr[q + 1] - x->ptr[q] + 3) * ROUNDING * size;
    return fmaf(-sum, 1.0f / full[j * n + j], 0.0f);
}

/* B as sparse rows: the entries of case_weight(), each with probability `share`. */
static inline item_weights case_sparse_weights(const float *full, int64_t n, double share, uint64_t seed)
{
    int64_t *row_ptr = case_array(n + 1, sizeof *row_ptr), e = 0;
    int32_t *col = case_array(n * n, sizeof *col);
    float *val = case_floats(n * n);
    for (int64_t i = 0; i < n; i++) {
        row_ptr[i] = e;
        for (int64_t j = 0; j < n; j++) {
            if (i == j || test_random_unit(&seed) >= share) continue;
            col[e] = (int32_t)j;
            val[e++] = case_weight(full, n, i, j);
        }
    }
    row_ptr[n] = e;
    return (item_weights){ .n_items = n, .row_ptr = row_ptr, .col = col, .val = val };
}

static inline void case_free_sparse_weights(item_weights *w)
{
    free((void *)(uintptr_t)w->row_ptr), free((void *)(uintptr_t)w->col), free((void *)(uintptr_t)w->val);
}

/* B in full from the sparse rows. */
static inline float *case_spread(const item_weights *w)
{
    float *full = case_floats(w->n_items * w->n_items);
    for (int64_t i = 0; i < w->n_items * w->n_items; i++) full[i] = 0.0f;
    for (int64_t i = 0; i < w->n_items; i++)
        for (int64_t e = w->row_ptr[i]; e < w->row_ptr[i + 1]; e++) full[i * w->n_items + w->col[e]] = w->val[e];
    return full;
}

/* The score of item j by sparse weights, spread out in `B`: the chain over the entries that there are. */
static inline float case_sparse_score(const float *B, int64_t n, const histories *x, int64_t q, int64_t j)
{
    float sum = 0.0f;
    for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++) {
        float b = B[x->item[e] * n + j];
        if (b != 0.0f) sum = fmaf(x->val ? x->val[e] : 1.0f, b, sum);
    }
    return sum;
}

#endif
