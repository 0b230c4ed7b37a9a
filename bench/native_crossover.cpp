#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <vector>

#include "bench/native_rows.h"
#include "bench/payload.h"

/// The plot of bytes against cost: a call that carries so many bytes to the server, and a reply that brings as many back, by each
/// transport. Pages that came are written to by both sides, as what is copied on write is only then paid for.
namespace portico::bench {
namespace {

using abi::Handle;

/// One transport: how the server serves, what the client does, from how many bytes on.
struct Transport {
    std::string_view name;
    uint64_t bytes_min;
    uint64_t bytes_max;
    void (*serve)(Handle port);
    abi::Error (*call)(Handle to, std::byte* payload, uint64_t bytes);
};

/// Of each transport; the second half of a payload's memory is for what comes back, where that is another place.
constexpr uint64_t kPayloadPlaces = 2;

abi::Error call_inline(Handle to, std::byte* payload, uint64_t bytes) {
    abi::MessageRegisters registers{.handle_or_id = to.value};
    __builtin_memcpy(registers.word, payload, bytes);
    const abi::Error error = native::message_call<abi::PortCall>(registers);
    __builtin_memcpy(payload, registers.word, bytes);
    return error;
}

abi::Error call_window(Handle to, std::byte* payload, uint64_t bytes) {
    call_with_windows(to, payload, payload + kPayloadBytesMax, static_cast<uint32_t>(bytes), {bytes, bytes});
    return abi::Error::None;
}

constexpr std::array kTransports{
    Transport{"inline", 8, 8 * abi::kMessageWords, [](Handle port) { serve_calls(port, [](abi::MessageRegisters&) {}); }, call_inline},
    Transport{"window", 8, kPayloadBytesMax, serve_windows, call_window},
    Transport{"page move", abi::kPageBytes, kPayloadBytesMax, [](Handle port) { serve_pages(port, PageMode::Move); },
              [](Handle to, std::byte* payload, uint64_t bytes) { return call_with_pages(to, payload, bytes, PageMode::Move); }},
    Transport{"page copy", abi::kPageBytes, kPayloadBytesMax, [](Handle port) { serve_pages(port, PageMode::Copy); },
              [](Handle to, std::byte* payload, uint64_t bytes) { return call_with_pages(to, payload, bytes, PageMode::Copy); }},
};

/// Whether the kernel has the transport at all: with pages it must have brought what the server wrote.
bool is_there(const Transport& transport, Handle to, std::byte* payload) {
    if (transport.bytes_min < abi::kPageBytes) return true;
    const auto before = static_cast<uint8_t>(payload[0]);
    const abi::Error error = transport.call(to, payload, transport.bytes_min);
    if (!is_missing(error)) must(error);
    return static_cast<uint8_t>(payload[0]) - before == 2;
}

void measure_transport(Measure& measure, const Transport& transport) {
    const Service service(transport.serve, make_page_channel());
    std::byte* const payload = make_pages(kPayloadPlaces * kPayloadBytesMax);
    std::vector<double> x;
    std::vector<Figure> y;
    if (is_there(transport, service.sender(), payload)) {
        for (uint64_t bytes = transport.bytes_min; bytes <= transport.bytes_max; bytes *= 2) {
            const auto call = [&] { must(transport.call(service.sender(), payload, bytes)); };
            const unsigned count =
                std::clamp<unsigned>(kPayloadBytesMax / 4 / static_cast<unsigned>(bytes), 2, measure.settings().operations);
            x.push_back(static_cast<double>(bytes));
            y.push_back(measure.figure_of(count, Measure::repeated(call), [] {}));
        }
        measure.report_series(transport.name, x, y);
    }
    munmap(payload, kPayloadPlaces * kPayloadBytesMax);
}

void crossover(Measure& measure) {
    for (const Transport& transport : kTransports) measure_transport(measure, transport);
}

constexpr Row kRows[] = {
    {"crossover", crossover},
};

}  // namespace

const Rows kCrossoverRows = kRows;

}  // namespace portico::bench
