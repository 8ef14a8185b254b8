/* world.c - small random worlds for tests of the evaluator; see world.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    assert_non_null(p);
    return p;
}

/* ---- data ---- */

const char *world_id(const world *w, char kind, int number, char buffer[32])
{
    if (w->plan.strings) snprintf(buffer, 32, "%c%d", kind, number);
    else snprintf(buffer, 32, "%d", number);
    return buffer;
}

/* Appends one event. */
static void add(const world *w, recsys_dataset_builder *b, int user, int item, float value, int with_values)
{
    char names[2][32];
    const char *user_name = world_id(w, 'u', user, names[0]), *item_name = world_id(w, 'i', item, names[1]);
    int64_t user_id = user, item_id = item;
    recsys_events e = RECSYS_EVENTS_INIT;
    e.count = 1;
    if (w->plan.strings) {
        e.user_names = &user_name;
        e.item_names = &item_name;
    } else {
        e.user_ids = &user_id;
        e.item_ids = &item_id;
    }
    if (with_values) e.values = &value;
    expect_ok(w->exec, recsys_dataset_builder_append(b, &e));
}

static recsys_dataset_builder *start(const world *w, const char *users, const char *items)
{
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.id_type = w->plan.strings ? RECSYS_ID_STRING : RECSYS_ID_INT;
    o.users = users;
    o.items = items;
    recsys_dataset_builder *b = NULL;
    expect_ok(w->exec, recsys_dataset_builder_create(w->exec, &o, &b));
    return b;
}

static recsys_dataset *finish(const world *w, recsys_dataset_builder *b)
{
    recsys_dataset *d = NULL;
    expect_ok(w->exec, recsys_dataset_builder_finish(b, &d));
    recsys_dataset_builder_release(b);
    return d;
}

/* The training data: users and items of the model, whether they have events or not. Words have no universe, so there
 * every user and item has an event, and they come in an order of their own. */
static recsys_dataset *training_data(world *w)
{
    const world_plan *p = &w->plan;
    char users[32], items[32];
    snprintf(users, sizeof users, "%d", p->model_users);
    snprintf(items, sizeof items, "%d", p->items);
    recsys_dataset_builder *b = start(w, p->strings ? NULL : users, p->strings ? NULL : items);
    for (int k = 0; p->strings && k < p->items; k++) w->train[(k % p->model_users) * p->items + k] = 1;
    for (int k = 0; p->strings && k < p->model_users; k++) w->train[k * p->items + k % p->items] = 1;
    for (int n = p->model_users * p->items; n-- > 0;) {
        int cell = (int)((int64_t)n * 7919 % (p->model_users * p->items));
        if (w->train[cell]) add(w, b, cell / p->items, cell % p->items, 1.0f, 0);
    }
    return finish(w, b);
}

/* Starts data that is not the training data. */
static recsys_dataset_builder *start_other(const world *w)
{
    char users[32], items[32];
    snprintf(users, sizeof users, "%d", w->plan.users);
    snprintf(items, sizeof items, "%d", w->plan.items + w->plan.extra);
    return w->plan.universe ? start(w, users, items) : start(w, NULL, NULL);
}

static recsys_dataset *plain_data(const world *w, const char *cells)
{
    recsys_dataset_builder *b = start_other(w);
    for (int user = 0; user < w->plan.users; user++)
        for (int i = w->plan.items; i-- > 0;)
            if (cells[user * w->plan.items + i]) add(w, b, user, i, 1.0f, 0);
    return finish(w, b);
}

static recsys_dataset *test_data(const world *w)
{
    int row = w->plan.items + w->plan.extra;
    recsys_dataset_builder *b = start_other(w);
    for (int user = 0; user < w->plan.users; user++)
        for (int i = 0; i < row; i++)
            if (w->test[user * row + i] != 0.0f) add(w, b, user, i, w->test[user * row + i], w->plan.values);
    return finish(w, b);
}

/* ---- the world ---- */

