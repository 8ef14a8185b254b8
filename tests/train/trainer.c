/* trainer.c - what a trainer promises: steps are a fit, batches of the caller's, events, validation and the best model, parts,
 * cancelling, numbers that are not finite; and that looking at a training changes no bit of it.
 *
 * Where training starts and what is refused: start.c and bad_training.c. Checkpoints: checkpoint.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/training_case.h"

#include <pthread.h>

#include "model/pointwise.h"

typedef struct world {
    fixture f;
    recsys_exec *x;
    recsys_dataset *train, *validation, *verified;
} world;

typedef struct kind {
    const char *model, *params;
    recsys_training o; /* counts only */
} kind;

#define COUNTS(...) { .struct_size = sizeof(recsys_training), __VA_ARGS__ }

static const kind kinds[] = {
    { "gmf", "dim=6,loss=t-ce,drop_rate=0.3,num_gradual=9", COUNTS(.epochs = 2, .batch_size = 50, .validate_every_steps = 4) },
    { "gmf", "dim=5,loss=r-ce", COUNTS(.epochs = 2, .batch_size = 64, .n_negatives = 3, .popularity = 0.5, .select = "NDCG@5") },
    { "mlp", "dim=3,layers=2,dropout=0.3", COUNTS(.epochs = 2, .batch_size = 60, .validate_every_steps = 3) },
    { "neumf", "dim=3,layers=2,loss=t-ce,num_gradual=4", COUNTS(.epochs = 1, .batch_size = 60, .warm_up_epochs = 1, .fine_tune_epochs = 1) },
    { "cdae", "hidden=5,loss=t-ce,num_gradual=4", COUNTS(.epochs = 4, .batch_size = 16, .validate_every_steps = 2) },
    { "cdae", "hidden=5,output=sampled", COUNTS(.epochs = 3, .batch_size = 16, .n_negatives = 2, .validate_every_epochs = 2) },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static recsys_training options_of(const world *w, const kind *k)
{
    recsys_training o = k->o;
    o.validation = w->validation;
    o.verified = w->verified;
    return o;
}

/* ---- steps ---- */

/* fit, run, steps, and steps that somebody looks at after each one, end in the same bits. */
static void test_steps_are_a_fit(void **state)
{
    world *w = *state;
    for (int k = 0; k < KINDS; k++) {
        recsys_training o = options_of(w, &kinds[k]), blind = o;
        blind.validation = NULL;
        blind.validate_every_steps = blind.validate_every_epochs = 0;
        blind.select = NULL;
        recsys_model *fitted = case_fit(w->x, kinds[k].model, kinds[k].params, w->train, &blind), *last;
        recsys_trainer *seen = case_trainer(w->x, kinds[k].model, kinds[k].params, w->train, &o);
        recsys_trainer *run = case_trainer(w->x, kinds[k].model, kinds[k].params, w->train, &blind);
        recsys_status status;
        while ((status = recsys_trainer_step(seen, NULL, 0, NULL)) == RECSYS_OK) {
            double value, again;
            expect_ok(w->x, recsys_trainer_validate(seen, &value));
            recsys_model *now = case_model(seen, 0);
            float scores[CASE_ITEMS];
            case_scores(w->x, now, 3, scores);
            expect_ok(w->x, recsys_trainer_validate(seen, &again));
            assert_true(value == again && isfinite(value));
            recsys_model_release(now);
        }
        expect_error(w->x, status, RECSYS_ERR_EMPTY, "over after");
        expect_ok(w->x, recsys_trainer_run(run));
        expect_error(w->x, recsys_trainer_step(run, NULL, 0, NULL), RECSYS_ERR_EMPTY, NULL);
        last = case_model(seen, 0);
        if (!case_same(w->x, fitted, last))
            fail_msg("%s %s: steps and looking give another model than fit", kinds[k].model, kinds[k].params);
        recsys_model_release(last);
        last = case_model(run, 0);
        assert_true(case_same(w->x, fitted, last));
        recsys_model_release(last);
        recsys_trainer_release(run);
        recsys_trainer_release(seen);
        recsys_model_release(fitted);
    }
}

/* A batch of the caller's that holds what the library would have drawn does what the library would have done. */
static void test_batches_of_the_caller(void **state)
{
    world *w = *state;
    for (int k = 0; k < KINDS; k++) {
        recsys_training o = options_of(w, &kinds[k]);
        recsys_trainer *own = case_trainer(w->x, kinds[k].model, kinds[k].params, w->train, &o);
        recsys_trainer *given = case_trainer(w->x, kinds[k].model, kinds[k].params, w->train, &o);
        for (int step = 0; step < 4; step++) {
            static case_batch b;
            recsys_training_event mine = RECSYS_TRAINING_EVENT_INIT, theirs = RECSYS_TRAINING_EVENT_INIT;
            case_next(given, &b);
            recsys_batch_input in[] = { { "users", b.users, b.rows }, { "labels", b.labels, b.samples },
                                        { "items", b.items, b.samples }, { "rows", b.row, b.samples } };
            int is_rows = strcmp(kinds[k].model, "cdae") == 0;
            expect_ok(w->x, recsys_trainer_step(given, in, b.samples == 0 ? 1 : is_rows ? 4 : 3, &theirs));
            expect_ok(w->x, recsys_trainer_step(own, NULL, 0, &mine));
            assert_true(mine.loss == theirs.loss && mine.step == theirs.step && mine.samples == theirs.samples);
            assert_true(mine.dropped == theirs.dropped && mine.kept == theirs.kept);
        }
        recsys_model *a = case_model(own, 0), *b = case_model(given, 0);
        assert_true(case_same(w->x, a, b));
        recsys_model_release(a), recsys_model_release(b);
        recsys_trainer_release(own), recsys_trainer_release(given);
    }
}

/* Rows that the lazy optimizer is behind with score as those of one that updates every row at every step: a weight decay too
 * small to be seen makes it do that. */
static void test_snapshot_is_dense(void **state)
{
    world *w = *state;
    for (int k = 0; k < KINDS; k++) {
        recsys_optimizer *lazy = case_optimizer(w->x, "adam", "lr=0.02"), *dense = case_optimizer(w->x, "adam", "lr=0.02,weight_decay=1e-30");
        recsys_training o = options_of(w, &kinds[k]);
        o.batch_size = 7;
        o.optimizer = lazy;
        recsys_trainer *a = case_trainer(w->x, kinds[k].model, kinds[k].params, w->train, &o);
        o.optimizer = dense;
        recsys_trainer *b = case_trainer(w->x, kinds[k].model, kinds[k].params, w->train, &o);
        for (int step = 1; step <= 15; step++) {
            expect_ok(w->x, recsys_trainer_step(a, NULL, 0, NULL));
            expect_ok(w->x, recsys_trainer_step(b, NULL, 0, NULL));
            if (step % 5 != 0)
                continue;
            recsys_model *of_a = case_model(a, 0), *of_b = case_model(b, 0);
            for (int64_t u = 0; u < CASE_USERS; u++) {
                float s[CASE_ITEMS], d[CASE_ITEMS];
                case_scores(w->x, of_a, u, s);
                case_scores(w->x, of_b, u, d);
                for (int i = 0; i < CASE_ITEMS; i++)
                    case_near((double)s[i], (double)d[i], 2e-5, kinds[k].model);
            }
            recsys_model_release(of_a), recsys_model_release(of_b);
        }
        recsys_trainer_release(a), recsys_trainer_release(b);
        recsys_optimizer_release(lazy), recsys_optimizer_release(dense);
    }
}

/* ---- T-CE ---- */

/* The rate as the published program has it: linspace(0, rate^exponent, num_gradual)[t], then the rate. */
static void test_drop_rate(void **state)
{
    (void)state;
    static const double rates[] = { 0.0, 0.05, 0.2, 0.9 }, exponents[] = { 0.5, 1.0, 2.0 };
    static const int64_t graduals[] = { 2, 3, 100, 30000 };
    for (int r = 0; r < 4; r++)
        for (int e = 0; e < 3; e++)
            for (int g = 0; g < 4; g++)
                for (int64_t t = 0; t < graduals[g] + 3; t += 1 + graduals[g] / 50) {
                    double step = pow(rates[r], exponents[e]) / (double)(graduals[g] - 1);
                    double want = t < graduals[g] ? (double)t * step : rates[r];
                    assert_true(fabs(recsys__drop_rate(rates[r], exponents[e], graduals[g], t) - want) <= 1e-15);
                }
    assert_true(recsys__drop_rate(0.2, 1.0, 1, 0) == 0.0 && recsys__drop_rate(0.2, 1.0, 1, 1) == 0.2);
    assert_true(recsys__drop_rate(0.2, 2.0, 100, 99) == pow(0.2, 2.0) && recsys__drop_rate(0.2, 2.0, 100, 100) == 0.2);
    assert_true(recsys__drop_rate(0.2, 1.0, 100, INT64_MAX) == 0.2);
}

/* What each step says of its batch, against the model before it and its batch, one sample after the other. */
static void test_dropped_samples(void **state)
{
    world *w = *state;
    static case_batch b;
    recsys_optimizer *fast = case_optimizer(w->x, "adam", "lr=0.1");
    recsys_training o = COUNTS(.epochs = 3, .batch_size = 70, .optimizer = fast, .n_negatives = 2);
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4,loss=t-ce,drop_rate=0.3,num_gradual=8", w->train, &o);
    double dropped = 0.0, noisy = 0.0;
    for (int64_t step = 0; step < t->n_steps; step++) {
        recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
        case_next(t, &b);
        recsys_model *before = case_model(t, 0);
        slow_loss want = slow_tce(w->x, before, &b, step < 8 ? 0.3 * (double)step / 7.0 : 0.3);
        expect_ok(w->x, recsys_trainer_step(t, NULL, 0, &e));
        assert_true(e.dropped == want.dropped && e.kept + e.dropped == (double)b.samples);
        assert_true(e.clean == want.clean && e.noisy == want.noisy);
        assert_true(e.dropped_clean == want.dropped_clean && e.dropped_noisy == want.dropped_noisy);
        case_near(e.loss, want.loss, 2e-5, "loss");
        case_near(e.clean_loss, want.clean_loss / want.clean, 2e-5, "clean_loss");
        case_near(e.noisy_loss, want.noisy_loss / want.noisy, 2e-5, "noisy_loss");
        dropped += e.dropped, noisy += e.dropped_noisy;
        recsys_model_release(before);
    }
    assert_true(dropped > 100.0 && noisy > 0.0);
    recsys_trainer_release(t);
    recsys_optimizer_release(fast);
}

/* ---- events ---- */

enum { LOG_ROOM = 1024 };
typedef struct event_log {
    int64_t n, stop_after; /* 0: never */
    recsys_training_event at[LOG_ROOM];
} event_log;

static int32_t note(void *user, const recsys_training_event *e)
{
    event_log *l = user;
    assert_true(l->n < LOG_ROOM && e->struct_size == sizeof *e);
    l->at[l->n++] = *e;
    return l->stop_after > 0 && l->n >= l->stop_after;
}

/* Sums of an epoch, made of its steps. */
static void add_step(recsys_training_event *sum, const recsys_training_event *e)
{
    sum->loss += e->loss;
    sum->kept += e->kept, sum->dropped += e->dropped, sum->dropped_clean += e->dropped_clean, sum->dropped_noisy += e->dropped_noisy;
    sum->clean_loss += e->clean > 0.0 ? e->clean_loss * e->clean : 0.0;
    sum->noisy_loss += e->noisy > 0.0 ? e->noisy_loss * e->noisy : 0.0;
    sum->clean += e->clean, sum->noisy += e->noisy;
    sum->step++;
}

static void check_epoch_event(const recsys_training_event *e, const recsys_training_event *sum)
{
    case_near(e->loss, sum->loss / (double)sum->step, 1e-12, "loss of an epoch");
    assert_true(e->kept == sum->kept && e->dropped == sum->dropped && e->clean == sum->clean && e->noisy == sum->noisy);
    assert_true(e->dropped_clean == sum->dropped_clean && e->dropped_noisy == sum->dropped_noisy);
    case_near(e->clean_loss, sum->clean_loss / sum->clean, 1e-12, "clean_loss of an epoch");
    case_near(e->noisy_loss, sum->noisy_loss / sum->noisy, 1e-12, "noisy_loss of an epoch");
    assert_true(e->samples_per_second > 0.0);
}

static void test_events(void **state)
{
    world *w = *state;
    static event_log l;
    memset(&l, 0, sizeof l);
    recsys_optimizer *clipped = case_optimizer(w->x, "adam", "lr=0.05,clip_norm=0.3,schedule=linear");
    recsys_training o = COUNTS(.epochs = 3, .batch_size = 50, .warm_up_epochs = 1, .fine_tune_epochs = 2, .validate_every_steps = 4,
                               .validation = w->validation, .verified = w->verified, .watch = note, .watch_user = &l,
                               .watch_every = 1, .optimizer = clipped);
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4,loss=t-ce,drop_rate=0.4,num_gradual=4", w->train, &o);
    int64_t small = 2 * w->verified->n_events, large = 2 * w->train->n_events, b_small = (small + 49) / 50, b_large = (large + 49) / 50;
    int64_t n_steps = 3 * b_small + 3 * b_large, step = 0, epoch = 0, validations = 0, samples = 0;
    double best = INFINITY, last_seconds = 0.0, last_rate = INFINITY;
    recsys_training_event sum = { 0 };
    expect_ok(w->x, recsys_trainer_run(t));
    for (int64_t k = 0; k < l.n; k++) {
        const recsys_training_event *e = &l.at[k];
        int64_t of_epoch = epoch < 1 || epoch > 3 ? b_small : b_large;
        if (e->kind == RECSYS_TRAINING_STEP) {
            step++;
            samples += sum.step + 1 < of_epoch ? 50 : (of_epoch == b_small ? small : large) - 50 * (of_epoch - 1);
            add_step(&sum, e);
            assert_true(e->part == (epoch < 1 ? RECSYS_PART_WARM_UP : epoch > 3 ? RECSYS_PART_FINE_TUNE : RECSYS_PART_MAIN));
            assert_true(e->part == RECSYS_PART_MAIN || e->dropped == 0.0); /* the plain loss */
            assert_true(e->gradient_norm > 0.0 && e->learning_rate < last_rate && e->learning_rate > 0.0);
            assert_true(step != b_small + 1 || e->dropped == 0.0); /* the schedule begins with the main part */
            assert_true(step < b_small + 6 || e->part != RECSYS_PART_MAIN || e->dropped > 0.0);
            last_rate = e->learning_rate;
        } else if (e->kind == RECSYS_TRAINING_EPOCH) {
            epoch++;
            assert_int_equal(sum.step, of_epoch);
            check_epoch_event(e, &sum);
            sum = (recsys_training_event){ 0 };
        } else {
            assert_int_equal(e->kind, RECSYS_TRAINING_VALIDATION);
            assert_true(step % 4 == 0 || step == n_steps);
            assert_true(isfinite(e->validation));
            if (e->validation < best)
                best = e->validation, assert_int_equal(e->best_step, step);
            validations++;
        }
        assert_true(e->step == step && e->n_steps == n_steps && e->n_epochs == 6 && e->samples == samples);
        assert_int_equal(e->epoch, epoch + (e->kind == RECSYS_TRAINING_STEP && sum.step == of_epoch));
        assert_true(validations > 0 ? e->best == best : isnan(e->best) && isnan(e->validation) && e->best_step == -1);
        assert_true(e->seconds >= last_seconds && e->eta_seconds >= 0.0 && (e->step < n_steps || e->eta_seconds == 0.0));
        last_seconds = e->seconds;
    }
    assert_true(step == n_steps && epoch == 6 && validations == n_steps / 4 + (n_steps % 4 != 0));
    recsys_trainer_release(t);
    recsys_optimizer_release(clipped);
}

/* max_steps ends a training, and is what the events count towards. */
static void test_max_steps(void **state)
{
    world *w = *state;
    static event_log l;
    memset(&l, 0, sizeof l);
    recsys_training o = COUNTS(.epochs = 50, .batch_size = 50, .max_steps = 7, .watch = note, .watch_user = &l,
                               .watch_every = 1);
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", w->train, &o);
    expect_ok(w->x, recsys_trainer_run(t));
    assert_true(l.n == 7 && l.at[6].step == 7 && l.at[0].n_steps == 7 && l.at[6].eta_seconds == 0.0);
    expect_ok(w->x, recsys_trainer_run(t)); /* nothing is left to do */
    expect_error(w->x, recsys_trainer_step(t, NULL, 0, NULL), RECSYS_ERR_EMPTY, "after 7 steps");
    recsys_trainer_release(t);
}

/* ---- validation ---- */

/* The mean of the loss over the validation sampler's batches, from scores. */
static double slow_validation(recsys_trainer *t, int64_t round, double rate)
{
    static case_batch b;
    double sum = 0.0;
    int64_t size = recsys__sampler_size(t->validation_sampler), B = t->o.batch_size;
    recsys_model *now = case_model(t, 0);
    for (int64_t at = 0; at < size; at += B) {
        case_draw(t->x, t->validation_sampler, round, at, size - at < B ? size - at : B, &b);
        sum += slow_tce(t->x, now, &b, rate).loss * (double)b.samples;
    }
    recsys_model_release(now);
    return sum / (double)size;
}

static void test_validation_loss(void **state)
{
    world *w = *state;
    static case_batch b;
    for (int32_t seeds = 0; seeds < 2; seeds++) {
        recsys_training o = COUNTS(.epochs = 3, .batch_size = 64, .validation = w->validation, .verified = w->verified,
                                   .n_negatives = 2, .warm_up_epochs = 1, .validation_negatives = seeds);
        recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4,loss=t-ce,drop_rate=0.4,num_gradual=6", w->train, &o);
        int64_t before = t->parts[1].first_step, own = 0;
        double value;
        for (int64_t step = 1; step <= t->n_steps; step++) {
            expect_ok(w->x, recsys_trainer_step(t, NULL, 0, NULL));
            if (step % 5 != 0)
                continue;
            int64_t main_step = step < before ? 0 : step - before;
            expect_ok(w->x, recsys_trainer_validate(t, &value));
            case_near(value, slow_validation(t, 0, main_step < 6 ? 0.4 * (double)main_step / 5.0 : 0.4), 2e-5, "validation");
        }
        double positives = 0.0;
        case_draw(w->x, t->validation_sampler, 0, 0, 64, &b);
        for (int64_t k = 0; k < b.samples; k++)
            positives += (double)b.labels[k];
        assert_true(positives > 5.0 && positives < 50.0); /* T-CE drops among a batch of both kinds, as in training */
        for (int64_t round = 0; round < 20; round++) { /* fresh negatives; never a known positive */
            int64_t size = recsys__sampler_size(t->validation_sampler);
            for (int64_t at = 0; at < size; at += 60) {
                case_draw(w->x, t->validation_sampler, round, at, size - at < 60 ? size - at : 60, &b);
                for (int64_t k = 0; k < b.samples; k++) {
                    int held_out = case_has(w->x, t->validation, b.users[k], b.items[k]);
                    assert_true(b.labels[k] == 0.0f || held_out);
                    assert_false(b.labels[k] == 0.0f && case_has(w->x, w->train, b.users[k], b.items[k]));
                    own += b.labels[k] == 0.0f && held_out;
                }
            }
        }
        assert_true((own > 0) == (seeds == 1));
        recsys_trainer_release(t);
    }
}

/* With a metric: what the evaluator says of the model as it is, with the training data known. */
static void test_validation_metric(void **state)
{
    world *w = *state;
    const int64_t cutoff = 5;
    recsys_evaluator_options how = RECSYS_EVALUATOR_OPTIONS_INIT;
    how.test = w->validation, how.known = w->train, how.cutoffs = &cutoff, how.n_cutoffs = 1;
    recsys_evaluator *e;
    recsys_report *r;
    expect_ok(w->x, recsys_evaluator_create(w->x, &how, &e));
    for (int k = 0; k < KINDS; k++) {
        recsys_training o = options_of(w, &kinds[k]);
        o.select = "NDCG@5";
        recsys_trainer *t = case_trainer(w->x, kinds[k].model, kinds[k].params, w->train, &o);
        double value, want;
        for (int step = 0; step < 6; step++)
            expect_ok(w->x, recsys_trainer_step(t, NULL, 0, NULL));
        expect_ok(w->x, recsys_trainer_validate(t, &value));
        recsys_model *now = case_model(t, 0);
        expect_ok(w->x, recsys_evaluator_run(e, now, w->x, &r));
        expect_ok(w->x, recsys_report_get(r, "NDCG", 5, &want));
        if (strcmp(kinds[k].model, "cdae") != 0)
            assert_true(value == want);
        else
            case_near(value, want, 1e-12, "NDCG@5");
        recsys_report_release(r);
        recsys_model_release(now);
        recsys_trainer_release(t);
    }
    recsys_evaluator_release(e);
}

/* The best model is that of its step, whatever came after, and is what fit gives; patience ends the training. */
static void test_best_model(void **state)
{
    world *w = *state;
    static event_log l;
    static const char *const select[] = { "loss", "NDCG@20", NULL };
    recsys_optimizer *wild = case_optimizer(w->x, "adam", "lr=0.3");
    for (int c = 0; c < 3; c++) {
        memset(&l, 0, sizeof l);
        recsys_training o = COUNTS(.epochs = 30, .batch_size = 40, .validation = w->validation, .validate_every_steps = 3,
                                   .select = select[c], .patience = 4, .optimizer = wild, .watch = note, .watch_user = &l);
        recsys_trainer *t = case_trainer(w->x, "gmf", "dim=8", w->train, &o);
        recsys_model *none, *best, *again;
        expect_error(w->x, recsys_trainer_model(t, 1, &none), RECSYS_ERR_MISSING_DATA, "validated");
        assert_null(none);
        expect_ok(w->x, recsys_trainer_run(t));
        const recsys_training_event *end = &l.at[l.n - 1];
        assert_true(end->kind == RECSYS_TRAINING_VALIDATION && end->step < t->n_steps && end->best_step == end->step - 12);
        for (int64_t k = 0; k < l.n; k++)
            if (l.at[k].kind == RECSYS_TRAINING_VALIDATION)
                assert_true(c == 1 ? l.at[k].validation <= end->best : l.at[k].validation >= end->best);
        best = case_model(t, 1);
        again = case_fit(w->x, "gmf", "dim=8", w->train, &o);
        assert_true(case_same(w->x, best, again));
        recsys_model_release(again);
        o.validation = NULL, o.select = NULL, o.validate_every_steps = 0, o.patience = 0, o.watch = NULL;
        o.max_steps = end->best_step;
        again = case_fit(w->x, "gmf", "dim=8", w->train, &o);
        assert_true(case_same(w->x, best, again));
        recsys_model_release(again), recsys_model_release(best);
        expect_error(w->x, recsys_trainer_step(t, NULL, 0, NULL), RECSYS_ERR_EMPTY, NULL);
        recsys_trainer_release(t);
    }
    recsys_optimizer_release(wild);
}

/* A training that is cut off while the best parameters are being copied has no best model until the next validation, rather than
 * one of two steps; then it goes on as if nothing had been. */
static void test_cut_off_copy(void **state)
{
    world *w = *state;
    recsys_training o = COUNTS(.epochs = 3, .batch_size = 40, .validation = w->validation);
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=8", w->train, &o);
    recsys_model *none, *best;
    int64_t refused = 0;
    for (int64_t n = 1; t->at.best_step < 0; n++) {
        test_heap_fail(&w->f.heap, n, 1);
        recsys_status status = recsys_trainer_run(t);
        test_heap_fail(&w->f.heap, 0, 0);
        refused += status == RECSYS_ERR_NO_MEMORY;
        if (status != RECSYS_OK && t->at.best_step < 0)
            expect_error(w->x, recsys_trainer_model(t, 1, &none), RECSYS_ERR_MISSING_DATA, "validated");
    }
    assert_true(refused > 0);
    expect_ok(w->x, recsys_trainer_run(t));
    best = case_model(t, 1);
    recsys_model *whole = case_fit(w->x, "gmf", "dim=8", w->train, &o);
    assert_true(case_same(w->x, best, whole));
    recsys_model_release(best), recsys_model_release(whole);
    recsys_trainer_release(t);
}

static void test_validate_by_epochs(void **state)
{
    world *w = *state;
    static event_log l;
    for (int64_t every = 0; every < 4; every++) {
        memset(&l, 0, sizeof l);
        int64_t count = 0;
        recsys_training o = COUNTS(.epochs = 5, .batch_size = 100, .validation = w->validation, .validate_every_epochs = every,
                                   .watch = note, .watch_user = &l);
        recsys_model_release(case_fit(w->x, "cdae", "hidden=4", w->train, &o));
        for (int64_t k = 0; k < l.n; k++)
            if (l.at[k].kind == RECSYS_TRAINING_VALIDATION)
                count++, assert_true(l.at[k].epoch == 5 || l.at[k].epoch % (every > 0 ? every : 1) == 0);
        assert_int_equal(count, every < 2 ? 5 : every == 2 ? 3 : 2);
    }
}

/* ---- stopping ---- */

/* A value from the watcher, and calls from another thread at any moment, end a training; it can go on, in the same bits. */
static void *cancel_later(void *exec)
{
    struct timespec wait = { 0, 2000000 };
    nanosleep(&wait, NULL);
    recsys_exec_cancel(exec);
    return NULL;
}

static void test_cancel(void **state)
{
    world *w = *state;
    static event_log l;
    memset(&l, 0, sizeof l);
    l.stop_after = 5;
    recsys_training o = COUNTS(.epochs = 400, .batch_size = 16, .watch = note, .watch_user = &l), calm = o;
    calm.watch = NULL;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_params *p = case_params(w->x, "mlp", "dim=8,layers=3");
    recsys_model *m, *whole;
    fit.training = &o;
    expect_error(w->x, recsys_model_fit(p, w->train, w->x, &fit, &m), RECSYS_ERR_CANCELLED, "cancelled");
    assert_null(m);
    calm.epochs = 60;
    recsys_trainer *t = case_trainer(w->x, "mlp", "dim=8,layers=3", w->train, &calm);
    int cancelled = 0;
    while (t->at.step < t->n_steps) {
        pthread_t other;
        assert_int_equal(pthread_create(&other, NULL, cancel_later, w->x), 0);
        recsys_status status = recsys_trainer_run(t);
        assert_int_equal(pthread_join(other, NULL), 0);
        cancelled += status != RECSYS_OK;
        assert_int_equal(status, t->at.step < t->n_steps ? RECSYS_ERR_CANCELLED : status);
        expect_error(w->x, recsys_trainer_step(t, NULL, 0, NULL), RECSYS_ERR_CANCELLED, NULL);
        recsys_exec_reset_cancel(w->x);
    }
    assert_true(cancelled > 0);
    m = case_model(t, 0);
    whole = case_fit(w->x, "mlp", "dim=8,layers=3", w->train, &calm);
    assert_true(case_same(w->x, m, whole));
    recsys_model_release(m), recsys_model_release(whole);
    recsys_trainer_release(t);
    recsys_params_release(p);
}

/* ---- numbers that are not finite ---- */

static void set_parameter(recsys_trainer *t, const char *name, int64_t index, float value)
{
    const model_tensor *at = recsys__model_tensor(t->m, name);
    expect_ok(t->x, recsys__copy_in(t->x, (float *)at->data + index, &value, sizeof value));
}

static void test_not_finite(void **state)
{
    world *w = *state;
    recsys_training o = COUNTS(.epochs = 3, .batch_size = 500);
    for (int k = 0; k < 2; k++) {
        recsys_trainer *t = case_trainer(w->x, "gmf", "dim=4", w->train, &o);
        recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
        expect_ok(w->x, recsys_trainer_step(t, NULL, 0, NULL));
        set_parameter(t, "predict_weight", 0, k ? INFINITY : NAN);
        e.step = 77;
        expect_error(w->x, recsys_trainer_step(t, NULL, 0, &e), RECSYS_ERR_NUMERIC, "step 2|loss|gmf");
        assert_int_equal(e.step, 77);
        recsys_trainer_release(t);
    }
    /* A finite loss, but a gradient too large for a float: the logit is 0.5, and the item's gradient h P / B. */
    recsys_trainer *t = case_trainer(w->x, "gmf", "dim=1", w->train, &o);
    const int64_t user = 0, item = 0;
    const float label = 0.0f;
    set_parameter(t, "predict_weight", 0, 1e10f);
    set_parameter(t, "user_embedding", 0, 1e30f);
    set_parameter(t, "item_embedding", 0, 0.0f);
    const recsys_batch_input in[] = { { "users", &user, 1 }, { "items", &item, 1 }, { "labels", &label, 1 } };
    expect_error(w->x, recsys_trainer_step(t, in, 3, NULL), RECSYS_ERR_NUMERIC, "step 1|item_embedding");
    recsys_trainer_release(t);

    recsys_optimizer *large = case_optimizer(w->x, "sgd", "lr=10,momentum=0.9");
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_params *p = case_params(w->x, "cdae", "hidden=30,activation=identity,dropout=0");
    recsys_training blow = COUNTS(.epochs = 2000, .batch_size = 10, .optimizer = large);
    recsys_model *m;
    fit.training = &blow;
    expect_error(w->x, recsys_model_fit(p, w->train, w->x, &fit, &m), RECSYS_ERR_NUMERIC, "step ");
    assert_null(m);
    recsys_params_release(p);
    recsys_optimizer_release(large);
    o.validation = w->validation; /* what failed left nothing behind */
    recsys_model_release(case_fit(w->x, "cdae", "hidden=3", w->train, &o));
}

/* ---- */

static int open_world(void **state)
{
    static world w;
    fixture_open(&w.f, 2);
    w.x = w.f.exec;
    w.train = case_data(w.x, 6, 1);
    w.validation = case_data(w.x, 2, 2);
    w.verified = case_data(w.x, 3, 3);
    *state = &w;
    return 0;
}

static int close_world(void **state)
{
    world *w = *state;
    recsys_dataset_release(w->train), recsys_dataset_release(w->validation), recsys_dataset_release(w->verified);
    fixture_close(&w->f);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_steps_are_a_fit), TEST(test_batches_of_the_caller), TEST(test_snapshot_is_dense), TEST(test_drop_rate),
        TEST(test_dropped_samples), TEST(test_events),                TEST(test_max_steps),         TEST(test_validation_loss),
        TEST(test_validation_metric), TEST(test_best_model),          TEST(test_cut_off_copy),      TEST(test_validate_by_epochs),
        TEST(test_cancel),            TEST(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
