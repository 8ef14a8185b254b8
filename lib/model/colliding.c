/* colliding.c - colliding inference: finding the neighbours of users, and mixing their scores.
 *
 * Neighbours: the overlaps of one user with all others are counted through the items, and the n best are kept in a heap.
 * Mixing: for a block of queries, the users that are needed are listed once, ascending, and scored in chunks; each chunk
 * is added to the sums of the block. A sum meets its users in ascending order, whatever the chunks.
 * U users, I items, Q queries, n neighbours at most.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/colliding.h"

#include "backend/run.h"
#include "base/parallel.h"
#include "base/sort.h"
#include "tensor/ops.h"

/* ---- neighbours ---- */

typedef struct candidate {
    double similarity; /* or what orders users in the same way */
    int32_t user;
} candidate;

/* What a thread counts in. */
typedef struct counter {
    int32_t *overlap; /* U, zeros between users */
    int32_t *touched; /* U: whose overlap is not 0 */
    candidate *heap;  /* the best so far, the worst of them first */
} counter;

typedef struct search {
    recsys_exec *x;
    const csr *by_user, *by_item;
    int64_t n, room; /* neighbours wanted, and how many there can be */
    int32_t similarity;
    int64_t first; /* user of this round */
    counter *of_thread;
    int32_t *neighbour;
} search;

static int64_t degree(const csr *m, int64_t row)
{
    return m->ptr[row + 1] - m->ptr[row];
}

/* The squared cosine without the part that is the same for all neighbours of u orders like the cosine, and is exact for
 * overlaps below 2^26: equal cosines tie. */
static double similarity_of(const search *s, int64_t u, int64_t v, int32_t overlap)
{
    double both = (double)overlap;
    switch (s->similarity) {
    case COLLIDING_JACCARD: return both / ((double)degree(s->by_user, u) + (double)degree(s->by_user, v) - both);
    case COLLIDING_INNER: return both;
    default: return both * both / (double)degree(s->by_user, v);
    }
}

static int worse(candidate a, candidate b)
{
    return a.similarity != b.similarity ? a.similarity < b.similarity : a.user > b.user;
}

/* Restores the heap below `root`: nobody is worse than the one above him. */
static void sift_down(candidate *heap, int64_t root, int64_t count)
{
    candidate moving = heap[root];
    for (int64_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && worse(heap[child + 1], heap[child]))
            child++;
        if (!worse(heap[child], moving))
            break;
        heap[root] = heap[child];
        root = child;
    }
    heap[root] = moving;
}

static void sift_up(candidate *heap, int64_t place)
{
    candidate moving = heap[place];
    for (; place > 0 && worse(moving, heap[(place - 1) / 2]); place = (place - 1) / 2)
        heap[place] = heap[(place - 1) / 2];
    heap[place] = moving;
}

/* Counts the overlap of u with everybody; returns how many have one. */
static int64_t count_overlaps(const search *s, counter *c, int64_t u)
{
    int64_t touched = 0;
    for (int64_t e = s->by_user->ptr[u]; e < s->by_user->ptr[u + 1]; e++) {
        int32_t i = s->by_user->col[e];
        for (int64_t o = s->by_item->ptr[i]; o < s->by_item->ptr[i + 1]; o++) {
            int32_t v = s->by_item->col[o];
            if (c->overlap[v]++ == 0)
                c->touched[touched++] = v;
        }
    }
    return touched;
}

