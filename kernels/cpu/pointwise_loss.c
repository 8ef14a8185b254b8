/* pointwise_loss.c - the pointwise_loss kernel: losses and gradients of blocks of samples, summed in double.
 *
 * T-CE: a first pass leaves a key of each sample's place in the order, cut.h finds where to cut, and the pass that all
 * kinds have in common leaves out what is cut off.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/pointwise_loss.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/cut.h"
#include "kernels/cpu/pointwise_block.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/shared/pointwise.h"

/* Samples of a chunk, whose sums are added in order. */
enum { BLOCK = POINTWISE_BLOCK, CHUNK = 2048 };

/* A sample as a number of elements of streamed arithmetic. */
enum { SAMPLE_WORK = 3 };

/* ---- one call ---- */

typedef struct pass {
    const op_pointwise_loss *o;
    pointwise_fn losses;
    float alpha;
    float scale;         /* 1 / the samples that the mean is over */
    const uint32_t *key; /* T-CE that drops something; else NULL */
    cut cut;
    int32_t threads;
} pass;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t chunks_of(int64_t n)
{
    return (n + CHUNK - 1) / CHUNK;
}

static size_t key_bytes(int64_t n)
{
    return ((size_t)n * sizeof(uint32_t) + 63) / 64 * 64;
}

static size_t partial_bytes(int64_t n)
{
    return ((size_t)chunks_of(n) * sizeof(pointwise_stats) + 63) / 64 * 64;
}

static bool drops(const op_pointwise_loss *o)
{
    return o->rule.kind == LOSS_TCE && o->rule.drop_rate > 0.0;
}

/* Sums of the chunks, then what T-CE needs: keys, and room for the cut. */
size_t recsys__cpu_pointwise_loss_workspace(const op_pointwise_loss *o, int32_t threads)
{
    size_t bytes = partial_bytes(o->n);
    return drops(o) ? bytes + key_bytes(o->n) + recsys__cpu_cut_workspace(o->n, threads) : bytes;
}

/* ---- the order of T-CE ---- */

/* Keys of samples begin..end-1. Where positives alone may be dropped, the others get the key 0, below all of theirs.
 * Gives the number of positives. */
static int64_t make_keys(const pass *p, uint32_t *key, int64_t begin, int64_t end)
{
    const float *label = p->o->label;
    float among = p->o->rule.drop_of == DROP_OF_BATCH ? -INFINITY : 0.5f; /* labels above it may be dropped */
    int64_t positives = 0;
    pointwise_block k;
    for (int64_t b = begin; b < end; b += BLOCK) {
        int64_t n = smaller(BLOCK, end - b);
        p->losses(&k, p->o->logit + b, label + b, n, 0, 0.0f);
        for (int64_t s = 0; s < n; s++) {
            uint32_t order = drop_key(k.l[s], label[b + s]);
            key[b + s] = label[b + s] > among ? order : 0;
        }
        for (int64_t s = 0; s < n; s++) positives += label[b + s] > 0.5f;
    }
    return positives;
}

/* Finds the cut; the number of samples that stay. */
static int64_t find_cut(pass *p, uint32_t *key, void *room)
{
    const pointwise_rule *rule = &p->o->rule;
    int64_t n = p->o->n, positives = 0;
    if (p->threads == 1) {
        positives = make_keys(p, key, 0, n);
    } else {
        int64_t chunks = chunks_of(n);
#pragma omp parallel for num_threads(p->threads) schedule(static) reduction(+ : positives)
        for (int64_t c = 0; c < chunks; c++) positives += make_keys(p, key, c * CHUNK, smaller((c + 1) * CHUNK, n));
    }
    int64_t stay = samples_that_stay(n, rule->drop_of == DROP_OF_BATCH ? n : positives, rule->drop_rate);
    p->cut = recsys__cpu_cut(key, n, stay, p->threads, room);
    p->key = key;
    return stay;
}

/* ---- the pass over all samples ---- */

/* Sets the terms and gradients of dropped samples to nothing and their marks in `out` to 1. A loss that is not finite
 * makes the term NaN: a diverged model is not to go unnoticed because its worst samples are dropped. */
static void drop_samples(const pass *p, pointwise_block *k, float *term, uint8_t *out, int64_t b, int64_t n)
{
    int32_t ties = (int32_t)smaller(p->cut.last - b < -1 ? -1 : p->cut.last - b, BLOCK); /* equal keys stay up to here */
    const uint32_t *key = p->key + b;
    uint32_t limit = p->cut.key, stays[BLOCK], bits[BLOCK]; /* loops of their own, so that vectors do them */
    for (int32_t s = 0; s < (int32_t)n; s++) stays[s] = (key[s] < limit) | ((key[s] == limit) & (s <= ties));
    for (int32_t s = 0; s < (int32_t)n; s++) out[s] = (uint8_t)(1 - stays[s]);
    for (int32_t s = 0; s < (int32_t)n; s++) term[s] *= (float)(int32_t)stays[s];
    memcpy(bits, k->g, (size_t)n * sizeof(float));
    for (int32_t s = 0; s < (int32_t)n; s++) bits[s] &= 0u - stays[s];
    memcpy(k->g, bits, (size_t)n * sizeof(float));
}

