#include <vector>

#include "bench/native_rows.h"
#include "bench/service.h"

/// Waiting on many objects at once: what it costs that one of them becomes ready and its waiter learns which.
namespace portico::bench {
namespace {

using abi::Handle;
using abi::MessageRegisters;

/// Picks objects in no order that a cache or a queue could profit from.
class Chooser {
public:
    size_t below(size_t bound) {
        state_ = state_ * 6364136223846793005 + 1442695040888963407;
        return static_cast<size_t>((state_ >> 33) % bound);
    }

private:
    uint64_t state_ = 1;
};

std::vector<Handle> make_badges(Handle port, size_t count) {
    std::vector<Handle> senders;
    for (size_t i = 0; i < count; ++i) senders.push_back(must(native::call(abi::PortBadge{port, i, 1})).sender);
    return senders;
}

/// One port; each object is a badge. A notification, and its receipt with the badge that tells the object.
template <size_t kObjects>
void wait_on_badges(Measure& measure) {
    const Handle port = must(native::call(abi::PortCreate{})).port;
    const std::vector<Handle> senders = make_badges(port, kObjects);
    Chooser chooser;
    measure.each([&] {
        const size_t chosen = chooser.below(kObjects);
        must(native::call(abi::PortNotify{senders[chosen], 1}));
        MessageRegisters registers{.handle_or_id = port.value};
        must(native::message_call<abi::PortReceive>(registers));
        if (registers.deadline_or_badge != chosen)
            give_up("a notification came with the badge of another object", static_cast<int64_t>(chosen));
    });
    native::close(port);  // first, so that the senders' end is told to nobody
    for (const Handle sender : senders) native::close(sender);
}

/// A set of ports; each object is a port, known by its key.
template <size_t kObjects>
void wait_on_set(Measure& measure) {
    const Handle set = must(native::call(abi::SetCreate{})).set;
    std::vector<Channel> channels;
    for (size_t key = 0; key < kObjects; ++key) {
        channels.push_back(Channel::create());
        must(native::call(abi::SetAdd{set, channels.back().port, key}));
    }
    Chooser chooser;
    measure.each([&] {
        const size_t chosen = chooser.below(kObjects);
        must(native::call(abi::PortNotify{channels[chosen].sender, 1}));
        MessageRegisters registers{.handle_or_id = set.value};
        must(native::message_call<abi::PortReceive>(registers));
        if (registers.r14 != chosen) give_up("a notification came with the key of another port", static_cast<int64_t>(chosen));
    });
    native::close(set);
    for (const Channel& channel : channels) channel.close();
}

constexpr Row kRows[] = {
    {"wait_badges_10", wait_on_badges<10>},
    {"wait_badges_10000", wait_on_badges<10'000>},
    {"wait_set_10", wait_on_set<10>},
    {"wait_set_10000", wait_on_set<10'000>},
};

}  // namespace

const Rows kWaitingRows = kRows;

}  // namespace portico::bench
