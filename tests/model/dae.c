/* dae.c - the denoising autoencoder: scores and losses against plain loops in double, noise only where it belongs, the same
 * bits on any number of threads and after resuming, weight decay by the optimizers, what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "train/training_case.h"

enum { U = CASE_USERS, I = CASE_ITEMS, WIDEST = 32 };

/* ---- the network, slowly ---- */

typedef struct network {
    int n; /* layers */
    float *weight[9], *bias[9];
    int64_t width[10]; /* of the input, of each layer's output */
} network;

static network network_of(recsys_exec *x, const recsys_model *m)
{
    network w = { .n = (int)m->tensors.count / 2, .width = { I } };
    for (int l = 0; l < w.n; l++) {
        char name[32];
        int64_t weights;
        snprintf(name, sizeof name, "layer%d_weight", l + 1);
        w.weight[l] = case_tensor(x, m, name, &weights);
        snprintf(name, sizeof name, "layer%d_bias", l + 1);
        w.bias[l] = case_tensor(x, m, name, &w.width[l + 1]);
        assert_int_equal(weights, w.width[l] * w.width[l + 1]);
    }
    assert_int_equal(w.width[w.n], I);
    return w;
}

static void free_network(network *w)
{
    for (int l = 0; l < w->n; l++) free(w->weight[l]), free(w->bias[l]);
}

static double activated(const char *f, double x)
{
    return strcmp(f, "relu") == 0 ? (x > 0.0 ? x : 0.0) : strcmp(f, "tanh") == 0 ? tanh(x)
        : strcmp(f, "sigmoid") == 0 ? 1.0 / (1.0 + exp(-x)) : x;
}

/* Logits of a row of zeros and ones; `code` is the number of the code layer, 1 the first. */
static void slow_logits(const network *w, const uint8_t seen[I], int code, const char *f, const char *of_code, int l2,
                        double out[I])
{
    double h[2][WIDEST > I ? WIDEST : I], n = 0.0;
    for (int i = 0; i < I; i++) n += seen[i];
    for (int i = 0; i < I; i++) h[0][i] = seen[i] ? (l2 ? 1.0 / sqrt(n) : 1.0) : 0.0;
    for (int l = 0; l < w->n; l++) {
        const double *from = h[l % 2];
        double *to = l == w->n - 1 ? out : h[(l + 1) % 2];
        int64_t in = w->width[l], width = w->width[l + 1];
        for (int64_t o = 0; o < width; o++) {
            double sum = (double)w->bias[l][o];
            for (int64_t d = 0; d < in; d++)
                sum += from[d] * (double)w->weight[l][l == 0 ? d * width + o : o * in + d]; /* layer 1: rows of items */
            to[o] = l == w->n - 1 ? sum : activated(l + 1 == code ? of_code : f, sum);
        }
    }
}

static void row_of(recsys_exec *x, const recsys_dataset *d, int64_t user, uint8_t seen[I])
{
    for (int i = 0; i < I; i++) seen[i] = (uint8_t)case_has(x, d, user, i);
}

static double slow_loss_of(const char *kind, const double z[I], const uint8_t seen[I])
{
    double sum = 0.0, most = z[0], total = 0.0;
    for (int i = 0; i < I; i++) most = fmax(most, z[i]);
    for (int i = 0; i < I; i++) total += exp(z[i] - most);
    for (int i = 0; i < I; i++)
        sum += strcmp(kind, "bce") == 0 ? slow_bce(z[i], seen[i]) / I
            : strcmp(kind, "mse") == 0  ? (z[i] - seen[i]) * (z[i] - seen[i]) / I
                                        : seen[i] * (most + log(total) - z[i]);
    return sum;
}

/* ---- cases ---- */

typedef struct kind {
    const char *params;
    int layers, code;
    const char *f, *of_code, *loss;
    int l2;
} kind;

