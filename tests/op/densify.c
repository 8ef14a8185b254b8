/* densify.c - sparse matrices as dense ones: any shape, with and without values, on the tape.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/densify.h"

#include "op/tape_case.h"

static void check_shape(const fixture *f, int64_t N, int64_t M, int has_values)
{
    case_lists l = case_random_lists(N, M, 0.3, 9);
    float *y = case_floats(N * M + 1), *want = case_floats(N * M);
    op_densify o = { .op = { OP_DENSIFY, sizeof o }, .n_rows = N, .n_columns = M, .row_ptr = l.ptr, .column = l.item,
                     .value = has_values ? l.val : NULL };
    tape_case_all_ways(f, &o.op, &o.y, y, N * M, "densify");
    for (int64_t i = 0; i < N * M; i++) want[i] = 0.0f;
    for (int64_t n = 0; n < N; n++)
        for (int64_t e = l.ptr[n]; e < l.ptr[n + 1]; e++) want[n * M + l.item[e]] = has_values ? l.val[e] : 1.0f;
    case_same_floats(y, want, N * M, "densify");
    free(y), free(want);
    case_free_lists(&l);
}

static void test_values(void **state)
{
    static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97 };
    for (int n = 0; n < 6; n++)
        for (int m = 0; m < 6; m++)
            for (int has = 0; has < 2; has++) check_shape(*state, sizes[n], sizes[m], has);
    check_shape(*state, 503, 67, 1);
    check_shape(*state, 3, 20011, 0);
}

/* One matrix on the tape; all its arrays live on the device. */
static void test_on_tape(void **state)
{
    enum { N = 2, M = 3 };
    static const int64_t ptr[] = { 0, 1, 3 };
    static const int32_t column[] = { 1, 0, 2 };
    static const float value[] = { 4.0f, 5.0f, 6.0f }, want[] = { 0.0f, 4.0f, 0.0f, 5.0f, 0.0f, 6.0f };
    fixture *f = *state;
    recsys_exec *x = f->exec;
    void *device[3];
    float y[N * M];
    tape *g = NULL;
    expect_ok(x, recsys__upload(x, ptr, sizeof ptr, &device[0]));
    expect_ok(x, recsys__upload(x, column, sizeof column, &device[1]));
    expect_ok(x, recsys__upload(x, value, sizeof value, &device[2]));
    sparse A = { .n_rows = N, .n_columns = M, .n_entries = 3, .row_ptr = device[0], .column = device[1], .value = device[2] };
    expect_ok(x, recsys__tape_create(x, &g));
    recsys__tape_mode(g, 1, 1);
    tensor Y = op_densify(g, &A);
    expect_ok(x, recsys__tape_status(g));
    assert_true(Y.rank == 2 && Y.shape[0] == N && Y.shape[1] == M && Y.node == 0);
    expect_ok(x, recsys__download(x, y, Y.data, sizeof y));
    assert_memory_equal(y, want, sizeof y);
    A.n_columns = -1;
    assert_null(op_densify(g, &A).data);
    expect_error(x, recsys__tape_status(g), RECSYS_ERR_INVALID_ARGUMENT, "densify.c:|op_densify: A is no sparse matrix: 2 x -1");
    for (int k = 0; k < 3; k++) recsys__device_free(x->backend, x->memory, device[k]);
    recsys__tape_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_on_tape) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
