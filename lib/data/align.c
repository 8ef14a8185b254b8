/* align.c - events carried over to the index maps of another dataset or model.
 *
 * E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/align.h"

#include <string.h>

int recsys__ids_equal(const recsys_ids *a, const recsys_ids *b)
{
    int64_t n = recsys_ids_count(a);
    if (a == b)
        return 1;
    if (recsys_ids_count(b) != n || recsys_ids_type(a) != recsys_ids_type(b))
        return 0;
    if (recsys_ids_type(a) == RECSYS_ID_INT)
        return n == 0 || memcmp(recsys__ids_ints(a), recsys__ids_ints(b), (size_t)n * sizeof(int64_t)) == 0;
    const int64_t *offset_a, *offset_b;
    const char *bytes_a = recsys__ids_bytes(a, &offset_a), *bytes_b = recsys__ids_bytes(b, &offset_b);
    return memcmp(offset_a, offset_b, (size_t)(n + 1) * sizeof *offset_a) == 0
           && memcmp(bytes_a, bytes_b, (size_t)offset_a[n]) == 0;
}

/* Where each user and item of `d` is in the other maps. */
static recsys_status make_maps(recsys_exec *x, const recsys_dataset *d, const recsys_ids *users, const recsys_ids *items,
                               int32_t **user_map, int32_t **item_map)
{
    recsys_status status = recsys__alloc(x->memory, &x->error, recsys_ids_count(d->users), sizeof **user_map, user_map);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, recsys_ids_count(d->items), sizeof **item_map, item_map);
    if (status >= 0)
        status = recsys__ids_translate(x, d->users, users, *user_map);
    if (status >= 0)
        status = recsys__ids_translate(x, d->items, items, *item_map);
    return status;
}

/* Takes the marked events with their other columns; users and items get their new indices. */
static recsys_status take(recsys_exec *x, const recsys_dataset *d, const uint8_t *keep, recsys_ids *users, recsys_ids *items,
                          const int32_t *user_map, const int32_t *item_map, recsys_dataset **out)
{
    recsys_dataset *kept;
    recsys_status status = recsys__dataset_select(x, d, keep, &kept);
    if (status < 0)
        return status;
    for (int64_t e = 0; e < kept->n_events; e++) {
        kept->user[e] = user_map[kept->user[e]];
        kept->item[e] = item_map[kept->item[e]];
    }
    recsys__ids_release(kept->users);
    recsys__ids_release(kept->items);
    kept->users = recsys__ids_retain(users);
    kept->items = recsys__ids_retain(items);
    const int stays[2] = { recsys__ids_equal(d->users, users), recsys__ids_equal(d->items, items) };
    for (int side = 0; side < 2; side++)
        if (!stays[side]) { /* names and features belong to the old indices */
            recsys__entity_table_release(kept->table[side]);
            kept->table[side] = NULL;
        }
    *out = kept;
    return RECSYS_OK;
}

recsys_status recsys__align(recsys_exec *x, const recsys_dataset *d, recsys_ids *users, recsys_ids *items, recsys_dataset **out,
                            int64_t *dropped)
{
    int32_t *user_map = NULL, *item_map = NULL;
    uint8_t *keep = NULL;
    *dropped = 0;
    *out = NULL;
    if (recsys__ids_equal(d->users, users) && recsys__ids_equal(d->items, items)) {
        *out = recsys_dataset_retain((recsys_dataset *)(uintptr_t)d);
        return RECSYS_OK;
    }
    recsys_status status = make_maps(x, d, users, items, &user_map, &item_map);
    if (status >= 0)
        status = recsys__alloc(x->memory, &x->error, d->n_events, sizeof *keep, &keep);
    for (int64_t e = 0; status >= 0 && e < d->n_events; e++) {
        keep[e] = user_map[d->user[e]] >= 0 && item_map[d->item[e]] >= 0;
        *dropped += !keep[e];
    }
    if (status >= 0)
        status = take(x, d, keep, users, items, user_map, item_map, out);
    recsys__free(x->memory, user_map);
    recsys__free(x->memory, item_map);
    recsys__free(x->memory, keep);
    return status;
}
