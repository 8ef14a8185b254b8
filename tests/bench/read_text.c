/* read_text.c - delimited text, two columns of integers, into a dataset on one thread: MB a second, plain and compressed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"

typedef struct job {
    bench *b;
    recsys_exec *one; /* an exec of one thread */
    const char *path;
} job;

static void read_file(void *data)
{
    job *j = data;
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    recsys_dataset *d;
    o.columns = "user,item";
    if (recsys_dataset_read(j->one, j->path, &o, &d) < 0) {
        fprintf(stderr, "recsys-bench: cannot read %s\n", j->path);
        exit(1);
    }
    recsys_dataset_release(d);
}

/* Users in order, as published files have them, with ids of one to seven digits. */
static double write_file(const char *path, int64_t rows)
{
    FILE *f = fopen(path, "w");
    uint64_t seed = 3;
    if (f == NULL) return 0.0;
    for (int64_t r = 0; r < rows; r++)
        fprintf(f, "%lld\t%lld\n", (long long)(r / 27), (long long)(bench_random(&seed) % 40981));
    struct stat s;
    int failed = fclose(f) != 0 || stat(path, &s) != 0;
    return failed ? 0.0 : (double)s.st_size;
}

void bench_read_text(bench *b)
{
    char path[] = "/tmp/recsys-bench-XXXXXX";
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    double bytes = write_file(path, 20000000);
    recsys_exec_options o = RECSYS_EXEC_OPTIONS_INIT;
    o.threads = 1;
    job j = { .b = b, .path = path };
    if (bytes > 0.0 && recsys_exec_create(b->env, &o, &j.one, NULL) == RECSYS_OK) {
        timing t = bench_time(b, read_file, &j);
        bench_print(b, "read_text", "20,000,000 lines user<TAB>item, one thread", t, bytes, "byte", b->limits.copy_one,
                    "copy on one thread");
        recsys_exec_release(j.one);
    } else {
        fprintf(stderr, "recsys-bench: cannot write %s\n", path);
    }
    unlink(path);
}
