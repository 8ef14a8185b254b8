/* fence.c - every kind of model on the fence backend: it trains, answers, is saved, loaded and evaluated there, and says
 * the same as on the CPU backend, bit for bit.
 *
 * A kind of model is one line in `kinds`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fence.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <recsys/classify.h>

#include "backend/backend.h"
#include "base/exec.h"
#include "io/models.h"
#include "model/training.h"

enum { USERS = 70, ITEMS = 37 };

static const model_case kinds[] = {
    { .name = "ease", .model = "ease", .params = "l2=2.5" },
    { .name = "ease values", .model = "ease", .params = "l2=3,values=given", .flags = TEST_VALUES },
    { .name = "ease rows", .model = "ease", .params = "l2=0.3,values=given,normalize=rows", .flags = TEST_VALUES },
    { .name = "ease columns", .model = "ease", .params = "l2=0.3,normalize=columns" },
    { .name = "ease both", .model = "ease", .params = "l2=3,values=given,normalize=both", .flags = TEST_VALUES | TEST_STRINGS },
    { .name = "ease sparse", .model = "ease", .params = "l2=1.5,top_k=3", .flags = TEST_VALUES },
    { .name = "ease sparse both", .model = "ease", .params = "l2=0.5,values=given,normalize=both,top_k=5", .flags = TEST_VALUES },
    { .name = "ease bare", .model = "ease", .params = "l2=2.5", .flags = TEST_STRINGS, .without_histories = 1 },
    { .name = "gf-cf", .model = "gf-cf", .params = "factors=6,guard=0.001", .flags = TEST_VALUES },
    { .name = "gf-cf binary", .model = "gf-cf", .params = "factors=40,values=binary,power_iterations=1", .flags = TEST_VALUES | TEST_STRINGS },
    { .name = "gf-cf linear", .model = "gf-cf", .params = "alpha=0", .without_histories = 1 },
    { .name = "top-popular", .model = "top-popular", .params = "", .flags = TEST_TIMES },
    { .name = "embeddings", .model = "embeddings", .flags = TEST_STRINGS },
#define BY_STEPS(n, m, p, f, o, op, ...) \
    { .name = n, .model = m, .params = p, .flags = f, .optimizer = o, .optimizer_params = op, __VA_ARGS__ }
    BY_STEPS("gmf", "gmf", "dim=5", 0, "adam", "lr=0.01", .select = "loss"),
    BY_STEPS("gmf t-ce", "gmf", "dim=8,loss=t-ce,num_gradual=3,drop_of=positives", TEST_STRINGS, "sgd", "lr=0.1,nesterov=true,momentum=0.5",
             .verified = 1),
    BY_STEPS("gmf colliding", "gmf", "dim=4,loss=r-ce,colliding=0.3,neighbours=4", 0, "adagrad", "lr=0.05,clip_norm=0.01", .verified = 1),
    BY_STEPS("mlp", "mlp", "dim=3,layers=2,dropout=0.2", 0, "adam", "clip_norm=0.1", .select = "loss"),
    BY_STEPS("mlp t-ce", "mlp", "dim=4,layers=1,loss=t-ce,num_gradual=2", TEST_VALUES, "adamw", "lr=0.01", .select = "NDCG@5"),
    BY_STEPS("mlp r-ce", "mlp", "dim=2,layers=3,loss=r-ce,colliding=0.5,neighbours=6,colliding_of=logit", 0, "adam", "weight_decay=0.01",
             .verified = 1, .without_histories = 1),
    BY_STEPS("neumf", "neumf", "dim=4,layers=2", TEST_STRINGS, "sgd", "lr=0.1", .select = "RECALL@3"),
    BY_STEPS("neumf t-ce", "neumf", "dim=3,layers=3,dropout=0.1,loss=t-ce,num_gradual=4", 0, "adam", "schedule=cosine", .select = "loss"),
    BY_STEPS("neumf r-ce", "neumf", "dim=2,layers=1,loss=r-ce,colliding=0.2,similarity=jaccard", 0, "adam", "lr=0.02", .verified = 1,
             .select = "loss"),
    BY_STEPS("cdae", "cdae", "hidden=6", 0, "adam", "lr=0.01", .select = "loss"),
    BY_STEPS("cdae t-ce", "cdae", "hidden=4,activation=identity,loss=t-ce,num_gradual=0", TEST_VALUES, "adagrad", "", .select = "NDCG@4"),
    BY_STEPS("cdae r-ce", "cdae", "hidden=5,dropout=0,loss=r-ce,colliding=0.3", TEST_STRINGS, "adam", "clip_norm=1", .verified = 1),
    BY_STEPS("dae", "dae", "encoder=6:4,decoder=5,flip=0.05", 0, "adam", "lr=0.01,weight_decay=0.01", .select = "loss"),
    BY_STEPS("dae mse", "dae", "encoder=4,decoder=0,activation=tanh,loss=mse,mask=0", TEST_VALUES, "adamw", "weight_decay=0.1", .select = "NDCG@4"),
    BY_STEPS("dae multinomial", "dae", "encoder=5,decoder=0,code_activation=tanh,normalize=l2,rescale=1,loss=multinomial", TEST_STRINGS, "adam",
             "clip_norm=1", .select = "loss"),
    BY_STEPS("cdae sampled", "cdae", "hidden=6,activation=tanh,output=sampled", 0, "adam", "lr=0.01", .select = "loss"),
    BY_STEPS("cdae sampled t-ce", "cdae", "hidden=3,output=sampled,loss=t-ce,num_gradual=0", 0, "sgd", "momentum=0.9", .select = "loss"),
    BY_STEPS("cdae sampled r-ce", "cdae", "hidden=3,output=sampled,loss=r-ce", TEST_STRINGS, "adam", "", .without_histories = 1),
    BY_STEPS("lightgcn", "lightgcn", "dim=6", 0, "adam", "lr=0.01", .select = "loss"),
    BY_STEPS("lightgcn directed", "lightgcn", "dim=5,layers=2,dropout=0.2,dropout_of=directed", TEST_STRINGS, "sgd", "lr=0.1",
             .select = "RECALL@4"),
    BY_STEPS("lightgcn flat", "lightgcn", "dim=3,layers=0,decay=0", TEST_VALUES, "adam", "clip_norm=1", .without_histories = 1),
    BY_STEPS("two-tower-concat", "two-tower-concat", "layers=8:5:3", 0, "adam", "lr=0.01", .select = "loss"),
    BY_STEPS("two-tower-concat flat", "two-tower-concat", "layers=6,loss=r-ce,colliding=0.4,neighbours=3", TEST_STRINGS, "adam", "",
             .verified = 1),
    BY_STEPS("two-tower-product", "two-tower-product", "layers=8:5:3", 0, "adam", "lr=0.01", .select = "loss"),
    BY_STEPS("two-tower-product in-batch", "two-tower-product", "layers=8:4,output=cosine,objective=in-batch", TEST_VALUES, "sgd",
             "lr=0.1", .select = "NDCG@4"),
    BY_STEPS("two-tower-product shared", "two-tower-product", "layers=8:4,output=dot,objective=shared,shared_negatives=9", 0, "adam",
             "clip_norm=1", .select = "loss", .without_histories = 1),
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Operations that these models are made of. */
static const int32_t operations[] = { OP_GRAM, OP_SPD_INVERSE, OP_WEIGHTS_ROWS, OP_WEIGHTS_SPARSIFY, OP_HISTORY_SCORE,
                                      OP_HISTORY_RANK, OP_DOT_SCORE, OP_DOT_RANK, OP_GATHER_ROWS, OP_ROW_INDEX, OP_CATCH_UP,
                                      OP_READ_ROWS, OP_OPTIMIZE, OP_GRADIENT_NORM, OP_MATMUL, OP_LINEAR, OP_MAP, OP_MAP_GRADIENT,
                                      OP_BINARY, OP_AFFINE, OP_DROPOUT, OP_ROWDOT, OP_SCALE_ROWS, OP_COPY_COLUMNS, OP_REDUCE,
                                      OP_DENSIFY, OP_SCATTER_ROWS, OP_SPMM, OP_ROW_NUMBERS, OP_GATHER_DOT, OP_GATHER_DOT_GRADIENT,
                                      OP_POINTWISE_LOSS, OP_SAMPLE_PAIRS, OP_SAMPLE_ROWS, OP_PAIR_SCORE, OP_PAIR_RANK, OP_ROWS_RANK,
                                      OP_MIX_ROWS, OP_ROW_SLOTS, OP_PROPAGATE_ROWS, OP_PULL, OP_GAUSSIAN, OP_ORTHONORMALIZE, OP_RITZ, OP_FILTER_RANK,
                                      OP_FILTER_SCORE,
                                      OP_NORMALIZE_ROWS, OP_SOFTMAX_LOSS, OP_SAMPLE_POSITIVES, OP_SAMPLE_ITEMS,
                                      OP_CORRUPT_ROWS, OP_ROWS_LOSS };

