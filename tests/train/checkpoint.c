/* checkpoint.c - trainings that stop anywhere and go on from a file end in the same bits as one that never stopped; files of
 * another training are refused, with what differs. Damage and failures: checkpoint_failures.c.
 *
 * The end of a training is compared by its last checkpoint, byte for byte: parameters as they lie in memory, optimizer, best
 * model, validation values and sums of the epoch are all in it. Models handed out are compared too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "support/features.h"
#include "train/checkpoint_case.h"

/* ---- trainings ---- */

static const training_case cases[] = {
    { "gmf adam", "gmf", "dim=8,loss=t-ce,num_gradual=20,drop_rate=0.2", "adam", "lr=0.01",
      COUNTS(.epochs = 3, .batch_size = 32, .validate_every_steps = 5, .patience = 100) },
    { "gmf adam, three parts", "gmf", "dim=5,loss=t-ce,num_gradual=20", "adam", "lr=0.02,clip_norm=0.5,schedule=cosine",
      COUNTS(.epochs = 2, .batch_size = 32, .warm_up_epochs = 1, .fine_tune_epochs = 1, .select = "NDCG@5") },
    { "gmf adam, decay", "gmf", "dim=5,loss=r-ce", "adam", "lr=0.02,weight_decay=0.01",
      COUNTS(.epochs = 2, .batch_size = 32, .n_negatives = 2, .popularity = 0.75, .fixed_negatives = 1) },
    { "gmf adam, patience", "gmf", "dim=8", "adam", "lr=0.5",
      COUNTS(.epochs = 20, .batch_size = 32, .validate_every_steps = 4, .patience = 3) },
    { "gmf adamw", "gmf", "dim=4", "adamw", "lr=0.01,schedule=exponential,decay_steps=7",
      COUNTS(.epochs = 2, .batch_size = 32, .validate_every_epochs = 1) },
    { "gmf sgd", "gmf", "dim=4", "sgd", "lr=0.5", COUNTS(.epochs = 2, .batch_size = 32) },
    { "gmf momentum", "gmf", "dim=4", "sgd", "lr=0.5,momentum=0.9", COUNTS(.epochs = 2, .batch_size = 32) },
    { "gmf nesterov", "gmf", "dim=4", "sgd", "lr=0.5,momentum=0.9,nesterov=true", COUNTS(.epochs = 2, .batch_size = 32) },
    { "gmf adagrad", "gmf", "dim=4", "adagrad", "lr=0.1,lr_decay=0.01", COUNTS(.epochs = 2, .batch_size = 32) },
    { "mlp", "mlp", "dim=4,dropout=0.3,loss=t-ce,num_gradual=20", "adam", "lr=0.01",
      COUNTS(.epochs = 2, .batch_size = 40, .validate_every_steps = 6, .patience = 50) },
    { "neumf", "neumf", "dim=4,layers=2,dropout=0.2,loss=t-ce,num_gradual=20", "adam", "lr=0.01",
      COUNTS(.epochs = 2, .batch_size = 40, .validate_every_steps = 6, .select = "NDCG@10") },
    { "cdae", "cdae", "hidden=6,dropout=0.4,loss=t-ce,num_gradual=20", "adam", "lr=0.05",
      COUNTS(.epochs = 8, .batch_size = 9, .validate_every_steps = 3, .patience = 50) },
    { "cdae sampled", "cdae", "hidden=6,dropout=0.4,output=sampled,loss=r-ce", "adam", "lr=0.05",
      COUNTS(.epochs = 8, .batch_size = 9, .n_negatives = 3, .validate_every_steps = 7) },
    { "lightgcn", "lightgcn", "dim=6,layers=2,dropout=0.2", "adam", "lr=0.02",
      COUNTS(.epochs = 3, .batch_size = 32, .n_negatives = 2, .validate_every_steps = 5, .select = "NDCG@5") },
    { "dae", "dae", "encoder=9:4,decoder=7,mask=0.3,flip=0.05,loss=multinomial", "adam", "lr=0.02",
      COUNTS(.epochs = 8, .batch_size = 9, .validate_every_steps = 7, .select = "NDCG@5") },
    { "two-tower-concat", "two-tower-concat", "layers=8:6:4,loss=t-ce,num_gradual=20", "adam", "lr=0.02",
      COUNTS(.epochs = 2, .batch_size = 64, .validate_every_steps = 6) },
    { "two-tower-product", "two-tower-product", "layers=8:6:4", "adagrad", "lr=0.1",
      COUNTS(.epochs = 2, .batch_size = 64, .validate_every_steps = 6) },
    { "two-tower-product in-batch", "two-tower-product", "layers=8:6,objective=in-batch,output=cosine", "adam", "lr=0.02",
      COUNTS(.epochs = 3, .batch_size = 32, .validate_every_steps = 6, .patience = 50) },
    { "two-tower-product shared", "two-tower-product", "layers=8:6,objective=shared,output=dot,shared_negatives=20", "adam",
      "lr=0.02", COUNTS(.epochs = 3, .batch_size = 32, .popularity = 0.5, .validate_every_steps = 5, .select = "NDCG@5") },
    { "mlp-classifier", "mlp-classifier", "layers=9:7,standardize=1", "adam", "lr=0.02",
      COUNTS(.epochs = 8, .batch_size = 32, .validate_every_steps = 6) },
};
enum { CASES = sizeof cases / sizeof *cases, CURVE_ROOM = 512 };

