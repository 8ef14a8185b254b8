/* fuzz_delimited.c - any bytes as a file of events. What is read must be a sound dataset; what is refused must leave none
 * and say why, in a message that begins with the name of the file unless it is about an option.
 *
 * The first four bytes choose the options, the rest is the file, plain or gzip.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static recsys_read_options choose(const uint8_t byte[4])
{
    static const char *const columns[] = {
        NULL, "user,item", "item,user", "user,item,value", "_,user,item,value,time", "user,item,behaviour,session,flag", "a=user,b=item"};
    static const char *const of_rows[] = {"feature,feature,label", "user,feature*2", "c=feature,b=feature,a=label", "b=feature,a=label"};
    static const char *const separators[] = {NULL, "\t", ",", "::", " "};
    static const char *const universes[] = {NULL, "3", "1000"};
    static const char *const formats[] = {"delimited", "delimited", "delimited", "adjacency",
                                          "delimited", "rating",    "negative",  "negative-candidates"};
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.format = formats[byte[0] % 8];
    int has_columns = strcmp(options.format, "delimited") == 0 || strcmp(options.format, "rating") == 0;
    options.columns = !has_columns ? NULL : byte[1] < 128 ? columns[byte[1] % 7] : of_rows[byte[1] % 4];
    options.separator = separators[byte[2] % 5];
    options.users = universes[byte[2] / 5 % 3];
    options.items = universes[byte[2] / 15 % 3];
    options.header = byte[3] % 3;
    options.id_type = byte[3] / 3 % 3;
    options.duplicates = byte[3] / 9 % 6;
    return options;
}

static void check(int holds)
{
    if (!holds) abort();
}

static void check_ids(const recsys_ids *ids)
{
    char shown[256];
    for (int64_t k = 0; k < recsys_ids_count(ids); k++)
        if (recsys_ids_text(ids, k, shown, sizeof shown) < (int64_t)sizeof shown) check(recsys_ids_find(ids, shown) == k);
}

/* Rows of features: every user has a whole one. */
static void check_rows(const recsys_dataset *d)
{
    recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
    if (recsys_dataset_user_feature_count(d) == 0) return;
    check(recsys_dataset_user_feature_info(d, 0, &info) == RECSYS_OK && info.n_features >= 1 && info.n_features <= 2);
    check(recsys_ids_count(d->users) >= d->n_events);
    for (int64_t e = 0; e < d->n_events; e++) {
        int64_t column[2], count;
        float value[2];
        check(recsys_dataset_user_features(d, 0, d->user[e], column, value, 2, &count) == RECSYS_OK);
        check(count == info.n_features);
        for (int64_t f = 0; f < count; f++) check(column[f] == f && isfinite(value[f]));
    }
    for (int64_t f = 0; f < info.n_features; f++) check(recsys_dataset_user_feature_name(d, 0, f) != NULL);
}

static void check_dataset(recsys_exec *x, const recsys_dataset *d)
{
    const csr *by_user, *by_item;
    int64_t n_users = recsys_ids_count(d->users), n_items = recsys_ids_count(d->items);
    check(d->n_events > 0);
    for (int64_t e = 0; e < d->n_events; e++) {
        check(d->user[e] >= 0 && d->user[e] < n_users && d->item[e] >= 0 && d->item[e] < n_items);
        if (d->value) check(isfinite(d->value[e]));
        if (d->flag) check(d->flag[e] <= 1);
        if (d->behaviour) check(d->behaviour[e] >= 0 && d->behaviour[e] < recsys_ids_count(d->behaviours));
        if (d->session) check(d->session[e] >= 0 && d->session[e] < recsys_ids_count(d->sessions));
    }
    check_ids(d->users);
    check_ids(d->items);
    check_rows(d);
    check(recsys__dataset_by_user(x, d, &by_user) == RECSYS_OK);
    check(recsys__dataset_by_item(x, d, &by_item) == RECSYS_OK);
    check(by_user->ptr[n_users] == by_item->ptr[n_items]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recsys_env *env;
    recsys_exec *x = NULL;
    if (size < 4 || recsys_env_create(NULL, &env, NULL)) return 0;
    check(recsys_exec_create(env, NULL, &x, NULL) == RECSYS_OK);
    recsys_read_options options = choose(data);
    recsys_dataset *d = NULL;
    recsys_status s = recsys__dataset_read_memory(x, "file", data + 4, (int64_t)size - 4, &options, &d);
    if (s == RECSYS_OK) {
        check_dataset(x, d);
    } else {
        recsys_error_info e = RECSYS_ERROR_INFO_INIT;
        check(recsys_exec_last_error(x, &e) == RECSYS_OK && e.status == s && !d);
        check(strncmp(e.message, "file", 4) == 0 || s == RECSYS_ERR_INVALID_ARGUMENT || s == RECSYS_ERR_DUPLICATE ||
              s == RECSYS_ERR_NUMERIC);
    }
    recsys_dataset_release(d);
    recsys_exec_release(x);
    recsys_env_release(env);
    return 0;
}
