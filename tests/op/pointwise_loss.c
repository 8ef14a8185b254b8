/* pointwise_loss.c - BCE, T-CE and R-CE with their gradients and statistics, against the definitions in double; on the tape
 * against central differences.
 *
 * Logits are multiples of 1/64, so losses of different samples are far apart or exactly equal, and the order is the same in
 * float and in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

#include "backend/op/pointwise_loss.h"

/* What a run writes, in one block. */
typedef struct results {
    pointwise_stats stats;
    float loss, pad, gradient[];
} results;

/* A case: n samples and the rule. */
typedef struct samples {
    int64_t n;
    float *x, *y;
    uint8_t *clean;
    pointwise_rule rule;
} samples;

enum { LABELS_BINARY, LABELS_ALL_POSITIVE, LABELS_NONE_POSITIVE, LABELS_BETWEEN, LABEL_KINDS };

static samples new_samples(int64_t n, int labels, int64_t different, uint64_t seed)
{
    static const float between[] = { 0.0f, 0.25f, 0.5f, 0.75f, 1.0f };
    samples k = { .n = n, .x = case_floats(n), .y = case_floats(n), .clean = case_array(n, 1) };
    for (int64_t s = 0; s < n; s++) {
        uint64_t draw = test_random(&seed);
        k.x[s] = (float)((int64_t)(draw % (uint64_t)(2 * different + 1)) - different) / 64.0f;
        k.y[s] = labels == LABELS_ALL_POSITIVE ? 1.0f : 0.0f;
        if (labels == LABELS_BINARY) k.y[s] = (float)(draw >> 40 & 1);
        if (labels == LABELS_BETWEEN) k.y[s] = between[(draw >> 40) % 5];
        k.clean[s] = (uint8_t)((draw >> 50) % 3);
    }
    return k;
}

static void free_samples(samples *k)
{
    free(k->x), free(k->y), free(k->clean);
}

static double log_1_exp(double x) /* log(1 + exp(-x)) */
{
    return x > 0.0 ? log1p(exp(-x)) : -x + log1p(exp(x));
}

static double loss_of(double x, double y)
{
    return y * log_1_exp(x) + (1.0 - y) * log_1_exp(-x);
}

/* The weight of R-CE, and how far from it the contract lets a float be. */
static double weight_of(const pointwise_rule *rule, double x, double y, double *off)
{
    *off = 0.0;
    if (rule->kind != LOSS_RCE) return 1.0;
    double down = rule->alpha * log_1_exp(x), up = rule->alpha * log_1_exp(-x);
    double a = y * exp(-down), b = (1.0 - y) * exp(-up);
    *off = ROUNDING * (a * (12.0 * down + 8.0) + b * (12.0 * up + 8.0)) + 0x1p-125;
    return a + b;
}

/* ---- which samples stay ---- */

typedef struct place {
    double value;
    int64_t index;
} place;

static int by_value_then_index(const void *a, const void *b)
{
    const place *l = a, *r = b;
    if (l->value != r->value) return l->value < r->value ? -1 : 1;
    return (l->index > r->index) - (l->index < r->index);
}

/* 1 for each sample that stays; how many in *stay. */
static uint8_t *who_stays(const samples *k, int64_t *stay)
{
    uint8_t *stays = malloc((size_t)k->n + 1);
    place *order = malloc((size_t)(k->n + 1) * sizeof *order);
    int64_t of = 0;
    memset(stays, 1, (size_t)k->n + 1);
    for (int64_t s = 0; s < k->n; s++) {
        if (k->rule.kind != LOSS_TCE || (k->rule.drop_of == DROP_OF_POSITIVES && !(k->y[s] > 0.5f))) continue;
        double value = k->y[s] == 0.0f ? 0.0 : loss_of((double)k->x[s], (double)k->y[s]) * (double)k->y[s];
        order[of++] = (place){ isnan(value) ? (double)INFINITY : (double)(float)value, s };
    }
    qsort(order, (size_t)of, sizeof *order, by_value_then_index);
    int64_t keep = k->rule.kind == LOSS_TCE ? (int64_t)((1.0 - k->rule.drop_rate) * (double)of) : 0;
    for (int64_t p = keep; p < of; p++) stays[order[p].index] = 0;
    *stay = k->n - (of - keep);
    free(order);
    return stays;
}

