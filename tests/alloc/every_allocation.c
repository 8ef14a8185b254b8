/* every_allocation.c - fails every allocation in turn (alloc/works.h): of data, splits, closed-form models, evaluation, files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc/works.h"

/* ---- the works ---- */

static recsys_status read_delimited(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.columns = "user,item,value,time";
    o.items = in->items_path;
    return recsys_dataset_read(x, in->events_path, &o, &out->dataset[0]);
}

static recsys_status read_gz(inputs *in, recsys_exec *x, outcome *out)
{
    return recsys_dataset_read(x, in->gz_path, NULL, &out->dataset[0]);
}

static recsys_status read_parts(inputs *in, recsys_exec *x, outcome *out)
{
    const char *paths[] = { in->events_path, in->gz_path };
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.id_type = RECSYS_ID_STRING;
    o.duplicates = RECSYS_DUPLICATES_LAST;
    return recsys_dataset_read_parts(x, paths, 2, &o, out->dataset);
}

static recsys_status read_labelled(inputs *in, recsys_exec *x, outcome *out)
{
    const char *paths[] = { in->rows_path, in->more_rows_path };
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.columns = "feature,feature,label";
    recsys_status status = recsys_dataset_read_parts(x, paths, 2, &o, out->dataset);
    if (!status) status = recsys_dataset_concat(x, (const recsys_dataset *const *)out->dataset, 2, &out->dataset[2]);
    if (!status) status = recsys_dataset_write(out->dataset[2], x, in->out_path, NULL);
    if (status) release_outcome(out);
    return status;
}

/* Users with features: read, and joined with others. */
static recsys_status read_user_table(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.users = in->users_path;
    o.user_columns = "user,name,features";
    o.format = "adjacency";
    recsys_status status = recsys_dataset_read(x, in->users_events_path, &o, &out->dataset[0]);
    const recsys_dataset *both[] = { out->dataset[0], in->data };
    if (!status) status = recsys_dataset_concat(x, both, 2, &out->dataset[1]);
    if (status) release_outcome(out);
    return status;
}

static recsys_status core_of_rows(inputs *in, recsys_exec *x, outcome *out)
{
    return recsys_dataset_k_core(in->rows[0], x, 1, 3, &out->dataset[0]);
}

static recsys_status read_adjacency(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.format = "adjacency";
    o.users = "40";
    o.items = "40";
    return recsys_dataset_read(x, in->items_path, &o, &out->dataset[0]);
}

static recsys_status read_movielens(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.format = "movielens";
    return recsys_dataset_read(x, in->movielens_path, &o, &out->dataset[0]);
}

static recsys_status build(inputs *in, recsys_exec *x, outcome *out)
{
    (void)in;
    return test_make_dataset(x, 8, 12, 4, TEST_VALUES | TEST_TIMES | TEST_STRINGS | TEST_BEHAVIOURS | TEST_REPEATS, 3,
                             &out->dataset[0]);
}

static recsys_status statistics(inputs *in, recsys_exec *x, outcome *out)
{
    (void)out;
    int64_t length;
    return recsys_dataset_statistics_text(in->data, x, NULL, 0, &length);
}

static recsys_status filter(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_status status = recsys_dataset_k_core(in->data, x, 2, 2, &out->dataset[0]);
    if (!status) status = recsys_dataset_to_implicit(in->data, x, 2.0, &out->dataset[1]);
    if (!status) status = recsys_dataset_difference(in->data, x, in->test, &out->dataset[2]);
    if (status) release_outcome(out);
    return status;
}

static recsys_status merge(inputs *in, recsys_exec *x, outcome *out)
{
    const recsys_dataset *both[] = { in->train, in->test };
    recsys_status status = recsys_dataset_merge_duplicates(in->data, x, RECSYS_DUPLICATES_MAX, &out->dataset[0]);
    if (!status) status = recsys_dataset_concat(x, both, 2, &out->dataset[1]);
    if (status) release_outcome(out);
    return status;
}

static recsys_status write_events(inputs *in, recsys_exec *x, outcome *out)
{
    (void)out;
    return recsys_dataset_write(in->data, x, in->out_path, NULL);
}

static recsys_status split_by(inputs *in, recsys_exec *x, outcome *out, int32_t method)
{
    recsys_split_options o = RECSYS_SPLIT_OPTIONS_INIT;
    o.method = method;
    o.valid_share = 0.25;
    o.test_time = (int64_t)5e10;
    return recsys_dataset_split(in->data, x, &o, &out->split);
}

