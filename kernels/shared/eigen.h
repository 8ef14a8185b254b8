/* eigen.h - a symmetric matrix by reduction to three diagonals, and QL steps with implicit shifts on those, by a team.
 *
 * Source: Golub and Van Loan, "Matrix Computations", 4th ed., 8.3; here by full rows, since sums of rows become vector code.
 * LAPACK's dsytrd was tried: linked with OpenBLAS 0.3.21 it gave NaN on a call and the right numbers when the call was
 * repeated, probably from what dsymv finds in its buffer; dsyevd pulls in the Fortran run-time. All is in double. The scalars
 * of a QL step are one thread's work, its rotations everybody's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_EIGEN_H
#define KERNELS_SHARED_EIGEN_H

#include <float.h>
#include <string.h>

#include "kernels/shared/team.h"

enum { EIGEN_MOST_STEPS = 60 };

/* Doubles of workspace. */
PART_OF_CALLER int64_t eigen_doubles(int64_t n)
{
    return n * n + 4 * n;
}

/* Whether a singular value of a product, whose square and that of the largest are given, is more than what rounding leaves of
 * nothing: 2^-17 of it. */
PART_OF_CALLER int eigen_is_some(double value, double top)
{
    return value > 0.0 && value > 0x1p-34 * top;
}

/* v of length n becomes the reflection 1 - beta v v' that takes it to (alpha, 0, ...). Returns beta. */
PART_OF_CALLER double eigen_reflection(team t, double *v, int64_t n, double *alpha)
{
    double most = 0.0;
    for (int64_t i = t.own; i < n; i += t.size) most = fabs(v[i]) > most ? fabs(v[i]) : most;
    most = team_most(t, most);
    *alpha = 0.0;
    if (most == 0.0) return 0.0;
    for (int64_t i = t.own; i < n; i += t.size) v[i] /= most;
    double length = sqrt(team_dot(t, v, v, n)), first = v[0] > 0.0 ? -length : length;
    *alpha = first * most;
    TEAM_WAIT();
    if (t.own == 0) v[0] -= first;
    return 2.0 / team_dot(t, v, v, n);
}

/* A - beta (v v' A + A v v') + ... for the n x n block that begins at `a`, rows `width` apart. p: n. */
PART_OF_CALLER void eigen_reflect_both(team t, double *a, int64_t width, int64_t n, const double *v, double beta, double *p)
{
    for (int64_t i = t.own; i < n; i += t.size) p[i] = 0.0;
    for (int64_t j = 0; j < n; j++) team_add(t, p, beta * v[j], a + j * width, n); /* beta A v, since A is symmetric */
    double along = team_dot(t, p, v, n);
    team_add(t, p, -0.5 * beta * along, v, n);
    TEAM_WAIT();
    for (int64_t j = 0; j < n; j++) {
        team_add(t, a + j * width, -v[j], p, n);
        team_add(t, a + j * width, -p[j], v, n);
    }
    TEAM_WAIT();
}

/* d and e: the diagonals. The reflections' vectors come into the rows of `v`, their factors into beta. */
PART_OF_CALLER void eigen_reduce(team t, double *a, int64_t n, double *d, double *e, double *v, double *beta, double *p)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t rest = n - k - 1;
        double *row = v + k * n + k + 1, alpha = 0.0, factor = 0.0;
        for (int64_t i = t.own; i < rest; i += t.size) row[i] = a[k * n + k + 1 + i];
        if (rest > 0) factor = eigen_reflection(t, row, rest, &alpha);
        if (t.own == 0) d[k] = a[k * n + k], e[k] = alpha, beta[k] = factor;
        if (rest > 0) eigen_reflect_both(t, a + (k + 1) * n + k + 1, n, rest, row, factor, p);
    }
    TEAM_WAIT();
}

