/* start.c - what a training is made of: parts and what they draw, models to start from, optimizers by default, data of other ids.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/training_case.h"

#include <stdio.h>

typedef struct world {
    fixture f;
    recsys_exec *x;
    recsys_dataset *train, *validation, *verified;
} world;

#define COUNTS(...) { .struct_size = sizeof(recsys_training), __VA_ARGS__ }

/* ---- what the parts draw ---- */

/* An epoch of a part: positives are those of `positives`, each once; no negative is in the training or the verified data. */
static void check_part(recsys_trainer *t, const part *p, const recsys_dataset *positives, int64_t n_negatives, int64_t epoch)
{
    static case_batch b;
    int64_t size = recsys__sampler_size(p->sampler), n_positive = 0;
    assert_int_equal(size, positives->n_events * (1 + n_negatives));
    for (int64_t at = 0; at < size; at += 100) {
        case_draw(t->x, p->sampler, epoch, at, size - at < 100 ? size - at : 100, &b);
        for (int64_t k = 0; k < b.samples; k++) {
            n_positive += b.labels[k] == 1.0f;
            if (b.labels[k] == 1.0f) {
                assert_true(case_has(t->x, positives, b.users[k], b.items[k]));
                continue;
            }
            assert_false(case_has(t->x, t->train, b.users[k], b.items[k]) || case_has(t->x, t->verified, b.users[k], b.items[k]));
        }
    }
    assert_int_equal(n_positive, positives->n_events);
}

static void test_parts(void **state)
{
    world *w = *state;
    recsys_training o = COUNTS(.epochs = 2, .warm_up_epochs = 3, .fine_tune_epochs = 1, .batch_size = 100, .n_negatives = 3,
                               .verified = w->verified);
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", w->train, &o);
    static const int32_t kinds[] = { RECSYS_PART_WARM_UP, RECSYS_PART_MAIN, RECSYS_PART_FINE_TUNE };
    static const int64_t epochs[] = { 3, 2, 1 };
    int64_t step = 0, epoch = 0;
    assert_true(t->n_parts == 3 && t->n_epochs == 6);
    for (int k = 0; k < 3; k++) {
        const part *p = &t->parts[k];
        const recsys_dataset *positives = k == 1 ? t->train : t->verified;
        assert_true(p->kind == kinds[k] && p->n_epochs == epochs[k] && p->first_step == step && p->first_epoch == epoch);
        assert_int_equal(p->n_batches, (positives->n_events * 4 + 99) / 100);
        for (int64_t e = 0; e < p->n_epochs; e++)
            check_part(t, p, positives, 3, e);
        step += p->n_epochs * p->n_batches, epoch += p->n_epochs;
    }
    assert_int_equal(t->n_steps, step);
    recsys_trainer_release(t);
}

/* The negatives of two epochs, sorted: fixed ones are the same, others are not. Without negatives all labels are 1. */
static int order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_negatives(void **state)
{
    world *w = *state;
    static case_batch b;
    for (int32_t fixed = 0; fixed < 2; fixed++) {
        recsys_training o = COUNTS(.fixed_negatives = fixed);
        recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", w->train, &o);
        int64_t keys[2][CASE_BATCH], size = recsys__sampler_size(t->parts[0].sampler);
        assert_true(t->n_epochs == 10 && t->o.batch_size == 1024 && size == 2 * w->train->n_events);
        for (int64_t epoch = 0; epoch < 2; epoch++) {
            case_draw(w->x, t->parts[0].sampler, epoch, 0, size, &b);
            for (int64_t k = 0; k < size; k++)
                keys[epoch][k] = b.users[k] * 1000 + b.items[k];
            qsort(keys[epoch], (size_t)size, sizeof(int64_t), order);
        }
        assert_true((memcmp(keys[0], keys[1], (size_t)size * 8) == 0) == fixed);
        recsys_trainer_release(t);
    }
    recsys_training none = COUNTS(.n_negatives = -1);
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", w->train, &none);
    int64_t size = recsys__sampler_size(t->parts[0].sampler);
    assert_int_equal(size, w->train->n_events);
    case_draw(w->x, t->parts[0].sampler, 0, 0, size, &b);
    for (int64_t k = 0; k < size; k++)
        assert_true(b.labels[k] == 1.0f);
    recsys_trainer_release(t);
}

