/* standin.cc - the stand-in's blocks of fibres, and its memory, streams and devices; see standin.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <cuda_runtime.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "context.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define FIBRE_LEAVES(fake, bottom, size) __sanitizer_start_switch_fiber(fake, bottom, size)
#define FIBRE_COMES(fake) __sanitizer_finish_switch_fiber(fake, nullptr, nullptr)
#else
#define FIBRE_LEAVES(fake, bottom, size) ((void)(fake), (void)(bottom), (void)(size))
#define FIBRE_COMES(fake) ((void)(fake))
#endif

struct standin_stream {
    int device;
};
struct standin_event {
    int recorded;
};

namespace {

[[noreturn]] void stop(const char *words)
{
    fprintf(stderr, "stand-in: %s\n", words);
    abort();
}

int64_t setting(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text && text[0] ? strtoll(text, nullptr, 10) : otherwise;
}

/* ---- devices ---- */

std::atomic<int64_t> launches{ 0 };
std::atomic<bool> lost{ false };
thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t result(cudaError_t e)
{
    if (lost) e = cudaErrorLaunchFailure;
    if (e != cudaSuccess) last_error = e;
    return e;
}

void count_launch()
{
    int64_t at = setting("STANDIN_LOST_AT", 0);
    if (at > 0 && ++launches >= at) lost = true;
    if (lost) last_error = cudaErrorLaunchFailure;
}

/* ---- fibres ---- */

constexpr size_t STACK = 128 << 10;
constexpr int WARP = 32;

enum state { UNBORN, READY, AT_BLOCK, AT_WARP, ENDED };

struct fibre {
    struct context context;
    std::unique_ptr<char[]> stack;
    void *fake = nullptr; /* of the address sanitizer */
    int thread = -1;
};

struct lane_slot {
    uint64_t value[2];
    int parity;
};

struct block_run {
    standin::call work_call;
    const void *work;
    dim3 threads;
    int n, unborn, alive;
    std::vector<int> order; /* of beginning; `unborn` counts in it */
    std::vector<state> states;
    std::vector<unsigned> masks;    /* what a thread at a warp's barrier waits for */
    std::vector<lane_slot> slots;
    std::vector<fibre *> fibre_of;
};

/* Kept for the next block: a stack for each thread that ever waited. */
struct world {
    struct context main;
    void *main_fake = nullptr;
    const void *main_bottom = nullptr;
    size_t main_size = 0;
    std::vector<std::unique_ptr<fibre>> all;
    std::vector<fibre *> free_fibres;
    block_run run;
    fibre *now = nullptr;
    std::vector<unsigned char> room;
};
thread_local world w;

void set_place(int t)
{
    unsigned x = w.run.threads.x, y = w.run.threads.y;
    standin::here.thread = uint3{ (unsigned)t % x, (unsigned)t / x % y, (unsigned)t / (x * y) };
}

/* Leaves the running fibre for the loop of run_block(). */
void to_main(fibre *f, bool for_good)
{
    FIBRE_LEAVES(for_good ? nullptr : &f->fake, w.main_bottom, w.main_size);
    context_switch(&f->context, &w.main);
    FIBRE_COMES(f->fake);
}

/* Gives a fibre the next thread that has not begun. */
void begin_thread(fibre *f)
{
    block_run &r = w.run;
    f->thread = r.order[(size_t)r.unborn++];
    r.states[(size_t)f->thread] = READY;
    r.fibre_of[(size_t)f->thread] = f;
}

/* A fibre runs thread after thread: as long as they end without waiting, nothing is switched. */
void fibre_body()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(w.now->fake, &w.main_bottom, &w.main_size);
#endif
    fibre *self = w.now;
    for (;;) {
        block_run &r = w.run;
        set_place(self->thread);
        r.work_call(r.work);
        r.states[(size_t)self->thread] = ENDED;
        r.alive--;
        if (r.unborn < r.n) {
            begin_thread(self);
            continue;
        }
        self->thread = -1;
        w.free_fibres.push_back(self);
        to_main(self, false); /* used again for a later block */
    }
}

