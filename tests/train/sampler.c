/* sampler.c - samplers from datasets to batches: what an epoch holds, how negatives are spread, what is refused.
 *
 * The draws of single samples are checked in tests/op/sample_pairs.c and sample_rows.c.
 * Bounds on chi-square are the mean of its distribution and six standard deviations more, for fixed seeds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/fence.h"
#include "support/support.h"

#include "backend/run.h"
#include "train/alias.h"

/* ---- data ---- */

enum { WORLD_USERS = 45, WORLD_ITEMS = 30, FLAGS = 1 };

/* `count` events over a universe of users and items; `flags` may be NULL. */
static recsys_dataset *data_of(recsys_exec *x, const char *users, const char *items, const int64_t *user, const int64_t *item,
                               const uint8_t *flags, int64_t count)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    recsys_events events = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *builder;
    recsys_dataset *data;
    options.users = users, options.items = items;
    events.count = count, events.user_ids = user, events.item_ids = item, events.flags = flags;
    expect_ok(x, recsys_dataset_builder_create(x, &options, &builder));
    expect_ok(x, recsys_dataset_builder_append(builder, &events));
    expect_ok(x, recsys_dataset_builder_finish(builder, &data));
    recsys_dataset_builder_release(builder);
    return data;
}

/* 300 events of 40 users, some of them repeated; the last five users have none. Low items are popular. */
static recsys_dataset *world(recsys_exec *x, int flags, uint64_t seed)
{
    enum { E = 300 };
    int64_t user[E], item[E];
    uint8_t flag[E];
    for (int e = 0; e < E; e++) {
        double draw = test_random_unit(&seed);
        user[e] = (int64_t)(test_random(&seed) % 40);
        item[e] = (int64_t)(draw * draw * WORLD_ITEMS);
        flag[e] = (uint8_t)(test_random(&seed) % 2);
    }
    return data_of(x, "45", "30", user, item, flags ? flag : NULL, E);
}

static int has(recsys_exec *x, const recsys_dataset *d, int64_t u, int64_t i)
{
    const csr *m;
    expect_ok(x, recsys__dataset_by_user(x, d, &m));
    for (int64_t c = m->ptr[u]; c < m->ptr[u + 1]; c++)
        if (m->col[c] == i) return 1;
    return 0;
}

/* ---- drawing to the host ---- */

typedef struct drawn {
    int64_t count;
    int32_t *user, *item, *row;
    float *label;
    uint8_t *clean;
} drawn;

static void fetch(recsys_exec *x, void *to, const void *from, int64_t n, size_t size)
{
    expect_ok(x, recsys__download(x, to, from, n * (int64_t)size));
}

/* An epoch of pairs in batches of `size`. Bytes that nobody writes are 0xcc. */
static drawn draw_epoch(recsys_exec *x, const sampler *s, int64_t epoch, int64_t size)
{
    int64_t N = recsys__sampler_size(s);
    drawn d = { N, malloc((size_t)N * 4), malloc((size_t)N * 4), NULL, malloc((size_t)N * 4), malloc((size_t)N) };
    tape *g;
    expect_ok(x, recsys__tape_create(x, &g));
    memset(d.clean, 0xcc, (size_t)N);
    for (int64_t at = 0; at < N; at += size) {
        int64_t count = N - at < size ? N - at : size;
        batch b = { .step = 77 };
        recsys__tape_reset(g, 1, 1);
        recsys__sampler_draw(s, g, epoch, at, count, &b);
        expect_ok(x, recsys__tape_status(g));
        assert_int_equal(b.rows, count);
        assert_int_equal(b.step, 77);
        assert_null(b.sample_row.data);
        assert_null(b.rows_items.row_ptr);
        assert_true(b.users.shape[0] == count && b.items.shape[0] == count && b.labels.shape[0] == count);
        assert_true(b.users.dtype == RECSYS_I32 && b.items.dtype == RECSYS_I32 && b.labels.dtype == RECSYS_F32);
        fetch(x, d.user + at, b.users.data, count, 4);
        fetch(x, d.item + at, b.items.data, count, 4);
        fetch(x, d.label + at, b.labels.data, count, 4);
        if (b.clean) fetch(x, d.clean + at, b.clean, count, 1);
    }
    recsys__tape_free(g);
    return d;
}

static void free_drawn(drawn *d)
{
    free(d->user), free(d->item), free(d->row), free(d->label), free(d->clean);
}

/* Places at which two epochs agree in user and item. */
static int64_t agreeing(const drawn *a, const drawn *b)
{
    int64_t same = 0;
    assert_int_equal(a->count, b->count);
    for (int64_t k = 0; k < a->count; k++) same += a->user[k] == b->user[k] && a->item[k] == b->item[k];
    return same;
}

static sampler *make(recsys_exec *x, const sampler_options *o, const recsys_dataset *d, const recsys_dataset *avoid)
{
    sampler *s;
    expect_ok(x, recsys__sampler_create(x, o, d, avoid != NULL, &avoid, &s));
    return s;
}

static void expect_chi_square(const double *count, const double *wanted, int64_t n, const char *what)
{
    double chi2 = 0.0, freedom = -1.0;
    for (int64_t k = 0; k < n; k++) {
        if (wanted[k] == 0.0) {
            assert_true(count[k] == 0.0);
            continue;
        }
        chi2 += (count[k] - wanted[k]) * (count[k] - wanted[k]) / wanted[k];
        freedom += 1.0;
    }
    if (chi2 > freedom + 6.0 * sqrt(2.0 * freedom) + 6.0)
        fail_msg("%s: chi-square %g, %g degrees of freedom", what, chi2, freedom);
}

/* ---- pairs ---- */

/* Every event once with label 1, n negatives for each, of the same user, that neither data set has. */
static void check_epoch(recsys_exec *x, const recsys_dataset *d, const recsys_dataset *avoid, int64_t n, const drawn *e)
{
    int64_t balance[WORLD_USERS][WORLD_ITEMS] = { { 0 } }, negatives[WORLD_USERS] = { 0 };
    for (int64_t k = 0; k < d->n_events; k++) {
        balance[d->user[k]][d->item[k]]++;
        negatives[d->user[k]] += n;
    }
    for (int64_t k = 0; k < e->count; k++) {
        if (e->label[k] == 1.0f) {
            balance[e->user[k]][e->item[k]]--;
            continue;
        }
        assert_true(e->label[k] == 0.0f);
        negatives[e->user[k]]--;
        assert_in_range(e->item[k], 0, WORLD_ITEMS - 1);
        assert_false(has(x, d, e->user[k], e->item[k]));
        if (avoid) assert_false(has(x, avoid, e->user[k], e->item[k]));
    }
    for (int u = 0; u < WORLD_USERS; u++) {
        assert_int_equal(negatives[u], 0);
        for (int i = 0; i < WORLD_ITEMS; i++) assert_int_equal(balance[u][i], 0);
    }
}

