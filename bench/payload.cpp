#include "bench/payload.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace portico::bench {
namespace {

using abi::Handle;
using abi::Header;
using abi::MessageKind;
using abi::MessageRegisters;

uint64_t address_of(const std::byte* memory) {
    return reinterpret_cast<uint64_t>(memory);
}

}  // namespace

void serve_windows(Handle port) {
    std::byte* const buffer = make_pages(kPayloadBytesMax);
    serve_calls(port, [buffer](MessageRegisters& registers) {
        const uint64_t id = registers.r14;
        const Copies copies{registers.word[0], registers.word[1]};
        if (copies.read_bytes != 0) must(native::call(abi::WindowRead{id, 0, address_of(buffer), copies.read_bytes}));
        if (copies.write_bytes != 0) must(native::call(abi::WindowWrite{id, 0, address_of(buffer), copies.write_bytes}));
    });
}

void call_with_windows(Handle to, const std::byte* out, std::byte* in, uint32_t bytes, Copies copies) {
    MessageRegisters registers{.handle_or_id = to.value, .word = {copies.read_bytes, copies.write_bytes}};
    native::set_windows(
        registers,
        {.readable_address = address_of(out), .writable_address = address_of(in), .readable_bytes = bytes, .writable_bytes = bytes});
    must(native::message_call<abi::PortCall>(registers));
}

void serve_pages(Handle port, PageMode mode) {
    std::byte* const pages = make_pages(kPayloadBytesMax);
    const Header header = Header{}.with_pages(mode == PageMode::Copy);
    for (;;) {
        MessageRegisters registers{.handle_or_id = port.value, .r15 = address_of(pages), .rbx = kPayloadBytesMax << 32};
        must(native::message_call<abi::PortReceive>(registers));
        if (registers.header.kind() == MessageKind::Notification) return;
        const uint64_t bytes = registers.rbx & 0xFFFF'FFFF;
        touch(pages, bytes);
        MessageRegisters reply{.handle_or_id = registers.handle_or_id, .header = header, .r14 = address_of(pages), .rbx = bytes};
        must(native::message_call<abi::PortReply>(reply));
    }
}

abi::Error call_with_pages(Handle to, std::byte* pages, uint64_t bytes, PageMode mode) {
    MessageRegisters registers{.handle_or_id = to.value,
                               .header = Header{}.with_pages(mode == PageMode::Copy),
                               .r14 = address_of(pages),
                               .r15 = address_of(pages),
                               .rbx = bytes | bytes << 32};
    const abi::Error error = native::message_call<abi::PortCall>(registers);
    if (error == abi::Error::None) touch(pages, bytes);
    return error;
}

Channel make_page_channel() {
    const Handle port = must(native::call(abi::PortCreate{})).port;
    return {port, must(native::call(abi::PortBadge{port, 1, 16, abi::kMessagePagesMax})).sender};
}

std::byte* make_pages(uint64_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("mmap", errno);
    auto* pages = static_cast<std::byte*>(memory);
    std::fill_n(pages, bytes, std::byte{1});
    return pages;
}

void touch(std::byte* pages, uint64_t bytes) {
    for (uint64_t at = 0; at < bytes; at += abi::kPageBytes) pages[at] = static_cast<std::byte>(static_cast<uint8_t>(pages[at]) + 1);
}

}  // namespace portico::bench
