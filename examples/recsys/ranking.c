/* ranking.c - one list of items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "ranking.h"

#include <math.h>
#include <stdlib.h>

#include "names.h"
#include "table.h"

/* Decimal places that show four digits of the largest score, the same in the whole list: scores may be counts or shares. */
static int decimals(const int64_t *item, const float *score, int64_t k)
{
    double largest = 0.0;
    int places = 4;
    for (int64_t r = 0; r < k && item[r] >= 0; r++)
        if (fabs((double)score[r]) > largest) largest = fabs((double)score[r]);
    for (double limit = 1.0; places > 0 && largest >= limit; limit *= 10.0) places--;
    return places;
}

recsys_status ranking_show(program *p, json *j, const recsys_ids *items, const recsys_dataset *names, const int64_t *item,
                           const float *score, int64_t k)
{
    table with_names = TABLE_INIT("rlrl"), without = TABLE_INIT("rlr");
    table *t = names != NULL ? &with_names : &without;
    table_head(t, "  rank", "item", "score", names != NULL ? "name" : NULL, NULL);
    json_begin(j, "items", '[');
    int places = decimals(item, score, k);
    for (int64_t r = 0; r < k && item[r] >= 0; r++) {
        char number[64]; /* any float in full */
        char *id = id_text(items, item[r]);
        const char *name = name_of(names, items, item[r]);
        table_integer(t, r + 1);
        table_text(t, id != NULL ? id : "?");
        snprintf(number, sizeof number, "%.*f", places, (double)score[r]);
        table_text(t, number);
        if (names != NULL) table_text(t, name);
        free(id);
        json_begin(j, NULL, '{');
        json_id(j, "item", items, item[r]);
        json_number(j, "score", (double)score[r]);
        if (names != NULL) json_text(j, "name", name);
        json_end(j, '}');
    }
    json_end(j, ']');
    return table_show(p, t);
}
