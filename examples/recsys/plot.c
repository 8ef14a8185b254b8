/* plot.c - writes a script and lets gnuplot run it.
 *
 * The script comes to gnuplot as its standard input and holds the data; the picture leaves through its standard output. No shell
 * runs, and no name of a file is part of the script.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "plot.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outfile.h"

extern char **environ;

static const struct {
    const char *ending, *terminal;
} PICTURES[] = {
    { ".svg", "svg noenhanced background '#ffffff' font 'Helvetica,13' dynamic" },
    { ".png", "pngcairo noenhanced font 'sans,10'" },
    { ".pdf", "pdfcairo noenhanced font 'sans,10'" },
};

enum { N_PICTURES = sizeof PICTURES / sizeof PICTURES[0] };

static int picture_of(const char *path)
{
    size_t length = strlen(path);
    for (int i = 0; i < N_PICTURES; i++) {
        size_t n = strlen(PICTURES[i].ending);
        if (length > n && strcmp(path + length - n, PICTURES[i].ending) == 0) return i;
    }
    return -1;
}

int plot_knows(const char *path)
{
    return picture_of(path) >= 0;
}

/* ---- the script ---- */

/* What the rows have to show. */
typedef struct content {
    int kind;       /* of the rows that the training loss is taken from: the more numerous */
    int validation; /* 1: there are validation rows */
    int flags;      /* 1: losses of clean and noisy positives */
    int dropped;    /* 1: noise among what was dropped */
} content;

static content look(const curve *c)
{
    int64_t n[2] = { 0, 0 };
    content has = { CURVE_EPOCH, 0, 0, 0 };
    for (int64_t i = 0; i < c->count; i++) n[c->row[i].kind]++;
    has.validation = n[CURVE_VALIDATION] > 0;
    if (n[CURVE_VALIDATION] > n[CURVE_EPOCH]) has.kind = CURVE_VALIDATION;
    for (int64_t i = 0; i < c->count; i++) {
        const curve_row *r = &c->row[i];
        if (r->kind != has.kind) continue;
        has.flags |= isfinite(r->clean_loss) || isfinite(r->noisy_loss);
        has.dropped |= r->dropped_clean + r->dropped_noisy > 0.0;
    }
    return has;
}

static void write_number(FILE *f, double value)
{
    if (isfinite(value)) fprintf(f, " %.9g", value);
    else fputs(" NaN", f);
}

static double percent(double part, double rest)
{
    return part + rest > 0.0 ? 100.0 * part / (part + rest) : (double)NAN;
}

/* Columns: step, loss, clean loss, noisy loss, per cent of noise among the dropped, among all positives. */
static void write_data(FILE *f, const curve *c, const content *has)
{
    fputs("$course << EOD\n", f);
    for (int64_t i = 0; i < c->count; i++) {
        const curve_row *r = &c->row[i];
        if (r->kind != has->kind) continue;
        fprintf(f, "%lld", (long long)r->step);
        write_number(f, r->loss);
        write_number(f, r->clean_loss);
        write_number(f, r->noisy_loss);
        write_number(f, percent(r->dropped_noisy, r->dropped_clean));
        write_number(f, percent(r->noisy, r->clean));
        fputc('\n', f);
    }
    fputs("EOD\n", f);
    if (!has->validation) return;
    fputs("$looks << EOD\n", f);
    for (int64_t i = 0; i < c->count; i++) {
        if (c->row[i].kind != CURVE_VALIDATION) continue;
        fprintf(f, "%lld", (long long)c->row[i].step);
        write_number(f, c->row[i].validation);
        fputc('\n', f);
    }
    fputs("EOD\n", f);
}

static void write_style(FILE *f, const content *has, const char *terminal)
{
    int panels = 1 + has->flags;
    int is_pdf = strncmp(terminal, "pdf", 3) == 0;
    if (is_pdf) fprintf(f, "set terminal %s size 20cm,%dcm\n", terminal, panels == 1 ? 11 : 19);
    else fprintf(f, "set terminal %s size 860,%d\n", terminal, panels == 1 ? 460 : 800);
    fputs("set datafile missing 'NaN'\n"
          "set border 3 lc rgb '#666666'\nset tics nomirror out\nset grid y lc rgb '#dddddd' lt 1\n"
          "set key outside top center horizontal samplen 2\n"
          "set lmargin 11\nset rmargin 11\nset xrange [0:*]\nset format y '%.3g'\n"
          "set style line 1 lc rgb '#1f5fa8' lw 2 pt 7 ps 0.4\nset style line 2 lc rgb '#d9730d' lw 2 pt 7 ps 0.4\n"
          "set style line 3 lc rgb '#2a8c4a' lw 2 pt 7 ps 0.4\nset style line 4 lc rgb '#b3261e' lw 2 pt 7 ps 0.4\n"
          "set style line 5 lc rgb '#777777' lw 2 pt 7 ps 0.4\nset style line 6 lc rgb '#c4c4c4' lw 2\n", f);
    if (panels == 2) fputs("set multiplot layout 2,1\n", f);
}

