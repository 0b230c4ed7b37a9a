#include <algorithm>
#include <memory>

#include "bench/native_rows.h"
#include "bench/service.h"

/// Calls that carry more than words.
namespace portico::bench {
namespace {

using abi::Handle;
using abi::MessageRegisters;

constexpr uint64_t kBytesMax = 1 << 20;
/// What is copied where copies are not to be counted: finding the call and both pages is all there, moving the bytes is not.
constexpr uint64_t kOneWord = 8;

alignas(abi::kPageBytes) std::byte client_in[kBytesMax], client_out[kBytesMax];
alignas(abi::kPageBytes) std::byte server_buffer[kBytesMax];

/// What the words of a call ask the server to copy.
struct Copies {
    uint64_t read_bytes;
    uint64_t write_bytes;
};

/// Reads from one window and writes the same bytes to the other.
void copy_windows(MessageRegisters& registers) {
    const uint64_t id = registers.r14, buffer = reinterpret_cast<uint64_t>(server_buffer);
    const Copies copies{registers.word[0], registers.word[1]};
    if (copies.read_bytes != 0) must(native::call(abi::WindowRead{id, 0, buffer, copies.read_bytes}));
    if (copies.write_bytes != 0) must(native::call(abi::WindowWrite{id, 0, buffer, copies.write_bytes}));
}

void serve_windows(Handle port) {
    serve_calls(port, copy_windows);
}

/// A call that lends `lent_bytes` each way, of which the server copies what `copies` says.
void call_with_windows(Handle to, uint32_t lent_bytes, Copies copies) {
    MessageRegisters registers{.handle_or_id = to.value, .word = {copies.read_bytes, copies.write_bytes}};
    native::set_windows(registers, {.readable_address = reinterpret_cast<uint64_t>(client_out),
                                    .writable_address = reinterpret_cast<uint64_t>(client_in),
                                    .readable_bytes = lent_bytes,
                                    .writable_bytes = lent_bytes});
    must(native::message_call<abi::PortCall>(registers));
}

void check_bytes_arrive(Handle to, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) client_out[i] = static_cast<std::byte>(i * 7 + 1), client_in[i] = std::byte{0};
    call_with_windows(to, bytes, {bytes, bytes});
    if (!std::equal(client_out, client_out + bytes, client_in)) give_up("the windows' bytes did not come back", bytes);
}

template <uint32_t kBytes, bool kCopied>
void call_by_window(Measure& measure) {
    const Service service(serve_windows);
    check_bytes_arrive(service.sender(), kBytes);
    const uint64_t moved = kCopied ? kBytes : kOneWord;
    measure.each([&] { call_with_windows(service.sender(), kBytes, {moved, moved}); });
}

/// The plot of bytes against cost: a call whose request carries `bytes` to the server, which has them in its own memory then.
void crossover(Measure& measure) {
    const Service service(serve_windows);
    std::vector<double> inline_x, window_x;
    std::vector<Figure> inline_y, window_y;
    for (uint32_t bytes = 8; bytes <= 8 * abi::kMessageWords; bytes += 8) {
        const auto call = [&] { call_with_windows(service.sender(), 0, {0, 0}); };
        inline_x.push_back(bytes);
        inline_y.push_back(measure.figure_of(measure.settings().operations, Measure::repeated(call), [] {}));
    }
    for (uint32_t bytes = 8; bytes <= kBytesMax; bytes *= 4) {
        const auto call = [&] { call_with_windows(service.sender(), bytes, {bytes, 0}); };
        const unsigned count = std::clamp<unsigned>((1u << 20) / bytes, 2, measure.settings().operations);
        window_x.push_back(bytes);
        window_y.push_back(measure.figure_of(count, Measure::repeated(call), [] {}));
    }
    measure.report_series("inline", inline_x, inline_y);
    measure.report_series("window", window_x, window_y);
}

constexpr Row kRows[] = {
    {"call_window_512", call_by_window<512, false>},
    {"call_window_512_copied", call_by_window<512, true>},
    {"call_window_4096", call_by_window<4096, false>},
    {"call_window_4096_copied", call_by_window<4096, true>},
    {"crossover", crossover},
};

}  // namespace

const Rows kPayloadRows = kRows;

}  // namespace portico::bench
