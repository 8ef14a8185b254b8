/* checkpoint_failures.c - checkpoints that cannot be read: damaged in any byte, cut anywhere, foreign, newer, or forged with
 * right checksums; and that cannot be written: no memory, a full disk, no folder, a cancelled call, a training that has run
 * away. Nothing is handed out, and the old file stays as it was with nothing beside it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/edit.h"
#include "train/checkpoint_case.h"

static const training_case small = { "small", "gmf", "dim=1", "adam", "lr=0.01",
                                     COUNTS(.epochs = 2, .batch_size = 64, .validate_every_steps = 2) }; /* best after step 2 */
static const training_case network = { "network", "neumf", "dim=2,layers=2,dropout=0.1", "adam", "lr=0.01",
                                       COUNTS(.epochs = 2, .batch_size = 64, .validate_every_steps = 2) };

/* A world with a trainer after five steps, two validations among them, and its checkpoint. */
typedef struct sample {
    world w;
    const training_case *c;
    recsys_trainer *t;
    edited good;
} sample;

static recsys_training plain(const sample *s)
{
    recsys_training o = training_of(&s->w, s->c);
    return o;
}

static void open_sample(sample *s, const training_case *c)
{
    open_world(&s->w, NULL);
    s->c = c;
    recsys_training o = plain(s);
    o.max_steps = 5;
    recsys_exec *x = s->w.f.exec;
    expect_ok(x, make_trainer(x, s->w.f.env, c, s->w.train, o, &s->t));
    expect_ok(x, recsys_trainer_run(s->t));
    assert_true(s->t->at.best_step > 0);
    expect_ok(x, recsys_trainer_save(s->t, s->w.checkpoint));
    s->good.bytes = test_read_file(s->w.checkpoint, &s->good.size);
}

static void close_sample(sample *s)
{
    free(s->good.bytes);
    recsys_trainer_release(s->t);
    close_world(&s->w);
}

/* ---- reading ---- */

/* Goes on from these bytes. */
static recsys_status try_read(sample *s, const void *bytes, size_t size)
{
    recsys_training o = plain(s);
    recsys_trainer *t = (recsys_trainer *)s;
    unlink(s->w.checkpoint); /* a file that is cut and written anew is synced by some file systems */
    test_write_file(s->w.checkpoint, bytes, size);
    o.resume = s->w.checkpoint;
    recsys_status status = make_trainer(s->w.f.exec, s->w.f.env, s->c, s->w.train, o, &t);
    assert_true((t == NULL) == (status < 0));
    recsys_trainer_release(t);
    return status;
}

/* The same into the trainer that there is, which a failure must not change. */
static recsys_status try_read_again(sample *s, const void *bytes, size_t size)
{
    unlink(s->w.checkpoint);
    test_write_file(s->w.checkpoint, bytes, size);
    return recsys__checkpoint_read(s->t, s->w.checkpoint);
}

/* The file at the path is the sample's, and nothing is beside it. */
static void expect_good(const sample *s)
{
    size_t size;
    unsigned char *bytes = test_read_file(s->w.checkpoint, &size);
    assert_int_equal(size, s->good.size);
    assert_memory_equal(bytes, s->good.bytes, size);
    assert_int_equal(fixture_entries(&s->w.f), 1);
    free(bytes);
}

static void expect_unchanged(sample *s)
{
    expect_ok(s->w.f.exec, recsys_trainer_save(s->t, s->w.checkpoint));
    expect_good(s);
}

static void expect_bad(sample *s, const edited *bad, recsys_status status, const char *words)
{
    expect_error(s->w.f.exec, try_read(s, bad->bytes, bad->size), status, words);
    expect_error(s->w.f.exec, status, status, s->w.checkpoint);
}

static void test_every_byte_flipped(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, &small);
    edited bad = edit_copy(s.good.bytes, s.good.size);
    size_t header = 8 + edit_header_length(&bad);
    for (size_t at = 0; at < bad.size; at++) {
        if (at > header + 16 && at + 16 < bad.size && at % 7)
            continue;
        unsigned char mask = (unsigned char)(1u << at % 8);
        bad.bytes[at] ^= mask;
        recsys_status status = try_read_again(&s, bad.bytes, bad.size);
        if (status != RECSYS_ERR_FILE_FORMAT && status != RECSYS_ERR_CHECKSUM)
            fail_msg("byte %zu xor %d: %s", at, mask, recsys_status_name(status));
        bad.bytes[at] ^= mask;
    }
    expect_unchanged(&s);
    expect_ok(s.w.f.exec, try_read_again(&s, bad.bytes, bad.size));
    expect_unchanged(&s);
    free(bad.bytes);
    close_sample(&s);
}

