/* exec.c - what running code asks of an exec: phases, progress, cancelling, log, clock.
 *
 * How execs are made is in backend/exec.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/exec.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* Seconds between two reports of the same phase. */
static const double report_interval = 0.1;

double recsys__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int recsys__cancelled(const recsys_exec *x)
{
    return atomic_load_explicit(&x->cancelled, memory_order_relaxed) != 0;
}

recsys_status recsys__fail_cancelled(recsys_exec *x)
{
    return x->phase ? recsys__fail(&x->error, RECSYS_ERR_CANCELLED, "cancelled during %s", x->phase)
                    : recsys__fail(&x->error, RECSYS_ERR_CANCELLED, "cancelled");
}

/* Tells the program. Its wish to stop is kept like recsys_exec_cancel(), so that working threads see it too. */
static void report(recsys_exec *x, int64_t done, int64_t total, double now)
{
    x->last_report = now;
    if (!x->progress) return;
    recsys_progress p = {.struct_size = sizeof p, .phase = x->phase ? x->phase : "", .done = done, .total = total};
    p.seconds = now - x->phase_start;
    if (x->progress(x->progress_user, &p) != 0) atomic_store_explicit(&x->cancelled, 1, memory_order_relaxed);
}

recsys_status recsys__phase(recsys_exec *x, const char *phase)
{
    x->phase = phase;
    x->phase_start = recsys__seconds();
    report(x, 0, 0, x->phase_start);
    return recsys__cancelled(x) ? recsys__fail_cancelled(x) : RECSYS_OK;
}

recsys_status recsys__progress(recsys_exec *x, int64_t done, int64_t total)
{
    if (x->progress) {
        double now = recsys__seconds();
        int is_last = total > 0 && done >= total;
        if (is_last || now - x->last_report >= report_interval) report(x, done, total, now);
    }
    return recsys__cancelled(x) ? recsys__fail_cancelled(x) : RECSYS_OK;
}

void recsys__log(recsys_exec *x, int32_t level, const char *component, const char *format, ...)
{
    const recsys_env *env = x->env;
    if (!env->log || level > env->log_level) return;
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length >= 0) env->log(env->log_user, level, component, message);
}
