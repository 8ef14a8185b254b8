/* propagate.c - light graph convolution for a batch's nodes: the same as the products of all nodes one after the other, for any
 * number of layers and columns, also where both sides receive other values; gradients; wrong operands; failing memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

/* ---- a graph on the host, in both views; values of both sides may differ ---- */

typedef struct host_graph {
    int64_t U, I, E;
    int64_t *user_ptr, *item_ptr;
    int32_t *item, *user;         /* columns by user and by item */
    float *to_user, *to_item;     /* what each side receives, by user */
    float *to_user_t, *to_item_t; /* the same, by item */
} host_graph;

static host_graph make_graph(int64_t U, int64_t I, int is_symmetric, uint64_t seed)
{
    host_graph h = { .U = U, .I = I, .user_ptr = case_array(U + 1, 8), .item_ptr = case_array(I + 1, 8) };
    char *has = case_array(U * I, 1);
    h.user_ptr[0] = h.item_ptr[0] = 0;
    for (int64_t k = 0; k < U * I; k++) {
        has[k] = k / I != 1 && k % I != 2 && test_random(&seed) % 3 == 0; /* user 1 and item 2 are isolated */
        h.E += has[k];
    }
    h.item = case_array(h.E, 4), h.user = case_array(h.E, 4);
    h.to_user = case_floats(h.E), h.to_item = case_floats(h.E);
    h.to_user_t = case_floats(h.E), h.to_item_t = case_floats(h.E);
    int64_t e = 0, *number = case_array(U * I, 8);
    for (int64_t u = 0; u < U; u++) {
        for (int64_t i = 0; i < I; i++) {
            if (!has[u * I + i]) continue;
            h.to_user[e] = (float)(0.2 + 0.5 * test_random_unit(&seed));
            h.to_item[e] = is_symmetric ? h.to_user[e] : (float)(0.2 + 0.5 * test_random_unit(&seed));
            number[u * I + i] = e;
            h.item[e++] = (int32_t)i;
        }
        h.user_ptr[u + 1] = e;
    }
    e = 0;
    for (int64_t i = 0; i < I; i++) {
        for (int64_t u = 0; u < U; u++) {
            if (!has[u * I + i]) continue;
            h.to_user_t[e] = h.to_user[number[u * I + i]], h.to_item_t[e] = h.to_item[number[u * I + i]];
            h.user[e++] = (int32_t)u;
        }
        h.item_ptr[i + 1] = e;
    }
    free(has), free(number);
    return h;
}

static void free_graph(host_graph *h)
{
    free(h->user_ptr), free(h->item_ptr), free(h->item), free(h->user);
    free(h->to_user), free(h->to_item), free(h->to_user_t), free(h->to_item_t);
}

/* Both sides with their transposed matrices. */
typedef struct sides {
    sparse to_users, to_items, users_turned, items_turned;
} sides;

static void bring(tape *g, const host_graph *h, sides *s)
{
    sparse by_user = { .n_rows = h->U, .n_columns = h->I, .n_entries = h->E,
                       .row_ptr = recsys__tape_copy_in(g, h->user_ptr, h->U + 1, 8),
                       .column = recsys__tape_copy_in(g, h->item, h->E, 4) };
    sparse by_item = { .n_rows = h->I, .n_columns = h->U, .n_entries = h->E,
                       .row_ptr = recsys__tape_copy_in(g, h->item_ptr, h->I + 1, 8),
                       .column = recsys__tape_copy_in(g, h->user, h->E, 4) };
    s->to_users = s->items_turned = by_user;
    s->to_items = s->users_turned = by_item;
    s->to_users.value = recsys__tape_copy_in(g, h->to_user, h->E, 4);
    s->to_items.value = recsys__tape_copy_in(g, h->to_item_t, h->E, 4);
    s->users_turned.value = recsys__tape_copy_in(g, h->to_user_t, h->E, 4);
    s->items_turned.value = recsys__tape_copy_in(g, h->to_item, h->E, 4);
    s->to_users.transposed = &s->users_turned, s->to_items.transposed = &s->items_turned;
}

/* ---- the loss of a batch, in both ways ---- */

typedef struct setting {
    host_graph graph;
    int64_t layers;
    int one_by_one; /* 1: products of all nodes */
} setting;

static tensor mean_of_all(tape *g, const tensor *layer, int64_t L)
{
    tensor sum = layer[0];
    for (int64_t l = 1; l <= L; l++) sum = op_add(g, sum, layer[l]);
    return op_affine(g, sum, (float)(1.0 / (double)(L + 1)), 0.0f);
}

