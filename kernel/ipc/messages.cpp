#include "kernel/ipc/ipc.h"
#include "kernel/object/process.h"

/// One-way messages, and receiving.
namespace portico::kernel {

Result<> send(Thread& caller, Sender& sender, const Message& message, const PageRange& pages) {
    Port& port = sender.port();
    if (port.closed()) return fail(Error::PeerClosed);
    if (!sender.may_carry(pages.bytes)) return fail(Error::TooLarge);
    if (!sender.take_credit()) return fail(Error::NoCredit);
    const auto taken = caller.process().messages().take(caller.process().account());
    if (!taken) {
        sender.give_credit();
        return fail(taken.error());
    }
    QueuedMessage& queued = **taken;
    queued.message = message;
    queued.message.id = 0;
    queued.message.badge = sender.badge();
    queued.message.header = message.header.with_kind(MessageKind::Send);
    if (const Result<> carried = take_in(queued.handles, queued.pages, queued.message, pages, caller); !carried) [[unlikely]] {
        sender.give_credit();
        MessagePool::give_back(queued);
        return carried;
    }
    queued.sender = Ref<Sender>(sender);
    port.post(queued);
    return {};
}

Result<> receive(Thread& caller, MessageSource& source, uint64_t deadline_ns) {
    if (source.closed()) return fail(Error::PeerClosed);
    if (TRY(source.take(caller))) return {};
    if (deadline_ns == abi::kNow) return fail(Error::WouldBlock);
    caller.run_at_base_priority();
    caller.begin_wait(Thread::Wait::Receive, deadline_ns);
    source.park(caller);
    return {};
}

}  // namespace portico::kernel
