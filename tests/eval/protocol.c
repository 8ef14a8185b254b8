/* protocol.c - who is evaluated, what is known and masked, what counts: every option against the slow plain version, alone
 * and together, and what each does in words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>

static const int64_t cutoffs[] = { 2, 5, 12 };
static const world_plan plain = { .users = 40, .model_users = 34, .items = 30, .extra = 4, .values = 1, .histories = 1,
                                  .levels = 6, .seed = 3 };

static recsys_evaluator_options options(const world *w)
{
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = w->test_data;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 3;
    o.per_user = 1;
    return o;
}

static recsys_report_info counts_of(const world *w, const recsys_evaluator_options *o)
{
    recsys_report_info info = RECSYS_REPORT_INFO_INIT;
    recsys_report *report = evaluate(w->exec, o, w->model);
    assert_int_equal(recsys_report_counts(report, &info), RECSYS_OK);
    recsys_report_release(report);
    return info;
}

/* Every combination of what is known, masked, cold, dropped, ignored and required, for both kinds of models. */
static void all_together(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    const char *items[] = { "0", "7", "31", "no such item" };
    const int64_t users[] = { 0, 5, 5 };
    for (int n = 0; n < 192; n++) {
        world_plan p = plain;
        p.popular = n % 2;
        p.universe = n % 7 > 3;
        p.seed = (uint64_t)(n % 5);
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        o.known = n / 2 % 2 ? w->known_data : NULL;
        o.mask = n / 4 % 2 ? w->mask_data : NULL;
        o.keep_seen = n / 8 % 2;
        o.drop_unseen_items = n / 16 % 2;
        o.min_ratings = n / 32 % 2 ? 4 : 0;
        o.cold = n / 64;
        o.auc = n % 3 == 0;
        o.ignored_items = items;
        o.n_ignored_items = n % 3 == 1 ? 4 : 0;
        o.ignored_users = users;
        o.n_ignored_users = n % 3 == 1 ? 2 : 0;
        expect_world(w, &o);
        world_free(w);
    }
    fixture_close(&f);
}

/* What is masked is not recommended, but changes no history: the lists of a model that scores by history stay the same
 * but for the masked items. */
static void mask_is_no_history(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world_plan p = plain;
    p.popular = 1;
    world *w = world_make(f.exec, p);
    recsys_evaluator_options o = options(w);
    o.known = w->mask_data;
    recsys_report_info by_mask = counts_of(w, &o);
    o.known = w->known_data;
    o.mask = w->mask_data;
    recsys_report_info both = counts_of(w, &o);
    o.mask = NULL;
    recsys_report_info known = counts_of(w, &o);
    assert_int_equal(both.users, known.users);
    assert_true(by_mask.users_cold > known.users_cold);
    world_free(w);
    fixture_close(&f);
}

static void cold_users(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    for (int popular = 0; popular < 2; popular++) {
        world_plan p = plain;
        p.popular = popular;
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        o.cold = RECSYS_COLD_SKIP;
        recsys_report_info skip = counts_of(w, &o);
        o.cold = RECSYS_COLD_MODEL;
        recsys_report_info model = counts_of(w, &o);
        o.cold = RECSYS_COLD_MISS;
        recsys_report_info miss = counts_of(w, &o);
        assert_true(skip.users_cold > 0);
        assert_int_equal(skip.users_cold, model.users_cold);
        assert_int_equal(skip.users_cold, miss.users_cold);
        assert_int_equal(skip.users + skip.users_cold, model.users);
        assert_int_equal(skip.users_skipped, skip.users_cold);
        assert_int_equal(model.users, miss.users);
        assert_int_equal(miss.users_skipped, 0);

        /* Misses add nothing to the sum, but divide it. */
        recsys_report *missed = evaluate(f.exec, &o, w->model);
        o.cold = RECSYS_COLD_SKIP;
        recsys_report *skipped = evaluate(f.exec, &o, w->model);
        double a = figure(missed, "RECALL", 5) * (double)miss.users, b = figure(skipped, "RECALL", 5) * (double)skip.users;
        assert_true(a - b < 1e-9 && b - a < 1e-9);
        recsys_report_release(skipped);
        recsys_report_release(missed);
        world_free(w);
    }
    fixture_close(&f);
}

static void unseen_items(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    o.cold = RECSYS_COLD_MODEL;
    recsys_report_info kept = counts_of(w, &o);
    recsys_report *all = evaluate(f.exec, &o, w->model);
    o.drop_unseen_items = 1;
    recsys_report_info dropped = counts_of(w, &o);
    recsys_report *less = evaluate(f.exec, &o, w->model);
    assert_true(kept.test_items_unseen > 0);
    assert_int_equal(dropped.test_items_unseen, 0);
    assert_int_equal(dropped.test_items, kept.test_items - kept.test_items_unseen);
    assert_true(figure(less, "RECALL", 12) > figure(all, "RECALL", 12));
    recsys_report_release(all);
    recsys_report_release(less);
    world_free(w);
    fixture_close(&f);
}