/* ---- all that a model says ---- */

/* Bytes one after another; `part` is where each kind of answer begins. */
typedef struct transcript {
    char *bytes;
    size_t count, part[16];
    const char *name[16];
    int parts;
} transcript;

static void begin(transcript *t, const char *name)
{
    assert_true(t->parts < 16);
    t->name[t->parts] = name;
    t->part[t->parts++] = t->count;
}

/* Room for an answer, aligned for anything and good until the next. */
static void *append(transcript *t, size_t bytes)
{
    bytes = (bytes + 7) / 8 * 8;
    t->bytes = realloc(t->bytes, t->count + bytes + 1);
    assert_non_null(t->bytes);
    char *at = t->bytes + t->count;
    memset(at, 0, bytes);
    t->count += bytes;
    return at;
}

static void expect_same(const transcript *a, const transcript *b, const char *kind, const char *where)
{
    assert_int_equal(a->parts, b->parts);
    for (int p = 0; p < a->parts; p++) {
        size_t end = p + 1 < a->parts ? a->part[p + 1] : a->count;
        if (a->part[p] != b->part[p] || (p + 1 == a->parts && a->count != b->count) ||
            memcmp(a->bytes + a->part[p], b->bytes + a->part[p], end - a->part[p]) != 0)
            fail_msg("%s: %s differ %s", kind, a->name[p], where);
    }
}

