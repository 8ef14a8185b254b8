/* progress.c - the progress bar on a terminal, a line for each phase elsewhere.
 *
 * The library calls now and then with phase, units done and units in all. A bar is drawn ten times a second at most.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <math.h>
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
    if (p->phase[0] != '\0' && !p->quiet && !p->terminal && !p->training && seconds >= WORTH_A_LINE)
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

/* " 0:12 left", or nothing where it is not known. */
static int write_left(char *to, size_t size, double seconds)
{
    if (!(seconds >= 0.0 && seconds < 1e9)) return 0; /* not if NaN */
    int64_t left = (int64_t)(seconds + 0.5);
    return snprintf(to, size, "  %lld:%02d left", (long long)(left / 60), (int)(left % 60));
}

static int write_bar(char *to, size_t size, int width, double share)
{
    enum { MOST = 30 };
    char bar[MOST + 1];
    if (width > MOST) width = MOST;
    memset(bar, '-', sizeof bar);
    memset(bar, '#', (size_t)((share < 1.0 ? share : 1.0) * width));
    return snprintf(to, size, "  [%.*s]", width, bar);
}

static void show(const char *line, int length)
{
    int room = terminal_width() - 1;
    fprintf(stderr, "\r%.*s\033[K", length < room ? length : room, line);
    fflush(stderr);
}

/* "phase subject  [#####-----]  50 %  0:12 left", as far as the line goes. */
static void draw(const progress *p, const recsys_progress *event)
{
    char line[512];
    int length = snprintf(line, sizeof line, "%.24s%s%.60s", p->phase, p->subject != NULL ? " " : "",
                          p->subject != NULL ? p->subject : "");
    if (event->total > 0) {
        double share = (double)event->done / (double)event->total;
        if (share > 1.0) share = 1.0;
        length += write_bar(line + length, sizeof line - (size_t)length, 30, share);
        length += snprintf(line + length, sizeof line - (size_t)length, " %3.0f %%", 100.0 * share);
        if (share > 0.0 && event->seconds > 0.5) /* earlier the estimate jumps about */
            length += write_left(line + length, sizeof line - (size_t)length, event->seconds * (1.0 - share) / share);
    } else if (event->done > 0) {
        length += snprintf(line + length, sizeof line - (size_t)length, "  %lld", (long long)event->done);
    }
    show(line, length);
}

/* "4.2 M", "870" */
static void rate_text(char buffer[24], double rate)
{
    if (rate >= 1e6) snprintf(buffer, 24, "%.1f M", rate / 1e6);
    else if (rate >= 1e3) snprintf(buffer, 24, "%.0f k", rate / 1e3);
    else snprintf(buffer, 24, "%.0f", rate > 0.0 ? rate : 0.0);
}

/* "epoch 3/10  step 412/1140  loss 0.4321  1.2 M samples/s  [###-------]  36 %  0:12 left"; the bar only where it fits. */
static void draw_training(const progress *p)
{
    char line[512], rate[24], end[64];
    double share = p->at.n_steps > 0 ? (double)p->at.step / (double)p->at.n_steps : 0.0;
    rate_text(rate, p->at.samples_per_second);
    int length = p->subject != NULL ? snprintf(line, sizeof line, "%.60s  ", p->subject) : 0;
    length += snprintf(line + length, sizeof line - (size_t)length, "epoch %lld/%lld  step %lld/%lld  loss %.4f  %s samples/s",
                       (long long)p->at.epoch, (long long)p->at.n_epochs, (long long)p->at.step, (long long)p->at.n_steps,
                       p->at.loss, rate);
    int tail = snprintf(end, sizeof end, " %3.0f %%", 100.0 * share);
    tail += write_left(end + tail, sizeof end - (size_t)tail, p->at.left);
    int room = terminal_width() - 1 - length - tail - 4;
    if (room >= 10) length += write_bar(line + length, sizeof line - (size_t)length, room, share);
    length += snprintf(line + length, sizeof line - (size_t)length, "%s", end);
    show(line, length);
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
        if (p->training && strcmp(p->phase, "train") == 0) {
            if (p->at.step > 0) draw_training(p);
        } else {
            draw(p, event);
        }
        p->drawn = now;
    }
    return 0;
}

void progress_epoch(progress *p, double seconds)
{
    char rate[24];
    double now = clock_seconds();
    if (p->quiet || p->terminal || now - p->drawn < WORTH_A_LINE) return;
    p->drawn = now;
    rate_text(rate, p->at.samples_per_second);
    fprintf(stderr, "epoch %lld/%lld: step %lld, loss %.4f, %s samples/s, %.1f s\n", (long long)p->at.epoch,
            (long long)p->at.n_epochs, (long long)p->at.step, p->at.loss, rate, seconds);
}
