/* pointwise.c - GMF, MLP, NeuMF and CDAE with their losses against float64: five steps of training on given batches.
 *
 * A case of the golden files (tests/reference/pointwise.py explains them) is a model, its parameters, a loss, an optimizer and
 * five batches. Compared after each step: loss and number of kept samples; after the first: gradients; after the first and the
 * fifth: parameters and the scores of all users and items. On the CPU with one and with two threads, and on the fence backend.
 * U users, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fence.h"
#include "support/support.h"

#include <math.h>

#include "backend/run.h"
#include "model/pointwise_golden.h"
#include "tensor/ops.h"
#include "train/trainer.h"

enum { STEPS = 5, TEXT_ROOM = 256 };

/* How far a float32 implementation may be off: some times what the reference is when it computes in float32. */
static double tolerance(const golden_case *c)
{
    return 10.0 * golden_number(c, "float32_error") + 1e-7;
}

static void expect_near(const golden_case *c, const char *what, const golden_array *want, const float *got)
{
    for (int64_t i = 0; i < want->rows * want->cols; i++)
        if (!(fabs((double)got[i] - want->value[i]) <= tolerance(c)))
            fail_msg("%s: %s: element %lld of %s is %.9g, and %.9g is right (within %.2g)", c->name, what, (long long)i, want->name,
                     (double)got[i], want->value[i], tolerance(c));
}

/* ---- what the library is given ---- */

static const char *model_text(const golden_case *c, const char *model, char text[TEXT_ROOM])
{
    int is_cdae = strcmp(model, "cdae") == 0;
    int n = snprintf(text, TEXT_ROOM, "%s=%s,loss=%s", is_cdae ? "hidden" : "dim", golden_word(c, "dim"), golden_word(c, "loss"));
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

static recsys_params *params_of(recsys_env *env, const golden_case *c, const char *model)
{
    char text[TEXT_ROOM];
    recsys_params *p = NULL;
    assert_int_equal(recsys_params_create(env, model, &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, model_text(c, model, text)), RECSYS_OK);
    return p;
}

static recsys_optimizer *optimizer_of(recsys_exec *x, const golden_case *c)
{
    char text[TEXT_ROOM];
    recsys_params *p = NULL;
    recsys_optimizer *o = NULL;
    int n = snprintf(text, sizeof text, "lr=%s", golden_word(c, "lr"));
    static const char *const keys[] = { "beta1", "beta2", "eps" };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (golden_has(c, keys[k]))
            n += snprintf(text + n, sizeof text - (size_t)n, ",%s=%s", keys[k], golden_word(c, keys[k]));
    assert_int_equal(recsys_optimizer_params(recsys_exec_env(x), golden_word(c, "optimizer"), &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, text), RECSYS_OK);
    expect_ok(x, recsys_optimizer_create(x, p, &o));
    recsys_params_release(p);
    return o;
}

/* The interactions of the case; for models of pairs, which are given all samples, a positive for each user and item. */
static recsys_dataset *data_of(recsys_exec *x, const golden_case *c)
{
    enum { ROOM = 128 };
    int64_t U = (int64_t)golden_number(c, "n_users"), I = (int64_t)golden_number(c, "n_items"), users[ROOM], items[ROOM];
    const golden_array *cells = golden_find(c, "interactions");
    recsys_events e = RECSYS_EVENTS_INIT;
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    recsys_dataset_builder *builder = NULL;
    recsys_dataset *d = NULL;
    assert_true(U * I <= ROOM);
    for (int64_t u = 0; u < U; u++)
        for (int64_t i = 0; i < I; i++)
            if (cells != NULL ? cells->value[u * I + i] > 0.0 : (u + i) % 4 == 0) {
                users[e.count] = u;
                items[e.count++] = i;
            }
    e.user_ids = users;
    e.item_ids = items;
    o.users = golden_word(c, "n_users"); /* all ids, those without interactions included */
    o.items = golden_word(c, "n_items");
    expect_ok(x, recsys_dataset_builder_create(x, &o, &builder));
    expect_ok(x, recsys_dataset_builder_append(builder, &e));
    expect_ok(x, recsys_dataset_builder_finish(builder, &d));
    recsys_dataset_builder_release(builder);
    assert_int_equal(recsys_ids_count(recsys_dataset_users(d)), U);
    assert_int_equal(recsys_ids_count(recsys_dataset_items(d)), I);
    return d;
}

static recsys_trainer *trainer_of(recsys_exec *x, const golden_case *c, const char *model, const recsys_dataset *data,
                                  const recsys_optimizer *optimizer, const recsys_model *const *start)
{
    recsys_training o = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_trainer *t = NULL;
    recsys_params *p = params_of(recsys_exec_env(x), c, model);
    o.optimizer = optimizer;
    o.n_negatives = -1;
    o.epochs = STEPS;
    o.start = start;
    o.n_start = start != NULL ? 2 : 0;
    fit.training = &o;
    expect_ok(x, recsys_trainer_create(p, data, x, &fit, &t));
    recsys_params_release(p);
    return t;
}

/* Sets the parameters to the case's PREFIX.name. */
static void set_parameters(recsys_trainer *t, const golden_case *c, const char *prefix)
{
    for (int64_t p = 0; p < t->n_parameters; p++) {
        const model_tensor *m = &t->m->tensors.at[p];
        const golden_array *a = golden_part(c, prefix, m->name);
        assert_int_equal(a->rows * a->cols, recsys__tensor_elements(m));
        expect_ok(t->x, recsys__copy_in(t->x, m->data, a->f32, a->rows * a->cols * (int64_t)sizeof(float)));
    }
}

/* One of the two models that a pre-trained neumf starts from. */
static recsys_model *half_of(recsys_exec *x, const golden_case *c, const char *model, const recsys_dataset *data)
{
    recsys_model *m = NULL;
    recsys_trainer *t = trainer_of(x, c, model, data, NULL, NULL);
    set_parameters(t, c, model);
    expect_ok(x, recsys_trainer_model(t, 0, &m));
    recsys_trainer_release(t);
    return m;
}

/* `halves` are the models that it starts from, for the caller to release; NULL where there are none. */
static recsys_trainer *start_case(recsys_exec *x, const golden_case *c, const recsys_dataset *data, const recsys_optimizer *optimizer,
                                  recsys_model *halves[2])
{
    const char *model = golden_word(c, "model");
    recsys_trainer *t;
    halves[0] = halves[1] = NULL;
    if (golden_has(c, "pretrained") && golden_number(c, "pretrained") > 0) {
        halves[0] = half_of(x, c, "mlp", data);
        halves[1] = half_of(x, c, "gmf", data);
        t = trainer_of(x, c, model, data, optimizer, (const recsys_model *const *)halves);
    } else {
        t = trainer_of(x, c, model, data, optimizer, NULL);
        set_parameters(t, c, "initial");
    }
    return t;
}

/* ---- one step ---- */

static void widen(const int32_t *from, int64_t count, int64_t *to)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
}

