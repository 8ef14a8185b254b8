/* rule.h - inside of recsys_optimizer: a rule with its settings, read out of the parameters once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_RULE_H
#define TRAIN_RULE_H

#include <stdatomic.h>

#include <recsys/optimizer.h>

#include "backend/update_rule.h"
#include "base/memory.h"
#include "train/schedule.h"

typedef struct rule {
    int32_t kind; /* RULE_* of backend/update_rule.h */
    double beta1, beta2, eps, momentum;
    double l2;        /* coupled weight decay: part of the gradient */
    double decoupled; /* AdamW's */
    double clip_norm; /* 0: off */
    schedule schedule;
} rule;

struct recsys_optimizer {
    atomic_int refs;
    memory *memory;
    const char *name;
    recsys_params *params;
    char *text;
    rule rule;
};

#endif
