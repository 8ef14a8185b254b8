/* shortlist.c - the lists behind all rankings against a full sort: streams in any shape, cut, resumed and joined.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "kernels/cpu/shortlist.h"

/* Entries that a stream may hand over between two looks at the list's length. */
enum { TILE = 16 };

typedef struct entry {
    float score;
    int32_t item;
} entry;

static int by_rank(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->item < y->item ? -1 : 1;
}

/* A stream of n scores; position p is item ids[p], or p. Every item with mask[item] set is to be left out. */
typedef struct stream {
    int64_t n, n_items;
    float *score;
    int32_t *ids;  /* NULL: positions are items */
    uint8_t *mask; /* by item */
    int32_t *mask_item, n_masked;
} stream;

static int32_t item_at(const stream *s, int64_t p)
{
    return s->ids ? s->ids[p] : (int32_t)p;
}

static void answer(const stream *s, int64_t k, entry *best)
{
    entry *all = case_array(s->n, sizeof *all);
    int64_t count = 0;
    for (int64_t p = 0; p < s->n; p++)
        if (!isnan(s->score[p]) && !s->mask[item_at(s, p)]) all[count++] = (entry){ s->score[p], item_at(s, p) };
    qsort(all, (size_t)count, sizeof *all, by_rank);
    for (int64_t e = 0; e < k; e++) best[e] = e < count ? all[e] : (entry){ -INFINITY, -1 };
    free(all);
}

static shortlist open_list(const stream *s, const shortlist_rule *rule)
{
    shortlist l = { .score = case_floats(rule->room + TILE), .item = case_array(rule->room + TILE, sizeof(int32_t)),
                    .mask = s->mask_item, .mask_end = s->mask_item + s->n_masked };
    recsys__shortlist_start(&l);
    return l;
}

static void close_list(shortlist *l)
{
    free(l->score), free(l->item);
}

/* Positions p0..p1-1 go to the list as kernels do it: whatever reaches the floor, a tile at a time. */
static void feed(shortlist *l, const shortlist_rule *rule, const stream *s, int64_t p0, int64_t p1)
{
    for (int64_t p = p0; p < p1; p++) {
        if (s->score[p] >= l->floor) {
            l->score[l->count] = s->score[p];
            l->item[l->count++] = (int32_t)p;
        }
        if (p % TILE == TILE - 1 && l->count > rule->room) recsys__shortlist_cut(l, rule);
    }
    if (l->count > rule->room) recsys__shortlist_cut(l, rule);
}

static void check_finish(shortlist *l, const shortlist_rule *rule, const entry *want, const char *how)
{
    uint64_t *temporary = case_array(2 * (rule->room + TILE), sizeof *temporary);
    int32_t *items = case_array(rule->k, sizeof *items);
    float *scores = case_floats(rule->k);
    recsys__shortlist_finish(l, rule, temporary, items, scores);
    for (int64_t e = 0; e < rule->k; e++)
        if (items[e] != want[e].item || scores[e] != want[e].score)
            fail_msg("%s k=%lld place %lld: item %d score %a, want item %d score %a", how, (long long)rule->k,
                     (long long)e, items[e], (double)scores[e], want[e].item, (double)want[e].score);
    free(temporary), free(items), free(scores);
}

/* In one go, in two that meet in a finished list, and in three lists that are joined. */
static void check(const stream *s, int64_t k)
{
    entry *want = case_array(k, sizeof *want);
    answer(s, k, want);
    shortlist_rule rule = { k, recsys__shortlist_room(k, s->n), s->ids };
    shortlist a = open_list(s, &rule), b = open_list(s, &rule), c = open_list(s, &rule);
    feed(&a, &rule, s, 0, s->n);
    check_finish(&a, &rule, want, "whole");

    uint64_t *temporary = case_array(2 * (rule.room + TILE), sizeof *temporary);
    int32_t *items = case_array(k, sizeof *items);
    float *scores = case_floats(k);
    feed(&b, &rule, s, 0, s->n / 3);
    recsys__shortlist_finish(&b, &rule, temporary, items, scores);
    recsys__shortlist_resume(&b, &rule, items, scores);
    feed(&b, &rule, s, s->n / 3, s->n);
    check_finish(&b, &rule, want, "resumed");
    free(temporary), free(items), free(scores);

    close_list(&a), close_list(&b);
    a = open_list(s, &rule), b = open_list(s, &rule);
    feed(&a, &rule, s, 0, s->n / 4);
    feed(&b, &rule, s, s->n / 4, s->n / 2);
    feed(&c, &rule, s, s->n / 2, s->n);
    recsys__shortlist_join(&a, &b, &rule);
    recsys__shortlist_join(&a, &c, &rule);
    check_finish(&a, &rule, want, "joined");
    close_list(&a), close_list(&b), close_list(&c);
    free(want);
}

