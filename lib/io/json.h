/* json.h - reading a small JSON text: nodes of objects, arrays, strings and numbers.
 *
 * Nodes are numbers from 0, the root; -1 is "none". The children of an object are its keys, and the value of a key is
 * recsys__json_value(). Made for headers and settings of at most JSON_MAX_BYTES, not for data.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include "base/error.h"
#include "base/memory.h"

enum { JSON_MAX_BYTES = 1 << 20 };
enum { JSON_OBJECT = 1, JSON_ARRAY = 2, JSON_STRING = 3, JSON_PRIMITIVE = 4 };

typedef struct json json;

/* Reads bytes[0..length-1], which must outlive the result. ERR_FILE_FORMAT if it is no JSON value, with what is wrong as
 * the message: the caller puts the name of the file before it. */
recsys_status recsys__json_parse(memory *m, error *e, const char *bytes, int64_t length, json **out);
void recsys__json_free(memory *m, json *j);

/* JSON_OBJECT, ... of a node. */
int recsys__json_type(const json *j, int node);

/* First child of an object or array, and the child after a child. */
int recsys__json_first(const json *j, int node);
int recsys__json_next(const json *j, int node);

/* The value that belongs to a key. */
int recsys__json_value(const json *j, int key);

/* The value of the first key of `object` that equals `name`, and whether there is a second one. */
int recsys__json_member(const json *j, int object, const char *name);
int recsys__json_is_twice(const json *j, int object, const char *name);

/* Where a node's text begins and ends in the whole, quotes left out. */
int64_t recsys__json_begin(const json *j, int node);
int64_t recsys__json_end(const json *j, int node);

/* Writes a string, its escapes resolved, with a final zero. Its length, or -1 if the node is no string, holds a zero
 * or half a surrogate pair, or does not fit. */
int64_t recsys__json_string(const json *j, int node, char *buffer, int64_t size);

/* 1 if the node is a string that reads `s`. */
int recsys__json_equals(const json *j, int node, const char *s);

/* 1 and the value if the node is an integer from 0 to 2^63 - 1, without sign, fraction or exponent. */
int recsys__json_count(const json *j, int node, int64_t *value);

#endif
