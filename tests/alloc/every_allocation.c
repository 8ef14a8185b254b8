/* every_allocation.c - fails every allocation in turn: the first, the second, and so on until the work succeeds.
 *
 * A work is done with one exec, again and again. Each failing run must return ERR_NO_MEMORY with a message, hand out
 * nothing, keep hold of nothing, and leave its inputs as they were; then the same exec must do the work right. Twice for
 * each allocation: it alone fails, or so do all after it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/models.h"

/* What all works start from. Made before anything fails. */
typedef struct inputs {
    fixture f;
    recsys_dataset *data, *train, *test;
    recsys_params *params[MODEL_CASES]; /* NULL for models that have none */
    recsys_model *model[MODEL_CASES];
    char events_path[TEST_PATH_ROOM], gz_path[TEST_PATH_ROOM], items_path[TEST_PATH_ROOM], model_path[TEST_PATH_ROOM];
    char out_path[TEST_PATH_ROOM], movielens_path[TEST_PATH_ROOM];
    int64_t n_entries; /* in the folder */
} inputs;

/* Does a work with `x`; what it makes goes to result[]: released and set to NULL by its own function. */
typedef struct outcome {
    recsys_dataset *dataset[3];
    recsys_split split;
    recsys_model *model;
    recsys_report *report;
    recsys_evaluator *evaluator;
    recsys_params *params;
    recsys_env *env;
    recsys_exec *exec;
} outcome;

typedef recsys_status (*work)(inputs *in, recsys_exec *x, outcome *out);

static void release_outcome(outcome *o)
{
    for (int i = 0; i < 3; i++) recsys_dataset_release(o->dataset[i]);
    recsys_split_release(&o->split);
    recsys_model_release(o->model);
    recsys_report_release(o->report);
    recsys_evaluator_release(o->evaluator);
    recsys_params_release(o->params);
    recsys_exec_release(o->exec);
    recsys_env_release(o->env);
    *o = (outcome){ .split = RECSYS_SPLIT_INIT };
}

static int holds_something(const outcome *o)
{
    static const recsys_split no_split = RECSYS_SPLIT_INIT;
    return o->dataset[0] || o->dataset[1] || o->dataset[2] || memcmp(&o->split, &no_split, sizeof no_split) != 0 || o->model ||
           o->report || o->params || o->env || o->exec;
}

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

/* ---- the loop ---- */

/* A failed work hands out nothing, says why, and leaves the file that was there and nothing beside it. */
static void check_failure(inputs *in, const char *name, int64_t n, const recsys_exec *x, recsys_status status, const outcome *out)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(x, &error);
    int has_own_error = strcmp(name, "open_env") == 0 || strcmp(name, "open_params") == 0;
    if (holds_something(out)) fail_msg("%s, allocation %" PRId64 ": something was handed out", name, n);
    if (!has_own_error && (error.status != status || !error.message[0]))
        fail_msg("%s, allocation %" PRId64 ": the exec has no message", name, n);
    size_t size;
    unsigned char *bytes = test_read_file(in->out_path, &size);
    if (strcmp((char *)bytes, "old") != 0) fail_msg("%s, allocation %" PRId64 ": the old file is gone", name, n);
    free(bytes);
    if (fixture_entries(&in->f) != in->n_entries) fail_msg("%s, allocation %" PRId64 ": a file was left behind", name, n);
}

/* Runs the work with its n-th allocation failing (0: none), and after a failure once more with memory again; 1 if it needed
 * fewer than n. */
static int run_failing(inputs *in, const char *name, work w, int64_t n, int after_too)
{
    long long blocks = atomic_load(&in->f.heap.blocks), bytes = atomic_load(&in->f.heap.bytes);
    recsys_exec *x = fixture_exec(&in->f, 1, 0, 5);
    outcome out = { .split = RECSYS_SPLIT_INIT };
    unlink(in->out_path); /* a new file: one that is cut and written anew is synced by some file systems */
    test_write_text(in->out_path, "old");
    test_heap_fail(&in->f.heap, n, after_too);
    recsys_status status = w(in, x, &out);
    int refused = atomic_load(&in->f.heap.refused) > 0;
    test_heap_fail(&in->f.heap, 0, 0);
    if (status != (refused ? RECSYS_ERR_NO_MEMORY : RECSYS_OK)) {
        recsys_error_info error = RECSYS_ERROR_INFO_INIT;
        recsys_exec_last_error(x, &error);
        fail_msg("%s, allocation %" PRId64 ": %s \"%s\"", name, n, recsys_status_name(status), error.message);
    }
    if (status) check_failure(in, name, n, x, status, &out);
    release_outcome(&out);
    if (status) {
        expect_ok(x, w(in, x, &out));
        release_outcome(&out);
    }
    recsys_exec_release(x);
    long long more_blocks = atomic_load(&in->f.heap.blocks) - blocks, more_bytes = atomic_load(&in->f.heap.bytes) - bytes;
    if (n > 0 && (more_blocks || more_bytes))
        fail_msg("%s, allocation %" PRId64 ": %lld blocks and %lld bytes more than before", name, n, more_blocks, more_bytes);
    return !refused;
}

static void fail_each(inputs *in, const char *name, work w)
{
    /* Views that a dataset makes once and keeps are made here; the works that fit begin with datasets of their own. */
    run_failing(in, name, w, 0, 0);
    int64_t n = 0;
    for (int after_too = 0; after_too <= 1; after_too++) {
        n = 1;
        while (!run_failing(in, name, w, n, after_too)) n++;
    }
    print_message("%-16s %4" PRId64 " allocations\n", name, n - 1);
}