/* Training loss, and what is validated: on the same axis if it is a loss too. */
static void write_first_panel(FILE *f, const content *has, const char *what, int64_t best_step, int64_t last_step)
{
    int is_loss = strcmp(what, "loss") == 0, in_right_half = best_step > last_step / 2;
    fprintf(f, "set title 'Training and validation'\nset ylabel 'loss'\n%s", has->flags ? "" : "set xlabel 'step'\n");
    if (!has->validation) fputs("set title 'Training'\n", f);
    if (has->validation && best_step >= 0)
        fprintf(f, "set arrow 1 from %lld, graph 0 to %lld, graph 1 nohead lc rgb '#999999' dt 3\n"
                   "set label 1 'best' at %lld, graph 0.96 %s,0 tc rgb '#666666'\n",
                (long long)best_step, (long long)best_step, (long long)best_step, in_right_half ? "right offset -0.6" : "left offset 0.6");
    if (has->validation && !is_loss) fprintf(f, "set y2label '%s'\nset y2tics\nset format y2 '%%.3g'\nset border 11\n", what);
    fputs("plot $course using 1:2 with linespoints ls 1 title 'training loss'", f);
    if (has->validation)
        fprintf(f, ", $looks using 1:2 %swith linespoints ls 2 title 'validation %s%s'", is_loss ? "" : "axes x1y2 ", what,
                is_loss ? "" : " (right)");
    fputs("\nunset arrow 1\nunset label 1\n", f);
}

/* Do the noisy positives keep a larger loss, and are they what is dropped? */
static void write_second_panel(FILE *f, const content *has)
{
    fprintf(f, "set title 'Clean and noisy positives%s'\nset xlabel 'step'\nset ylabel 'cross-entropy'\n",
            has->dropped ? ", and noise among the dropped" : "");
    if (has->dropped)
        fputs("set y2label 'share of noise'\nset y2range [0:100]\nset y2tics 0,20,100\nset format y2 '%.0f %%'\nset border 11\n", f);
    else
        fputs("unset y2label\nunset y2tics\nset border 3\n", f);
    fputs("plot $course using 1:3 with linespoints ls 3 title 'clean'"
          ", $course using 1:4 with linespoints ls 4 title 'noisy'", f);
    if (has->dropped)
        fputs(", $course using 1:6 axes x1y2 with lines ls 6 title 'noise among all (right)'"
              ", $course using 1:5 axes x1y2 with linespoints ls 5 title 'noise among the dropped (right)'", f);
    fputs("\nunset multiplot\n", f);
}

static void write_script(FILE *f, const curve *c, const char *what, int64_t best_step, const char *terminal)
{
    content has = look(c);
    write_data(f, c, &has);
    write_style(f, &has, terminal);
    write_first_panel(f, &has, what, best_step, c->row[c->count - 1].step);
    if (has.flags) write_second_panel(f, &has);
}

/* ---- gnuplot ---- */

/* Starts gnuplot with its standard streams bound to the files; 0, or an error number. */
static int start(FILE *script, FILE *picture, FILE *complaints, pid_t *child)
{
    char name[] = "gnuplot", plain[] = "-d"; /* -d: no settings of the user's */
    char *arguments[] = { name, plain, NULL };
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, fileno(picture), STDOUT_FILENO);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, fileno(complaints), STDERR_FILENO);
    if (error == 0) error = posix_spawnp(child, name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void warn(program *p, const char *path, const char *reason)
{
    progress_clear(&p->progress);
    fprintf(stderr, "recsys: warning: %s is not drawn: %s\n", path, reason);
}

/* 1 if the child ended well. Otherwise the first line of what it complained of is left in `reason`. */
static int ended_well(pid_t child, FILE *complaints, char *reason, size_t size)
{
    int outcome = 0;
    while (waitpid(child, &outcome, 0) < 0)
        if (errno != EINTR) break;
    if (WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0) return 1;
    if (WIFEXITED(outcome) && WEXITSTATUS(outcome) == 127) { /* how some systems tell of a program that there is not */
        snprintf(reason, size, "gnuplot cannot be started");
        return 0;
    }
    char line[200] = "";
    rewind(complaints);
    while (fgets(line, sizeof line, complaints) != NULL && line[strspn(line, " \t\r\n^")] == '\0') continue;
    line[strcspn(line, "\n")] = '\0';
    snprintf(reason, size, "gnuplot failed: %s", line + strspn(line, " \t"));
    return 0;
}

static recsys_status run(program *p, const char *path, FILE *script, FILE *complaints)
{
    outfile picture = OUTFILE_INIT;
    char reason[256];
    pid_t child;
    recsys_status status = outfile_open(p, &picture, path);
    if (status != RECSYS_OK) return status;
    int error = start(script, picture.file, complaints, &child);
    int good = error == 0 && ended_well(child, complaints, reason, sizeof reason);
    if (good) return outfile_close(p, &picture, RECSYS_OK);
    if (error == ENOENT) snprintf(reason, sizeof reason, "gnuplot is not installed");
    else if (error != 0) snprintf(reason, sizeof reason, "gnuplot cannot be started: %s", strerror(error));
    outfile_close(p, &picture, RECSYS_ERR_IO); /* takes away what there is of the picture */
    warn(p, path, reason);
    return RECSYS_OK;
}

recsys_status plot_draw(program *p, const curve *c, const char *what, int64_t best_step, const char *path)
{
    recsys_status status = RECSYS_OK;
    if (c->count == 0) {
        warn(p, path, "no epoch and no validation has been finished");
        return RECSYS_OK;
    }
    FILE *script = tmpfile(), *complaints = tmpfile();
    if (script == NULL || complaints == NULL) {
        warn(p, path, "no temporary file can be made");
    } else {
        write_script(script, c, what, best_step, PICTURES[picture_of(path)].terminal);
        if (fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0) warn(p, path, "no temporary file can be written");
        else status = run(p, path, script, complaints);
    }
    if (script != NULL) fclose(script);
    if (complaints != NULL) fclose(complaints);
    return status;
}
