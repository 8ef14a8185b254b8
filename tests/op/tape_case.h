/* tape_case.h - what tests of operations on the tape share besides gradients: wrong shapes and failing memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_TAPE_CASE_H
#define TESTS_OP_TAPE_CASE_H

#include "op/gradient.h"

/* One fixture for a group of tests: cmocka_run_group_tests(tests, tape_case_open, tape_case_close). */
static inline int tape_case_open(void **state)
{
    static fixture f;
    fixture_open(&f, 2);
    *state = &f;
    return 0;
}

static inline int tape_case_close(void **state)
{
    fixture_close(*state);
    return 0;
}

/* Random floats in [low, high). */
static inline float *tape_case_floats(int64_t n, double low, double high, uint64_t seed)
{
    float *x = case_floats(n);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(low + (high - low) * test_random_unit(&seed));
    return x;
}

/* Runs a descriptor that writes `n` floats to *y on every rung and number of threads, twice on a device: the bits must be those of
 * the plain rung on one thread, which are left in `y`, and not a float further. `y` has room for n + 1. */
static inline void tape_case_all_ways(const fixture *f, const op *o, float **place, float *y, int64_t n, const char *what)
{
    float *again = case_floats(n + 1), behind;
    memset(&behind, 0xff, sizeof behind);
    int32_t rungs = case_rungs() > 1 ? case_rungs() : 2;
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < rungs; simd++) {
            *place = t + simd == 0 ? y : again;
            case_expect(f, o, case_threads[t], simd);
            if (t + simd > 0) case_same_floats(again, y, n, what);
            assert_memory_equal(*place + n, &behind, sizeof behind);
        }
    *place = y;
    free(again);
}

/* Builds the case on a tape, where it must fail with this status and with all of `words` ("a is 3 x 4|b is 2") in its message,
 * give the empty tensor, and stick: a good operation after it gives the empty tensor too. */
static inline void tape_case_refused(fixture *f, const gradient_case *c, recsys_status status, const char *words)
{
    gradient_run r = { .c = c };
    void *device[GRADIENT_INPUTS] = { NULL };
    tensor in[GRADIENT_INPUTS];
    tape *g = NULL;
    recsys_exec *x = f->exec;
    gradient_inputs(&r);
    expect_ok(x, recsys__tape_create(x, &g));
    for (int32_t k = 0; k < c->n_inputs; k++) {
        const tensor *t = &r.shape[k];
        expect_ok(x, recsys__upload(x, r.host[k], tensor_elements(t) * 4, &device[k]));
        in[k] = recsys__tape_constant(g, device[k], t->dtype, t->rank, t->shape);
    }
    tensor y = c->build(g, in, c->data);
    assert_null(y.data);
    expect_error(x, recsys__tape_status(g), status, words);
    tensor after = op_affine(g, in[0], 1.0f, 0.0f);
    assert_null(after.data);
    expect_error(x, recsys__tape_status(g), status, words);
    for (int32_t k = 0; k < c->n_inputs; k++) recsys__device_free(x->backend, x->memory, device[k]);
    recsys__tape_free(g);
    gradient_free(&r);
}

/* Every allocation of a forward and a backward pass fails once: ERR_NO_MEMORY with words, inputs untouched, nothing held. */
static inline void tape_case_failing_memory(fixture *f, const gradient_case *c)
{
    gradient_run r = { .c = c };
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    gradient_inputs(&r);
    for (int64_t at = 1; status < 0; at++) {
        recsys_exec *x = fixture_exec(f, 2, 0, 1);
        void *device[GRADIENT_INPUTS] = { NULL };
        tensor in[GRADIENT_INPUTS];
        tape *g = NULL;
        for (int32_t k = 0; k < c->n_inputs; k++)
            expect_ok(x, recsys__upload(x, r.host[k], tensor_elements(&r.shape[k]) * 4, &device[k]));
        test_heap_fail(&f->heap, at, 0);
        status = recsys__tape_create(x, &g);
        if (status >= 0) {
            recsys__tape_mode(g, 1, 1);
            for (int32_t k = 0; k < c->n_inputs; k++) {
                const tensor *t = &r.shape[k];
                in[k] = c->in[k].ints ? recsys__tape_constant(g, device[k], t->dtype, t->rank, t->shape)
                                      : recsys__tape_input(g, device[k], t->rank, t->shape);
            }
            recsys__tape_backward(g, c->build(g, in, c->data));
            status = recsys__tape_status(g);
        }
        test_heap_fail(&f->heap, 0, 0);
        if (status < 0) {
            assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
            assert_true(x->error.message[0] != '\0');
        }
        for (int32_t k = 0; k < c->n_inputs; k++) {
            int64_t bytes = tensor_elements(&r.shape[k]) * 4;
            char *kept = case_array(bytes, 1);
            expect_ok(x, recsys__download(x, kept, device[k], bytes));
            assert_memory_equal(kept, r.host[k], (size_t)bytes);
            free(kept);
            recsys__device_free(x->backend, x->memory, device[k]);
        }
        recsys__tape_free(g);
        recsys_exec_release(x);
    }
    gradient_free(&r);
}

#endif
