/* pointwise_loss.cu - the pointwise_loss kernel: a warp for each block of 256 samples, whose sums are then added in order.
 *
 * T-CE: a first pass leaves a key of each sample's place in the order, cut.h finds where to cut without asking the host, and
 * the pass that all kinds have in common leaves out what is cut off.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <cfloat>

#include "kernels/cuda/cut.h"
#include "kernels/cuda/ordered.h"
#include "kernels/shared/pointwise.h"

extern "C" {
#include "backend/op/pointwise_loss.h"
}

/* Warps of a thread block; samples of a lane; blocks of samples in a chunk, whose sums are added first. */
enum { WARPS = 4, EACH = TERMS / WARP, CHUNK = 8 };

/* What is added up over blocks of samples: three sums of terms, then counts. Without statistics the loss alone. */
enum { SUM_LOSS, SUM_CLEAN, SUM_NOISY, LISTS, DROPPED = LISTS, DROPPED_CLEAN, DROPPED_NOISY, CLEAN, NOISY, FIELDS };

/* Counts of one block of samples, side by side in a word. */
enum { COUNT_BITS = 12 };

/* T-CE's choice. The first part is cleared before. */
struct choice {
    cut_count positives, count[CUT_ROUNDS][CUT_BINS];
    cut_place place[CUT_ROUNDS]; /* after each round */
    int64_t stay, last;          /* a sample stays whose key is below `key`, or is `key` and its index at most `last` */
    uint32_t key;
    float scale;                 /* 1 / stay */
};

/* ---- the choice ---- */

static __device__ __forceinline__ int64_t how_many_stay(const op_pointwise_loss &o, const choice *t)
{
    int64_t of = o.rule.drop_of == DROP_OF_BATCH ? o.n : (int64_t)t->positives;
    return samples_that_stay(o.n, of, o.rule.drop_rate);
}

/* Keys, counted by their first bits, and the number of positives. Where positives alone may be dropped, the others get the
 * key 0, below all of theirs. */
static __global__ void make_keys(op_pointwise_loss o, uint32_t *key, choice *t)
{
    __shared__ unsigned bin[CUT_BINS], positives;
    const float among = o.rule.drop_of == DROP_OF_BATCH ? -INFINITY : 0.5f; /* labels above it may be dropped */
    unsigned own = 0;
    if (threadIdx.x == 0) positives = 0;
    cut_clear(bin);
    GRID_STRIDE(s, o.n) {
        float y = o.label[s];
        uint32_t order = drop_key(cross_entropy(o.logit[s], y, 0, 0.0f).l, y);
        key[s] = order = y > among ? order : 0u;
        own += y > 0.5f;
        cut_to_bin(bin, order, 0, 0u, 0u);
    }
    if (own) atomicAdd(&positives, own);
    cut_add_up(bin, t->count[0]);
    if (threadIdx.x == 0 && positives) atomicAdd(&t->positives, (cut_count)positives);
}

/* Where the round before ended, and counts of this round. */
static __global__ void count_keys(op_pointwise_loss o, const uint32_t *key, choice *t, int round)
{
    __shared__ unsigned bin[CUT_BINS];
    cut_place from = { 0u, 0u, 0, 0 };
    if (round == 1) from.want = how_many_stay(o, t);
    else from = t->place[round - 2];
    const cut_place place = cut_pick(t->count[round - 1], round - 1, from);
    if (blockIdx.x == 0 && threadIdx.x == 0) t->place[round - 1] = place;
    cut_clear(bin);
    GRID_STRIDE(s, o.n) cut_to_bin(bin, key[s], round, place.prefix, place.above);
    cut_add_up(bin, t->count[round]);
}

/* Where the last round ended; equal keys of each tile, if not all of them stay. */
static __global__ void count_equal(op_pointwise_loss o, const uint32_t *key, choice *t, int64_t *equal, int64_t tiles)
{
    __shared__ unsigned all;
    const cut_place place = cut_pick(t->count[CUT_ROUNDS - 1], CUT_ROUNDS - 1, t->place[CUT_ROUNDS - 2]);
    if (blockIdx.x == 0 && threadIdx.x == 0) t->place[CUT_ROUNDS - 1] = place;
    if (place.equal == place.want) return;
    for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        unsigned own = 0;
        if (threadIdx.x == 0) all = 0;
        __syncthreads();
        for (int64_t i = 0; i < CUT_TILE; i += BLOCK) {
            int64_t s = tile * CUT_TILE + i + threadIdx.x;
            own += s < o.n && key[s] == place.prefix;
        }
        if (own) atomicAdd(&all, own);
        __syncthreads();
        if (threadIdx.x == 0) equal[tile] = all;
    }
}

/* By one block: where to cut, from how many stay on. */
static __global__ void choose_samples(op_pointwise_loss o, const uint32_t *key, choice *t, const int64_t *equal, int64_t tiles)
{
    const cut_place place = t->place[CUT_ROUNDS - 1];
    const int64_t stay = how_many_stay(o, t);
    if (threadIdx.x == 0) {
        t->stay = stay;
        t->scale = stay > 0 ? (float)(1.0 / (double)stay) : 0.0f;
        t->key = stay > 0 ? place.prefix : 0u;
        t->last = stay > 0 ? o.n : -1;
    }
    __syncthreads();
    if (stay > 0 && place.equal != place.want) cut_find_last(key, o.n, place.prefix, place.want, equal, tiles, &t->last);
}