enum { COLUMNS = 5, ROWS = 120, LABELS = 3 };

/* Features of users and items, for the models that look at them. */
static void attach_features(world *w, const float *value)
{
    assert_in_range(recsys_ids_count(recsys_dataset_users(w->train)), 1, ROWS);
    assert_in_range(recsys_ids_count(recsys_dataset_items(w->train)), 1, ROWS);
    test_attach_features(w->f.exec, w->train, SIDE_USERS, value, COLUMNS, 0);
    test_attach_features(w->f.exec, w->train, SIDE_ITEMS, value, COLUMNS, 0);
}

/* In place of the interactions: rows of features with a label each, a part of them for validation. */
static void use_labels(world *w, const float *value)
{
    int64_t row[ROWS], label[ROWS];
    recsys_split split = RECSYS_SPLIT_INIT;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    for (int k = 0; k < ROWS; k++) {
        row[k] = k;
        label[k] = (k * k + k / 7) % LABELS;
    }
    recsys_dataset_release(w->train);
    recsys_dataset_release(w->validation);
    recsys_dataset_release(w->verified);
    w->train = test_dataset_of(w->f.exec, row, label, NULL, NULL, ROWS);
    test_attach_features(w->f.exec, w->train, SIDE_USERS, value, COLUMNS, 1);
    how.method = RECSYS_SPLIT_RANDOM;
    expect_ok(w->f.exec, recsys_dataset_split(w->train, w->f.exec, &how, &split));
    recsys_dataset_release(w->train);
    w->train = recsys_dataset_retain(split.train);
    w->validation = recsys_dataset_retain(split.test);
    recsys_split_release(&split);
    w->verified = NULL; /* a classifier has no use for it */
}

static void use_features(world *w, const char *model)
{
    float value[ROWS * COLUMNS];
    uint64_t seed = 8;
    for (int k = 0; k < ROWS * COLUMNS; k++)
        value[k] = (float)(2.0 * test_random_unit(&seed) - 1.0);
    if (strcmp(model, "mlp-classifier") == 0)
        use_labels(w, value);
    else
        attach_features(w, value);
}

/* ---- running ---- */

/* What validation said, in order. */
typedef struct curve {
    int64_t n, step[CURVE_ROOM];
    double value[CURVE_ROOM];
} curve;

static int32_t note(void *user, const recsys_training_event *e)
{
    curve *c = user;
    if (e->kind != RECSYS_TRAINING_VALIDATION || c->n == CURVE_ROOM)
        return 0;
    c->step[c->n] = e->step;
    c->value[c->n++] = e->validation;
    return 0;
}

