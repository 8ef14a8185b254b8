/* recsys.h - the whole public API.
 *
 * The shape of every program: make an environment (recsys_env) and an exec (recsys_exec), read a dataset (recsys_dataset),
 * split it, set parameters (recsys_params), train a model (recsys_model), evaluate it (recsys_evaluator), recommend, save.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_RECSYS_H
#define RECSYS_RECSYS_H

#include <recsys/classify.h>
#include <recsys/cuda.h>
#include <recsys/dataset.h>
#include <recsys/dlpack.h>
#include <recsys/env.h>
#include <recsys/evaluator.h>
#include <recsys/exec.h>
#include <recsys/ids.h>
#include <recsys/io.h>
#include <recsys/model.h>
#include <recsys/optimizer.h>
#include <recsys/params.h>
#include <recsys/split.h>
#include <recsys/status.h>
#include <recsys/trainer.h>
#include <recsys/version.h>

#endif