static recsys_model *make_model(world *w)
{
    const world_plan *p = &w->plan;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    fit.without_histories = !p->histories;
    recsys_model *m = NULL;
    if (p->popular) {
        recsys_params *params = NULL;
        expect_ok(w->exec, recsys_params_create(recsys_exec_env(w->exec), "top-popular", &params, NULL));
        expect_ok(w->exec, recsys_model_fit(params, w->train_data, w->exec, &fit, &m));
        recsys_params_release(params);
        return m;
    }
    /* A user's vector is 1 at his own number: an item's vector then holds its score for each user. */
    const recsys_ids *users = recsys_dataset_users(w->train_data), *items = recsys_dataset_items(w->train_data);
    int64_t U = p->model_users, I = p->items;
    float *user_table = zeroed((size_t)(U * U), sizeof *user_table), *item_table = zeroed((size_t)(I * U), sizeof *item_table);
    char id[32];
    for (int u = 0; u < U; u++) {
        user_table[recsys_ids_find(users, world_id(w, 'u', u, id)) * U + u] = 1.0f;
        for (int i = 0; i < I; i++)
            item_table[recsys_ids_find(items, world_id(w, 'i', i, id)) * U + u] = (float)w->score[u * I + i];
    }
    expect_ok(w->exec, recsys_model_from_embeddings(w->train_data, w->exec, U, user_table, item_table, &fit, &m));
    free(user_table);
    free(item_table);
    return m;
}

static void fill(world *w)
{
    const world_plan *p = &w->plan;
    uint64_t state = p->seed;
    for (int cell = 0; cell < p->users * p->items; cell++) {
        double r = test_random_unit(&state);
        int user = cell / p->items;
        w->score[cell] = (double)(int)(test_random_unit(&state) * p->levels);
        w->train[cell] = user < p->model_users && user % 5 != 4 && r < 0.2; /* every fifth user has no training data */
        w->known[cell] = user % 4 != 3 && r < 0.3;
        w->mask[cell] = user % 2 && r > 0.9;
        w->negatives[cell] = test_random_unit(&state) < 0.3;
    }
    for (int user = 0; user < p->users; user++) w->negatives[user * p->items + user % p->items] = 1;
    w->train[0] = w->known[0] = w->mask[p->items] = 1; /* no data without an event */
    int row = p->items + p->extra;
    for (int cell = 0; cell < p->users * row; cell++) {
        double r = test_random_unit(&state);
        if (r < 0.15 && (cell / row) % 7 != 6) w->test[cell] = p->values ? (float)(1 + (int)(r / 0.15 * 9.0)) * 0.5f : 1.0f;
    }
}

/* Items whose scores are how many had them. */
static void score_by_popularity(world *w)
{
    const world_plan *p = &w->plan;
    for (int i = 0; i < p->items; i++) {
        int count = 0;
        for (int u = 0; u < p->model_users; u++) count += w->train[u * p->items + i];
        for (int u = 0; u < p->users; u++) w->score[u * p->items + i] = count;
    }
}

world *world_make(recsys_exec *exec, world_plan plan)
{
    world *w = zeroed(1, sizeof *w);
    size_t cells = (size_t)(plan.users * plan.items);
    w->plan = plan;
    w->exec = exec;
    w->score = zeroed(cells, sizeof *w->score);
    w->train = zeroed(cells, 1);
    w->known = zeroed(cells, 1);
    w->mask = zeroed(cells, 1);
    w->negatives = zeroed(cells, 1);
    w->test = zeroed((size_t)(plan.users * (plan.items + plan.extra)), sizeof *w->test);
    w->index_of = zeroed((size_t)plan.items, sizeof *w->index_of);
    fill(w);
    w->train_data = training_data(w);
    if (plan.popular) score_by_popularity(w);
    w->known_data = plain_data(w, w->known);
    w->mask_data = plain_data(w, w->mask);
    w->negatives_data = plain_data(w, w->negatives);
    w->test_data = test_data(w);
    w->model = make_model(w);
    char id[32];
    for (int i = 0; i < plan.items; i++)
        w->index_of[i] = (int)recsys_ids_find(recsys_model_items(w->model), world_id(w, 'i', i, id));
    return w;
}

void world_free(world *w)
{
    recsys_model_release(w->model);
    recsys_dataset *data[] = { w->train_data, w->known_data, w->mask_data, w->negatives_data, w->test_data };
    for (size_t d = 0; d < 5; d++) recsys_dataset_release(data[d]);
    void *arrays[] = { w->score, w->train, w->known, w->mask, w->negatives, w->test, w->index_of, w };
    for (size_t a = 0; a < 8; a++) free(arrays[a]);
}

/* ---- the slow answer ---- */

static void *own(answer *a, void *p)
{
    assert_true(a->n_owned < (int)(sizeof a->owned / sizeof *a->owned));
    return a->owned[a->n_owned++] = p;
}

