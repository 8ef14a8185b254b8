/* rows_loss.c - losses of all cells against sparse rows, with their gradients, against the definitions in double; on the tape
 * against central differences; and the same bits as pointwise_loss with dense labels in the gradient.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

#include "backend/op/pointwise_loss.h"
#include "backend/op/rows_loss.h"

typedef struct scene {
    int64_t B, N;
    int32_t kind;
    float *z;
    case_lists list;
} scene;

static scene new_scene(int64_t B, int64_t N, int32_t kind, double width, uint64_t seed)
{
    scene s = { .B = B, .N = N, .kind = kind, .z = case_floats(B * N), .list = case_random_lists(B, N, 0.15, seed + 1) };
    for (int64_t i = 0; i < B * N; i++) s.z[i] = (float)(width * (2.0 * test_random_unit(&seed) - 1.0));
    return s;
}

static void free_scene(scene *s)
{
    free(s->z);
    case_free_lists(&s->list);
}

static double label_of(const scene *s, int64_t b, int64_t n)
{
    for (int64_t e = s->list.ptr[b]; e < s->list.ptr[b + 1]; e++)
        if (s->list.item[e] == n) return 1.0;
    return 0.0;
}

static double log_1_exp(double x) /* log(1 + exp(x)) */
{
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double term_of(const scene *s, double z, double y)
{
    return s->kind == LOSS_CELLS_MSE ? (z - y) * (z - y) : y > 0.0 ? log_1_exp(-z) : log_1_exp(z);
}

static op_rows_loss descriptor(const scene *s, float *loss, float *gradient)
{
    return (op_rows_loss){ .op = { OP_ROWS_LOSS, sizeof(op_rows_loss) }, .rows = s->B, .columns = s->N, .logit = s->z,
                           .row_ptr = s->list.ptr, .column = s->list.item, .kind = s->kind, .loss = loss,
                           .gradient = gradient };
}

static void check(fixture *f, const scene *s)
{
    float *out = case_floats(1 + s->B * s->N), alone = NAN;
    double loss = 0.0, bound = 0.0, cells = (double)(s->B * s->N);
    op_rows_loss o = descriptor(s, out, out + 1), only = descriptor(s, &alone, NULL);
    float *got = rows_run(f, &o.op, out, (size_t)(1 + s->B * s->N) * sizeof *out);
    for (int64_t b = 0; b < s->B; b++)
        for (int64_t n = 0; n < s->N; n++) {
            double z = (double)s->z[b * s->N + n], y = label_of(s, b, n), l = term_of(s, z, y);
            double g = s->kind == LOSS_CELLS_MSE ? 2.0 * (z - y) : y > 0.0 ? -1.0 / (1.0 + exp(z)) : 1.0 / (1.0 + exp(-z));
            rows_near((double)got[1 + b * s->N + n], g / cells, 11.0 * ROUNDING * fabs(g / cells) + 0x1p-125, "gradient", b, n);
            loss += l / cells;
            bound += (10.0 * ROUNDING * l + 0x1p-125) / cells;
        }
    rows_near((double)got[0], loss, bound + 1.01 * ROUNDING * loss, "loss", s->B, s->N);
    for (int t = 0; t < CASE_THREADS; t++) {
        case_expect(f, &only.op, case_threads[t], t % CASE_RUNGS);
        case_same_floats(&alone, got, 1, "loss alone");
    }
    free(got), free(out);
}

static void test_shapes(void **state)
{
    static const int64_t shapes[][2] = { { 0, 5 }, { 3, 0 }, { 1, 1 }, { 5, 1 }, { 3, 7 }, { 9, 15 }, { 4, 255 }, { 3, 256 },
                                         { 6, 257 }, { 2, 1031 }, { 70, 700 } };
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++)
        for (int32_t kind = 0; kind < 2; kind++) {
            scene s = new_scene(shapes[c][0], shapes[c][1], kind, c % 2 ? 3.0 : 30.0, c * 10);
            check(*state, &s);
            free_scene(&s);
        }
}

