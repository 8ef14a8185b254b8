/* rows.h - what a classifier says of the rows of features in a file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_ROWS_H
#define RECSYS_PROGRAM_ROWS_H

#include "program.h"

/* The k most probable classes of each row of the files of --rows: on the screen and in JSON, or into the file of --out. */
recsys_status rows_classify(program *p, const recsys_model *model, const recsys_topk_options *options, int64_t k);

#endif
