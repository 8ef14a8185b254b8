/* dropout.c - masks as the contract defines them, their share, the gradient's mask, other steps and places, not training.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/dropout.h"

#include "base/random.h"
#include "op/tape_case.h"

/* ---- the mask ---- */

static void check_mask(const fixture *f, int64_t n, float p, uint32_t stream, uint64_t seed, uint64_t step)
{
    float *x = tape_case_floats(n, 0.5, 1.0, 1), *y = case_floats(n + 1);
    if (n > 70) x[3] = NAN, x[70] = NAN;
    op_dropout o = { .op = { OP_DROPOUT, sizeof o }, .n = n, .p = p, .stream = stream, .seed = seed, .step = step, .x = x };
    tape_case_all_ways(f, &o.op, &o.y, y, n, "dropout");
    for (int64_t i = 0; i < n; i++) {
        uint32_t word[4];
        recsys__random4(seed, stream, step, (uint64_t)i / 4, word);
        float want = word[i % 4] < (uint64_t)((double)p * 0x1p32) ? 0.0f : x[i] * (float)(1.0 / (1.0 - (double)p));
        if (isnan(want) ? !isnan(y[i]) : y[i] != want)
            fail_msg("dropout n=%lld p=%g: element %lld is %a, want %a", (long long)n, (double)p, (long long)i, (double)y[i], (double)want);
    }
    free(x), free(y);
}

static void test_masks(void **state)
{
    static const int64_t sizes[] = { 0, 1, 3, 4, 31, 32, 33, 63, 64, 65, 97, 4096, 20011 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        check_mask(*state, sizes[s], 0.5f, RANDOM_DROPOUT, 1, 0);
        check_mask(*state, sizes[s], 0.1f, RANDOM_DROPOUT + 32 * 2046, UINT64_C(0xfedcba9876543210), UINT64_C(0x123456789ab));
    }
    check_mask(*state, 1000, 0.0f, RANDOM_DROPOUT, 1, 0);
    check_mask(*state, 1000, 0x1.fffffep-1f, RANDOM_DROPOUT, 1, 0);
}

/* ---- on the tape ---- */

enum { N = 20000 };

/* One forward and backward pass over ones: the result in y, the gradient of its sum in gx. */
static void pass(fixture *f, float p, uint32_t place, uint64_t step, int training, float *y, float *gx)
{
    recsys_exec *x = f->exec;
    tape *g = NULL;
    float *ones = case_floats(N), *device = NULL;
    const int64_t shape = N;
    for (int i = 0; i < N; i++) ones[i] = 1.0f;
    expect_ok(x, recsys__upload(x, ones, N * 4, &device));
    expect_ok(x, recsys__tape_create(x, &g));
    recsys__tape_reset(g, 5, step);
    recsys__tape_mode(g, 1, training);
    tensor in = recsys__tape_input(g, device, 1, &shape), out = op_dropout(g, in, p, place);
    recsys__tape_backward(g, op_sum(g, out));
    expect_ok(x, recsys__tape_status(g));
    expect_ok(x, recsys__download(x, y, out.data, N * 4));
    expect_ok(x, recsys__download(x, gx, recsys__tape_gradient(g, in).data, N * 4));
    if (!training || p == 0.0f) assert_ptr_equal(out.data, in.data); /* nothing ran */
    recsys__tape_free(g);
    recsys__device_free(x->backend, x->memory, device);
    free(ones);
}

static int64_t differences(const float *a, const float *b)
{
    int64_t count = 0;
    for (int i = 0; i < N; i++) count += a[i] != b[i];
    return count;
}

/* The share dropped lies within 5 standard deviations of p, and what is kept is scaled so that the mean stays. */
static void test_share_and_gradient(void **state)
{
    float *y = case_floats(N), *gx = case_floats(N);
    static const float shares[] = { 0.1f, 0.5f, 0.8f };
    for (int s = 0; s < 3; s++) {
        double p = (double)shares[s], dropped = 0.0, spread = sqrt((double)N * p * (1.0 - p));
        pass(*state, shares[s], 0, 3, 1, y, gx);
        for (int i = 0; i < N; i++) {
            dropped += y[i] == 0.0f;
            assert_true(y[i] == 0.0f || y[i] == (float)(1.0 / (1.0 - p)));
        }
        assert_true(fabs(dropped - p * N) < 5.0 * spread);
        case_same_floats(gx, y, N, "the gradient's mask");
    }
    free(y), free(gx);
}

static void test_other_draws(void **state)
{
    float *y = case_floats(N), *again = case_floats(N), *step = case_floats(N), *place = case_floats(N), *gx = case_floats(N);
    pass(*state, 0.5f, 0, 3, 1, y, gx);
    pass(*state, 0.5f, 0, 3, 1, again, gx);
    pass(*state, 0.5f, 0, 4, 1, step, gx);
    pass(*state, 0.5f, 1, 3, 1, place, gx);
    case_same_floats(again, y, N, "the same draw again");
    assert_in_range(differences(step, y), N / 2 - 400, N / 2 + 400);
    assert_in_range(differences(place, y), N / 2 - 400, N / 2 + 400);
    free(y), free(again), free(step), free(place), free(gx);
}

static void test_identity(void **state)
{
    float *y = case_floats(N), *gx = case_floats(N);
    pass(*state, 0.5f, 0, 3, 0, y, gx);
    for (int i = 0; i < N; i++) assert_true(y[i] == 1.0f && gx[i] == 1.0f);
    pass(*state, 0.0f, 0, 3, 1, y, gx);
    for (int i = 0; i < N; i++) assert_true(y[i] == 1.0f && gx[i] == 1.0f);
    free(y), free(gx);
}

/* ---- refusals ---- */

typedef struct choice {
    float p;
    uint32_t place;
} choice;

static tensor build(tape *g, const tensor *in, const void *data)
{
    const choice *c = data;
    return op_dropout(g, in[0], c->p, c->place);
}

static void test_refusals(void **state)
{
    choice c = { 1.0f, 0 };
    gradient_case k = { .name = "dropout", .n_inputs = 1, .build = build, .data = &c, .in = { { .shape = { 4 } } } };
    tape_case_refused(*state, &k, RECSYS_ERR_OUT_OF_RANGE, "dropout.c:|op_dropout: p is 1, it must be at least 0 and below 1");
    c.p = -0.25f;
    tape_case_refused(*state, &k, RECSYS_ERR_OUT_OF_RANGE, "op_dropout: p is -0.25");
    c.p = NAN;
    tape_case_refused(*state, &k, RECSYS_ERR_OUT_OF_RANGE, "op_dropout: p is");
    c = (choice){ 0.5f, DROPOUT_MAX_PLACE + 1 };
    tape_case_refused(*state, &k, RECSYS_ERR_OUT_OF_RANGE, "op_dropout: place 2047");
}

static tensor build_sum(tape *g, const tensor *in, const void *data)
{
    return op_sum(g, build(g, in, data));
}

static void test_failing_memory(void **state)
{
    choice c = { 0.5f, 0 };
    gradient_case k = { .name = "dropout", .n_inputs = 1, .build = build_sum, .data = &c, .in = { { .shape = { 40 } } } };
    tape_case_failing_memory(*state, &k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_masks),       cmocka_unit_test(test_share_and_gradient),
                                        cmocka_unit_test(test_other_draws), cmocka_unit_test(test_identity),
                                        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