/* Models as they are in the end: all tensors one after the other, of the last and of the best model. */
typedef struct outcome {
    unsigned char *checkpoint, *models;
    size_t checkpoint_size, models_size;
    int64_t steps;
    curve c;
} outcome;

static void append_model(recsys_exec *x, const recsys_model *m, outcome *to)
{
    for (int64_t i = 0; i < recsys_model_tensor_count(m); i++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        expect_ok(x, recsys_model_tensor_info(m, i, &info));
        size_t row = recsys__dtype_size(info.dtype), rows = (size_t)info.shape[0];
        for (int32_t d = 1; d < info.rank; d++)
            row *= (size_t)info.shape[d];
        to->models = realloc(to->models, to->models_size + row * rows + 1);
        assert_non_null(to->models);
        expect_ok(x, recsys_model_read_tensor(m, x, info.name, 0, info.shape[0], to->models + to->models_size));
        to->models_size += row * rows;
    }
}

static void take_models(recsys_trainer *t, recsys_exec *x, outcome *to)
{
    for (int32_t best = 0; best <= (t->at.best_step >= 0); best++) {
        recsys_model *m;
        expect_ok(x, recsys_trainer_model(t, best, &m));
        append_model(x, m, to);
        recsys_model_release(m);
    }
}

static void free_outcome(outcome *o)
{
    free(o->checkpoint);
    free(o->models);
    *o = (outcome){ 0 };
}

/* Runs from `resume` (NULL: the beginning) until `max_steps` (0: the end), with checkpoints in w->checkpoint. */
static void run(world *w, const training_case *c, recsys_exec *x, int64_t max_steps, const char *resume, outcome *to)
{
    recsys_training o = training_of(w, c);
    recsys_trainer *t;
    o.max_steps = max_steps;
    o.checkpoint = w->checkpoint;
    o.resume = resume;
    o.watch = note;
    o.watch_user = &to->c;
    expect_ok(x, make_trainer(x, w->f.env, c, w->train, o, &t));
    expect_ok(x, recsys_trainer_run(t));
    to->steps = t->at.step;
    free(to->checkpoint);
    free(to->models);
    to->models = NULL;
    to->models_size = 0;
    to->checkpoint = test_read_file(w->checkpoint, &to->checkpoint_size);
    take_models(t, x, to);
    recsys_trainer_release(t);
}

static void expect_same(const char *name, const outcome *a, const outcome *b)
{
    if (a->steps != b->steps || a->c.n != b->c.n)
        fail_msg("%s: %" PRId64 " steps and %" PRId64 " validations, not %" PRId64 " and %" PRId64, name, b->steps, b->c.n,
                 a->steps, a->c.n);
    for (int64_t i = 0; i < a->c.n; i++)
        if (a->c.step[i] != b->c.step[i] || a->c.value[i] != b->c.value[i])
            fail_msg("%s: validation %" PRId64 " is %g at step %" PRId64 ", not %g at %" PRId64, name, i, b->c.value[i],
                     b->c.step[i], a->c.value[i], a->c.step[i]);
    if (a->models_size != b->models_size || memcmp(a->models, b->models, a->models_size) != 0)
        fail_msg("%s: the models differ", name);
    if (a->checkpoint_size != b->checkpoint_size || memcmp(a->checkpoint, b->checkpoint, a->checkpoint_size) != 0)
        fail_msg("%s: the last checkpoints differ", name);
}

/* Runs up to each of `stops` (ended by 0) in turn, each time with another exec and number of threads, then to the end. */
static void run_in_pieces(world *w, const training_case *c, const int64_t *stops, outcome *to)
{
    const char *resume = NULL;
    for (int64_t i = 0;; i++) {
        recsys_exec *x = fixture_exec(&w->f, (int32_t)(2 + i % 3), 0, 0);
        run(w, c, x, stops[i], resume, to);
        recsys_exec_release(x);
        resume = w->checkpoint;
        if (stops[i] == 0)
            return;
    }
}