static void step_with(recsys_trainer *t, const golden_case *c, int step, recsys_training_event *event)
{
    golden_batch b;
    int64_t users[64], items[64], rows[64];
    golden_batch_get(c, step, &b);
    widen(b.users, b.n_users, users);
    widen(b.items, b.n_samples, items);
    widen(b.sample_row, b.n_samples, rows);
    recsys_batch_input in[] = {
        { "users", users, b.n_users }, { "items", items, b.n_samples }, { "labels", b.labels, b.n_samples }, { "rows", rows, b.n_samples }
    };
    int is_sampled = golden_has(c, "sampled") && golden_number(c, "sampled") > 0;
    expect_ok(t->x, recsys_trainer_step(t, in, b.n_samples == 0 ? 1 : is_sampled ? 4 : 3, event));
}

/* Loss before the step, and how many samples counted. */
static void check_event(const golden_case *c, int step, const recsys_training_event *e)
{
    char name[16];
    double kept = 0.0, want = golden_get(c, "loss")->value[step];
    snprintf(name, sizeof name, "batch%d", step);
    const golden_array *k = golden_part(c, name, "kept");
    for (int64_t i = 0; i < k->rows * k->cols; i++)
        kept += k->value[i];
    if (!(fabs(e->loss - want) <= tolerance(c)))
        fail_msg("%s: the loss of step %d is %.9g, and %.9g is right", c->name, step, e->loss, want);
    if (e->kept != kept || e->dropped != (double)(k->rows * k->cols) - kept)
        fail_msg("%s: step %d keeps %g and drops %g samples of %lld, and should keep %g", c->name, step, e->kept, e->dropped,
                 (long long)(k->rows * k->cols), kept);
}

