/* row_index.cu - the row_index kernel: a stable radix sort of (row, entry) by row, then the places where rows begin.
 *
 * E entries, N rows. A pair lies in one word, the row above the entry; entries without a row count as row N and so come last.
 * Where lists are short, one block does all of a list in one launch. Longer ones are cut into tiles, and each digit takes three
 * launches: digits are counted by tile, the counts become places, and the pairs move there.
 *
 * A bad row counts as none, and the host hears of it when it next waits for the queue: nothing here waits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/row_index.h"
}

enum { DIGIT = 8, RADIX = 1 << DIGIT };
enum { ALONE_THREADS = 1024, ALONE_ROUNDS = 16, ALONE_ENTRIES = ALONE_THREADS * ALONE_ROUNDS - 1 };
enum { TILE_ROUNDS = 8, TILE = BLOCK * TILE_ROUNDS };

static const unsigned LANES = 0xffffffffu;

/* A list and where it is sorted. Pass p writes pair[p % 2]. */
struct list_sort {
    row_list list;
    int passes, bits; /* digits, and bits of each */
    int64_t tiles;
    uint64_t *pair[2];   /* E each */
    uint32_t *many;      /* RADIX x tiles: pairs of a tile with a digit, then how many of these in tiles before */
    uint32_t *all;       /* RADIX: pairs with a digit */
    uint32_t *beginnings; /* tiles: rows that begin in a tile */
};

struct sort_job {
    list_sort of[ROW_LISTS];
    uint32_t *bad; /* ROW_LISTS: 0, or ~e of the first bad entry e */
};

/* ---- elements ---- */

static __device__ __forceinline__ bool is_bad(const list_sort &l, int32_t row)
{
    return row < -1 || row >= l.list.n_rows;
}

/* What pass `pass` finds at i. */
static __device__ __forceinline__ uint64_t pair_before(const list_sort &l, int pass, int64_t i)
{
    if (pass > 0) return l.pair[(pass - 1) % 2][i];
    int32_t row = l.list.row[i];
    uint64_t key = row < 0 || is_bad(l, row) ? (uint64_t)l.list.n_rows : (uint64_t)(uint32_t)row;
    return key << 32 | (uint32_t)i;
}

static __device__ __forceinline__ uint32_t digit_of(const list_sort &l, int pass, uint64_t pair)
{
    return (uint32_t)(pair >> (32 + pass * l.bits)) & ((1u << l.bits) - 1);
}

/* ---- sums over a warp and a block ---- */

/* The sum over the lanes before. */
static __device__ __forceinline__ uint32_t sum_before(uint32_t value)
{
    unsigned lane = threadIdx.x % WARP;
    uint32_t sum = value;
    for (unsigned by = 1; by < WARP; by *= 2) {
        uint32_t other = __shfl_up_sync(LANES, sum, by);
        if (lane >= by) sum += other;
    }
    return sum - value;
}

/* The sum over the threads before, and over all of them; `room`: a word for each warp. */
static __device__ __forceinline__ uint32_t block_sum_before(uint32_t value, uint32_t *room, uint32_t *all)
{
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    uint32_t sum = sum_before(value), before = 0;
    if (lane == WARP - 1) room[warp] = sum + value;
    __syncthreads();
    *all = 0;
    for (unsigned w = 0; w < warps; w++) {
        if (w == warp) before = *all;
        *all += room[w];
    }
    __syncthreads();
    return before + sum;
}

/* count[0..n-1] in shared memory becomes the sums over those before; n <= RADIX. */
static __device__ __forceinline__ void digits_before(uint32_t *count, unsigned n)
{
    if (threadIdx.x < WARP) {
        unsigned each = (n + WARP - 1) / WARP, first = threadIdx.x * each;
        uint32_t sum = 0;
        for (unsigned d = first; d < first + each && d < n; d++) sum += count[d];
        uint32_t before = sum_before(sum);
        for (unsigned d = first; d < first + each && d < n; d++) {
            uint32_t own = count[d];
            count[d] = before;
            before += own;
        }
    }
    __syncthreads();
}

/* ---- one digit ---- */

/* Elements begin..end-1 in order, of which warp w has the w-th run of `rounds` x 32: rank[k] becomes how many of the warp's
 * elements before element k of this thread have its digit, many[w][d] how many elements of warps before have digit d, total[d]
 * how many elements have it. */
