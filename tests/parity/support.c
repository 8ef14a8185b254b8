/* support.c - prints which operations the device named by RECSYS_TEST_DEVICE has: a line of CSV each.
 *
 * support-cuda.csv beside this file is what the CUDA backend had; support.sh compares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/operations.h"
#include "base/exec.h"

static const struct {
    int32_t number;
    uint32_t size;
} operations[] = {
#define OP(number, NAME, name, formula) { OP_##NAME, sizeof(op_##name) },
#include "backend/ops.def"
#undef OP
};

int main(void)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.device = getenv("RECSYS_TEST_DEVICE");
    if (recsys_env_create(NULL, &env, &info) || recsys_exec_create(env, &options, &exec, &info)) {
        fprintf(stderr, "support: %s\n", info.message);
        return 1;
    }
    puts("operation,supported");
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        error e = { 0 };
        op o = { operations[i].number, operations[i].size };
        backend *b = exec->backend;
        printf("%s,%s\n", recsys__op_name(o.number), b->supports(b->self, &e, &o) ? "no" : "yes");
    }
    recsys_exec_release(exec);
    recsys_env_release(env);
    return 0;
}