static void test_epochs(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, 0, 1), *avoid = world(f->exec, 0, 2);
    for (int64_t n = 0; n < 4; n++)
        for (int variant = 0; variant < 4; variant++) {
            sampler_options o = { .n_negatives = n, .popularity = variant & 1 ? 0.75 : 0.0, .seed = 3 };
            const recsys_dataset *avoided = variant & 2 ? avoid : NULL;
            sampler *s = make(f->exec, &o, d, avoided);
            assert_int_equal(recsys__sampler_size(s), d->n_events * (1 + n));
            for (int64_t epoch = 0; epoch < 3; epoch++) {
                drawn e = draw_epoch(f->exec, s, epoch, 100);
                check_epoch(f->exec, d, avoided, n, &e);
                free_drawn(&e);
            }
            recsys__sampler_free(f->exec, s);
        }
    recsys_dataset_release(avoid);
    recsys_dataset_release(d);
}

/* Several data sets to avoid, one of them empty of what the others have. */
static void test_avoid_several(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, 0, 1), *a = world(f->exec, 0, 2), *b = world(f->exec, 0, 5);
    const recsys_dataset *avoid[] = { a, d, b };
    sampler_options o = { .n_negatives = 2, .seed = 3 };
    sampler *s;
    expect_ok(f->exec, recsys__sampler_create(f->exec, &o, d, 3, avoid, &s));
    drawn e = draw_epoch(f->exec, s, 0, 100);
    check_epoch(f->exec, d, a, 2, &e);
    check_epoch(f->exec, d, b, 2, &e);
    free_drawn(&e);
    recsys__sampler_free(f->exec, s);
    recsys_dataset_release(d), recsys_dataset_release(a), recsys_dataset_release(b);
}

/* Each user's negatives over many epochs against the weights of what he may get. Popularity counts in the data to avoid, or
 * else in what is sampled. */
static void check_frequencies(recsys_exec *x, const recsys_dataset *d, const recsys_dataset *avoid, int own_may_be_drawn,
                              double popularity)
{
    enum { EPOCHS = 300 };
    sampler_options o = { .n_negatives = 3, .popularity = popularity, .own_may_be_drawn = own_may_be_drawn, .seed = 11 };
    sampler *s = make(x, &o, d, avoid);
    double count[WORLD_USERS][WORLD_ITEMS] = { { 0 } }, users_of[WORLD_ITEMS] = { 0 };
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        drawn e = draw_epoch(x, s, epoch, 1000);
        for (int64_t k = 0; k < e.count; k++) count[e.user[k]][e.item[k]] += e.label[k] == 0.0f;
        free_drawn(&e);
    }
    for (int u = 0; u < WORLD_USERS; u++)
        for (int i = 0; i < WORLD_ITEMS; i++) users_of[i] += has(x, avoid ? avoid : d, u, i);
    for (int u = 0; u < 40; u++) {
        double wanted[WORLD_ITEMS], sum = 0.0, total = 0.0;
        for (int i = 0; i < WORLD_ITEMS; i++) {
            int forbidden = (!own_may_be_drawn && has(x, d, u, i)) || (avoid && has(x, avoid, u, i));
            wanted[i] = forbidden ? 0.0 : popularity == 0.0 ? 1.0 : users_of[i] > 0.0 ? pow(users_of[i], popularity) : 0.0;
            sum += wanted[i];
            total += count[u][i];
        }
        for (int i = 0; i < WORLD_ITEMS; i++) wanted[i] *= total / sum;
        if (total > 0.0) expect_chi_square(count[u], wanted, WORLD_ITEMS, "negatives of a user");
    }
    recsys__sampler_free(x, s);
}

static void test_frequencies(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, 0, 4);
    check_frequencies(f->exec, d, NULL, 0, 0.0);
    check_frequencies(f->exec, d, NULL, 0, 0.75);
    check_frequencies(f->exec, d, NULL, 0, 2.0);
    recsys_dataset_release(d);
}

/* Only the data to avoid forbids an item, if the options say so; with nothing to avoid, nothing is forbidden. */
static void test_own_may_be_drawn(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, 0, 4), *avoid = world(f->exec, 0, 2);
    check_frequencies(f->exec, d, avoid, 0, 0.75);
    check_frequencies(f->exec, d, avoid, 1, 0.0);
    check_frequencies(f->exec, d, avoid, 1, 0.75);
    check_frequencies(f->exec, d, NULL, 1, 0.0);
    check_frequencies(f->exec, d, d, 1, 0.75); /* as without the option */
    const int64_t user[] = { 0, 0 }, item[] = { 0, 1 };
    recsys_dataset *all = data_of(f->exec, "1", "2", user, item, NULL, 2),
        *one = data_of(f->exec, "1", "2", user, item, NULL, 1);
    sampler_options o = { .n_negatives = 1, .seed = 1 };
    sampler *s;
    expect_error(f->exec, recsys__sampler_create(f->exec, &o, all, 1, (const recsys_dataset *[]){ one }, &s),
                 RECSYS_ERR_INVALID_ARGUMENT, "user 0 has 0 of 2 items left");
    o.own_may_be_drawn = 1;
    s = make(f->exec, &o, all, one);
    recsys__sampler_free(f->exec, s);
    expect_error(f->exec, recsys__sampler_create(f->exec, &o, one, 1, (const recsys_dataset *[]){ all }, &s),
                 RECSYS_ERR_INVALID_ARGUMENT, "user 0 has 0 of 2 items left");
    recsys_dataset_release(one), recsys_dataset_release(all), recsys_dataset_release(avoid), recsys_dataset_release(d);
}

