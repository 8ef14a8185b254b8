/* two_tower.c - both two-tower models against plain loops in double: scores with every output and with features, an index of
 * item vectors, the same bits on any number of threads and after a checkpoint, files, and what is refused.
 *
 * U users, I items, F features a side.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "data/dataset.h"
#include "data/ids.h"
#include "train/training_case.h"

enum { U = 31, I = 23, F = 5, WIDEST = 32 };

static const struct kind {
    const char *model, *params;
} kinds[] = {
    { "two-tower-concat", "layers=8:6:3" },
    { "two-tower-concat", "layers=10:5:2:2,init=published,loss=t-ce,num_gradual=3" },
    { "two-tower-concat", "layers=10" },
    { "two-tower-concat", "layers=6:4,features=false" },
    { "two-tower-concat", "layers=4:2:2:2:2:2:2:2,init=published" },
    { "two-tower-product", "layers=8:6:3" },
    { "two-tower-product", "layers=10:5:2:2,init=published" },
    { "two-tower-product", "layers=12,output=dot" },
    { "two-tower-product", "layers=8:5,output=dot,objective=in-batch" },
    { "two-tower-product", "layers=8:5,output=cosine,temperature=0.2,objective=in-batch,log_q=false" },
    { "two-tower-product", "layers=8:5:4,output=cosine,objective=shared,shared_negatives=7" },
    { "two-tower-product", "layers=8:5:4,output=linear,objective=shared,shared_negatives=40,log_q=false" },
    { "two-tower-product", "layers=8,output=cosine,features=false" },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- data ---- */

/* A table in which row 1 has no feature, and the largest magnitude is 2. */
static void attach(recsys_exec *x, recsys_dataset *d, int side, int64_t rows, uint64_t seed)
{
    entity_table *t;
    feature_table *f;
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, 1, sizeof *t, &t));
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, 1, sizeof *f, &f));
    atomic_init(&t->refs, 1);
    t->memory = recsys__memory_retain(x->memory);
    t->n_rows = rows;
    t->n_features = 1;
    t->features = f;
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, 4, 1, &f->name));
    strcpy(f->name, "all");
    expect_ok(x, recsys__ids_range(x, RECSYS_ID_STRING, F, &f->features));
    f->cells = (csr){ .n_rows = rows, .n_cols = F };
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, rows + 1, sizeof *f->cells.ptr, &f->cells.ptr));
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, rows * F, sizeof *f->cells.col, &f->cells.col));
    expect_ok(x, recsys__alloc_zero(x->memory, &x->error, rows * F, sizeof *f->cells.val, &f->cells.val));
    for (int64_t r = 0; r < rows; r++) {
        int64_t end = f->cells.ptr[r];
        for (int32_t k = 0; k < F && r != 1; k++)
            if (test_random_unit(&seed) < 0.4 || (r == 0 && k == 0)) {
                f->cells.col[end] = k;
                f->cells.val[end++] = r == 0 && k == 0 ? -2.0f : (float)(2.0 * test_random_unit(&seed) - 1.0);
            }
        f->cells.ptr[r + 1] = end;
    }
    d->table[side] = t;
}

/* User 30 and item 22 have no event. */
static recsys_dataset *make_data(recsys_exec *x, int with_features)
{
    static int64_t user[U * I], item[U * I];
    uint64_t seed = 9;
    int64_t n = 0;
    for (int u = 0; u + 1 < U; u++)
        for (int i = 0; i + 1 < I; i++)
            if (i == u % (I - 1) || test_random_unit(&seed) < 0.2)
                user[n] = u, item[n++] = i;
    recsys_dataset *d = case_events(x, "31", "23", user, item, NULL, n);
    if (with_features) {
        attach(x, d, SIDE_USERS, U, 4);
        attach(x, d, SIDE_ITEMS, I, 5);
    }
    return d;
}

static recsys_training options(const recsys_optimizer *o)
{
    recsys_training how = RECSYS_TRAINING_INIT;
    how.optimizer = o;
    how.epochs = 2;
    how.batch_size = 50;
    return how;
}

