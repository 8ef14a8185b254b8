/* movielens_catalogue.c - the movies of MovieLens: titles, genres, years and tags as item names and features.
 *
 * Feature tables: `genres` (cells are 1), `year` (one feature, whose cell is the year) and `tags` (the cell says how often
 * the tag was given to the movie). A movie without year or genre has no cell. "(no genres listed)" is no genre.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "data/encoding.h"
#include "data/read_movielens.h"
#include "data/record.h"

enum { HEAD_CELLS_100K = 5, MOST_GENRES = 100, MOST_CELLS = HEAD_CELLS_100K + MOST_GENRES };

struct catalogue {
    recsys_exec *exec;
    recsys_dataset_builder *builder;
    recsys_ids *movies; /* ids in the order of the file */
    int64_t *index;     /* of each of them in the builder; -1: outside the universe that the caller gave */
    int64_t index_room;
    int64_t genres, year, year_feature, tags; /* feature tables, and the one feature of the years */
    int64_t genre[MOST_GENRES];               /* 100K: features, in the order of the flags */
    int32_t n_genres;
};

/* Takes one line of a file, cut into cells. */
typedef recsys_status (*take_cells)(struct catalogue *c, const event_place *place, const cell *cells, int32_t n_cells);

/* ---- Cells ---- */

static cell trim(cell c)
{
    while (c.length > 0 && (c.text[0] == ' ' || c.text[0] == '\t')) c.text++, c.length--;
    while (c.length > 0 && (c.text[c.length - 1] == ' ' || c.text[c.length - 1] == '\t')) c.length--;
    return c;
}

/* Four digits as a year, or 0. */
static int four_digits(const char *s)
{
    int year = 0;
    for (int k = 0; k < 4; k++) {
        if (s[k] < '0' || s[k] > '9') return 0;
        year = 10 * year + (s[k] - '0');
    }
    return year;
}

/* The year in the last parentheses of a title: "Toy Story (1995)"; series have "(2006-2007)" or "(2007-)". 0 if none. */
static int year_of_title(cell title)
{
    for (int64_t k = title.length - 6; k >= 0; k--) {
        if (title.text[k] != '(') continue;
        int digit_follows = title.text[k + 5] >= '0' && title.text[k + 5] <= '9';
        return digit_follows ? 0 : four_digits(title.text + k + 1);
    }
    return 0;
}

/* The year of a release date: "01-Jan-1995". 0 if none. */
static int year_of_date(cell date)
{
    return date.length >= 4 ? four_digits(date.text + date.length - 4) : 0;
}

static recsys_status fail_cell(const struct catalogue *c, recsys_status status, const event_place *place, cell given,
                               const char *what)
{
    char shown[80];
    return recsys__fail(&c->exec->error, status, "%s:%" PRId64 ": %s %s", place->path, place->line,
                        recsys__show_cell(given.text, given.length, shown, sizeof shown), what);
}

static recsys_status fail_count(const struct catalogue *c, const event_place *place, int32_t n_cells, int32_t wanted)
{
    return recsys__fail(&c->exec->error, RECSYS_ERR_PARSE, "%s:%" PRId64 ": %" PRId32 " cells where there should be %" PRId32,
                        place->path, place->line, n_cells, wanted);
}

/* ---- Movies ---- */

/* Adds a movie to the builder and to the map of our own, by which tags find it. */
static recsys_status add_movie(struct catalogue *c, const event_place *place, cell id, cell title, int64_t *index)
{
    recsys_exec *x = c->exec;
    int64_t number;
    int32_t k;
    if (!recsys__parse_i64(id.text, id.length, &number))
        return fail_cell(c, RECSYS_ERR_PARSE, place, id, "is no movie id: an integer is needed");
    recsys_status status = recsys__builder_add_item(c->builder, id.text, id.length, place, index);
    if (!status) status = recsys__ids_add_int(x, c->movies, number, &k);
    if (!status && k >= c->index_room) {
        int64_t room = 2 * c->index_room + 1024;
        status = recsys__resize(x->memory, &x->error, room, sizeof *c->index, &c->index);
        if (!status) c->index_room = room;
    }
    if (status) return status;
    c->index[k] = *index;
    return *index < 0 ? RECSYS_OK : recsys__builder_name(c->builder, SIDE_ITEMS, *index, title.text, title.length);
}

