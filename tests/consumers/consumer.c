/* consumer.c - a program of someone else: it knows the installed headers and pkg-config, and nothing of our build.
 *
 * Compiled as C11 and as C++17, linked with the shared and with the static library; see consumers.sh. Makes a dataset from
 * arrays, trains, saves, loads and recommends, and compares what the headers say with the library that is there.
 *
 * consumer FILE, where the model is written
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <recsys/recsys.h>

static int failed(const recsys_exec *exec, const char *what, recsys_status status)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_OK) return 0;
    if (exec) recsys_exec_last_error(exec, &error);
    fprintf(stderr, "consumer: %s: %s: %s\n", what, recsys_status_name(status), error.message);
    return 1;
}

static int versions_agree(void)
{
    char header[64];
    snprintf(header, sizeof header, "%d.%d.%d", RECSYS_VERSION_MAJOR, RECSYS_VERSION_MINOR, RECSYS_VERSION_PATCH);
    printf("%s, ABI %d: %s\n", recsys_version(), (int)recsys_abi_version(), recsys_build_info());
    return strcmp(header, recsys_version()) == 0 && recsys_abi_version() == RECSYS_ABI_MAJOR * 1000 + RECSYS_ABI_MINOR;
}

/* Six users, five items; the last item goes with the first. */
static int make_dataset(recsys_exec *exec, recsys_dataset **data)
{
    static const int64_t users[] = { 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6 };
    static const int64_t items[] = { 10, 50, 10, 50, 10, 50, 20, 30, 30, 40, 10 };
    recsys_dataset_builder *builder = NULL;
    recsys_events events = RECSYS_EVENTS_INIT;
    events.count = (int64_t)(sizeof users / sizeof *users);
    events.user_ids = users;
    events.item_ids = items;
    int bad = failed(exec, "builder", recsys_dataset_builder_create(exec, NULL, &builder));
    bad = bad || failed(exec, "append", recsys_dataset_builder_append(builder, &events));
    bad = bad || failed(exec, "finish", recsys_dataset_builder_finish(builder, data));
    recsys_dataset_builder_release(builder);
    return bad;
}

static int train_and_save(recsys_exec *exec, const char *path)
{
    recsys_dataset *data = NULL;
    recsys_params *params = NULL;
    recsys_model *model = NULL;
    int bad = make_dataset(exec, &data);
    bad = bad || failed(NULL, "params", recsys_params_create(recsys_exec_env(exec), "ease", &params, NULL));
    bad = bad || failed(NULL, "l2", recsys_params_set_f64(params, "l2", 0.5));
    bad = bad || failed(exec, "fit", recsys_model_fit(params, data, exec, NULL, &model));
    bad = bad || failed(exec, "save", recsys_model_save(model, exec, path, NULL));
    recsys_model_release(model);
    recsys_params_release(params);
    recsys_dataset_release(data);
    return bad;
}

static int load_and_recommend(recsys_exec *exec, const char *path)
{
    recsys_model *model = NULL;
    recsys_query query = RECSYS_QUERY_INIT;
    int64_t best = -1, id = 0;
    int bad = failed(exec, "load", recsys_model_load(exec, path, NULL, &model));
    if (!bad) {
        query.parts = RECSYS_QUERY_USER;
        query.user = recsys_ids_find_int(recsys_model_users(model), 6);
        bad = failed(exec, "topk", recsys_model_topk(model, exec, &query, 1, 1, NULL, &best, NULL));
        bad = bad || failed(exec, "id", recsys_ids_get_int(recsys_model_items(model), best, &id));
    }
    recsys_model_release(model);
    printf("user 6 should like item %d\n", (int)id);
    return bad || id != 50;
}

int main(int argc, char **argv)
{
    recsys_env *env = NULL;
    recsys_exec *exec = NULL;
    if (argc != 2 || !versions_agree()) return 2;
    int bad = failed(NULL, "env", recsys_env_create(NULL, &env, NULL));
    bad = bad || failed(NULL, "exec", recsys_exec_create(env, NULL, &exec, NULL));
    bad = bad || train_and_save(exec, argv[1]) || load_and_recommend(exec, argv[1]);
    recsys_exec_release(exec);
    recsys_env_release(env);
    return bad;
}
