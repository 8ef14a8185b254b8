/* sampler.c - drawing batches of pairs: half positives, half negatives, from data of the size of the Adressa news set.
 *
 * 212,231 users, 6,596 items, some 430,000 events. Each run draws as many samples in batches of either size; the printed
 * seconds are those of one sample.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench/bench.h"
#include "train/sampler.h"

enum { USERS = 212231, ITEMS = 6596, MEAN = 2, SAMPLES = 1 << 19 };

typedef struct job {
    bench *b;
    const sampler *s;
    tape *g;
    int64_t size;
} job;

static void draw(void *data)
{
    job *j = data;
    for (int64_t at = 0; at < SAMPLES; at += j->size) {
        batch out = { 0 };
        recsys__tape_reset(j->g, 1, (uint64_t)at);
        recsys__sampler_draw(j->s, j->g, 0, at, j->size, &out);
        bench_check(j->b, recsys__tape_status(j->g));
    }
}

void bench_sampler(bench *b)
{
    static const int64_t sizes[] = { 1024, 65536 };
    recsys_dataset *data = bench_data(b, USERS, ITEMS, MEAN, 3);
    for (int popular = 0; popular < 2; popular++) {
        sampler_options o = { .n_negatives = 1, .popularity = popular ? 0.75 : 0.0, .seed = 1 };
        sampler *s;
        bench_check(b, recsys__sampler_create(b->exec, &o, data, 0, NULL, &s));
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            char what[96];
            job j = { .b = b, .s = s, .size = sizes[k] };
            bench_check(b, recsys__tape_create(b->exec, &j.g));
            timing t = bench_time(b, draw, &j);
            t.best /= SAMPLES;
            t.median /= SAMPLES;
            snprintf(what, sizeof what, "pairs, batches of %lld, negatives %s", (long long)sizes[k],
                     popular ? "by popularity^0.75" : "uniform");
            bench_print(b, "sampler", what, t, 1.0, "sample", 0.0, NULL);
            recsys__tape_free(j.g);
        }
        recsys__sampler_free(b->exec, s);
    }
    recsys_dataset_release(data);
}
