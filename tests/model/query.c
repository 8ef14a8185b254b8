/* query.c - queries: every combination of parts against a plain selection, bad input, and no allocation in steady state.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "io/models.h"
#include "support/support.h"

enum { U = 50, I = 70 };

static recsys_model *fit(recsys_exec *x, const recsys_dataset *d, int without_histories)
{
    recsys_params *p;
    recsys_model *m = NULL;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    o.without_histories = without_histories;
    expect_ok(x, recsys_params_create(recsys_exec_env(x), "ease", &p, NULL));
    assert_int_equal(recsys_params_set_f64(p, "l2", 3.0), RECSYS_OK);
    expect_ok(x, recsys_model_fit(p, d, x, &o, &m));
    recsys_params_release(p);
    return m;
}

/* What the list must be, chosen one place at a time from the scores; `blocked` marks what may not enter. */
static void check_list(const float *score, const char *blocked, const int64_t *list, const float *value, int k)
{
    char taken[I];
    memcpy(taken, blocked, I);
    for (int r = 0; r < k; r++) {
        int64_t best = -1;
        for (int64_t i = 0; i < I; i++)
            if (!taken[i] && (best < 0 || score[i] > score[best]))
                best = i;
        assert_int_equal(list[r], best);
        assert_true(value == NULL || value[r] == (best < 0 ? -INFINITY : score[best]));
        if (best >= 0)
            taken[best] = 1;
    }
}

static void test_all_parts(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, U, I, 12, 0, 1);
    recsys_model *m = fit(f.exec, d, 0);
    uint64_t seed = 9;
    for (int round = 0; round < 300; round++) {
        int64_t history[8], candidates[20], allow[30], deny[5], list[90], stored[I], n_stored;
        float score[I], value[90];
        char blocked[I] = { 0 }, seen[I] = { 0 };
        recsys_query q = RECSYS_QUERY_INIT;
        recsys_topk_options o = RECSYS_TOPK_OPTIONS_INIT;
        q.parts = (int32_t)(test_random(&seed) % 8);
        q.user = (int64_t)(test_random(&seed) % U);
        if (!(q.parts & (RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY)))
            q.parts |= RECSYS_QUERY_USER;
        for (int e = 0; e < 8; e++)
            history[e] = (int64_t)(test_random(&seed) % I); /* may repeat */
        q.history = history;
        q.history_count = (int64_t)(test_random(&seed) % 9);
        for (int c = 0; c < 20; c++)
            candidates[c] = (int64_t)(test_random(&seed) % I);
        q.candidates = candidates;
        q.candidate_count = (int64_t)(test_random(&seed) % 21);
        o.keep_seen = (int32_t)(test_random(&seed) % 2);
        for (int a = 0; a < 30; a++)
            allow[a] = (int64_t)(test_random(&seed) % I);
        for (int a = 0; a < 5; a++)
            deny[a] = (int64_t)(test_random(&seed) % I);
        if (test_random(&seed) % 2)
            o.allow = allow, o.allow_count = (int64_t)(test_random(&seed) % 31);
        if (test_random(&seed) % 2)
            o.deny = deny, o.deny_count = 5;

        if (q.parts & RECSYS_QUERY_HISTORY) {
            for (int64_t e = 0; e < q.history_count; e++)
                seen[history[e]] = 1;
        } else {
            expect_ok(f.exec, recsys_model_history(m, f.exec, q.user, stored, NULL, I, &n_stored));
            for (int64_t e = 0; e < n_stored; e++)
                seen[stored[e]] = 1;
        }
        memset(blocked, (q.parts & RECSYS_QUERY_CANDIDATES) || o.allow != NULL, I);
        if (q.parts & RECSYS_QUERY_CANDIDATES)
            for (int64_t c = 0; c < q.candidate_count; c++)
                blocked[candidates[c]] = 0;
        char allowed[I];
        memset(allowed, o.allow == NULL, I);
        for (int64_t a = 0; o.allow != NULL && a < o.allow_count; a++)
            allowed[allow[a]] = 1;
        for (int64_t a = 0; a < o.deny_count; a++)
            allowed[deny[a]] = 0;
        for (int i = 0; i < I; i++) {
            int candidate = !(q.parts & RECSYS_QUERY_CANDIDATES) || !blocked[i];
            blocked[i] = (char)(!candidate || !allowed[i] || (seen[i] && !o.keep_seen));
        }
        recsys_query all = q;
        all.parts &= ~RECSYS_QUERY_CANDIDATES;
        expect_ok(f.exec, recsys_model_score(m, f.exec, &all, 1, score));
        int k = 1 + (int)(test_random(&seed) % 90); /* beyond the catalogue too */
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &q, 1, k, &o, list, round % 2 ? value : NULL));
        check_list(score, blocked, list, round % 2 ? value : NULL, k);
        if (q.parts & RECSYS_QUERY_CANDIDATES) {
            float own[20];
            expect_ok(f.exec, recsys_model_score(m, f.exec, &q, 1, own));
            for (int64_t c = 0; c < q.candidate_count; c++)
                assert_true(own[c] == score[candidates[c]]);
        }
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* A batch of queries of all kinds gives what each gives alone. */
static void test_batches(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, U, I, 12, 0, 1);
    recsys_model *m = fit(f.exec, d, 0);
    int64_t history[3] = { 5, 1, 60 }, candidates[4] = { 7, 7, 2, 69 }, batch[3 * 6], one[6];
    float batch_score[I + 4 + I], score[I];
    recsys_query q[3] = { RECSYS_QUERY_INIT, RECSYS_QUERY_INIT, RECSYS_QUERY_INIT };
    q[0].parts = RECSYS_QUERY_USER, q[0].user = 4;
    q[1].parts = RECSYS_QUERY_USER | RECSYS_QUERY_CANDIDATES, q[1].user = 4, q[1].candidates = candidates, q[1].candidate_count = 4;
    q[2].parts = RECSYS_QUERY_HISTORY, q[2].history = history, q[2].history_count = 3;
    expect_ok(f.exec, recsys_model_topk(m, f.exec, q, 3, 6, NULL, batch, NULL));
    expect_ok(f.exec, recsys_model_score(m, f.exec, q, 3, batch_score));
    const float *at = batch_score;
    for (int i = 0; i < 3; i++) {
        int64_t n = i == 1 ? 4 : I;
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &q[i], 1, 6, NULL, one, NULL));
        assert_memory_equal(one, batch + 6 * i, sizeof one);
        expect_ok(f.exec, recsys_model_score(m, f.exec, &q[i], 1, score));
        assert_memory_equal(score, at, (size_t)n * sizeof *score);
        at += n;
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

