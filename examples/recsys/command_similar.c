/* command_similar.c - `recsys similar`: the items most similar to an item.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "names.h"
#include "ranking.h"

static recsys_status show(program *p, const recsys_ids *items, const recsys_dataset *names, int64_t given, const int64_t *item,
                          const float *score, int64_t k)
{
    json j;
    recsys_status status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    program_say(p, "like item %s%s%s\n", p->settings.item, names != NULL ? "  " : "", name_of(names, items, given));
    json_id(&j, "item", items, given);
    return json_close(p, &j, ranking_show(p, &j, items, names, item, score, k));
}

recsys_status command_similar(program *p)
{
    const settings *s = &p->settings;
    recsys_model *model = NULL;
    recsys_dataset *names = NULL;
    int64_t *item = NULL;
    float *score = NULL;
    if (s->item == NULL) return program_usage(p, "--item ID is missing");
    recsys_status status = program_load(p, 0, &model);
    if (status == RECSYS_OK) status = names_read(p, &names);
    if (status != RECSYS_OK) goto done;
    const recsys_ids *items = recsys_model_items(model);
    int64_t given = recsys_ids_find(items, s->item), n_items = recsys_ids_count(items);
    int64_t k = s->top < n_items ? s->top : n_items;
    item = program_alloc(p, k, sizeof *item);
    score = program_alloc(p, k, sizeof *score);
    if (item == NULL || score == NULL) status = RECSYS_ERR_NO_MEMORY;
    else if (given < 0)
        status = program_fail(p, RECSYS_ERR_UNKNOWN_ID, "no item \"%s\" among the %lld of the model", s->item, (long long)n_items);
    else status = recsys_model_similar_items(model, p->exec, given, k, item, score);
    progress_end(&p->progress);
    if (status == RECSYS_OK) status = show(p, items, names, given, item, score, k);
done:
    free(item);
    free(score);
    recsys_dataset_release(names);
    recsys_model_release(model);
    return status;
}