static void test_every_length(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, &small);
    unsigned char *longer = calloc(s.good.size + 4096, 1);
    assert_non_null(longer);
    memcpy(longer, s.good.bytes, s.good.size);
    for (size_t size = 0; size < s.good.size + 4096; size += size < 64 || (size + 64 > s.good.size && size < s.good.size + 64) ? 1 : 37) {
        if (size == s.good.size)
            continue;
        expect_error(s.w.f.exec, try_read_again(&s, longer, size), RECSYS_ERR_FILE_FORMAT, s.w.checkpoint);
    }
    expect_unchanged(&s);
    free(longer);
    close_sample(&s);
}

/* Changes of the header with all checksums right. */
static void test_forged_headers(void **state)
{
    (void)state;
    static const struct { const char *from, *to; recsys_status status; const char *words; } forged[] = {
        { "\"recsys-checkpoint\"", "\"recsys-model\"", RECSYS_ERR_FILE_FORMAT, "a model file, not a checkpoint" },
        { "\"recsys-checkpoint\"", "\"checkpoint\"", RECSYS_ERR_FILE_FORMAT, "not a checkpoint that this library wrote" },
        { "\"format\":", "\"former\":", RECSYS_ERR_FILE_FORMAT, "not a checkpoint that this library wrote" },
        { "\"format_version\":\"1\"", "\"format_version\":\"2\"", RECSYS_ERR_FILE_VERSION, "newer|format 2|up to 1" },
        { "\"format_version\":\"1\"", "\"format_version\":\"0\"", RECSYS_ERR_FILE_FORMAT, "format_version" },
        { "\"format_version\":\"1\"", "\"format_version\":\"one\"", RECSYS_ERR_FILE_FORMAT, "format_version" },
        { "\"seed\":\"0\"", "\"seed\":\"1\"", RECSYS_ERR_INVALID_ARGUMENT, "written with seed 1, this training has seed 0" },
        { "\"seed\":\"0\",", "", RECSYS_ERR_FILE_FORMAT, "has no seed" },
        { "\"seed\":\"0\"", "\"seed\":0", RECSYS_ERR_FILE_FORMAT, "has no seed" },
        { "\"progress.step\":\"5\"", "\"progress.step\":\"-1\"", RECSYS_ERR_FILE_FORMAT, "at step -1 of" },
        { "\"progress.step\":\"5\"", "\"progress.step\":\"9999\"", RECSYS_ERR_FILE_FORMAT, "at step 9999 of" },
        { "\"progress.step\":\"5\"", "\"progress.step\":\"4294967300\"", RECSYS_ERR_FILE_FORMAT, "at step 4294967300 of" },
        { "\"progress.step\":\"5\"", "\"progress.step\":\"five\"", RECSYS_ERR_FILE_FORMAT, "progress.step is no number" },
        { "\"progress.step\":\"5\"", "\"progress.step\":\"1\"", RECSYS_ERR_FILE_FORMAT, "contradict" },
        { "\"progress.best_step\":\"2\"", "\"progress.best_step\":\"-2\"", RECSYS_ERR_FILE_FORMAT, "contradict" },
        { "\"progress.best_step\":\"2\"", "\"progress.best_step\":\"6\"", RECSYS_ERR_FILE_FORMAT, "contradict" },
        { "\"progress.best_step\":\"2\"", "\"progress.best_step\":\"-1\"", RECSYS_ERR_FILE_FORMAT, "tensors that this training does not have" },
        { "\"progress.n_stale\":\"1\"", "\"progress.n_stale\":\"3\"", RECSYS_ERR_FILE_FORMAT, "contradict" },
        { "\"progress.stopped\":\"0\"", "\"progress.stopped\":\"2\"", RECSYS_ERR_FILE_FORMAT, "contradict" },
        { "\"progress.best\":\"", "\"progress.best\":\"x", RECSYS_ERR_FILE_FORMAT, "progress.best is no number" },
        { "\"p.user_embedding\":{", "\"p.user_embeddinh\":{", RECSYS_ERR_FILE_FORMAT, "tensor p.user_embedding is missing" },
        { "\"p.user_embedding\":{\"dtype\":\"F32\",\"shape\":[40,1]", "\"p.user_embedding\":{\"dtype\":\"F32\",\"shape\":[20,2]",
          RECSYS_ERR_FILE_FORMAT, "tensor p.user_embedding has another type or shape" },
        { "\"p.user_embedding\":{\"dtype\":\"F32\"", "\"p.user_embedding\":{\"dtype\":\"I32\"", RECSYS_ERR_FILE_FORMAT,
          "tensor p.user_embedding has another type or shape" },
        { "\"crc32.p.user_embedding\"", "\"crc32.p.user_embeddinh\"", RECSYS_ERR_FILE_FORMAT, "tensor p.user_embedding has no checksum" },
    };
    sample s;
    open_sample(&s, &small);
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        edited bad = edit_copy(s.good.bytes, s.good.size);
        if (!edit_header(&bad, forged[i].from, forged[i].to))
            fail_msg("no %s in the header", forged[i].from);
        edit_seal(&bad);
        expect_bad(&s, &bad, forged[i].status, forged[i].words);
        free(bad.bytes);
    }
    edited same = edit_copy(s.good.bytes, s.good.size);
    edit_seal(&same);
    assert_memory_equal(same.bytes, s.good.bytes, s.good.size);
    free(same.bytes);
    close_sample(&s);
}

