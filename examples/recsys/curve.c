/* curve.c - the rows of a training's course, and their file.
 *
 * The file grows as the training goes, so that it can be looked at meanwhile and survives whatever ends the process.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "curve.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(field) offsetof(curve_row, field)

/* The columns behind step, epoch and kind. */
static const struct {
    const char *name;
    size_t offset;
    int is_count;
} COLUMNS[] = {
    { "loss", AT(loss), 0 },
    { "validation", AT(validation), 0 },
    { "learning_rate", AT(learning_rate), 0 },
    { "samples_per_second", AT(samples_per_second), 1 },
    { "kept", AT(kept), 1 },
    { "dropped", AT(dropped), 1 },
    { "dropped_clean", AT(dropped_clean), 1 },
    { "dropped_noisy", AT(dropped_noisy), 1 },
    { "clean_loss", AT(clean_loss), 0 },
    { "noisy_loss", AT(noisy_loss), 0 },
    { "clean", AT(clean), 1 },
    { "noisy", AT(noisy), 1 },
};

enum { N_COLUMNS = sizeof COLUMNS / sizeof COLUMNS[0], LINE_ROOM = 512 };

static const char *const KINDS[] = { "epoch", "validation" };

static double *field(curve_row *row, int column)
{
    return (double *)(void *)((char *)row + COLUMNS[column].offset);
}

/* ---- text ---- */

static void head_text(char *line, size_t size)
{
    int length = snprintf(line, size, "step,epoch,kind");
    for (int c = 0; c < N_COLUMNS; c++) length += snprintf(line + length, size - (size_t)length, ",%s", COLUMNS[c].name);
}

static void write_row(const curve_row *row, FILE *file)
{
    curve_row own = *row;
    fprintf(file, "%lld,%lld,%s", (long long)own.step, (long long)own.epoch, KINDS[own.kind]);
    for (int c = 0; c < N_COLUMNS; c++) {
        double value = *field(&own, c);
        if (!isfinite(value)) fputc(',', file);
        else if (COLUMNS[c].is_count) fprintf(file, ",%.0f", value);
        else fprintf(file, ",%.9g", value);
    }
    fputc('\n', file);
}

/* Without flags nobody knows what is clean. */
void curve_forget_flags(curve_row *row)
{
    if (row->clean + row->noisy > 0.0) return;
    row->clean = row->noisy = row->dropped_clean = row->dropped_noisy = (double)NAN;
}

/* 1 if the line is a row that write_row() could have written. */
static int read_row(const char *line, curve_row *row)
{
    char *end;
    row->step = strtoll(line, &end, 10);
    if (end == line || *end != ',') return 0;
    line = end + 1;
    row->epoch = strtoll(line, &end, 10);
    if (end == line || *end != ',') return 0;
    line = end + 1;
    for (row->kind = 0; row->kind < 2; row->kind++)
        if (strncmp(line, KINDS[row->kind], strlen(KINDS[row->kind])) == 0) break;
    if (row->kind == 2) return 0;
    line += strlen(KINDS[row->kind]);
    for (int c = 0; c < N_COLUMNS; c++) {
        if (*line++ != ',') return 0;
        *field(row, c) = (double)NAN;
        if (*line == ',' || *line == '\n') continue;
        *field(row, c) = strtod(line, &end);
        if (end == line) return 0;
        line = end;
    }
    row->seconds = (double)NAN;
    return *line == '\n';
}

/* ---- rows ---- */

static recsys_status keep(program *p, curve *c, const curve_row *row)
{
    if (c->count == c->room) {
        int64_t room = c->room > 0 ? 2 * c->room : 64;
        curve_row *grown = realloc(c->row, (size_t)room * sizeof *grown);
        if (grown == NULL) return program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
        c->row = grown;
        c->room = room;
    }
    c->row[c->count++] = *row;
    return RECSYS_OK;
}

static recsys_status failed(program *p, const char *what)
{
    return program_fail(p, RECSYS_ERR_IO, "%s: cannot %s: %s", p->settings.log, what, strerror(errno));
}

/* Reads the rows up to `step`, and sets `end` behind the last of them; 0 if there is nothing of use in the file. A last line
 * that a crash left incomplete is cut off with what lies beyond. */
static recsys_status read_rows(program *p, curve *c, FILE *file, int64_t step, long *end)
{
    char line[LINE_ROOM], head[LINE_ROOM];
    recsys_status status = RECSYS_OK;
    curve_row row;
    *end = 0;
    if (fgets(line, sizeof line, file) == NULL) return RECSYS_OK;
    head_text(head, sizeof head);
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, head) != 0)
        return program_fail(p, RECSYS_ERR_PARSE, "%s is not the log of a training: it cannot be continued", p->settings.log);
    *end = ftell(file);
    while (status == RECSYS_OK && fgets(line, sizeof line, file) != NULL && read_row(line, &row) && row.step <= step) {
        status = keep(p, c, &row);
        *end = ftell(file);
    }
    return status;
}

static recsys_status continue_log(program *p, curve *c, FILE *file, int64_t step)
{
    long end;
    recsys_status status = read_rows(p, c, file, step, &end);
    if (status != RECSYS_OK) return status;
    if (end < 0 || fseek(file, 0, SEEK_SET) != 0 || ftruncate(fileno(file), (off_t)end) != 0 || fseek(file, end, SEEK_SET) != 0)
        return failed(p, "continue");
    return RECSYS_OK;
}

recsys_status curve_open(program *p, curve *c, const char *path, int64_t step)
{
    char head[LINE_ROOM];
    recsys_status status = RECSYS_OK;
    *c = (curve){ NULL, 0, 0, NULL };
    if (path == NULL) return RECSYS_OK;
    if (step > 0) c->log = fopen(path, "r+");
    if (c->log != NULL) status = continue_log(p, c, c->log, step);
    else c->log = fopen(path, "w");
    if (c->log == NULL) return failed(p, "write");
    if (status == RECSYS_OK && ftell(c->log) <= 0) {
        head_text(head, sizeof head);
        fprintf(c->log, "%s\n", head);
    }
    return status;
}

recsys_status curve_add(program *p, curve *c, const curve_row *row)
{
    recsys_status status = keep(p, c, row);
    if (status != RECSYS_OK || c->log == NULL) return status;
    write_row(row, c->log);
    return fflush(c->log) == 0 ? RECSYS_OK : failed(p, "write");
}

recsys_status curve_close(program *p, curve *c, recsys_status status)
{
    if (c->log == NULL) return status;
    int bad = ferror(c->log) != 0;
    bad |= fclose(c->log) != 0;
    c->log = NULL;
    return bad && status == RECSYS_OK ? failed(p, "write") : status;
}

void curve_free(curve *c)
{
    free(c->row);
    *c = (curve){ NULL, 0, 0, NULL };
}
