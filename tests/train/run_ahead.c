/* run_ahead.c - training on a device that works behind the host: what is waited for, what is told when, and that nothing else
 * differs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "training_case.h"

enum { EPOCHS = 2, EVENTS = 1000 };

static const struct { const char *model, *params; int64_t batch; } kinds[] = {
    { "gmf", "dim=5,loss=t-ce,drop_rate=0.3,num_gradual=60", 5 },
    { "cdae", "hidden=6", 1 },
    { "cdae", "hidden=6,output=sampled,loss=t-ce,drop_rate=0.2", 1 },
    { "neumf", "dim=4,layers=2,dropout=0.2", 5 },
    { "lightgcn", "dim=4,layers=2", 1 },
    { "dae", "encoder=8,decoder=6,mask=0.3", 1 },
    { "two-tower-product", "layers=8:4,objective=in-batch", 2 },
    { "two-tower-product", "layers=8:4", 5 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct world {
    fixture f;
    late *device;
    recsys_exec *on_cpu, *on_late;
    recsys_dataset *train, *validation;
} world;

static int open_world(void **state)
{
    static world w;
    memset(&w, 0, sizeof w);
    fixture_open(&w.f, 2);
    w.device = late_open();
    recsys_exec_options o = RECSYS_EXEC_OPTIONS_INIT;
    o.threads = 2;
    assert_int_equal(recsys_exec_create(w.f.env, &o, &w.on_cpu, NULL), RECSYS_OK);
    assert_int_equal(recsys_exec_create(w.f.env, &o, &w.on_late, NULL), RECSYS_OK);
    late_add(w.device, w.on_late);
    w.train = case_data(w.on_cpu, 10, 3);
    w.validation = case_data(w.on_cpu, 3, 4);
    *state = &w;
    return 0;
}

static int close_world(void **state)
{
    world *w = *state;
    recsys_dataset_release(w->train);
    recsys_dataset_release(w->validation);
    recsys_exec_release(w->on_cpu);
    recsys_exec_release(w->on_late);
    late_close(w->device);
    fixture_close(&w->f);
    return 0;
}

typedef struct heard {
    int64_t n;
    recsys_training_event at[EVENTS];
} heard;

static int32_t hear(void *user, const recsys_training_event *e)
{
    heard *h = user;
    assert_true(h->n < EVENTS);
    h->at[h->n++] = *e;
    return 0;
}

static recsys_training options(int k)
{
    recsys_training o = RECSYS_TRAINING_INIT;
    o.epochs = EPOCHS;
    o.batch_size = kinds[k].batch;
    return o;
}

static recsys_trainer *trained(const world *w, recsys_exec *x, int k, const recsys_training *o)
{
    recsys_trainer *t = case_trainer(x, kinds[k].model, kinds[k].params, w->train, o);
    expect_ok(x, recsys_trainer_run(t));
    return t;
}

static void expect_same_models(world *w, recsys_trainer *cpu, recsys_trainer *device)
{
    recsys_model *a = case_model(cpu, 0), *b = case_model(device, 0);
    int64_t n, m;
    assert_int_equal(a->tensors.count, b->tensors.count);
    for (int64_t i = 0; i < a->tensors.count; i++) {
        const char *name = a->tensors.at[i].name;
        void *of_a = case_tensor(w->on_cpu, a, name, &n), *of_b = case_tensor(w->on_late, b, name, &m);
        assert_int_equal(n, m);
        assert_memory_equal(of_a, of_b, (size_t)n * recsys__dtype_size(a->tensors.at[i].dtype));
        free(of_a), free(of_b);
    }
    recsys_model_release(a), recsys_model_release(b);
}

/* Between two looks nothing waits: two numbers every 64 steps and after each epoch are all that is asked for. */
static void test_waits(void **state)
{
    world *w = *state;
    for (int k = 0; k < KINDS; k++) {
        recsys_training o = options(k);
        recsys_trainer *t = case_trainer(w->on_late, kinds[k].model, kinds[k].params, w->train, &o);
        int64_t before = late_waits(w->device), runs = late_runs(w->device), steps = recsys__trainer_last_step(t) / EPOCHS;
        expect_ok(w->on_late, recsys_trainer_run(t));
        assert_int_equal(late_waits(w->device) - before, 2 * EPOCHS * ((steps + STEPS_AHEAD - 1) / STEPS_AHEAD));
        assert_true(late_runs(w->device) - runs > 2 * EPOCHS * steps);
        recsys_trainer *same = trained(w, w->on_cpu, k, &o);
        expect_same_models(w, same, t);
        recsys_trainer_release(same);
        recsys_trainer_release(t);
    }
}

