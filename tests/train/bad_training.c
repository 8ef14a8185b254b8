/* bad_training.c - everything a training refuses, and the words it has for it; what was refused leaves the inputs as they were.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/training_case.h"

#include "support/fence.h"

typedef struct world {
    fixture f;
    recsys_exec *x;
    recsys_dataset *train, *validation, *verified;
} world;

#define SIZED(...) ((recsys_training){ .struct_size = sizeof(recsys_training), __VA_ARGS__ })

/* ---- parameters of models and optimizers ---- */

typedef struct bad_text {
    const char *what, *text;
    recsys_status status;
    const char *words; /* two, the second after | or none */
} bad_text;

static void expect_bad_text(world *w, const bad_text *b, int is_optimizer)
{
    recsys_params *p = NULL;
    recsys_error_info said = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(is_optimizer ? recsys_optimizer_params(w->f.env, b->what, &p, NULL) : recsys_params_create(w->f.env, b->what, &p, NULL),
                     RECSYS_OK);
    recsys_status status = recsys_params_set_text(p, b->text);
    recsys_params_last_error(p, &said);
    if (status != b->status || strstr(said.message, b->words) == NULL)
        fail_msg("%s %s: %d \"%s\"", b->what, b->text, (int)status, said.message);
    recsys_params_release(p);
}

static void test_bad_parameters(void **state)
{
    world *w = *state;
    static const bad_text models[] = {
        { "gmf", "drop_rate=1", RECSYS_ERR_OUT_OF_RANGE, "drop_rate" },
        { "gmf", "drop_rate=-0.1", RECSYS_ERR_OUT_OF_RANGE, "drop_rate" },
        { "gmf", "drop_rate=2", RECSYS_ERR_OUT_OF_RANGE, "drop_rate" },
        { "gmf", "drop_rate=nan", RECSYS_ERR_OUT_OF_RANGE, "drop_rate" },
        { "mlp", "alpha=-0.001", RECSYS_ERR_OUT_OF_RANGE, "alpha" },
        { "mlp", "alpha=nan", RECSYS_ERR_OUT_OF_RANGE, "alpha" },
        { "mlp", "layers=0", RECSYS_ERR_OUT_OF_RANGE, "layers" },
        { "mlp", "layers=9", RECSYS_ERR_OUT_OF_RANGE, "layers" },
        { "neumf", "dropout=1", RECSYS_ERR_OUT_OF_RANGE, "dropout" },
        { "neumf", "dim=0", RECSYS_ERR_OUT_OF_RANGE, "dim" },
        { "neumf", "exponent=0", RECSYS_ERR_OUT_OF_RANGE, "exponent" },
        { "cdae", "hidden=0", RECSYS_ERR_OUT_OF_RANGE, "hidden" },
        { "cdae", "colliding=1.5", RECSYS_ERR_OUT_OF_RANGE, "colliding" },
        { "cdae", "neighbours=0", RECSYS_ERR_OUT_OF_RANGE, "neighbours" },
        { "cdae", "loss=tce", RECSYS_ERR_OUT_OF_RANGE, "bce|t-ce|r-ce" },
        { "cdae", "losss=t-ce", RECSYS_ERR_UNKNOWN_KEY, "loss" },
    };
    static const bad_text optimizers[] = {
        { "adam", "lr=0", RECSYS_ERR_OUT_OF_RANGE, "lr" },       { "adam", "lr=nan", RECSYS_ERR_OUT_OF_RANGE, "lr" },
        { "adam", "lr=1e30", RECSYS_ERR_OUT_OF_RANGE, "lr" },    { "adam", "lr=-0.1", RECSYS_ERR_OUT_OF_RANGE, "lr" },
        { "adam", "lr=inf", RECSYS_ERR_OUT_OF_RANGE, "lr" },     { "sgd", "lr=0", RECSYS_ERR_OUT_OF_RANGE, "lr" },
        { "sgd", "lr=1e30", RECSYS_ERR_OUT_OF_RANGE, "lr" },     { "sgd", "lr=nan", RECSYS_ERR_OUT_OF_RANGE, "lr" },
        { "adamw", "lr=nan", RECSYS_ERR_OUT_OF_RANGE, "lr" },    { "adagrad", "lr=1e30", RECSYS_ERR_OUT_OF_RANGE, "lr" },
        { "adam", "beta1=1", RECSYS_ERR_OUT_OF_RANGE, "beta1" }, { "sgd", "momentum=1", RECSYS_ERR_OUT_OF_RANGE, "momentum" },
    };
    for (size_t k = 0; k < sizeof models / sizeof *models; k++)
        expect_bad_text(w, &models[k], 0);
    for (size_t k = 0; k < sizeof optimizers / sizeof *optimizers; k++)
        expect_bad_text(w, &optimizers[k], 1);
}