static recsys_status set_year(struct catalogue *c, int64_t index, int year)
{
    if (year == 0) return RECSYS_OK;
    return recsys__builder_cell(c->builder, SIDE_ITEMS, c->year, index, c->year_feature, (float)year);
}

/* The features of a list such as "Animation|Children's|Comedy". */
static recsys_status set_genres(struct catalogue *c, int64_t index, cell list)
{
    static const char none[] = "(no genres listed)";
    const char *end = list.text + list.length;
    for (const char *s = list.text; s < end;) {
        const char *bar = memchr(s, '|', (size_t)(end - s));
        cell genre = trim((cell){ s, (bar ? bar : end) - s });
        s = bar ? bar + 1 : end;
        if (genre.length == 0) continue;
        if (genre.length == (int64_t)strlen(none) && !memcmp(genre.text, none, strlen(none))) continue;
        int64_t feature;
        recsys_status status = recsys__builder_feature(c->builder, SIDE_ITEMS, c->genres, genre.text, genre.length, &feature);
        if (!status) status = recsys__builder_cell(c->builder, SIDE_ITEMS, c->genres, index, feature, 1.0f);
        if (status) return status;
    }
    return RECSYS_OK;
}

/* movies.dat, movies.csv: movie, title, genres. */
static recsys_status take_movie(struct catalogue *c, const event_place *place, const cell *cells, int32_t n_cells)
{
    if (n_cells != 3) return fail_count(c, place, n_cells, 3);
    cell title = trim(cells[1]);
    int64_t index;
    recsys_status status = add_movie(c, place, trim(cells[0]), title, &index);
    if (status || index < 0) return status;
    status = set_year(c, index, year_of_title(title));
    return status ? status : set_genres(c, index, cells[2]);
}

/* u.genre: name, position of the flag. The flags follow this order. */
static recsys_status take_genre(struct catalogue *c, const event_place *place, const cell *cells, int32_t n_cells)
{
    if (n_cells != 2) return fail_count(c, place, n_cells, 2);
    int64_t position;
    cell number = trim(cells[1]);
    if (!recsys__parse_i64(number.text, number.length, &position) || position != c->n_genres || position >= MOST_GENRES)
        return fail_cell(c, RECSYS_ERR_PARSE, place, number, "is not the next genre's number");
    cell name = trim(cells[0]);
    return recsys__builder_feature(c->builder, SIDE_ITEMS, c->genres, name.text, name.length, &c->genre[c->n_genres++]);
}

/* u.item: movie, title, release date, video release date, address, a flag for each genre. Without names (no u.genre) the
 * flags say nothing and are passed over. */
static recsys_status take_movie_100k(struct catalogue *c, const event_place *place, const cell *cells, int32_t n_cells)
{
    if (n_cells < HEAD_CELLS_100K || (c->n_genres > 0 && n_cells != HEAD_CELLS_100K + c->n_genres))
        return fail_count(c, place, n_cells, HEAD_CELLS_100K + c->n_genres);
    cell title = trim(cells[1]);
    int64_t index;
    recsys_status status = add_movie(c, place, trim(cells[0]), title, &index);
    if (status || index < 0) return status;
    int released = year_of_date(trim(cells[2]));
    status = set_year(c, index, released ? released : year_of_title(title));
    for (int32_t g = 0; !status && g < c->n_genres; g++) {
        cell flag = trim(cells[HEAD_CELLS_100K + g]);
        if (flag.length != 1 || (flag.text[0] != '0' && flag.text[0] != '1'))
            return fail_cell(c, RECSYS_ERR_PARSE, place, flag, "is no flag: 0 or 1 is needed");
        if (flag.text[0] == '1') status = recsys__builder_cell(c->builder, SIDE_ITEMS, c->genres, index, c->genre[g], 1.0f);
    }
    return status;
}