/* Numbers that would lead the kernels astray. */
static void test_forged_tensors(void **state)
{
    (void)state;
    static const struct { const char *tensor; uint32_t bits; const char *words; } forged[] = {
        { "p.item_embedding", 0x7fc00000u, "tensor p.item_embedding holds a value that is not finite" },
        { "best.item_embedding", 0x7f800000u, "tensor best.item_embedding holds a value that is not finite" },
        { "user_embedding.v", 0xff800000u, "tensor user_embedding.v holds a value that is not finite" },
        { "user_embedding.last", 6, "tensor user_embedding.last has a row at a step where it cannot be" },
        { "item_embedding.last", 0xffffffffu, "tensor item_embedding.last has a row at a step" },
        { "item_embedding.last", 0x40000000u, "tensor item_embedding.last has a row at a step" },
    };
    sample s;
    open_sample(&s, &small);
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        edited bad = edit_copy(s.good.bytes, s.good.size);
        size_t n;
        unsigned char *bytes = edit_tensor(&bad, forged[i].tensor, &n);
        assert_true(bytes != NULL && n >= 4);
        memcpy(bytes + n - 4, &forged[i].bits, 4);
        edit_seal(&bad);
        expect_bad(&s, &bad, RECSYS_ERR_FILE_FORMAT, forged[i].words);
        free(bad.bytes);
    }
    close_sample(&s);
}

static void test_other_files(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, &small);
    recsys_exec *x = s.w.f.exec;
    recsys_training o = plain(&s);
    recsys_trainer *t;
    recsys_model *m;
    edited text = { (unsigned char *)"step 5 of 12, and so on\n", 24 }, nothing = { (unsigned char *)"", 0 };
    expect_bad(&s, &text, RECSYS_ERR_FILE_FORMAT, "ckpt");
    expect_bad(&s, &nothing, RECSYS_ERR_FILE_FORMAT, "not a checkpoint: it is empty");
    expect_ok(x, recsys_trainer_model(s.t, 0, &m));
    expect_ok(x, recsys_model_save(m, x, s.w.other, NULL));
    recsys_model_release(m);
    o.resume = s.w.other;
    expect_error(x, make_trainer(x, s.w.f.env, s.c, s.w.train, o, &t), RECSYS_ERR_FILE_FORMAT, "other: a model file, not a checkpoint");
    o.resume = s.w.f.folder;
    expect_error(x, make_trainer(x, s.w.f.env, s.c, s.w.train, o, &t), RECSYS_ERR_IO, s.w.f.folder);
    o.resume = "/dev/null";
    expect_error(x, make_trainer(x, s.w.f.env, s.c, s.w.train, o, &t), RECSYS_ERR_IO, "/dev/null: no regular file");
    unlink(s.w.other);
    o.resume = s.w.other;
    expect_error(x, make_trainer(x, s.w.f.env, s.c, s.w.train, o, &t), RECSYS_ERR_FILE_NOT_FOUND, s.w.other);
    /* And a checkpoint is no model. */
    test_write_file(s.w.checkpoint, s.good.bytes, s.good.size);
    expect_error(x, recsys_model_load(x, s.w.checkpoint, NULL, &m), RECSYS_ERR_FILE_FORMAT, "a checkpoint of a training, not a model");
    close_sample(&s);
}

/* ---- no memory ---- */

