/* read_negative.c - test files of denoising benchmarks: a positive pair on each line and, perhaps, fixed negatives.
 *
 *     (12,345)<TAB>7<TAB>81<TAB>93     a Python pair, user and item; then items that the user did not choose
 *     12<TAB>345                       the pair alone; what follows on such a line is no list of items and is skipped
 *
 * A file is read in one of two ways: its pairs are test events, its negatives a user's candidates. Words are parted by
 * spaces or tabs, or by the separator of the options; several in a row count as one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/read.h"

#include "data/line_words.h"

typedef struct reader {
    recsys_exec *x;
    recsys_dataset_builder *b;
    int candidates; /* take the negatives, not the pairs */
    line_words w;
    event_place place;
} reader;

static recsys_status fail_line(const reader *r, const char *reason)
{
    return recsys__fail(&r->x->error, RECSYS_ERR_PARSE, "%.300s:%lld: %s", r->place.path, (long long)r->place.line, reason);
}

/* ---- pairs ---- */

static void skip_spaces(line_words *w)
{
    while (w->at < w->end && *w->at == ' ') w->at++;
}

/* An id within a Python pair, plain or in quotes, up to `stop`, which is taken too. 0 if there is none. */
static int take_id(line_words *w, char stop, const char **id, int64_t *length)
{
    skip_spaces(w);
    char quote = w->at < w->end && (*w->at == '\'' || *w->at == '"') ? *w->at++ : 0;
    const char *end = memchr(w->at, quote ? quote : stop, (size_t)(w->end - w->at));
    if (!end) return 0;
    *id = w->at;
    *length = end - w->at;
    while (!quote && *length > 0 && (*id)[*length - 1] == ' ') --*length;
    w->at = end;
    if (quote) {
        w->at++;
        skip_spaces(w);
        if (w->at == w->end || *w->at != stop) return 0;
    }
    w->at++;
    return *length > 0;
}

static recsys_status take_python_pair(reader *r, event_row *row)
{
    line_words *w = &r->w;
    w->at++;
    if (!take_id(w, ',', &row->user, &row->user_length) || !take_id(w, ')', &row->item, &row->item_length) ||
        (w->at < w->end && !recsys__parts_words(w, *w->at)))
        return fail_line(r, "the bracket does not begin a pair such as (12,345)");
    r->place.user_column = r->place.item_column = 1;
    return RECSYS_OK;
}

static recsys_status take_plain_pair(reader *r, event_row *row)
{
    r->place.user_column = 1;
    r->place.item_column = 2;
    if (!recsys__next_word(&r->w, &row->user, &row->user_length)) return fail_line(r, "column 1 (user) is missing");
    if (!recsys__next_word(&r->w, &row->item, &row->item_length)) return fail_line(r, "column 2 (item) is missing");
    return RECSYS_OK;
}

/* ---- lines ---- */

/* The negatives of one line; a user of whom there are none is known nevertheless. */
static recsys_status add_negatives(reader *r, event_row *row)
{
    int64_t n = 0;
    recsys_status s = RECSYS_OK;
    for (; !s && recsys__next_word(&r->w, &row->item, &row->item_length); n++) {
        r->place.item_column = n < INT32_MAX - 2 ? (int32_t)n + 2 : 0;
        s = recsys__builder_add(r->b, row, &r->place);
    }
    if (n > 0) return s;
    return recsys__builder_know(r->b, SIDE_USERS, row->user, row->user_length, &r->place);
}

static recsys_status add_line(reader *r)
{
    event_row row = {0};
    while (r->w.at < r->w.end && recsys__parts_words(&r->w, *r->w.at)) r->w.at++;
    if (r->w.at == r->w.end) return RECSYS_OK;
    int python = *r->w.at == '(';
    if (r->candidates && !python)
        return fail_line(r, "no candidates: the line does not begin with a pair in brackets, such as (12,345)");
    recsys_status s = python ? take_python_pair(r, &row) : take_plain_pair(r, &row);
    if (s) return s;
    return r->candidates ? add_negatives(r, &row) : recsys__builder_add(r->b, &row, &r->place);
}

static recsys_status read_lines(input *in, const recsys_read_options *options, recsys_dataset_builder *b, int candidates)
{
    reader r = {recsys__builder_exec(b), b, candidates, {NULL, NULL, " \t"}, {.path = recsys__input_path(in)}};
    if (options->separator && *options->separator) r.w.separators = options->separator;
    recsys_status s = recsys__builder_begin_part(b, 0);
    while (!s) {
        int64_t length;
        s = recsys__input_line(in, &r.w.at, &length, &r.place.line);
        if (s || !r.w.at) break;
        r.w.end = r.w.at + length;
        s = add_line(&r);
    }
    return recsys__input_blame(in, s);
}

recsys_status recsys__read_negative(input *in, const recsys_read_options *options, recsys_dataset_builder *b)
{
    return read_lines(in, options, b, 0);
}

recsys_status recsys__read_negative_candidates(input *in, const recsys_read_options *options, recsys_dataset_builder *b)
{
    return read_lines(in, options, b, 1);
}