static void test_same_bits(void **state)
{
    (void)state;
    static const int64_t stops[][6] = { { 1, 0 }, { 11, 0 }, { 4, 5, 6, 12, 20, 0 } };
    for (int i = 0; i < CASES; i++) {
        world w;
        outcome whole = { 0 };
        open_world(&w, NULL);
        use_features(&w, cases[i].model);
        run(&w, &cases[i], w.f.exec, 0, NULL, &whole);
        if (whole.steps <= 20 && cases[i].o.patience != 3)
            fail_msg("%s: only %" PRId64 " steps", cases[i].name, whole.steps);
        for (size_t s = 0; s < sizeof stops / sizeof *stops; s++) {
            outcome pieces = { 0 };
            run_in_pieces(&w, &cases[i], stops[s], &pieces);
            expect_same(cases[i].name, &whole, &pieces);
            free_outcome(&pieces);
        }
        assert_int_equal(fixture_entries(&w.f), 1);
        free_outcome(&whole);
        close_world(&w);
    }
}

/* The cases are what they are for: patience runs out, and drops, flags and validation are there. */
static void test_cases_reach(void **state)
{
    (void)state;
    world w;
    outcome o = { 0 };
    recsys_trainer *t;
    open_world(&w, NULL);
    run(&w, &cases[3], w.f.exec, 0, NULL, &o);
    recsys_training stopped = training_of(&w, &cases[3]);
    stopped.resume = w.checkpoint;
    expect_ok(w.f.exec, make_trainer(w.f.exec, w.f.env, &cases[3], w.train, stopped, &t));
    assert_true(t->at.stopped == 1 && t->at.step < t->n_steps && t->at.best_step < t->at.step);
    expect_ok(w.f.exec, recsys_trainer_run(t));
    assert_int_equal(t->at.step, o.steps);
    expect_error(w.f.exec, recsys_trainer_step(t, NULL, 0, NULL), RECSYS_ERR_EMPTY, "over");
    recsys_trainer_release(t);
    free_outcome(&o);
    run(&w, &cases[0], w.f.exec, 23, NULL, &o);
    recsys_training going = training_of(&w, &cases[0]);
    going.resume = w.checkpoint;
    expect_ok(w.f.exec, make_trainer(w.f.exec, w.f.env, &cases[0], w.train, going, &t));
    assert_true(t->at.step == 23 && t->first_step == 23 && t->at.n_validations == 4);
    assert_true(t->at.epoch.dropped > 0 && t->at.epoch.clean > 0 && t->at.epoch.noisy > 0);
    recsys_trainer_release(t);
    free_outcome(&o);
    close_world(&w);
}

/* Rows catch up at every 4096th step. */
static void test_long(void **state)
{
    (void)state;
    static const training_case c = { "long", "gmf", "dim=2", "adam", "lr=0.001", COUNTS(.epochs = 1000, .batch_size = 16) };
    static const int64_t stops[][6] = { { 4096, 0 }, { 4095, 4097, 0 } };
    world w;
    open_world(&w, NULL);
    recsys_dataset_release(w.train);
    w.train = test_random_dataset(w.f.exec, 20, 12, 2, 0, 9);
    recsys_dataset_release(w.validation);
    w.validation = NULL;
    recsys_exec *x = fixture_exec(&w.f, 1, 0, 0);
    outcome whole = { 0 };
    recsys_training o = training_of(&w, &c);
    recsys_trainer *t, *u;
    expect_ok(x, make_trainer(x, w.f.env, &c, w.train, o, &t));
    for (int64_t step = 1; step <= 4110; step++)
        expect_ok(x, recsys_trainer_step(t, NULL, 0, NULL));
    expect_ok(x, recsys_trainer_save(t, w.other));
    whole.checkpoint = test_read_file(w.other, &whole.checkpoint_size);
    for (size_t s = 0; s < sizeof stops / sizeof *stops; s++) {
        o.resume = NULL;
        for (int64_t i = 0, step = 0; step < 4110; i++) {
            expect_ok(x, make_trainer(x, w.f.env, &c, w.train, o, &u));
            for (step = u->at.step; step < 4110 && step != stops[s][i]; step++)
                expect_ok(x, recsys_trainer_step(u, NULL, 0, NULL));
            expect_ok(x, recsys_trainer_save(u, w.checkpoint));
            recsys_trainer_release(u);
            o.resume = w.checkpoint;
        }
        size_t size;
        unsigned char *bytes = test_read_file(w.checkpoint, &size);
        assert_int_equal(size, whole.checkpoint_size);
        assert_memory_equal(bytes, whole.checkpoint, size);
        free(bytes);
    }
    recsys_trainer_release(t);
    free_outcome(&whole);
    recsys_exec_release(x);
    close_world(&w);
}

