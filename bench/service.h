#pragma once

#include "bench/child.h"
#include "bench/measure.h"
#include "runtime/native.h"

/// What the native benchmarks share: checked calls, and a second process that serves a port.
namespace portico::bench {

inline void must(abi::Error error) {
    if (error != abi::Error::None) [[unlikely]]
        give_up(abi::name_of(error), static_cast<int64_t>(error));
}

template <class T>
inline T must(const Result<T>& result) {
    if (!result) must(result.error());
    if constexpr (!std::is_void_v<T>) return *result;
}

/// Whether a call was refused since the kernel does not have it (yet).
inline bool is_missing(abi::Error error) {
    return error == abi::Error::NotSupported || error == abi::Error::BadCall;
}

/// A port and a handle to send to it.
struct Channel {
    abi::Handle port;
    abi::Handle sender;

    static constexpr uint64_t kCredits = 65535;
    static Channel create() {
        const abi::Handle port = must(native::call(abi::PortCreate{})).port;
        return {port, must(native::call(abi::PortBadge{port, 1, kCredits})).sender};
    }
    void close() const {
        native::close(sender);
        native::close(port);
    }
};

/// The second process, which has the receiving end of a channel; ours is the sending one. The server gets the port, and must
/// return when a notification comes: the last sender, ours, is gone.
class Service {
public:
    template <class Serve>
    explicit Service(Serve serve, Channel channel = Channel::create())
        : channel_(channel), child_([&] {
              native::close(channel.sender);
              serve(channel.port);
          }) {
        native::close(channel.port);
    }
    ~Service() { native::close(channel_.sender); }

    abi::Handle sender() const { return channel_.sender; }

private:
    Channel channel_;
    Child child_;
};

/// The loop of a server that answers at once: `act` may change the registers, which hold the call and then its reply.
template <class Act>
void serve_calls(abi::Handle port, Act act) {
    abi::MessageRegisters registers{.handle_or_id = port.value};
    for (;;) {
        must(native::message_call<abi::PortReplyReceive>(registers));
        if (registers.header.kind() == abi::MessageKind::Notification) return;
        registers.r14 = registers.handle_or_id;
        act(registers);
        registers.header = {};
        registers.handle_or_id = port.value;
        registers.deadline_or_badge = abi::kForever;
    }
}

/// A call with five words, whose reply is not looked at.
inline void call_with_words(abi::Handle to) {
    abi::MessageRegisters registers{.handle_or_id = to.value, .word = {1, 2, 3, 4, 5}};
    must(native::message_call<abi::PortCall>(registers));
}

}  // namespace portico::bench
