/* input.c - a text file as chunks of whole lines: plain bytes through read(), gzip through zlib's inflate().
 *
 * One buffer holds, in this order, what is left of the last chunk, the bytes read now, and room for a newline and
 * INPUT_SLACK. Mapping the file into memory instead would save a copy, but a file that another program cuts short while it
 * is read would then kill the process.
 *
 *     buffer:  [ used up ][ chunk: whole lines ][ beginning of a line ][ free ]
 *                          begin                 cut                   end
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Bytes asked for at a time: small enough that what was read is still in the second-level cache when it is parsed. */
enum { BLOCK = 256 << 10 };

struct input {
    recsys_exec *x;
    char *path;
    int fd;             /* -1: memory */
    const char *source; /* memory: what is left of it */
    int64_t source_left;
    int64_t read, total; /* bytes taken from the source; its size, 0 if unknown */

    char *buffer;
    int64_t room;            /* without the newline and the slack */
    int64_t begin, cut, end; /* see the drawing */
    int started, source_ended, ended, mid_line;

    int gzip, member_ended; /* member_ended: the next byte, if any, begins another gzip member */
    int64_t members;
    z_stream z;
    char *packed;           /* BLOCK bytes of compressed data */
    recsys_status z_status; /* why an allocation of zlib's failed */

    char *line_at, *line_end; /* recsys__input_line(): the rest of the chunk */
    int64_t line;
};

/* ---- opening and closing ---- */

static recsys_status make(recsys_exec *x, const char *path, input **out)
{
    *out = NULL;
    input *in;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *in, &in);
    if (s) return s;
    in->x = x;
    in->fd = -1;
    in->line = 1;
    s = recsys__alloc(x->memory, &x->error, (int64_t)strlen(path) + 1, 1, &in->path);
    if (!s) s = recsys__alloc(x->memory, &x->error, BLOCK + 1 + INPUT_SLACK, 1, &in->buffer);
    if (s) {
        recsys__input_close(in);
        return s;
    }
    strcpy(in->path, path);
    in->room = BLOCK;
    *out = in;
    return RECSYS_OK;
}