static void tell_tensors(transcript *t, recsys_exec *x, const recsys_model *m)
{
    begin(t, "tensors");
    for (int64_t i = 0; i < recsys_model_tensor_count(m); i++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        assert_int_equal(recsys_model_tensor_info(m, i, &info), RECSYS_OK);
        size_t bytes = info.dtype == RECSYS_I64 ? 8 : 4;
        for (int32_t d = 0; d < info.rank; d++) bytes *= (size_t)info.shape[d];
        expect_ok(x, recsys_model_read_tensor(m, x, info.name, 0, info.shape[0], append(t, bytes)));
    }
}

/* A query of every form: a user, one with a history of its own, one with candidates. */
static void tell_lists(transcript *t, recsys_exec *x, const recsys_model *m)
{
    enum { K = 6 };
    const int64_t history[] = { 4, 30, 11 }, candidates[] = { 7, 2, 7, 36 }, deny[] = { 3, 8 };
    const float values[] = { 1.0f, 2.5f, 0.5f };
    recsys_query q[2] = { RECSYS_QUERY_INIT, RECSYS_QUERY_INIT };
    for (int i = 0; i < 2; i++) {
        q[i].parts = RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY;
        q[i].user = 5 + i;
        q[i].history = history;
        q[i].history_values = values;
        q[i].history_count = 3 - i;
    }
    recsys_topk_options o = RECSYS_TOPK_OPTIONS_INIT;
    o.deny = deny;
    o.deny_count = 2;
    begin(t, "lists");
    int64_t *items = append(t, 2 * K * sizeof *items);
    expect_ok(x, recsys_model_topk(m, x, q, 2, K, NULL, items, NULL));
    float *scores = append(t, 2 * K * sizeof *scores);
    int64_t again[2 * K];
    expect_ok(x, recsys_model_topk(m, x, q, 2, K, &o, again, scores));
    begin(t, "scores");
    expect_ok(x, recsys_model_score(m, x, q, 2, append(t, 2 * ITEMS * sizeof(float))));
    q[0].parts |= RECSYS_QUERY_CANDIDATES;
    q[0].candidates = candidates;
    q[0].candidate_count = 4;
    expect_ok(x, recsys_model_score(m, x, q, 1, append(t, 4 * sizeof(float))));
    expect_ok(x, recsys_model_topk(m, x, q, 1, 3, &o, append(t, 3 * sizeof *items), NULL));
    if (!recsys_model_has_histories(m)) return;
    begin(t, "lists from stored histories");
    recsys_query all[USERS];
    for (int u = 0; u < USERS; u++)
        all[u] = (recsys_query){ .struct_size = sizeof *all, .parts = RECSYS_QUERY_USER, .user = u };
    int64_t *lists = append(t, USERS * K * sizeof *lists);
    expect_ok(x, recsys_model_topk(m, x, all, USERS, K, NULL, lists, NULL));
}