/* [ mean | layer 0 ] of the batch's users and items. in: tables, users, items. */
static void look_up(tape *g, const tensor *in, const setting *s, tensor *users, tensor *items)
{
    sides b;
    tensor x[9], z[9], user_place, item_place;
    bring(g, &s->graph, &b);
    propagation p = { .to_users = &b.to_users, .to_items = &b.to_items, .user_table = in[0], .item_table = in[1],
                      .layers = s->layers, .users = in[2], .items = in[3] };
    if (!s->one_by_one) {
        tensor nodes = op_propagate(g, &p, &user_place, &item_place);
        memset(&b, 0xff, sizeof b); /* what was handed in is not needed any more */
        *users = op_lookup(g, nodes, user_place), *items = op_lookup(g, nodes, item_place);
        return;
    }
    x[0] = in[0], z[0] = in[1];
    for (int64_t l = 0; l < s->layers; l++) x[l + 1] = op_spmm(g, &b.to_users, z[l]), z[l + 1] = op_spmm(g, &b.to_items, x[l]);
    *users = op_concat(g, op_lookup(g, mean_of_all(g, x, s->layers), in[2]), op_lookup(g, in[0], in[2]));
    *items = op_concat(g, op_lookup(g, mean_of_all(g, z, s->layers), in[3]), op_lookup(g, in[1], in[3]));
}

/* Sum of squares with another weight on layer 0, and of the products of pairs. */
static tensor build(tape *g, const tensor *in, const void *data)
{
    tensor u, i;
    int64_t D = tensor_columns(&in[0]);
    look_up(g, in, data, &u, &i);
    tensor pairs = op_sum(g, op_rowdot(g, op_columns(g, u, 0, D), op_columns(g, i, 0, D)));
    tensor own = op_add(g, op_sumsq(g, op_columns(g, u, D, D)), op_sumsq(g, op_columns(g, i, D, D)));
    return op_add(g, op_add(g, pairs, op_sumsq(g, u)), op_affine(g, own, 0.25f, 0.0f));
}

enum { BATCH = 6 };
static const int32_t batch_users[BATCH] = { 4, 0, 1, 4, 2, 0 }, batch_items[BATCH] = { 2, 5, 5, 0, 0, 3 };

static gradient_case case_of(const setting *s, int64_t D)
{
    const host_graph *h = &s->graph;
    return (gradient_case){ .name = "propagate", .n_inputs = 4, .build = build, .data = s,
                            .in = { { .shape = { h->U, D }, .low = 0.5, .high = 1.5 },
                                    { .shape = { h->I, D }, .low = 0.5, .high = 1.5 },
                                    { .shape = { BATCH }, .ints = batch_users },
                                    { .shape = { BATCH }, .ints = batch_items } } };
}

/* ---- against products one after the other ---- */

/* Values and gradients of one way. */
typedef struct answer {
    gradient_run run;
    float *users, *items;
} answer;

static answer ask(fixture *f, const gradient_case *c)
{
    answer a = { .run = { .c = c } };
    gradient_inputs(&a.run);
    gradient_on_tape(f->exec, &a.run);
    int64_t n = BATCH * 2 * a.run.shape[0].shape[1];
    tensor in[4], u, i;
    tape *g;
    expect_ok(f->exec, recsys__tape_create(f->exec, &g));
    for (int k = 0; k < 4; k++)
        in[k] = recsys__tape_constant(g, recsys__tape_copy_in(g, a.run.host[k], tensor_elements(&a.run.shape[k]), 4),
                                      a.run.shape[k].dtype, a.run.shape[k].rank, a.run.shape[k].shape);
    look_up(g, in, c->data, &u, &i);
    expect_ok(f->exec, recsys__tape_status(g));
    a.users = case_floats(n), a.items = case_floats(n);
    expect_ok(f->exec, recsys__download(f->exec, a.users, u.data, n * 4));
    expect_ok(f->exec, recsys__download(f->exec, a.items, i.data, n * 4));
    recsys__tape_free(g);
    return a;
}

static void free_answer(answer *a)
{
    free(a->users), free(a->items);
    gradient_free(&a->run);
}

static void compare(fixture *f, int64_t L, int64_t D, int is_symmetric)
{
    setting s = { .graph = make_graph(6, 8, is_symmetric, (uint64_t)(L * 100 + D)), .layers = L };
    gradient_case c = case_of(&s, D);
    answer fused = ask(f, &c);
    s.one_by_one = 1;
    answer plain = ask(f, &c);
    for (int64_t k = 0; k < BATCH * 2 * D; k++)
        assert_true(fused.users[k] == plain.users[k] && fused.items[k] == plain.items[k]);
    for (int k = 0; k < 2; k++)
        for (int64_t e = 0; e < tensor_elements(&fused.run.shape[k]); e++) {
            double want = (double)plain.run.found[k][e];
            rows_near((double)fused.run.found[k][e], want, 3e-6 * fabs(want), k ? "items" : "users", e / D, e % D);
        }
    free_answer(&fused), free_answer(&plain);
    free_graph(&s.graph);
}

