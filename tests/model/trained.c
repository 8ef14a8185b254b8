/* trained.c - scores, lists and contents of the models that are trained by steps, as the public API shows them, against their
 * formulas in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "trained_case.h"

/* ---- tensors ---- */

static void check_listing(world *w, const recsys_model *m, const kind *k)
{
    contents c = contents_of(w->x, m);
    char names[512] = "", *end = names;
    for (int64_t t = 0; t < c.count; t++) {
        const numbers *n = &c.of[t];
        float *rest = malloc((size_t)n->count * sizeof *rest);
        int64_t middle = n->shape[0] / 2;
        end += snprintf(end, sizeof names - (size_t)(end - names), "%s%s", t > 0 ? " " : "", n->name);
        expect_ok(w->x, recsys_model_read_tensor(m, w->x, n->name, middle, n->shape[0] - middle, rest));
        assert_memory_equal(rest, n->at + middle * n->shape[1], (size_t)((n->shape[0] - middle) * n->shape[1]) * sizeof *rest);
        expect_error(w->x, recsys_model_read_tensor(m, w->x, n->name, 1, n->shape[0], rest), RECSYS_ERR_OUT_OF_RANGE, n->name);
        free(rest);
    }
    assert_string_equal(names, k->tensors);
    contents_free(&c);
}

/* A model in which tensor t has other contents: its scores follow, those of the old model stay. */
static void check_replaced(world *w, const recsys_model *m, const contents *c, int64_t t)
{
    const numbers *n = &c->of[t];
    float *other = malloc((size_t)n->count * sizeof *other), before[U * I], after[U * I];
    uint64_t seed = 100 + (uint64_t)t;
    recsys_model *changed;
    for (int64_t e = 0; e < n->count; e++)
        other[e] = (float)(2.0 * test_random_unit(&seed) - 1.0);
    scores_of_all(w->x, m, before);
    expect_ok(w->x, recsys_model_with_tensor(m, w->x, n->name, other, &changed));
    contents now = contents_of(w->x, changed);
    assert_int_equal(now.count, c->count);
    for (int64_t s = 0; s < c->count; s++)
        assert_memory_equal(now.of[s].at, s == t ? other : c->of[s].at, (size_t)c->of[s].count * sizeof(float));
    check_formula(w, changed, n->name);
    scores_of_all(w->x, changed, after);
    assert_true(memcmp(before, after, sizeof after) != 0);
    recsys_model_release(changed);
    scores_of_all(w->x, m, after);
    assert_memory_equal(before, after, sizeof after);

    other[n->count - 1] = n->count % 2 ? NAN : -INFINITY;
    expect_error(w->x, recsys_model_with_tensor(m, w->x, n->name, other, &changed), RECSYS_ERR_NUMERIC, n->name);
    assert_null(changed);
    contents_free(&now);
    free(other);
}

static void test_tensors(void **state)
{
    world w;
    world_open(&w, 2);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *m = fit(&w, &kinds[k], 0), *none;
        contents c = contents_of(w.x, m);
        float number = 0.0f;
        check_formula(&w, m, kinds[k].name);
        check_listing(&w, m, &kinds[k]);
        for (int64_t t = 0; t < c.count; t++)
            check_replaced(&w, m, &c, t);
        expect_error(w.x, recsys_model_with_tensor(m, w.x, "neighbours", &number, &none), RECSYS_ERR_UNKNOWN_KEY, "neighbours");
        assert_null(none);
        contents_free(&c);
        recsys_model_release(m);
    }
    world_close(&w);
    (void)state;
}

/* ---- untrained users ---- */

/* Rows of users and items that no batch had are still those that the training began with. */
static void test_untrained(void **state)
{
    static const struct { int kind; const char *table; int64_t first; } rows[] = {
        { 0, "user_embedding", TRAINED_USERS }, { 1, "user_embedding", TRAINED_USERS }, { 2, "mlp_user_embedding", TRAINED_USERS },
        { 3, "user_embedding", TRAINED_USERS }, { 3, "input_weight", TRAINED_ITEMS },
    };
    world w;
    world_open(&w, 2);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const kind *k = &kinds[rows[r].kind];
        recsys_trainer *t = case_trainer(w.x, k->name, k->params, w.train, NULL);
        recsys_model *start = case_model(t, 0), *m = fit(&w, k, 0);
        contents a = contents_of(w.x, start), b = contents_of(w.x, m);
        const numbers *n = maybe(&a, rows[r].table);
        int64_t begin = rows[r].first * n->shape[1];
        const float *was = row(&a, n->name, 0), *is = row(&b, n->name, 0);
        assert_memory_equal(is + begin, was + begin, (size_t)(n->count - begin) * sizeof *is);
        for (int64_t e = 0; e < rows[r].first; e++) /* every trained row moved */
            assert_true(memcmp(is + e * n->shape[1], was + e * n->shape[1], (size_t)n->shape[1] * sizeof *is) != 0);
        contents_free(&a), contents_free(&b);
        recsys_model_release(start), recsys_model_release(m);
        recsys_trainer_release(t);
    }
    world_close(&w);
    (void)state;
}

