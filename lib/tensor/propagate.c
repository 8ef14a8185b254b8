/* propagate.c - op_propagate: light graph convolution for the nodes of a batch.
 *
 * Layers x_l of users (U x D) and z_l of items (I x D): x_0, z_0 are tables, x_(l+1) = A z_l, z_(l+1) = C x_l, and the result is the
 * mean of layers 0 to L. It is wanted for few nodes, so the last layer is computed for those alone; going back, with G the gradients
 * that came to them, H_1 = G + M' G, H_(l+1) = G + M' H_l for both sides, M the whole matrix of A and C, and the first product
 * follows only the entries that lead into the batch.
 * Source: He et al., "LightGCN", SIGIR 2020, eq. 3 to 8.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/propagate_rows.h"
#include "backend/op/pull.h"
#include "backend/op/row_slots.h"
#include "backend/op/spmm.h"
#include "tensor/front.h"
#include "tensor/ops.h"

static void propagate_gradient(tape *g, const record *r, tensor gy);

/* Places in the record. Shapes of both sides are those of in[0] and in[1]. */
enum { IN_USERS, IN_ITEMS, IN_USER_SLOT, IN_ITEM_SLOT };
enum { SAVED_PTR, SAVED_COLUMN, SAVED_VALUE, SAVED_LAYERS }; /* A', and where layers 1 to L - 1 are; r->matrix is C' */
enum { I_LAYERS, I_FIRST_ITEM };                              /* the first row of items in the result */

/* ---- checks ---- */

static int is_table(tape *g, tensor t, const char *name)
{
    char text[SHAPE_ROOM];
    if (t.data != NULL && t.dtype == RECSYS_F32 && t.rank == 2) return 1;
    recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "%s (%s) must be a table of float32", name, recsys__shape_text(t, text));
    return 0;
}

static int is_list(tape *g, tensor t, const char *name)
{
    char text[SHAPE_ROOM];
    if (t.data != NULL && t.dtype == RECSYS_I32 && t.rank == 1) return 1;
    recsys__tape_fail(g, RECSYS_ERR_TYPE, "%s (%s) must be a vector of int32", name, recsys__shape_text(t, text));
    return 0;
}

static int is_good(tape *g, const sparse *A, const sparse *C, tensor users, tensor items, int64_t layers, int wanted)
{
    int64_t U = tensor_rows(&users), I = tensor_rows(&items);
    if (tensor_columns(&users) != tensor_columns(&items))
        front_mismatch(g, "the users' table", users, "the items'", items, ": they must be equally wide");
    else if (A->n_rows != U || A->n_columns != I || C->n_rows != I || C->n_columns != U)
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "graphs of %lld x %lld and %lld x %lld for %lld users and %lld items",
                          (long long)A->n_rows, (long long)A->n_columns, (long long)C->n_rows, (long long)C->n_columns, (long long)U,
                          (long long)I);
    else if (layers < 0)
        recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "%lld layers", (long long)layers);
    else if (wanted && (A->transposed == NULL || C->transposed == NULL))
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "gradients need the transposed matrices of both sides");
    return !recsys__tape_failed(g);
}

/* ---- forward ---- */

/* One side of the graph in this call. */
typedef struct side {
    const sparse *A;     /* from the other side to this */
    tensor table;        /* layer 0 */
    int64_t n;           /* nodes */
    float *later;        /* layers 1 to L - 1 */
    row_index index;     /* of the batch's nodes */
    tensor slot, place;  /* of all nodes; of the batch's entries */
} side;

/* Layer l, for 0 <= l < L. */
static float *layer(const side *s, int64_t l)
{
    return l == 0 ? tensor_floats(&s->table) : s->later + (l - 1) * s->n * tensor_columns(&s->table);
}

static void next_layer(tape *g, const side *to, const side *from, int64_t l)
{
    const sparse *A = to->A;
    op_spmm o = { .op = { OP_SPMM, sizeof o }, .n_rows = A->n_rows, .dim = tensor_columns(&to->table), .n_entries = A->n_entries,
                  .row_ptr = A->row_ptr, .column = A->column, .value = A->value, .x = layer(from, l), .y = layer(to, l + 1) };
    recsys__tape_run(g, &o.op);
}

