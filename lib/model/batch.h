/* batch.h - one training batch on the device, as samplers or callers make it and a model's loss reads it; and the kinds of
 * batches that there are.
 *
 * B rows. Pairs: row b is a sample (user, item, label). User rows: row b is a user with its whole row of interactions.
 * Positives: row b is a positive (user, item), with n negatives of its own or N that the batch shares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include "tensor/tensor.h"

typedef struct batch {
    int64_t rows;           /* B */
    int64_t step;           /* steps of this part of the training before this one: t of drop schedules */
    int32_t plain;          /* 1: the plain loss, without denoising: all positives are known to be clean */
    tensor users;           /* int32, B */

    /* Pairs. For user rows with sampled output: E samples in the order of their rows. */
    tensor items;           /* int32, B or E */
    tensor labels;          /* float, B or E, in [0, 1] */
    tensor sample_row;      /* int32, E: the row of a sample; empty for pairs */

    /* Positives: users and items are theirs. Those that the options do not ask for are empty. */
    tensor negatives;       /* int32, B x n */
    tensor shared;          /* int32, N */
    tensor item_log_q;      /* float, B: log of the share of its item among the positives, as which it stands in a batch */
    tensor shared_log_q;    /* float, N: log of the probability with which each was drawn */
    tensor own_log_q;       /* float, B: log of the probability with which its item would be drawn as one of them */

    /* User rows. */
    sparse rows_items;      /* B x I: the users' interactions, which the loss asks for */
    sparse input;           /* B x I: what the model is shown; the same in training, without the held out ones in validation */

    struct pointwise_stats *stats; /* device, where the loss leaves its sums; NULL: nobody wants them */
    const uint8_t *clean;   /* device, one a sample (full rows: B x I): 1 clean, 0 noisy, 2 not known; NULL: nothing is known */
} batch;

/* Where batches come from: train/sampler.h. */
enum { SAMPLE_PAIRS = 0, SAMPLE_USER_ROWS = 1, SAMPLE_POSITIVES = 2 };

typedef struct sampler_options {
    int32_t kind;            /* SAMPLE_* */
    int64_t n_negatives;     /* a positive: pairs, positives, and user rows with sampled output; 0: none */
    int64_t n_shared;        /* positives: N negatives that a batch shares, drawn from all items by popularity alone; 0: none */
    int32_t with_log_q;      /* positives: 1 gives item_log_q, and shared_log_q if n_shared > 0 */
    int32_t needs_negatives; /* 1: there is no loss without: a training that asks for 0 negatives is refused */
    int64_t default_batch, default_negatives; /* where the caller does not say; 0: 1024 rows, 1 negative */
    double popularity;       /* exponent a: negatives are drawn with weight (number of positives)^a; 0: uniform */
    int32_t fixed;           /* 1: the same negatives every epoch */
    int32_t sampled_output;  /* user rows: 1 gives items, labels and sample_row besides the rows */
    int32_t own_may_be_drawn; /* 1: only the data to avoid forbids an item, not the sampled data itself */
    int32_t keep_order;      /* 1: no shuffling (validation) */
    uint64_t seed;
    uint32_t stream;         /* added to the key, so that validation draws other numbers than training */
} sampler_options;

#endif
