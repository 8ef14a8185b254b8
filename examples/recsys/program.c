/* program.c - environment, exec, log, Ctrl-C and failures: what all commands share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* The exec that Ctrl-C cancels, the only global of the program: a signal handler gets no argument. It becomes NULL when
 * the signal comes. Atomic pointers are lock-free on every machine that the library runs on, so a handler may use one. */
static _Atomic(recsys_exec *) running;

/* The first signal asks the library to stop; the handler is then gone, so that a second one ends the process at once. */
static void on_signal(int number)
{
    (void)number;
    recsys_exec *exec = atomic_exchange(&running, NULL);
    if (exec != NULL) recsys_exec_cancel(exec);
}

int program_interrupted(void)
{
    return atomic_load(&running) == NULL;
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void print_log(void *user, int32_t level, const char *component, const char *message)
{
    static const char *const names[] = { "", "error", "warning", "info", "trace" };
    progress_clear(user);
    fprintf(stderr, "recsys: %s: %s: %s\n", level >= 1 && level <= 4 ? names[level] : "log", component, message);
}

static recsys_status failed_without_exec(program *p, recsys_status status, const recsys_error_info *error)
{
    return program_fail(p, status, "%s", error->message);
}

recsys_status program_open(program *p)
{
    const settings *s = &p->settings;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    progress_init(&p->progress, s->quiet);
    if (s->threads > INT32_MAX) return program_usage(p, "--threads %lld is too many", (long long)s->threads);

    recsys_env_options env_options = RECSYS_ENV_OPTIONS_INIT;
    env_options.log = print_log;
    env_options.log_user = &p->progress;
    env_options.log_level = s->trace ? RECSYS_LOG_TRACE : s->log_level;
    recsys_status status = recsys_env_create(&env_options, &p->env, &error);
    if (status != RECSYS_OK) return failed_without_exec(p, status, &error);

    recsys_exec_options exec_options = RECSYS_EXEC_OPTIONS_INIT;
    exec_options.device = s->device;
    exec_options.threads = (int32_t)s->threads;
    exec_options.seed = s->seed;
    exec_options.memory_limit = s->memory;
    exec_options.progress = progress_update;
    exec_options.progress_user = &p->progress;
    status = recsys_exec_create(p->env, &exec_options, &p->exec, &error);
    if (status == RECSYS_ERR_DEVICE && s->device != NULL) return program_usage(p, "%s", error.message);
    if (status != RECSYS_OK) return failed_without_exec(p, status, &error);
    atomic_store(&running, p->exec);
    catch_signals();
    return RECSYS_OK;
}

void program_close(program *p)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    recsys_exec_release(p->exec);
    recsys_env_release(p->env);
    settings_free(&p->settings);
}

recsys_status program_fail(program *p, recsys_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->message, sizeof p->message, format, arguments);
    va_end(arguments);
    return status;
}

recsys_status program_usage(program *p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->message, sizeof p->message, format, arguments);
    va_end(arguments);
    p->usage = 1;
    return RECSYS_ERR_INVALID_ARGUMENT;
}

void program_say(program *p, const char *format, ...)
{
    const settings *s = &p->settings;
    va_list arguments;
    if ((s->json != NULL && strcmp(s->json, "-") == 0) || (s->out != NULL && strcmp(s->out, "-") == 0)) return;
    progress_end(&p->progress);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

void program_say_text(program *p, const char *text)
{
    size_t length = strlen(text);
    program_say(p, "%s%s", text, length > 0 && text[length - 1] == '\n' ? "" : "\n");
}

void *program_alloc(program *p, int64_t count, size_t size)
{
    void *memory = (uint64_t)count < SIZE_MAX / size ? malloc((size_t)count * size + 1) : NULL;
    if (memory == NULL) program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
    return memory;
}

recsys_status program_load(program *p, int64_t index, recsys_model **model)
{
    return program_load_path(p, p->settings.operands.word[index], model);
}

recsys_status program_load_path(program *p, const char *path, recsys_model **model)
{
    recsys_load_options options = RECSYS_LOAD_OPTIONS_INIT;
    options.verify = p->settings.verify;
    progress_subject(&p->progress, path);
    recsys_status status = recsys_model_load(p->exec, path, &options, model);
    progress_subject(&p->progress, NULL);
    return status;
}

int32_t program_query_parts(const recsys_model *model)
{
    recsys_model_class_info info = RECSYS_MODEL_CLASS_INFO_INIT;
    for (int64_t i = 0; i < recsys_model_class_count(); i++)
        if (recsys_model_class_at(i, &info) == RECSYS_OK && strcmp(info.name, recsys_model_name(model)) == 0)
            return info.query_parts;
    return 0;
}
