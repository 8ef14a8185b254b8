/* golden.c - an example small enough to work out by hand, with the arithmetic beside it.
 *
 * Items 0 to 4 score 5, 4, 3, 2, 1 for everybody. Users 0 to 3; user 3 has no data at all.
 *
 *     user  training   what is left in order   test items (value, gain = 2^value - 1)
 *     0     0          1 2 3 4                 1 (1, 1), 4 (2, 3)
 *     1     0 1        2 3 4                   3 (2, 3)
 *     2     0 1 2      3 4                     4 (1, 1), 9 (2, 3): the model has no item 9
 *
 *     lists at K = 2:  1* 2 | 2 3* | 3 4*      at K = 3:  1* 2 3 | 2 3* 4 | 3 4*         (* hit)
 *
 * The list of user 2 ends after two items at K = 3: n = 2.  d = 1 / log2(3), the discount of place 2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <math.h>

static void expect(const recsys_report *r, const char *metric, int64_t cutoff, double want)
{
    double got = figure(r, metric, cutoff);
    if (fabs(got - want) > 1e-14) fail_msg("%s: got %.17g, want %.17g", metric, got, want);
}

/* Figures of users, then their mean. T = 2, 1, 2 test items; hits 1, 1, 1 at both cut-offs. */
static void accuracy(const recsys_report *r, double d)
{
    expect(r, "PRECISION", 2, (1.0 / 2 + 1.0 / 2 + 1.0 / 2) / 3);
    expect(r, "PRECISION", 3, (1.0 / 3 + 1.0 / 3 + 1.0 / 2) / 3);                 /* = 7/18 */
    expect(r, "PRECISION_RECALL_MIN_DEN", 2, (1.0 / 2 + 1.0 / 1 + 1.0 / 2) / 3);  /* min(T, n) = 2, 1, 2 */
    expect(r, "PRECISION_RECALL_MIN_DEN", 3, (1.0 / 2 + 1.0 / 1 + 1.0 / 2) / 3);  /* 2, 1, 2 */
    expect(r, "RECALL", 2, (1.0 / 2 + 1.0 / 1 + 1.0 / 2) / 3);
    expect(r, "RECALL", 3, 2.0 / 3);
    expect(r, "RECALL_MIN_DEN", 2, 2.0 / 3);                                      /* min(T, K) = 2, 1, 2 */
    expect(r, "MAP", 2, ((1.0) / 2 + (1.0 / 2) / 2 + (1.0 / 2) / 2) / 3);         /* P@1 = 1; P@2 = 1/2; P@2 = 1/2 */
    expect(r, "MAP", 3, ((1.0) / 3 + (1.0 / 2) / 3 + (1.0 / 2) / 2) / 3);         /* = 1/4 */
    expect(r, "MAP_MIN_DEN", 2, ((1.0) / 2 + (1.0 / 2) / 1 + (1.0 / 2) / 2) / 3); /* = 5/12 */
    expect(r, "MAP_MIN_DEN", 3, 5.0 / 12);
    expect(r, "MRR", 2, (1.0 + 1.0 / 2 + 1.0 / 2) / 3);
    expect(r, "ARHR_ALL_HITS", 3, 2.0 / 3);
    expect(r, "HIT_RATE", 2, 1.0);
    /* User 0: 1 against 3 + d. User 1: 3 d against 3. User 2: d against 3 + d, because the gain of item 9 counts. */
    expect(r, "NDCG", 2, (1.0 / (3 + d) + d + d / (3 + d)) / 3);
    expect(r, "NDCG", 3, (1.0 / (3 + d) + d + d / (3 + d)) / 3);
    expect(r, "F1", 2, 4.0 / 7);   /* 2 * 1/2 * 2/3 / (1/2 + 2/3) = 2/3 * 6/7 */
    expect(r, "F1", 3, 28.0 / 57); /* 2 * 7/18 * 2/3 / (7/18 + 12/18) = 28/54 * 18/19 */
    /* User 0: of 1, 4 against 2, 3 item 1 wins both: 2/4. User 1: 3 against 2 and 4: 1/2. User 2: 4 and 9 against 3: 0/2. */
    expect(r, "AUC", 0, (1.0 / 2 + 1.0 / 2 + 0.0) / 3);
}

/* Item counts are 0 1 2 2 1 at K = 2 and 0 1 2 3 2 at K = 3; in training 3 2 1 0 0. */
static void spread(const recsys_report *r, double log3, double log6)
{
    expect(r, "DIVERSITY_MEAN_INTER_LIST", 2, 1 - (10.0 - 6) / (2 * 6)); /* sum of squares 10, six ordered pairs of lists */
    expect(r, "DIVERSITY_MEAN_INTER_LIST", 3, 1 - (18.0 - 8) / (3 * 6));
    expect(r, "DIVERSITY_HERFINDAHL", 2, 1 - 10.0 / 36);                 /* = 13/18 */
    expect(r, "DIVERSITY_HERFINDAHL", 3, 1 - 18.0 / 64);
    expect(r, "RATIO_DIVERSITY_HERFINDAHL", 2, 13.0 / 11);               /* training: 1 - 14/36 = 11/18 */
    /* Sorted 0 1 1 2 2: 2/6 * (5 * 0 + 4 * 1 + 3 * 1 + 2 * 2 + 1 * 2) / 6. */
    expect(r, "DIVERSITY_GINI", 2, 2.0 / 6 * 13 / 6);
    expect(r, "DIVERSITY_GINI", 3, 2.0 / 6 * 17 / 8);                    /* 0 1 2 2 3: 4 + 6 + 4 + 3 = 17 of 8 */
    expect(r, "RATIO_DIVERSITY_GINI", 2, 13.0 / 10);                     /* training, 0 0 1 2 3: 2/6 * (3 + 4 + 3) / 6 */
    /* Shares 1/6, 2/6, 2/6, 1/6; in training 3/6, 2/6, 1/6. -log2(1/6) = log6, -log2(2/6) = log3, -log2(3/6) = 1. */
    expect(r, "SHANNON_ENTROPY", 2, 2.0 / 6 * log6 + 4.0 / 6 * log3);
    expect(r, "RATIO_SHANNON_ENTROPY", 2, (2.0 / 6 * log6 + 4.0 / 6 * log3) / (3.0 / 6 + 2.0 / 6 * log3 + 1.0 / 6 * log6));
    expect(r, "COVERAGE_ITEM", 2, 4.0 / 5);
    expect(r, "COVERAGE_ITEM_HIT", 2, 3.0 / 5); /* 1, 3, 4 */
    expect(r, "ITEMS_IN_GT", 0, 3.0 / 5);       /* 1, 3, 4; 9 is none of the five */
    expect(r, "COVERAGE_USER", 2, 3.0 / 4);
    expect(r, "COVERAGE_USER_HIT", 2, 3.0 / 4);
    expect(r, "USERS_IN_GT", 0, 3.0 / 4);
}