/* ---- recsys_training ---- */

static void expect_bad(world *w, recsys_training o, recsys_status status, const char *words)
{
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_params *p = case_params(w->x, "gmf", "dim=4");
    recsys_model *m;
    recsys_trainer *t;
    fit.training = &o;
    expect_error(w->x, recsys_model_fit(p, w->train, w->x, &fit, &m), status, words);
    expect_error(w->x, recsys_trainer_create(p, w->train, w->x, &fit, &t), status, words);
    assert_true(m == NULL && t == NULL);
    recsys_params_release(p);
}

static void test_bad_options(void **state)
{
    world *w = *state;
    const recsys_status wrong = RECSYS_ERR_INVALID_ARGUMENT, range = RECSYS_ERR_OUT_OF_RANGE, missing = RECSYS_ERR_MISSING_DATA;
    const recsys_dataset *v = w->validation;
    expect_bad(w, SIZED(.epochs = -1), wrong, "negative");
    expect_bad(w, SIZED(.max_steps = -1), wrong, "negative");
    expect_bad(w, SIZED(.batch_size = -1), wrong, "negative");
    expect_bad(w, SIZED(.batch_size = INT64_C(1) << 31), wrong, "batch_size");
    expect_bad(w, SIZED(.n_negatives = -2), wrong, "negative");
    expect_bad(w, SIZED(.n_negatives = CASE_ITEMS), wrong, "items left to draw negatives from|30 are asked for");
    expect_bad(w, SIZED(.popularity = -0.5), range, "popularity");
    expect_bad(w, SIZED(.popularity = NAN), range, "popularity");
    expect_bad(w, SIZED(.popularity = INFINITY), range, "popularity");
    expect_bad(w, SIZED(.fixed_negatives = 2), wrong, "fixed_negatives");
    expect_bad(w, SIZED(.fixed_negatives = -1), wrong, "fixed_negatives");
    expect_bad(w, SIZED(.validation_negatives = 2), wrong, "validation_negatives");
    expect_bad(w, SIZED(.validation_negatives = -1), wrong, "validation_negatives");
    expect_bad(w, SIZED(.validation = v, .validate_every_steps = -1), wrong, "negative");
    expect_bad(w, SIZED(.validation = v, .validate_every_epochs = -1), wrong, "negative");
    expect_bad(w, SIZED(.validation = v, .patience = -1), wrong, "negative");
    expect_bad(w, SIZED(.patience = 1), missing, "validation data");
    expect_bad(w, SIZED(.validate_every_steps = 1), missing, "validation data");
    expect_bad(w, SIZED(.validate_every_epochs = 1), missing, "validation data");
    expect_bad(w, SIZED(.select = "loss"), missing, "validation data");
    expect_bad(w, SIZED(.validation = v, .select = "los"), RECSYS_ERR_UNKNOWN_KEY, "los|NDCG@20");
    expect_bad(w, SIZED(.validation = v, .select = ""), RECSYS_ERR_UNKNOWN_KEY, "NDCG@20");
    expect_bad(w, SIZED(.validation = v, .select = "NDCG"), RECSYS_ERR_UNKNOWN_KEY, "cut-off");
    expect_bad(w, SIZED(.validation = v, .select = "NDCG@"), RECSYS_ERR_UNKNOWN_KEY, "cut-off");
    expect_bad(w, SIZED(.validation = v, .select = "NDCG@0"), RECSYS_ERR_UNKNOWN_KEY, "cut-off");
    expect_bad(w, SIZED(.validation = v, .select = "NDCG@-3"), RECSYS_ERR_UNKNOWN_KEY, "cut-off");
    expect_bad(w, SIZED(.validation = v, .select = "NDCG@5x"), RECSYS_ERR_UNKNOWN_KEY, "cut-off");
    expect_bad(w, SIZED(.validation = v, .select = "NDGC@20"), RECSYS_ERR_UNKNOWN_KEY, "NDGC|NDCG");
    expect_bad(w, SIZED(.validation = v, .select = "AUC@10"), RECSYS_ERR_UNKNOWN_KEY, "AUC|can be chosen by");
    expect_bad(w, SIZED(.validation = v, .select = "AVERAGE_POPULARITY@10"), RECSYS_ERR_UNKNOWN_KEY, "AVERAGE_POPULARITY");
    expect_bad(w, SIZED(.warm_up_epochs = -1), wrong, "negative");
    expect_bad(w, SIZED(.fine_tune_epochs = -1), wrong, "negative");
    expect_bad(w, SIZED(.warm_up_epochs = 1), missing, "verified");
    expect_bad(w, SIZED(.fine_tune_epochs = 1), missing, "verified");
    expect_bad(w, SIZED(.epochs = INT64_MAX), RECSYS_ERR_TOO_LARGE, "epochs");
    expect_bad(w, SIZED(.n_start = -1), wrong, "negative");
    expect_bad(w, SIZED(.n_start = 1), wrong, "start");
    expect_bad(w, SIZED(.checkpoint_every = -1, .checkpoint = "x"), wrong, "negative");
    expect_bad(w, SIZED(.checkpoint_every = 5), wrong, "checkpoint");
    expect_bad(w, SIZED(.resume = "/nowhere/at/all"), RECSYS_ERR_FILE_NOT_FOUND, "/nowhere/at/all");
}

