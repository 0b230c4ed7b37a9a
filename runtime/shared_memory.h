#pragma once

#include <memory>

#include "runtime/handle.h"
#include "runtime/one_way_memory.h"

/// The kernel's memory objects as one-way memory.
namespace portico::ipc {

/// A memory object of this process, mapped here for writing.
///
/// Ownership: owns handle and mapping. The memory lives on while the peer has a handle or a mapping. A child of fork does not see it.
/// Errors:    touching it when the account cannot pay is a fault of this process, as with any of its memory.
class MappedOwnMemory final : public OwnMemory {
public:
    static Result<std::unique_ptr<MappedOwnMemory>> create(uint64_t size_bytes, uint64_t bytes_max) {
        OwnedHandle memory(TRY(native::call(abi::MemoryCreate{size_bytes, static_cast<uint64_t>(abi::MemoryFlags::GrowOnly)})).memory);
        constexpr auto kFlags = abi::MapFlags::Shared | abi::MapFlags::NoInherit | abi::Access::ReadWrite;
        const uint64_t address =
            TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory.get(), 0, 0, bytes_max, static_cast<uint64_t>(kFlags)})).address;
        return std::unique_ptr<MappedOwnMemory>(new MappedOwnMemory(std::move(memory), address, size_bytes, bytes_max));
    }
    ~MappedOwnMemory() override { (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, reinterpret_cast<uint64_t>(base()), bytes_max()}); }

    /// A handle for the peer, with which it can read and nothing else.
    Result<OwnedHandle> reader() const {
        using enum abi::Rights;
        return memory_.duplicate(Read | Map | Transfer | Duplicate);
    }

private:
    MappedOwnMemory(OwnedHandle memory, uint64_t address, uint64_t size_bytes, uint64_t bytes_max)
        : OwnMemory(reinterpret_cast<std::byte*>(address), size_bytes, bytes_max), memory_(std::move(memory)) {}
    Result<> resize(uint64_t size_bytes) override { return native::call(abi::MemoryResize{memory_.get(), size_bytes}); }

    OwnedHandle memory_;
};

/// A memory object that the peer made, mapped here for reading.
///
/// Ownership: owns handle and mapping. The peer's death changes nothing about them.
class MappedPeerMemory final : public PeerMemory {
public:
    /// `memory` came in a message. Errors: BadProtocol if the peer could take pages away, or there are less than `bytes_min`.
    static Result<std::unique_ptr<MappedPeerMemory>> create(OwnedHandle memory, uint64_t bytes_min, uint64_t bytes_max) {
        const abi::MemoryInfo info = TRY(query(memory.get()));
        if (!has(info.flags, abi::MemoryFlags::GrowOnly) || info.size_bytes < bytes_min) return fail(Error::BadProtocol);
        constexpr auto kFlags = abi::MapFlags::Shared | abi::MapFlags::NoInherit | abi::Access::Read;
        const uint64_t address =
            TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory.get(), 0, 0, bytes_max, static_cast<uint64_t>(kFlags)})).address;
        return std::unique_ptr<MappedPeerMemory>(new MappedPeerMemory(std::move(memory), address, bytes_max));
    }
    ~MappedPeerMemory() override { (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, reinterpret_cast<uint64_t>(base()), bytes_max_}); }

private:
    MappedPeerMemory(OwnedHandle memory, uint64_t address, uint64_t bytes_max)
        : PeerMemory(reinterpret_cast<const std::byte*>(address), bytes_max), memory_(std::move(memory)), bytes_max_(bytes_max) {}

    static Result<abi::MemoryInfo> query(abi::Handle memory) {
        abi::MemoryInfo info;
        TRY(native::call(abi::MemoryQuery{memory, reinterpret_cast<uint64_t>(&info)}));
        return info;
    }
    uint64_t query_size() override {
        const Result<abi::MemoryInfo> info = query(memory_.get());
        return info ? info->size_bytes : 0;
    }

    OwnedHandle memory_;
    uint64_t bytes_max_;
};

}  // namespace portico::ipc
