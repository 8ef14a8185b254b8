/* tune_trials.c - the trials' file: a row for each trial, written when the trial ends.
 *
 *     trial,dim,lr,NDCG@20,epoch,step,seconds,status,note,settings
 *     1,16,0.00123,0.2345,4,1234,1.52,ok,,model=gmf; params=...
 *
 * `settings` is the same in all rows: what the outcome of a trial depends on besides its values. It is how a later run knows
 * its own file. A row ends in a line break and holds none, so a last line without one is what a crash left.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tune_trials.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const OUTCOMES[] = { "ok", "failed", "repeat" };
/* The columns behind the values and the metric. */
static const char *const BEHIND[] = { "epoch", "step", "seconds", "status", "note", "settings" };

enum { N_OUTCOMES = 3, N_BEHIND = 6, MOST_FIELDS = TUNE_MOST_KEYS + 2 + N_BEHIND };

const char *trial_outcome(const trial *row)
{
    return OUTCOMES[row->outcome];
}

/* ---- text ---- */

/* Text that grows; `failed` once memory ran out. */
typedef struct line {
    char *text;
    size_t length, room;
    int failed;
} line;

static void add_bytes(line *l, const char *bytes, size_t count)
{
    if (l->length + count + 1 > l->room) {
        size_t room = 2 * (l->length + count) + 256;
        char *grown = realloc(l->text, room);
        if (grown == NULL) {
            l->failed = 1;
            return;
        }
        l->text = grown;
        l->room = room;
    }
    memcpy(l->text + l->length, bytes, count);
    l->length += count;
    l->text[l->length] = '\0';
}

/* A field, in quotes where it needs them. Line breaks become blanks: a row is one line. */
static void add_field(line *l, const char *text)
{
    int quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (l->length > 0) add_bytes(l, ",", 1);
    if (quoted) add_bytes(l, "\"", 1);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') add_bytes(l, "\"\"", 2);
        else add_bytes(l, *c == '\n' || *c == '\r' ? " " : c, 1);
    }
    if (quoted) add_bytes(l, "\"", 1);
}

static void add_integer(line *l, int64_t value)
{
    char text[24] = "";
    if (value >= 0) snprintf(text, sizeof text, "%lld", (long long)value);
    add_field(l, text);
}

static void add_number(line *l, double value, int digits)
{
    char text[32] = "";
    if (isfinite(value)) snprintf(text, sizeof text, "%.*g", digits, value);
    add_field(l, text);
}

static void head_line(const trials *t, line *l)
{
    add_field(l, "trial");
    for (int64_t k = 0; k < t->space->count; k++) add_field(l, t->space->key[k].name);
    add_field(l, t->select);
    for (int i = 0; i < N_BEHIND; i++) add_field(l, BEHIND[i]);
    add_bytes(l, "\n", 1);
}

/* The metric has all its digits, so that a resumed search finds the same best trial. */
static void row_line(const trials *t, const trial *row, line *l)
{
    add_integer(l, row->number);
    for (int64_t k = 0; k < t->space->count; k++) add_field(l, row->values.text[k]);
    add_number(l, row->metric, 17);
    add_integer(l, row->epoch);
    add_integer(l, row->step);
    add_number(l, row->seconds, 6);
    add_field(l, OUTCOMES[row->outcome]);
    add_field(l, row->note);
    add_field(l, t->settings);
    add_bytes(l, "\n", 1);
}

/* Cuts a line into its fields, in place; their number, or -1 if the line is no CSV or has too many. */
static int cut(char *text, char **field)
{
    int count = 0;
    for (char *s = text;; s++) {
        if (count == MOST_FIELDS) return -1;
        char *to = s;
        field[count++] = to;
        if (*s == '"') {
            for (s++; *s != '\0' && !(s[0] == '"' && s[1] != '"'); s++) {
                s += *s == '"'; /* of two quotes one */
                *to++ = *s;
            }
            if (*s++ == '\0') return -1;
        } else {
            while (*s != '\0' && *s != ',') *to++ = *s++;
        }
        char end = *s;
        *to = '\0';
        if (end == '\0') return count;
        if (end != ',') return -1;
    }
}

/* ---- rows in memory ---- */

static recsys_status keep(program *p, trials *t, const trial *row)
{
    if (t->count == t->room) {
        int64_t room = t->room > 0 ? 2 * t->room : 64;
        trial **grown = realloc(t->row, (size_t)room * sizeof(trial *));
        if (grown == NULL) return program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
        t->row = grown;
        t->room = room;
    }
    trial *copy = program_alloc(p, 1, sizeof *copy);
    if (copy == NULL) return RECSYS_ERR_NO_MEMORY;
    *copy = *row;
    t->row[t->count++] = copy;
    return RECSYS_OK;
}

const trial *trials_find(const trials *t, int64_t number)
{
    for (int64_t i = 0; i < t->count; i++)
        if (t->row[i]->number == number) return t->row[i];
    return NULL;
}

static int same_values(const trials *t, const tune_values *a, const tune_values *b)
{
    for (int64_t k = 0; k < t->space->count; k++)
        if (strcmp(a->text[k], b->text[k]) != 0) return 0;
    return 1;
}

