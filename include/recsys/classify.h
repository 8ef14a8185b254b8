/* classify.h - how well a classifier tells the classes of the rows of a dataset.
 *
 * The dataset has features for its users, which are rows, and a label for each of them: what recsys_read_options.columns with
 * `feature` and `label` reads, or recsys_dataset_builder_append_rows() takes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_CLASSIFY_H
#define RECSYS_CLASSIFY_H

#include <recsys/model.h>

/** Figures of a classification. The class with the highest probability counts as the answer, of several the first. */
typedef struct recsys_classification {
    size_t struct_size;   /**< sizeof(recsys_classification). */
    int64_t n_rows;       /**< Rows with a label. */
    int64_t n_classes;    /**< C: classes of the model. */
    int64_t n_correct;    /**< Rows whose answer is their label. */
    double accuracy;      /**< n_correct / n_rows. */
    double cross_entropy; /**< Mean over the rows of minus the natural logarithm of the label's probability. */
    double macro_f1;      /**< Mean over the classes of F1, classes without rows counting as 0. */
} recsys_classification;

/** Initialiser of recsys_classification. */
#define RECSYS_CLASSIFICATION_INIT { sizeof(recsys_classification), 0, 0, 0, 0.0, 0.0, 0.0 }

RECSYS_BEGIN_DECLS

/** Classifies the rows of a dataset that have a label. Labels are compared with the model's classes by what they are.
 * @param[out] figures may be NULL.
 * @param[out] confusion C x C counts, or NULL: in row t, column a the rows of class t with the answer a, both in the order of
 * recsys_model_items().
 * @param[out] per_class C x 3 numbers, or NULL: precision, recall and F1 of each class; 0 where one would divide by 0.
 * @return RECSYS_OK, ERR_UNSUPPORTED (a model that does not score by features), ERR_MISSING_DATA (no features, or a row
 * without; the message names it), ERR_INVALID_ARGUMENT (another number of features than the model's), ERR_UNKNOWN_ID (a label
 * that is none of the model's classes), ERR_TYPE (labels are integers here and strings there), ERR_DUPLICATE (a row with two
 * labels), ERR_EMPTY (no labels), ERR_STRUCT_SIZE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_classify(const recsys_model *model, recsys_exec *exec, const recsys_dataset *data,
                                               recsys_classification *figures, int64_t *confusion, double *per_class);

RECSYS_END_DECLS
#endif