template <int ROUNDS>
static __device__ __forceinline__ void rank_elements(const list_sort &l, int pass, int64_t begin, int64_t end, int rounds,
                                                     uint32_t (&rank)[ROUNDS], uint32_t *many, uint32_t *total)
{
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP, radix = 1u << l.bits;
    uint32_t *own = many + warp * radix;
    for (unsigned i = threadIdx.x; i < warps * radix; i += blockDim.x) many[i] = 0;
    __syncthreads();
    int64_t first = begin + (int64_t)warp * WARP * rounds;
#pragma unroll
    for (int k = 0; k < ROUNDS; k++) {
        int64_t i = first + k * WARP + lane;
        rank[k] = 0;
        if (k >= rounds || first + k * WARP >= end) continue; /* so for the whole warp */
        bool in = i < end;
        uint32_t d = in ? digit_of(l, pass, pair_before(l, pass, i)) : 0;
        unsigned same = __ballot_sync(LANES, in);
        for (int bit = 0; bit < l.bits; bit++) {
            unsigned ones = __ballot_sync(LANES, (int)(d >> bit & 1u));
            same &= d >> bit & 1u ? ones : ~ones;
        }
        uint32_t before = own[d] + (uint32_t)__popc(same & ((1u << lane) - 1));
        __syncwarp();
        if (in) rank[k] = before;
        if (in && same >> lane == 1u) own[d] = before + 1; /* the last of its digit */
        __syncwarp();
    }
    __syncthreads();
    for (unsigned d = threadIdx.x; d < radix; d += blockDim.x) {
        uint32_t sum = 0;
        for (unsigned w = 0; w < warps; w++) {
            uint32_t of_warp = many[w * radix + d];
            many[w * radix + d] = sum;
            sum += of_warp;
        }
        total[d] = sum;
    }
    __syncthreads();
}

/* Moves the elements that were ranked; start[d] is where those with digit d go. */
template <int ROUNDS>
static __device__ __forceinline__ void move_elements(const list_sort &l, int pass, int64_t begin, int64_t end, int rounds,
                                                     const uint32_t (&rank)[ROUNDS], const uint32_t *many,
                                                     const uint32_t *start)
{
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const uint32_t *own = many + warp * (1u << l.bits);
    uint64_t *to = l.pair[pass % 2];
    int64_t first = begin + (int64_t)warp * WARP * rounds + lane;
#pragma unroll
    for (int k = 0; k < ROUNDS; k++) {
        int64_t i = first + k * WARP;
        if (k >= rounds || i >= end) continue;
        uint64_t pair = pair_before(l, pass, i);
        uint32_t d = digit_of(l, pass, pair);
        to[start[d] + own[d] + rank[k]] = pair;
    }
}

/* ---- where rows begin, among the sorted pairs and one without a row behind them ---- */

static __device__ __forceinline__ uint64_t sorted_at(const list_sort &l, int64_t i)
{
    return i < l.list.index.n_entries ? l.pair[(l.passes - 1) % 2][i] : (uint64_t)l.list.n_rows << 32;
}

static __device__ __forceinline__ bool row_begins(const list_sort &l, int64_t i)
{
    return i <= l.list.index.n_entries && (i == 0 || sorted_at(l, i) >> 32 != sorted_at(l, i - 1) >> 32);
}

/* How many rows begin in begin..begin + 32 rounds warps - 1, for each warp. */
static __device__ __forceinline__ void count_beginnings(const list_sort &l, int64_t begin, int rounds, uint32_t *of_warp)
{
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    int64_t first = begin + (int64_t)warp * WARP * rounds;
    uint32_t sum = 0;
    for (int k = 0; k < rounds && first + k * WARP <= l.list.index.n_entries; k++)
        sum += (uint32_t)__popc(__ballot_sync(LANES, row_begins(l, first + k * WARP + lane)));
    if (lane == 0) of_warp[warp] = sum;
    __syncthreads();
}

/* Writes the index there; `s` rows begin before. */
static __device__ __forceinline__ void write_beginnings(const list_sort &l, int64_t begin, int rounds, uint32_t s,
                                                        const uint32_t *of_warp)
{
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const row_index &x = l.list.index;
    int64_t first = begin + (int64_t)warp * WARP * rounds;
    for (unsigned w = 0; w < warp; w++) s += of_warp[w];
    for (int k = 0; k < rounds && first + k * WARP <= x.n_entries; k++) {
        int64_t i = first + k * WARP + lane;
        bool begins = row_begins(l, i);
        unsigned votes = __ballot_sync(LANES, begins);
        uint32_t at = s + (uint32_t)__popc(votes & ((1u << lane) - 1));
        s += (uint32_t)__popc(votes);
        if (i > x.n_entries) continue;
        uint64_t pair = sorted_at(l, i);
        bool has_row = (int64_t)(pair >> 32) < l.list.n_rows;
        if (has_row) x.order[i] = (int32_t)(uint32_t)pair;
        if (begins) x.begin[at] = (int32_t)i;
        if (begins && has_row) x.row[at] = (int32_t)(pair >> 32);
        if (begins && !has_row) *x.n_rows = (int32_t)at;
    }
}

