#include "servers/block_store/driver_store.h"

#include <algorithm>
#include <bit>

#include "runtime/ipc.h"

namespace portico::block_store {
namespace {

namespace block = protocols::block;

constexpr unsigned kTriesMax = 5;  // init gives up on a driver that ends more often

template <class M>
Result<typename M::Reply> ask(abi::Handle driver, const M& request, const ipc::Lend& lend = {}) {
    for (unsigned tries = 1;; ++tries) {
        const Result<typename M::Reply> reply = ipc::call(driver, request, lend);
        if (reply || reply.error() != Error::PeerClosed) return reply;
        if (tries == kTriesMax) return fail(Error::IoError);
    }
}

}  // namespace

Result<DriverStore> DriverStore::open(abi::Handle driver) {
    const Result<block::Info::Reply> info = ask(driver, block::Info{});
    if (!info || !std::has_single_bit(info->sector_bytes) || info->sector_bytes > 4096 || info->transfer_bytes_max < 4096)
        return fail(Error::NoDevice);
    return DriverStore(driver, *info);
}

Result<> DriverStore::read(uint64_t position, std::span<std::byte> to) {
    while (!to.empty()) {
        const std::span<std::byte> part = to.first(std::min<uint64_t>(to.size(), info_.transfer_bytes_max & ~uint64_t{4095}));
        TRY(ask(driver_, block::Read{.position_bytes = position, .length_bytes = part.size()}, {.writable = part}));
        position += part.size();
        to = to.subspan(part.size());
    }
    return {};
}

Result<> DriverStore::write(uint64_t position, std::span<const std::byte> from) {
    while (!from.empty()) {
        const std::span<const std::byte> part = from.first(std::min<uint64_t>(from.size(), info_.transfer_bytes_max & ~uint64_t{4095}));
        TRY(ask(driver_, block::Write{.position_bytes = position, .length_bytes = part.size()}, {.readable = part}));
        position += part.size();
        from = from.subspan(part.size());
    }
    return {};
}

Result<> DriverStore::flush() {
    if (read_only() || (info_.flags & block::kFlagFlush) == 0) return {};
    TRY(ask(driver_, block::Flush{}));
    return {};
}

}  // namespace portico::block_store