/* Saving and looking at models in between change nothing, and on a device with memory of its own it is the same. */
static void test_fence(void **state)
{
    (void)state;
    static const int which[] = { 0, 10, 11 };
    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        const training_case *c = &cases[which[i]];
        world w;
        fence *device;
        outcome whole = { 0 }, pieces = { 0 };
        open_world(&w, NULL);
        run(&w, c, w.f.exec, 0, NULL, &whole);
        close_world(&w);
        open_world(&w, &device);
        run(&w, c, w.f.exec, 11, NULL, &pieces);
        run(&w, c, w.f.exec, 0, w.checkpoint, &pieces);
        expect_same(c->name, &whole, &pieces);
        free_outcome(&whole);
        free_outcome(&pieces);
        close_world(&w);
        fence_close(device);
    }
}

/* ---- other trainings ---- */

/* Goes on from w->checkpoint with something else; nothing is handed out. */
static void refuse(world *w, const training_case *c, const recsys_dataset *train, recsys_training o, uint64_t seed,
                   recsys_status status, const char *words)
{
    recsys_exec *x = fixture_exec(&w->f, 1, 0, seed);
    recsys_trainer *t = (recsys_trainer *)w;
    o.resume = w->checkpoint;
    expect_error(x, make_trainer(x, w->f.env, c, train, o, &t), status, words);
    assert_null(t);
    expect_error(x, status, status, w->checkpoint);
    recsys_exec_release(x);
}

static void refuse_case(world *w, training_case c, const char *words)
{
    refuse(w, &c, w->train, training_of(w, &c), 0, RECSYS_ERR_INVALID_ARGUMENT, words);
}

