#include "posix/clock.h"
#include "posix/entry_points.h"
#include "posix/files/events.h"
#include "posix/files/file_calls.h"
#include "posix/files/new_descriptor.h"
#include "posix/files/poll_wait.h"
#include "posix/files/temporary_mask.h"
#include "posix/files/terminals.h"

/// epoll: the object is at the pipe server (docs/pipe.md); here is only what programs pass.
namespace portico::posix {
namespace {

constexpr uint32_t kExclusive = 1u << 28, kWakeUp = 1u << 29, kEdge = 1u << 31;
constexpr uint32_t kExclusiveAllows = kExclusive | kWakeUp | kEdge | 1 | 4 | 8 | 0x10;
constexpr uint64_t kNsPerMs = 1'000'000;

int64_t create(Thread& thread, bool close_on_exec) {
    return new_descriptor(thread, file::Kind::Epoll, file::kReadWrite, close_on_exec, [&]() -> Result<abi::Handle> {
        return TRY(settled_call(thread.process->pipe_server, event::MakeEpoll{})).object;
    });
}

/// What always is ready cannot be watched, as on Linux.
bool can_be_watched(Thread& thread, int32_t number, const Descriptor& descriptor) {
    switch (descriptor.kind) {
    case file::Kind::Fifo:
    case file::Kind::Socket:
        return true;
    case file::Kind::CharacterDevice:
        return is_terminal(thread, number, descriptor);
    default:
        return descriptor.kind == file::Kind::None || is_event_kind(descriptor.kind);  // None: an inotify descriptor
    }
}

/// event::Wait, by few instructions: without waiting it is a steady call.
Error ask(abi::Handle epoll, const event::Wait& method, std::span<std::byte> window, uint64_t deadline_ns, event::Wait::Reply& to) {
    abi::MessageRegisters registers{.handle_or_id = epoll.value, .header = abi::Header::make(event::Wait::method.ordinal).with_windows()};
    __builtin_memcpy(registers.word, &method, sizeof method);
    registers.r15 = reinterpret_cast<uint64_t>(window.data());
    registers.rbx = uint64_t{window.size()} << 32;
    Error error = Error::None;
    if (deadline_ns == abi::kNow) {
        registers.header = registers.header.as_steady();
        error = native::message_call<abi::PortCall>(registers);
    } else {
        registers.deadline_or_badge = deadline_ns;
        error = static_cast<Error>(portico_wait_call(abi::kNativeBase + abi::PortCall::doc.number, &registers));
    }
    if (error != Error::None) return error;
    __builtin_memcpy(&to, registers.word, sizeof to);
    return registers.header.status();
}

int64_t wait(Thread& thread, const Arguments& arguments, uint64_t deadline_ns) {
    constexpr int32_t kCountMax = INT32_MAX / static_cast<int32_t>(sizeof(event::Event));
    constexpr uint32_t kCountAtOnce = 4096;
    const auto count_max = static_cast<int32_t>(arguments[2]);
    if (count_max <= 0 || count_max > kCountMax) return -EINVAL;
    const uint32_t count = std::min(static_cast<uint32_t>(count_max), kCountAtOnce);
    const auto window = user_window(arguments[1], count * sizeof(event::Event));
    if (!window) return -EFAULT;
    Descriptor epoll;
    if (!thread.process->descriptors.look_up(number_argument(arguments[0]), epoll) || epoll.path_only()) return -EBADF;
    if (epoll.kind != file::Kind::Epoll) return -EINVAL;
    event::Wait::Reply reply;
    if (const Error failure = ask(epoll.handle, {.count_max = count, .waits = deadline_ns != abi::kNow}, *window, deadline_ns, reply);
        failure != Error::None) {
        if (failure == Error::TimedOut) return 0;
        const int64_t error = failure == Error::Interrupted ? -kRestartNoHandler : to_errno(failure);
        thread.restart_deadline_ns = error == -kRestartNoHandler ? deadline_ns : 0;
        return error;
    }
    if (reply.count <= event::Wait::Reply::kInline) {
        for (uint64_t i = 0; i < reply.count; ++i) {
            const event::Event happened{.events = reply.events[i], .data = reply.data[i]};
            if (portico_user_copy(reinterpret_cast<void*>(arguments[1] + i * sizeof happened), &happened, sizeof happened) != 0)
                return -EFAULT;
        }
    }
    return static_cast<int64_t>(std::min<uint64_t>(reply.count, count));
}

uint64_t deadline_after_ms(Thread& thread, uint64_t argument) {
    const auto timeout_ms = static_cast<int32_t>(argument);
    if (timeout_ms < 0) return abi::kForever;
    return timeout_ms == 0 ? abi::kNow : wait_deadline(thread, static_cast<uint64_t>(timeout_ms) * kNsPerMs);
}

int64_t masked_wait(Thread& thread, const Arguments& arguments, uint64_t deadline_ns) {
    const TemporaryMask mask(thread, arguments[4], arguments[5]);
    if (mask.error() != 0) return mask.error();
    return mask.finish(wait(thread, arguments, deadline_ns));
}

}  // namespace

int64_t sys_epoll_create(Thread& thread, const Arguments& arguments) {
    return static_cast<int32_t>(arguments[0]) <= 0 ? -EINVAL : create(thread, false);
}

int64_t sys_epoll_create1(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[0]);
    if ((flags & ~linux_abi::kOpenCloseOnExec) != 0) return -EINVAL;
    return create(thread, flags != 0);
}

