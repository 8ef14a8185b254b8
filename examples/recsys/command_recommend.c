/* command_recommend.c - `recsys recommend`: the best items for some users on the screen, or for all into a file; classes of rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "names.h"
#include "ranking.h"
#include "rows.h"
#include "table.h"
#include "visitor.h"

/* What all lists have in common. */
typedef struct job {
    source from;
    recsys_model *model;
    recsys_dataset *known, *names;
    int64_t *allow, *deny;
    recsys_topk_options options;
    int64_t k;
} job;

static void release_job(job *w)
{
    recsys_model_release(w->model);
    recsys_dataset_release(w->known);
    recsys_dataset_release(w->names);
    free(w->allow);
    free(w->deny);
}

/* The items of a file of ids as the model's indices. */
static recsys_status item_list(program *p, const job *w, const char *option, const char *path, int64_t **items, int64_t *count)
{
    id_lines lines;
    if (path == NULL) return RECSYS_OK;
    recsys_status status = id_lines_read(p, path, &lines);
    if (status != RECSYS_OK) return status;
    status = id_lines_indices(p, &lines, recsys_model_items(w->model), items, count);
    if (status == RECSYS_OK) status = id_lines_report(p, option, path, &lines, *count, "the model");
    id_lines_free(&lines);
    return status;
}

/* What the model is asked about must be what it scores by. */
static recsys_status check_question(program *p, const recsys_model *m)
{
    const settings *s = &p->settings;
    const char *name = recsys_model_name(m);
    int32_t parts = program_query_parts(m);
    int of_features = (parts & RECSYS_QUERY_FEATURES) != 0;
    if (s->rows.count > 0 && !of_features)
        return program_usage(p, "--rows is for a classifier, and %s ranks items for users: give --user%s or --all", name,
                             parts & RECSYS_QUERY_HISTORY ? ", --history" : "");
    if (s->rows.count == 0 && of_features)
        return program_usage(p, "%s tells the classes of rows of features: give --rows FILE", name);
    if (s->history.count > 0 && !(parts & RECSYS_QUERY_HISTORY))
        return program_usage(p, "--history: %s knows only users it was trained on; give --user", name);
    return RECSYS_OK;
}

static recsys_status prepare(program *p, job *w)
{
    const settings *s = &p->settings;
    recsys_status status = program_load(p, 0, &w->model);
    if (status == RECSYS_OK) status = check_question(p, w->model);
    if (status == RECSYS_OK) status = data_collide(p, &w->model);
    if (status != RECSYS_OK) return status;
    if (s->train.count > 0) status = data_read(p, &s->train, data_id_type_of(w->model), &w->known);
    if (status == RECSYS_OK) status = names_read(p, &w->names);
    if (status == RECSYS_OK) status = item_list(p, w, "only-items", s->only_items, &w->allow, &w->options.allow_count);
    if (status == RECSYS_OK && s->only_items != NULL && w->options.allow_count == 0)
        status = program_fail(p, RECSYS_ERR_EMPTY, "--only-items: %s holds no ids", s->only_items);
    if (status == RECSYS_OK) status = item_list(p, w, "ignore-items", s->ignore_items, &w->deny, &w->options.deny_count);
    w->from.model = w->model;
    w->from.known = w->known;
    w->from.users = w->known != NULL ? recsys_dataset_users(w->known) : recsys_model_users(w->model);
    w->options.keep_seen = s->keep_seen;
    w->options.allow = w->allow;
    w->options.deny = w->deny;
    int64_t n_items = recsys_ids_count(recsys_model_items(w->model));
    w->k = s->top < n_items || n_items == 0 ? s->top : n_items;
    return status;
}

/* Sets `nothing` to 1 for someone with an empty history to whom every item scores the same: the list then says nothing. A
 * model that knows more of a user than his history, or ranks without one, gives different scores. */
static recsys_status knows_nothing(program *p, const job *w, const visitor *v, const int64_t *item, const float *score, int *nothing)
{
    int64_t length = v->count, listed = 1;
    recsys_status status = RECSYS_OK;
    *nothing = 0;
    if (item[0] < 0) return RECSYS_OK;
    while (listed < w->k && item[listed] >= 0)
        if (score[listed++] != score[0]) return RECSYS_OK;
    if (listed == 1 && score[0] != 0.0f) return RECSYS_OK;
    if ((v->query.parts & RECSYS_QUERY_HISTORY) == 0) {
        if (!recsys_model_has_histories(w->model)) return RECSYS_OK;
        status = recsys_model_history(w->model, p->exec, v->query.user, NULL, NULL, 0, &length);
    }
    *nothing = status == RECSYS_OK && length == 0;
    return status;
}

/* ---- some users, on the screen ---- */

static recsys_status warn_if_unknown(program *p, const job *w, const visitor *v, const int64_t *item, const float *score)
{
    int nothing;
    recsys_status status = knows_nothing(p, w, v, item, score, &nothing);
    if (status != RECSYS_OK || !nothing) return status;
    char *user = v->user >= 0 ? id_text(w->from.users, v->user) : NULL;
    fprintf(stderr, "recsys: warning: nothing is known of %s%s: every item scores the same\n", v->user >= 0 ? "user " : "someone new",
            user != NULL ? user : "");
    free(user);
    return RECSYS_OK;
}

