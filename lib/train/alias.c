/* alias.c - making an alias table: those with too little share a slot with those with too much.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/alias.h"

/* Stacks of items in one array: with less than a slot's share from the front, with as much or more from the back. */
typedef struct stacks {
    int32_t *item;
    int64_t n_less, n_more, n;
} stacks;

static void push(stacks *s, int32_t i, double share)
{
    if (share < 1.0) s->item[s->n_less++] = i;
    else s->item[s->n - ++s->n_more] = i;
}

recsys_status recsys__alias_table(recsys_exec *x, int64_t n, const double *weight, uint32_t *threshold, int32_t *alias)
{
    double total = 0.0, *share = NULL;
    int64_t heaviest = 0;
    stacks s = { .n = n };
    recsys_status status = recsys__alloc(x->memory, &x->error, n, sizeof *share, &share);
    if (!status) status = recsys__alloc(x->memory, &x->error, n, sizeof *s.item, &s.item);
    for (int64_t i = 0; i < n && !status; i++) {
        total += weight[i];
        if (weight[i] > weight[heaviest]) heaviest = i;
    }
    for (int64_t i = 0; i < n && !status; i++) {
        share[i] = weight[i] / total * (double)n;
        push(&s, (int32_t)i, share[i]);
    }
    while (!status && s.n_less > 0 && s.n_more > 0) {
        int32_t less = s.item[--s.n_less], more = s.item[s.n - s.n_more--];
        threshold[less] = (uint32_t)(share[less] * 0x1p32);
        alias[less] = more;
        share[more] -= 1.0 - share[less];
        push(&s, more, share[more]);
    }
    /* Rounding alone keeps what is left from a share of exactly 1. */
    while (!status && s.n_less + s.n_more > 0) {
        int32_t i = s.n_more > 0 ? s.item[s.n - s.n_more--] : s.item[--s.n_less];
        threshold[i] = weight[i] > 0.0 ? UINT32_MAX : 0;
        alias[i] = weight[i] > 0.0 ? i : (int32_t)heaviest;
    }
    recsys__free(x->memory, share);
    recsys__free(x->memory, s.item);
    return status;
}
