/* softmax_loss.c - cross-entropies of a softmax with their gradients, against the definition in double; on the tape against
 * central differences.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

#include "backend/op/softmax_loss.h"

enum { TARGETS_ROWS, TARGETS_WEIGHTED, TARGETS_ONE, TARGET_KINDS };

/* A case: B x N logits, targets in one of the forms, and ids or none. */
typedef struct scene {
    int64_t B, N;
    int kind, with_ids;
    float *z;
    case_lists list;       /* targets as lists; its values are weights */
    int32_t *one;          /* or one a row */
    int32_t *row_id, *column_id;
} scene;

static scene new_scene(int64_t B, int64_t N, int kind, int with_ids, double width, uint64_t seed)
{
    scene s = { .B = B, .N = N, .kind = kind, .with_ids = with_ids, .z = case_floats(B * N),
                .list = case_random_lists(B, N, 0.2, seed + 1), .one = case_array(B, 4), .row_id = case_array(B, 4),
                .column_id = case_array(N, 4) };
    for (int64_t i = 0; i < B * N; i++) s.z[i] = (float)(width * (2.0 * test_random_unit(&seed) - 1.0));
    for (int64_t n = 0; n < N; n++) s.column_id[n] = (int32_t)(test_random(&seed) % 5);
    for (int64_t b = 0; b < B; b++) {
        s.one[b] = (int32_t)(test_random(&seed) % (uint64_t)(N + 1)) - 1; /* -1: none */
        s.row_id[b] = (int32_t)(test_random(&seed) % 6);
        for (int64_t e = s.list.ptr[b]; e < s.list.ptr[b + 1]; e++) s.list.val[e] = fabsf(s.list.val[e]);
    }
    return s;
}

static void free_scene(scene *s)
{
    free(s->z), free(s->one), free(s->row_id), free(s->column_id);
    case_free_lists(&s->list);
}

/* The weight of column n as a target of row b; -1: it is none. */
static double target_weight(const scene *s, int64_t b, int64_t n)
{
    if (s->kind == TARGETS_ONE) return s->one[b] == n ? 1.0 : -1.0;
    for (int64_t e = s->list.ptr[b]; e < s->list.ptr[b + 1]; e++)
        if (s->list.item[e] == n) return s->kind == TARGETS_WEIGHTED ? (double)s->list.val[e] : 1.0;
    return -1.0;
}

static int counts(const scene *s, int64_t b, int64_t n)
{
    return !s->with_ids || s->column_id[n] != s->row_id[b] || target_weight(s, b, n) >= 0.0;
}

/* Row b in double, from logits z: its part of the loss, W_b, log S_b and the distance that the bound asks for. */
typedef struct row_truth {
    double loss, weight, log_sum, distance;
} row_truth;

static row_truth truth_of(const scene *s, const double *z, int64_t b)
{
    row_truth t = { 0 };
    double most = (double)-INFINITY, sum = 0.0;
    for (int64_t n = 0; n < s->N; n++)
        if (counts(s, b, n)) most = fmax(most, z[n]);
    for (int64_t n = 0; n < s->N; n++) {
        if (!counts(s, b, n)) continue;
        sum += exp(z[n] - most);
        t.distance = fmax(t.distance, most - z[n]);
    }
    t.log_sum = most + log(sum);
    for (int64_t n = 0; n < s->N; n++) {
        double w = target_weight(s, b, n);
        if (w < 0.0) continue;
        t.weight += w;
        t.loss += w * (t.log_sum - z[n]);
    }
    return t;
}

static op_softmax_loss descriptor(const scene *s, float *loss, float *gradient)
{
    op_softmax_loss o = { .op = { OP_SOFTMAX_LOSS, sizeof o }, .rows = s->B, .columns = s->N, .logit = s->z, .loss = loss,
                          .gradient = gradient };
    o.row_ptr = s->kind == TARGETS_ONE ? NULL : s->list.ptr;
    o.target = s->kind == TARGETS_ONE ? s->one : s->list.item;
    o.weight = s->kind == TARGETS_WEIGHTED ? s->list.val : NULL;
    o.row_id = s->with_ids ? s->row_id : NULL;
    o.column_id = s->with_ids ? s->column_id : NULL;
    return o;
}

