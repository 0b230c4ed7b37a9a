#include <sys/mman.h>

#include <cstdio>

#include "runtime/boot.h"
#include "runtime/ipc.h"
#include "servers/block_store/driver_store.h"
#include "servers/swap/kernel_pages.h"
#include "servers/swap/space.h"

/// The pager of the swap object. Grants: swap.port, swap.disk (the driver), swap.memory (the swap object), swap.map (memory for the slot
/// map, as the predecessor left it).
namespace portico::swap {
namespace {

struct Server {
    Space& space;

    void on_page_in(uint64_t, const abi::PageInWords& words) {
        space.page_in(words.offset_bytes / kPageBytes, words.length_bytes / kPageBytes);
    }
    void on_page_out(uint64_t, const abi::PageOutWords& words) {
        space.page_out(words.offset_bytes / kPageBytes, words.length_bytes / kPageBytes);
    }
};

/// All of it, with its pages: nothing is allocated later.
Result<std::span<std::byte>> map(abi::Handle memory, uint64_t size_bytes) {
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::ReadWrite);
    const uint64_t address = TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory, 0, 0, size_bytes, flags})).address;
    const std::span bytes(reinterpret_cast<std::byte*>(address), size_bytes);
    for (uint64_t at = 0; at < size_bytes; at += kPageBytes) {
        volatile std::byte& touched = bytes[at];
        touched = touched;
    }
    return bytes;
}

Result<std::span<std::byte>> private_pages() {
    constexpr uint64_t kBytes = kPagesAtOnce * kPageBytes;
    void* const address = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (address == MAP_FAILED) return fail(Error::NoMemory);
    return std::span(static_cast<std::byte*>(address), kBytes);
}

Result<> run() {
    static block_store::DriverStore disk = TRY(block_store::DriverStore::open(boot::grant("swap.disk")));
    const Layout layout = Layout::of_disk(disk.size_bytes());
    static SlotMap slots(layout, TRY(map(boot::grant("swap.map"), layout.map_bytes())));
    static KernelPages pages(boot::grant("swap.memory"));
    static Space space(slots, pages, disk, {.landing = TRY(private_pages()), .reading = TRY(private_pages())});
    // Makes itself known as the pager: what its predecessor was asked for and did not do is asked of it, also if nothing new comes.
    TRY(native::call(abi::MemoryDetach{boot::grant("swap.memory"), 0, 0, kPageBytes, static_cast<uint64_t>(abi::DetachMode::Drop)}));
    Server server{space};
    fprintf(stderr, "swap: %llu pages, %llu spare slots\n", static_cast<unsigned long long>(layout.pages),
            static_cast<unsigned long long>(slots.spares_left()));
    ipc::run(server, boot::grant("swap.port"));
}

}  // namespace
}  // namespace portico::swap

int main() {
    const portico::Result<> result = portico::swap::run();
    fprintf(stderr, "swap: cannot start: %s\n", portico::abi::name_of(result.error()).data());
    return 1;
}
