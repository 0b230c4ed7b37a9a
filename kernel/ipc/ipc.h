#pragma once

#include "kernel/ipc/message_pool.h"
#include "kernel/ipc/sender.h"
#include "kernel/sched/thread.h"
#include "libs/result.h"

/// The message system calls as operations on objects; kernel/syscall/ports.cpp decodes and calls these.
namespace portico::kernel {

class Thread;
class HandleTable;

/// Writes a message into the registers a receive or call returns in (rax is left to the caller).
inline void load_message(Thread& receiver, const Message& message) {
    abi::Registers& r = receiver.frame.registers;
    r.rdi = message.id;
    r.rsi = message.header.value;
    r.rdx = message.word[0];
    r.r10 = message.word[1];
    r.r8 = message.word[2];
    r.r9 = message.word[3];
    r.r12 = message.word[4];
    r.r13 = message.badge;
    r.rbx = 0;
}

/// Takes the handles that `message` names out of, or duplicates them from, the sender's table into `carried`.
/// Errors: InvalidArgument, BadHandle, AccessDenied, NoSpace, NoMemory; then the table is as it was.
Result<> take_in_some(CarriedHandles& carried, Message& message, Thread& sender);
inline Result<> take_in(CarriedHandles& carried, Message& message, Thread& sender) {
    if (message.header.handle_count() == 0) return {};
    return take_in_some(carried, message, sender);
}
/// Gives carried handles to the receiver and writes their values into `message`. Errors: NoMemory, NoSpace: nothing is given.
Result<> hand_over_some(CarriedHandles& carried, Message& message, Thread& receiver);
inline Result<> hand_over(CarriedHandles& carried, Message& message, Thread& receiver) {
    if (message.header.handle_count() == 0) return {};
    return hand_over_some(carried, message, receiver);
}

/// The same with the pages of a range, if it is not empty. Errors also: BadAddress; then the range is as it was too.
Result<> take_in_pages(CarriedHandles& handles, CarriedPages& pages, Message& message, const PageRange& source, Thread& sender);
inline Result<> take_in(CarriedHandles& handles, CarriedPages& pages, Message& message, const PageRange& source, Thread& sender) {
    if (message.header.is_plain() || source.bytes == 0) return take_in(handles, message, sender);
    return take_in_pages(handles, pages, message, source, sender);
}
/// The same with carried pages. Returns how many bytes of them landed. Errors also: TooLarge, InvalidArgument, BadAddress.
Result<uint32_t> hand_over_pages(CarriedHandles& handles, CarriedPages& pages, Message& message, const PageRange& landing,
                                 Thread& receiver);
inline Result<uint32_t> hand_over(CarriedHandles& handles, CarriedPages& pages, Message& message, const PageRange& landing,
                                  Thread& receiver) {
    if (message.header.is_plain()) return 0;
    return hand_over_pages(handles, pages, message, landing, receiver);
}
/// What the registers of a thread that receives say: where pages may land.
PageRange landing_in_registers(const Thread& receiver);

/// What the registers of a thread that sends say: the pages that go along.
inline PageRange pages_to_send(const abi::Registers& r) {
    if (!abi::Header{r.rsi}.has_pages()) return {};
    return {.address = r.r14, .bytes = static_cast<uint32_t>(r.rbx)};
}

/// Posts a one-way message from the thread's registers, with the pages of a range. Errors as port_send.
Result<> send(Thread& caller, Sender& sender, const PageRange& pages = {});
/// The same with a message from elsewhere.
Result<> send(Thread& caller, Sender& sender, const Message& message, const PageRange& pages = {});
/// Posts a call and blocks the caller until its end. `ranges` are windows, or with pages in the header those to send and where the reply's
/// land. Errors as port_call; then the caller does not wait.
Result<> call(Thread& caller, Sender& sender, const Message& message, const abi::Windows& ranges, uint64_t deadline_ns);
/// Fills in what a call record, which has its header and words, says of where it goes; its caller and what it lends are left as they are.
void address_call(Call& call, uint64_t id, MessageKind kind, Sender& sender);
/// Queues a call. The receiver, if one waits, runs at once, on the caller's time: that is what a call is.
void post_call(Call& call);
/// Posts a call whose reply goes to a port. Returns the id.
Result<uint64_t> call_async(Thread& caller, Sender& sender, const Message& message, Port& reply_port);
/// Hands a call that the forwarder's process took on to another port. Errors as port_forward.
Result<> forward(Thread& forwarder, uint64_t id, Sender& sender, const Message& message, const PageRange& pages);
/// Ends an asynchronous call of the process. Errors: NoSuchCall.
Result<> cancel_async(Process& owner, uint64_t id);
/// A fault nobody in the process handles: a call of the supervisor on the thread's behalf. False if there is no supervisor.
bool report_fault(Thread& thread, const abi::FaultWords& fault);
/// A fault of a thread that runs or is in no list: its upcall, else its supervisor's to judge, else the end of its process.
void raise_fault(Thread& thread, const abi::FaultWords& fault);
/// So too, without an upcall: the supervisor alone is asked.
void raise_to_supervisor(Thread& thread, const abi::FaultWords& fault);
/// An access finds no memory: the supervisor decides who goes.
void raise_no_memory(Thread& thread, abi::Access access, uint64_t address);
/// Answers a call that the caller's process took. The answer is used up unless there is an error. Errors as port_reply.
Result<> reply(Thread& replier, uint64_t id, Message& answer, const PageRange& pages = {});
/// Takes a message or parks the caller. Errors as port_receive; None with the thread blocked means that it waits.
template <class Source>
Result<> receive(Thread& caller, Source& source, uint64_t deadline_ns);
/// Posts messages from the caller's memory until one is refused. Returns how many. Errors as port_send_batch.
Result<uint64_t> send_batch(Thread& caller, Sender& sender, uint64_t address, uint64_t count);
/// Takes messages into the caller's memory, or parks the caller. Errors as port_receive_batch.
Result<uint64_t> receive_batch(Thread& caller, Port& port, uint64_t address, uint64_t count, uint64_t deadline_ns);

/// The caller no longer waits (alert, deadline, death). The thread's wait must be Call.
void abandon_call(Thread& caller);
/// The port of a queued node was closed.
void drop_queued_call(Call& call);
/// A process ends: the calls it took fail, its asynchronous calls are cancelled.
void fail_all_calls(Process& process);
void destroy_call(Call& call);

uint64_t port_count();

}  // namespace portico::kernel