/* ---- the pass over all samples ---- */

struct loss_pass {
    op_pointwise_loss o;
    float alpha, scale;   /* scale: 1 / n */
    const uint32_t *key;  /* T-CE that drops something; else NULL */
    const choice *chosen; /* the same */
    double *sum;          /* FIELDS x blocks, or 1 x blocks */
    int64_t blocks;       /* of samples */
};

/* A sample among those that users watch, or a place behind the last; `out`: it is dropped. */
static __device__ __forceinline__ void watch_sample(const loss_pass &p, int64_t s, float l, float y, bool out, float *term,
                                                    cut_count *counts)
{
    const uint8_t known = s < p.o.n && p.o.rule.clean ? p.o.rule.clean[s] : 2;
    const bool clean = known == 1, noisy = known == 0, positive = y > 0.5f;
    out = out && s < p.o.n;
    term[SUM_CLEAN * TERMS] = clean && positive ? l : 0.0f;
    term[SUM_NOISY * TERMS] = noisy && positive ? l : 0.0f;
    *counts += (cut_count)out << (DROPPED - LISTS) * COUNT_BITS;
    *counts += (cut_count)(out && clean) << (DROPPED_CLEAN - LISTS) * COUNT_BITS;
    *counts += (cut_count)(out && noisy) << (DROPPED_NOISY - LISTS) * COUNT_BITS;
    *counts += (cut_count)(clean && positive) << (CLEAN - LISTS) * COUNT_BITS;
    *counts += (cut_count)(noisy && positive) << (NOISY - LISTS) * COUNT_BITS;
}

/* The terms of this lane's samples in block `at`, with their gradients; its counts. A dropped sample has neither term nor
 * gradient, but makes the sum NaN where its loss is not finite: a diverged model is not to go unnoticed because its worst
 * samples are dropped. */
static __device__ __forceinline__ cut_count do_samples(const loss_pass &p, int64_t at, float *term, int lane)
{
    const op_pointwise_loss &o = p.o;
    const float scale = p.chosen ? p.chosen->scale : p.scale;
    const uint32_t limit = p.chosen ? p.chosen->key : 0u;
    const int64_t last = p.chosen ? p.chosen->last : 0;
    cut_count counts = 0;
    float x[EACH], y[EACH]; /* loaded before anything is stored */
    uint32_t key[EACH];
    term += lane;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        const int64_t s = at * TERMS + i * WARP + lane;
        x[i] = s < o.n ? o.logit[s] : 0.0f;
        y[i] = s < o.n ? o.label[s] : 0.0f;
        key[i] = s < o.n && p.key ? p.key[s] : 0u;
    }
#pragma unroll
    for (int i = 0; i < EACH; i++, term += WARP) {
        const int64_t s = at * TERMS + i * WARP + lane;
        const bool out = p.key && !(key[i] < limit || (key[i] == limit && s <= last));
        sample_loss k = cross_entropy(x[i], y[i], o.rule.kind == LOSS_RCE, p.alpha);
        if (out) k.term *= 0.0f, k.g = 0.0f;
        *term = s < o.n ? k.term : 0.0f;
        if (o.gradient && s < o.n) o.gradient[s] = k.g * scale;
        if (o.rule.stats) watch_sample(p, s, k.l, y[i], out, term, &counts);
    }
    return counts;
}

static __global__ void sample_losses(loss_pass p)
{
    __shared__ float terms[WARPS][LISTS * TERMS];
    __shared__ cut_count counted[WARPS];
    const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, lists = p.o.rule.stats ? LISTS : 1;
    for (int64_t at = (int64_t)blockIdx.x * WARPS + warp; at < p.blocks; at += (int64_t)gridDim.x * WARPS) {
        if (p.o.rule.stats) {
            if (lane == 0) counted[warp] = 0;
            __syncwarp();
        }
        cut_count counts = do_samples(p, at, terms[warp], lane);
        if (counts) atomicAdd(&counted[warp], counts);
        __syncwarp();
        const int field = lane - LISTS * TERM_LANES + DROPPED; /* lanes behind those of the terms take the counts */
        if (lists > 1) counts = counted[warp];
        double sum = add_terms(terms[warp], lists, lane);
        __syncwarp(); /* all lanes have read both */
        if (lane < lists * TERM_LANES) {
            if (lane % TERM_LANES == 0) p.sum[lane / TERM_LANES * p.blocks + at] = sum;
        } else if (lists > 1 && field < FIELDS) {
            counts = counts >> (field - LISTS) * COUNT_BITS & ((1u << COUNT_BITS) - 1u);
            p.sum[field * p.blocks + at] = (double)counts;
        }
    }
}