/* In training 3, 2, 1, 0, 0 users had the items, six in all: novelty of items 1, log3, log6, 0, 0, each over |I| = 5;
 * relative popularity 1, 2/3, 1/3, 0, 0. Histories: 0 | 0 1 | 0 1 2 | none. */
static void popularity(const recsys_report *r, double log3, double log6)
{
    double novelty = (log3 + log6 + log6 + 0) / 5 / 3; /* lists 1 2 | 2 3 | 3 4 */
    expect(r, "NOVELTY", 2, novelty);
    expect(r, "RATIO_NOVELTY", 2, novelty / ((1 + (1 + log3) + (1 + log3 + log6) + 0) / 5 / 4));
    expect(r, "AVERAGE_POPULARITY", 2, (1.0 / 2 + 1.0 / 6 + 0) / 3); /* (2/3 + 1/3)/2, (1/3 + 0)/2 */
    expect(r, "AVERAGE_POPULARITY", 3, (1.0 / 3 + 1.0 / 9 + 0) / 3);
    expect(r, "RATIO_AVERAGE_POPULARITY", 2, 2.0 / 9 / (5.0 / 8));   /* histories: (1 + 5/6 + 2/3 + 0) / 4 */
}

/* Similarities 1-2 and 2-1: 1/2, 2-3: 1/4, 3-2: 3/4, others 0. */
static void similarity(const recsys_report *r)
{
    expect(r, "DIVERSITY_SIMILARITY", 2, ((1 - 1.0 / 2) + (1 - 1.0 / 2) + 1) / 3);
    expect(r, "DIVERSITY_SIMILARITY", 3, ((1 - 2.0 / 6) + (1 - 1.0 / 6) + 1) / 3); /* 2 of six pairs, 1 of six, 0 of two */
}

static recsys_dataset *training(recsys_exec *exec)
{
    const int64_t users[] = { 0, 1, 1, 2, 2, 2 }, items[] = { 0, 0, 1, 0, 1, 2 };
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.id_type = RECSYS_ID_INT;
    o.users = "4";
    o.items = "5";
    recsys_events e = RECSYS_EVENTS_INIT;
    e.count = 6;
    e.user_ids = users;
    e.item_ids = items;
    recsys_dataset_builder *b = NULL;
    recsys_dataset *d = NULL;
    expect_ok(exec, recsys_dataset_builder_create(exec, &o, &b));
    expect_ok(exec, recsys_dataset_builder_append(b, &e));
    expect_ok(exec, recsys_dataset_builder_finish(b, &d));
    recsys_dataset_builder_release(b);
    return d;
}

static void by_hand(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    const int64_t users[] = { 0, 0, 1, 2, 2 }, items[] = { 1, 4, 3, 4, 9 }, cutoffs[] = { 2, 3 };
    const float values[] = { 1, 2, 2, 1, 2 }, ones[] = { 1, 1, 1, 1 }, scores[] = { 5, 4, 3, 2, 1 };
    const int64_t ptr[] = { 0, 0, 1, 3, 4, 4 }, similar_items[] = { 2, 1, 3, 2 };
    const float similar_values[] = { 0.5f, 0.5f, 0.25f, 0.75f };
    recsys_similarity s = { sizeof s, 5, ptr, similar_items, similar_values };
    recsys_dataset *train = training(f.exec), *test = test_dataset_of(f.exec, users, items, values, NULL, 5);
    recsys_model *m = NULL;
    expect_ok(f.exec, recsys_model_from_embeddings(train, f.exec, 1, ones, scores, NULL, &m));

    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = test;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 2;
    o.auc = 1;
    o.similarity = &s;
    recsys_report *r = evaluate(f.exec, &o, m);
    double log3 = log2(3.0), log6 = log2(6.0);
    accuracy(r, 1.0 / log3);
    spread(r, log3, log6);
    popularity(r, log3, log6);
    similarity(r);
    recsys_report_info info = RECSYS_REPORT_INFO_INIT;
    assert_int_equal(recsys_report_counts(r, &info), RECSYS_OK);
    assert_int_equal(info.users, 3);
    assert_int_equal(info.test_items, 5);
    assert_int_equal(info.test_items_unseen, 4); /* 3, 4 and 4 have no training data, 9 is unknown */
    recsys_report_release(r);
    recsys_model_release(m);
    recsys_dataset_release(train);
    recsys_dataset_release(test);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(by_hand) };
    return cmocka_run_group_tests_name("eval/golden", tests, NULL, NULL);
}
