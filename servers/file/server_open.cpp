#include "servers/file/memory_devices.h"
#include "servers/file/server.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kOpenBytes = 1024;                  // about what an open object takes of the heap
constexpr uint64_t kCredits = 64;                      // one-way messages a client may have queued
constexpr uint64_t kDeviceDeadlineNs = 2'000'000'000;  // a driver that does not answer an Open by then is broken
constexpr uint32_t kOpenOnlyFlags =
    file::kCreate | file::kExclusive | file::kTruncate | file::kNoControllingTerminal | (file::kTemporary & ~file::kDirectory);

}  // namespace

Server::Server(const Handles& handles, NameSpace& name_space, FileSystem& devices, MemorySource& memory, ServerList& servers)
    : port_(handles.port),
      pipe_(handles.pipe),
      process_server_(handles.process_server),
      names_(name_space),
      devices_(devices),
      memory_(memory),
      servers_(servers),
      calls_(handles.port) {
    for (const uint64_t badge : {file::kRootBadge, file::kControlBadge})
        files_.set(badge, OpenFile{.node = names_.root(), .flags = file::kDirectory});
}

Result<NameSpace::Opened> Server::find_to_open(const ipc::Call& call, const file::Open& request) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    const std::string path = TRY(path_of_call(call, request.path.view()));
    if (path.empty() && !open->node->is_directory()) {  // the same file anew
        TRY(NameSpace::check_open(*open->node, request.flags));
        return NameSpace::Opened{.node = open->node};
    }
    return names_.open(open->node, path, request.flags, request.mode);
}

ipc::Answer Server::on(const ipc::Call& call, const file::Open& request) {
    const Result<NameSpace::Opened> opened = find_to_open(call, request);
    if (!opened) return ipc::refusal(call, opened.error());
    const NodeRef& node = opened->node;
    if ((request.flags & file::kPathOnly) == 0) {
        switch (node->kind()) {
        case Kind::Fifo:
            open_fifo(call, node, request.flags);
            return {};
        case Kind::BlockDevice:
            open_disk(call, node, request.flags);
            return {};
        case Kind::CharacterDevice:
            return ipc::answer<file::Open>(call, open_device(node, request));
        default:
            break;
        }
    }
    return ipc::answer<file::Open>(call, open_here(node, request.flags));
}

Result<file::Open::Reply> Server::open_here(const NodeRef& node, uint32_t flags, std::shared_ptr<Content> content) {
    TRY(memory_.admit(kOpenBytes));
    OpenFile open{.node = node, .content = std::move(content), .flags = flags & ~kOpenOnlyFlags};
    const Attributes attributes = node->attributes();
    if ((flags & file::kPathOnly) == 0) {
        if (node->kind() == Kind::File) {
            open.content = TRY(node->content());
            if ((flags & file::kTruncate) != 0) TRY(open.content->resize(0));
        } else if (node->kind() == Kind::CharacterDevice) {
            open.content = memory_device(attributes.special_device);
            if (!open.content) return fail(Error::NoDevice);
        }
    }
    const uint64_t size_bytes = open.content ? open.content->size_bytes() : 0;
    if ((flags & file::kTruncate) != 0 && open.content) names_.changes().happened(*node, change::kModify);
    if ((flags & file::kPathOnly) == 0) names_.changes().happened(*node, change::kOpen);
    const uint64_t badge = TRY(files_.add(std::move(open)));
    const auto sender = native::call(abi::PortBadge{port_, badge, kCredits});
    if (!sender) {
        files_.forget(badge);
        return fail(sender.error());
    }
    return file::Open::Reply{.kind = node->kind(),
                             .mode = attributes.mode,
                             .size_bytes = size_bytes,
                             .special_device = attributes.special_device,
                             .zero = 0,
                             .file = sender->sender};
}

