/* rows.cuh - what the kernels share that work on rows of tables: how threads are dealt to rows, and sums of a row's entries.
 *
 * A block has as many whole rows as fit into its threads, or one row of more columns than threads. Columns never meet, so
 * a column's sum is one thread's chain.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_ROWS_CUH
#define KERNELS_CUDA_ROWS_CUH

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/row_gradient.h"
}

/* ---- threads and rows ---- */

/* Rows of a block of BLOCK threads; D > 0. */
static inline __host__ __device__ int64_t rows_of_block(int64_t D)
{
    return D < BLOCK ? BLOCK / D : 1;
}

static inline int64_t blocks_of_rows(int64_t rows, int64_t D)
{
    return D > 0 ? (rows + rows_of_block(D) - 1) / rows_of_block(D) : 0;
}

/* This thread has columns first, first + step, ... of row `row` of its block's rows; `row` is not below rows_of_block() where
 * it has none. */
struct row_share {
    int64_t row;
    int first, step;
};

static __device__ __forceinline__ row_share share_of_rows(int64_t D)
{
    int lanes = D < BLOCK ? (int)D : (int)BLOCK, row = (int)threadIdx.x / lanes;
    row_share share = { row, (int)threadIdx.x - row * lanes, lanes };
    return share;
}

/* Most rows that an index can have. */
static inline int64_t most_rows_of(const row_index *x, int64_t n_rows)
{
    return x->n_entries < n_rows ? x->n_entries : n_rows;
}

/* ---- searches ---- */

/* The first place from low to high, sorted ascending, whose number is above `value`; high if there is none. */
template <typename T>
static __device__ __forceinline__ int64_t first_above(const T *number, int64_t low, int64_t high, int64_t value)
{
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (number[middle] > value) high = middle;
        else low = middle + 1;
    }
    return low;
}

/* ---- sums of entries ---- */

/* TERMS of them from x on: all are asked for before the first is added. A product with weight 1 is exact, so adding is the same
 * as fma. */
template <int TERMS>
static __device__ __forceinline__ float add_entries(float sum, const row_gradient &r, int64_t x, int64_t D, int64_t c)
{
    int32_t e[TERMS];
    float weight[TERMS], value[TERMS];
#pragma unroll
    for (int i = 0; i < TERMS; i++) e[i] = r.index.order[x + i];
#pragma unroll
    for (int i = 0; i < TERMS; i++) weight[i] = r.weight ? r.weight[e[i]] : 1.0f;
    if (r.source_row) {
#pragma unroll
        for (int i = 0; i < TERMS; i++) e[i] = r.source_row[e[i]];
    }
#pragma unroll
    for (int i = 0; i < TERMS; i++) value[i] = r.source[e[i] * D + c];
#pragma unroll
    for (int i = 0; i < TERMS; i++) sum = fmaf(weight[i], value[i], sum);
    return sum;
}

/* Column c of the sum of entries order[begin..end-1], times scale. */
static __device__ __forceinline__ float sum_of_entries(const row_gradient &r, int64_t begin, int64_t end, int64_t D, int64_t c)
{
    float sum = 0.0f;
    int64_t x = begin;
    for (; x + 8 <= end; x += 8) sum = add_entries<8>(sum, r, x, D, c);
    for (; x + 2 <= end; x += 2) sum = add_entries<2>(sum, r, x, D, c);
    for (; x < end; x++) sum = add_entries<1>(sum, r, x, D, c);
    return r.scale ? sum * r.scale[c] : sum;
}

#endif
