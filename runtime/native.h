#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/syscalls.h"
#include "libs/result.h"

/// User stubs of the native system calls. Freestanding and header-only: servers and the runtime library use the same.
namespace portico::native {

using namespace abi;

inline Error raw_call(uint64_t number, Arguments& arguments) {
    uint64_t rax = kNativeBase + number;
    uint64_t rdi = arguments[0];
    uint64_t rsi = arguments[1];
    uint64_t rdx = arguments[2];
    register uint64_t r10 asm("r10") = arguments[3];
    register uint64_t r8 asm("r8") = arguments[4];
    register uint64_t r9 asm("r9") = arguments[5];
    asm volatile("syscall" : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9) : : "rcx", "r11", "memory", "cc");
    arguments = {rdi, rsi, rdx, r10, r8, r9};
    return static_cast<Error>(rax);
}

/// Makes an ordinary system call: `call(abi::PortBadge{.port = p, .badge = 1, .credits = 16})`.
template <class Call>
    requires(!kUsesMessageRegisters<Call>)
inline auto call(const Call& request)
    -> Result<std::conditional_t<std::is_same_v<typename Call::Reply, NoReply>, void, typename Call::Reply>> {
    Arguments arguments = to_arguments(request);
    const Error error = raw_call(Call::doc.number, arguments);
    if (error != Error::None) return fail(error);
    if constexpr (std::is_same_v<typename Call::Reply, NoReply>)
        return {};
    else
        return from_arguments<typename Call::Reply>(arguments);
}

/// Makes a call of the message kind; `registers` holds the answer if it succeeds.
template <class Call>
    requires kUsesMessageRegisters<Call>
inline Error message_call(MessageRegisters& registers) {
    uint64_t rax = kNativeBase + Call::doc.number;
    uint64_t rdi = registers.handle_or_id;
    uint64_t rsi = registers.header.value;
    uint64_t rdx = registers.word[0];
    uint64_t rbx = registers.rbx;
    register uint64_t r10 asm("r10") = registers.word[1];
    register uint64_t r8 asm("r8") = registers.word[2];
    register uint64_t r9 asm("r9") = registers.word[3];
    register uint64_t r12 asm("r12") = registers.word[4];
    register uint64_t r13 asm("r13") = registers.deadline_or_badge;
    register uint64_t r14 asm("r14") = registers.r14;
    register uint64_t r15 asm("r15") = registers.r15;
    asm volatile("syscall"
                 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r12), "+r"(r13), "+r"(r14), "+b"(rbx)
                 : "r"(r15)
                 : "rcx", "r11", "memory", "cc");
    registers.handle_or_id = rdi;
    registers.header.value = rsi;
    registers.word[0] = rdx;
    registers.word[1] = r10;
    registers.word[2] = r8;
    registers.word[3] = r9;
    registers.word[4] = r12;
    registers.deadline_or_badge = r13;
    registers.r14 = r14;
    registers.rbx = rbx;
    return static_cast<Error>(rax);
}

inline Message message_of(const MessageRegisters& registers) {
    Message message{.id = registers.handle_or_id, .badge = registers.deadline_or_badge, .header = registers.header};
    for (unsigned i = 0; i < kMessageWords; ++i) message.word[i] = registers.word[i];
    return message;
}

inline void set_message(MessageRegisters& registers, const Message& message) {
    registers.header = message.header;
    for (unsigned i = 0; i < kMessageWords; ++i) registers.word[i] = message.word[i];
}

inline void set_windows(MessageRegisters& registers, const Windows& windows) {
    registers.header = registers.header.with_windows();
    registers.r14 = windows.readable_address;
    registers.r15 = windows.writable_address;
    registers.rbx = windows.readable_bytes | (uint64_t{windows.writable_bytes} << 32);
}

/// Where pages of a message received, or of a call's reply, may land.
inline void set_landing(MessageRegisters& registers, uint64_t address, uint32_t bytes) {
    registers.r15 = address;
    registers.rbx = static_cast<uint32_t>(registers.rbx) | (uint64_t{bytes} << 32);
}

/// Pages that go with a message (the readable range) and, of a call, where those of its reply may land (the writable one).
inline void set_pages(MessageRegisters& registers, const Windows& pages, bool copy = false) {
    registers.header = registers.header.with_pages(copy);
    registers.r14 = pages.readable_address;
    registers.rbx = pages.readable_bytes;
    set_landing(registers, pages.writable_address, pages.writable_bytes);
}