const trial *trials_like(const trials *t, const tune_values *values)
{
    for (int64_t i = 0; i < t->count; i++)
        if (t->row[i]->outcome != TRIAL_REPEAT && same_values(t, &t->row[i]->values, values)) return t->row[i];
    return NULL;
}

int trial_is_better(const trials *t, const trial *a, const trial *b)
{
    if (a->outcome != TRIAL_OK || !isfinite(a->metric)) return 0;
    if (b == NULL) return 1;
    if (a->metric > b->metric) return strcmp(t->select, "loss") != 0;
    if (a->metric < b->metric) return strcmp(t->select, "loss") == 0;
    return a->number < b->number;
}

const trial *trials_best(const trials *t)
{
    const trial *best = NULL;
    for (int64_t i = 0; i < t->count; i++)
        if (trial_is_better(t, t->row[i], best)) best = t->row[i];
    return best;
}

/* ---- reading ---- */

static recsys_status io_failed(program *p, const trials *t, const char *what)
{
    return program_fail(p, RECSYS_ERR_IO, "%s: cannot %s: %s", t->path, what, strerror(errno));
}

/* All of the file, with a zero at its end. */
static recsys_status read_all(program *p, const trials *t, char **text, int64_t *length)
{
    struct stat info;
    *text = NULL;
    *length = 0;
    if (fstat(t->descriptor, &info) != 0) return io_failed(p, t, "read");
    if (!S_ISREG(info.st_mode)) return program_fail(p, RECSYS_ERR_IO, "%s: a list of trials must be a regular file", t->path);
    *text = program_alloc(p, (int64_t)info.st_size, 1);
    if (*text == NULL) return RECSYS_ERR_NO_MEMORY;
    while (*length < (int64_t)info.st_size) {
        ssize_t got = read(t->descriptor, *text + *length, (size_t)((int64_t)info.st_size - *length));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_failed(p, t, "read");
        if (got == 0) break;
        *length += (int64_t)got;
    }
    (*text)[*length] = '\0';
    return RECSYS_OK;
}

/* Says in which setting two texts of settings differ. */
static recsys_status settings_differ(program *p, const trials *t, const char *old)
{
    const char *a = old, *b = t->settings;
    while (*a != '\0' && *b != '\0') {
        size_t n = strcspn(a, ";"), m = strcspn(b, ";");
        if (n != m || strncmp(a, b, n) != 0)
            return program_fail(
                p, RECSYS_ERR_INVALID_ARGUMENT,
                "%s is of a search with %.*s; this one has %.*s: name another file, or search with the same settings", t->path,
                (int)(n < 300 ? n : 300), a, (int)(m < 300 ? m : 300), b);
        a += n + (a[n] != '\0') + (a[n] != '\0' && a[n + 1] == ' ');
        b += m + (b[m] != '\0') + (b[m] != '\0' && b[m + 1] == ' ');
    }
    return program_fail(p, RECSYS_ERR_INVALID_ARGUMENT, "%s is of a search with other settings: name another file", t->path);
}

static int64_t integer_or(const char *text, int64_t otherwise)
{
    return *text != '\0' ? strtoll(text, NULL, 10) : otherwise;
}

/* One row of the file. Its values must be those that the trial has in this search. */
static recsys_status read_row(program *p, trials *t, char *text, int64_t place)
{
    char *field[MOST_FIELDS];
    const tune_space *s = t->space;
    int64_t n = s->count, count = cut(text, field);
    trial row = { .earlier = 1 };
    tune_values expected;
    if (count != n + 2 + N_BEHIND || (row.number = strtoll(field[0], NULL, 10)) < 1)
        return program_fail(p, RECSYS_ERR_PARSE, "%s:%lld: this is no row of a trial", t->path, (long long)place);
    if (strcmp(field[count - 1], t->settings) != 0) return settings_differ(p, t, field[count - 1]);
    if (trials_find(t, row.number) != NULL)
        return program_fail(p, RECSYS_ERR_PARSE, "%s:%lld: trial %lld comes twice", t->path, (long long)place,
                            (long long)row.number);
    tune_space_values(s, p->settings.search_method == TUNE_GRID, p->settings.seed, row.number, &expected);
    for (int64_t k = 0; k < n; k++) {
        if (strcmp(field[k + 1], expected.text[k]) != 0)
            return program_fail(p, RECSYS_ERR_PARSE, "%s:%lld: trial %lld has %s=%s, but in this search it is %s", t->path,
                                (long long)place, (long long)row.number, s->key[k].name, field[k + 1], expected.text[k]);
    }
    row.values = expected;
    char **behind = field + n + 1;
    row.metric = *behind[0] != '\0' ? strtod(behind[0], NULL) : (double)NAN;
    row.epoch = integer_or(behind[1], -1);
    row.step = integer_or(behind[2], -1);
    row.seconds = strtod(behind[3], NULL);
    while (row.outcome < N_OUTCOMES && strcmp(behind[4], OUTCOMES[row.outcome]) != 0) row.outcome++;
    if (row.outcome == N_OUTCOMES || (row.outcome == TRIAL_OK && !isfinite(row.metric)))
        return program_fail(p, RECSYS_ERR_PARSE, "%s:%lld: this is no row of a trial", t->path, (long long)place);
    snprintf(row.note, sizeof row.note, "%s", behind[5]);
    return keep(p, t, &row);
}

