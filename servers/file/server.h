#pragma once

#include "runtime/ipc.h"
#include "servers/file/async_calls.h"
#include "servers/file/device_table.h"
#include "servers/file/directory_records.h"
#include "servers/file/disk.h"
#include "servers/file/extended_attributes.h"
#include "servers/file/file_locks.h"
#include "servers/file/file_memory.h"
#include "servers/file/identify.h"
#include "servers/file/name_space.h"
#include "servers/file/open_files.h"
#include "servers/file/pager.h"
#include "servers/file/server_list.h"

namespace portico::file_server {

/// Serves protocols/file.h for the name space. Methods of protocols it lacks (pipes) are refused.
///
/// Ownership: borrows the handles; owns the open objects.
/// Locks:     none: one thread, one port, one loop.
/// Blocking:  opening a character device calls its server with a deadline; /proc calls the process server; fifos do not block the server.
class Server {
public:
    struct Handles {
        abi::Handle port, pipe, process_server;
    };
    Server(const Handles& handles, NameSpace& name_space, FileSystem& devices, MemorySource& memory, ServerList& servers);

    /// A name in /dev that opens at another server.
    Result<> add_device(std::string_view name, uint64_t special_device, uint32_t mode, OwnedHandle server);

    /// The file system on disk that is mounted: written back now and then, and at the system's end. Its pages come from `pager`.
    Result<> add_stored(FileSystem& file_system, Pager& pager);

    /// A disk in /dev.
    Result<> add_disk(std::string_view name, uint64_t special_device, abi::Handle driver);

    // Open objects (server_io.cpp)
    ipc::Answer on(const ipc::Call& call, const file::Read& request);
    ipc::Answer on(const ipc::Call& call, const file::Write& request);
    ipc::Answer on(const ipc::Call& call, const file::Seek& request);
    ipc::Answer on(const ipc::Call& call, const file::ReadDirectory& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::Truncate& request);
    Result<file::GetMemory::Reply> on(const ipc::Call& call, const file::GetMemory& request);

    // What is on disks (server_disk.cpp, server_stored.cpp)
    ipc::Task on(const ipc::Call& call, const file::Sync& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::End& request);
    void on_page_in(uint64_t badge, const abi::PageInWords& words);
    void on_page_out(uint64_t badge, const abi::PageOutWords& words);

    // Their state (server_state.cpp)
    Result<protocols::Empty> on(const ipc::Call& call, const file::GetAttributes& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetAttributes& request);
    Result<file::GetFlags::Reply> on(const ipc::Call& call, const file::GetFlags& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetFlags& request);
    Result<file::Control::Reply> on(const ipc::Call& call, const file::Control& request);
    ipc::Task on(ipc::Call call, file::Poll request);
    Result<file::GetPath::Reply> on(const ipc::Call& call, const file::GetPath& request);
    Result<file::GetSpace::Reply> on(const ipc::Call& call, const file::GetSpace& request);

    // Locks (server_locks.cpp)
    ipc::Task on(ipc::Call call, file::Lock request);
    Result<file::QueryLock::Reply> on(const ipc::Call& call, const file::QueryLock& request);

    // Extended attributes (server_attributes.cpp)
    Result<file::GetExtended::Reply> on(const ipc::Call& call, const file::GetExtended& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetExtended& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::RemoveExtended& request);

    // Change notification (server_watches.cpp)
    Result<file::MakeWatcher::Reply> on(const ipc::Call& call, const file::MakeWatcher& request);
    ipc::Task on(ipc::Call call, file::Watch request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::Unwatch& request);

    // Opening (server_open.cpp)
    ipc::Answer on(const ipc::Call& call, const file::Open& request);
    Result<file::OpenProgram::Reply> on(const ipc::Call& call, const file::OpenProgram& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::RegisterDevice& request);

    // Names (server_names.cpp)
    Result<protocols::Empty> on(const ipc::Call& call, const file::GetAttributesAt& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::MakeNode& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::Remove& request);
    ipc::Task on(ipc::Call call, file::Rename request);
    ipc::Task on(ipc::Call call, file::Link request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::MakeSymbolicLink& request);
    Result<file::ReadSymbolicLink::Reply> on(const ipc::Call& call, const file::ReadSymbolicLink& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::CheckAccess& request);
    Result<protocols::Empty> on(const ipc::Call& call, const Identify& request);

