/* statistics.c - figures that describe a dataset, as a struct and as text.
 *
 * "Interactions" are the cells of the interaction matrix: distinct pairs of user and item.
 * U users, I items, E events, F features of a table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/dataset.h>

#include <inttypes.h>

#include "base/struct.h"
#include "base/text.h"
#include "data/dataset.h"

/* Fewest, most and mean of the counts of n rows that hold `total` together. */
static void spread(const int64_t *count, int64_t n, int64_t total, int64_t *min, double *mean, int64_t *max)
{
    *min = n > 0 ? count[0] : 0;
    *max = 0;
    for (int64_t row = 0; row < n; row++) {
        if (count[row] < *min) *min = count[row];
        if (count[row] > *max) *max = count[row];
    }
    *mean = n > 0 ? (double)total / (double)n : 0.0;
}

/* Gini index of the users' counts c_1 <= ... <= c_U: the sum of (2 u - U - 1) c_u, divided by U times the sum of c_u.
 * Counts are at most I, so they are put in order by counting how many users have each; the g users with the same count c
 * that follow s smaller ones contribute c g (2 s + g - U) together. */
static recsys_status gini(recsys_exec *x, const int64_t *count, int64_t U, int64_t most, int64_t total, double *out)
{
    *out = 0.0;
    if (total == 0) return RECSYS_OK;
    int64_t *users_with;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, most + 1, sizeof *users_with, &users_with);
    if (status) return status;
    for (int64_t u = 0; u < U; u++) users_with[count[u]]++;
    double sum = 0.0;
    int64_t smaller = 0;
    for (int64_t c = 0; c <= most; c++) {
        int64_t g = users_with[c];
        sum += (double)c * (double)g * (double)(2 * smaller + g - U);
        smaller += g;
    }
    recsys__free(x->memory, users_with);
    *out = sum / ((double)U * (double)total);
    return RECSYS_OK;
}

/* How many of `n_words` words occur in a column of E indices (NULL: none). */
static recsys_status count_different(recsys_exec *x, const int32_t *column, int64_t E, int64_t n_words, int64_t *out)
{
    *out = 0;
    if (!column) return RECSYS_OK;
    uint8_t *seen;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, n_words, sizeof *seen, &seen);
    if (status) return status;
    for (int64_t e = 0; e < E; e++) {
        if (!seen[column[e]]) *out += 1;
        seen[column[e]] = 1;
    }
    recsys__free(x->memory, seen);
    return RECSYS_OK;
}

/* Least and greatest cell; 1 where cells have no values, 0 where there are no cells. */
static void value_range(const csr *m, double *min, double *max)
{
    int64_t n = m->ptr[m->n_rows];
    *min = *max = n > 0 ? 1.0 : 0.0;
    if (!m->val || n == 0) return;
    float least = m->val[0], greatest = m->val[0];
    for (int64_t cell = 1; cell < n; cell++) {
        if (m->val[cell] < least) least = m->val[cell];
        if (m->val[cell] > greatest) greatest = m->val[cell];
    }
    *min = (double)least;
    *max = (double)greatest;
}

static void time_range(const recsys_dataset *d, int64_t *min, int64_t *max)
{
    *min = *max = 0;
    if (!d->time || d->n_events == 0) return;
    *min = *max = d->time[0];
    for (int64_t e = 1; e < d->n_events; e++) {
        if (d->time[e] < *min) *min = d->time[e];
        if (d->time[e] > *max) *max = d->time[e];
    }
}

static double density(int64_t cells, int64_t n_rows, int64_t n_cols)
{
    return n_rows > 0 && n_cols > 0 ? (double)cells / ((double)n_rows * (double)n_cols) : 0.0;
}