static const kind kinds[] = {
    { "encoder=7:5,decoder=6", 4, 2, "relu", "identity", "bce", 0 },
    { "encoder=9,decoder=0,code_activation=tanh,normalize=l2,rescale=1,loss=multinomial", 2, 1, "relu", "tanh", "multinomial", 1 },
    { "encoder=8:4,decoder=0,activation=sigmoid,code_activation=relu,loss=mse", 3, 2, "sigmoid", "relu", "mse", 0 },
    { "encoder=6,decoder=7:8,activation=tanh,code_activation=sigmoid,normalize=l2", 4, 1, "tanh", "sigmoid", "bce", 1 },
    { "encoder=4:5:6:7,decoder=8:7:6:5,activation=identity,loss=multinomial", 9, 4, "identity", "identity", "multinomial", 0 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static recsys_training steps_of(recsys_optimizer *o, int64_t epochs)
{
    recsys_training how = RECSYS_TRAINING_INIT;
    how.optimizer = o;
    how.epochs = epochs;
    how.batch_size = 16;
    return how;
}

/* ---- scores ---- */

/* Of users the model knows, and of histories of nobody: the same network on another row. */
static void test_scores(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    recsys_dataset *d = case_data(x, 8, 1);
    recsys_optimizer *adam = case_optimizer(x, "adam", "lr=0.02");
    recsys_training how = steps_of(adam, 3);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *m = case_fit(x, "dae", kinds[k].params, d, &how);
        network w = network_of(x, m);
        assert_int_equal(w.n, kinds[k].layers);
        for (int64_t u = 0; u < 2 * U; u++) { /* from U on: as histories, of other rows */
            int64_t item[I], n = 0;
            uint8_t seen[I];
            double want[I];
            float got[I];
            recsys_query q = RECSYS_QUERY_INIT;
            row_of(x, d, u % U, seen);
            if (u >= U) seen[u % I] = (uint8_t)!seen[u % I];
            for (int i = I - 1; i >= 0; i--)
                if (seen[i]) item[n++] = i;
            q.parts = u < U ? RECSYS_QUERY_USER : RECSYS_QUERY_HISTORY;
            q.user = u, q.history = item, q.history_count = n;
            expect_ok(x, recsys_model_score(m, x, &q, 1, got));
            slow_logits(&w, seen, kinds[k].code, kinds[k].f, kinds[k].of_code, kinds[k].l2, want);
            for (int i = 0; i < I; i++) case_near((double)got[i], want[i], 1e-5, "a score");
        }
        free_network(&w);
        recsys_model_release(m);
    }
    recsys_optimizer_release(adam), recsys_dataset_release(d);
}

/* ---- losses ---- */

/* Without noise the loss of a step is that of the model before it; with validation data, the loss of all of them: shown what
 * training has, asked for both. */
static void test_losses(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    recsys_dataset *d = case_data(x, 8, 1), *valid = case_data(x, 3, 2);
    recsys_optimizer *adam = case_optimizer(x, "adam", "lr=0.02");
    for (int k = 0; k < KINDS; k++) {
        char text[256];
        recsys_training how = steps_of(adam, 2);
        recsys_training_event event = RECSYS_TRAINING_EVENT_INIT;
        how.validation = valid;
        snprintf(text, sizeof text, "%s,mask=0", kinds[k].params);
        recsys_trainer *t = case_trainer(x, "dae", text, d, &how);
        for (int step = 0; step < 3; step++) {
            recsys_model *m = case_model(t, 0);
            network w = network_of(x, m);
            case_batch b;
            uint8_t seen[I], both[I];
            double z[I], want = 0.0, want_valid = 0.0, value, n_valid = 0.0;
            case_next(t, &b);
            for (int64_t r = 0; r < b.rows; r++) {
                row_of(x, d, b.users[r], seen);
                slow_logits(&w, seen, kinds[k].code, kinds[k].f, kinds[k].of_code, kinds[k].l2, z);
                want += slow_loss_of(kinds[k].loss, z, seen) / (double)b.rows;
            }
            for (int64_t u = 0; u < U; u++) {
                int any = 0;
                row_of(x, d, u, seen);
                for (int i = 0; i < I; i++) any |= both[i] = (uint8_t)case_has(x, t->validation, u, i);
                for (int i = 0; i < I; i++) both[i] |= seen[i];
                slow_logits(&w, seen, kinds[k].code, kinds[k].f, kinds[k].of_code, kinds[k].l2, z);
                if (any) want_valid += slow_loss_of(kinds[k].loss, z, both), n_valid += 1.0;
            }
            expect_ok(x, recsys_trainer_validate(t, &value));
            case_near(value, want_valid / n_valid, 1e-5, "the validation loss");
            expect_ok(x, recsys_trainer_step(t, NULL, 0, &event));
            case_near(event.loss, want, 1e-5, "the loss");
            free_network(&w);
            recsys_model_release(m);
        }
        recsys_trainer_release(t);
    }
    recsys_optimizer_release(adam), recsys_dataset_release(d), recsys_dataset_release(valid);
}

/* ---- noise ---- */

/* One step's loss, with parameter `zeroed` (NULL: none) set to zero. */
static double first_loss(recsys_exec *x, const recsys_dataset *d, const recsys_dataset *valid, const char *params,
                         const char *zeroed, double *validated)
{
    recsys_training how = RECSYS_TRAINING_INIT;
    recsys_training_event event = RECSYS_TRAINING_EVENT_INIT;
    how.epochs = 1, how.batch_size = 16, how.validation = valid;
    recsys_trainer *t = case_trainer(x, "dae", params, d, &how);
    const model_tensor *m = zeroed != NULL ? recsys__model_tensor(t->m, zeroed) : NULL;
    if (m != NULL) {
        void *zeros = calloc((size_t)recsys__tensor_elements(m), 4);
        expect_ok(x, recsys__copy_in(x, m->data, zeros, recsys__tensor_elements(m) * 4));
        free(zeros);
    }
    expect_ok(x, recsys_trainer_validate(t, validated));
    expect_ok(x, recsys_trainer_step(t, NULL, 0, &event));
    recsys_trainer_release(t);
    return event.loss;
}

/* The input is corrupted: other losses. With an input layer of zeros nothing of it matters, and the losses have the same bits:
 * the targets are as they were. Validation is never corrupted. */
static void test_noise(void **state)
{
    static const char *const losses[] = { "bce", "mse", "multinomial" };
    static const char *const noises[] = { "mask=0.6", "mask=0,flip=0.3", "mask=0.5,flip=0.2,rescale=1" };
    fixture *f = *state;
    recsys_dataset *d = case_data(f->exec, 8, 1), *valid = case_data(f->exec, 3, 2);
    for (int l = 0; l < 3; l++)
        for (int n = 0; n < 3; n++) {
            char clean[256], noisy[256];
            double validated[4];
            snprintf(clean, sizeof clean, "encoder=6,decoder=0,loss=%s,normalize=l2,mask=0", losses[l]);
            snprintf(noisy, sizeof noisy, "encoder=6,decoder=0,loss=%s,normalize=l2,%s", losses[l], noises[n]);
            double a = first_loss(f->exec, d, valid, clean, NULL, &validated[0]);
            double b = first_loss(f->exec, d, valid, noisy, NULL, &validated[1]);
            double c = first_loss(f->exec, d, valid, clean, "layer1_weight", &validated[2]);
            double e = first_loss(f->exec, d, valid, noisy, "layer1_weight", &validated[3]);
            assert_true(a != b && c == e && validated[0] == validated[1] && validated[2] == validated[3]);
        }
    recsys_dataset_release(d), recsys_dataset_release(valid);
}

/* ---- the same bits ---- */

static const char NOISY[] = "encoder=20:6,decoder=9,mask=0.3,flip=0.05,rescale=1,normalize=l2";

static void test_threads(void **state)
{
    static const int32_t threads[] = { 1, 2, 8 };
    static const char *const losses[] = { "bce", "mse", "multinomial" };
    fixture *f = *state;
    recsys_dataset *d = test_random_dataset(f->exec, 300, 400, 40, 0, 1); /* enough for several threads */
    for (int l = 0; l < 3; l++) {
        recsys_model *m[3];
        for (int k = 0; k < 3; k++) {
            recsys_exec *x = fixture_exec(f, threads[k], 0, 7);
            recsys_training how = RECSYS_TRAINING_INIT;
            char text[160];
            how.epochs = 2, how.batch_size = 128;
            snprintf(text, sizeof text, "%s,loss=%s", NOISY, losses[l]);
            m[k] = case_fit(x, "dae", text, d, &how);
            recsys_exec_release(x);
        }
        assert_true(case_same(f->exec, m[0], m[1]) && case_same(f->exec, m[0], m[2]));
        for (int k = 0; k < 3; k++) recsys_model_release(m[k]);
    }
    recsys_dataset_release(d);
}

/* A training that was saved in the middle of an epoch and goes on in another trainer. */
static void test_resume(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    recsys_dataset *d = case_data(x, 8, 1);
    char path[TEST_PATH_ROOM];
    recsys_training how = steps_of(NULL, 3);
    recsys_model *whole = case_fit(x, "dae", NOISY, d, &how);
    recsys_trainer *t = case_trainer(x, "dae", NOISY, d, &how);
    for (int step = 0; step < 4; step++) expect_ok(x, recsys_trainer_step(t, NULL, 0, NULL));
    expect_ok(x, recsys_trainer_save(t, fixture_path(f, "half", path)));
    recsys_trainer_release(t);
    how.resume = path;
    t = case_trainer(x, "dae", NOISY, d, &how);
    expect_ok(x, recsys_trainer_run(t));
    recsys_model *resumed = case_model(t, 0);
    assert_true(case_same(x, whole, resumed));
    recsys_model_release(whole), recsys_model_release(resumed);
    recsys_trainer_release(t);
    recsys_dataset_release(d);
}

/* ---- weight decay ---- */

static double length_of(recsys_exec *x, const recsys_model *m)
{
    double sum = 0.0;
    for (int64_t t = 0; t < m->tensors.count; t++) {
        int64_t n;
        float *w = case_tensor(x, m, m->tensors.at[t].name, &n);
        for (int64_t e = 0; e < n; e++) sum += (double)w[e] * (double)w[e];
        free(w);
    }
    return sum;
}

/* Coupled (adam) and decoupled (adamw) decay both make smaller weights than none. */
static void test_weight_decay(void **state)
{
    static const char *const names[] = { "adam", "adam", "adamw", "adamw" };
    static const char *const params[] = { "lr=0.02,weight_decay=0", "lr=0.02,weight_decay=0.05", "lr=0.02,weight_decay=0",
                                          "lr=0.02,weight_decay=0.5" };
    fixture *f = *state;
    recsys_dataset *d = case_data(f->exec, 8, 1);
    double length[4];
    for (int k = 0; k < 4; k++) {
        recsys_optimizer *o = case_optimizer(f->exec, names[k], params[k]);
        recsys_training how = steps_of(o, 30);
        recsys_model *m = case_fit(f->exec, "dae", "encoder=8,decoder=0", d, &how);
        length[k] = length_of(f->exec, m);
        recsys_model_release(m), recsys_optimizer_release(o);
    }
    assert_true(length[1] < 0.8 * length[0] && length[3] < 0.8 * length[2]);
    recsys_dataset_release(d);
}

/* ---- what is refused ---- */

static void test_refused(void **state)
{
    static const char *const bad[][2] = {
        { "encoder=5:0", "encoder has width 0" },
        { "encoder=0", "encoder has width 0" },
        { "decoder=5:0", "decoder has width 0|decoder=0 alone" },
        { "decoder=0:0", "decoder has width 0" },
        { "encoder=2:2:2:2:2", "encoder has 5 layers|1 to 4" },
        { "decoder=2:2:2:2:2", "decoder has 5 layers" },
    };
    fixture *f = *state;
    recsys_dataset *d = case_data(f->exec, 8, 1);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        recsys_trainer *t = NULL;
        expect_error(f->exec, case_try(f->exec, "dae", bad[k][0], d, NULL, &t), RECSYS_ERR_OUT_OF_RANGE, bad[k][1]);
    }
    static const char *const out_of_range[] = { "mask=1", "flip=1", "mask=-0.1", "flip=-0.1", "encoder=-1", "encoder=70000" };
    for (size_t k = 0; k < sizeof out_of_range / sizeof *out_of_range; k++) {
        recsys_params *p = NULL;
        assert_int_equal(recsys_params_create(f->env, "dae", &p, NULL), RECSYS_OK);
        assert_int_equal(recsys_params_set_text(p, out_of_range[k]), RECSYS_ERR_OUT_OF_RANGE);
        recsys_params_release(p);
    }
    recsys_dataset_release(d);
}

static int open_fixture(void **state)
{
    static fixture f;
    fixture_open(&f, 2);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scores), TEST(test_losses),       TEST(test_noise),   TEST(test_threads),
        TEST(test_resume), TEST(test_weight_decay), TEST(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
