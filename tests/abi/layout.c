/* layout.c - the layout of every public struct and the value of every public constant, locked at compile time.
 *
 * A program that was built with the headers of a released version must find each field where it was, with the type it had.
 * Fields are only ever appended: then SIZE changes, and a FIELD line is added. 64-bit machines; the struct_size of each
 * struct comes first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include <recsys/recsys.h>

#define SIZE(T, size) _Static_assert(sizeof(T) == (size), "sizeof " #T)
#define FIELD(T, f, offset, type) \
    _Static_assert(offsetof(T, f) == (offset) && _Generic(((T *)0)->f, type: 1, default: 0), #T "." #f)
#define VALUE(name, value) _Static_assert((name) == (value), #name)

#if UINTPTR_MAX == UINT64_MAX

/* status.h */
SIZE(recsys_error_info, 528);
FIELD(recsys_error_info, struct_size, 0, size_t);
FIELD(recsys_error_info, status, 8, recsys_status);
FIELD(recsys_error_info, system_error, 12, int32_t);
FIELD(recsys_error_info, message, 16, char *);

/* env.h */
SIZE(recsys_allocator, 32);
FIELD(recsys_allocator, struct_size, 0, size_t);
FIELD(recsys_allocator, alloc, 8, void *(*)(void *, size_t, size_t));
FIELD(recsys_allocator, free, 16, void (*)(void *, void *, size_t, size_t));
FIELD(recsys_allocator, user, 24, void *);

SIZE(recsys_env_options, 40);
FIELD(recsys_env_options, struct_size, 0, size_t);
FIELD(recsys_env_options, allocator, 8, const recsys_allocator *);
FIELD(recsys_env_options, log, 16, recsys_log_fn);
FIELD(recsys_env_options, log_user, 24, void *);
FIELD(recsys_env_options, log_level, 32, int32_t);

SIZE(recsys_device_info, 208);
FIELD(recsys_device_info, struct_size, 0, size_t);
FIELD(recsys_device_info, name, 8, char *);
FIELD(recsys_device_info, description, 72, char *);
FIELD(recsys_device_info, memory_bytes, 200, int64_t);

/* exec.h */
SIZE(recsys_progress, 40);
FIELD(recsys_progress, struct_size, 0, size_t);
FIELD(recsys_progress, phase, 8, const char *);
FIELD(recsys_progress, done, 16, int64_t);
FIELD(recsys_progress, total, 24, int64_t);
FIELD(recsys_progress, seconds, 32, double);

SIZE(recsys_exec_options, 56);
FIELD(recsys_exec_options, struct_size, 0, size_t);
FIELD(recsys_exec_options, device, 8, const char *);
FIELD(recsys_exec_options, threads, 16, int32_t);
FIELD(recsys_exec_options, reserved, 20, int32_t);
FIELD(recsys_exec_options, seed, 24, uint64_t);
FIELD(recsys_exec_options, memory_limit, 32, int64_t);
FIELD(recsys_exec_options, progress, 40, recsys_progress_fn);
FIELD(recsys_exec_options, progress_user, 48, void *);

SIZE(recsys_memory_info, 32);
FIELD(recsys_memory_info, struct_size, 0, size_t);
FIELD(recsys_memory_info, used, 8, int64_t);
FIELD(recsys_memory_info, peak, 16, int64_t);
FIELD(recsys_memory_info, limit, 24, int64_t);

/* params.h */
SIZE(recsys_param_info, 72);
FIELD(recsys_param_info, struct_size, 0, size_t);
FIELD(recsys_param_info, key, 8, const char *);
FIELD(recsys_param_info, type, 16, int32_t);
FIELD(recsys_param_info, min_is_open, 20, int32_t);
FIELD(recsys_param_info, min, 24, double);
FIELD(recsys_param_info, max, 32, double);
FIELD(recsys_param_info, default_value, 40, const char *);
FIELD(recsys_param_info, choices, 48, const char *);
FIELD(recsys_param_info, since, 56, const char *);
FIELD(recsys_param_info, doc, 64, const char *);