static void tell_similar(transcript *t, recsys_exec *x, const recsys_model *m)
{
    enum { K = 5 };
    int64_t items[K];
    float scores[K];
    begin(t, "similar items");
    recsys_status status = recsys_model_similar_items(m, x, 9, K, items, scores);
    if (status == RECSYS_ERR_UNSUPPORTED) return;
    expect_ok(x, status);
    memcpy(append(t, sizeof items), items, sizeof items);
    memcpy(append(t, sizeof scores), scores, sizeof scores);
}

/* The figures for the whole and for each user, over all items or over sampled ones. */
static void tell_report(transcript *t, recsys_exec *x, const recsys_model *m, const recsys_dataset *test,
                        const recsys_dataset *known, int64_t n_negatives)
{
    const int64_t cutoffs[] = { 3, 10 };
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = test;
    o.known = known;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 2;
    o.per_user = 1;
    o.auc = n_negatives == 0;
    o.n_negatives = n_negatives;
    o.cold = RECSYS_COLD_MISS;
    recsys_evaluator *e = NULL;
    recsys_report *r = NULL;
    int64_t length = 0;
    expect_ok(x, recsys_evaluator_create(x, &o, &e));
    expect_ok(x, recsys_evaluator_run(e, m, x, &r));
    for (int32_t form = RECSYS_REPORT_CSV; form <= RECSYS_REPORT_PER_USER_CSV; form++) {
        expect_ok(x, recsys_report_write(r, x, form, NULL, 0, &length));
        expect_ok(x, recsys_report_write(r, x, form, append(t, (size_t)length + 1), length + 1, &length));
    }
    recsys_report_release(r);
    recsys_evaluator_release(e);
}

/* Trained models with colliding inference that they were not trained for. */
static void tell_colliding(transcript *t, recsys_exec *x, const recsys_model *m, const recsys_dataset *verified)
{
    recsys_model *c = NULL;
    recsys_query q = RECSYS_QUERY_INIT;
    q.parts = RECSYS_QUERY_USER;
    q.user = 8;
    begin(t, "scores of colliding inference");
    expect_ok(x, recsys_model_with_colliding(m, x, "colliding=0.6,neighbours=5", verified, &c));
    expect_ok(x, recsys_model_score(c, x, &q, 1, append(t, ITEMS * sizeof(float))));
    expect_ok(x, recsys_model_topk(c, x, &q, 1, 7, NULL, append(t, 7 * sizeof(int64_t)), NULL));
    recsys_model_release(c);
}

