#include <algorithm>
#include <utility>

#include "servers/file/call_transfer.h"
#include "servers/file/server.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kOffsetMax = INT64_MAX;

/// Where an operation at `asked` takes place.
uint64_t effective_offset(const OpenFile& open, const Content& content, uint64_t asked) {
    if (!content.seekable()) return 0;
    return asked == file::kCurrentOffset ? open.offset : asked;
}

}  // namespace

// In these the shared offset moves, and what was appended stays, only if the caller takes the answer. It goes with the next receive; if
// nobody takes it, that is undone before anything else is received.

/// The answer, and the offset as it is if it is taken.
ipc::Answer Server::advancing(ipc::Answer answer, uint64_t badge, OpenFile& open, uint64_t offset) {
    change_.badge = badge;
    change_.offset = std::exchange(open.offset, offset);
    change_.grew = false;
    answer.undo = &change_;
    return answer;
}

void Server::Change::undo() {
    const Result<OpenFile*> open = files_.find(badge);
    if (!open) return;
    (*open)->offset = offset;
    if (grew && (*open)->content) (void)(*open)->content->resize(size_bytes);
}

ipc::Answer Server::on(const ipc::Call& call, const file::Read& request) {
    OpenFile* open = nullptr;
    uint64_t offset = 0;
    Disk* disk = nullptr;
    const Result<uint64_t> moved = [&]() -> Result<uint64_t> {
        open = TRY(files_.find(call.badge()));
        Content* const content = TRY(open->io());
        if ((disk = content->disk()) != nullptr) return 0;
        if (!open->readable()) return fail(Error::BadHandle);
        offset = effective_offset(*open, *content, request.offset);
        if (offset > kOffsetMax) return fail(Error::InvalidArgument);
        CallTransfer transfer(call);
        return content->read(transfer, offset, std::min<uint64_t>(request.length_bytes, call.writable_bytes()));
    }();
    if (disk != nullptr) {
        read_disk(call, *disk, request);
        return {};
    }
    if (!moved) {
        if (auto watcher = names_.changes().find(call.badge())) {
            read_events(call, std::move(watcher));
            return {};
        }
        return ipc::refusal(call, moved.error());
    }
    if (*moved != 0) names_.changes().happened(*open->node, change::kAccess);
    const ipc::Answer answer = ipc::answer<file::Read>(call, file::Read::Reply{.length_bytes = *moved});
    return request.offset == file::kCurrentOffset ? advancing(answer, call.badge(), *open, offset + *moved) : answer;
}

ipc::Answer Server::on(const ipc::Call& call, const file::Write& request) {
    OpenFile* open = nullptr;
    Content* content = nullptr;
    Disk* disk = nullptr;
    uint64_t offset = 0;
    uint64_t old_size_bytes = 0;
    const Result<uint64_t> moved = [&]() -> Result<uint64_t> {
        open = TRY(files_.find(call.badge()));
        content = TRY(open->io());
        if ((disk = content->disk()) != nullptr) return 0;
        if (!open->writable()) return fail(Error::BadHandle);
        old_size_bytes = content->size_bytes();
        offset = (open->flags & file::kAppend) != 0 ? old_size_bytes : effective_offset(*open, *content, request.offset);
        if (offset > kOffsetMax) return fail(Error::InvalidArgument);
        CallTransfer transfer(call);
        return content->write(transfer, offset, std::min<uint64_t>(request.length_bytes, call.readable_bytes()));
    }();
    if (disk != nullptr) {
        write_disk(call, *disk, request);
        return {};
    }
    if (!moved) return ipc::refusal(call, moved.error());
    if (*moved != 0) names_.changes().happened(*open->node, change::kModify);
    ipc::Answer answer = ipc::answer<file::Write>(call, file::Write::Reply{.length_bytes = *moved});
    const uint64_t new_offset = request.offset == file::kCurrentOffset ? offset + *moved : open->offset;
    answer = advancing(answer, call.badge(), *open, new_offset);
    // If the answer is not taken the caller may write again: what it appended must not be there twice.
    change_.grew = content->size_bytes() > old_size_bytes;
    change_.size_bytes = old_size_bytes;
    return answer;
}