static recsys_status split_random(inputs *in, recsys_exec *x, outcome *out)
{
    return split_by(in, x, out, RECSYS_SPLIT_RANDOM);
}

static recsys_status split_per_user(inputs *in, recsys_exec *x, outcome *out)
{
    return split_by(in, x, out, RECSYS_SPLIT_RANDOM_PER_USER);
}

static recsys_status split_last(inputs *in, recsys_exec *x, outcome *out)
{
    return split_by(in, x, out, RECSYS_SPLIT_LAST_PER_USER);
}

static recsys_status split_time(inputs *in, recsys_exec *x, outcome *out)
{
    return split_by(in, x, out, RECSYS_SPLIT_BY_TIME);
}

static recsys_status split_strong(inputs *in, recsys_exec *x, outcome *out)
{
    return split_by(in, x, out, RECSYS_SPLIT_STRONG);
}

/* From the events to the model, so that views are made anew each time. */
static recsys_status fit(inputs *in, recsys_exec *x, outcome *out, int number)
{
    const model_case *c = &model_cases[number];
    if (!in->params[number]) return make_model(x, c, 8, 12, &out->model);
    recsys_dataset *train;
    recsys_status status = test_make_dataset(x, 8, 12, 6, c->flags, 11, &train);
    if (!status) status = recsys_model_fit(in->params[number], train, x, NULL, &out->model);
    recsys_dataset_release(train);
    return status;
}

#define FIT(number) \
    static recsys_status fit_##number(inputs *in, recsys_exec *x, outcome *out) \
    { \
        return fit(in, x, out, number); \
    }
FIT(0)
FIT(1)
FIT(2)
FIT(3)
FIT(4)
FIT(5)

#define SAVE(number) \
    static recsys_status save_##number(inputs *in, recsys_exec *x, outcome *out) \
    { \
        (void)out; \
        return recsys_model_save(in->model[number], x, in->out_path, NULL); \
    }
SAVE(1)
SAVE(2)
SAVE(5)

static recsys_status load(inputs *in, recsys_exec *x, outcome *out)
{
    return recsys_model_load(x, in->model_path, NULL, &out->model);
}

static recsys_status ask(recsys_exec *x, const recsys_model *m)
{
    int64_t history[] = { 5, 2, 9 }, items[8], deny[] = { 1 };
    float values[] = { 1.0f, 2.0f, 0.5f }, scores[24];
    recsys_query q[2] = { RECSYS_QUERY_INIT, RECSYS_QUERY_INIT };
    recsys_topk_options o = RECSYS_TOPK_OPTIONS_INIT;
    q[0].parts = RECSYS_QUERY_USER;
    q[0].user = 3;
    q[1].parts = RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY;
    q[1].history = history;
    q[1].history_values = values;
    q[1].history_count = 3;
    o.deny = deny;
    o.deny_count = 1;
    recsys_status status = recsys_model_topk(m, x, q, 2, 4, &o, items, scores);
    if (!status) status = recsys_model_score(m, x, q, 2, scores);
    if (!status) status = recsys_model_similar_items(m, x, 2, 3, items, scores);
    return status;
}

static recsys_status topk_dense(inputs *in, recsys_exec *x, outcome *out)
{
    (void)out;
    return ask(x, in->model[1]);
}

static recsys_status topk_sparse(inputs *in, recsys_exec *x, outcome *out)
{
    (void)out;
    return ask(x, in->model[2]);
}

static recsys_status topk_vectors(inputs *in, recsys_exec *x, outcome *out)
{
    (void)out;
    return ask(x, in->model[5]);
}

static recsys_status with_tensor(inputs *in, recsys_exec *x, outcome *out)
{
    float popularity[12] = { 1.0f, 2.0f, 3.0f };
    return recsys_model_with_tensor(in->model[4], x, "popularity", popularity, &out->model);
}

static recsys_status read_weights(inputs *in, recsys_exec *x, outcome *out)
{
    (void)out;
    float rows[2 * 12];
    return recsys_model_read_tensor(in->model[0], x, "item_weights", 1, 2, rows);
}

static recsys_status evaluate(inputs *in, recsys_exec *x, outcome *out)
{
    int64_t cutoffs[] = { 3, 5 }, length;
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = in->test;
    o.known = in->train;
    o.mask = in->train;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 2;
    o.auc = 1;
    o.per_user = 1;
    o.cold = RECSYS_COLD_MISS;
    recsys_status status = recsys_evaluator_create(x, &o, &out->evaluator);
    if (!status) status = recsys_evaluator_run(out->evaluator, in->model[0], x, &out->report);
    for (int32_t form = 0; !status && form <= RECSYS_REPORT_PER_USER_CSV; form++)
        status = recsys_report_write(out->report, x, form, NULL, 0, &length);
    if (status) release_outcome(out);
    return status;
}

