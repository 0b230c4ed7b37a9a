#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "libs/result.h"
#include "protocols/file.h"
#include "servers/file/content.h"

/// What every file system offers to the name space. A file system is a tree of nodes; the name space joins the trees.
namespace portico::file_server {

using file::Attributes;
using file::Kind;

class ExtendedAttributes;
class FileSystem;
class Node;
using NodeRef = std::shared_ptr<Node>;

inline constexpr uint32_t kPermissionBits = 07777;
inline constexpr uint32_t kTypeBits = 0170000;

uint32_t type_bits(Kind kind);
Kind kind_of_mode(uint32_t mode);
int64_t realtime_ns();

/// What a new name shall stand for.
struct NewNode {
    Kind kind = Kind::File;
    uint32_t mode = 0;  ///< permission bits
    uint64_t special_device = 0;
    std::string_view target{};  ///< of a symbolic link
};

/// What SetAttributes asks for; `changes` are bits of file::Change.
struct AttributeChange {
    uint32_t changes = 0, mode = 0, uid = 0, gid = 0;
    int64_t access_ns = 0, modify_ns = 0;
};

/// What such a change makes of a node's attributes, but for the change time, which is now.
void apply(const AttributeChange& change, Kind kind, Attributes& attributes);

/// Where a node hangs in its file system; no parent: it is the root there.
struct Location {
    NodeRef parent;
    std::string name;
};

struct ListedEntry {
    std::string_view name;
    uint64_t inode = 0;
    uint64_t cookie = 0;  ///< listing goes on behind the entry with this cookie
    Kind kind = Kind::None;
};
using TakeEntry = std::function<bool(const ListedEntry&)>;  ///< false: there was no room, stop before this entry

enum class RenameMode : uint64_t { Replace = 0, NoReplace = 1, Exchange = 2 };

/// One file, directory, link or device. The defaults refuse: each kind overrides what it can do.
///
/// Ownership: shared by its directory entries, open files and handlers at work; it goes with the last of them, so a
///            removed file lives on while it is open.
/// Locks:     none, the server is one thread.
class Node : public std::enable_shared_from_this<Node> {
public:
    Node(FileSystem& file_system, Kind kind) : file_system_(file_system), kind_(kind) {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    virtual ~Node() = default;

    FileSystem& file_system() const { return file_system_; }
    Kind kind() const { return kind_; }
    bool is_directory() const { return kind_ == Kind::Directory; }

    virtual Attributes attributes() = 0;
    virtual Result<> change(const AttributeChange&) { return fail(Error::ReadOnly); }

    /// Errors: NotFound if the node was removed.
    virtual Result<Location> location() = 0;

    /// What ".." means; null at the file system's root. Also for a removed directory, while the one above lives.
    virtual Result<NodeRef> parent() { return TRY(location()).parent; }

    // Directories; names are never empty, "." or "..", nor longer than kNameBytesMax.
    virtual Result<NodeRef> lookup(std::string_view) { return fail(Error::NotDirectory); }
    virtual Result<NodeRef> create(std::string_view, const NewNode&) { return fail(Error::ReadOnly); }
    virtual Result<NodeRef> create_unnamed(const NewNode&) { return fail(Error::NotSupported); }  // goes with its last user, unless linked
    virtual Result<> link(std::string_view, Node&) { return fail(Error::ReadOnly); }              // the node is of this file system
    virtual Result<> remove(std::string_view) { return fail(Error::ReadOnly); }
    virtual Result<> list(uint64_t, const TakeEntry&) { return fail(Error::NotDirectory); }  // entries behind a cookie

    /// Where extended attributes are kept; null if there can be none.
    virtual ExtendedAttributes* extended_attributes() { return nullptr; }

    virtual Result<std::string> target() { return fail(Error::InvalidArgument); }  // symbolic links

    /// What an open file reads and writes: the file's own, or made at each open.
    virtual Result<std::shared_ptr<Content>> content() { return fail(Error::NoDevice); }
    /// The same for O_ flags that the file system may refuse; it lets go of what is opened when the object is closed.
    virtual Result<std::shared_ptr<Content>> open_content(uint32_t) { return content(); }

private:
    FileSystem& file_system_;
    Kind kind_;
};

/// A tree of nodes with one device number. It must outlive its nodes.
class FileSystem {
public:
    explicit FileSystem(uint64_t device) : device_(device) {}
    FileSystem(const FileSystem&) = delete;
    FileSystem& operator=(const FileSystem&) = delete;
    virtual ~FileSystem() = default;

    uint64_t device() const { return device_; }
    virtual NodeRef root() = 0;
    virtual std::string_view type() const = 0;
    /// Whether directories and links only come and go by the name space's doing. Else nothing of it is remembered.
    virtual bool names_stay() const { return false; }
    /// What it is made of, for who asks what is mounted.
    virtual std::string_view source() const { return "none"; }
    virtual bool read_only() const { return false; }
    virtual file::GetSpace::Reply space() { return {.block_bytes = 4096, .blocks = 0, .blocks_free = 0, .files = 0, .files_free = 0}; }

    /// All that was written is on stable storage.
    virtual Result<> sync() { return {}; }
    /// The same, for good: nothing is changed any more.
    virtual Result<> end() { return {}; }
    /// Every few seconds.
    virtual void tick() {}

    /// Both directories are of this file system.
    virtual Result<> rename(Node&, std::string_view, Node&, std::string_view, RenameMode) { return fail(Error::ReadOnly); }

private:
    uint64_t device_;
};

}  // namespace portico::file_server
