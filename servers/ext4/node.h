#pragma once

#include "servers/ext4/volume.h"
#include "servers/file/node.h"
#include "servers/file/pages.h"

namespace portico::ext4 {

namespace file = protocols::file;
using file_server::AttributeChange;
using file_server::Attributes;
using file_server::Kind;
using file_server::Location;
using file_server::NewNode;
using file_server::NodeRef;
using file_server::Pages;
using file_server::PageSource;

class FileSystem;
class Directory;

/// What all nodes of an ext4 file system have: the inode, written through to the volume, and where the node was last named. Devices, fifos,
/// sockets and links are nothing more than this.
///
/// Ownership: directories know their entries by number; a node keeps the one above alive. One node an inode: the file system sees to that.
class Node : public file_server::Node {
public:
    Node(FileSystem& file_system, InodeNumber number, const Inode& inode, Kind kind);
    /// Of a removed one the inode goes, too.
    ~Node() override;

    InodeNumber number() const { return number_; }
    bool removed() const { return removed_; }

    Attributes attributes() override;
    Result<> change(const AttributeChange& change) override;
    Result<Location> location() override;
    Result<NodeRef> parent() override;
    Result<std::string> target() override;

    void named(std::shared_ptr<Directory> parent, std::string_view name);
    void unnamed(const Directory& parent, std::string_view name);
    /// Its links changed; without any it is freed when nobody uses it any more. `used`: somebody does now.
    Result<> add_links(int count, bool used);
    Result<> reload() { return volume().read_inode(number_, inode_); }
    Result<> store() { return volume().write_inode(number_, inode_); }
    Inode& inode() { return inode_; }

    /// Whether some process maps its bytes.
    virtual bool is_mapped() const { return false; }
    /// Takes up to so many pages out of memory and tells how many.
    virtual uint64_t evict(uint64_t) { return 0; }
    /// Writes what is only in memory to the volume.
    virtual Result<> write_back() { return {}; }

protected:
    FileSystem& ext4() const;
    Volume& volume() const;
    void touch_modified();

    InodeNumber number_;
    Inode inode_;

private:
    std::shared_ptr<Directory> parent_;
    std::string name_;
    bool removed_ = false, is_orphan_ = false;
};

/// Times and numbers as inodes have them.
void set_time(uint32_t& seconds, uint32_t& extra, int64_t ns);
int64_t time_of(uint32_t seconds, uint32_t extra);

}  // namespace portico::ext4
