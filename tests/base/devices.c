/* devices.c - tests of devices and modules: finding, refusing, listing, exhausting and losing them, on the stand-in for a GPU.
 *
 * RECSYS_TEST_STANDIN names the folder with the stand-in's module and with those that must be refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE 1 /* setenv, chmod */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/module.h"
#include "backend/op/affine.h"
#include "backend/run.h"
#include "support/support.h"

static char standin[TEST_PATH_ROOM];

/* A fresh environment, a folder of its own for modules that is looked into, and the log of the environment. */
typedef struct world {
    recsys_env *env;
    char folder[64];
    char log[1024];
} world;

static void take_log(void *user, int32_t level, const char *component, const char *message)
{
    world *w = user;
    (void)level;
    size_t used = strlen(w->log);
    snprintf(w->log + used, sizeof w->log - used, "%s: %s\n", component, message);
}

static void open_env(world *w)
{
    recsys_env_options options = RECSYS_ENV_OPTIONS_INIT;
    options.log = take_log;
    options.log_user = w;
    options.log_level = RECSYS_LOG_INFO;
    w->log[0] = '\0';
    assert_int_equal(recsys_env_create(&options, &w->env, NULL), RECSYS_OK);
}

static void open_world(world *w)
{
    static const char *const settings[] = { "STANDIN_DEVICES", "STANDIN_DRIVER", "STANDIN_MEMORY", "STANDIN_LOST_AT" };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) unsetenv(settings[i]);
    strcpy(w->folder, "/tmp/recsys-module-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    setenv("RECSYS_BACKEND_PATH", w->folder, 1);
    open_env(w);
}

static void close_world(world *w)
{
    recsys_env_release(w->env);
    test_remove_folder(w->folder);
}

static const char *in_folder(const char *folder, const char *name, char path[TEST_PATH_ROOM])
{
    int length = snprintf(path, TEST_PATH_ROOM, "%s/%s", folder, name);
    if (length < 0 || length >= TEST_PATH_ROOM) fail_msg("the path of %s is too long", name);
    return path;
}

/* The first `bytes` bytes of a file of the stand-in's folder (all: SIZE_MAX) as the module; the number of bytes there are. */
static size_t put_module(const world *w, const char *from, size_t bytes)
{
    char path[TEST_PATH_ROOM];
    size_t size;
    unsigned char *all = test_read_file(in_folder(standin, from, path), &size);
    in_folder(w->folder, "librecsys-cuda.so", path);
    unlink(path); /* a file that is loaded keeps its own pages */
    test_write_file(path, all, bytes < size ? bytes : size);
    chmod(path, 0644);
    free(all);
    return size;
}

static recsys_status make_exec(world *w, const char *device, recsys_exec **x, char words[512])
{
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    options.device = device;
    options.threads = 1;
    recsys_status s = recsys_exec_create(w->env, &options, x, &info);
    snprintf(words, 512, "%s", info.message);
    return s;
}

static void refuse(world *w, const char *device, recsys_status wanted, const char *say)
{
    char words[512];
    recsys_exec *x;
    assert_int_equal(make_exec(w, device, &x, words), wanted);
    assert_null(x);
    if (!strstr(words, say)) fail_msg("\"%s\" does not say \"%s\"", words, say);
}

static recsys_exec *expect_exec(world *w, const char *device)
{
    char words[512];
    recsys_exec *x;
    if (make_exec(w, device, &x, words)) fail_msg("no exec on %s: %s", device, words);
    return x;
}

/* y = 2 x + 1 on the exec's device; what the failure says goes to the exec. */
static recsys_status try_work(recsys_exec *x, float found[3])
{
    float in[3] = { 1.0f, -2.0f, 0.5f };
    float *p = NULL;
    recsys_status s = recsys__upload(x, in, sizeof in, &p);
    op_affine o = { .op = { OP_AFFINE, sizeof o }, .n = 3, .s = 2.0f, .t = 1.0f, .x = p, .y = p };
    if (!s) s = recsys__run(x, &o.op);
    if (!s) s = recsys__download(x, found, p, sizeof in);
    recsys__device_free(x->backend, x->memory, p);
    return s;
}

static void expect_work(recsys_exec *x)
{
    float found[3];
    expect_ok(x, try_work(x, found));
    assert_true(found[0] == 3.0f && found[1] == -3.0f && found[2] == 2.0f);
}

/* ---- a module that is not there, or not one ---- */

static void test_no_module(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    assert_int_equal(recsys_env_device_count(w.env), 1);
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "librecsys-cuda.so");
    refuse(&w, "cuda:0", RECSYS_ERR_DEVICE, "devices: cpu");
    recsys_exec *x = expect_exec(&w, "auto");
    assert_string_equal(x->backend->name, "cpu");
    assert_non_null(strstr(w.log, "device auto is cpu: "));
    assert_non_null(strstr(w.log, "librecsys-cuda.so"));
    expect_work(x);
    recsys_exec_release(x);
    close_world(&w);
}

