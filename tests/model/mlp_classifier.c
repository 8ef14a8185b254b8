/* mlp_classifier.c - tests of the classifier: probabilities against plain loops, counts, threads, files, refusals.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "../data/dump.h"

#include <recsys/recsys.h>

enum { N = 90, F = 3, H = 5, C = 3 };

typedef struct world {
    fixture f;
    float features[N * F];
    int64_t label[N];
    recsys_dataset *data;
} world;

/* Three clouds of points, one a class. */
static void open_world(world *w, int32_t threads)
{
    recsys_dataset_builder *b;
    recsys_rows rows = RECSYS_ROWS_INIT;
    memset(w, 0, sizeof *w);
    fixture_open(&w->f, threads);
    for (int r = 0; r < N; r++) {
        w->label[r] = 10 + r % C;
        for (int k = 0; k < F; k++)
            w->features[r * F + k] = (k == r % C ? 2.0f : 0.0f) + 0.5f * sinf((float)(r * 7 + k * 3)) + 1.0f;
    }
    rows.count = N, rows.n_features = F, rows.features = w->features, rows.label_ids = w->label;
    expect_ok(w->f.exec, recsys_dataset_builder_create(w->f.exec, NULL, &b));
    expect_ok(w->f.exec, recsys_dataset_builder_append_rows(b, &rows));
    expect_ok(w->f.exec, recsys_dataset_builder_finish(b, &w->data));
    recsys_dataset_builder_release(b);
}

static void close_world(world *w)
{
    recsys_dataset_release(w->data);
    fixture_close(&w->f);
}

static recsys_model *train(world *w, const char *text)
{
    recsys_params *p;
    recsys_model *m = NULL;
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    assert_int_equal(recsys_params_create(w->f.env, "mlp-classifier", &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, text), RECSYS_OK);
    t.epochs = 400;
    o.training = &t;
    expect_ok(w->f.exec, recsys_model_fit(p, w->data, w->f.exec, &o, &m));
    recsys_params_release(p);
    return m;
}

static void read_tensor(world *w, const recsys_model *m, const char *name, int64_t rows, void *out)
{
    expect_ok(w->f.exec, recsys_model_read_tensor(m, w->f.exec, name, 0, rows, out));
}

static void probabilities_are_those_of_plain_loops(void **state)
{
    (void)state;
    world w;
    open_world(&w, 1);
    recsys_model *m = train(&w, "layers=5,standardize=1");
    float W1[H * F], b1[H], W2[C * H], b2[C], mean[F], scale[F], got[C];
    read_tensor(&w, m, "layer1_weight", H, W1), read_tensor(&w, m, "layer1_bias", H, b1);
    read_tensor(&w, m, "layer2_weight", C, W2), read_tensor(&w, m, "layer2_bias", C, b2);
    read_tensor(&w, m, "feature_mean", F, mean), read_tensor(&w, m, "feature_scale", F, scale);
    for (int k = 0; k < F; k++) {
        double sum = 0.0, squares = 0.0;
        for (int r = 0; r < N; r++) sum += (double)w.features[r * F + k] / N;
        for (int r = 0; r < N; r++) squares += pow((double)w.features[r * F + k] - sum, 2.0) / N;
        assert_true(fabs(mean[k] - sum) < 1e-6 && fabs(scale[k] - sqrt(squares)) < 1e-6);
    }
    for (int r = 0; r < N; r++) {
        double h[H], z[C], total = 0.0, sum = 0.0;
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_FEATURES, q.features = w.features + r * F, q.n_features = F;
        for (int j = 0; j < H; j++) {
            h[j] = b1[j];
            for (int k = 0; k < F; k++) h[j] += (double)W1[j * F + k] * ((double)w.features[r * F + k] - mean[k]) / scale[k];
            h[j] = h[j] > 0.0 ? h[j] : 0.0;
        }
        for (int c = 0; c < C; c++) {
            z[c] = b2[c];
            for (int j = 0; j < H; j++) z[c] += (double)W2[c * H + j] * h[j];
            total += exp(z[c]);
        }
        expect_ok(w.f.exec, recsys_model_score(m, w.f.exec, &q, 1, got));
        for (int c = 0; c < C; c++) {
            assert_true(fabs((double)got[c] - exp(z[c]) / total) < 1e-5);
            sum += got[c];
        }
        assert_true(fabs(sum - 1.0) < 1e-6);
        int64_t order[C];
        float best[C];
        expect_ok(w.f.exec, recsys_model_topk(m, w.f.exec, &q, 1, C, NULL, order, best));
        for (int c = 0; c < C; c++) assert_true(best[c] == got[order[c]] && (c == 0 || best[c] <= best[c - 1]));
    }
    recsys_model_release(m);
    close_world(&w);
}

