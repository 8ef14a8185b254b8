/* golden_training.h - what the comparisons of trained models with golden files share: trainers that begin with a case's
 * parameters, its batches, and losses, gradients, tensors and scores compared with it.
 *
 * Everything that a case holds is found by name: arrays PREFIX.P for parameter P; NAME1 and NAME5 for what follows from the
 * parameters after one and after five steps.
 *
 * Include after support/support.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODEL_GOLDEN_TRAINING_H
#define TESTS_MODEL_GOLDEN_TRAINING_H

#include "support/fence.h"

#include <math.h>

#include "backend/run.h"
#include "model/golden_file.h"
#include "tensor/ops.h"
#include "train/trainer.h"

enum { GOLDEN_STEPS = 5, GOLDEN_ROOM = 512 };

/* How far a float32 implementation may be off: some times what the reference is when it computes in float32. */
static inline double golden_tolerance(const golden_case *c)
{
    return 10.0 * golden_number(c, "float32_error") + 1e-7;
}

static inline void golden_expect(const golden_case *c, const char *what, const golden_array *want, const float *got)
{
    for (int64_t i = 0; i < want->rows * want->cols; i++)
        if (!(fabs((double)got[i] - want->value[i]) <= golden_tolerance(c)))
            fail_msg("%s: %s: element %lld of %s is %.9g, and %.9g is right (within %.2g)", c->name, what, (long long)i,
                     want->name, (double)got[i], want->value[i], golden_tolerance(c));
}

/* ---- what the library is given ---- */

static inline recsys_params *golden_params(recsys_exec *x, const char *model, const char *text)
{
    recsys_params *p = NULL;
    assert_int_equal(recsys_params_create(recsys_exec_env(x), model, &p, NULL), RECSYS_OK);
    if (recsys_params_set_text(p, text) != RECSYS_OK)
        fail_msg("%s does not take %s", model, text);
    return p;
}

