/* scratch.c - host memory that an exec keeps between calls, grown and never shrunk.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/scratch.h"

#include <string.h>

recsys_status recsys__scratch(recsys_exec *x, int use, int64_t count, size_t size, void *out)
{
    struct scratch *s = &x->scratch[use];
    if (s->block == NULL || count > s->bytes / (int64_t)size) {
        recsys__free(x->memory, s->block);
        *s = (struct scratch){ NULL, 0 };
        recsys_status status = recsys__alloc(x->memory, &x->error, count, size, &s->block);
        if (status < 0) {
            memset(out, 0, sizeof(void *));
            return status;
        }
        s->bytes = count * (int64_t)size;
    }
    memcpy(out, &s->block, sizeof(void *));
    return RECSYS_OK;
}

void recsys__scratch_free(recsys_exec *x)
{
    for (int use = 0; use < SCRATCH_COUNT; use++) {
        recsys__free(x->memory, x->scratch[use].block);
        x->scratch[use] = (struct scratch){ NULL, 0 };
    }
}