/* Same bytes with 1, 2 and 8 threads and however an epoch is cut. */
static void test_same_bits(void **state)
{
    static const int64_t sizes[] = { 37, 1024, 5000, 1 << 20 };
    fixture *f = *state;
    recsys_dataset *d = test_random_dataset(f->exec, 300, 200, 15, TEST_REPEATS, 1);
    for (int popular = 0; popular < 2; popular++) {
        sampler_options o = { .n_negatives = 1, .popularity = popular ? 0.5 : 0.0, .seed = 3 };
        sampler *s = make(f->exec, &o, d, NULL);
        drawn first = draw_epoch(f->exec, s, 2, 64);
        assert_true(first.count > 5000);
        for (int k = 0; k < 12; k++) {
            static const int32_t threads[] = { 1, 2, 8 };
            recsys_exec *x = fixture_exec(f, threads[k / 4], 0, 99);
            drawn e = draw_epoch(x, s, 2, sizes[k % 4]);
            assert_int_equal(agreeing(&first, &e), first.count);
            assert_memory_equal(first.label, e.label, (size_t)e.count * 4);
            free_drawn(&e);
            recsys_exec_release(x);
        }
        free_drawn(&first);
        recsys__sampler_free(f->exec, s);
    }
    recsys_dataset_release(d);
}

/* The same sample in another epoch, order left alone: positives stay, negatives agree as often as chance has it. */
static int64_t same_negatives(const drawn *a, const drawn *b)
{
    int64_t same = 0;
    assert_int_equal(a->count, b->count);
    for (int64_t k = a->count / 2; k < a->count; k++) same += a->item[k] == b->item[k];
    return same;
}

static void test_other_numbers(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = test_random_dataset(f->exec, 300, 200, 15, 0, 1);
    for (int32_t keep_order = 0; keep_order < 2; keep_order++) {
        sampler_options o = { .n_negatives = 1, .seed = 3, .keep_order = keep_order }, other_seed = o, other_stream = o;
        other_seed.seed = 4, other_stream.stream = 1;
        sampler *s[] = { make(f->exec, &o, d, NULL), make(f->exec, &other_seed, d, NULL),
                         make(f->exec, &other_stream, d, NULL) };
        drawn e[] = { draw_epoch(f->exec, s[0], 0, 999), draw_epoch(f->exec, s[1], 0, 999), draw_epoch(f->exec, s[2], 0, 999),
                      draw_epoch(f->exec, s[0], 1, 999) };
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < a; b++) {
                if (keep_order) assert_true(same_negatives(&e[a], &e[b]) < e[0].count / 50); /* by chance 1 in 185 or so */
                else assert_true(agreeing(&e[a], &e[b]) < e[0].count / 100);
            }
        for (int a = 0; a < 4; a++) free_drawn(&e[a]);
        for (int a = 0; a < 3; a++) recsys__sampler_free(f->exec, s[a]);
    }
    recsys_dataset_release(d);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;
    return (l > r) - (l < r);
}

/* The samples of an epoch regardless of their order. */
static uint64_t *sorted_samples(const drawn *e)
{
    uint64_t *key = malloc((size_t)e->count * sizeof *key);
    for (int64_t k = 0; k < e->count; k++)
        key[k] = (uint64_t)e->user[k] << 32 | (uint64_t)e->item[k] << 1 | (e->label[k] > 0.5f);
    qsort(key, (size_t)e->count, sizeof *key, compare_u64);
    return key;
}

static void test_fixed(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = test_random_dataset(f->exec, 100, 200, 15, 0, 1);
    for (int32_t fixed = 0; fixed < 2; fixed++) {
        sampler_options o = { .n_negatives = 1, .seed = 3, .fixed = fixed };
        sampler *s = make(f->exec, &o, d, NULL);
        drawn a = draw_epoch(f->exec, s, 0, 999), b = draw_epoch(f->exec, s, 5, 999);
        uint64_t *key_a = sorted_samples(&a), *key_b = sorted_samples(&b);
        assert_int_equal(memcmp(key_a, key_b, (size_t)a.count * sizeof *key_a) == 0, fixed);
        assert_true(agreeing(&a, &b) < a.count / 50); /* the order changes in any case */
        free(key_a), free(key_b), free_drawn(&a), free_drawn(&b);
        recsys__sampler_free(f->exec, s);
    }
    recsys_dataset_release(d);
}

/* Samples of one user, and a positive and its negative, do not stay together; nor do positives come first. */
static void test_order(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = test_random_dataset(f->exec, 300, 200, 15, 0, 1);
    sampler_options o = { .n_negatives = 1, .seed = 3 };
    sampler *s = make(f->exec, &o, d, NULL);
    for (int64_t epoch = 0; epoch < 4; epoch++) {
        drawn e = draw_epoch(f->exec, s, epoch, 1000);
        double N = (double)e.count, together = 0.0, wanted = 0.0, tenth[20] = { 0 }, even[20], of[300] = { 0 };
        for (int64_t k = 0; k < e.count; k++) of[e.user[k]] += 1.0;
        for (int u = 0; u < 300; u++) wanted += of[u] * (of[u] - 1.0) / N; /* neighbours of the same user, by chance */
        for (int64_t k = 0; k < e.count; k++) {
            together += k > 0 && e.user[k] == e.user[k - 1];
            tenth[k * 10 / e.count * 2 + (e.label[k] > 0.5f)] += 1.0;
        }
        for (int k = 0; k < 20; k++) even[k] = N / 20.0;
        assert_true(fabs(together - wanted) < 6.0 * sqrt(wanted));
        expect_chi_square(tenth, even, 20, "labels along the epoch");
        free_drawn(&e);
    }
    recsys__sampler_free(f->exec, s);
    recsys_dataset_release(d);
}

static void test_keep_order(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, FLAGS, 1);
    sampler_options o = { .n_negatives = 2, .seed = 3, .keep_order = 1 };
    sampler *s = make(f->exec, &o, d, NULL);
    drawn e = draw_epoch(f->exec, s, 3, 70);
    for (int64_t k = 0; k < e.count; k++) {
        int64_t p = k < d->n_events ? k : (k - d->n_events) / 2;
        assert_int_equal(e.user[k], d->user[p]);
        assert_true(e.label[k] == (k < d->n_events ? 1.0f : 0.0f));
        assert_int_equal(e.clean[k], k < d->n_events ? d->flag[p] : 2);
        if (k < d->n_events) assert_int_equal(e.item[k], d->item[p]);
    }
    free_drawn(&e);
    recsys__sampler_free(f->exec, s);
    recsys_dataset_release(d);
}

