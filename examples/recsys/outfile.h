/* outfile.h - a file that is there complete or not at all, and what is checked of all of them before the work begins.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_OUTFILE_H
#define RECSYS_PROGRAM_OUTFILE_H

#include "program.h"

/* What is written goes to a file beside `path`, which takes its place when all is well. `-` is standard output; what
 * exists and is no regular file (a pipe, /dev/null) is written directly. */
typedef struct outfile {
    FILE *file;
    const char *path;
    char *temporary; /* NULL: written directly */
} outfile;

#define OUTFILE_INIT { NULL, NULL, NULL }

/* Before the work: that every file which the command line asks for can be written, and is neither read nor written
 * twice. `command` is the bit of the command. */
recsys_status outputs_check(program *p, int command);

recsys_status outfile_open(program *p, outfile *o, const char *path);

/* Writes a field of text between tabs; in quotes, with quotes in it doubled, if a reader could not tell where it ends. */
void outfile_field(const outfile *o, const char *text);

/* Ends the writing. With `status` OK the file is put in place, and failures to write come out here; else nothing remains.
 * Returns the first failure. Does nothing if the file was never opened. */
recsys_status outfile_close(program *p, outfile *o, recsys_status status);

#endif