static void counts_add_up(void **state)
{
    (void)state;
    world w;
    open_world(&w, 1);
    recsys_model *m = train(&w, "layers=5");
    recsys_classification f = RECSYS_CLASSIFICATION_INIT;
    int64_t confusion[C * C], want[C * C] = { 0 }, right = 0;
    double each[3 * C], loss = 0.0;
    expect_ok(w.f.exec, recsys_model_classify(m, w.f.exec, w.data, &f, confusion, each));
    for (int r = 0; r < N; r++) {
        float p[C];
        int best = 0;
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_FEATURES, q.features = w.features + r * F, q.n_features = F;
        expect_ok(w.f.exec, recsys_model_score(m, w.f.exec, &q, 1, p));
        for (int c = 1; c < C; c++) best = p[c] > p[best] ? c : best;
        want[(w.label[r] - 10) * C + best]++;
        right += best == w.label[r] - 10;
        loss -= log((double)p[w.label[r] - 10]) / N;
    }
    assert_memory_equal(confusion, want, sizeof want);
    assert_true(f.n_rows == N && f.n_classes == C && f.n_correct == right && right > N * 8 / 10);
    assert_true(fabs(f.accuracy - (double)right / N) < 1e-12 && fabs(f.cross_entropy - loss) < 1e-5);
    for (int c = 0; c < C; c++) {
        double in_row = 0.0, in_column = 0.0;
        for (int k = 0; k < C; k++) in_row += (double)want[c * C + k], in_column += (double)want[k * C + c];
        assert_true(fabs(each[3 * c + 1] - (double)want[c * C + c] / in_row) < 1e-12);
        assert_true(fabs(each[3 * c] - (in_column > 0.0 ? (double)want[c * C + c] / in_column : 0.0)) < 1e-12);
    }
    recsys_model_release(m);
    close_world(&w);
}

static void threads_and_files_change_no_bit(void **state)
{
    (void)state;
    static const int32_t threads[] = { 1, 2, 8 };
    float first[H * F], now[H * F];
    for (int t = 0; t < 3; t++) {
        world w;
        char path[TEST_PATH_ROOM];
        recsys_model *back = NULL;
        open_world(&w, threads[t]);
        recsys_model *m = train(&w, "layers=5");
        expect_ok(w.f.exec, recsys_model_save(m, w.f.exec, fixture_path(&w.f, "m.safetensors", path), NULL));
        expect_ok(w.f.exec, recsys_model_load(w.f.exec, path, NULL, &back));
        read_tensor(&w, back, "layer1_weight", H, t == 0 ? first : now);
        if (t > 0) assert_memory_equal(first, now, sizeof now);
        assert_int_equal(recsys_model_has_histories(back), 0);
        recsys_model_release(back);
        recsys_model_release(m);
        close_world(&w);
    }
}

