/* symmetric.c - sizes and addresses of a symmetric matrix kept as lower tiles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/symmetric.h"

static int64_t round_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

int64_t recsys__symmetric_tile(int64_t n)
{
    int64_t tile = round_up((n + 13) / 14, SYMMETRIC_UNIT);
    if (tile < 128) return 128;
    if (tile <= 736) return tile;
    /* As many tiles of at most 720 rows as come out even, so that the last row of tiles is no sliver. */
    int64_t tiles = (n + 719) / 720;
    return round_up((n + tiles - 1) / tiles, SYMMETRIC_UNIT);
}

/* n with its padding. Serving and factor layout are told apart by their tiles. */
static int64_t padded(int64_t n, int64_t tile)
{
    return round_up(n, tile < SYMMETRIC_UNIT ? SYMMETRIC_LINE : SYMMETRIC_UNIT);
}

int64_t recsys__symmetric_floats(int64_t n, int64_t tile)
{
    if (n < 0 || n > INT32_MAX) return -1;
    int64_t rows = padded(n, tile), whole = rows / tile, rest = rows % tile;
    return tile * tile * (whole * (whole + 1) / 2) + rest * rows;
}

int64_t recsys__symmetric_height(const symmetric *s, int64_t a)
{
    int64_t rest = padded(s->n, s->tile) - a * s->tile;
    return rest < s->tile ? rest : s->tile;
}

float *recsys__symmetric_tile_at(const symmetric *s, int64_t a, int64_t b)
{
    return s->data + s->tile * s->tile * (a * (a + 1) / 2) + b * s->tile * recsys__symmetric_height(s, a);
}
