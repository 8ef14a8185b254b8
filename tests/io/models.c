/* models.c - small models of each kind, and whether two models are the same; see models.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "models.h"

#include <stdlib.h>
#include <string.h>

const model_case model_cases[MODEL_CASES] = {
    { .name = "ease", .model = "ease", .params = "l2=2.5" },
    { .name = "ease_values", .model = "ease", .params = "l2=3,values=given,normalize=both", .flags = TEST_VALUES | TEST_STRINGS },
    { .name = "ease_sparse", .model = "ease", .params = "l2=1.5,top_k=3", .flags = TEST_VALUES },
    { .name = "ease_bare", .model = "ease", .params = "l2=2.5", .flags = TEST_STRINGS, .without_histories = 1 },
    { .name = "top_popular", .model = "top-popular", .params = "", .flags = TEST_TIMES },
    { .name = "embeddings", .model = "embeddings", .flags = TEST_STRINGS },
    { .name = "gmf", .model = "gmf", .params = "dim=5,loss=t-ce,num_gradual=3", .optimizer = "adam",
      .optimizer_params = "lr=0.01,clip_norm=0.5", .select = "loss" },
    { .name = "mlp", .model = "mlp", .params = "dim=3,layers=2,dropout=0.2,loss=r-ce", .flags = TEST_STRINGS, .optimizer = "adagrad",
      .optimizer_params = "lr=0.05", .select = "NDCG@3" },
    { .name = "neumf_colliding", .model = "neumf", .params = "dim=4,layers=1,colliding=0.4,neighbours=3", .optimizer = "sgd",
      .optimizer_params = "lr=0.1,momentum=0.9", .verified = 1 },
    { .name = "cdae", .model = "cdae", .params = "hidden=6,dropout=0.3,loss=t-ce,num_gradual=2", .flags = TEST_VALUES,
      .optimizer = "adamw", .optimizer_params = "lr=0.01,weight_decay=0.1", .select = "loss" },
    { .name = "cdae_sampled", .model = "cdae", .params = "hidden=3,activation=tanh,output=sampled", .flags = TEST_STRINGS,
      .without_histories = 1, .optimizer = "adam", .optimizer_params = "", .select = "loss" },
    { .name = "gf_cf", .model = "gf-cf", .params = "factors=3,oversampling=2", .flags = TEST_VALUES },
    { .name = "lightgcn", .model = "lightgcn", .params = "dim=4,layers=2", .optimizer = "adam", .optimizer_params = "" },
    { .name = "dae", .model = "dae", .params = "encoder=5:3,decoder=4", .flags = TEST_STRINGS, .optimizer = "adam", .optimizer_params = "" },
    { .name = "two_tower_concat", .model = "two-tower-concat", .params = "layers=6:4", .optimizer = "adam", .optimizer_params = "" },
    { .name = "two_tower_product", .model = "two-tower-product", .params = "layers=6:4,output=cosine,objective=in-batch",
      .optimizer = "adam", .optimizer_params = "", .select = "loss" },
};

static recsys_status from_vectors(recsys_exec *exec, const recsys_dataset *train, const recsys_fit_options *options,
                                  recsys_model **model)
{
    enum { DIM = 5 };
    int64_t n_users = recsys_ids_count(recsys_dataset_users(train)), n_items = recsys_ids_count(recsys_dataset_items(train));
    float *vectors = malloc((size_t)((n_users + n_items) * DIM) * sizeof *vectors);
    if (!vectors) return RECSYS_ERR_NO_MEMORY;
    uint64_t random = 77;
    for (int64_t i = 0; i < (n_users + n_items) * DIM; i++) vectors[i] = (float)test_random_unit(&random) - 0.5f;
    recsys_status status = recsys_model_from_embeddings(train, exec, DIM, vectors, vectors + n_users * DIM, options, model);
    free(vectors);
    return status;
}

static recsys_status make_optimizer(recsys_exec *exec, const model_case *c, recsys_optimizer **optimizer)
{
    recsys_params *params = NULL;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_optimizer_params(recsys_exec_env(exec), c->optimizer, &params, &error);
    if (!status) status = recsys_params_set_text(params, c->optimizer_params);
    if (!status) status = recsys_optimizer_create(exec, params, optimizer);
    recsys_params_release(params);
    return status;
}

static recsys_status train_by_steps(recsys_exec *exec, const model_case *c, const recsys_params *params,
                                    const recsys_dataset *train, recsys_fit_options options, recsys_model **model)
{
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_dataset *validation = NULL, *verified = NULL;
    recsys_optimizer *optimizer = NULL;
    int64_t n_users = recsys_ids_count(recsys_dataset_users(train)), n_items = recsys_ids_count(recsys_dataset_items(train));
    recsys_status status = make_optimizer(exec, c, &optimizer);
    if (!status && c->select) status = test_make_dataset(exec, n_users, n_items, 2, c->flags, 12, &validation);
    if (!status && c->verified) status = test_make_dataset(exec, n_users, n_items, 3, c->flags, 13, &verified);
    t.optimizer = optimizer;
    t.epochs = 2;
    t.batch_size = strcmp(c->model, "cdae") == 0 ? n_users / 3 + 1 : 50;
    t.n_negatives = 1; /* small worlds have few items left to draw from */
    t.validation = validation;
    t.select = c->select;
    t.verified = verified;
    t.warm_up_epochs = t.fine_tune_epochs = c->verified;
    options.training = &t;
    if (!status) status = recsys_model_fit(params, train, exec, &options, model);
    recsys_optimizer_release(optimizer);
    recsys_dataset_release(verified);
    recsys_dataset_release(validation);
    return status;
}