/* ---- one case ---- */

static op_pointwise_loss descriptor(const samples *k, results *out)
{
    op_pointwise_loss o = { .op = { OP_POINTWISE_LOSS, sizeof o }, .n = k->n, .logit = k->x, .label = k->y,
                            .rule = k->rule, .loss = &out->loss, .gradient = out->gradient };
    o.rule.stats = &out->stats;
    return o;
}

static results *run(fixture *f, const samples *k)
{
    size_t bytes = sizeof(results) + (size_t)k->n * sizeof(float);
    results *out = case_array((int64_t)bytes, 1);
    op_pointwise_loss o = descriptor(k, out);
    results *got = rows_run(f, &o.op, out, bytes);
    free(out);
    return got;
}

/* On one rung alone: the bits of a NaN are nobody's promise. */
static results *run_once(fixture *f, const samples *k, int32_t rung)
{
    results *out = case_array((int64_t)(sizeof(results) + (size_t)k->n * sizeof(float)), 1);
    op_pointwise_loss o = descriptor(k, out);
    case_expect(f, &o.op, 2, rung);
    return out;
}

static void check_stats(const samples *k, const pointwise_stats *t, const uint8_t *stays, int64_t stay)
{
    pointwise_stats want = { 0 };
    for (int64_t s = 0; s < k->n; s++) {
        double l = loss_of((double)k->x[s], (double)k->y[s]);
        if (!k->rule.clean || k->clean[s] > 1) continue;
        want.dropped_clean += !stays[s] && k->clean[s], want.dropped_noisy += !stays[s] && !k->clean[s];
        if (!(k->y[s] > 0.5f)) continue;
        want.clean += k->clean[s], want.noisy += !k->clean[s];
        *(k->clean[s] ? &want.clean_loss : &want.noisy_loss) += l;
    }
    assert_true(t->kept == (double)stay && t->dropped == (double)(k->n - stay));
    assert_true(t->dropped_clean == want.dropped_clean && t->dropped_noisy == want.dropped_noisy);
    assert_true(t->clean == want.clean && t->noisy == want.noisy);
    rows_near(t->clean_loss, want.clean_loss, 11.0 * ROUNDING * want.clean_loss, "clean_loss", 0, 0);
    rows_near(t->noisy_loss, want.noisy_loss, 11.0 * ROUNDING * want.noisy_loss, "noisy_loss", 0, 0);
}

static void check(fixture *f, const samples *k)
{
    int64_t stay;
    uint8_t *stays = who_stays(k, &stay);
    results *got = run(f, k);
    double sum = 0.0, bound = 0.0, count = stay > 0 ? (double)stay : 1.0;
    for (int64_t s = 0; s < k->n; s++) {
        double x = (double)k->x[s], y = (double)k->y[s], w_error, w = weight_of(&k->rule, x, y, &w_error);
        double l = loss_of(x, y), g = x > 0.0 ? (1.0 - y) - 1.0 / (1.0 + exp(x)) : 1.0 / (1.0 + exp(-x)) - y;
        double g_bound = stays[s] ? (w * 8.0 * ROUNDING + w_error + 3.0 * ROUNDING * w * fabs(g)) / count : 0.0;
        rows_near((double)got->gradient[s], stays[s] ? w * g / count : 0.0, g_bound + 0x1p-149, "gradient", s, 0);
        if (!stays[s]) continue;
        sum += w * l;
        bound += w * 10.0 * ROUNDING * l + w_error * l + 2.0 * ROUNDING * w * l + 0x1p-125;
    }
    rows_near(got->stats.loss, sum / count, bound / count + 1e-14 * sum / count, "stats.loss", 0, 0);
    rows_near((double)got->loss, sum / count, bound / count + 1.01 * ROUNDING * sum / count, "loss", 0, 0);
    check_stats(k, &got->stats, stays, stay);
    free(stays), free(got);
}

