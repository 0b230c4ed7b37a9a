#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocols/method.h"
#include "runtime/awaited_reply.h"
#include "runtime/handle.h"
#include "runtime/native.h"
#include "runtime/task.h"

/// Typed clients and servers over ports: a method is a struct (protocols/method.h), the rest follows from it.
namespace portico::ipc {

using abi::Handle;
using abi::Message;
using abi::MessageKind;
using protocols::Empty;
using protocols::handle_count;

/// Memory to lend for a call.
struct Lend {
    std::span<const std::byte> readable{};
    std::span<std::byte> writable{};
    static Lend text(std::string_view text) { return {.readable = std::as_bytes(std::span(text.data(), text.size()))}; }
};

template <class M>
Message request_message(const M& request) {
    constexpr unsigned handles = handle_count<M>();
    Message message{.header = abi::Header::make(M::method.ordinal, handles)};
    protocols::pack(message, request);
    return message;
}

inline void close_handles(const Message& message) {
    const unsigned count = message.header.handle_count();
    for (unsigned i = 0; i < count; ++i) native::close(Handle{message.word[abi::kMessageWords - count + i]});
}

/// Unpacks a reply: its status, and only as many handles as it should have.
template <class M>
Result<typename M::Reply> unpack_reply(const Message& message) {
    if (message.header.status() != Error::None) {
        close_handles(message);
        return fail(message.header.status());
    }
    if (message.header.handle_count() != handle_count<typename M::Reply>()) {
        close_handles(message);
        return fail(Error::BadProtocol);
    }
    return protocols::unpack<typename M::Reply>(message);
}

/// Calls a method and waits for its reply.
template <class M>
Result<typename M::Reply> call(Handle to, const M& request, const Lend& lend = {}, uint64_t deadline_ns = abi::kForever) {
    const abi::Windows windows{.readable_address = reinterpret_cast<uint64_t>(lend.readable.data()),
                               .writable_address = reinterpret_cast<uint64_t>(lend.writable.data()),
                               .readable_bytes = static_cast<uint32_t>(lend.readable.size()),
                               .writable_bytes = static_cast<uint32_t>(lend.writable.size())};
    const bool lends = windows.readable_bytes != 0 || windows.writable_bytes != 0;
    return unpack_reply<M>(TRY(native::call(to, request_message(request), lends ? &windows : nullptr, deadline_ns)));
}

/// Sends a request nobody will answer.
template <class M>
Result<> post(Handle to, const M& request) {
    return native::send(to, request_message(request));
}

/// A call that a server took and has to answer once. Copyable: it is only a name for the kernel's record.
class Call {
public:
    explicit Call(const native::Received& received) : received_(received) {}

    uint64_t id() const { return received_.message.id; }
    uint64_t badge() const { return received_.message.badge; }
    Handle port() const { return received_.port; }                        ///< where it came in
    uint32_t readable_bytes() const { return received_.readable_bytes; }  ///< lent to read from
    uint32_t writable_bytes() const { return received_.writable_bytes; }  ///< lent to write to

    /// Copies from what the caller lent. BadAddress is the caller's fault, NoSuchCall means it no longer waits,
    /// InvalidArgument that it lent less.
    Result<> read(uint64_t offset, std::span<std::byte> to) const {
        if (to.empty()) return {};
        return native::call(abi::WindowRead{id(), offset, reinterpret_cast<uint64_t>(to.data()), to.size()});
    }
    Result<> write(uint64_t offset, std::span<const std::byte> from) const {
        if (from.empty()) return {};
        return native::call(abi::WindowWrite{id(), offset, reinterpret_cast<uint64_t>(from.data()), from.size()});
    }

    /// All of the readable window as text (a path); TooLarge beyond `bytes_max`.
    Result<std::string> read_text(uint32_t bytes_max) const {
        if (readable_bytes() > bytes_max) return fail(Error::TooLarge);
        std::string text(readable_bytes(), '\0');
        TRY(read(0, std::as_writable_bytes(std::span(text))));
        return text;
    }