static void tell(transcript *t, recsys_exec *x, const recsys_model *m, const model_case *kind)
{
    *t = (transcript){ .bytes = NULL };
    recsys_dataset *test = test_random_dataset(x, USERS + 3, ITEMS + 2, 4, kind->flags, 21);
    recsys_dataset *known = test_random_dataset(x, USERS, ITEMS, 5, kind->flags, 22);
    tell_tensors(t, x, m);
    tell_lists(t, x, m);
    tell_similar(t, x, m);
    int has_colliding = m->class->training != NULL && m->class->training->is_pointwise;
    if (has_colliding && !kind->without_histories) tell_colliding(t, x, m, known);
    begin(t, "reports");
    tell_report(t, x, m, test, known, 0);
    tell_report(t, x, m, test, known, 6);
    recsys_dataset_release(known);
    recsys_dataset_release(test);
}

/* ---- the life of a model ---- */

/* What a kind of model says, and the file it is saved to. */
typedef struct life {
    transcript said;
    unsigned char *file;
    size_t file_bytes;
} life;

static void free_life(life *l)
{
    free(l->said.bytes);
    free(l->file);
}

static void expect_same_after_load(const fixture *f, const model_case *kind, const char *path, const life *l)
{
    for (int32_t verify = 0; verify < 2; verify++) {
        recsys_load_options o = RECSYS_LOAD_OPTIONS_INIT;
        o.verify = verify;
        recsys_model *m = NULL;
        transcript t;
        expect_ok(f->exec, recsys_model_load(f->exec, path, &o, &m));
        tell(&t, f->exec, m, kind);
        expect_same(&l->said, &t, kind->name, "after a load");
        free(t.bytes);
        recsys_model_release(m);
    }
}

/* The first tensor replaced by itself gives the same model. */
static void expect_same_with_tensor(const fixture *f, const model_case *kind, const recsys_model *m, const life *l)
{
    recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
    assert_int_equal(recsys_model_tensor_info(m, 0, &info), RECSYS_OK);
    recsys_model *copy = NULL;
    transcript t;
    expect_ok(f->exec, recsys_model_with_tensor(m, f->exec, info.name, l->said.bytes, &copy));
    tell(&t, f->exec, copy, kind);
    expect_same(&l->said, &t, kind->name, "with a tensor replaced");
    free(t.bytes);
    recsys_model_release(copy);
}

/* Trains, asks, saves, loads and asks again. */
static void live(const fixture *f, const model_case *kind, life *l)
{
    char path[TEST_PATH_ROOM];
    recsys_model *m = model_of(f->exec, kind, USERS, ITEMS);
    assert_int_equal(recsys_ids_count(recsys_model_items(m)), ITEMS);
    assert_int_equal(recsys_ids_count(recsys_model_users(m)), USERS);
    tell(&l->said, f->exec, m, kind);
    expect_ok(f->exec, recsys_model_save(m, f->exec, fixture_path(f, kind->name, path), NULL));
    l->file = test_read_file(path, &l->file_bytes);
    expect_same_after_load(f, kind, path, l);
    expect_same_with_tensor(f, kind, m, l);
    recsys_model_release(m);
}

static void test_kinds(void **state)
{
    (void)state;
    fixture plain, fenced;
    fixture_open(&plain, 2);
    fixture_open(&fenced, 2);
    fence *w = fence_open(fenced.exec);
    for (int k = 0; k < KINDS; k++) {
        life on_cpu, on_fence;
        live(&plain, &kinds[k], &on_cpu);
        live(&fenced, &kinds[k], &on_fence);
        expect_same(&on_cpu.said, &on_fence.said, kinds[k].name, "on the fence");
        assert_int_equal(on_cpu.file_bytes, on_fence.file_bytes);
        assert_memory_equal(on_cpu.file, on_fence.file, on_cpu.file_bytes);
        free_life(&on_cpu);
        free_life(&on_fence);
    }
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++)
        if (fence_runs(w, operations[o]) == 0) fail_msg("%s never ran", recsys__op_name(operations[o]));
    fixture_close(&plain);
    fixture_close(&fenced);
    fence_close(w);
}

