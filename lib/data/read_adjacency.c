/* read_adjacency.c - adjacency lists: a user and its items on each line, as LightGCN's data is published.
 *
 * Words are parted by spaces or tabs, or by the separator of the options; several in a row count as one. A line that holds
 * a user alone makes that user known without events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/read.h"

#include "data/line_words.h"

static recsys_status add_line(recsys_dataset_builder *b, line_words *w, event_place *place)
{
    event_row row = {0};
    if (!recsys__next_word(w, &row.user, &row.user_length)) return RECSYS_OK;
    int64_t n = 0;
    recsys_status s = RECSYS_OK;
    place->user_column = 1;
    while (!s && recsys__next_word(w, &row.item, &row.item_length)) {
        place->item_column = n < INT32_MAX - 2 ? (int32_t)n + 2 : 0;
        s = recsys__builder_add(b, &row, place);
        n++;
    }
    return n == 0 ? recsys__builder_know(b, SIDE_USERS, row.user, row.user_length, place) : s;
}

recsys_status recsys__read_adjacency(input *in, const recsys_read_options *options, recsys_dataset_builder *b)
{
    line_words w = {NULL, NULL, options->separator && *options->separator ? options->separator : " \t"};
    event_place place = {.path = recsys__input_path(in)};
    recsys_status s = recsys__builder_begin_part(b, 0);
    while (!s) {
        int64_t length;
        s = recsys__input_line(in, &w.at, &length, &place.line);
        if (s || !w.at) break;
        w.end = w.at + length;
        s = add_line(b, &w, &place);
    }
    return recsys__input_blame(in, s);
}
