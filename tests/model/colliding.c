/* colliding.c - colliding inference against the formula: neighbours by comparing all pairs of users in whole numbers, scores in
 * double. On the fence, so that nothing follows a device pointer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/fence.h"
#include "support/support.h"

#include "backend/run.h"
#include "model/colliding.h"

#define ROUNDING 0x1p-24

/* ---- verified positives ---- */

/* A U x I matrix of 0 and 1, in full and as both views. */
typedef struct positives {
    int64_t U, I;
    uint8_t *cell;
    csr by_user, by_item;
} positives;

static csr view(const positives *p, int64_t rows, int64_t cols, int by_item)
{
    csr m = { .n_rows = rows, .n_cols = cols };
    m.ptr = calloc((size_t)rows + 1, sizeof *m.ptr);
    m.col = malloc((size_t)(rows * cols + 1) * sizeof *m.col);
    for (int64_t r = 0; r < rows; r++) {
        int64_t e = m.ptr[r];
        for (int64_t c = 0; c < cols; c++)
            if (p->cell[by_item ? c * p->I + r : r * p->I + c]) m.col[e++] = (int32_t)c;
        m.ptr[r + 1] = e;
    }
    return m;
}

/* Every sixth user has nothing, user 1 has everything; the others a share. */
static positives make_positives(int64_t U, int64_t I, double share, uint64_t seed)
{
    positives p = { .U = U, .I = I, .cell = calloc((size_t)(U * I + 1), 1) };
    for (int64_t u = 0; u < U; u++)
        for (int64_t i = 0; i < I; i++) {
            int in = test_random_unit(&seed) < share;
            p.cell[u * I + i] = (uint8_t)(u == 1 || (in && u % 6 != 5));
        }
    p.by_user = view(&p, U, I, 0);
    p.by_item = view(&p, I, U, 1);
    return p;
}

static void free_positives(positives *p)
{
    free(p->cell), free(p->by_user.ptr), free(p->by_user.col), free(p->by_item.ptr), free(p->by_item.col);
}

/* ---- neighbours, slowly ---- */

static int64_t overlap(const positives *p, int64_t u, int64_t v)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < p->I; i++) sum += p->cell[u * p->I + i] & p->cell[v * p->I + i];
    return sum;
}

/* Whether u is more similar to v than to w: fractions compared by cross products. */
static int nearer(const positives *p, int32_t kind, int64_t u, int64_t v, int64_t w)
{
    int64_t a = overlap(p, u, v), b = overlap(p, u, w), below_a = 1, below_b = 1;
    int64_t all = overlap(p, u, u), of_v = overlap(p, v, v), of_w = overlap(p, w, w);
    if (kind == COLLIDING_COSINE) below_a = of_v, below_b = of_w, a *= a, b *= b;
    if (kind == COLLIDING_JACCARD) below_a = all + of_v - a, below_b = all + of_w - b;
    return a * below_b > b * below_a;
}

/* The most similar user that comes after those in list[0..n-1]; -1: none. */
static int32_t next_neighbour(const positives *p, int32_t kind, int64_t u, const int32_t *list, int64_t n)
{
    int32_t best = -1;
    for (int64_t v = 0; v < p->U; v++) {
        int taken = v == u || overlap(p, u, v) == 0;
        for (int64_t j = 0; j < n; j++) taken |= list[j] == v;
        if (!taken && (best < 0 || nearer(p, kind, u, v, best))) best = (int32_t)v;
    }
    return best;
}