/* ---- a classifier, whose data are rows of features ---- */

enum { CELLS = 3, CLASSES = 4 };

static recsys_dataset *labelled_rows(recsys_exec *x, float features[USERS * CELLS])
{
    int64_t label[USERS];
    uint64_t random = 12;
    recsys_dataset_builder *b = NULL;
    recsys_dataset *d = NULL;
    recsys_rows rows = RECSYS_ROWS_INIT;
    for (int r = 0; r < USERS; r++) {
        label[r] = 5 * (r % CLASSES);
        for (int k = 0; k < CELLS; k++) features[r * CELLS + k] = (float)(test_random_unit(&random) + (k == r % CLASSES));
    }
    rows.count = USERS, rows.n_features = CELLS, rows.features = features, rows.label_ids = label;
    expect_ok(x, recsys_dataset_builder_create(x, NULL, &b));
    expect_ok(x, recsys_dataset_builder_append_rows(b, &rows));
    expect_ok(x, recsys_dataset_builder_finish(b, &d));
    recsys_dataset_builder_release(b);
    return d;
}

static void tell_classes(transcript *t, recsys_exec *x, const recsys_model *m, const recsys_dataset *d, const float *features)
{
    recsys_query q[USERS];
    *t = (transcript){ .bytes = NULL };
    tell_tensors(t, x, m);
    for (int r = 0; r < USERS; r++) {
        q[r] = (recsys_query)RECSYS_QUERY_INIT;
        q[r].parts = RECSYS_QUERY_FEATURES, q[r].features = features + r * CELLS, q[r].n_features = CELLS;
    }
    begin(t, "probabilities");
    expect_ok(x, recsys_model_score(m, x, q, USERS, append(t, USERS * CLASSES * sizeof(float))));
    begin(t, "classes");
    expect_ok(x, recsys_model_topk(m, x, q, USERS, 2, NULL, append(t, USERS * 2 * sizeof(int64_t)), NULL));
    recsys_classification f = RECSYS_CLASSIFICATION_INIT;
    begin(t, "counts");
    expect_ok(x, recsys_model_classify(m, x, d, &f, append(t, CLASSES * CLASSES * sizeof(int64_t)), NULL));
    memcpy(append(t, sizeof f), &f, sizeof f);
}

/* Trains with validation on the same rows, asks, saves, loads and asks again. */
static void live_by_features(const fixture *f, transcript *said)
{
    char path[TEST_PATH_ROOM];
    float features[USERS * CELLS];
    recsys_params *p = NULL;
    recsys_model *m = NULL, *back = NULL;
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    transcript again;
    recsys_dataset *d = labelled_rows(f->exec, features);
    assert_int_equal(recsys_params_create(f->env, "mlp-classifier", &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, "layers=9:5,standardize=1"), RECSYS_OK);
    t.epochs = 3;
    t.validation = d;
    o.training = &t;
    expect_ok(f->exec, recsys_model_fit(p, d, f->exec, &o, &m));
    tell_classes(said, f->exec, m, d, features);
    expect_ok(f->exec, recsys_model_save(m, f->exec, fixture_path(f, "classifier", path), NULL));
    expect_ok(f->exec, recsys_model_load(f->exec, path, NULL, &back));
    tell_classes(&again, f->exec, back, d, features);
    expect_same(said, &again, "mlp-classifier", "after a load");
    free(again.bytes);
    recsys_model_release(back);
    recsys_model_release(m);
    recsys_params_release(p);
    recsys_dataset_release(d);
}

