/* pointwise.c - GMF, MLP, NeuMF and CDAE with their losses against float64: five steps of training on given batches.
 *
 * A case of the golden files (tests/reference/pointwise.py explains them) is a model, its parameters, a loss, an optimizer and
 * five batches. Compared after each step: loss and number of kept samples; after the first: gradients; after the first and the
 * fifth: parameters and the scores of all users and items. On the CPU with one and with two threads, and on the fence backend.
 * U users, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "model/golden_training.h"

enum { TEXT_ROOM = 256 };

/* ---- what the library is given ---- */

static const char *model_text(const golden_case *c, const char *model, char text[TEXT_ROOM])
{
    int is_cdae = strcmp(model, "cdae") == 0;
    int n = snprintf(text, TEXT_ROOM, "%s=%s,loss=%s", is_cdae ? "hidden" : "dim", golden_word(c, "dim"),
                     golden_word(c, "loss"));
    if (strcmp(model, "gmf") != 0)
        n += snprintf(text + n, TEXT_ROOM - (size_t)n, ",dropout=0");
    if (is_cdae)
        n += snprintf(text + n, TEXT_ROOM - (size_t)n, ",activation=%s,output=%s", golden_word(c, "act"),
                      golden_number(c, "sampled") > 0 ? "sampled" : "full");
    else if (strcmp(model, "gmf") != 0)
        n += snprintf(text + n, TEXT_ROOM - (size_t)n, ",layers=%s", golden_word(c, "layers"));
    static const char *const keys[] = { "drop_rate", "drop_of", "exponent", "num_gradual", "alpha" };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (golden_has(c, keys[k]))
            n += snprintf(text + n, TEXT_ROOM - (size_t)n, ",%s=%s", keys[k], golden_word(c, keys[k]));
    assert_in_range(n, 1, TEXT_ROOM - 1);
    return text;
}

/* One of the two models that a pre-trained neumf starts from. */
static recsys_model *half_of(recsys_exec *x, const golden_case *c, const char *model, const recsys_dataset *data)
{
    char text[TEXT_ROOM];
    recsys_model *m = NULL;
    recsys_trainer *t = golden_trainer(x, model, model_text(c, model, text), data, NULL, 0, NULL);
    golden_set(t, c, model);
    expect_ok(x, recsys_trainer_model(t, 0, &m));
    recsys_trainer_release(t);
    return m;
}

/* `halves` are the models that it starts from, for the caller to release; NULL where there are none. */
static recsys_trainer *start_case(recsys_exec *x, const golden_case *c, const recsys_dataset *data,
                                  const recsys_optimizer *optimizer, recsys_model *halves[2])
{
    char text[TEXT_ROOM];
    const char *model = golden_word(c, "model");
    recsys_trainer *t;
    halves[0] = halves[1] = NULL;
    if (golden_has(c, "pretrained") && golden_number(c, "pretrained") > 0) {
        halves[0] = half_of(x, c, "mlp", data);
        halves[1] = half_of(x, c, "gmf", data);
        t = golden_trainer(x, model, model_text(c, model, text), data, optimizer, 0, (const recsys_model *const *)halves);
    } else {
        t = golden_trainer(x, model, model_text(c, model, text), data, optimizer, 0, NULL);
        golden_set(t, c, "initial");
    }
    return t;
}

/* ---- what comes out ---- */

/* Loss before the step, and how many samples counted. */
static void check_event(const golden_case *c, int step, const recsys_training_event *e)
{
    double kept = 0.0;
    const golden_array *k = golden_of_batch(c, step, "kept");
    assert_non_null(k);
    for (int64_t i = 0; i < k->rows * k->cols; i++)
        kept += k->value[i];
    golden_check_loss(c, step, e->loss);
    if (e->kept != kept || e->dropped != (double)(k->rows * k->cols) - kept)
        fail_msg("%s: step %d keeps %g and drops %g samples of %lld, and should keep %g", c->name, step, e->kept, e->dropped,
                 (long long)(k->rows * k->cols), kept);
}

/* Parameters and scores (NULL: not these) of the model as it is now. */
static void check_model(recsys_trainer *t, const golden_case *c, const char *prefix, const char *scores)
{
    recsys_model *m = NULL;
    expect_ok(t->x, recsys_trainer_model(t, 0, &m));
    assert_int_equal(recsys_model_tensor_count(m), t->n_parameters);
    golden_check_parameters(t, m, c, prefix);
    if (scores != NULL)
        golden_check_scores(t->x, m, c, scores);
    recsys_model_release(m);
}

static void run_case(recsys_exec *x, const golden_case *c)
{
    recsys_dataset *data = golden_data(x, c, 0);
    recsys_optimizer *optimizer = golden_optimizer(x, c);
    recsys_model *halves[2];
    recsys_trainer *t = start_case(x, c, data, optimizer, halves);
    assert_int_equal(golden_number(c, "steps"), GOLDEN_STEPS);
    check_model(t, c, "initial", NULL);
    for (int step = 0; step < GOLDEN_STEPS; step++) {
        recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
        golden_step(t, c, step, &e);
        check_event(c, step, &e);
        if (step == 0) {
            golden_check_gradients(t, c);
            check_model(t, c, "after1", "scores1");
        }
    }
    check_model(t, c, "after5", "scores5");
    recsys_trainer_release(t);
    recsys_model_release(halves[0]);
    recsys_model_release(halves[1]);
    recsys_optimizer_release(optimizer);
    recsys_dataset_release(data);
}

static void test_gmf(void **state)
{
    (void)state;
    golden_run("gmf.txt", run_case);
}

static void test_mlp(void **state)
{
    (void)state;
    golden_run("mlp.txt", run_case);
}

static void test_neumf(void **state)
{
    (void)state;
    golden_run("neumf.txt", run_case);
}

static void test_cdae(void **state)
{
    (void)state;
    golden_run("cdae.txt", run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gmf),
        cmocka_unit_test(test_mlp),
        cmocka_unit_test(test_neumf),
        cmocka_unit_test(test_cdae),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