/* Full rows hold all items, so there is nothing to draw; and a batch of users is smaller than one of samples. */
static void test_user_rows(void **state)
{
    world *w = *state;
    recsys_trainer *t;
    recsys_training negatives = SIZED(.n_negatives = 2), popular = SIZED(.popularity = 0.5), fixed = SIZED(.fixed_negatives = 1);
    const recsys_training *drawn[] = { &negatives, &popular, &fixed };
    for (int k = 0; k < 3; k++) {
        expect_error(w->x, case_try(w->x, "cdae", "hidden=4", w->train, drawn[k], &t), RECSYS_ERR_INVALID_ARGUMENT, "cdae|rows hold all items");
        recsys_trainer_release(case_trainer(w->x, "cdae", "hidden=4,output=sampled", w->train, drawn[k]));
        expect_error(w->x, case_try(w->x, "two-tower-product", "layers=8,objective=in-batch,output=dot", w->train, drawn[k], &t),
                     RECSYS_ERR_INVALID_ARGUMENT, "two-tower-product draws no negatives");
    }
    recsys_trainer_release(case_trainer(w->x, "two-tower-product", "layers=8,objective=shared,output=dot", w->train, &popular));
    t = case_trainer(w->x, "cdae", "hidden=4", w->train, NULL);
    assert_int_equal(t->o.batch_size, 64);
    recsys_trainer_release(t);
    t = case_trainer(w->x, "gmf", "dim=4", w->train, NULL);
    assert_int_equal(t->o.batch_size, 1024);
    recsys_trainer_release(t);
}

