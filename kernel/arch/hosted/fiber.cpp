#include "kernel/arch/hosted/fiber.h"

#include <pthread.h>
#include <sys/mman.h>

#include "kernel/arch/hosted/fiber_sanitizer.h"
#include "kernel/debug/log.h"

// switch_stacks(save, load): what the System V ABI lets a callee not change is pushed, the rest the compiler has saved.
// A new fiber's stack looks as if it had called it, with `this` in r12 and fiber_entry as the place to return to.
asm(R"(
    .text
    .type portico_switch_stacks, @function
portico_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size portico_switch_stacks, . - portico_switch_stacks

    .type portico_fiber_entry, @function
portico_fiber_entry:
    movq %r12, %rdi
    xorl %ebp, %ebp
    call portico_fiber_begin
    ud2
    .size portico_fiber_entry, . - portico_fiber_entry
)");

extern "C" void portico_switch_stacks(void** save, void* load);
extern "C" void portico_fiber_entry();

namespace portico::kernel::hosted {
namespace {

constexpr size_t kGuardBytes = 4096;

}  // namespace

Fiber::Fiber() : sanitizer_thread_(sanitizer::current_thread()) {
    pthread_attr_t attributes;
    void* bottom = nullptr;
    ASSERT(pthread_getattr_np(pthread_self(), &attributes) == 0);
    ASSERT(pthread_attr_getstack(&attributes, &bottom, &stack_bytes_) == 0);
    pthread_attr_destroy(&attributes);
    stack_bottom_ = bottom;
}

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_bytes_(kStackBytes), sanitizer_thread_(sanitizer::make_thread()) {
    void* memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(memory != MAP_FAILED);
    mapping_ = static_cast<uint8_t*>(memory);
    ASSERT(mprotect(mapping_, kGuardBytes, PROT_NONE) == 0);
    stack_bottom_ = mapping_ + kGuardBytes;
    auto* top = reinterpret_cast<uint64_t*>(mapping_ + kGuardBytes + kStackBytes);
    *--top = 0;  // so that the entry's call leaves the stack aligned
    *--top = 0;
    *--top = reinterpret_cast<uint64_t>(&portico_fiber_entry);
    *--top = 0;                                 // rbp
    *--top = 0;                                 // rbx
    *--top = reinterpret_cast<uint64_t>(this);  // r12
    *--top = 0;
    *--top = 0;
    *--top = 0;
    stack_pointer_ = top;
    sanitizer::release(this);
}

Fiber::~Fiber() {
    if (mapping_ == nullptr) return;
    sanitizer::destroy_thread(sanitizer_thread_);
    munmap(mapping_, kGuardBytes + kStackBytes);
}

void Fiber::switch_to(Fiber& to) {
    to.resumer_ = this;
    sanitizer::leave_stack(&sanitizer_frames_, to.stack_bottom_, to.stack_bytes_);
    sanitizer::switch_thread(to.sanitizer_thread_);
    portico_switch_stacks(&stack_pointer_, to.stack_pointer_);
    sanitizer::entered_stack(sanitizer_frames_);
}

void Fiber::begin(Fiber* self) {
    sanitizer::entered_stack(nullptr);
    sanitizer::acquire(self);
    self->body_();
    Fiber& back = *self->resumer_;
    sanitizer::leave_stack(nullptr, back.stack_bottom_, back.stack_bytes_);  // null: this stack is never entered again
    sanitizer::switch_thread(back.sanitizer_thread_);
    portico_switch_stacks(&self->stack_pointer_, back.stack_pointer_);
    __builtin_unreachable();
}

}  // namespace portico::kernel::hosted