ipc::Answer Server::on(const ipc::Call& call, const file::Seek& request) {
    constexpr uint64_t kSet = 0, kCurrent = 1, kEnd = 2, kData = 3, kHole = 4;
    OpenFile* open = nullptr;
    const Result<uint64_t> target = [&]() -> Result<uint64_t> {
        open = TRY(files_.find(call.badge()));
        if (open->path_only()) return fail(Error::BadHandle);
        const uint64_t size_bytes = open->content ? open->content->size_bytes() : 0;
        if (open->content && !open->content->seekable()) return fail(Error::NotSeekable);
        int64_t base = 0;
        switch (request.whence) {
        case kSet:
            break;
        case kCurrent:
            base = static_cast<int64_t>(open->offset);
            break;
        case kEnd:
            base = static_cast<int64_t>(size_bytes);
            break;
        case kData:  // no holes are told: all is data up to the end
        case kHole:
            if (request.offset < 0 || static_cast<uint64_t>(request.offset) >= size_bytes) return fail(Error::NoDevice);
            return request.whence == kData ? static_cast<uint64_t>(request.offset) : size_bytes;
        default:
            return fail(Error::InvalidArgument);
        }
        int64_t sum = 0;
        if (__builtin_add_overflow(base, request.offset, &sum) || sum < 0) return fail(Error::InvalidArgument);
        return static_cast<uint64_t>(sum);
    }();
    if (!target) return ipc::refusal(call, target.error());
    return advancing(ipc::answer<file::Seek>(call, file::Seek::Reply{.offset = *target}), call.badge(), *open, *target);
}

ipc::Answer Server::on(const ipc::Call& call, const file::ReadDirectory& request) {
    OpenFile* open = nullptr;
    DirectoryRecords records(std::span(listing_).first(std::min<uint64_t>(call.writable_bytes(), DirectoryRecords::kBytesMax)));
    const Result<> listed = [&]() -> Result<> {
        open = TRY(files_.find(call.badge()));
        if (open->path_only()) return fail(Error::BadHandle);
        if (!open->node->is_directory()) return fail(Error::NotDirectory);
        const uint64_t cookie = request.cookie == file::kCurrentOffset ? open->offset : request.cookie;
        TRY(open->node->list(cookie, [&](const ListedEntry& entry) { return records.add(entry); }));
        if (records.bytes().empty() && records.refused()) return fail(Error::InvalidArgument);  // not even one fits
        return call.write(0, records.bytes());
    }();
    if (!listed) return ipc::refusal(call, listed.error());
    const auto answer = ipc::answer<file::ReadDirectory>(call, file::ReadDirectory::Reply{.length_bytes = records.bytes().size()});
    if (request.cookie != file::kCurrentOffset || records.bytes().empty()) return answer;
    return advancing(answer, call.badge(), *open, records.last_cookie());
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::Truncate& request) {
    OpenFile* const open = TRY(files_.find(call.badge()));
    Content* const content = TRY(open->io());
    if (!open->writable() || open->node->kind() != Kind::File) return fail(Error::InvalidArgument);
    TRY(content->resize(request.size_bytes));
    names_.changes().happened(*open->node, change::kModify);
    return protocols::Empty{};
}

Result<file::GetMemory::Reply> Server::on(const ipc::Call& call, const file::GetMemory&) {
    using enum abi::Rights;
    OpenFile* const open = TRY(files_.find(call.badge()));
    Content* const content = TRY(open->io());
    if (!open->readable()) return fail(Error::AccessDenied);
    abi::Rights rights = Read | Execute | Map | Duplicate | Transfer;
    if (open->writable()) rights = rights | Write;
    OwnedHandle memory = TRY(content->memory(rights));
    return file::GetMemory::Reply{.size_bytes = content->size_bytes(), .zero = {}, .memory = memory.release()};
}

}  // namespace portico::file_server