static void test_composition(void **state)
{
    static const int64_t dims[] = { 1, 5, 32, 64, 67 };
    fixture f;
    fixture_open(&f, 2);
    for (int64_t L = 0; L < 6; L++)
        for (int d = 0; d < 5; d++) compare(&f, L, dims[d], (d + (int)L) % 2);
    fixture_close(&f);
    (void)state;
}

/* ---- against differences ---- */

/* Layers in double: rows of users, then of items. */
static void slow_layers(const setting *s, const double *users, const double *items, int64_t D, double *mean)
{
    const host_graph *h = &s->graph;
    int64_t n = (h->U + h->I) * D;
    double *now = case_array(n, sizeof *now), *next = case_array(n, sizeof *next);
    memcpy(now, users, (size_t)(h->U * D) * sizeof *now), memcpy(now + h->U * D, items, (size_t)(h->I * D) * sizeof *now);
    memcpy(mean, now, (size_t)n * sizeof *now);
    for (int64_t l = 0; l < s->layers; l++) {
        for (int64_t k = 0; k < n; k++) next[k] = 0.0;
        for (int64_t u = 0; u < h->U; u++)
            for (int64_t e = h->user_ptr[u]; e < h->user_ptr[u + 1]; e++)
                for (int64_t d = 0; d < D; d++) {
                    next[u * D + d] += (double)h->to_user[e] * now[(h->U + h->item[e]) * D + d];
                    next[(h->U + h->item[e]) * D + d] += (double)h->to_item[e] * now[u * D + d];
                }
        memcpy(now, next, (size_t)n * sizeof *now);
        for (int64_t k = 0; k < n; k++) mean[k] += now[k];
    }
    for (int64_t k = 0; k < n; k++) mean[k] /= (double)(s->layers + 1);
    free(now), free(next);
}

enum { WIDTH = 2 };

static void oracle(const double *const *in, double *term, const void *data)
{
    const setting *s = data;
    double mean[(6 + 8) * WIDTH];
    slow_layers(s, in[0], in[1], WIDTH, mean);
    for (int b = 0; b < BATCH; b++)
        for (int d = 0; d < WIDTH; d++) {
            int64_t u = batch_users[b] * WIDTH + d, i = batch_items[b] * WIDTH + d;
            double x = mean[u], z = mean[s->graph.U * WIDTH + i];
            term[b * WIDTH + d] = x * z + x * x + 1.25 * in[0][u] * in[0][u] + 0.25 * in[1][i] * in[1][i];
        }
}

static void test_gradients(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int64_t L = 0; L < 4; L++)
        for (int32_t kind = GRADIENT_INPUT; kind <= GRADIENT_TABLE; kind++) {
            setting s = { .graph = make_graph(6, 8, 0, 7 + (uint64_t)L), .layers = L };
            gradient_case c = case_of(&s, WIDTH);
            c.n_terms = BATCH * WIDTH, c.roundings = 80, c.oracle = oracle;
            c.in[0].kind = c.in[1].kind = kind;
            gradient_check(&f, &c);
            c.in[0].kind = GRADIENT_NOTHING; /* one table alone */
            gradient_check(&f, &c);
            free_graph(&s.graph);
        }
    fixture_close(&f);
    (void)state;
}

/* ---- errors ---- */

static void test_refused(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    setting s = { .graph = make_graph(6, 8, 0, 1), .layers = 2 };
    gradient_case c = case_of(&s, 3);
    c.in[1].shape[1] = 4;
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "propagate.c:|op_propagate|6 x 3|8 x 4");
    c = case_of(&s, 3), c.in[0].shape[0] = 7;
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "op_propagate|6 x 8|7 users");
    c = case_of(&s, 3), c.in[2].ints = NULL;
    tape_case_refused(&f, &c, RECSYS_ERR_TYPE, "op_propagate|users|int32");
    static const int32_t beyond[] = { 0, 8 };
    c = case_of(&s, 3), c.in[3] = (gradient_input){ .shape = { 2 }, .ints = beyond };
    if (!f.exec->queue) /* a device says so later */
        tape_case_refused(&f, &c, RECSYS_ERR_OUT_OF_RANGE, "row 8|8 rows");
    c = case_of(&s, 3), s.layers = -1;
    tape_case_refused(&f, &c, RECSYS_ERR_OUT_OF_RANGE, "op_propagate|-1 layers");
    free_graph(&s.graph);
    fixture_close(&f);
    (void)state;
}

static void test_failing_memory(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int64_t L = 0; L < 4; L += 3) {
        setting s = { .graph = make_graph(6, 8, 0, 1), .layers = L };
        gradient_case c = case_of(&s, 3);
        tape_case_failing_memory(&f, &c);
        free_graph(&s.graph);
    }
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_composition), cmocka_unit_test(test_gradients), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
