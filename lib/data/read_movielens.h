/* read_movielens.h - MovieLens in its own files: 100K, 1M, 10M, 20M and latest.
 *
 * `path` is a folder, or a ratings file in it (also one of a published split, such as u1.base or r1.train). Each file may
 * be compressed, with `.gz` behind its name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_READ_MOVIELENS_H
#define DATA_READ_MOVIELENS_H

#include "data/builder.h"

/* Adds the movies of the folder with their titles, genres, years and tags, as far as it has such files. To be called once,
 * before the first part. */
recsys_status recsys__read_movielens_items(recsys_exec *x, const char *path, recsys_dataset_builder *b);

/* Begins a part and adds the ratings. */
recsys_status recsys__read_movielens_events(recsys_exec *x, const char *path, recsys_dataset_builder *b);

/* ---- Between the two files of the reader ---- */

/* Which files there are and how they look:
 *     100K          u.data (tabs), u.item (|, a flag for each genre), u.genre
 *     1M, 10M       ratings.dat, movies.dat, tags.dat (::)
 *     20M, latest   ratings.csv, movies.csv, tags.csv (commas, quotes, a header) */
enum { MOVIELENS_100K, MOVIELENS_DAT, MOVIELENS_CSV };

/* The path of a file in the folder (empty, or ending in a slash), plain or compressed; NULL if there is none. Free with
 * recsys__free(). */
recsys_status recsys__movielens_find(recsys_exec *x, const char *folder, const char *name, char **path);

/* Adds the movies of a folder in this layout. */
recsys_status recsys__movielens_catalogue(recsys_exec *x, const char *folder, int layout, recsys_dataset_builder *b);

#endif