static int is_ignored_user(const world *w, const recsys_evaluator_options *o, int user)
{
    char id[32];
    int64_t index = recsys_ids_find(recsys_dataset_users(w->test_data), world_id(w, 'u', user, id));
    for (int64_t n = 0; n < o->n_ignored_users; n++)
        if (o->ignored_users[n] == index) return 1;
    return 0;
}

static int is_ignored_item(const world *w, const recsys_evaluator_options *o, int item)
{
    char id[32];
    world_id(w, 'i', item, id);
    for (int64_t n = 0; n < o->n_ignored_items; n++)
        if (strcmp(o->ignored_items[n], id) == 0) return 1;
    return 0;
}

static int is_unseen(const world *w, int item)
{
    int trained = 0;
    if (item >= w->plan.items) return 1;
    for (int u = 0; u < w->plan.model_users; u++) trained |= w->train[u * w->plan.items + item];
    return w->plan.histories && !trained;
}

/* What is known of everybody: users x items, and how many users that data has. */
static const char *known_cells(const world *w, const recsys_evaluator_options *o, int *n_users)
{
    *n_users = w->plan.model_users;
    if (!o->known) return w->plan.histories ? w->train : NULL;
    *n_users = (int)recsys_ids_count(recsys_dataset_users(w->known_data));
    return w->known;
}

static int row_is_empty(const world *w, const char *cells, int user)
{
    for (int i = 0; cells && i < w->plan.items; i++)
        if (cells[user * w->plan.items + i]) return 0;
    return 1;
}

static int is_cold(const world *w, const char *known, int user)
{
    if (w->plan.popular) return row_is_empty(w, known, user);
    return user >= w->plan.model_users || (w->plan.histories && row_is_empty(w, w->train, user));
}

/* Whether an item might be listed for a user. */
static int is_candidate(const world *w, const recsys_evaluator_options *o, const char *known, int user, int item)
{
    int cell = user * w->plan.items + item, row = w->plan.items + w->plan.extra;
    int in_test = w->test[user * row + item] != 0.0f, chosen = in_test && !(o->drop_unseen_items && is_unseen(w, item));
    if (is_ignored_item(w, o, item)) return 0;
    if (known && known[cell] && !o->keep_seen) return 0;
    if (o->mask && w->mask[cell]) return 0;
    if (o->negatives) return chosen || w->negatives[cell];
    if (o->n_negatives > 0) return chosen || (!in_test && !(known && known[cell]));
    return 1;
}

/* Candidates by score and index: the rule of order, by picking the best again and again. */
static int list_of(const slow_user *u, int n_items, int *list)
{
    int n = 0;
    char *used = zeroed((size_t)n_items, 1);
    for (;;) {
        int best = -1;
        for (int i = 0; i < n_items; i++)
            if (u->candidate[i] && !used[i] && (best < 0 || u->score[i] > u->score[best])) best = i;
        if (best < 0) break;
        used[best] = 1;
        list[n++] = best;
    }
    free(used);
    return n;
}

static slow_user judged_user(const world *w, const recsys_evaluator_options *o, answer *a, const char *known, int user,
                             int missed)
{
    int I = w->plan.items, row = I + w->plan.extra;
    int *test = own(a, zeroed((size_t)row, sizeof *test)), *list = own(a, zeroed((size_t)I, sizeof *list));
    double *value = own(a, zeroed((size_t)row, sizeof *value)), *score = own(a, zeroed((size_t)I, sizeof *score));
    char *candidate = own(a, zeroed((size_t)I, 1));
    slow_user u = { .list = list, .test = test, .candidate = candidate };
    u.value = w->plan.values && !o->binary_gain ? value : NULL;
    for (int i = 0; i < row; i++) {
        int dropped = is_ignored_item(w, o, i) || (o->drop_unseen_items && is_unseen(w, i));
        if (w->test[user * row + i] == 0.0f || dropped) continue;
        test[u.n_test] = i < I ? w->index_of[i] : i;
        value[u.n_test++] = w->test[user * row + i];
    }
    if (missed) return u;
    for (int i = 0; i < I; i++) {
        score[w->index_of[i]] = w->score[user * I + i];
        candidate[w->index_of[i]] = (char)is_candidate(w, o, known, user, i);
    }
    u.score = score;
    u.n_list = list_of(&u, I, list);
    return u;
}