/* ---- tests ---- */

static const pointwise_rule rules[] = {
    { .kind = LOSS_BCE },
    { .kind = LOSS_TCE, .drop_rate = 0.0 },
    { .kind = LOSS_TCE, .drop_rate = 0.05 },
    { .kind = LOSS_TCE, .drop_rate = 0.7 },
    { .kind = LOSS_TCE, .drop_rate = 0.9999 },
    { .kind = LOSS_TCE, .drop_rate = 0.2, .drop_of = DROP_OF_POSITIVES },
    { .kind = LOSS_TCE, .drop_rate = 0.9999, .drop_of = DROP_OF_POSITIVES },
    { .kind = LOSS_RCE, .alpha = 0.0 },
    { .kind = LOSS_RCE, .alpha = 0.25 },
    { .kind = LOSS_RCE, .alpha = 3.0 },
};
enum { RULES = sizeof rules / sizeof *rules };

static void test_shapes(void **state)
{
    static const int64_t counts[] = { 0, 1, 2, 7, 8, 9, 255, 256, 257, 1024, 2049 };
    fixture f;
    fixture_open(&f, 2);
    for (int c = 0; c < 11; c++)
        for (int labels = 0; labels < LABEL_KINDS; labels++)
            for (int r = 0; r < RULES; r++) {
                samples k = new_samples(counts[c], labels, c % 2 ? 500 : 3, (uint64_t)(c * 100 + labels)); /* many ties, or few */
                k.rule = rules[r];
                if (r % 2) k.rule.clean = k.clean;
                check(&f, &k);
                free_samples(&k);
            }
    fixture_close(&f);
    (void)state;
}

/* Enough samples for several threads, and ties across their borders. */
static void test_many_samples(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int r = 0; r < RULES; r++) {
        samples k = new_samples(70001, r % 2 ? LABELS_BINARY : LABELS_BETWEEN, r % 3 ? 2 : 500, (uint64_t)r);
        k.rule = rules[r];
        k.rule.clean = k.clean;
        check(&f, &k);
        free_samples(&k);
    }
    fixture_close(&f);
    (void)state;
}

/* Equal losses throughout: the samples of the highest indices go. */
static void test_ties(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    samples k = new_samples(1000, LABELS_ALL_POSITIVE, 0, 1);
    k.rule = (pointwise_rule){ .kind = LOSS_TCE, .drop_rate = 0.25 };
    results *got = run(&f, &k);
    for (int64_t s = 0; s < 1000; s++) assert_int_equal(got->gradient[s] != 0.0f, s < 750);
    free(got), free_samples(&k);
    fixture_close(&f);
    (void)state;
}

/* Single samples over the whole range: the loss, and its gradient where that is all there is to lose digits of. */
static void test_accuracy(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    float *v = case_floats(4);
    double step = getenv("RECSYS_TEST_DEVICE") ? 0.0731 : 0.00731; /* a launch each on a device */
    for (double at = -110.0; at < 110.0; at += step)
        for (int y = 0; y < 2; y++) {
            enum { LOGIT, LABEL, LOSS, GRADIENT };
            v[LOGIT] = (float)at, v[LABEL] = (float)y;
            op_pointwise_loss o = { .op = { OP_POINTWISE_LOSS, sizeof o }, .n = 1, .logit = v + LOGIT, .label = v + LABEL,
                                    .loss = v + LOSS, .gradient = v + GRADIENT };
            case_expect(&f, &o.op, 1, (int32_t)(fabs(at) * 16.0) % CASE_RUNGS);
            double x = (double)v[LOGIT], l = loss_of(x, y), g = y ? -1.0 / (1.0 + exp(x)) : 1.0 / (1.0 + exp(-x));
            rows_near((double)v[LOSS], l, 10.0 * ROUNDING * l + 0x1p-125, "loss at", (int64_t)(at * 1e5), y);
            rows_near((double)v[GRADIENT], g, 8.0 * ROUNDING * fabs(g) + 0x1p-125, "gradient at", (int64_t)(at * 1e5), y);
        }
    free(v);
    fixture_close(&f);
    (void)state;
}

