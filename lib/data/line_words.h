/* line_words.h - the words of a line, where several separators in a row count as one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_LINE_WORDS_H
#define DATA_LINE_WORDS_H

#include <stdint.h>
#include <string.h>

typedef struct line_words {
    const char *at, *end;
    const char *separators; /* each character is one */
} line_words;

static inline int recsys__parts_words(const line_words *w, char c)
{
    return c != 0 && strchr(w->separators, c) != NULL;
}

/* The next word; 0 if there is none. */
static inline int recsys__next_word(line_words *w, const char **word, int64_t *length)
{
    while (w->at < w->end && recsys__parts_words(w, *w->at)) w->at++;
    *word = w->at;
    while (w->at < w->end && !recsys__parts_words(w, *w->at)) w->at++;
    *length = w->at - *word;
    return *length > 0;
}

#endif