/* ---- histories of the query's own ---- */

/* A history alone is the stored one of a user with V_u = 0; beside a user it takes the place of the stored one. */
static void check_fold_in(world *w, const kind *k)
{
    recsys_model *m = fit(w, k, 0), *bare = fit(w, k, 1), *nobody;
    contents c = contents_of(w->x, m);
    const numbers *V = maybe(&c, "user_embedding");
    float *zeros = calloc((size_t)V->count, sizeof *zeros), want[U * I], with[U * I], got[3][I];
    expect_ok(w->x, recsys_model_with_tensor(m, w->x, "user_embedding", zeros, &nobody));
    scores_of_all(w->x, nobody, want);
    scores_of_all(w->x, m, with);
    for (int u = 0; u < U; u++) {
        int64_t own[2 * I], n = items_of(w->has[u], own), other[I], n_other = items_of(w->has[(u + 7) % U], other);
        const float values[2 * I] = { 3.5f, -1.0f };
        for (int64_t e = 0; e < n; e++)
            own[n + e] = own[e]; /* what comes twice counts once */
        recsys_query q[3] = { query_of(-1, own, 2 * n), query_of(u, own, n), query_of(u, other, n_other) };
        q[0].history_values = values; /* the network is shown zeros and ones */
        for (int with_histories = 0; with_histories < 2; with_histories++) {
            expect_ok(w->x, recsys_model_score(with_histories ? m : bare, w->x, q, 3, got[0]));
            assert_memory_equal(got[0], want + u * I, sizeof got[0]);
            assert_memory_equal(got[1], with + u * I, sizeof got[1]);
            for (int i = 0; i < I; i++)
                expect_score(got[2][i], slow_cdae(&c, u, w->has[(u + 7) % U], i), "history beside a user", u, i);
        }
    }
    recsys_query q = query_of(3, NULL, 0);
    expect_error(w->x, recsys_model_score(bare, w->x, &q, 1, want), RECSYS_ERR_MISSING_DATA, "query 0|without histories");
    q = query_of(-1, NULL, 0);
    expect_error(w->x, recsys_model_score(m, w->x, &q, 1, want), RECSYS_ERR_MISSING_DATA, "query 0|neither a user nor a history");
    free(zeros);
    contents_free(&c);
    recsys_model_release(m), recsys_model_release(bare), recsys_model_release(nobody);
}

/* One query's scores, asked with others and alone: the same bits, but for a tower, whose first layer is one product for all
 * users of a call. */
static void expect_same_row(const recsys_model *m, const float *alone, const float *among)
{
    int is_tower = strcmp(recsys_model_name(m), "mlp") == 0 || strcmp(recsys_model_name(m), "neumf") == 0;
    for (int i = 0; i < I; i++)
        if (is_tower)
            case_near((double)alone[i], (double)among[i], 1e-6, "a score asked alone");
        else
            assert_memory_equal(alone + i, among + i, sizeof *alone);
}

/* A model of users' vectors needs one of its users; a history only says what a list leaves out. */
static void check_no_fold_in(world *w, const kind *k)
{
    recsys_model *m = fit(w, k, 0), *bare = fit(w, k, 1);
    float with[U * I], without[U * I], one[I];
    const int64_t history[] = { 4, 2 };
    int64_t list[I], item;
    char words[64];
    snprintf(words, sizeof words, "query 1|%s needs a user", k->name);
    recsys_query q[2] = { query_of(3, history, 2), query_of(-1, history, 2) };
    expect_error(w->x, recsys_model_score(m, w->x, q, 2, with), RECSYS_ERR_MISSING_DATA, words);
    expect_error(w->x, recsys_model_topk(m, w->x, q, 2, 1, NULL, list, NULL), RECSYS_ERR_MISSING_DATA, words);
    scores_of_all(w->x, m, with);
    scores_of_all(w->x, bare, without);
    assert_memory_equal(with, without, sizeof with);
    expect_ok(w->x, recsys_model_score(m, w->x, q, 1, one));
    expect_same_row(m, one, with + 3 * I);
    for (int b = 0; b < 2; b++) {
        q[1] = query_of(3, NULL, 0);
        for (int own = 0; own < 2; own++) {
            expect_ok(w->x, recsys_model_topk(b ? bare : m, w->x, &q[1 - own], 1, I, NULL, list, NULL));
            for (int i = 0; i < I; i++) {
                int seen = own ? i == 4 || i == 2 : !b && w->has[3][i], listed = 0;
                for (item = 0; item < I; item++)
                    listed |= list[item] == i;
                assert_int_equal(listed, !seen);
            }
        }
    }
    recsys_model_release(m), recsys_model_release(bare);
}

