#pragma once

#include "servers/file/name_space.h"
#include "servers/file/system_view.h"

namespace portico::file_server {

/// /proc: texts about the system and its processes. Every text is made when its file is opened, so one open file reads one
/// moment. Nodes are made at each lookup and keep nothing but what they are about.
///
/// Of "self" clients know more than the server (they rewrite it to their number), so here it is a directory with the texts that
/// are the same for all. Read-only.
class ProcFileSystem : public FileSystem {
public:
    /// Both must outlive it.
    ProcFileSystem(uint64_t device, SystemView& system, const NameSpace& name_space);

    NodeRef root() override { return root_; }
    std::string_view type() const override { return "proc"; }

    SystemView& system() const { return system_; }
    std::string mounts_text() const;
    std::string mount_info_text() const;
    MappingName mapping_name(const abi::MappingInfo& mapping);
    std::string file_systems_text() const;
    int64_t start_ns() const { return start_ns_; }

protected:
    ProcFileSystem(uint64_t device, SystemView& system, const NameSpace& name_space, NodeRef root)
        : FileSystem(device), system_(system), name_space_(name_space), start_ns_(realtime_ns()), root_(std::move(root)) {}
    void set_root(NodeRef root) { root_ = std::move(root); }

private:
    SystemView& system_;
    const NameSpace& name_space_;
    int64_t start_ns_;
    NodeRef root_;
};

}  // namespace portico::file_server