static void find_nodes(tape *g, side *s, int64_t first, int wanted)
{
    s->place = recsys__tape_new(g, RECSYS_I32, 1, &s->index.n_entries);
    if (wanted) s->slot = recsys__tape_new(g, RECSYS_I32, 1, &s->n);
    op_row_slots o = { .op = { OP_ROW_SLOTS, sizeof o }, .n_rows = s->n, .index = s->index, .first = (int32_t)first,
                       .slot = tensor_ints(&s->slot), .place = tensor_ints(&s->place) };
    recsys__tape_run(g, &o.op);
}

static void last_layer(tape *g, const side *to, const side *from, int64_t layers, tensor out, int64_t first)
{
    int64_t D = tensor_columns(&to->table);
    op_propagate_rows o = { .op = { OP_PROPAGATE_ROWS, sizeof o }, .most = to->index.n_entries, .dim = D, .layers = layers,
                            .n_nodes = to->n, .n_rows = to->index.n_rows, .row = to->index.row, .row_ptr = to->A->row_ptr,
                            .column = to->A->column, .value = to->A->value, .first = layer(to, 0), .later = to->later,
                            .other = layer(from, layers > 0 ? layers - 1 : 0), .scale = (float)(1.0 / (double)(layers + 1)),
                            .out = tensor_floats(&out) + first * 2 * D };
    recsys__tape_run(g, &o.op);
}

static void save(record *r, const side *u, const side *i, tensor layers_room, int64_t first, int64_t layers)
{
    r->in[IN_USER_SLOT] = u->slot;
    r->in[IN_ITEM_SLOT] = i->slot;
    r->i[I_LAYERS] = layers;
    r->i[I_FIRST_ITEM] = first;
    r->matrix = *i->A->transposed;
    r->saved[SAVED_PTR].data = (void *)(uintptr_t)u->A->transposed->row_ptr;
    r->saved[SAVED_COLUMN].data = (void *)(uintptr_t)u->A->transposed->column;
    r->saved[SAVED_VALUE].data = (void *)(uintptr_t)u->A->transposed->value;
    r->saved[SAVED_LAYERS] = layers_room;
}

tensor recsys__op_propagate(tape *g, const propagation *p, tensor *user_place, tensor *item_place)
{
    *user_place = *item_place = (tensor){ 0 };
    int wanted = recsys__tape_wants(g, p->user_table) || recsys__tape_wants(g, p->item_table);
    if (recsys__tape_failed(g) || !is_table(g, p->user_table, "the users' table") || !is_table(g, p->item_table, "the items' table")
        || !is_list(g, p->users, "users") || !is_list(g, p->items, "items")
        || !is_good(g, p->to_users, p->to_items, p->user_table, p->item_table, p->layers, wanted))
        return (tensor){ 0 };
    record r = { .rule = propagate_gradient, .operation = "propagate", .in = { p->user_table, p->item_table } };
    int64_t D = tensor_columns(&p->user_table), L = p->layers, first = tensor_rows(&p->users);
    side u = { .A = p->to_users, .table = recsys__tape_read_whole(g, p->user_table), .n = tensor_rows(&p->user_table) };
    side i = { .A = p->to_items, .table = recsys__tape_read_whole(g, p->item_table), .n = tensor_rows(&p->item_table) };
    tensor nodes[] = { recsys__tape_detach(u.table), recsys__tape_detach(i.table) }, lists[] = { p->users, p->items };
    row_index index[2];
    recsys__tape_index(g, 2, nodes, lists, index);
    tensor room = { 0 }, out = front_array(g, first + tensor_rows(&p->items), 2 * D);
    if (L > 1) room = recsys__tape_new(g, RECSYS_F32, 2, (int64_t[]){ (L - 1) * (u.n + i.n), D });
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    u.index = index[0], i.index = index[1];
    u.later = tensor_floats(&room);
    i.later = L > 1 ? u.later + (L - 1) * u.n * D : NULL;
    for (int64_t l = 0; l + 1 < L; l++) {
        next_layer(g, &u, &i, l);
        next_layer(g, &i, &u, l);
    }
    find_nodes(g, &u, 0, wanted), find_nodes(g, &i, first, wanted);
    last_layer(g, &u, &i, L, out, 0), last_layer(g, &i, &u, L, out, first);
    *user_place = u.place, *item_place = i.place;
    if (wanted && !recsys__tape_failed(g)) save(&r, &u, &i, room, first, L);
    return recsys__tape_record(g, &r, 2, out);
}