static recsys_status evaluate_sampled(inputs *in, recsys_exec *x, outcome *out)
{
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = in->test;
    o.n_negatives = 3;
    recsys_status status = recsys_evaluator_create(x, &o, &out->evaluator);
    if (!status) status = recsys_evaluator_run(out->evaluator, in->model[0], x, &out->report);
    if (status) release_outcome(out);
    return status;
}

/* These take no exec, so they have an error of their own. */
static recsys_status open_env(inputs *in, recsys_exec *x, outcome *out)
{
    (void)x;
    recsys_env_options o = RECSYS_ENV_OPTIONS_INIT;
    o.allocator = &in->f.heap.allocator;
    recsys_status status = recsys_env_create(&o, &out->env, NULL);
    if (!status) status = recsys_exec_create(out->env, NULL, &out->exec, NULL);
    if (status) release_outcome(out);
    return status;
}

static recsys_status open_params(inputs *in, recsys_exec *x, outcome *out)
{
    (void)x;
    recsys_status status = recsys_params_create(in->f.env, "ease", &out->params, NULL);
    if (!status) status = recsys_params_set_text(out->params, "l2=7,normalize=both,top_k=4");
    if (status) release_outcome(out);
    return status;
}

static void test_handles(void **state)
{
    (void)state;
    static const named_work works[] = { WORK(open_env), WORK(open_params) };
    run_works(works, sizeof works / sizeof *works, 0);
}

static void test_data(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(read_delimited), WORK(read_gz), WORK(read_parts), WORK(read_labelled), WORK(read_user_table), WORK(core_of_rows), WORK(read_adjacency),
        WORK(read_movielens),
        WORK(build),          WORK(statistics), WORK(filter),  WORK(merge),       WORK(write_events),
    };
    run_works(works, sizeof works / sizeof *works, 0);
}

static void test_split(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(split_random), WORK(split_per_user), WORK(split_last), WORK(split_time), WORK(split_strong),
    };
    run_works(works, sizeof works / sizeof *works, 0);
}

static void test_models(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(fit_0),      WORK(fit_1),       WORK(fit_2),        WORK(fit_3),       WORK(fit_4),
        WORK(fit_5),      WORK(topk_dense),  WORK(topk_sparse),  WORK(topk_vectors), WORK(with_tensor), WORK(read_weights),
    };
    run_works(works, sizeof works / sizeof *works, 0);
}

/* Once an exec has answered, the same question to a model takes nothing from the allocator. */
static void test_steady_state(void **state)
{
    (void)state;
    inputs in = { 0 };
    open_inputs(&in);
    for (int c = 0; c < MODEL_CASES; c++) {
        if (strstr(model_cases[c].name, "colliding")) continue; /* takes room for the rows of its neighbours at each call */
        recsys_exec *x = fixture_exec(&in.f, 2, 0, 0);
        recsys_query q = RECSYS_QUERY_INIT;
        int64_t history[] = { 3, 1 }, items[4];
        q.parts = RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY;
        q.history = history;
        q.history_count = 2;
        expect_ok(x, recsys_model_topk(in.model[c], x, &q, 1, 4, NULL, items, NULL));
        long long calls = atomic_load(&in.f.heap.calls);
        for (int again = 0; again < 3; again++) expect_ok(x, recsys_model_topk(in.model[c], x, &q, 1, 4, NULL, items, NULL));
        calls = atomic_load(&in.f.heap.calls) - calls;
        if (calls) fail_msg("%s: %lld allocations in the steady state", model_cases[c].name, calls);
        recsys_exec_release(x);
    }
    close_inputs(&in);
}

static void test_evaluation(void **state)
{
    (void)state;
    static const named_work works[] = { WORK(evaluate), WORK(evaluate_sampled) };
    run_works(works, sizeof works / sizeof *works, 0);
}

static void test_files(void **state)
{
    (void)state;
    static const named_work works[] = { WORK(save_1), WORK(save_2), WORK(save_5), WORK(load) };
    run_works(works, sizeof works / sizeof *works, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles), cmocka_unit_test(test_data),       cmocka_unit_test(test_split),
        cmocka_unit_test(test_models),  cmocka_unit_test(test_evaluation), cmocka_unit_test(test_files),
        cmocka_unit_test(test_steady_state),
    };
    return cmocka_run_group_tests_name("alloc/every_allocation", tests, NULL, NULL);
}
