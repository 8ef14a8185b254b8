/* models.c - every kind of model on the CPU and on the device: losses, quality, files, bits from run to run.
 *
 * Both train from the same seed, so they draw the same numbers and differ by rounding alone. Losses are compared epoch by
 * epoch; lists by Recall@20 and NDCG@20, whose difference is held against the spread of the users' own differences; scores
 * between the device and the CPU, which loads what the device saved.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"

enum { CUTOFF = 20, SCORED = 64 };

/* How far the device may be off: the loss of the first epoch, relative, and of the later ones, where rounding has grown with
 * each step; scores, against the largest; quality, beyond its noise. */
#define FIRST_LOSS_TOLERANCE 1e-4
#define LOSS_TOLERANCE 1e-3
#define SCORE_TOLERANCE 1e-4
#define QUALITY_TOLERANCE 2e-3

/* A case: what it is called, the model, its parameters, and whether it is trained by steps. */
typedef struct model_case {
    const char *name, *model, *params;
    int steps;
} model_case;

static const model_case cases[] = {
    { "ease", "ease", "l2=50", 0 },
    { "gf-cf", "gf-cf", "factors=16", 0 },
    { "gmf", "gmf", "dim=32", 1 },
    { "gmf-t-ce", "gmf", "dim=32,loss=t-ce,drop_rate=0.1,num_gradual=100", 1 },
    { "mlp", "mlp", "dim=16,layers=3,dropout=0.1", 1 },
    { "neumf", "neumf", "dim=16,layers=3", 1 },
    { "neumf-r-ce", "neumf", "dim=16,layers=2,loss=r-ce", 1 },
    { "cdae", "cdae", "hidden=64", 1 },
    { "cdae-sampled", "cdae", "hidden=64,output=sampled", 1 },
    { "dae", "dae", "encoder=128:32,decoder=128", 1 },
    { "dae-multinomial", "dae", "encoder=128:32,decoder=128,loss=multinomial,normalize=l2,mask=0.5,rescale=1", 1 },
    { "lightgcn", "lightgcn", "dim=32,layers=3", 1 },
    { "lightgcn-dropout", "lightgcn", "dim=32,layers=2,dropout=0.1", 1 },
    { "two-tower-concat", "two-tower-concat", "layers=64:32", 1 },
    { "two-tower-product", "two-tower-product", "layers=64:32", 1 },
    { "two-tower-product-in-batch", "two-tower-product", "layers=64,objective=in-batch,output=cosine,temperature=0.15", 1 },
    { "two-tower-product-shared", "two-tower-product", "layers=64,objective=shared,shared_negatives=64", 1 },
    { "mlp-classifier", "mlp-classifier", "layers=16:32,standardize=1", 1 },
};

/* What all cases work on. */
typedef struct material {
    recsys_split tastes;
    row_data rows;
} material;

/* Where a case stands; the exec that failed last is `at`. */
typedef struct comparison {
    validation *v;
    const model_case *c;
    const material *m;
    recsys_exec *at;
    const recsys_dataset *train;
    history on_cpu, on_device;
    double recall[2], ndcg[2], quality_noise, quality_off; /* CPU, device */
    double scores_off;
    double seconds[2]; /* of the training: CPU, device */
    uint64_t bits[2];
} comparison;

static int is_classifier(const comparison *k)
{
    return strcmp(k->c->model, "mlp-classifier") == 0;
}

static int64_t epochs(const comparison *k)
{
    return !k->c->steps ? 0 : k->v->scale == 1 ? 5 : 2;
}

static recsys_status fit(comparison *k, recsys_exec *x, history *seen, recsys_model **out)
{
    int by_users = strcmp(k->c->model, "cdae") == 0 || strcmp(k->c->model, "dae") == 0;
    double start = validate_seconds();
    k->at = x;
    recsys_status s = validate_fit(x, k->c->model, k->c->params, k->train, epochs(k),
                                   by_users ? 64 : validate_size(k->v, 1024, 128), seen, out);
    k->seconds[x == k->v->device] = validate_seconds() - start;
    return s;
}

/* ---- quality ---- */

/* Recall and NDCG of a model, and the latter of each user. */
static recsys_status rank(comparison *k, recsys_exec *x, const recsys_model *model, int which, double *per_user, int64_t room,
                          int64_t *count)
{
    static const int64_t cutoffs[] = { CUTOFF };
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    recsys_evaluator *evaluator = NULL;
    recsys_report *report = NULL;
    k->at = x;
    o.test = k->m->tastes.test;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 1;
    o.per_user = 1;
    recsys_status s = recsys_evaluator_create(x, &o, &evaluator);
    if (s >= 0) s = recsys_evaluator_run(evaluator, model, x, &report);
    if (s >= 0) s = recsys_report_get(report, "RECALL", CUTOFF, &k->recall[which]);
    if (s >= 0) s = recsys_report_get(report, "NDCG", CUTOFF, &k->ndcg[which]);
    if (s >= 0) s = recsys_report_per_user(report, "NDCG", CUTOFF, NULL, per_user, room, count);
    recsys_report_release(report);
    recsys_evaluator_release(evaluator);
    return s;
}