/* By one block: chunks of a field, then all chunks in order by the thread of that number, which has the sum. */
static __device__ double sum_field(const double *block_sum, int fields, int64_t blocks)
{
    __shared__ double part[FIELDS * BLOCK];
    const int64_t chunks = (blocks + CHUNK - 1) / CHUNK;
    const int width = blockDim.x;
    double all = 0.0;
    for (int64_t begin = 0; begin < chunks; begin += width) {
        const int count = (int)(chunks - begin < width ? chunks - begin : width);
        for (int at = threadIdx.x; at < fields * count; at += width) {
            const int64_t first = (begin + at % count) * CHUNK;
            const double *own = block_sum + at / count * blocks;
            double sum = 0.0;
            for (int64_t k = first; k < first + CHUNK && k < blocks; k++) sum += own[k];
            part[at] = sum;
        }
        __syncthreads();
        if ((int)threadIdx.x < fields)
            for (int j = 0; j < count; j++) all += part[threadIdx.x * count + j];
        __syncthreads();
    }
    return all;
}

static __global__ void finish(loss_pass p)
{
    __shared__ double field[FIELDS];
    double sum = sum_field(p.sum, p.o.rule.stats ? FIELDS : 1, p.blocks);
    if (threadIdx.x < FIELDS) field[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x > 0) return;
    const int64_t stay = p.chosen ? p.chosen->stay : p.o.n;
    const double loss = stay > 0 ? field[SUM_LOSS] / (double)stay : field[SUM_LOSS];
    *p.o.loss = (float)loss;
    if (!p.o.rule.stats) return;
    pointwise_stats t;
    t.loss = loss;
    t.dropped = field[DROPPED];
    t.kept = (double)p.o.n - t.dropped;
    t.dropped_clean = field[DROPPED_CLEAN], t.dropped_noisy = field[DROPPED_NOISY];
    t.clean = field[CLEAN], t.noisy = field[NOISY];
    t.clean_loss = field[SUM_CLEAN], t.noisy_loss = field[SUM_NOISY];
    *p.o.rule.stats = t;
}

/* ---- the operation ---- */

static bool drops(const op_pointwise_loss *o)
{
    return o->rule.kind == LOSS_TCE && o->rule.drop_rate > 0.0 && o->n > 0;
}

static int64_t blocks_of(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static int64_t sums_of(const op_pointwise_loss *o)
{
    return (o->rule.stats ? FIELDS : 1) * blocks_of(o->n, TERMS);
}

/* The sums of blocks, then what T-CE needs: keys, the choice and counts of tiles. */
size_t recsys__cuda_pointwise_loss_workspace(const op_pointwise_loss *o)
{
    cuda_room room = { nullptr, 0 };
    room.take<double>(sums_of(o));
    if (drops(o)) room.take<uint32_t>(o->n), room.take<choice>(1), room.take<int64_t>(blocks_of(o->n, CUT_TILE));
    return room.used;
}

static recsys_status choose_on_device(op_context *c, const op_pointwise_loss *o, uint32_t *key, choice *t, int64_t *equal)
{
    const int64_t tiles = blocks_of(o->n, CUT_TILE);
    const unsigned blocks = cuda_blocks(tiles, 1), wide = blocks < 1024 ? blocks : 1024;
    const uint32_t *made = key;
    TRY(cuda_ok(c->error, cudaMemsetAsync(t, 0, offsetof(choice, place), cuda_queue(c)->stream)));
    LAUNCH(make_keys, wide, BLOCK, 0, c, *o, key, t);
    for (int round = 1; round < CUT_ROUNDS; round++) LAUNCH(count_keys, wide, BLOCK, 0, c, *o, made, t, round);
    LAUNCH(count_equal, wide, BLOCK, 0, c, *o, made, t, equal, tiles);
    LAUNCH(choose_samples, 1, BLOCK, 0, c, *o, made, t, (const int64_t *)equal, tiles);
    return cuda_launched(c);
}

recsys_status recsys__cuda_pointwise_loss(op_context *c, const op_pointwise_loss *o)
{
    cuda_room room = cuda_workspace(c);
    loss_pass p;
    p.o = *o;
    p.alpha = (float)(o->rule.alpha < (double)FLT_MAX ? o->rule.alpha : (double)FLT_MAX);
    p.scale = o->n > 0 ? (float)(1.0 / (double)o->n) : 0.0f;
    p.blocks = blocks_of(o->n, TERMS);
    p.sum = room.take<double>(sums_of(o));
    p.key = nullptr, p.chosen = nullptr;
    if (drops(o)) {
        uint32_t *key = room.take<uint32_t>(o->n);
        choice *t = room.take<choice>(1);
        TRY(choose_on_device(c, o, key, t, room.take<int64_t>(blocks_of(o->n, CUT_TILE))));
        p.key = key, p.chosen = t;
    }
    if (p.blocks > 0) LAUNCH(sample_losses, cuda_blocks(p.blocks, WARPS), WARPS * WARP, 0, c, p);
    LAUNCH(finish, 1, threads_in_order(blocks_of(p.blocks, CHUNK)), 0, c, p);
    return cuda_launched(c);
}
