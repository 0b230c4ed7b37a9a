#include <cstring>

#include "servers/file/server.h"

/// Change notification: inotify(7). A watcher is an open object without a file; what it reads are events.
namespace portico::file_server {
namespace {

constexpr uint64_t kCredits = 64;
constexpr uint64_t kWatcherBytes = 1024;  // about what a watcher takes of the heap

/// struct inotify_event; the name follows, with zeros up to a multiple of this.
struct EventHeader {
    int32_t watch;
    uint32_t mask, cookie, name_bytes;
};

uint64_t record_bytes(const ChangeEvent& event) {
    constexpr uint64_t kUnit = sizeof(EventHeader);
    return kUnit + (event.name.empty() ? 0 : (event.name.size() + kUnit) / kUnit * kUnit);
}

}  // namespace

Result<file::MakeWatcher::Reply> Server::on(const ipc::Call&, const file::MakeWatcher& request) {
    TRY(memory_.admit(kWatcherBytes));
    const uint64_t badge =
        TRY(files_.add(OpenFile{.node = names_.root(), .flags = static_cast<uint32_t>(request.flags) & file::kNonBlocking}));
    const auto sender = native::call(abi::PortBadge{port_, badge, kCredits});
    if (!sender) {
        files_.forget(badge);
        return fail(sender.error());
    }
    names_.changes().add_watcher(badge);
    return file::MakeWatcher::Reply{.zero = {}, .watcher = sender->sender};
}

ipc::Task Server::on(ipc::Call call, file::Watch request) {
    const OwnedHandle watcher(request.watcher);
    AsyncCall identify(calls_, watcher.get(), ipc::request_message(Identify{}));
    if (identify.id() && !co_await identify.wait(call.id())) co_return;
    call.finish<file::Watch>([&]() -> Result<file::Watch::Reply> {
        (void)TRY(identified(identify));
        const FinalLink final_link = (request.mask & change::kDontFollow) != 0 ? FinalLink::Keep : FinalLink::Follow;
        const NodeRef node = TRY(node_of_call(call, final_link));
        if ((request.mask & change::kOnlyDirectory) != 0 && !node->is_directory()) return fail(Error::NotDirectory);
        return file::Watch::Reply{.watch = TRY(names_.changes().watch(*identify.own_badge, *node, static_cast<uint32_t>(request.mask)))};
    }());
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::Unwatch& request) {
    TRY(names_.changes().unwatch(call.badge(), static_cast<int32_t>(request.watch)));
    return protocols::Empty{};
}

ipc::Task Server::read_events(ipc::Call call, std::shared_ptr<ChangeWatches::Watcher> watcher) {
    while (watcher->events().empty()) {
        const Result<OpenFile*> open = files_.find(call.badge());
        if (!open || ((*open)->flags & file::kNonBlocking) != 0) {
            (void)call.refuse(open ? Error::WouldBlock : open.error());
            co_return;
        }
        if (!co_await watcher->changed.wait(call.id())) co_return;
    }
    uint64_t done = 0;
    size_t count = 0;
    for (const ChangeEvent& event : watcher->events()) {
        const uint64_t bytes = record_bytes(event);
        if (done + bytes > call.writable_bytes()) break;
        std::vector<std::byte> record(bytes);
        const EventHeader header{.watch = event.watch,
                                 .mask = event.mask,
                                 .cookie = event.cookie,
                                 .name_bytes = static_cast<uint32_t>(bytes - sizeof(EventHeader))};
        std::memcpy(record.data(), &header, sizeof(header));
        std::memcpy(record.data() + sizeof(header), event.name.data(), event.name.size());
        if (const Result<> written = call.write(done, record); !written) {
            (void)call.refuse(written.error());
            co_return;
        }
        done += bytes;
        ++count;
    }
    if (count == 0)
        (void)call.refuse(Error::InvalidArgument);  // as Linux: not even one fits
    else if (call.reply<file::Read>({.length_bytes = done}))
        watcher->consume(count);
}

ipc::Task Server::poll_events(ipc::Call call, file::Poll request, std::shared_ptr<ChangeWatches::Watcher> watcher) {
    constexpr uint64_t kReadable = 1 | 0x40;  // POLLIN, POLLRDNORM
    for (;;) {
        const uint64_t events = watcher->events().empty() ? 0 : request.events & kReadable;
        if (events != 0 || request.wait == 0) {
            (void)call.reply<file::Poll>({.events = events});
            co_return;
        }
        if (!co_await watcher->changed.wait(call.id())) co_return;
    }
}

Result<file::Control::Reply> Server::control_watcher(const ipc::Call& call, const ChangeWatches::Watcher& watcher, uint64_t request) {
    constexpr uint64_t kBytesToRead = 0x541B;  // FIONREAD
    if (request != kBytesToRead) return fail(Error::NotTerminal);
    uint64_t bytes = 0;
    for (const ChangeEvent& event : watcher.events()) bytes += record_bytes(event);
    const auto told = static_cast<int32_t>(bytes);
    TRY(call.write(0, std::as_bytes(std::span(&told, 1))));
    return file::Control::Reply{.result = 0};
}

}  // namespace portico::file_server