/* Positives bring their flags along; without flags nothing is said. */
static void test_flags(void **state)
{
    fixture *f = *state;
    for (int flags = 0; flags < 2; flags++) {
        recsys_dataset *d = world(f->exec, flags, 1);
        sampler_options o = { .n_negatives = 1, .seed = 3 };
        sampler *s = make(f->exec, &o, d, NULL);
        drawn e = draw_epoch(f->exec, s, 0, 64);
        int64_t clean = 0, noisy = 0;
        for (int64_t k = 0; k < d->n_events && flags; k++) clean += d->flag[k], noisy += !d->flag[k];
        for (int64_t k = 0; k < e.count; k++) {
            if (!flags || e.label[k] == 0.0f) assert_int_equal(e.clean[k], flags ? 2 : 0xcc);
            else clean -= e.clean[k] == 1, noisy -= e.clean[k] == 0;
        }
        assert_true(clean == 0 && noisy == 0);
        free_drawn(&e);
        recsys__sampler_free(f->exec, s);
        recsys_dataset_release(d);
    }
}

static void test_one(void **state)
{
    fixture *f = *state;
    const int64_t zero = 0;
    recsys_dataset *d = data_of(f->exec, "1", "2", &zero, &zero, NULL, 1);
    for (int64_t n = 0; n < 2; n++) {
        sampler_options o = { .n_negatives = n, .seed = 8 };
        sampler *s = make(f->exec, &o, d, NULL);
        drawn e = draw_epoch(f->exec, s, 0, 1);
        assert_int_equal(e.count, 1 + n);
        for (int64_t k = 0; k < e.count; k++) assert_int_equal(e.item[k], e.label[k] == 1.0f ? 0 : 1);
        free_drawn(&e);
        recsys__sampler_free(f->exec, s);
    }
    recsys_dataset_release(d);
}

/* ---- user rows ---- */

/* An epoch of rows against the interaction matrix, and their samples as in the header; users come once. */
static void check_rows(recsys_exec *x, const sampler *s, const recsys_dataset *d, int32_t sampled, int64_t n, int64_t size)
{
    const csr *m;
    int64_t seen[WORLD_USERS] = { 0 }, R = recsys__sampler_size(s);
    tape *g;
    expect_ok(x, recsys__dataset_by_user(x, d, &m));
    expect_ok(x, recsys__tape_create(x, &g));
    for (int64_t at = 0; at < R; at += size) {
        int64_t count = R - at < size ? R - at : size, row_ptr[WORLD_USERS + 1];
        int32_t user[WORLD_USERS], column[1000], item[4000], row[4000];
        float label[4000];
        uint8_t clean[4000];
        batch b;
        memset(&b, 0, sizeof b);
        recsys__tape_reset(g, 1, 1);
        recsys__sampler_draw(s, g, 1, at, count, &b);
        expect_ok(x, recsys__tape_status(g));
        int64_t E = b.rows_items.n_entries, S = sampled ? E * (1 + n) : 0;
        assert_true(b.rows == count && b.rows_items.n_rows == count && b.rows_items.n_columns == WORLD_ITEMS);
        assert_null(b.rows_items.value);
        assert_true((b.items.data != NULL) == sampled && (b.clean != NULL) == (d->flag != NULL));
        if (sampled) assert_true(b.items.shape[0] == S && b.labels.shape[0] == S && b.sample_row.shape[0] == S);
        fetch(x, user, b.users.data, count, 4);
        fetch(x, row_ptr, b.rows_items.row_ptr, count + 1, 8);
        fetch(x, column, b.rows_items.column, E, 4);
        if (sampled)
            fetch(x, item, b.items.data, S, 4), fetch(x, label, b.labels.data, S, 4), fetch(x, row, b.sample_row.data, S, 4);
        if (b.clean) fetch(x, clean, b.clean, sampled ? S : count * WORLD_ITEMS, 1);
        assert_int_equal(row_ptr[count], E);
        for (int64_t r = 0; r < count; r++) {
            int64_t u = user[r], length = row_ptr[r + 1] - row_ptr[r];
            seen[u]++;
            assert_int_equal(length, m->ptr[u + 1] - m->ptr[u]);
            assert_memory_equal(column + row_ptr[r], m->col + m->ptr[u], (size_t)length * 4);
            for (int64_t k = row_ptr[r] * (1 + n); k < row_ptr[r + 1] * (1 + n) && sampled; k++) {
                int64_t place = k - row_ptr[r] * (1 + n);
                assert_int_equal(row[k], r);
                assert_true(label[k] == (place < length ? 1.0f : 0.0f));
                if (place < length) assert_int_equal(item[k], column[row_ptr[r] + place]);
                else assert_false(has(x, d, u, item[k]));
            }
        }
        for (int64_t r = 0; r < count && b.clean; r++) { /* a cell is clean if one of its events is */
            uint8_t want[WORLD_ITEMS];
            memset(want, 2, sizeof want);
            for (int64_t e = 0; e < d->n_events; e++)
                if (d->user[e] == user[r]) want[d->item[e]] = want[d->item[e]] == 1 ? 1 : d->flag[e];
            for (int64_t i = 0; i < WORLD_ITEMS && !sampled; i++) assert_int_equal(clean[r * WORLD_ITEMS + i], want[i]);
            for (int64_t k = row_ptr[r] * (1 + n); k < row_ptr[r + 1] * (1 + n) && sampled; k++)
                assert_int_equal(clean[k], want[item[k]]);
        }
    }
    for (int64_t u = 0; u < WORLD_USERS; u++) assert_int_equal(seen[u], m->ptr[u + 1] > m->ptr[u]);
    recsys__tape_free(g);
}

static void test_rows(void **state)
{
    fixture *f = *state;
    for (int flags = 0; flags < 2; flags++) {
        recsys_dataset *d = world(f->exec, flags, 1);
        for (int64_t n = 0; n < 3; n++)
            for (int variant = 0; variant < 8; variant++) {
                sampler_options o = { .kind = SAMPLE_USER_ROWS, .n_negatives = n, .popularity = variant & 1 ? 1.0 : 0.0,
                                      .sampled_output = variant / 2 % 2, .keep_order = variant / 4, .seed = 3 };
                sampler *s = make(f->exec, &o, d, NULL);
                check_rows(f->exec, s, d, o.sampled_output, n, 7);
                check_rows(f->exec, s, d, o.sampled_output, n, WORLD_USERS);
                recsys__sampler_free(f->exec, s);
            }
        recsys_dataset_release(d);
    }
}