/* The steps that an event covers, out of those that were told one by one. */
static void check_covered(const recsys_training_event *e, const heard *steps, int64_t first, int64_t n)
{
    double loss = 0.0, kept = 0.0, dropped = 0.0;
    for (int64_t s = first; s < first + n; s++) {
        loss += steps->at[s].loss;
        kept += steps->at[s].kept;
        dropped += steps->at[s].dropped;
    }
    assert_int_equal(e->n_batches, n);
    assert_int_equal(e->step, first + n);
    assert_true(e->loss == loss / (double)n && e->kept == kept && e->dropped == dropped);
}

/* Leaves only the events of a kind. */
static void keep_kind(heard *h, int32_t kind)
{
    int64_t n = 0;
    for (int64_t i = 0; i < h->n; i++)
        if (h->at[i].kind == kind)
            h->at[n++] = h->at[i];
    h->n = n;
}

static void check_events(world *w, int k, int64_t every, int64_t validate_every)
{
    static heard all, some, epochs;
    recsys_training o = options(k);
    all.n = some.n = 0;
    o.watch = hear, o.watch_user = &all;
    recsys_trainer *cpu = trained(w, w->on_cpu, k, &o);
    o.watch_user = &some;
    o.watch_every = every;
    o.validation = validate_every > 0 ? w->validation : NULL;
    o.validate_every_steps = validate_every;
    recsys_trainer *device = trained(w, w->on_late, k, &o);
    epochs = some;
    keep_kind(&all, RECSYS_TRAINING_STEP);
    keep_kind(&some, RECSYS_TRAINING_STEP);
    keep_kind(&epochs, RECSYS_TRAINING_EPOCH);
    int64_t step = 0, of_epoch = all.n / EPOCHS, stride = every > 0 ? every : STEPS_AHEAD;
    for (int64_t i = 0; i < some.n; i++) {
        int64_t next = (step / stride + 1) * stride, end = (step / of_epoch + 1) * of_epoch;
        if (validate_every > 0 && next > (step / validate_every + 1) * validate_every)
            next = (step / validate_every + 1) * validate_every;
        next = next < end ? next : end;
        check_covered(&some.at[i], &all, step, next - step);
        step = next;
    }
    assert_int_equal(step, all.n);
    assert_int_equal(epochs.n, EPOCHS);
    for (int64_t i = 0; i < EPOCHS; i++)
        check_covered(&epochs.at[i], &all, i * of_epoch, of_epoch);
    recsys_trainer_release(cpu);
    recsys_trainer_release(device);
}

static void test_events(void **state)
{
    world *w = *state;
    check_events(w, 0, 0, 0);
    check_events(w, 0, 7, 0);
    check_events(w, 0, 100, 0);
    check_events(w, 0, 0, 11);
    check_events(w, 4, 1, 0);
    check_events(w, 4, 9, 5);
}