static void check(fixture *f, const scene *s)
{
    float *out = case_floats(1 + s->B * s->N), alone = NAN;
    double *z = case_array(s->N, sizeof *z), loss = 0.0, bound = 0.0, B = (double)s->B;
    op_softmax_loss o = descriptor(s, out, out + 1);
    float *got = rows_run(f, &o.op, out, (size_t)(1 + s->B * s->N) * sizeof *out);
    for (int64_t b = 0; b < s->B; b++) {
        for (int64_t n = 0; n < s->N; n++) z[n] = (double)s->z[b * s->N + n];
        row_truth t = truth_of(s, z, b);
        double r = 48.0 + t.distance;
        if (t.weight > 0.0) loss += t.loss / B, bound += ROUNDING * r * t.weight / B;
        for (int64_t n = 0; n < s->N; n++) {
            double w = fmax(target_weight(s, b, n), 0.0), p = counts(s, b, n) && t.weight > 0.0 ? exp(z[n] - t.log_sum) : 0.0;
            double limit = ROUNDING * (2.0 * r * t.weight * p + 2.0 * w) / B + (p > 0.0 ? 0x1p-126 : 0.0);
            rows_near((double)got[1 + b * s->N + n], (t.weight * p - w) / B, limit, "gradient", b, n);
        }
    }
    rows_near((double)got[0], loss, bound + 1.01 * ROUNDING * fabs(loss), "loss", s->B, s->N);
    op_softmax_loss only = descriptor(s, &alone, NULL); /* no gradient wanted: the same bits */
    for (int t = 0; t < CASE_THREADS; t++) {
        case_expect(f, &only.op, case_threads[t], t % CASE_RUNGS);
        case_same_floats(&alone, got, 1, "loss alone");
    }
    free(got), free(out), free(z);
}

static void test_shapes(void **state)
{
    static const int64_t shapes[][2] = { { 0, 5 }, { 1, 1 }, { 5, 1 }, { 3, 7 }, { 9, 15 }, { 10, 16 }, { 7, 17 }, { 4, 255 },
                                         { 3, 256 }, { 6, 300 }, { 2, 1031 } };
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++)
        for (int kind = 0; kind < TARGET_KINDS; kind++)
            for (int ids = 0; ids < 2; ids++) {
                scene s = new_scene(shapes[c][0], shapes[c][1], kind, ids, c % 2 ? 3.0 : 40.0, c * 10 + (uint64_t)kind);
                check(*state, &s);
                free_scene(&s);
            }
}

/* Enough for several threads. */
static void test_large(void **state)
{
    scene s = new_scene(67, 1500, TARGETS_ROWS, 1, 5.0, 3);
    check(*state, &s);
    free_scene(&s);
}

/* Logits far from 0 and from each other: nothing overflows. */
static void test_extremes(void **state)
{
    static const float shift[] = { 1e30f, -1e30f, 500.0f, -500.0f };
    for (int k = 0; k < 4; k++) {
        float z[3] = { shift[k], shift[k], shift[k] - 200.0f }, loss, gradient[3];
        int32_t target[] = { 0 };
        op_softmax_loss o = { .op = { OP_SOFTMAX_LOSS, sizeof o }, .rows = 1, .columns = 3, .logit = z, .target = target,
                              .loss = &loss, .gradient = gradient };
        if (k < 2) z[2] = -3e38f;
        case_expect(*state, &o.op, 1, k % CASE_RUNGS);
        rows_near((double)loss, log(2.0), 1e-6, "loss", k, 0);
        rows_near((double)gradient[0], -0.5, 1e-6, "gradient", k, 0);
        rows_near((double)gradient[1], 0.5, 1e-6, "gradient", k, 1);
        rows_near((double)gradient[2], 0.0, 1e-30, "gradient", k, 2);
    }
}

static void test_not_finite(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    for (int k = 0; k < 3; k++)
        for (int32_t target = -1; target < 20; target++) {
            float z[20], loss, gradient[20];
            for (int n = 0; n < 20; n++) z[n] = (float)(n % 7) / 4.0f;
            z[18] = bad[k];
            op_softmax_loss o = { .op = { OP_SOFTMAX_LOSS, sizeof o }, .rows = 1, .columns = 20, .logit = z, .target = &target,
                                  .loss = &loss, .gradient = gradient };
            case_expect(*state, &o.op, 1, target % CASE_RUNGS < 0 ? 0 : target % CASE_RUNGS);
            if (target < 0) assert_true(loss == 0.0f && gradient[18] == 0.0f); /* not read */
            else if (k < 2) assert_true(isnan(loss) && isnan(gradient[0]) && isnan(gradient[18]));
            else assert_true(target == 18 ? isinf(loss) && loss > 0.0f : isfinite(loss) && gradient[18] == 0.0f);
        }
}

/* A column that is left out is not read, whatever is in it. */
static void test_left_out(void **state)
{
    float z[4] = { 1.0f, NAN, 0.5f, INFINITY }, loss, gradient[4];
    int32_t target = 0, row_id = 7, column_id[4] = { 7, 7, 3, 7 };
    op_softmax_loss o = { .op = { OP_SOFTMAX_LOSS, sizeof o }, .rows = 1, .columns = 4, .logit = z, .target = &target,
                          .row_id = &row_id, .column_id = column_id, .loss = &loss, .gradient = gradient };
    for (int32_t rung = 0; rung < CASE_RUNGS; rung++) {
        case_expect(*state, &o.op, 1, rung);
        rows_near((double)loss, log1p(exp(-0.5)), 1e-6, "loss", rung, 0);
        assert_true(gradient[1] == 0.0f && gradient[3] == 0.0f);
        rows_near((double)gradient[0], -(double)gradient[2], 1e-6, "gradient", rung, 0);
    }
}

