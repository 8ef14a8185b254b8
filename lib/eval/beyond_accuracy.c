/* beyond_accuracy.c - figures over all lists at once, and the popularity of items in the training data.
 *
 * I items of the model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/beyond_accuracy.h"

#include <math.h>

#include "base/parallel.h"

/* ---- spread ---- */

static int takes_part(const uint8_t *excluded, int64_t i)
{
    return !excluded || !excluded[i];
}

/* Counts are put in order by counting how many items have each. In the sum 2 (n + 1 - r) / (n + 1) * c_(r) / total over
 * the ranks r = 1 to n by ascending count, the g items of the same count c after s smaller ones have ranks s + 1 to s + g. */
static double gini(const int64_t *items_with, int64_t most, double total)
{
    double n = 0.0, sum = 0.0, smaller = 0.0;
    for (int64_t c = 0; c <= most; c++) n += (double)items_with[c];
    for (int64_t c = 0; c <= most; c++) {
        double g = (double)items_with[c];
        if (g == 0.0) continue;
        double ranks = g * smaller + 0.5 * g * (g + 1.0);
        sum += (double)c * (g * (n + 1.0) - ranks);
        smaller += g;
    }
    return 2.0 * sum / ((n + 1.0) * total);
}

recsys_status recsys__spread(recsys_exec *x, const int64_t *count, const uint8_t *excluded, int64_t I, spread *out)
{
    *out = (spread){ .herfindahl = (double)NAN, .gini = (double)NAN, .entropy = (double)NAN };
    int64_t most = 0;
    for (int64_t i = 0; i < I; i++) {
        if (!takes_part(excluded, i) || count[i] == 0) continue;
        double c = (double)count[i];
        out->n_chosen++;
        out->total += c;
        out->sum_of_squares += c * c;
        if (count[i] > most) most = count[i];
    }
    if (out->n_chosen == 0) return RECSYS_OK;

    int64_t *items_with;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, most + 1, sizeof *items_with, &items_with);
    if (status) return status;
    double entropy = 0.0;
    for (int64_t i = 0; i < I; i++) {
        if (!takes_part(excluded, i)) continue;
        items_with[count[i]]++;
        double p = (double)count[i] / out->total;
        if (count[i] > 0) entropy -= p * log2(p);
    }
    out->herfindahl = 1.0 - out->sum_of_squares / (out->total * out->total);
    out->gini = gini(items_with, most, out->total);
    out->entropy = entropy;
    recsys__free(x->memory, items_with);
    return RECSYS_OK;
}

/* An item in c lists is common to c (c - 1) ordered pairs of them. */
double recsys__inter_list_diversity(const spread *s, int64_t n_lists, int64_t K)
{
    if (n_lists < 2) return (double)NAN;
    double pairs = (double)n_lists * (double)(n_lists - 1);
    return 1.0 - (s->sum_of_squares - s->total) / ((double)K * pairs);
}

/* ---- popularity ---- */

/* What the known interactions are: every row of the matrix, not only those of test users. */
static source training_data(const protocol *p)
{
    source s = p->known;
    s.row_of = NULL;
    return s;
}

static int32_t item_at(const source *s, int64_t e)
{
    int32_t column = s->rows->col[e];
    return s->item_of ? s->item_of[column] : column;
}

/* Sums over the histories of 1,024 users at a time, so that the order of the sum does not depend on the threads. */
enum { USERS_AT_ONCE = 1024 };
struct history_sums {
    source train;
    const double *relative;
    double *part; /* one for each 1,024 users */
};

static void sum_histories(void *data, int64_t begin, int64_t end, int32_t thread)
{
    (void)thread;
    const struct history_sums *h = data;
    double sum = 0.0;
    for (int64_t row = begin; row < end; row++) {
        double of_row = 0.0, n = 0.0;
        for (int64_t e = h->train.rows->ptr[row]; e < h->train.rows->ptr[row + 1]; e++) {
            int32_t i = item_at(&h->train, e);
            if (i < 0) continue;
            of_row += h->relative[i];
            n += 1.0;
        }
        if (n > 0.0) sum += of_row / n;
    }
    h->part[begin / USERS_AT_ONCE] = sum;
}

/* Mean over all users of the mean relative popularity of their items; users without any count as 0. */
static recsys_status mean_of_histories(recsys_exec *x, const source *train, popularity *out)
{
    int64_t U = train->rows->n_rows, n_parts = U / USERS_AT_ONCE + 1;
    struct history_sums h = { *train, out->relative, NULL };
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, n_parts, sizeof *h.part, &h.part);
    if (status) return status;
    recsys__parallel_for(x, U, USERS_AT_ONCE, sum_histories, &h);
    double sum = 0.0;
    for (int64_t part = 0; part < n_parts; part++) sum += h.part[part];
    out->mean_relative = sum / (double)U;
    recsys__free(x->memory, h.part);
    return RECSYS_OK;
}

/* All figures but the mean over histories. The novelty of all histories together needs the counts alone. */
static void fill_tables(const int64_t *count, int64_t total, int64_t I, int64_t n_users, popularity *out)
{
    int64_t most = 0;
    for (int64_t i = 0; i < I; i++)
        if (count[i] > most) most = count[i];
    double sum = 0.0;
    for (int64_t i = 0; i < I; i++) {
        out->relative[i] = (double)count[i] / (double)most;
        out->novelty[i] = count[i] > 0 ? -log2((double)count[i] / (double)total) / (double)I : 0.0;
        sum += (double)count[i] * out->novelty[i];
    }
    out->mean_novelty = sum / (double)n_users;
}

static recsys_status make_tables(recsys_exec *x, const protocol *p, const source *train, const int64_t *count, int64_t total,
                                 popularity *out)
{
    int64_t I = p->model->n_items;
    recsys_status status = recsys__alloc(x->memory, &x->error, I, sizeof *out->novelty, &out->novelty);
    if (!status) status = recsys__alloc(x->memory, &x->error, I, sizeof *out->relative, &out->relative);
    if (status) return status;
    fill_tables(count, total, I, train->rows->n_rows, out);
    status = mean_of_histories(x, train, out);
    if (!status) status = recsys__spread(x, count, p->excluded, I, &out->spread);
    return status;
}

recsys_status recsys__popularity_make(recsys_exec *x, const protocol *p, popularity *out)
{
    *out = (popularity){ 0 };
    source train = training_data(p);
    if (!train.rows) return RECSYS_OK;
    int64_t *count, total = 0;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, p->model->n_items, sizeof *count, &count);
    if (status) return status;
    for (int64_t e = 0; e < train.rows->ptr[train.rows->n_rows]; e++) {
        int32_t i = item_at(&train, e);
        if (i < 0) continue;
        count[i]++;
        total++;
    }
    if (total > 0) status = make_tables(x, p, &train, count, total, out);
    recsys__free(x->memory, count);
    return status;
}

void recsys__popularity_free(recsys_exec *x, popularity *p)
{
    recsys__free(x->memory, p->novelty);
    recsys__free(x->memory, p->relative);
    *p = (popularity){ 0 };
}
