/* works.h - the loop that fails every allocation of a work in turn, and what the works start from.
 *
 * A work is done with one exec, again and again. Each failing run must return ERR_NO_MEMORY with a message, hand out
 * nothing, keep hold of nothing, and leave its inputs as they were; then the same exec must do the work right. Twice for
 * each allocation: it alone fails, or so do all after it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ALLOC_WORKS_H
#define TESTS_ALLOC_WORKS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/models.h"

/* The trainings that are failed: models with everything that takes memory. */
enum { TRAININGS = 10 };
typedef struct training_work {
    const char *model, *params, *select;
} training_work;
static const training_work trainings[TRAININGS] = {
    { "gmf", "dim=3,loss=t-ce,num_gradual=2", "loss" },
    { "mlp", "dim=2,layers=2,dropout=0.2,loss=r-ce", "loss" },
    { "neumf", "dim=2,layers=2,colliding=0.3,neighbours=2", "NDCG@3" },
    { "cdae", "hidden=3,loss=t-ce,num_gradual=0", "loss" },
    { "cdae", "hidden=3,output=sampled", "NDCG@3" },
    { "lightgcn", "dim=3,layers=2,dropout=0.2", "NDCG@3" },
    { "two-tower-concat", "layers=4:2,loss=t-ce,num_gradual=2", "loss" },
    { "two-tower-product", "layers=4:2,output=cosine,objective=shared,shared_negatives=5", "NDCG@3" },
    { "dae", "encoder=4:3,decoder=2,flip=0.2,normalize=l2,loss=multinomial", "loss" },
    { "mlp-classifier", "layers=4,standardize=1", "loss" },
};

/* What all works start from. Made before anything fails. */
typedef struct inputs {
    fixture f;
    recsys_dataset *data, *train, *test, *verified;
    recsys_dataset *rows[2]; /* of features with labels, of one reading: for training and validation */
    recsys_params *params[MODEL_CASES]; /* NULL for models that have none */
    recsys_model *model[MODEL_CASES];
    recsys_params *training_params[TRAININGS];
    recsys_optimizer *optimizer;
    char events_path[TEST_PATH_ROOM], gz_path[TEST_PATH_ROOM], items_path[TEST_PATH_ROOM], model_path[TEST_PATH_ROOM];
    char rows_path[TEST_PATH_ROOM], more_rows_path[TEST_PATH_ROOM], users_path[TEST_PATH_ROOM], users_events_path[TEST_PATH_ROOM];
    char out_path[TEST_PATH_ROOM], movielens_path[TEST_PATH_ROOM], checkpoint_path[TEST_PATH_ROOM];
    int64_t n_entries; /* in the folder */
    int by_steps;      /* 1: the works train by steps, or score with a tape */
} inputs;

/* Does a work with `x`; what it makes goes to result[]: released and set to NULL by its own function. */
typedef struct outcome {
    recsys_dataset *dataset[3];
    recsys_split split;
    recsys_model *model;
    recsys_report *report;
    recsys_evaluator *evaluator;
    recsys_params *params;
    recsys_trainer *trainer;
    recsys_env *env;
    recsys_exec *exec;
} outcome;

typedef recsys_status (*work)(inputs *in, recsys_exec *x, outcome *out);

static inline void release_outcome(outcome *o)
{
    for (int i = 0; i < 3; i++) recsys_dataset_release(o->dataset[i]);
    recsys_split_release(&o->split);
    recsys_model_release(o->model);
    recsys_report_release(o->report);
    recsys_evaluator_release(o->evaluator);
    recsys_params_release(o->params);
    recsys_trainer_release(o->trainer);
    recsys_exec_release(o->exec);
    recsys_env_release(o->env);
    *o = (outcome){ .split = RECSYS_SPLIT_INIT };
}