/* Whoever looks sees what all steps so far did. */
static void test_looks(void **state)
{
    world *w = *state;
    char path[TEST_PATH_ROOM], other[TEST_PATH_ROOM];
    fixture_path(&w->f, "late", path), fixture_path(&w->f, "cpu", other);
    for (int k = 0; k < KINDS; k++) {
        recsys_training o = options(k);
        recsys_training_event a = RECSYS_TRAINING_EVENT_INIT, b = RECSYS_TRAINING_EVENT_INIT;
        double of_a, of_b;
        o.validation = w->validation;
        recsys_trainer *cpu = case_trainer(w->on_cpu, kinds[k].model, kinds[k].params, w->train, &o);
        recsys_trainer *device = case_trainer(w->on_late, kinds[k].model, kinds[k].params, w->train, &o);
        for (int step = 1; step <= 10; step++) {
            expect_ok(w->on_cpu, recsys_trainer_step(cpu, NULL, 0, NULL));
            expect_ok(w->on_late, recsys_trainer_step(device, NULL, 0, NULL));
        }
        assert_true(device->settled == 0 && cpu->settled == 10);
        expect_same_models(w, cpu, device);
        assert_int_equal(device->settled, 10);
        expect_ok(w->on_cpu, recsys_trainer_step(cpu, NULL, 0, NULL));
        expect_ok(w->on_late, recsys_trainer_step(device, NULL, 0, NULL));
        expect_ok(w->on_cpu, recsys_trainer_validate(cpu, &of_a));
        expect_ok(w->on_late, recsys_trainer_validate(device, &of_b));
        assert_true(of_a == of_b && isfinite(of_a));
        expect_ok(w->on_cpu, recsys_trainer_step(cpu, NULL, 0, &a));
        expect_ok(w->on_late, recsys_trainer_step(device, NULL, 0, &b));
        assert_true(a.loss == b.loss && a.n_batches == 12 && b.n_batches == 12);
        expect_ok(w->on_cpu, recsys_trainer_save(cpu, other));
        expect_ok(w->on_late, recsys_trainer_save(device, path));
        size_t n, m;
        unsigned char *bytes = test_read_file(path, &n), *of_cpu = test_read_file(other, &m);
        assert_int_equal(n, m);
        assert_memory_equal(bytes, of_cpu, n);
        free(bytes), free(of_cpu);
        recsys_trainer_release(cpu), recsys_trainer_release(device);
    }
}

static void set(recsys_trainer *t, const char *parameter, float value)
{
    expect_ok(t->x, recsys__copy_in(t->x, recsys__model_tensor(t->m, parameter)->data, &value, sizeof value));
}

/* Three steps, one that goes wrong - by its loss, or with a finite loss by a gradient too large for a float - and ten more. */
static recsys_status spoiled(recsys_trainer *t, int by_gradient)
{
    const int64_t user = 0, item = 0;
    const float label = 0.0f;
    const recsys_batch_input in[] = { { "users", &user, 1 }, { "items", &item, 1 }, { "labels", &label, 1 } };
    recsys_status status = RECSYS_OK;
    for (int step = 0; step < 3; step++)
        expect_ok(t->x, recsys_trainer_step(t, NULL, 0, NULL));
    set(t, "predict_weight", by_gradient ? 1e10f : NAN);
    if (by_gradient)
        set(t, "user_embedding", 1e30f), set(t, "item_embedding", 0.0f);
    status = recsys_trainer_step(t, in, 3, NULL);
    for (int step = 0; step < 10 && status == RECSYS_OK; step++)
        status = recsys_trainer_step(t, NULL, 0, NULL);
    return status;
}

/* Whoever goes on all the same is told the same, and nothing more is done. */
static void expect_same_fault(recsys_trainer *t, const char *message)
{
    int64_t step = t->at.step;
    for (int k = 0; k < 2 * STEPS_AHEAD; k++)
        expect_error(t->x, recsys_trainer_step(t, NULL, 0, NULL), RECSYS_ERR_NUMERIC, message);
    expect_error(t->x, recsys_trainer_run(t), RECSYS_ERR_NUMERIC, message);
    assert_int_equal(t->at.step, step);
}

/* What goes wrong is told with the step in which it did, whenever it is found; and nothing made of it is kept. */
static void test_failures(void **state)
{
    world *w = *state;
    char path[TEST_PATH_ROOM];
    fixture_path(&w->f, "never", path);
    for (int by_gradient = 0; by_gradient < 2; by_gradient++) {
        recsys_training o = options(0);
        recsys_optimizer *plain = case_optimizer(w->on_cpu, "sgd", "lr=0.01");
        recsys_error_info a = RECSYS_ERROR_INFO_INIT;
        recsys_model *m;
        o.optimizer = plain;
        recsys_trainer *cpu = case_trainer(w->on_cpu, "gmf", "dim=1", w->train, &o);
        recsys_trainer *device = case_trainer(w->on_late, "gmf", "dim=1", w->train, &o);
        expect_error(w->on_cpu, spoiled(cpu, by_gradient), RECSYS_ERR_NUMERIC,
                     by_gradient ? "step 4|gradient of" : "step 4|the loss");
        recsys_exec_last_error(w->on_cpu, &a);
        expect_ok(w->on_late, spoiled(device, by_gradient));
        expect_error(w->on_late, recsys_trainer_save(device, path), RECSYS_ERR_NUMERIC, a.message);
        assert_int_equal(access(path, F_OK), -1);
        expect_error(w->on_late, recsys_trainer_model(device, 0, &m), RECSYS_ERR_NUMERIC, a.message);
        expect_error(w->on_late, recsys_trainer_run(device), RECSYS_ERR_NUMERIC, a.message);
        expect_same_fault(cpu, a.message), expect_same_fault(device, a.message);
        recsys_trainer_release(cpu), recsys_trainer_release(device);
        recsys_optimizer_release(plain);
    }
}

