/* training.c - fails every allocation in turn (alloc/works.h): of training by steps and of the models that come from it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "alloc/works.h"

/* ---- training ---- */

/* Three steps with a validation among them whose model is kept, a value, two snapshots. */
static recsys_status three_steps(inputs *in, recsys_exec *x, outcome *out, int number)
{
    recsys_model *best = NULL;
    double value;
    recsys_status status = make_trainer(in, x, number, NULL, &out->trainer);
    if (!status) status = recsys_trainer_step(out->trainer, NULL, 0, NULL);
    if (!status) status = recsys_trainer_run(out->trainer);
    if (!status) status = recsys_trainer_validate(out->trainer, &value);
    if (!status) status = recsys_trainer_model(out->trainer, 1, &best);
    if (!status) status = recsys_trainer_model(out->trainer, 0, &out->model);
    recsys_model_release(best);
    if (status) release_outcome(out);
    return status;
}

#define STEPS_OF(name, number) \
    static recsys_status steps_of_##name(inputs *in, recsys_exec *x, outcome *out) \
    { \
        return three_steps(in, x, out, number); \
    }
STEPS_OF(gmf, 0)
STEPS_OF(mlp, 1)
STEPS_OF(neumf, 2)
STEPS_OF(cdae, 3)
STEPS_OF(sampled_cdae, 4)
STEPS_OF(lightgcn, 5)
STEPS_OF(two_tower_concat, 6)
STEPS_OF(two_tower_product, 7)
STEPS_OF(dae, 8)
enum { CLASSIFIER = 9 };
STEPS_OF(classifier, CLASSIFIER)

/* In one call, from the events on, so that views of the data are made anew; the checkpoint is written in between. */
static recsys_status fit(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    recsys_dataset *train, *valid = NULL;
    recsys_status status = test_make_dataset(x, 8, 12, 5, TEST_STRINGS, 11, &train);
    if (!status) status = test_make_dataset(x, 8, 12, 2, TEST_STRINGS, 12, &valid);
    t.optimizer = in->optimizer;
    t.epochs = 1;
    t.batch_size = 30;
    t.validation = valid;
    t.verified = valid;
    t.fine_tune_epochs = 1;
    t.checkpoint = in->checkpoint_path; /* `resume` comes before: this replaces its file */
    o.training = &t;
    if (!status) status = recsys_model_fit(in->training_params[2], train, x, &o, &out->model);
    recsys_dataset_release(valid);
    recsys_dataset_release(train);
    return status;
}

static recsys_status own_batch(inputs *in, recsys_exec *x, outcome *out)
{
    int64_t users[] = { 1, 4, 1 }, items[] = { 3, 3, 7 };
    float labels[] = { 1.0f, 0.0f, 0.5f };
    recsys_batch_input batch[] = { { "users", users, 3 }, { "items", items, 3 }, { "labels", labels, 3 } };
    recsys_status status = make_trainer(in, x, 0, NULL, &out->trainer);
    if (!status) status = recsys_trainer_step(out->trainer, batch, 3, NULL);
    if (status) release_outcome(out);
    return status;
}

static recsys_status own_rows(inputs *in, recsys_exec *x, outcome *out)
{
    int64_t users[] = { 1, 4 }, rows[] = { 0, 0, 1 }, items[] = { 3, 2, 7 };
    float labels[] = { 1.0f, 0.0f, 0.5f };
    recsys_batch_input batch[] = { { "users", users, 2 }, { "items", items, 3 }, { "labels", labels, 3 }, { "rows", rows, 3 } };
    recsys_status status = make_trainer(in, x, 4, NULL, &out->trainer);
    if (!status) status = recsys_trainer_step(out->trainer, batch, 4, NULL);
    if (status) release_outcome(out);
    return status;
}

static recsys_status save_checkpoint(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_status status = make_trainer(in, x, 0, NULL, &out->trainer);
    if (!status) status = recsys_trainer_run(out->trainer);
    if (!status) status = recsys_trainer_save(out->trainer, in->out_path);
    if (status) release_outcome(out);
    return status;
}

static recsys_status resume(inputs *in, recsys_exec *x, outcome *out)
{
    return make_trainer(in, x, 0, in->checkpoint_path, &out->trainer);
}