    /// Answers. NoSuchCall: the caller saw nothing of it, so undo or keep what it would have consumed; the reply's handles are gone.
    template <class M>
    Result<> reply(const typename M::Reply& value) const {
        constexpr unsigned handles = handle_count<typename M::Reply>();
        Message answer{.header = abi::Header::make(0, handles, (1u << handles) - 1)};
        protocols::pack(answer, value);
        return native::reply(id(), answer);
    }
    Result<> refuse(Error error) const { return native::reply(id(), Message{.header = abi::Header::make(static_cast<uint16_t>(error))}); }

    /// Answers with a value or an error. Handles of the reply go in any case: with the reply, with one that nobody waited for, or are
    /// closed.
    template <class M>
    void finish(const Result<typename M::Reply>& result) const {
        if (!result) {
            (void)refuse(result.error());
            return;
        }
        const Result<> replied = reply<M>(*result);
        if (replied || replied.error() == Error::NoSuchCall) return;
        Message answer{.header = abi::Header::make(0, handle_count<typename M::Reply>())};
        protocols::pack(answer, *result);
        close_handles(answer);
    }

private:
    native::Received received_;
};

/// An answer that is sent with the next receive, in one trap. Its handles go in any case: with it, or they are closed.
struct Answer {
    uint64_t call = 0;  ///< 0: none
    Message message;
    /// Takes back what a handler did already, as nobody took the answer. Nothing else is received before.
    struct Undo {
        virtual void undo() = 0;