static recsys_model *fit(recsys_exec *x, const struct kind *k, const recsys_dataset *d)
{
    recsys_optimizer *adam = case_optimizer(x, "adam", "lr=0.02");
    recsys_training how = options(adam);
    recsys_model *m = case_fit(x, k->model, k->params, d, &how);
    recsys_optimizer_release(adam);
    return m;
}

/* ---- scores, slowly ---- */

/* A tensor of the public API in double; NULL: there is none. */
static double *numbers(recsys_exec *x, const recsys_model *m, const char *name, int64_t *rows, int64_t *columns)
{
    for (int64_t t = 0; t < recsys_model_tensor_count(m); t++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        expect_ok(x, recsys_model_tensor_info(m, t, &info));
        if (strcmp(info.name, name) != 0)
            continue;
        int64_t n = info.shape[0] * info.shape[1];
        float *narrow = malloc((size_t)n * sizeof *narrow);
        double *wide = malloc((size_t)n * sizeof *wide);
        expect_ok(x, recsys_model_read_tensor(m, x, name, 0, info.shape[0], narrow));
        for (int64_t i = 0; i < n; i++)
            wide[i] = (double)narrow[i];
        free(narrow);
        *rows = info.shape[0];
        *columns = info.shape[1];
        return wide;
    }
    return NULL;
}

/* e + sum of the row's features, from the data's table. */
static int64_t slow_input(recsys_exec *x, const recsys_model *m, const recsys_dataset *d, int side, int64_t r, double *z)
{
    int64_t n, E, n_features, width;
    double *table = numbers(x, m, side == SIDE_USERS ? "user_embedding" : "item_embedding", &n, &E);
    double *weight = numbers(x, m, side == SIDE_USERS ? "user_feature_weight" : "item_feature_weight", &n_features, &width);
    memcpy(z, table + r * E, (size_t)E * sizeof *z);
    if (weight != NULL) {
        const csr *cells = &d->table[side]->features[0].cells;
        assert_true(n_features == F && width == E);
        for (int64_t e = cells->ptr[r]; e < cells->ptr[r + 1]; e++)
            for (int64_t c = 0; c < E; c++)
                z[c] += (double)cells->val[e] / 2.0 * weight[cells->col[e] * E + c];
    }
    free(table);
    free(weight);
    return E;
}

static int64_t slow_layers(recsys_exec *x, const recsys_model *m, const char *prefix, double *z, int64_t width,
                           int last_is_linear)
{
    char name[48];
    for (int l = 1;; l++) {
        int64_t out, in, one;
        snprintf(name, sizeof name, "%slayer%d_weight", prefix, l);
        double *W = numbers(x, m, name, &out, &in), next[WIDEST];
        if (W == NULL)
            return width;
        snprintf(name, sizeof name, "%slayer%d_bias", prefix, l);
        double *b = numbers(x, m, name, &out, &one);
        assert_int_equal(in, width);
        snprintf(name, sizeof name, "%slayer%d_weight", prefix, l + 1);
        double *after = numbers(x, m, name, &one, &one);
        for (int64_t o = 0; o < out; o++) {
            next[o] = b[o];
            for (int64_t c = 0; c < in; c++)
                next[o] += W[o * in + c] * z[c];
            if (!(last_is_linear && after == NULL) && next[o] < 0.0)
                next[o] = 0.0;
        }
        memcpy(z, next, (size_t)out * sizeof *z);
        width = out;
        free(W), free(b), free(after);
    }
}