/* z = H_n-2 ... H_0: row i is what column i of the product of reflections was. */
PART_OF_CALLER void eigen_gather(team t, double *z, int64_t n, const double *v, const double *beta, double *p)
{
    for (int64_t i = t.own; i < n * n; i += t.size) z[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    TEAM_WAIT();
    for (int64_t k = n - 2; k >= 0; k--) { /* Q by columns from the last: a block that grows */
        int64_t rest = n - k - 1;
        double *block = z + (k + 1) * n + k + 1;
        const double *row = v + k * n + k + 1;
        for (int64_t i = t.own; i < rest; i += t.size) p[i] = 0.0;
        for (int64_t j = 0; j < rest; j++) team_add(t, p, row[j], block + j * n, rest);
        for (int64_t j = 0; j < rest; j++) team_add(t, block + j * n, -beta[k] * row[j], p, rest);
        TEAM_WAIT();
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = t.own; j < i; j += t.size) {
            double swap = z[i * n + j];
            z[i * n + j] = z[j * n + i];
            z[j * n + i] = swap;
        }
    TEAM_WAIT();
}

/* The scalars of one QL step on rows l to m: rotations m - 1 down to the row that is returned. */
PART_OF_CALLER int64_t eigen_step(double *d, double *e, int64_t l, int64_t m, double *cosine, double *sine)
{
    double g = (d[l + 1] - d[l]) / (2.0 * e[l]), r = hypot(g, 1.0), s = 1.0, c = 1.0, p = 0.0;
    g = d[m] - d[l] + e[l] / (g + copysign(r, g));
    for (int64_t i = m - 1; i >= l; i--) {
        double f = s * e[i], b = c * e[i];
        r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0.0) { /* it comes apart here */
            d[i + 1] -= p;
            e[m] = 0.0;
            return i + 1;
        }
        s = f / r, c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2.0 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        cosine[i] = c, sine[i] = s;
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.0;
    return l;
}

/* Rows i = last down to `first` of z turned, each with the next one. */
PART_OF_CALLER void eigen_turn(team t, double *z, int64_t n, int64_t first, int64_t last, const double *cosine,
                               const double *sine)
{
    for (int64_t i = last; i >= first; i--) {
        double *__restrict__ low = z + i * n, *__restrict__ high = z + (i + 1) * n, c = cosine[i], s = sine[i];
        for (int64_t k = t.own; k < n; k += t.size) {
            double x = low[k], y = high[k];
            high[k] = s * x + c * y;
            low[k] = c * x - s * y;
        }
    }
}

/* The row to which the part that begins with row l holds together. */
PART_OF_CALLER int64_t eigen_part_end(const double *d, const double *e, int64_t n, int64_t l, double norm)
{
    int64_t m = l;
    while (m < n - 1 && fabs(e[m]) > DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1]))
           && fabs(e[m]) > DBL_EPSILON * DBL_EPSILON * norm)
        m++;
    return m;
}

/* a (n x n, both halves, finite) is lost; values[] in no particular order, each with its vector of length 1 in the same row of
 * `vectors` (n x n). Error of size 2^-53 n norm(a). turns: 2 numbers seen by all threads. 0 if it does not converge. */
PART_OF_CALLER int eigen_decompose(team t, double *a, int64_t n, double *values, double *vectors, double *workspace,
                                   int64_t *turns)
{
    double *v = workspace, *e = v + n * n, *beta = e + n, *p = beta + n, norm = 0.0;
    int64_t l = 0, steps = 0;
    eigen_reduce(t, a, n, values, e, v, beta, p);
    eigen_gather(t, vectors, n, v, beta, p);
    for (int64_t i = 0; i < n; i++) norm = fabs(values[i]) + fabs(e[i]) > norm ? fabs(values[i]) + fabs(e[i]) : norm;
    TEAM_WAIT();
    for (;;) { /* beta and p hold the rotations from here on */
        if (t.own == 0) {
            int64_t m = l;
            while (l < n && (m = eigen_part_end(values, e, n, l, norm)) == l) l++, steps = 0;
            turns[0] = 0, turns[1] = l == n ? -1 : -2; /* all is done, or it does not converge */
            if (l < n && steps++ < EIGEN_MOST_STEPS) turns[0] = eigen_step(values, e, l, m, p, beta), turns[1] = m;
        }
        TEAM_WAIT();
        int64_t first = turns[0], last = turns[1];
        if (last < 0) return last == -1;
        eigen_turn(t, vectors, n, first, last - 1, p, beta);
        TEAM_WAIT();
    }
}

#endif
