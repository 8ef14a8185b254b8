/* struct.c - sized structs in and out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/struct.h"

#include <string.h>

/* A struct of a later version may be this much longer than ours; a greater size is taken for a field never set. */
enum { MOST_TAIL = 4096 };

static recsys_status check_size(error *e, const char *name, size_t size, size_t least, size_t own_size)
{
    if (size < least)
        return recsys__fail(e, RECSYS_ERR_STRUCT_SIZE, "%s: struct_size is %zu, at least %zu is needed (was it initialised?)",
                            name, size, least);
    if (size > own_size + MOST_TAIL)
        return recsys__fail(e, RECSYS_ERR_STRUCT_SIZE, "%s: struct_size is %zu where %zu is expected (was it initialised?)",
                            name, size, own_size);
    return RECSYS_OK;
}

recsys_status recsys__struct_in(error *e, const char *name, const void *given, size_t least, void *own, size_t own_size)
{
    size_t size = own_size;
    memset(own, 0, own_size);
    if (given) {
        memcpy(&size, given, sizeof size);
        if (least < sizeof size) least = sizeof size;
        recsys_status s = check_size(e, name, size, least, own_size);
        if (s) return s;
        const unsigned char *bytes = given;
        for (size_t at = own_size; at < size; at++)
            if (bytes[at] != 0)
                return recsys__fail(e, RECSYS_ERR_STRUCT_SIZE,
                                    "%s: the program sets a field (byte %zu) that this version of the library does not know",
                                    name, at);
        memcpy(own, given, size < own_size ? size : own_size);
    }
    memcpy(own, &own_size, sizeof own_size);
    return RECSYS_OK;
}

recsys_status recsys__struct_out(error *e, const char *name, const void *own, size_t own_size, void *given)
{
    if (!given) return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "%s: the struct to fill is NULL", name);
    size_t size;
    memcpy(&size, given, sizeof size);
    recsys_status s = check_size(e, name, size, sizeof size + 1, own_size);
    if (s) return s;
    size_t end = size < own_size ? size : own_size;
    memcpy((char *)given + sizeof size, (const char *)own + sizeof size, end - sizeof size);
    return RECSYS_OK;
}
