/* context.h - stacks to run on, and going from one to the other.
 *
 * On x86-64 a switch is a dozen instructions; elsewhere it is the C library's, which asks the system for the signal mask each
 * time and takes some twenty times as long.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STANDIN_CONTEXT_H
#define TESTS_STANDIN_CONTEXT_H

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)

struct context {
    void *stack_pointer;
};

/* Saves what a called function must keep, and goes on where `to` left off. */
extern "C" void standin_switch(void **from, void *to);
__asm__(".text\n"
        ".p2align 4\n"
        ".type standin_switch, @function\n"
        "standin_switch:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size standin_switch, .-standin_switch\n");

static inline void context_make(context *c, char *stack, size_t size, void (*body)())
{
    uintptr_t top = ((uintptr_t)stack + size) / 16 * 16;
    void **at = reinterpret_cast<void **>(top);
    *--at = nullptr; /* where body() would return to: it does not */
    *--at = reinterpret_cast<void *>(body);
    for (int r = 0; r < 6; r++) *--at = nullptr;
    c->stack_pointer = at;
}

static inline void context_switch(context *from, context *to)
{
    standin_switch(&from->stack_pointer, to->stack_pointer);
}

#else

#include <ucontext.h>

struct context {
    ucontext_t c;
};

static inline void context_make(context *c, char *stack, size_t size, void (*body)())
{
    getcontext(&c->c);
    c->c.uc_stack.ss_sp = stack;
    c->c.uc_stack.ss_size = size;
    c->c.uc_link = nullptr;
    makecontext(&c->c, body, 0);
}

static inline void context_switch(context *from, context *to)
{
    swapcontext(&from->c, &to->c);
}

#endif
#endif
