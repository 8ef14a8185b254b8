/* validate.c - gpu-validate: does training and ranking on a device what the CPU does, and how fast? JSON lines.
 *
 * Usage: gpu-validate [--device cuda:0] [--scale N] [--threads N] PART...
 * PART: `list`, `models`, `speed`, or a case of a part: `models:gmf`. Exit status 1 if a case did not hold.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double validate_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- training ---- */

static int32_t on_event(void *user, const recsys_training_event *e)
{
    history *h = user;
    if (e->kind != RECSYS_TRAINING_EPOCH || h->count >= MAX_EPOCHS) return 0;
    double now = validate_seconds();
    h->loss[h->count] = e->loss;
    h->seconds[h->count++] = now - h->began;
    h->began = now;
    return 0;
}

recsys_status validate_fit(recsys_exec *x, const char *name, const char *params, const recsys_dataset *train, int64_t epochs,
                           int64_t batch, history *seen, recsys_model **out)
{
    recsys_params *p = NULL;
    recsys_training how = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_status s = recsys_params_create(recsys_exec_env(x), name, &p, NULL);
    if (s >= 0) s = recsys_params_set_text(p, params);
    how.epochs = epochs;
    how.batch_size = batch;
    if (seen != NULL) {
        *seen = (history){ .began = validate_seconds() };
        how.watch = on_event;
        how.watch_user = seen;
    }
    if (epochs > 0) fit.training = &how;
    if (s >= 0) s = recsys_model_fit(p, train, x, &fit, out);
    recsys_params_release(p);
    return s;
}

/* ---- bits ---- */

uint64_t validate_mix(uint64_t hash, const void *data, int64_t bytes)
{
    const unsigned char *at = data;
    for (; bytes >= 8; bytes -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
        hash ^= hash >> 29;
    }
    for (; bytes > 0; bytes--, at++) hash = (hash ^ *at) * UINT64_C(0x100000001b3);
    return hash;
}

static recsys_status hash_tensor(recsys_exec *x, const recsys_model *m, const recsys_tensor_info *t, uint64_t *hash)
{
    int64_t row = (t->dtype == RECSYS_I64 ? 8 : 4) * t->shape[1] * t->shape[2] * t->shape[3];
    if (row == 0 || t->shape[0] == 0) return RECSYS_OK;
    int64_t at_once = (INT64_C(64) << 20) / row;
    if (at_once < 1) at_once = 1;
    if (at_once > t->shape[0]) at_once = t->shape[0];
    void *buffer = malloc((size_t)(at_once * row));
    recsys_status s = buffer != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    for (int64_t r = 0; s >= 0 && r < t->shape[0]; r += at_once) {
        int64_t n = t->shape[0] - r < at_once ? t->shape[0] - r : at_once;
        s = recsys_model_read_tensor(m, x, t->name, r, n, buffer);
        if (s >= 0) *hash = validate_mix(*hash, buffer, n * row);
    }
    free(buffer);
    return s;
}

recsys_status validate_hash(recsys_exec *x, const recsys_model *m, uint64_t *hash)
{
    recsys_status s = RECSYS_OK;
    *hash = 1;
    for (int64_t t = 0; s >= 0 && t < recsys_model_tensor_count(m); t++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        s = recsys_model_tensor_info(m, t, &info);
        if (s >= 0 && !info.derived) s = hash_tensor(x, m, &info, hash);
    }
    return s;
}

/* ---- printing ---- */

void validate_print_error(recsys_exec *x, recsys_status status)
{
    recsys_error_info e = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(x, &e);
    printf(", \"error\": \"");
    for (const char *c = e.status == status && e.message[0] != '\0' ? e.message : recsys_status_text(status); *c != '\0'; c++)
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if ((unsigned char)*c >= ' ') putchar(*c);
    printf("\"}\n");
    fflush(stdout);
}

void validate_print_list(const char *name, const double *values, int64_t count)
{
    printf(", \"%s\": [", name);
    for (int64_t i = 0; i < count; i++) printf("%s%.9g", i > 0 ? ", " : "", values[i]);
    printf("]");
}