/* The mean difference of the users may be three times its standard error, and a little more. */
static recsys_status compare_lists(comparison *k, const recsys_model *cpu, const recsys_model *device)
{
    int64_t room = recsys_ids_count(recsys_dataset_users(k->train)), count[2] = { 0, 0 };
    double *values = malloc(2 * (size_t)room * sizeof *values), sum = 0.0, squares = 0.0;
    if (values == NULL) return RECSYS_ERR_NO_MEMORY;
    recsys_status s = rank(k, k->v->cpu, cpu, 0, values, room, &count[0]);
    if (s >= 0) s = rank(k, k->v->device, device, 1, values + room, room, &count[1]);
    for (int64_t u = 0; s >= 0 && u < count[0]; u++) {
        double d = values[room + u] - values[u];
        sum += d;
        squares += d * d;
    }
    double n = (double)count[0], mean = sum / n;
    k->quality_off = count[0] == count[1] ? fabs(mean) : INFINITY;
    k->quality_noise = 3.0 * sqrt(fmax(squares / n - mean * mean, 0.0) / n) + QUALITY_TOLERANCE;
    free(values);
    return s;
}

/* Of a classifier: accuracy in the place of Recall, cross-entropy in that of NDCG. */
static recsys_status compare_classes(comparison *k, const recsys_model *cpu, const recsys_model *device)
{
    recsys_classification figures[2] = { RECSYS_CLASSIFICATION_INIT, RECSYS_CLASSIFICATION_INIT };
    k->at = k->v->cpu;
    recsys_status s = recsys_model_classify(cpu, k->v->cpu, k->train, &figures[0], NULL, NULL);
    if (s >= 0) {
        k->at = k->v->device;
        s = recsys_model_classify(device, k->v->device, k->train, &figures[1], NULL, NULL);
    }
    for (int w = 0; w < 2; w++) k->recall[w] = figures[w].accuracy, k->ndcg[w] = figures[w].cross_entropy;
    k->quality_off = fabs(k->ndcg[1] - k->ndcg[0]);
    k->quality_noise = QUALITY_TOLERANCE;
    return s;
}

/* ---- files and scores ---- */

static recsys_status score(comparison *k, recsys_exec *x, const recsys_model *model, float *scores)
{
    recsys_query queries[SCORED];
    const row_data *rows = &k->m->rows;
    k->at = x;
    for (int64_t q = 0; q < SCORED; q++) {
        queries[q] = (recsys_query)RECSYS_QUERY_INIT;
        queries[q].parts = is_classifier(k) ? RECSYS_QUERY_FEATURES : RECSYS_QUERY_USER;
        queries[q].user = q;
        queries[q].features = rows->x + q * rows->features;
        queries[q].n_features = rows->features;
    }
    return recsys_model_score(model, x, queries, SCORED, scores);
}

/* What the device scores, and what the CPU does with the file that the device wrote. */
static recsys_status compare_file(comparison *k, const recsys_model *device)
{
    int64_t count = SCORED * recsys_ids_count(recsys_model_items(device));
    float *scores = malloc(2 * (size_t)count * sizeof *scores);
    char path[128];
    recsys_model *loaded = NULL;
    if (scores == NULL) return RECSYS_ERR_NO_MEMORY;
    snprintf(path, sizeof path, "%s/model.safetensors", k->v->folder);
    recsys_status s = score(k, k->v->device, device, scores);
    if (s >= 0) s = recsys_model_save(device, k->v->device, path, NULL);
    if (s >= 0) {
        k->at = k->v->cpu;
        s = recsys_model_load(k->v->cpu, path, NULL, &loaded);
    }
    if (s >= 0) s = score(k, k->v->cpu, loaded, scores + count);
    double largest = 1e-30, off = 0.0;
    for (int64_t e = 0; s >= 0 && e < count; e++) {
        double difference = fabs((double)scores[e] - (double)scores[count + e]);
        largest = fmax(largest, fabs((double)scores[count + e]));
        off = isnan(difference) || difference > off ? difference : off; /* fmax() would lose a NaN */
        if (isnan(off)) break;
    }
    k->scores_off = off / largest;
    recsys_model_release(loaded);
    remove(path);
    free(scores);
    return s;
}

