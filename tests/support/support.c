/* support.c - the shared tools of the tests; see support.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In front of each block, at a distance that keeps the block's alignment. */
typedef struct block_head {
    uint64_t mark;
    size_t size, alignment;
} block_head;

static const uint64_t BLOCK_MARK = 0x9d3fa17c5be20468u;

static size_t head_room(size_t alignment)
{
    return alignment > sizeof(block_head) ? alignment : (sizeof(block_head) + alignment - 1) / alignment * alignment;
}

static void *heap_alloc(void *user, size_t size, size_t alignment)
{
    test_heap *heap = user;
    long long call = atomic_fetch_add(&heap->calls, 1) + 1;
    long long fail_at = atomic_load(&heap->fail_at);
    int fails = fail_at && (call == fail_at || (call > fail_at && atomic_load(&heap->fail_after_too)));
    size_t room = head_room(alignment);
    void *base = NULL;
    if (fails || size == 0 || size > SIZE_MAX - room ||
        posix_memalign(&base, alignment < sizeof(void *) ? sizeof(void *) : alignment, room + size)) {
        atomic_fetch_add(&heap->refused, 1);
        return NULL;
    }
    unsigned char *block = (unsigned char *)base + room;
    block_head head = { BLOCK_MARK, size, alignment };
    memcpy(block - sizeof head, &head, sizeof head);
    memset(block, 0xa5, size);
    atomic_fetch_add(&heap->blocks, 1);
    atomic_fetch_add(&heap->bytes, (long long)size);
    return block;
}

static void heap_free(void *user, void *memory, size_t size, size_t alignment)
{
    test_heap *heap = user;
    unsigned char *block = memory;
    block_head head;
    memcpy(&head, block - sizeof head, sizeof head);
    if (head.mark != BLOCK_MARK || head.size != size || head.alignment != alignment) {
        atomic_fetch_add(&heap->broken_frees, 1);
        return;
    }
    atomic_fetch_sub(&heap->blocks, 1);
    atomic_fetch_sub(&heap->bytes, (long long)size);
    memset(block - sizeof head, 0x5a, sizeof head);
    free(block - head_room(alignment));
}

void test_heap_init(test_heap *heap)
{
    atomic_init(&heap->calls, 0);
    atomic_init(&heap->refused, 0);
    atomic_init(&heap->blocks, 0);
    atomic_init(&heap->bytes, 0);
    atomic_init(&heap->fail_at, 0);
    atomic_init(&heap->fail_after_too, 0);
    atomic_init(&heap->broken_frees, 0);
    heap->allocator.struct_size = sizeof heap->allocator;
    heap->allocator.alloc = heap_alloc;
    heap->allocator.free = heap_free;
    heap->allocator.user = heap;
}

void test_heap_fail(test_heap *heap, int64_t n, int after_too)
{
    atomic_store(&heap->refused, 0);
    atomic_store(&heap->fail_after_too, after_too);
    atomic_store(&heap->fail_at, n ? atomic_load(&heap->calls) + n : 0);
}

static int is_late(void)
{
    const char *device = getenv("RECSYS_TEST_DEVICE");
    return device != NULL && strcmp(device, "late") == 0;
}

void fixture_open(fixture *f, int32_t threads)
{
    test_heap_init(&f->heap);
    f->env = NULL;
    f->exec = NULL;
    f->late = is_late() ? late_open() : NULL;
    recsys_env_options env = RECSYS_ENV_OPTIONS_INIT;
    env.allocator = &f->heap.allocator;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (recsys_env_create(&env, &f->env, &error)) fail_msg("no environment: %s", error.message);
    f->exec = fixture_exec(f, threads, 0, 0);
    const char *parent = getenv("TMPDIR");
    if (!parent || strlen(parent) > 24) parent = "/tmp";
    snprintf(f->folder, sizeof f->folder, "%s/recsys-test-XXXXXX", parent);
    if (!mkdtemp(f->folder)) fail_msg("cannot make a temporary folder in %s", parent);
}

