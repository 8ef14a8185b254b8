/* run.c - one evaluation: blocks of users are ranked, judged and added up; then come the figures over the whole.
 *
 * Users x items is never held. A block's lists do not depend on who else is in it, and sums run over users in order, so
 * neither the size of the blocks nor the number of threads shows in the figures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/run.h"
#include "eval/bits.h"
#include "eval/pass.h"

/* A large block lets the model read its weights seldom; beyond this nothing is won. */
enum { MOST_BLOCK_USERS = 32768 };

static const int64_t most_piece_bytes = INT64_C(64) << 20;

int64_t recsys__piece_bytes(const recsys_exec *x)
{
    int64_t left = recsys__memory_limit(x->memory) - recsys__memory_used(x->memory);
    return left / 4 < most_piece_bytes ? left / 4 : most_piece_bytes;
}

/* ---- progress ---- */

static int32_t relay_progress(void *user, const recsys_progress *progress)
{
    const relay *r = user;
    recsys_progress own = *progress;
    double part = progress->total > 0 ? (double)progress->done / (double)progress->total : 0.0;
    own.phase = "evaluate";
    own.done = r->from + (int64_t)((double)(r->to - r->from) * part);
    own.total = r->total;
    return r->progress(r->user, &own);
}

void recsys__relay_range(pass *s, int64_t from, int64_t to)
{
    s->relay.from = from;
    s->relay.to = to;
}

static void relay_begin(pass *s)
{
    s->relay = (relay){ s->x->progress, s->x->progress_user, 0, 0, s->protocol.n_users };
    if (!s->relay.progress) return;
    s->x->progress = relay_progress;
    s->x->progress_user = &s->relay;
}

static void relay_end(pass *s)
{
    if (!s->relay.progress) return;
    s->x->progress = s->relay.progress;
    s->x->progress_user = s->relay.user;
}

/* ---- memory of the pass ---- */

/* Discounts for as many places as a list or an ideal list can have, and their running sums. */
static recsys_status make_discounts(pass *s)
{
    int64_t longest = s->options->cutoffs[s->options->n_cutoffs - 1];
    if (longest > s->protocol.most_test_items) longest = s->protocol.most_test_items;
    if (longest < s->k) longest = s->k;
    recsys_status status = recsys__alloc(s->x->memory, &s->x->error, longest, sizeof *s->discount, &s->discount);
    if (!status) status = recsys__alloc(s->x->memory, &s->x->error, longest + 1, sizeof *s->ideal, &s->ideal);
    if (status) return status;
    s->ideal[0] = 0.0;
    for (int64_t place = 0; place < longest; place++) {
        s->discount[place] = 1.0 / log2((double)place + 2.0);
        s->ideal[place + 1] = s->ideal[place] + s->discount[place];
    }
    return RECSYS_OK;
}

static recsys_status make_worker(pass *s, worker *w, int64_t n_keys)
{
    memory *m = s->x->memory;
    error *e = &s->x->error;
    int64_t most = s->protocol.most_test_items;
    recsys_status status = recsys__alloc_zero(m, e, bits_words(s->I), sizeof *w->marked, &w->marked);
    if (!status) status = recsys__alloc(m, e, s->k, sizeof *w->hit_place, &w->hit_place);
    if (!status && s->samples) status = recsys__alloc_zero(m, e, bits_words(s->I), sizeof *w->drawn, &w->drawn);
    if (!status && s->graded) status = recsys__alloc(m, e, s->k, sizeof *w->hit_gain, &w->hit_gain);
    if (!status && s->graded) status = recsys__alloc(m, e, most, sizeof *w->test_gain, &w->test_gain);
    if (!status) status = recsys__alloc(m, e, n_keys, sizeof *w->keys, &w->keys);
    if (status || !s->options->similar_ptr) return status;
    status = recsys__alloc(m, e, s->options->n_cutoffs, sizeof *w->similar, &w->similar);
    if (!status) status = recsys__alloc(m, e, s->I, sizeof *w->place_of, &w->place_of);
    for (int64_t i = 0; !status && i < s->I; i++) w->place_of[i] = -1;
    return status;
}

