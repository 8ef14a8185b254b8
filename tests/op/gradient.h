/* gradient.h - is the gradient right? The tape's gradients against central differences of an oracle in double.
 *
 * A case names the inputs, a function that builds one number from them on a tape, and an oracle: plain loops in double that
 * write the terms t_o of which that number is the sum (one for each output element or sample, say). From the terms follow
 *
 *     wanted gradient of element x_e   sum over o of dt_o/dx_e, central differences with step 1e-6 max(1, |x_e|)
 *     its bound                        roundings * 2^-24 * sum over o of |dt_o/dx_e|, and what the differences themselves lose
 *
 * where `roundings` is the number of float roundings, each relative to the sum of absolute terms, on the longest way from
 * inputs to gradient: for Y = A B with K summed and weights on Y it is K + 3. Finer terms give a tighter bound. Inputs must keep
 * away from kinks by more than the step. The value is held to the same bound, on sum |t_o|.
 *
 *     static tensor build(tape *g, const tensor *in, const void *data)
 *     {
 *         return op_sum(g, op_mul(g, in[0], in[1]));
 *     }
 *     static void oracle(const double *const *in, double *term, const void *data)
 *     {
 *         for (int i = 0; i < 12; i++) term[i] = in[0][i] * in[1][i];
 *     }
 *     gradient_case c = { .name = "mul", .n_inputs = 2, .n_terms = 12, .roundings = 4, .build = build, .oracle = oracle,
 *                         .in = { { .shape = { 3, 4 } }, { .shape = { 3, 4 } } } };
 *     gradient_check(&f, &c);
 *
 * An input is random in [low, high) (both 0: in [-1, 1)) or has given `values`; rank and trailing dimensions that are 0 are
 * filled in. GRADIENT_TABLE makes it parameter number k of the tape (k: its place among the inputs), whose gradient may be one of
 * rows; GRADIENT_NOTHING makes it a constant; `ints` makes it a constant of int32. Everything runs with 1, 2, 3 and 8 threads, which
 * must give the same bits. A failure is one line: what, shapes, element, both numbers, the bound.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_GRADIENT_H
#define TESTS_OP_GRADIENT_H

#include "op/kernel_case.h"

#include "backend/run.h"
#include "tensor/ops.h"
#include "tensor/tape.h"

enum { GRADIENT_INPUTS = 6 };
enum { GRADIENT_INPUT = 0, GRADIENT_TABLE = 1, GRADIENT_NOTHING = 2 };

typedef struct gradient_input {
    int32_t rank; /* 0: as many as there are dimensions before the first 0; a shape that begins with 0 needs its rank */
    int64_t shape[TENSOR_MAX_RANK];
    double low, high;
    const float *values;
    const int32_t *ints;
    int32_t kind; /* GRADIENT_INPUT, ... */
} gradient_input;

typedef struct gradient_case {
    const char *name;
    int32_t n_inputs;
    gradient_input in[GRADIENT_INPUTS];
    tensor (*build)(tape *g, const tensor *in, const void *data);
    void (*oracle)(const double *const *in, double *term, const void *data); /* ints come as doubles too */
    int64_t n_terms;
    double roundings;
    const void *data;
    uint64_t seed, step; /* of the tape and of the random inputs */
} gradient_case;

/* What a run keeps. */
typedef struct gradient_run {
    const gradient_case *c;
    tensor shape[GRADIENT_INPUTS]; /* shapes alone */
    float *host[GRADIENT_INPUTS];
    double *wide[GRADIENT_INPUTS];
    float *found[GRADIENT_INPUTS]; /* gradients of the tape; NULL: constant */
    float value;
} gradient_run;

/* ---- inputs ---- */

static inline tensor gradient_shape(const gradient_input *in)
{
    tensor t = { .dtype = in->ints ? RECSYS_I32 : RECSYS_F32, .rank = in->rank, .shape = { 1, 1, 1, 1 } };
    while (in->rank == 0 && t.rank < TENSOR_MAX_RANK && in->shape[t.rank] > 0) t.rank++;
    for (int32_t d = 0; d < t.rank; d++) t.shape[d] = in->shape[d];
    return t;
}

