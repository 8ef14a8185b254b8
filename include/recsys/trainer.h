/* trainer.h - training by steps: how a model with an optimizer is trained, in one call or step by step.
 *
 * recsys_model_fit() (model.h) takes a recsys_training and does the whole job: epochs of batches, validation, the best
 * model kept, checkpoints. A recsys_trainer is the same job for programs that own their loop. Models with a closed form
 * (`ease`) have neither.
 *
 * A training has up to three parts: warm-up on verified positives, the main part on all positives, fine-tuning on verified
 * positives. A batch is a pure function of the exec's seed, the part, the epoch and the position, so that a training that
 * was cut off and resumed ends in the same bits as one that never stopped, on any number of threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_TRAINER_H
#define RECSYS_TRAINER_H

#include <recsys/dataset.h>
#include <recsys/model.h>
#include <recsys/optimizer.h>

/** What a recsys_training_fn is told of. */
enum {
    RECSYS_TRAINING_STEP = 1,       /**< A step is done, or several: `watch_every` of recsys_training. */
    RECSYS_TRAINING_VALIDATION = 2, /**< `validation` has a new value. */
    RECSYS_TRAINING_EPOCH = 3,      /**< An epoch is done. */
    RECSYS_TRAINING_CHECKPOINT = 4  /**< A checkpoint was written. */
};

/** Parts of a training. */
enum { RECSYS_PART_WARM_UP = 0, RECSYS_PART_MAIN = 1, RECSYS_PART_FINE_TUNE = 2 };

/** Where a training stands. Counts are of finished epochs, steps and samples. */
typedef struct recsys_training_event {
    size_t struct_size;        /**< sizeof(recsys_training_event). */
    int32_t kind;              /**< RECSYS_TRAINING_*. */
    int32_t part;              /**< RECSYS_PART_*. */
    int64_t epoch;             /**< Epochs finished, over all parts. */
    int64_t n_epochs;          /**< Epochs that the training has. */
    int64_t step;              /**< Steps finished. */
    int64_t n_steps;           /**< Steps that the training has. */
    int64_t samples;           /**< Samples seen since this call or trainer began. */
    double loss;               /**< Mean over `n_batches` batches, of each before its step. */
    double seconds;            /**< Since this call or trainer began. */
    double samples_per_second; /**< Of training, without validation and checkpoints; EPOCH: of the epoch. */
    double eta_seconds;        /**< Expected until the end. */
    double learning_rate;      /**< Of the last step. */
    double gradient_norm;      /**< Before clipping; NaN unless gradients are clipped. */
    double validation;         /**< The last value of what `select` names; NaN before the first. */
    double best;               /**< The best so far; NaN before the first. */
    int64_t best_step;         /**< Steps finished then; -1 before the first. */
    /* What the loss left out (T-CE): sums over `n_batches` batches. Clean and noisy count only where the data has flags (1:
     * clean). */
    double kept;          /**< Samples that count in the loss. */
    double dropped;       /**< Samples that it left out. */
    double dropped_clean; /**< Of these, known to be clean. */
    double dropped_noisy; /**< Of these, known to be noisy. */
    double clean;         /**< Positives known to be clean. */
    double noisy;         /**< Positives known to be noisy. */
    double clean_loss;    /**< Mean cross-entropy of the clean ones, unweighted; NaN where there are none. */
    double noisy_loss;    /**< The same of the noisy ones. */
    int64_t n_batches;    /**< STEP: batches since the last event of this kind, 1 where each step is told. EPOCH: of the
                               epoch. Others: as in the last STEP; 0, and `loss` NaN, where there was none. */
} recsys_training_event;

/** Initialiser of recsys_training_event. */
#define RECSYS_TRAINING_EVENT_INIT                                                                                          \
    { sizeof(recsys_training_event), 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, \
      0.0, 0.0, 0.0, 0 }

/** Watches a training. Runs on the thread that trains, must not use the same exec; a value other than 0 cancels. */
typedef int32_t (*recsys_training_fn)(void *user, const recsys_training_event *event);