/* ---- positives ---- */

/* An epoch of positives in batches of `size`: n negatives a row, N shared items a batch with the place of its first row. */
typedef struct positives {
    int64_t count, n, N, batches;
    int32_t *user, *item, *negative, *shared;
    float *item_log_q, *shared_log_q, *own_log_q;
} positives;

static positives draw_positives(recsys_exec *x, const sampler *s, const sampler_options *o, int64_t epoch, int64_t size)
{
    int64_t P = recsys__sampler_size(s), n = o->n_negatives, N = o->n_shared, batches = (P + size - 1) / size;
    positives d = { P, n, N, batches, malloc((size_t)P * 4), malloc((size_t)P * 4), malloc((size_t)(P * n) * 4 + 4),
                    malloc((size_t)(batches * N) * 4 + 4), malloc((size_t)P * 4), malloc((size_t)(batches * N) * 4 + 4),
                    malloc((size_t)P * 4) };
    tape *g;
    expect_ok(x, recsys__tape_create(x, &g));
    for (int64_t k = 0; k < batches; k++) {
        int64_t at = k * size, count = P - at < size ? P - at : size;
        batch b = { .step = 77 };
        recsys__tape_reset(g, 1, 1);
        recsys__sampler_draw(s, g, epoch, at, count, &b);
        expect_ok(x, recsys__tape_status(g));
        assert_true(b.rows == count && b.step == 77 && b.users.shape[0] == count && b.items.shape[0] == count);
        assert_true(b.labels.data == NULL && b.sample_row.data == NULL && b.rows_items.row_ptr == NULL && b.clean == NULL);
        assert_true((b.negatives.data != NULL) == (n > 0) && (b.shared.data != NULL) == (N > 0));
        assert_true((b.item_log_q.data != NULL) == o->with_log_q && (b.shared_log_q.data != NULL) == (o->with_log_q && N > 0));
        fetch(x, d.user + at, b.users.data, count, 4);
        fetch(x, d.item + at, b.items.data, count, 4);
        if (n > 0) {
            assert_true(b.negatives.rank == 2 && b.negatives.shape[0] == count && b.negatives.shape[1] == n);
            fetch(x, d.negative + at * n, b.negatives.data, count * n, 4);
        }
        if (N > 0) assert_true(b.shared.dtype == RECSYS_I32 && tensor_elements(&b.shared) == N);
        if (N > 0) fetch(x, d.shared + k * N, b.shared.data, N, 4);
        if (o->with_log_q) fetch(x, d.item_log_q + at, b.item_log_q.data, count, 4);
        if (o->with_log_q && N > 0) fetch(x, d.shared_log_q + k * N, b.shared_log_q.data, N, 4);
        if (o->with_log_q && N > 0) fetch(x, d.own_log_q + at, b.own_log_q.data, count, 4);
    }
    recsys__tape_free(g);
    return d;
}

static void free_positives(positives *d)
{
    free(d->user), free(d->item), free(d->negative), free(d->shared), free(d->item_log_q), free(d->shared_log_q);
    free(d->own_log_q);
}

/* Every event once, negatives that nobody knows, and the logs of what the data counts. */
static void check_positives(recsys_exec *x, const recsys_dataset *d, const recsys_dataset *avoid, const sampler_options *o,
                            const positives *e)
{
    int64_t balance[WORLD_USERS][WORLD_ITEMS] = { { 0 } };
    double events[WORLD_ITEMS] = { 0 }, weight[WORLD_ITEMS], sum = 0.0, least = INFINITY;
    for (int64_t k = 0; k < d->n_events; k++) {
        balance[d->user[k]][d->item[k]]++;
        events[d->item[k]] += 1.0;
    }
    for (int i = 0; i < WORLD_ITEMS; i++) {
        double users = 0.0;
        for (int u = 0; u < WORLD_USERS; u++) users += has(x, avoid ? avoid : d, u, i);
        sum += weight[i] = o->popularity == 0.0 ? 1.0 : users > 0.0 ? pow(users, o->popularity) : 0.0;
        if (weight[i] > 0.0) least = fmin(least, weight[i]);
    }
    assert_int_equal(e->count, d->n_events);
    for (int64_t k = 0; k < e->count; k++) {
        balance[e->user[k]][e->item[k]]--;
        for (int64_t j = k * e->n; j < (k + 1) * e->n; j++) {
            assert_in_range(e->negative[j], 0, WORLD_ITEMS - 1);
            assert_false(has(x, d, e->user[k], e->negative[j]));
            if (avoid) assert_false(has(x, avoid, e->user[k], e->negative[j]));
        }
        if (o->with_log_q) assert_true(fabs((double)e->item_log_q[k] - log(events[e->item[k]] / (double)d->n_events)) < 1e-6);
        if (o->with_log_q && e->N > 0)
            assert_true(fabs((double)e->own_log_q[k] - log(fmax(weight[e->item[k]], least) / sum)) < 1e-6);
    }
    for (int u = 0; u < WORLD_USERS; u++)
        for (int i = 0; i < WORLD_ITEMS; i++) assert_int_equal(balance[u][i], 0);
    for (int64_t k = 0; k < e->batches * e->N; k++) {
        assert_in_range(e->shared[k], 0, WORLD_ITEMS - 1);
        assert_true(weight[e->shared[k]] > 0.0);
        if (o->with_log_q) assert_true(fabs((double)e->shared_log_q[k] - log(weight[e->shared[k]] / sum)) < 1e-6);
    }
}

static void test_positives(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, FLAGS, 1), *avoid = world(f->exec, 0, 2);
    for (int variant = 0; variant < 32; variant++) {
        sampler_options o = { .kind = SAMPLE_POSITIVES, .n_negatives = variant & 1 ? 3 : 0, .n_shared = variant & 2 ? 40 : 0,
                              .with_log_q = variant / 4 % 2, .popularity = variant & 8 ? 0.75 : 0.0, .seed = 3 };
        const recsys_dataset *avoided = variant & 16 ? avoid : NULL;
        sampler *s = make(f->exec, &o, d, avoided);
        for (int64_t epoch = 0; epoch < 2; epoch++) {
            positives e = draw_positives(f->exec, s, &o, epoch, 70);
            check_positives(f->exec, d, avoided, &o, &e);
            free_positives(&e);
        }
        recsys__sampler_free(f->exec, s);
    }
    recsys_dataset_release(avoid), recsys_dataset_release(d);
}