/* Those that the step has left on the tape, as dense arrays; of what has none, zero. */
static void check_gradients(recsys_trainer *t, const golden_case *c)
{
    for (int64_t p = 0; p < t->n_parameters; p++) {
        const model_tensor *m = &t->m->tensors.at[p];
        int64_t n = recsys__tensor_elements(m);
        parameter_gradient g = recsys__tape_parameter_gradient(t->g, p);
        const float *device = g.dense;
        if (g.kind == GRADIENT_ROWS) {
            tensor whole = recsys__scatter_rows(t->g, &g.rows, m->shape[0], n / m->shape[0]);
            device = whole.data;
        }
        expect_ok(t->x, recsys__tape_status(t->g));
        float *host = calloc((size_t)n, sizeof *host);
        assert_non_null(host);
        if (g.kind != GRADIENT_NONE)
            expect_ok(t->x, recsys__download(t->x, host, device, n * (int64_t)sizeof *host));
        expect_near(c, "gradient", golden_part(c, "gradient", m->name), host);
        free(host);
    }
}

/* Parameters and scores of the model as it is now. */
static void check_model(recsys_trainer *t, const golden_case *c, const char *prefix, const char *scores)
{
    recsys_model *m = NULL;
    expect_ok(t->x, recsys_trainer_model(t, 0, &m));
    for (int64_t p = 0; p < recsys_model_tensor_count(m); p++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        assert_int_equal(recsys_model_tensor_info(m, p, &info), RECSYS_OK);
        const golden_array *want = golden_part(c, prefix, info.name);
        float *got = malloc((size_t)(want->rows * want->cols) * sizeof *got);
        assert_non_null(got);
        assert_int_equal(info.shape[0] * info.shape[1], want->rows * want->cols);
        expect_ok(t->x, recsys_model_read_tensor(m, t->x, info.name, 0, info.shape[0], got));
        expect_near(c, prefix, want, got);
        free(got);
    }
    if (scores != NULL) {
        const golden_array *want = golden_get(c, scores);
        float got[128];
        recsys_query q[16];
        assert_true(want->rows <= 16 && want->rows * want->cols <= 128);
        for (int64_t u = 0; u < want->rows; u++)
            q[u] = (recsys_query){ .struct_size = sizeof *q, .parts = RECSYS_QUERY_USER, .user = u };
        expect_ok(t->x, recsys_model_score(m, t->x, q, want->rows, got));
        expect_near(c, "scores", want, got);
    }
    recsys_model_release(m);
}

static void run_case(recsys_exec *x, const golden_case *c)
{
    recsys_dataset *data = data_of(x, c);
    recsys_optimizer *optimizer = optimizer_of(x, c);
    recsys_model *halves[2];
    recsys_trainer *t = start_case(x, c, data, optimizer, halves);
    assert_int_equal(golden_number(c, "steps"), STEPS);
    check_model(t, c, "initial", NULL);
    for (int step = 0; step < STEPS; step++) {
        recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
        step_with(t, c, step, &e);
        check_event(c, step, &e);
        if (step == 0) {
            check_gradients(t, c);
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

static void run_file(const char *name)
{
    golden_file g;
    golden_open(&g, name);
    for (int device = 0; device < 3; device++) {
        fixture f;
        fixture_open(&f, device == 1 ? 2 : 1);
        fence *w = device == 2 ? fence_open(f.exec) : NULL;
        for (int i = 0; i < g.n_cases; i++)
            run_case(f.exec, &g.cases[i]);
        fixture_close(&f);
        if (w != NULL)
            fence_close(w);
    }
    golden_close(&g);
}

static void test_gmf(void **state)
{
    (void)state;
    run_file("gmf.txt");
}

static void test_mlp(void **state)
{
    (void)state;
    run_file("mlp.txt");
}

static void test_neumf(void **state)
{
    (void)state;
    run_file("neumf.txt");
}

static void test_cdae(void **state)
{
    (void)state;
    run_file("cdae.txt");
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
