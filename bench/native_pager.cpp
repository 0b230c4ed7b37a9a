#include <sys/mman.h>

#include "bench/native_rows.h"
#include "bench/service.h"
#include "protocols/pager.h"
#include "runtime/launch.h"
#include "runtime/pager.h"

/// Memory whose pages another process supplies.
namespace portico::bench {
namespace {

using protocols::Method;
namespace protocol = protocols::pager;

constexpr uint64_t kPage = abi::kPageBytes;

struct TakePage {
    static constexpr Method method{1, "TakePage", "Get a dirty page out of the object."};
    using Reply = protocols::Empty;
    uint64_t offset_bytes;
};
struct TakeAll {
    static constexpr Method method{2, "TakeAll", "Get all pages out of the object."};
    using Reply = protocols::Empty;
};
using PagerBench = protocols::MethodList<TakePage, TakeAll>;

std::span<std::byte> map_pages(uint64_t pages) {
    void* const address = mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) give_up("mmap", errno);
    return {static_cast<std::byte*>(address), pages * kPage};
}

/// Supplies the one page that is missed, and keeps nothing.
class Pager {
public:
    Pager(abi::Handle port, uint64_t size_bytes) : sender_(must(native::call(abi::PortBadge{port, 5, 4})).sender), size_bytes_(size_bytes) {
        Result<ipc::PagedMemory> made = ipc::PagedMemory::create(sender_.get(), size_bytes);
        if (!made) give_up("memory_create_paged", static_cast<int64_t>(made.error()));
        memory_ = std::move(*made);
    }
    Result<protocol::Open::Reply> on(const ipc::Call&, const protocol::Open&) {
        using enum abi::Rights;
        return protocol::Open::Reply{.size_bytes = size_bytes_, .memory = TRY(memory_.share(Read | Write | Map | Transfer)).release()};
    }
    Result<protocols::Empty> on(const ipc::Call&, const TakePage& request) {
        const uint64_t taken =
            TRY(memory_.evict(request.offset_bytes, kPage, landing_.first(kPage), [](uint64_t, std::span<std::byte>) {}));
        if (taken != 1) return fail(Error::NotFound);
        return protocols::Empty{};
    }
    Result<protocols::Empty> on(const ipc::Call&, const TakeAll&) {
        TRY(memory_.evict(0, size_bytes_, landing_, [](uint64_t, std::span<std::byte>) {}));
        return protocols::Empty{};
    }
    void on_page_in(uint64_t, const abi::PageInWords& missing) {
        page_[0] = std::byte{7};  // its pages went away with the last one
        must(memory_.supply(missing.offset_bytes, page_));
    }

private:
    OwnedHandle sender_;
    ipc::PagedMemory memory_;
    uint64_t size_bytes_;
    std::span<std::byte> page_ = map_pages(1), landing_ = map_pages(ipc::PagedMemory::kPagesMax);
};

/// A client's view of such memory, and the process that supplies it.
class PagedRows {
public:
    explicit PagedRows(uint64_t pages)
        : pages_(pages),
          service_(
              [pages](abi::Handle port) {
                  Pager pager(port, pages * kPage);
                  ipc::serve_until_unused(pager, port, PagerBench{}, protocol::Protocol{});
              },
              make_channel()) {
        const auto opened = ipc::call(service_.sender(), protocol::Open{});
        if (!opened) give_up("pager.open", static_cast<int64_t>(opened.error()));
        const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::ReadWrite);
        base_ = reinterpret_cast<volatile std::byte*>(
            must(native::call(abi::SpaceMap{abi::kSelfSpace, opened->memory, 0, 0, pages * kPage, flags})).address);
        native::close(opened->memory);
    }
    ~PagedRows() { (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, reinterpret_cast<uint64_t>(base_), pages_ * kPage}); }

    volatile std::byte& page(uint64_t index) { return base_[index % pages_ * kPage]; }
    template <class M>
    void ask(const M& request) {
        if (const auto reply = ipc::call(service_.sender(), request); !reply) must(reply.error());
    }
    void take_all() { ask(TakeAll{}); }

private:
    static Channel make_channel() {
        const abi::Handle port = must(native::call(abi::PortCreate{})).port;
        return {port, must(native::call(abi::PortBadge{port, ipc::kLauncherBadge, Channel::kCredits})).sender};
    }
    uint64_t pages_;
    Service service_;
    volatile std::byte* base_ = nullptr;
};

/// The read of an absent page: fault, PageIn, the pager's own fault on its empty buffer, supply, the page is mapped.
void page_in(Measure& measure) {
    const unsigned pages = measure.settings().operations;
    PagedRows rows(pages);
    unsigned next = 0, wrong = 0;
    measure.each_then(pages, [&] { wrong += rows.page(next++) != std::byte{7}; }, [&] { rows.take_all(); });
    if (wrong != 0) give_up("pages that were not supplied", wrong);
}

/// A call after which one dirty page is its pager's: out of the mapping, no CPU has it, and back.
void page_out(Measure& measure) {
    const unsigned pages = measure.settings().operations;
    PagedRows rows(pages);
    const auto make_dirty = [&] {
        for (unsigned i = 0; i < pages; ++i) rows.page(i) = std::byte{1};
    };
    make_dirty();
    unsigned next = 0;
    measure.each_then(pages, [&] { rows.ask(TakePage{next++ % pages * kPage}); }, make_dirty);
}

constexpr Row kRows[] = {{"pager_page_in", page_in}, {"pager_page_out", page_out}};

}  // namespace

const Rows kPagerRows = kRows;

}  // namespace portico::bench