static double slow_score(recsys_exec *x, const recsys_model *m, const recsys_dataset *d, int64_t u, int64_t i)
{
    double a[2 * WIDEST], b[WIDEST], score = 0.0, of_a = 0.0, of_b = 0.0;
    int64_t n, one, E = slow_input(x, m, d, SIDE_USERS, u, a);
    double *w = numbers(x, m, "predict_weight", &n, &one), *c = numbers(x, m, "predict_bias", &one, &one);
    slow_input(x, m, d, SIDE_ITEMS, i, b);
    if (strcmp(recsys_model_name(m), "two-tower-concat") == 0) {
        memcpy(a + E, b, (size_t)E * sizeof *b);
        assert_int_equal(slow_layers(x, m, "", a, 2 * E, 0), n);
        for (int64_t k = 0; k < n; k++)
            score += w[k] * a[k];
    } else {
        int64_t H = slow_layers(x, m, "user_", a, E, w == NULL);
        assert_int_equal(slow_layers(x, m, "item_", b, E, w == NULL), H);
        for (int64_t k = 0; k < H; k++) {
            score += (w != NULL ? w[k] : 1.0) * a[k] * b[k];
            of_a += a[k] * a[k];
            of_b += b[k] * b[k];
        }
        if (strstr(recsys_model_params(m), "output=cosine") != NULL)
            score /= sqrt(of_a * of_b) * recsys__param_f64(m->params, "temperature");
    }
    score += c != NULL ? c[0] : 0.0;
    free(w), free(c);
    return score;
}

static void check_scores(recsys_exec *x, const recsys_model *m, const recsys_dataset *d)
{
    for (int64_t u = 0; u < U; u += 6) {
        float got[I];
        case_scores(x, m, u, got);
        for (int64_t i = 0; i < I; i += 2)
            case_near((double)got[i], slow_score(x, m, d, u, i), 2e-5, recsys_model_params(m));
    }
}

static void test_scores(void **state)
{
    fixture f;
    (void)state;
    fixture_open(&f, 2);
    for (int with_features = 0; with_features < 2; with_features++) {
        recsys_dataset *d = make_data(f.exec, with_features);
        for (int k = 0; k < KINDS; k++) {
            int64_t rows, columns;
            recsys_model *m = fit(f.exec, &kinds[k], d);
            check_scores(f.exec, m, d);
            double *weight = numbers(f.exec, m, "item_feature_weight", &rows, &columns), moved = 0.0;
            assert_true((weight != NULL) == (with_features && strstr(kinds[k].params, "features=false") == NULL));
            for (int64_t e = 0; weight != NULL && e < rows * columns; e++)
                moved += fabs(weight[e]);
            /* They begin with zeros and are trained, unless every ReLU of the published beginning is cut off. */
            assert_true(weight == NULL || moved > 0.0 || strstr(kinds[k].params, "published") != NULL);
            free(weight);
            recsys_model_release(m);
        }
        recsys_dataset_release(d);
    }
    fixture_close(&f);
}

