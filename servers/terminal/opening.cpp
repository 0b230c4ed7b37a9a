#include <charconv>
#include <ctime>

#include "servers/terminal/server.h"

/// How open objects begin and end.
namespace portico::terminal {

namespace {

constexpr std::string_view kPseudoPrefix = "pts/";

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace

std::shared_ptr<PseudoTerminal> Server::pseudo(uint64_t number) const {
    const auto found = number < protocols::terminal::kPseudoMax ? pseudo_.find(static_cast<uint32_t>(number)) : pseudo_.end();
    const std::shared_ptr<PseudoTerminal> one = found == pseudo_.end() ? nullptr : found->second.lock();
    return one && one->has_line() ? one : nullptr;
}

Result<std::shared_ptr<PseudoTerminal>> Server::make_pseudo() {
    std::erase_if(pseudo_, [](const auto& item) { return item.second.expired(); });
    uint32_t number = 0;
    while (pseudo_.contains(number)) ++number;
    if (number >= protocols::terminal::kPseudoMax) return fail(Error::NoSpace);
    auto made = std::make_shared<PseudoTerminal>(static_cast<Signaller&>(*this), number, realtime_ns());
    pseudo_.emplace(number, made);
    return made;
}

Result<Server::Object> Server::open_terminal(const Name& name, std::shared_ptr<TerminalDevice> device, const file::Open& request) {
    if (const PseudoTerminal* const pair = device->pseudo(); pair != nullptr && (pair->locked() || !pair->has_line()))
        return fail(Error::IoError);
    if ((request.flags & file::kNoControllingTerminal) == 0)
        device->terminal().jobs().acquire_if_free(static_cast<int64_t>(request.session), static_cast<int64_t>(request.process_group));
    device->opened();
    return std::make_shared<OpenObject>(name, request.flags, std::move(device));
}

Result<Server::Object> Server::make_object_anew(const Object& object, const file::Open& request) {
    if ((request.flags & file::kPathOnly) != 0) {
        auto reference = std::make_shared<OpenObject>(object->name, file::kPathOnly, object->device);
        reference->original = object->is_reference() ? object->original : std::weak_ptr(object);
        if (const int64_t session = object->device ? object->device->terminal().jobs().session() : 0;
            session != 0 && session == static_cast<int64_t>(request.session))
            reference->controls_session = session;
        return reference;
    }
    if (object->is_reference() && object->device && !object->device->has_line()) return fail(Error::NoDevice);
    if (object->is_outer()) return open_terminal(kPseudoName, object->device, request);
    if (object->is_terminal()) return open_terminal(object->name, object->device, request);
    if (object->is_reference()) return fail(Error::BadHandle);
    return std::make_shared<OpenObject>(object->name, request.flags, nullptr);
}

Result<Server::Object> Server::make_object(const ipc::Call& call, const file::Open& request) {
    const std::string path = TRY(call.read_text(file::kPathBytesMax));
    if (call.badge() >= file::kFirstObjectBadge) {
        if (!path.empty()) return fail(Error::NotDirectory);
        return make_object_anew(TRY(find(call)), request);
    }
    if (path.starts_with(kPseudoPrefix)) {
        uint32_t number = 0;
        const auto [end, error] = std::from_chars(path.data() + kPseudoPrefix.size(), path.data() + path.size(), number);
        std::shared_ptr<PseudoTerminal> pair = error == std::errc{} && end == path.data() + path.size() ? pseudo(number) : nullptr;
        if (!pair) return fail(Error::NotFound);
        return open_terminal(kPseudoName, std::move(pair), request);
    }
    const Name* const name = find_name(path);
    if (name == nullptr) return fail(Error::NotFound);
    if (name->target == Target::Terminal) return open_terminal(*name, host_, request);
    std::shared_ptr<TerminalDevice> device;
    if (name->target == Target::Outer) device = TRY(make_pseudo());
    if (name->target == Target::Input) input_opened_ = true;
    return std::make_shared<OpenObject>(*name, request.flags, std::move(device));
}

Result<file::Open::Reply> Server::on(const ipc::Call& call, const file::Open& request) {
    if ((request.flags & file::kDirectory) != 0) return fail(Error::NotDirectory);
    if (objects_.size() >= kObjectsMax) return fail(Error::NoSpace);
    const Object object = TRY(make_object(call, request));
    object->flags &= file::kAccessMode | file::kAppend | file::kNonBlocking | file::kPathOnly;
    const auto made = native::call(abi::PortBadge{.port = handles_.port, .badge = next_badge_, .credits = kCredits});
    if (!made) {
        close(*object);
        return fail(made.error());
    }
    objects_.emplace(next_badge_++, object);
    if (!std::exchange(ready_, true)) send_control("ready");
    const PseudoTerminal* const pair = object->is_terminal() ? object->pseudo() : nullptr;
    changed();
    return file::Open::Reply{.kind = object->name.kind(),
                             .mode = pair != nullptr ? pair->attributes().mode : object->name.mode,
                             .size_bytes = 0,
                             .special_device = pair != nullptr ? pair->attributes().special_device : object->name.special_device,
                             .zero = 0,
                             .file = made->sender};
}

/// The last handle went.
void Server::close(const OpenObject& object) {
    changed();
    if (object.is_reference()) {
        // The process server lets go of a session's terminal when the leader has ended.
        if (object.controls_session != 0 && object.controls_session == object.device->terminal().jobs().session())
            object.device->leader_ended();
    } else if (object.is_outer()) {
        object.pseudo()->lose_line();
    } else if (object.device) {
        object.device->closed();
    }
}

}  // namespace portico::terminal