static inline void gradient_inputs(gradient_run *r)
{
    uint64_t state = r->c->seed * 977 + 5;
    for (int32_t k = 0; k < r->c->n_inputs; k++) {
        const gradient_input *in = &r->c->in[k];
        r->shape[k] = gradient_shape(in);
        int64_t n = tensor_elements(&r->shape[k]);
        double low = in->low, high = in->high;
        if (low >= high) low = -1.0, high = 1.0;
        r->host[k] = case_floats(n);
        r->wide[k] = case_array(n, sizeof(double));
        for (int64_t i = 0; i < n; i++) {
            float value = in->values ? in->values[i] : (float)(low + (high - low) * test_random_unit(&state));
            if (in->ints) memcpy(r->host[k] + i, in->ints + i, sizeof(float));
            else r->host[k][i] = value;
            r->wide[k][i] = in->ints ? (double)in->ints[i] : (double)value;
        }
    }
}

static inline void gradient_words(const gradient_run *r, char *words, size_t room)
{
    size_t at = (size_t)snprintf(words, room, "%s", r->c->name);
    for (int32_t k = 0; k < r->c->n_inputs && at < room; k++) {
        char shape[SHAPE_ROOM];
        at += (size_t)snprintf(words + at, room - at, "%s%s", k ? ", " : " of ", recsys__shape_text(r->shape[k], shape));
    }
}

/* ---- one run on a tape ---- */

static inline void gradient_expect_good(recsys_exec *x, const gradient_run *r, recsys_status status)
{
    char words[512];
    gradient_words(r, words, sizeof words);
    if (status < 0) fail_msg("%s: %s", words, x->error.message);
}

/* A gradient of rows spread out. */
static inline void gradient_spread(recsys_exec *x, const row_gradient *rows, int64_t N, int64_t D, float *out)
{
    for (int64_t i = 0; i < N * D; i++) out[i] = 0.0f;
    float *device = NULL;
    tape *g = NULL;
    assert_int_equal(recsys__tape_create(x, &g), RECSYS_OK);
    tensor dense = recsys__scatter_rows(g, rows, N, D);
    assert_int_equal(recsys__tape_status(g), RECSYS_OK);
    device = tensor_floats(&dense);
    assert_int_equal(recsys__download(x, out, device, N * D * (int64_t)sizeof *out), RECSYS_OK);
    recsys__tape_free(g);
}

static inline void gradient_download(recsys_exec *x, tape *g, gradient_run *r, int32_t k, tensor in)
{
    int64_t n = tensor_elements(&in);
    r->found[k] = case_floats(n);
    for (int64_t i = 0; i < n; i++) r->found[k][i] = 0.0f; /* no gradient: zero */
    if (r->c->in[k].kind == GRADIENT_TABLE) {
        parameter_gradient p = recsys__tape_parameter_gradient(g, k);
        if (p.kind == GRADIENT_DENSE)
            assert_int_equal(recsys__download(x, r->found[k], p.dense, n * (int64_t)sizeof(float)), RECSYS_OK);
        if (p.kind == GRADIENT_ROWS) gradient_spread(x, &p.rows, tensor_rows(&in), tensor_columns(&in), r->found[k]);
        return;
    }
    tensor found = recsys__tape_gradient(g, in);
    if (found.data == NULL) return;
    assert_int_equal(tensor_elements(&found), n);
    assert_int_equal(recsys__download(x, r->found[k], found.data, n * (int64_t)sizeof(float)), RECSYS_OK);
}

static inline void gradient_on_tape(recsys_exec *x, gradient_run *r)
{
    const gradient_case *c = r->c;
    tape *g = NULL;
    void *device[GRADIENT_INPUTS] = { NULL };
    tensor in[GRADIENT_INPUTS];
    gradient_expect_good(x, r, recsys__tape_create(x, &g));
    recsys__tape_reset(g, c->seed, c->step);
    recsys__tape_mode(g, 1, 1);
    for (int32_t k = 0; k < c->n_inputs; k++) {
        const tensor *t = &r->shape[k];
        gradient_expect_good(x, r, recsys__upload(x, r->host[k], tensor_elements(t) * 4, &device[k]));
        if (c->in[k].ints || c->in[k].kind == GRADIENT_NOTHING)
            in[k] = recsys__tape_constant(g, device[k], t->dtype, t->rank, t->shape);
        else if (c->in[k].kind == GRADIENT_TABLE)
            in[k] = recsys__tape_parameter(g, k, "table", device[k], t->rank, t->shape);
        else
            in[k] = recsys__tape_input(g, device[k], t->rank, t->shape);
    }
    tensor loss = c->build(g, in, c->data);
    gradient_expect_good(x, r, recsys__tape_status(g));
    recsys__tape_backward(g, loss);
    gradient_expect_good(x, r, recsys__tape_status(g));
    gradient_expect_good(x, r, recsys__download(x, &r->value, loss.data, sizeof r->value));
    for (int32_t k = 0; k < c->n_inputs; k++)
        if (!c->in[k].ints && c->in[k].kind != GRADIENT_NOTHING) gradient_download(x, g, r, k, in[k]);
    gradient_expect_good(x, r, recsys__tape_status(g));
    for (int32_t k = 0; k < c->n_inputs; k++) recsys__device_free(x->backend, x->memory, device[k]);
    recsys__tape_free(g);
}

