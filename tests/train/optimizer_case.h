/* optimizer_case.h - a training without a model: random gradients of rows for an optimizer, and the dense rules in double.
 *
 * A world has one or two tables, whose rows are touched with very different frequencies, and a vector with dense gradients.
 * Gradients are a pure function of seed and step. `dense_form` hands the same gradients over as if no parameter were a
 * table, which makes the library's own float32 dense training.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TRAIN_OPTIMIZER_CASE_H
#define TESTS_TRAIN_OPTIMIZER_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include "backend/op/row_index.h"
#include "backend/run.h"
#include "train/optimizer.h"

enum { PARAMETERS = 3, TABLES = 2 };

typedef struct world {
    int64_t N[PARAMETERS], D[PARAMETERS], E; /* entries of a step in each table */
    double scale;        /* size of gradients */
    int mixed;           /* 1: columns differ by up to nine orders of magnitude */
    int weights;         /* 1: table 1 has weights, a scale and source rows */
    uint64_t seed;
} world;

/* Small tables whose rows are touched in nearly every step, or almost never. */
static const world small = { .N = { 120, 11, 1 }, .D = { 5, 16, 7 }, .E = 9, .scale = 0.1, .mixed = 1, .weights = 1, .seed = 1 };

static inline float *case_new(int64_t n)
{
    float *p = calloc((size_t)n + 1, sizeof *p);
    assert_non_null(p);
    return p;
}

static inline int64_t world_elements(const world *w, int p)
{
    return w->N[p] * w->D[p];
}

static inline float world_start(const world *w, int p, int64_t i)
{
    uint64_t s = w->seed * 1000 + (uint64_t)p * 77 + (uint64_t)i * 131071;
    return (float)(test_random_unit(&s) - 0.5);
}

/* ---- gradients of one step, on the host ---- */

typedef struct step_gradient {
    int32_t *row[TABLES], *source_row[TABLES]; /* E */
    float *source[TABLES], *weight[TABLES], *scale[TABLES];
    float *dense[PARAMETERS]; /* in float, summed as the contract says */
    double *exact[PARAMETERS];
} step_gradient;

static inline step_gradient gradient_new(const world *w)
{
    step_gradient g = { 0 };
    for (int p = 0; p < PARAMETERS; p++) {
        g.dense[p] = case_new(world_elements(w, p));
        g.exact[p] = calloc((size_t)world_elements(w, p), sizeof(double));
    }
    for (int p = 0; p < TABLES; p++) {
        g.row[p] = calloc((size_t)w->E, sizeof(int32_t));
        g.source_row[p] = calloc((size_t)w->E, sizeof(int32_t));
        g.source[p] = case_new(w->E * w->D[p]);
        g.weight[p] = case_new(w->E);
        g.scale[p] = case_new(w->D[p]);
    }
    return g;
}

static inline void gradient_free(step_gradient *g)
{
    for (int p = 0; p < PARAMETERS; p++) free(g->dense[p]), free(g->exact[p]);
    for (int p = 0; p < TABLES; p++)
        free(g->row[p]), free(g->source_row[p]), free(g->source[p]), free(g->weight[p]), free(g->scale[p]);
}

static inline double case_size(const world *w, int64_t c)
{
    return w->mixed ? w->scale * pow(10.0, -(double)(c * 5 % 9)) : w->scale;
}

/* Row floor(N u^16): the first rows all the time, the last ones once in hundreds of steps. */
static inline int32_t case_row(const world *w, int p, uint64_t *s)
{
    double u = test_random_unit(s);
    if (test_random_unit(s) < 0.05) return -1;
    return (int32_t)((double)w->N[p] * pow(u, 16.0));
}

static inline void draw_table(const world *w, step_gradient *g, int p, uint64_t *s)
{
    int64_t D = w->D[p], E = w->E;
    int special = w->weights && p == 1;
    memset(g->dense[p], 0, (size_t)world_elements(w, p) * sizeof(float));
    memset(g->exact[p], 0, (size_t)world_elements(w, p) * sizeof(double));
    for (int64_t c = 0; c < D; c++) g->scale[p][c] = special ? (float)(0.5 + test_random_unit(s)) : 1.0f;
    for (int64_t e = 0; e < E; e++) {
        g->row[p][e] = case_row(w, p, s);
        g->source_row[p][e] = (int32_t)(special ? test_random(s) % (uint64_t)E : (uint64_t)e);
        g->weight[p][e] = special ? (float)(2.0 * test_random_unit(s) - 1.0) : 1.0f;
        for (int64_t c = 0; c < D; c++)
            g->source[p][e * D + c] = (float)((2.0 * test_random_unit(s) - 1.0) * case_size(w, c));
    }
    for (int64_t e = 0; e < E; e++) {
        int32_t r = g->row[p][e];
        if (r < 0) continue;
        const float *source = g->source[p] + g->source_row[p][e] * D;
        for (int64_t c = 0; c < D; c++)
            g->dense[p][r * D + c] = fmaf(g->weight[p][e], source[c], g->dense[p][r * D + c]);
    }
    for (int64_t i = 0; i < world_elements(w, p); i++) {
        g->dense[p][i] *= g->scale[p][i % D];
        g->exact[p][i] = (double)g->dense[p][i]; /* both sides start from the same float */
    }
}

