/* metrics.c - every metric against its slow plain version, on random worlds full of ties.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t cutoffs[] = { 1, 3, 7, 20, 1000 };

static recsys_evaluator_options options(const world *w)
{
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = w->test_data;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 5;
    o.cold = RECSYS_COLD_MODEL;
    o.auc = 1;
    o.per_user = 1;
    return o;
}

static const world_plan plain = { .users = 40, .model_users = 36, .items = 30, .extra = 4, .values = 1, .histories = 1,
                                  .levels = 6, .seed = 1 };

/* A similarity that is neither symmetric nor full. */
typedef struct similar {
    recsys_similarity s;
    int64_t ptr[64], items[4096];
    float values[4096];
} similar;

static void make_similar(similar *m, int64_t n, uint64_t seed)
{
    int64_t e = 0;
    m->ptr[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            if (test_random_unit(&seed) > 0.4) continue;
            m->items[e] = j;
            m->values[e++] = (float)(test_random_unit(&seed) * 2.0 - 1.0);
        }
        m->ptr[i + 1] = e;
    }
    m->s = (recsys_similarity){ sizeof m->s, n, m->ptr, m->items, m->values };
}

static void graded_values(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        world_plan p = plain;
        p.seed = seed;
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        expect_world(w, &o);
        o.binary_gain = 1;
        expect_world(w, &o);
        world_free(w);
    }
    fixture_close(&f);
}

static void without_values(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 3);
    world_plan p = plain;
    p.values = 0;
    p.levels = 2;
    world *w = world_make(f.exec, p);
    recsys_evaluator_options o = options(w);
    expect_world(w, &o);
    world_free(w);
    fixture_close(&f);
}

static void scoring_by_history(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world_plan p = plain;
    p.popular = 1;
    world *w = world_make(f.exec, p);
    recsys_evaluator_options o = options(w);
    expect_world(w, &o);
    world_free(w);
    fixture_close(&f);
}

static void words_as_ids(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world_plan p = plain;
    p.strings = 1;
    world *w = world_make(f.exec, p);
    recsys_evaluator_options o = options(w);
    expect_world(w, &o);
    o.known = w->known_data;
    o.mask = w->mask_data;
    expect_world(w, &o);
    world_free(w);
    fixture_close(&f);
}

static void similarity(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    similar *m = calloc(1, sizeof *m);
    assert_non_null(m);
    make_similar(m, plain.items, 5);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    o.similarity = &m->s;
    expect_world(w, &o);
    world_free(w);
    free(m);
    fixture_close(&f);
}

/* Catalogues smaller than the cut-offs, and users who may get next to nothing. */
static void short_lists(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    for (int items = 1; items <= 5; items++) {
        world_plan p = plain;
        p.items = items;
        p.seed = (uint64_t)items;
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        expect_world(w, &o);
        world_free(w);
    }
    fixture_close(&f);
}

/* More words than bits of a word, so that sets of items cross their edges. */
static void sizes_around_a_word(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    for (int items = 63; items <= 65; items++) {
        world_plan p = plain;
        p.items = items;
        p.users = 12;
        p.model_users = 12;
        world *w = world_make(f.exec, p);
        recsys_evaluator_options o = options(w);
        expect_world(w, &o);
        world_free(w);
    }
    fixture_close(&f);
}

/* Values so large that 2^value is no double: only their proportions count. */
static void large_values(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    const int64_t users[] = { 0, 0 }, items[] = { 0, 1 }, test_user[] = { 0, 0 }, test_item[] = { 2, 3 };
    const float values[] = { 100000.0f, 99999.0f }, scores[] = { 0.0f, 0.0f, 1.0f, 2.0f }, one[] = { 1.0f };
    recsys_events e = RECSYS_EVENTS_INIT;
    recsys_read_options r = RECSYS_READ_OPTIONS_INIT;
    recsys_dataset_builder *b = NULL;
    recsys_dataset *train = NULL, *test = test_dataset_of(f.exec, test_user, test_item, values, NULL, 2);
    r.id_type = RECSYS_ID_INT;
    r.items = "4";
    e.count = 2;
    e.user_ids = users;
    e.item_ids = items;
    expect_ok(f.exec, recsys_dataset_builder_create(f.exec, &r, &b));
    expect_ok(f.exec, recsys_dataset_builder_append(b, &e));
    expect_ok(f.exec, recsys_dataset_builder_finish(b, &train));
    recsys_dataset_builder_release(b);
    recsys_model *m = NULL;
    expect_ok(f.exec, recsys_model_from_embeddings(train, f.exec, 1, one, scores, NULL, &m));

    /* The list is 3, 2: gains 1/2 and 1 in proportion, against 1 and 1/2. With d = 1 / log2 3: (1/2 + d) / (1 + d/2). */
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = test;
    recsys_report *report = evaluate(f.exec, &o, m);
    double d = 0.63092975357145743710;
    assert_true(figure(report, "NDCG", 10) - (0.5 + d) / (1.0 + 0.5 * d) < 1e-12);
    assert_true(figure(report, "NDCG", 10) - (0.5 + d) / (1.0 + 0.5 * d) > -1e-12);
    recsys_report_release(report);
    recsys_model_release(m);
    recsys_dataset_release(train);
    recsys_dataset_release(test);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graded_values),       cmocka_unit_test(without_values), cmocka_unit_test(scoring_by_history),
        cmocka_unit_test(words_as_ids),        cmocka_unit_test(similarity),     cmocka_unit_test(short_lists),
        cmocka_unit_test(sizes_around_a_word), cmocka_unit_test(large_values),
    };
    return cmocka_run_group_tests_name("eval/metrics", tests, NULL, NULL);
}
