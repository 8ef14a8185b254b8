/* ranking.h - a list of items with scores and names, on the screen and in JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_RANKING_H
#define RECSYS_PROGRAM_RANKING_H

#include "json.h"

/* `item` are k indices into `items`, -1 beyond the last. `names` may be NULL. In JSON it is the array "items". */
recsys_status ranking_show(program *p, json *j, const recsys_ids *items, const recsys_dataset *names, const int64_t *item,
                           const float *score, int64_t k);

#endif
