/* kill.c - a training that is killed twenty times at random moments, and goes on from its checkpoint each time, ends in the
 * same bytes as one that nobody disturbed.
 *
 * The program runs itself: `kill child FOLDER THREADS` trains with a checkpoint every few steps, goes on from the checkpoint
 * in the folder if there is one, and saves the model there in the end. The parent kills it with SIGKILL after a random time,
 * most often while a checkpoint is written, as they are what takes the time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/support.h"

enum { KILLS = 20, MOST_STARTS = 400 };

/* ---- the child ---- */

static recsys_status train(recsys_env *env, recsys_exec *x, const char *folder)
{
    char checkpoint[TEST_PATH_ROOM], path[TEST_PATH_ROOM];
    recsys_dataset *data = NULL, *validation = NULL;
    recsys_params *p = NULL;
    recsys_model *m = NULL;
    recsys_training o = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    snprintf(checkpoint, sizeof checkpoint, "%s/ckpt", folder);
    snprintf(path, sizeof path, "%s/model", folder);
    recsys_status status = test_make_dataset(x, 300, 200, 12, 0, 1, &data);
    if (status >= 0)
        status = test_make_dataset(x, 300, 200, 2, 0, 2, &validation);
    if (status >= 0)
        status = recsys_params_create(env, "gmf", &p, NULL);
    if (status >= 0)
        status = recsys_params_set_text(p, "dim=16,loss=t-ce,num_gradual=50");
    o.epochs = 2;
    o.batch_size = 128;
    o.validation = validation;
    o.validate_every_steps = 11;
    o.checkpoint = checkpoint;
    o.checkpoint_every = 12;
    o.resume = access(checkpoint, R_OK) == 0 ? checkpoint : NULL;
    fit.training = &o;
    if (status >= 0)
        status = recsys_model_fit(p, data, x, &fit, &m);
    if (status >= 0)
        status = recsys_model_save(m, x, path, NULL);
    recsys_model_release(m);
    recsys_params_release(p);
    recsys_dataset_release(validation);
    recsys_dataset_release(data);
    return status;
}

static int child(const char *folder, int threads)
{
    recsys_env *env;
    recsys_exec *x;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.threads = threads;
    if (recsys_env_create(NULL, &env, NULL) < 0 || recsys_exec_create(env, &options, &x, NULL) < 0)
        return 2;
    recsys_status status = train(env, x, folder);
    recsys_error_info said = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(x, &said);
    if (status < 0)
        fprintf(stderr, "child: %s %s\n", recsys_status_name(status), said.message);
    recsys_exec_release(x);
    recsys_env_release(env);
    return status < 0;
}

/* ---- the parent ---- */

static const char *own_path;

static pid_t start(const char *folder, int threads)
{
    char count[16];
    snprintf(count, sizeof count, "%d", threads);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl(own_path, own_path, "child", folder, count, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* 1 if the child was killed; else it must have ended well. */
static int was_killed(pid_t pid)
{
    int result;
    while (waitpid(pid, &result, 0) < 0)
        assert_int_equal(errno, EINTR);
    if (WIFSIGNALED(result)) {
        assert_int_equal(WTERMSIG(result), SIGKILL);
        return 1;
    }
    assert_int_equal(WEXITSTATUS(result), 0);
    return 0;
}

static void sleep_for(double seconds)
{
    struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    while (nanosleep(&t, &t) != 0)
        assert_int_equal(errno, EINTR);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void expect_same_file(const char *folder, const char *other, const char *name)
{
    char a[TEST_PATH_ROOM], b[TEST_PATH_ROOM];
    size_t n_a, n_b;
    snprintf(a, sizeof a, "%s/%s", folder, name);
    snprintf(b, sizeof b, "%s/%s", other, name);
    unsigned char *bytes = test_read_file(a, &n_a), *others = test_read_file(b, &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(bytes, others, n_a);
    free(bytes);
    free(others);
}

/* The end of an interrupted training, compared with that of the other, and its files taken away. */
static void check_end(const char *folder, const char *whole)
{
    expect_same_file(folder, whole, "model");
    expect_same_file(folder, whole, "ckpt");
    test_remove_folder(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void test_killed(void **state)
{
    (void)state;
    fixture f;
    char whole[TEST_PATH_ROOM], folder[TEST_PATH_ROOM], checkpoint[TEST_PATH_ROOM];
    uint64_t random = 7;
    int kills = 0, starts = 0, resumed = 0;
    fixture_open(&f, 1);
    assert_int_equal(mkdir(fixture_path(&f, "whole", whole), 0700), 0);
    assert_int_equal(mkdir(fixture_path(&f, "killed", folder), 0700), 0);
    fixture_path(&f, "killed/ckpt", checkpoint);
    double began = now();
    assert_int_equal(was_killed(start(whole, 1)), 0);
    double seconds = now() - began;
    for (; kills < KILLS; starts++) {
        assert_true(starts < MOST_STARTS);
        resumed += access(checkpoint, R_OK) == 0;
        pid_t pid = start(folder, 1 + starts % 3);
        sleep_for(test_random_unit(&random) * seconds);
        kill(pid, SIGKILL); /* not yet waited for, so the number is the child's even if it has ended */
        if (was_killed(pid))
            kills++;
        else
            check_end(folder, whole);
    }
    assert_int_equal(was_killed(start(folder, 2)), 0);
    check_end(folder, whole);
    print_message("%d kills in %d starts, %d of which went on from a checkpoint\n", kills, starts, resumed);
    assert_true(resumed > 0);
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_killed) };
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return child(argv[2], atoi(argv[3]));
    own_path = argv[0];
    return cmocka_run_group_tests_name("train/kill", tests, NULL, NULL);
}