static void watch_samples(pointwise_stats *t, const float *l, const float *label, const uint8_t *clean, const uint8_t *out,
                          int64_t n)
{
    float clean_loss[BLOCK], noisy_loss[BLOCK]; /* l, or 0 for samples that are not among these */
    for (int64_t s = 0; s < n; s++) {
        t->dropped += out[s];
        t->kept += !out[s];
    }
    if (!clean) return;
    for (int64_t s = 0; s < n; s++) {
        int is_clean = clean[s] == 1, is_noisy = clean[s] == 0, positive = label[s] > 0.5f;
        t->dropped_clean += is_clean & out[s];
        t->dropped_noisy += is_noisy & out[s];
        t->clean += is_clean & positive;
        t->noisy += is_noisy & positive;
        clean_loss[s] = is_clean & positive ? l[s] : 0.0f;
        noisy_loss[s] = is_noisy & positive ? l[s] : 0.0f;
    }
    t->clean_loss += add_terms(clean_loss, n);
    t->noisy_loss += add_terms(noisy_loss, n);
}

/* Samples of a chunk; t->loss is the sum of its terms. */
static void do_chunk(const pass *p, pointwise_stats *t, int64_t begin, int64_t end)
{
    const op_pointwise_loss *o = p->o;
    pointwise_block k;
    float dropped[BLOCK]; /* terms that replace l, which the statistics still need */
    uint8_t out[BLOCK] = { 0 };
    *t = (pointwise_stats){ 0 };
    for (int64_t b = begin; b < end; b += BLOCK) {
        int64_t n = smaller(BLOCK, end - b);
        float *term = o->rule.kind == LOSS_RCE ? k.term : k.l;
        p->losses(&k, o->logit + b, o->label + b, n, o->rule.kind == LOSS_RCE, p->alpha);
        if (p->key) {
            term = memcpy(dropped, k.l, (size_t)n * sizeof(float));
            drop_samples(p, &k, term, out, b, n);
        }
        t->loss += add_terms(term, n);
        if (o->gradient)
            for (int64_t s = 0; s < n; s++) o->gradient[b + s] = k.g[s] * p->scale;
        if (o->rule.stats) watch_samples(t, k.l, o->label + b, o->rule.clean ? o->rule.clean + b : NULL, out, n);
    }
}

static void add_stats(pointwise_stats *to, const pointwise_stats *t)
{
    to->loss += t->loss;
    to->kept += t->kept, to->dropped += t->dropped;
    to->dropped_clean += t->dropped_clean, to->dropped_noisy += t->dropped_noisy;
    to->clean += t->clean, to->noisy += t->noisy;
    to->clean_loss += t->clean_loss, to->noisy_loss += t->noisy_loss;
}

static void do_chunks(const pass *p, pointwise_stats *part, pointwise_stats *sum)
{
    int64_t n = p->o->n, chunks = chunks_of(n);
    if (p->threads == 1) {
        for (int64_t c = 0; c < chunks; c++) do_chunk(p, part + c, c * CHUNK, smaller((c + 1) * CHUNK, n));
    } else {
#pragma omp parallel for num_threads(p->threads) schedule(static)
        for (int64_t c = 0; c < chunks; c++) do_chunk(p, part + c, c * CHUNK, smaller((c + 1) * CHUNK, n));
    }
    *sum = (pointwise_stats){ 0 };
    for (int64_t c = 0; c < chunks; c++) add_stats(sum, part + c);
}

recsys_status recsys__cpu_pointwise_loss(op_context *c, const op_pointwise_loss *o)
{
    double alpha = o->rule.alpha < (double)FLT_MAX ? o->rule.alpha : (double)FLT_MAX;
    int32_t rung = recsys__cpu_simd(c->simd);
    pass p = { .o = o, .losses = recsys__cpu_pointwise(rung), .alpha = (float)alpha,
               .threads = threads_worth(c, o->n * SAMPLE_WORK) };
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    char *room = c->workspace;
    int64_t stay = o->n;
    if (drops(o) && o->n > 0) {
        char *keys = room + partial_bytes(o->n);
        stay = find_cut(&p, (void *)keys, keys + key_bytes(o->n));
    }
    p.scale = stay > 0 ? (float)(1.0 / (double)stay) : 0.0f;
    pointwise_stats sum;
    do_chunks(&p, (void *)room, &sum);
    if (stay > 0) sum.loss /= (double)stay;
    *o->loss = (float)sum.loss;
    if (o->rule.stats) *o->rule.stats = sum;
    return RECSYS_OK;
}