static recsys_status open_file(input *in)
{
    error *e = &in->x->error;
    do {
        in->fd = open(in->path, O_RDONLY | O_CLOEXEC);
    } while (in->fd < 0 && errno == EINTR);
    if (in->fd < 0)
        return recsys__fail_system(e, errno == ENOENT || errno == ENOTDIR ? RECSYS_ERR_FILE_NOT_FOUND : RECSYS_ERR_IO, errno,
                                   "%s: cannot be opened", in->path);
    struct stat about;
    if (fstat(in->fd, &about) != 0) return recsys__fail_system(e, RECSYS_ERR_IO, errno, "%s: cannot be read", in->path);
    if (S_ISDIR(about.st_mode))
        return recsys__fail_system(e, RECSYS_ERR_IO, EISDIR, "%s: a file is needed, this is a folder", in->path);
    if (S_ISREG(about.st_mode)) {
        in->total = about.st_size;
        (void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return RECSYS_OK;
}

recsys_status recsys__input_open(recsys_exec *x, const char *path, input **out)
{
    recsys_status s = make(x, path, out);
    if (s) return s;
    s = open_file(*out);
    if (s) {
        recsys__input_close(*out);
        *out = NULL;
    }
    return s;
}

recsys_status recsys__input_open_memory(recsys_exec *x, const char *name, const void *bytes, int64_t size, input **out)
{
    recsys_status s = make(x, name, out);
    if (s) return s;
    (*out)->source = bytes;
    (*out)->source_left = (*out)->total = size;
    return RECSYS_OK;
}

void recsys__input_close(input *in)
{
    if (!in) return;
    memory *m = in->x->memory;
    if (in->gzip) (void)inflateEnd(&in->z);
    if (in->fd >= 0) (void)close(in->fd);
    recsys__free(m, in->packed);
    recsys__free(m, in->buffer);
    recsys__free(m, in->path);
    recsys__free(m, in);
}

const char *recsys__input_path(const input *in)
{
    return in->path;
}

int recsys__input_ends_in_mid_line(const input *in)
{
    return in->mid_line;
}

/* ---- bytes of the source ---- */

/* Reads at most `most` bytes; *got is 0 at the end of the source only. */
static recsys_status read_source(input *in, char *to, int64_t most, int64_t *got)
{
    if (in->fd < 0) {
        *got = most < in->source_left ? most : in->source_left;
        if (*got > 0) memcpy(to, in->source, (size_t)*got);
        in->source += *got;
        in->source_left -= *got;
    } else {
        ssize_t n;
        do {
            n = read(in->fd, to, (size_t)most);
        } while (n < 0 && errno == EINTR);
        *got = n;
        if (n < 0) return recsys__fail_system(&in->x->error, RECSYS_ERR_IO, errno, "%s: reading failed", in->path);
    }
    in->read += *got;
    if (*got == 0) in->source_ended = 1;
    return RECSYS_OK;
}

/* ---- gzip ---- */

/* The header of a gzip file is 1f 8b 08. One wrong byte of the three is taken for damage: no text begins like that. */
static int looks_like_gzip(const char *s, int64_t length)
{
    static const unsigned char magic[3] = {0x1f, 0x8b, 0x08};
    int alike = 0;
    for (int64_t i = 0; i < 3 && i < length; i++) alike += (unsigned char)s[i] == magic[i];
    return alike >= 2;
}

static void *z_alloc(void *opaque, unsigned items, unsigned size)
{
    input *in = opaque;
    void *block;
    in->z_status = recsys__alloc(in->x->memory, &in->x->error, items, size, &block);
    return block;
}

static void z_free(void *opaque, void *block)
{
    recsys__free(((input *)opaque)->x->memory, block);
}

/* Turns to gzip; `length` compressed bytes were read into the buffer already. */
static recsys_status start_gzip(input *in, int64_t length)
{
    recsys_status s = recsys__alloc(in->x->memory, &in->x->error, BLOCK, 1, &in->packed);
    if (s) return s;
    memcpy(in->packed, in->buffer, (size_t)length);
    in->z.zalloc = z_alloc;
    in->z.zfree = z_free;
    in->z.opaque = in;
    in->z.next_in = (Bytef *)in->packed;
    in->z.avail_in = (uInt)length;
    if (inflateInit2(&in->z, 15 + 16) != Z_OK) { /* 16: gzip, with its checksum and length */
        if (in->z_status) return in->z_status;
        return recsys__fail(&in->x->error, RECSYS_ERR_INTERNAL, "%s: zlib could not be started", in->path);
    }
    in->gzip = 1;
    return RECSYS_OK;
}

static recsys_status fail_gzip(input *in, int result)
{
    error *e = &in->x->error;
    if (result == Z_MEM_ERROR && in->z_status) return in->z_status;
    if (result == Z_BUF_ERROR)
        return recsys__fail(e, RECSYS_ERR_COMPRESSED, "%s: the compressed data is cut short (after %lld bytes)", in->path,
                            (long long)in->read);
    if (in->members > 0 && in->z.total_out == 0)
        return recsys__fail(e, RECSYS_ERR_COMPRESSED, "%s: there is something else behind the compressed data", in->path);
    return recsys__fail(e, RECSYS_ERR_COMPRESSED, "%s: the compressed data is damaged (near byte %lld: %s)", in->path,
                        (long long)(in->read - in->z.avail_in), in->z.msg ? in->z.msg : "no gzip data");
}

/* Unpacks at most `most` bytes; *got is 0 at the end only. A gzip file may have several members, one after the other. */
static recsys_status read_gzip(input *in, char *to, int64_t most, int64_t *got)
{
    in->z.next_out = (Bytef *)to;
    in->z.avail_out = (uInt)most;
    *got = 0;
    while (*got == 0) {
        if (in->z.avail_in == 0 && !in->source_ended) {
            int64_t n;
            recsys_status s = read_source(in, in->packed, BLOCK, &n);
            if (s) return s;
            in->z.next_in = (Bytef *)in->packed;
            in->z.avail_in = (uInt)n;
        }
        if (in->member_ended) {
            if (in->z.avail_in == 0) return RECSYS_OK;
            (void)inflateReset(&in->z);
            in->member_ended = 0;
        }
        int result = inflate(&in->z, Z_NO_FLUSH);
        *got = most - (int64_t)in->z.avail_out;
        if (result == Z_STREAM_END) {
            in->member_ended = 1;
            in->members++;
        } else if (result == Z_BUF_ERROR ? in->z.avail_in == 0 && in->source_ended && *got == 0 : result != Z_OK) {
            return fail_gzip(in, result);
        }
    }
    return RECSYS_OK;
}

/* ---- the number of lines ---- */

static int64_t count_lines(const char *s, const char *end)
{
    int64_t n = 0;
    for (; s < end; s++) n += *s == '\n';
    return n;
}

/* Lines lengthen and shorten along a file (sorted ids do), so samples are spread evenly over it. */
int64_t recsys__input_estimate_lines(input *in)
{
    enum { SAMPLES = 64, SAMPLE = 4096 };
    int64_t step = in->total / SAMPLES, lines = 0, bytes = 0;
    if (in->fd < 0 || in->total < SAMPLES * SAMPLE) return 0;
    for (int64_t k = 0; k < SAMPLES; k++) {
        ssize_t n = pread(in->fd, in->buffer, SAMPLE, (off_t)(k * step));
        if (n <= 0 || (k == 0 && looks_like_gzip(in->buffer, n))) return 0;
        lines += count_lines(in->buffer, in->buffer + n);
        bytes += n;
    }
    return (int64_t)((double)lines / (double)bytes * (double)in->total);
}

/* ---- the buffer ---- */

/* The first bytes decide what the file is, and lose their byte order mark. */
static recsys_status start(input *in)
{
    in->started = 1;
    int64_t length = 0;
    while (length < 3 && !in->source_ended) {
        int64_t got;
        recsys_status s = read_source(in, in->buffer + length, BLOCK - length, &got);
        if (s) return s;
        length += got;
    }
    in->end = length;
    if (looks_like_gzip(in->buffer, length)) {
        recsys_status s = start_gzip(in, length);
        in->end = 0;
        while (!s && in->end < 3) {
            int64_t got;
            s = read_gzip(in, in->buffer + in->end, BLOCK - in->end, &got);
            if (s || got == 0) break;
            in->end += got;
        }
        if (s) return s;
    }
    if (in->end >= 3 && memcmp(in->buffer, "\xef\xbb\xbf", 3) == 0) in->begin = in->cut = 3;
    return RECSYS_OK;
}

/* Text has no zero bytes, and ids and names cannot hold them. */
static recsys_status check_text(input *in, int64_t from, int64_t line)
{
    const char *zero = memchr(in->buffer + from, 0, (size_t)(in->end - from));
    if (!zero) return RECSYS_OK;
    return recsys__fail(&in->x->error, RECSYS_ERR_PARSE, "%s:%lld: a zero byte: this is no UTF-8 or Latin-1 text", in->path,
                        (long long)(line + count_lines(in->buffer + in->begin, zero)));
}

/* Makes room for a block behind `end`: moves what is kept to the front, or doubles the buffer. */
static recsys_status make_room(input *in, int64_t line)
{
    int64_t kept = in->end - in->begin;
    if (in->begin > 0) {
        memmove(in->buffer, in->buffer + in->begin, (size_t)kept);
        in->cut -= in->begin;
        in->begin = 0;
        in->end = kept;
    }
    if (in->room - kept >= BLOCK / 2) return RECSYS_OK;
    if (kept > INPUT_LINE_MOST)
        return recsys__fail(&in->x->error, RECSYS_ERR_PARSE, "%s:%lld: a line, or a cell in quotes, of more than %d MiB",
                            in->path, (long long)line, INPUT_LINE_MOST >> 20);
    recsys_status s = recsys__resize(in->x->memory, &in->x->error, 2 * in->room + 1 + INPUT_SLACK, 1, &in->buffer);
    if (!s) in->room *= 2;
    return s;
}

/* Reads on, behind `end`. At the end of the file the last line gets its newline. */
static recsys_status fill(input *in, int64_t line)
{
    recsys_status s = recsys__progress(in->x, in->read, in->total);
    int64_t got = 0, from = in->end;
    if (!s && !in->started) {
        s = start(in);
        from = in->begin;
        got = in->end - from;
    } else if (!s) {
        s = make_room(in, line);
        if (s) return s;
        from = in->end;
        int64_t most = in->room - in->end < BLOCK ? in->room - in->end : BLOCK;
        s = in->gzip ? read_gzip(in, in->buffer + from, most, &got) : read_source(in, in->buffer + from, most, &got);
        if (!s) in->end += got;
    }
    if (!s) s = check_text(in, from, line);
    if (s) return s;
    if (got == 0) {
        in->ended = 1;
        if (in->end > in->cut && in->buffer[in->end - 1] != '\n') {
            in->buffer[in->end++] = '\n';
            in->mid_line = 1;
        }
    }
    return RECSYS_OK;
}

/* Sets `cut` behind the last newline at or after `from`; 0 if there is none. */
static int cut_lines(input *in, int64_t from)
{
    int64_t at = in->end;
    while (at > from && in->buffer[at - 1] != '\n') at--;
    if (at <= from) return 0;
    in->cut = at;
    return 1;
}

/* Reads until the chunk ends behind `least`, at the end of a line, or the file ends. */
static recsys_status read_lines(input *in, int64_t line, int64_t least)
{
    while (!in->ended) {
        int64_t searched = in->end - in->begin;
        recsys_status s = fill(in, line);
        if (s) return s;
        int64_t from = in->begin + searched;
        if (from < in->cut) from = in->cut;
        if (cut_lines(in, from) && in->cut - in->begin >= least) return RECSYS_OK;
    }
    in->cut = in->end;
    return RECSYS_OK;
}

recsys_status recsys__input_chunk(input *in, int64_t line, char **begin, char **end)
{
    in->begin = in->cut;
    recsys_status s = read_lines(in, line, 1);
    *begin = in->buffer + in->begin;
    *end = in->buffer + in->cut;
    return s;
}

recsys_status recsys__input_extend(input *in, int64_t line, const char *from, char **begin, char **end)
{
    in->begin = from - in->buffer;
    int64_t had = in->cut - in->begin;
    recsys_status s = read_lines(in, line, had + had / 2 + 1);
    *begin = in->buffer + in->begin;
    *end = in->buffer + in->cut;
    return s;
}

recsys_status recsys__input_line(input *in, const char **text, int64_t *length, int64_t *line)
{
    *text = NULL;
    *length = 0;
    *line = in->line;
    if (in->line_at == in->line_end) {
        recsys_status s = recsys__input_chunk(in, in->line, &in->line_at, &in->line_end);
        if (s) {
            in->line_at = in->line_end = NULL;
            return s;
        }
        if (in->line_at == in->line_end) return RECSYS_OK;
    }
    char *newline = memchr(in->line_at, '\n', (size_t)(in->line_end - in->line_at));
    *text = in->line_at;
    *length = newline - in->line_at;
    if (*length > 0 && newline[-1] == '\r') --*length;
    in->line_at = newline + 1;
    in->line++;
    return RECSYS_OK;
}

recsys_status recsys__input_blame(input *in, recsys_status s)
{
    error *e = &in->x->error;
    if (s == RECSYS_OK || s == RECSYS_ERR_NO_MEMORY || s == RECSYS_ERR_MEMORY_LIMIT || s == RECSYS_ERR_CANCELLED ||
        s == RECSYS_ERR_COMPRESSED || !in->gzip)
        return s;
    const error old = *e;
    int64_t got = 1;
    recsys_status result = RECSYS_OK;
    while (!result && got > 0 && !recsys__cancelled(in->x)) result = read_gzip(in, in->buffer, BLOCK, &got);
    if (result == RECSYS_ERR_COMPRESSED) return result;
    *e = old;
    return s;
}
