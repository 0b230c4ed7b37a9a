#include "servers/file/extended_attributes.h"

namespace portico::file_server {

Result<> ExtendedAttributes::check(Kind kind, std::string_view name) {
    if (name.size() > kNameBytesMax || name.find('\0') != std::string_view::npos) return fail(Error::InvalidArgument);
    const size_t dot = name.find('.');
    const std::string_view group = name.substr(0, dot);
    if (dot == std::string_view::npos || (group != "user" && group != "trusted" && group != "security")) return fail(Error::NotSupported);
    if (dot + 1 == name.size()) return fail(Error::InvalidArgument);
    if (group == "user" && kind != Kind::File && kind != Kind::Directory) return fail(Error::AccessDenied);
    return {};
}

Result<std::string_view> ExtendedAttributes::get(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return fail(Error::NotFound);
    return found->second;
}

Result<> ExtendedAttributes::set(std::string_view name, std::string_view value, Mode mode) {
    const auto found = values_.find(name);
    if (found != values_.end() && mode == Mode::Create) return fail(Error::Exists);
    if (found == values_.end() && mode == Mode::Replace) return fail(Error::NotFound);
    const size_t before = found == values_.end() ? 0 : name.size() + found->second.size();
    if (bytes_ - before + name.size() + value.size() > kBytesMax) return fail(Error::NoSpace);
    bytes_ += name.size() + value.size() - before;
    values_.insert_or_assign(std::string(name), std::string(value));
    return {};
}

Result<> ExtendedAttributes::remove(std::string_view name) {
    const auto found = values_.find(name);
    if (found == values_.end()) return fail(Error::NotFound);
    bytes_ -= found->first.size() + found->second.size();
    values_.erase(found);
    return {};
}

std::string ExtendedAttributes::list() const {
    std::string names;
    for (const auto& [name, value] : values_) names.append(name).push_back('\0');
    return names;
}

}  // namespace portico::file_server