/* A user all of whose test items are ignored has no test data any more: he is skipped, and no user of the ground truth. */
static void users_of_ignored_items(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world *w = world_make(f.exec, plain);
    char ids[64][32];
    const char *ignored[64];
    int64_t n = 0;
    for (int i = 0; i < plain.items + plain.extra; i++) {
        if (w->test[plain.items + plain.extra + i] == 0.0f) continue; /* user 1 */
        ignored[n] = world_id(w, 'i', i, ids[n]);
        n++;
    }
    recsys_evaluator_options o = options(w);
    o.cold = RECSYS_COLD_MODEL;
    recsys_report_info all = counts_of(w, &o);
    o.ignored_items = ignored;
    o.n_ignored_items = n;
    recsys_report_info less = counts_of(w, &o);
    assert_true(n > 0 && less.users_skipped > 0);
    assert_int_equal(less.users + less.users_skipped, all.users);
    expect_world(w, &o);
    world_free(w);
    fixture_close(&f);
}

static void models_without_histories(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    for (int popular = 0; popular < 2; popular++) {
        world_plan p = plain;
        p.popular = popular;
        p.histories = 0;
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        recsys_evaluator *e = NULL;
        recsys_report *report = NULL;
        expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &e));
        expect_error(f.exec, recsys_evaluator_run(e, w->model, f.exec, &report), RECSYS_ERR_MISSING_DATA,
                     "histories|known interactions");
        assert_null(report);
        recsys_evaluator_release(e);
        o.known = w->known_data;
        expect_world(w, &o);
        o.known = NULL;
        o.keep_seen = 1;
        if (!popular) expect_world(w, &o);
        o.keep_seen = 0;
        o.mask = w->mask_data;
        if (!popular) expect_world(w, &o);
        world_free(w);
    }
    fixture_close(&f);
}

static void fixed_candidates(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    for (int n = 0; n < 8; n++) {
        world_plan p = plain;
        p.popular = n % 2;
        p.seed = (uint64_t)n;
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        const char *items[] = { "3", "9" };
        o.negatives = w->negatives_data;
        o.cold = RECSYS_COLD_MODEL;
        o.auc = 1;
        o.keep_seen = n / 2 % 2;
        o.mask = n / 4 % 2 ? w->mask_data : NULL;
        o.drop_unseen_items = n / 4 % 2;
        o.ignored_items = items;
        o.n_ignored_items = n / 2 % 2 ? 2 : 0;
        expect_world(w, &o);
        world_free(w);
    }
    fixture_close(&f);
}

/* A user to whom nobody gave candidates would have his own items alone in the list: that is an error. */
static void candidates_for_everybody(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    const int64_t users[] = { 0 }, items[] = { 4 };
    recsys_dataset *few = test_dataset_of(f.exec, users, items, NULL, NULL, 1);
    o.negatives = few;
    recsys_evaluator *e = NULL;
    recsys_report *report = NULL;
    expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &e));
    expect_error(f.exec, recsys_evaluator_run(e, w->model, f.exec, &report), RECSYS_ERR_MISSING_DATA, "negatives|user 1");
    recsys_evaluator_release(e);
    recsys_dataset_release(few);
    world_free(w);
    fixture_close(&f);
}

/* If more are asked for than there are, everything that is neither known nor chosen is a candidate. */
static void sampling_all_there_is(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 3);
    for (int n = 0; n < 8; n++) {
        world_plan p = plain;
        p.popular = n % 2;
        p.items = 28 + n * 12;
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        const char *items[] = { "3", "9" };
        o.n_negatives = n / 4 ? 1000 : p.items;
        o.known = w->known_data;
        o.mask = n / 2 % 2 ? w->mask_data : NULL;
        o.keep_seen = n / 4;
        o.auc = 1;
        o.drop_unseen_items = n / 2 % 2;
        o.ignored_items = items;
        o.n_ignored_items = 2;
        o.cold = RECSYS_COLD_MODEL;
        expect_world(w, &o);
        world_free(w);
    }
    fixture_close(&f);
}

/* One test item, 40 better ones and 59 worse: with m items drawn without repetition it comes first if none of the 40 is
 * among them, with probability (59 over m) / (99 over m). */
