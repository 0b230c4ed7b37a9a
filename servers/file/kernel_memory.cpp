#include "servers/file/kernel_memory.h"

#include <algorithm>
#include <bit>

namespace portico::file_server {
namespace {

constexpr uint64_t whole_pages(uint64_t bytes) {
    return (bytes + abi::kPageBytes - 1) & ~(abi::kPageBytes - 1);
}

/// Cuts an object of whole pages at `bytes` and makes it whole pages again: the bytes between become zero.
Result<> shrink(abi::Handle memory, uint64_t bytes) {
    TRY(native::call(abi::MemoryResize{memory, bytes}));
    if (bytes % abi::kPageBytes != 0) TRY(native::call(abi::MemoryResize{memory, whole_pages(bytes)}));
    return {};
}

}  // namespace

KernelMemory::KernelMemory(KernelMemorySource& source, OwnedHandle memory, uint64_t size_bytes, bool of_archive)
    : source_(source),
      memory_(std::move(memory)),
      of_archive_(of_archive),
      size_bytes_(size_bytes),
      capacity_bytes_(whole_pages(size_bytes)) {
    abi::MemoryInfo info;
    if (native::call(abi::MemoryQuery{memory_.get(), reinterpret_cast<uint64_t>(&info)})) id_ = info.id;
    source_.all_.insert(this);
}

KernelMemory::~KernelMemory() {
    unmap();
    source_.forget_owner(id_);
    source_.all_.erase(this);
}

Result<> KernelMemory::resize(uint64_t size_bytes) {
    // The tail of the last page is zero: the kernel clears it when the object shrinks, and growing inside it is free.
    if (size_bytes < size_bytes_) {
        TRY(shrink(memory_.get(), size_bytes));
        capacity_bytes_ = whole_pages(size_bytes);
    } else if (size_bytes > capacity_bytes_) {
        TRY(native::call(abi::MemoryResize{memory_.get(), whole_pages(size_bytes)}));
        capacity_bytes_ = whole_pages(size_bytes);
    }
    size_bytes_ = size_bytes;
    return {};
}

Result<std::byte*> KernelMemory::map(uint64_t offset, uint64_t length_bytes) {
    const bool mapped = map_bytes_ != 0 && offset >= map_offset_ && offset + length_bytes <= map_offset_ + map_bytes_;
    if (!mapped)
        TRY(map_around(offset));
    else
        source_.used(*this);
    if (offset + length_bytes > map_offset_ + map_bytes_) return fail(Error::TooLarge);
    return reinterpret_cast<std::byte*>(map_address_ + (offset - map_offset_));
}

Result<> KernelMemory::map_around(uint64_t offset) {
    unmap();
    uint64_t start = 0;
    uint64_t bytes = std::bit_ceil(std::max(capacity_bytes_ + capacity_bytes_ / 2, kMapBytesMin));  // room to grow into
    if (bytes > kMapBytesMax) {
        start = offset & ~(kMapBytesMax / 2 - 1);
        bytes = kMapBytesMax;
    }
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::ReadWrite);
    map_address_ = TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory_.get(), start, 0, bytes, flags})).address;
    map_offset_ = start;
    map_bytes_ = bytes;
    source_.add(*this);
    return {};
}

void KernelMemory::unmap() {
    if (map_bytes_ == 0) return;
    (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, map_address_, map_bytes_});
    map_bytes_ = 0;
    source_.recent_.erase(recent_position_);
}

uint64_t KernelMemory::resident_bytes() const {
    abi::MemoryInfo info;
    if (!native::call(abi::MemoryQuery{memory_.get(), reinterpret_cast<uint64_t>(&info)})) return 0;
    return info.resident_bytes;
}

void KernelMemorySource::add(KernelMemory& memory) {
    if (recent_.size() >= kMappingsMax) recent_.back()->unmap();
    memory.recent_position_ = recent_.insert(recent_.begin(), &memory);
}

Result<std::unique_ptr<FileMemory>> KernelMemorySource::create() {
    OwnedHandle memory(TRY(native::call(abi::MemoryCreate{abi::kPageBytes})).memory);
    return std::make_unique<KernelMemory>(*this, std::move(memory), 0);
}

Result<std::unique_ptr<FileMemory>> KernelMemorySource::copy_of_archive(std::span<const std::byte> part) {
    const auto offset = static_cast<uint64_t>(part.data() - archive_bytes_.data());
    if (offset % abi::kPageBytes == 0) {
        OwnedHandle memory(TRY(native::call(abi::MemoryClone{archive_, offset, whole_pages(part.size())})).memory);
        TRY(shrink(memory.get(), part.size()));  // what follows in the archive is not the file's
        return std::make_unique<KernelMemory>(*this, std::move(memory), part.size(), true);
    }
    OwnedHandle memory(TRY(native::call(abi::MemoryCreate{whole_pages(part.size())})).memory);
    TRY(native::call(abi::MemoryWrite{memory.get(), 0, reinterpret_cast<uint64_t>(part.data()), part.size()}));
    return std::make_unique<KernelMemory>(*this, std::move(memory), part.size());
}

MemorySpace KernelMemorySource::space() const {
    abi::AccountInfo account;
    abi::SystemInfo system;
    if (!native::call(abi::AccountQuery{abi::kSelfAccount, reinterpret_cast<uint64_t>(&account)})) return {};
    if (!native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)})) return {};
    const uint64_t payable_bytes = account.limit_bytes - std::min(account.used_bytes, account.limit_bytes);
    const uint64_t usable_bytes = std::min(payable_bytes, system.free_bytes);
    return {.total_bytes = std::min(account.limit_bytes, system.memory_bytes),
            .free_bytes = usable_bytes - std::min(usable_bytes, kReserveBytes)};
}

uint64_t KernelMemorySource::cached_bytes() const {
    uint64_t bytes = archive_bytes_.size();
    for (const KernelMemory* memory : all_)
        if (!memory->of_archive_) bytes += memory->resident_bytes();
    return bytes;
}

Result<> KernelMemorySource::admit(uint64_t bytes) {
    if (bytes > allowance_bytes_) {
        const uint64_t free_bytes = space().free_bytes;
        if (bytes > free_bytes) return fail(Error::NoSpace);
        // Others use memory too, so only a part of it is given away before the next look.
        allowance_bytes_ = std::max(bytes, free_bytes / 8);
    }
    allowance_bytes_ -= bytes;
    return {};
}

}  // namespace portico::file_server
