/* read.h - the readers: each adds one file to a builder as a part.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_READ_H
#define DATA_READ_H

#include "data/builder.h"
#include "data/input.h"

/* Rows of cells: `columns`, `separator` and `header` of the options apply. */
recsys_status recsys__read_delimited(input *in, const recsys_read_options *options, recsys_dataset_builder *b);

/* Lines of a user and its items. */
recsys_status recsys__read_adjacency(input *in, const recsys_read_options *options, recsys_dataset_builder *b);

/* Delimited text: user, item and flag with tabs between and no header, where the options say nothing else. */
recsys_status recsys__read_rating(input *in, const recsys_read_options *options, recsys_dataset_builder *b);

/* Lines of a positive pair and, perhaps, fixed negatives: the first reads the pairs, the second the negatives. */
recsys_status recsys__read_negative(input *in, const recsys_read_options *options, recsys_dataset_builder *b);
recsys_status recsys__read_negative_candidates(input *in, const recsys_read_options *options, recsys_dataset_builder *b);

/* Reads `size` bytes in memory as if they were the file `name`, in a format of one file. For tests and fuzzing. */
recsys_status recsys__dataset_read_memory(recsys_exec *x, const char *name, const void *bytes, int64_t size,
                                          const recsys_read_options *options, recsys_dataset **dataset);

#endif
