/* row_index.c - the row_index kernel: a radix sort of (row, entry) by row, stable, so that entries stay in their order.
 *
 * E entries, N rows of the table. Pairs lie in one word, the row above the entry. Each pass sorts by one digit of the row; the
 * digits are as narrow as the number of passes allows, because counters cost as much as entries where E is small.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/row_index.h"

#include <string.h>

#include "kernels/cpu/cpu.h"

enum { DIGIT_MOST = 11, PASSES_MOST = 3 };
enum { MEMORY_LINE = 64, TWO_THREADS_FROM = 512 };

typedef struct digits {
    int passes, bits;
} digits;

static digits digits_of(int64_t n_rows)
{
    int bits = 1;
    while (bits < 31 && (INT64_C(1) << bits) < n_rows) bits++;
    int passes = (bits + DIGIT_MOST - 1) / DIGIT_MOST;
    return (digits){ passes, (bits + passes - 1) / passes };
}

static size_t list_workspace(const row_list *l)
{
    return ((size_t)l->index.n_entries * 2 * sizeof(uint64_t) + MEMORY_LINE - 1) / MEMORY_LINE * MEMORY_LINE;
}

size_t recsys__cpu_row_index_workspace(const op_row_index *o, int32_t threads)
{
    (void)threads;
    size_t bytes = 0;
    for (int64_t k = 0; k < o->count; k++) bytes += list_workspace(&o->list[k]);
    return bytes;
}

typedef uint32_t counters[PASSES_MOST][1 << DIGIT_MOST];

static uint32_t digit_of(uint64_t pair, int pass, int bits)
{
    return (uint32_t)(pair >> (32 + pass * bits)) & ((1u << bits) - 1);
}

/* Packs the entries that have a row, counts their digits; gives their number, or -1 - e for a bad entry e. */
static int64_t pack(const row_list *l, digits d, uint64_t *pair, counters many)
{
    int64_t n = 0;
    for (int pass = 0; pass < d.passes; pass++) memset(many[pass], 0, sizeof(uint32_t) << d.bits);
    for (int64_t e = 0; e < l->index.n_entries; e++) {
        int32_t row = l->row[e];
        if (row < -1 || row >= l->n_rows) return -1 - e;
        if (row < 0) continue;
        uint64_t p = (uint64_t)(uint32_t)row << 32 | (uint32_t)e;
        pair[n++] = p;
        for (int pass = 0; pass < d.passes; pass++) many[pass][digit_of(p, pass, d.bits)]++;
    }
    return n;
}

static void sort_digit(uint64_t *to, const uint64_t *from, int64_t n, uint32_t *count, int pass, int bits)
{
    uint32_t at = 0;
    for (uint32_t value = 0; value < 1u << bits; value++) {
        uint32_t many = count[value];
        count[value] = at;
        at += many;
    }
    for (int64_t i = 0; i < n; i++) to[count[digit_of(from[i], pass, bits)]++] = from[i];
}

static void write_index(const row_index *x, const uint64_t *pair, int64_t n)
{
    int64_t rows = 0, last = -1;
    for (int64_t i = 0; i < n; i++) {
        int64_t row = (int64_t)(pair[i] >> 32);
        x->order[i] = (int32_t)(uint32_t)pair[i];
        if (row == last) continue;
        x->row[rows] = (int32_t)row;
        x->begin[rows++] = (int32_t)i;
        last = row;
    }
    x->begin[rows] = (int32_t)n;
    *x->n_rows = (int32_t)rows;
}

/* Gives -1, or the first bad entry. */
static int64_t index_list(const row_list *l, void *workspace)
{
    counters many;
    digits d = digits_of(l->n_rows);
    uint64_t *from = workspace, *to = from + l->index.n_entries;
    int64_t n = pack(l, d, from, many);
    if (n < 0) return -1 - n;
    for (int pass = 0; pass < d.passes; pass++) {
        sort_digit(to, from, n, many[pass], pass, d.bits);
        uint64_t *sorted = to;
        to = from;
        from = sorted;
    }
    write_index(&l->index, from, n);
    return -1;
}

recsys_status recsys__cpu_row_index(op_context *c, const op_row_index *o)
{
    int64_t bad[ROW_LISTS] = { -1, -1 };
    char *room[ROW_LISTS] = { c->workspace, c->workspace };
    int64_t entries = 0;
    for (int64_t k = 0; k < o->count; k++) {
        if (k > 0) room[k] = room[k - 1] + list_workspace(&o->list[k - 1]);
        entries += o->list[k].index.n_entries;
    }
    int threads = o->count > 1 && entries >= TWO_THREADS_FROM && c->threads > 1 ? 2 : 1;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t k = 0; k < o->count; k++) bad[k] = index_list(&o->list[k], room[k]);
    for (int64_t k = 0; k < o->count; k++)
        if (bad[k] >= 0)
            return recsys__fail(c->error, RECSYS_ERR_OUT_OF_RANGE, "entry %lld of a lookup asks for row %d of a table of %lld rows",
                                (long long)bad[k], (int)o->list[k].row[bad[k]], (long long)o->list[k].n_rows);
    c->rung = "radix";
    return RECSYS_OK;
}