static void test_extreme_logits(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int r = 0; r < RULES; r++) {
        float x[] = { 1e4f, -1e4f, 1e4f, -1e4f, 3e38f, -3e38f, 1e-40f, -0.0f }, y[] = { 1, 0, 0, 1, 1, 0, 1, 0 };
        samples k = { .n = 8, .x = x, .y = y, .rule = rules[r] };
        check(&f, &k);
    }
    fixture_close(&f);
    (void)state;
}

/* What is not finite is never lost, not even where the sample itself is dropped; and it counts as the largest loss. */
static void test_not_finite(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    fixture f;
    fixture_open(&f, 1);
    for (int r = 0; r < RULES; r++)
        for (int b = 0; b < 3; b++)
            for (int label = 0; label < 2; label++) {
                samples k = new_samples(40, LABELS_BINARY, 100, 7);
                k.rule = rules[r];
                k.x[11] = bad[b], k.y[11] = (float)label;
                int64_t stay;
                uint8_t *stays = who_stays(&k, &stay);
                results *got = run_once(&f, &k, (r + b) % CASE_RUNGS);
                assert_int_equal(isfinite(got->loss) ? 1 : 0, 0);
                if (label == 1) assert_int_equal(stays[11], k.rule.kind != LOSS_TCE || k.rule.drop_rate == 0.0 ? 1 : 0);
                if (stays[11] && b == 0) assert_true(isnan(got->gradient[11]));
                for (int64_t s = 0; s < 40; s++)
                    assert_true(stays[s] ? s == 11 || isfinite(got->gradient[s]) : got->gradient[s] == 0.0f);
                free(got), free(stays), free_samples(&k);
            }
    fixture_close(&f);
    (void)state;
}

/* Neither gradient nor statistics wanted: the loss has the same bits. */
static void test_loss_alone(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int r = 0; r < RULES; r++) {
        samples k = new_samples(777, LABELS_BINARY, 100, 3);
        k.rule = rules[r];
        results *got = run(&f, &k);
        float loss;
        op_pointwise_loss o = { .op = { OP_POINTWISE_LOSS, sizeof o }, .n = k.n, .logit = k.x, .label = k.y, .rule = k.rule,
                                .loss = &loss };
        case_expect(&f, &o.op, 2, CASE_RUNGS - 1);
        case_same_floats(&loss, &got->loss, 1, "loss");
        free(got), free_samples(&k);
    }
    fixture_close(&f);
    (void)state;
}

/* ---- on the tape ---- */

/* The samples at which a gradient is asked for: who stays and the weights are constants of theirs. */
typedef struct frozen {
    const samples *k;
    const uint8_t *stays;
    double count;
} frozen;

static tensor build(tape *g, const tensor *in, const void *data)
{
    return op_pointwise_loss(g, in[0], in[1], &((const frozen *)data)->k->rule);
}

/* The loss times a number that is no 1. */
static tensor build_scaled(tape *g, const tensor *in, const void *data)
{
    return op_affine(g, build(g, in, data), 2.5f, 0.0f);
}

static void oracle(const double *const *in, double *term, const void *data)
{
    const frozen *z = data;
    for (int64_t s = 0; s < z->k->n; s++) {
        double off, w = weight_of(&z->k->rule, (double)z->k->x[s], in[1][s], &off);
        term[s] = z->stays[s] ? w * loss_of(in[0][s], in[1][s]) / z->count : 0.0;
    }
}