/* ---- on the tape ---- */

static tensor build(tape *g, const tensor *in, const void *data)
{
    const scene *s = data;
    softmax_rule rule = { 0 };
    int64_t E = s->list.ptr[s->B];
    sparse T = { .n_rows = s->B, .n_columns = s->N, .n_entries = E };
    if (s->kind == TARGETS_ONE) {
        rule.target = in[1];
    } else {
        T.row_ptr = recsys__tape_copy_in(g, s->list.ptr, s->B + 1, 8);
        T.column = recsys__tape_copy_in(g, s->list.item, E, 4);
        if (s->kind == TARGETS_WEIGHTED) T.value = recsys__tape_copy_in(g, s->list.val, E, 4);
        rule.targets = &T;
    }
    if (s->with_ids) rule.row_id = in[2], rule.column_id = in[3];
    return op_affine(g, op_softmax_loss(g, in[0], &rule), 2.5f, 0.0f);
}

static void oracle(const double *const *in, double *term, const void *data)
{
    const scene *s = data;
    for (int64_t b = 0; b < s->B; b++) {
        row_truth t = truth_of(s, in[0] + b * s->N, b);
        term[b] = t.weight > 0.0 ? 2.5 * t.loss / (double)s->B : 0.0;
    }
}

static gradient_case case_of(const scene *s)
{
    return (gradient_case){ .name = "softmax_loss", .n_inputs = 4, .n_terms = s->B, .roundings = 2000, .build = build,
                            .oracle = oracle,
                            .data = s,
                            .in = { { .shape = { s->B, s->N }, .values = s->z },
                                    { .shape = { s->B }, .ints = s->one },
                                    { .shape = { s->B }, .ints = s->row_id },
                                    { .shape = { s->N }, .ints = s->column_id } } };
}

static void test_gradients(void **state)
{
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        for (int ids = 0; ids < 2; ids++) {
            scene s = new_scene(6, 9, kind, ids, 2.0, (uint64_t)kind);
            gradient_case c = case_of(&s);
            gradient_check(*state, &c);
            free_scene(&s);
        }
}

/* What is wrong with a rule, made by its number. */
static tensor build_wrong(tape *g, const tensor *in, const void *data)
{
    int which = *(const int *)data;
    int64_t ptr[] = { 0, 0, 0 };
    sparse T = { .n_rows = 2, .n_columns = 4, .row_ptr = recsys__tape_copy_in(g, ptr, 3, 8) };
    softmax_rule rule = { .target = in[1] };
    if (which == 0) rule.targets = &T;
    if (which == 1) rule.target = (tensor){ 0 };
    if (which == 2) rule.target = in[2];
    if (which == 3) rule.target = in[0];
    if (which == 4) rule.row_id = in[1];
    if (which == 5) rule.column_id = in[2];
    if (which == 6) rule.row_id = in[1], rule.column_id = in[1];
    if (which == 7) rule.target = (tensor){ 0 }, rule.targets = &T;
    return op_softmax_loss(g, in[0], &rule);
}

static void test_refused(void **state)
{
    static const struct {
        recsys_status status;
        const char *words;
    } bad[] = {
        { RECSYS_ERR_INVALID_ARGUMENT, "op_softmax_loss|either" }, { RECSYS_ERR_INVALID_ARGUMENT, "either" },
        { RECSYS_ERR_INVALID_ARGUMENT, "target is 3|2 rows" },     { RECSYS_ERR_TYPE, "target|float32" },
        { RECSYS_ERR_INVALID_ARGUMENT, "column_id is no tensor" }, { RECSYS_ERR_INVALID_ARGUMENT, "row_id is no tensor" },
        { RECSYS_ERR_INVALID_ARGUMENT, "column_id is 2|3 columns" }, { RECSYS_ERR_INVALID_ARGUMENT, "2 x 3|2 x 4" },
    };
    int32_t ints[] = { 0, 1, 2 };
    for (int which = 0; which < 8; which++) {
        gradient_case c = { .name = "softmax_loss", .n_inputs = 3, .build = build_wrong, .data = &which,
                            .in = { { .shape = { 2, 3 } }, { .shape = { 2 }, .ints = ints },
                                    { .shape = { 3 }, .ints = ints } } };
        tape_case_refused(*state, &c, bad[which].status, bad[which].words);
    }
}

static void test_failing_memory(void **state)
{
    scene s = new_scene(3, 5, TARGETS_WEIGHTED, 1, 1.0, 1);
    gradient_case c = case_of(&s);
    tape_case_failing_memory(*state, &c);
    free_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),    cmocka_unit_test(test_large),   cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_left_out), cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