static void test_truncated(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    size_t size = put_module(&w, "librecsys-cuda.so", SIZE_MAX);
    for (int part = 0; part < 40; part++) {
        size_t bytes = part < 20 ? (size_t)part * size / 20 : size - (size_t)(part - 19) * (size_t)(part - 19) * 7;
        recsys_env_release(w.env);
        open_env(&w);
        put_module(&w, "librecsys-cuda.so", bytes);
        refuse(&w, "cuda", RECSYS_ERR_DEVICE, "is no whole module");
    }
    close_world(&w);
}

static void test_something_else(void **state)
{
    (void)state;
    char path[TEST_PATH_ROOM];
    world w;
    open_world(&w);
    test_write_text(in_folder(w.folder, "librecsys-cuda.so", path), "#!/bin/sh\necho no module\n");
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "is no whole module");
    recsys_env_release(w.env);
    open_env(&w);
    put_module(&w, "libother-abi.so", SIZE_MAX);
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "backend ABI");
    close_world(&w); /* the loader knows the path now */
    open_world(&w);
    put_module(&w, "libother-name.so", SIZE_MAX);
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "is no cuda module");
    close_world(&w);
    open_world(&w);
    in_folder(w.folder, "librecsys-cuda.so", path);
    assert_int_equal(mkdir(path, 0755), 0);
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "is no whole module");
    close_world(&w);
}

/* ---- whom to trust ---- */

static void refuse_folder(world *w, const char *folder, const char *say)
{
    recsys_env_release(w->env);
    setenv("RECSYS_BACKEND_PATH", folder, 1);
    open_env(w);
    refuse(w, "cuda", RECSYS_ERR_DEVICE, say);
}

static void test_trust(void **state)
{
    (void)state;
    char path[TEST_PATH_ROOM];
    world w;
    open_world(&w);
    put_module(&w, "librecsys-cuda.so", SIZE_MAX);
    chmod(w.folder, 0777);
    refuse_folder(&w, w.folder, "others can write");
    chmod(w.folder, 0770);
    refuse_folder(&w, w.folder, "others can write");
    chmod(w.folder, 0700);
    chmod(in_folder(w.folder, "librecsys-cuda.so", path), 0666);
    refuse_folder(&w, w.folder, "others can write");
    refuse_folder(&w, path, "is no folder");
    refuse_folder(&w, "modules", "a path from the root");
    refuse_folder(&w, "/no/such/folder", "No such file");
    chmod(path, 0644);
    recsys_env_release(w.env);
    setenv("RECSYS_BACKEND_PATH", w.folder, 1);
    open_env(&w);
    recsys_exec *x = expect_exec(&w, "cuda");
    expect_work(x);
    recsys_exec_release(x);
    close_world(&w);
}

/* ---- drivers and devices ---- */

static void use_standin(world *w)
{
    recsys_env_release(w->env);
    setenv("RECSYS_BACKEND_PATH", standin, 1);
    open_env(w);
}

static void test_drivers(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    use_standin(&w);
    setenv("STANDIN_DRIVER", "0", 1);
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "no NVIDIA driver");
    setenv("STANDIN_DRIVER", "12040", 1);
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "made for CUDA 12.4");
    assert_int_equal(recsys_env_device_count(w.env), 1);
    unsetenv("STANDIN_DRIVER");
    setenv("STANDIN_DEVICES", "0", 1);
    refuse(&w, "cuda", RECSYS_ERR_DEVICE, "no CUDA device");
    recsys_exec *x = expect_exec(&w, "auto");
    assert_string_equal(x->backend->name, "cpu");
    recsys_exec_release(x);
    close_world(&w);
}