static void test_other_settings(void **state)
{
    (void)state;
    world w;
    outcome o = { 0 };
    open_world(&w, NULL);
    run(&w, &cases[0], w.f.exec, 8, NULL, &o);
    free_outcome(&o);
    training_case c;
#define OTHER(change, words) c = cases[0], change, refuse_case(&w, c, words)
    OTHER((c.model = "neumf"), "written with model gmf, this training has model neumf");
    OTHER((c.params = "dim=9,loss=t-ce,num_gradual=20,drop_rate=0.2"), "written with params dim=8, this training has params dim=9");
    OTHER((c.params = "dim=8,loss=t-ce,num_gradual=21,drop_rate=0.2"), "params num_gradual=20,|params num_gradual=21");
    OTHER((c.params = "dim=8,loss=r-ce,num_gradual=20,drop_rate=0.2"), "params loss=t-ce,|params loss=r-ce");
    OTHER((c.optimizer = "sgd"), "written with optimizer adam, this training has optimizer sgd");
    OTHER((c.optimizer_params = "lr=0.02"), "optimizer params lr=0.01, this training has optimizer params lr=0.02");
    OTHER((c.optimizer_params = "lr=0.01,weight_decay=1"), "optimizer params weight_decay=0,|weight_decay=1");
    OTHER((c.o.batch_size = 33), "batch_size 32, this training has batch_size 33");
    OTHER((c.o.n_negatives = 2), "n_negatives 1, this training has n_negatives 2");
    OTHER((c.o.popularity = 0.5), "popularity 0, this training has popularity 0.5");
    OTHER((c.o.fixed_negatives = 1), "fixed_negatives 0, this training has fixed_negatives 1");
    OTHER((c.o.epochs = 4), "epochs 3, this training has epochs 4");
    OTHER((c.o.warm_up_epochs = 1), "warm_up_epochs 0, this training has warm_up_epochs 1");
    OTHER((c.o.fine_tune_epochs = 2), "fine_tune_epochs 0, this training has fine_tune_epochs 2");
    OTHER((c.o.select = "NDCG@5"), "select loss, this training has select NDCG@5");
    OTHER((c.o.validate_every_steps = 6), "validate_every_steps 5, this training has validate_every_steps 6");
    OTHER((c.o.validate_every_steps = 0), "validate_every_steps 5, this training has validate_every_steps 0");
    OTHER((c.o.validation_negatives = 1), "validation_negatives 0, this training has validation_negatives 1");
    OTHER((c.o.patience = 7), "patience 100, this training has patience 7");
#undef OTHER
    refuse(&w, &cases[0], w.train, training_of(&w, &cases[0]), 2, RECSYS_ERR_INVALID_ARGUMENT,
           "written with seed 0, this training has seed 2");
    /* What may differ: how far it goes, who watches, where the next checkpoint is, where it once began. */
    recsys_training free_ones = training_of(&w, &cases[0]);
    recsys_trainer *t;
    free_ones.max_steps = 10;
    free_ones.checkpoint = w.other;
    free_ones.checkpoint_every = 1;
    free_ones.resume = w.checkpoint;
    expect_ok(w.f.exec, make_trainer(w.f.exec, w.f.env, &cases[0], w.train, free_ones, &t));
    expect_ok(w.f.exec, recsys_trainer_run(t));
    assert_int_equal(t->at.step, 10);
    recsys_trainer_release(t);
    close_world(&w);
}

/* The same events but for one thing; or one for each user, as rows have their labels. */
enum { ONE_EACH = 8 };
static recsys_dataset *variant(recsys_exec *x, int what)
{
    int64_t users[] = { 0, 0, 1, 1, 2, 2, 3, 3 }, items[] = { 0, 1, 1, 2, 2, 3, 3, 4 };
    float values[] = { 1, 2, 3, 4, 5, 4, 3, 2 };
    uint8_t flags[] = { 1, 0, 1, 0, 1, 0, 1, 0 };
    recsys_events e = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *builder;
    recsys_dataset *d;
    e.count = what == 1 ? 7 : 8;
    if (what == 2) items[5] = 0;
    if (what == 3) values[5] = 5;
    if (what == 4) flags[5] = 1;
    if (what == 6) users[7] = users[6] = 9;
    if (what == 7) items[7] = 8;
    for (int k = 0; what == ONE_EACH && k < 8; k++)
        users[k] = k;
    for (int k = 0; what == 8 && k < 8; k++) users[k] = k; /* rows, each with one label */
    e.user_ids = users, e.item_ids = items, e.values = values, e.flags = what == 5 ? NULL : flags;
    expect_ok(x, recsys_dataset_builder_create(x, NULL, &builder));
    expect_ok(x, recsys_dataset_builder_append(builder, &e));
    expect_ok(x, recsys_dataset_builder_finish(builder, &d));
    recsys_dataset_builder_release(builder);
    return d;
}