recsys_exec *fixture_exec(fixture *f, int32_t threads, int64_t memory_limit, uint64_t seed)
{
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.threads = threads;
    options.memory_limit = memory_limit;
    options.seed = seed;
    options.device = f->late ? NULL : getenv("RECSYS_TEST_DEVICE"); /* NULL: the processor */
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_exec *exec = NULL;
    if (recsys_exec_create(f->env, &options, &exec, &error)) fail_msg("no exec: %s", error.message);
    if (f->late) late_add(f->late, exec);
    return exec;
}

void fixture_close(fixture *f)
{
    recsys_exec_release(f->exec);
    recsys_env_release(f->env);
    if (f->late) late_close(f->late);
    test_remove_folder(f->folder);
    assert_int_equal(atomic_load(&f->heap.blocks), 0);
    assert_int_equal(atomic_load(&f->heap.bytes), 0);
    assert_int_equal(atomic_load(&f->heap.broken_frees), 0);
}

const char *fixture_path(const fixture *f, const char *name, char path[TEST_PATH_ROOM])
{
    int length = snprintf(path, TEST_PATH_ROOM, "%s/%s", f->folder, name);
    if (length < 0 || length >= TEST_PATH_ROOM) fail_msg("the name %s is too long", name);
    return path;
}

static int is_entry(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int64_t test_entries(const char *folder)
{
    DIR *listing = opendir(folder);
    if (!listing) fail_msg("cannot list %s", folder);
    int64_t count = 0;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) count += is_entry(entry->d_name);
    closedir(listing);
    return count;
}

int64_t fixture_entries(const fixture *f)
{
    return test_entries(f->folder);
}

void test_write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("cannot write %s", path);
    size_t written = size ? fwrite(bytes, 1, size, file) : 0;
    if (fclose(file) || written != size) fail_msg("cannot write %s", path);
}

void test_write_text(const char *path, const char *text)
{
    test_write_file(path, text, strlen(text));
}

unsigned char *test_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (!file || fstat(fileno(file), &about)) fail_msg("cannot read %s", path);
    *size = (size_t)about.st_size;
    unsigned char *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, file) != *size) fail_msg("cannot read %s", path);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

void test_remove_folder(const char *folder)
{
    DIR *listing = opendir(folder);
    if (!listing) return;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (!is_entry(entry->d_name)) continue;
        char path[1024];
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (!lstat(path, &about) && S_ISDIR(about.st_mode))
            test_remove_folder(path);
        else
            unlink(path);
    }
    closedir(listing);
    rmdir(folder);
}

/* splitmix64: Steele et al., "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014. */
uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double test_random_unit(uint64_t *state)
{
    return (double)(test_random(state) >> 11) / 9007199254740992.0;
}

/* One event in the making: the arrays that recsys_events points to hold one element each. */
typedef struct one_event {
    int64_t user, item, time;
    char user_name[24], item_name[24];
    const char *user_text, *item_text, *behaviour;
    float value;
} one_event;

static recsys_status append_event(recsys_dataset_builder *builder, one_event *o, int flags)
{
    static const char *const words[] = { "view", "cart", "buy" };
    snprintf(o->user_name, sizeof o->user_name, "u%" PRId64, o->user);
    snprintf(o->item_name, sizeof o->item_name, "i%" PRId64, o->item);
    o->user_text = o->user_name;
    o->item_text = o->item_name;
    o->behaviour = words[(o->user + o->item) % 3];
    recsys_events events = RECSYS_EVENTS_INIT;
    events.count = 1;
    if (flags & TEST_STRINGS) {
        events.user_names = &o->user_text;
        events.item_names = &o->item_text;
    } else {
        events.user_ids = &o->user;
        events.item_ids = &o->item;
    }
    if (flags & TEST_VALUES) events.values = &o->value;
    if (flags & TEST_TIMES) events.times = &o->time;
    if (flags & TEST_BEHAVIOURS) events.behaviours = &o->behaviour;
    return recsys_dataset_builder_append(builder, &events);
}