recsys_status make_model(recsys_exec *exec, const model_case *c, int64_t n_users, int64_t n_items, recsys_model **model)
{
    recsys_dataset *train = NULL;
    recsys_params *params = NULL;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    options.without_histories = c->without_histories;
    *model = NULL;
    recsys_status status = test_make_dataset(exec, n_users, n_items, 6, c->flags, 11, &train);
    if (!status && c->params) status = recsys_params_create(recsys_exec_env(exec), c->model, &params, &error);
    if (!status && c->params && *c->params) status = recsys_params_set_text(params, c->params);
    if (!status && c->optimizer) status = train_by_steps(exec, c, params, train, options, model);
    if (!status && c->params && !c->optimizer) status = recsys_model_fit(params, train, exec, &options, model);
    if (!status && !c->params) status = from_vectors(exec, train, &options, model);
    recsys_params_release(params);
    recsys_dataset_release(train);
    return status;
}

recsys_model *model_of(recsys_exec *exec, const model_case *c, int64_t n_users, int64_t n_items)
{
    recsys_model *model;
    recsys_status status = make_model(exec, c, n_users, n_items, &model);
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status) recsys_exec_last_error(exec, &error);
    if (status) fail_msg("%s: %s", c->name, error.message);
    return model;
}

static void expect_same_ids(const recsys_ids *a, const recsys_ids *b)
{
    assert_int_equal(recsys_ids_count(a), recsys_ids_count(b));
    assert_int_equal(recsys_ids_type(a), recsys_ids_type(b));
    for (int64_t i = 0; i < recsys_ids_count(a); i++) {
        char one[64], other[64];
        assert_in_range(recsys_ids_text(a, i, one, sizeof one), 1, 63);
        recsys_ids_text(b, i, other, sizeof other);
        assert_string_equal(one, other);
        assert_int_equal(recsys_ids_find(b, one), i);
    }
}

