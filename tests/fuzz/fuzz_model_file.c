/* fuzz_model_file.c - any bytes as a model file: as they are, and with their checksums made right, so that what lies
 * behind the checksums is reached too. A model that loads must rank, score and be read without harm.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <recsys/recsys.h>

#include "io/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file without a name that can be opened under /proc. */
static int write_unnamed(const uint8_t *bytes, size_t size, char path[64])
{
    char name[] = "/tmp/recsys-fuzz-XXXXXX";
    int fd = mkstemp(name);
    if (fd < 0) return -1;
    unlink(name);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    if (write(fd, bytes, size) == (ssize_t)size) return fd;
    close(fd);
    return -1;
}

/* Everything that touches a loaded model's arrays. */
static void use(recsys_exec *exec, const recsys_model *model)
{
    int64_t n_items = recsys_ids_count(recsys_model_items(model)), n_users = recsys_ids_count(recsys_model_users(model));
    int64_t items[5], history[3], count;
    float scores[5];
    recsys_query q = RECSYS_QUERY_INIT;
    q.parts = RECSYS_QUERY_USER;
    q.user = n_users - 1;
    if (n_items < 1 || n_users < 1) return;
    recsys_model_topk(model, exec, &q, 1, 5, NULL, items, scores);
    recsys_model_history(model, exec, n_users - 1, history, NULL, 3, &count);
    q.parts = RECSYS_QUERY_HISTORY | RECSYS_QUERY_CANDIDATES;
    q.history = q.candidates = (const int64_t[]){ 0, n_items - 1 };
    q.history_count = q.candidate_count = n_items > 1 ? 2 : 1;
    recsys_model_score(model, exec, &q, 1, scores);
    recsys_model_similar_items(model, exec, n_items - 1, 5, items, scores);
    for (int64_t t = 0; t < recsys_model_tensor_count(model); t++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        recsys_model_tensor_info(model, t, &info);
        int64_t row = info.dtype == RECSYS_I64 ? 8 : 4;
        for (int32_t d = 1; d < info.rank; d++) row *= info.shape[d];
        void *buffer = row > 0 && row < 1 << 20 ? malloc((size_t)row) : NULL;
        if (buffer && info.shape[0] > 0) recsys_model_read_tensor(model, exec, info.name, info.shape[0] - 1, 1, buffer);
        free(buffer);
    }
}

static void try_file(recsys_exec *exec, const uint8_t *bytes, size_t size)
{
    char path[64];
    int fd = write_unnamed(bytes, size, path);
    if (fd < 0) return;
    for (int32_t verify = RECSYS_VERIFY_ALL; verify <= RECSYS_VERIFY_HEADER; verify++) {
        recsys_load_options options = RECSYS_LOAD_OPTIONS_INIT;
        options.verify = verify;
        recsys_model *model = NULL;
        recsys_status status = recsys_model_load(exec, path, &options, &model);
        if ((status == RECSYS_OK) != (model != NULL)) abort();
        if (model) use(exec, model);
        recsys_model_release(model);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.threads = 1;
    options.memory_limit = (int64_t)1 << 28;
    if (recsys_env_create(NULL, &env, NULL)) return 0;
    if (recsys_exec_create(env, &options, &exec, NULL)) abort();
    try_file(exec, data, size);
    edited sealed = edit_copy(data, size);
    if (sealed.bytes) {
        edit_seal(&sealed);
        try_file(exec, sealed.bytes, sealed.size);
    }
    free(sealed.bytes);
    recsys_exec_release(exec);
    recsys_env_release(env);
    return 0;
}