/* ---- a block for each list ---- */

static __global__ void __launch_bounds__(ALONE_THREADS) index_alone(sort_job job)
{
    __shared__ uint32_t many[ALONE_THREADS / WARP * RADIX], total[RADIX], bad;
    const list_sort &l = job.of[blockIdx.x];
    int64_t E = l.list.index.n_entries;
    int rounds = (int)((E + blockDim.x - 1) / blockDim.x);
    if (threadIdx.x == 0) bad = 0;
    __syncthreads();
    for (int64_t e = threadIdx.x; e < E; e += blockDim.x)
        if (is_bad(l, l.list.row[e])) atomicMax(&bad, ~(uint32_t)e);
    __syncthreads();
    if (threadIdx.x == 0) job.bad[blockIdx.x] = bad;
    for (int pass = 0; pass < l.passes; pass++) {
        uint32_t rank[ALONE_ROUNDS];
        rank_elements(l, pass, 0, E, rounds, rank, many, total);
        digits_before(total, 1u << l.bits);
        move_elements(l, pass, 0, E, rounds, rank, many, total);
        __syncthreads();
    }
    rounds = (int)(E / blockDim.x + 1);
    count_beginnings(l, 0, rounds, many);
    write_beginnings(l, 0, rounds, 0, many);
}

/* ---- a block for each tile ---- */

static __global__ void count_digits(sort_job job, int pass)
{
    __shared__ uint32_t many[RADIX];
    const list_sort &l = job.of[blockIdx.y];
    int64_t tile = blockIdx.x, E = l.list.index.n_entries, begin = tile * TILE, end = E - begin < TILE ? E : begin + TILE;
    if (tile >= l.tiles || pass >= l.passes) return;
    for (unsigned d = threadIdx.x; d < RADIX; d += blockDim.x) many[d] = 0;
    __syncthreads();
    for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
        if (pass == 0 && is_bad(l, l.list.row[i])) atomicMax(job.bad + blockIdx.y, ~(uint32_t)i);
        atomicAdd(many + digit_of(l, pass, pair_before(l, pass, i)), 1u);
    }
    __syncthreads();
    for (unsigned d = threadIdx.x; d < 1u << l.bits; d += blockDim.x) l.many[d * l.tiles + tile] = many[d];
}

/* A block for each digit. */
static __global__ void place_tiles(sort_job job, int pass)
{
    __shared__ uint32_t room[BLOCK / WARP];
    const list_sort &l = job.of[blockIdx.y];
    if (pass >= l.passes || blockIdx.x >= 1u << l.bits) return;
    uint32_t *many = l.many + blockIdx.x * l.tiles, sum = 0;
    for (int64_t first = 0; first < l.tiles; first += blockDim.x) {
        int64_t tile = first + threadIdx.x;
        uint32_t all, before = block_sum_before(tile < l.tiles ? many[tile] : 0, room, &all);
        if (tile < l.tiles) many[tile] = sum + before;
        sum += all;
    }
    if (threadIdx.x == 0) l.all[blockIdx.x] = sum;
}

static __global__ void __launch_bounds__(BLOCK) move_pairs(sort_job job, int pass)
{
    __shared__ uint32_t many[BLOCK / WARP * RADIX], start[RADIX];
    const list_sort &l = job.of[blockIdx.y];
    int64_t tile = blockIdx.x, E = l.list.index.n_entries, begin = tile * TILE, end = E - begin < TILE ? E : begin + TILE;
    if (tile >= l.tiles || pass >= l.passes) return;
    uint32_t rank[TILE_ROUNDS];
    rank_elements(l, pass, begin, end, TILE_ROUNDS, rank, many, start);
    for (unsigned d = threadIdx.x; d < 1u << l.bits; d += blockDim.x) start[d] = l.all[d];
    __syncthreads();
    digits_before(start, 1u << l.bits);
    for (unsigned d = threadIdx.x; d < 1u << l.bits; d += blockDim.x) start[d] += l.many[d * l.tiles + tile];
    __syncthreads();
    move_elements(l, pass, begin, end, TILE_ROUNDS, rank, many, start);
}

static __global__ void count_rows(sort_job job)
{
    __shared__ uint32_t of_warp[BLOCK / WARP];
    const list_sort &l = job.of[blockIdx.y];
    if (blockIdx.x >= l.tiles) return;
    count_beginnings(l, (int64_t)blockIdx.x * TILE, TILE_ROUNDS, of_warp);
    if (threadIdx.x != 0) return;
    uint32_t sum = 0;
    for (int w = 0; w < BLOCK / WARP; w++) sum += of_warp[w];
    l.beginnings[blockIdx.x] = sum;
}