/** How to train; zero means default. Strings and arrays are borrowed for the call, or until the trainer is released. */
typedef struct recsys_training {
    size_t struct_size;                /**< sizeof(recsys_training). */
    const recsys_optimizer *optimizer; /**< NULL: `adam` at its defaults; `sgd` for a `neumf` that starts from two models. */
    int64_t epochs;                    /**< Of the main part; 0: 10. */
    int64_t max_steps;                 /**< The training ends after so many steps; 0: after its epochs. */
    int64_t batch_size;                /**< Samples in a batch, 0: 1024; users for models of user rows, 0: 64. */
    int64_t n_negatives;               /**< Sampled for each positive; 0: 1; -1: none. Models of full rows have all items and
                                            refuse more than 1 and the next two. */
    double popularity;                 /**< Exponent a: an item is drawn with weight (users who have it)^a; 0: uniform. */
    int32_t fixed_negatives;           /**< 1: the same negatives in every epoch. */
    int32_t validation_negatives;      /**< 0: items that neither training nor validation data give the user; 1: that
                                            training data do not (as the published program draws them). */
    const recsys_dataset *validation;  /**< Positives held out of training; those of users or items that
                                            training does not have are left out. NULL: none, and the
                                            model after the last step is what comes out. */
    int64_t validate_every_steps;      /**< 0: by epochs. */
    int64_t validate_every_epochs;     /**< 0: 1. */
    const char *select;                /**< What chooses the best model: `"loss"` (default), the main part's loss on the
                                            validation positives with fresh negatives; or a metric of the evaluator
                                            with its cut-off, `"NDCG@20"`, on the full ranking. The last step is
                                            always validated, but not one that `max_steps` ends. */
    int64_t patience;                  /**< Stops after so many validations without a better value; 0: never. */
    recsys_training_fn watch;          /**< NULL: nobody watches. */
    void *watch_user;                  /**< Passed to `watch`. */
    const recsys_model *const *start;  /**< Models to start from: one of the same kind (fine-tuning), or for `neumf` a `gmf`
                                            and an `mlp`. NULL: random numbers. */
    int64_t n_start;                   /**< Length of `start`. */
    const recsys_dataset *verified;    /**< Positives known to be clean: for the parts below and for
                                            colliding inference. NULL: none. */
    int64_t warm_up_epochs;            /**< On `verified`, with the plain loss, before the main part. */
    int64_t fine_tune_epochs;          /**< On `verified`, with the plain loss, after the main part. */
    const char *checkpoint;            /**< File that the training's state is written to; replaced as a whole, so that a crash
                                            leaves the old one or the new one. NULL: none. */
    int64_t checkpoint_every;          /**< Steps between checkpoints; 0: after each epoch. */
    const char *resume;                /**< Checkpoint to go on from: of the same model, parameters, optimizer, seed and
                                            data. NULL: from the beginning. */
    int64_t watch_every;               /**< Steps between STEP events for `watch`; others come too, before each event of another
                                            kind. 0: every step on the CPU, every 64th on other devices, which have to be waited
                                            for each time. */
} recsys_training;

/** Initialiser of recsys_training: all defaults. */
#define RECSYS_TRAINING_INIT                                                                                            \
    { sizeof(recsys_training), NULL, 0, 0, 0, 0, 0.0, 0, 0, NULL, 0, 0, NULL, 0, NULL, NULL, NULL, 0, NULL, 0, 0, NULL, 0, \
      NULL, 0 }

/** One array of a batch that the caller fills. */
typedef struct recsys_batch_input {
    const char *name; /**< `"users"`, `"items"`: indices, int64_t. `"labels"`: float in [0, 1]. `"rows"`: positions in
                           `"users"`, int64_t. `"negatives"`: indices of items, int64_t. */
    const void *data; /**< Borrowed. */
    int64_t count;    /**< Elements; the same for all inputs of a batch but `users` beside `rows`, and
                           `negatives`: as many for each user, those of the first user first. */
} recsys_batch_input;

/** A training in steps. Bound to its exec and, like it, confined to one thread at a time. */
typedef struct recsys_trainer recsys_trainer;

RECSYS_BEGIN_DECLS

