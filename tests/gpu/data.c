/* data.c - the data that gpu-validate makes for itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"

enum { GROUPS = 8, CLASSES = 3 };

uint64_t validate_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
    return (double)(validate_random(state) >> 11) * 0x1p-53;
}

int64_t validate_size(const validation *v, int64_t full, int64_t least)
{
    int64_t size = full / v->scale;
    return size > least ? size : least;
}

/* Rank r of n is drawn with a probability that falls as 1 / (r + head). */
static int64_t draw_rank(uint64_t *state, int64_t n, int64_t head)
{
    double from = (double)head, rank = from * (exp(uniform(state) * log(((double)n + from) / from)) - 1.0);
    return (int64_t)rank < n ? (int64_t)rank : n - 1;
}

/* Repeated pairs count once, so that a test never asks for what training showed. */
static recsys_status build(recsys_exec *x, const recsys_read_options *o, int64_t count, const int64_t *users,
                           const int64_t *items, recsys_dataset **out)
{
    recsys_events events = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *builder = NULL;
    events.count = count;
    events.user_ids = users;
    events.item_ids = items;
    recsys_status s = recsys_dataset_builder_create(x, o, &builder);
    if (s >= 0) s = recsys_dataset_builder_append(builder, &events);
    if (s >= 0) s = recsys_dataset_builder_finish(builder, out);
    recsys_dataset_builder_release(builder);
    return s;
}

/* A table of `count` lines: id, the group it belongs to and some words, as features. */
static int write_table(const char *path, int64_t count)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) return 0;
    for (int64_t i = 0; i < count; i++)
        fprintf(file, "%lld\tgroup%lld|word%lld|word%lld\n", (long long)i, (long long)(i % GROUPS), (long long)(i % 13),
                (long long)(13 + i % 29));
    return fclose(file) == 0;
}

recsys_status validate_tastes(validation *v, recsys_dataset **out)
{
    int64_t n_users = validate_size(v, 6000, 64), n_items = validate_size(v, 3000, 96);
    int64_t length = n_items / 8 < 40 ? n_items / 8 : 40;
    int64_t room = n_users * length + n_items, count = 0, *users = malloc((size_t)room * sizeof *users);
    int64_t *items = malloc((size_t)room * sizeof *items);
    char user_path[96], item_path[96];
    uint64_t state = 11;
    recsys_status s = users != NULL && items != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    for (int64_t u = 0; s >= 0 && u < n_users; u++)
        for (int64_t e = 0; e < length; e++) {
            int64_t group = uniform(&state) < 0.8 ? u % GROUPS : (int64_t)(validate_random(&state) % GROUPS);
            users[count] = u;
            items[count++] = draw_rank(&state, n_items / GROUPS, 1) * GROUPS + group;
        }
    for (int64_t i = 0; s >= 0 && i < n_items; i++) {
        users[count] = (i * 5 + i / GROUPS) % n_users;
        items[count++] = i;
    }
    snprintf(user_path, sizeof user_path, "%s/users.tsv", v->folder);
    snprintf(item_path, sizeof item_path, "%s/items.tsv", v->folder);
    if (s >= 0 && (!write_table(user_path, n_users) || !write_table(item_path, n_items))) s = RECSYS_ERR_IO;
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    o.duplicates = RECSYS_DUPLICATES_FIRST;
    o.users = user_path;
    o.user_columns = "user,features";
    o.items = item_path;
    o.item_columns = "item,features";
    if (s >= 0) s = build(v->cpu, &o, count, users, items, out);
    remove(user_path), remove(item_path);
    free(users), free(items);
    return s;
}

recsys_status validate_popular(validation *v, int64_t n_users, int64_t n_items, int64_t events, uint64_t seed,
                               recsys_dataset **out)
{
    int64_t all = n_users > n_items ? n_users : n_items, count = events > all ? events : all;
    int64_t *users = malloc((size_t)count * sizeof *users), *items = malloc((size_t)count * sizeof *items);
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    recsys_status s = users != NULL && items != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    for (int64_t e = 0; s >= 0 && e < count; e++) {
        users[e] = e < n_users ? e : (int64_t)(validate_random(&seed) % (uint64_t)n_users);
        /* Popular ones all over the catalogue; the most popular has about as many as in such data of the world. */
        items[e] = e < n_items ? e : (draw_rank(&seed, n_items, n_items / 400 + 1) * 7919 + 13) % n_items;
    }
    o.duplicates = RECSYS_DUPLICATES_FIRST;
    if (s >= 0) s = build(v->cpu, &o, count, users, items, out);
    free(users), free(items);
    return s;
}

recsys_status validate_rows(validation *v, row_data *out)
{
    uint64_t state = 17;
    *out = (row_data){ .rows = validate_size(v, 6000, 120), .features = 12 };
    out->x = malloc((size_t)(out->rows * out->features) * sizeof *out->x);
    int64_t *labels = malloc((size_t)out->rows * sizeof *labels);
    recsys_dataset_builder *builder = NULL;
    recsys_rows rows = RECSYS_ROWS_INIT;
    recsys_status s = out->x != NULL && labels != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    for (int64_t r = 0; s >= 0 && r < out->rows; r++) {
        labels[r] = (int64_t)(validate_random(&state) % CLASSES);
        for (int64_t f = 0; f < out->features; f++)
            out->x[r * out->features + f] = (float)(2.0 * uniform(&state) - 1.0 + (f % CLASSES == labels[r] ? 0.5 : 0.0));
    }
    rows.count = out->rows;
    rows.n_features = out->features;
    rows.features = out->x;
    rows.label_ids = labels;
    if (s >= 0) s = recsys_dataset_builder_create(v->cpu, NULL, &builder);
    if (s >= 0) s = recsys_dataset_builder_append_rows(builder, &rows);
    if (s >= 0) s = recsys_dataset_builder_finish(builder, &out->data);
    recsys_dataset_builder_release(builder);
    free(labels);
    return s;
}