fibre *take_fibre()
{
    if (!w.free_fibres.empty()) {
        fibre *f = w.free_fibres.back();
        w.free_fibres.pop_back();
        return f;
    }
    w.all.emplace_back(new fibre);
    fibre *f = w.all.back().get();
    f->stack.reset(new char[STACK]);
    context_make(&f->context, f->stack.get(), STACK, fibre_body);
    return f;
}

void resume(fibre *f)
{
    w.now = f;
    set_place(f->thread);
    FIBRE_LEAVES(&w.main_fake, f->stack.get(), STACK);
    context_switch(&w.main, &f->context);
    FIBRE_COMES(w.main_fake);
}

/* Lets those go on whose barrier everybody alive has reached. Whether there was any. */
bool release_block()
{
    block_run &r = w.run;
    int waiting = 0;
    for (state s : r.states) waiting += s == AT_BLOCK;
    if (waiting == 0 || waiting < r.alive) return false;
    for (state &s : r.states)
        if (s == AT_BLOCK) s = READY;
    return true;
}

bool release_warp(int first)
{
    block_run &r = w.run;
    int last = first + WARP < r.n ? first + WARP : r.n;
    bool any = false;
    for (int t = first; t < last; t++) {
        if (r.states[(size_t)t] != AT_WARP) continue;
        unsigned mask = r.masks[(size_t)t];
        bool all = true;
        for (int o = first; o < last; o++)
            if (mask >> (o - first) & 1u) {
                state s = r.states[(size_t)o];
                all = all && (s == ENDED || (s == AT_WARP && r.masks[(size_t)o] == mask));
            }
        if (!all) continue;
        for (int o = first; o < last; o++)
            if ((mask >> (o - first) & 1u) && r.states[(size_t)o] == AT_WARP) r.states[(size_t)o] = READY;
        any = true;
    }
    return any;
}

/* Runs a warp as far as it gets without the others of its block. Whether it moved at all. */
bool run_warp(int first)
{
    block_run &r = w.run;
    int last = first + WARP < r.n ? first + WARP : r.n;
    bool moved = false, going = true;
    while (going) {
        going = false;
        for (int t = first; t < last; t++)
            if (r.states[(size_t)t] == READY) {
                resume(r.fibre_of[(size_t)t]);
                moved = going = true;
            }
        going = release_warp(first) || going;
    }
    return moved;
}

/* The threads in the order in which they begin: warp after warp, from the last one where `back` is true. */
void order_threads(block_run *r, bool back)
{
    int warps = (r->n + WARP - 1) / WARP;
    r->order.clear();
    for (int k = 0; k < warps; k++) {
        int first = (back ? warps - 1 - k : k) * WARP;
        for (int t = first; t < first + WARP && t < r->n; t++) r->order.push_back(t);
    }
}

void run_block(dim3 threads, bool back, standin::call f, const void *work)
{
    block_run &r = w.run;
    r.work_call = f;
    r.work = work;
    r.threads = threads;
    r.n = r.alive = (int)(threads.x * threads.y * threads.z);
    r.unborn = 0;
    r.states.assign((size_t)r.n, UNBORN);
    r.masks.assign((size_t)r.n, 0);
    r.slots.assign((size_t)r.n, lane_slot{ { 0, 0 }, 0 });
    r.fibre_of.assign((size_t)r.n, nullptr);
    order_threads(&r, back);
    while (r.alive > 0) {
        bool moved = false;
        for (int at = 0; at < r.n;) {
            int first = r.order[(size_t)at] / WARP * WARP, end = at + (r.n - first < WARP ? r.n - first : WARP);
            while (r.unborn < end) {
                fibre *born = take_fibre();
                begin_thread(born);
                resume(born);
                moved = true;
            }
            moved = run_warp(first) || moved;
            at = end;
        }
        moved = release_block() || moved;
        if (!moved && r.alive > 0) stop("threads of a block wait for each other at different places");
    }
}

