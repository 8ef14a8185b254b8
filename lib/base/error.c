/* error.c - recording the detail of an error: formatted, made one line of valid UTF-8, cut to its room.
 *
 * Messages quote what users gave (file names, keys, fields of data files), so any byte can arrive here; a message must
 * nevertheless be safe to print, log and put into JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/struct.h"
#include "base/text.h"

/* Makes `s` printable in place: control characters become spaces, bytes that are no UTF-8 question marks. `cut` says
 * that the end is missing: then an unfinished character there goes without a trace. */
static void make_printable(char *s, int cut)
{
    size_t length = strlen(s);
    for (size_t at = 0; at < length;) {
        int bytes = recsys__utf8_length(s + at, (int64_t)(length - at));
        if (bytes == 1 && ((unsigned char)s[at] < 0x20 || s[at] == 0x7f)) s[at] = ' ';
        if (bytes == 0 && cut && length - at < 4 && (unsigned char)s[at] >= 0xc2) {
            s[at] = 0;
            return;
        }
        if (bytes == 0) s[at] = '?', bytes = 1;
        at += (size_t)bytes;
    }
}

/* Formats into a buffer of its own first: an argument may be the old message. */
static void write_message(error *e, const char *format, va_list arguments)
{
    char message[sizeof e->message];
    int length = vsnprintf(message, sizeof message, format, arguments);
    if (length < 0) message[0] = 0;
    make_printable(message, length >= (int)sizeof message);
    memcpy(e->message, message, sizeof message);
}

recsys_status recsys__fail(error *e, recsys_status status, const char *format, ...)
{
    if (!e) return status;
    va_list arguments;
    va_start(arguments, format);
    write_message(e, format, arguments);
    va_end(arguments);
    e->status = status;
    e->system_error = 0;
    return status;
}

recsys_status recsys__fail_system(error *e, recsys_status status, int errnum, const char *format, ...)
{
    if (!e) return status;
    va_list arguments;
    va_start(arguments, format);
    write_message(e, format, arguments);
    va_end(arguments);

    char reason[128];
    if (strerror_r(errnum, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "system error %d", errnum);
    size_t used = strlen(e->message);
    int length = snprintf(e->message + used, sizeof e->message - used, "%s%s", used ? ": " : "", reason);
    make_printable(e->message, length >= (int)(sizeof e->message - used));
    e->status = status;
    e->system_error = errnum;
    return status;
}

recsys_status recsys__error_copy(const error *e, recsys_error_info *info)
{
    if (!info) return RECSYS_ERR_INVALID_ARGUMENT;
    /* Half a message would not be terminated. */
    if (info->struct_size < sizeof *info) return RECSYS_ERR_STRUCT_SIZE;
    recsys_error_info own = RECSYS_ERROR_INFO_INIT;
    if (e) {
        own.status = e->status;
        own.system_error = e->system_error;
        memcpy(own.message, e->message, sizeof own.message);
    }
    return recsys__struct_out(NULL, "recsys_error_info", &own, sizeof own, info);
}