/* Decides about one user of the test data. */
static void add_user(const world *w, const recsys_evaluator_options *o, answer *a, slow_user *users, const char *known,
                     int user)
{
    int row = w->plan.items + w->plan.extra, any = 0;
    for (int i = 0; i < row; i++) any |= w->test[user * row + i] != 0.0f;
    if (!any) return;
    if (is_ignored_user(w, o, user)) {
        a->users_skipped++;
        return;
    }
    int cold = is_cold(w, known, user);
    int missed = cold && (o->cold == RECSYS_COLD_MISS || (!w->plan.popular && user >= w->plan.model_users));
    slow_user u = judged_user(w, o, a, known, user, missed);
    a->users_cold += cold;
    a->data.test_users += u.n_test > 0;
    for (int t = 0; t < u.n_test; t++)
        if (u.test[t] < w->plan.items) ((char *)a->data.in_test)[u.test[t]] = 1;
    if (u.n_test < (o->min_ratings > 1 ? o->min_ratings : 1) || (cold && o->cold == RECSYS_COLD_SKIP)) {
        a->users_skipped++;
        return;
    }
    a->test_items += u.n_test;
    for (int i = 0; i < row; i++)
        if (w->test[user * row + i] != 0.0f && !is_ignored_item(w, o, i) && is_unseen(w, i) && !o->drop_unseen_items)
            a->test_items_unseen++;
    a->number[a->users] = user;
    users[a->users++] = u;
}

answer *world_answer(const world *w, const recsys_evaluator_options *o, const double *similarity)
{
    int I = w->plan.items, n_train;
    answer *a = zeroed(1, sizeof *a);
    const char *known = known_cells(w, o, &n_train);
    slow_user *users = own(a, zeroed((size_t)w->plan.users, sizeof *users));
    char *ignored = own(a, zeroed((size_t)I, 1)), *train = own(a, zeroed((size_t)(w->plan.users * I), 1));
    a->number = own(a, zeroed((size_t)w->plan.users, sizeof *a->number));
    a->data = (slow_data){ .users = users, .n_items = I, .ignored = ignored, .similarity = similarity,
                           .in_test = own(a, zeroed((size_t)I, 1)) };
    for (int i = 0; i < I; i++) ignored[w->index_of[i]] = (char)is_ignored_item(w, o, i);
    for (int user = 0; user < w->plan.users; user++) add_user(w, o, a, users, known, user);

    char id[32];
    int64_t test_only = 0;
    for (int u = w->plan.model_users; u < w->plan.users; u++)
        test_only += recsys_ids_find(recsys_dataset_users(w->test_data), world_id(w, 'u', u, id)) >= 0;
    a->data.n_users = (int)a->users;
    a->data.all_users = (int)(w->plan.model_users + test_only - o->n_ignored_users);
    a->data.n_train = n_train;
    /* Rows of known data belong to the users that it has; who has none is no user of it. */
    for (int user = 0, to = 0; known && user < w->plan.users && to < n_train; user++) {
        if (o->known && !w->plan.universe && row_is_empty(w, known, user)) continue;
        for (int i = 0; i < I; i++) train[to * I + w->index_of[i]] = known[user * I + i];
        to++;
    }
    a->data.train = known ? train : NULL;
    return a;
}

void answer_free(answer *a)
{
    for (int n = 0; n < a->n_owned; n++) free(a->owned[n]);
    free(a);
}

/* ---- comparing ---- */

static void expect_near(const char *what, int64_t cutoff, double got, double want)
{
    if (isnan(want) && isnan(got)) return;
    if (fabs(got - want) <= 1e-12 * fmax(1.0, fabs(want))) return;
    fail_msg("%s at %" PRId64 ": got %.17g, want %.17g", what, cutoff, got, want);
}

static int has_mean(const char *name)
{
    const char *const over_the_whole[] = { "F1", "DIVERSITY_MEAN_INTER_LIST", "DIVERSITY_HERFINDAHL", "DIVERSITY_GINI",
                                           "SHANNON_ENTROPY" };
    for (size_t n = 0; n < sizeof over_the_whole / sizeof *over_the_whole; n++)
        if (strcmp(name, over_the_whole[n]) == 0) return 0;
    return strncmp(name, "RATIO", 5) != 0 && strncmp(name, "COVERAGE", 8) != 0 && strstr(name, "_IN_GT") == NULL;
}

