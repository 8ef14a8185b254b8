/* trained_colliding.c - colliding inference of trained models as the public API shows it: against the scores of the same models
 * without it, mixed in double over neighbours found by comparing all pairs of users.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "trained_case.h"

enum { N = 4 };

typedef struct mixture {
    double lambda;
    int logit, n;
    int32_t neighbour[U][N + 1]; /* -1 behind the last */
} mixture;

/* ---- slowly ---- */

/* Verified positives: about half of the positives, none of every seventh user. */
static void verify(const world *w, uint8_t clean[U][I])
{
    uint64_t seed = 21;
    for (int u = 0; u < U; u++)
        for (int i = 0; i < I; i++)
            clean[u][i] = test_random_unit(&seed) < 0.5 && u % 7 != 3 && w->has[u][i];
}

/* A similarity as a fraction: of it, or of what orders users in the same way. */
static void similarity_of(const uint8_t *a, const uint8_t *b, const char *which, int64_t of[2])
{
    int64_t both = 0, in_a = 0, in_b = 0;
    for (int i = 0; i < I; i++)
        both += a[i] && b[i], in_a += a[i], in_b += b[i];
    of[0] = strcmp(which, "cosine") == 0 ? both * both : both;
    of[1] = strcmp(which, "cosine") == 0 ? in_a * in_b : strcmp(which, "jaccard") == 0 ? in_a + in_b - both : 1;
}

static void slow_neighbours(uint8_t clean[U][I], const char *which, mixture *x)
{
    for (int u = 0; u < U; u++) {
        uint8_t taken[U] = { 0 };
        taken[u] = 1;
        for (int p = 0; p <= N; p++) {
            int best = -1;
            int64_t most[2] = { 0, 1 }, of[2];
            for (int v = 0; v < U && p < x->n; v++) {
                similarity_of(clean[u], clean[v], which, of);
                if (!taken[v] && of[0] > 0 && of[0] * most[1] > most[0] * of[1])
                    best = v, memcpy(most, of, sizeof of);
            }
            x->neighbour[u][p] = best;
            if (best >= 0)
                taken[best] = 1;
        }
    }
}

static double form(const mixture *x, float logit)
{
    return x->logit ? (double)logit : 1.0 / (1.0 + exp(-(double)logit));
}

/* Own scores `own` mixed with rows of `all`; u -1: a user without neighbours. */
static void check_mixed(const mixture *x, int u, const float *own, const float *all, const float *got)
{
    int count = 0;
    while (u >= 0 && x->neighbour[u][count] >= 0)
        count++;
    double lambda = count > 0 ? x->lambda : 0.0;
    for (int i = 0; i < I; i++) {
        double f = form(x, own[i]);
        sum s = { (1.0 - lambda) * f, 1.0 + fabs(f) };
        for (int j = 0; j < count; j++) {
            f = form(x, all[x->neighbour[u][j] * I + i]);
            s.value += lambda * f / count, s.size += fabs(f);
        }
        expect_score(got[i], s, "mixed", u, i);
    }
}

/* Scores of all users are mixed as they should be, and lists are their order. */
static void check_model(world *w, const recsys_model *m, const mixture *x, const float *plain_scores)
{
    float got[U * I], value[U * (I + 1)];
    int64_t list[U * (I + 1)];
    recsys_topk_options o = RECSYS_TOPK_OPTIONS_INIT;
    recsys_query q[U];
    const uint8_t none[I] = { 0 };
    scores_of_all(w->x, m, got);
    for (int u = 0; u < U; u++) {
        check_mixed(x, u, plain_scores + u * I, plain_scores, got + u * I);
        q[u] = query_of(u, NULL, 0);
    }
    for (o.keep_seen = 0; o.keep_seen < 2; o.keep_seen++) {
        expect_ok(w->x, recsys_model_topk(m, w->x, q, U, I + 1, &o, list, value));
        for (int u = 0; u < U; u++) {
            const uint8_t *blocked = o.keep_seen || !recsys_model_has_histories(m) ? none : w->has[u];
            check_list(got + u * I, blocked, I + 1, list + u * (I + 1), value + u * (I + 1));
        }
    }
}

static void expect_neighbours(recsys_exec *x, const recsys_model *m, const mixture *want)
{
    int32_t got[U * N];
    expect_ok(x, recsys_model_read_tensor(m, x, "neighbours", 0, U, got));
    for (int u = 0; u < U; u++)
        for (int j = 0; j < want->n; j++)
            if (got[u * want->n + j] != want->neighbour[u][j])
                fail_msg("user %d, neighbour %d is %d, want %d", u, j, got[u * want->n + j], want->neighbour[u][j]);
}