static void find_neighbours(const search *s, counter *c, int64_t u)
{
    int64_t touched = count_overlaps(s, c, u), count = 0;
    int32_t *row = s->neighbour + u * s->n;
    for (int64_t t = 0; t < touched; t++) {
        int32_t v = c->touched[t];
        candidate one = { .user = v };
        if (v != u) {
            one.similarity = similarity_of(s, u, v, c->overlap[v]);
            if (count < s->room) {
                c->heap[count] = one;
                sift_up(c->heap, count++);
            } else if (worse(c->heap[0], one)) {
                c->heap[0] = one;
                sift_down(c->heap, 0, count);
            }
        }
        c->overlap[v] = 0;
    }
    for (int64_t place = count; place < s->n; place++)
        row[place] = -1;
    while (count > 0) { /* the worst leaves first, for the last place */
        row[--count] = c->heap[0].user;
        c->heap[0] = c->heap[count];
        sift_down(c->heap, 0, count);
    }
}

static void search_users(void *data, int64_t begin, int64_t end, int32_t thread)
{
    const search *s = data;
    for (int64_t u = begin; u < end && !recsys__cancelled(s->x); u++)
        find_neighbours(s, &s->of_thread[thread], s->first + u);
}

static recsys_status make_counters(search *s)
{
    recsys_exec *x = s->x;
    int64_t U = s->by_user->n_rows;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, x->threads, sizeof *s->of_thread, &s->of_thread);
    for (int32_t t = 0; status >= 0 && t < x->threads; t++) {
        counter *c = &s->of_thread[t];
        status = recsys__alloc_zero(x->memory, &x->error, U, sizeof *c->overlap, &c->overlap);
        if (status >= 0)
            status = recsys__alloc(x->memory, &x->error, U, sizeof *c->touched, &c->touched);
        if (status >= 0)
            status = recsys__alloc(x->memory, &x->error, s->room, sizeof *c->heap, &c->heap);
    }
    return status;
}

static void free_counters(search *s)
{
    for (int32_t t = 0; s->of_thread != NULL && t < s->x->threads; t++) {
        recsys__free(s->x->memory, s->of_thread[t].overlap);
        recsys__free(s->x->memory, s->of_thread[t].touched);
        recsys__free(s->x->memory, s->of_thread[t].heap);
    }
    recsys__free(s->x->memory, s->of_thread);
}

recsys_status recsys__colliding_neighbours(recsys_exec *x, const csr *by_user, const csr *by_item, int64_t n,
                                           int32_t similarity, int32_t *neighbour)
{
    enum { ROUND = 4096, CHUNK = 16 }; /* users between two reports, users handed to a thread */
    int64_t U = by_user->n_rows;
    search s = { .x = x, .by_user = by_user, .by_item = by_item, .n = n, .similarity = similarity, .neighbour = neighbour };
    if (n < 1)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "colliding inference: %lld neighbours, at least 1 is needed",
                            (long long)n);
    s.room = n < U ? n : U;
    recsys_status status = recsys__phase(x, "neighbours");
    if (status >= 0)
        status = make_counters(&s);
    for (; status >= 0 && s.first < U; s.first += ROUND) {
        int64_t count = U - s.first < ROUND ? U - s.first : ROUND;
        recsys__parallel_for(x, count, CHUNK, search_users, &s);
        status = recsys__progress(x, s.first + count, U);
    }
    free_counters(&s);
    return status;
}

/* ---- mixing ---- */

/* The terms of a block of sums, and the users they are about. */
typedef struct mixing {
    recsys_exec *x;
    const recsys_model *m;
    const colliding *c;
    score_users scores;
    const int32_t *user; /* of all queries */
    int64_t n_items;
    int64_t queries, users;     /* of a block, of a chunk: at most */
    float *rows, *sums;         /* device: chunk x I, block x I */
    uint64_t *term;             /* terms of the block's queries, one after the other, ascending by user within each */
    int64_t *term_ptr;          /* block + 1 */
    int64_t *next;              /* block: first term that has not been added */
    int32_t *needed;            /* users of the block, ascending, each once */
    uint64_t *sorting;          /* as many as terms */
    int64_t *ptr;               /* block + 1, of a chunk */
    int32_t *row;
    float *weight;
} mixing;