/* By popularity: counted in the training data for all parts and for validation, so that an item that only held out or verified
 * data have is never drawn, and one that they do not have is. */
static void test_popularity(void **state)
{
    world *w = *state;
    enum { E = 10 };
    const int64_t user[E] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, item[E] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 };
    const int64_t held_user[] = { 0, 8, 3 }, held_item[] = { 2, 2, 2 };
    recsys_dataset *train = case_events(w->x, "10", "4", user, item, NULL, E);
    recsys_dataset *held = case_events(w->x, "10", "4", held_user, held_item, NULL, 3);
    recsys_training o = COUNTS(.popularity = 1.0, .validation = held, .verified = held, .fine_tune_epochs = 1);
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", train, &o);
    const sampler *s[] = { t->parts[0].sampler, t->parts[1].sampler, t->validation_sampler };
    static case_batch b;
    for (int k = 0; k < 3; k++) {
        int64_t ones = 0, zeros = 0;
        for (int64_t epoch = 0; epoch < 30; epoch++) {
            case_draw(w->x, s[k], epoch, 0, recsys__sampler_size(s[k]), &b);
            for (int64_t i = 0; i < b.samples; i++) {
                if (b.labels[i] == 1.0f)
                    continue;
                assert_true(b.items[i] < 2);
                zeros += b.items[i] == 0, ones += b.items[i] == 1;
            }
        }
        assert_true(zeros > 0 && ones > 0);
    }
    recsys_trainer_release(t);
    recsys_dataset_release(train), recsys_dataset_release(held);
}

/* ---- models to start from ---- */

static recsys_model *now(recsys_trainer *t)
{
    recsys_model *m = case_model(t, 0);
    recsys_trainer_release(t);
    return m;
}

static void test_start_from_own_kind(void **state)
{
    world *w = *state;
    static const char *const kinds[][2] = { { "gmf", "dim=4" }, { "mlp", "dim=4,layers=2" }, { "neumf", "dim=4" }, { "cdae", "hidden=6" } };
    recsys_training o = COUNTS(.epochs = 2);
    for (int k = 0; k < 4; k++) {
        recsys_model *m = case_fit(w->x, kinds[k][0], kinds[k][1], w->train, &o);
        recsys_training from = COUNTS(.start = (const recsys_model *[]){ m }, .n_start = 1);
        recsys_trainer *t = case_trainer(w->x, kinds[k][0], kinds[k][1], w->train, &from);
        assert_string_equal(recsys_optimizer_name(t->optimizer), "adam");
        recsys_model *begun = now(t);
        assert_true(case_same(w->x, m, begun));
        recsys_model_release(begun), recsys_model_release(m);
    }
}

/* Before its first step such a neumf scores as the mean of both models. */
static void test_start_from_two(void **state)
{
    world *w = *state;
    recsys_training o = COUNTS(.epochs = 3);
    recsys_model *gmf = case_fit(w->x, "gmf", "dim=4", w->train, &o), *mlp = case_fit(w->x, "mlp", "dim=4,layers=2", w->train, &o);
    for (int swapped = 0; swapped < 2; swapped++) {
        const recsys_model *both[] = { swapped ? mlp : gmf, swapped ? gmf : mlp };
        recsys_training from = COUNTS(.start = both, .n_start = 2);
        recsys_trainer *t = case_trainer(w->x, "neumf", "dim=4,layers=2", w->train, &from);
        assert_string_equal(recsys_optimizer_name(t->optimizer), "sgd");
        recsys_model *m = now(t);
        for (int64_t u = 0; u < CASE_USERS; u++) {
            float a[CASE_ITEMS], b[CASE_ITEMS], c[CASE_ITEMS];
            case_scores(w->x, gmf, u, a), case_scores(w->x, mlp, u, b), case_scores(w->x, m, u, c);
            for (int i = 0; i < CASE_ITEMS; i++)
                case_near((double)c[i], 0.5 * ((double)a[i] + (double)b[i]), 1e-6, "neumf from two models");
        }
        recsys_model_release(m);
    }
    recsys_model_release(gmf), recsys_model_release(mlp);
}