static recsys_status read_rows(program *p, trials *t, char *text)
{
    recsys_status status = RECSYS_OK;
    for (int64_t place = 2; status == RECSYS_OK && *text != '\0'; place++) {
        char *end = strchr(text, '\n');
        *end = '\0';
        status = read_row(p, t, text, place);
        text = end + 1;
    }
    return status;
}

/* The head must be this search's; `*begun` becomes 0 if a crash left not even that. */
static recsys_status check_head(program *p, const trials *t, char **text, int *begun)
{
    line head = { NULL, 0, 0, 0 };
    head_line(t, &head);
    recsys_status status = head.failed ? program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory") : RECSYS_OK;
    char *end = strchr(*text, '\n');
    *begun = end != NULL;
    size_t length = end != NULL ? (size_t)(end - *text) + 1 : strlen(*text);
    int same = status == RECSYS_OK && strncmp(*text, head.text, length) == 0 && (!*begun || head.text[length] == '\0');
    if (status == RECSYS_OK && !same && strncmp(*text, "trial,", 6) != 0)
        status = program_fail(p, RECSYS_ERR_PARSE, "%s is not a list of trials: name another file", t->path);
    else if (status == RECSYS_OK && !same)
        status = program_fail(p, RECSYS_ERR_PARSE, "%s has the columns %.*s; this search has %.*s: name another file", t->path,
                              (int)(length < 300 ? length : 300) - *begun, *text,
                              (int)(head.length < 300 ? head.length - 1 : 300), head.text);
    if (status == RECSYS_OK && *begun) *text += length;
    free(head.text);
    return status;
}

static recsys_status cut_off(program *p, const trials *t, int64_t length)
{
    if (ftruncate(t->descriptor, (off_t)length) != 0) return io_failed(p, t, "write");
    return RECSYS_OK;
}

static recsys_status write_line(program *p, const trials *t, line *l)
{
    size_t done = 0;
    if (l->failed) return program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
    while (done < l->length) {
        ssize_t wrote = write(t->descriptor, l->text + done, l->length - done);
        if (wrote < 0 && errno != EINTR) return io_failed(p, t, "write");
        if (wrote > 0) done += (size_t)wrote;
    }
    return fsync(t->descriptor) == 0 ? RECSYS_OK : io_failed(p, t, "write");
}

static recsys_status write_head(program *p, const trials *t)
{
    line head = { NULL, 0, 0, 0 };
    head_line(t, &head);
    recsys_status status = cut_off(p, t, 0);
    if (status == RECSYS_OK) status = write_line(p, t, &head);
    free(head.text);
    return status;
}

/* Reads what is there, drops what a crash left at the end, and begins the file where nothing is there. */
static recsys_status go_on(program *p, trials *t)
{
    char *text, *from;
    int64_t length;
    int begun = 0;
    recsys_status status = read_all(p, t, &text, &length);
    from = text;
    if (status == RECSYS_OK && length > 0) status = check_head(p, t, &from, &begun);
    if (status == RECSYS_OK && !begun) status = write_head(p, t);
    if (status == RECSYS_OK && begun) {
        char *last = strrchr(from - 1, '\n') + 1; /* the head's own line break at least */
        if (*last != '\0') {
            fprintf(stderr, "recsys: notice: %s: the last line is incomplete, and dropped: its trial was cut off\n", t->path);
            status = cut_off(p, t, (int64_t)(last - text));
            *last = '\0';
        }
        if (status == RECSYS_OK) status = read_rows(p, t, from);
    }
    free(text);
    return status;
}

recsys_status trials_open(program *p, trials *t, const tune_space *space, const char *select, char *described)
{
    *t = (trials){ .space = space, .select = select, .settings = described, .descriptor = -1, .path = p->settings.trials_out };
    if (t->path == NULL) return RECSYS_OK;
    t->descriptor = open(t->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (t->descriptor < 0) return io_failed(p, t, "write");
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(t->descriptor, F_SETLK, &whole) != 0 && (errno == EACCES || errno == EAGAIN))
        return program_fail(p, RECSYS_ERR_IO, "%s: another search is writing it", t->path);
    return go_on(p, t);
}

recsys_status trials_add(program *p, trials *t, const trial *row)
{
    recsys_status status = keep(p, t, row);
    if (status != RECSYS_OK || t->descriptor < 0) return status;
    line l = { NULL, 0, 0, 0 };
    row_line(t, row, &l);
    status = write_line(p, t, &l);
    free(l.text);
    return status;
}

void trials_close(trials *t)
{
    for (int64_t i = 0; i < t->count; i++) free(t->row[i]);
    free(t->row);
    free(t->settings);
    t->row = NULL;
    t->count = t->room = 0;
    t->settings = NULL;
    if (t->descriptor >= 0) close(t->descriptor);
    t->descriptor = -1;
}
