/* golden_file.h - reads the golden files of tests/reference (pointwise.py and stepwise.py explain the format) into memory.
 *
 *     golden_file g;
 *     golden_open(&g, "gmf.txt");                              fails the test if the file is not what it should be
 *     const golden_case *c = &g.cases[0];
 *     golden_number(c, "lr"), golden_word(c, "loss"), golden_has(c, "alpha");
 *     const golden_array *w = golden_get(c, "initial.user_embedding");
 *     golden_close(&g);
 *
 * Include after support/support.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODEL_GOLDEN_FILE_H
#define TESTS_MODEL_GOLDEN_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_KEYS = 24, GOLDEN_ARRAYS = 128, GOLDEN_NAME = 64, GOLDEN_TEXT = 160 };

typedef struct golden_key {
    char name[GOLDEN_NAME], value[GOLDEN_TEXT];
} golden_key;

/* Row-major, rows x cols; a vector has one row. `f32` holds the same numbers, rounded. */
typedef struct golden_array {
    char name[GOLDEN_NAME];
    int64_t rows, cols;
    double *value;
    float *f32;
} golden_array;

typedef struct golden_case {
    char name[GOLDEN_NAME];
    int n_keys, n_arrays;
    golden_key keys[GOLDEN_KEYS];
    golden_array arrays[GOLDEN_ARRAYS];
} golden_case;

typedef struct golden_file {
    int n_cases;
    golden_case *cases;
} golden_file;

static inline double golden__read(FILE *f)
{
    double v = 0;
    if (fscanf(f, "%lf", &v) != 1)
        fail_msg("golden file: a number is missing at byte %ld", ftell(f));
    return v;
}

static inline void golden__word(FILE *f, char word[GOLDEN_NAME])
{
    if (fscanf(f, "%63s", word) != 1)
        fail_msg("golden file: ends early");
}

static inline void golden__read_array(FILE *f, golden_array *a)
{
    golden__word(f, a->name);
    a->rows = (int64_t)golden__read(f);
    a->cols = (int64_t)golden__read(f);
    assert_true(a->rows > 0 && a->cols > 0);
    size_t n = (size_t)(a->rows * a->cols);
    a->value = calloc(n, sizeof *a->value);
    a->f32 = calloc(n, sizeof *a->f32);
    assert_true(a->value != NULL && a->f32 != NULL);
    for (size_t e = 0; e < n; e++) {
        a->value[e] = golden__read(f);
        a->f32[e] = (float)a->value[e];
    }
}

static inline void golden__read_case(FILE *f, golden_case *c)
{
    char word[GOLDEN_NAME];
    golden__word(f, word);
    assert_string_equal(word, "case");
    golden__word(f, c->name);
    for (golden__word(f, word); strcmp(word, "end") != 0; golden__word(f, word)) {
        if (strcmp(word, "key") == 0) {
            assert_true(c->n_keys < GOLDEN_KEYS);
            golden_key *k = &c->keys[c->n_keys++];
            golden__word(f, k->name);
            if (fscanf(f, "%159s", k->value) != 1)
                fail_msg("golden file: ends early");
        } else {
            assert_string_equal(word, "array");
            assert_true(c->n_arrays < GOLDEN_ARRAYS);
            golden__read_array(f, &c->arrays[c->n_arrays++]);
        }
    }
}

static inline void golden_open(golden_file *g, const char *name)
{
    const char *folder = getenv("RECSYS_TEST_GOLDEN");
    char path[512], line[256], word[GOLDEN_NAME];
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "tests/golden", name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot open %s (is RECSYS_TEST_GOLDEN set?)", path);
    long start = 0; /* of the first line that is no comment */
    while (fgets(line, sizeof line, f) != NULL && line[0] == '#')
        start = ftell(f);
    assert_int_equal(fseek(f, start, SEEK_SET), 0);
    golden__word(f, word);
    assert_string_equal(word, "cases");
    g->n_cases = (int)golden__read(f);
    assert_true(g->n_cases > 0);
    g->cases = calloc((size_t)g->n_cases, sizeof *g->cases);
    assert_non_null(g->cases);
    for (int c = 0; c < g->n_cases; c++)
        golden__read_case(f, &g->cases[c]);
    assert_int_equal(fscanf(f, "%63s", word), EOF);
    fclose(f);
}

static inline void golden_close(golden_file *g)
{
    for (int c = 0; c < g->n_cases; c++)
        for (int a = 0; a < g->cases[c].n_arrays; a++) {
            free(g->cases[c].arrays[a].value);
            free(g->cases[c].arrays[a].f32);
        }
    free(g->cases);
    *g = (golden_file){ 0 };
}

/* NULL where the case has no such key. */
static inline const char *golden__value(const golden_case *c, const char *key)
{
    for (int k = 0; k < c->n_keys; k++)
        if (strcmp(c->keys[k].name, key) == 0)
            return c->keys[k].value;
    return NULL;
}

static inline int golden_has(const golden_case *c, const char *key)
{
    return golden__value(c, key) != NULL;
}

static inline const char *golden_word(const golden_case *c, const char *key)
{
    const char *value = golden__value(c, key);
    if (value == NULL)
        fail_msg("golden case %s has no key %s", c->name, key);
    return value;
}

static inline double golden_number(const golden_case *c, const char *key)
{
    const char *text = golden_word(c, key);
    char *end = NULL;
    double v = strtod(text, &end);
    if (end == text || *end != '\0')
        fail_msg("golden case %s: %s is no number: %s", c->name, key, text);
    return v;
}

/* NULL where the case has no such array. */
static inline const golden_array *golden_find(const golden_case *c, const char *name)
{
    for (int a = 0; a < c->n_arrays; a++)
        if (strcmp(c->arrays[a].name, name) == 0)
            return &c->arrays[a];
    return NULL;
}

static inline const golden_array *golden_get(const golden_case *c, const char *name)
{
    const golden_array *a = golden_find(c, name);
    if (a == NULL)
        fail_msg("golden case %s has no array %s", c->name, name);
    return a;
}

/* The array PREFIX.NAME, for example golden_part(c, "after5", "user_embedding"). */
static inline const golden_array *golden_part(const golden_case *c, const char *prefix, const char *name)
{
    char full[2 * GOLDEN_NAME];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    return golden_get(c, full);
}

#endif