/* ---- both ways to it ---- */

static void check_both_ways(world *w, const kind *k, const recsys_dataset *verified, uint8_t clean[U][I])
{
    static const char *const similarities[] = { "cosine", "jaccard", "inner" };
    recsys_model *without = fit(w, k, 0);
    float plain_scores[U * I], a[U * I], b[U * I];
    scores_of_all(w->x, without, plain_scores);
    for (int round = 0; round < 6; round++) {
        mixture x = { .lambda = round % 4 == 3 ? 1.0 : 0.3, .logit = round / 3, .n = 1 + round % N };
        char text[128];
        recsys_model *trained, *added;
        snprintf(text, sizeof text, ",colliding=%g,neighbours=%d,similarity=%s,colliding_of=%s", x.lambda, x.n, similarities[round % 3],
                 x.logit ? "logit" : "probability");
        slow_neighbours(clean, similarities[round % 3], &x);
        trained = fit_with(w, k, text, verified, 0);
        expect_ok(w->x, recsys_model_with_colliding(without, w->x, text + 1, verified, &added));
        expect_neighbours(w->x, trained, &x);
        expect_neighbours(w->x, added, &x);
        check_model(w, added, &x, plain_scores);
        assert_string_equal(recsys_model_params(trained), recsys_model_params(added));
        assert_true(case_same(w->x, trained, added));
        scores_of_all(w->x, trained, a);
        scores_of_all(w->x, added, b);
        assert_memory_equal(a, b, sizeof a);
        recsys_model_release(trained), recsys_model_release(added);
    }
    recsys_model_release(without);
}

static void test_both_ways(void **state)
{
    world w;
    uint8_t clean[U][I];
    world_open(&w, 2);
    verify(&w, clean);
    recsys_dataset *verified = data_of(w.x, clean);
    for (int k = 0; k < KINDS; k++)
        check_both_ways(&w, &kinds[k], verified, clean);
    recsys_dataset_release(verified);
    world_close(&w);
    (void)state;
}

/* ---- what the query brings ---- */

/* The query's own term uses the history that it brings; the neighbours keep theirs. */
static void check_own_history(world *w, const kind *k, const recsys_dataset *verified, uint8_t clean[U][I], double lambda)
{
    enum { Q = 5 };
    mixture x = { .lambda = lambda, .n = 3 };
    recsys_model *without = fit(w, k, 0), *m;
    float all[U * I], own[Q * I], got[Q * I], alone[I], value[I];
    int64_t history[3][I], n[3], list[I];
    char text[64];
    snprintf(text, sizeof text, "colliding=%g,neighbours=3", lambda);
    slow_neighbours(clean, "cosine", &x);
    expect_ok(w->x, recsys_model_with_colliding(without, w->x, text, verified, &m));
    scores_of_all(w->x, without, all);
    for (int u = 0; u < U; u++) {
        for (int h = 0; h < 3; h++)
            n[h] = items_of(w->has[(u + 5 * h) % U], history[h]);
        recsys_query q[Q] = { query_of(u, history[1], n[1]), query_of(u, NULL, 0), query_of(-1, history[0], n[0]),
                              query_of(u, history[2], n[2]), query_of(u, history[0], 0) };
        const int user[Q] = { u, u, -1, u, u }, seen[Q] = { (u + 5) % U, u, u, (u + 10) % U, U - 1 };
        expect_ok(w->x, recsys_model_score(without, w->x, q, Q, own));
        expect_ok(w->x, recsys_model_score(m, w->x, q, Q, got));
        for (int p = 0; p < Q; p++) {
            check_mixed(&x, user[p], own + p * I, all, got + p * I);
            expect_ok(w->x, recsys_model_topk(m, w->x, &q[p], 1, I, NULL, list, value));
            expect_ok(w->x, recsys_model_score(m, w->x, &q[p], 1, alone));
            check_list(alone, w->has[seen[p]], I, list, value);
            for (int i = 0; i < I; i++)
                case_near((double)alone[i], (double)got[p * I + i], 1e-6, "a query asked alone");
            q[p].parts |= RECSYS_QUERY_CANDIDATES;
            q[p].candidates = history[0], q[p].candidate_count = n[0];
            if (n[0] > 0)
                expect_ok(w->x, recsys_model_score(m, w->x, &q[p], 1, value));
            for (int64_t e = 0; e < n[0]; e++)
                assert_true(value[e] == alone[history[0][e]]);
            q[p].parts &= ~RECSYS_QUERY_CANDIDATES;
        }
    }
    recsys_model_release(without), recsys_model_release(m);
}

