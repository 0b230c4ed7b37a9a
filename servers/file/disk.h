#pragma once

#include <array>
#include <functional>

#include "protocols/block.h"
#include "runtime/ipc.h"
#include "servers/file/content.h"

namespace portico::file_server {

namespace block = protocols::block;

/// A disk as a file: bytes anywhere, though the driver moves whole sectors. The driver is called asynchronously, so that a slow disk holds
/// up nobody but who reads it.
///
/// Data goes through a memory object that is attached at the driver, in parts: a request owns a part until the driver is done with it, also
/// if its caller has long gone. A driver that dies is asked again; its successor is given the memory anew.
///
/// Ownership: borrows the driver's handle; owns the memory.
/// Locks:     none, the server is one thread.
/// Bound:     kParts requests are with the driver; one write at a time; each has one coroutine.
class Disk final : public Content {
public:
    struct Request {
        ipc::Call call;
        bool writes = false;
        uint64_t offset = 0, length_bytes = 0;
        std::function<void(const Result<uint64_t>&)> end;  ///< with how much was moved
    };

    /// `port`: where the driver's replies come in.
    Disk(abi::Handle driver, abi::Handle port) : driver_(driver), port_(port) {}

    Disk* disk() override { return this; }
    abi::Handle driver() const { return driver_; }

    uint64_t size_bytes() const override { return info_.size_bytes; }
    uint64_t sector_bytes() const { return info_.sector_bytes; }
    bool read_only() const { return (info_.flags & block::kFlagReadOnly) != 0; }
    void set_info(const block::Info::Reply& info) { info_ = info; }

    Result<uint64_t> read(Transfer&, uint64_t, uint64_t) override { return fail(Error::NotSupported); }  // by run()
    Result<uint64_t> write(Transfer&, uint64_t, uint64_t) override { return fail(Error::NotSupported); }

    /// Reads up to the end of the disk; writes likewise, and NoSpace behind it. What was moved before an error counts.
    ipc::Task run(Request request);
    ipc::Task flush(std::function<void(const Result<>&)> end);

private:
    static constexpr unsigned kParts = 4;
    static constexpr uint64_t kPartBytes = 256 << 10;
    static constexpr unsigned kTriesMax = 5;  ///< of one request; init gives up on a driver that ends more often

    /// The whole sectors around the next bytes of a request, and those bytes in them.
    struct Piece {
        uint64_t position = 0, length_bytes = 0;
        uint64_t inner_offset = 0, inner_bytes = 0;
        bool partial() const { return inner_bytes != length_bytes; }
    };
    Piece piece_at(uint64_t offset, uint64_t left_bytes) const;
    Result<> prepare();
    bool take_part(unsigned& part);
    static bool is_lost(const Result<>& outcome) {
        return !outcome && (outcome.error() == Error::PeerClosed || outcome.error() == Error::NotFound);
    }

    abi::Handle driver_;
    abi::Handle port_;
    block::Info::Reply info_{.size_bytes = 0, .sector_bytes = 512, .transfer_bytes_max = 0, .flags = 0};
    OwnedHandle memory_;
    std::byte* mapped_ = nullptr;
    uint64_t buffer_ = 0;  // its number at the driver; 0: to be attached
    bool attaching_ = false;
    ipc::WaitQueue attached_;
    std::array<bool, kParts> taken_{};
    ipc::WaitQueue free_parts_;
    bool writing_ = false;
    ipc::WaitQueue turn_;
};

}  // namespace portico::file_server
