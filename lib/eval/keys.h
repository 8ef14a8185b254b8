/* keys.h - numbers as unsigned keys of the same order, for recsys__sort_u64().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_KEYS_H
#define EVAL_KEYS_H

#include <stdint.h>
#include <string.h>

/* Greater floats have greater keys; -0 and 0 have the same. Not for NaN. */
static inline uint32_t key_of_float(float value)
{
    uint32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
}

/* Greater numbers have greater keys, from which number_of_key() makes them again. For 0 and above only. */
static inline uint64_t key_of_number(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double number_of_key(uint64_t key)
{
    double value;
    memcpy(&value, &key, sizeof value);
    return value;
}

#endif