static void test_histories(void **state)
{
    world w;
    world_open(&w, 2);
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kinds[k].name, "cdae") == 0)
            check_fold_in(&w, &kinds[k]);
        else
            check_no_fold_in(&w, &kinds[k]);
    world_close(&w);
    (void)state;
}

/* ---- similar items ---- */

static sum slow_cosine(const numbers *table, int64_t a, int64_t b)
{
    double dot = 0.0, of_a = 0.0, of_b = 0.0, size = 0.0;
    for (int64_t d = 0; d < table->shape[1]; d++) {
        double p = (double)table->at[a * table->shape[1] + d], q = (double)table->at[b * table->shape[1] + d];
        dot += p * q, size += fabs(p * q), of_a += p * p, of_b += q * q;
    }
    return of_a > 0.0 && of_b > 0.0 ? (sum){ dot / sqrt(of_a * of_b), size / sqrt(of_a * of_b) } : plain(0.0);
}

static void check_similar(world *w, const recsys_model *m, const char *table)
{
    enum { K = I + 2 };
    contents c = contents_of(w->x, m);
    for (int64_t item = 0; item < I; item++) {
        int64_t list[K];
        float value[K];
        uint8_t met[I] = { 0 };
        expect_ok(w->x, recsys_model_similar_items(m, w->x, item, K, list, value));
        for (int r = 0; r < K; r++) {
            assert_true((list[r] >= 0) == (r < I - 1));
            if (list[r] < 0) {
                assert_true(list[r] == -1 && value[r] == -INFINITY);
                continue;
            }
            assert_true(list[r] != item && !met[list[r]]++);
            expect_score(value[r], slow_cosine(maybe(&c, table), item, list[r]), table, item, list[r]);
            assert_true(r == 0 || value[r - 1] > value[r] || (value[r - 1] == value[r] && list[r - 1] < list[r]));
        }
    }
    contents_free(&c);
}

static void test_similar(void **state)
{
    world w;
    world_open(&w, 2);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *m = fit(&w, &kinds[k], 0), *zero;
        const char *table = k == 0 ? "item_embedding" : "output_weight";
        int64_t list[I];
        if (strcmp(kinds[k].name, "mlp") == 0 || strcmp(kinds[k].name, "neumf") == 0) {
            expect_error(w.x, recsys_model_similar_items(m, w.x, 1, 3, list, NULL), RECSYS_ERR_UNSUPPORTED, kinds[k].name);
        } else {
            contents c = contents_of(w.x, m);
            numbers *n = (numbers *)(uintptr_t)maybe(&c, table);
            check_similar(&w, m, table);
            memset(n->at + 3 * n->shape[1], 0, (size_t)n->shape[1] * sizeof *n->at); /* a vector without direction */
            expect_ok(w.x, recsys_model_with_tensor(m, w.x, table, n->at, &zero));
            check_similar(&w, zero, table);
            recsys_model_release(zero);
            contents_free(&c);
        }
        recsys_model_release(m);
    }
    world_close(&w);
    (void)state;
}

/* ---- lists ---- */

typedef struct question {
    int64_t history[6], candidates[25], allow[20], deny[4];
    recsys_query q;
    recsys_topk_options o;
    uint8_t blocked[I];
} question;

static int64_t pick(uint64_t *seed, int64_t *item, int64_t room)
{
    int64_t n = (int64_t)(test_random(seed) % (uint64_t)(room + 1));
    for (int64_t e = 0; e < n; e++)
        item[e] = (int64_t)(test_random(seed) % I); /* may repeat */
    return n;
}