static inline int holds_something(const outcome *o)
{
    static const recsys_split no_split = RECSYS_SPLIT_INIT;
    return o->dataset[0] || o->dataset[1] || o->dataset[2] || memcmp(&o->split, &no_split, sizeof no_split) != 0 || o->model ||
           o->report || o->params || o->trainer || o->env || o->exec;
}

/* ---- the loop ---- */

/* A failed work hands out nothing, says why, and leaves the file that was there and nothing beside it. */
static inline void check_failure(inputs *in, const char *name, int64_t n, const recsys_exec *x, recsys_status status,
                                 const outcome *out)
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

/* A tape that is refused a large piece of memory asks for as little as will do: then the work succeeds, and gives the same. */
static inline void check_survival(inputs *in, const char *name, int64_t n, work w, const outcome *out)
{
    recsys_exec *x = fixture_exec(&in->f, 1, 0, 5);
    outcome whole = { .split = RECSYS_SPLIT_INIT };
    expect_ok(x, w(in, x, &whole));
    if (!whole.model != !out->model) fail_msg("%s, allocation %" PRId64 ": no model", name, n);
    if (whole.model) expect_same_model(x, whole.model, out->model, 1);
    release_outcome(&whole);
    recsys_exec_release(x);
}

/* Runs the work with its n-th allocation failing (0: none), and after a failure once more with memory again; 1 if it needed
 * fewer than n. */