static void check_neighbours(fixture *f, const positives *p, int64_t n, int32_t kind)
{
    int32_t *want = malloc((size_t)(p->U * n + 1) * sizeof *want), *got = malloc((size_t)(p->U * n + 1) * sizeof *got);
    for (int64_t u = 0; u < p->U; u++)
        for (int64_t j = 0; j < n; j++)
            want[u * n + j] = j > 0 && want[u * n + j - 1] < 0 ? -1 : next_neighbour(p, kind, u, want + u * n, j);
    for (int32_t threads = 1; threads <= 8; threads += threads == 1 ? 1 : 6) {
        recsys_exec *x = fixture_exec(f, threads, 0, 1);
        memset(got, 0x55, (size_t)(p->U * n) * sizeof *got);
        expect_ok(x, recsys__colliding_neighbours(x, &p->by_user, &p->by_item, n, kind, got));
        assert_memory_equal(got, want, (size_t)(p->U * n) * sizeof *got);
        recsys_exec_release(x);
    }
    free(want), free(got);
}

static void test_neighbours(void **state)
{
    static const int64_t sizes[] = { 1, 2, 31, 33 };
    fixture f;
    fixture_open(&f, 2);
    for (int s = 0; s < 4; s++)
        for (int32_t kind = COLLIDING_COSINE; kind <= COLLIDING_INNER; kind++) {
            positives p = make_positives(sizes[s], 12, 0.3, (uint64_t)s + 1);
            check_neighbours(&f, &p, 1, kind);
            check_neighbours(&f, &p, 5, kind);
            check_neighbours(&f, &p, 40, kind); /* more than there are */
            free_positives(&p);
        }
    positives none = make_positives(0, 4, 0.5, 1), nothing = make_positives(7, 4, 0.0, 1);
    check_neighbours(&f, &none, 3, COLLIDING_COSINE);
    check_neighbours(&f, &nothing, 3, COLLIDING_COSINE); /* user 1 alone has items */
    free_positives(&none), free_positives(&nothing);
    fixture_close(&f);
    (void)state;
}

static void test_neighbours_errors(void **state)
{
    fixture f;
    fixture_open(&f, 3);
    positives p = make_positives(30, 12, 0.3, 1);
    int32_t got[90];
    expect_error(f.exec, recsys__colliding_neighbours(f.exec, &p.by_user, &p.by_item, 0, 0, got), RECSYS_ERR_OUT_OF_RANGE,
                 "0 neighbours");
    for (int64_t at = 1; at <= 10; at++) { /* the counters, and three arrays for each of three threads */
        test_heap_fail(&f.heap, at, 0);
        expect_error(f.exec, recsys__colliding_neighbours(f.exec, &p.by_user, &p.by_item, 3, 0, got), RECSYS_ERR_NO_MEMORY, NULL);
    }
    test_heap_fail(&f.heap, 0, 0);
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys__colliding_neighbours(f.exec, &p.by_user, &p.by_item, 3, 0, got), RECSYS_ERR_CANCELLED, "cancelled");
    recsys_exec_reset_cancel(f.exec);
    free_positives(&p);
    fixture_close(&f);
    (void)state;
}

/* ---- scores ---- */

/* A model whose logits are known, and what is asked of it. */
typedef struct world {
    recsys_model model; /* first: the callback finds the rest behind it */
    int64_t I;
    int64_t fail_at, calls; /* the call that fails, 0: none; calls so far */
} world;

/* The logit of a user, -1 included, and an item: in -8..8. */
static float logit(int64_t u, int64_t i)
{
    uint64_t seed = (uint64_t)(u + 1) * 1000003 + (uint64_t)i;
    return (float)(16.0 * test_random_unit(&seed) - 8.0);
}

static recsys_status known_logits(recsys_exec *x, const recsys_model *m, const void *self, const int32_t *user, int64_t count, float *out)
{
    (void)self;
    world *w = (world *)(uintptr_t)m;
    float *row = malloc((size_t)(w->I + 1) * sizeof *row);
    recsys_status status = RECSYS_OK;
    if (++w->calls == w->fail_at) status = recsys__fail(&x->error, RECSYS_ERR_NUMERIC, "no logits today");
    assert_true(count > 0);
    for (int64_t u = 0; status >= 0 && u < count; u++) {
        assert_true(u == 0 || user[u] > user[u - 1]);
        for (int64_t i = 0; i < w->I; i++) row[i] = logit(user[u], i);
        status = recsys__copy_in(x, out + u * w->I, row, w->I * (int64_t)sizeof *row);
    }
    free(row);
    return status;
}