static void test_bad_queries(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, U, I, 12, 0, 1);
    recsys_model *m = fit(f.exec, d, 0), *bare = fit(f.exec, d, 1);
    int64_t item = I, list[3];
    float score[I], nan_value = NAN;
    recsys_query q = RECSYS_QUERY_INIT;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_MISSING_DATA, "query 0");
    q.parts = RECSYS_QUERY_USER;
    q.user = U;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_OUT_OF_RANGE, "user index 50");
    q.user = -1;
    expect_error(f.exec, recsys_model_score(m, f.exec, &q, 1, score), RECSYS_ERR_OUT_OF_RANGE, "user index -1");
    q.user = 0;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 0, NULL, list, NULL), RECSYS_ERR_OUT_OF_RANGE, "k is 0");
    expect_error(f.exec, recsys_model_topk(bare, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_MISSING_DATA, "without histories");
    q.parts = RECSYS_QUERY_HISTORY;
    q.history = &item;
    q.history_count = 1;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_OUT_OF_RANGE, "history 0|70");
    item = 3;
    q.history_values = &nan_value;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_NUMERIC, "history value 0");
    q.history_values = NULL;
    q.history_count = -1;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_INVALID_ARGUMENT, "history");
    q.history_count = 1;
    q.parts |= RECSYS_QUERY_CANDIDATES;
    q.candidates = &item;
    q.candidate_count = 1;
    item = -5;
    q.history_count = 0;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_OUT_OF_RANGE, "candidate 0|-5");
    q.parts = 64;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_INVALID_ARGUMENT, "parts");
    recsys_topk_options o = RECSYS_TOPK_OPTIONS_INIT;
    q.parts = RECSYS_QUERY_USER;
    o.deny = &item;
    o.deny_count = 1;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, &o, list, NULL), RECSYS_ERR_OUT_OF_RANGE, "deny list|-5");
    expect_error(f.exec, recsys_model_similar_items(m, f.exec, I, 3, list, NULL), RECSYS_ERR_OUT_OF_RANGE, "70");
    q.struct_size = 3;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_STRUCT_SIZE, "recsys_query");
    recsys_exec_cancel(f.exec);
    q.struct_size = sizeof q;
    expect_error(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL), RECSYS_ERR_CANCELLED, "");
    recsys_exec_reset_cancel(f.exec);
    expect_ok(f.exec, recsys_model_topk(m, f.exec, &q, 1, 3, NULL, list, NULL));
    recsys_model_release(m);
    recsys_model_release(bare);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* The second question of a kind takes nothing from the allocator. */