/* ---- Tags ---- */

/* tags.dat, tags.csv: user, movie, tag, time. */
static recsys_status take_tag(struct catalogue *c, const event_place *place, const cell *cells, int32_t n_cells)
{
    if (n_cells != 4) return fail_count(c, place, n_cells, 4);
    int64_t number, k = -1, feature;
    cell movie = trim(cells[1]), tag = trim(cells[2]);
    if (!recsys__parse_i64(movie.text, movie.length, &number))
        return fail_cell(c, RECSYS_ERR_PARSE, place, movie, "is no movie id: an integer is needed");
    k = recsys_ids_find_int(c->movies, number);
    if (k < 0) return fail_cell(c, RECSYS_ERR_UNKNOWN_ID, place, movie, "is not among the movies");
    if (c->index[k] < 0 || tag.length == 0) return RECSYS_OK;
    recsys_status status = recsys__builder_feature(c->builder, SIDE_ITEMS, c->tags, tag.text, tag.length, &feature);
    return status ? status : recsys__builder_cell(c->builder, SIDE_ITEMS, c->tags, c->index[k], feature, 1.0f);
}

/* ---- Files ---- */

/* Whether this is the header of a CSV file: its first line, with words where the numbers are. */
static int is_header(const cell *cells, int64_t line)
{
    int64_t number;
    return line == 1 && !recsys__parse_i64(cells[0].text, cells[0].length, &number);
}

/* Reads a file of cells between one-character separators. A CSV file has a header, and quotes. */
static recsys_status each_record(struct catalogue *c, const char *path, int is_csv, take_cells take)
{
    recsys_exec *x = c->exec;
    input *in;
    record_reader *r = NULL;
    recsys_status status = recsys__input_open(x, path, &in);
    if (status) return status;
    status = recsys__record_open(x, in, is_csv ? "," : "|", is_csv, MOST_CELLS, &r);
    while (!status) {
        const cell *cells;
        int32_t n_cells;
        event_place place = { .path = path, .item_column = 1 };
        status = recsys__record_next(r, &cells, &n_cells, &place.line);
        if (status || !cells) break;
        if (!is_csv || !is_header(cells, place.line)) status = take(c, &place, cells, n_cells);
    }
    recsys__record_close(r);
    recsys__input_close(in);
    return status;
}

/* The next "::" in s to end - 1, or NULL. */
static const char *find_colons(const char *s, const char *end)
{
    for (; s + 1 < end; s++)
        if (s[0] == ':' && s[1] == ':') return s;
    return NULL;
}

/* Cuts a line into `wanted` cells: all but the last two from the left and the last from the right, so that the last but
 * one, which is free text, may hold "::" too. Returns how many cells there are. */
static int32_t cut_at_colons(const char *s, int64_t length, int32_t wanted, cell *cells)
{
    const char *end = s + length, *at, *last = NULL;
    int32_t n = 0;
    for (; n < wanted - 2 && (at = find_colons(s, end)) != NULL; s = at + 2) cells[n++] = (cell){ s, at - s };
    for (const char *from = s; (at = find_colons(from, end)) != NULL; from = at + 2) last = at;
    cells[n++] = (cell){ s, (last ? last : end) - s };
    if (last) cells[n++] = (cell){ last + 2, end - last - 2 };
    return n;
}