static double form(double x, int32_t kind)
{
    return kind == COLLIDING_LOGIT ? x : 1.0 / (1.0 + exp(-x));
}

/* The formula, and in *bound how far rounding may lead from it. */
static double slow_score(const colliding *c, int32_t user, int64_t i, double *bound)
{
    double own = form((double)logit(user, i), c->form), sum = 0.0, size = 0.0;
    int64_t n = 0;
    for (; user >= 0 && n < c->n && c->neighbour[user * c->n + n] >= 0; n++) {
        double f = form((double)logit(c->neighbour[user * c->n + n], i), c->form);
        sum += f, size += fabs(f);
    }
    double lambda = n > 0 ? (double)c->lambda : 0.0;
    size = (1.0 - lambda) * fabs(own) + (n > 0 ? lambda * size / (double)n : 0.0);
    *bound = ((double)n + 9.0) * ROUNDING * size; /* n + 1 additions, weights, sigmoids: all errors are relative to terms */
    return (1.0 - lambda) * own + (n > 0 ? lambda * sum / (double)n : 0.0);
}

static void check_scores(fixture *f, world *w, const colliding *c, const int32_t *user, int64_t Q, float *all)
{
    scoring at = { .n_queries = Q, .n_items = w->I, .out = all };
    expect_ok(f->exec, recsys__colliding_score(f->exec, &w->model, c, known_logits, user, &at));
    for (int64_t q = 0; q < Q; q++)
        for (int64_t i = 0; i < w->I; i++) {
            double bound, want = slow_score(c, user[q], i, &bound);
            if (!(fabs((double)all[q * w->I + i] - want) <= bound))
                fail_msg("user %d, item %lld, lambda %g: %.9g, want %.9g (bound %.3g)", user[q], (long long)i, (double)c->lambda,
                         (double)all[q * w->I + i], want, bound);
        }
}

/* Candidates in descending order, one of them twice; every third query has none. */
static void check_candidates(fixture *f, world *w, const colliding *c, const int32_t *user, int64_t Q, const float *all)
{
    int64_t *ptr = calloc((size_t)Q + 1, sizeof *ptr);
    int32_t *item = malloc((size_t)(Q * (w->I + 1) + 1) * sizeof *item);
    float *out = malloc((size_t)(Q * (w->I + 1) + 1) * sizeof *out);
    for (int64_t q = 0; q < Q; q++) {
        int64_t e = ptr[q];
        for (int64_t i = w->I; q % 3 != 2 && i >= 0; i--) item[e++] = (int32_t)(i % w->I);
        ptr[q + 1] = e;
    }
    scoring at = { .n_queries = Q, .n_items = w->I, .ptr = ptr, .item = item, .out = out };
    expect_ok(f->exec, recsys__colliding_score(f->exec, &w->model, c, known_logits, user, &at));
    for (int64_t q = 0; q < Q; q++)
        for (int64_t e = ptr[q]; e < ptr[q + 1]; e++) assert_true(out[e] == all[q * w->I + item[e]]);
    free(ptr), free(item), free(out);
}