static recsys_status show_history(program *p, const job *w, const visitor *v)
{
    const recsys_ids *items = recsys_model_items(w->model);
    int64_t shown = v->count < p->settings.show_history ? v->count : p->settings.show_history;
    table t = TABLE_INIT("lll");
    for (int64_t i = 0; i < shown; i++) {
        char *id = id_text(items, v->history[i]);
        table_text(&t, "  known");
        table_text(&t, id != NULL ? id : "?");
        table_text(&t, name_of(w->names, items, v->history[i]));
        free(id);
    }
    recsys_status status = table_show(p, &t);
    if (shown < v->count && shown > 0) program_say(p, "  and %lld more\n", (long long)(v->count - shown));
    return status;
}

static recsys_status show_list(program *p, const job *w, const visitor *v, const int64_t *item, const float *score, json *j)
{
    const recsys_ids *items = recsys_model_items(w->model);
    char *user = v->user >= 0 ? id_text(w->from.users, v->user) : NULL;
    if (v->user >= 0) program_say(p, "user %s\n", user != NULL ? user : "?");
    else program_say(p, "someone new who knows %lld item%s\n", (long long)v->count, v->count == 1 ? "" : "s");
    free(user);
    recsys_status status = show_history(p, w, v);

    json_begin(j, NULL, '{');
    if (v->user >= 0) json_id(j, "user", w->from.users, v->user);
    else json_text(j, "user", NULL);
    if (status == RECSYS_OK) status = ranking_show(p, j, items, w->names, item, score, w->k);
    json_end(j, '}');
    return status;
}

static recsys_status find_user(program *p, const job *w, const char *id, visitor *v)
{
    int64_t user = recsys_ids_find(w->from.users, id);
    if (user < 0)
        return program_fail(p, RECSYS_ERR_UNKNOWN_ID, "no user \"%s\" among the %lld of %s%s", id,
                            (long long)recsys_ids_count(w->from.users), w->known != NULL ? "the data" : "the model",
                            program_query_parts(w->model) & RECSYS_QUERY_HISTORY ? "; for someone new give --history" : "");
    return visitor_of_user(p, &w->from, user, p->settings.show_history > 0, v);
}

static recsys_status recommend_some(program *p, const job *w)
{
    const settings *s = &p->settings;
    int64_t *item = program_alloc(p, w->k, sizeof *item);
    float *score = program_alloc(p, w->k, sizeof *score);
    json j;
    recsys_status status = item != NULL && score != NULL ? json_open(p, &j, s->json) : RECSYS_ERR_NO_MEMORY;
    if (status != RECSYS_OK) goto done;
    json_text(&j, "model", recsys_model_name(w->model));
    json_begin(&j, "users", '[');
    for (int64_t i = 0; i < s->user.count + s->history.count && status == RECSYS_OK; i++) {
        visitor v;
        if (i < s->user.count) status = find_user(p, w, s->user.word[i], &v);
        else status = visitor_of_items(p, &w->from, s->history.word[i - s->user.count], &v);
        if (status != RECSYS_OK) break;
        status = recsys_model_topk(w->model, p->exec, &v.query, 1, w->k, &w->options, item, score);
        progress_end(&p->progress);
        if (status == RECSYS_OK) status = warn_if_unknown(p, w, &v, item, score);
        if (i > 0) program_say(p, "\n");
        if (status == RECSYS_OK) status = show_list(p, w, &v, item, score, &j);
        visitor_free(&v);
    }
    json_end(&j, ']');
    status = json_close(p, &j, status);
done:
    free(item);
    free(score);
    return status;
}

/* ---- all users, into a file ---- */

/* Users that are asked about at once: enough that a pass over the model serves many, few enough that their lists fit. */
enum { MOST_USERS = 8192, MOST_ITEMS = 1 << 22 };

typedef struct block {
    visitor *visitor;
    recsys_query *query;
    int64_t *item;
    float *score;
    int64_t users;    /* room */
    int64_t left_out; /* users of whom nothing is known */
} block;

static void write_block(const job *w, const block *b, int64_t n, const outfile *out)
{
    const recsys_ids *items = recsys_model_items(w->model);
    for (int64_t i = 0; i < n; i++) {
        char *user = id_text(w->from.users, b->visitor[i].user);
        for (int64_t r = 0; r < w->k && b->item[i * w->k + r] >= 0; r++) {
            int64_t item = b->item[i * w->k + r];
            char *id = id_text(items, item);
            outfile_field(out, user != NULL ? user : "?");
            fprintf(out->file, "\t%lld\t", (long long)(r + 1));
            outfile_field(out, id != NULL ? id : "?");
            fprintf(out->file, "\t%.9g", (double)b->score[i * w->k + r]);
            if (w->names != NULL) {
                fputc('\t', out->file);
                outfile_field(out, name_of(w->names, items, item));
            }
            fputc('\n', out->file);
            free(id);
        }
        free(user);
    }
}