static void print_start(const validation *v, const char *device)
{
    recsys_device_info info = RECSYS_DEVICE_INFO_INIT;
    for (int64_t i = 0; i < recsys_env_device_count(v->env); i++)
        if (recsys_env_device(v->env, i, &info) >= 0 && strncmp(info.name, device, strlen(device)) == 0) break;
    printf("{\"part\": \"start\", \"device\": \"%s\", \"description\": \"%s\", \"memory_bytes\": %lld, \"scale\": %lld, "
           "\"threads\": %d, \"library\": \"%s\"}\n",
           info.name, info.description, (long long)info.memory_bytes, (long long)v->scale, (int)recsys_exec_threads(v->cpu),
           recsys_version());
    fflush(stdout);
}

/* ---- the program ---- */

/* A part, a case of it, or nothing of that name. */
static int run_part(validation *v, const char *word)
{
    const char *colon = strchr(word, ':');
    size_t length = colon != NULL ? (size_t)(colon - word) : strlen(word);
    const char *only = colon != NULL ? colon + 1 : NULL;
    if (length == 6 && strncmp(word, "models", length) == 0) return validate_models(v, only, 0);
    if (length == 5 && strncmp(word, "speed", length) == 0) return validate_speed(v, only, 0);
    return 0;
}

static int open_execs(validation *v, const recsys_exec_options *cpu, const char *device)
{
    recsys_exec_options o = *cpu;
    recsys_error_info e = RECSYS_ERROR_INFO_INIT;
    o.device = device;
    const char *parent = getenv("TMPDIR");
    snprintf(v->folder, sizeof v->folder, "%s/recsys-gpu-XXXXXX", parent != NULL && strlen(parent) < 40 ? parent : "/tmp");
    if (recsys_env_create(NULL, &v->env, &e) < 0 || recsys_exec_create(v->env, cpu, &v->cpu, &e) < 0 ||
        recsys_exec_create(v->env, &o, &v->device, &e) < 0) {
        fprintf(stderr, "gpu-validate: %s\n", e.message);
        return 0;
    }
    if (mkdtemp(v->folder) != NULL) return 1;
    fprintf(stderr, "gpu-validate: cannot make a folder %s\n", v->folder);
    return 0;
}

static int usage(void)
{
    fputs("usage: gpu-validate [--device cuda:0] [--scale N] [--threads N] PART...\n"
          "parts: models, speed, a case of one (models:gmf), or list, which names them\n", stderr);
    return 2;
}

static int run_parts(const recsys_exec_options *cpu, const char *device, int64_t scale, int count, char **words)
{
    validation v = { .scale = scale };
    int known = 1;
    if (!open_execs(&v, cpu, device)) return 1;
    print_start(&v, device);
    for (int p = 0; p < count; p++) {
        if (run_part(&v, words[p]) > 0) continue;
        fprintf(stderr, "gpu-validate: no part is called %s\n", words[p]);
        known = 0;
    }
    rmdir(v.folder);
    recsys_exec_release(v.device), recsys_exec_release(v.cpu), recsys_env_release(v.env);
    return !known ? 2 : v.failed > 0;
}

int main(int argc, char **argv)
{
    recsys_exec_options cpu = RECSYS_EXEC_OPTIONS_INIT;
    const char *device = "cuda";
    int64_t scale = 1;
    int at = 1;
    cpu.seed = 7;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        int64_t value = strtoll(argv[at + 1], NULL, 10);
        if (strcmp(argv[at], "--device") == 0) device = argv[at + 1];
        else if (strcmp(argv[at], "--scale") == 0 && value > 0) scale = value;
        else if (strcmp(argv[at], "--threads") == 0 && value > 0) cpu.threads = (int32_t)value;
        else return usage();
    }
    if (at >= argc || strncmp(argv[at], "--", 2) == 0) return usage();
    if (strcmp(argv[at], "list") != 0) return run_parts(&cpu, device, scale, argc - at, argv + at);
    validate_models(NULL, NULL, 1);
    validate_speed(NULL, NULL, 1);
    return 0;
}