static void ask(const world *w, uint64_t *seed, question *a)
{
    uint8_t candidate[I] = { 0 }, allowed[I] = { 0 }, seen[I] = { 0 };
    a->o = (recsys_topk_options)RECSYS_TOPK_OPTIONS_INIT;
    a->q = query_of((int64_t)(test_random(seed) % U), test_random(seed) % 2 ? a->history : NULL, pick(seed, a->history, 6));
    a->o.keep_seen = (int32_t)(test_random(seed) % 2);
    a->q.candidates = a->candidates, a->q.candidate_count = pick(seed, a->candidates, 25);
    a->o.deny = a->deny, a->o.deny_count = pick(seed, a->deny, 4);
    if (test_random(seed) % 2)
        a->q.parts |= RECSYS_QUERY_CANDIDATES;
    if (test_random(seed) % 2)
        a->o.allow = a->allow, a->o.allow_count = pick(seed, a->allow, 20);
    for (int64_t e = 0; e < a->q.candidate_count; e++)
        candidate[a->candidates[e]] = 1;
    for (int64_t e = 0; e < a->o.allow_count; e++)
        allowed[a->allow[e]] = 1;
    if (a->q.parts & RECSYS_QUERY_HISTORY)
        for (int64_t e = 0; e < a->q.history_count; e++)
            seen[a->history[e]] = 1;
    else
        memcpy(seen, w->has[a->q.user], sizeof seen);
    for (int i = 0; i < I; i++)
        a->blocked[i] = ((a->q.parts & RECSYS_QUERY_CANDIDATES) && !candidate[i]) || (a->o.allow != NULL && !allowed[i])
                        || (seen[i] && !a->o.keep_seen);
    for (int64_t e = 0; e < a->o.deny_count; e++)
        a->blocked[a->deny[e]] = 1;
}

static void test_lists(void **state)
{
    world w;
    uint64_t seed = 3;
    world_open(&w, 3);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *m = fit(&w, &kinds[k], 0);
        for (int round = 0; round < 60; round++) {
            enum { K = I + 3 };
            question a;
            int64_t list[K];
            float value[K], score[I], own[25];
            int n = 1 + (int)(test_random(&seed) % K);
            ask(&w, &seed, &a);
            recsys_query all = a.q;
            all.parts &= ~RECSYS_QUERY_CANDIDATES;
            expect_ok(w.x, recsys_model_score(m, w.x, &all, 1, score));
            expect_ok(w.x, recsys_model_topk(m, w.x, &a.q, 1, n, &a.o, list, value));
            check_list(score, a.blocked, n, list, value);
            if ((a.q.parts & RECSYS_QUERY_CANDIDATES) && a.q.candidate_count > 0) {
                expect_ok(w.x, recsys_model_score(m, w.x, &a.q, 1, own));
                for (int64_t e = 0; e < a.q.candidate_count; e++)
                    assert_true(own[e] == score[a.candidates[e]]);
            }
        }
        recsys_model_release(m);
    }
    world_close(&w);
    (void)state;
}

/* ---- threads ---- */

/* What a model is asked: everything at once, then one query at a time. */
typedef struct answers {
    float together[U * I], alone[U * I], value[U * 5];
    int64_t list[U * 5];
} answers;

typedef struct asker {
    pthread_t thread;
    recsys_exec *x;
    const recsys_model *m;
    answers got;
    int failed, other;
    const answers *want;
} asker;

static int ask_all(recsys_exec *x, const recsys_model *m, answers *a)
{
    recsys_query q[U];
    for (int u = 0; u < U; u++)
        q[u] = query_of(u, NULL, 0);
    int failed = recsys_model_score(m, x, q, U, a->together) != RECSYS_OK
                 || recsys_model_topk(m, x, q, U, 5, NULL, a->list, a->value) != RECSYS_OK;
    for (int u = 0; u < U; u++)
        failed |= recsys_model_score(m, x, &q[u], 1, a->alone + u * I) != RECSYS_OK;
    return failed;
}

static void *ask_again(void *data)
{
    asker *a = data;
    for (int round = 0; round < 4; round++) {
        a->failed |= ask_all(a->x, a->m, &a->got);
        a->other |= memcmp(&a->got, a->want, sizeof a->got) != 0;
    }
    return NULL;
}

