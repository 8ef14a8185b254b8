/* id_sets.c - new id maps from old ones: some of the ids, or those of several maps together.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/id_sets.h"

/* Adds the id at `index` of `from`, which is of the same type; its index in `to` if it is there already. */
static recsys_status add_from(recsys_exec *x, recsys_ids *to, const recsys_ids *from, int64_t index)
{
    int32_t added;
    if (recsys_ids_type(from) == RECSYS_ID_INT) return recsys__ids_add_int(x, to, recsys__ids_ints(from)[index], &added);
    const int64_t *offset;
    const char *bytes = recsys__ids_bytes(from, &offset);
    return recsys__ids_add_text(x, to, bytes + offset[index], offset[index + 1] - offset[index], &added);
}

recsys_status recsys__ids_subset(recsys_exec *x, const recsys_ids *ids, const int32_t *map, recsys_ids **out)
{
    recsys_ids *subset;
    *out = NULL;
    recsys_status status = recsys__ids_create(x, recsys_ids_type(ids), &subset);
    if (status) return status;
    int64_t n = recsys_ids_count(ids);
    for (int64_t index = 0; !status && index < n; index++)
        if (map[index] >= 0) status = add_from(x, subset, ids, index);
    if (status)
        recsys__ids_release(subset);
    else
        *out = subset;
    return status;
}

recsys_status recsys__ids_union(recsys_exec *x, const recsys_ids *const *maps, int64_t n_maps, const char *what,
                                recsys_ids **out)
{
    *out = NULL;
    int64_t same = 1;
    while (same < n_maps && maps[same] == maps[0]) same++;
    if (same == n_maps) {
        *out = recsys__ids_retain(maps[0]);
        return RECSYS_OK;
    }
    int64_t first = 0; /* An empty map has no say in the type. */
    while (first + 1 < n_maps && recsys_ids_count(maps[first]) == 0) first++;
    int32_t type = recsys_ids_type(maps[first]);
    recsys_ids *all;
    recsys_status status = recsys__ids_create(x, type, &all);
    if (status) return status;
    for (int64_t k = 0; !status && k < n_maps; k++) {
        int64_t n = recsys_ids_count(maps[k]);
        if (n > 0 && recsys_ids_type(maps[k]) != type)
            status = recsys__fail(&x->error, RECSYS_ERR_TYPE, "some %s have integer ids and others strings", what);
        for (int64_t index = 0; !status && index < n; index++) status = add_from(x, all, maps[k], index);
    }
    if (status)
        recsys__ids_release(all);
    else
        *out = all;
    return status;
}
