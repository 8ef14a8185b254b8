/* progress.c - the progress bar on a terminal, a line for each phase elsewhere.
 *
 * The library calls now and then with phase, units done and units in all. A bar is drawn ten times a second at most.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define WORTH_A_LINE 0.1 /* seconds: what takes less needs no report */

double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_init(progress *p, int quiet)
{
    memset(p, 0, sizeof *p);
    p->quiet = quiet;
    p->terminal = isatty(STDERR_FILENO);
}

void progress_clear(progress *p)
{
    if (p->quiet || !p->terminal || p->phase[0] == '\0') return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

void progress_end(progress *p)
{
    double seconds = clock_seconds() - p->began;
    if (p->phase[0] != '\0' && !p->quiet && !p->terminal && seconds >= WORTH_A_LINE)
        fprintf(stderr, "%s%s%s: %.1f s\n", p->phase, p->subject != NULL ? " " : "",
                p->subject != NULL ? p->subject : "", seconds);
    progress_clear(p);
    p->phase[0] = '\0';
}

void progress_subject(progress *p, const char *subject)
{
    progress_end(p);
    p->subject = subject;
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
    return size.ws_col;
}

/* "phase subject  [#####-----]  50 %  0:12 left", as far as the line goes. */
static void draw(const progress *p, const recsys_progress *event)
{
    enum { BAR = 30 };
    char line[512], bar[BAR + 1];
    int length = snprintf(line, sizeof line, "%.24s%s%.60s", p->phase, p->subject != NULL ? " " : "",
                          p->subject != NULL ? p->subject : "");
    if (event->total > 0) {
        double share = (double)event->done / (double)event->total;
        if (share > 1.0) share = 1.0;
        int filled = (int)(share * BAR);
        memset(bar, '-', BAR);
        memset(bar, '#', (size_t)filled);
        bar[BAR] = '\0';
        length += snprintf(line + length, sizeof line - (size_t)length, "  [%s] %3.0f %%", bar, 100.0 * share);
        if (share > 0.0 && event->seconds > 0.5) { /* earlier the estimate jumps about */
            int64_t left = (int64_t)(event->seconds * (1.0 - share) / share + 0.5);
            length += snprintf(line + length, sizeof line - (size_t)length, "  %lld:%02d left", (long long)(left / 60),
                               (int)(left % 60));
        }
    } else if (event->done > 0) {
        length += snprintf(line + length, sizeof line - (size_t)length, "  %lld", (long long)event->done);
    }
    int room = terminal_width() - 1;
    fprintf(stderr, "\r%.*s\033[K", length < room ? length : room, line);
    fflush(stderr);
}

int32_t progress_update(void *user, const recsys_progress *event)
{
    progress *p = user;
    if (p->quiet) return 0;
    double now = clock_seconds();
    if (strncmp(p->phase, event->phase, sizeof p->phase - 1) != 0) {
        progress_end(p);
        snprintf(p->phase, sizeof p->phase, "%s", event->phase);
        p->began = now - event->seconds;
        p->drawn = 0.0;
    }
    if (p->terminal && (now - p->drawn >= 0.1 || event->done == event->total)) {
        draw(p, event);
        p->drawn = now;
    }
    return 0;
}
