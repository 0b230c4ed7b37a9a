#pragma once

#include "bench/service.h"

/// Ways to carry bytes with a call and bring them back with its reply: for each what the server does, and the call itself.
namespace portico::bench {

inline constexpr uint64_t kPayloadBytesMax = abi::kMessagePagesMax * abi::kPageBytes;

/// How much a server copies from and to the windows of a call: the words of the call tell it.
struct Copies {
    uint64_t read_bytes;
    uint64_t write_bytes;
};

/// Reads from one window into the server's memory, and writes the same bytes to the other.
void serve_windows(abi::Handle port);
/// Lends `bytes` each way, of which the server copies what `copies` says.
void call_with_windows(abi::Handle to, const std::byte* out, std::byte* in, uint32_t bytes, Copies copies);

/// Whether pages leave their sender, or both sides have them and copy on write.
enum class PageMode { Move, Copy };

/// Sends the pages that came back to where they came from.
void serve_pages(abi::Handle port, PageMode mode);
/// The pages of a range go and come back. Errors: of the call.
abi::Error call_with_pages(abi::Handle to, std::byte* pages, uint64_t bytes, PageMode mode);
/// A port and a sender whose messages may carry pages.
Channel make_page_channel();

/// A page-aligned range of private memory whose pages are there.
std::byte* make_pages(uint64_t bytes);
/// Writes to every page of a range, as one who uses it would.
void touch(std::byte* pages, uint64_t bytes);

}  // namespace portico::bench