static int is_absent(const world *w, const recsys_evaluator_options *o, const answer *a, const char *name)
{
    (void)w;
    if (strcmp(name, "AUC") == 0) return !o->auc;
    if (strcmp(name, "DIVERSITY_SIMILARITY") == 0) return !o->similarity;
    if (strcmp(name, "NOVELTY") == 0 || strcmp(name, "AVERAGE_POPULARITY") == 0) return !a->data.train;
    return strncmp(name, "RATIO", 5) == 0 && !a->data.train;
}

static void expect_users(const recsys_report *report, const answer *a, const char *name, int64_t cutoff)
{
    int64_t n = 0, *users = zeroed((size_t)a->users + 1, sizeof *users);
    double *values = zeroed((size_t)a->users + 1, sizeof *values);
    assert_int_equal(recsys_report_per_user(report, name, cutoff, users, values, a->users, &n), RECSYS_OK);
    assert_int_equal(n, a->users);
    for (int64_t u = 0; u < n; u++) {
        expect_near(name, cutoff, values[u], slow_user_metric(&a->data, &a->data.users[u], name, (int)cutoff));
        if (u > 0) assert_true(users[u] > users[u - 1]);
    }
    free(users);
    free(values);
}

static void expect_figure(const world *w, const recsys_report *report, const recsys_evaluator_options *o, const answer *a,
                          const char *name, int64_t cutoff)
{
    double value = 0.0;
    recsys_status status = recsys_report_get(report, name, cutoff, &value);
    if (is_absent(w, o, a, name)) {
        assert_int_equal(status, RECSYS_ERR_MISSING_DATA);
        return;
    }
    assert_int_equal(status, RECSYS_OK);
    expect_near(name, cutoff, value, slow_metric(&a->data, name, (int)cutoff));
    if (o->per_user && has_mean(name)) expect_users(report, a, name, cutoff);
}

void expect_answer(const world *w, const recsys_report *report, const recsys_evaluator_options *o, const answer *a)
{
    recsys_report_info info = RECSYS_REPORT_INFO_INIT;
    assert_int_equal(recsys_report_counts(report, &info), RECSYS_OK);
    assert_int_equal(info.users, a->users);
    assert_int_equal(info.users_skipped, a->users_skipped);
    assert_int_equal(info.users_cold, a->users_cold);
    assert_int_equal(info.test_items, a->test_items);
    assert_int_equal(info.test_items_unseen, a->test_items_unseen);
    for (int64_t m = 0; m < recsys_metric_count(); m++) {
        const char *name = recsys_metric_name(m);
        if (strcmp(name, "AUC") == 0 || strstr(name, "_IN_GT") != NULL) {
            expect_figure(w, report, o, a, name, 0);
            continue;
        }
        for (int64_t c = 0; c < o->n_cutoffs; c++) expect_figure(w, report, o, a, name, o->cutoffs[c]);
    }
}

double figure(const recsys_report *report, const char *metric, int64_t cutoff)
{
    double value = 0.0;
    assert_int_equal(recsys_report_get(report, metric, cutoff, &value), RECSYS_OK);
    return value;
}

recsys_report *evaluate(recsys_exec *exec, const recsys_evaluator_options *o, const recsys_model *model)
{
    recsys_evaluator *e = NULL;
    recsys_report *report = NULL;
    expect_ok(exec, recsys_evaluator_create(exec, o, &e));
    expect_ok(exec, recsys_evaluator_run(e, model, exec, &report));
    recsys_evaluator_release(e);
    return report;
}

/* The library's sparse similarity as a full matrix. */
static double *full_similarity(const recsys_similarity *s)
{
    if (!s) return NULL;
    double *full = zeroed((size_t)(s->n_items * s->n_items), sizeof *full);
    for (int64_t i = 0; i < s->n_items; i++)
        for (int64_t e = s->ptr[i]; e < s->ptr[i + 1]; e++) full[i * s->n_items + s->items[e]] = (double)s->values[e];
    return full;
}

void expect_world(const world *w, const recsys_evaluator_options *o)
{
    double *similarity = full_similarity(o->similarity);
    answer *a = world_answer(w, o, similarity);
    recsys_report *report = evaluate(w->exec, o, w->model);
    expect_answer(w, report, o, a);
    recsys_report_release(report);
    answer_free(a);
    free(similarity);
}
