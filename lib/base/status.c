/* status.c - the registry of status codes: number, name, meaning.
 *
 * The numbers are permanent and dense: code -k stands in row k. A new code goes to the end here and in
 * recsys/status.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/status.h>

typedef struct entry {
    const char *name, *text;
} entry;

#define ROW(code) [-(RECSYS_ERR_##code)]

static const entry registry[] = {
    [RECSYS_OK] = {"OK", "success"},
    ROW(INVALID_ARGUMENT) = {"INVALID_ARGUMENT", "an argument breaks the contract of the function"},
    ROW(STRUCT_SIZE) = {"STRUCT_SIZE", "a struct has the wrong size, or sets fields this library does not know"},
    ROW(NO_MEMORY) = {"NO_MEMORY", "the allocator returned no memory"},
    ROW(MEMORY_LIMIT) = {"MEMORY_LIMIT", "the work needs more memory than its limit allows"},
    ROW(CANCELLED) = {"CANCELLED", "cancelled"},
    ROW(UNKNOWN_MODEL) = {"UNKNOWN_MODEL", "no model has this name"},
    ROW(UNKNOWN_KEY) = {"UNKNOWN_KEY", "no such parameter, option word, metric or tensor"},
    ROW(OUT_OF_RANGE) = {"OUT_OF_RANGE", "a value or index is outside its range"},
    ROW(TYPE) = {"TYPE", "a value or id has the wrong type"},
    ROW(UNKNOWN_ID) = {"UNKNOWN_ID", "no user or item has this id"},
    ROW(UNKNOWN_COLUMN) = {"UNKNOWN_COLUMN", "a column is missing or its name is unknown"},
    ROW(FILE_NOT_FOUND) = {"FILE_NOT_FOUND", "the file or folder does not exist"},
    ROW(IO) = {"IO", "reading or writing failed"},
    ROW(PARSE) = {"PARSE", "malformed text"},
    ROW(COMPRESSED) = {"COMPRESSED", "a compressed file is damaged or cut short"},
    ROW(FILE_FORMAT) = {"FILE_FORMAT", "not a model file, or a malformed or truncated one"},
    ROW(FILE_VERSION) = {"FILE_VERSION", "the file was written by a newer library"},
    ROW(CHECKSUM) = {"CHECKSUM", "contents do not match their checksum"},
    ROW(DUPLICATE) = {"DUPLICATE", "the same user and item come twice"},
    ROW(EMPTY) = {"EMPTY", "nothing is left to work on"},
    ROW(TOO_LARGE) = {"TOO_LARGE", "a count or size does not fit"},
    ROW(NUMERIC) = {"NUMERIC", "not a finite number, or a matrix that is not positive definite"},
    ROW(UNSUPPORTED) = {"UNSUPPORTED", "the model or device cannot do this"},
    ROW(MISSING_DATA) = {"MISSING_DATA", "the data lacks a part that is needed"},
    ROW(DEVICE) = {"DEVICE", "the device is absent or failed"},
    ROW(BLAS) = {"BLAS", "the BLAS library in the process cannot be used"},
    ROW(INTERNAL) = {"INTERNAL", "an error inside the library"},
};

enum { COUNT = sizeof registry / sizeof registry[0] };

/* The row of a code, NULL outside the registry. INT32_MIN has no negative, hence the comparison first. */
static const entry *find(recsys_status status)
{
    return status > 0 || status <= -(recsys_status)COUNT ? NULL : &registry[-status];
}

const char *recsys_status_name(recsys_status status)
{
    const entry *found = find(status);
    return found ? found->name : "UNKNOWN";
}

const char *recsys_status_text(recsys_status status)
{
    const entry *found = find(status);
    return found ? found->text : "unknown status code";
}

int32_t recsys_status_count(void)
{
    return COUNT;
}