/* optimizer.h */
SIZE(recsys_optimizer_class_info, 32);
FIELD(recsys_optimizer_class_info, struct_size, 0, size_t);
FIELD(recsys_optimizer_class_info, name, 8, const char *);
FIELD(recsys_optimizer_class_info, summary, 16, const char *);
FIELD(recsys_optimizer_class_info, citation, 24, const char *);

/* dataset.h */
SIZE(recsys_read_options, 80);
FIELD(recsys_read_options, struct_size, 0, size_t);
FIELD(recsys_read_options, format, 8, const char *);
FIELD(recsys_read_options, columns, 16, const char *);
FIELD(recsys_read_options, separator, 24, const char *);
FIELD(recsys_read_options, header, 32, int32_t);
FIELD(recsys_read_options, id_type, 36, int32_t);
FIELD(recsys_read_options, duplicates, 40, int32_t);
FIELD(recsys_read_options, reserved, 44, int32_t);
FIELD(recsys_read_options, users, 48, const char *);
FIELD(recsys_read_options, items, 56, const char *);
FIELD(recsys_read_options, item_columns, 64, const char *);
FIELD(recsys_read_options, user_columns, 72, const char *);

SIZE(recsys_events, 88);
FIELD(recsys_events, struct_size, 0, size_t);
FIELD(recsys_events, count, 8, int64_t);
FIELD(recsys_events, user_ids, 16, const int64_t *);
FIELD(recsys_events, user_names, 24, const char *const *);
FIELD(recsys_events, item_ids, 32, const int64_t *);
FIELD(recsys_events, item_names, 40, const char *const *);
FIELD(recsys_events, values, 48, const float *);
FIELD(recsys_events, times, 56, const int64_t *);
FIELD(recsys_events, behaviours, 64, const char *const *);
FIELD(recsys_events, sessions, 72, const int64_t *);
FIELD(recsys_events, flags, 80, const uint8_t *);

SIZE(recsys_statistics, 168);
FIELD(recsys_statistics, struct_size, 0, size_t);
FIELD(recsys_statistics, n_users, 8, int64_t);
FIELD(recsys_statistics, n_items, 16, int64_t);
FIELD(recsys_statistics, n_events, 24, int64_t);
FIELD(recsys_statistics, n_interactions, 32, int64_t);
FIELD(recsys_statistics, n_behaviours, 40, int64_t);
FIELD(recsys_statistics, n_sessions, 48, int64_t);
FIELD(recsys_statistics, has_values, 56, int32_t);
FIELD(recsys_statistics, has_times, 60, int32_t);
FIELD(recsys_statistics, value_min, 64, double);
FIELD(recsys_statistics, value_max, 72, double);
FIELD(recsys_statistics, density, 80, double);
FIELD(recsys_statistics, user_min, 88, int64_t);
FIELD(recsys_statistics, user_mean, 96, double);
FIELD(recsys_statistics, user_max, 104, int64_t);
FIELD(recsys_statistics, item_min, 112, int64_t);
FIELD(recsys_statistics, item_mean, 120, double);
FIELD(recsys_statistics, item_max, 128, int64_t);
FIELD(recsys_statistics, gini, 136, double);
FIELD(recsys_statistics, time_min, 144, int64_t);
FIELD(recsys_statistics, time_max, 152, int64_t);
FIELD(recsys_statistics, n_clean, 160, int64_t);

SIZE(recsys_feature_info, 48);
FIELD(recsys_feature_info, struct_size, 0, size_t);
FIELD(recsys_feature_info, name, 8, const char *);
FIELD(recsys_feature_info, n_features, 16, int64_t);
FIELD(recsys_feature_info, n_occurrences, 24, int64_t);
FIELD(recsys_feature_info, value_min, 32, double);
FIELD(recsys_feature_info, value_max, 40, double);

/* split.h */
SIZE(recsys_split_options, 80);
FIELD(recsys_split_options, struct_size, 0, size_t);
FIELD(recsys_split_options, method, 8, int32_t);
FIELD(recsys_split_options, reserved, 12, int32_t);
FIELD(recsys_split_options, test_share, 16, double);
FIELD(recsys_split_options, valid_share, 24, double);
FIELD(recsys_split_options, test_k, 32, int64_t);
FIELD(recsys_split_options, valid_k, 40, int64_t);
FIELD(recsys_split_options, test_time, 48, int64_t);
FIELD(recsys_split_options, valid_time, 56, int64_t);
FIELD(recsys_split_options, fold_in_share, 64, double);
FIELD(recsys_split_options, seed, 72, uint64_t);

