/* gf_cf.c - GF-CF against dense sums in double: decomposition, fold-in, guard, rank, isolated users and items, bad data and
 * files, threads, failing allocations. Goldens of more cases are read by reference.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

/* ---- the model in double ---- */

/* Dense: R of U x I, and the parameters. */
typedef struct world {
    int64_t U, I, k;
    double alpha, guard;
    double *R, *user, *item, *smooth; /* powers of degrees; R~ */
    double *vectors, *values;         /* eigenvectors (columns) and eigenvalues of R~'R~, descending */
} world;

static double *numbers(int64_t n)
{
    double *x = calloc((size_t)(n > 0 ? n : 1), sizeof *x);
    assert_non_null(x);
    return x;
}

/* Cyclic Jacobi on the I x I matrix a. */
static void rotate_all(double *a, double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) v[i * n + i] = 1.0;
    for (int sweep = 0; sweep < 30; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                if (fabs(a[p * n + q]) < 1e-200) continue;
                double angle = 0.5 * atan2(2.0 * a[p * n + q], a[q * n + q] - a[p * n + p]), c = cos(angle), s = sin(angle);
                for (int64_t k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
                }
                for (int64_t k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y, a[q * n + k] = s * x + c * y;
                    x = v[k * n + p], y = v[k * n + q];
                    v[k * n + p] = c * x - s * y, v[k * n + q] = s * x + c * y;
                }
            }
}

static void decompose(world *w)
{
    int64_t n = w->I;
    double *a = numbers(n * n), *v = numbers(n * n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t u = 0; u < w->U; u++) a[i * n + j] += w->smooth[u * n + i] * w->smooth[u * n + j];
    rotate_all(a, v, n);
    char *taken = calloc((size_t)n, 1);
    for (int64_t c = 0; c < n; c++) {
        int64_t best = -1;
        for (int64_t j = 0; j < n; j++)
            if (!taken[j] && (best < 0 || a[j * n + j] > a[best * n + best])) best = j;
        taken[best] = 1;
        w->values[c] = a[best * n + best];
        for (int64_t i = 0; i < n; i++) w->vectors[i * n + c] = v[i * n + best];
    }
    free(a), free(v), free(taken);
}

/* The world of a dataset. */
static world open_world(recsys_exec *x, const recsys_dataset *d, int64_t k, double alpha, double guard)
{
    world w = { .U = recsys_ids_count(recsys_dataset_users(d)), .I = recsys_ids_count(recsys_dataset_items(d)), .k = k,
                .alpha = alpha,
                .guard = guard };
    w.R = numbers(w.U * w.I), w.user = numbers(w.U), w.item = numbers(w.I), w.smooth = numbers(w.U * w.I);
    w.vectors = numbers(w.I * w.I), w.values = numbers(w.I);
    int64_t *item = calloc((size_t)w.I, sizeof *item), count;
    float *value = calloc((size_t)w.I, sizeof *value);
    for (int64_t u = 0; u < w.U; u++) {
        expect_ok(x, recsys_dataset_history(d, x, u, item, value, w.I, &count));
        for (int64_t e = 0; e < count; e++) {
            w.R[u * w.I + item[e]] = (double)value[e];
            w.user[u] += (double)value[e], w.item[item[e]] += (double)value[e];
        }
    }
    for (int64_t u = 0; u < w.U; u++) w.user[u] = w.user[u] > 0.0 ? 1.0 / sqrt(w.user[u]) + guard : 0.0;
    for (int64_t i = 0; i < w.I; i++) w.item[i] = sqrt(w.item[i]);
    for (int64_t u = 0; u < w.U; u++)
        for (int64_t i = 0; i < w.I; i++)
            w.smooth[u * w.I + i] = w.item[i] > 0.0 ? w.user[u] * w.R[u * w.I + i] / (w.item[i] + guard) : 0.0;
    decompose(&w);
    free(item), free(value);
    return w;
}