static void test_classifier(void **state)
{
    (void)state;
    fixture plain, fenced;
    transcript on_cpu, on_fence;
    fixture_open(&plain, 2);
    fixture_open(&fenced, 2);
    fence *w = fence_open(fenced.exec);
    live_by_features(&plain, &on_cpu);
    live_by_features(&fenced, &on_fence);
    expect_same(&on_cpu, &on_fence, "mlp-classifier", "on the fence");
    assert_true(fence_runs(w, OP_SOFTMAX_LOSS) > 0 && fence_runs(w, OP_LINEAR) > 0 && fence_runs(w, OP_ROWS_RANK) > 0);
    free(on_cpu.bytes);
    free(on_fence.bytes);
    fixture_close(&plain);
    fixture_close(&fenced);
    fence_close(w);
}

/* ---- several execs on one device ---- */

typedef struct client {
    recsys_exec *exec;
    const recsys_model *model;
    const float *want; /* USERS x ITEMS */
    int wrong;
} client;

static void *ask(void *data)
{
    client *c = data;
    for (int64_t u = 0; u < USERS; u++) {
        float scores[ITEMS];
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_USER;
        q.user = u;
        c->wrong += recsys_model_score(c->model, c->exec, &q, 1, scores) != RECSYS_OK ||
                    memcmp(scores, c->want + u * ITEMS, sizeof scores) != 0;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { CLIENTS = 4 };
    fixture f;
    fixture_open(&f, 1);
    fence *w = fence_open(f.exec);
    recsys_model *m = model_of(f.exec, &kinds[0], USERS, ITEMS);
    float want[USERS * ITEMS];
    for (int64_t u = 0; u < USERS; u++) {
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_USER;
        q.user = u;
        expect_ok(f.exec, recsys_model_score(m, f.exec, &q, 1, want + u * ITEMS));
    }
    client c[CLIENTS];
    pthread_t thread[CLIENTS];
    for (int t = 0; t < CLIENTS; t++) {
        c[t] = (client){ fixture_exec(&f, 1 + t % 2, 0, 0), m, want, 0 };
        fence_add(w, c[t].exec);
        assert_int_equal(pthread_create(&thread[t], NULL, ask, &c[t]), 0);
    }
    for (int t = 0; t < CLIENTS; t++) {
        assert_int_equal(pthread_join(thread[t], NULL), 0);
        assert_int_equal(c[t].wrong, 0);
        recsys_exec_release(c[t].exec);
    }
    recsys_model_release(m);
    fixture_close(&f);
    fence_close(w);
}

/* ---- memory that runs out ---- */

/* Every allocation of a fit and of a query fails in turn: each block of the device is given back. */
static void test_failing_allocations(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    fence *w = fence_open(f.exec);
    for (int k = 0; k < KINDS; k++) {
        recsys_exec *x = fixture_exec(&f, 1, 0, 0);
        fence_add(w, x);
        int refused = 1;
        for (int64_t n = 1; refused; n += 1 + n / 16) {
            int64_t items[4];
            recsys_query q = RECSYS_QUERY_INIT;
            q.parts = RECSYS_QUERY_USER | RECSYS_QUERY_HISTORY;
            recsys_model *m = NULL;
            test_heap_fail(&f.heap, n, 0);
            recsys_status status = make_model(x, &kinds[k], 12, 9, &m);
            if (!status) status = recsys_model_topk(m, x, &q, 1, 4, NULL, items, NULL);
            refused = atomic_load(&f.heap.refused) > 0;
            test_heap_fail(&f.heap, 0, 0);
            recsys_error_info said = RECSYS_ERROR_INFO_INIT;
            recsys_exec_last_error(x, &said);
            int may_do_with_less = kinds[k].optimizer != NULL; /* a tape asks again, for as little as will do */
            if (status != (refused ? RECSYS_ERR_NO_MEMORY : RECSYS_OK) && !(may_do_with_less && status == RECSYS_OK))
                fail_msg("%s, allocation %lld: %s: %s", kinds[k].name, (long long)n, recsys_status_name(status), said.message);
            recsys_model_release(m);
        }
        recsys_exec_release(x);
        assert_int_equal(fence_blocks(w), 0);
    }
    fixture_close(&f);
    fence_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds), cmocka_unit_test(test_classifier),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