static void test_steady_state(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, U, I, 12, 0, 1);
    recsys_model *m = fit(f.exec, d, 0);
    int64_t history[20], list[20];
    float value[20];
    uint64_t seed = 4;
    recsys_query q = RECSYS_QUERY_INIT;
    q.parts = RECSYS_QUERY_HISTORY;
    q.history = history;
    q.history_count = 20;
    long long before = 0;
    for (int round = 0; round < 50; round++) {
        for (int e = 0; e < 20; e++)
            history[e] = (int64_t)(test_random(&seed) % I);
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &q, 1, 20, NULL, list, value));
        if (round == 0)
            before = (long long)f.heap.calls;
    }
    assert_int_equal((long long)f.heap.calls, before);
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* One model, many threads, each with its exec: everyone gets the same lists. */
typedef struct client {
    recsys_exec *exec;
    const recsys_model *model;
    const int64_t *want; /* U x 5 */
    int wrong;
} client;

static void *serve(void *data)
{
    client *c = data;
    for (int round = 0; round < 20; round++)
        for (int64_t u = 0; u < U; u++) {
            int64_t list[5];
            recsys_query q = RECSYS_QUERY_INIT;
            q.parts = RECSYS_QUERY_USER;
            q.user = u;
            c->wrong += recsys_model_topk(c->model, c->exec, &q, 1, 5, NULL, list, NULL) != RECSYS_OK
                        || memcmp(list, c->want + 5 * u, sizeof list) != 0;
        }
    return NULL;
}

static void test_many_threads(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, U, I, 12, 0, 1);
    recsys_model *m = fit(f.exec, d, 0);
    int64_t want[U * 5];
    for (int64_t u = 0; u < U; u++) {
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_USER;
        q.user = u;
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &q, 1, 5, NULL, want + 5 * u, NULL));
    }
    client clients[6];
    pthread_t thread[6];
    for (int t = 0; t < 6; t++) {
        clients[t] = (client){ fixture_exec(&f, 1 + t % 2, 0, 0), m, want, 0 };
        assert_int_equal(pthread_create(&thread[t], NULL, serve, &clients[t]), 0);
    }
    for (int t = 0; t < 6; t++) {
        assert_int_equal(pthread_join(thread[t], NULL), 0);
        assert_int_equal(clients[t].wrong, 0);
        recsys_exec_release(clients[t].exec);
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* What a kind of model says that it scores by is what it takes. */
static void test_parts_of_a_kind(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    for (int c = 0; c < MODEL_CASES; c++) {
        recsys_model *m = model_of(f.exec, &model_cases[c], 20, 15);
        recsys_model_class_info kind = RECSYS_MODEL_CLASS_INFO_INIT;
        for (int64_t k = 0; strcmp(kind.name != NULL ? kind.name : "", recsys_model_name(m)) != 0; k++)
            assert_int_equal(recsys_model_class_at(k, &kind), RECSYS_OK);
        const int64_t history[] = { 2, 5 };
        const float features[64] = { 0.0f };
        float scores[64];
        recsys_query q = RECSYS_QUERY_INIT;
        int takes = 0;
        q.history = history, q.history_count = 2, q.features = features;
        for (int part = RECSYS_QUERY_USER; part <= RECSYS_QUERY_FEATURES; part *= 2) {
            q.parts = part;
            if (part != RECSYS_QUERY_CANDIDATES && recsys_model_score(m, f.exec, &q, 1, scores) == RECSYS_OK)
                takes |= part;
        }
        if (model_cases[c].without_histories && (takes & RECSYS_QUERY_HISTORY))
            takes |= RECSYS_QUERY_USER;
        if (takes != kind.query_parts)
            fail_msg("%s: takes %d and says %d", model_cases[c].name, takes, (int)kind.query_parts);
        assert_int_equal(kind.reserved, 0);
        recsys_model_release(m);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_parts),    cmocka_unit_test(test_batches),      cmocka_unit_test(test_bad_queries),
        cmocka_unit_test(test_steady_state), cmocka_unit_test(test_many_threads), cmocka_unit_test(test_parts_of_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
