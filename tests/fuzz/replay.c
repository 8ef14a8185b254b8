/* replay.c - runs a fuzz target without a fuzzer: on the files it is given, on all prefixes and many small changes of
 * them, and on a few made-up inputs. Makes the corpus an ordinary test.
 *
 * replay [-n CHANGES] FILE-OR-FOLDER...
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long changes = 2000;
static long runs;

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* From a block of exactly this size, so that a sanitizer sees a read beyond it. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    runs++;
}

/* One to four changes at random places: bits, bytes, digits, pieces moved about or taken out. */
static size_t change(uint8_t *data, size_t size, uint64_t *random)
{
    static const uint8_t bytes[] = { 0, 1, 0x7f, 0x80, 0xff, '"', '{', '[', ',', '-', '9' };
    for (uint64_t n = next(random) % 4 + 1; n > 0 && size > 0; n--) {
        size_t at = next(random) % size, to = next(random) % size, length = next(random) % 16 + 1;
        if (length > size - at) length = size - at;
        if (length > size - to) length = size - to;
        switch (next(random) % 6) {
        case 0: data[at] ^= (uint8_t)(1u << next(random) % 8); break;
        case 1: data[at] = (uint8_t)next(random); break;
        case 2: data[at] = bytes[next(random) % sizeof bytes]; break;
        case 3: memmove(data + to, data + at, length); break;
        case 4: data[at] = (uint8_t)('0' + next(random) % 10); break;
        default:
            memmove(data + at, data + at + length, size - at - length);
            size -= length;
        }
    }
    return size;
}

static void replay_bytes(const uint8_t *data, size_t size)
{
    run(data, size);
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    size_t step = size / 500 + 1;
    for (size_t length = 0; length < size; length += step) run(data, length);
    uint64_t random = 0x2545f4914f6cdd1du;
    for (long c = 0; c < changes; c++) {
        memcpy(copy, data, size);
        /* Half of the changes go to the front, where the headers are. */
        size_t reach = c % 2 && size > 2048 ? 2048 : size, changed = change(copy, reach, &random);
        memmove(copy + changed, copy + reach, size - reach);
        run(copy, size - reach + changed);
    }
    free(copy);
}

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (!file || fstat(fileno(file), &about)) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    size_t size = (size_t)about.st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) abort();
    fclose(file);
    replay_bytes(data, size);
    free(data);
}

static void replay_path(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        replay_file(path);
        return;
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char below[4096];
        if (entry->d_name[0] == '.') continue;
        if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= (int)sizeof below) continue;
        replay_path(below);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        changes = strtol(argv[2], NULL, 10);
        first = 3;
    }
    uint8_t spaces[64];
    memset(spaces, ' ', sizeof spaces);
    for (size_t size = 0; size <= sizeof spaces; size += 8) run(spaces, size);
    for (int a = first; a < argc; a++) replay_path(argv[a]);
    printf("%ld inputs\n", runs);
    return 0;
}
