#include "servers/file/kernel_pages.h"

#include <sys/mman.h>

#include <array>

namespace portico::file_server {
namespace {

constexpr uint64_t kCredits = 4;  // of the handle by which the kernel asks; it needs none for that

Result<std::span<std::byte>> private_pages() {
    constexpr uint64_t kBytes = Pages::kPagesAtOnce * Pages::kPageBytes;
    void* const address = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return fail(Error::NoMemory);
    return std::span(static_cast<std::byte*>(address), kBytes);
}

}  // namespace

KernelPages::~KernelPages() {
    source_.owners_.erase(badge_);
}

Result<> KernelPages::clear(uint64_t offset, uint64_t length_bytes) {
    static constexpr std::array<std::byte, kPageBytes> kZeros{};
    for (uint64_t done = 0; done < length_bytes;) {
        const uint64_t part = std::min(length_bytes - done, kPageBytes);
        TRY(native::call(abi::MemoryWrite{memory_.handle(), offset + done, reinterpret_cast<uint64_t>(kZeros.data()), part}));
        done += part;
    }
    return {};
}

Result<Pages::Bits> KernelPages::take_dirty(uint64_t offset, std::span<std::byte> landing, bool keep) {
    const auto address = reinterpret_cast<uint64_t>(landing.data());
    const auto bits = TRY(native::call(abi::MemoryDetach{memory_.handle(), offset, address, landing.size(), keep}));
    return Bits{.present = bits.present, .dirty = bits.dirty};
}

/// Nothing lands and everything stays.
Result<Pages::Bits> KernelPages::look_at(uint64_t offset, uint64_t length_bytes) {
    const auto bits = TRY(native::call(abi::MemoryDetach{memory_.handle(), offset, 0, length_bytes, 1}));
    return Bits{.present = bits.present, .dirty = bits.dirty};
}

/// We have two handles, and perhaps a mapping.
bool KernelPages::is_shared() const {
    abi::MemoryInfo info;
    if (!native::call(abi::MemoryQuery{memory_.handle(), reinterpret_cast<uint64_t>(&info)})) return true;
    return info.references > 2 + (mapping_->is_mapped() ? 1u : 0u);
}

Result<std::unique_ptr<KernelPageSource>> KernelPageSource::create(abi::Handle port, KernelMemorySource& mappings) {
    const std::span<std::byte> buffer = TRY(private_pages()), landing = TRY(private_pages());
    return std::unique_ptr<KernelPageSource>(new KernelPageSource(port, mappings, buffer, landing));
}

Result<std::unique_ptr<Pages>> KernelPageSource::create(PageOwner& owner, uint64_t size_bytes) {
    const uint64_t badge = next_badge_++;
    OwnedHandle sender(TRY(native::call(abi::PortBadge{port_, badge, kCredits})).sender);
    ipc::PagedMemory memory = TRY(ipc::PagedMemory::create(sender.get(), size_bytes));
    using enum abi::Rights;
    constexpr auto kRights = static_cast<uint64_t>(Read | Write | Map | Control);
    OwnedHandle second(TRY(native::call(abi::HandleDuplicate{memory.handle(), kRights})).handle);
    auto mapping = std::make_unique<KernelMemory>(mappings_, std::move(second), size_bytes);
    owners_.emplace(badge, &owner);
    return std::make_unique<KernelPages>(*this, badge, std::move(sender), std::move(memory), std::move(mapping));
}

/// Before the kernel begins to take pages, which it does at a 32nd, and only for who faults.
bool KernelPageSource::is_memory_short() {
    abi::SystemInfo info;
    if (!native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&info)})) return false;
    return info.free_bytes < info.memory_bytes / 16;
}

void KernelPageSource::page_in(uint64_t badge, const abi::PageInWords& words) {
    const auto found = owners_.find(badge);
    if (found != owners_.end()) found->second->page_in(words.offset_bytes, words.length_bytes);
}

void KernelPageSource::page_out(uint64_t badge, const abi::PageOutWords& words) {
    const auto found = owners_.find(badge);
    if (found != owners_.end()) found->second->page_out(words.offset_bytes, words.length_bytes);
}

}  // namespace portico::file_server