/* The shapes that scores come in. */
enum { RANDOM, FEW_VALUES, EQUAL, ASCENDING, DESCENDING, SPECIAL, ZEROS, SHAPES };

static float score_of(int shape, int64_t p, uint64_t *seed)
{
    static const float special[] = { INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1.0f, 0x1p-149f, -0x1p-149f, 0x1.fffffep127f };
    double x = 2.0 * test_random_unit(seed) - 1.0;
    switch (shape) {
    case FEW_VALUES: return (float)floor(4.0 * x);
    case EQUAL: return -2.5f;
    case ASCENDING: return (float)p - 500.0f;
    case DESCENDING: return 500.0f - (float)p;
    case SPECIAL: return special[test_random(seed) % 9];
    case ZEROS: return test_random(seed) % 2 ? 0.0f : -0.0f;
    default: return (float)(x * exp(20.0 * x));
    }
}

static void check_stream(int64_t n, int shape, int with_ids, double masked, uint64_t seed)
{
    stream s = { .n = n, .n_items = with_ids ? 3 * n : n, .score = case_floats(n) };
    s.mask = case_array(s.n_items, 1), s.mask_item = case_array(s.n_items, sizeof(int32_t));
    if (with_ids) s.ids = case_array(n, sizeof(int32_t));
    for (int64_t p = 0; p < n; p++) {
        s.score[p] = score_of(shape, p, &seed);
        if (with_ids) s.ids[p] = (int32_t)(3 * p + (int64_t)(test_random(&seed) % 3));
    }
    for (int32_t i = 0; i < s.n_items; i++) {
        s.mask[i] = test_random_unit(&seed) < masked;
        if (s.mask[i]) s.mask_item[s.n_masked++] = i;
    }
    const int64_t places[] = { 1, 2, 7, 8, 9, 64, 100, 333, n };
    for (int c = 0; c < 9; c++)
        if (places[c] <= n) check(&s, places[c]);
    free(s.score), free(s.ids), free(s.mask), free(s.mask_item);
}

static void test_streams(void **state)
{
    static const int64_t sizes[] = { 1, 2, 16, 17, 129, 1000, 5003 };
    for (int c = 0; c < 7; c++)
        for (int shape = 0; shape < SHAPES; shape++)
            for (int with_ids = 0; with_ids < 2; with_ids++) {
                check_stream(sizes[c], shape, with_ids, 0.0, (uint64_t)c + 1);
                check_stream(sizes[c], shape, with_ids, 0.3, (uint64_t)c + 2);
                check_stream(sizes[c], shape, with_ids, 1.0, (uint64_t)c + 3);
            }
    (void)state;
}

/* A list of equal scores is full after its first k: nothing that comes later may cost a cut. */
static void test_ties_do_not_enter(void **state)
{
    stream s = { .n = 4000, .n_items = 4000, .score = case_floats(4000), .mask = calloc(4000, 1) };
    for (int64_t p = 0; p < s.n; p++) s.score[p] = 1.0f;
    shortlist_rule rule = { 10, recsys__shortlist_room(10, s.n), NULL };
    shortlist l = open_list(&s, &rule);
    feed(&l, &rule, &s, 0, rule.room + TILE);
    assert_true(l.floor > 1.0f);
    int64_t count = l.count;
    feed(&l, &rule, &s, rule.room + TILE, s.n);
    assert_int_equal(l.count, count);
    close_list(&l);
    free(s.score), free(s.mask);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_streams), cmocka_unit_test(test_ties_do_not_enter) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