/* A term: the user, and whether it is the query's own. User -1 comes first. */
static uint64_t term_of(int32_t user, int own)
{
    return (uint64_t)((int64_t)user + 1) << 1 | (uint64_t)own;
}

static int32_t user_of(uint64_t term)
{
    return (int32_t)((int64_t)(term >> 1) - 1);
}

/* Neighbours of a user that count. */
static int64_t neighbours_of(const colliding *c, int32_t user)
{
    int64_t count = 0;
    if (user < 0 || !(c->lambda > 0.0f))
        return 0;
    while (count < c->n && c->neighbour[user * c->n + count] >= 0)
        count++;
    return count;
}

static recsys_status make_mixing(mixing *x, int64_t Q)
{
    recsys_exec *e = x->x;
    if (x->c->own_rows && Q > INT32_MAX - 1 - x->c->n_users)
        return recsys__fail(&e->error, RECSYS_ERR_TOO_LARGE, "colliding inference: %lld queries at once are too many",
                            (long long)Q);
    int64_t each = x->c->lambda > 0.0f ? x->c->n + 1 : 1;
    x->queries = recsys__score_block_rows(x->n_items, Q);
    int64_t terms = x->queries * each;
    x->users = recsys__score_block_rows(x->n_items, terms);
    recsys_status status = recsys__device_alloc(e, x->users * x->n_items, sizeof(float), &x->rows);
    if (status >= 0)
        status = recsys__device_alloc(e, x->queries * x->n_items, sizeof(float), &x->sums);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, terms, sizeof *x->term, &x->term);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, x->queries + 1, sizeof *x->term_ptr, &x->term_ptr);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, x->queries, sizeof *x->next, &x->next);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, terms, sizeof *x->needed, &x->needed);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, terms, sizeof *x->sorting, &x->sorting);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, x->queries + 1, sizeof *x->ptr, &x->ptr);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, terms, sizeof *x->row, &x->row);
    if (status >= 0)
        status = recsys__alloc(e->memory, &e->error, terms, sizeof *x->weight, &x->weight);
    return status;
}

static void free_mixing(mixing *x)
{
    memory *m = x->x->memory;
    recsys__free(m, x->weight), recsys__free(m, x->row), recsys__free(m, x->ptr), recsys__free(m, x->sorting);
    recsys__free(m, x->needed), recsys__free(m, x->next), recsys__free(m, x->term_ptr), recsys__free(m, x->term);
    recsys__device_free(x->x->backend, m, x->sums);
    recsys__device_free(x->x->backend, m, x->rows);
}

/* Who is asked for a query's own scores. */
static int32_t own_of(const colliding *c, int32_t user, int64_t query)
{
    return c->own_rows ? (int32_t)(c->n_users + query) : user;
}

/* Lists the terms of queries first to first + count - 1, and the users they need; returns how many users. */
static int64_t list_terms(mixing *x, int64_t first, int64_t count)
{
    int64_t terms = 0, users = 0;
    for (int64_t q = 0; q < count; q++) {
        int32_t user = x->user[first + q];
        int64_t n = neighbours_of(x->c, user);
        x->term_ptr[q] = x->next[q] = terms;
        if (n == 0 || x->c->lambda < 1.0f)
            x->term[terms++] = term_of(own_of(x->c, user, first + q), 1);
        for (int64_t j = 0; j < n; j++)
            x->term[terms++] = term_of(x->c->neighbour[user * x->c->n + j], 0);
        recsys__sort_u64(x->term + x->term_ptr[q], terms - x->term_ptr[q]);
    }
    x->term_ptr[count] = terms;
    for (int64_t t = 0; t < terms; t++)
        x->sorting[t] = x->term[t] >> 1;
    recsys__sort_u64(x->sorting, terms);
    for (int64_t t = 0; t < terms; t++)
        if (t == 0 || x->sorting[t] != x->sorting[t - 1])
            x->needed[users++] = user_of(x->sorting[t] << 1);
    return users;
}