/* The file is what it was, and nothing is beside it. */
static void expect_old(const sample *s, const char *text)
{
    size_t size;
    unsigned char *bytes = test_read_file(s->w.checkpoint, &size);
    assert_string_equal((char *)bytes, text);
    assert_int_equal(fixture_entries(&s->w.f), 1);
    free(bytes);
}

static int64_t fail_writes(sample *s, int after_too)
{
    recsys_exec *x = s->w.f.exec;
    test_heap *heap = &s->w.f.heap;
    for (int64_t n = 1;; n++) {
        long long blocks = atomic_load(&heap->blocks);
        unlink(s->w.checkpoint);
        test_write_text(s->w.checkpoint, "old");
        test_heap_fail(heap, n, after_too);
        recsys_status status = recsys_trainer_save(s->t, s->w.checkpoint);
        int refused = atomic_load(&heap->refused) > 0;
        test_heap_fail(heap, 0, 0);
        if (!refused) {
            expect_ok(x, status);
            expect_good(s);
            return n;
        }
        expect_error(x, status, RECSYS_ERR_NO_MEMORY, NULL);
        assert_int_equal(atomic_load(&heap->blocks), blocks);
        expect_old(s, "old");
    }
}

static int64_t fail_reads(sample *s, int after_too)
{
    recsys_exec *x = s->w.f.exec;
    test_heap *heap = &s->w.f.heap;
    recsys_training o = plain(s);
    recsys_trainer *t;
    o.resume = s->w.checkpoint;
    for (int64_t n = 1;; n++) {
        long long blocks = atomic_load(&heap->blocks);
        test_heap_fail(heap, n, after_too);
        recsys_status status = make_trainer(x, s->w.f.env, s->c, s->w.train, o, &t);
        int refused = atomic_load(&heap->refused) > 0;
        test_heap_fail(heap, 0, 0);
        if (!refused) {
            expect_ok(x, status);
            expect_ok(x, recsys_trainer_save(t, s->w.checkpoint));
            recsys_trainer_release(t);
            expect_good(s);
            return n;
        }
        assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
        assert_null(t);
        /* The exec may keep memory for the next call; a trainer's is given back. */
        assert_true(atomic_load(&heap->blocks) <= blocks + 4);
    }
}

static void test_every_allocation(void **state)
{
    (void)state;
    const training_case *const which[] = { &small, &network };
    for (size_t i = 0; i < sizeof which / sizeof *which; i++)
        for (int after_too = 0; after_too <= 1; after_too++) {
            sample s;
            open_sample(&s, which[i]);
            assert_true(fail_writes(&s, after_too) > 5);
            assert_true(fail_reads(&s, after_too) > 20);
            close_sample(&s);
        }
}

/* The copy is made in slices: the memory that writing takes does not grow with the model. */
static void test_memory(void **state)
{
    (void)state;
    static const training_case large = { "large", "gmf", "dim=1024", "sgd", "momentum=0.9", COUNTS(.epochs = 1, .batch_size = 64) };
    sample s = { .c = &large };
    recsys_trainer *t;
    open_world(&s.w, NULL);
    recsys_dataset_release(s.w.train);
    s.w.train = test_random_dataset(s.w.f.exec, 1500, 1200, 3, 0, 4);
    recsys_training o = large.o;
    recsys_exec *x = fixture_exec(&s.w.f, 1, INT64_C(33) << 20, 0); /* 2 * 11 MB are parameters and momentum */
    expect_ok(x, make_trainer(x, s.w.f.env, &large, s.w.train, o, &t));
    expect_ok(x, recsys_trainer_save(t, s.w.checkpoint));
    recsys_trainer_release(t);
    o.resume = s.w.checkpoint;
    expect_ok(x, make_trainer(x, s.w.f.env, &large, s.w.train, o, &t));
    recsys_trainer_release(t);
    recsys_exec_release(x);
    close_world(&s.w);
}

/* ---- writing where it cannot be ---- */

/* In the child: saves under a limit of `limit` bytes a file; 0 if it fails as it should. */
static int save_limited(sample *s, rlim_t limit)
{
    struct rlimit r = { limit, limit };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &r);
    recsys_status status = recsys_trainer_save(s->t, s->w.checkpoint);
    recsys_error_info said = RECSYS_ERROR_INFO_INIT;
    recsys_exec_last_error(s->w.f.exec, &said);
    if (status != RECSYS_ERR_IO)
        return 2;
    return strstr(said.message, s->w.checkpoint) != NULL && said.system_error != 0 ? 0 : 3;
}

