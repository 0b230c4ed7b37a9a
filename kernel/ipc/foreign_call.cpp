#include "kernel/ipc/foreign_call.h"

#include "kernel/ipc/ipc.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {
namespace {

constexpr uint64_t kSyscallBytes = 2;                          // the length of the syscall instruction
constexpr uint64_t kTrapFlag = 0x100, kDirectionFlag = 0x400;  // the runtime library starts without them

uint32_t shown_id(const Thread& thread) {
    return static_cast<uint32_t>(thread.id());
}

/// Makes it a call by the thread, whose wait begins.
void call_service(Thread& caller, Call& call, const Message& message, MessageKind kind, Sender& service) {
    call.message = message;
    address_call(call, call_ids.next(), kind, service);
    call.windows = {};
    call.caller = &caller;
    call.priority = static_cast<uint8_t>(caller.priority());
    caller.begin_wait(kind == MessageKind::ForeignCall ? Thread::Wait::Foreign : Thread::Wait::Call, abi::kForever);
    caller.fast_wakeable = kind == MessageKind::ForeignCall && !caller.process().suspended() && !caller.alert_is_pending();
    post_call(call);
}

/// Ends what the thread waits for at the service before; it goes on as the change of services demands.
void leave_service(Thread& thread, bool another) {
    thread.report_due = false;
    if (thread.state() != Thread::State::Blocked) return;
    if (thread.wait() == Thread::Wait::Call && thread.current_call()->kind == MessageKind::ForeignResult) thread.end_wait(Error::None);
    if (thread.wait() != Thread::Wait::Foreign) return;
    abandon_call(thread);
    if (another)
        repeat_foreign_call(thread);
    else
        run_foreign_call(thread);
    thread.finish_wait(Error::None);
}

bool is_foreign(const Call& call) {
    return call.kind == MessageKind::ForeignCall || call.kind == MessageKind::ForeignResult;
}

}  // namespace

abi::Header foreign_call_header(const Thread& caller) {
    return abi::Header::make(static_cast<uint16_t>(caller.frame.registers.rax), 0, 0, shown_id(caller)).with_kind(MessageKind::ForeignCall);
}

void repeat_foreign_call(Thread& caller) {
    caller.frame.registers.rip -= kSyscallBytes;  // rax still is the number
}

void run_foreign_call(Thread& caller) {
    abi::Registers& r = caller.frame.registers;
    const uint64_t entry = caller.process().foreign_entry;
    if (entry == 0) {
        caller.passes_service = true;  // the call is a fault, as it is without a service
        return repeat_foreign_call(caller);
    }
    r.rcx = r.rip;
    r.r11 = r.rflags;
    r.rip = entry;
    r.rflags &= ~(kTrapFlag | kDirectionFlag);
    caller.frame.full_restore = 1;
}

bool post_foreign_call(Thread& caller) {
    Process& process = caller.process();
    const bool passes = std::exchange(caller.passes_service, false);
    Sender* service = process.service();
    if (service == nullptr || passes) return false;
    caller.report_due = false;
    if (caller.alert_is_due()) {
        repeat_foreign_call(caller);  // the alert is delivered on the way out
        return true;
    }
    if (service->port().closed()) {
        set_service(process, {});
        run_foreign_call(caller);
        return true;
    }
    const Result<Call*> record = caller.idle_call();
    if (!record) {
        run_foreign_call(caller);
        return true;
    }
    const abi::Registers& r = caller.frame.registers;
    call_service(caller, **record, {.header = foreign_call_header(caller), .word = {r.rdi, r.rsi, r.rdx, r.r10, r.r8}},
                 MessageKind::ForeignCall, *service);
    return true;
}

void answer_foreign_call(Thread& caller, abi::Header answer, uint64_t result) {
    switch (static_cast<abi::ForeignReply>(answer.operation())) {
    case abi::ForeignReply::Result:
        caller.frame.registers.rax = result;
        return;
    case abi::ForeignReply::RunAndReport:
        run_foreign_call(caller);
        if (caller.passes_service) return;
        caller.report_due = true;
        caller.frame.registers.r11 |= abi::kForeignReportFlag;
        return;
    default:
        run_foreign_call(caller);
    }
}

Result<> report_foreign_result(Thread& caller, uint64_t result) {
    if (!std::exchange(caller.report_due, false)) return fail(Error::WrongState);
    Sender* service = caller.process().service();
    if (service == nullptr || service->port().closed()) return {};
    const Result<Call*> record = caller.idle_call();
    if (!record) return {};  // the program goes on; its service is told of no result
    // Steady: an alert must not take back what the service is to hear.
    call_service(caller, **record, {.header = abi::Header::make(0, 0, 0, shown_id(caller)).as_steady(), .word = {result}},
                 MessageKind::ForeignResult, *service);
    return {};
}

void set_service(Process& process, Ref<Sender> service) {
    const bool another = static_cast<bool>(service);
    process.replace_service(std::move(service));
    for (ThreadLink& link : process.threads()) {
        link.thread.frame.foreign_entry = process.direct_foreign_entry();
        leave_service(link.thread, another);
    }
}

LentMemory readable_memory(const Call& call) {
    if (is_foreign(call)) return {.address = 0, .bytes = abi::kUserAddressMax};
    return {.address = call.lent().readable_address, .bytes = call.lent().readable_bytes};
}

LentMemory writable_memory(const Call& call) {
    if (is_foreign(call)) return {.address = 0, .bytes = abi::kUserAddressMax};
    return {.address = call.lent().writable_address, .bytes = call.lent().writable_bytes};
}

}  // namespace portico::kernel
