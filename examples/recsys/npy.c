/* npy.c - format 1.0 of .npy: eight bytes of magic and version, the length of the head, a Python dict of type, order
 * and shape, spaces and a newline so that the data begins at a multiple of 64.
 *
 *   93 'N' 'U' 'M' 'P' 'Y' 01 00 | 76 00 | {'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }     \n | data
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"

#include <stdint.h>

size_t npy_element_size(int32_t dtype)
{
    return dtype == RECSYS_F32 ? sizeof(float) : dtype == RECSYS_I32 ? sizeof(int32_t) : dtype == RECSYS_I64 ? sizeof(int64_t) : 0;
}

void npy_write_head(FILE *file, const recsys_tensor_info *info)
{
    enum { MAGIC = 8, LENGTH = 2, ALIGNMENT = 64 };
    const char *type = info->dtype == RECSYS_F32 ? "f4" : info->dtype == RECSYS_I32 ? "i4" : "i8";
    const uint16_t probe = 1;
    char order = *(const unsigned char *)&probe == 1 ? '<' : '>'; /* tensors come in the machine's own order */
    char text[256];
    int length = snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, type);
    for (int32_t d = 0; d < info->rank; d++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%lld,%s", (long long)info->shape[d],
                           d + 1 < info->rank ? " " : "");
    length += snprintf(text + length, sizeof text - (size_t)length, "), }");
    int whole = (MAGIC + LENGTH + length + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - MAGIC - LENGTH;
    fwrite("\x93NUMPY\x01\x00", 1, MAGIC, file);
    fputc(whole & 0xFF, file);
    fputc(whole >> 8, file);
    fprintf(file, "%s%*s\n", text, whole - length - 1, "");
}