/* Lists are the scores in order, without every item of which q + i is a multiple of 4, and without item 2. */
static void check_lists(fixture *f, world *w, const colliding *c, const int32_t *user, int64_t Q, const float *all)
{
    int64_t I = w->I, k = I < 9 ? I : 9, *ptr = calloc((size_t)Q + 1, sizeof *ptr);
    int32_t *mask = malloc((size_t)(Q * I + 1) * sizeof *mask), *items = malloc((size_t)(Q * k + 1) * sizeof *items);
    float *scores = malloc((size_t)(Q * k + 1) * sizeof *scores);
    uint8_t *excluded = calloc((size_t)I + 3, 1), *taken = malloc((size_t)I);
    excluded[2] = 1;
    for (int64_t q = 0; q < Q; q++) {
        ptr[q + 1] = ptr[q];
        for (int64_t i = 0; i < I; i++)
            if ((q + i) % 4 == 0) mask[ptr[q + 1]++] = (int32_t)i;
    }
    ranking to = { .n_queries = Q, .n_items = I, .k = k, .mask_ptr = ptr, .mask_item = mask, .excluded = excluded,
                   .items = items, .scores = scores };
    expect_ok(f->exec, recsys__colliding_rank(f->exec, &w->model, c, known_logits, user, &to));
    for (int64_t q = 0; q < Q; q++) {
        for (int64_t i = 0; i < I; i++) taken[i] = (q + i) % 4 == 0 || i == 2;
        for (int64_t p = 0; p < k; p++) {
            int64_t best = -1;
            for (int64_t i = 0; i < I; i++)
                if (!taken[i] && (best < 0 || all[q * I + i] > all[q * I + best])) best = i;
            assert_int_equal(items[q * k + p], best);
            assert_true(scores[q * k + p] == (best < 0 ? -INFINITY : all[q * I + best]));
            if (best >= 0) taken[best] = 1;
        }
    }
    free(ptr), free(mask), free(items), free(scores), free(excluded), free(taken);
}

static void check_mixing(int32_t threads, int64_t U, int64_t I, int64_t n, const colliding *like, int64_t Q)
{
    fixture f;
    fixture_open(&f, threads);
    fence *fence_of_exec = fence_open(f.exec);
    positives p = make_positives(U, 12, 0.3, 4);
    int32_t *neighbour = malloc((size_t)(U * n) * sizeof *neighbour), *user = malloc((size_t)(Q + 1) * sizeof *user);
    float *all = malloc((size_t)(Q * I + 1) * sizeof *all);
    uint64_t seed = 8;
    world w = { .I = I };
    colliding c = *like;
    expect_ok(f.exec, recsys__colliding_neighbours(f.exec, &p.by_user, &p.by_item, n, COLLIDING_COSINE, neighbour));
    c.n = n, c.neighbour = neighbour;
    for (int64_t q = 0; q < Q; q++) user[q] = (int32_t)(test_random(&seed) % (uint64_t)(U + 1)) - 1; /* with repetitions and -1 */
    check_scores(&f, &w, &c, user, Q, all);
    check_candidates(&f, &w, &c, user, Q, all);
    check_lists(&f, &w, &c, user, Q, all);
    free(neighbour), free(user), free(all);
    free_positives(&p);
    fixture_close(&f);
    fence_close(fence_of_exec);
}

static void test_mixing(void **state)
{
    static const float lambdas[] = { 0.0f, 0.3f, 1.0f };
    static const int64_t sizes[] = { 1, 31, 33 };
    for (int l = 0; l < 3; l++)
        for (int32_t kind = COLLIDING_PROBABILITY; kind <= COLLIDING_LOGIT; kind++)
            for (int s = 0; s < 3; s++) {
                colliding c = { .lambda = lambdas[l], .form = kind };
                check_mixing(1 + s, 20, sizes[s], 1 + 3 * s, &c, 17);
                check_mixing(8, 3, sizes[s], 4, &c, sizes[s]);
            }
    colliding c = { .lambda = 0.5f };
    check_mixing(2, 5, 4, 2, &c, 0);
    (void)state;
}

/* So many items that a block has fewer rows than there are queries, and a chunk fewer than a query needs: the bits are those of
 * each query asked alone. Every user's scores are computed once for a block. */
