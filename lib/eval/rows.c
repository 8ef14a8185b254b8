/* rows.c - sparse rows for a block of users: bounds first, then all rows at once, then the gaps are closed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/rows.h"

#include <string.h>

#include "base/parallel.h"
#include "base/sort.h"

enum { ROWS_AT_ONCE = 64 };

/* Exchanges the array at *(void **)array for one of at least `count` elements; what it held is lost. */
static recsys_status make_room(recsys_exec *x, int64_t count, size_t size, int64_t *room, void *array)
{
    void *old;
    memcpy(&old, array, sizeof old);
    if (old && *room >= count) return RECSYS_OK;
    recsys__free(x->memory, old);
    *room = 0;
    recsys_status status = recsys__alloc(x->memory, &x->error, count, size, array);
    if (!status) *room = count;
    return status;
}

recsys_status recsys__rows_begin(recsys_exec *x, row_block *r, int64_t n)
{
    int64_t room = r->row_room;
    recsys_status status = make_room(x, n + 1, sizeof *r->ptr, &room, &r->ptr);
    if (!status) status = make_room(x, n + 1, sizeof *r->length, &r->row_room, &r->length);
    r->n = n;
    return status;
}

struct fill {
    row_block *r;
    row_writer write;
    void *data;
    int with_values;
};

static void fill_some(void *data, int64_t begin, int64_t end, int32_t thread)
{
    const struct fill *f = data;
    row_block *r = f->r;
    for (int64_t row = begin; row < end; row++) {
        int64_t at = r->ptr[row];
        r->length[row] = f->write(f->data, row, thread, r->item + at, f->with_values ? r->val + at : NULL);
    }
}

static void close_gaps(row_block *r, int with_values)
{
    int64_t to = 0;
    for (int64_t row = 0; row < r->n; row++) {
        int64_t from = r->ptr[row], n = r->length[row];
        if (from != to && n > 0) {
            memmove(r->item + to, r->item + from, (size_t)n * sizeof *r->item);
            if (with_values) memmove(r->val + to, r->val + from, (size_t)n * sizeof *r->val);
        }
        r->ptr[row] = to;
        to += n;
    }
    r->ptr[r->n] = to;
}

recsys_status recsys__rows_fill(recsys_exec *x, row_block *r, int with_values, row_writer write, void *data)
{
    int64_t total = 0;
    for (int64_t row = 0; row < r->n; row++) {
        r->ptr[row] = total;
        total += r->length[row];
    }
    recsys_status status = make_room(x, total, sizeof *r->item, &r->item_room, &r->item);
    if (!status && with_values) status = make_room(x, total, sizeof *r->val, &r->val_room, &r->val);
    if (status) return status;
    struct fill f = { r, write, data, with_values };
    recsys__parallel_for(x, r->n, ROWS_AT_ONCE, fill_some, &f);
    close_gaps(r, with_values);
    return RECSYS_OK;
}

void recsys__rows_free(recsys_exec *x, row_block *r)
{
    recsys__free(x->memory, r->ptr);
    recsys__free(x->memory, r->length);
    recsys__free(x->memory, r->item);
    recsys__free(x->memory, r->val);
    *r = (row_block){ 0 };
}

/* ---- sources ---- */

/* Row of the user in the matrix, -1: none. */
static int64_t row_of(const source *s, int64_t user)
{
    return s->rows ? s->row_of[user] : -1;
}

int64_t recsys__source_longest(const source *s)
{
    int64_t longest = 0;
    for (int64_t row = 0; s->rows && row < s->rows->n_rows; row++)
        if (s->rows->ptr[row + 1] - s->rows->ptr[row] > longest) longest = s->rows->ptr[row + 1] - s->rows->ptr[row];
    return longest;
}

int64_t recsys__source_bound(const source *s, int64_t user)
{
    int64_t row = row_of(s, user);
    return row < 0 ? 0 : s->rows->ptr[row + 1] - s->rows->ptr[row];
}

int recsys__source_has_any(const source *s, int64_t user)
{
    int64_t row = row_of(s, user);
    if (row < 0) return 0;
    for (int64_t e = s->rows->ptr[row]; e < s->rows->ptr[row + 1]; e++)
        if (!s->item_of || s->item_of[s->rows->col[e]] >= 0) return 1;
    return 0;
}

/* By item. */
static void sort_row(uint64_t *keys, int32_t *item, float *val, int64_t n)
{
    for (int64_t e = 0; e < n; e++) {
        uint32_t bits = 0;
        if (val) memcpy(&bits, &val[e], sizeof bits);
        keys[e] = (uint64_t)item[e] << 32 | bits;
    }
    recsys__sort_u64(keys, n);
    for (int64_t e = 0; e < n; e++) {
        uint32_t bits = (uint32_t)keys[e];
        item[e] = (int32_t)(keys[e] >> 32);
        if (val) memcpy(&val[e], &bits, sizeof bits);
    }
}

int64_t recsys__source_copy(const source *s, int64_t user, uint64_t *keys, int32_t *item, float *val)
{
    int64_t row = row_of(s, user), n = 0;
    if (row < 0) return 0;
    int ascends = 1;
    for (int64_t e = s->rows->ptr[row]; e < s->rows->ptr[row + 1]; e++) {
        int32_t i = s->item_of ? s->item_of[s->rows->col[e]] : s->rows->col[e];
        if (i < 0) continue;
        if (n > 0 && i < item[n - 1]) ascends = 0;
        if (val) val[n] = s->rows->val ? s->rows->val[e] : 1.0f;
        item[n++] = i;
    }
    if (!ascends) sort_row(keys, item, val, n);
    return n;
}
