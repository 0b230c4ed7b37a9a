#pragma once

#include "servers/file/node.h"
#include "servers/ninep/session.h"

namespace portico::ninep {

namespace file = protocols::file;
using file_server::Kind;

class FileSystem;
class Directory;

/// What all nodes of a shared folder have: where the host has the file, as it was last found, and its attributes, as they were last told.
/// Links, fifos and sockets are nothing more than this.
///
/// Ownership: a node keeps the directory above it alive. One node a file of the host: the file system sees to that.
class Node : public file_server::Node {
public:
    Node(FileSystem& file_system, const HostAttributes& attributes, Kind kind);

    uint64_t number() const { return host_.qid.path; }
    bool removed() const { return removed_; }

    file_server::Attributes attributes() override;
    Result<> change(const file_server::AttributeChange& change) override;
    Result<file_server::Location> location() override;
    Result<file_server::NodeRef> parent() override;
    Result<std::string> target() override;

    /// A walk found it at this name.
    void named(std::shared_ptr<Directory> parent, std::string_view name);
    void found(OwnedFid fid, const HostAttributes& attributes);
    /// The name was removed, and with it perhaps the file.
    void unnamed(const Directory& parent, std::string_view name);

    /// Asks the host for the attributes if they are older than so long. Errors: NotFound: the host has removed it.
    Result<> refresh(int64_t age_max_ns);
    /// They are to be asked for before they are told again.
    void outdated() { told_ns_ = 0; }

    virtual bool is_mapped() const { return false; }
    virtual uint64_t evict(uint64_t) { return 0; }
    virtual Result<> write_back() { return {}; }
    /// The file goes on to be used without a name.
    virtual Result<> keep_open() { return {}; }

protected:
    FileSystem& ninep() const;
    virtual void observe(const HostAttributes& now) { host_ = now; }

    HostAttributes host_;

private:
    friend class FileSystem;  // fid_of

    OwnedFid fid_;
    std::shared_ptr<Directory> parent_;
    std::string name_;
    int64_t told_ns_ = 0;
    bool removed_ = false;
};

/// A time of the host's, whatever it says.
int64_t nanoseconds_of(const Time& time);

}  // namespace portico::ninep
