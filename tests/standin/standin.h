/* standin.h - enough of CUDA to run the kernels of kernels/cuda on the host, one block after the other.
 *
 * For tests only: it shows that indices, bounds, arithmetic and the order of sums are right, where no GPU is at hand. It says
 * nothing about speed, nor about races between blocks, which it does not run at once.
 *
 * The threads of a block are fibres of one system thread, so shared memory and barriers mean what they say: a thread runs
 * until it ends or waits, then the next. Threads that never wait cost no more than a call. Threads that have ended count as
 * arrived at a barrier; one that waits for ever ends the process with words. A warp goes as far as it can before the next one moves, so what
 * a missing barrier leaves unwritten is read as it was. "Device" memory is the host's, full of NaN when new.
 *
 * Environment, read when it matters: STANDIN_DEVICES (1), STANDIN_MEMORY (bytes of a device, 4 GiB), STANDIN_LOST_AT (the
 * launch, counted from 1 over the process, that loses the device; 0: none), STANDIN_DRIVER (13000; 0: no driver), STANDIN_ORDER
 * (1: blocks and warps from the last to the first).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STANDIN_H
#define TESTS_STANDIN_H

#include <cstddef>
#include <cstdint>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __restrict__
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __shared__ static thread_local

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
static inline float4 make_float4(float x, float y, float z, float w)
{
    return float4{ x, y, z, w };
}

struct standin_stream;

namespace standin {

/* Where the running thread is. */
struct place {
    uint3 thread, block;
    dim3 threads, blocks;
};
extern thread_local place here;

typedef void (*call)(const void *work);
void launch(dim3 blocks, dim3 threads, size_t shared, standin_stream *stream, call f, const void *work);
void *shared_room();
void wait_block();
void wait_warp(unsigned mask);
uint64_t exchange(unsigned mask, uint64_t value, int from_lane); /* what the lane `from_lane` of the warp gave */
unsigned ballot(unsigned mask, int predicate);

template <typename F> void launch_lambda(dim3 blocks, dim3 threads, size_t shared, standin_stream *stream, const F &f)
{
    launch(blocks, threads, shared, stream, [](const void *work) { (*static_cast<const F *>(work))(); }, &f);
}

template <typename T> T shuffle(unsigned mask, T value, int from_lane)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle carries 8 bytes");
    uint64_t word = 0;
    __builtin_memcpy(&word, &value, sizeof value);
    word = exchange(mask, word, from_lane);
    __builtin_memcpy(&value, &word, sizeof value);
    return value;
}

static inline int lane()
{
    return (int)((here.thread.x + here.threads.x * (here.thread.y + here.threads.y * here.thread.z)) % 32);
}

} // namespace standin

#define threadIdx (standin::here.thread)
#define blockIdx (standin::here.block)
#define blockDim (standin::here.threads)
#define gridDim (standin::here.blocks)

#define LAUNCH(kernel, blocks, threads, shared, c, ...) \
    standin::launch_lambda((blocks), (threads), (shared), cuda_queue(c)->stream, [=]() { kernel(__VA_ARGS__); })
#define SHARED_ROOM(type, name) type *name = static_cast<type *>(standin::shared_room())

static inline void __syncthreads()
{
    standin::wait_block();
}
static inline void __syncwarp(unsigned mask = 0xffffffffu)
{
    standin::wait_warp(mask);
}
template <typename T> T __shfl_sync(unsigned mask, T value, int lane, int width = 32)
{
    int base = standin::lane() / width * width;
    return standin::shuffle(mask, value, base + lane % width);
}
template <typename T> T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32)
{
    int own = standin::lane(), from = own ^ lanes;
    return standin::shuffle(mask, value, from / width == own / width ? from : own);
}
template <typename T> T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32)
{
    int own = standin::lane(), from = own + (int)by;
    return standin::shuffle(mask, value, from / width == own / width ? from : own);
}
template <typename T> T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32)
{
    int own = standin::lane(), from = own - (int)by;
    return standin::shuffle(mask, value, from >= 0 && from / width == own / width ? from : own);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    return standin::ballot(mask, predicate);
}
static inline int __all_sync(unsigned mask, int predicate)
{
    return standin::ballot(mask, predicate) == mask;
}

/* Blocks and fibres run one at a time, so plain code is atomic. */
template <typename T, typename V> T atomicAdd(T *p, V v)
{
    T old = *p;
    *p = (T)(old + (T)v);
    return old;
}
template <typename T, typename V> T atomicMax(T *p, V v)
{
    T old = *p;
    if ((T)v > old) *p = (T)v;
    return old;
}
template <typename T, typename V> T atomicMin(T *p, V v)
{
    T old = *p;
    if ((T)v < old) *p = (T)v;
    return old;
}
template <typename T, typename V> T atomicOr(T *p, V v)
{
    T old = *p;
    *p = old | (T)v;
    return old;
}

static inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}
template <typename T> T __ldg(const T *p)
{
    return *p;
}
static inline int __float_as_int(float x)
{
    int i;
    __builtin_memcpy(&i, &x, sizeof i);
    return i;
}
static inline float __int_as_float(int i)
{
    float x;
    __builtin_memcpy(&x, &i, sizeof x);
    return x;
}
static inline unsigned __float_as_uint(float x)
{
    return (unsigned)__float_as_int(x);
}
static inline float __uint_as_float(unsigned i)
{
    return __int_as_float((int)i);
}

#endif