/* ---- what it should be ---- */

static inline void gradient_compare_value(const gradient_run *r, double *term, const char *words)
{
    double want = 0.0, size = 0.0;
    r->c->oracle((const double *const *)r->wide, term, r->c->data);
    for (int64_t o = 0; o < r->c->n_terms; o++) want += term[o], size += fabs(term[o]);
    double bound = r->c->roundings * ROUNDING * size + 1e-44;
    if (!(fabs((double)r->value - want) <= bound))
        fail_msg("%s: the value is %.9g, want %.9g (bound %.2g)", words, (double)r->value, want, bound);
}

/* Both sides of element i of input k, and what follows from them. */
static inline void gradient_compare_element(const gradient_run *r, int32_t k, int64_t i, double *up, double *down,
                                            const char *words)
{
    double *x = r->wide[k] + i, kept = *x, step = 1e-6 * fmax(1.0, fabs(kept));
    double want = 0.0, size = 0.0, lost = 0.0;
    *x = kept + step;
    double above = *x;
    r->c->oracle((const double *const *)r->wide, up, r->c->data);
    *x = kept - step;
    double width = above - *x;
    r->c->oracle((const double *const *)r->wide, down, r->c->data);
    *x = kept;
    for (int64_t o = 0; o < r->c->n_terms; o++) {
        double slope = (up[o] - down[o]) / width;
        want += slope;
        size += fabs(slope);
        if (slope != 0.0) lost += r->c->roundings * 0x1p-53 * (fabs(up[o]) + fabs(down[o])) / width;
    }
    double bound = r->c->roundings * ROUNDING * size + lost + 1e-10 * (1.0 + size), found = (double)r->found[k][i];
    if (!(fabs(found - want) <= bound))
        fail_msg("%s: the gradient of input %d at element %lld is %.9g, want %.9g (bound %.2g)", words, (int)k, (long long)i, found,
                 want, bound);
}

static inline void gradient_free(gradient_run *r)
{
    for (int32_t k = 0; k < r->c->n_inputs; k++) free(r->host[k]), free(r->wide[k]), free(r->found[k]);
}

static inline void gradient_same_bits(fixture *f, const gradient_run *first, const char *words)
{
    for (int32_t t = 1; t < CASE_THREADS; t++) {
        gradient_run again = *first;
        recsys_exec *x = fixture_exec(f, case_threads[t], 0, 1);
        gradient_on_tape(x, &again);
        case_same_floats(&again.value, &first->value, 1, words);
        for (int32_t k = 0; k < first->c->n_inputs; k++) {
            if (again.found[k] == NULL) continue;
            case_same_floats(again.found[k], first->found[k], tensor_elements(&first->shape[k]), words);
            free(again.found[k]);
        }
        recsys_exec_release(x);
    }
}

/* The whole check of one case. */
static inline void gradient_check(fixture *f, const gradient_case *c)
{
    gradient_run r = { .c = c };
    char words[512];
    gradient_inputs(&r);
    gradient_words(&r, words, sizeof words);
    recsys_exec *x = fixture_exec(f, case_threads[0], 0, 1);
    gradient_on_tape(x, &r);
    recsys_exec_release(x);
    double *up = case_array(c->n_terms, sizeof *up), *down = case_array(c->n_terms, sizeof *down);
    gradient_compare_value(&r, up, words);
    for (int32_t k = 0; k < c->n_inputs; k++)
        for (int64_t i = 0; r.found[k] && i < tensor_elements(&r.shape[k]); i++)
            gradient_compare_element(&r, k, i, up, down, words);
    gradient_same_bits(f, &r, words);
    free(up), free(down);
    gradient_free(&r);
}

#endif