int64_t sys_epoll_ctl(Thread& thread, const Arguments& arguments) {
    const int32_t number = number_argument(arguments[2]);
    const auto operation = static_cast<event::Operation>(static_cast<uint32_t>(arguments[1]));
    event::Event wanted{};
    if (operation != event::Operation::Delete) {
        const auto given = read_user<event::Event>(arguments[3]);
        if (!given) return to_errno(given.error());
        wanted = *given;
    }
    const Result<Descriptor> epoll = open_descriptor(thread, arguments[0]);
    const Result<Descriptor> target = open_descriptor(thread, arguments[2]);
    if (!epoll || !target) return -EBADF;
    if (!can_be_watched(thread, number, *target)) return -EPERM;
    if (epoll->kind != file::Kind::Epoll) return -EINVAL;
    if (operation < event::Operation::Add || operation > event::Operation::Modify) return -EINVAL;
    if ((wanted.events & kExclusive) != 0) {
        if (operation == event::Operation::Modify || (wanted.events & ~kExclusiveAllows) != 0) return -EINVAL;
        if (target->kind == file::Kind::Epoll) return -EINVAL;
    }
    // A terminal is at another server, where an epoll's handle would keep it open.
    OwnedHandle reference;
    if (operation == event::Operation::Add && target->kind == file::Kind::CharacterDevice) {
        Result<OwnedHandle> made = terminal_reference(thread, target->handle);
        if (!made) return to_errno(made.error());
        reference = std::move(*made);
    }
    return request(epoll->handle, event::Watch{.operation = operation,
                                               .number = number,
                                               .events = wanted.events,
                                               .zero = 0,
                                               .data = wanted.data,
                                               .name = target->handle.value,
                                               .object = reference ? reference.get() : target->handle});
}

int64_t sys_epoll_wait(Thread& thread, const Arguments& arguments) {
    return wait(thread, arguments, deadline_after_ms(thread, arguments[3]));
}

int64_t sys_epoll_pwait(Thread& thread, const Arguments& arguments) {
    return masked_wait(thread, arguments, deadline_after_ms(thread, arguments[3]));
}

int64_t sys_epoll_pwait2(Thread& thread, const Arguments& arguments) {
    uint64_t deadline_ns = abi::kForever;
    if (arguments[3] != 0) {
        const auto timeout = read_user<TimeSpec>(arguments[3]);
        if (!timeout) return to_errno(timeout.error());
        if (!timeout->valid()) return -EINVAL;
        deadline_ns = timeout->to_ns() == 0 ? abi::kNow : wait_deadline(thread, timeout->to_ns());
    }
    return masked_wait(thread, arguments, deadline_ns);
}

}  // namespace portico::posix