static void expect_no_start(world *w, const char *kind, const char *params, const recsys_model *a, const recsys_model *b, int64_t n,
                            const recsys_dataset *train, const char *words)
{
    const recsys_model *from[] = { a, b, a };
    recsys_training o = COUNTS(.start = from, .n_start = n);
    recsys_trainer *t;
    expect_error(w->x, case_try(w->x, kind, params, train, &o, &t), RECSYS_ERR_INVALID_ARGUMENT, words);
}

static void test_no_start(void **state)
{
    world *w = *state;
    recsys_training o = COUNTS(.epochs = 1);
    recsys_model *gmf = case_fit(w->x, "gmf", "dim=4", w->train, &o), *mlp = case_fit(w->x, "mlp", "dim=4,layers=2", w->train, &o);
    recsys_model *wide = case_fit(w->x, "gmf", "dim=5", w->train, &o), *deep = case_fit(w->x, "mlp", "dim=2,layers=3", w->train, &o);
    recsys_dataset *fewer = test_random_dataset(w->x, CASE_USERS - 1, CASE_ITEMS, 6, 0, 1);
    recsys_dataset *items = test_random_dataset(w->x, CASE_USERS, CASE_ITEMS - 4, 6, 0, 1);
    recsys_dataset *strings = test_random_dataset(w->x, CASE_USERS, CASE_ITEMS, 6, TEST_STRINGS, 1);
    expect_no_start(w, "gmf", "dim=4", wide, NULL, 1, w->train, "user_embedding|40 x 5|40 x 4");
    expect_no_start(w, "gmf", "dim=4", mlp, NULL, 1, w->train, "gmf starts from one model of its own kind");
    expect_no_start(w, "gmf", "dim=4", gmf, gmf, 2, w->train, "one model of its own kind");
    expect_no_start(w, "gmf", "dim=4", NULL, NULL, 1, w->train, "NULL");
    expect_no_start(w, "gmf", "dim=4", gmf, NULL, 1, fewer, "other users");
    expect_no_start(w, "gmf", "dim=4", gmf, NULL, 1, items, "other items");
    expect_no_start(w, "gmf", "dim=4", gmf, NULL, 1, strings, "other users");
    expect_no_start(w, "neumf", "dim=4,layers=2", gmf, mlp, 1, w->train, "a gmf and an mlp");
    expect_no_start(w, "neumf", "dim=4,layers=2", gmf, mlp, 3, w->train, "a gmf and an mlp");
    expect_no_start(w, "neumf", "dim=4,layers=2", gmf, wide, 2, w->train, "a gmf and an mlp");
    expect_no_start(w, "neumf", "dim=4,layers=2", wide, mlp, 2, w->train, "user_embedding|40 x 5|40 x 4");
    expect_no_start(w, "neumf", "dim=4,layers=3", gmf, mlp, 2, w->train, "3 layers|2");
    expect_no_start(w, "neumf", "dim=4,layers=2", gmf, deep, 2, w->train, "2 layers|3");
    expect_no_start(w, "neumf", "dim=4,layers=2", gmf, NULL, 2, w->train, "NULL");
    expect_no_start(w, "mlp", "dim=4,layers=2", deep, NULL, 1, w->train, "predict_weight");
    expect_no_start(w, "mlp", "dim=2,layers=3", mlp, NULL, 1, w->train, "layer3_weight");
    recsys_model_release(gmf), recsys_model_release(mlp), recsys_model_release(wide), recsys_model_release(deep);
    recsys_dataset_release(fewer), recsys_dataset_release(items), recsys_dataset_release(strings);
}

static void test_default_optimizer(void **state)
{
    world *w = *state;
    recsys_trainer *t = case_trainer(w->x, "neumf", "dim=4", w->train, NULL);
    assert_string_equal(recsys_optimizer_name(t->optimizer), "adam");
    assert_true(t->n_epochs == 10);
    recsys_trainer_release(t);
}

/* ---- data of other ids ---- */

static void keep_line(void *user, int32_t level, const char *component, const char *message)
{
    if (level == RECSYS_LOG_WARNING && strcmp(component, "train") == 0)
        snprintf(user, 256, "%s", message);
}