/* Place of a user among those of a chunk, which has him. */
static int32_t place_of(const int32_t *user, int64_t count, int32_t wanted)
{
    int64_t low = 0, high = count; /* user[low] <= wanted < user[high] */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (user[middle] <= wanted)
            low = middle;
        else
            high = middle;
    }
    return (int32_t)low;
}

/* The part of the block's sums that a chunk of users has. */
static row_sums sums_of_chunk(mixing *x, int64_t first, int64_t count, const int32_t *user, int64_t users)
{
    int64_t entries = 0;
    for (int64_t q = 0; q < count; q++) {
        int64_t n = neighbours_of(x->c, x->user[first + q]);
        float own = n > 0 ? 1.0f - x->c->lambda : 1.0f, other = n > 0 ? x->c->lambda / (float)n : 0.0f;
        x->ptr[q] = entries;
        for (; x->next[q] < x->term_ptr[q + 1]; x->next[q]++) {
            uint64_t term = x->term[x->next[q]];
            if (user_of(term) > user[users - 1])
                break;
            x->row[entries] = place_of(user, users, user_of(term));
            x->weight[entries++] = term & 1 ? own : other;
        }
    }
    x->ptr[count] = entries;
    return (row_sums){ .count = count, .n_items = x->n_items, .ptr = x->ptr, .row = x->row, .weight = x->weight };
}

/* Makes the scores of a block of queries in x->sums. */
static recsys_status mix_block(mixing *x, int64_t first, int64_t count)
{
    int64_t users = list_terms(x, first, count);
    recsys_status status = RECSYS_OK;
    for (int64_t done = 0; status >= 0 && done < users; done += x->users) {
        int64_t chunk = users - done < x->users ? users - done : x->users;
        status = x->scores(x->x, x->m, x->c->self, x->needed + done, chunk, x->rows);
        if (status < 0)
            break;
        row_sums sums = sums_of_chunk(x, first, count, x->needed + done, chunk);
        sums.add = done > 0;
        status = recsys__mix_rows(x->x, x->rows, chunk, x->c->form == COLLIDING_PROBABILITY, &sums, x->sums);
    }
    return status;
}

recsys_status recsys__colliding_rank(recsys_exec *x, const recsys_model *m, const colliding *c, score_users scores,
                                     const int32_t *user, ranking *to)
{
    mixing mix = { .x = x, .m = m, .c = c, .scores = scores, .user = user, .n_items = to->n_items };
    recsys_status status = make_mixing(&mix, to->n_queries);
    for (int64_t first = 0; status >= 0 && first < to->n_queries; first += mix.queries) {
        int64_t count = to->n_queries - first < mix.queries ? to->n_queries - first : mix.queries;
        ranking lists = recsys__ranking_part(to, first, count);
        status = mix_block(&mix, first, count);
        if (status >= 0)
            status = recsys__rows_rank(x, mix.sums, &lists);
    }
    free_mixing(&mix);
    return status;
}

recsys_status recsys__colliding_score(recsys_exec *x, const recsys_model *m, const colliding *c, score_users scores,
                                      const int32_t *user, scoring *at)
{
    mixing mix = { .x = x, .m = m, .c = c, .scores = scores, .user = user, .n_items = at->n_items };
    float *room = NULL;
    recsys_status status = make_mixing(&mix, at->n_queries);
    if (status >= 0 && at->ptr != NULL)
        status = recsys__alloc(x->memory, &x->error, at->n_items, sizeof(float), &room);
    for (int64_t first = 0; status >= 0 && first < at->n_queries; first += mix.queries) {
        int64_t count = at->n_queries - first < mix.queries ? at->n_queries - first : mix.queries;
        status = mix_block(&mix, first, count);
        if (status >= 0)
            status = recsys__scores_of_rows(x, mix.sums, first, count, at, room);
    }
    recsys__free(x->memory, room);
    free_mixing(&mix);
    return status;
}
