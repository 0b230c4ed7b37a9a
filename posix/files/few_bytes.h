#pragma once

#include <optional>

#include "posix/files/descriptor.h"
#include "posix/thread.h"

/// Reads and writes of pipes and stream sockets by few instructions (protocols/few_bytes.h): bytes that fit go in a message's words.
namespace portico::posix {

/// Descriptors that Take and Put may be tried on.
inline bool is_stream_kind(protocols::file::Kind kind) {
    return kind == protocols::file::Kind::Fifo || kind == protocols::file::Kind::Socket;
}

/// What read and write return; nothing if it is to be done the general way, in which case nothing has happened.
std::optional<int64_t> take_from_stream(Thread& thread, const Descriptor& from, uint64_t address, uint64_t length_bytes);
std::optional<int64_t> put_to_stream(Thread& thread, const Descriptor& to, uint64_t address, uint64_t length_bytes);

}  // namespace portico::posix