static void test_steps(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(steps_of_gmf),         WORK(steps_of_mlp), WORK(steps_of_neumf), WORK(steps_of_cdae),
        WORK(steps_of_sampled_cdae), WORK(steps_of_dae), WORK(steps_of_lightgcn), WORK(steps_of_two_tower_concat),
        WORK(steps_of_two_tower_product), WORK(steps_of_classifier),
        WORK(own_batch), WORK(own_rows),
    };
    run_works(works, sizeof works / sizeof *works, 1);
}

static void test_whole(void **state)
{
    (void)state;
    static const named_work works[] = { WORK(save_checkpoint), WORK(resume), WORK(fit) };
    run_works(works, sizeof works / sizeof *works, 1);
}

/* ---- the models ---- */

static int number_of(const char *name)
{
    for (int c = 0; c < MODEL_CASES; c++)
        if (strcmp(model_cases[c].name, name) == 0) return c;
    fail_msg("there is no model case %s", name);
    return -1;
}

static recsys_status ask(inputs *in, recsys_exec *x, const char *name)
{
    int64_t items[8];
    float scores[24];
    const recsys_model *m = in->model[number_of(name)];
    recsys_query q[2] = { RECSYS_QUERY_INIT, RECSYS_QUERY_INIT };
    q[0].parts = q[1].parts = RECSYS_QUERY_USER;
    q[1].user = 4;
    recsys_status status = recsys_model_topk(m, x, q, 2, 4, NULL, items, scores);
    if (!status) status = recsys_model_score(m, x, q, 2, scores);
    if (!status) status = recsys_model_similar_items(m, x, 2, 3, items, scores);
    return status == RECSYS_ERR_UNSUPPORTED ? RECSYS_OK : status;
}

#define ASK(name) \
    static recsys_status ask_##name(inputs *in, recsys_exec *x, outcome *out) \
    { \
        (void)out; \
        return ask(in, x, #name); \
    }
ASK(gmf)
ASK(mlp)
ASK(neumf_colliding)
ASK(cdae)

static recsys_status save_colliding(inputs *in, recsys_exec *x, outcome *out)
{
    (void)out;
    return recsys_model_save(in->model[number_of("neumf_colliding")], x, in->out_path, NULL);
}

static recsys_status with_colliding(inputs *in, recsys_exec *x, outcome *out)
{
    return recsys_model_with_colliding(in->model[number_of("gmf")], x, "colliding=0.3,neighbours=3", in->verified, &out->model);
}

static recsys_status with_tensor(inputs *in, recsys_exec *x, outcome *out)
{
    float bias = 0.25f;
    return recsys_model_with_tensor(in->model[number_of("neumf_colliding")], x, "predict_bias", &bias, &out->model);
}

/* From rows in a file to probabilities and counts. */
static recsys_status classify(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    recsys_query q = RECSYS_QUERY_INIT;
    const float row[] = { 1.0f, 0.5f };
    float p[3];
    int64_t item[3], confusion[9];
    t.optimizer = in->optimizer;
    t.epochs = 1;
    o.training = &t;
    q.parts = RECSYS_QUERY_FEATURES, q.features = row, q.n_features = 2;
    recsys_status status = recsys_model_fit(in->training_params[CLASSIFIER], in->rows[0], x, &o, &out->model);
    if (!status) status = recsys_model_score(out->model, x, &q, 1, p);
    if (!status) status = recsys_model_topk(out->model, x, &q, 1, 3, NULL, item, p);
    if (!status) status = recsys_model_classify(out->model, x, in->rows[1], NULL, confusion, NULL);
    if (status) release_outcome(out);
    return status;
}

static void test_models(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(ask_gmf),        WORK(ask_mlp),        WORK(ask_neumf_colliding), WORK(ask_cdae),
        WORK(save_colliding), WORK(with_colliding), WORK(with_tensor), WORK(classify),
    };
    run_works(works, sizeof works / sizeof *works, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_steps), cmocka_unit_test(test_whole),
                                        cmocka_unit_test(test_models) };
    return cmocka_run_group_tests_name("alloc/training", tests, NULL, NULL);
}
