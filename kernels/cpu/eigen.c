/* eigen.c - a symmetric matrix by reduction to three diagonals, and QL steps with implicit shifts on those.
 *
 * Source: Golub and Van Loan, "Matrix Computations", 4th ed., 8.3; here by full rows, since sums of rows become vector code.
 * LAPACK's dsytrd was tried: linked with OpenBLAS 0.3.21 it gave NaN on a call and the right numbers when the call was repeated,
 * probably from what dsymv finds in its buffer; dsyevd pulls in the Fortran run-time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_STEPS = 60 };

/* y += s x. */
static void add(double *restrict y, double s, const double *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] += s * x[i];
}

static double dot(const double *x, const double *y, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* v of length n becomes the reflection 1 - beta v v' that takes it to (alpha, 0, ...). Returns beta. */
static double reflection(double *v, int64_t n, double *alpha)
{
    double most = 0.0;
    for (int64_t i = 0; i < n; i++) most = fabs(v[i]) > most ? fabs(v[i]) : most;
    *alpha = 0.0;
    if (most == 0.0) return 0.0;
    for (int64_t i = 0; i < n; i++) v[i] /= most;
    double length = sqrt(dot(v, v, n)), first = v[0] > 0.0 ? -length : length;
    *alpha = first * most;
    v[0] -= first;
    return 2.0 / dot(v, v, n);
}

/* A - beta (v v' A + A v v') + ... for the n x n block that begins at `a`, rows `width` apart. p: n. */
static void reflect_both(double *a, int64_t width, int64_t n, const double *v, double beta, double *p)
{
    memset(p, 0, (size_t)n * sizeof *p);
    for (int64_t j = 0; j < n; j++) add(p, beta * v[j], a + j * width, n); /* beta A v, since A is symmetric */
    add(p, -0.5 * beta * dot(p, v, n), v, n);
    for (int64_t j = 0; j < n; j++) {
        add(a + j * width, -v[j], p, n);
        add(a + j * width, -p[j], v, n);
    }
}

/* d and e: the diagonals. The reflections' vectors come into the rows of `v`, their factors into beta. */
static void reduce(double *a, int64_t n, double *d, double *e, double *v, double *beta, double *p)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t rest = n - k - 1;
        double *row = v + k * n + k + 1;
        d[k] = a[k * n + k];
        e[k] = beta[k] = 0.0;
        if (rest == 0) return;
        memcpy(row, a + k * n + k + 1, (size_t)rest * sizeof *row);
        beta[k] = reflection(row, rest, &e[k]);
        reflect_both(a + (k + 1) * n + k + 1, n, rest, row, beta[k], p);
    }
}

/* z = H_n-2 ... H_0: row i is what column i of the product of reflections was. */
static void gather(double *z, int64_t n, const double *v, const double *beta, double *p)
{
    memset(z, 0, (size_t)(n * n) * sizeof *z);
    for (int64_t i = 0; i < n; i++) z[i * n + i] = 1.0;
    for (int64_t k = n - 2; k >= 0; k--) { /* Q by columns from the last: a block that grows */
        int64_t rest = n - k - 1;
        double *block = z + (k + 1) * n + k + 1;
        const double *row = v + k * n + k + 1;
        memset(p, 0, (size_t)rest * sizeof *p);
        for (int64_t j = 0; j < rest; j++) add(p, row[j], block + j * n, rest);
        for (int64_t j = 0; j < rest; j++) add(block + j * n, -beta[k] * row[j], p, rest);
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double swap = z[i * n + j];
            z[i * n + j] = z[j * n + i];
            z[j * n + i] = swap;
        }
}

static void rotate(double *restrict low, double *restrict high, double c, double s, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        double x = low[k], y = high[k];
        high[k] = s * x + c * y;
        low[k] = c * x - s * y;
    }
}

/* One QL step on rows l to m. */
static void step(double *d, double *e, double *z, int64_t n, int64_t l, int64_t m)
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
            return;
        }
        s = f / r, c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2.0 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotate(z + i * n, z + (i + 1) * n, c, s, n);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.0;
}

int recsys__cpu_eigen(double *a, int64_t n, double *values, double *vectors, double *workspace)
{
    double *v = workspace, *e = v + n * n, *beta = e + n, *p = beta + n, norm = 0.0;
    reduce(a, n, values, e, v, beta, p);
    gather(vectors, n, v, beta, p);
    for (int64_t i = 0; i < n; i++) norm = fabs(values[i]) + fabs(e[i]) > norm ? fabs(values[i]) + fabs(e[i]) : norm;
    for (int64_t l = 0; l < n; l++)
        for (int steps = 0;; steps++) {
            int64_t m = l;
            while (m < n - 1 && fabs(e[m]) > DBL_EPSILON * (fabs(values[m]) + fabs(values[m + 1]))
                   && fabs(e[m]) > DBL_EPSILON * DBL_EPSILON * norm)
                m++;
            if (m == l) break;
            if (steps == MOST_STEPS) return 0;
            step(values, e, vectors, n, l, m);
        }
    return 1;
}