/// The bytes of pages that came with a message received or a reply.
inline uint32_t page_bytes(const MessageRegisters& registers) {
    return registers.header.has_pages() ? static_cast<uint32_t>(registers.rbx) : 0;
}

inline void close(Handle handle) {
    if (handle) (void)call(HandleClose{handle});
}

inline Result<> send(Handle to, const Message& message) {
    MessageRegisters registers{.handle_or_id = to.value};
    set_message(registers, message);
    const Error error = message_call<PortSend>(registers);
    return error == Error::None ? Result<>{} : fail(error);
}

/// The same, but without a credit it waits for one.
inline Result<> send_wait(Handle to, const Message& message, uint64_t deadline_ns = kForever) {
    MessageRegisters registers{.handle_or_id = to.value, .deadline_or_badge = deadline_ns};
    set_message(registers, message);
    const Error error = message_call<PortSendWait>(registers);
    return error == Error::None ? Result<>{} : fail(error);
}

/// Calls and waits for the reply, which the returned message is.
inline Result<Message> call(Handle to, const Message& message, const Windows* windows = nullptr, uint64_t deadline_ns = kForever) {
    MessageRegisters registers{.handle_or_id = to.value, .deadline_or_badge = deadline_ns};
    set_message(registers, message);
    if (windows != nullptr) set_windows(registers, *windows);
    const Error error = message_call<PortCall>(registers);
    if (error != Error::None) return fail(error);
    return message_of(registers);
}

/// Calls without waiting: returns the id that the Reply at `reply_port` will carry.
inline Result<uint64_t> call_async(Handle to, const Message& message, Handle reply_port) {
    MessageRegisters registers{.handle_or_id = to.value, .r14 = reply_port.value};
    set_message(registers, message);
    const Error error = message_call<PortCallAsync>(registers);
    if (error != Error::None) return fail(error);
    return registers.handle_or_id;
}

/// A received message; of a Call also how many bytes it lends. With pages in its header: how many bytes of pages came (readable_bytes)
/// and how many may go with the reply to a Call (writable_bytes).
struct Received {
    Message message;
    uint32_t readable_bytes = 0;
    uint32_t writable_bytes = 0;
    Handle port{};  ///< where it was received

    uint32_t page_bytes() const { return message.header.has_pages() ? readable_bytes : 0; }
};

/// Memory where pages of a message received may land; what was there is replaced.
struct Landing {
    uint64_t address = 0;
    uint32_t bytes = 0;
};

inline Result<Received> receive(Handle port, uint64_t deadline_ns = kForever, const Landing& landing = {}) {
    MessageRegisters registers{.handle_or_id = port.value, .deadline_or_badge = deadline_ns};
    set_landing(registers, landing.address, landing.bytes);
    const Error error = message_call<PortReceive>(registers);
    if (error != Error::None) return fail(error);
    return Received{message_of(registers), static_cast<uint32_t>(registers.rbx), static_cast<uint32_t>(registers.rbx >> 32), port};
}

/// Answers call `id`, without pages, and receives what comes next, in one trap. After NoSuchCall nothing was received: the answer was
/// refused.
inline Result<Received> reply_receive(uint64_t id, const Message& message, Handle port, uint64_t deadline_ns = kForever) {
    MessageRegisters registers{.handle_or_id = port.value, .deadline_or_badge = deadline_ns, .r14 = id};
    set_message(registers, message);
    const Error error = message_call<PortReplyReceive>(registers);
    if (error != Error::None) return fail(error);
    return Received{message_of(registers), static_cast<uint32_t>(registers.rbx), static_cast<uint32_t>(registers.rbx >> 32), port};
}

inline Result<> reply(uint64_t id, const Message& message) {
    MessageRegisters registers{.handle_or_id = id};
    set_message(registers, message);
    const Error error = message_call<PortReply>(registers);
    return error == Error::None ? Result<>{} : fail(error);
}

/// What traces and lists show for a process or thread; what is longer than 16 bytes is cut off.
inline void set_name(Handle object, std::string_view name) {
    std::array<char, 16> text{};
    for (size_t i = 0; i < text.size() && i < name.size(); ++i) text[i] = name[i];
    const auto words = std::bit_cast<std::array<uint64_t, 2>>(text);
    (void)call(ObjectSetName{object, words[0], words[1]});
}

inline void log(const char* text, size_t length_bytes) {
    (void)call(DebugLog{reinterpret_cast<uint64_t>(text), length_bytes});
}

}  // namespace portico::native
