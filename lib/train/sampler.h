/* sampler.h - where batches come from: positives, negatives that a user never had, and a new order every epoch.
 *
 * A batch is a pure function of (seed, epoch, position): nothing is kept from one batch to the next, so that a training
 * can stop anywhere and go on with the same bits, on any number of threads and any device.
 *
 * Pairs: an epoch has P (1 + n) samples for P positives and n negatives each. Sample s < P is positive s; sample
 * P + p n + j is negative j of positive p: the same user, and an item that is no known positive of that user. The order
 * is a permutation of the samples, keyed by (seed, epoch), that is computed and not stored.
 * Positives: an epoch has the P positives in such an order. Row b is a positive with n negatives of its own, those that it has
 * in pairs; a batch shares N items, drawn from all items and keyed by the epoch and its position.
 * User rows: an epoch has every user with at least one positive once, in such an order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_SAMPLER_H
#define TRAIN_SAMPLER_H

#include "data/dataset.h"
#include "tensor/tape.h"
#include "model/batch.h"

typedef struct sampler sampler;

/* `positives`: what is learned. `avoid[0..n_avoid-1]`: datasets with the same ids, whose pairs are never drawn as negatives
 * either; popularity is counted in avoid[0], which is then all of the training data, or else in `positives`. Flags of
 * `positives` (1: clean) come with the batches. ERR_EMPTY without positives; ERR_INVALID_ARGUMENT names a
 * user who has fewer items left than negatives are asked for. */
recsys_status recsys__sampler_create(recsys_exec *x, const sampler_options *o, const recsys_dataset *positives, int64_t n_avoid,
                                     const recsys_dataset *const *avoid, sampler **out);
void recsys__sampler_free(recsys_exec *x, sampler *s); /* NULL is allowed */

/* Samples (or users) of an epoch. */
int64_t recsys__sampler_size(const sampler *s);

/* Draws the rows `position` to `position + count - 1` (within the epoch's size) of an epoch; memory comes from the tape's
 * arena. b->step, b->plain and b->stats are the caller's. Errors stick to the tape. */
void recsys__sampler_draw(const sampler *s, tape *g, int64_t epoch, int64_t position, int64_t count, batch *b);

/* Positives: b->shared and the logs of probabilities, for the users and items that are in *b; item_log_q as if an item without
 * a positive had one. */
void recsys__sampler_complete(const sampler *s, tape *g, int64_t epoch, int64_t position, batch *b);

/* Bytes that it holds on the device, for estimates. */
int64_t recsys__sampler_bytes(const sampler_options *o, const recsys_dataset *positives);

#endif
