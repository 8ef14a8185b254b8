/* json.h - writing JSON to a file, indented, one value after the other.
 *
 * Inside an object each value needs a key, inside an array `key` is NULL. Without --json nothing is open, and all these
 * functions do nothing: no command has to ask.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_JSON_H
#define RECSYS_PROGRAM_JSON_H

#include "outfile.h"

typedef struct json {
    outfile out;
    int depth;
    int fresh; /* 1: nothing stands in the present object or array yet */
} json;

#define JSON_INIT { OUTFILE_INIT, 0, 0 }

/* Opens the file and its outermost object; with a NULL path nothing is opened. */
recsys_status json_open(program *p, json *j, const char *path);

/* Ends that object, puts the file in place if `status` is OK, and returns the first failure. */
recsys_status json_close(program *p, json *j, recsys_status status);

void json_begin(json *j, const char *key, char bracket); /* '{' or '[' */
void json_end(json *j, char bracket);                    /* '}' or ']' */
void json_text(json *j, const char *key, const char *value);
void json_integer(json *j, const char *key, int64_t value);
void json_number(json *j, const char *key, double value); /* the shortest form that reads back equal; null if not finite */
void json_id(json *j, const char *key, const recsys_ids *ids, int64_t index); /* a number or a string, as the ids are */

#endif