/* The figures that come from the interaction matrix R (U x I). `count` is scratch of max(U, I) elements. */
static recsys_status matrix_figures(recsys_exec *x, const csr *R, int64_t *count, recsys_statistics *s)
{
    s->n_interactions = R->ptr[R->n_rows];
    s->density = density(s->n_interactions, R->n_rows, R->n_cols);
    value_range(R, &s->value_min, &s->value_max);

    for (int64_t i = 0; i < R->n_cols; i++) count[i] = 0;
    for (int64_t cell = 0; cell < s->n_interactions; cell++) count[R->col[cell]]++;
    spread(count, R->n_cols, s->n_interactions, &s->item_min, &s->item_mean, &s->item_max);

    for (int64_t u = 0; u < R->n_rows; u++) count[u] = R->ptr[u + 1] - R->ptr[u];
    spread(count, R->n_rows, s->n_interactions, &s->user_min, &s->user_mean, &s->user_max);
    return gini(x, count, R->n_rows, s->user_max, s->n_interactions, &s->gini);
}

static recsys_status figures(const recsys_dataset *d, recsys_exec *x, recsys_statistics *s)
{
    *s = (recsys_statistics)RECSYS_STATISTICS_INIT;
    s->n_users = recsys_ids_count(d->users);
    s->n_items = recsys_ids_count(d->items);
    s->n_events = d->n_events;
    s->has_values = d->value != NULL;
    s->has_times = d->time != NULL;
    time_range(d, &s->time_min, &s->time_max);
    s->n_clean = d->flag ? 0 : -1;
    for (int64_t e = 0; d->flag && e < d->n_events; e++) s->n_clean += d->flag[e];

    const csr *R;
    recsys_status status = recsys__dataset_by_user(x, d, &R);
    if (status) return status;
    int64_t *count;
    status = recsys__alloc(x->memory, &x->error, R->n_rows > R->n_cols ? R->n_rows : R->n_cols, sizeof *count, &count);
    if (status) return status;
    status = matrix_figures(x, R, count, s);
    recsys__free(x->memory, count);
    if (!status && d->behaviours)
        status = count_different(x, d->behaviour, d->n_events, recsys_ids_count(d->behaviours), &s->n_behaviours);
    if (!status && d->sessions)
        status = count_different(x, d->session, d->n_events, recsys_ids_count(d->sessions), &s->n_sessions);
    return status;
}

recsys_status recsys_dataset_statistics(const recsys_dataset *dataset, recsys_exec *exec, recsys_statistics *statistics)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!dataset || !statistics)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_statistics: an argument is NULL");
    recsys_statistics own;
    recsys_status status = figures(dataset, exec, &own);
    if (status) return status;
    return recsys__struct_out(&exec->error, "recsys_statistics", &own, sizeof own, statistics);
}

/* ---- Text ---- */

static void count_line(text *t, const char *label, int64_t value)
{
    recsys__text_format(t, "%-24s%" PRId64 "\n", label, value);
}

/* Cells are floats, so their short form is the float's: 0.1, where the double of 0.1f has sixteen digits. */
static void range(text *t, double min, double max)
{
    recsys__text_float(t, (float)min);
    recsys__text_string(t, " to ");
    recsys__text_float(t, (float)max);
}

static void spread_line(text *t, const char *label, int64_t min, double mean, int64_t max)
{
    recsys__text_format(t, "%-24smin %" PRId64 ", mean ", label, min);
    recsys__text_fixed(t, mean, 2);
    recsys__text_format(t, ", max %" PRId64 "\n", max);
}

/* With more decimals the smaller the share is: densities differ by orders of magnitude. */
static void percent(text *t, double share)
{
    double value = 100.0 * share;
    int digits = 2;
    for (double unit = 1.0; digits < 6 && value < unit; unit /= 10.0) digits++;
    recsys__text_fixed(t, value, digits);
    recsys__text_string(t, " %");
}

