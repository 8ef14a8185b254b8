/* dump.h - what a dataset holds, as text: the tests of data compare this with what they expect.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DATA_DUMP_H
#define TESTS_DATA_DUMP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"

/* Reads a file with these options into a dataset. */
static inline recsys_dataset *read_dataset(fixture *f, const char *path, const char *columns, const char *items)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.columns = columns;
    options.items = items;
    recsys_dataset *d = NULL;
    expect_ok(f->exec, recsys_dataset_read(f->exec, path, &options, &d));
    return d;
}

/* The same from text, cells between spaces. */
static inline recsys_dataset *dataset_from(fixture *f, const char *columns, const char *text)
{
    char path[TEST_PATH_ROOM];
    test_write_text(fixture_path(f, "events.txt", path), text);
    return read_dataset(f, path, columns, NULL);
}

/* All events, a line each, all columns that there are with spaces between; to be freed with free(). */
static inline char *dump(fixture *f, const recsys_dataset *d)
{
    char path[TEST_PATH_ROOM];
    size_t size;
    recsys_write_options options = RECSYS_WRITE_OPTIONS_INIT;
    options.separator = " ";
    expect_ok(f->exec, recsys_dataset_write(d, f->exec, fixture_path(f, "dump.txt", path), &options));
    char *text = (char *)test_read_file(path, &size);
    remove(path);
    return text;
}

static inline void assert_events(fixture *f, const recsys_dataset *d, const char *expected)
{
    char *text = dump(f, d);
    assert_string_equal(text, expected);
    free(text);
}

/* The ids of a map, each with a space behind it. */
static inline void assert_ids(const recsys_ids *ids, const char *expected)
{
    char all[1024] = "", one[64];
    for (int64_t k = 0; k < recsys_ids_count(ids); k++) {
        recsys_ids_text(ids, k, one, sizeof one);
        assert_true(strlen(all) + strlen(one) + 2 < sizeof all);
        strcat(strcat(all, one), " ");
    }
    assert_string_equal(all, expected);
}

/* A row of a feature table as "name=value ", in order. */
static inline void assert_features(const recsys_dataset *d, int64_t table, const char *item, const char *expected)
{
    enum { ROOM = 32 };
    char all[1024] = "";
    int64_t feature[ROOM], count;
    float value[ROOM];
    int64_t index = recsys_ids_find(recsys_dataset_items(d), item);
    assert_true(index >= 0);
    assert_int_equal(recsys_dataset_item_features(d, table, index, feature, value, ROOM, &count), RECSYS_OK);
    assert_true(count <= ROOM);
    for (int64_t k = 0; k < count; k++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s=%d ", recsys_dataset_feature_name(d, table, feature[k]), (int)value[k]);
    }
    assert_string_equal(all, expected);
}

#endif