/* What replaces a dense copy of the labels gives the gradient that they do. */
static void test_as_pointwise(void **state)
{
    scene s = new_scene(20, 300, LOSS_CELLS_BCE, 8.0, 3);
    int64_t n = s.B * s.N;
    float *y = case_floats(n), *a = case_floats(n), *b = case_floats(n), loss[2];
    for (int64_t i = 0; i < n; i++) y[i] = (float)label_of(&s, i / s.N, i % s.N);
    op_rows_loss rows = descriptor(&s, loss, a);
    op_pointwise_loss dense = { .op = { OP_POINTWISE_LOSS, sizeof dense }, .n = n, .logit = s.z, .label = y, .loss = loss + 1,
                                .gradient = b };
    case_expect(*state, &rows.op, 2, CASE_RUNGS - 1);
    case_expect(*state, &dense.op, 2, CASE_RUNGS - 1);
    case_same_floats(a, b, n, "gradient");
    rows_near((double)loss[0], (double)loss[1], 2.0 * ROUNDING * (double)loss[1], "loss", 0, 0);
    free(y), free(a), free(b), free_scene(&s);
}

static void test_not_finite(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    for (int k = 0; k < 3; k++)
        for (int32_t kind = 0; kind < 2; kind++) {
            scene s = new_scene(5, 40, kind, 1.0, 7);
            float loss, *gradient = case_floats(200);
            s.z[77] = bad[k];
            op_rows_loss o = descriptor(&s, &loss, gradient);
            case_expect(*state, &o.op, 1, k);
            assert_int_equal(isfinite(loss) ? 1 : 0, 0);
            if (k == 0) assert_true(isnan(gradient[77]));
            for (int i = 0; i < 200; i++) assert_true(i == 77 || isfinite(gradient[i]));
            free(gradient), free_scene(&s);
        }
}

/* ---- on the tape ---- */

static tensor build(tape *g, const tensor *in, const void *data)
{
    const scene *s = data;
    int64_t E = s->list.ptr[s->B];
    sparse T = { .n_rows = s->B, .n_columns = s->N, .n_entries = E,
                 .row_ptr = recsys__tape_copy_in(g, s->list.ptr, s->B + 1, 8),
                 .column = recsys__tape_copy_in(g, s->list.item, E, 4) };
    return op_affine(g, op_rows_loss(g, in[0], &T, s->kind), 2.5f, 0.0f);
}

static void oracle(const double *const *in, double *term, const void *data)
{
    const scene *s = data;
    for (int64_t i = 0; i < s->B * s->N; i++)
        term[i] = 2.5 * term_of(s, in[0][i], label_of(s, i / s->N, i % s->N)) / (double)(s->B * s->N);
}

static gradient_case case_of(const scene *s)
{
    return (gradient_case){ .name = "rows_loss", .n_inputs = 1, .n_terms = s->B * s->N, .roundings = 30, .build = build,
                            .oracle = oracle, .data = s, .in = { { .shape = { s->B, s->N }, .values = s->z } } };
}

static void test_gradients(void **state)
{
    for (int32_t kind = 0; kind < 2; kind++) {
        scene s = new_scene(6, 9, kind, 2.0, 4);
        gradient_case c = case_of(&s);
        gradient_check(*state, &c);
        free_scene(&s);
    }
}

static void test_refused(void **state)
{
    scene s = new_scene(3, 5, LOSS_CELLS_BCE, 1.0, 1);
    gradient_case c = case_of(&s);
    c.in[0] = (gradient_input){ .shape = { 3, 6 } };
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "op_rows_loss|3 x 6|3 x 5");
    c = case_of(&s), s.kind = 2;
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "no loss 2");
    free_scene(&s);
}

static void test_failing_memory(void **state)
{
    scene s = new_scene(3, 5, LOSS_CELLS_MSE, 1.0, 1);
    gradient_case c = case_of(&s);
    tape_case_failing_memory(*state, &c);
    free_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),    cmocka_unit_test(test_as_pointwise), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_refused),      cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