static void event_lines(text *t, const recsys_statistics *s)
{
    count_line(t, "users", s->n_users);
    count_line(t, "items", s->n_items);
    count_line(t, "events", s->n_events);
    count_line(t, "interactions", s->n_interactions);
    recsys__text_format(t, "%-24s", "values");
    range(t, s->value_min, s->value_max);
    recsys__text_string(t, s->has_values ? "\n" : " (implicit)\n");
    recsys__text_format(t, "%-24s", "density");
    percent(t, s->density);
    recsys__text_string(t, "\n");
    spread_line(t, "interactions per user", s->user_min, s->user_mean, s->user_max);
    spread_line(t, "interactions per item", s->item_min, s->item_mean, s->item_max);
    recsys__text_format(t, "%-24s", "Gini index of users");
    recsys__text_fixed(t, s->gini, 2);
    recsys__text_string(t, "\n");
    if (s->n_behaviours > 0) count_line(t, "behaviours", s->n_behaviours);
    if (s->n_sessions > 0) count_line(t, "sessions", s->n_sessions);
    if (s->n_clean >= 0) {
        recsys__text_format(t, "%-24s%" PRId64 " (", "clean events", s->n_clean);
        percent(t, s->n_events > 0 ? (double)s->n_clean / (double)s->n_events : 0.0);
        recsys__text_string(t, ")\n");
    }
    if (s->has_times) recsys__text_format(t, "%-24s%" PRId64 " to %" PRId64 "\n", "times", s->time_min, s->time_max);
}

/* What is printed of one feature table, or of several side by side. */
struct feature_figures { int64_t n_tables, n_features, n_occurrences; double min, max; };

static void add_table(struct feature_figures *sum, const csr *cells)
{
    double min, max;
    value_range(cells, &min, &max);
    int64_t n = cells->ptr[cells->n_rows];
    if (n > 0 && (sum->n_occurrences == 0 || min < sum->min)) sum->min = min;
    if (n > 0 && (sum->n_occurrences == 0 || max > sum->max)) sum->max = max;
    sum->n_tables++;
    sum->n_features += cells->n_cols;
    sum->n_occurrences += n;
}

static void feature_line(text *t, const char *what, const char *name, int64_t n_rows, const struct feature_figures *f)
{
    recsys__text_format(t, "%s %-14s count %" PRId64 ", values ", what, name, f->n_features);
    range(t, f->min, f->max);
    recsys__text_format(t, ", occurrences %" PRId64 ", density ", f->n_occurrences);
    percent(t, density(f->n_occurrences, n_rows, f->n_features));
    recsys__text_string(t, "\n");
}

/* A line for each table, and one for all tables of words together. A table of a single feature is a number that each user or
 * item has, such as its year, and no word; numbers in columns of their own are none either. */
static void feature_lines(text *t, const char *what, const entity_table *table)
{
    struct feature_figures words = { 0, 0, 0, 0.0, 0.0 };
    for (int64_t k = 0; table && k < table->n_features; k++) {
        struct feature_figures one = { 0, 0, 0, 0.0, 0.0 };
        const feature_table *features = &table->features[k];
        add_table(&one, &features->cells);
        feature_line(t, what, features->name, table->n_rows, &one);
        if (one.n_features > 1 && !features->dense) add_table(&words, &features->cells);
    }
    if (words.n_tables > 1) feature_line(t, what, "(all words)", table->n_rows, &words);
}

recsys_status recsys_dataset_statistics_text(const recsys_dataset *dataset, recsys_exec *exec, char *buffer, int64_t size,
                                             int64_t *length)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!dataset || !length || size < 0 || (size > 0 && !buffer))
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "recsys_dataset_statistics_text: an argument is NULL or the size is negative");
    recsys_statistics s;
    recsys_status status = figures(dataset, exec, &s);
    if (status) return status;
    text t = recsys__text_begin(exec->memory, &exec->error);
    event_lines(&t, &s);
    feature_lines(&t, "features", dataset->table[SIDE_ITEMS]);
    feature_lines(&t, "user features", dataset->table[SIDE_USERS]);
    status = recsys__text_end(&t);
    if (status) return status;
    *length = recsys__text_copy(t.data, t.length, buffer, size);
    recsys__text_free(&t);
    return RECSYS_OK;
}