/* Rows and negatives have the same bits however an epoch is cut and on any number of threads; shared items belong to a
 * position. Negatives are those of pairs. */
static void test_positives_same_bits(void **state)
{
    static const int64_t sizes[] = { 37, 1024, 1 << 20 };
    static const int32_t threads[] = { 1, 2, 8 };
    fixture *f = *state;
    recsys_dataset *d = test_random_dataset(f->exec, 300, 200, 15, TEST_REPEATS, 1);
    sampler_options o = { .kind = SAMPLE_POSITIVES, .n_negatives = 2, .n_shared = 64, .with_log_q = 1, .popularity = 0.5,
                          .seed = 3 };
    sampler *s = make(f->exec, &o, d, NULL);
    positives first = draw_positives(f->exec, s, &o, 2, 64);
    for (int k = 0; k < 9; k++) {
        recsys_exec *x = fixture_exec(f, threads[k / 3], 0, 99);
        positives e = draw_positives(x, s, &o, 2, sizes[k % 3]);
        assert_memory_equal(e.user, first.user, (size_t)first.count * 4);
        assert_memory_equal(e.item, first.item, (size_t)first.count * 4);
        assert_memory_equal(e.negative, first.negative, (size_t)(first.count * first.n) * 4);
        assert_memory_equal(e.item_log_q, first.item_log_q, (size_t)first.count * 4);
        assert_memory_equal(e.shared, first.shared, (size_t)first.N * 4); /* of position 0 */
        free_positives(&e);
        recsys_exec_release(x);
    }
    assert_true(memcmp(first.shared, first.shared + first.N, (size_t)first.N * 4) != 0);
    sampler_options in_order = o, of_pairs = { .n_negatives = 2, .popularity = 0.5, .seed = 3, .keep_order = 1 };
    in_order.keep_order = 1;
    sampler *one = make(f->exec, &in_order, d, NULL), *two = make(f->exec, &of_pairs, d, NULL);
    positives a = draw_positives(f->exec, one, &in_order, 2, 50);
    drawn b = draw_epoch(f->exec, two, 2, 1000);
    assert_memory_equal(a.item, b.item, (size_t)a.count * 4);
    assert_memory_equal(a.negative, b.item + a.count, (size_t)(a.count * 2) * 4);
    free_positives(&a), free_drawn(&b), free_positives(&first);
    recsys__sampler_free(f->exec, one), recsys__sampler_free(f->exec, two), recsys__sampler_free(f->exec, s);
    recsys_dataset_release(d);
}

/* Shared items over many batches against the weights; other epochs, seeds and streams draw others, a fixed sampler the same. */
static void test_shared(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, 0, 4);
    for (int popular = 0; popular < 3; popular++) {
        sampler_options o = { .kind = SAMPLE_POSITIVES, .n_shared = 100, .with_log_q = 1, .popularity = popular * 0.75,
                              .seed = 11 };
        sampler *s = make(f->exec, &o, d, NULL);
        double count[WORLD_ITEMS] = { 0 }, wanted[WORLD_ITEMS] = { 0 }, total = 0.0;
        for (int64_t epoch = 0; epoch < 20; epoch++) {
            positives e = draw_positives(f->exec, s, &o, epoch, 30);
            for (int64_t k = 0; k < e.batches * e.N; k++) {
                count[e.shared[k]] += 1.0;
                wanted[e.shared[k]] = exp((double)e.shared_log_q[k]);
                total += 1.0;
            }
            free_positives(&e);
        }
        for (int i = 0; i < WORLD_ITEMS; i++) wanted[i] *= total;
        expect_chi_square(count, wanted, WORLD_ITEMS, "shared items");
        recsys__sampler_free(f->exec, s);
    }
    for (int change = 0; change < 4; change++) {
        sampler_options o = { .kind = SAMPLE_POSITIVES, .n_shared = 100, .seed = 11, .fixed = change == 3 }, other = o;
        if (change == 1) other.seed = 12;
        if (change == 2) other.stream = 1;
        sampler *s = make(f->exec, &o, d, NULL), *t = make(f->exec, &other, d, NULL);
        positives a = draw_positives(f->exec, s, &o, 0, 300),
            b = draw_positives(f->exec, t, &other, change == 0 || change == 3, 300);
        assert_int_equal(memcmp(a.shared, b.shared, 400) == 0, change == 3);
        free_positives(&a), free_positives(&b);
        recsys__sampler_free(f->exec, s), recsys__sampler_free(f->exec, t);
    }
    recsys_dataset_release(d);
}

/* ---- the alias table ---- */

/* The shares that a table gives add up to those of the weights, to 2^-32 for each slot that an item is in. */
static void test_alias_table(void **state)
{
    fixture *f = *state;
    enum { MOST = 1000 };
    double weight[MOST], share[MOST];
    uint32_t threshold[MOST];
    int32_t alias[MOST];
    uint64_t seed = 5;
    for (int64_t n = 1; n <= MOST; n = n * 3 + 1)
        for (int shape = 0; shape < 4; shape++) {
            double total = 0.0;
            for (int64_t i = 0; i < n; i++) { /* equal, falling, one large among zeros, random with zeros */
                double draw = test_random_unit(&seed);
                weight[i] = shape == 0 ? 3.0 : shape == 1 ? 1.0 / (double)(i + 1) : shape == 2 ? i == n / 2 : draw;
                if (shape == 3 && draw < 0.3 && i > 0) weight[i] = 0.0;
                total += weight[i];
                share[i] = 0.0;
            }
            expect_ok(f->exec, recsys__alias_table(f->exec, n, weight, threshold, alias));
            for (int64_t i = 0; i < n; i++) {
                assert_in_range(alias[i], 0, n - 1);
                share[i] += (double)threshold[i] * 0x1p-32;
                share[alias[i]] += 1.0 - (double)threshold[i] * 0x1p-32;
            }
            for (int64_t i = 0; i < n; i++) {
                assert_true(fabs(share[i] / (double)n - weight[i] / total) < 0x1p-31);
                if (weight[i] == 0.0) assert_true(share[i] == 0.0);
            }
        }
}