static void wrong_questions_are_refused(void **state)
{
    (void)state;
    world w;
    float p[C], bad[F] = { 1, NAN, 2 };
    recsys_query q = RECSYS_QUERY_INIT;
    open_world(&w, 1);
    recsys_model *m = train(&w, "layers=5");
    expect_error(w.f.exec, recsys_model_score(m, w.f.exec, &q, 1, p), RECSYS_ERR_MISSING_DATA,
                 "query 0: mlp-classifier needs the 3");
    q.parts = RECSYS_QUERY_USER;
    expect_error(w.f.exec, recsys_model_score(m, w.f.exec, &q, 1, p), RECSYS_ERR_UNSUPPORTED, "not by a user");
    q.parts = RECSYS_QUERY_FEATURES, q.features = bad, q.n_features = 2;
    expect_error(w.f.exec, recsys_model_score(m, w.f.exec, &q, 1, p), RECSYS_ERR_INVALID_ARGUMENT, "2 features are given");
    q.n_features = F;
    expect_error(w.f.exec, recsys_model_score(m, w.f.exec, &q, 1, p), RECSYS_ERR_NUMERIC, "query 0: feature 1 is not finite");
    recsys_dataset_builder *b;
    recsys_dataset *other;
    recsys_rows rows = RECSYS_ROWS_INIT;
    int64_t unknown = 77;
    rows.count = 1, rows.n_features = F, rows.features = w.features, rows.label_ids = &unknown;
    expect_ok(w.f.exec, recsys_dataset_builder_create(w.f.exec, NULL, &b));
    expect_ok(w.f.exec, recsys_dataset_builder_append_rows(b, &rows));
    expect_ok(w.f.exec, recsys_dataset_builder_finish(b, &other));
    expect_error(w.f.exec, recsys_model_classify(m, w.f.exec, other, NULL, NULL, NULL), RECSYS_ERR_UNKNOWN_ID, "label 77");
    recsys_dataset_release(other);
    recsys_dataset_builder_release(b);
    recsys_model_release(m);
    close_world(&w);
}

/* Labels are no items to be ranked: every other kind of model refuses such rows, whether it fits, steps or only estimates. */
static void rankers_refuse_labelled_rows(void **state)
{
    (void)state;
    world w;
    open_world(&w, 1);
    const char *words = "learns from interactions|a label each: they are for mlp-classifier";
    int refused = 0;
    for (int64_t k = 0; k < recsys_model_class_count(); k++) {
        recsys_model_class_info kind = { .struct_size = sizeof kind };
        assert_int_equal(recsys_model_class_at(k, &kind), RECSYS_OK);
        assert_true((kind.query_parts == RECSYS_QUERY_FEATURES) == (strcmp(kind.name, "mlp-classifier") == 0));
        if (strcmp(kind.name, "mlp-classifier") == 0 || strcmp(kind.name, "embeddings") == 0)
            continue;
        recsys_params *p;
        recsys_model *m = NULL;
        recsys_trainer *t = NULL;
        recsys_cost cost = RECSYS_COST_INIT;
        assert_int_equal(recsys_params_create(w.f.env, kind.name, &p, NULL), RECSYS_OK);
        expect_error(w.f.exec, recsys_model_fit(p, w.data, w.f.exec, NULL, &m), RECSYS_ERR_INVALID_ARGUMENT, words);
        expect_error(w.f.exec, recsys_model_cost(p, w.data, w.f.exec, &cost), RECSYS_ERR_INVALID_ARGUMENT, words);
        if (recsys_trainer_create(p, w.data, w.f.exec, NULL, &t) != RECSYS_ERR_UNSUPPORTED) /* in closed form */
            expect_error(w.f.exec, recsys_trainer_create(p, w.data, w.f.exec, NULL, &t), RECSYS_ERR_INVALID_ARGUMENT, words);
        assert_true(m == NULL && t == NULL);
        recsys_params_release(p);
        refused++;
    }
    assert_int_equal(refused, recsys_model_class_count() - 2);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_those_of_plain_loops),
        cmocka_unit_test(counts_add_up),
        cmocka_unit_test(threads_and_files_change_no_bit),
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(rankers_refuse_labelled_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
