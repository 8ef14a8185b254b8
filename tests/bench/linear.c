/* linear.c - layers of networks and their gradients as the tape runs them, against OpenBLAS alone on the same shapes.
 *
 * The limit is one call of sgemm that uses all threads of the run as it likes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <omp.h>
#include <stdio.h>

#include "backend/op/linear.h"
#include "backend/op/map.h"
#include "backend/op/matmul.h"
#include "backend/run.h"
#include "bench/bench.h"
#include "kernels/cpu/blas.h"

/* f(X W' + b), and the two gradients. */
enum { FORWARD, GRADIENT_X, GRADIENT_W, FORMS };

typedef struct job {
    bench *b;
    int64_t B, D, H;
    int form;
    float *x, *w, *bias, *y, *gx, *gw;
} job;

static void ours(void *data)
{
    job *j = data;
    op_linear l = { .op = { OP_LINEAR, sizeof l }, .rows = j->B, .dim = j->D, .width = j->H, .x = j->x, .w = j->w, .b = j->bias,
                    .f = FN_RELU, .y = j->y };
    op_matmul m = { .op = { OP_MATMUL, sizeof m } };
    if (j->form == GRADIENT_X) m.m = j->B, m.n = j->D, m.k = j->H, m.a = j->y, m.b = j->w, m.c = j->gx;
    else m.m = j->H, m.n = j->D, m.k = j->B, m.a = j->y, m.transpose_a = 1, m.b = j->x, m.c = j->gw;
    bench_check(j->b, recsys__run(j->b->exec, j->form == FORWARD ? &l.op : &m.op));
}

static void bare(void *data)
{
    job *j = data;
    blasint B = (blasint)j->B, D = (blasint)j->D, H = (blasint)j->H;
    if (j->form == FORWARD)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, B, H, D, 1.0f, j->x, D, j->w, D, 0.0f, j->y, H);
    else if (j->form == GRADIENT_X)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, B, D, H, 1.0f, j->y, H, j->w, D, 0.0f, j->gx, D);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, H, D, B, 1.0f, j->y, H, j->x, D, 0.0f, j->gw, D);
}

static float *floats(bench *b, int64_t n)
{
    float *p = NULL;
    bench_check(b, recsys__device_alloc(b->exec, n, sizeof *p, &p));
    uint64_t state = 1;
    for (int64_t i = 0; i < n; i++) p[i] = (float)(bench_random(&state) >> 40) * 0x1p-24f - 0.5f;
    return p;
}

/* Rounds of both in turn, so that a moment in which the machine is busy hits both. */
static void compare(job *j)
{
    static const char *const names[FORMS] = { "relu(X W' + b)", "gY W", "gY' X" };
    char what[96];
    timing best_ours = { 1e30, 1e30 }, best_bare = { 1e30, 1e30 };
    bench more = *j->b;
    more.repeats = j->B * j->D * j->H > (INT64_C(1) << 29) ? 1 : 10;
    omp_set_num_threads((int)j->b->threads);
    for (int round = 0; round < 4; round++) {
        timing a = bench_time(&more, ours, j), b = bench_time(&more, bare, j);
        if (a.best < best_ours.best) best_ours.best = a.best;
        if (a.median < best_ours.median) best_ours.median = a.median;
        if (b.best < best_bare.best) best_bare.best = b.best;
    }
    double flops = 2.0 * (double)j->B * (double)j->D * (double)j->H;
    snprintf(what, sizeof what, "%s: B=%lld D=%lld H=%lld", names[j->form], (long long)j->B, (long long)j->D, (long long)j->H);
    bench_print(j->b, "linear", what, best_ours, flops, "flop", flops / best_bare.best, "sgemm on this shape");
}

void bench_linear(bench *b)
{
    static const int64_t sizes[][3] = { { 1024, 256, 128 }, { 1024, 128, 64 }, { 1024, 64, 32 }, { 1024, 32, 1 },
                                        { 65536, 256, 128 }, { 65536, 64, 32 }, { 1024, 200, 6600 } };
    int width = omp_get_max_threads();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        job j = { .b = b, .B = sizes[s][0], .D = sizes[s][1], .H = sizes[s][2] };
        j.x = floats(b, j.B * j.D), j.w = floats(b, j.H * j.D), j.bias = floats(b, j.H), j.y = floats(b, j.B * j.H);
        j.gx = floats(b, j.B * j.D), j.gw = floats(b, j.H * j.D);
        for (j.form = FORWARD; j.form < FORMS; j.form++) compare(&j);
        float *all[] = { j.x, j.w, j.bias, j.y, j.gx, j.gw };
        for (int a = 0; a < 6; a++) recsys__device_free(b->exec->backend, b->exec->memory, all[a]);
    }
    omp_set_num_threads(width);
    recsys__drop_workspace(b->exec);
}
