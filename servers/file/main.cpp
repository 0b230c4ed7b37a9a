#include <cstdio>

#include "runtime/boot.h"
#include "servers/ext4/mount.h"
#include "servers/file/archive_loader.h"
#include "servers/file/kernel_memory.h"
#include "servers/file/kernel_pages.h"
#include "servers/file/memory_devices.h"
#include "servers/file/proc_file_system.h"
#include "servers/file/pts_file_system.h"
#include "servers/file/server.h"
#include "servers/file/shares.h"
#include "servers/file/sys_file_system.h"

/// The file server: builds the name space out of the boot archive, /dev and /proc, then serves it.
namespace portico::file_server {
namespace {

constexpr uint64_t kRootDevice = 0x15, kDevicesDevice = 0x16, kProcDevice = 0x17, kTemporaryDevice = 0x18, kSysDevice = 0x19,
                   kStoredDevice = 0xFE00;  // st_dev: any that differ

Result<std::span<const uint8_t>> map_archive(abi::Handle archive) {
    abi::MemoryInfo info;
    TRY(native::call(abi::MemoryQuery{archive, reinterpret_cast<uint64_t>(&info)}));
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::Read);
    const uint64_t address = TRY(native::call(abi::SpaceMap{abi::kSelfSpace, archive, 0, 0, info.size_bytes, flags})).address;
    return std::span(reinterpret_cast<const uint8_t*>(address), info.size_bytes);
}

/// What a word says that starts so; empty if there is none.
std::string_view told(std::string_view key) {
    for (uint32_t i = 1;; ++i) {
        const auto argument = boot::argument(i);
        if (!argument) return {};
        if (argument->starts_with(key)) return argument->substr(key.size());
    }
}

Result<> make_directory(const NodeRef& above, std::string_view name, uint32_t mode) {
    const Result<NodeRef> existing = above->lookup(name);
    if (existing && (*existing)->is_directory()) return {};
    if (existing) TRY(above->remove(name));
    TRY(above->create(name, {.kind = Kind::Directory, .mode = mode}));
    return {};
}

Result<> fill_devices(const NodeRef& directory) {
    struct Device {
        std::string_view name;
        uint64_t number;
    };
    constexpr Device kDevices[]{{"null", kNullDevice},     {"zero", kZeroDevice},       {"full", kFullDevice},
                                {"random", kRandomDevice}, {"urandom", kUrandomDevice}, {"tty", device_number(5, 0)}};
    for (const Device& device : kDevices)
        TRY(directory->create(device.name, {.kind = Kind::CharacterDevice, .mode = 0666, .special_device = device.number}));
    struct Link {
        std::string_view name, target;
    };
    constexpr Link kLinks[]{
        {"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}};
    for (const Link& link : kLinks) TRY(directory->create(link.name, {.kind = Kind::SymbolicLink, .mode = 0777, .target = link.target}));
    return make_directory(directory, "shm", 01777);
}

/// A terminal's file in /dev. The terminal server is told which it is, so that stat tells the same by name and by descriptor.
Result<> add_terminal(Server& server, const NodeRef& devices, const OwnedHandle& terminal, std::string_view name, uint64_t special_device,
                      uint32_t mode) {
    OwnedHandle duplicate = TRY(terminal.duplicate());
    TRY(server.add_device(name, special_device, mode, std::move(duplicate)));
    const Attributes attributes = TRY(devices->lookup(name))->attributes();
    TRY(ipc::call(terminal.get(), protocols::terminal::SetNode{.device = attributes.device, .inode = attributes.inode},
                  ipc::Lend::text(name)));
    return {};
}

Result<> add_terminals(Server& server, const NodeRef& devices, NameSpace& names, abi::Handle terminal) {
    if (!terminal) return {};
    const OwnedHandle owned(terminal);
    TRY(add_terminal(server, devices, owned, "console", device_number(5, 1), 0600));
    TRY(add_terminal(server, devices, owned, "tty0", device_number(4, 0), 0620));
    TRY(add_terminal(server, devices, owned, "ptmx", PtsFileSystem::kMultiplexer, 0666));
    OwnedHandle duplicate = TRY(owned.duplicate());
    server.add_devices(protocols::terminal::kPseudoMajor, "pts/", std::move(duplicate));
    static const OwnedHandle asked = TRY(owned.duplicate());
    static RunningPseudoTerminals pseudo_terminals(asked.get());
    static PtsFileSystem pts(pseudo_terminals);
    TRY(make_directory(devices, "pts", 0755));
    return names.mount("/dev/pts", pts);
}

/// The disks that have a driver, but for the root's and the one to swap to: what is written there is not for programs.
Result<> add_disks(Server& server) {
    constexpr uint64_t kDiskMajor = 254, kMinorsOfDisk = 16, kDisksMax = 8;
    for (uint64_t i = 0; i < kDisksMax; ++i) {
        const std::string name = std::string("vd") + static_cast<char>('a' + i);
        const abi::Handle driver = boot::grant(name);
        if (driver && name != told("swap=") && name != told("root="))
            TRY(server.add_disk(name, device_number(kDiskMajor, kMinorsOfDisk * i), driver));
    }
    return {};
}

/// The disk that boot/run names as the root's.
Result<std::unique_ptr<ext4::FileSystem>> mount_root(PageSource& pages) {
    const std::string_view name = told("root=");
    if (!name.empty()) return ext4::mount(boot::grant(name), kStoredDevice, pages);
    return fail(Error::NotFound);
}

/// What every root needs to mount on; of a disk that is only read it must be there.
void make_mount_points(const NodeRef& root) {
    struct Point {
        std::string_view name;
        uint32_t mode;
    };
    for (const Point& point : {Point{"dev", 0755}, Point{"proc", 0555}, Point{"sys", 0555}, Point{"tmp", 01777}}) {
        const Result<> made = make_directory(root, point.name, point.mode);
        if (!made)
            fprintf(stderr, "file: there is no /%.*s: %s\n", static_cast<int>(point.name.size()), point.name.data(),
                    abi::name_of(made.error()).data());
    }
}

void load_archive(TmpFileSystem& root, std::span<const uint8_t> archive_bytes) {
    const ArchiveLoader::Count count = ArchiveLoader(root).load(archive_bytes, "root");
    fprintf(stderr, "file: %llu files from the archive\n", static_cast<unsigned long long>(count.loaded));
    if (count.skipped != 0) fprintf(stderr, "file: %llu entries could not be placed\n", static_cast<unsigned long long>(count.skipped));
}

Result<> run() {
    const abi::Handle archive = boot::grant("archive"), port = boot::grant("file.port");
    const std::span<const uint8_t> archive_bytes = TRY(map_archive(archive));
    static KernelMemorySource memory(archive, std::as_bytes(archive_bytes));

    const std::unique_ptr<KernelPageSource> pages = TRY(KernelPageSource::create(port, memory));
    Result<std::unique_ptr<ext4::FileSystem>> stored = mount_root(*pages);
    if (!stored && stored.error() != Error::NotFound) return fail(stored.error());
    static TmpFileSystem kept_in_memory(kRootDevice, memory, 0755);
    if (!stored) load_archive(kept_in_memory, archive_bytes);
    FileSystem& root = stored ? static_cast<FileSystem&>(**stored) : kept_in_memory;
    make_mount_points(root.root());

    static TmpFileSystem devices(kDevicesDevice, memory, 0755);
    TRY(fill_devices(devices.root()));

    static NameSpace names(root);
    static ServerList servers;
    static RunningSystem system({.process_server = boot::grant("process"),
                                 .init = boot::grant("init"),
                                 .sysv = boot::grant("sysv"),
                                 .inspection = boot::grant("inspection"),
                                 .swap_disk = told("swap=")},
                                servers, memory);
    static ProcFileSystem proc(kProcDevice, system, names);
    TRY(names.mount("/dev", devices));
    TRY(names.mount("/proc", proc));
    static SysFileSystem sys(kSysDevice, system, names);
    (void)names.mount("/sys", sys);  // programs do without on a read-only disk that lacks the folder
    if (stored) {
        static TmpFileSystem temporary(kTemporaryDevice, memory, 01777);
        TRY(names.mount("/tmp", temporary));
    }

    static Server server({.port = port, .pipe = boot::grant("pipe"), .process_server = boot::grant("process")}, names, devices, memory,
                         servers);
    server.set_pager(*pages);
    if (stored) TRY(server.add_stored(**stored));
    TRY(add_terminals(server, devices.root(), names, boot::grant("terminal")));
    TRY(add_disks(server));
    if (const abi::Handle sysv = boot::grant("sysv"); sysv) {  // which /proc asks, too
        const auto duplicate = TRY(native::call(abi::HandleDuplicate{sysv, static_cast<uint64_t>(abi::Rights::All)}));
        server.add_service("sysv", OwnedHandle(duplicate.handle));
    }
    TRY(mount_shares(names, server, *pages));
    ipc::run(server, port, file::Protocol{}, IdentifyProtocol{});
}

}  // namespace
}  // namespace portico::file_server

int main() {
    const portico::Result<> result = portico::file_server::run();
    fprintf(stderr, "file: cannot start: %s\n", portico::abi::name_of(result.error()).data());
    return 1;
}
