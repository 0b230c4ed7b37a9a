#include "servers/ninep/node.h"

#include <algorithm>

#include "servers/ninep/directory.h"
#include "servers/ninep/file_system.h"

namespace portico::ninep {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr int64_t kFreshNs = 50'000'000;  // attributes are told again without asking for so long

Time time_of(int64_t ns) {
    const auto second = static_cast<int64_t>(kSecondNs);
    const int64_t seconds = ns / second - (ns % second < 0 ? 1 : 0);
    return {.seconds = static_cast<uint64_t>(seconds), .nanoseconds = static_cast<uint64_t>(ns - seconds * second)};
}

AttributesToSet to_set(const file_server::AttributeChange& change) {
    using enum file::Change;
    const auto has = [&](file::Change one) { return (change.changes & static_cast<uint32_t>(one)) != 0; };
    AttributesToSet wanted{.mode = change.mode & file_server::kPermissionBits,
                           .uid = change.uid,
                           .gid = change.gid,
                           .access = time_of(change.access_ns),
                           .modify = time_of(change.modify_ns)};
    if (has(Mode)) wanted.valid |= kSetMode;
    if (has(Owner)) wanted.valid |= kSetUid;
    if (has(Group)) wanted.valid |= kSetGid;
    if (has(AccessTime)) wanted.valid |= kSetAccessTime | kAccessTimeGiven;
    if (has(ModifyTime)) wanted.valid |= kSetModifyTime | kModifyTimeGiven;
    if (has(AccessNow)) wanted.valid |= kSetAccessTime;
    if (has(ModifyNow)) wanted.valid |= kSetModifyTime;
    return wanted;
}

}  // namespace

int64_t nanoseconds_of(const Time& time) {
    constexpr int64_t kSecondsMax = 4'000'000'000;  // so that differences are numbers, too
    const int64_t seconds = std::clamp(static_cast<int64_t>(time.seconds), -kSecondsMax, kSecondsMax);
    return seconds * static_cast<int64_t>(kSecondNs) + static_cast<int64_t>(std::min(time.nanoseconds, kSecondNs - 1));
}

Node::Node(FileSystem& file_system, const HostAttributes& attributes, Kind kind)
    : file_server::Node(file_system, kind), host_(attributes), told_ns_(file_server::realtime_ns()) {}

FileSystem& Node::ninep() const {
    return static_cast<FileSystem&>(file_system());
}

file_server::Attributes Node::attributes() {
    (void)refresh(kFreshNs);  // what was told before has to do if it fails
    file_server::Attributes now;
    now.device = file_system().device();
    now.inode = number();
    now.links = removed_ ? 0 : host_.links;
    now.mode = file_server::type_bits(kind()) | (host_.mode & file_server::kPermissionBits);
    now.uid = host_.uid;
    now.gid = host_.gid;
    if (kind() == Kind::CharacterDevice || kind() == Kind::BlockDevice) now.special_device = host_.special_device;
    now.size_bytes = host_.size_bytes;
    now.blocks_512 = host_.blocks_512;
    now.access_ns = nanoseconds_of(host_.access);
    now.modify_ns = nanoseconds_of(host_.modify);
    now.change_ns = nanoseconds_of(host_.change);
    return now;
}

Result<> Node::refresh(int64_t age_max_ns) {
    const int64_t age_ns = file_server::realtime_ns() - told_ns_;
    if (removed_ || (age_ns >= 0 && age_ns <= age_max_ns)) return {};
    const HostAttributes now =
        TRY(ninep().repeat([&](bool) -> Result<HostAttributes> { return ninep().session().attributes(TRY(ninep().fid_of(*this))); }));
    if (now.qid.path != number() || file_server::kind_of_mode(now.mode) != kind()) return fail(Error::NotFound);  // another file
    told_ns_ = file_server::realtime_ns();
    observe(now);
    return {};
}

Result<> Node::change(const file_server::AttributeChange& change) {
    if (ninep().read_only()) return fail(Error::ReadOnly);
    if (removed_) {  // the host cannot be told without a name, and nobody there can see it
        file_server::Attributes now = attributes();
        apply(change, kind(), now);
        host_.mode = now.mode;
        host_.uid = now.uid;
        host_.gid = now.gid;
        host_.access = time_of(now.access_ns);
        host_.modify = time_of(now.modify_ns);
        return {};
    }
    TRY(write_back());
    outdated();
    return ninep().repeat([&](bool) -> Result<> { return ninep().session().set_attributes(TRY(ninep().fid_of(*this)), to_set(change)); });
}

Result<file_server::Location> Node::location() {
    if (this == ninep().root().get()) return file_server::Location{};
    if (removed_ || !parent_ || name_.empty()) return fail(Error::NotFound);
    return file_server::Location{.parent = parent_, .name = name_};
}

Result<file_server::NodeRef> Node::parent() {
    if (this == ninep().root().get()) return file_server::NodeRef{};
    if (!parent_) return fail(Error::NotFound);
    return file_server::NodeRef(parent_);
}

Result<std::string> Node::target() {
    if (kind() != Kind::SymbolicLink) return fail(Error::InvalidArgument);
    std::string target =
        TRY(ninep().repeat([&](bool) -> Result<std::string> { return ninep().session().read_link(TRY(ninep().fid_of(*this))); }));
    if (target.empty() || target.size() > file::kPathBytesMax || target.find('\0') != std::string::npos) return fail(Error::IoError);
    return target;
}

void Node::named(std::shared_ptr<Directory> parent, std::string_view name) {
    parent_ = std::move(parent);
    name_ = name;
}

void Node::found(OwnedFid fid, const HostAttributes& attributes) {
    fid_ = std::move(fid);
    told_ns_ = file_server::realtime_ns();
    observe(attributes);
}

void Node::unnamed(const Directory& parent, std::string_view name) {
    const bool is_last = is_directory() || host_.links <= 1;
    if (parent_.get() == &parent && name_ == name) {
        name_.clear();  // the way up is kept for ".."
        fid_.reset();   // the host's server goes by names
    }
    if (is_last) {
        removed_ = true;
        ninep().forget(*this);
    } else {
        --host_.links;
        outdated();
    }
}

}  // namespace portico::ninep
