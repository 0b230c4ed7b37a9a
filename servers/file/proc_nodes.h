#pragma once

#include <span>

#include "servers/file/proc_file_system.h"

namespace portico::file_server {

/// One name of a fixed directory: a text, which may take commands, a link, or (neither) a directory of more. `pid` is 0 outside of process
/// directories.
struct ProcItem {
    std::string_view name;
    Result<std::string> (*text)(ProcFileSystem&, int32_t pid) = nullptr;
    Result<> (*write)(ProcFileSystem&, std::string_view command) = nullptr;
    Result<std::string> (*link)(ProcFileSystem&, int32_t pid) = nullptr;
    std::span<const ProcItem> items{};
};

/// Where a node hangs. Inode numbers follow from the place, so they are stable though nodes are not.
struct ProcPlace {
    NodeRef parent;
    std::string name;
    uint64_t inode = 0;
    int32_t pid = 0;
};

enum class ProcListing : uint8_t { Fixed, WithProcesses, Descriptors };

/// What all nodes of /proc share.
class ProcNode : public Node {
public:
    ProcNode(ProcFileSystem& proc, Kind kind, ProcPlace place, uint32_t permissions);
    Attributes attributes() override { return attributes_; }
    Result<> change(const AttributeChange&) override { return fail(Error::AccessDenied); }
    Result<Location> location() override { return Location{.parent = place_.parent, .name = place_.name}; }

protected:
    ProcFileSystem& proc() const { return static_cast<ProcFileSystem&>(file_system()); }
    const ProcPlace& place() const { return place_; }

private:
    ProcPlace place_;
    Attributes attributes_;
};

/// A directory with fixed names and, in the root, one for each process.
class ProcDirectory final : public ProcNode {
public:
    ProcDirectory(ProcFileSystem& proc, ProcPlace place, std::span<const ProcItem> items, ProcListing listing);

    Result<NodeRef> lookup(std::string_view name) override;
    Result<> list(uint64_t cookie, const TakeEntry& take) override;

private:
    uint64_t inode_of(size_t item) const;

    std::span<const ProcItem> items_;
    ProcListing listing_;
};

}  // namespace portico::file_server
