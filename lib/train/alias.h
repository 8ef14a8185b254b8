/* alias.h - the alias table of a discrete distribution: draws in constant time.
 *
 * Slot i of n is drawn uniformly; it gives i with probability threshold_i / 2^32, else alias_i. Weights of zero are never drawn,
 * others with an error below 2^-32 each.
 * Source: Vose, "A Linear Algorithm for Generating Random Numbers with a Given Distribution", IEEE TSE 17(9), 1991.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_ALIAS_H
#define TRAIN_ALIAS_H

#include "base/exec.h"

/* Fills threshold[0..n-1] and alias[0..n-1] from n weights, none below 0 and at least one above. */
recsys_status recsys__alias_table(recsys_exec *x, int64_t n, const double *weight, uint32_t *threshold, int32_t *alias);

#endif