/* The longest row that may have to be sorted. */
static int64_t most_keys(const pass *s)
{
    const protocol *p = &s->protocol;
    int64_t most = s->samples ? s->options->n_negatives : recsys__source_longest(&p->negatives);
    if (most > s->I) most = s->I;
    most += recsys__source_longest(&p->test);
    int64_t known = recsys__source_longest(&p->known), mask = recsys__source_longest(&p->mask);
    if (known > most) most = known;
    return mask > most ? mask : most;
}

static recsys_status make_workers(pass *s)
{
    int32_t n = s->x->threads;
    int64_t n_keys = most_keys(s);
    recsys_status status = recsys__alloc_zero(s->x->memory, &s->x->error, n, sizeof *s->workers, &s->workers);
    if (!status) s->n_workers = n;
    for (int32_t t = 0; t < n && !status; t++) status = make_worker(s, &s->workers[t], n_keys);
    return status;
}

/* Bits beyond the last item count as excluded, so that whoever walks through what is left never meets them. */
static recsys_status make_excluded(pass *s)
{
    recsys_status status =
        recsys__alloc_zero(s->x->memory, &s->x->error, bits_words(s->I), sizeof *s->excluded, &s->excluded);
    if (status) return status;
    for (int64_t i = s->I; i < 64 * bits_words(s->I); i++) bits_add(s->excluded, i);
    for (int64_t i = 0; s->protocol.excluded && i < s->I; i++)
        if (s->protocol.excluded[i]) bits_add(s->excluded, i);
    return RECSYS_OK;
}

static recsys_status make_sums(pass *s)
{
    memory *m = s->x->memory;
    error *e = &s->x->error;
    size_t row = (size_t)s->I * sizeof *s->listed;
    recsys_status status = recsys__alloc_zero(m, e, s->V, sizeof *s->total, &s->total);
    if (!status) status = recsys__alloc_zero(m, e, s->V, sizeof *s->defined, &s->defined);
    if (!status) status = recsys__alloc_zero(m, e, s->tables.n_cutoffs, row, &s->listed);
    if (!status) status = recsys__alloc_zero(m, e, s->tables.n_cutoffs, row, &s->hit);
    if (!status && s->options->per_user)
        status = recsys__alloc(m, e, s->protocol.n_users, (size_t)s->V * sizeof *s->user_values, &s->user_values);
    return status;
}

/* Mean length of a user's row, for an estimate. */
static int64_t mean_row(const source *s)
{
    return s->rows && s->rows->n_rows > 0 ? s->rows->ptr[s->rows->n_rows] / s->rows->n_rows + 1 : 0;
}

static int64_t block_users(const pass *s)
{
    int64_t row = 24 * mean_row(&s->protocol.known) + 16 * mean_row(&s->protocol.mask);
    if (s->has_candidates) row += 8 * (mean_row(&s->protocol.test) + mean_row(&s->protocol.negatives));
    if (s->samples) row += 8 * (s->options->n_negatives < s->I ? s->options->n_negatives : s->I);
    int64_t users = recsys__piece_bytes(s->x) / (9 * s->k + 8 * s->V + row + 64);
    if (users > MOST_BLOCK_USERS) users = MOST_BLOCK_USERS;
    if (users > s->protocol.n_users) users = s->protocol.n_users;
    return users > 1 ? users : 1;
}

static recsys_status prepare(pass *s)
{
    const recsys_evaluator *o = s->options;
    recsys_status status = recsys__protocol_make(s->x, o, s->model, &s->protocol);
    if (status) return status;
    s->I = s->model->n_items;
    if (o->similar_ptr && o->n_similar != s->I)
        return recsys__fail(&s->x->error, RECSYS_ERR_OUT_OF_RANGE, "similarity: it has %lld items, the model %lld",
                            (long long)o->n_similar, (long long)s->I);
    s->k = o->cutoffs[o->n_cutoffs - 1] < s->I ? o->cutoffs[o->n_cutoffs - 1] : s->I;
    s->V = value_count(o->n_cutoffs);
    s->graded = s->protocol.test.rows->val && !o->binary_gain;
    s->samples = o->n_negatives > 0;
    s->has_candidates = s->samples || o->negatives;
    status = recsys__popularity_make(s->x, &s->protocol, &s->popularity);
    if (!status) status = make_discounts(s);
    s->tables = (metric_tables){
        o->cutoffs, o->n_cutoffs, s->discount, s->ideal, s->popularity.novelty, s->popularity.relative,
    };
    if (!status) status = make_workers(s);
    if (!status) status = make_excluded(s);
    if (!status) status = make_sums(s);
    s->block_users = block_users(s);
    return status;
}

