#include "servers/file/server.h"

/// Extended attributes of what a path names, or of the open object itself.
namespace portico::file_server {

Result<Server::NamedAttribute> Server::named_attribute(const ipc::Call& call, const file::AttributeName& name) {
    constexpr uint32_t kBytesMax = ExtendedAttributes::kNameBytesMax + ExtendedAttributes::kBytesMax + file::kPathBytesMax;
    const OpenFile* const open = TRY(files_.find(call.badge()));
    const std::string given = TRY(call.read_text(kBytesMax));
    const uint64_t start_of_path = uint64_t{name.name_bytes} + name.value_bytes;
    if (start_of_path > given.size()) return fail(Error::InvalidArgument);
    const std::string path = given.substr(start_of_path);
    NamedAttribute found{
        .node = open->node, .name = given.substr(0, name.name_bytes), .value = given.substr(name.name_bytes, name.value_bytes)};
    if (!path.empty()) found.node = TRY(names_.find(open->node, path, name.no_follow != 0 ? FinalLink::Keep : FinalLink::Follow));
    if (found.node->extended_attributes() == nullptr) return fail(Error::NotSupported);
    return found;
}

Result<file::GetExtended::Reply> Server::on(const ipc::Call& call, const file::GetExtended& request) {
    const NamedAttribute asked = TRY(named_attribute(call, request.of));
    const ExtendedAttributes& attributes = *asked.node->extended_attributes();
    std::string list;
    std::string_view value;
    if (asked.name.empty()) {
        list = attributes.list();
        value = list;
    } else {
        TRY(ExtendedAttributes::check(asked.node->kind(), asked.name));
        value = TRY(attributes.get(asked.name));
    }
    if (value.size() <= call.writable_bytes()) TRY(call.write(0, std::as_bytes(std::span(value))));
    return file::GetExtended::Reply{.length_bytes = value.size()};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetExtended& request) {
    const NamedAttribute asked = TRY(named_attribute(call, request.of));
    TRY(ExtendedAttributes::check(asked.node->kind(), asked.name));
    if (request.mode > static_cast<uint64_t>(ExtendedAttributes::Mode::Replace)) return fail(Error::InvalidArgument);
    TRY(memory_.admit(asked.name.size() + asked.value.size()));
    TRY(asked.node->extended_attributes()->set(asked.name, asked.value, static_cast<ExtendedAttributes::Mode>(request.mode)));
    names_.changes().happened(*asked.node, change::kAttributes);
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::RemoveExtended& request) {
    const NamedAttribute asked = TRY(named_attribute(call, request.of));
    TRY(ExtendedAttributes::check(asked.node->kind(), asked.name));
    TRY(asked.node->extended_attributes()->remove(asked.name));
    names_.changes().happened(*asked.node, change::kAttributes);
    return protocols::Empty{};
}

}  // namespace portico::file_server
