#include "posix/identities.h"

#include "posix/interruptible.h"

namespace portico::posix {

constinit std::atomic<bool> identities_mapped{false};

Result<> map_identities(Process& process) {
    const auto shared = TRY(settled_call(process.process_server, protocols::process::ShareIdentities{}));
    const uint64_t bytes = shared.count * sizeof(protocols::process::Identity);
    constexpr auto flags = abi::MapFlags::Shared | abi::MapFlags::Fixed | abi::MapFlags::NoReplace | abi::Access::Read;
    const auto mapped =
        native::call(abi::SpaceMap{abi::kSelfSpace, shared.memory, 0, kIdentitiesAddress, bytes, static_cast<uint64_t>(flags)});
    native::close(shared.memory);
    if (!mapped && mapped.error() != Error::Overlap) return fail(mapped.error());  // overlap: another thread was faster
    identities_mapped.store(true, std::memory_order_release);
    return {};
}

}  // namespace portico::posix
