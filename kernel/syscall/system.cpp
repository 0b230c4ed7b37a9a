#include "kernel/ipc/futex.h"
#include "kernel/ipc/ipc.h"
#include "kernel/irq/interrupt.h"
#include "kernel/memory/swap.h"
#include "kernel/syscall/handlers.h"
#include "kernel/time/timer.h"

namespace portico::kernel {
namespace {

constexpr Rights kOwnRights = Rights::Duplicate | Rights::Transfer | Rights::Control | Rights::Read | Rights::Write;

Result<Ref<Sender>> find_notified(Thread& caller, abi::Handle handle, uint64_t bits) {
    if (bits == 0 || (bits & abi::kNotifyKernelBits) != 0) return fail(Error::InvalidArgument);
    return Ref<Sender>(*TRY(find_object<Sender>(caller, handle, Rights::Send)));
}

}  // namespace

template <>
Result<> on_syscall(Thread& caller, const abi::FutexWait& call) {
    const FutexKey key = TRY(futex_key(caller, call.address, call.shared != 0));
    return futex_wait(caller, key, call.address, static_cast<uint32_t>(call.expected), static_cast<uint32_t>(call.mask), call.deadline);
}

template <>
Result<abi::FutexWake::Reply> on_syscall(Thread& caller, const abi::FutexWake& call) {
    const FutexKey key = TRY(futex_key(caller, call.address, call.shared != 0));
    return abi::FutexWake::Reply{futex_wake(key, call.count, static_cast<uint32_t>(call.mask))};
}

template <>
Result<abi::FutexRequeue::Reply> on_syscall(Thread& caller, const abi::FutexRequeue& call) {
    const FutexKey key = TRY(futex_key(caller, call.address, call.shared != 0));
    const FutexKey target = TRY(futex_key(caller, call.target, call.shared != 0));
    if (call.expected <= ~0u && TRY(caller.process().space().read<uint32_t>(call.address)) != call.expected) return fail(Error::WouldBlock);
    const uint64_t woken = futex_wake(key, call.wake_count, ~0u);
    return abi::FutexRequeue::Reply{woken, key == target ? 0 : futex_move(key, target, call.move_count)};
}

template <>
Result<abi::TimerCreate::Reply> on_syscall(Thread& caller, const abi::TimerCreate& call) {
    Ref<Sender> sender = TRY(find_notified(caller, call.sender, call.bits));
    Ref<Timer> timer = TRY(create_object<Timer>(caller.process().account(), std::move(sender), call.bits));
    return abi::TimerCreate::Reply{TRY(give_handle(caller, *timer, kOwnRights))};
}

template <>
Result<> on_syscall(Thread& caller, const abi::TimerSet& call) {
    Timer* timer = TRY(find_object<Timer>(caller, call.timer, Rights::Control));
    if (call.period != 0 && (call.period < Timer::kPeriodNsMin || call.period > uint64_t{1} << 62)) return fail(Error::InvalidArgument);
    timer->set(call.deadline, call.period);
    return {};
}

template <>
Result<abi::ClockRead::Reply> on_syscall(Thread&, const abi::ClockRead&) {
    return abi::ClockRead::Reply{arch::now_ns()};
}

template <>
Result<abi::InterruptCreate::Reply> on_syscall(Thread& caller, const abi::InterruptCreate& call) {
    TRY(find_object<Resource>(caller, call.resource, Rights::Control));
    Ref<Sender> sender = TRY(find_notified(caller, call.sender, call.bits));
    const bool is_message = call.line == abi::kMessageInterrupt;
    if (is_message ? call.level != 0 : call.line >= Interrupt::kLines) return fail(Error::InvalidArgument);
    const unsigned line = is_message ? Interrupt::kLines : static_cast<unsigned>(call.line);
    Ref<Interrupt> interrupt =
        TRY(create_object<Interrupt>(caller.process().account(), line, std::move(sender), call.bits, call.level != 0));
    const abi::Handle handle = TRY(give_handle(caller, *interrupt, kOwnRights));
    Result<arch::InterruptMessage> message;
    if (is_message)
        message = interrupt->bind_message();
    else if (const Result<> bound = interrupt->bind(); !bound)
        message = fail(bound.error());
    if (!message) {
        (void)caller.process().handles().close(handle);
        return fail(message.error());
    }
    return abi::InterruptCreate::Reply{handle, message->address, message->data};
}

template <>
Result<> on_syscall(Thread& caller, const abi::InterruptAck& call) {
    TRY(find_object<Interrupt>(caller, call.interrupt, Rights::Control))->ack();
    return {};
}

template <>
Result<abi::IoCreate::Reply> on_syscall(Thread& caller, const abi::IoCreate& call) {
    TRY(find_object<Resource>(caller, call.resource, Rights::Control));
    if (call.base > 0xFFFF || call.count == 0 || call.count > 0x1'0000 - call.base) return fail(Error::InvalidArgument);
    Ref<IoPorts> io =
        TRY(create_object<IoPorts>(caller.process().account(), static_cast<uint16_t>(call.base), static_cast<uint32_t>(call.count)));
    return abi::IoCreate::Reply{TRY(give_handle(caller, *io, kOwnRights))};
}

template <>
Result<abi::IoRead::Reply> on_syscall(Thread& caller, const abi::IoRead& call) {
    const IoPorts* io = TRY(find_object<IoPorts>(caller, call.io, Rights::Read));
    return abi::IoRead::Reply{arch::io_read(TRY(io->port(call.offset, call.width)), static_cast<unsigned>(call.width))};
}

template <>
Result<> on_syscall(Thread& caller, const abi::IoWrite& call) {
    const IoPorts* io = TRY(find_object<IoPorts>(caller, call.io, Rights::Write));
    arch::io_write(TRY(io->port(call.offset, call.width)), static_cast<unsigned>(call.width), static_cast<uint32_t>(call.value));
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::IoWriteBytes& call) {
    const IoPorts* io = TRY(find_object<IoPorts>(caller, call.io, Rights::Write));
    const uint16_t port = TRY(io->port(call.offset, 1));
    if (call.length > abi::kPageBytes) return fail(Error::InvalidArgument);
    if (call.length > 0) {  // what is written cannot be taken back if the last page is absent
        TRY(caller.process().space().resolve_ram(call.address, Access::Read));
        TRY(caller.process().space().resolve_ram(call.address + call.length - 1, Access::Read));
    }
    for (uint64_t done = 0; done < call.length;) {
        uint8_t bytes[64];
        const uint64_t length = std::min<uint64_t>(sizeof(bytes), call.length - done);
        TRY(caller.process().space().copy_in(bytes, call.address + done, length));
        for (uint64_t i = 0; i < length; ++i) arch::io_write(port, 1, bytes[i]);
        done += length;
    }
    return {};
}

template <>
Result<abi::AccountCreate::Reply> on_syscall(Thread& caller, const abi::AccountCreate& call) {
    Account* parent = TRY(find_object<Account>(caller, call.parent, Rights::Control));
    Ref<Account> account = TRY(create_object<Account>(*parent, parent, call.limit, pages_for(call.kept_free)));
    return abi::AccountCreate::Reply{TRY(give_handle(caller, *account, kOwnRights))};
}

/// Not by pseudo-handle: a process does not set its own limit.
template <>
Result<> on_syscall(Thread& caller, const abi::AccountSetLimit& call) {
    TRY(caller.process().handles().get<Account>(call.account, Rights::Write))->set_limit(call.limit);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::AccountWatch& call) {
    Account* account = TRY(caller.process().handles().get<Account>(call.account, Rights::Write));
    Ref<Sender> sender;
    if (call.sender) sender = TRY(find_notified(caller, call.sender, call.bits));
    account->watch(std::move(sender), call.bits, call.used);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::AccountQuery& call) {
    const Account* account = TRY(find_object<Account>(caller, call.account, Rights::Read));
    const abi::AccountInfo info{.limit_bytes = account->limit_bytes(),
                                .used_bytes = account->used_bytes(),
                                .peak_bytes = account->peak_bytes(),
                                .object_count = account->object_count(),
                                .refused_count = account->refused_count(),
                                .kept_free_bytes = account->kept_free_pages() * abi::kPageBytes};
    return caller.process().space().write(call.info, info);
}

template <>
Result<> on_syscall(Thread& caller, const abi::DebugLog& call) {
    char text[1024];
    if (call.length > sizeof(text)) return fail(Error::TooLarge);
    TRY(caller.process().space().copy_in(text, call.address, call.length));
    log_bytes({text, call.length});
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::SystemQuery& call) {
    abi::SystemInfo info{};
    info.cpu_count = arch::cpu_count();
    info.memory_bytes = frames.total_pages() * abi::kPageBytes;
    info.free_bytes = frames.free_pages() * abi::kPageBytes;
    info.kernel_bytes = heap.page_count() * abi::kPageBytes;
    arch::describe_clock(info);
    for (unsigned i = 0; i < arch::cpu_count(); ++i) {
        info.context_switches += cpu_at(i).switches;
        info.idle_ns += cpu_at(i).idle_ns;
        info.page_faults += cpu_at(i).page_faults;
    }
    info.process_count = process_count();
    info.thread_count = thread_count();
    info.port_count = port_count();
    if (const SwapSpace* swap = SwapSpace::current; swap != nullptr) {
        info.swap_bytes = swap->total_pages() * abi::kPageBytes;
        info.swap_free_bytes = swap->free_pages() * abi::kPageBytes;
        info.swapped_in = swap->pages_in;
        info.swapped_out = swap->pages_out;
    }
    return caller.process().space().write(call.info, info);
}

}  // namespace portico::kernel
