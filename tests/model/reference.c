/* reference.c - LightGCN, GF-CF, denoising autoencoder, two-tower models and MLP classifier against float64.
 *
 * A case of the golden files (tests/reference/stepwise.py and the file that the golden file names explain them) is a model, its
 * parameters, data, an optimizer and five batches. Compared after each step: the loss; after the first: gradients; after the
 * first and the fifth: parameters, what follows from them, scores of all users and of histories. On the CPU with one and with
 * two threads, and on the fence backend. GF-CF has no steps: its scores are compared.
 * U users, I items, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "model/golden_training.h"
#include "support/features.h"

/* ---- data ---- */

static recsys_dataset *data_of(recsys_exec *x, const golden_case *c)
{
    recsys_dataset *d = golden_data(x, c, strcmp(golden_word(c, "model"), "gf-cf") == 0);
    int dense = strcmp(golden_word(c, "model"), "mlp-classifier") == 0;
    const golden_array *of_users = golden_find(c, "user_features"), *of_items = golden_find(c, "item_features");
    if (of_users != NULL)
        test_attach_features(x, d, SIDE_USERS, of_users->f32, of_users->cols, dense);
    if (of_items != NULL)
        test_attach_features(x, d, SIDE_ITEMS, of_items->f32, of_items->cols, dense);
    return d;
}

/* ---- steps ---- */

static tensor indices(tape *g, const golden_array *a)
{
    int32_t host[GOLDEN_ROOM];
    assert_true(a->rows == 1 && a->cols <= GOLDEN_ROOM);
    for (int64_t e = 0; e < a->cols; e++)
        host[e] = (int32_t)a->value[e];
    return recsys__tape_vector(g, host, a->cols, RECSYS_I32);
}

/* Logs of the probabilities with which these items are drawn, the weight of an item being (number of its events)^popularity. */
static tensor log_q(tape *g, const golden_case *c, const golden_array *items)
{
    const golden_array *r = golden_get(c, "interactions");
    double weight[GOLDEN_ROOM] = { 0 }, all = 0.0;
    float host[GOLDEN_ROOM];
    for (int64_t e = 0; e < r->rows * r->cols; e++)
        weight[e % r->cols] += r->value[e];
    for (int64_t i = 0; i < r->cols; i++) {
        weight[i] = pow(weight[i], golden_number(c, "popularity"));
        all += weight[i];
    }
    for (int64_t b = 0; b < items->cols; b++)
        host[b] = (float)log(weight[(int64_t)items->value[b]] / all);
    return recsys__tape_vector(g, host, items->cols, RECSYS_F32);
}

/* What the trainer does in a step, with negatives that the batch shares: no public input gives them. */
static void step_on_shared(recsys_trainer *t, const golden_case *c, int step)
{
    const golden_array *items = golden_of_batch(c, step, "items"), *shared = golden_of_batch(c, step, "shared");
    parameter_gradient gradients[MODEL_MAX_TENSORS];
    tape *g = t->g;
    float value;
    recsys__tape_reset(g, t->x->seed, (uint64_t)t->at.step);
    recsys__tape_mode(g, 1, 1);
    batch b = { .rows = items->cols, .step = step, .users = indices(g, golden_of_batch(c, step, "users")),
                .items = indices(g, items), .shared = indices(g, shared) };
    if (golden_number(c, "log_q") > 0.0) {
        b.own_log_q = log_q(g, c, items);
        b.shared_log_q = log_q(g, c, shared);
    }
    tensor loss = t->class->training->loss(g, t->m, &b);
    expect_ok(t->x, recsys__tape_status(g));
    expect_ok(t->x, recsys__download(t->x, &value, loss.data, sizeof value));
    golden_check_loss(c, step, (double)value);
    recsys__tape_backward(g, loss);
    for (int64_t p = 0; p < t->n_parameters; p++)
        gradients[p] = recsys__tape_parameter_gradient(g, p);
    expect_ok(t->x, recsys__tape_status(g));
    expect_ok(t->x, recsys__optimizer_step(t->state, t->x, gradients));
    expect_ok(t->x, recsys__optimizer_report(t->state, t->x, INT64_MAX, NULL));
    t->settled = ++t->at.step;
}

static void one_step(recsys_trainer *t, const golden_case *c, int step)
{
    recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
    if (golden_of_batch(c, step, "shared") != NULL) {
        step_on_shared(t, c, step);
        return;
    }
    golden_step(t, c, step, &e);
    golden_check_loss(c, step, e.loss);
}

/* ---- what comes out ---- */

/* Scores of the case's histories. */
static void check_fold_in(recsys_exec *x, const recsys_model *m, const golden_case *c, const char *name)
{
    const golden_array *h = golden_get(c, "histories"), *want = golden_get(c, name);
    int64_t items[32];
    float values[32], got[GOLDEN_ROOM];
    assert_true(h->cols <= 32 && h->rows == want->rows && want->rows * want->cols <= GOLDEN_ROOM);
    for (int64_t r = 0; r < h->rows; r++) {
        recsys_query q = RECSYS_QUERY_INIT;
        for (int64_t i = h->cols - 1; i >= 0; i--) /* in any order */
            if (h->value[r * h->cols + i] != 0.0) {
                items[q.history_count] = i;
                values[q.history_count++] = h->f32[r * h->cols + i];
            }
        q.parts = RECSYS_QUERY_HISTORY;
        q.history = items;
        q.history_values = values;
        expect_ok(x, recsys_model_score(m, x, &q, 1, got + r * h->cols));
    }
    golden_expect(c, "scores of histories", want, got);
}