static void test_own_history(void **state)
{
    world w;
    uint8_t clean[U][I];
    world_open(&w, 2);
    verify(&w, clean);
    recsys_dataset *verified = data_of(w.x, clean);
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kinds[k].name, "cdae") == 0) {
            check_own_history(&w, &kinds[k], verified, clean, 0.4);
            check_own_history(&w, &kinds[k], verified, clean, 1.0);
        }
    recsys_dataset_release(verified);
    world_close(&w);
    (void)state;
}

/* Without histories a model of users' vectors scores as ever; one that scores by history cannot score the neighbours. */
static void test_without_histories(void **state)
{
    world w;
    uint8_t clean[U][I];
    world_open(&w, 2);
    verify(&w, clean);
    recsys_dataset *verified = data_of(w.x, clean);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *bare = fit(&w, &kinds[k], 1), *m;
        mixture x = { .lambda = 0.5, .n = N };
        float scores[U * I];
        int64_t list[1], item = 3;
        recsys_query q = query_of(1, &item, 1);
        slow_neighbours(clean, "cosine", &x);
        expect_ok(w.x, recsys_model_with_colliding(bare, w.x, "colliding=0.5,neighbours=4", verified, &m));
        if (strcmp(kinds[k].name, "cdae") == 0) {
            expect_error(w.x, recsys_model_score(m, w.x, &q, 1, scores), RECSYS_ERR_MISSING_DATA, "neighbours' histories|cdae");
            expect_error(w.x, recsys_model_topk(m, w.x, &q, 1, 1, NULL, list, NULL), RECSYS_ERR_MISSING_DATA, "neighbours' histories|cdae");
        } else {
            scores_of_all(w.x, bare, scores);
            check_model(&w, m, &x, scores);
        }
        recsys_model_release(bare), recsys_model_release(m);
    }
    recsys_dataset_release(verified);
    world_close(&w);
    (void)state;
}

/* ---- the neighbours as a tensor, and files ---- */

static void check_replaced(world *w, const recsys_model *m, const float *plain_scores, mixture *x)
{
    int32_t given[U * N];
    uint64_t seed = 4;
    recsys_model *changed;
    for (int u = 0; u < U; u++) {
        int count = (int)(test_random(&seed) % (N + 1));
        for (int j = 0; j < N; j++) /* one may come twice, or be the user himself */
            given[u * N + j] = x->neighbour[u][j] = j < count ? (int32_t)(test_random(&seed) % U) : -1;
        x->neighbour[u][N] = -1;
    }
    expect_ok(w->x, recsys_model_with_tensor(m, w->x, "neighbours", given, &changed));
    check_model(w, changed, x, plain_scores);
    recsys_model_release(changed);
    for (int bad = 0; bad < 2; bad++) {
        given[5 * N + 2] = bad ? U : -2;
        expect_error(w->x, recsys_model_with_tensor(m, w->x, "neighbours", given, &changed), RECSYS_ERR_FILE_FORMAT,
                     bad ? "neighbour 2 of user 5|46" : "neighbour 2 of user 5|-2");
        assert_null(changed);
    }
}

static void test_tensor_and_files(void **state)
{
    world w;
    uint8_t clean[U][I];
    world_open(&w, 2);
    verify(&w, clean);
    recsys_dataset *verified = data_of(w.x, clean);
    for (int k = 0; k < KINDS; k++) {
        recsys_model *without = fit(&w, &kinds[k], 0), *m, *loaded, *back;
        recsys_load_options o = RECSYS_LOAD_OPTIONS_INIT;
        mixture x = { .lambda = 0.6, .logit = 1, .n = N };
        float plain_scores[U * I], a[U * I], b[U * I];
        char path[TEST_PATH_ROOM];
        scores_of_all(w.x, without, plain_scores);
        expect_ok(w.x, recsys_model_with_colliding(without, w.x, "colliding=0.6,neighbours=4,colliding_of=logit", verified, &m));
        expect_ok(w.x, recsys_model_save(m, w.x, fixture_path(&w.f, "m.safetensors", path), NULL));
        scores_of_all(w.x, m, a);
        for (o.verify = RECSYS_VERIFY_ALL; o.verify <= RECSYS_VERIFY_HEADER; o.verify++) {
            expect_ok(w.x, recsys_model_load(w.x, path, &o, &loaded));
            assert_true(case_same(w.x, m, loaded));
            scores_of_all(w.x, loaded, b);
            assert_memory_equal(a, b, sizeof a);
            expect_ok(w.x, recsys_model_with_colliding(loaded, w.x, "colliding=0", verified, &back));
            recsys_model_release(loaded);
            assert_int_equal(recsys_model_tensor_count(back), recsys_model_tensor_count(without));
            scores_of_all(w.x, back, b);
            assert_memory_equal(plain_scores, b, sizeof b);
            recsys_model_release(back);
        }
        check_replaced(&w, m, plain_scores, &x);
        recsys_model_release(without), recsys_model_release(m);
    }
    recsys_dataset_release(verified);
    world_close(&w);
    (void)state;
}