static __global__ void write_rows(sort_job job)
{
    __shared__ uint32_t of_warp[BLOCK / WARP];
    const list_sort &l = job.of[blockIdx.y];
    if (blockIdx.x >= l.tiles) return;
    uint32_t sum = 0, before;
    for (unsigned tile = threadIdx.x; tile < blockIdx.x; tile += blockDim.x) sum += l.beginnings[tile];
    (void)block_sum_before(sum, of_warp, &before);
    count_beginnings(l, (int64_t)blockIdx.x * TILE, TILE_ROUNDS, of_warp);
    write_beginnings(l, (int64_t)blockIdx.x * TILE, TILE_ROUNDS, before, of_warp);
}

/* ---- the operation ---- */

static int64_t most_entries(const op_row_index *o)
{
    int64_t most = 0;
    for (int64_t k = 0; k < o->count; k++)
        if (o->list[k].index.n_entries > most) most = o->list[k].index.n_entries;
    return most;
}

/* Lays out the workspace. */
static sort_job plan(const op_row_index *o, cuda_room *room)
{
    sort_job job = {};
    bool tiled = most_entries(o) > ALONE_ENTRIES;
    job.bad = room->take<uint32_t>(ROW_LISTS);
    for (int64_t k = 0; k < o->count; k++) {
        list_sort *l = &job.of[k];
        int bits = 1;
        l->list = o->list[k];
        int64_t E = l->list.index.n_entries;
        while (INT64_C(1) << bits <= l->list.n_rows) bits++;
        l->passes = (bits + DIGIT - 1) / DIGIT;
        l->bits = (bits + l->passes - 1) / l->passes;
        l->tiles = E / TILE + 1;
        for (int i = 0; i < 2; i++) l->pair[i] = room->take<uint64_t>(E);
        if (!tiled) continue;
        l->many = room->take<uint32_t>(RADIX * l->tiles);
        l->all = room->take<uint32_t>(RADIX);
        l->beginnings = room->take<uint32_t>(l->tiles);
    }
    return job;
}

size_t recsys__cuda_row_index_workspace(const op_row_index *o)
{
    cuda_room room = { nullptr, 0 };
    (void)plan(o, &room);
    return room.used;
}

/* Leaves word of the first bad row. One thread. */
static __global__ void note_bad_row(sort_job job, int64_t count, cuda_note *note)
{
    for (int64_t k = 0; k < count && !note->found; k++) {
        if (job.bad[k] == 0) continue;
        const row_list *l = &job.of[k].list;
        note->entry = (int64_t)(uint32_t)~job.bad[k];
        note->row = l->row[note->entry];
        note->n_rows = l->n_rows;
        note->found = 1;
    }
}

static recsys_status index_tiles(op_context *c, const op_row_index *o, const sort_job &job)
{
    int64_t tiles = 1;
    int passes = 1;
    for (int64_t k = 0; k < o->count; k++) {
        if (job.of[k].tiles > tiles) tiles = job.of[k].tiles;
        if (job.of[k].passes > passes) passes = job.of[k].passes;
    }
    dim3 by_tile((unsigned)tiles, (unsigned)o->count), by_digit(RADIX, (unsigned)o->count);
    TRY(cuda_ok(c->error, cudaMemsetAsync(job.bad, 0, sizeof *job.bad * ROW_LISTS, cuda_queue(c)->stream)));
    for (int pass = 0; pass < passes; pass++) {
        LAUNCH(count_digits, by_tile, BLOCK, 0, c, job, pass);
        LAUNCH(place_tiles, by_digit, BLOCK, 0, c, job, pass);
        LAUNCH(move_pairs, by_tile, BLOCK, 0, c, job, pass);
    }
    LAUNCH(count_rows, by_tile, BLOCK, 0, c, job);
    LAUNCH(write_rows, by_tile, BLOCK, 0, c, job);
    return RECSYS_OK;
}

recsys_status recsys__cuda_row_index(op_context *c, const op_row_index *o)
{
    cuda_room room = cuda_workspace(c);
    sort_job job = plan(o, &room);
    int64_t most = most_entries(o);
    if (o->count == 0) return RECSYS_OK;
    if (most > ALONE_ENTRIES) {
        TRY(index_tiles(c, o, job));
    } else {
        int64_t threads = most < ALONE_THREADS ? most / WARP * WARP + WARP : (int64_t)ALONE_THREADS;
        LAUNCH(index_alone, (unsigned)o->count, (unsigned)threads, 0, c, job);
    }
    LAUNCH(note_bad_row, 1, 1, 0, c, job, o->count, cuda_queue(c)->note);
    return cuda_launched(c);
}
