#pragma once

#include "posix/files/transfer.h"
#include "protocols/event.h"

/// Descriptors of the kinds that only exist to be waited for: what read and write do with them.
namespace portico::posix {

namespace event = protocols::event;

constexpr bool is_event_kind(protocols::file::Kind kind) {
    using enum protocols::file::Kind;
    return kind == Event || kind == Timer || kind == SignalSet || kind == Epoll;
}

/// The bytes moved, or a negative errno.
int64_t read_event(Thread& thread, const OpenNumber& from, uint64_t address, uint64_t length_bytes);
int64_t write_event(Thread& thread, const OpenNumber& to, uint64_t address, uint64_t length_bytes);

/// read of a signalfd.
int64_t read_signals(Thread& thread, const OpenNumber& from, uint64_t address, uint64_t length_bytes);

}  // namespace portico::posix
