/* fingerprint.c - counts and CRC-32 of datasets and ids, as texts.
 *
 * In front of each column stands whether it is there, and of each list its length, so that no two different sets of columns
 * read as the same bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/checksum.h"

static void add_number(recsys_exec *x, int64_t value, uint32_t *crc)
{
    recsys__checksum(x, &value, sizeof value, crc, NULL);
}

static void add_column(recsys_exec *x, const void *column, int64_t count, size_t size, uint32_t *crc)
{
    add_number(x, column != NULL, crc);
    if (column != NULL && count > 0)
        recsys__checksum(x, column, count * (int64_t)size, crc, NULL);
}

static void add_ids(recsys_exec *x, const recsys_ids *ids, uint32_t *crc)
{
    int64_t count = recsys_ids_count(ids);
    add_number(x, recsys_ids_type(ids), crc);
    add_number(x, count, crc);
    if (count == 0)
        return;
    if (recsys_ids_type(ids) != RECSYS_ID_STRING) {
        add_column(x, recsys__ids_ints(ids), count, sizeof(int64_t), crc);
        return;
    }
    const int64_t *offset;
    const char *bytes = recsys__ids_bytes(ids, &offset);
    add_column(x, offset, count + 1, sizeof *offset, crc);
    add_column(x, bytes, offset[count], 1, crc);
}

/* All tables of users or of items; their names and those of their columns count as well. */
static void add_tables(recsys_exec *x, const entity_table *t, uint32_t *crc)
{
    int64_t n = t != NULL ? t->n_features : 0;
    add_number(x, n, crc);
    for (int64_t i = 0; i < n; i++) {
        const feature_table *f = &t->features[i];
        const csr *cells = &f->cells;
        int64_t entries = cells->ptr[cells->n_rows], length = (int64_t)strlen(f->name);
        add_number(x, length, crc);
        add_column(x, f->name, length, 1, crc);
        add_ids(x, f->features, crc);
        add_number(x, entries, crc);
        add_column(x, cells->ptr, cells->n_rows + 1, sizeof *cells->ptr, crc);
        add_column(x, cells->col, entries, sizeof *cells->col, crc);
        add_column(x, cells->val, entries, sizeof *cells->val, crc);
    }
}

static int64_t count_tables(const recsys_dataset *d)
{
    int64_t n = 0;
    for (int side = SIDE_USERS; side <= SIDE_ITEMS; side++)
        n += d->table[side] != NULL ? d->table[side]->n_features : 0;
    return n;
}

void recsys__fingerprint_data(recsys_exec *x, const recsys_dataset *d, char out[FINGERPRINT_ROOM])
{
    if (d == NULL) {
        snprintf(out, FINGERPRINT_ROOM, "none");
        return;
    }
    int64_t users = recsys_ids_count(d->users), items = recsys_ids_count(d->items), E = d->n_events;
    uint32_t crc = 0, features = 0;
    add_number(x, users, &crc);
    add_number(x, items, &crc);
    add_number(x, E, &crc);
    add_column(x, d->user, E, sizeof *d->user, &crc);
    add_column(x, d->item, E, sizeof *d->item, &crc);
    add_column(x, d->value, E, sizeof *d->value, &crc);
    add_column(x, d->flag, E, sizeof *d->flag, &crc);
    int n = snprintf(out, FINGERPRINT_ROOM, "users=%" PRId64 ",items=%" PRId64 ",events=%" PRId64 ",crc32=%08" PRIx32, users,
                     items, E, crc);
    if (count_tables(d) == 0) {
        snprintf(out + n, (size_t)(FINGERPRINT_ROOM - n), ",features=none");
        return;
    }
    add_tables(x, d->table[SIDE_USERS], &features);
    add_tables(x, d->table[SIDE_ITEMS], &features);
    snprintf(out + n, (size_t)(FINGERPRINT_ROOM - n), ",features=%08" PRIx32, features);
}

void recsys__fingerprint_ids(recsys_exec *x, const recsys_dataset *d, char out[FINGERPRINT_ROOM])
{
    uint32_t crc = 0;
    add_ids(x, d->users, &crc);
    add_ids(x, d->items, &crc);
    snprintf(out, FINGERPRINT_ROOM, "crc32=%08" PRIx32, crc);
}
