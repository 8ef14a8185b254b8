/* optimize.cu - the optimize kernel: all parameters of a training step in two launches, a thread for each element.
 *
 * One launch has the targets whose elements are all treated alike, in runs of them; the other has those that are worked on by
 * whole rows, of the table or of the index. Blocks are dealt to the targets in order. How many rows an index has is known on
 * the device alone, so there are blocks for as many as there can be.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/lag.cuh"
#include "kernels/cuda/rows.cuh"
#include "kernels/cuda/targets.cuh"

enum { RUN = 4 * BLOCK };

static inline __host__ __device__ bool by_elements(const optimize_target &t)
{
    return t.kind != TARGET_ROWS && !t.table.last;
}

static inline __host__ __device__ bool is_indexed(const optimize_target &t)
{
    return t.kind == TARGET_ROWS && !t.every_row;
}

static __device__ __forceinline__ void step_elements(const op_optimize &o, const optimize_target &t, int64_t block, float clip,
                                                     float *check)
{
    const float *g = t.kind == TARGET_DENSE ? t.dense : nullptr;
    int64_t n = t.table.n_rows * t.table.dim;
    for (int i = 0; i < RUN / BLOCK; i++) {
        int64_t at = block * RUN + i * BLOCK + threadIdx.x;
        if (at < n) update_element(&o.rule, clip, t.table.p, t.table.m, t.table.v, at, g ? g[at] : 0.0f, check);
    }
}

/* A row of the table and its entries. */
struct row_here {
    int64_t row, begin, end;
    bool in, touched; /* by entries */
};

/* Row number `at` of the block's, of which `first` is the first; `bound` is shared. */
static __device__ __forceinline__ row_here find_row(const optimize_target &t, int64_t first, int64_t rows, int64_t at,
                                                    int64_t *bound)
{
    const row_index &x = t.rows.index;
    row_here h = { first + at, 0, 0, false, false };
    int64_t s = h.row;
    h.in = at < rows && s < (is_indexed(t) ? (int64_t)*x.n_rows : t.table.n_rows);
    if (t.kind != TARGET_ROWS) return h;
    if (t.every_row) { /* the rows of the index that are among the block's */
        int64_t before = threadIdx.x == 0 ? first - 1 : first + rows - 1;
        if (threadIdx.x < 2) bound[threadIdx.x] = first_above(x.row, 0, *x.n_rows, before);
        __syncthreads();
        s = first_above(x.row, bound[0], bound[1], h.row - 1);
        h.touched = h.in && s < bound[1] && x.row[s] == h.row;
    } else {
        h.touched = h.in;
        if (h.in) h.row = x.row[s];
    }
    if (h.touched) h.begin = x.begin[s], h.end = x.begin[s + 1];
    return h;
}

static __device__ __forceinline__ void step_rows(const op_optimize &o, const optimize_target &t, int64_t block, float clip,
                                                 const lag_pair *near_pair, int64_t *bound, float *check)
{
    const updated &table = t.table;
    int64_t D = table.dim, rows = rows_of_block(D);
    row_share share = share_of_rows(D);
    row_here h = find_row(t, block * rows, rows, share.row, bound);
    row_lag lag = {};
    if (table.last) {
        int32_t last = h.in ? table.last[h.row] : (int32_t)o.rule.t;
        __syncthreads(); /* all threads of a row have read what one of them changes */
        if (h.in && share.first == 0) table.last[h.row] = (int32_t)(o.rule.t + 1);
        lag = lag_since(o.rule, last, near_pair);
    }
    for (int64_t c = share.first; h.in && c < D; c += share.step) {
        int64_t at = h.row * D + c;
        float g = t.kind == TARGET_DENSE ? t.dense[at] : h.touched ? sum_of_entries(t.rows, h.begin, h.end, D, c) : 0.0f;
        if (lag.k.steps > 0) element_catches_up(o.rule, lag, table, at);
        update_element(&o.rule, clip, table.p, table.m, table.v, at, g, check);
    }
}

static __global__ void optimize_elements(op_optimize o, block_plan plan)
{
    block_share share = share_of_targets(plan);
    float check = 0.0f;
    step_elements(o, o.target[share.target], share.block, o.clip ? *o.clip : 1.0f, &check);
    if (check != 0.0f) o.bad[share.target] = 1; /* NaN is not 0 */
}

static __global__ void __launch_bounds__(BLOCK, 3) optimize_rows(op_optimize o, block_plan plan, const lag_pair *near_pair)
{
    __shared__ int64_t bound[2];
    block_share share = share_of_targets(plan);
    float check = 0.0f;
    step_rows(o, o.target[share.target], share.block, o.clip ? *o.clip : 1.0f, near_pair, bound, &check);
    if (check != 0.0f) o.bad[share.target] = 1;
}

static lag_pair *take_pairs(cuda_room *room, const op_optimize *o)
{
    for (int64_t k = 0; k < o->n_targets; k++)
        if (o->target[k].table.last) return recsys__cuda_take_near_pairs(room, &o->rule);
    return nullptr;
}

size_t recsys__cuda_optimize_workspace(const op_optimize *o)
{
    cuda_room room = { nullptr, 0 };
    (void)take_pairs(&room, o);
    return room.used;
}

/* Blocks of the targets that are worked on by elements (1), or of the others. */
static block_plan plan_of(const op_optimize *o, bool elements)
{
    block_plan plan = {};
    for (int64_t k = 0; k < o->n_targets; k++) {
        const optimize_target &t = o->target[k];
        int64_t N = t.table.n_rows, D = t.table.dim, blocks = 0;
        if (by_elements(t) != elements) blocks = 0;
        else if (elements) blocks = (N * D + RUN - 1) / RUN;
        else blocks = blocks_of_rows(is_indexed(t) ? most_rows_of(&t.rows.index, N) : N, D);
        plan_target(&plan, k, blocks);
    }
    return plan;
}

recsys_status recsys__cuda_optimize(op_context *c, const op_optimize *o)
{
    cuda_room room = cuda_workspace(c);
    lag_pair *pair = take_pairs(&room, o);
    if (o->n_targets == 0) return RECSYS_OK;
    block_plan elements = plan_of(o, true), rows = plan_of(o, false);
    uint32_t n_elements = elements.first[o->n_targets], n_rows = rows.first[o->n_targets];
    TRY(cuda_ok(c->error, cudaMemsetAsync(o->bad, 0, sizeof *o->bad * (size_t)o->n_targets, cuda_queue(c)->stream)));
    if (n_elements > 0) LAUNCH(optimize_elements, n_elements, BLOCK, 0, c, *o, elements);
    if (n_rows > 0) {
        recsys__cuda_make_near_pairs(c, &o->rule, pair);
        LAUNCH(optimize_rows, n_rows, BLOCK, 0, c, *o, rows, pair);
    }
    return cuda_launched(c);
}
