#pragma once

#include <cstdint>
#include <span>

/// Random bytes: ChaCha20 (RFC 8439) keyed from the boot block, RDRAND where there is one, and the time-stamp counter.
namespace portico::posix {

void random_start(std::span<const uint8_t, 16> seed);
/// Stirs in fresh entropy and `distinction`: a forked child must not go on with its parent's sequence.
void random_stir(uint64_t distinction);
/// In a forked child, which has one thread: the generator may have been in use by another when the memory was cloned.
void random_after_fork(uint64_t distinction);
void random_fill(std::span<std::byte> to);

}  // namespace portico::posix