/* A loss that compares needs something to compare with. What a user reads names the model and no place in the library. */
static void test_no_negatives(void **state)
{
    world *w = *state;
    recsys_trainer *t;
    recsys_model *m = NULL;
    recsys_training none = SIZED(.epochs = 1, .n_negatives = -1);
    recsys_error_info said = RECSYS_ERROR_INFO_INIT;
    expect_error(w->x, case_try(w->x, "lightgcn", "dim=4", w->train, &none, &t), RECSYS_ERR_INVALID_ARGUMENT,
                 "lightgcn compares positives with negatives|0 are asked for");
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    recsys_params *p = case_params(w->x, "lightgcn", "dim=4");
    o.training = &none;
    assert_int_equal(recsys_model_fit(p, w->train, w->x, &o, &m), RECSYS_ERR_INVALID_ARGUMENT);
    recsys_exec_last_error(w->x, &said);
    assert_true(strncmp(said.message, "lightgcn compares", 17) == 0 && m == NULL);
    none.n_negatives = 1;
    expect_ok(w->x, recsys_model_fit(p, w->train, w->x, &o, &m));
    recsys_model_release(m);
    recsys_params_release(p);
}

/* Words for the command line too, which has other names for the fields of recsys_training. */
static void test_words_about_negatives(void **state)
{
    world *w = *state;
    recsys_trainer *t;
    recsys_training many = SIZED(.n_negatives = 3);
    static const char *const params[] = { "layers=8,objective=in-batch,output=dot", "layers=8,objective=shared,output=dot" };
    static const char *const words[] = { "their number, their popularity and keeping them fixed do not apply",
                                         "their number and keeping them fixed do not apply" };
    for (int k = 0; k < 2; k++)
        expect_error(w->x, case_try(w->x, "two-tower-product", params[k], w->train, &many, &t), RECSYS_ERR_INVALID_ARGUMENT,
                     words[k]);
}

/* Nothing of the held out, or of the verified data is of users and items that training has. */
static void test_data_without_positives(void **state)
{
    world *w = *state;
    const int64_t user[] = { 700, 701 }, item[] = { 3, 4 };
    recsys_dataset *others = case_events(w->x, NULL, NULL, user, item, NULL, 2);
    recsys_dataset *none = case_events(w->x, "40", "30", user, item, NULL, 0);
    recsys_dataset *words = test_random_dataset(w->x, CASE_USERS, CASE_ITEMS, 2, TEST_STRINGS, 1);
    expect_bad(w, SIZED(.validation = others), RECSYS_ERR_EMPTY, "validation data has no positives");
    expect_bad(w, SIZED(.validation = none), RECSYS_ERR_EMPTY, "validation data has no positives");
    expect_bad(w, SIZED(.validation = none, .select = "NDCG@5"), RECSYS_ERR_EMPTY, "validation data has no positives");
    expect_bad(w, SIZED(.verified = others, .fine_tune_epochs = 1), RECSYS_ERR_EMPTY, "verified data has no positives");
    expect_bad(w, SIZED(.verified = none), RECSYS_ERR_EMPTY, "verified data has no positives");
    expect_bad(w, SIZED(.validation = words), RECSYS_ERR_TYPE, NULL);
    recsys_params *p = case_params(w->x, "gmf", "dim=4");
    recsys_trainer *t;
    expect_error(w->x, recsys_trainer_create(p, none, w->x, NULL, &t), RECSYS_ERR_EMPTY, "no events");
    recsys_params_release(p);
    recsys_dataset_release(others), recsys_dataset_release(none), recsys_dataset_release(words);
}