SIZE(recsys_split, 48);
FIELD(recsys_split, struct_size, 0, size_t);
FIELD(recsys_split, train, 8, recsys_dataset *);
FIELD(recsys_split, valid, 16, recsys_dataset *);
FIELD(recsys_split, test, 24, recsys_dataset *);
FIELD(recsys_split, valid_history, 32, recsys_dataset *);
FIELD(recsys_split, test_history, 40, recsys_dataset *);

/* model.h */
SIZE(recsys_model_class_info, 40);
FIELD(recsys_model_class_info, struct_size, 0, size_t);
FIELD(recsys_model_class_info, name, 8, const char *);
FIELD(recsys_model_class_info, summary, 16, const char *);
FIELD(recsys_model_class_info, citation, 24, const char *);
FIELD(recsys_model_class_info, query_parts, 32, int32_t);
FIELD(recsys_model_class_info, reserved, 36, int32_t);

SIZE(recsys_fit_options, 24);
FIELD(recsys_fit_options, struct_size, 0, size_t);
FIELD(recsys_fit_options, without_histories, 8, int32_t);
FIELD(recsys_fit_options, reserved, 12, int32_t);
FIELD(recsys_fit_options, training, 16, const struct recsys_training *);

SIZE(recsys_cost, 32);
FIELD(recsys_cost, struct_size, 0, size_t);
FIELD(recsys_cost, peak_bytes, 8, int64_t);
FIELD(recsys_cost, model_bytes, 16, int64_t);
FIELD(recsys_cost, flops, 24, double);

SIZE(recsys_rows, 72);
FIELD(recsys_rows, struct_size, 0, size_t);
FIELD(recsys_rows, count, 8, int64_t);
FIELD(recsys_rows, n_features, 16, int64_t);
FIELD(recsys_rows, features, 24, const float *);
FIELD(recsys_rows, feature_names, 32, const char *const *);
FIELD(recsys_rows, label_ids, 40, const int64_t *);
FIELD(recsys_rows, label_names, 48, const char *const *);
FIELD(recsys_rows, row_ids, 56, const int64_t *);
FIELD(recsys_rows, row_names, 64, const char *const *);
SIZE(recsys_classification, 56);
FIELD(recsys_classification, struct_size, 0, size_t);
FIELD(recsys_classification, n_rows, 8, int64_t);
FIELD(recsys_classification, n_classes, 16, int64_t);
FIELD(recsys_classification, n_correct, 24, int64_t);
FIELD(recsys_classification, accuracy, 32, double);
FIELD(recsys_classification, cross_entropy, 40, double);
FIELD(recsys_classification, macro_f1, 48, double);
SIZE(recsys_query, 80);
FIELD(recsys_query, struct_size, 0, size_t);
FIELD(recsys_query, parts, 8, int32_t);
FIELD(recsys_query, reserved, 12, int32_t);
FIELD(recsys_query, user, 16, int64_t);
FIELD(recsys_query, history, 24, const int64_t *);
FIELD(recsys_query, history_values, 32, const float *);
FIELD(recsys_query, history_count, 40, int64_t);
FIELD(recsys_query, candidates, 48, const int64_t *);
FIELD(recsys_query, candidate_count, 56, int64_t);
FIELD(recsys_query, features, 64, const float *);
FIELD(recsys_query, n_features, 72, int64_t);

SIZE(recsys_topk_options, 48);
FIELD(recsys_topk_options, struct_size, 0, size_t);
FIELD(recsys_topk_options, keep_seen, 8, int32_t);
FIELD(recsys_topk_options, reserved, 12, int32_t);
FIELD(recsys_topk_options, allow, 16, const int64_t *);
FIELD(recsys_topk_options, allow_count, 24, int64_t);
FIELD(recsys_topk_options, deny, 32, const int64_t *);
FIELD(recsys_topk_options, deny_count, 40, int64_t);

