#include <unistd.h>

#include "bench/native_rows.h"
#include "bench/service.h"

/// System calls alone, and calls from one process to another.
namespace portico::bench {
namespace {

using abi::Handle;
using abi::Header;
using abi::MessageKind;
using abi::MessageRegisters;

void null_call(Measure& measure) {
    measure.each([] { must(native::call(abi::Null{})); });
}

void linux_getppid(Measure& measure) {
    measure.each([] { (void)getppid(); });
}

/// The server sends the words back one higher, so that a reply proves that it has seen them.
void add_one(MessageRegisters& registers) {
    for (uint64_t& word : registers.word) ++word;
}

void check_words_arrive(Handle to) {
    MessageRegisters registers{.handle_or_id = to.value, .word = {10, 20, 30, 40, 50}};
    must(native::message_call<abi::PortCall>(registers));
    for (unsigned i = 0; i < abi::kMessageWords; ++i)
        if (registers.word[i] != 10 * (i + 1) + 1) give_up("a reply lacks the words of its call", i);
}

void call_and_reply(Measure& measure) {
    const Service service([](Handle port) { serve_calls(port, add_one); });
    check_words_arrive(service.sender());
    measure.each([&] { call_with_words(service.sender()); });
}

/// Serves without ever waiting at the port: each receive only looks (kNow), so no receiver is ever there to whom the kernel
/// could hand a call directly. After its reply the server yields to the client, whose next call is queued; the scheduler
/// switches back. That is four system calls: call, receive, reply, yield.
void serve_by_looking(Handle port) {
    for (;;) {
        must(native::call(abi::ThreadYield{}));
        MessageRegisters registers{.handle_or_id = port.value, .deadline_or_badge = abi::kNow};
        const abi::Error error = native::message_call<abi::PortReceive>(registers);
        if (error == abi::Error::WouldBlock) continue;
        must(error);
        if (registers.header.kind() == MessageKind::Notification) return;
        add_one(registers);
        registers.header = {};
        must(native::message_call<abi::PortReply>(registers));
    }
}

void call_through_queue(Measure& measure) {
    const Service service(serve_by_looking);
    check_words_arrive(service.sender());
    measure.each([&] { call_with_words(service.sender()); });
}

void call_without_waiting(Measure& measure) {
    const Service service([](Handle port) { serve_calls(port, add_one); });
    const Channel replies = Channel::create();
    measure.each([&] {
        MessageRegisters call{.handle_or_id = service.sender().value, .word = {1, 2, 3, 4, 5}, .r14 = replies.port.value};
        must(native::message_call<abi::PortCallAsync>(call));
        MessageRegisters reply{.handle_or_id = replies.port.value};
        must(native::message_call<abi::PortReceive>(reply));
    });
    replies.close();
}

void call_with_handle(Measure& measure) {
    const Service service([](Handle port) {
        serve_calls(port, [](MessageRegisters& registers) { must(native::call(abi::HandleClose{{registers.word[4]}})); });
    });
    const Handle carried = must(native::call(abi::MemoryCreate{abi::kPageBytes})).memory;
    measure.each([&] {
        MessageRegisters registers{
            .handle_or_id = service.sender().value, .header = Header::make(0, 1), .word = {1, 2, 3, 4, carried.value}};
        must(native::message_call<abi::PortCall>(registers));
    });
    native::close(carried);
}

constexpr Row kRows[] = {
    {"null_call", null_call},
    {"getppid", linux_getppid},
    {"call_reply", call_and_reply},
    {"call_queued", call_through_queue},
    {"call_async", call_without_waiting},
    {"call_handle", call_with_handle},
};

}  // namespace

const Rows kCallRows = kRows;

}  // namespace portico::bench