/* A folder in the layout of the latest MovieLens. */
static void write_movielens(inputs *in)
{
    static const char *const files[][2] = {
        { "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,20,3.5,964982704\n2,10,5.0,964982705\n" },
        { "movies.csv", "movieId,title,genres\n10,\"Heat, The (1995)\",Action|Crime\n20,Jumanji (1995),Children\n"
                        "30,X,(no genres listed)\n" },
        { "tags.csv", "userId,movieId,tag,timestamp\n1,10,tense,1139045764\n2,10,tense,1139045765\n2,20,dice,1139045766\n" },
    };
    assert_int_equal(mkdir(fixture_path(&in->f, "ml", in->movielens_path), 0700), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64], path[TEST_PATH_ROOM];
        snprintf(name, sizeof name, "ml/%s", files[i][0]);
        test_write_text(fixture_path(&in->f, name, path), files[i][1]);
    }
}

static void open_inputs(inputs *in)
{
    fixture_open(&in->f, 1);
    recsys_exec *x = in->f.exec;
    fixture_path(&in->f, "events.tsv", in->events_path);
    fixture_path(&in->f, "events.tsv.gz", in->gz_path);
    fixture_path(&in->f, "items.txt", in->items_path);
    fixture_path(&in->f, "m.safetensors", in->model_path);
    fixture_path(&in->f, "out.safetensors", in->out_path);
    in->data = test_random_dataset(x, 8, 12, 5, TEST_VALUES | TEST_TIMES | TEST_REPEATS, 5);
    in->train = test_random_dataset(x, 8, 12, 5, TEST_VALUES, 6);
    in->test = test_random_dataset(x, 9, 13, 3, TEST_VALUES, 7);
    expect_ok(x, recsys_dataset_write(in->data, x, in->events_path, NULL));
    expect_ok(x, recsys_dataset_write(in->data, x, in->gz_path, NULL));
    FILE *items = fopen(in->items_path, "w");
    assert_non_null(items);
    for (int i = 0; i < 13; i++) fprintf(items, "%d\t%d\t%d\n", i, i + 20, i + 7);
    fclose(items);
    write_movielens(in);
    for (int c = 0; c < MODEL_CASES; c++) {
        in->model[c] = model_of(x, &model_cases[c], 8, 12);
        if (!model_cases[c].params) continue;
        assert_int_equal(recsys_params_create(in->f.env, model_cases[c].model, &in->params[c], NULL), RECSYS_OK);
        assert_int_equal(recsys_params_set_text(in->params[c], model_cases[c].params), RECSYS_OK);
    }
    expect_ok(x, recsys_model_save(in->model[1], x, in->model_path, NULL));
    test_write_text(in->out_path, "old");
    in->n_entries = fixture_entries(&in->f);
}

/* The inputs are what they were. */
static void check_inputs(inputs *in)
{
    recsys_exec *x = in->f.exec;
    size_t n_before, n_after;
    unsigned char *before = test_read_file(in->events_path, &n_before);
    expect_ok(x, recsys_dataset_write(in->data, x, in->out_path, NULL));
    unsigned char *after = test_read_file(in->out_path, &n_after);
    assert_int_equal(n_before, n_after);
    assert_memory_equal(before, after, n_before);
    free(before);
    free(after);
    for (int c = 0; c < MODEL_CASES; c++) {
        recsys_model *again = model_of(x, &model_cases[c], 8, 12);
        expect_same_model(x, in->model[c], again, 1);
        recsys_model_release(again);
    }
}

static void close_inputs(inputs *in)
{
    for (int c = 0; c < MODEL_CASES; c++) {
        recsys_model_release(in->model[c]);
        recsys_params_release(in->params[c]);
    }
    recsys_dataset_release(in->data);
    recsys_dataset_release(in->train);
    recsys_dataset_release(in->test);
    fixture_close(&in->f);
}

typedef struct named_work {
    const char *name;
    work w;
} named_work;

#define WORK(function) { #function, function }

static void run_works(const named_work *works, size_t n)
{
    inputs in = { 0 };
    open_inputs(&in);
    for (size_t i = 0; i < n; i++) fail_each(&in, works[i].name, works[i].w);
    check_inputs(&in);
    close_inputs(&in);
}

static void test_handles(void **state)
{
    (void)state;
    static const named_work works[] = { WORK(open_env), WORK(open_params) };
    run_works(works, sizeof works / sizeof *works);
}

static void test_data(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(read_delimited), WORK(read_gz), WORK(read_parts), WORK(read_adjacency), WORK(read_movielens),
        WORK(build),          WORK(statistics), WORK(filter),  WORK(merge),       WORK(write_events),
    };
    run_works(works, sizeof works / sizeof *works);
}

static void test_split(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(split_random), WORK(split_per_user), WORK(split_last), WORK(split_time), WORK(split_strong),
    };
    run_works(works, sizeof works / sizeof *works);
}

static void test_models(void **state)
{
    (void)state;
    static const named_work works[] = {
        WORK(fit_0),      WORK(fit_1),       WORK(fit_2),        WORK(fit_3),       WORK(fit_4),
        WORK(fit_5),      WORK(topk_dense),  WORK(topk_sparse),  WORK(topk_vectors), WORK(with_tensor), WORK(read_weights),
    };
    run_works(works, sizeof works / sizeof *works);
}

/* Once an exec has answered, the same question to EASE^R takes nothing from the allocator. */
static void test_steady_state(void **state)
{
    (void)state;
    inputs in = { 0 };
    open_inputs(&in);
    for (int c = 0; c < MODEL_CASES; c++) {
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
    run_works(works, sizeof works / sizeof *works);
}

static void test_files(void **state)
{
    (void)state;
    static const named_work works[] = { WORK(save_1), WORK(save_2), WORK(save_5), WORK(load) };
    run_works(works, sizeof works / sizeof *works);
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
