/* symmetric.c - sizes of a symmetric matrix kept as lower tiles.
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

int64_t recsys__symmetric_floats(int64_t n, int64_t tile)
{
    if (n < 0 || n > INT32_MAX) return -1;
    int64_t rows = symmetric_padded(n, tile), whole = rows / tile, rest = rows % tile;
    return tile * tile * (whole * (whole + 1) / 2) + rest * rows;
}
