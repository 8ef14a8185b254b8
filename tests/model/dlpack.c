/* dlpack.c - tests of arrays that come and go through DLPack: no copies, deleters, and what is refused.
 *
 * On a device with memory of its own the arrays are put there first, by the means of the library's inside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dlpack/dlpack.h>
#include <stdlib.h>
#include <string.h>

#include "backend/run.h"
#include "model/model.h"
#include "support/support.h"

enum { USERS = 4, ITEMS = 3, DIM = 2 };

/* An array on the exec's device, as another library would hold it. */
typedef struct array {
    DLManagedTensor tensor;
    recsys_exec *exec;
    int64_t shape[2];
    int gone; /* calls of the deleter */
} array;

static void delete_array(DLManagedTensor *t)
{
    array *a = t->manager_ctx;
    a->gone++;
    recsys__device_free(a->exec->backend, a->exec->memory, t->dl_tensor.data);
}

static DLDevice device_of(const recsys_exec *x)
{
    DLDevice cpu = { kDLCPU, 0 }, cuda = { kDLCUDA, 0 };
    return strcmp(x->backend->name, "cpu") == 0 ? cpu : cuda;
}

static void make_array(recsys_exec *x, array *a, const float *values, int64_t rows)
{
    memset(a, 0, sizeof *a);
    a->exec = x;
    a->shape[0] = rows;
    a->shape[1] = DIM;
    DLTensor *t = &a->tensor.dl_tensor;
    expect_ok(x, recsys__upload(x, values, rows * DIM * (int64_t)sizeof(float), &t->data));
    t->device = device_of(x);
    t->ndim = 2;
    t->dtype.code = kDLFloat;
    t->dtype.bits = 32;
    t->dtype.lanes = 1;
    t->shape = a->shape;
    a->tensor.manager_ctx = a;
    a->tensor.deleter = delete_array;
}

static const float user_values[USERS * DIM] = { 1, 0, 0, 1, 1, 1, -1, 2 }, item_values[ITEMS * DIM] = { 3, 1, 2, 2, -1, 4 };

static recsys_dataset *some_data(recsys_exec *x)
{
    const int64_t users[] = { 0, 1, 2, 3 }, items[] = { 0, 1, 2, 0 };
    return test_dataset_of(x, users, items, NULL, NULL, 4);
}

static void test_borrowed(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    array users, items;
    recsys_model *m, *copied;
    recsys_dataset *d = some_data(x);
    make_array(x, &users, user_values, USERS);
    make_array(x, &items, item_values, ITEMS);
    expect_ok(x, recsys_model_from_dlpack(d, x, &users.tensor, &items.tensor, NULL, &m));
    assert_ptr_equal(recsys__model_tensor(m, "user_embedding")->data, users.tensor.dl_tensor.data);
    expect_ok(x, recsys_model_from_embeddings(d, x, DIM, user_values, item_values, NULL, &copied));
    recsys_query q[USERS];
    float found[USERS * ITEMS], wanted[USERS * ITEMS];
    for (int u = 0; u < USERS; u++) {
        recsys_query one = RECSYS_QUERY_INIT;
        one.parts = RECSYS_QUERY_USER;
        one.user = u;
        q[u] = one;
    }
    expect_ok(x, recsys_model_score(m, x, q, USERS, found));
    expect_ok(x, recsys_model_score(copied, x, q, USERS, wanted));
    assert_memory_equal(found, wanted, sizeof found);
    recsys_model_retain(m);
    recsys_model_release(m);
    assert_int_equal(users.gone + items.gone, 0);
    recsys_model_release(m);
    assert_int_equal(users.gone, 1);
    assert_int_equal(items.gone, 1);
    recsys_model_release(copied);
    recsys_dataset_release(d);
}

/* Each change of the users' array, and what it gives. */
static void refuse(recsys_exec *x, const recsys_dataset *d, array *users, array *items, recsys_status wanted, const char *words)
{
    recsys_model *m = NULL;
    expect_error(x, recsys_model_from_dlpack(d, x, &users->tensor, &items->tensor, NULL, &m), wanted, words);
    assert_null(m);
    assert_int_equal(users->gone + items->gone, 0);
}

static void test_refused(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    array users, items;
    recsys_dataset *d = some_data(x);
    make_array(x, &users, user_values, USERS);
    make_array(x, &items, item_values, ITEMS);
    DLTensor *t = &users.tensor.dl_tensor, good = *t;
    int64_t strides[] = { 2 * DIM, 1 };
    t->dtype.bits = 64;
    refuse(x, d, &users, &items, RECSYS_ERR_TYPE, "user_embedding|float32");
    *t = good, t->dtype.code = kDLInt;
    refuse(x, d, &users, &items, RECSYS_ERR_TYPE, "float32");
    *t = good, t->ndim = 1;
    refuse(x, d, &users, &items, RECSYS_ERR_INVALID_ARGUMENT, "1 dimensions");
    *t = good, users.shape[0] = USERS + 1;
    refuse(x, d, &users, &items, RECSYS_ERR_INVALID_ARGUMENT, "5 x 2|wanted are 4 rows");
    users.shape[0] = USERS, t->strides = strides;
    refuse(x, d, &users, &items, RECSYS_ERR_INVALID_ARGUMENT, "gaps");
    *t = good, t->byte_offset = 4;
    refuse(x, d, &users, &items, RECSYS_ERR_INVALID_ARGUMENT, "aligned to 64");
    *t = good, t->device.device_type = kDLMetal;
    refuse(x, d, &users, &items, RECSYS_ERR_DEVICE, "DLPack device 8:0");
    *t = good, items.shape[1] = 1;
    refuse(x, d, &users, &items, RECSYS_ERR_INVALID_ARGUMENT, "item_embedding|as long as the users'");
    recsys_model *m;
    expect_error(x, recsys_model_from_dlpack(d, x, &users.tensor, &users.tensor, NULL, &m),
                 RECSYS_ERR_INVALID_ARGUMENT, "twice");
    delete_array(&users.tensor);
    delete_array(&items.tensor);
    recsys_dataset_release(d);
}

static void test_shown(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    recsys_model *m;
    DLManagedTensor *t;
    float found[ITEMS * DIM];
    recsys_dataset *d = some_data(x);
    expect_ok(x, recsys_model_from_embeddings(d, x, DIM, user_values, item_values, NULL, &m));
    recsys_dataset_release(d);
    expect_error(x, recsys_model_tensor_dlpack(m, x, "item_embeding", &t), RECSYS_ERR_UNKNOWN_KEY, "item_embedding");
    assert_null(t);
    expect_ok(x, recsys_model_tensor_dlpack(m, x, "item_embedding", &t));
    recsys_model_release(m); /* what is shown keeps it */
    assert_int_equal(t->dl_tensor.ndim, 2);
    assert_int_equal(t->dl_tensor.shape[0], ITEMS);
    assert_int_equal(t->dl_tensor.shape[1], DIM);
    assert_true(t->dl_tensor.dtype.code == kDLFloat && t->dl_tensor.dtype.bits == 32 && t->dl_tensor.dtype.lanes == 1);
    assert_int_equal(t->dl_tensor.device.device_type, device_of(x).device_type);
    expect_ok(x, recsys__download(x, found, t->dl_tensor.data, sizeof found));
    assert_memory_equal(found, item_values, sizeof found);
    t->deleter(t);
}

static int open_fixture(void **state)
{
    static fixture f;
    fixture_open(&f, 1);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_borrowed), cmocka_unit_test(test_refused),
                                        cmocka_unit_test(test_shown) };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
