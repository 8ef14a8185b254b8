/* weights_sparsify.c - the weights_sparsify kernel: a cut for each column, then the rows of what passes.
 *
 * P is read twice, four rows at a time, which by symmetry are four columns too. The first pass finds for each column the
 * absolute value, and among equals the item, of the last entry to keep, and counts what each row keeps; the second
 * writes the rows. So no copy of B by columns is needed, only a few arrays of I.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/weights_sparsify.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/precision.h"
#include "kernels/cpu/watch.h"

/* The last entry that a column keeps: all of larger |B_ij|, and of equal ones those up to item `last`. */
typedef struct cut {
    uint32_t least; /* bits of |B_ij| */
    int32_t last;
} cut;

typedef struct job {
    const op_weights_sparsify *o;
    int64_t N;      /* I padded, as rows are long */
    float *scale;   /* N */
    cut *cuts;      /* N */
    char *threads;  /* thread_bytes() each */
} job;

/* A thread's own: four rows of P, the magnitudes of one column, how many entries it keeps in each row. */
typedef struct share {
    float *rows;     /* 4 x N */
    uint32_t *size;  /* N */
    int32_t *kept;   /* N */
} share;

static size_t thread_bytes(int64_t N)
{
    return ((size_t)N * 6 * 4 + 63) / 64 * 64;
}

static share share_of(const job *j, int64_t thread)
{
    share s = { .rows = (float *)(void *)(j->threads + (size_t)thread * thread_bytes(j->N)) };
    s.size = (uint32_t *)(void *)(s.rows + 4 * j->N);
    s.kept = (int32_t *)(void *)(s.size + j->N);
    return s;
}

size_t recsys__cpu_weights_sparsify_workspace(const op_weights_sparsify *o, int32_t threads)
{
    int64_t N = precision_padded(o->precision.n);
    return (size_t)N * (sizeof(float) + sizeof(cut)) + 64 + (size_t)threads * thread_bytes(N);
}

static job lay_out(const op_weights_sparsify *o, void *workspace)
{
    job j = { .o = o, .N = precision_padded(o->precision.n), .cuts = workspace };
    size_t shared = ((size_t)j.N * (sizeof(float) + sizeof(cut)) + 63) / 64 * 64;
    j.scale = (float *)(void *)(j.cuts + j.N);
    j.threads = (char *)workspace + shared;
    return j;
}

/* Bits of |b|: as whole numbers they are in the order of the magnitudes. */
static uint32_t magnitude(float b)
{
    uint32_t bits;
    memcpy(&bits, &b, sizeof bits);
    return bits & 0x7fffffffu;
}

static int keeps(cut c, uint32_t size, int64_t i)
{
    return size > c.least || (size == c.least && i <= c.last);
}

/* The k-th largest of n numbers below 2^31, k <= n; *ties: how many equal to it are among the k largest. Three rounds of
 * counting, 11, 11 and 10 bits from the top. */
static uint32_t kth_largest(const uint32_t *x, int64_t n, int64_t k, int64_t *ties)
{
    static const int shifts[3] = { 21, 10, 0 };
    static const uint32_t digits[3] = { 2047, 2047, 1023 };
    uint32_t found = 0, known = 0; /* the bits of the answer so far, and which these are */
    for (int round = 0; round < 3; round++) {
        int64_t count[2048] = { 0 };
        for (int64_t i = 0; i < n; i++)
            if ((x[i] & known) == found) count[x[i] >> shifts[round] & digits[round]]++;
        uint32_t digit = digits[round];
        while (count[digit] < k) k -= count[digit--];
        found |= digit << shifts[round];
        known |= digits[round] << shifts[round];
    }
    *ties = k;
    return found;
}

/* The cut of a column of n magnitudes. One that is 0 is never kept. */
static cut find_cut(const uint32_t *size, int64_t n, int64_t top_k)
{
    cut all = { .least = 0, .last = -1 };
    if (top_k >= n) return all;
    int64_t ties;
    uint32_t least = kth_largest(size, n, top_k, &ties);
    if (least == 0) return all;
    int64_t i = 0;
    for (;; i++)
        if (size[i] == least && --ties == 0) break;
    return (cut){ .least = least, .last = (int32_t)i };
}

/* First pass over columns 4 s to 4 s + 3. */
static void cut_columns(const job *j, int64_t s)
{
    share own = share_of(j, omp_get_thread_num());
    int64_t n = j->o->precision.n;
    recsys__precision_rows(own.rows, &j->o->precision, s);
    for (int64_t c = 4 * s; c < 4 * s + 4 && c < n; c++) {
        const float *p_c = own.rows + (c - 4 * s) * j->N;
        for (int64_t i = 0; i < n; i++) own.size[i] = magnitude(fmaf(-p_c[i], j->scale[c], 0.0f));
        j->cuts[c] = find_cut(own.size, n, j->o->top_k);
        for (int64_t i = 0; i < n; i++) own.kept[i] += keeps(j->cuts[c], own.size[i], i);
    }
}

/* Second pass over rows 4 s to 4 s + 3. */
static void write_rows(const job *j, int64_t s)
{
    share own = share_of(j, omp_get_thread_num());
    int64_t n = j->o->precision.n;
    recsys__precision_rows(own.rows, &j->o->precision, s);
    for (int64_t i = 4 * s; i < 4 * s + 4 && i < n; i++) {
        const float *p_i = own.rows + (i - 4 * s) * j->N;
        int64_t e = j->o->row_ptr[i];
        for (int64_t c = 0; c < n; c++) {
            float b = fmaf(-p_i[c], j->scale[c], 0.0f);
            if (!keeps(j->cuts[c], magnitude(b), i)) continue;
            j->o->col[e] = (int32_t)c;
            j->o->val[e++] = b;
        }
    }
}

/* Offsets of the rows from the threads' counts: whole numbers, so it does not matter which thread counted what. */
static void add_up(const job *j, int32_t threads)
{
    int64_t *row_ptr = j->o->row_ptr;
    row_ptr[0] = 0;
    for (int64_t i = 0; i < j->o->precision.n; i++) {
        row_ptr[i + 1] = row_ptr[i];
        for (int32_t t = 0; t < threads; t++) row_ptr[i + 1] += share_of(j, t).kept[i];
    }
}

recsys_status recsys__cpu_weights_sparsify(op_context *c, const op_weights_sparsify *o)
{
    item_weights dense = { .n_items = o->precision.n, .precision = o->precision };
    recsys_status s = recsys__precision_check(c->error, &dense);
    if (s) return s;
    job j = lay_out(o, c->workspace);
    int64_t strips = j.N / SYMMETRIC_LINE;
    watch w;
    watch_begin(&w, c, 2 * strips);
    recsys__precision_scale(j.scale, &o->precision, 0, j.N);
    for (int32_t t = 0; t < c->threads; t++) memset(share_of(&j, t).kept, 0, (size_t)j.N * sizeof(int32_t));
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 1)
    for (int64_t strip = 0; strip < strips; strip++) {
        if (watch_stopped(&w)) continue;
        cut_columns(&j, strip);
        watch_done(&w, 1);
    }
    add_up(&j, c->threads);
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 1)
    for (int64_t strip = 0; strip < strips; strip++) {
        if (watch_stopped(&w)) continue;
        write_rows(&j, strip);
        watch_done(&w, 1);
    }
    return watch_end(&w, "sparsifying item weights");
}