static void sampling_is_fair(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    enum { USERS = 4000, ITEMS = 100, DRAWN = 3 };
    static int64_t users[USERS + ITEMS], items[USERS + ITEMS];
    static float ones[USERS], scores[ITEMS];
    recsys_read_options r = RECSYS_READ_OPTIONS_INIT;
    r.users = "4000";
    r.items = "100";
    r.id_type = RECSYS_ID_INT;
    recsys_dataset_builder *b = NULL;
    recsys_dataset *train = NULL, *test = NULL;
    for (int64_t u = 0; u < USERS; u++) {
        users[u] = u;
        items[u] = 40;
        ones[u] = 1.0f;
    }
    for (int i = 0; i < ITEMS; i++) scores[i] = (float)(ITEMS - i);
    test = test_dataset_of(f.exec, users, items, NULL, NULL, USERS);
    int64_t outsider = 0, item = 0;
    recsys_events e = RECSYS_EVENTS_INIT;
    e.count = 1;
    e.user_ids = &outsider;
    e.item_ids = &item;
    expect_ok(f.exec, recsys_dataset_builder_create(f.exec, &r, &b));
    expect_ok(f.exec, recsys_dataset_builder_append(b, &e));
    expect_ok(f.exec, recsys_dataset_builder_finish(b, &train));
    recsys_dataset_builder_release(b);
    recsys_model *m = NULL;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    fit.without_histories = 1;
    expect_ok(f.exec, recsys_model_from_embeddings(train, f.exec, 1, ones, scores, &fit, &m));

    const int64_t one[] = { 1 };
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = test;
    o.keep_seen = 1;
    o.cutoffs = one;
    o.n_cutoffs = 1;
    o.n_negatives = DRAWN;
    o.seed = 11;
    recsys_report *first = evaluate(f.exec, &o, m), *again = evaluate(f.exec, &o, m);
    o.seed = 12;
    recsys_report *other = evaluate(f.exec, &o, m);
    double p = 59.0 / 99.0 * 58.0 / 98.0 * 57.0 / 97.0, five_sigma = 5.0 * 0.0065; /* sqrt(p (1 - p) / 4000) < 0.0065 */
    assert_true(figure(first, "HIT_RATE", 1) > p - five_sigma && figure(first, "HIT_RATE", 1) < p + five_sigma);
    assert_true(figure(other, "HIT_RATE", 1) > p - five_sigma && figure(other, "HIT_RATE", 1) < p + five_sigma);
    assert_true(figure(first, "HIT_RATE", 1) == figure(again, "HIT_RATE", 1));
    assert_true(figure(first, "COVERAGE_ITEM", 1) != figure(other, "COVERAGE_ITEM", 1) ||
                figure(first, "SHANNON_ENTROPY", 1) != figure(other, "SHANNON_ENTROPY", 1));
    recsys_report_release(first);
    recsys_report_release(again);
    recsys_report_release(other);
    recsys_model_release(m);
    recsys_dataset_release(train);
    recsys_dataset_release(test);
    fixture_close(&f);
}

static void nobody_left(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    o.min_ratings = 100;
    recsys_evaluator *e = NULL;
    recsys_report *report = NULL;
    expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &e));
    expect_error(f.exec, recsys_evaluator_run(e, w->model, f.exec, &report), RECSYS_ERR_EMPTY, "no user|100 test items");
    assert_null(report);
    recsys_evaluator_release(e);
    world_free(w);
    fixture_close(&f);
}

static void ids_of_another_kind(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world_plan p = plain;
    world *integers = world_make(f.exec, p);
    p.strings = 1;
    world *words = world_make(f.exec, p);
    recsys_evaluator_options o = options(words);
    recsys_evaluator *e = NULL;
    recsys_report *report = NULL;
    expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &e));
    expect_error(f.exec, recsys_evaluator_run(e, integers->model, f.exec, &report), RECSYS_ERR_TYPE,
                 "users of test data and model");
    recsys_evaluator_release(e);
    o = options(integers);
    o.known = words->known_data;
    expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &e));
    expect_error(f.exec, recsys_evaluator_run(e, integers->model, f.exec, &report), RECSYS_ERR_TYPE, "known data");
    recsys_evaluator_release(e);
    world_free(integers);
    world_free(words);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_together),
        cmocka_unit_test(mask_is_no_history),
        cmocka_unit_test(cold_users),
        cmocka_unit_test(unseen_items),
        cmocka_unit_test(users_of_ignored_items),
        cmocka_unit_test(models_without_histories),
        cmocka_unit_test(fixed_candidates),
        cmocka_unit_test(candidates_for_everybody),
        cmocka_unit_test(sampling_all_there_is),
        cmocka_unit_test(sampling_is_fair),
        cmocka_unit_test(nobody_left),
        cmocka_unit_test(ids_of_another_kind),
    };
    return cmocka_run_group_tests_name("eval/protocol", tests, NULL, NULL);
}