/* A model that was read in one exec is finished for all others. */
static void test_other_execs(void **state)
{
    world *w = *state;
    char path[TEST_PATH_ROOM];
    float want[CASE_ITEMS], got[CASE_ITEMS];
    recsys_exec_options o = RECSYS_EXEC_OPTIONS_INIT;
    recsys_exec *other;
    recsys_model *saved = case_fit(w->on_cpu, "gmf", "dim=4", w->train, NULL), *read;
    fixture_path(&w->f, "model", path);
    expect_ok(w->on_cpu, recsys_model_save(saved, w->on_cpu, path, NULL));
    assert_int_equal(recsys_exec_create(w->f.env, &o, &other, NULL), RECSYS_OK);
    late_add(w->device, other);
    expect_ok(w->on_late, recsys_model_load(w->on_late, path, NULL, &read));
    case_scores(w->on_cpu, saved, 3, want);
    case_scores(other, read, 3, got);
    assert_memory_equal(got, want, sizeof want);
    recsys_model_release(saved), recsys_model_release(read);
    recsys_exec_release(other);
}

/* The best model outlives a training that ends in NaN: in the last step of all, in which it is found at once. */
static void test_best_survives(void **state)
{
    world *w = *state;
    recsys_exec *execs[] = { w->on_cpu, w->on_late };
    for (int k = 0; k < 2; k++) {
        recsys_training o = options(0);
        recsys_model *m;
        o.validation = w->validation;
        o.epochs = 1;
        recsys_trainer *t = case_trainer(execs[k], "gmf", "dim=3", w->train, &o);
        o.max_steps = recsys__trainer_last_step(t) / 2;
        recsys_trainer_release(t);
        o.validate_every_steps = o.max_steps - 1;
        t = case_trainer(execs[k], "gmf", "dim=3", w->train, &o);
        while (t->at.step < o.validate_every_steps)
            expect_ok(t->x, recsys_trainer_step(t, NULL, 0, NULL));
        expect_ok(t->x, recsys__validation_round(t));
        t->at.validated_step = t->at.step;
        set(t, "predict_weight", NAN);
        expect_error(t->x, recsys_trainer_run(t), RECSYS_ERR_NUMERIC, "the loss");
        assert_int_equal(t->at.step, o.max_steps);
        expect_error(t->x, recsys_trainer_run(t), RECSYS_ERR_NUMERIC, "the loss");
        expect_error(t->x, recsys_trainer_model(t, 0, &m), RECSYS_ERR_NUMERIC, "the loss");
        expect_ok(t->x, recsys_trainer_model(t, 1, &m));
        float scores[CASE_ITEMS];
        case_scores(t->x, m, 3, scores);
        for (int i = 0; i < CASE_ITEMS; i++)
            assert_true(isfinite(scores[i]));
        recsys_model_release(m);
        recsys_trainer_release(t);
    }
}

static void test_bad_options(void **state)
{
    world *w = *state;
    recsys_training o = options(0);
    recsys_trainer *t;
    o.watch_every = -1;
    expect_error(w->on_cpu, case_try(w->on_cpu, "gmf", "dim=4", w->train, &o, &t), RECSYS_ERR_INVALID_ARGUMENT,
                 "count is negative");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_waits, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_events, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_looks, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_failures, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_other_execs, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_best_survives, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_bad_options, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
