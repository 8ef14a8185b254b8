/* row_update_avx2.c - the row updates for AVX2 with FMA, eight elements at a time, the last few under a mask.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/row_update.h"

#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <immintrin.h>

#define ALL(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define NEGATED_FMA(a, b, c) _mm256_fnmadd_ps(a, b, c) /* c - a b */
#define INLINE_AVX2 __attribute__((always_inline)) TARGET_AVX2 static inline

/* ---- eight elements, or the first few of them ---- */

/* Lanes that are no elements are read as 0 and not written. */
typedef struct lanes {
    int64_t n; /* 8: all, then the mask is not looked at */
    __m256i mask;
} lanes;

INLINE_AVX2 lanes all_lanes(void)
{
    return (lanes){ 8, _mm256_set1_epi32(-1) };
}

INLINE_AVX2 lanes first_lanes(int64_t n)
{
    return (lanes){ n, _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) };
}

INLINE_AVX2 __m256 load(const float *p, lanes l)
{
    return l.n == 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, l.mask);
}

/* By pieces: some processors take dozens of cycles for a store under a mask. */
INLINE_AVX2 void store(float *p, lanes l, __m256 x)
{
    __m128 part = _mm256_castps256_ps128(x);
    if (l.n == 8) {
        _mm256_storeu_ps(p, x);
        return;
    }
    if (l.n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(x, 1);
        p += 4;
    }
    if (l.n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (l.n & 1) _mm_store_ss(p, part);
}

/* ---- the rules ---- */

/* Constants of a step, in registers. */
typedef struct step {
    __m256 clip, l2, rate, inverse_root, fade, momentum, u1, u2, eps;
} step;

INLINE_AVX2 step step_of(const update_rule *u, float clip)
{
    return (step){ ALL(clip), ALL(u->l2), ALL(u->rate), ALL(u->inverse_root), ALL(u->fade), ALL(u->momentum), ALL(u->u1),
                   ALL(u->u2), ALL(u->eps) };
}

INLINE_AVX2 __m256 adam(const step *s, __m256 p, float *m, float *v, __m256 g, lanes l)
{
    __m256 old = load(v, l), mean = load(m, l);
    mean = FMA(s->u1, _mm256_sub_ps(g, mean), mean);
    old = FMA(s->u2, _mm256_fmsub_ps(g, g, old), old);
    store(m, l, mean);
    store(v, l, old);
    __m256 quotient = _mm256_div_ps(mean, FMA(s->inverse_root, _mm256_sqrt_ps(old), s->eps));
    return NEGATED_FMA(s->rate, quotient, NEGATED_FMA(s->fade, p, p));
}

INLINE_AVX2 __m256 adagrad(const step *s, __m256 p, float *v, __m256 g, lanes l)
{
    __m256 sum = FMA(g, g, load(v, l));
    store(v, l, sum);
    return NEGATED_FMA(s->rate, _mm256_div_ps(g, _mm256_add_ps(_mm256_sqrt_ps(sum), s->eps)), p);
}

INLINE_AVX2 __m256 momentum(const step *s, __m256 p, float *m, __m256 g, int nesterov, lanes l)
{
    __m256 mean = FMA(s->momentum, load(m, l), g);
    store(m, l, mean);
    return NEGATED_FMA(s->rate, nesterov ? FMA(s->momentum, mean, g) : mean, p);
}

/* Some elements, from c on. */
INLINE_AVX2 void apply_lanes(const update_rule *u, const step *s, float *p, float *m, float *v, const float *g, int64_t c, lanes l,
                             __m256 *check)
{
    __m256 raw = g ? load(g + c, l) : _mm256_setzero_ps(), old = load(p + c, l), new;
    *check = FMA(_mm256_mul_ps(raw, raw), _mm256_setzero_ps(), *check);
    __m256 x = FMA(s->l2, old, _mm256_mul_ps(s->clip, raw));
    switch (u->kind) { /* the same every time: the processor guesses it */
    case RULE_SGD: new = NEGATED_FMA(s->rate, x, old); break;
    case RULE_MOMENTUM: new = momentum(s, old, m + c, x, 0, l); break;
    case RULE_NESTEROV: new = momentum(s, old, m + c, x, 1, l); break;
    case RULE_ADAGRAD: new = adagrad(s, old, v + c, x, l); break;
    default: new = adam(s, old, m + c, v + c, x, l);
    }
    store(p + c, l, new);
}

TARGET_AVX2 static int apply(const update_rule *u, float clip, float *p, float *m, float *v, const float *g, int64_t n)
{
    step s = step_of(u, clip);
    __m256 check = _mm256_setzero_ps();
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) apply_lanes(u, &s, p, m, v, g, c, all_lanes(), &check);
    if (c < n) apply_lanes(u, &s, p, m, v, g, c, first_lanes(n - c), &check);
    return _mm256_movemask_ps(_mm256_cmp_ps(check, _mm256_setzero_ps(), _CMP_NEQ_UQ)) != 0;
}

/* ---- sums of entries ---- */

INLINE_AVX2 const float *entry_row(const row_gradient *r, int64_t x, int64_t n, float *weight)
{
    int32_t e = r->index.order[x];
    *weight = r->weight ? r->weight[e] : 1.0f;
    return r->source + (r->source_row ? r->source_row[e] : e) * n;
}