static inline void gradient_draw(const world *w, step_gradient *g, int64_t t)
{
    uint64_t s = w->seed * 7919 + (uint64_t)t;
    for (int p = 0; p < TABLES; p++) draw_table(w, g, p, &s);
    for (int64_t i = 0; i < world_elements(w, 2); i++) {
        g->dense[2][i] = (float)((2.0 * test_random_unit(&s) - 1.0) * case_size(w, i));
        g->exact[2][i] = (double)g->dense[2][i];
    }
}

/* ---- a training by the library ---- */

typedef struct training {
    const world *w;
    recsys_exec *x;
    recsys_optimizer *optimizer;
    optimizer_state *state;
    int dense_form;
    float *data[PARAMETERS];               /* device */
    float *dense[PARAMETERS];              /* device: gradients */
    row_index index[TABLES];
    int32_t *row[TABLES], *source_row[TABLES];
    float *source[TABLES], *weight[TABLES], *scale[TABLES];
} training;

static inline recsys_optimizer *case_optimizer(recsys_exec *x, const char *name, const char *text)
{
    recsys_params *p;
    recsys_optimizer *o;
    assert_int_equal(recsys_optimizer_params(recsys_exec_env(x), name, &p, NULL), RECSYS_OK);
    if (recsys_params_set_text(p, text)) {
        recsys_error_info info = RECSYS_ERROR_INFO_INIT;
        recsys_params_last_error(p, &info);
        fail_msg("%s", info.message);
    }
    expect_ok(x, recsys_optimizer_create(x, p, &o));
    recsys_params_release(p);
    return o;
}

static inline void *case_device(recsys_exec *x, int64_t count, size_t size)
{
    void *p;
    expect_ok(x, recsys__device_alloc(x, count, size, &p));
    return p;
}

static inline void describe(const training *t, optimized to[PARAMETERS])
{
    static const char *const names[] = { "user_embedding", "item_embedding", "bias" };
    for (int p = 0; p < PARAMETERS; p++)
        to[p] = (optimized){ names[p], t->data[p], t->w->N[p], t->w->D[p], p < TABLES && !t->dense_form };
}

static inline void training_memory(training *t)
{
    const world *w = t->w;
    for (int p = 0; p < PARAMETERS; p++) {
        int64_t n = world_elements(w, p);
        float *host = case_new(n);
        for (int64_t i = 0; i < n; i++) host[i] = world_start(w, p, i);
        expect_ok(t->x, recsys__upload(t->x, host, n * 4, &t->data[p]));
        t->dense[p] = case_device(t->x, n, sizeof(float));
        free(host);
    }
    for (int p = 0; p < TABLES; p++) {
        row_index *x = &t->index[p];
        x->n_entries = w->E;
        x->n_rows = case_device(t->x, 1, sizeof(int32_t));
        x->row = case_device(t->x, w->E, sizeof(int32_t));
        x->begin = case_device(t->x, w->E + 1, sizeof(int32_t));
        x->order = case_device(t->x, w->E, sizeof(int32_t));
        t->row[p] = case_device(t->x, w->E, sizeof(int32_t));
        t->source_row[p] = case_device(t->x, w->E, sizeof(int32_t));
        t->source[p] = case_device(t->x, w->E * w->D[p], sizeof(float));
        t->weight[p] = case_device(t->x, w->E, sizeof(float));
        t->scale[p] = case_device(t->x, w->D[p], sizeof(float));
    }
}

static inline training training_open(recsys_exec *x, const world *w, const char *name, const char *text, int dense_form,
                                     int64_t steps)
{
    training t = { .w = w, .x = x, .dense_form = dense_form };
    optimized about[PARAMETERS];
    t.optimizer = case_optimizer(x, name, text);
    training_memory(&t);
    describe(&t, about);
    expect_ok(x, recsys__optimizer_state_create(x, t.optimizer, PARAMETERS, about, steps, &t.state));
    return t;
}

