#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"
#include "kernel/object/process.h"

/// One-way messages, and receiving.
namespace portico::kernel {

/// In a queue lie only ports that are younger than its own, so ports in queues never form a ring that nobody can reach any more. (Calls
/// may carry any: they end with a process at the latest.)
static Result<> demand_younger_ports(const Message& message, const Port& port, Process& sender) {
    for (unsigned i = 0; i < message.header.handle_count(); ++i) {
        const auto carried = sender.handles().find(abi::Handle{message.word[abi::kMessageWords - 1 - i]});
        if (!carried || (*carried)->object()->type() != ObjectType::Port) continue;
        if (static_cast<Port*>((*carried)->object())->id() <= port.id()) return fail(Error::InvalidArgument);
    }
    return {};
}

static Result<> load_cargo(QueuedMessage& queued, const PageRange& pages, const Port& port, Thread& sender) {
    TRY(demand_younger_ports(queued.message, port, sender.process()));
    TRY(queued.add_cargo());
    const Result<> taken = take_in(queued.cargo->handles, queued.cargo->pages, queued.message, pages, sender);
    if (!taken) queued.drop_cargo();
    return taken;
}

/// `fill` writes header and words.
template <class Fill>
static Result<> post_message(Thread& caller, Sender& sender, const PageRange& pages, Fill fill) {
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
    fill(queued.message);
    queued.message.id = 0;
    queued.message.badge = sender.badge();
    queued.message.header = queued.message.header.with_kind(MessageKind::Send);
    if (!queued.message.header.is_plain()) [[unlikely]] {
        if (const Result<> loaded = load_cargo(queued, pages, port, caller); !loaded) {
            sender.give_credit();
            MessagePool::give_back_empty(queued);
            return loaded;
        }
    }
    queued.sender.fill(sender);
    port.post(queued);
    return {};
}

Result<> send(Thread& caller, Sender& sender, const PageRange& pages) {
    return post_message(caller, sender, pages, [&caller](Message& message) {
        const abi::Registers& r = caller.frame.registers;
        message.header.value = r.rsi;
        message.word[0] = r.rdx;
        message.word[1] = r.r10;
        message.word[2] = r.r8;
        message.word[3] = r.r9;
        message.word[4] = r.r12;
    });
}

Result<> send(Thread& caller, Sender& sender, const Message& message, const PageRange& pages) {
    return post_message(caller, sender, pages, [&message](Message& queued) { queued = message; });
}

template <class Source>
Result<> receive(Thread& caller, Source& source, uint64_t deadline_ns) {
    if (source.closed()) return fail(Error::PeerClosed);
    if (!source.empty() && TRY(source.take(caller))) return {};
    caller.run_at_base_priority();
    if (deadline_ns == abi::kNow) return fail(Error::WouldBlock);
    caller.begin_wait(Thread::Wait::Receive, deadline_ns);
    source.park(caller);
    return {};
}

template Result<> receive(Thread& caller, Port& source, uint64_t deadline_ns);
template Result<> receive(Thread& caller, PortSet& source, uint64_t deadline_ns);

}  // namespace portico::kernel
