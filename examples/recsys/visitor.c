/* visitor.c - queries from user ids and from lists of items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "visitor.h"

#include <stdlib.h>
#include <string.h>

#include "names.h"

void visitor_free(visitor *v)
{
    free(v->history);
    free(v->values);
    v->history = NULL;
    v->values = NULL;
}

static recsys_status make_room(program *p, visitor *v, int64_t room)
{
    v->history = program_alloc(p, room, sizeof *v->history);
    v->values = program_alloc(p, room, sizeof *v->values);
    return v->history != NULL && v->values != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
}

/* The user's row in the data, in the model's item indices: items that the model lacks say nothing to it. */
static recsys_status history_from_data(program *p, const source *from, visitor *v)
{
    const recsys_ids *items = recsys_dataset_items(from->known), *own = recsys_model_items(from->model);
    int64_t length;
    recsys_status status = recsys_dataset_history(from->known, p->exec, v->user, NULL, NULL, 0, &length);
    if (status == RECSYS_OK) status = make_room(p, v, length);
    if (status == RECSYS_OK) status = recsys_dataset_history(from->known, p->exec, v->user, v->history, v->values, length, &length);
    for (int64_t i = 0; status == RECSYS_OK && i < length; i++) {
        int64_t item = id_translate(items, v->history[i], own);
        if (item < 0) continue;
        v->history[v->count] = item;
        v->values[v->count++] = v->values[i];
    }
    return status;
}

static recsys_status history_from_model(program *p, const source *from, visitor *v)
{
    int64_t length;
    if (!recsys_model_has_histories(from->model)) return RECSYS_OK;
    recsys_status status = recsys_model_history(from->model, p->exec, v->user, NULL, NULL, 0, &length);
    if (status == RECSYS_OK) status = make_room(p, v, length);
    if (status == RECSYS_OK) status = recsys_model_history(from->model, p->exec, v->user, v->history, v->values, length, &length);
    if (status == RECSYS_OK) v->count = length;
    return status;
}

static void query_with_history(visitor *v)
{
    v->query.parts |= RECSYS_QUERY_HISTORY;
    v->query.history = v->history;
    v->query.history_values = v->values;
    v->query.history_count = v->count;
}

recsys_status visitor_of_user(program *p, const source *from, int64_t user, int show, visitor *v)
{
    recsys_status status = RECSYS_OK;
    int64_t own = user;
    *v = (visitor){ .user = user, .query = RECSYS_QUERY_INIT };
    if (from->known != NULL) {
        own = id_translate(from->users, user, recsys_model_users(from->model));
        status = history_from_data(p, from, v);
        if (status == RECSYS_OK) query_with_history(v);
    } else if (show) {
        status = history_from_model(p, from, v);
    }
    if (own >= 0) { /* a model that scores by user needs him; one that scores by history uses what the query brings */
        v->query.parts |= RECSYS_QUERY_USER;
        v->query.user = own;
    }
    if (status != RECSYS_OK) visitor_free(v);
    return status;
}

static int contains(const visitor *v, int64_t item)
{
    for (int64_t i = 0; i < v->count; i++)
        if (v->history[i] == item) return 1;
    return 0;
}

recsys_status visitor_of_items(program *p, const source *from, const char *list, visitor *v)
{
    const recsys_ids *items = recsys_model_items(from->model);
    int64_t most = 1;
    for (const char *c = list; *c != '\0'; c++) most += *c == ',';
    *v = (visitor){ .user = -1, .query = RECSYS_QUERY_INIT };
    recsys_status status = make_room(p, v, most);
    char *id = program_alloc(p, (int64_t)strlen(list) + 1, 1);
    if (id == NULL) status = RECSYS_ERR_NO_MEMORY;
    for (const char *s = list; status == RECSYS_OK && *s != '\0';) {
        size_t length = strcspn(s, ",");
        memcpy(id, s, length);
        id[length] = '\0';
        int64_t item = recsys_ids_find(items, id);
        if (item < 0 && length > 0) status = program_fail(p, RECSYS_ERR_UNKNOWN_ID, "the model has no item \"%s\"", id);
        if (item >= 0 && !contains(v, item)) { /* repeated items count once */
            v->history[v->count] = item;
            v->values[v->count++] = 1.0f;
        }
        s += length + (s[length] == ',');
    }
    free(id);
    if (status == RECSYS_OK) query_with_history(v);
    else visitor_free(v);
    return status;
}