int own_index()
{
    return w.now->thread;
}

void wait_as(state s)
{
    fibre *f = w.now;
    w.run.states[(size_t)f->thread] = s;
    to_main(f, false);
}

/* ---- memory ---- */

constexpr size_t GUARD = 256;
constexpr unsigned char GUARD_BYTE = 0xc5;

struct piece {
    char *base;
    size_t bytes;
    int device;
};

std::mutex lock;

std::unordered_map<void *, piece> &pieces()
{
    static std::unordered_map<void *, piece> all;
    return all;
}

size_t held(int device)
{
    size_t sum = 0;
    for (const auto &p : pieces())
        if (p.second.device == device) sum += p.second.bytes;
    return sum;
}

size_t capacity()
{
    return (size_t)setting("STANDIN_MEMORY", (int64_t)4 << 30);
}

} // namespace

namespace standin {

thread_local place here;

void launch(dim3 blocks, dim3 threads, size_t shared, standin_stream *stream, call f, const void *work)
{
    count_launch();
    if (lost) return;
    if (stream && stream->device != current_device) stop("a launch into the stream of another device");
    if (threads.x * threads.y * threads.z > 1024 || shared > 227 * 1024)
        stop("a launch with too many threads or too much shared memory");
    place before = here;
    here.blocks = blocks;
    here.threads = threads;
    if (w.room.size() < shared) w.room.resize(shared);
    bool back = setting("STANDIN_ORDER", 0) == 1;
    for (unsigned z = 0; z < blocks.z; z++)
        for (unsigned y = 0; y < blocks.y; y++)
            for (unsigned x = 0; x < blocks.x; x++) {
                here.block = back ? uint3{ blocks.x - 1 - x, blocks.y - 1 - y, blocks.z - 1 - z } : uint3{ x, y, z };
                if (shared) memset(w.room.data(), 0x7f, shared);
                run_block(threads, back, f, work);
            }
    here = before;
}

void *shared_room()
{
    return w.room.data();
}

void wait_block()
{
    int t = own_index();
    wait_as(AT_BLOCK);
    set_place(t);
}

void wait_warp(unsigned mask)
{
    int t = own_index();
    if (!(mask >> (t % WARP) & 1u)) stop("a thread waits with a mask that it is not in");
    w.run.masks[(size_t)t] = mask;
    wait_as(AT_WARP);
    set_place(t);
}

/* A lane is at most one exchange ahead of the others, so two places for its value are enough. */
uint64_t exchange(unsigned mask, uint64_t value, int from_lane)
{
    int t = own_index(), from = t / WARP * WARP + from_lane;
    lane_slot &own = w.run.slots[(size_t)t];
    int parity = own.parity;
    own.value[parity] = value;
    own.parity = 1 - parity;
    wait_warp(mask);
    bool there = from < w.run.n && (mask >> from_lane & 1u);
    return there ? w.run.slots[(size_t)from].value[parity] : value;
}

unsigned ballot(unsigned mask, int predicate)
{
    unsigned all = 0;
    int t = own_index(), first = t / WARP * WARP;
    lane_slot &own = w.run.slots[(size_t)t];
    int parity = own.parity;
    own.value[parity] = predicate != 0;
    own.parity = 1 - parity;
    wait_warp(mask);
    for (int l = 0; l < WARP && first + l < w.run.n; l++)
        if ((mask >> l & 1u) && w.run.slots[(size_t)(first + l)].value[parity]) all |= 1u << l;
    return all;
}

} // namespace standin

/* ---- the run-time ---- */

const char *cudaGetErrorName(cudaError_t e)
{
    switch (e) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver: return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    default: return "cudaErrorInvalidValue";
    }
}

const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaErrorLaunchFailure ? "unspecified launch failure" : cudaGetErrorName(e);
}

cudaError_t cudaGetLastError()
{
    cudaError_t e = lost ? cudaErrorLaunchFailure : last_error;
    last_error = cudaSuccess;
    return e;
}