static void oracle_scaled(const double *const *in, double *term, const void *data)
{
    oracle(in, term, data);
    for (int64_t s = 0; s < ((const frozen *)data)->k->n; s++) term[s] *= 2.5;
}

static void test_gradients(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int r = 0; r < RULES; r++)
        for (int scaled = 0; scaled < 2; scaled++) {
            samples k = new_samples(24, LABELS_BETWEEN, 200, (uint64_t)r);
            int64_t stay;
            k.rule = rules[r];
            uint8_t *stays = who_stays(&k, &stay);
            frozen z = { &k, stays, stay > 0 ? (double)stay : 1.0 };
            gradient_case c = { .name = "pointwise_loss", .n_inputs = 2, .n_terms = k.n, .roundings = 200, /* 12 alpha 3.1 + 24 */
                                .build = scaled ? build_scaled : build, .oracle = scaled ? oracle_scaled : oracle, .data = &z,
                                .in = { { .shape = { 6, 4 }, .values = k.x },
                                        { .shape = { 6, 4 }, .values = k.y, .kind = GRADIENT_NOTHING } } };
            gradient_check(&f, &c);
            free(stays), free_samples(&k);
        }
    fixture_close(&f);
    (void)state;
}

static void test_refused(void **state)
{
    static const struct {
        pointwise_rule rule;
        recsys_status status;
        const char *words;
    } bad[] = {
        { { .kind = LOSS_TCE, .drop_rate = 1.0 }, RECSYS_ERR_OUT_OF_RANGE, "op_pointwise_loss|drop_rate" },
        { { .kind = LOSS_TCE, .drop_rate = -0.1 }, RECSYS_ERR_OUT_OF_RANGE, "drop_rate" },
        { { .kind = LOSS_TCE, .drop_rate = (double)NAN }, RECSYS_ERR_OUT_OF_RANGE, "drop_rate" },
        { { .kind = LOSS_RCE, .alpha = -1.0 }, RECSYS_ERR_OUT_OF_RANGE, "alpha" },
        { { .kind = LOSS_RCE, .alpha = (double)NAN }, RECSYS_ERR_OUT_OF_RANGE, "alpha" },
        { { .kind = 3 }, RECSYS_ERR_INVALID_ARGUMENT, "loss 3" },
        { { .drop_of = 2 }, RECSYS_ERR_INVALID_ARGUMENT, "drop_of 2" },
    };
    fixture f;
    fixture_open(&f, 2);
    samples k = { .n = 6 };
    frozen z = { .k = &k };
    gradient_case c = { .name = "pointwise_loss", .n_inputs = 2, .build = build, .data = &z,
                        .in = { { .shape = { 6 } }, { .shape = { 6 } } } };
    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
        k.rule = bad[b].rule;
        tape_case_refused(&f, &c, bad[b].status, bad[b].words);
    }
    k.rule = rules[0];
    c.in[1] = (gradient_input){ .shape = { 5 } };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "pointwise_loss.c:|logits is 6|labels is 5");
    fixture_close(&f);
    (void)state;
}

static void test_failing_memory(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    samples k = { .n = 6, .rule = rules[3] };
    frozen z = { .k = &k };
    gradient_case c = { .name = "pointwise_loss", .n_inputs = 2, .build = build, .data = &z,
                        .in = { { .shape = { 6 } }, { .shape = { 6 }, .low = 0.0, .high = 1.0 } } };
    tape_case_failing_memory(&f, &c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),         cmocka_unit_test(test_many_samples), cmocka_unit_test(test_ties),
        cmocka_unit_test(test_accuracy),       cmocka_unit_test(test_extreme_logits), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_loss_alone),     cmocka_unit_test(test_gradients),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
