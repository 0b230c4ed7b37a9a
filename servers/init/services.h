#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "protocols/file.h"
#include "protocols/init.h"
#include "protocols/process.h"
#include "protocols/sysv.h"

/// The system's servers: the one place that says what each is granted and whom it may talk to.
///
/// A server starts with the arguments of init (the kernel's command line), then the words of boot/run that are not about the first
/// program (RunRequest::server_words).
namespace portico::init {

enum class GrantKind : uint8_t {
    None,
    OwnPort,          ///< the receive handle of the server's port; init keeps another, so that it outlives the server
    Client,           ///< a send handle to `server`, with `badge`; none if that server is not wanted
    Archive,          ///< the boot archive's memory object
    Inspection,       ///< the right to list what is in the kernel, and to do nothing with it
    Supervisor,       ///< a send handle to init's own port, for protocols/init.h
    SerialPorts,      ///< the first serial line's I/O ports
    SerialInterrupt,  ///< its interrupt, which raises bit 0 at the server's own port
    DeviceRegisters,  ///< of the service's device (ServiceDescription::device_kind): its registers
    DeviceInterrupt,  ///< its interrupt, which raises bit 0 at the server's own port
    DeviceMemory,     ///< RAM that the device may use; it outlives the driver, for the device may still write when that is gone
    SwapDisk,         ///< a send handle to the driver of the disk to swap to, with `badge`
    SwapMemory,       ///< the swap object (docs/swap.md), whose pager the server is
    SwapMap,          ///< memory for its slot map
};

struct GrantDescription {
    std::string_view name{};
    GrantKind kind = GrantKind::None;
    std::string_view server{};
    uint64_t badge = 0;
};

/// What the end of a server means.
enum class Loss : uint8_t {
    Restart,    ///< it kept nothing: a new one goes on at the same port
    EndSystem,  ///< what it knew of its clients is gone, and with it the system
};

/// What a driver drives; which of the devices of a kind, device_number says.
enum class DeviceKind : uint8_t { None, Disk, Share };

inline constexpr unsigned kDisksMax = 8, kSharesMax = 4;
/// Badges of those who use a disk: what they attach is theirs.
inline constexpr uint64_t kFileDiskBadge = 1, kSwapDiskBadge = 2;

struct ServiceDescription {
    std::string_view name;  ///< its program is boot/NAME
    Loss loss;
    uint64_t client_badge;  ///< of init's own handle to it
    std::array<GrantDescription, 24> grants;
    std::string_view wanted_by{};               ///< it only starts if boot/run has this word; swap=: if there is a disk to swap to
    DeviceKind device_kind = DeviceKind::None;  ///< it only starts if the machine has that many of them
    unsigned device_number = 0;
    std::string_view program{};  ///< if it is not boot/NAME
};

constexpr ServiceDescription driver(std::string_view name, std::string_view program, DeviceKind kind, unsigned number) {
    return {.name = name,
            .loss = Loss::Restart,
            .client_badge = 0,
            .grants = {{{"device.port", GrantKind::OwnPort},
                        {"device.registers", GrantKind::DeviceRegisters},
                        {"device.interrupt", GrantKind::DeviceInterrupt},
                        {"device.memory", GrantKind::DeviceMemory}}},
            .device_kind = kind,
            .device_number = number,
            .program = program};
}

/// The driver of one disk; they are named as Linux names them.
constexpr ServiceDescription disk_driver(std::string_view name) {
    return driver(name, "virtio_blk", DeviceKind::Disk, static_cast<unsigned>(name[2] - 'a'));
}

/// The driver of one folder of the host.
constexpr ServiceDescription share_driver(std::string_view name) {
    return driver(name, "virtio_9p", DeviceKind::Share, static_cast<unsigned>(name[5] - '0'));
}

/// In the order in which they start: each comes after those it calls.
inline constexpr std::array<ServiceDescription, 8 + kDisksMax + kSharesMax> kServices{{
    {.name = "uart",
     .loss = Loss::Restart,
     .client_badge = 0,
     .grants = {{{"uart.port", GrantKind::OwnPort}, {"uart.io", GrantKind::SerialPorts}, {"uart.interrupt", GrantKind::SerialInterrupt}}}},
    disk_driver("vda"),
    disk_driver("vdb"),
    disk_driver("vdc"),
    disk_driver("vdd"),
    disk_driver("vde"),
    disk_driver("vdf"),
    disk_driver("vdg"),
    disk_driver("vdh"),
    {.name = "swap",
     .loss = Loss::Restart,
     .client_badge = 0,
     .grants = {{{"swap.port", GrantKind::OwnPort},
                 {"swap.disk", GrantKind::SwapDisk, {}, kSwapDiskBadge},
                 {"swap.memory", GrantKind::SwapMemory},
                 {"swap.map", GrantKind::SwapMap}}},
     .wanted_by = "swap="},
    share_driver("share0"),
    share_driver("share1"),
    share_driver("share2"),
    share_driver("share3"),
    {.name = "process",
     .loss = Loss::EndSystem,
     .client_badge = protocols::process::kServerBadge,
     .grants = {{{"process.port", GrantKind::OwnPort}}}},
    {.name = "terminal",
     .loss = Loss::EndSystem,
     .client_badge = protocols::file::kRootBadge,
     .grants = {{{"terminal.port", GrantKind::OwnPort},
                 {"uart", GrantKind::Client, "uart"},
                 {"process", GrantKind::Client, "process", protocols::process::kServerBadge}}}},
    {.name = "pipe", .loss = Loss::EndSystem, .client_badge = protocols::file::kRootBadge, .grants = {{{"pipe.port", GrantKind::OwnPort}}}},
    {.name = "sysv",
     .loss = Loss::Restart,
     .client_badge = protocols::sysv::kAnyBadge,
     .grants = {{{"sysv.port", GrantKind::OwnPort}, {"process", GrantKind::Client, "process", protocols::process::kServerBadge}}}},
    {.name = "file",
     .loss = Loss::EndSystem,
     .client_badge = protocols::file::kRootBadge,
     .grants = {{{"file.port", GrantKind::OwnPort},
                 {"archive", GrantKind::Archive},
                 {"process", GrantKind::Client, "process", protocols::process::kServerBadge},
                 {"pipe", GrantKind::Client, "pipe", protocols::file::kControlBadge},
                 {"terminal", GrantKind::Client, "terminal", protocols::file::kRootBadge},
                 {"sysv", GrantKind::Client, "sysv", protocols::sysv::kAnyBadge},
                 {"init", GrantKind::Supervisor},
                 {"inspection", GrantKind::Inspection},
                 {"vda", GrantKind::Client, "vda", kFileDiskBadge},
                 {"vdb", GrantKind::Client, "vdb", kFileDiskBadge},
                 {"vdc", GrantKind::Client, "vdc", kFileDiskBadge},
                 {"vdd", GrantKind::Client, "vdd", kFileDiskBadge},
                 {"vde", GrantKind::Client, "vde", kFileDiskBadge},
                 {"vdf", GrantKind::Client, "vdf", kFileDiskBadge},
                 {"vdg", GrantKind::Client, "vdg", kFileDiskBadge},
                 {"vdh", GrantKind::Client, "vdh", kFileDiskBadge},
                 {"share0", GrantKind::Client, "share0"},
                 {"share1", GrantKind::Client, "share1"},
                 {"share2", GrantKind::Client, "share2"},
                 {"share3", GrantKind::Client, "share3"}}}},
    {.name = "strace",
     .loss = Loss::Restart,
     .client_badge = 0,
     .grants = {{{"strace.port", GrantKind::OwnPort},
                 {"process", GrantKind::Client, "process", protocols::process::kServerBadge},
                 {"terminal", GrantKind::Client, "terminal", protocols::file::kRootBadge}}},
     .wanted_by = "strace=on"},
}};

constexpr size_t index_of(std::string_view name) {
    for (size_t i = 0; i < kServices.size(); ++i)
        if (kServices[i].name == name) return i;
    return kServices.size();
}

static_assert(
    [] {
        for (size_t i = 0; i < kServices.size(); ++i) {
            if (kServices[i].name.size() >= protocols::init::kServerNameBytes) return false;
            for (const GrantDescription& grant : kServices[i].grants)
                if (grant.name.size() >= 24 || (grant.kind == GrantKind::Client && index_of(grant.server) >= i)) return false;
        }
        return true;
    }(),
    "names fit their fields, and a server calls only those that stand before it");

}  // namespace portico::init