cudaError_t cudaGetDeviceCount(int *n)
{
    if (setting("STANDIN_DRIVER", 13000) < CUDART_VERSION) return cudaErrorInsufficientDriver;
    *n = (int)setting("STANDIN_DEVICES", 1);
    return *n > 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = (int)setting("STANDIN_DRIVER", 13000);
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *about, int device)
{
    int n = 0;
    if (cudaGetDeviceCount(&n) != cudaSuccess || device < 0 || device >= n) return result(cudaErrorInvalidDevice);
    memset(about, 0, sizeof *about);
    snprintf(about->name, sizeof about->name, "host stand-in");
    about->major = 9;
    about->totalGlobalMem = capacity();
    about->multiProcessorCount = 4;
    about->sharedMemPerBlock = 48 << 10;
    about->sharedMemPerBlockOptin = 227 << 10;
    return result(cudaSuccess);
}

cudaError_t cudaGetDevice(int *device)
{
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    if (device < 0 || device >= setting("STANDIN_DEVICES", 1)) return result(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    *p = nullptr;
    if (result(cudaSuccess) != cudaSuccess) return cudaErrorLaunchFailure;
    std::lock_guard<std::mutex> hold(lock);
    void *base = nullptr;
    if (bytes > capacity() - held(current_device) || posix_memalign(&base, GUARD, bytes + 2 * GUARD))
        return result(cudaErrorMemoryAllocation);
    char *all = static_cast<char *>(base);
    memset(all, GUARD_BYTE, bytes + 2 * GUARD);
    for (size_t i = 0; i < bytes; i++) all[GUARD + i] = i % 2 ? 0x7f : (char)0xf9;
    *p = all + GUARD;
    pieces()[*p] = piece{ all, bytes, current_device };
    return cudaSuccess;
}

static void check_guards(const piece &p)
{
    for (size_t i = 0; i < GUARD; i++)
        if ((unsigned char)p.base[i] != GUARD_BYTE || (unsigned char)p.base[GUARD + p.bytes + i] != GUARD_BYTE)
            stop("something was written before or behind a block of device memory");
}

cudaError_t cudaFree(void *p)
{
    if (!p) return result(cudaSuccess);
    std::lock_guard<std::mutex> hold(lock);
    auto at = pieces().find(p);
    if (at == pieces().end()) stop("memory is given back that was never taken");
    check_guards(at->second);
    free(at->second.base);
    pieces().erase(at);
    return result(cudaSuccess);
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    *p = malloc(bytes);
    return result(*p ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void *p)
{
    free(p);
    return result(cudaSuccess);
}

cudaError_t cudaMemGetInfo(size_t *left, size_t *all)
{
    std::lock_guard<std::mutex> hold(lock);
    *all = capacity();
    *left = *all - held(current_device);
    return result(cudaSuccess);
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind)
{
    if (result(cudaSuccess) != cudaSuccess) return cudaErrorLaunchFailure;
    if (bytes) memmove(to, from, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t)
{
    return cudaMemcpy(to, from, bytes, kind);
}

cudaError_t cudaMemset(void *to, int byte, size_t bytes)
{
    if (result(cudaSuccess) != cudaSuccess) return cudaErrorLaunchFailure;
    if (bytes) memset(to, byte, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t)
{
    return cudaMemset(to, byte, bytes);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = nullptr;
    if (result(cudaSuccess) != cudaSuccess) return cudaErrorLaunchFailure;
    *s = new standin_stream{ current_device };
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    delete s;
    return result(cudaSuccess);
}

cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    return result(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned)
{
    *e = new standin_event{ 0 };
    return result(cudaSuccess);
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    delete e;
    return result(cudaSuccess);
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t)
{
    e->recorded = 1;
    return result(cudaSuccess);
}

cudaError_t cudaEventSynchronize(cudaEvent_t)
{
    return result(cudaSuccess);
}
