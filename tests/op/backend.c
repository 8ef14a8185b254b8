/* backend.c - the table of the CPU backend itself: memory, copies, what it refuses, what it says about the machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/gather_rows.h"
#include "backend/registry.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"

static void test_memory(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    backend *b = f.exec->backend;
    error e = { 0 };
    unsigned char *p, *q, host[100], again[100];
    for (int i = 0; i < 100; i++) host[i] = (unsigned char)i;
    int64_t used = recsys__memory_used(f.exec->memory);
    assert_int_equal(b->alloc(b->self, f.exec->memory, &e, 100, (void **)&p), RECSYS_OK);
    assert_int_equal((uintptr_t)p % 64, 0);
    assert_true(recsys__memory_used(f.exec->memory) >= used + 100);
    assert_int_equal(b->copy_in(b->self, NULL, &e, p, host, 100), RECSYS_OK);
    assert_int_equal(b->fill(b->self, NULL, &e, p + 10, 0xab, 5), RECSYS_OK);
    assert_int_equal(b->copy_out(b->self, NULL, &e, again, p, 100), RECSYS_OK);
    memset(host + 10, 0xab, 5);
    assert_memory_equal(host, again, 100);
    assert_int_equal(b->copy_in(b->self, NULL, &e, NULL, NULL, 0), RECSYS_OK);
    assert_int_equal(b->wrap(b->self, &e, host, 100, (void **)&q), RECSYS_OK);
    assert_ptr_equal(q, host);
    (b->free)(b->self, f.exec->memory, p); /* the member, not the macro of kernel_case.h */
    assert_int_equal(recsys__memory_used(f.exec->memory), used);
    assert_int_equal(b->alloc(b->self, f.exec->memory, &e, SIZE_MAX, (void **)&p), RECSYS_ERR_TOO_LARGE);
    fixture_close(&f);
    (void)state;
}

static void test_refusals(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    backend *b = f.exec->backend;
    const int32_t unknown[] = { -1, 0, OP_COUNT_, INT32_MAX };
    for (int c = 0; c < 4; c++) {
        op o = { unknown[c], sizeof o };
        error e = { 0 };
        assert_int_equal(b->supports(b->self, &e, &o), RECSYS_ERR_UNSUPPORTED);
        assert_non_null(strstr(e.message, "no operation"));
    }
    float x = 1.0f, y = 0.0f;
    int32_t row = 0;
    op_gather_rows o = { { OP_GATHER_ROWS, sizeof o - 1 }, 1, 1, &x, &row, &y };
    error e = { 0 };
    assert_int_equal(b->supports(b->self, &e, &o.op), RECSYS_ERR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "gather_rows"));
    op_context c = { .struct_size = sizeof c, .threads = 1, .error = &e };
    assert_int_equal(b->run(b->self, &c, &o.op), RECSYS_ERR_UNSUPPORTED);
    o.op.size = sizeof o;
    assert_int_equal(b->run(b->self, &c, &o.op), RECSYS_OK);
    assert_true(y == 1.0f);
    fixture_close(&f);
    (void)state;
}

/* Each operation of the list has a kernel: its descriptor's size is known. */
static void test_every_operation(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    backend *b = f.exec->backend;
    for (int32_t number = 1; number < OP_COUNT_; number++) {
        op o = { number, 0 };
        error e = { 0 };
        assert_int_equal(b->supports(b->self, &e, &o), RECSYS_ERR_UNSUPPORTED);
        assert_non_null(strstr(e.message, recsys__op_name(number)));
        assert_null(strstr(e.message, "no operation"));
    }
    fixture_close(&f);
    (void)state;
}

static void test_blas_flavour(void **state)
{
    for (int flavour = -1; flavour < 5; flavour++) {
        error e = { 0 };
        if (flavour == 2) {
            assert_int_equal(recsys__cpu_check_blas(flavour, &e), RECSYS_OK);
            continue;
        }
        assert_int_equal(recsys__cpu_check_blas(flavour, &e), RECSYS_ERR_BLAS);
        assert_non_null(strstr(e.message, "libopenblas0-openmp"));
        assert_non_null(strstr(e.message, "libopenblas-openmp-dev"));
    }
    (void)state;
}

static void test_description(void **state)
{
    char text[128], cut[10];
    recsys__cpu_describe(text, sizeof text);
    assert_non_null(strstr(text, "kernels, OpenBLAS core "));
    recsys__cpu_describe(cut, sizeof cut);
    assert_int_equal(strlen(cut), 9);
    assert_memory_equal(cut, text, 9);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),          cmocka_unit_test(test_refusals),    cmocka_unit_test(test_every_operation),
        cmocka_unit_test(test_blas_flavour),    cmocka_unit_test(test_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
