#pragma once

#include <string>
#include <vector>

#include "abi/boot_block.h"
#include "servers/init/boot_archive.h"
#include "servers/init/runtime_library.h"
#include "servers/init/services.h"
#include "servers/init/virtio_devices.h"

namespace portico::init {

/// What init was granted and what it tells every server.
struct BootResources {
    const BootArchive& archive;
    const RuntimeLibrary& runtime;
    abi::Handle hardware;  ///< the right to make interrupts, I/O ports, device memory
    uint64_t realtime_offset_ns = 0;
    std::vector<std::string> words;  ///< arguments of every server, after its name
    std::vector<VirtioDevice> disks, shares;
    uint64_t swap_disk_bytes = 0;  ///< as its driver says; 0: it cannot be used

    /// The device of a driver; null if the machine has none for it.
    const VirtioDevice* device_of(const ServiceDescription& description) const;

    /// The name of the disk to swap to; empty if there is none.
    std::string_view swap_disk() const;
};

/// Whether a server is to start at all, on this machine and for what is to be run.
bool is_wanted(const ServiceDescription& description, const BootResources& boot);

/// One server: its port and grants, which last, and its process, of which there is one after the other.
///
/// Ownership: owns port, grants (for ever), account and process handles. Locks: none, init is one thread.
/// Bound: one process at a time; the account bounds its memory.
class Service {
public:
    explicit Service(const ServiceDescription& description) : description_(description) {}

    /// Makes what outlives its processes. `requests` is a send handle to init; `earlier` are the services before it in the table.
    Result<> prepare(const BootResources& boot, const OwnedHandle& requests, std::vector<Service>& earlier);

    /// Starts its program, supervised by `events` with the badge `supervisor_badge`. On error nothing runs.
    Result<> start(const BootResources& boot, abi::Handle events, uint64_t supervisor_badge);

    void kill();
    /// Its process has ended: forgets it and tells its exit code.
    uint64_t bury();

    bool running() const { return static_cast<bool>(process_); }
    std::string_view name() const { return description_.name; }
    Loss loss() const { return description_.loss; }
    /// init's own handle to it.
    const OwnedHandle& client() const { return client_; }
    Result<OwnedHandle> make_client(uint64_t badge) const;

private:
    Result<OwnedHandle> make_device_grant(GrantKind kind, const BootResources& boot);
    Result<OwnedHandle> make_swap_grant(const GrantDescription& grant, const BootResources& boot, const std::vector<Service>& earlier);
    Result<OwnedHandle> make_grant(const GrantDescription& grant, const BootResources& boot, const OwnedHandle& requests,
                                   std::vector<Service>& earlier);
    Result<OwnedHandle> make_process(const BootResources& boot, abi::Handle events, uint64_t supervisor_badge);

    ServiceDescription description_;
    OwnedHandle port_, client_, account_, process_;
    std::vector<abi::Grant> grants_;  // the handles are init's own: they last as long as it does
};

/// Duplicates a handle, with all its rights, into a process's table.
Result<abi::Handle> install(abi::Handle process, abi::Handle handle);

}  // namespace portico::init