/* Empties the lists of those of whom nothing is known. */
static recsys_status leave_out_unknown(program *p, const job *w, block *b, int64_t n)
{
    recsys_status status = RECSYS_OK;
    for (int64_t i = 0; i < n && status == RECSYS_OK; i++) {
        int nothing;
        status = knows_nothing(p, w, &b->visitor[i], b->item + i * w->k, b->score + i * w->k, &nothing);
        if (status != RECSYS_OK || !nothing) continue;
        b->item[i * w->k] = -1;
        b->left_out++;
    }
    return status;
}

/* Lists for the users first to first + n - 1. */
static recsys_status recommend_block(program *p, const job *w, block *b, int64_t first, int64_t n, const outfile *out)
{
    recsys_status status = RECSYS_OK;
    int64_t made = 0;
    while (status == RECSYS_OK && made < n) {
        status = visitor_of_user(p, &w->from, first + made, 0, &b->visitor[made]);
        if (status == RECSYS_OK) b->query[made] = b->visitor[made].query;
        if (status == RECSYS_OK) made++;
    }
    if (status == RECSYS_OK) status = recsys_model_topk(w->model, p->exec, b->query, n, w->k, &w->options, b->item, b->score);
    if (status == RECSYS_OK) status = leave_out_unknown(p, w, b, n);
    if (status == RECSYS_OK) write_block(w, b, n, out);
    while (made > 0) visitor_free(&b->visitor[--made]);
    return status;
}

static recsys_status recommend_all(program *p, const job *w)
{
    int64_t n_users = recsys_ids_count(w->from.users);
    outfile out = OUTFILE_INIT;
    block b = { .users = MOST_ITEMS / w->k };
    if (b.users > MOST_USERS) b.users = MOST_USERS;
    if (b.users < 1) b.users = 1;
    b.visitor = program_alloc(p, b.users, sizeof *b.visitor);
    b.query = program_alloc(p, b.users, sizeof *b.query);
    b.item = program_alloc(p, b.users * w->k, sizeof *b.item);
    b.score = program_alloc(p, b.users * w->k, sizeof *b.score);
    int good = b.visitor != NULL && b.query != NULL && b.item != NULL && b.score != NULL;
    recsys_status status = good ? outfile_open(p, &out, p->settings.out) : RECSYS_ERR_NO_MEMORY;
    for (int64_t first = 0; status == RECSYS_OK && first < n_users; first += b.users) {
        int64_t n = n_users - first < b.users ? n_users - first : b.users;
        status = recommend_block(p, w, &b, first, n, &out);
        if (status == RECSYS_OK && program_interrupted()) status = RECSYS_ERR_CANCELLED;
    }
    progress_end(&p->progress);
    status = outfile_close(p, &out, status);
    if (status == RECSYS_OK)
        program_say(p, "%s: up to %lld items for each of %lld users\n", p->settings.out, (long long)w->k,
                    (long long)(n_users - b.left_out));
    if (status == RECSYS_OK && b.left_out > 0)
        fprintf(stderr, "recsys: warning: users left out because nothing is known of them: %lld\n", (long long)b.left_out);
    free(b.visitor);
    free(b.query);
    free(b.item);
    free(b.score);
    return status;
}

recsys_status command_recommend(program *p)
{
    const settings *s = &p->settings;
    job w = { .options = RECSYS_TOPK_OPTIONS_INIT };
    int some = s->user.count + s->history.count > 0, rows = s->rows.count > 0;
    if (rows && (some || s->all))
        return program_usage(p, "--rows and --%s exclude each other", s->all ? "all" : s->user.count > 0 ? "user" : "history");
    if (rows && !data_is_labelled(s))
        return program_usage(p, "--rows needs --columns with feature, such as feature,feature,label");
    if (rows && s->train.count > 0) return program_usage(p, "--train brings histories; a row of --rows has none");
    if (rows && s->out != NULL && s->json != NULL)
        return program_usage(p, "--rows writes text to --out or JSON to --json, not both");
    if (some && s->all)
        return program_usage(p, "--%s and --all exclude each other", s->user.count > 0 ? "user" : "history");
    if (!some && !s->all && !rows) return program_usage(p, "give --user ID, --history ID,ID or --all, or --rows FILE for a classifier");
    if (s->all && s->out == NULL) return program_usage(p, "--all needs --out FILE");
    if (some && s->out != NULL) return program_usage(p, "--out belongs to --all and --rows; for some users there is --json");
    if (s->all && s->json != NULL) return program_usage(p, "--all writes text to --out; --json is for some users");
    recsys_status status = prepare(p, &w);
    if (status == RECSYS_OK && rows) status = rows_classify(p, w.model, &w.options, w.k);
    else if (status == RECSYS_OK) status = s->all ? recommend_all(p, &w) : recommend_some(p, &w);
    release_job(&w);
    return status;
}