/* Events of one user: items of the user's own third are three times as likely as others. */
static recsys_status append_user(recsys_dataset_builder *builder, int64_t user, int64_t n_items, int64_t per_user, int flags,
                                 uint64_t *random, unsigned char *met)
{
    int64_t events = per_user / 2 + (int64_t)(test_random_unit(random) * (double)(per_user + 1));
    if (events < 1) events = 1;
    memset(met, 0, (size_t)n_items);
    recsys_status status = RECSYS_OK;
    for (int64_t e = 0; e < events && !status; e++) {
        one_event o = { .user = user };
        o.item = (int64_t)(test_random_unit(random) * (double)n_items);
        if (test_random_unit(random) < 0.5) o.item -= (o.item % 3) - (user % 3);
        if (o.item >= n_items) o.item = n_items - 1;
        o.value = (float)(2 + test_random(random) % 9) / 2.0f;
        o.time = (int64_t)(test_random(random) % 1000000) * 100000 + user * per_user * 2 + e;
        if (met[o.item] && !(flags & TEST_REPEATS)) continue;
        met[o.item] = 1;
        status = append_event(builder, &o, flags);
    }
    return status;
}

recsys_status test_make_dataset(recsys_exec *exec, int64_t n_users, int64_t n_items, int64_t per_user, int flags,
                                uint64_t seed, recsys_dataset **dataset)
{
    *dataset = NULL;
    recsys_dataset_builder *builder;
    recsys_status status = recsys_dataset_builder_create(exec, NULL, &builder);
    if (status) return status;
    unsigned char *met = malloc((size_t)n_items);
    uint64_t random = seed;
    for (int64_t user = 0; user < n_users && met && !status; user++)
        status = append_user(builder, user, n_items, per_user, flags, &random, met);
    if (!status) status = recsys_dataset_builder_finish(builder, dataset);
    free(met);
    recsys_dataset_builder_release(builder);
    return status;
}

recsys_dataset *test_random_dataset(recsys_exec *exec, int64_t n_users, int64_t n_items, int64_t per_user, int flags,
                                    uint64_t seed)
{
    recsys_dataset *dataset;
    expect_ok(exec, test_make_dataset(exec, n_users, n_items, per_user, flags, seed, &dataset));
    return dataset;
}

recsys_dataset *test_dataset_of(recsys_exec *exec, const int64_t *users, const int64_t *items, const float *values,
                                const int64_t *times, int64_t count)
{
    recsys_events events = RECSYS_EVENTS_INIT;
    events.count = count;
    events.user_ids = users;
    events.item_ids = items;
    events.values = values;
    events.times = times;
    recsys_dataset_builder *builder = NULL;
    recsys_dataset *dataset = NULL;
    expect_ok(exec, recsys_dataset_builder_create(exec, NULL, &builder));
    expect_ok(exec, recsys_dataset_builder_append(builder, &events));
    expect_ok(exec, recsys_dataset_builder_finish(builder, &dataset));
    recsys_dataset_builder_release(builder);
    return dataset;
}

/* Whether `message` holds each of the words between the bars. */
static int holds_words(const char *message, const char *words)
{
    char word[256];
    while (words && *words) {
        size_t length = strcspn(words, "|");
        if (length >= sizeof word) return 0;
        memcpy(word, words, length);
        word[length] = '\0';
        if (!strstr(message, word)) return 0;
        words += length;
        if (*words == '|') words++;
    }
    return 1;
}

void test_expect(const recsys_exec *exec, recsys_status status, recsys_status wanted, const char *words, const char *call,
                 const char *file, int line)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status) recsys_exec_last_error(exec, &error);
    if (status == wanted && holds_words(error.message, words)) {
        if (!status || error.status == status) return;
        print_error("%s:%d: %s: the exec's last error is %s, not %s\n", file, line, call, recsys_status_name(error.status),
                    recsys_status_name(status));
    } else {
        print_error("%s:%d: %s\n    gives %s \"%s\"\n    not   %s \"%s\"\n", file, line, call, recsys_status_name(status),
                    error.message, recsys_status_name(wanted), words ? words : "");
    }
    _fail(file, line);
}