static void close_world(world *w)
{
    free(w->R), free(w->user), free(w->item), free(w->smooth), free(w->vectors), free(w->values);
}

/* Scores of a history r of all items. */
static void want_scores(const world *w, const double *r, double *out)
{
    int64_t I = w->I;
    memset(out, 0, (size_t)I * sizeof *out);
    for (int64_t u = 0; u < w->U; u++) {
        double y = 0.0;
        for (int64_t i = 0; i < I; i++) y += r[i] * w->smooth[u * I + i];
        for (int64_t j = 0; j < I; j++) out[j] += y * w->smooth[u * I + j];
    }
    for (int64_t c = 0; c < w->k && c < I; c++) {
        double z = 0.0;
        if (w->values[c] < 1e-9 * w->values[0]) break;
        for (int64_t i = 0; i < I; i++) z += w->item[i] > 0.0 ? r[i] / (w->item[i] + w->guard) * w->vectors[i * I + c] : 0.0;
        for (int64_t j = 0; j < I; j++) out[j] += w->alpha * z * w->vectors[j * I + c] * w->item[j];
    }
}

/* ---- comparing ---- */

static recsys_model *fit(recsys_exec *x, const recsys_dataset *d, const char *params)
{
    recsys_params *p;
    recsys_model *m;
    expect_ok(x, recsys_params_create(recsys_exec_env(x), "gf-cf", &p, NULL));
    assert_int_equal(recsys_params_set_text(p, params), RECSYS_OK);
    expect_ok(x, recsys_model_fit(p, d, x, NULL, &m));
    recsys_params_release(p);
    return m;
}

/* Scores of the model at all items for a history in full. */
static void model_scores(recsys_exec *x, const recsys_model *m, const double *r, int64_t I, float *out)
{
    int64_t *item = calloc((size_t)I, sizeof *item), count = 0;
    float *value = calloc((size_t)I, sizeof *value);
    recsys_query query = RECSYS_QUERY_INIT;
    for (int64_t i = 0; i < I; i++)
        if (r[i] != 0.0) item[count] = i, value[count++] = (float)r[i];
    query.parts = RECSYS_QUERY_HISTORY;
    query.history = item, query.history_values = value, query.history_count = count;
    expect_ok(x, recsys_model_score(m, x, &query, 1, out));
    free(item), free(value);
}

static void compare(recsys_exec *x, const recsys_model *m, const world *w, const double *r, double bound)
{
    double *want = numbers(w->I), size = 1.0;
    float *got = calloc((size_t)w->I, sizeof *got);
    want_scores(w, r, want);
    model_scores(x, m, r, w->I, got);
    for (int64_t j = 0; j < w->I; j++) size = fabs(want[j]) > size ? fabs(want[j]) : size;
    for (int64_t j = 0; j < w->I; j++)
        if (!(fabs((double)got[j] - want[j]) <= bound * size))
            fail_msg("item %lld scores %.9g, want %.9g", (long long)j, (double)got[j], want[j]);
    free(want), free(got);
}

/* The users' own histories, one of somebody new, and one of a single item with a value that nobody has. */
static void compare_all(recsys_exec *x, const recsys_model *m, const world *w, double bound)
{
    double *r = numbers(w->I);
    uint64_t seed = 9;
    for (int64_t u = 0; u < w->U; u++) compare(x, m, w, w->R + u * w->I, bound);
    for (int64_t i = 0; i < w->I; i++) r[i] = test_random_unit(&seed) < 0.3 ? floor(1.0 + 4.0 * test_random_unit(&seed)) : 0.0;
    compare(x, m, w, r, bound);
    memset(r, 0, (size_t)w->I * sizeof *r);
    r[w->I / 2] = -2.5;
    compare(x, m, w, r, bound);
    free(r);
}

