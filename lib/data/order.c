/* order.c - events grouped by user (one counting sort), and a sort by key that needs no memory.
 *
 * The C library's qsort() may allocate, and takes no context; heap sort does neither and has no bad case.
 * U users, E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/order.h"

static int before(keyed a, keyed b)
{
    return a.key < b.key || (a.key == b.key && a.event < b.event);
}

/* Lets the element at `root` sink until no child of it in a[0..n-1] is larger. */
static void sink(keyed *a, int64_t root, int64_t n)
{
    keyed moved = a[root];
    for (int64_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && before(a[child], a[child + 1])) child++;
        if (!before(moved, a[child])) break;
        a[root] = a[child];
    }
    a[root] = moved;
}

void recsys__sort_keyed(keyed *a, int64_t n)
{
    for (int64_t root = n / 2 - 1; root >= 0; root--) sink(a, root, n);
    for (int64_t last = n - 1; last > 0; last--) {
        keyed largest = a[0];
        a[0] = a[last];
        a[last] = largest;
        sink(a, 0, last);
    }
}

recsys_status recsys__user_events(recsys_exec *x, const recsys_dataset *d, user_events *out)
{
    int64_t U = recsys_ids_count(d->users), E = d->n_events, most = 0;
    *out = (user_events){ NULL, NULL, NULL };
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, U + 1, sizeof *out->user_ptr, &out->user_ptr);
    if (!status) status = recsys__alloc(x->memory, &x->error, E, sizeof *out->event, &out->event);
    if (status) {
        recsys__user_events_free(x, out);
        return status;
    }
    int64_t *ptr = out->user_ptr;
    for (int64_t e = 0; e < E; e++) ptr[d->user[e] + 1]++;
    for (int64_t u = 0; u < U; u++) {
        if (ptr[u + 1] > most) most = ptr[u + 1];
        ptr[u + 1] += ptr[u];
    }
    /* Filling moves each start to its end, which is the next one's start; shifting by one puts that right. */
    for (int64_t e = 0; e < E; e++) out->event[ptr[d->user[e]]++] = e;
    for (int64_t u = U; u > 0; u--) ptr[u] = ptr[u - 1];
    ptr[0] = 0;
    status = recsys__alloc(x->memory, &x->error, most, sizeof *out->room, &out->room);
    if (status) recsys__user_events_free(x, out);
    return status;
}

void recsys__user_events_free(recsys_exec *x, user_events *groups)
{
    recsys__free(x->memory, groups->room);
    recsys__free(x->memory, groups->event);
    recsys__free(x->memory, groups->user_ptr);
    *groups = (user_events){ NULL, NULL, NULL };
}