static void test_listing(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    use_standin(&w);
    setenv("STANDIN_DEVICES", "2", 1);
    setenv("STANDIN_MEMORY", "1000000", 1);
    assert_int_equal(recsys_env_device_count(w.env), 3);
    recsys_device_info info = RECSYS_DEVICE_INFO_INIT;
    assert_int_equal(recsys_env_device(w.env, 2, &info), RECSYS_OK);
    assert_string_equal(info.name, "cuda:1");
    assert_non_null(strstr(info.description, "host stand-in, capability 9.0"));
    assert_int_equal(info.memory_bytes, 1000000);
    assert_int_equal(recsys_env_device(w.env, 3, &info), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_env_device(w.env, -1, &info), RECSYS_ERR_OUT_OF_RANGE);
    refuse(&w, "cuda:2", RECSYS_ERR_DEVICE, "there are fewer; devices: cpu, cuda:0 to cuda:1");
    static const char *const names[] = { "cuda:", "cuda:-1", "cuda:1x", "cuda:99999", "cuda0", "gpu", "", "CUDA" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refuse(&w, names[i], RECSYS_ERR_DEVICE, "no device has such a name");
    recsys_exec *x = expect_exec(&w, "auto"), *y = expect_exec(&w, "cuda:1"), *z = expect_exec(&w, "cuda");
    assert_string_equal(x->backend->name, "cuda:0");
    assert_string_equal(y->backend->name, "cuda:1");
    assert_ptr_equal(x->backend, z->backend);
    assert_ptr_not_equal(x->queue, z->queue);
    expect_work(x), expect_work(y), expect_work(z);
    recsys_exec_release(x), recsys_exec_release(y), recsys_exec_release(z);
    close_world(&w);
}

/* ---- the caller's own CUDA ---- */

typedef int (*get_device_fn)(int *device);
typedef int (*set_device_fn)(int device);
typedef int (*stream_create_fn)(void **stream, unsigned flags);
typedef int (*stream_destroy_fn)(void *stream);

static void *standin_symbol(const char *name)
{
    char path[TEST_PATH_ROOM];
    void *handle = dlopen(in_folder(standin, "librecsys-cuda.so", path), RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    void *symbol = dlsym(handle, name);
    assert_non_null(symbol);
    return symbol;
}

static void test_current_device(void **state)
{
    (void)state;
    get_device_fn get_device;
    set_device_fn set_device;
    int device;
    world w;
    open_world(&w);
    use_standin(&w);
    setenv("STANDIN_DEVICES", "2", 1);
    *(void **)&get_device = standin_symbol("cudaGetDevice");
    *(void **)&set_device = standin_symbol("cudaSetDevice");
    for (int current = 0; current < 2; current++) {
        set_device(current);
        recsys_exec *x = expect_exec(&w, "cuda:0"), *y = expect_exec(&w, "cuda:1");
        expect_work(x), expect_work(y);
        recsys_exec_release(x), recsys_exec_release(y);
        get_device(&device);
        assert_int_equal(device, current);
    }
    set_device(0);
    close_world(&w);
}

static void test_stream_of_the_caller(void **state)
{
    (void)state;
    stream_create_fn create;
    stream_destroy_fn destroy;
    void *stream = NULL;
    recsys_exec *x = NULL;
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    world w;
    open_world(&w);
    use_standin(&w);
    *(void **)&create = standin_symbol("cudaStreamCreateWithFlags");
    *(void **)&destroy = standin_symbol("cudaStreamDestroy");
    assert_int_equal(create(&stream, 1), 0);
    assert_int_equal(recsys_exec_create_on_stream(w.env, &options, stream, &x, &info), RECSYS_ERR_DEVICE);
    assert_non_null(strstr(info.message, "has no streams"));
    options.device = "cuda";
    assert_int_equal(recsys_exec_create_on_stream(w.env, &options, stream, &x, &info), RECSYS_OK);
    expect_work(x);
    recsys_exec_release(x);
    assert_int_equal(destroy(stream), 0);
    close_world(&w);
}

/* ---- limits ---- */

static void test_memory(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    use_standin(&w);
    setenv("STANDIN_MEMORY", "100000", 1);
    recsys_exec *x = expect_exec(&w, "cuda");
    void *first, *second;
    int64_t before = recsys__memory_used(x->memory);
    expect_ok(x, recsys__device_alloc(x, 60000, 1, &first));
    assert_int_equal(recsys__memory_used(x->memory), before + 60000);
    expect_error(x, recsys__device_alloc(x, 60000, 1, &second), RECSYS_ERR_NO_MEMORY,
                 "60000 bytes in one piece|40000 of its 100000");
    assert_null(second);
    expect_work(x);
    recsys__device_free(x->backend, x->memory, first);
    assert_int_equal(recsys__memory_used(x->memory), before);
    expect_ok(x, recsys__device_alloc(x, 60000, 1, &second));
    recsys__device_free(x->backend, x->memory, second);
    recsys_exec_release(x);
    close_world(&w);
}

/* Copies pass through pinned memory piece by piece: sizes around one piece and of several, in and out, one after the other. */
static void test_copies(void **state)
{
    (void)state;
    enum { PIECE = 1 << 20, MOST = 5 * PIECE + 3 };
    static const int64_t sizes[] = { 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7, MOST };
    world w;
    open_world(&w);
    use_standin(&w);
    recsys_exec *x = expect_exec(&w, "cuda");
    unsigned char *in = malloc(MOST), *out = malloc(MOST), *device;
    uint64_t seed = 3;
    assert_true(in != NULL && out != NULL);
    for (int64_t i = 0; i < MOST; i++) in[i] = (unsigned char)test_random(&seed);
    expect_ok(x, recsys__device_alloc(x, MOST, 1, &device));
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s], left = MOST - n;
        expect_ok(x, recsys__device_fill(x, device, 0x5a, MOST));
        expect_ok(x, recsys__copy_in(x, device + left, in, n)); /* to the end, and out from there */
        expect_ok(x, recsys__download(x, out, device + left, n));
        assert_memory_equal(out, in, (size_t)n);
        expect_ok(x, recsys__download(x, out, device, MOST));
        for (int64_t i = 0; i < left; i++) assert_int_equal(out[i], 0x5a);
        assert_memory_equal(out + left, in, (size_t)n);
    }
    recsys__device_free(x->backend, x->memory, device);
    free(in), free(out);
    recsys_exec_release(x);
    close_world(&w);
}