    protected:
        ~Undo() = default;
    };
    Undo* undo = nullptr;
};

/// The answer that a method's outcome is.
template <class M>
Answer answer(const Call& call, const Result<typename M::Reply>& result) {
    constexpr unsigned handles = handle_count<typename M::Reply>();
    if (!result) return {.call = call.id(), .message = {.header = abi::Header::make(static_cast<uint16_t>(result.error()))}};
    Answer answer{.call = call.id(), .message = {.header = abi::Header::make(0, handles, (1u << handles) - 1)}};
    protocols::pack(answer.message, *result);
    return answer;
}
inline Answer refusal(const Call& call, Error error) {
    return {.call = call.id(), .message = {.header = abi::Header::make(static_cast<uint16_t>(error))}};
}

namespace detail {

/// What is left to do about an answer that could not be given. With NoSuchCall nobody waits for it and its handles are gone; any other
/// error may as well be the receive's, so who calls is told that there is no answer, if he still waits.
inline void not_taken(uint64_t call, const Answer& answer, Error error) {
    if (error == Error::NoSuchCall) {
        if (answer.undo != nullptr) answer.undo->undo();
        return;
    }
    if (answer.message.header.handle_count() == 0) return;
    if (native::reply(call, Message{.header = abi::Header::make(static_cast<uint16_t>(error))})) close_handles(answer.message);
}

}  // namespace detail

/// Sends `answer`, if there is one, and receives.
inline Result<native::Received> receive(Handle port, Answer& answer, uint64_t deadline_ns = abi::kForever) {
    for (;;) {
        const uint64_t call = std::exchange(answer.call, 0);
        if (call == 0) return native::receive(port, deadline_ns);
        const Result<native::Received> received = native::reply_receive(call, answer.message, port, deadline_ns);
        if (received) [[likely]]
            return received;
        detail::not_taken(call, answer, received.error());
        if (received.error() != Error::NoSuchCall) return received;
    }
}

/// For those who have something else to do before they receive.
inline void send(const Answer& answer) {
    if (answer.call == 0) return;
    if (const Result<> sent = native::reply(answer.call, answer.message); !sent) detail::not_taken(answer.call, answer, sent.error());
}

namespace detail {

template <class Server, class M>
Answer serve_method(Server& server, const native::Received& received) {
    const Message& message = received.message;
    const Call call(received);
    if (message.header.handle_count() != handle_count<M>()) {
        close_handles(message);
        return refusal(call, Error::BadProtocol);
    }
    const M request = protocols::unpack<M>(message);
    if constexpr (requires {
                      { server.on(call, request) } -> std::same_as<Task>;
                  }) {
        server.on(call, request);  // answers by itself, now or later
        return {};
    } else if constexpr (requires {
                             { server.on(call, request) } -> std::same_as<Answer>;
                         }) {
        return server.on(call, request);
    } else if constexpr (requires {
                             { server.on(call, request) } -> std::same_as<Result<typename M::Reply>>;
                         }) {
        return answer<M>(call, server.on(call, request));
    } else {
        close_handles(message);
        return refusal(call, Error::NotSupported);
    }
}

template <class Server>
using MethodServer = Answer (*)(Server&, const native::Received&);

/// What serves the methods of a protocol, by how much their ordinals are above the first one.
template <class Server, class... Methods>
struct MethodTable {
    static constexpr uint16_t kFirst = std::min({Methods::method.ordinal...}), kLast = std::max({Methods::method.ordinal...});
    static constexpr auto kServers = [] {
        std::array<MethodServer<Server>, kLast - kFirst + 1> servers{};
        ((servers[Methods::method.ordinal - kFirst] = serve_method<Server, Methods>), ...);
        return servers;
    }();
};

/// Null if the protocol has no such method.
template <class Server, class... Methods>
MethodServer<Server> find_method(protocols::MethodList<Methods...>, uint16_t ordinal) {
    using Table = MethodTable<Server, Methods...>;
    return ordinal < Table::kFirst || ordinal > Table::kLast ? nullptr : Table::kServers[ordinal - Table::kFirst];
}

template <class Server, class... Protocols>
Answer serve_call(Server& server, const native::Received& received, Protocols... protocols) {
    MethodServer<Server> found = nullptr;
    (void)((found = find_method<Server>(protocols, received.message.header.operation())) || ...);
    if (found != nullptr) return found(server, received);
    close_handles(received.message);
    return {.call = received.message.id, .message = {.header = abi::Header::make(static_cast<uint16_t>(Error::BadCall))}};
}

}  // namespace detail

/// Serves one message; what it returns is for the next receive(). For every method M of the protocols the server has either
///   Result<M::Reply> on(const Call&, const M&)   answered when it returns, or
///   Answer on(const Call&, const M&)             the same, for those that must know if the answer was taken, or give none yet
///   Task on(Call, M)                             a coroutine (arguments by value!) that answers with call.reply/refuse/finish;
/// a method it lacks is refused with NotSupported. And, if it wants them:
///   void on_notification(uint64_t badge, uint64_t bits)
///   void on_page_in(uint64_t badge, const abi::PageInWords&)   as a pager: runtime/pager.h
///   void on_page_out(uint64_t badge, const abi::PageOutWords&)   so too
///   void on_other(const Message&)                Send and Fault messages, and replies that no handler awaits
template <class Server, class... Protocols>
[[nodiscard]] Answer serve(Server& server, const native::Received& received, Protocols... protocols) {
    const Message& message = received.message;
    switch (message.header.kind()) {
    case MessageKind::Call:
        return detail::serve_call(server, received, protocols...);
    case MessageKind::Cancelled:
        Wait::cancel(message.id);
        return {};
    case MessageKind::Notification:
        if constexpr (requires { server.on_notification(message.badge, message.word[0]); })
            server.on_notification(message.badge, message.word[0]);
        return {};
    case MessageKind::PageIn:
        if constexpr (requires { server.on_page_in(message.badge, abi::PageInWords{}); })
            server.on_page_in(message.badge, std::bit_cast<abi::PageInWords>(message.word));
        return {};
    case MessageKind::PageOut:
        if constexpr (requires { server.on_page_out(message.badge, abi::PageOutWords{}); })
            server.on_page_out(message.badge, std::bit_cast<abi::PageOutWords>(message.word));
        return {};
    case MessageKind::Reply:
        if (AwaitedReply::deliver(message)) return {};
        [[fallthrough]];
    default:
        if constexpr (requires { server.on_other(message); })
            server.on_other(message);
        else
            close_handles(message);
        return {};
    }
}

/// One thread, one port, one loop: a server's state needs no lock because only this reaches it.
template <class Server, class... Protocols>
[[noreturn]] void run(Server& server, Handle port, Protocols... protocols) {
    Answer answer;
    for (;;) {
        const Result<native::Received> received = receive(port, answer);
        if (received) answer = serve(server, *received, protocols...);
    }
}

}  // namespace portico::ipc