static void expect_same_tensor(recsys_exec *exec, const recsys_model *a, const recsys_model *b, int64_t index)
{
    recsys_tensor_info one = RECSYS_TENSOR_INFO_INIT, other = RECSYS_TENSOR_INFO_INIT;
    assert_int_equal(recsys_model_tensor_info(a, index, &one), RECSYS_OK);
    assert_int_equal(recsys_model_tensor_info(b, index, &other), RECSYS_OK);
    assert_string_equal(one.name, other.name);
    assert_string_equal(one.doc, other.doc);
    assert_int_equal(one.dtype, other.dtype);
    assert_int_equal(one.rank, other.rank);
    assert_int_equal(one.derived, other.derived);
    assert_memory_equal(one.shape, other.shape, sizeof one.shape);
    size_t bytes = one.dtype == RECSYS_I64 ? 8 : 4;
    for (int32_t d = 0; d < one.rank; d++) bytes *= (size_t)one.shape[d];
    unsigned char *left = malloc(bytes + 1), *right = malloc(bytes + 1);
    assert_true(left && right);
    expect_ok(exec, recsys_model_read_tensor(a, exec, one.name, 0, one.shape[0], left));
    expect_ok(exec, recsys_model_read_tensor(b, exec, one.name, 0, one.shape[0], right));
    assert_memory_equal(left, right, bytes);
    free(left);
    free(right);
}

static void expect_same_histories(recsys_exec *exec, const recsys_model *a, const recsys_model *b)
{
    enum { ROOM = 64 };
    assert_int_equal(recsys_model_has_histories(a), recsys_model_has_histories(b));
    for (int64_t u = 0; recsys_model_has_histories(a) && u < recsys_ids_count(recsys_model_users(a)); u++) {
        int64_t items[2][ROOM] = { { 0 } }, counts[2];
        float values[2][ROOM] = { { 0.0f } };
        expect_ok(exec, recsys_model_history(a, exec, u, items[0], values[0], ROOM, &counts[0]));
        expect_ok(exec, recsys_model_history(b, exec, u, items[1], values[1], ROOM, &counts[1]));
        assert_int_equal(counts[0], counts[1]);
        assert_memory_equal(items[0], items[1], sizeof items[0]);
        assert_memory_equal(values[0], values[1], sizeof values[0]);
    }
}

/* All items for user 0, who brings a history, or for a row of features. */
static void expect_same_scores(recsys_exec *exec, const recsys_model *a, const recsys_model *b)
{
    int64_t n_items = recsys_ids_count(recsys_model_items(a)), history[] = { 0, 3 };
    float *scores = calloc((size_t)(2 * n_items), sizeof *scores);
    assert_non_null(scores);
    recsys_query q = RECSYS_QUERY_INIT;
    q.parts = RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY;
    q.history = history;
    q.history_count = 2;
    float row[16] = { 1.0f, -0.5f };
    recsys_tensor_info mean = RECSYS_TENSOR_INFO_INIT;
    for (int64_t t = 0; strcmp(recsys_model_name(a), "mlp-classifier") == 0 && t < recsys_model_tensor_count(a); t++) {
        expect_ok(exec, recsys_model_tensor_info(a, t, &mean));
        if (strcmp(mean.name, "feature_mean") != 0) continue;
        q.parts = RECSYS_QUERY_FEATURES, q.features = row, q.n_features = mean.shape[0];
        assert_in_range(q.n_features, 1, 16);
    }
    expect_ok(exec, recsys_model_score(a, exec, &q, 1, scores));
    expect_ok(exec, recsys_model_score(b, exec, &q, 1, scores + n_items));
    assert_memory_equal(scores, scores + n_items, (size_t)n_items * sizeof *scores);
    free(scores);
}

void expect_same_model(recsys_exec *exec, const recsys_model *a, const recsys_model *b, int histories)
{
    assert_string_equal(recsys_model_name(a), recsys_model_name(b));
    assert_string_equal(recsys_model_params(a), recsys_model_params(b));
    expect_same_ids(recsys_model_users(a), recsys_model_users(b));
    expect_same_ids(recsys_model_items(a), recsys_model_items(b));
    assert_int_equal(recsys_model_tensor_count(a), recsys_model_tensor_count(b));
    for (int64_t t = 0; t < recsys_model_tensor_count(a); t++) expect_same_tensor(exec, a, b, t);
    if (histories) expect_same_histories(exec, a, b);
    expect_same_scores(exec, a, b);
}