/* A vector index finds the order of the scores by inner products. */
static void check_order(recsys_exec *x, const recsys_model *m, const golden_case *c, const golden_array *scores)
{
    int64_t U, I, D, D_items;
    float *u = golden_tensor(x, m, "user_vector", &U, &D), *v = golden_tensor(x, m, "item_vector", &I, &D_items);
    if (u == NULL || v == NULL)
        fail_msg("%s: the model has no user_vector or no item_vector", c->name);
    assert_int_equal(D, D_items);
    for (int64_t a = 0; a < U; a++)
        for (int64_t i = 0; i < I; i++)
            for (int64_t j = 0; j < I; j++) {
                double difference = 0.0, of_scores = scores->value[a * I + i] - scores->value[a * I + j];
                for (int64_t d = 0; d < D; d++)
                    difference += (double)u[a * D + d] * ((double)v[i * D + d] - (double)v[j * D + d]);
                if (of_scores > 1e-3 && !(difference > 0.0))
                    fail_msg("%s: item %lld scores above %lld for user %lld, but not its vector", c->name, (long long)i,
                             (long long)j, (long long)a);
            }
    free(u);
    free(v);
}

/* Whatever the case has as NAME1 or NAME5 beside the scores: tensors that follow from the parameters. */
static void check_derived(recsys_exec *x, const recsys_model *m, const golden_case *c, int after)
{
    static const char *const names[] = { "user_vector", "item_vector", "feature_mean", "feature_scale" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char full[GOLDEN_NAME];
        snprintf(full, sizeof full, "%s%d", names[k], after);
        if (golden_find(c, full) != NULL)
            golden_check_tensor(x, m, c, full, names[k], golden_find(c, full));
    }
}

static void check_model(recsys_trainer *t, const golden_case *c, int after)
{
    char prefix[GOLDEN_NAME], scores[GOLDEN_NAME], fold_in[GOLDEN_NAME];
    recsys_model *m = NULL;
    snprintf(prefix, sizeof prefix, "after%d", after);
    snprintf(scores, sizeof scores, "scores%d", after);
    snprintf(fold_in, sizeof fold_in, "fold_in%d", after);
    expect_ok(t->x, recsys_trainer_model(t, 0, &m));
    golden_check_parameters(t, m, c, prefix);
    check_derived(t->x, m, c, after);
    golden_check_scores(t->x, m, c, scores);
    if (golden_find(c, fold_in) != NULL)
        check_fold_in(t->x, m, c, fold_in);
    if (strcmp(golden_word(c, "model"), "two-tower-product") == 0)
        check_order(t->x, m, c, golden_get(c, scores));
    recsys_model_release(m);
}

static void run_trained(recsys_exec *x, const golden_case *c)
{
    recsys_dataset *data = data_of(x, c);
    recsys_optimizer *optimizer = golden_optimizer(x, c);
    int64_t n = golden_has(c, "n_negatives") ? (int64_t)golden_number(c, "n_negatives") : 0;
    recsys_trainer *t = golden_trainer(x, golden_word(c, "model"), golden_word(c, "params"), data, optimizer, n, NULL);
    golden_set(t, c, "initial");
    for (int step = 0; step < GOLDEN_STEPS; step++) {
        one_step(t, c, step);
        if (step == 0) {
            golden_check_gradients(t, c);
            check_model(t, c, 1);
        }
    }
    check_model(t, c, 5);
    recsys_trainer_release(t);
    recsys_optimizer_release(optimizer);
    recsys_dataset_release(data);
}

static void run_fitted(recsys_exec *x, const golden_case *c)
{
    recsys_dataset *data = data_of(x, c);
    recsys_params *p = golden_params(x, golden_word(c, "model"), golden_word(c, "params"));
    recsys_model *m = NULL;
    expect_ok(x, recsys_model_fit(p, data, x, NULL, &m));
    golden_check_scores(x, m, c, "scores");
    check_fold_in(x, m, c, "fold_in");
    recsys_model_release(m);
    recsys_params_release(p);
    recsys_dataset_release(data);
}

static void test_lightgcn(void **state)
{
    (void)state;
    golden_run("lightgcn.txt", run_trained);
}

static void test_gf_cf(void **state)
{
    (void)state;
    golden_run("gf-cf.txt", run_fitted);
}

static void test_dae(void **state)
{
    (void)state;
    golden_run("dae.txt", run_trained);
}

static void test_two_tower_concat(void **state)
{
    (void)state;
    golden_run("two-tower-concat.txt", run_trained);
}

static void test_two_tower_product(void **state)
{
    (void)state;
    golden_run("two-tower-product.txt", run_trained);
}

static void test_mlp_classifier(void **state)
{
    (void)state;
    golden_run("mlp-classifier.txt", run_trained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lightgcn),
        cmocka_unit_test(test_gf_cf),
        cmocka_unit_test(test_dae),
        cmocka_unit_test(test_two_tower_concat),
        cmocka_unit_test(test_two_tower_product),
        cmocka_unit_test(test_mlp_classifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