/* Columns c to c + 8 V - 1. A product with weight 1 is exact, so adding is the same as fma. */
#define SUM_COLUMNS(V)                                                                                           \
    do {                                                                                                         \
        __m256 sum[V];                                                                                           \
        _Pragma("GCC unroll 4") for (int i = 0; i < V; i++) sum[i] = _mm256_setzero_ps();                        \
        for (int64_t x = begin; x < end; x++) {                                                                  \
            float weight;                                                                                        \
            const float *row = entry_row(r, x, n, &weight) + c;                                                  \
            _Pragma("GCC unroll 4") for (int i = 0; i < V; i++) sum[i] = FMA(ALL(weight), _mm256_loadu_ps(row + 8 * i), sum[i]); \
        }                                                                                                        \
        _Pragma("GCC unroll 4") for (int i = 0; i < V; i++)                                                      \
            _mm256_storeu_ps(g + c + 8 * i, r->scale ? _mm256_mul_ps(sum[i], _mm256_loadu_ps(r->scale + c + 8 * i)) : sum[i]); \
    } while (0)

TARGET_AVX2 static void sum(float *g, const row_gradient *r, int64_t begin, int64_t end, int64_t n)
{
    int64_t c = 0;
    for (; c + 32 <= n; c += 32) SUM_COLUMNS(4);
    for (; c + 8 <= n; c += 8) SUM_COLUMNS(1);
    if (c == n) return;
    lanes l = first_lanes(n - c);
    __m256 rest = _mm256_setzero_ps();
    for (int64_t x = begin; x < end; x++) {
        float weight;
        const float *row = entry_row(r, x, n, &weight);
        rest = FMA(ALL(weight), load(row + c, l), rest);
    }
    store(g + c, l, r->scale ? _mm256_mul_ps(rest, load(r->scale + c, l)) : rest);
}

/* ---- missed steps ---- */

INLINE_AVX2 void pair_lanes(float *out, const float *p, const float *m, const float *v, lag_pair k, float kept, lanes l)
{
    __m256 s = _mm256_sqrt_ps(load(v, l));
    __m256 below = _mm256_mul_ps(_mm256_add_ps(s, ALL(k.e1)), _mm256_add_ps(s, ALL(k.e2)));
    __m256 quotient = _mm256_div_ps(FMA(ALL(k.S), s, ALL(k.E)), below);
    store(out, l, NEGATED_FMA(load(m, l), quotient, _mm256_mul_ps(ALL(kept), load(p, l))));
}

TARGET_AVX2 static void pair(float *out, const float *p, const float *m, const float *v, lag_pair k, float kept, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) pair_lanes(out + c, p + c, m + c, v + c, k, kept, all_lanes());
    if (c < n) pair_lanes(out + c, p + c, m + c, v + c, k, kept, first_lanes(n - c));
}

INLINE_AVX2 void terms_lanes(float *out, const float *p, const float *m, const float *v, lag_terms k, float kept, lanes l)
{
    __m256 s = _mm256_sqrt_ps(load(v, l)), all = _mm256_setzero_ps();
    for (int64_t i = 0; i < k.count; i++) all = _mm256_add_ps(all, _mm256_div_ps(ALL(k.w[i]), _mm256_add_ps(s, ALL(k.e[i]))));
    store(out, l, NEGATED_FMA(load(m, l), all, _mm256_mul_ps(ALL(kept), load(p, l))));
}

TARGET_AVX2 static void terms(float *out, const float *p, const float *m, const float *v, lag_terms k, float kept, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) terms_lanes(out + c, p + c, m + c, v + c, k, kept, all_lanes());
    if (c < n) terms_lanes(out + c, p + c, m + c, v + c, k, kept, first_lanes(n - c));
}

INLINE_AVX2 void glide_lanes(float *out, const float *p, const float *m, float weight, lanes l)
{
    store(out, l, NEGATED_FMA(ALL(weight), load(m, l), load(p, l)));
}

TARGET_AVX2 static void glide(float *out, const float *p, const float *m, float weight, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) glide_lanes(out + c, p + c, m + c, weight, all_lanes());
    if (c < n) glide_lanes(out + c, p + c, m + c, weight, first_lanes(n - c));
}

TARGET_AVX2 static void shrink_one(float *m, float factor, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) store(m + c, all_lanes(), _mm256_mul_ps(load(m + c, all_lanes()), ALL(factor)));
    if (c < n) store(m + c, first_lanes(n - c), _mm256_mul_ps(load(m + c, first_lanes(n - c)), ALL(factor)));
}

TARGET_AVX2 static void shrink(float *m, float *v, float m_factor, float v_factor, int64_t n)
{
    shrink_one(m, m_factor, n);
    if (v) shrink_one(v, v_factor, n);
}

const row_update *recsys__row_update_avx2(void)
{
    static const row_update table = {
        .name = "avx2",
        .apply = apply,
        .sum = sum,
        .pair = pair,
        .terms = terms,
        .glide = glide,
        .shrink = shrink,
    };
    return &table;
}
#else
const row_update *recsys__row_update_avx2(void)
{
    return NULL;
}
#endif