static void test_full_disk(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, &small);
    const rlim_t limits[] = { 0, 1, 4096, (rlim_t)s.good.size - 1 };
    test_write_text(s.w.checkpoint, "old");
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(save_limited(&s, limits[i]));
        int result;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFEXITED(result));
        assert_int_equal(WEXITSTATUS(result), 0);
        expect_old(&s, "old");
    }
    close_sample(&s);
}

/* A file that cannot be written ends a run with its reason; with room again the same trainer goes on. */
static void test_no_folder(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, &small);
    recsys_exec *x = s.w.f.exec;
    recsys_trainer *t;
    char folder[TEST_PATH_ROOM], path[TEST_PATH_ROOM];
    fixture_path(&s.w.f, "none", folder);
    recsys_training o = plain(&s);
    o.checkpoint = fixture_path(&s.w.f, "none/ckpt", path);
    o.checkpoint_every = 4;
    expect_error(x, recsys_trainer_save(s.t, path), RECSYS_ERR_FILE_NOT_FOUND, path);
    expect_error(x, recsys_trainer_save(s.t, s.w.f.folder), RECSYS_ERR_IO, s.w.f.folder);
    expect_ok(x, make_trainer(x, s.w.f.env, s.c, s.w.train, o, &t));
    expect_error(x, recsys_trainer_run(t), RECSYS_ERR_FILE_NOT_FOUND, path);
    assert_int_equal(t->at.step, 4);
    assert_int_equal(mkdir(folder, 0700), 0);
    expect_ok(x, recsys_trainer_run(t));
    assert_int_equal(t->at.step, t->n_steps);
    assert_int_equal(test_entries(folder), 1);
    recsys_trainer_release(t);
    close_sample(&s);
}

/* Cancels at the n-th report of progress. */
typedef struct canceller {
    int reports, cancel_at;
} canceller;

static int32_t cancel_at(void *user, const recsys_progress *progress)
{
    canceller *c = user;
    (void)progress;
    return ++c->reports == c->cancel_at;
}

static recsys_exec *cancelling_exec(sample *s, canceller *c)
{
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    recsys_exec *x;
    options.threads = 1;
    options.progress = cancel_at;
    options.progress_user = c;
    assert_int_equal(recsys_exec_create(s->w.f.env, &options, &x, NULL), RECSYS_OK);
    return x;
}

static void test_cancelled(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, &small);
    canceller c = { 0, -1 };
    recsys_exec *x = cancelling_exec(&s, &c);
    recsys_training o = plain(&s);
    recsys_trainer *t = NULL;
    int read_reports = 0, cancelled = 1;
    o.resume = s.w.checkpoint;
    for (int at = 1; cancelled; at++) { /* reading */
        c = (canceller){ 0, at };
        recsys_status status = make_trainer(x, s.w.f.env, s.c, s.w.train, o, &t);
        cancelled = status < 0;
        read_reports = c.reports;
        if (cancelled)
            expect_error(x, status, RECSYS_ERR_CANCELLED, NULL);
        recsys_exec_reset_cancel(x);
    }
    assert_true(read_reports >= 3);
    test_write_text(s.w.checkpoint, "old");
    cancelled = 1;
    for (int at = 1; cancelled; at++) { /* writing */
        c = (canceller){ 0, at };
        recsys_status status = recsys_trainer_save(t, s.w.checkpoint);
        cancelled = status < 0;
        if (cancelled) {
            expect_error(x, status, RECSYS_ERR_CANCELLED, NULL);
            expect_old(&s, "old");
        }
        recsys_exec_reset_cancel(x);
    }
    assert_true(c.reports >= 2);
    expect_good(&s);
    recsys_trainer_release(t);
    recsys_exec_release(x);
    close_sample(&s);
}

/* Parameters that are not finite do not replace a checkpoint. */
static void test_run_away(void **state)
{
    (void)state;
    sample s;
    open_sample(&s, &small);
    float *p = s.t->m->tensors.at[1].data;
    p[3] = INFINITY;
    expect_error(s.w.f.exec, recsys_trainer_save(s.t, s.w.checkpoint), RECSYS_ERR_NUMERIC, "step 5|p.item_embedding|not finite");
    expect_good(&s);
    close_sample(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_flipped), cmocka_unit_test(test_every_length),     cmocka_unit_test(test_forged_headers),
        cmocka_unit_test(test_forged_tensors),     cmocka_unit_test(test_other_files),      cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_memory),             cmocka_unit_test(test_full_disk),        cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_cancelled),          cmocka_unit_test(test_run_away),
    };
    return cmocka_run_group_tests_name("train/checkpoint_failures", tests, NULL, NULL);
}