/* What a softmax of inner products cannot see stays exactly as it began; the users' bias is no such thing. */
static void test_inert_bias(void **state)
{
    static const char *const objectives[] = { "in-batch", "shared,shared_negatives=7" };
    fixture f;
    (void)state;
    fixture_open(&f, 1);
    recsys_dataset *d = make_data(f.exec, 1);
    for (int k = 0; k < 2; k++) {
        char params[96];
        int64_t H, one;
        snprintf(params, sizeof params, "layers=8:6:5,output=dot,objective=%s", objectives[k]);
        recsys_model *m = fit(f.exec, &(struct kind){ "two-tower-product", params }, d);
        double *items = numbers(f.exec, m, "item_layer2_bias", &H, &one),
            *users = numbers(f.exec, m, "user_layer2_bias", &H, &one);
        assert_int_equal(H, 5);
        for (int64_t h = 0; h < H; h++)
            assert_true(items[h] == 0.0 && users[h] != 0.0);
        free(items), free(users);
        recsys_model_release(m);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- vectors ---- */

/* A flat index of inner products over item_vector, asked with user_vector, gives the model's own lists. */
static void check_index(recsys_exec *x, const recsys_model *m)
{
    enum { K = 6 };
    int64_t rows, H, n_items, width;
    double *users = numbers(x, m, "user_vector", &rows, &H), *items = numbers(x, m, "item_vector", &n_items, &width);
    assert_true(users != NULL && items != NULL && rows == U && n_items == I && width == H);
    for (int64_t u = 0; u < U; u++) {
        recsys_query q = RECSYS_QUERY_INIT;
        recsys_topk_options o = RECSYS_TOPK_OPTIONS_INIT;
        int64_t list[K], better;
        float value[K];
        q.parts = RECSYS_QUERY_USER;
        q.user = u;
        o.keep_seen = 1;
        expect_ok(x, recsys_model_topk(m, x, &q, 1, K, &o, list, value));
        for (int k = 0; k < K; k++) {
            double own = 0.0, size = 0.0;
            better = 0;
            for (int64_t c = 0; c < H; c++) {
                own += users[u * H + c] * items[list[k] * H + c];
                size += fabs(users[u * H + c] * items[list[k] * H + c]);
            }
            for (int64_t i = 0; i < I; i++) {
                double other = 0.0;
                for (int64_t c = 0; c < H; c++)
                    other += users[u * H + c] * items[i * H + c];
                better += other > own + 1e-5 * (1e-3 + size);
            }
            assert_true(better <= k); /* equal ones may stand in any order */
        }
    }
    free(users), free(items);
}

static void test_vectors(void **state)
{
    fixture f;
    (void)state;
    fixture_open(&f, 2);
    recsys_dataset *d = make_data(f.exec, 1);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *m = fit(f.exec, &kinds[k], d);
        float row[WIDEST], zero = 0.0f;
        recsys_model *none;
        if (strcmp(kinds[k].model, "two-tower-product") == 0) {
            check_index(f.exec, m);
            int64_t rows, H;
            double *items = numbers(f.exec, m, "item_vector", &rows, &H), length = 0.0;
            for (int64_t c = 0; c < H; c++)
                length += items[22 * H + c] * items[22 * H + c]; /* never seen: its row as it began */
            if (strstr(kinds[k].params, "cosine") != NULL)
                case_near(sqrt(length), 1.0, 1e-6, "the length of a vector");
            free(items);
            expect_error(f.exec, recsys_model_read_tensor(m, f.exec, "item_vector", I, 1, row), RECSYS_ERR_OUT_OF_RANGE,
                         "item_vector");
            expect_error(f.exec, recsys_model_with_tensor(m, f.exec, "item_vector", &zero, &none), RECSYS_ERR_UNSUPPORTED,
                         "item_vector");
        } else {
            expect_error(f.exec, recsys_model_read_tensor(m, f.exec, "item_vector", 0, 1, row), RECSYS_ERR_UNKNOWN_KEY,
                         "item_vector");
        }
        recsys_model_release(m);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- bits ---- */

static void test_threads(void **state)
{
    fixture f;
    (void)state;
    fixture_open(&f, 1);
    recsys_dataset *d = make_data(f.exec, 1);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *want = fit(f.exec, &kinds[k], d);
        for (int32_t threads = 2; threads <= 8; threads *= 4) {
            recsys_exec *x = fixture_exec(&f, threads, 0, 0);
            recsys_model *m = fit(x, &kinds[k], d);
            float a[I], b[I];
            assert_true(case_same(f.exec, want, m));
            for (int64_t u = 0; u < U; u++) {
                case_scores(f.exec, want, u, a);
                case_scores(x, m, u, b);
                assert_memory_equal(a, b, sizeof a);
            }
            recsys_model_release(m);
            recsys_exec_release(x);
        }
        recsys_model_release(want);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* A training that is broken off and resumed ends with the bits of one that is not. */
static void test_resume(void **state)
{
    fixture f;
    char path[TEST_PATH_ROOM];
    (void)state;
    fixture_open(&f, 2);
    recsys_exec *x = f.exec;
    recsys_dataset *d = make_data(x, 1);
    recsys_optimizer *adam = case_optimizer(x, "adam", "lr=0.02");
    fixture_path(&f, "training.safetensors", path);
    for (int k = 0; k < KINDS; k++) {
        recsys_training how = options(adam);
        recsys_trainer *t = case_trainer(x, kinds[k].model, kinds[k].params, d, &how);
        expect_ok(x, recsys_trainer_step(t, NULL, 0, NULL));
        expect_ok(x, recsys_trainer_step(t, NULL, 0, NULL));
        expect_ok(x, recsys_trainer_save(t, path));
        expect_ok(x, recsys_trainer_run(t));
        recsys_model *want = case_model(t, 0);
        recsys_trainer_release(t);
        how.resume = path;
        t = case_trainer(x, kinds[k].model, kinds[k].params, d, &how);
        expect_ok(x, recsys_trainer_run(t));
        recsys_model *m = case_model(t, 0);
        assert_true(case_same(x, want, m));
        recsys_model_release(want), recsys_model_release(m);
        recsys_trainer_release(t);
    }
    recsys_optimizer_release(adam);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* A loaded model needs no dataset for its features. */
static void test_files(void **state)
{
    fixture f;
    char path[TEST_PATH_ROOM];
    (void)state;
    fixture_open(&f, 2);
    recsys_dataset *d = make_data(f.exec, 1);
    fixture_path(&f, "model.safetensors", path);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *m = fit(f.exec, &kinds[k], d), *loaded;
        float a[I], b[I];
        expect_ok(f.exec, recsys_model_save(m, f.exec, path, NULL));
        expect_ok(f.exec, recsys_model_load(f.exec, path, NULL, &loaded));
        assert_true(case_same(f.exec, m, loaded));
        for (int64_t u = 0; u < U; u++) {
            case_scores(f.exec, m, u, a);
            case_scores(f.exec, loaded, u, b);
            assert_memory_equal(a, b, sizeof a);
        }
        recsys_model_release(m), recsys_model_release(loaded);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- what is refused ---- */

static void refuse_with(recsys_exec *x, const recsys_model *m, const char *name, int64_t at, int64_t value, const char *words)
{
    int64_t count;
    recsys_model *none;
    void *data = case_tensor(x, m, name, &count);
    if (strstr(name, "ptr") != NULL)
        ((int64_t *)data)[at] = value;
    else
        ((int32_t *)data)[at] = (int32_t)value;
    expect_error(x, recsys_model_with_tensor(m, x, name, data, &none), RECSYS_ERR_FILE_FORMAT, words);
    assert_null(none);
    free(data);
}

static void test_refusals(void **state)
{
    fixture f;
    (void)state;
    fixture_open(&f, 1);
    recsys_exec *x = f.exec;
    recsys_dataset *d = make_data(x, 1);
    for (int k = 0; k < KINDS; k += 5) {
        recsys_trainer *t;
        recsys_training how = RECSYS_TRAINING_INIT;
        const char *model = kinds[k].model;
        expect_error(x, case_try(x, model, "layers=7:4", d, &how, &t), RECSYS_ERR_INVALID_ARGUMENT, model);
        expect_error(x, case_try(x, model, "layers=7:4", d, &how, &t), RECSYS_ERR_INVALID_ARGUMENT,
                     "begins with 7, which is odd");
        expect_error(x, case_try(x, model, "layers=8:4:4:4:4:4:4:4:4", d, &how, &t), RECSYS_ERR_INVALID_ARGUMENT,
                     "has 9 numbers");
        recsys_model *m = fit(x, &kinds[k], d);
        refuse_with(x, m, "item_feature_column", 0, F, "the features of items");
        refuse_with(x, m, "item_feature_column", 0, -1, "the features of items");
        refuse_with(x, m, "user_feature_ptr", 0, 1, "the features of users");
        refuse_with(x, m, "user_feature_ptr", 1, 1000000, "the features of users");
        refuse_with(x, m, "user_feature_ptr", U, 0, "the features of users");
        recsys_model_release(m);
    }
    d->table[SIDE_ITEMS]->n_rows--; /* a table of other rows than there are items */
    d->table[SIDE_ITEMS]->features[0].cells.n_rows--;
    recsys_trainer *t;
    recsys_training how = RECSYS_TRAINING_INIT;
    expect_error(x, case_try(x, "two-tower-product", "", d, &how, &t), RECSYS_ERR_INVALID_ARGUMENT, "22 items");
    recsys_dataset_release(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores), cmocka_unit_test(test_vectors), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_files),  cmocka_unit_test(test_refusals), cmocka_unit_test(test_inert_bias),
    };
    return cmocka_run_group_tests_name("model/two_tower", tests, NULL, NULL);
}