/* A user who has everything: named, in training and in validation; not a matter for full rows. */
static void test_user_who_has_everything(void **state)
{
    world *w = *state;
    const int64_t user[] = { 0, 0, 0, 1, 2 }, item[] = { 0, 1, 2, 1, 2 }, held_user[] = { 1, 1 }, held_item[] = { 0, 2 };
    recsys_dataset *all = case_events(w->x, "3", "3", user, item, NULL, 5), *few = case_events(w->x, "3", "3", user + 3, item + 3, NULL, 2);
    recsys_dataset *held = case_events(w->x, "3", "3", held_user, held_item, NULL, 2);
    recsys_trainer *t;
    recsys_training o = SIZED(.epochs = 1);
    expect_error(w->x, case_try(w->x, "gmf", "dim=2", all, &o, &t), RECSYS_ERR_INVALID_ARGUMENT, "user 0 has 0 of 3 items left|1 are asked for");
    expect_error(w->x, case_try(w->x, "cdae", "output=sampled", all, &o, &t), RECSYS_ERR_INVALID_ARGUMENT, "user 0 has 0 of 3 items left");
    recsys_model_release(case_fit(w->x, "cdae", "hidden=2", all, &o));
    o.n_negatives = -1;
    recsys_model_release(case_fit(w->x, "gmf", "dim=2", all, &o));
    o = SIZED(.epochs = 1, .validation = held);
    expect_error(w->x, case_try(w->x, "gmf", "dim=2", few, &o, &t), RECSYS_ERR_INVALID_ARGUMENT, "user 1 has 0 of 3 items left");
    o.validation_negatives = 1;
    recsys_model_release(case_fit(w->x, "gmf", "dim=2", few, &o));
    o = SIZED(.n_negatives = 3);
    expect_error(w->x, case_try(w->x, "gmf", "dim=2", few, &o, &t), RECSYS_ERR_INVALID_ARGUMENT, "user 1 has 2 of 3 items left|3 are asked for");
    recsys_dataset_release(all), recsys_dataset_release(few), recsys_dataset_release(held);
}

/* An older program's struct is shorter; a newer one's is longer, and what we do not know of it must be zero. */
static void test_struct_sizes(void **state)
{
    world *w = *state;
    struct newer {
        recsys_training o;
        int64_t wish;
    } newer = { .o = { .struct_size = sizeof newer, .epochs = 1 } };
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", w->train, &newer.o);
    recsys_trainer_release(t);
    newer.wish = 1;
    expect_error(w->x, case_try(w->x, "gmf", "dim=4", w->train, &newer.o, &t), RECSYS_ERR_STRUCT_SIZE, "recsys_training");
    recsys_training older = SIZED(.epochs = 3, .patience = 9); /* `patience` lies beyond what it says it has */
    older.struct_size = offsetof(recsys_training, max_steps);
    t = case_trainer(w->x, "gmf", "dim=4", w->train, &older);
    assert_true(t->n_epochs == 3 && t->o.patience == 0);
    recsys_training_event seen = { .struct_size = offsetof(recsys_training_event, loss), .loss = 123.0 };
    expect_ok(w->x, recsys_trainer_step(t, NULL, 0, &seen));
    assert_true(seen.loss == 123.0 && seen.step == 1 && seen.struct_size == offsetof(recsys_training_event, loss));
    seen.struct_size = 3;
    expect_error(w->x, recsys_trainer_step(t, NULL, 0, &seen), RECSYS_ERR_STRUCT_SIZE, NULL);
    assert_int_equal(t->at.step, 1);
    recsys_trainer_release(t);
    expect_bad(w, (recsys_training){ .struct_size = 0 }, RECSYS_ERR_STRUCT_SIZE, "recsys_training");
    expect_bad(w, (recsys_training){ .struct_size = 4 }, RECSYS_ERR_STRUCT_SIZE, "recsys_training");
}

/* ---- arguments ---- */