static void check_fit(recsys_exec *x, const recsys_dataset *d, int64_t k, double alpha, double guard, double bound)
{
    char params[128];
    snprintf(params, sizeof params, "factors=%lld,alpha=%.3f,guard=%.6f,power_iterations=30", (long long)k, alpha, guard);
    world w = open_world(x, d, alpha > 0.0 ? k : 0, alpha, guard);
    recsys_model *m = fit(x, d, params);
    compare_all(x, m, &w, bound);
    recsys_model_release(m);
    close_world(&w);
}

/* ---- tests ---- */

static void test_scores(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int flags = 0; flags <= TEST_VALUES; flags += TEST_VALUES) {
        recsys_dataset *d = test_random_dataset(f.exec, 45, 24, 6, flags, 3);
        check_fit(f.exec, d, 0, 0.3, 0.0, 1e-6);
        check_fit(f.exec, d, 4, 0.3, 0.0, 1e-5);
        check_fit(f.exec, d, 4, 1.0, 0.001, 1e-5);
        check_fit(f.exec, d, 7, 0.0, 0.5, 1e-6);
        check_fit(f.exec, d, 24, 1.0, 0.0, 1e-5);  /* all of them */
        check_fit(f.exec, d, 300, 2.0, 0.0, 1e-5); /* more than there are */
        recsys_dataset_release(d);
    }
    fixture_close(&f);
    (void)state;
}

/* Three kinds of users with the same items: R~ has rank 3, whatever k asks for. */
static recsys_dataset *low_rank(recsys_exec *x, int64_t *n_users, int64_t *n_items)
{
    int64_t user[400], item[400], n = 0;
    for (int64_t u = 0; u < 30; u++)
        for (int64_t i = 0; i < 12; i++)
            if (i / 4 == u % 3) user[n] = u, item[n++] = i;
    *n_users = 30, *n_items = 12;
    return test_dataset_of(x, user, item, NULL, NULL, n);
}

static void test_above_rank(void **state)
{
    fixture f;
    int64_t U, I;
    fixture_open(&f, 2);
    recsys_dataset *d = low_rank(f.exec, &U, &I);
    check_fit(f.exec, d, 3, 1.0, 0.0, 1e-5);
    check_fit(f.exec, d, 9, 1.0, 0.0, 1e-5);
    recsys_model *m = fit(f.exec, d, "factors=9");
    float values[9], vectors[12 * 9];
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "singular_values", 0, 9, values));
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "singular_vectors", 0, 12, vectors));
    for (int c = 0; c < 9; c++) {
        double length = 0.0, top = 0.0;
        for (int i = 0; i < 12; i++) {
            double v = (double)vectors[i * 9 + c];
            length += v * v;
            if (fabs(v) > fabs(top)) top = v;
        }
        assert_true(top >= 0.0); /* the rule of signs */
        assert_true(fabs(length - (c < 3 ? 1.0 : 0.0)) < 1e-5);
        assert_true(fabs((double)values[c] - (c < 3 ? 1.0 : 0.0)) < 1e-5);
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* A dataset over 12 users and 9 items of which some have nothing, and one user whose values add up to 0. */
static recsys_dataset *with_isolated(recsys_exec *x, float value_of_last)
{
    int64_t user[] = { 0, 0, 1, 1, 1, 3, 3, 5, 5, 7, 7, 8 }, item[] = { 0, 2, 2, 3, 5, 0, 5, 3, 7, 2, 7, 4 };
    float value[] = { 1, 2, 1, 3, 1, 1, 1, 2, 2, 1, 1, value_of_last };
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    recsys_events events = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *b;
    recsys_dataset *d;
    options.users = "12", options.items = "9";
    events.count = 12, events.user_ids = user, events.item_ids = item, events.values = value;
    expect_ok(x, recsys_dataset_builder_create(x, &options, &b));
    expect_ok(x, recsys_dataset_builder_append(b, &events));
    expect_ok(x, recsys_dataset_builder_finish(b, &d));
    recsys_dataset_builder_release(b);
    return d;
}

static void test_isolated(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int zero = 0; zero < 2; zero++) {
        recsys_dataset *d = with_isolated(f.exec, zero ? 0.0f : 1.0f);
        check_fit(f.exec, d, 3, 0.5, 0.0, 1e-5);
        check_fit(f.exec, d, 9, 0.5, 0.0, 1e-5);
        recsys_model *m = fit(f.exec, d, "factors=9");
        double r[9] = { 0 };
        float score[9];
        int64_t list[9];
        recsys_query query = RECSYS_QUERY_INIT;
        model_scores(f.exec, m, r, 9, score); /* nothing at all */
        for (int i = 0; i < 9; i++) assert_true(score[i] == 0.0f);
        r[1] = r[8] = 1.0; /* items that nobody has */
        model_scores(f.exec, m, r, 9, score);
        for (int i = 0; i < 9; i++) assert_true(score[i] == 0.0f);
        query.parts = RECSYS_QUERY_USER; /* a user without anything: all score 0, lower items first */
        query.user = 2;
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &query, 1, 9, NULL, list, score));
        for (int i = 0; i < 9; i++) assert_true(list[i] == i && score[i] == 0.0f);
        expect_ok(f.exec, recsys_model_similar_items(m, f.exec, 1, 3, list, score));
        assert_true(list[0] == 0 && list[1] == 2 && list[2] == 3);
        recsys_model_release(m);
        recsys_dataset_release(d);
    }
    fixture_close(&f);
    (void)state;
}