static void test_other_data(void **state)
{
    (void)state;
    static const char *const words[] = { NULL, "ids of users and items", "training data crc32=", "training data crc32=",
                                         "training data crc32=", "training data crc32=", "ids of users and items crc32=",
                                         "ids of users and items crc32=" };
    static const training_case c = { "small", "gmf", "dim=2", "adam", "",
                                     COUNTS(.epochs = 2, .batch_size = 4, .n_negatives = 1) };
    world w;
    open_world(&w, NULL);
    recsys_exec *x = w.f.exec;
    recsys_dataset *data[8];
    recsys_training o = c.o;
    recsys_trainer *t;
    for (int i = 0; i < 8; i++)
        data[i] = variant(x, i);
    o.validation = data[0];
    expect_ok(x, make_trainer(x, w.f.env, &c, data[0], o, &t));
    expect_ok(x, recsys_trainer_step(t, NULL, 0, NULL));
    expect_ok(x, recsys_trainer_save(t, w.checkpoint));
    recsys_trainer_release(t);
    for (int i = 1; i < 8; i++)
        refuse(&w, &c, data[i], o, 0, RECSYS_ERR_INVALID_ARGUMENT, words[i]);
    o.validation = data[2];
    refuse(&w, &c, data[0], o, 0, RECSYS_ERR_INVALID_ARGUMENT, "validation data crc32=");
    o.validation = NULL;
    refuse(&w, &c, data[0], o, 0, RECSYS_ERR_INVALID_ARGUMENT, "select loss|select none");
    o.validation = data[0];
    o.verified = data[0];
    refuse(&w, &c, data[0], o, 0, RECSYS_ERR_INVALID_ARGUMENT, "verified data none, this training has verified data users=4");
    for (int i = 0; i < 8; i++)
        recsys_dataset_release(data[i]);
    close_world(&w);
}

/* Other features, none at all, or the same ones of the other side. `dense`: as labelled data has them. */
static void expect_features_noticed(const training_case *c, int side, int dense)
{
    static const float value[8 * 3] = { 1, 0, 2, 0, 3, 0, 0, 0, 4, 5, 0, 0, 0, 6, 0, 7, 0, 0, 0, 8, 0, 9, 0, 1 };
    float other[8 * 3];
    world w;
    recsys_dataset *data[4];
    recsys_trainer *t;
    open_world(&w, NULL);
    recsys_exec *x = w.f.exec;
    memcpy(other, value, sizeof other);
    other[7] += 0.5f;
    for (int i = 0; i < 4; i++)
        data[i] = variant(x, dense ? ONE_EACH : 0);
    test_attach_features(x, data[0], side, value, 3, dense);
    test_attach_features(x, data[1], side, other, 3, dense);
    test_attach_features(x, data[2], side == SIDE_USERS ? SIDE_ITEMS : SIDE_USERS, value, 3, dense);
    expect_ok(x, make_trainer(x, w.f.env, c, data[0], c->o, &t));
    expect_ok(x, recsys_trainer_step(t, NULL, 0, NULL));
    expect_ok(x, recsys_trainer_save(t, w.checkpoint));
    recsys_trainer_release(t);
    refuse(&w, c, data[1], c->o, 0, RECSYS_ERR_INVALID_ARGUMENT, "training data features=");
    if (!dense) { /* a classifier does not begin without its features */
        refuse(&w, c, data[2], c->o, 0, RECSYS_ERR_INVALID_ARGUMENT, "training data features=");
        refuse(&w, c, data[3], c->o, 0, RECSYS_ERR_INVALID_ARGUMENT, "this training has training data features=none");
    }
    recsys_training o = c->o;
    o.resume = w.checkpoint;
    expect_ok(x, make_trainer(x, w.f.env, c, data[0], o, &t));
    recsys_trainer_release(t);
    for (int i = 0; i < 4; i++)
        recsys_dataset_release(data[i]);
    close_world(&w);
}

static void test_other_features(void **state)
{
    (void)state;
    static const training_case towers = { "towers", "two-tower-concat", "layers=4:3", "adam", "",
                                          COUNTS(.epochs = 2, .batch_size = 4) };
    static const training_case labels = { "labels", "mlp-classifier", "layers=3", "adam", "",
                                          COUNTS(.epochs = 2, .batch_size = 4) };
    expect_features_noticed(&towers, SIDE_USERS, 0);
    expect_features_noticed(&towers, SIDE_ITEMS, 0);
    expect_features_noticed(&labels, SIDE_USERS, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_cases_reach),    cmocka_unit_test(test_long),
        cmocka_unit_test(test_fence),     cmocka_unit_test(test_other_settings), cmocka_unit_test(test_other_data),
        cmocka_unit_test(test_other_features),
    };
    return cmocka_run_group_tests_name("train/checkpoint", tests, NULL, NULL);
}
