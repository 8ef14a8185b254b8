/* score_rows.c - lists and candidates from full rows of scores: blocks, parts of histories, masks, failures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/fence.h"
#include "support/support.h"

#include "backend/run.h"
#include "model/score_rows.h"

/* A model whose score is a function of the user, the length and last item of the history, and the item. */
typedef struct world {
    recsys_model model; /* first: the callback finds the rest behind it */
    int64_t I, calls, fail_at;
} world;

static float score_of(int32_t user, const histories *x, int64_t q, int64_t i)
{
    uint64_t seed = (uint64_t)(user + 1) * 7919 + (uint64_t)(x->ptr[q + 1] - x->ptr[q]) * 31 + (uint64_t)i * 104729;
    if (x->ptr[q + 1] > x->ptr[q]) seed += (uint64_t)x->item[x->ptr[q + 1] - 1];
    return (float)(floor(test_random_unit(&seed) * 1000.0) / 1000.0); /* with ties */
}

static recsys_status known_scores(recsys_exec *x, const recsys_model *m, const queries *q, float *out)
{
    world *w = (world *)(uintptr_t)m;
    float *row = malloc((size_t)w->I * sizeof *row);
    recsys_status status = RECSYS_OK;
    if (++w->calls == w->fail_at) status = recsys__fail(&x->error, RECSYS_ERR_NUMERIC, "no scores today");
    for (int64_t e = 0; status >= 0 && e < q->count; e++) {
        for (int64_t i = 0; i < w->I; i++) row[i] = score_of(q->user[e], &q->x, e, i);
        status = recsys__copy_in(x, out + e * w->I, row, w->I * (int64_t)sizeof *row);
    }
    free(row);
    return status;
}

/* Q queries of users -1, 0, 1, ... with histories of 0, 1, 2, 0, ... items. */
typedef struct asked {
    queries q;
    int32_t *user, *item;
    int64_t *ptr;
} asked;

static asked make_queries(int64_t Q, int64_t I)
{
    asked a = { .user = malloc((size_t)(Q + 1) * sizeof *a.user), .item = malloc((size_t)(2 * Q + 1) * sizeof *a.item),
                .ptr = calloc((size_t)Q + 1, sizeof *a.ptr) };
    for (int64_t q = 0; q < Q; q++) {
        a.user[q] = (int32_t)q - 1;
        a.ptr[q + 1] = a.ptr[q] + q % 3;
        for (int64_t e = a.ptr[q]; e < a.ptr[q + 1]; e++) a.item[e] = (int32_t)((q + 5 * (e - a.ptr[q])) % I);
    }
    a.q = (queries){ .count = Q, .user = a.user, .x = { .ptr = a.ptr, .item = a.item } };
    return a;
}

static void free_queries(asked *a)
{
    free(a->user), free(a->item), free(a->ptr);
}

/* Each list is the k first of its scores without one masked item in every second query. */
static void check_lists(fixture *f, world *w, const asked *a, int64_t k)
{
    int64_t Q = a->q.count, I = w->I, *ptr = calloc((size_t)Q + 1, sizeof *ptr);
    int32_t *items = malloc((size_t)(Q * k + 1) * sizeof *items), *mask = malloc((size_t)(Q + 1) * sizeof *mask);
    float *scores = malloc((size_t)(Q * k + 1) * sizeof *scores);
    for (int64_t q = 0; q < Q; q++) {
        ptr[q + 1] = ptr[q];
        if (q % 2) mask[ptr[q + 1]++] = (int32_t)(q % I);
    }
    ranking to = { .n_queries = Q, .n_items = I, .k = k, .mask_ptr = ptr, .mask_item = mask, .items = items, .scores = scores };
    expect_ok(f->exec, recsys__rank_by_scores(f->exec, &w->model, &a->q, &to, known_scores));
    for (int64_t q = 0; q < Q; q++)
        for (int64_t p = 0; p < k; p++) {
            float want = -INFINITY;
            int64_t best = -1;
            for (int64_t i = 0; i < I; i++) {
                float s = score_of(a->user[q], &a->q.x, q, i);
                int before = p > 0 && (s > scores[q * k + p - 1] || (s == scores[q * k + p - 1] && i <= items[q * k + p - 1]));
                if (p > 0 && items[q * k + p - 1] < 0) before = 1;
                if (!before && !(q % 2 && i == q % I) && s > want) want = s, best = i;
            }
            assert_int_equal(items[q * k + p], best);
            assert_true(scores[q * k + p] == want);
        }
    free(ptr), free(items), free(mask), free(scores);
}

