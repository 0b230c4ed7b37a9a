#include <sys/mman.h>

#include <algorithm>

#include "bench/native_rows.h"
#include "bench/payload.h"

/// Calls that carry more than words.
namespace portico::bench {
namespace {

/// What is copied where copies are not to be counted: finding the call and both pages is all there, moving the bytes is not.
constexpr uint64_t kOneWord = 8;

void check_windows(abi::Handle to, std::byte* out, std::byte* in, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 7 + 1);
    call_with_windows(to, out, in, bytes, {bytes, bytes});
    if (!std::equal(out, out + bytes, in)) give_up("the windows' bytes did not come back", bytes);
}

template <uint32_t kBytes, bool kCopied>
void call_by_window(Measure& measure) {
    const Service service(serve_windows);
    std::byte *const out = make_pages(kBytes), *const in = make_pages(kBytes);
    check_windows(service.sender(), out, in, kBytes);
    const uint64_t moved = kCopied ? kBytes : kOneWord;
    measure.each([&] { call_with_windows(service.sender(), out, in, kBytes, {moved, moved}); });
    munmap(out, kBytes);
    munmap(in, kBytes);
}

/// One call with `kPages` pages and its reply with the same ones: two messages, of which one page is reported.
template <uint64_t kPages>
void move_pages(Measure& measure) {
    constexpr uint64_t kBytes = kPages * abi::kPageBytes;
    const Service service([](abi::Handle port) { serve_pages(port, PageMode::Move); }, make_page_channel());
    std::byte* const pages = make_pages(kBytes);
    const auto before = static_cast<uint8_t>(pages[0]);
    const auto there_and_back = [&] { return call_with_pages(service.sender(), pages, kBytes, PageMode::Move); };
    const abi::Error error = there_and_back();
    const int touched = static_cast<uint8_t>(pages[0]) - before;
    if (is_missing(error) || touched == 1) return measure.report_absent("messages carry no pages");  // only this side saw the page
    must(error);
    if (touched != 2) give_up("the page that came back was not the one that was sent", touched);
    const auto checked = [&] { must(there_and_back()); };
    const Figure figure = measure.figure_of(measure.settings().operations, Measure::repeated(checked), [] {});
    measure.report({.minimum = figure.minimum / (2 * kPages), .median = figure.median / (2 * kPages)});
    munmap(pages, kBytes);
}

constexpr Row kRows[] = {
    {"call_window_512", call_by_window<512, false>},
    {"call_window_512_copied", call_by_window<512, true>},
    {"call_window_4096", call_by_window<4096, false>},
    {"call_window_4096_copied", call_by_window<4096, true>},
    {"page_move", move_pages<1>},
    {"page_move_64", move_pages<64>},
};

}  // namespace

const Rows kPayloadRows = kRows;

}  // namespace portico::bench
