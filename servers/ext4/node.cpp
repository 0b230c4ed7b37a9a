#include "servers/ext4/node.h"

#include <cstring>

#include "servers/ext4/directory.h"
#include "servers/ext4/file_system.h"

namespace portico::ext4 {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kTargetBytesMax = kBlockBytes - 1;

ext2_inode* plain(Inode& inode) {
    return reinterpret_cast<ext2_inode*>(&inode);
}

uint64_t blocks_512(const Inode& inode) {
    return inode.i_blocks | static_cast<uint64_t>(inode.osd2.linux2.l_i_blocks_hi) << 32;
}

}  // namespace

/// 34 bits of seconds, the upper two beside the nanoseconds.
void set_time(uint32_t& seconds, uint32_t& extra, int64_t ns) {
    int64_t whole = ns / kSecondNs, rest = ns % kSecondNs;
    if (rest < 0) --whole, rest += kSecondNs;
    seconds = static_cast<uint32_t>(whole);
    const int64_t epoch = (whole - static_cast<int32_t>(seconds)) >> 32 & 3;
    extra = static_cast<uint32_t>(rest << 2 | epoch);
}

int64_t time_of(uint32_t seconds, uint32_t extra) {
    const int64_t whole = static_cast<int32_t>(seconds) + (static_cast<int64_t>(extra & 3) << 32);
    return whole * kSecondNs + (extra >> 2);
}

Node::Node(FileSystem& file_system, InodeNumber number, const Inode& inode, Kind kind)
    : file_server::Node(file_system, kind), number_(number), inode_(inode) {}

Node::~Node() {
    if (!removed_ || !volume().begin()) return;
    Inode& inode = inode_;
    if (is_orphan_ && !volume().remove_orphan(number_, inode)) return;  // it stays for the next mount
    (void)volume().free_inode(number_, inode, is_directory());
}

FileSystem& Node::ext4() const {
    return static_cast<FileSystem&>(file_system());
}

Volume& Node::volume() const {
    return ext4().volume();
}

Attributes Node::attributes() {
    Attributes now;
    now.device = file_system().device();
    now.inode = number_;
    now.links = inode_.i_links_count;
    now.mode = inode_.i_mode;
    now.uid = inode_.i_uid | static_cast<uint32_t>(inode_.osd2.linux2.l_i_uid_high) << 16;
    now.gid = inode_.i_gid | static_cast<uint32_t>(inode_.osd2.linux2.l_i_gid_high) << 16;
    if (kind() == Kind::CharacterDevice || kind() == Kind::BlockDevice)
        now.special_device = inode_.i_block[0] != 0 ? inode_.i_block[0] : inode_.i_block[1];
    now.size_bytes = EXT2_I_SIZE(&inode_);
    now.blocks_512 = blocks_512(inode_);
    now.access_ns = time_of(inode_.i_atime, inode_.i_atime_extra);
    now.modify_ns = time_of(inode_.i_mtime, inode_.i_mtime_extra);
    now.change_ns = time_of(inode_.i_ctime, inode_.i_ctime_extra);
    now.birth_ns = time_of(inode_.i_crtime, inode_.i_crtime_extra);
    return now;
}

Result<> Node::change(const AttributeChange& change) {
    TRY(volume().begin());
    Attributes now = attributes();
    file_server::apply(change, kind(), now);
    inode_.i_mode = static_cast<uint16_t>(now.mode);
    inode_.i_uid = static_cast<uint16_t>(now.uid);
    inode_.osd2.linux2.l_i_uid_high = static_cast<uint16_t>(now.uid >> 16);
    inode_.i_gid = static_cast<uint16_t>(now.gid);
    inode_.osd2.linux2.l_i_gid_high = static_cast<uint16_t>(now.gid >> 16);
    set_time(inode_.i_atime, inode_.i_atime_extra, now.access_ns);
    set_time(inode_.i_mtime, inode_.i_mtime_extra, now.modify_ns);
    set_time(inode_.i_ctime, inode_.i_ctime_extra, now.change_ns);
    return store();
}

Result<Location> Node::location() {
    if (number_ == EXT2_ROOT_INO) return Location{};
    if (removed_ || !parent_ || name_.empty()) return fail(Error::NotFound);
    return Location{.parent = parent_, .name = name_};
}

Result<NodeRef> Node::parent() {
    if (number_ == EXT2_ROOT_INO) return NodeRef{};
    if (!parent_) return fail(Error::NotFound);
    return NodeRef(parent_);
}

Result<std::string> Node::target() {
    if (kind() != Kind::SymbolicLink) return fail(Error::InvalidArgument);
    const uint64_t length_bytes = EXT2_I_SIZE(&inode_);
    if (length_bytes > kTargetBytesMax) return fail(Error::IoError);
    if (ext2fs_is_fast_symlink(plain(inode_)) != 0)
        return std::string(reinterpret_cast<const char*>(inode_.i_block), std::min<uint64_t>(length_bytes, sizeof inode_.i_block));
    const Extent extent = TRY(volume().extent_at(number_, inode_, 0));
    if (extent.start == 0) return fail(Error::IoError);
    return volume().read_text(extent.start, length_bytes);
}

void Node::named(std::shared_ptr<Directory> parent, std::string_view name) {
    parent_ = std::move(parent);
    name_ = name;
}

void Node::unnamed(const Directory& parent, std::string_view name) {
    if (parent_.get() == &parent && name_ == name) name_.clear();  // the way up is kept for ".."
}

Result<> Node::add_links(int count, bool used) {
    const int links = inode_.i_links_count + count;
    inode_.i_links_count = static_cast<uint16_t>(links);
    set_time(inode_.i_ctime, inode_.i_ctime_extra, file_server::realtime_ns());
    if (links > 0) return store();
    removed_ = true;
    ext4().forget(*this);
    if (!used) return store();
    is_orphan_ = true;
    return volume().add_orphan(number_, inode_);
}

void Node::touch_modified() {
    const int64_t now_ns = file_server::realtime_ns();
    set_time(inode_.i_mtime, inode_.i_mtime_extra, now_ns);
    set_time(inode_.i_ctime, inode_.i_ctime_extra, now_ns);
}

}  // namespace portico::ext4
