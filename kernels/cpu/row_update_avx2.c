/* row_update_avx2.c - the row updates for AVX2 with FMA, eight elements at a time and the rest by the plain rung.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/row_update.h"

#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <immintrin.h>
#include <math.h>

#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, x) _mm256_storeu_ps(p, x)
#define ALL(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define NEGATED_FMA(a, b, c) _mm256_fnmadd_ps(a, b, c) /* c - a b */

/* ---- the rules ---- */

/* Constants of a step, in registers. */
typedef struct step {
    __m256 clip, l2, rate, inverse_root, fade, momentum, u1, u2, eps;
} step;

TARGET_AVX2 static inline step step_of(const update_rule *u, float clip)
{
    return (step){ ALL(clip), ALL(u->l2), ALL(u->rate), ALL(u->inverse_root), ALL(u->fade), ALL(u->momentum), ALL(u->u1),
                   ALL(u->u2), ALL(u->eps) };
}

TARGET_AVX2 static inline __m256 adam(const step *s, float *p, float *m, float *v, __m256 g)
{
    __m256 old = LOAD(v), mean = LOAD(m);
    mean = FMA(s->u1, _mm256_sub_ps(g, mean), mean);
    old = FMA(s->u2, _mm256_fmsub_ps(g, g, old), old);
    STORE(m, mean);
    STORE(v, old);
    __m256 quotient = _mm256_div_ps(mean, FMA(s->inverse_root, _mm256_sqrt_ps(old), s->eps));
    return NEGATED_FMA(s->rate, quotient, NEGATED_FMA(s->fade, LOAD(p), LOAD(p)));
}

TARGET_AVX2 static inline __m256 adagrad(const step *s, const float *p, float *v, __m256 g)
{
    __m256 sum = FMA(g, g, LOAD(v));
    STORE(v, sum);
    return NEGATED_FMA(s->rate, _mm256_div_ps(g, _mm256_add_ps(_mm256_sqrt_ps(sum), s->eps)), LOAD(p));
}

TARGET_AVX2 static inline __m256 momentum(const step *s, const float *p, float *m, __m256 g, int nesterov)
{
    __m256 mean = FMA(s->momentum, LOAD(m), g);
    STORE(m, mean);
    return NEGATED_FMA(s->rate, nesterov ? FMA(s->momentum, mean, g) : mean, LOAD(p));
}

TARGET_AVX2 static int apply(const update_rule *u, float clip, float *p, float *m, float *v, const float *g, int64_t n)
{
    step s = step_of(u, clip);
    __m256 check = _mm256_setzero_ps(), zero = _mm256_setzero_ps();
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) {
        __m256 raw = g ? LOAD(g + c) : zero, new;
        check = FMA(_mm256_mul_ps(raw, raw), zero, check);
        __m256 x = FMA(s.l2, LOAD(p + c), _mm256_mul_ps(s.clip, raw));
        switch (u->kind) { /* the same every time: the processor guesses it */
        case RULE_SGD: new = NEGATED_FMA(s.rate, x, LOAD(p + c)); break;
        case RULE_MOMENTUM: new = momentum(&s, p + c, m + c, x, 0); break;
        case RULE_NESTEROV: new = momentum(&s, p + c, m + c, x, 1); break;
        case RULE_ADAGRAD: new = adagrad(&s, p + c, v + c, x); break;
        default: new = adam(&s, p + c, m + c, v + c, x);
        }
        STORE(p + c, new);
    }
    int bad = _mm256_movemask_ps(_mm256_cmp_ps(check, zero, _CMP_NEQ_UQ)) != 0;
    if (c < n)
        bad |= recsys__row_update_plain()->apply(u, clip, p + c, m ? m + c : NULL, v ? v + c : NULL, g ? g + c : NULL, n - c);
    return bad;
}

/* ---- sums of entries ---- */

TARGET_AVX2 static inline const float *entry_row(const row_gradient *r, int64_t x, int64_t n, float *weight)
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
            _Pragma("GCC unroll 4") for (int i = 0; i < V; i++) sum[i] = FMA(ALL(weight), LOAD(row + 8 * i), sum[i]); \
        }                                                                                                        \
        _Pragma("GCC unroll 4") for (int i = 0; i < V; i++)                                                      \
            STORE(g + c + 8 * i, r->scale ? _mm256_mul_ps(sum[i], LOAD(r->scale + c + 8 * i)) : sum[i]);         \
    } while (0)

TARGET_AVX2 static void sum(float *g, const row_gradient *r, int64_t begin, int64_t end, int64_t n)
{
    int64_t c = 0;
    for (; c + 32 <= n; c += 32) SUM_COLUMNS(4);
    for (; c + 8 <= n; c += 8) SUM_COLUMNS(1);
    for (; c < n; c++) {
        float one = 0.0f, weight;
        for (int64_t x = begin; x < end; x++) {
            const float *row = entry_row(r, x, n, &weight);
            one = fmaf(weight, row[c], one);
        }
        g[c] = r->scale ? one * r->scale[c] : one;
    }
}

/* ---- missed steps ---- */

TARGET_AVX2 static void pair(float *out, const float *p, const float *m, const float *v, lag_pair k, float kept, int64_t n)
{
    __m256 S = ALL(k.S), E = ALL(k.E), e1 = ALL(k.e1), e2 = ALL(k.e2), keep = ALL(kept);
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) {
        __m256 s = _mm256_sqrt_ps(LOAD(v + c));
        __m256 below = _mm256_mul_ps(_mm256_add_ps(s, e1), _mm256_add_ps(s, e2));
        __m256 quotient = _mm256_div_ps(FMA(S, s, E), below);
        STORE(out + c, NEGATED_FMA(LOAD(m + c), quotient, _mm256_mul_ps(keep, LOAD(p + c))));
    }
    if (c < n) recsys__row_update_plain()->pair(out + c, p + c, m + c, v + c, k, kept, n - c);
}

TARGET_AVX2 static void terms(float *out, const float *p, const float *m, const float *v, lag_terms k, float kept, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) {
        __m256 s = _mm256_sqrt_ps(LOAD(v + c)), all = _mm256_setzero_ps();
        for (int64_t i = 0; i < k.count; i++)
            all = _mm256_add_ps(all, _mm256_div_ps(ALL(k.w[i]), _mm256_add_ps(s, ALL(k.e[i]))));
        STORE(out + c, NEGATED_FMA(LOAD(m + c), all, _mm256_mul_ps(ALL(kept), LOAD(p + c))));
    }
    if (c < n) recsys__row_update_plain()->terms(out + c, p + c, m + c, v + c, k, kept, n - c);
}

TARGET_AVX2 static void glide(float *out, const float *p, const float *m, float weight, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) STORE(out + c, NEGATED_FMA(ALL(weight), LOAD(m + c), LOAD(p + c)));
    if (c < n) recsys__row_update_plain()->glide(out + c, p + c, m + c, weight, n - c);
}

TARGET_AVX2 static void shrink(float *m, float *v, float m_factor, float v_factor, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8) {
        STORE(m + c, _mm256_mul_ps(LOAD(m + c), ALL(m_factor)));
        if (v) STORE(v + c, _mm256_mul_ps(LOAD(v + c), ALL(v_factor)));
    }
    if (c < n) recsys__row_update_plain()->shrink(m + c, v ? v + c : NULL, m_factor, v_factor, n - c);
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
