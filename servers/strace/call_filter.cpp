#include "servers/strace/call_filter.h"

#include <algorithm>

#include "servers/strace/signature.h"

namespace portico::strace {

namespace {

bool is_in_class(const Signature& signature, std::string_view name) {
    if (name == "file") return signature.takes(Kind::Path) || signature.name == "getcwd";
    if (name == "desc")
        return signature.returns_fd || signature.takes(Kind::Fd) || signature.takes(Kind::DirectoryFd) || signature.takes(Kind::Pair) ||
               signature.takes(Kind::PollList) || signature.takes(Kind::DescriptorSet);
    if (name == "process") return signature.family == Family::Process;
    if (name == "memory") return signature.family == Family::Memory;
    if (name == "signal") return signature.family == Family::Signal;
    if (name == "network") return signature.family == Family::Network;
    return false;
}

}  // namespace

void CallFilter::add(std::string_view item) {
    if (item == "all") {
        wanted_.set();
        wants_unknown_ = true;
        return;
    }
    const std::string_view class_name = item.starts_with('%') ? item.substr(1) : item;
    for (unsigned number = 0; number < wanted_.size(); ++number) {
        const Signature& signature = signature_of(number);
        if (signature.name.empty()) continue;
        if (signature.name == item || is_in_class(signature, class_name)) wanted_.set(number);
    }
}

CallFilter CallFilter::parse(std::string_view list) {
    CallFilter filter;
    filter.wanted_.reset();
    filter.wants_unknown_ = false;
    const bool turned = list.starts_with('!');
    if (turned) list.remove_prefix(1);
    while (!list.empty()) {
        const std::string_view item = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), item.size() + 1));
        if (!item.empty()) filter.add(item);
    }
    if (turned) {
        filter.wanted_.flip();
        filter.wants_unknown_ = !filter.wants_unknown_;
    }
    return filter;
}

}  // namespace portico::strace