static inline int run_failing(inputs *in, const char *name, work w, int64_t n, int after_too)
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
    if (!status && refused && !after_too && in->by_steps)
        check_survival(in, name, n, w, &out);
    else if (status != (refused ? RECSYS_ERR_NO_MEMORY : RECSYS_OK)) {
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

static inline void fail_each(inputs *in, const char *name, work w)
{
    /* Views that a dataset makes once and keeps are made here; the works that fit begin with datasets of their own. */
    run_failing(in, name, w, 0, 0);
    int64_t n = 1, k = 1;
    while (!run_failing(in, name, w, n, 0)) n++;
    /* Works that train are long: of the runs in which all later allocations fail too, every fifth. */
    while (!run_failing(in, name, w, k, 1)) k += in->by_steps ? 5 : 1;
    print_message("%-16s %4" PRId64 " allocations\n", name, n - 1);
}

/* A folder in the layout of the latest MovieLens. */
static inline void write_movielens(inputs *in)
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

/* A training of three steps with validation, warm-up and clipping; `resume` is a checkpoint to go on from, or NULL. */
static inline recsys_status make_trainer(inputs *in, recsys_exec *x, int number, const char *resume, recsys_trainer **trainer)
{
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    t.optimizer = in->optimizer;
    t.batch_size = strcmp(trainings[number].model, "cdae") == 0 ? 3 : 20;
    t.validation = in->test;
    t.validate_every_steps = 2;
    t.select = trainings[number].select;
    t.max_steps = 3;
    t.resume = resume;
    o.training = &t;
    if (strcmp(trainings[number].model, "mlp-classifier") == 0) {
        t.batch_size = 4;
        t.validation = in->rows[1];
        return recsys_trainer_create(in->training_params[number], in->rows[0], x, &o, trainer);
    }
    t.verified = in->verified;
    t.warm_up_epochs = 1;
    return recsys_trainer_create(in->training_params[number], in->train, x, &o, trainer);
}

/* Two files of rows with labels, their datasets, and a file of users with a feature table. */
static inline void open_rows(inputs *in)
{
    const char *paths[] = { fixture_path(&in->f, "rows.csv", in->rows_path), fixture_path(&in->f, "more.csv", in->more_rows_path) };
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    test_write_text(paths[0], "w,h,kind\n1,2,a\n-1,0.5,b\n3,1,a\n0,0,c\n2,2,b\n-1,-1,c\n1,1,a\n2,0,b\n");
    test_write_text(paths[1], "w,h,kind\n1,1.5,a\n-1,0,b\n0,-1,c\n");
    test_write_text(fixture_path(&in->f, "users.txt", in->users_path), "0::Ann::x|y\n1::Bob::\n2::::y\n3::Eve::z\n");
    test_write_text(fixture_path(&in->f, "adjacent.txt", in->users_events_path), "0 3 4\n3 4\n1 2\n");
    o.columns = "feature,feature,label";
    expect_ok(in->f.exec, recsys_dataset_read_parts(in->f.exec, paths, 2, &o, in->rows));
}

/* Parameters and optimizer of the trainings, and a checkpoint of the first. */
static inline void open_trainings(inputs *in)
{
    recsys_params *settings = NULL;
    recsys_trainer *trainer = NULL;
    assert_int_equal(recsys_optimizer_params(in->f.env, "adam", &settings, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(settings, "lr=0.01,clip_norm=0.2"), RECSYS_OK);
    expect_ok(in->f.exec, recsys_optimizer_create(in->f.exec, settings, &in->optimizer));
    recsys_params_release(settings);
    for (int i = 0; i < TRAININGS; i++) {
        assert_int_equal(recsys_params_create(in->f.env, trainings[i].model, &in->training_params[i], NULL), RECSYS_OK);
        assert_int_equal(recsys_params_set_text(in->training_params[i], trainings[i].params), RECSYS_OK);
    }
    recsys_exec *x = fixture_exec(&in->f, 1, 0, 5); /* the works' random numbers */
    expect_ok(x, make_trainer(in, x, 0, NULL, &trainer));
    expect_ok(x, recsys_trainer_run(trainer));
    expect_ok(x, recsys_trainer_save(trainer, in->checkpoint_path));
    recsys_trainer_release(trainer);
    recsys_exec_release(x);
}

static inline void open_inputs(inputs *in)
{
    fixture_open(&in->f, 1);
    recsys_exec *x = in->f.exec;
    fixture_path(&in->f, "events.tsv", in->events_path);
    fixture_path(&in->f, "events.tsv.gz", in->gz_path);
    fixture_path(&in->f, "items.txt", in->items_path);
    fixture_path(&in->f, "m.safetensors", in->model_path);
    fixture_path(&in->f, "out.safetensors", in->out_path);
    fixture_path(&in->f, "checkpoint", in->checkpoint_path);
    in->data = test_random_dataset(x, 8, 12, 5, TEST_VALUES | TEST_TIMES | TEST_REPEATS, 5);
    in->train = test_random_dataset(x, 8, 12, 5, TEST_VALUES, 6);
    in->test = test_random_dataset(x, 9, 13, 3, TEST_VALUES, 7);
    in->verified = test_random_dataset(x, 8, 12, 2, TEST_VALUES, 8);
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
    open_rows(in);
    open_trainings(in);
    test_write_text(in->out_path, "old");
    in->n_entries = fixture_entries(&in->f);
}

/* The inputs are what they were. */
static inline void check_inputs(inputs *in)
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

static inline void close_inputs(inputs *in)
{
    for (int c = 0; c < MODEL_CASES; c++) {
        recsys_model_release(in->model[c]);
        recsys_params_release(in->params[c]);
    }
    for (int i = 0; i < TRAININGS; i++) recsys_params_release(in->training_params[i]);
    recsys_optimizer_release(in->optimizer);
    recsys_dataset_release(in->data);
    recsys_dataset_release(in->train);
    recsys_dataset_release(in->test);
    recsys_dataset_release(in->verified);
    for (int k = 0; k < 2; k++) recsys_dataset_release(in->rows[k]);
    fixture_close(&in->f);
}

typedef struct named_work {
    const char *name;
    work w;
} named_work;

#define WORK(function) { #function, function }

static inline void run_works(const named_work *works, size_t n, int by_steps)
{
    inputs in = { .by_steps = by_steps };
    open_inputs(&in);
    for (size_t i = 0; i < n; i++) fail_each(&in, works[i].name, works[i].w);
    check_inputs(&in);
    close_inputs(&in);
}

#endif