SIZE(recsys_tensor_info, 72);
FIELD(recsys_tensor_info, struct_size, 0, size_t);
FIELD(recsys_tensor_info, name, 8, const char *);
FIELD(recsys_tensor_info, doc, 16, const char *);
FIELD(recsys_tensor_info, dtype, 24, int32_t);
FIELD(recsys_tensor_info, rank, 28, int32_t);
FIELD(recsys_tensor_info, shape, 32, int64_t *);
FIELD(recsys_tensor_info, derived, 64, int32_t);
FIELD(recsys_tensor_info, reserved, 68, int32_t);

/* evaluator.h */
SIZE(recsys_similarity, 40);
FIELD(recsys_similarity, struct_size, 0, size_t);
FIELD(recsys_similarity, n_items, 8, int64_t);
FIELD(recsys_similarity, ptr, 16, const int64_t *);
FIELD(recsys_similarity, items, 24, const int64_t *);
FIELD(recsys_similarity, values, 32, const float *);

SIZE(recsys_evaluator_options, 144);
FIELD(recsys_evaluator_options, struct_size, 0, size_t);
FIELD(recsys_evaluator_options, test, 8, const recsys_dataset *);
FIELD(recsys_evaluator_options, known, 16, const recsys_dataset *);
FIELD(recsys_evaluator_options, mask, 24, const recsys_dataset *);
FIELD(recsys_evaluator_options, cutoffs, 32, const int64_t *);
FIELD(recsys_evaluator_options, n_cutoffs, 40, int64_t);
FIELD(recsys_evaluator_options, min_ratings, 48, int64_t);
FIELD(recsys_evaluator_options, ignored_users, 56, const int64_t *);
FIELD(recsys_evaluator_options, n_ignored_users, 64, int64_t);
FIELD(recsys_evaluator_options, ignored_items, 72, const char *const *);
FIELD(recsys_evaluator_options, n_ignored_items, 80, int64_t);
FIELD(recsys_evaluator_options, cold, 88, int32_t);
FIELD(recsys_evaluator_options, drop_unseen_items, 92, int32_t);
FIELD(recsys_evaluator_options, binary_gain, 96, int32_t);
FIELD(recsys_evaluator_options, auc, 100, int32_t);
FIELD(recsys_evaluator_options, keep_seen, 104, int32_t);
FIELD(recsys_evaluator_options, per_user, 108, int32_t);
FIELD(recsys_evaluator_options, negatives, 112, const recsys_dataset *);
FIELD(recsys_evaluator_options, n_negatives, 120, int64_t);
FIELD(recsys_evaluator_options, seed, 128, uint64_t);
FIELD(recsys_evaluator_options, similarity, 136, const recsys_similarity *);

SIZE(recsys_report_info, 64);
FIELD(recsys_report_info, struct_size, 0, size_t);
FIELD(recsys_report_info, users, 8, int64_t);
FIELD(recsys_report_info, users_skipped, 16, int64_t);
FIELD(recsys_report_info, users_cold, 24, int64_t);
FIELD(recsys_report_info, test_items, 32, int64_t);
FIELD(recsys_report_info, test_items_unseen, 40, int64_t);
FIELD(recsys_report_info, seconds, 48, double);
FIELD(recsys_report_info, users_per_second, 56, double);

/* io.h */
SIZE(recsys_save_options, 16);
FIELD(recsys_save_options, struct_size, 0, size_t);
FIELD(recsys_save_options, without_histories, 8, int32_t);
FIELD(recsys_save_options, reserved, 12, int32_t);

SIZE(recsys_load_options, 16);
FIELD(recsys_load_options, struct_size, 0, size_t);
FIELD(recsys_load_options, verify, 8, int32_t);
FIELD(recsys_load_options, reserved, 12, int32_t);

SIZE(recsys_write_options, 24);
FIELD(recsys_write_options, struct_size, 0, size_t);
FIELD(recsys_write_options, columns, 8, const char *);
FIELD(recsys_write_options, separator, 16, const char *);