static void check_scores(fixture *f, world *w, const asked *a)
{
    int64_t Q = a->q.count, I = w->I, *ptr = calloc((size_t)Q + 1, sizeof *ptr);
    int32_t *item = malloc((size_t)(3 * Q + 1) * sizeof *item);
    float *all = malloc((size_t)(Q * I + 1) * sizeof *all), *some = malloc((size_t)(3 * Q + 1) * sizeof *some);
    for (int64_t q = 0; q < Q; q++) {
        ptr[q + 1] = ptr[q] + (q % 2 ? 3 : 0);
        for (int64_t e = ptr[q]; e < ptr[q + 1]; e++) item[e] = (int32_t)((I - 1 + q * e) % I);
    }
    scoring at = { .n_queries = Q, .n_items = I, .out = all };
    expect_ok(f->exec, recsys__score_by_scores(f->exec, &w->model, &a->q, &at, known_scores));
    at = (scoring){ .n_queries = Q, .n_items = I, .ptr = ptr, .item = item, .out = some };
    expect_ok(f->exec, recsys__score_by_scores(f->exec, &w->model, &a->q, &at, known_scores));
    for (int64_t q = 0; q < Q; q++) {
        for (int64_t i = 0; i < I; i++) assert_true(all[q * I + i] == score_of(a->user[q], &a->q.x, q, i));
        for (int64_t e = ptr[q]; e < ptr[q + 1]; e++) assert_true(some[e] == all[q * I + item[e]]);
    }
    free(ptr), free(item), free(all), free(some);
}

static void test_shapes(void **state)
{
    static const int64_t counts[] = { 0, 1, 31, 33 }, sizes[] = { 1, 31, 33 };
    for (int c = 0; c < 4; c++)
        for (int s = 0; s < 3; s++) {
            fixture f;
            fixture_open(&f, 1 + c);
            fence *w = fence_open(f.exec);
            world known = { .I = sizes[s] };
            asked a = make_queries(counts[c], sizes[s]);
            check_lists(&f, &known, &a, sizes[s] < 8 ? sizes[s] : 8);
            check_lists(&f, &known, &a, sizes[s]);
            check_scores(&f, &known, &a);
            free_queries(&a);
            fixture_close(&f);
            fence_close(w);
        }
    (void)state;
}

/* More than one block: rows are cut at 32 MiB. */
static void test_blocks(void **state)
{
    const int64_t I = 3000000;
    fixture f;
    fixture_open(&f, 2);
    world w = { .I = I };
    asked a = make_queries(5, I);
    assert_int_equal(recsys__score_block_rows(I, 5), 2);
    check_lists(&f, &w, &a, 2);
    assert_int_equal(w.calls, 3);
    free_queries(&a);
    fixture_close(&f);
    (void)state;
}

static void test_failures(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    world w = { .I = 6 };
    asked a = make_queries(3, 6);
    int32_t items[6];
    const int32_t item[] = { 1, 2, 3 };
    const int64_t ptr[] = { 0, 1, 2, 3 };
    float scores[6];
    ranking to = { .n_queries = 3, .n_items = 6, .k = 2, .items = items, .scores = scores };
    scoring at = { .n_queries = 3, .n_items = 6, .ptr = ptr, .item = item, .out = scores };
    for (int64_t n = 1; n <= 2; n++) { /* the block, then a list's workspace or a row */
        test_heap_fail(&f.heap, n, 0);
        expect_error(f.exec, recsys__rank_by_scores(f.exec, &w.model, &a.q, &to, known_scores), RECSYS_ERR_NO_MEMORY, NULL);
        test_heap_fail(&f.heap, n, 0);
        expect_error(f.exec, recsys__score_by_scores(f.exec, &w.model, &a.q, &at, known_scores), RECSYS_ERR_NO_MEMORY, NULL);
    }
    test_heap_fail(&f.heap, 0, 0);
    w.fail_at = w.calls + 1;
    expect_error(f.exec, recsys__rank_by_scores(f.exec, &w.model, &a.q, &to, known_scores), RECSYS_ERR_NUMERIC, "no scores");
    w.fail_at = w.calls + 1;
    expect_error(f.exec, recsys__score_by_scores(f.exec, &w.model, &a.q, &at, known_scores), RECSYS_ERR_NUMERIC, "no scores");
    free_queries(&a);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