/* ---- what is refused ---- */

static void expect_refused(recsys_exec *x, const sampler_options *o, const recsys_dataset *d, const recsys_dataset *avoid,
                           recsys_status status, const char *words)
{
    sampler *s = (sampler *)(void *)x; /* anything but NULL */
    expect_error(x, recsys__sampler_create(x, o, d, avoid != NULL, &avoid, &s), status, words);
    assert_null(s);
}

static void test_bad_options(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, 0, 1), *other = test_random_dataset(f->exec, 20, 10, 5, 0, 1), *empty;
    const sampler_options good = { .n_negatives = 1, .seed = 3 };
    sampler_options o = good;
    o.kind = 3;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "kind of sampler 3");
    o = good, o.kind = SAMPLE_POSITIVES, o.n_shared = -1;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "-1 items for a batch to share");
    o.n_shared = INT64_C(1) << 31;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "2147483648 items");
    o = good, o.n_negatives = -1;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "-1 negatives");
    o = good, o.popularity = -0.5;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "-0.5|popularity");
    o.popularity = NAN;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "popularity");
    o.popularity = INFINITY;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "popularity");
    o = good, o.stream = 16;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "stream is 16");
    o = good, o.n_negatives = INT64_C(1) << 47;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_TOO_LARGE, "300 positives");
    expect_refused(f->exec, &good, d, other, RECSYS_ERR_INVALID_ARGUMENT, "20 users|45");
    uint8_t keep[300] = { 0 };
    expect_ok(f->exec, recsys__dataset_select(f->exec, d, keep, &empty));
    expect_refused(f->exec, &good, empty, NULL, RECSYS_ERR_EMPTY, "no positive");
    sampler *s = make(f->exec, &good, d, empty); /* nothing to avoid is fine */
    recsys__sampler_free(f->exec, s);
    recsys__sampler_free(f->exec, NULL);
    recsys_dataset_release(d), recsys_dataset_release(other), recsys_dataset_release(empty);
}

/* User 70 has items 0, 1, 2 of 5, user 90 has all but what data to avoid adds; item 4 has no users. */
static void test_too_few_left(void **state)
{
    fixture *f = *state;
    static const int64_t user[] = { 70, 70, 70, 90, 90 }, item[] = { 0, 1, 2, 0, 3 };
    static const int64_t more_user[] = { 90, 70, 90, 90, 90 }, more_item[] = { 4, 0, 1, 0, 2 };
    char path[TEST_PATH_ROOM];
    test_write_text(fixture_path(f, "users", path), "70\n80\n90\n");
    recsys_dataset *d = data_of(f->exec, path, "5", user, item, NULL, 5);
    recsys_dataset *more = data_of(f->exec, path, "5", more_user, more_item, NULL, 5);
    sampler_options o = { .n_negatives = 2, .seed = 3 };
    sampler *s = make(f->exec, &o, d, NULL);
    recsys__sampler_free(f->exec, s);
    o.n_negatives = 3;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "user 70|2 of 5|3 are asked");
    o.n_negatives = 1;
    expect_refused(f->exec, &o, d, more, RECSYS_ERR_INVALID_ARGUMENT, "user 90|0 of 5|1 are asked");
    o.n_negatives = 2, o.popularity = 1.0;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "user 70|1 of 5|popularity|2 are asked");
    o.kind = SAMPLE_USER_ROWS, o.sampled_output = 1;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "user 70|1 of 5|2 are asked");
    o.kind = SAMPLE_POSITIVES;
    expect_refused(f->exec, &o, d, NULL, RECSYS_ERR_INVALID_ARGUMENT, "user 70|1 of 5|2 are asked");
    o.n_negatives = 0, o.n_shared = 100; /* shared items ask nobody what he knows */
    s = make(f->exec, &o, d, more);
    recsys__sampler_free(f->exec, s);
    o.kind = SAMPLE_USER_ROWS, o.n_negatives = 2, o.sampled_output = 0; /* full rows draw nothing */
    s = make(f->exec, &o, d, more);
    recsys__sampler_free(f->exec, s);
    recsys_dataset_release(d), recsys_dataset_release(more);
}

static void test_out_of_range(void **state)
{
    static const int64_t bad[][3] = { { 0, 0, 601 }, { 0, 600, 1 }, { 0, -1, 1 }, { -1, 0, 1 }, { 0, 0, -1 },
                                      { 0, INT64_MAX, 1 } };
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, 0, 1);
    sampler_options o = { .n_negatives = 1, .seed = 3 };
    sampler *s = make(f->exec, &o, d, NULL);
    tape *g;
    expect_ok(f->exec, recsys__tape_create(f->exec, &g));
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        batch b = { 0 };
        recsys__tape_reset(g, 1, 1);
        recsys__sampler_draw(s, g, bad[k][0], bad[k][1], bad[k][2], &b);
        expect_error(f->exec, recsys__tape_status(g), RECSYS_ERR_OUT_OF_RANGE, "an epoch has 600");
        assert_null(b.users.data);
        recsys__sampler_draw(s, g, 0, 0, 1, &b); /* the first error sticks */
        expect_error(f->exec, recsys__tape_status(g), RECSYS_ERR_OUT_OF_RANGE, "an epoch has 600");
    }
    recsys__tape_free(g);
    recsys__sampler_free(f->exec, s);
    recsys_dataset_release(d);
}

/* ---- memory ---- */