/* trainer.h */
SIZE(recsys_training_event, 200);
FIELD(recsys_training_event, struct_size, 0, size_t);
FIELD(recsys_training_event, kind, 8, int32_t);
FIELD(recsys_training_event, part, 12, int32_t);
FIELD(recsys_training_event, epoch, 16, int64_t);
FIELD(recsys_training_event, n_epochs, 24, int64_t);
FIELD(recsys_training_event, step, 32, int64_t);
FIELD(recsys_training_event, n_steps, 40, int64_t);
FIELD(recsys_training_event, samples, 48, int64_t);
FIELD(recsys_training_event, loss, 56, double);
FIELD(recsys_training_event, seconds, 64, double);
FIELD(recsys_training_event, samples_per_second, 72, double);
FIELD(recsys_training_event, eta_seconds, 80, double);
FIELD(recsys_training_event, learning_rate, 88, double);
FIELD(recsys_training_event, gradient_norm, 96, double);
FIELD(recsys_training_event, validation, 104, double);
FIELD(recsys_training_event, best, 112, double);
FIELD(recsys_training_event, best_step, 120, int64_t);
FIELD(recsys_training_event, kept, 128, double);
FIELD(recsys_training_event, dropped, 136, double);
FIELD(recsys_training_event, dropped_clean, 144, double);
FIELD(recsys_training_event, dropped_noisy, 152, double);
FIELD(recsys_training_event, clean, 160, double);
FIELD(recsys_training_event, noisy, 168, double);
FIELD(recsys_training_event, clean_loss, 176, double);
FIELD(recsys_training_event, noisy_loss, 184, double);
FIELD(recsys_training_event, n_batches, 192, int64_t);
SIZE(recsys_training, 192);
FIELD(recsys_training, struct_size, 0, size_t);
FIELD(recsys_training, optimizer, 8, const recsys_optimizer *);
FIELD(recsys_training, epochs, 16, int64_t);
FIELD(recsys_training, max_steps, 24, int64_t);
FIELD(recsys_training, batch_size, 32, int64_t);
FIELD(recsys_training, n_negatives, 40, int64_t);
FIELD(recsys_training, popularity, 48, double);
FIELD(recsys_training, fixed_negatives, 56, int32_t);
FIELD(recsys_training, validation_negatives, 60, int32_t);
FIELD(recsys_training, validation, 64, const recsys_dataset *);
FIELD(recsys_training, validate_every_steps, 72, int64_t);
FIELD(recsys_training, validate_every_epochs, 80, int64_t);
FIELD(recsys_training, select, 88, const char *);
FIELD(recsys_training, patience, 96, int64_t);
FIELD(recsys_training, watch, 104, recsys_training_fn);
FIELD(recsys_training, watch_user, 112, void *);
FIELD(recsys_training, start, 120, const recsys_model *const *);
FIELD(recsys_training, n_start, 128, int64_t);
FIELD(recsys_training, verified, 136, const recsys_dataset *);
FIELD(recsys_training, warm_up_epochs, 144, int64_t);
FIELD(recsys_training, fine_tune_epochs, 152, int64_t);
FIELD(recsys_training, checkpoint, 160, const char *);
FIELD(recsys_training, checkpoint_every, 168, int64_t);
FIELD(recsys_training, resume, 176, const char *);
FIELD(recsys_training, watch_every, 184, int64_t);
SIZE(recsys_batch_input, 24);
FIELD(recsys_batch_input, name, 0, const char *);
FIELD(recsys_batch_input, data, 8, const void *);
FIELD(recsys_batch_input, count, 16, int64_t);
VALUE(RECSYS_TRAINING_STEP, 1);
VALUE(RECSYS_TRAINING_VALIDATION, 2);
VALUE(RECSYS_TRAINING_EPOCH, 3);
VALUE(RECSYS_TRAINING_CHECKPOINT, 4);
VALUE(RECSYS_PART_WARM_UP, 0);
VALUE(RECSYS_PART_MAIN, 1);
VALUE(RECSYS_PART_FINE_TUNE, 2);

#endif

