/* symmetric.h - a symmetric n x n float matrix of which only lower tiles are kept: about n^2 / 2 floats.
 *
 * Both layouts cut rows and columns into tiles of `tile` and keep the tiles (a, b) with a >= b, row of tiles after row
 * of tiles, b ascending, nothing in between. They differ in the size of a tile, in the order inside it and in padding.
 *
 * Factor layout, tile = T from recsys__symmetric_tile(), a multiple of 32: n is padded to N, the next multiple of 32; a
 * tile is an h x w matrix by columns with leading dimension h, as BLAS wants it (h = w = T but for the last row of
 * tiles, which has the h rows that remain). Diagonal tiles are squares of which only the lower half counts.
 *
 *     n = 70, T = 32, N = 96:     (0,0)                   tile (a, b) begins at float 1024 (a (a + 1) / 2 + b);
 *                                 (1,0) (1,1)             rows and columns 70 to 95 are padding
 *                                 (2,0) (2,1) (2,2)
 *
 * Serving layout, tile = SYMMETRIC_LINE = 4; this is what a model keeps and what its file holds. n is padded with zeros
 * to the next multiple of 4. A tile is called a line: 4 x 4 floats by rows, 64 bytes; those on the diagonal hold both
 * halves. Four rows of the matrix make a strip: the lines (a, 0) to (a, a), one after the other. So element (i, j) with
 * i / 4 >= j / 4 is at
 *
 *     16 (a (a + 1) / 2 + b) + 4 (i % 4) + j % 4,   a = i / 4, b = j / 4,   (9, 6) for one at 16 (3 + 1) + 4 + 2 = 70,
 *
 * and the whole matrix is, from the flat array `data`, in NumPy:
 *
 *     def full(data, n):
 *         m = -(-n // 4)
 *         P = numpy.empty((4 * m, 4 * m), data.dtype)
 *         for a in range(m):
 *             strip = data[8 * a * (a + 1):8 * (a + 1) * (a + 2)].reshape(a + 1, 4, 4)
 *             strip = strip.transpose(1, 0, 2).reshape(4, 4 * (a + 1))
 *             P[4 * a:4 * (a + 1), :4 * (a + 1)] = strip
 *             P[:4 * (a + 1), 4 * a:4 * (a + 1)] = strip.T
 *         return P[:n, :n]
 *
 * Why so: a row of the full matrix is half a row and half a column of what is kept. A cache line of 4 x 4 elements gives
 * 4 of its 16 floats either way (16 and 1 if tiles were by rows or by columns: 8.5 lines read where one would do), and
 * the row half is one sequential stream, the column half one line in each strip. Lost: 32 x 32 elements to a page of
 * 4 KiB, which touches the fewest pages, but whose short runs no hardware prefetcher follows: 1.65 times the time of a
 * row, with small or huge pages alike.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_SYMMETRIC_H
#define BACKEND_SYMMETRIC_H

#include <stdint.h>

#include "base/part_of_caller.h"

/* Rows and columns in a line of the serving layout, and floats. */
#define SYMMETRIC_LINE 4
#define SYMMETRIC_LINE_FLOATS 16

/* Tiles of the factor layout, and its padding, are multiples of this. */
#define SYMMETRIC_UNIT 32

/* n rows, at most 2^31 - 1; `tile` rows in a tile, SYMMETRIC_LINE in serving layout; `data` in backend memory, aligned
 * to 64 bytes. */
typedef struct symmetric {
    int64_t n, tile;
    float *data;
} symmetric;

/* The tile size of the factor layout for n rows: depends on n alone, so that the bits do not depend on anything else.
 * A multiple of SYMMETRIC_UNIT; about n / 14 within 128 and 736: from 1,400 rows on the matrix takes at most
 * 0.55 n^2 floats. */
int64_t recsys__symmetric_tile(int64_t n);

/* Floats that `data` holds in tiles of `tile` rows (SYMMETRIC_LINE: the serving layout), or -1 if n is negative or
 * exceeds 2^31 - 1. The serving layout is never larger than the factor layout of the same matrix. */
int64_t recsys__symmetric_floats(int64_t n, int64_t tile);

/* n with its padding. The layouts are told apart by their tiles. */
PART_OF_CALLER int64_t symmetric_padded(int64_t n, int64_t tile)
{
    int64_t multiple = tile < SYMMETRIC_UNIT ? SYMMETRIC_LINE : SYMMETRIC_UNIT;
    return (n + multiple - 1) / multiple * multiple;
}

/* Rows in tile row `a` of the factor layout: `tile`, or what remains of the padded n. */
PART_OF_CALLER int64_t symmetric_height(const symmetric *s, int64_t a)
{
    int64_t rest = symmetric_padded(s->n, s->tile) - a * s->tile;
    return rest < s->tile ? rest : s->tile;
}

/* Where tile (a, b), a >= b, of the factor layout begins. */
PART_OF_CALLER float *symmetric_tile_at(const symmetric *s, int64_t a, int64_t b)
{
    return s->data + s->tile * s->tile * (a * (a + 1) / 2) + b * s->tile * symmetric_height(s, a);
}

/* Float at which line (a, b), a >= b, of the serving layout begins. */
PART_OF_CALLER int64_t symmetric_line(int64_t a, int64_t b)
{
    return (a * (a + 1) / 2 + b) * SYMMETRIC_LINE_FLOATS;
}

/* Float at which element (i, j) of the serving layout is, any i and j. */
PART_OF_CALLER int64_t symmetric_element(int64_t i, int64_t j)
{
    if (i < j) {
        int64_t t = i;
        i = j;
        j = t;
    }
    return symmetric_line(i / SYMMETRIC_LINE, j / SYMMETRIC_LINE) + SYMMETRIC_LINE * (i % SYMMETRIC_LINE) +
           j % SYMMETRIC_LINE;
}

#endif