/* ---- other ids, and what is refused ---- */

/* Of data with more users and items, those that the model lacks are left out; nobody becomes alike by them,
 * nor by what comes twice. */
static void test_other_ids(void **state)
{
    static int64_t user[2 * U * I], item[2 * U * I];
    world w;
    uint8_t clean[U][I];
    int64_t n = 0;
    world_open(&w, 2);
    verify(&w, clean);
    recsys_dataset *verified = data_of(w.x, clean), *more, *words = test_random_dataset(w.x, 9, 9, 3, TEST_STRINGS, 1);
    recsys_model *m = fit(&w, &kinds[0], 0), *a, *b;
    float of_a[U * I], of_b[U * I];
    for (int u = U - 1; u >= 0; u--) {
        for (int i = 0; i < I; i++)
            for (int time = 0; clean[u][i] && time <= i % 2; time++) /* every second item twice */
                user[n] = u, item[n++] = i;
        user[n] = u, item[n++] = I + u % 2; /* the model has neither these items nor these users */
        user[n] = U + u, item[n++] = u % I;
    }
    more = case_events(w.x, NULL, NULL, user, item, NULL, n);
    expect_ok(w.x, recsys_model_with_colliding(m, w.x, "colliding=0.5", verified, &a));
    expect_ok(w.x, recsys_model_with_colliding(m, w.x, "colliding=0.5", more, &b));
    assert_true(case_same(w.x, a, b));
    scores_of_all(w.x, a, of_a);
    scores_of_all(w.x, b, of_b);
    assert_memory_equal(of_a, of_b, sizeof of_a);
    recsys_model_release(b);
    expect_ok(w.x, recsys_model_with_colliding(m, w.x, NULL, verified, &b)); /* lambda stays 0 */
    scores_of_all(w.x, m, of_a);
    scores_of_all(w.x, b, of_b);
    assert_memory_equal(of_a, of_b, sizeof of_a);
    recsys_model_release(b);

    expect_error(w.x, recsys_model_with_colliding(m, w.x, "colliding=0.5", words, &b), RECSYS_ERR_TYPE, NULL);
    const int64_t stranger = U + 5, thing = I + 5;
    recsys_dataset *others = case_events(w.x, NULL, NULL, &stranger, &thing, NULL, 1);
    expect_error(w.x, recsys_model_with_colliding(m, w.x, "colliding=0.5", others, &b), RECSYS_ERR_EMPTY, "no positives");
    recsys_dataset_release(others);
    expect_error(w.x, recsys_model_with_colliding(m, w.x, "dim=3", verified, &b), RECSYS_ERR_UNKNOWN_KEY, "dim|similarity");
    expect_error(w.x, recsys_model_with_colliding(m, w.x, "colliding=1.5", verified, &b), RECSYS_ERR_OUT_OF_RANGE, "colliding|1.5");
    expect_error(w.x, recsys_model_with_colliding(m, w.x, "neighbours=0", verified, &b), RECSYS_ERR_OUT_OF_RANGE, "neighbours");
    expect_error(w.x, recsys_model_with_colliding(m, w.x, "colliding=0.5", NULL, &b), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    assert_null(b);
    recsys_model_release(m), recsys_model_release(a);
    m = case_fit(w.x, "top-popular", "", w.train, NULL);
    expect_error(w.x, recsys_model_with_colliding(m, w.x, "colliding=0.5", verified, &b), RECSYS_ERR_UNSUPPORTED, "top-popular");
    recsys_model_release(m);
    recsys_dataset_release(verified), recsys_dataset_release(more), recsys_dataset_release(words);
    world_close(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),         cmocka_unit_test(test_own_history), cmocka_unit_test(test_without_histories),
        cmocka_unit_test(test_tensor_and_files), cmocka_unit_test(test_other_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