static void test_threads(void **state)
{
    enum { ASKERS = 4 };
    static asker a[ASKERS];
    static answers want;
    world w;
    world_open(&w, 1);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *m = fit(&w, &kinds[k], 0);
        assert_int_equal(ask_all(w.x, m, &want), 0);
        for (int u = 0; u < U; u++)
            expect_same_row(m, want.alone + u * I, want.together + u * I);
        for (int t = 0; t < ASKERS; t++) {
            a[t] = (asker){ .x = fixture_exec(&w.f, 1 + t % 3, 0, (uint64_t)t), .m = m, .want = &want };
            assert_int_equal(pthread_create(&a[t].thread, NULL, ask_again, &a[t]), 0);
        }
        for (int t = 0; t < ASKERS; t++)
            assert_int_equal(pthread_join(a[t].thread, NULL), 0);
        for (int t = 0; t < ASKERS; t++) {
            assert_false(a[t].failed || a[t].other);
            recsys_exec_release(a[t].x);
        }
        recsys_model_release(m);
    }
    world_close(&w);
    (void)state;
}

/* ---- files ---- */

/* A loaded model, by either way of checking, scores in the same bits and can be changed like the one that was saved. */
static void check_loaded(world *w, const recsys_model *m, const kind *k, const char *path, int32_t verify)
{
    recsys_load_options o = RECSYS_LOAD_OPTIONS_INIT;
    recsys_model *loaded, *a, *b;
    float want[U * I], got[U * I];
    int64_t list[2][I];
    contents c = contents_of(w->x, m);
    const numbers *n = maybe(&c, k->cached != NULL ? k->cached : "item_embedding");
    o.verify = verify;
    expect_ok(w->x, recsys_model_load(w->x, path, &o, &loaded));
    assert_true(case_same(w->x, m, loaded));
    assert_string_equal(recsys_model_params(m), recsys_model_params(loaded));
    scores_of_all(w->x, m, want);
    scores_of_all(w->x, loaded, got);
    assert_memory_equal(want, got, sizeof want);
    for (int64_t i = 0; i < I && (strcmp(k->name, "gmf") == 0 || strcmp(k->name, "cdae") == 0); i++) {
        expect_ok(w->x, recsys_model_similar_items(m, w->x, i, I, list[0], NULL));
        expect_ok(w->x, recsys_model_similar_items(loaded, w->x, i, I, list[1], NULL));
        assert_memory_equal(list[0], list[1], sizeof list[0]);
    }
    for (int64_t e = 0; e < n->count; e++)
        n->at[e] += 0.5f;
    expect_ok(w->x, recsys_model_with_tensor(m, w->x, n->name, n->at, &a));
    expect_ok(w->x, recsys_model_with_tensor(loaded, w->x, n->name, n->at, &b));
    recsys_model_release(loaded);
    scores_of_all(w->x, a, want);
    scores_of_all(w->x, b, got);
    assert_memory_equal(want, got, sizeof want);
    recsys_model_release(a), recsys_model_release(b);
    contents_free(&c);
}

static void test_files(void **state)
{
    world w;
    world_open(&w, 2);
    for (int k = 0; k < KINDS; k++) {
        char path[TEST_PATH_ROOM];
        recsys_save_options o = RECSYS_SAVE_OPTIONS_INIT;
        recsys_model *m = fit(&w, &kinds[k], 0), *bare;
        float want[U * I], got[I];
        int64_t history[I];
        recsys_query q = query_of(3, NULL, 0);
        expect_ok(w.x, recsys_model_save(m, w.x, fixture_path(&w.f, "m.safetensors", path), NULL));
        check_loaded(&w, m, &kinds[k], path, RECSYS_VERIFY_ALL);
        check_loaded(&w, m, &kinds[k], path, RECSYS_VERIFY_HEADER);
        o.without_histories = 1;
        expect_ok(w.x, recsys_model_save(m, w.x, path, &o));
        expect_ok(w.x, recsys_model_load(w.x, path, NULL, &bare));
        assert_int_equal(recsys_model_has_histories(bare), 0);
        scores_of_all(w.x, m, want);
        if (strcmp(kinds[k].name, "cdae") == 0) {
            expect_error(w.x, recsys_model_score(bare, w.x, &q, 1, got), RECSYS_ERR_MISSING_DATA, "without histories");
            q = query_of(3, history, items_of(w.has[3], history));
        }
        expect_ok(w.x, recsys_model_score(bare, w.x, &q, 1, got));
        expect_same_row(m, got, want + 3 * I);
        recsys_model_release(bare), recsys_model_release(m);
    }
    world_close(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_untrained), cmocka_unit_test(test_histories),
        cmocka_unit_test(test_similar), cmocka_unit_test(test_lists),     cmocka_unit_test(test_threads),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