/* status.h */
VALUE(RECSYS_OK, 0);
VALUE(RECSYS_ERR_INVALID_ARGUMENT, -1);
VALUE(RECSYS_ERR_STRUCT_SIZE, -2);
VALUE(RECSYS_ERR_NO_MEMORY, -3);
VALUE(RECSYS_ERR_MEMORY_LIMIT, -4);
VALUE(RECSYS_ERR_CANCELLED, -5);
VALUE(RECSYS_ERR_UNKNOWN_MODEL, -6);
VALUE(RECSYS_ERR_UNKNOWN_KEY, -7);
VALUE(RECSYS_ERR_OUT_OF_RANGE, -8);
VALUE(RECSYS_ERR_TYPE, -9);
VALUE(RECSYS_ERR_UNKNOWN_ID, -10);
VALUE(RECSYS_ERR_UNKNOWN_COLUMN, -11);
VALUE(RECSYS_ERR_FILE_NOT_FOUND, -12);
VALUE(RECSYS_ERR_IO, -13);
VALUE(RECSYS_ERR_PARSE, -14);
VALUE(RECSYS_ERR_COMPRESSED, -15);
VALUE(RECSYS_ERR_FILE_FORMAT, -16);
VALUE(RECSYS_ERR_FILE_VERSION, -17);
VALUE(RECSYS_ERR_CHECKSUM, -18);
VALUE(RECSYS_ERR_DUPLICATE, -19);
VALUE(RECSYS_ERR_EMPTY, -20);
VALUE(RECSYS_ERR_TOO_LARGE, -21);
VALUE(RECSYS_ERR_NUMERIC, -22);
VALUE(RECSYS_ERR_UNSUPPORTED, -23);
VALUE(RECSYS_ERR_MISSING_DATA, -24);
VALUE(RECSYS_ERR_DEVICE, -25);
VALUE(RECSYS_ERR_BLAS, -26);
VALUE(RECSYS_ERR_INTERNAL, -27);

/* env.h */
VALUE(RECSYS_LOG_DEFAULT, 0);
VALUE(RECSYS_LOG_ERROR, 1);
VALUE(RECSYS_LOG_WARNING, 2);
VALUE(RECSYS_LOG_INFO, 3);
VALUE(RECSYS_LOG_TRACE, 4);

/* params.h */
VALUE(RECSYS_PARAM_I64, 1);
VALUE(RECSYS_PARAM_F64, 2);
VALUE(RECSYS_PARAM_BOOL, 3);
VALUE(RECSYS_PARAM_CHOICE, 4);
VALUE(RECSYS_PARAM_LIST, 5);

/* ids.h */
VALUE(RECSYS_ID_AUTO, 0);
VALUE(RECSYS_ID_INT, 1);
VALUE(RECSYS_ID_STRING, 2);

/* dataset.h */
VALUE(RECSYS_DUPLICATES_KEEP, 0);
VALUE(RECSYS_DUPLICATES_FIRST, 1);
VALUE(RECSYS_DUPLICATES_LAST, 2);
VALUE(RECSYS_DUPLICATES_MAX, 3);
VALUE(RECSYS_DUPLICATES_SUM, 4);
VALUE(RECSYS_DUPLICATES_ERROR, 5);
VALUE(RECSYS_HEADER_AUTO, 0);
VALUE(RECSYS_HEADER_NO, 1);
VALUE(RECSYS_HEADER_YES, 2);

/* split.h */
VALUE(RECSYS_SPLIT_RANDOM, 0);
VALUE(RECSYS_SPLIT_RANDOM_PER_USER, 1);
VALUE(RECSYS_SPLIT_LAST_PER_USER, 2);
VALUE(RECSYS_SPLIT_BY_TIME, 3);
VALUE(RECSYS_SPLIT_STRONG, 4);

/* model.h */
VALUE(RECSYS_QUERY_USER, 1);
VALUE(RECSYS_QUERY_HISTORY, 2);
VALUE(RECSYS_QUERY_CANDIDATES, 4);
VALUE(RECSYS_F32, 1);
VALUE(RECSYS_I32, 2);
VALUE(RECSYS_I64, 3);

/* evaluator.h */
VALUE(RECSYS_COLD_SKIP, 0);
VALUE(RECSYS_COLD_MODEL, 1);
VALUE(RECSYS_COLD_MISS, 2);
VALUE(RECSYS_REPORT_TEXT, 0);
VALUE(RECSYS_REPORT_JSON, 1);
VALUE(RECSYS_REPORT_CSV, 2);
VALUE(RECSYS_REPORT_PER_USER_CSV, 3);

/* io.h */
VALUE(RECSYS_VERIFY_ALL, 0);
VALUE(RECSYS_VERIFY_HEADER, 1);

int main(void)
{
    return 0;
}