/* A training that runs out of device memory, wherever that is, says so and leaves its inputs and the exec as they were. */
static void test_memory_in_a_training(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    use_standin(&w);
    recsys_exec *x = expect_exec(&w, "cuda");
    recsys_dataset *d = test_random_dataset(x, 40, 30, 6, 0, 3);
    recsys_params *p;
    recsys_model *m = NULL;
    recsys_training training = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    training.epochs = 1;
    training.batch_size = 32;
    options.training = &training;
    expect_ok(x, recsys_params_create(w.env, "gmf", &p, NULL));
    int refused = 0;
    for (int64_t bytes = 400; !m && bytes < 100000000; bytes += bytes / 4) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)bytes);
        setenv("STANDIN_MEMORY", text, 1);
        int64_t used = recsys__memory_used(x->memory);
        recsys_status s = recsys_model_fit(p, d, x, &options, &m);
        if (!s) break;
        expect_error(x, s, RECSYS_ERR_NO_MEMORY, "bytes are free");
        assert_null(m);
        recsys__drop_workspace(x); /* all that a failed call may keep */
        recsys__drop_device_scratch(x);
        assert_true(recsys__memory_used(x->memory) - used < 1 << 16);
        expect_work(x);
        refused++;
    }
    assert_non_null(m);
    assert_true(refused > 5);
    recsys_model_release(m);
    recsys_params_release(p);
    recsys_dataset_release(d);
    recsys_exec_release(x);
    close_world(&w);
}

typedef struct worker {
    world *w;
    const char *device;
    int good;
} worker;

static void *work_on(void *data)
{
    worker *k = data;
    char words[512];
    for (int round = 0; round < 20; round++) {
        recsys_exec *x;
        float found[3] = { 0 };
        if (make_exec(k->w, k->device, &x, words)) return NULL;
        recsys_status s = try_work(x, found);
        recsys_exec_release(x);
        if (s || found[1] != -3.0f) return NULL;
    }
    k->good = 1;
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[6];
    worker k[6];
    world w;
    open_world(&w);
    use_standin(&w);
    setenv("STANDIN_DEVICES", "2", 1);
    for (int t = 0; t < 6; t++) {
        k[t] = (worker){ &w, t % 2 ? "cuda:1" : "cuda:0", 0 };
        assert_int_equal(pthread_create(&thread[t], NULL, work_on, &k[t]), 0);
    }
    for (int t = 0; t < 6; t++) pthread_join(thread[t], NULL);
    for (int t = 0; t < 6; t++) assert_true(k[t].good);
    close_world(&w);
}

/* The last of all: a device that is lost stays so. */
static void test_lost(void **state)
{
    (void)state;
    float found[3];
    world w;
    open_world(&w);
    use_standin(&w);
    recsys_exec *x = expect_exec(&w, "cuda"), *cpu = expect_exec(&w, "cpu");
    void *held;
    expect_ok(x, recsys__device_alloc(x, 1000, 1, &held));
    setenv("STANDIN_LOST_AT", "2", 1);
    expect_work(x);
    for (int again = 0; again < 3; again++)
        expect_error(x, try_work(x, found), RECSYS_ERR_DEVICE, "launch failure|cudaErrorLaunchFailure");
    int64_t used = recsys__memory_used(x->memory);
    recsys__device_free(x->backend, x->memory, held);
    assert_int_equal(recsys__memory_used(x->memory), used - 1000);
    expect_work(cpu);
    recsys_exec_release(x);
    recsys_exec_release(cpu);
    close_world(&w);
}

int main(void)
{
    const char *folder = getenv("RECSYS_TEST_STANDIN");
    if (!folder) return 77; /* no C++ compiler, so no stand-in: skipped */
    snprintf(standin, sizeof standin, "%s", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_module), cmocka_unit_test(test_truncated), cmocka_unit_test(test_something_else),
        cmocka_unit_test(test_trust), cmocka_unit_test(test_drivers), cmocka_unit_test(test_listing),
        cmocka_unit_test(test_current_device), cmocka_unit_test(test_stream_of_the_caller), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_copies), cmocka_unit_test(test_memory_in_a_training),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