/* Every allocation of making a sampler fails once: nothing stays, and the next try works. */
static void test_failing_memory(void **state)
{
    fixture *f = *state;
    for (int variant = 0; variant < 6; variant++) {
        int64_t refused = 1, failures = 0;
        for (int64_t at = 1; refused; at++) {
            recsys_dataset *d = world(f->exec, FLAGS, 1), *avoid = world(f->exec, 0, 2); /* new ones: views are made once */
            const recsys_dataset *avoided = avoid;
            sampler_options o = { .kind = variant & 1, .sampled_output = 1, .n_negatives = 1,
                                  .popularity = variant & 2 ? 0.5 : 0.0 };
            if (variant >= 4)
                o.kind = SAMPLE_POSITIVES, o.n_shared = 20, o.with_log_q = 1, o.popularity = variant & 1 ? 0.5 : 0.0;
            sampler *s;
            int64_t used = recsys__memory_used(f->exec->memory);
            test_heap_fail(&f->heap, at, 0);
            recsys_status status = recsys__sampler_create(f->exec, &o, d, 1, &avoided, &s);
            refused = atomic_load(&f->heap.refused);
            failures += status != RECSYS_OK;
            test_heap_fail(&f->heap, 0, 0);
            if (status) {
                expect_error(f->exec, status, RECSYS_ERR_NO_MEMORY, NULL);
                assert_null(s);
            } else {
                drawn e = { 0 }; /* also where an allocation failed that the data's view can do without */
                assert_true(recsys__memory_used(f->exec->memory) > used);
                if (o.kind == SAMPLE_PAIRS) e = draw_epoch(f->exec, s, 0, 100);
                if (o.kind == SAMPLE_POSITIVES) {
                    positives p = draw_positives(f->exec, s, &o, 0, 100);
                    check_positives(f->exec, d, avoid, &o, &p);
                    free_positives(&p);
                }
                free_drawn(&e);
            }
            recsys__sampler_free(f->exec, s);
            recsys_dataset_release(d), recsys_dataset_release(avoid);
        }
        assert_true(failures > 10);
    }
}

/* Batches after the first of their size take nothing from the allocator. */
static void test_steady_state(void **state)
{
    fixture *f = *state;
    recsys_dataset *d = world(f->exec, FLAGS, 1);
    for (int32_t kind = 0; kind < 3; kind++) {
        sampler_options o = { .kind = kind, .sampled_output = 1, .n_negatives = 2, .n_shared = 50, .with_log_q = 1,
                              .popularity = 0.5,
                              .seed = 3 };
        sampler *s = make(f->exec, &o, d, NULL);
        tape *g;
        long long calls = 0;
        expect_ok(f->exec, recsys__tape_create(f->exec, &g));
        for (int64_t epoch = 0; epoch < 20; epoch++) {
            batch b = { 0 };
            recsys__tape_reset(g, 1, (uint64_t)epoch);
            recsys__sampler_draw(s, g, epoch, 0, kind == SAMPLE_PAIRS ? 512 : recsys__sampler_size(s), &b);
            expect_ok(f->exec, recsys__tape_status(g));
            if (epoch == 0) calls = atomic_load(&f->heap.calls);
        }
        assert_int_equal(atomic_load(&f->heap.calls), calls);
        recsys__tape_free(g);
        recsys__sampler_free(f->exec, s);
    }
    recsys_dataset_release(d);
}

/* The estimate covers what is taken on the device. */
static void test_bytes(void **state)
{
    fixture *f = *state;
    for (int variant = 0; variant < 24; variant++) {
        recsys_dataset *d = world(f->exec, variant & 1, 1);
        const csr *view;
        expect_ok(f->exec, recsys__dataset_by_user(f->exec, d, &view));
        sampler_options o = { .kind = variant / 2 % 2, .sampled_output = 1, .n_negatives = variant / 4 % 2,
                              .popularity = variant / 8 == 1 ? 1.0 : 0.0, .seed = 3 };
        if (variant >= 16) o.kind = SAMPLE_POSITIVES, o.n_shared = 9, o.with_log_q = variant / 2 % 2, o.popularity = 1.0;
        int64_t before = recsys__memory_used(f->exec->memory), guess = recsys__sampler_bytes(&o, d);
        sampler *s = make(f->exec, &o, d, NULL);
        int64_t taken = recsys__memory_used(f->exec->memory) - before;
        assert_true(guess > taken / 2 && taken < guess + 16 * 128 + 2048); /* heads of blocks, and what stays on the host */
        recsys__sampler_free(f->exec, s);
        recsys_dataset_release(d);
    }
}

/* On a device whose memory the host cannot read: the same samples. */
static void test_fence(void **state)
{
    fixture *plain = *state, f;
    fixture_open(&f, 2);
    fence *w = fence_open(f.exec);
    recsys_dataset *d = world(f.exec, FLAGS, 1), *same = world(plain->exec, FLAGS, 1);
    for (int variant = 0; variant < 2; variant++) {
        sampler_options o = { .n_negatives = 2, .popularity = variant ? 0.5 : 0.0, .seed = 3 };
        sampler *s = make(f.exec, &o, d, NULL), *p = make(plain->exec, &o, same, NULL);
        drawn a = draw_epoch(f.exec, s, 1, 100), b = draw_epoch(plain->exec, p, 1, 64);
        assert_int_equal(agreeing(&a, &b), a.count);
        assert_memory_equal(a.clean, b.clean, (size_t)a.count);
        free_drawn(&a), free_drawn(&b);
        recsys__sampler_free(f.exec, s), recsys__sampler_free(plain->exec, p);
        o.kind = SAMPLE_POSITIVES, o.n_shared = 10, o.with_log_q = 1;
        s = make(f.exec, &o, d, NULL);
        positives e = draw_positives(f.exec, s, &o, 0, 100);
        check_positives(f.exec, d, NULL, &o, &e);
        free_positives(&e);
        recsys__sampler_free(f.exec, s);
        o.kind = SAMPLE_USER_ROWS, o.sampled_output = variant;
        s = make(f.exec, &o, d, NULL);
        check_rows(f.exec, s, d, o.sampled_output, o.sampled_output ? 2 : 0, 7);
        recsys__sampler_free(f.exec, s);
    }
    recsys_dataset_release(d), recsys_dataset_release(same);
    fixture_close(&f);
    fence_close(w);
}

static int open_fixture(void **state)
{
    static fixture f;
    fixture_open(&f, 2);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_epochs),        TEST(test_avoid_several), TEST(test_frequencies),    TEST(test_same_bits),
        TEST(test_other_numbers), TEST(test_fixed),         TEST(test_order),          TEST(test_keep_order),
        TEST(test_flags),         TEST(test_one),           TEST(test_rows),           TEST(test_bad_options),
        TEST(test_too_few_left),  TEST(test_out_of_range),  TEST(test_failing_memory), TEST(test_steady_state),
        TEST(test_bytes),         TEST(test_fence),         TEST(test_alias_table),    TEST(test_own_may_be_drawn),
        TEST(test_positives),     TEST(test_positives_same_bits), TEST(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