static void clean_up(pass *s)
{
    memory *m = s->x->memory;
    for (int32_t t = 0; t < s->n_workers; t++) {
        worker *w = &s->workers[t];
        void *own[] = { w->marked, w->drawn, w->hit_place, w->hit_gain, w->test_gain, w->keys, w->place_of, w->similar };
        for (size_t a = 0; a < sizeof own / sizeof *own; a++) recsys__free(m, own[a]);
    }
    void *arrays[] = { s->workers, s->discount, s->ideal, s->excluded, s->total,
                       s->defined, s->listed,   s->hit,   s->user_values };
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) recsys__free(m, arrays[a]);
    recsys__block_free(s);
    recsys__popularity_free(s->x, &s->popularity);
    recsys__protocol_free(s->x, &s->protocol);
}

/* ---- the pass ---- */

static recsys_status evaluate_block(pass *s, int64_t first, int64_t n)
{
    int ranks_all = !s->has_candidates, ranks_only = !(ranks_all && s->options->auc);
    recsys__relay_range(s, first, ranks_only ? first + n : first);
    recsys_status status = recsys__block_fill(s, first, n);
    if (!status) status = ranks_all ? recsys__block_rank(s) : recsys__candidates_rank(s);
    if (!status && !ranks_only) status = recsys__roc(s);
    if (!status) recsys__judge(s);
    recsys__relay_range(s, first, first + n);
    return status ? status : recsys__progress(s->x, 1, 1);
}

static recsys_status evaluate(pass *s)
{
    recsys_status status = RECSYS_OK;
    for (int64_t first = 0; first < s->protocol.n_users && !status; first += s->block_users) {
        int64_t left = s->protocol.n_users - first;
        status = evaluate_block(s, first, left < s->block_users ? left : s->block_users);
        if (status == RECSYS_ERR_MEMORY_LIMIT && s->block_users > 1) { /* the model's own work did not fit beside the block */
            recsys__drop_workspace(s->x);
            recsys__block_free(s);
            s->block_users = (s->block_users + 1) / 2;
            first -= s->block_users;
            status = RECSYS_OK;
        }
    }
    return status;
}

/* ---- the report ---- */

/* Hands what was kept of each user to the report. */
static void give_user_values(pass *s, recsys_report *r)
{
    if (!s->user_values) return;
    r->ids = recsys__ids_retain(s->options->test->users);
    r->user = s->protocol.user;
    r->user_values = s->user_values;
    s->protocol.user = NULL;
    s->user_values = NULL;
}

static recsys_status make_report(pass *s, double start, recsys_report **report)
{
    recsys_report *r;
    recsys_status status = recsys__report_create(s->x, s->options->cutoffs, s->options->n_cutoffs, &r);
    if (status) return status;
    r->counts = s->protocol.counts;
    status = recsys__figures_enter(s, r);
    if (status) {
        recsys_report_release(r);
        return status;
    }
    give_user_values(s, r);
    r->counts.seconds = recsys__seconds() - start;
    if (r->counts.seconds > 0.0) r->counts.users_per_second = (double)r->counts.users / r->counts.seconds;
    *report = r;
    return RECSYS_OK;
}

recsys_status recsys_evaluator_run(recsys_evaluator *evaluator, const recsys_model *model, recsys_exec *exec,
                                   recsys_report **report)
{
    if (!exec || !report) return RECSYS_ERR_INVALID_ARGUMENT;
    *report = NULL;
    if (!evaluator || !model)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_evaluator_run: evaluator or model is NULL");
    double start = recsys__seconds();
    pass s = { .x = exec, .options = evaluator, .model = model };
    if (model->class->scores_by_history == BY_FEATURES)
        return recsys__fail(&exec->error, RECSYS_ERR_UNSUPPORTED,
                            "%s scores by features and ranks nothing for users: it is judged by "
                            "recsys_model_classify()", model->class->name);
    recsys_status status = recsys__check_device(exec, model);
    if (!status) status = recsys__phase(exec, "evaluate");
    if (!status) status = prepare(&s);
    if (!status) {
        relay_begin(&s);
        status = evaluate(&s);
        relay_end(&s);
    }
    if (!status) status = make_report(&s, start, report);
    clean_up(&s);
    return status;
}
