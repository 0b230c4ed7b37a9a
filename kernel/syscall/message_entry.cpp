#include "kernel/ipc/fast_path.h"
#include "kernel/sched/kernel_lock.h"
#include "kernel/syscall/handlers.h"

/// The entries of port_call, port_reply_receive, port_send and port_receive. The words of the message are only passed through, from the
/// registers of one program to those of the other: this file is compiled so that the compiler has all registers, and what is called here is
/// inlined. (The address sanitizer would put locals where this calling convention cannot have them.)
namespace portico::kernel {
namespace {

[[clang::preserve_none, gnu::noinline]] void act_by_frame(uint64_t, uint64_t, ThreadFrame*, Cpu* cpu, uint64_t, uint64_t, uint64_t,
                                                          uint64_t, uint64_t, uint64_t) __attribute__((no_thread_safety_analysis)) {
    finish_syscall(*cpu);
}

}  // namespace

extern "C" [[clang::preserve_none]] void enter_call(uint64_t word4, uint64_t deadline_ns, ThreadFrame* frame, Cpu* cpu, uint64_t handle,
                                                    uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3)
    __attribute__((no_thread_safety_analysis, no_sanitize("address"))) {
    kernel_lock.lock();
    FastPath::Head head{handle, {header}, deadline_ns};
    Thread* next;
    [[clang::always_inline]] next = FastPath::call(*cpu, *cpu->running, head);
    if (next == nullptr) [[unlikely]] {
        [[clang::musttail]] return act_by_frame(word4, deadline_ns, frame, cpu, handle, header, word0, word1, word2, word3);
    }
    kernel_lock.unlock();
    [[clang::musttail]] return exit_with_message(word4, head.deadline_or_badge, &next->frame, cpu, head.handle_or_id, head.header.value,
                                                 word0, word1, word2, word3);
}

extern "C" [[clang::preserve_none]] void enter_reply_receive(uint64_t word4, uint64_t deadline_ns, ThreadFrame* frame, Cpu* cpu,
                                                             uint64_t handle, uint64_t header, uint64_t word0, uint64_t word1,
                                                             uint64_t word2, uint64_t word3)
    __attribute__((no_thread_safety_analysis, no_sanitize("address"))) {
    kernel_lock.lock();
    FastPath::Head head{handle, {header}, deadline_ns};
    bool in_frame = false;
    Thread* next;
    [[clang::always_inline]] next = FastPath::reply_receive(*cpu, *cpu->running, head, in_frame);
    if (next == nullptr) [[unlikely]] {
        [[clang::musttail]] return act_by_frame(word4, deadline_ns, frame, cpu, handle, header, word0, word1, word2, word3);
    }
    if (in_frame) [[unlikely]]
        arch::load_user_bases(next->frame);
    kernel_lock.unlock();
    if (in_frame) [[unlikely]]
        return;
    [[clang::musttail]] return exit_with_message(word4, head.deadline_or_badge, &next->frame, cpu, head.handle_or_id, head.header.value,
                                                 word0, word1, word2, word3);
}

extern "C" [[clang::preserve_none]] void enter_send(uint64_t word4, uint64_t deadline_ns, ThreadFrame* frame, Cpu* cpu, uint64_t handle,
                                                    uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3)
    __attribute__((no_thread_safety_analysis, no_sanitize("address"))) {
    kernel_lock.lock();
    Thread& sender = *cpu->running;
    bool sent;
    [[clang::always_inline]] sent = FastPath::send(sender, {handle, {header}, deadline_ns}, {{word0, word1, word2, word3, word4}});
    if (!sent) [[unlikely]] {
        [[clang::musttail]] return act_by_frame(word4, deadline_ns, frame, cpu, handle, header, word0, word1, word2, word3);
    }
    sender.frame.registers.rax = 0;
    kernel_lock.unlock();
}

extern "C" [[clang::preserve_none]] void enter_receive(uint64_t word4, uint64_t deadline_ns, ThreadFrame* frame, Cpu* cpu, uint64_t handle,
                                                       uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3)
    __attribute__((no_thread_safety_analysis, no_sanitize("address"))) {
    kernel_lock.lock();
    Thread& receiver = *cpu->running;
    FastPath::Head head{handle, {header}, deadline_ns};
    FastPath::Words words;
    FastPath::Received received;
    [[clang::always_inline]] received = FastPath::receive(receiver, head, words);
    if (received == FastPath::Received::Taken) [[likely]] {
        kernel_lock.unlock();
        [[clang::musttail]] return exit_with_message(words.word[4], head.deadline_or_badge, &receiver.frame, cpu, head.handle_or_id,
                                                     head.header.value, words.word[0], words.word[1], words.word[2], words.word[3]);
    }
    if (received == FastPath::Received::No) {
        [[clang::musttail]] return act_by_frame(word4, deadline_ns, frame, cpu, handle, header, word0, word1, word2, word3);
    }
    scheduler.leave(*cpu);
    kernel_lock.unlock();
}

}  // namespace portico::kernel