Result<file::OpenProgram::Reply> Server::on(const ipc::Call& call, const file::OpenProgram&) {
    using enum abi::Rights;
    const NodeRef node = TRY(node_of_call(call, FinalLink::Follow));
    if (node->kind() != Kind::File || (node->attributes().mode & 0111) == 0) return fail(Error::AccessDenied);
    const std::shared_ptr<Content> content = TRY(node->content());
    OwnedHandle memory = TRY(content->memory(Read | Execute | Map | Duplicate | Transfer));
    uint64_t path_bytes = 0;
    if (const Result<std::string> path = names_.path_of(node); path && path->size() <= call.writable_bytes()) {
        TRY(call.write(0, std::as_bytes(std::span(*path))));
        path_bytes = path->size();
    }
    for (const uint32_t event : {change::kOpen, change::kAccess, change::kCloseUnwritten}) names_.changes().happened(*node, event);
    return file::OpenProgram::Reply{.size_bytes = content->size_bytes(), .path_bytes = path_bytes, .zero = {}, .memory = memory.release()};
}

Result<file::Open::Reply> Server::open_device(const NodeRef& node, const file::Open& request) {
    const uint64_t special_device = node->attributes().special_device;
    if (memory_device(special_device)) return open_here(node, request.flags);
    const DeviceTable::Device* const device = device_table_.find(special_device);
    if (device == nullptr) return fail(Error::NoDevice);
    file::Open forwarded = request;
    forwarded.path = {};
    forwarded.flags &= ~(file::kCreate | file::kExclusive | file::kTruncate);
    // A call without windows could be asynchronous, but the name travels in one. The deadline bounds what a bad driver costs.
    const uint64_t deadline_ns = TRY(native::call(abi::ClockRead{})).now_ns + kDeviceDeadlineNs;
    Result<file::Open::Reply> reply = ipc::call(device->server.get(), forwarded, ipc::Lend::text(device->name), deadline_ns);
    if (!reply) return fail(reply.error() == Error::PeerClosed || reply.error() == Error::TimedOut ? Error::NoDevice : reply.error());
    return reply;
}

ipc::Task Server::open_fifo(ipc::Call call, NodeRef node, uint32_t flags) {
    const Attributes attributes = node->attributes();
    const file::OpenFifo request{.inode = attributes.inode,
                                 .flags = flags & ~kOpenOnlyFlags,
                                 .device = attributes.device,
                                 .mode = attributes.mode,
                                 .uid = attributes.uid,
                                 .gid = attributes.gid,
                                 .zero = 0};
    AsyncCall opening(calls_, pipe_, ipc::request_message(request));
    if (!opening.id()) {
        (void)call.refuse(opening.id().error());
        co_return;
    }
    if (!co_await opening.wait(call.id())) co_return;  // the client gave up
    const Result<file::OpenFifo::Reply> opened = ipc::unpack_reply<file::OpenFifo>(opening.reply());
    if (!opened) {
        (void)call.refuse(opened.error());
        co_return;
    }
    call.finish<file::Open>(file::Open::Reply{
        .kind = Kind::Fifo, .mode = attributes.mode, .size_bytes = 0, .special_device = 0, .zero = 0, .file = opened->file});
}

Result<> Server::add_device(std::string_view name, uint64_t special_device, uint32_t mode, OwnedHandle server) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) return fail(Error::InvalidArgument);
    const NodeRef directory = devices_.root();
    const Result<NodeRef> existing = directory->lookup(name);
    if (existing) {
        const bool same = (*existing)->kind() == Kind::CharacterDevice && (*existing)->attributes().special_device == special_device;
        if (!same) TRY(directory->remove(name));
        if (!same) TRY(directory->create(name, {.kind = Kind::CharacterDevice, .mode = mode, .special_device = special_device}));
    } else {
        TRY(directory->create(name, {.kind = Kind::CharacterDevice, .mode = mode, .special_device = special_device}));
    }
    device_table_.add(special_device, {.server = std::move(server), .name = std::string(name)});
    return {};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::RegisterDevice& request) {
    OwnedHandle server(request.server);
    if (call.badge() != file::kControlBadge) return fail(Error::AccessDenied);
    const std::string name = TRY(call.read_text(file::kNameBytesMax));
    TRY(add_device(name, request.special_device, request.mode & kPermissionBits, std::move(server)));
    return protocols::Empty{};
}

}  // namespace portico::file_server
