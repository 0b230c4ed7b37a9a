#include "servers/file/tmp_node.h"

#include "servers/file/tmp_directory.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
TmpNode::TmpNode(TmpFileSystem& file_system, const NewNode& node) : Node(file_system, node.kind) {
    const int64_t now_ns = realtime_ns();
    attributes_.device = file_system.device();
    attributes_.inode = file_system.next_inode();
    attributes_.mode = type_bits(node.kind) | (node.mode & kPermissionBits);
    attributes_.special_device = node.special_device;
    attributes_.access_ns = attributes_.modify_ns = attributes_.change_ns = attributes_.birth_ns = now_ns;
}

Result<> TmpNode::change(const AttributeChange& change) {
    apply(change, kind(), attributes_);
    return {};
}

Result<Location> TmpNode::location() {
    if (removed_) return fail(Error::NotFound);
    if (!has_place_) {
        if (file_system().root().get() == this) return Location{};
        return fail(Error::NotFound);  // it has other names, but they are not kept
    }
    std::shared_ptr<TmpDirectory> parent = parent_.lock();
    if (!parent) return fail(Error::NotFound);
    return Location{.parent = std::move(parent), .name = name_};
}

Result<NodeRef> TmpNode::parent() {
    if (file_system().root().get() == this) return NodeRef{};
    NodeRef above = parent_.lock();
    if (!above) return fail(Error::NotFound);
    return above;
}

ExtendedAttributes* TmpNode::extended_attributes() {
    if (!extended_) extended_ = std::make_unique<ExtendedAttributes>();
    return extended_.get();
}

void TmpNode::named(const std::shared_ptr<TmpDirectory>& parent, std::string_view name) {
    parent_ = parent;
    name_ = name;
    has_place_ = true;
    removed_ = false;
}

void TmpNode::unnamed(const TmpDirectory& parent, std::string_view name) {
    if (has_place_ && name_ == name && parent_.lock().get() == &parent) has_place_ = false;
    removed_ = attributes_.links == 0;
}

}  // namespace portico::file_server
