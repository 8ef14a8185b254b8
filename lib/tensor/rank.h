/* rank.h - lists and scores on their way to the device and back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_RANK_H
#define TENSOR_RANK_H

#include "backend/op/rank.h"
#include "tensor/transfers.h"

/* The same ranking with all its arrays on the device. */
ranking recsys__bring_ranking(transfers *t, const ranking *to);

/* The same scoring with all its arrays on the device. */
scoring recsys__bring_scoring(transfers *t, const scoring *at);

#endif
