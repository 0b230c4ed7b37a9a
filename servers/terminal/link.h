#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "abi/message.h"
#include "libs/result.h"
#include "protocols/uart.h"
#include "servers/terminal/output_queue.h"

namespace portico::terminal {

/// The serial line: always one asynchronous uart::Read in flight, and blocking writes.
///
///     idle ──read_if_due()──▶ in flight ──take_reply()──▶ idle (due at once; after failures later and later)
///
/// The driver may die at any time and is started again on the same port: a read is then issued again, and a write repeated, after
/// OutputQueue::repeat_mark, by which the host drops what it has got already (on a plain line, bytes of one chunk may go out
/// twice). A driver that stays away for kWriteTries costs that chunk, and until a write succeeds again every further chunk has
/// only one try.
///
/// Ownership: borrows both handles. Locks: none. Bound: transmit() waits for the driver at most kWriteTries * kRetryNs beyond its calls.
class Link {
public:
    Link(abi::Handle uart, abi::Handle port) : uart_(uart), port_(port) {}

    void read_if_due(uint64_t now_ns);
    /// When read_if_due has something to do; kForever while a read is in flight.
    uint64_t due_ns() const { return in_flight_ != 0 ? abi::kForever : due_ns_; }
    /// Is this the reply to the read in flight?
    bool owns(const abi::Message& message) const { return in_flight_ != 0 && message.id == in_flight_; }
    /// The bytes that a reply brought, if any.
    protocols::uart::Read::Reply take_reply(const abi::Message& reply, uint64_t now_ns);
    /// May bytes have been lost before those of the last reply? Asked once a reply.
    bool take_loss() { return std::exchange(lost_, false); }

    /// Sends the next chunk.
    void transmit(OutputQueue& output);

private:
    static constexpr unsigned kWriteTries = 50;
    static constexpr uint64_t kRetryNs = 20'000'000;
    static constexpr uint64_t kDelayMaxNs = 1'000'000'000;

    void failed(uint64_t now_ns);
    Result<> write(std::string_view bytes);

    abi::Handle uart_;
    abi::Handle port_;
    uint64_t in_flight_ = 0;
    uint64_t due_ns_ = 0;
    uint64_t delay_ns_ = 0;    // before the next read, after failures in a row
    bool had_driver_ = false;  // so that a new one is another
    bool lost_ = false;
    bool down_ = false;  // the last chunk was given up
};

}  // namespace portico::terminal
