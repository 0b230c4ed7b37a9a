#include "servers/ninep/session.h"

#include <algorithm>

#include "servers/ninep/host_error.h"

namespace portico::ninep {
namespace {

constexpr std::string_view kVersion = "9P2000.L";
constexpr uint32_t kRoot = 0;  // whose group new files have

}  // namespace

bool OwnedFid::is_current() const {
    return session_ != nullptr && session_->is_alive() && fid_.generation == session_->generation();
}

void OwnedFid::reset() {
    if (is_current()) session_->clunk(fid_);
    session_ = nullptr;
}

Result<> Session::check(Fid fid) const {
    return is_alive_ && fid.generation == generation_ ? Result<>{} : fail(Error::WrongState);
}

Error Session::refuse() {
    is_alive_ = false;
    return Error::IoError;
}

Result<MessageReader> Session::ask(Request type, MessageWriter& message, uint16_t tag) {
    const size_t request_bytes = message.finish();
    if (request_bytes == 0) return fail(Error::NameTooLong);  // all else that is long is cut into parts
    const Result<size_t> answered = channel_.exchange(request_bytes);
    if (!answered) {
        is_alive_ = false;
        return fail(answered.error());
    }
    if (*answered > channel_.answer().size()) return fail(refuse());
    MessageReader answer(channel_.answer().first(*answered));
    const auto size_bytes = answer.get<uint32_t>();
    const auto answer_type = answer.get<uint8_t>();
    const auto answer_tag = answer.get<uint16_t>();
    if (answer.failed() || size_bytes != *answered || answer_tag != tag) return fail(refuse());
    if (answer_type == kErrorAnswer) {
        const auto host_errno = answer.get<uint32_t>();
        return fail(answer.failed() ? refuse() : error_of(host_errno));
    }
    if (answer_type != static_cast<uint8_t>(type) + 1) return fail(refuse());
    return answer;
}

/// A request of numbers and strings whose answer tells nothing that is needed.
template <class... Fields>
Result<> Session::order(Request type, Fields... fields) {
    MessageWriter written = message(type);
    (written.put(fields), ...);
    TRY(ask(type, written));
    return {};
}

Result<> Session::begin() {
    is_alive_ = false;
    TRY(channel_.connect());
    ++generation_;
    next_number_ = kRoot + 1;
    free_numbers_.clear();
    const auto bytes_max = static_cast<uint32_t>(std::min<size_t>({channel_.request().size(), channel_.answer().size(), 1u << 30}));
    MessageWriter version(channel_.request(), Request::Version, kNoTag);
    version.put(bytes_max).put(kVersion);
    MessageReader agreed = TRY(ask(Request::Version, version, kNoTag));
    const auto message_bytes = agreed.get<uint32_t>();
    if (agreed.text() != kVersion || message_bytes < kMessageBytesMin || message_bytes > bytes_max) return fail(Error::IoError);
    message_bytes_max_ = message_bytes;
    MessageWriter attach = message(Request::Attach);
    attach.put(root().number).put(kNoFid).put(std::string_view("root")).put(std::string_view()).put(kRoot);
    TRY(ask(Request::Attach, attach));
    is_alive_ = true;
    return {};
}

uint32_t Session::new_number() {
    if (free_numbers_.empty()) return next_number_++;
    const uint32_t number = free_numbers_.back();
    free_numbers_.pop_back();
    return number;
}

void Session::clunk(Fid fid) {
    if (!check(fid)) return;
    // Whatever the answer, the server has let go of it.
    if (const Result<> gone = order(Request::Clunk, fid.number); gone || is_alive_) free_numbers_.push_back(fid.number);
}

Result<OwnedFid> Session::walk(Fid from, std::string_view name, Qid& qid) {
    TRY(check(from));
    const Fid made{.number = new_number(), .generation = generation_};
    MessageWriter written = message(Request::Walk);
    written.put(from.number).put(made.number).put(static_cast<uint16_t>(name.empty() ? 0 : 1));
    if (!name.empty()) written.put(name);
    Result<MessageReader> answer = ask(Request::Walk, written);
    if (!answer) {
        if (is_alive_) free_numbers_.push_back(made.number);
        return fail(answer.error());
    }
    const auto count = answer->get<uint16_t>();
    if (count != (name.empty() ? 0 : 1)) return fail(refuse());
    if (count != 0) qid = answer->qid();
    if (answer->failed()) return fail(refuse());
    return OwnedFid(*this, made);
}

Result<> Session::open(Fid fid, uint32_t flags) {
    TRY(check(fid));
    return order(Request::Open, fid.number, flags);
}

Result<> Session::create(Fid directory, std::string_view name, uint32_t flags, uint32_t mode) {
    TRY(check(directory));
    return order(Request::Create, directory.number, name, flags, mode, kRoot);
}

Result<std::span<std::byte>> Session::read(Fid fid, uint64_t offset, uint64_t length_bytes) {
    TRY(check(fid));
    const auto wanted = static_cast<uint32_t>(std::min<uint64_t>(length_bytes, data_bytes_max()));
    MessageWriter written = message(Request::Read);
    written.put(fid.number).put(offset).put(wanted);
    MessageReader answer = TRY(ask(Request::Read, written));
    const auto count = answer.get<uint32_t>();
    if (count > wanted || answer.left() < count) return fail(refuse());
    return channel_.answer().subspan(kReadHeaderBytes, count);
}

Result<uint64_t> Session::write(Fid fid, uint64_t offset, std::span<const std::byte> bytes) {
    TRY(check(fid));
    bytes = bytes.first(std::min<size_t>(bytes.size(), data_bytes_max()));
    MessageWriter written = message(Request::Write);
    written.put(fid.number).put(offset).put(static_cast<uint32_t>(bytes.size())).put(bytes);
    MessageReader answer = TRY(ask(Request::Write, written));
    const auto count = answer.get<uint32_t>();
    if (answer.failed() || count > bytes.size()) return fail(refuse());
    return count;
}

Result<> Session::sync(Fid fid) {
    TRY(check(fid));
    return order(Request::Sync, fid.number, uint32_t{0});
}

Result<HostAttributes> Session::attributes(Fid fid) {
    TRY(check(fid));
    MessageWriter written = message(Request::GetAttributes);
    written.put(fid.number).put(kAllAttributes);
    MessageReader answer = TRY(ask(Request::GetAttributes, written));
    HostAttributes found;
    (void)answer.get<uint64_t>();  // which of them are valid
    found.qid = answer.qid();
    found.mode = answer.get<uint32_t>();
    found.uid = answer.get<uint32_t>();
    found.gid = answer.get<uint32_t>();
    found.links = answer.get<uint64_t>();
    found.special_device = answer.get<uint64_t>();
    found.size_bytes = answer.get<uint64_t>();
    found.block_bytes = answer.get<uint64_t>();
    found.blocks_512 = answer.get<uint64_t>();
    found.access = answer.time();
    found.modify = answer.time();
    found.change = answer.time();
    if (answer.failed()) return fail(refuse());
    return found;
}

Result<> Session::set_attributes(Fid fid, const AttributesToSet& wanted) {
    TRY(check(fid));
    return order(Request::SetAttributes, fid.number, wanted.valid, wanted.mode, wanted.uid, wanted.gid, wanted.size_bytes, wanted.access,
                 wanted.modify);
}

Result<std::string> Session::read_link(Fid fid) {
    TRY(check(fid));
    MessageWriter written = message(Request::ReadLink);
    written.put(fid.number);
    MessageReader answer = TRY(ask(Request::ReadLink, written));
    std::string target(answer.text());
    if (answer.failed()) return fail(refuse());
    return target;
}

Result<FileSystemSpace> Session::space(Fid fid) {
    TRY(check(fid));
    MessageWriter written = message(Request::StatFs);
    written.put(fid.number);
    MessageReader answer = TRY(ask(Request::StatFs, written));
    FileSystemSpace found;
    (void)answer.get<uint32_t>();  // its type
    found.block_bytes = answer.get<uint32_t>();
    found.blocks = answer.get<uint64_t>();
    found.blocks_free = answer.get<uint64_t>();
    (void)answer.get<uint64_t>();  // those that anybody may use
    found.files = answer.get<uint64_t>();
    found.files_free = answer.get<uint64_t>();
    if (answer.failed()) return fail(refuse());
    return found;
}

Result<> Session::make_directory(Fid directory, std::string_view name, uint32_t mode) {
    TRY(check(directory));
    return order(Request::MakeDirectory, directory.number, name, mode, kRoot);
}

Result<> Session::make_link(Fid directory, std::string_view name, std::string_view target) {
    TRY(check(directory));
    return order(Request::MakeLink, directory.number, name, target, kRoot);
}

Result<> Session::make_node(Fid directory, std::string_view name, uint32_t mode) {
    TRY(check(directory));
    return order(Request::MakeNode, directory.number, name, mode, uint32_t{0}, uint32_t{0}, kRoot);
}

Result<> Session::link(Fid directory, Fid file, std::string_view name) {
    TRY(check(directory));
    TRY(check(file));
    return order(Request::Link, directory.number, file.number, name);
}

Result<> Session::rename(Fid old_directory, std::string_view old_name, Fid new_directory, std::string_view new_name) {
    TRY(check(old_directory));
    TRY(check(new_directory));
    return order(Request::Rename, old_directory.number, old_name, new_directory.number, new_name);
}

Result<> Session::unlink(Fid directory, std::string_view name, uint32_t flags) {
    TRY(check(directory));
    return order(Request::Unlink, directory.number, name, flags);
}

Result<std::vector<Session::Entry>> Session::list(Fid directory, uint64_t offset) {
    TRY(check(directory));
    MessageWriter written = message(Request::ReadDirectory);
    written.put(directory.number).put(offset).put(data_bytes_max());
    MessageReader answer = TRY(ask(Request::ReadDirectory, written));
    MessageReader entries(answer.take(answer.get<uint32_t>()));
    if (answer.failed()) return fail(refuse());
    std::vector<Entry> found;
    while (entries.left() > 0) {
        Entry entry;
        entry.inode = entries.qid().path;
        entry.offset = entries.get<uint64_t>();
        entry.type = entries.get<uint8_t>();
        entry.name = entries.text();
        if (entries.failed()) return fail(refuse());
        found.push_back(std::move(entry));
    }
    return found;
}

}  // namespace portico::ninep