static void test_arguments(void **state)
{
    world *w = *state;
    recsys_params *p = case_params(w->x, "gmf", "dim=4"), *closed = case_params(w->x, "ease", ""), *rule = NULL;
    recsys_trainer *t;
    recsys_model *m;
    double value;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_training o = SIZED(.epochs = 1);
    assert_int_equal(recsys_optimizer_params(w->f.env, "adam", &rule, NULL), RECSYS_OK);
    assert_int_equal(recsys_trainer_create(p, w->train, NULL, NULL, &t), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_trainer_create(p, w->train, w->x, NULL, NULL), RECSYS_ERR_INVALID_ARGUMENT);
    expect_error(w->x, recsys_trainer_create(NULL, w->train, w->x, NULL, &t), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    expect_error(w->x, recsys_trainer_create(p, NULL, w->x, NULL, &t), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    expect_error(w->x, recsys_trainer_create(closed, w->train, w->x, NULL, &t), RECSYS_ERR_UNSUPPORTED, "ease");
    expect_error(w->x, recsys_trainer_create(rule, w->train, w->x, NULL, &t), RECSYS_ERR_UNSUPPORTED, "optimizer");
    fit.training = &o;
    expect_error(w->x, recsys_model_fit(closed, w->train, w->x, &fit, &m), RECSYS_ERR_UNSUPPORTED, "ease|training");
    fit.reserved = 1;
    expect_error(w->x, recsys_trainer_create(p, w->train, w->x, &fit, &t), RECSYS_ERR_INVALID_ARGUMENT, "reserved");
    fit.reserved = 0;
    fit.without_histories = 2;
    expect_error(w->x, recsys_trainer_create(p, w->train, w->x, &fit, &t), RECSYS_ERR_INVALID_ARGUMENT, "without_histories");

    assert_int_equal(recsys_trainer_step(NULL, NULL, 0, NULL), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_trainer_run(NULL), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_trainer_validate(NULL, &value), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_trainer_save(NULL, "x"), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_trainer_model(NULL, 0, &m), RECSYS_ERR_INVALID_ARGUMENT);
    recsys_trainer_release(NULL);
    t = case_trainer(w->x, "gmf", "dim=4", w->train, &o);
    expect_error(w->x, recsys_trainer_validate(t, NULL), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    expect_error(w->x, recsys_trainer_validate(t, &value), RECSYS_ERR_MISSING_DATA, "validation");
    expect_error(w->x, recsys_trainer_save(t, NULL), RECSYS_ERR_INVALID_ARGUMENT, "path");
    expect_error(w->x, recsys_trainer_model(t, 2, &m), RECSYS_ERR_INVALID_ARGUMENT, "best");
    expect_error(w->x, recsys_trainer_model(t, 1, &m), RECSYS_ERR_MISSING_DATA, NULL);
    assert_int_equal(recsys_trainer_model(t, 0, NULL), RECSYS_ERR_INVALID_ARGUMENT);
    recsys_trainer_release(t);
    recsys_params_release(p), recsys_params_release(closed), recsys_params_release(rule);
}

/* What training would miss in the end is missed at the beginning, and so is memory. */
static void test_missed_in_time(void **state)
{
    world *w = *state;
    recsys_trainer *t;
    recsys_training o = SIZED(.epochs = 1);
    expect_error(w->x, case_try(w->x, "gmf", "dim=4,colliding=0.3", w->train, &o, &t), RECSYS_ERR_MISSING_DATA, "verified");
    recsys_exec *small = fixture_exec(&w->f, 1, 800000, 0);
    expect_error(small, case_try(small, "gmf", "dim=1000", w->train, &o, &t), RECSYS_ERR_MEMORY_LIMIT, "training gmf on 40 users|limit 800");
    recsys_model_release(case_fit(small, "gmf", "dim=4", w->train, &o));
    o.batch_size = 1000000; /* a user's row takes all items, so a batch of all 40 users is what there is at most */
    expect_ok(small, case_try(small, "cdae", "hidden=4", w->train, &o, &t));
    recsys_trainer_release(t);
    expect_error(small, case_try(small, "gmf", "dim=32", w->train, &o, &t), RECSYS_ERR_MEMORY_LIMIT, "training gmf");
    /* Logits of a batch against itself grow with its square, up to the positives that there are. */
    expect_error(small, case_try(small, "two-tower-product", "layers=4:2,objective=in-batch", w->train, &o, &t),
                 RECSYS_ERR_MEMORY_LIMIT, "training two-tower-product");
    o.batch_size = 64;
    expect_ok(small, case_try(small, "two-tower-product", "layers=4:2,objective=in-batch", w->train, &o, &t));
    recsys_trainer_release(t);
    recsys_exec_release(small);
}

/* A model whose memory the exec's device cannot reach. */
static void test_other_device(void **state)
{
    world *w = *state;
    recsys_training o = SIZED(.epochs = 1);
    recsys_model *m = case_fit(w->x, "gmf", "dim=4", w->train, &o), *out;
    recsys_exec *other = fixture_exec(&w->f, 1, 0, 0);
    fence *device = fence_open(other);
    recsys_query q = { .struct_size = sizeof q, .parts = RECSYS_QUERY_USER };
    recsys_evaluator_options how = RECSYS_EVALUATOR_OPTIONS_INIT;
    recsys_evaluator *e;
    recsys_report *r;
    recsys_trainer *t;
    float room[CASE_USERS * CASE_ITEMS] = { 0 };
    int64_t items[5];
    char path[TEST_PATH_ROOM];
    how.test = w->validation;
    expect_ok(w->x, recsys_evaluator_create(w->x, &how, &e));
    expect_error(other, recsys_model_score(m, other, &q, 1, room), RECSYS_ERR_DEVICE, "gmf");
    expect_error(other, recsys_model_topk(m, other, &q, 1, 5, NULL, items, NULL), RECSYS_ERR_DEVICE, "gmf");
    expect_error(other, recsys_model_similar_items(m, other, 0, 5, items, NULL), RECSYS_ERR_DEVICE, "gmf");
    expect_error(other, recsys_model_read_tensor(m, other, "predict_bias", 0, 1, room), RECSYS_ERR_DEVICE, "gmf");
    expect_error(other, recsys_model_with_tensor(m, other, "predict_bias", room, &out), RECSYS_ERR_DEVICE, "gmf");
    expect_error(other, recsys_model_save(m, other, fixture_path(&w->f, "m", path), NULL), RECSYS_ERR_DEVICE, "gmf");
    expect_error(other, recsys_model_with_colliding(m, other, "colliding=0.5", w->verified, &out), RECSYS_ERR_DEVICE, "gmf");
    expect_error(other, recsys_evaluator_run(e, m, other, &r), RECSYS_ERR_DEVICE, "gmf");
    o.start = (const recsys_model *[]){ m }, o.n_start = 1;
    expect_error(other, case_try(other, "gmf", "dim=4", w->train, &o, &t), RECSYS_ERR_DEVICE, "gmf");
    assert_int_equal(fixture_entries(&w->f), 0);
    recsys_evaluator_release(e);
    recsys_model_release(m);
    recsys_exec_release(other);
    fence_close(device);
}

/* ---- batches ---- */

static void expect_bad_batch(recsys_trainer *t, const recsys_batch_input *in, int64_t n, recsys_status status, const char *words)
{
    recsys_model *before = case_model(t, 0), *after;
    expect_error(t->x, recsys_trainer_step(t, in, n, NULL), status, words);
    after = case_model(t, 0);
    assert_true(case_same(t->x, before, after) && t->at.step == 0);
    recsys_model_release(before), recsys_model_release(after);
}

static void test_bad_batches(void **state)
{
    world *w = *state;
    int64_t users[] = { 0, 1 }, items[] = { 2, 3 };
    float labels[] = { 0.0f, 0.5f };
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", w->train, NULL), *rows = case_trainer(w->x, "cdae", "hidden=3", w->train, NULL);
    recsys_batch_input in[] = { { "users", users, 2 }, { "items", items, 2 }, { "labels", labels, 2 }, { "rows", users, 2 } };
    static const float bad_labels[] = { -0.001f, 1.001f, NAN, INFINITY, -INFINITY };
    for (int k = 0; k < 5; k++) {
        labels[1] = bad_labels[k];
        expect_bad_batch(t, in, 3, RECSYS_ERR_OUT_OF_RANGE, "labels|element 1|0 to 1");
    }
    labels[1] = 1.0f;
    static const int64_t bad_users[] = { -1, CASE_USERS, INT64_MAX, INT64_C(1) << 32 };
    for (int k = 0; k < 4; k++) {
        users[1] = bad_users[k];
        expect_bad_batch(t, in, 3, RECSYS_ERR_OUT_OF_RANGE, "users|element 1|0 to 39");
        users[1] = 1, items[0] = bad_users[k];
        expect_bad_batch(t, in, 3, RECSYS_ERR_OUT_OF_RANGE, "items|element 0|0 to 29");
        items[0] = 2;
    }
    expect_bad_batch(t, in, 2, RECSYS_ERR_INVALID_ARGUMENT, "users, items, labels");
    expect_bad_batch(t, in, 4, RECSYS_ERR_INVALID_ARGUMENT, "users, items, labels");
    expect_bad_batch(t, in, -1, RECSYS_ERR_INVALID_ARGUMENT, "inputs");
    expect_bad_batch(t, in, 0, RECSYS_ERR_INVALID_ARGUMENT, "inputs");
    expect_bad_batch(t, NULL, 3, RECSYS_ERR_INVALID_ARGUMENT, "inputs");
    expect_bad_batch(rows, in, 3, RECSYS_ERR_INVALID_ARGUMENT, "cdae needs exactly the inputs users");
    in[0].name = "user";
    expect_bad_batch(t, in, 3, RECSYS_ERR_UNKNOWN_KEY, "\"user\"|users, items, labels");
    in[0].name = NULL;
    expect_bad_batch(t, in, 3, RECSYS_ERR_UNKNOWN_KEY, NULL);
    in[0].name = "items";
    expect_bad_batch(t, in, 3, RECSYS_ERR_INVALID_ARGUMENT, "items|twice");
    in[0].name = "users", in[0].count = 1;
    expect_bad_batch(t, in, 3, RECSYS_ERR_INVALID_ARGUMENT, "different lengths");
    in[0].count = 0;
    expect_bad_batch(t, in, 3, RECSYS_ERR_INVALID_ARGUMENT, "users is empty");
    in[0].count = 2, in[1].data = NULL;
    expect_bad_batch(t, in, 3, RECSYS_ERR_INVALID_ARGUMENT, "items is empty");
    in[1].data = items;
    expect_ok(w->x, recsys_trainer_step(t, in, 3, NULL));
    expect_ok(w->x, recsys_trainer_step(rows, in, 1, NULL));
    recsys_trainer_release(t), recsys_trainer_release(rows);
}

/* ---- */

static int open_world(void **state)
{
    static world w;
    fixture_open(&w.f, 1);
    w.x = w.f.exec;
    w.train = case_data(w.x, 6, 1);
    w.validation = case_data(w.x, 2, 2);
    w.verified = case_data(w.x, 3, 3);
    *state = &w;
    return 0;
}

static int close_world(void **state)
{
    world *w = *state;
    recsys_dataset_release(w->train), recsys_dataset_release(w->validation), recsys_dataset_release(w->verified);
    fixture_close(&w->f);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bad_parameters), TEST(test_bad_options), TEST(test_data_without_positives), TEST(test_user_who_has_everything),
        TEST(test_struct_sizes),   TEST(test_arguments),   TEST(test_missed_in_time),         TEST(test_bad_batches),
        TEST(test_other_device),   TEST(test_user_rows),      TEST(test_no_negatives),           TEST(test_words_about_negatives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
