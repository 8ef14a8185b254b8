/* gather_dot.c - logits of a factor model: the kernel against sums in double, gradients against central differences, and the
 * fused operation against the same written with lookup, mul and linear.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

#include "backend/op/gather_dot.h"

/* ---- the kernel ---- */

/* One block of everything that is written: B logits, D of h, 2 B D of rows. */
static void check(fixture *f, int64_t B, int64_t D, int with_c, int with_rows)
{
    uint64_t seed = (uint64_t)(B * 1009 + D);
    enum { P_ROWS = 60, Q_ROWS = 7 };
    int32_t *user = rows_numbers(B, P_ROWS, &seed), *item = rows_numbers(B, Q_ROWS, &seed);
    float *p = rows_floats(P_ROWS * D, &seed), *q = rows_floats(Q_ROWS * D, &seed), *h = rows_floats(D, &seed), c = 0.75f;
    int64_t written = with_rows ? B + D + 2 * B * D : B;
    float *out = case_floats(B + D + 2 * B * D);
    op_gather_dot o = { .op = { OP_GATHER_DOT, sizeof o }, .count = B, .dim = D, .p = p, .q = q, .user = user, .item = item,
                        .h = h, .c = with_c ? &c : NULL, .out = out };
    if (with_rows) o.h_copy = out + B, o.p_rows = out + B + D, o.q_rows = o.p_rows + B * D;
    float *got = rows_run(f, &o.op, out, (size_t)written * sizeof *out);
    for (int64_t b = 0; b < B; b++) {
        double sum = with_c ? (double)c : 0.0, size = fabs(sum);
        for (int64_t d = 0; d < D; d++) {
            float p_bd = user[b] < 0 ? 0.0f : p[user[b] * D + d], q_bd = item[b] < 0 ? 0.0f : q[item[b] * D + d];
            double term = (double)h[d] * (double)p_bd * (double)q_bd;
            sum += term, size += fabs(term);
            if (!with_rows) continue;
            assert_true(got[B + D + b * D + d] == p_bd);
            assert_true(got[B + D + B * D + b * D + d] == q_bd);
        }
        rows_near((double)got[b], sum, (double)(D / 32 + 8) * ROUNDING * size, "y", b, 0);
    }
    if (with_rows) case_same_floats(got + B, h, D, "copy of h");
    free(user), free(item), free(p), free(q), free(h), free(out), free(got);
}

static void test_shapes(void **state)
{
    static const int64_t counts[] = { 0, 1, 13, 33, 100 }, dims[] = { 0, 1, 7, 8, 31, 32, 33, 40, 64, 97, 200 };
    fixture f;
    fixture_open(&f, 2);
    for (int b = 0; b < 5; b++)
        for (int d = 0; d < 11; d++) check(&f, counts[b], dims[d], (b + d) % 2, d % 3 > 0);
    if (!getenv("RECSYS_TEST_DEVICE")) { /* several threads of a processor */
        check(&f, 3000, 32, 1, 1);
        check(&f, 3001, 33, 0, 1);
    }
    fixture_close(&f);
    (void)state;
}

/* ---- gradients ---- */

enum { N = 5, M = 4, D = 9, B = 11 };
static const int32_t users[B] = { 4, 0, 4, 1, -1, 2, 4, 0, 0, 3, -1 }, items[B] = { 0, 1, 0, -1, 2, 0, 3, 1, 2, 0, -1 };

enum { IN_P, IN_USERS, IN_Q, IN_ITEMS, IN_H, IN_C, INPUTS };

/* The logits weighted by their own squares, so that each sample's gradient is another one. */
static tensor build(tape *g, const tensor *in, const void *data)
{
    tensor c = data ? in[IN_C] : (tensor){ 0 };
    return op_sumsq(g, op_gather_dot(g, in[IN_P], in[IN_USERS], in[IN_Q], in[IN_ITEMS], in[IN_H], c));
}

/* The same by its parts. */
static tensor build_parts(tape *g, const tensor *in, const void *data)
{
    tensor x = op_mul(g, op_lookup(g, in[IN_P], in[IN_USERS]), op_lookup(g, in[IN_Q], in[IN_ITEMS]));
    return op_sumsq(g, op_linear(g, x, in[IN_H], data ? in[IN_C] : (tensor){ 0 }, FN_IDENTITY));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    for (int64_t b = 0; b < B; b++) {
        double y = data ? in[IN_C][0] : 0.0;
        for (int64_t d = 0; d < D && users[b] >= 0 && items[b] >= 0; d++)
            y += in[IN_H][d] * in[IN_P][users[b] * D + d] * in[IN_Q][items[b] * D + d];
        term[b] = y * y;
    }
}

/* Positive inputs: then nothing cancels, and the harness' bounds, relative to sums of absolute terms, hold. */
static gradient_case new_case(int32_t tables, int32_t weights, const void *with_c)
{
    return (gradient_case){ .name = with_c ? "gather_dot" : "gather_dot without c", .n_inputs = INPUTS, .n_terms = B,
                            .roundings = 2 * D + 3 * B + 8, .build = build, .oracle = oracle, .data = with_c,
                            .in = { { .shape = { N, D }, .low = 0.25, .high = 1.25, .kind = tables },
                                    { .shape = { B }, .ints = users },
                                    { .shape = { M, D }, .low = 0.25, .high = 1.25, .kind = tables },
                                    { .shape = { B }, .ints = items },
                                    { .shape = { 1, D }, .low = 0.25, .high = 1.25, .kind = weights },
                                    { .shape = { 1 }, .low = 0.25, .high = 1.25, .kind = weights } } };
}