/* Events of d with ids as words, from the last to the first, and `extra` events of a user and an item that nobody knows. */
static recsys_dataset *in_words(recsys_exec *x, const recsys_dataset *d, int backwards, int64_t extra)
{
    enum { MOST = 400, ROOM = 8 };
    static char words[2 * MOST][ROOM];
    const char *user[MOST], *item[MOST];
    recsys_events events = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *builder;
    recsys_dataset *data;
    int64_t n = d->n_events;
    assert_true(n + extra <= MOST);
    for (int64_t e = 0; e < n + extra; e++) {
        int64_t from = backwards ? n - 1 - e : e;
        snprintf(words[2 * e], ROOM, e < n ? "u%d" : "new", e < n ? d->user[from] : 0);
        snprintf(words[2 * e + 1], ROOM, e < n || e % 2 ? "i%d" : "new", e < n ? d->item[from] : 0);
        user[e] = words[2 * e], item[e] = words[2 * e + 1];
    }
    events.count = n + extra, events.user_names = user, events.item_names = item;
    expect_ok(x, recsys_dataset_builder_create(x, NULL, &builder));
    expect_ok(x, recsys_dataset_builder_append(builder, &events));
    expect_ok(x, recsys_dataset_builder_finish(builder, &data));
    recsys_dataset_builder_release(builder);
    return data;
}

static int64_t index_in(const recsys_ids *to, const recsys_ids *from, int64_t index)
{
    char id[16];
    assert_true(recsys_ids_text(from, index, id, sizeof id) < 16);
    return recsys_ids_find(to, id);
}

static void test_other_ids(void **state)
{
    world *w = *state;
    char line[256] = "", words[64];
    recsys_env_options options = RECSYS_ENV_OPTIONS_INIT;
    options.log = keep_line, options.log_user = line, options.log_level = RECSYS_LOG_WARNING;
    recsys_env *env;
    recsys_exec *x;
    assert_int_equal(recsys_env_create(&options, &env, NULL), RECSYS_OK);
    assert_int_equal(recsys_exec_create(env, NULL, &x, NULL), RECSYS_OK);
    recsys_dataset *train = in_words(x, w->train, 0, 0), *held = in_words(x, w->validation, 1, 3);
    recsys_training o = COUNTS(.validation = held, .select = "NDCG@20");
    recsys_trainer *t = case_trainer(x, "gmf", "dim=4", train, &o);
    int64_t kept = 0;
    for (int64_t e = 0; e < held->n_events; e++) {
        int64_t user = index_in(train->users, held->users, held->user[e]), item = index_in(train->items, held->items, held->item[e]);
        if (user < 0 || item < 0)
            continue;
        assert_true(t->validation->user[kept] == user && t->validation->item[kept] == item);
        kept++;
    }
    assert_true(t->validation->n_events == kept && kept <= held->n_events - 3 && kept > 50);
    snprintf(words, sizeof words, "%d of %d validation positives", (int)(held->n_events - kept), (int)held->n_events);
    assert_non_null(strstr(line, words));
    recsys_trainer_release(t);
    recsys_dataset_release(held);
    held = in_words(x, w->validation, 0, 0);
    o = (recsys_training)COUNTS(.verified = held, .fine_tune_epochs = 1);
    line[0] = '\0';
    recsys_model_release(case_fit(x, "mlp", "dim=2", train, &o));
    assert_string_equal(line, "");
    recsys_dataset_release(held), recsys_dataset_release(train);
    recsys_exec_release(x);
    recsys_env_release(env);
}

/* ---- */

static int open_world(void **state)
{
    static world w;
    fixture_open(&w.f, 2);
    w.x = w.f.exec;
    w.train = case_data(w.x, 6, 1);
    w.validation = case_data(w.x, 2, 2);
    w.verified = case_data(w.x, 3, 3);
    *state = &w;
    return 0;
}

static int close_world(void **state)
{
    world *w = *state;
    recsys_dataset_release(w->train), recsys_dataset_release(w->validation), recsys_dataset_release(w->verified);
    fixture_close(&w->f);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parts),          TEST(test_negatives), TEST(test_popularity),        TEST(test_start_from_own_kind),
        TEST(test_start_from_two), TEST(test_no_start),  TEST(test_default_optimizer), TEST(test_other_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