    void on_notification(uint64_t badge, uint64_t bits);
    void on_other(const abi::Message& message);

private:
    static constexpr uint64_t kTickBadge = 2;

    struct TwoPaths {
        std::string first, second;
    };
    static Result<std::string> path_of_call(const ipc::Call& call, std::string_view short_path = {});
    static Result<TwoPaths> two_paths(const ipc::Call& call, uint64_t first_bytes);

    /// The node that a call's path names; the open object itself for an empty path.
    Result<NodeRef> node_of_call(const ipc::Call& call, FinalLink final_link, std::string_view short_path = {});

    Result<NameSpace::Opened> find_to_open(const ipc::Call& call, const file::Open& request);
    Result<file::Open::Reply> open_here(const NodeRef& node, uint32_t flags, std::shared_ptr<Content> content = nullptr);
    Result<file::Open::Reply> open_device(const NodeRef& node, const file::Open& request);
    ipc::Task open_disk(ipc::Call call, NodeRef node, uint32_t flags);
    Disk* disk_of(uint64_t badge);
    ipc::Task read_disk(const ipc::Call& call, Disk& disk, const file::Read& request);
    ipc::Task write_disk(const ipc::Call& call, Disk& disk, const file::Write& request);
    static Result<file::Control::Reply> control_disk(const ipc::Call& call, const Disk& disk, uint64_t request);
    void advance(uint64_t badge, uint64_t offset);
    ipc::Answer advancing(ipc::Answer answer, uint64_t badge, OpenFile& open, uint64_t offset);

    /// What the answer that is on its way has changed already.
    class Change final : public ipc::Answer::Undo {
    public:
        explicit Change(OpenFiles& files) : files_(files) {}
        void undo() override;

        uint64_t badge = 0, offset = 0;
        uint64_t size_bytes = 0;  // of a file that became longer
        bool grew = false;

    private:
        OpenFiles& files_;
    };
    ipc::Task open_fifo(ipc::Call call, NodeRef node, uint32_t flags);

    ipc::Task read_events(ipc::Call call, std::shared_ptr<ChangeWatches::Watcher> watcher);
    ipc::Task poll_events(ipc::Call call, file::Poll request, std::shared_ptr<ChangeWatches::Watcher> watcher);
    static Result<file::Control::Reply> control_watcher(const ipc::Call& call, const ChangeWatches::Watcher& watcher, uint64_t request);

    struct NamedAttribute {
        NodeRef node;
        std::string name, value;
    };
    Result<NamedAttribute> named_attribute(const ipc::Call& call, const file::AttributeName& name);

    /// The place and form of a lock that a call asks for.
    struct WantedLock {
        FileLocks::Place place;
        FileLock lock;
    };
    Result<WantedLock> wanted_lock(const ipc::Call& call, file::LockKind kind, file::LockHolder holder, uint64_t pid, uint64_t start,
                                   uint64_t end);
    ipc::Task release_at_end(uint64_t pid);

    /// The directory that an identified handle names.
    Result<NodeRef> identified(const AsyncCall& identify);

    abi::Handle port_;
    abi::Handle pipe_;
    abi::Handle process_server_;
    NameSpace& names_;
    FileSystem& devices_;
    MemorySource& memory_;
    ServerList& servers_;  // filled by init's messages
    OpenFiles files_;
    Change change_{files_};
    std::array<std::byte, DirectoryRecords::kBytesMax> listing_;  // what is told of a directory, until it is written to the caller
    DeviceTable device_table_;
    std::map<uint64_t, std::shared_ptr<Disk>> disks_;  // by device number
    FileSystem* stored_ = nullptr;
    Pager* pager_ = nullptr;  // of stored_
    AsyncCalls calls_;
    FileLocks locks_;
    std::set<uint64_t> lockers_;  // processes whose end is awaited, as they hold or held locks
    ipc::WaitQueue never_;        // polls for what cannot happen, until they are cancelled
};

}  // namespace portico::file_server