/* Reads a file of `wanted` cells a line between double colons. */
static recsys_status each_line(struct catalogue *c, const char *path, int32_t wanted, take_cells take)
{
    cell cells[4];
    const char *line;
    int64_t length;
    event_place place = { .path = path, .item_column = 1 };
    input *in;
    recsys_status status = recsys__input_open(c->exec, path, &in);
    if (status) return status;
    while (!(status = recsys__input_line(in, &line, &length, &place.line)) && line) {
        if (length == 0) continue;
        status = take(c, &place, cells, cut_at_colons(line, length, wanted, cells));
        if (status) break;
    }
    recsys__input_close(in);
    return status;
}

/* A kind of file: its name in each layout (NULL: there is none), and what its lines are. */
struct file_kind {
    const char *name[3]; /* by MOVIELENS_* */
    int32_t n_cells;     /* of a line in movies.dat and tags.dat */
    take_cells take, take_100k;
};

static const struct file_kind genre_file = { { "u.genre", NULL, NULL }, 2, NULL, take_genre };
static const struct file_kind movie_file = { { "u.item", "movies.dat", "movies.csv" }, 3, take_movie, take_movie_100k };
static const struct file_kind tag_file = { { NULL, "tags.dat", "tags.csv" }, 4, take_tag, NULL };

/* Reads the file of this kind at `path` (NULL: there is none). */
static recsys_status read_file(struct catalogue *c, const struct file_kind *kind, int layout, const char *path)
{
    if (!path) return RECSYS_OK;
    if (layout == MOVIELENS_DAT) return each_line(c, path, kind->n_cells, kind->take);
    return each_record(c, path, layout == MOVIELENS_CSV, layout == MOVIELENS_100K ? kind->take_100k : kind->take);
}

static recsys_status find_file(struct catalogue *c, const struct file_kind *kind, const char *folder, int layout, char **path)
{
    *path = NULL;
    return kind->name[layout] ? recsys__movielens_find(c->exec, folder, kind->name[layout], path) : RECSYS_OK;
}

static recsys_status make_tables(struct catalogue *c, int with_tags)
{
    static const char year[] = "year";
    recsys_status status = recsys__builder_feature_table(c->builder, SIDE_ITEMS, "genres", FEATURE_ONCE, &c->genres);
    if (!status) status = recsys__builder_feature_table(c->builder, SIDE_ITEMS, year, FEATURE_LAST, &c->year);
    if (!status)
        status = recsys__builder_feature(c->builder, SIDE_ITEMS, c->year, year, (int64_t)strlen(year), &c->year_feature);
    if (!status && with_tags) status = recsys__builder_feature_table(c->builder, SIDE_ITEMS, "tags", FEATURE_SUM, &c->tags);
    return status;
}

/* Without a file of movies there is nothing that genres and tags could belong to. */
static recsys_status read_files(struct catalogue *c, const char *folder, int layout)
{
    char *genres = NULL, *movies = NULL, *tags = NULL;
    recsys_status status = find_file(c, &movie_file, folder, layout, &movies);
    if (!status) status = find_file(c, &genre_file, folder, layout, &genres);
    if (!status) status = find_file(c, &tag_file, folder, layout, &tags);
    if (!status && movies) {
        status = make_tables(c, tags != NULL);
        if (!status) status = read_file(c, &genre_file, layout, genres);
        if (!status) status = read_file(c, &movie_file, layout, movies);
        if (!status) status = read_file(c, &tag_file, layout, tags);
    }
    recsys__free(c->exec->memory, tags);
    recsys__free(c->exec->memory, genres);
    recsys__free(c->exec->memory, movies);
    return status;
}

recsys_status recsys__movielens_catalogue(recsys_exec *x, const char *folder, int layout, recsys_dataset_builder *b)
{
    struct catalogue *c;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *c, &c);
    if (status) return status;
    c->exec = x;
    c->builder = b;
    status = recsys__ids_create(x, RECSYS_ID_INT, &c->movies);
    if (!status) status = read_files(c, folder, layout);
    recsys__ids_release(c->movies);
    recsys__free(x->memory, c->index);
    recsys__free(x->memory, c);
    return status;
}