/* ---- backward ---- */

/* What both sides of a backward product have in common: y = M' x + G, or the last one with the mean's factor and layer 0. */
typedef struct back {
    const sparse *T;          /* to this side */
    const int32_t *slot;      /* of this side's nodes */
    const int32_t *from_slot; /* of the other side's; NULL: x has all rows */
    const float *own;         /* G of this side, and behind it the gradients of layer 0 */
    const float *x;
    int64_t D, L;
} back;

static void pull(tape *g, const back *b, int is_last, float *y)
{
    op_pull o = { .op = { OP_PULL, sizeof o }, .n_rows = b->T->n_rows, .dim = b->D, .n_entries = b->T->n_entries,
                  .row_ptr = b->L > 0 ? b->T->row_ptr : NULL, .column = b->T->column, .value = b->T->value, .x = b->x,
                  .x_stride = b->from_slot != NULL ? 2 * b->D : b->D, .x_slot = b->from_slot, .own_slot = b->slot, .own = b->own,
                  .beside = is_last ? b->own + b->D : NULL, .own_stride = 2 * b->D,
                  .scale = is_last ? (float)(1.0 / (double)(b->L + 1)) : 1.0f, .y = y };
    recsys__tape_run(g, &o.op);
}

/* The gradient of a table: the last product. */
static tensor pulled(tape *g, const back *b, tensor table)
{
    tensor gradient = front_like(g, table);
    if (!recsys__tape_failed(g)) pull(g, b, 1, tensor_floats(&gradient));
    return gradient;
}

/* The rooms of the layers, which nobody reads any more, take H_1 to H_(L-1). */
static void propagate_gradient(tape *g, const record *r, tensor gy)
{
    const tensor *users = &r->in[IN_USERS], *items = &r->in[IN_ITEMS];
    int64_t D = tensor_columns(users), L = r->i[I_LAYERS], U = tensor_rows(users), I = tensor_rows(items);
    sparse to_items = { .n_rows = I, .n_columns = U, .n_entries = r->matrix.n_entries, .row_ptr = r->saved[SAVED_PTR].data,
                        .column = r->saved[SAVED_COLUMN].data, .value = r->saved[SAVED_VALUE].data };
    const int32_t *user_slot = tensor_ints(&r->in[IN_USER_SLOT]), *item_slot = tensor_ints(&r->in[IN_ITEM_SLOT]);
    const float *at = tensor_floats(&gy), *at_items = at + r->i[I_FIRST_ITEM] * 2 * D;
    back u = { .T = &r->matrix, .slot = user_slot, .from_slot = item_slot, .own = at, .x = at_items, .D = D, .L = L };
    back i = { .T = &to_items, .slot = item_slot, .from_slot = user_slot, .own = at_items, .x = at, .D = D, .L = L };
    for (int64_t l = 1; l < L; l++) {
        float *room = tensor_floats(&r->saved[SAVED_LAYERS]), *user_h = room + (l - 1) * (U + I) * D, *item_h = user_h + U * D;
        pull(g, &u, 0, user_h), pull(g, &i, 0, item_h);
        u.x = item_h, i.x = user_h;
        u.from_slot = i.from_slot = NULL;
    }
    if (front_leads_back(*users)) recsys__tape_add_gradient(g, *users, pulled(g, &u, *users));
    if (front_leads_back(*items)) recsys__tape_add_gradient(g, *items, pulled(g, &i, *items));
}