static void test_gradients(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int32_t tables = GRADIENT_INPUT; tables <= GRADIENT_NOTHING; tables++)
        for (int32_t weights = GRADIENT_INPUT; weights <= GRADIENT_NOTHING; weights++) {
            if (tables == GRADIENT_NOTHING && weights == GRADIENT_NOTHING) continue;
            gradient_case c = new_case(tables, weights, "c");
            gradient_check(&f, &c);
            gradient_case parts = c; /* the oracle is the judge of both */
            parts.name = "gather_dot by its parts", parts.build = build_parts;
            gradient_check(&f, &parts);
            gradient_case without = new_case(tables, weights, NULL);
            if (tables != GRADIENT_NOTHING) gradient_check(&f, &without);
        }
    gradient_case mixed = new_case(GRADIENT_TABLE, GRADIENT_TABLE, "c");
    mixed.in[IN_P].kind = GRADIENT_NOTHING;
    gradient_check(&f, &mixed);
    mixed.in[IN_P].kind = GRADIENT_TABLE;
    mixed.in[IN_Q].kind = GRADIENT_INPUT;
    gradient_check(&f, &mixed);
    fixture_close(&f);
    (void)state;
}

/* ---- against its parts, directly ---- */

/* Both on the same numbers, of any sign, in one run each; `run` gives the value and the gradients. */
static void run_case(fixture *f, gradient_case *c, gradient_run *r)
{
    *r = (gradient_run){ .c = c };
    gradient_inputs(r);
    gradient_on_tape(f->exec, r);
}

static void test_against_parts(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (uint64_t seed = 1; seed < 20; seed++) {
        gradient_case fused = new_case(GRADIENT_TABLE, GRADIENT_TABLE, "c"), parts = fused;
        gradient_run a, b;
        fused.seed = parts.seed = seed, parts.build = build_parts;
        run_case(&f, &fused, &a);
        run_case(&f, &parts, &b);
        double share = 4.0 * fused.roundings * ROUNDING;
        rows_near((double)a.value, (double)b.value, share * fabs((double)b.value), "value", 0, 0);
        for (int32_t k = 0; k < INPUTS; k++)
            for (int64_t i = 0; a.found[k] && i < tensor_elements(&a.shape[k]); i++)
                rows_near((double)a.found[k][i], (double)b.found[k][i], share * fabs((double)b.found[k][i]), "gradient", k, i);
        gradient_free(&a), gradient_free(&b);
    }
    fixture_close(&f);
    (void)state;
}

/* Without recording: the same bits, and nothing that leads back. */
static tensor build_logits(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_gather_dot(g, in[IN_P], in[IN_USERS], in[IN_Q], in[IN_ITEMS], in[IN_H], in[IN_C]);
}

static void test_not_recording(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    gradient_case c = new_case(GRADIENT_TABLE, GRADIENT_TABLE, "c");
    gradient_run r = { .c = &c };
    gradient_inputs(&r);
    tape *g;
    expect_ok(f.exec, recsys__tape_create(f.exec, &g));
    float y[2][B];
    for (int recording = 0; recording < 2; recording++) {
        tensor in[INPUTS];
        void *device[INPUTS];
        recsys__tape_reset(g, 1, 1);
        recsys__tape_mode(g, recording, recording);
        for (int32_t k = 0; k < INPUTS; k++) {
            const tensor *t = &r.shape[k];
            expect_ok(f.exec, recsys__upload(f.exec, r.host[k], tensor_elements(t) * 4, &device[k]));
            in[k] = c.in[k].ints ? recsys__tape_constant(g, device[k], RECSYS_I32, t->rank, t->shape)
                                 : recsys__tape_parameter(g, k, "table", device[k], t->rank, t->shape);
        }
        tensor out = build_logits(g, in, NULL);
        expect_ok(f.exec, recsys__tape_status(g));
        assert_int_equal(out.node != 0, recording);
        assert_true(out.rank == 1 && out.shape[0] == B);
        expect_ok(f.exec, recsys__download(f.exec, y[recording], out.data, sizeof y[0]));
        for (int32_t k = 0; k < INPUTS; k++) recsys__device_free(f.exec->backend, f.exec->memory, device[k]);
    }
    case_same_floats(y[0], y[1], B, "logits");
    recsys__tape_free(g);
    gradient_free(&r);
    fixture_close(&f);
    (void)state;
}

/* ---- errors ---- */

static void test_refused(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    gradient_case good = new_case(GRADIENT_NOTHING, GRADIENT_NOTHING, "c"), c = good;
    good.build = c.build = build_logits;
    c.in[IN_Q].shape[1] = D + 1;
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "gather_dot.c:|op_gather_dot|5 x 9 and 4 x 10");
    c = good;
    c.in[IN_ITEMS] = (gradient_input){ .shape = { B - 1 }, .ints = items };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "rows of 11 and 10");
    c = good;
    c.in[IN_H] = (gradient_input){ .shape = { 2, D } };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "h of 2 x 9");
    c = good;
    c.in[IN_C] = (gradient_input){ .shape = { 2 } };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "c of 2");
    c = good;
    c.in[IN_USERS] = (gradient_input){ .shape = { B } };
    tape_case_refused(&f, &c, RECSYS_ERR_TYPE, "int32");
    fixture_close(&f);
    (void)state;
}

static void test_failing_memory(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    gradient_case c = new_case(GRADIENT_INPUT, GRADIENT_INPUT, "c");
    tape_case_failing_memory(&f, &c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),        cmocka_unit_test(test_gradients), cmocka_unit_test(test_against_parts),
        cmocka_unit_test(test_not_recording), cmocka_unit_test(test_refused),   cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