/* Lists are the best of the scores, and similar items the best of an item's own row. */
static void test_lists(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 40, 30, 5, TEST_VALUES, 8);
    recsys_model *m = fit(f.exec, d, "factors=6");
    for (int64_t u = 0; u < 40; u++) {
        int64_t list[30], seen[30], count, place = 0;
        float value[30], score[30];
        char taken[30] = { 0 };
        recsys_query query = RECSYS_QUERY_INIT;
        query.parts = RECSYS_QUERY_USER, query.user = u;
        expect_ok(f.exec, recsys_dataset_history(d, f.exec, u, seen, NULL, 30, &count));
        for (int64_t e = 0; e < count; e++) taken[seen[e]] = 1;
        expect_ok(f.exec, recsys_model_score(m, f.exec, &query, 1, score));
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &query, 1, 30, NULL, list, value));
        for (; place < 30 - count; place++) {
            int64_t best = -1;
            for (int64_t i = 0; i < 30; i++)
                if (!taken[i] && (best < 0 || score[i] > score[best])) best = i;
            taken[best] = 1;
            assert_int_equal(list[place], best);
            assert_true(value[place] == score[best]);
        }
        for (; place < 30; place++) assert_int_equal(list[place], -1);
    }
    double r[30] = { 0 };
    float row[30], value[5];
    int64_t list[5];
    r[11] = 1.0;
    model_scores(f.exec, m, r, 30, row);
    row[11] = -INFINITY;
    expect_ok(f.exec, recsys_model_similar_items(m, f.exec, 11, 5, list, value));
    for (int p = 0; p < 5; p++) {
        int best = 0;
        for (int i = 1; i < 30; i++)
            if (row[i] > row[best]) best = i;
        assert_true(list[p] == best && value[p] == row[best]);
        row[best] = -INFINITY;
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* One seed gives one model, whatever the number of threads; another seed gives other bits of nearly the same. */
static void test_threads(void **state)
{
    enum { U = 400, I = 300, K = 12 };
    static const int32_t threads[] = { 1, 2, 8 };
    fixture f;
    float *first = calloc(I * K, sizeof *first), *again = calloc(I * K, sizeof *again);
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, U, I, 9, 0, 4);
    for (int t = 0; t < 4; t++) {
        recsys_exec *x = fixture_exec(&f, t < 3 ? threads[t] : 2, 0, t < 3 ? 5 : 6);
        recsys_model *m = fit(x, d, "factors=12,power_iterations=3");
        expect_ok(x, recsys_model_read_tensor(m, x, "singular_vectors", 0, I, t == 0 ? first : again));
        if (t == 1 || t == 2) assert_memory_equal(first, again, I * K * sizeof *first);
        if (t == 3) assert_memory_not_equal(first, again, I * K * sizeof *first);
        recsys_model_release(m);
        recsys_exec_release(x);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
    free(first), free(again);
    (void)state;
}

static void test_values(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 30, 20, 5, TEST_VALUES, 5), *plain;
    expect_ok(f.exec, recsys_dataset_to_implicit(d, f.exec, 0.0, &plain));
    recsys_model *a = fit(f.exec, d, "factors=4,values=binary"), *b = fit(f.exec, plain, "factors=4");
    double r[20] = { 0 };
    float one[20], other[20];
    r[3] = 2.5, r[9] = 4.0;
    model_scores(f.exec, a, r, 20, one);
    r[3] = r[9] = 1.0;
    model_scores(f.exec, b, r, 20, other);
    for (int i = 0; i < 20; i++) assert_true(fabsf(one[i] - other[i]) <= 1e-5f);
    recsys_model_release(a), recsys_model_release(b);
    recsys_dataset_release(d), recsys_dataset_release(plain);
    fixture_close(&f);
    (void)state;
}

