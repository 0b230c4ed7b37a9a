#include <algorithm>
#include <vector>

#include "bench/native_rows.h"
#include "bench/payload.h"
#include "runtime/shared_heap.h"

/// The shared heap in the plot of bytes against cost (native_crossover.cpp): a block goes to the server with a call, another comes back
/// with the reply. Either both sides copy in and out, as a program does whose data are elsewhere, or they work in the blocks.
namespace portico::bench {
namespace {

using abi::Handle;
using ipc::BlockName;
using ipc::SharedHeap;

constexpr uint64_t kBytesMin = 8;

/// What one side does with the block it makes and the block it gets; `data` is memory of its own.
struct Manner {
    std::string_view name;
    void (*fill)(std::span<std::byte> block, const std::byte* data);
    void (*use)(const ipc::Untrusted& block, std::byte* data);
};

void copy_in(std::span<std::byte> block, const std::byte* data) {
    __builtin_memcpy(block.data(), data, block.size());
}
void copy_out(const ipc::Untrusted& block, std::byte* data) {
    must(block.copy_to({data, block.length_bytes()}));
}
void touch_each_page(std::span<std::byte> block, const std::byte*) {
    touch(block.data(), block.size());
}
void read_each_page(const ipc::Untrusted& block, std::byte*) {
    const std::span<const volatile std::byte> bytes = block.changing_bytes();
    for (uint64_t at = 0; at < bytes.size(); at += abi::kPageBytes) (void)bytes[at];
}

constexpr Manner kManners[] = {
    {"heap, copied in and out", copy_in, copy_out},
    {"heap, used in place", touch_each_page, read_each_page},
};

/// `handed_over` is for after the message with the name has been sent.
ipc::Block make_block(SharedHeap& heap, const Manner& manner, const std::byte* data, uint64_t bytes) {
    Result<ipc::Block> block = heap.allocate(bytes);
    if (!block) must(block.error());
    manner.fill(block->bytes(), data);
    return std::move(*block);
}
uint64_t use_block(SharedHeap& heap, const Manner& manner, std::byte* data, uint64_t name) {
    const Result<ipc::Untrusted> block = heap.accept(BlockName{name});
    if (!block) must(block.error());
    manner.use(*block, data);
    return block->length_bytes();
}

std::unique_ptr<SharedHeap> answer_connect(Handle port) {
    const native::Received received = must(native::receive(port));
    auto answer = SharedHeap::answer(protocols::unpack<protocols::heap::Connect>(received.message));
    if (!answer) must(answer.error());
    must(ipc::Call(received).reply<protocols::heap::Connect>(answer->reply));
    return std::move(answer->heap);
}

template <unsigned kManner>
void serve_blocks(Handle port) {
    const Manner& manner = kManners[kManner];
    const std::unique_ptr<SharedHeap> heap = answer_connect(port);
    std::byte* const data = make_pages(kPayloadBytesMax);
    ipc::Block sent;
    serve_calls(port, [&](abi::MessageRegisters& registers) {
        sent.handed_over();  // with the reply before: serve_calls would have ended if it had failed
        const uint64_t bytes = use_block(*heap, manner, data, registers.word[0]);
        sent = make_block(*heap, manner, data, bytes);
        registers.word[0] = sent.name().value;
    });
}

void call_with_block(SharedHeap& heap, Handle to, const Manner& manner, std::byte* data, uint64_t bytes) {
    ipc::Block block = make_block(heap, manner, data, bytes);
    abi::MessageRegisters registers{.handle_or_id = to.value, .word = {block.name().value}};
    must(native::message_call<abi::PortCall>(registers));
    block.handed_over();
    use_block(heap, manner, data, registers.word[0]);
}

void check_blocks(SharedHeap& heap, Handle to, const Manner& manner, std::byte* data, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>(i * 7 + 1);
    call_with_block(heap, to, manner, data, bytes);
    for (uint64_t i = 0; i < bytes; ++i)
        if (data[i] != static_cast<std::byte>(i * 7 + 1)) give_up("the block's bytes did not come back", static_cast<int64_t>(i));
}

template <unsigned kManner>
void measure_manner(Measure& measure) {
    const Manner& manner = kManners[kManner];
    const Service service(serve_blocks<kManner>);
    const auto heap = SharedHeap::connect(service.sender());
    if (!heap) must(heap.error());
    std::byte* const data = make_pages(kPayloadBytesMax);
    check_blocks(**heap, service.sender(), manner, data, kPayloadBytesMax);
    std::vector<double> x;
    std::vector<Figure> y;
    for (uint64_t bytes = kBytesMin; bytes <= kPayloadBytesMax; bytes *= 2) {
        const auto call = [&] { call_with_block(**heap, service.sender(), manner, data, bytes); };
        const unsigned count = std::clamp<unsigned>(kPayloadBytesMax / 4 / static_cast<unsigned>(bytes), 2, measure.settings().operations);
        x.push_back(static_cast<double>(bytes));
        y.push_back(measure.figure_of(count, Measure::repeated(call), [] {}));
    }
    measure.report_series(manner.name, x, y);
}

void crossover(Measure& measure) {
    measure_manner<0>(measure);
    measure_manner<1>(measure);
}

constexpr Row kRows[] = {
    {"crossover", crossover},
};

}  // namespace

const Rows kHeapRows = kRows;

}  // namespace portico::bench