static inline recsys_optimizer *golden_optimizer(recsys_exec *x, const golden_case *c)
{
    char text[256];
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

/* An event for each cell that is not zero, with it as its value if `with_values`; where the case has no such array, some events
 * for each user and item. All users and items have an id. */
static inline recsys_dataset *golden_data(recsys_exec *x, const golden_case *c, int with_values)
{
    int64_t U = (int64_t)golden_number(c, "n_users"), I = (int64_t)golden_number(c, "n_items");
    int64_t users[GOLDEN_ROOM], items[GOLDEN_ROOM];
    float values[GOLDEN_ROOM];
    const golden_array *cells = golden_find(c, "interactions");
    recsys_events e = RECSYS_EVENTS_INIT;
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    recsys_dataset_builder *builder = NULL;
    recsys_dataset *d = NULL;
    assert_true(U * I <= GOLDEN_ROOM);
    for (int64_t u = 0; u < U; u++)
        for (int64_t i = 0; i < I; i++)
            if (cells != NULL ? cells->value[u * I + i] > 0.0 : (u + i) % 4 == 0) {
                users[e.count] = u;
                items[e.count] = i;
                values[e.count++] = cells != NULL ? cells->f32[u * I + i] : 1.0f;
            }
    e.user_ids = users;
    e.item_ids = items;
    e.values = with_values ? values : NULL;
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

/* `start`: NULL, or the two models that it starts from. */
static inline recsys_trainer *golden_trainer(recsys_exec *x, const char *model, const char *text, const recsys_dataset *data,
                                             const recsys_optimizer *optimizer, int64_t n_negatives,
                                             const recsys_model *const *start)
{
    recsys_training o = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_trainer *t = NULL;
    recsys_params *p = golden_params(x, model, text);
    o.optimizer = optimizer;
    o.n_negatives = n_negatives > 0 ? n_negatives : -1;
    o.epochs = GOLDEN_STEPS;
    o.start = start;
    o.n_start = start != NULL ? 2 : 0;
    fit.training = &o;
    expect_ok(x, recsys_trainer_create(p, data, x, &fit, &t));
    recsys_params_release(p);
    return t;
}

/* Sets the parameters to the case's PREFIX.name. */
static inline void golden_set(recsys_trainer *t, const golden_case *c, const char *prefix)
{
    for (int64_t p = 0; p < t->n_parameters; p++) {
        const model_tensor *m = &t->m->tensors.at[p];
        const golden_array *a = golden_part(c, prefix, m->name);
        assert_int_equal(a->rows * a->cols, recsys__tensor_elements(m));
        expect_ok(t->x, recsys__copy_in(t->x, m->data, a->f32, a->rows * a->cols * (int64_t)sizeof(float)));
    }
}

/* ---- batches ---- */

/* batchSTEP.NAME; NULL if the case has none. */
static inline const golden_array *golden_of_batch(const golden_case *c, int step, const char *name)
{
    char full[GOLDEN_NAME];
    snprintf(full, sizeof full, "batch%d.%s", step, name);
    return golden_find(c, full);
}

/* One step on the case's batch, all that it holds given by name. */
static inline void golden_step(recsys_trainer *t, const golden_case *c, int step, recsys_training_event *event)
{
    static const struct { const char *array, *input; } kinds[] = {
        { "users", "users" }, { "items", "items" }, { "labels", "labels" }, { "sample_row", "rows" },
        { "negatives", "negatives" },
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    int64_t index[KINDS][GOLDEN_ROOM], n = 0;
    recsys_batch_input in[KINDS];
    for (int k = 0; k < KINDS; k++) {
        const golden_array *a = golden_of_batch(c, step, kinds[k].array);
        if (a == NULL)
            continue;
        int64_t count = a->rows * a->cols;
        assert_true(count <= GOLDEN_ROOM);
        for (int64_t e = 0; e < count; e++)
            index[k][e] = (int64_t)a->value[e];
        const void *data = strcmp(kinds[k].input, "labels") == 0 ? (const void *)a->f32 : index[k];
        in[n++] = (recsys_batch_input){ kinds[k].input, data, count };
    }
    expect_ok(t->x, recsys_trainer_step(t, in, n, event));
}

/* ---- what comes out ---- */

static inline void golden_check_loss(const golden_case *c, int step, double loss)
{
    double want = golden_get(c, "loss")->value[step];
    if (!(fabs(loss - want) <= golden_tolerance(c)))
        fail_msg("%s: the loss of step %d is %.9g, and %.9g is right", c->name, step, loss, want);
}

/* Those that the step has left on the tape, as dense arrays; of what has none, zero. */
static inline void golden_check_gradients(recsys_trainer *t, const golden_case *c)
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
        golden_expect(c, "gradient", golden_part(c, "gradient", m->name), host);
        free(host);
    }
}

/* Tensor `name` of a model, shape at *rows x *columns; freed with free(). NULL if it has none. */
static inline float *golden_tensor(recsys_exec *x, const recsys_model *m, const char *name, int64_t *rows, int64_t *columns)
{
    *rows = *columns = 0;
    for (int64_t k = 0; k < recsys_model_tensor_count(m); k++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        assert_int_equal(recsys_model_tensor_info(m, k, &info), RECSYS_OK);
        if (strcmp(info.name, name) != 0)
            continue;
        *rows = info.shape[0];
        *columns = info.shape[1];
        float *got = malloc((size_t)(*rows * *columns) * sizeof *got);
        assert_non_null(got);
        expect_ok(x, recsys_model_read_tensor(m, x, name, 0, *rows, got));
        return got;
    }
    return NULL;
}

static inline void golden_check_tensor(recsys_exec *x, const recsys_model *m, const golden_case *c, const char *what,
                                       const char *name, const golden_array *want)
{
    int64_t rows, columns;
    float *got = golden_tensor(x, m, name, &rows, &columns);
    if (got == NULL)
        fail_msg("%s: the model has no tensor %s", c->name, name);
    assert_int_equal(rows * columns, want->rows * want->cols);
    golden_expect(c, what, want, got);
    free(got);
}

/* The trainer's parameters in a model, against PREFIX.P. */
static inline void golden_check_parameters(const recsys_trainer *t, const recsys_model *m, const golden_case *c,
                                           const char *prefix)
{
    for (int64_t p = 0; p < t->n_parameters; p++) {
        const char *name = t->m->tensors.at[p].name;
        golden_check_tensor(t->x, m, c, prefix, name, golden_part(c, prefix, name));
    }
}

/* Scores of all users: by themselves, or by their row of user_features where the model scores by features. */
static inline void golden_check_scores(recsys_exec *x, const recsys_model *m, const golden_case *c, const char *name)
{
    const golden_array *want = golden_get(c, name);
    const golden_array *rows = m->class->query_features != NULL ? golden_get(c, "user_features") : NULL;
    float got[GOLDEN_ROOM];
    recsys_query q[32];
    assert_true(want->rows <= 32 && want->rows * want->cols <= GOLDEN_ROOM);
    for (int64_t u = 0; u < want->rows; u++) {
        q[u] = (recsys_query){ .struct_size = sizeof *q, .parts = RECSYS_QUERY_USER, .user = u };
        if (rows != NULL)
            q[u] = (recsys_query){ .struct_size = sizeof *q, .parts = RECSYS_QUERY_FEATURES,
                                   .features = rows->f32 + u * rows->cols,
                                   .n_features = rows->cols };
    }
    expect_ok(x, recsys_model_score(m, x, q, want->rows, got));
    golden_expect(c, "scores of users", want, got);
}

/* ---- devices ---- */

/* All cases of a file, on the CPU with one and with two threads and on the fence backend. */
static inline void golden_run(const char *name, void (*run_case)(recsys_exec *x, const golden_case *c))
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

#endif