static recsys_status try_fit(recsys_exec *x, const recsys_dataset *d, const char *params)
{
    recsys_params *p;
    recsys_model *m = NULL;
    expect_ok(x, recsys_params_create(recsys_exec_env(x), "gf-cf", &p, NULL));
    assert_int_equal(recsys_params_set_text(p, params), RECSYS_OK);
    recsys_status status = recsys_model_fit(p, d, x, NULL, &m);
    assert_true((status < 0) == (m == NULL));
    recsys_model_release(m);
    recsys_params_release(p);
    return status;
}

/* Cancelled from the first report of a phase. */
static int32_t stop(void *data, const recsys_progress *p)
{
    return strcmp(p->phase, data) == 0;
}

static void test_cancel(void **state)
{
    static char phases[][32] = { "degrees", "power iterations", "singular vectors" };
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 300, 200, 9, 0, 4);
    for (int p = 0; p < 3; p++) {
        recsys_exec_options o = RECSYS_EXEC_OPTIONS_INIT;
        recsys_exec *x;
        o.progress = stop, o.progress_user = phases[p];
        assert_int_equal(recsys_exec_create(f.env, &o, &x, NULL), RECSYS_OK);
        expect_error(x, try_fit(x, d, "factors=5"), RECSYS_ERR_CANCELLED, NULL);
        recsys_exec_release(x);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* What a forger may put into a tensor. */
static void refuse(recsys_exec *x, const recsys_model *m, const char *name, int64_t at, const void *number, size_t size,
                   int64_t n)
{
    recsys_model *bad = NULL;
    unsigned char *data = malloc((size_t)n * size);
    expect_ok(x, recsys_model_read_tensor(m, x, name, 0, n, data));
    memcpy(data + (size_t)at * size, number, size);
    recsys_status status = recsys_model_with_tensor(m, x, name, data, &bad);
    if ((status != RECSYS_ERR_FILE_FORMAT && status != RECSYS_ERR_NUMERIC) || bad != NULL)
        fail_msg("%s[%lld]: status %d", name, (long long)at, (int)status);
    free(data);
}

static void test_hostile(void **state)
{
    static const int64_t far[] = { -1, 1000000, INT64_MIN };
    static const int32_t items[] = { -1, 9, INT32_MAX, INT32_MIN };
    static const float numbers[] = { NAN, INFINITY, -1.0f };
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = with_isolated(f.exec, 1.0f);
    recsys_model *m = fit(f.exec, d, "factors=2");
    for (int i = 0; i < 3; i++)
        for (int64_t at = 0; at <= 12; at += 4) refuse(f.exec, m, "interaction_ptr", at, far + i, sizeof *far, 13);
    for (int i = 0; i < 4; i++)
        for (int64_t at = 0; at < 12; at += 5) refuse(f.exec, m, "interaction_item", at, items + i, sizeof *items, 12);
    refuse(f.exec, m, "interaction_item", 1, (int32_t[]){ 0 }, sizeof *items, 12); /* the item before it again */
    for (int i = 0; i < 3; i++) {
        refuse(f.exec, m, "user_degree", 3, numbers + i, sizeof *numbers, 12);
        refuse(f.exec, m, "item_degree", 8, numbers + i, sizeof *numbers, 9);
        if (i == 2) break;
        refuse(f.exec, m, "interaction_value", 2, numbers + i, sizeof *numbers, 12);
        refuse(f.exec, m, "singular_values", 1, numbers + i, sizeof *numbers, 2);
        for (int64_t at = 0; at < 9; at += 4) refuse(f.exec, m, "singular_vectors", at, numbers + i, 2 * sizeof *numbers, 9);
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* Every allocation of a fit and of a list fails in turn. */
static void test_failing(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 30, 20, 5, TEST_VALUES, 5);
    recsys_model_release(fit(f.exec, d, "factors=3")); /* the dataset's views are made here */
    recsys_params *p;
    expect_ok(f.exec, recsys_params_create(f.env, "gf-cf", &p, NULL));
    assert_int_equal(recsys_params_set_text(p, "factors=3"), RECSYS_OK);
    int done = 0;
    for (int64_t n = 1; !done; n++) {
        recsys_exec *x = fixture_exec(&f, 1, 0, 5);
        recsys_model *m = NULL;
        int64_t list[4];
        recsys_query query = RECSYS_QUERY_INIT;
        query.parts = RECSYS_QUERY_USER;
        test_heap_fail(&f.heap, n, n % 2 == 1);
        recsys_status status = recsys_model_fit(p, d, x, NULL, &m);
        assert_true((status < 0) == (m == NULL));
        if (m != NULL) status = recsys_model_topk(m, x, &query, 1, 4, NULL, list, NULL);
        done = atomic_load(&f.heap.refused) == 0;
        test_heap_fail(&f.heap, 0, 0);
        assert_int_equal(status, done ? RECSYS_OK : RECSYS_ERR_NO_MEMORY);
        recsys_model_release(m);
        recsys_exec_release(x);
    }
    recsys_params_release(p);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

static void test_refused(void **state)
{
    fixture f;
    recsys_params *p;
    fixture_open(&f, 1);
    expect_ok(f.exec, recsys_params_create(f.env, "gf-cf", &p, NULL));
    assert_int_equal(recsys_params_set_text(p, "alpha=-0.1"), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_set_text(p, "factors=-1"), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_set_text(p, "guard=-1e-6"), RECSYS_ERR_OUT_OF_RANGE);
    recsys_params_release(p);
    recsys_dataset *d = with_isolated(f.exec, -3.0f);
    expect_error(f.exec, try_fit(f.exec, d, ""), RECSYS_ERR_NUMERIC, "user 8|-3");
    recsys_dataset_release(d);
    d = test_random_dataset(f.exec, 300, 200, 9, 0, 4);
    recsys_exec *small = fixture_exec(&f, 1, 200000, 1);
    expect_error(small, try_fit(small, d, "factors=100"), RECSYS_ERR_MEMORY_LIMIT, "gf-cf");
    recsys_exec_release(small);
    recsys_model *m = fit(f.exec, d, "factors=5");
    float score[200], huge = 1e30f;
    int64_t item = 3;
    recsys_query query = RECSYS_QUERY_INIT;
    query.parts = RECSYS_QUERY_HISTORY, query.history = &item, query.history_values = &huge, query.history_count = 1;
    expect_error(f.exec, recsys_model_score(m, f.exec, &query, 1, score), RECSYS_ERR_NUMERIC, "query 0|item 3");
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),   cmocka_unit_test(test_above_rank), cmocka_unit_test(test_isolated),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_threads),  cmocka_unit_test(test_values),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cancel),   cmocka_unit_test(test_hostile),    cmocka_unit_test(test_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