static void test_blocks(void **state)
{
    enum { U = 9, Q = 6, N = 6, K = 3 };
    const int64_t I = 1500000;
    fixture f;
    fixture_open(&f, 2);
    assert_true(recsys__score_block_rows(I, Q) == 5);
    int32_t neighbour[U * N], user[Q] = { 4, 0, 8, -1, 2, 4 }, items[Q * K], alone_items[K];
    float scores[Q * K], alone[K];
    for (int u = 0; u < U; u++)
        for (int j = 0; j < N; j++) neighbour[u * N + j] = (u + 1 + (j * 5 + u) % N) % U;
    world w = { .I = I };
    colliding c = { .lambda = 0.4f, .form = COLLIDING_LOGIT, .n = N, .neighbour = neighbour };
    ranking to = { .n_queries = Q, .n_items = I, .k = K, .items = items, .scores = scores };
    expect_ok(f.exec, recsys__colliding_rank(f.exec, &w.model, &c, known_logits, user, &to));
    assert_int_equal(w.calls, 2 + 2); /* -1 and users 0 to 8 in chunks of 5, then 7 users for the last query */
    for (int q = 3; q < Q; q++) {
        to = (ranking){ .n_queries = 1, .n_items = I, .k = K, .items = alone_items, .scores = alone };
        expect_ok(f.exec, recsys__colliding_rank(f.exec, &w.model, &c, known_logits, user + q, &to));
        assert_memory_equal(alone_items, items + q * K, sizeof alone_items);
        assert_memory_equal(alone, scores + q * K, sizeof alone);
    }
    assert_memory_equal(items, items + 5 * K, K * sizeof *items); /* the same user in another block */
    assert_memory_equal(scores, scores + 5 * K, K * sizeof *scores);
    fixture_close(&f);
    (void)state;
}

/* Each allocation fails once, then the callback. */
static void test_failures(void **state)
{
    enum { Q = 4, I = 10, K = 3 };
    fixture f;
    fixture_open(&f, 2);
    const int32_t neighbour[] = { 1, 2, 0, -1, 1, 0 }, user[Q] = { 0, 1, 2, 1 }, item[] = { 3, 4, 5, 6 };
    const int64_t ptr[] = { 0, 1, 2, 3, 4 };
    int32_t items[Q * K];
    float scores[Q * K];
    world w = { .I = I };
    colliding c = { .lambda = 0.5f, .n = 2, .neighbour = neighbour };
    ranking to = { .n_queries = Q, .n_items = I, .k = K, .items = items, .scores = scores };
    scoring at = { .n_queries = Q, .n_items = I, .ptr = ptr, .item = item, .out = scores };
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    int64_t failures = -1;
    for (int64_t n = 1; status == RECSYS_ERR_NO_MEMORY; n++, failures++) {
        test_heap_fail(&f.heap, n, 0);
        status = recsys__colliding_rank(f.exec, &w.model, &c, known_logits, user, &to);
    }
    assert_int_equal(status, RECSYS_OK);
    assert_in_range(failures, 10, 13); /* what a mixing has, and the workspace of a list */
    for (int64_t n = 1; n <= 11; n++) {
        test_heap_fail(&f.heap, n, 0);
        expect_error(f.exec, recsys__colliding_score(f.exec, &w.model, &c, known_logits, user, &at), RECSYS_ERR_NO_MEMORY, NULL);
    }
    test_heap_fail(&f.heap, 0, 0);
    w.fail_at = w.calls + 1;
    expect_error(f.exec, recsys__colliding_rank(f.exec, &w.model, &c, known_logits, user, &to), RECSYS_ERR_NUMERIC, "no logits");
    w.fail_at = w.calls + 1;
    expect_error(f.exec, recsys__colliding_score(f.exec, &w.model, &c, known_logits, user, &at), RECSYS_ERR_NUMERIC, "no logits");
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys__colliding_rank(f.exec, &w.model, &c, known_logits, user, &to), RECSYS_ERR_CANCELLED, "cancelled");
    recsys_exec_reset_cancel(f.exec);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours), cmocka_unit_test(test_neighbours_errors), cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
