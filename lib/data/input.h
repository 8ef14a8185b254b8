/* input.h - a text file as chunks of whole lines, or line by line; plain or gzip, told apart by content.
 *
 * Chunks lie in one buffer that the next call may move or overwrite. INPUT_SLACK bytes behind the end may be read (not
 * used), so that scanners can load words without asking how far the chunk goes. A byte order mark is skipped. The last
 * line gets a newline if the file has none. All failures name the path.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_INPUT_H
#define DATA_INPUT_H

#include "base/exec.h"

enum { INPUT_SLACK = 64, INPUT_LINE_MOST = 256 << 20 };

typedef struct input input;

/* Opens a file. ERR_FILE_NOT_FOUND; ERR_IO (a folder, no permission); ERR_COMPRESSED comes while reading. */
recsys_status recsys__input_open(recsys_exec *x, const char *path, input **in);

/* The same on `size` bytes in memory, borrowed until the input is closed; `name` stands for the path in messages. */
recsys_status recsys__input_open_memory(recsys_exec *x, const char *name, const void *bytes, int64_t size, input **in);

void recsys__input_close(input *in);

/* Path as given. */
const char *recsys__input_path(const input *in);

/* 1 if the file's last line had no newline; known once the end was reached. */
int recsys__input_ends_in_mid_line(const input *in);

/* About how many lines the file has, judged by samples from all over it; 0 if that cannot be told: a compressed file, a
 * pipe. To be called before the first chunk. */
int64_t recsys__input_estimate_lines(input *in);

/* The next chunk: *begin to *end - 1 are whole lines, the last byte is a newline; *begin == *end at the end of the file.
 * The caller may change these bytes. `line` is the number of the first line to come, counted from 1, for messages.
 * Reports progress and sees cancelling. ERR_PARSE: a zero byte, or a line that is longer than INPUT_LINE_MOST. */
recsys_status recsys__input_chunk(input *in, int64_t line, char **begin, char **end);

/* The chunk again, from `from` on (the beginning of line `line`) and at least one line longer, for a record that does not
 * end in it. Grows by half at least, so that all calls for one record take linear time together. At the end of the file the
 * chunk comes back no longer than it was. */
recsys_status recsys__input_extend(input *in, int64_t line, const char *from, char **begin, char **end);

/* The next line, without its CR and LF: *text is NULL at the end of the file. Do not mix with recsys__input_chunk(). */
recsys_status recsys__input_line(input *in, const char **text, int64_t *length, int64_t *line);

/* Says what a failure to understand the file really is: damage in compressed data can look like bad text, since checksums
 * stand at the end. Reads on to the end, so that ERR_COMPRESSED can take the place of `s`; any other `s` comes back. */
recsys_status recsys__input_blame(input *in, recsys_status s);

#endif
