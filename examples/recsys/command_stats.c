/* command_stats.c - `recsys stats`: the figures that describe a file of events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "data.h"
#include "json.h"

static void write_statistics(json *j, const recsys_statistics *s)
{
    json_integer(j, "users", s->n_users);
    json_integer(j, "items", s->n_items);
    json_integer(j, "events", s->n_events);
    json_integer(j, "interactions", s->n_interactions);
    json_integer(j, "behaviours", s->n_behaviours);
    json_integer(j, "sessions", s->n_sessions);
    json_number(j, "value_min", s->value_min);
    json_number(j, "value_max", s->value_max);
    json_number(j, "density", s->density);
    json_integer(j, "user_min", s->user_min);
    json_number(j, "user_mean", s->user_mean);
    json_integer(j, "user_max", s->user_max);
    json_integer(j, "item_min", s->item_min);
    json_number(j, "item_mean", s->item_mean);
    json_integer(j, "item_max", s->item_max);
    json_number(j, "gini", s->gini);
    if (s->n_clean >= 0) json_integer(j, "clean_events", s->n_clean);
    if (!s->has_times) return;
    json_integer(j, "time_min", s->time_min);
    json_integer(j, "time_max", s->time_max);
}

static void write_features(json *j, const recsys_dataset *data, int of_users)
{
    int64_t count = of_users ? recsys_dataset_user_feature_count(data) : recsys_dataset_feature_count(data);
    if (count == 0) return;
    json_begin(j, of_users ? "user_features" : "features", '{');
    for (int64_t t = 0; t < count; t++) {
        recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
        recsys_status status =
            of_users ? recsys_dataset_user_feature_info(data, t, &info) : recsys_dataset_feature_info(data, t, &info);
        if (status != RECSYS_OK) break;
        json_begin(j, info.name, '{');
        json_integer(j, "features", info.n_features);
        json_integer(j, "occurrences", info.n_occurrences);
        json_number(j, "value_min", info.value_min);
        json_number(j, "value_max", info.value_max);
        json_end(j, '}');
    }
    json_end(j, '}');
}

/* The library writes the text; how long it is comes from a first call without a buffer. */
static recsys_status print_statistics(program *p, const recsys_dataset *data)
{
    int64_t length = 0;
    recsys_status status = recsys_dataset_statistics_text(data, p->exec, NULL, 0, &length);
    if (status != RECSYS_OK) return status;
    char *text = program_alloc(p, length + 1, 1);
    if (text == NULL) return RECSYS_ERR_NO_MEMORY;
    status = recsys_dataset_statistics_text(data, p->exec, text, length + 1, &length);
    if (status == RECSYS_OK) program_say_text(p, text);
    free(text);
    return status;
}

recsys_status command_stats(program *p)
{
    recsys_dataset *data = NULL;
    recsys_statistics statistics = RECSYS_STATISTICS_INIT;
    json j;
    recsys_status status = data_read(p, &p->settings.operands, RECSYS_ID_AUTO, &data);
    if (status == RECSYS_OK) status = print_statistics(p, data);
    if (status == RECSYS_OK && p->settings.json != NULL) {
        status = recsys_dataset_statistics(data, p->exec, &statistics);
        if (status == RECSYS_OK) status = json_open(p, &j, p->settings.json);
        if (status == RECSYS_OK) {
            write_statistics(&j, &statistics);
            write_features(&j, data, 0);
            write_features(&j, data, 1);
            status = json_close(p, &j, status);
        }
    }
    recsys_dataset_release(data);
    return status;
}