static inline void training_close(training *t)
{
    backend *b = t->x->backend;
    memory *m = t->x->memory;
    recsys__optimizer_state_free(t->x, t->state);
    recsys_optimizer_release(t->optimizer);
    for (int p = 0; p < PARAMETERS; p++) recsys__device_free(b, m, t->data[p]), recsys__device_free(b, m, t->dense[p]);
    for (int p = 0; p < TABLES; p++) {
        void *all[] = { t->index[p].n_rows, t->index[p].row, t->index[p].begin, t->index[p].order, t->row[p],
                        t->source_row[p],   t->source[p],    t->weight[p],      t->scale[p] };
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) recsys__device_free(b, m, all[k]);
    }
}

/* The step's gradients to the device, the index of the rows, and rows that are behind brought up to date. */
static inline recsys_status training_read(training *t, const step_gradient *g)
{
    const world *w = t->w;
    recsys_status s = RECSYS_OK;
    for (int p = 0; !s && p < PARAMETERS; p++) s = recsys__copy_in(t->x, t->dense[p], g->dense[p], world_elements(w, p) * 4);
    if (s || t->dense_form) return s;
    op_row_index o = { .op = { OP_ROW_INDEX, sizeof o }, .count = TABLES };
    table_read reads[TABLES];
    for (int p = 0; !s && p < TABLES; p++) {
        s = recsys__copy_in(t->x, t->row[p], g->row[p], w->E * 4);
        if (!s) s = recsys__copy_in(t->x, t->source_row[p], g->source_row[p], w->E * 4);
        if (!s) s = recsys__copy_in(t->x, t->source[p], g->source[p], w->E * w->D[p] * 4);
        if (!s) s = recsys__copy_in(t->x, t->weight[p], g->weight[p], w->E * 4);
        if (!s) s = recsys__copy_in(t->x, t->scale[p], g->scale[p], w->D[p] * 4);
        o.list[p] = (row_list){ .n_rows = w->N[p], .row = t->row[p], .index = t->index[p] };
        reads[p] = (table_read){ .parameter = p, .index = t->index[p] };
    }
    if (!s) s = recsys__run(t->x, &o.op);
    return s ? s : recsys__optimizer_before_read(t->state, t->x, TABLES, reads);
}

static inline recsys_status training_step(training *t, const step_gradient *g, double *norm)
{
    parameter_gradient all[PARAMETERS] = { { 0 } };
    recsys_status s = training_read(t, g);
    for (int p = 0; p < PARAMETERS; p++) {
        if (p >= TABLES || t->dense_form) {
            all[p] = (parameter_gradient){ .kind = GRADIENT_DENSE, .dense = t->dense[p] };
            continue;
        }
        all[p].kind = GRADIENT_ROWS;
        all[p].rows.index = t->index[p];
        all[p].rows.source = t->source[p];
        if (!t->w->weights || p != 1) continue;
        all[p].rows.source_row = t->source_row[p];
        all[p].rows.weight = t->weight[p];
        all[p].rows.scale = t->scale[p];
    }
    if (!s) s = recsys__optimizer_step(t->state, t->x, all);
    return s ? s : recsys__optimizer_report(t->state, t->x, INT64_MAX, norm);
}

/* A parameter as it is now, without touching anything. */
static inline float *training_look(training *t, int p)
{
    int64_t n = world_elements(t->w, p);
    float *host = case_new(n), *device = case_device(t->x, n, sizeof(float));
    expect_ok(t->x, recsys__optimizer_read(t->state, t->x, p, device));
    expect_ok(t->x, recsys__download(t->x, host, device, n * 4));
    recsys__device_free(t->x->backend, t->x->memory, device);
    return host;
}

/* All bytes of parameters and state, in a block that the caller frees. */
static inline unsigned char *training_bytes(training *t, size_t *size)
{
    size_t total = 0, at = 0;
    int64_t arrays = recsys__optimizer_array_count(t->state);
    for (int p = 0; p < PARAMETERS; p++) total += (size_t)world_elements(t->w, p) * 4;
    for (int64_t k = 0; k < arrays; k++) total += (size_t)recsys__optimizer_array(t->state, k).count * 4;
    unsigned char *bytes = malloc(total + 1);
    for (int p = 0; p < PARAMETERS; p++) {
        int64_t n = world_elements(t->w, p) * 4;
        expect_ok(t->x, recsys__download(t->x, bytes + at, t->data[p], n));
        at += (size_t)n;
    }
    for (int64_t k = 0; k < arrays; k++) {
        optimizer_array a = recsys__optimizer_array(t->state, k);
        expect_ok(t->x, recsys__download(t->x, bytes + at, a.data, a.count * 4));
        at += (size_t)a.count * 4;
    }
    *size = total;
    return bytes;
}

#endif