/* ---- a case ---- */

static recsys_status compare(comparison *k)
{
    recsys_model *cpu = NULL, *device = NULL, *again = NULL;
    recsys_status s = fit(k, k->v->cpu, &k->on_cpu, &cpu);
    if (s >= 0) s = fit(k, k->v->device, &k->on_device, &device);
    if (s >= 0) s = is_classifier(k) ? compare_classes(k, cpu, device) : compare_lists(k, cpu, device);
    if (s >= 0) s = compare_file(k, device);
    if (s >= 0) s = fit(k, k->v->device, NULL, &again);
    if (s >= 0) s = validate_hash(k->v->device, device, &k->bits[0]);
    if (s >= 0) s = validate_hash(k->v->device, again, &k->bits[1]);
    recsys_model_release(again), recsys_model_release(device), recsys_model_release(cpu);
    return s;
}

/* The largest relative difference of an epoch; `ok` unless one is too large. */
static double loss_off(const comparison *k, int *ok)
{
    double worst = 0.0;
    *ok = k->on_cpu.count == k->on_device.count && k->on_cpu.count == epochs(k);
    for (int64_t e = 0; e < k->on_cpu.count; e++) {
        double off = fabs(k->on_device.loss[e] - k->on_cpu.loss[e]) / fmax(fabs(k->on_cpu.loss[e]), 1e-12);
        if (!(off <= (e == 0 ? FIRST_LOSS_TOLERANCE : LOSS_TOLERANCE))) *ok = 0;
        worst = off > worst || isnan(off) ? off : worst;
    }
    return worst;
}

static void run_case(validation *v, const model_case *c, const material *m)
{
    comparison k = { .v = v, .c = c, .m = m };
    k.train = is_classifier(&k) ? m->rows.data : m->tastes.train;
    recsys_status s = compare(&k);
    int losses_ok, same = k.bits[0] == k.bits[1];
    double off = loss_off(&k, &losses_ok);
    int ok = s >= 0 && losses_ok && k.quality_off <= k.quality_noise && k.scores_off <= SCORE_TOLERANCE && same;
    if (!ok) v->failed++;
    printf("{\"part\": \"models\", \"case\": \"%s\", \"params\": \"%s\", \"ok\": %s", c->name, c->params,
           ok ? "true" : "false");
    if (s < 0) {
        validate_print_error(k.at, s);
        return;
    }
    validate_print_list("loss_cpu", k.on_cpu.loss, k.on_cpu.count);
    validate_print_list("loss_device", k.on_device.loss, k.on_device.count);
    printf(", \"loss_difference\": %.3g, \"quality\": \"%s\", \"recall_cpu\": %.6f, \"recall_device\": %.6f, "
           "\"ndcg_cpu\": %.6f, \"ndcg_device\": %.6f, \"quality_difference\": %.3g, \"quality_noise\": %.3g, "
           "\"score_difference\": %.3g, \"seconds_cpu\": %.3f, \"seconds_device\": %.3f, \"same_bits\": %s, "
           "\"bits\": \"%016llx\"}\n",
           off, is_classifier(&k) ? "accuracy and cross-entropy" : "Recall@20 and NDCG@20", k.recall[0], k.recall[1], k.ndcg[0],
           k.ndcg[1], k.quality_off, k.quality_noise, k.scores_off, k.seconds[0], k.seconds[1],
           same ? "true" : "false", (unsigned long long)k.bits[0]);
    fflush(stdout);
}

static recsys_status prepare(validation *v, material *m)
{
    recsys_dataset *all = NULL;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    how.method = RECSYS_SPLIT_RANDOM_PER_USER;
    recsys_status s = validate_tastes(v, &all);
    if (s >= 0) s = recsys_dataset_split(all, v->cpu, &how, &m->tastes);
    if (s >= 0) s = validate_rows(v, &m->rows);
    recsys_dataset_release(all);
    return s;
}

int validate_models(validation *v, const char *only, int list)
{
    material m = { .tastes = RECSYS_SPLIT_INIT };
    int found = 0;
    recsys_status s = list ? RECSYS_OK : prepare(v, &m);
    if (s < 0) {
        printf("{\"part\": \"models\", \"case\": \"data\", \"ok\": false");
        validate_print_error(v->cpu, s);
        v->failed++;
    }
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        if (only != NULL && strcmp(only, cases[c].name) != 0) continue;
        found++;
        if (list) printf("models:%s\n", cases[c].name);
        else if (s >= 0) run_case(v, &cases[c], &m);
    }
    recsys_split_release(&m.tastes), recsys_dataset_release(m.rows.data);
    free(m.rows.x);
    return found;
}
