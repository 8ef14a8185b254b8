/* program.h - what every command of the `recsys` program is given, and how it reports a failure.
 *
 * A command is a function that takes the program and returns a status. When a library call fails, it passes the status
 * up: main() finds the library's message in the exec. When the program itself finds something wrong, it calls
 * program_fail() with a message of its own, or program_usage() if the command line is at fault.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_PROGRAM_H
#define RECSYS_PROGRAM_PROGRAM_H

#include <recsys/recsys.h>

#include "options.h"
#include "progress.h"

#if defined(__GNUC__)
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

typedef struct program {
    settings settings;
    int argc; /* the command line behind the command's name */
    char **argv;
    recsys_env *env;
    recsys_exec *exec;
    progress progress;
    int usage;          /* 1: the command line is at fault, exit status 2 */
    char message[1024]; /* the program's own message; empty: the library's counts */
} program;

/* Makes environment and exec from the settings and lets Ctrl-C cancel. */
recsys_status program_open(program *p);
void program_close(program *p);

/* 1 once Ctrl-C was pressed. Library calls notice by themselves; the program's own loops ask. */
int program_interrupted(void);

/* Both record a message. program_fail() returns `status`, program_usage() a status that ends in exit status 2. */
recsys_status program_fail(program *p, recsys_status status, const char *format, ...) PRINTF_LIKE(3, 4);
recsys_status program_usage(program *p, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints to standard output, unless JSON or a file that was asked for goes there. */
void program_say(program *p, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same for a whole text of the library's, whose last line may lack its newline. */
void program_say_text(program *p, const char *text);

/* malloc() of count x size bytes that records its failure; `count` may be 0. */
void *program_alloc(program *p, int64_t count, size_t size);

/* Loads the model file that is operand `index`, or one at a path. */
recsys_status program_load(program *p, int64_t index, recsys_model **model);
recsys_status program_load_path(program *p, const char *path, recsys_model **model);

/* What models of its kind score by, RECSYS_QUERY_* bits. */
int32_t program_query_parts(const recsys_model *model);

/* The commands, each in the file of its name. */
recsys_status command_models(program *p);
recsys_status command_optimizers(program *p);
recsys_status command_devices(program *p);
recsys_status command_params(program *p);
recsys_status command_stats(program *p);
recsys_status command_split(program *p);
recsys_status command_train(program *p);
recsys_status command_tune(program *p);
recsys_status command_evaluate(program *p);
recsys_status command_recommend(program *p);
recsys_status command_similar(program *p);
recsys_status command_inspect(program *p);
recsys_status command_export(program *p);

#endif
