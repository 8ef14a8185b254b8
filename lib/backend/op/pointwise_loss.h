/* pointwise_loss.h - the loss of n samples with logits x and labels y in [0, 1], its gradient, and which samples count.
 *
 * Each sample has the binary cross-entropy l_s = max(x, 0) - x y + log(1 + exp(-|x|)).
 *   BCE    mean of l_s.
 *   T-CE   samples are ordered by l_s y_s; of `of` samples (all n, or the positives: y > 0.5) the largest are dropped so that
 *          (int64_t)((1 - drop_rate) * of) of them stay; where the order ties, the lower index stays. Mean of l_s over the
 *          samples that are kept (dropping among positives keeps all others).
 *   R-CE   mean of w_s l_s, w_s = p^alpha y + (1 - p)^alpha (1 - y), p = sigmoid(x) a constant.
 * No gradient goes through the choice nor through w. No samples, or none kept: loss 0, gradient 0.
 * Source: Wang et al., "Denoising Implicit Feedback for Recommendation", WSDM 2021, eq. 3 to 5.
 *
 * Sums are made in double in chunks of a fixed size, added in order; the order is one of whole numbers. Bits: same for all
 * threads and SIMD widths.
 * Bounds, with u = 2^-24: of l_s 10 u l_s + 2^-125, of dl_s/dx 8 u abs(dl_s/dx) + 2^-125 for labels 0 and 1 and 8 u for others,
 * of each power in w_s a share of (12 alpha abs(log p) + 8) u.
 * An x that is not finite makes the loss infinite or NaN, even if T-CE drops its sample: NaN counts as the largest loss of
 * its label, and a diverged model is not to go unnoticed because its worst samples are left out.
 * T-CE's choice takes time linear in n. Gradient: gx = gy times `gradient`.
 * Cost: some 40 flops a sample, 12 n bytes; T-CE 32 n bytes and 4 n of workspace.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_POINTWISE_LOSS_H
#define BACKEND_OP_POINTWISE_LOSS_H

#include "backend/backend.h"

enum { LOSS_BCE = 0, LOSS_TCE = 1, LOSS_RCE = 2 };
enum { DROP_OF_BATCH = 0, DROP_OF_POSITIVES = 1 };

/* Sums over the samples of a batch, so that a user can watch the denoising. Positives: y > 0.5. */
typedef struct pointwise_stats {
    double loss;                          /* the loss itself, in double */
    double kept, dropped;                 /* counts */
    double dropped_clean, dropped_noisy;  /* of the dropped ones, where `clean` tells */
    double clean, noisy;                  /* positives that are known to be clean, or noisy */
    double clean_loss, noisy_loss;        /* sums of their l_s */
} pointwise_stats;

typedef struct pointwise_rule {
    int32_t kind;         /* LOSS_* */
    int32_t drop_of;      /* DROP_OF_*: T-CE */
    double drop_rate;     /* T-CE, in [0, 1) */
    double alpha;         /* R-CE, at least 0 */
    const uint8_t *clean; /* n, device: 1 clean, 0 noisy, other: nothing is known; NULL: nothing is known of any */
    pointwise_stats *stats; /* device, written; NULL: not wanted */
} pointwise_rule;

typedef struct op_pointwise_loss {
    struct op op;
    int64_t n;
    const float *logit, *label;
    pointwise_rule rule;
    float *loss;     /* 1 */
    float *gradient; /* n: of the loss with respect to the logits; NULL: not wanted */
} op_pointwise_loss;

#endif
