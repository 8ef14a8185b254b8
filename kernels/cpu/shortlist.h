/* shortlist.h - the k best of a stream of scored items, chosen lazily.
 *
 * Items arrive in ascending order. A score at or above `floor` is appended as it comes, which costs two stores; when
 * the room is used up, shortlist_cut drops masked items, keeps about the k best and raises the floor. For k = 100 this
 * is several times cheaper than a sorted list, which pays an insertion for every arrival, and for an ascending stream
 * it stays linear. The result does not depend on when cuts happen: it is the k first in the order of backend/op/rank.h.
 *
 *   score  [ 2.5 0.5 1.5 | 0.7 3.1            ]   first `checked` entries: item numbers, no masked item among them
 *   item   [   3   9  17 |  20  41            ]   the others: positions in the stream, as they came
 *                  checked^       ^count       ^room, and space for one tile more
 *
 * Among equal scores, entries stand in ascending order of item: cuts keep it, and ties are broken by it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_SHORTLIST_H
#define KERNELS_CPU_SHORTLIST_H

#include <stdbool.h>
#include <stdint.h>

/* What all lists of one operation share. */
typedef struct shortlist_rule {
    int64_t k;
    int64_t room;       /* a list that holds more is due for a cut */
    const int32_t *ids; /* item at each position of the stream; NULL: the position itself */
} shortlist_rule;

typedef struct shortlist {
    float floor; /* a score below it, or NaN, cannot be among the k best */
    float band;  /* 0: scores are exact; else whatever is less than this below the k-th score may be among the k best */
    bool failed; /* so many scores lie in the band that there is no room for them: the list is of no use */
    int64_t count, checked;
    float *score;
    int32_t *item;
    const int32_t *mask, *mask_end; /* items of the mask that the stream has not reached, ascending */
} shortlist;

/* The room that suits k, for a stream of n items. */
int64_t recsys__shortlist_room(int64_t k, int64_t n);

/* Empties the list; mask and memory are the caller's to set. */
void recsys__shortlist_start(shortlist *l);

/* The k best so far, as recsys__shortlist_finish left them in `items` and `scores`, become the list again. */
void recsys__shortlist_resume(shortlist *l, const shortlist_rule *rule, const int32_t *items, const float *scores);

/* Drops masked items and, if the list is still over its room, all but about the k best. */
void recsys__shortlist_cut(shortlist *l, const shortlist_rule *rule);

/* The same with no more room than for about the k best: for the end of a stream. */
void recsys__shortlist_narrow(shortlist *l, const shortlist_rule *rule);

/* Drops masked items. Then `item` holds items, no positions, up to `count`. */
void recsys__shortlist_check(shortlist *l, const shortlist_rule *rule);

/* Adds the entries of `from`, whose items all come after those of `l`. */
void recsys__shortlist_join(shortlist *l, shortlist *from, const shortlist_rule *rule);

/* Writes the k best in order; -1 and -infinity fill up what is missing. `temporary`: 2 * (room + one tile) words. */
void recsys__shortlist_finish(shortlist *l, const shortlist_rule *rule, uint64_t *temporary, int32_t *items,
                              float *scores);

#endif