/** Makes a trainer: parameters at their start, or as a checkpoint left them.
 * @param options NULL for all defaults; what it refers to must live as long as the trainer.
 * @param[out] trainer owned by the caller; NULL on failure.
 * @return as recsys_model_fit(), and with `resume` ERR_FILE_NOT_FOUND, ERR_IO, ERR_FILE_FORMAT, ERR_FILE_VERSION, ERR_CHECKSUM
 * and ERR_INVALID_ARGUMENT (of another training; the message names what differs). Confined exec and params. @since 0.1 */
RECSYS_API recsys_status recsys_trainer_create(const recsys_params *params, const recsys_dataset *train, recsys_exec *exec,
                                               const recsys_fit_options *options, recsys_trainer **trainer);

/** One step. Does not validate, write checkpoints or call `watch`. On a device other than the CPU it may return before the
 * device is done with it, unless `event` asks for the loss: then ERR_NUMERIC and what goes wrong on the device come from a
 * later call, at the latest from the last step of an epoch, 64 steps on, or where the trainer is validated, saved or asked
 * for its model. After that every call says the same; only the best model can still be had.
 * @param inputs a batch of the caller's: `users`, `items`, `labels` for models of pairs; `users`, `items` and, where the model
 * draws them, `negatives` for models of positives; `users` for models of user rows, and where their output is sampled the
 * samples as `rows`, `items`, `labels`. NULL: the next batch that the library draws.
 * @param[out] event where the training stands afterwards; may be NULL.
 * @return RECSYS_OK, ERR_EMPTY (the training has no further step), ERR_INVALID_ARGUMENT, ERR_UNKNOWN_KEY, ERR_OUT_OF_RANGE
 * (an index, or a label outside [0, 1]), ERR_NUMERIC (NaN or infinity; the message names step and tensor, and the parameters
 * are of no more use), ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_trainer_step(recsys_trainer *trainer, const recsys_batch_input *inputs, int64_t n_inputs,
                                             recsys_training_event *event);

/** Runs to the end: steps, validation, checkpoints, `watch`.
 * @return as recsys_trainer_step(), and what writing a file can give. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_trainer_run(recsys_trainer *trainer);

/** Computes what `select` names on the validation data now. The training goes on as if nobody had looked.
 * @return RECSYS_OK, ERR_MISSING_DATA (no validation data), and as recsys_trainer_step(). Confined. @since 0.1 */
RECSYS_API recsys_status recsys_trainer_validate(recsys_trainer *trainer, double *value);

/** Writes a checkpoint.
 * @return RECSYS_OK, ERR_FILE_NOT_FOUND (no such folder), ERR_IO, ERR_NUMERIC (NaN or infinity in the state, or in a step
 * before), ERR_DEVICE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_trainer_save(recsys_trainer *trainer, const char *path);

/** The model as it is now, or the best so far. The training goes on as if nobody had looked.
 * @param best 1: the best validated model, ERR_MISSING_DATA if there is none yet.
 * @param[out] model owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_MISSING_DATA, ERR_NUMERIC (not of the best: NaN or infinity in a step before), ERR_DEVICE,
 * ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_trainer_model(recsys_trainer *trainer, int32_t best, recsys_model **model);

/** Frees a trainer; NULL is allowed. Confined. @since 0.1 */
RECSYS_API void recsys_trainer_release(recsys_trainer *trainer);

/** Makes a model like `model` that scores by colliding inference: a user's score is mixed with the mean of those of the users
 * most alike by their verified positives. `model` is `gmf`, `mlp`, `neumf` or `cdae`.
 * @param settings text of the parameters `colliding`, `neighbours`, `similarity`, `colliding_of`: `"colliding=0.3"`; what it
 * leaves out keeps the model's value.
 * @param verified positives known to be clean; those of users or items that the model does not have are left out.
 * @param[out] result owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_UNSUPPORTED (another kind of model), ERR_UNKNOWN_KEY, ERR_OUT_OF_RANGE, ERR_EMPTY (no
 * verified positive of the model's users and items), ERR_TYPE (ids of another kind), ERR_NO_MEMORY, ERR_MEMORY_LIMIT,
 * ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_with_colliding(const recsys_model *model, recsys_exec *exec, const char *settings,
                                                     const recsys_dataset *verified, recsys_model **result);

RECSYS_END_DECLS
#endif
