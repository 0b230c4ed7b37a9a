#include "servers/init/supervisor.h"

#include <cstring>

#include "abi/names.h"
#include "protocols/block.h"
#include "runtime/boot.h"
#include "servers/init/log.h"
#include "servers/swap/slot_map.h"

namespace portico::init {

namespace {

// Of a supervisor's badge: which service, and the how-manieth process of it.
constexpr uint64_t kRequestBadge = 0;  // of no service: its low byte is their index + 1
constexpr uint64_t kRequestCredits = 64;
constexpr uint64_t kMemoryBadge = 1 << 8;  // of no service either
constexpr uint64_t kMemoryShort = 1, kWatchAgain = 2;
constexpr uint64_t make_badge(size_t index, uint32_t generation) {
    return uint64_t{generation} << 8 | (index + 1);
}

}  // namespace

Result<Supervisor> Supervisor::create(BootResources& boot) {
    OwnedHandle events(TRY(native::call(abi::PortCreate{})).port);
    OwnedHandle requests(TRY(native::call(abi::PortBadge{events.get(), kRequestBadge, kRequestCredits})).sender);
    return Supervisor(boot, std::move(events), std::move(requests));
}

void Supervisor::start_all() {
    services_.reserve(kServices.size());
    for (const ServiceDescription& description : kServices) {
        services_.emplace_back(description);
        if (description.name == "swap") look_at_swap_disk();
        if (!is_wanted(description, boot_)) continue;
        Result<> started = services_.back().prepare(boot_, requests_, services_);
        if (started) started = start(services_.size() - 1);
        if (started) continue;
        set_failure("cannot start the " + std::string(description.name) + " server: " + std::string(abi::name_of(started.error())));
        return;
    }
    Result<OwnedHandle> control = service("file").make_client(protocols::file::kControlBadge);
    if (!control) return set_failure("cannot tell the file server of the others: " + std::string(abi::name_of(control.error())));
    file_control_ = std::move(*control);
    for (size_t i = 0; i < services_.size(); ++i)
        if (is_wanted(kServices[i], boot_)) announce(i);
    if (const Result<> watching = watch_memory(); !watching)
        set_failure("cannot watch over the memory: " + std::string(abi::name_of(watching.error())));
}

/// A system without the memory that it was promised is better than none.
void Supervisor::look_at_swap_disk() {
    const std::string_view disk = boot_.swap_disk();
    if (disk.empty()) return;
    Result<protocols::block::Info::Reply> info = fail(Error::NoDevice);
    if (running(disk)) info = ask(service(disk).client(), protocols::block::Info{});
    if (info && (info->flags & protocols::block::kFlagReadOnly) != 0) info = fail(Error::ReadOnly);
    if (info && swap::Layout::of_disk(info->size_bytes).pages == 0) info = fail(Error::NoSpace);
    if (!info) return log("no swap: " + std::string(disk) + ": " + std::string(abi::name_of(info.error())));
    boot_.swap_disk_bytes = info->size_bytes;
}

Result<> Supervisor::watch_memory() {
    if (!memory_events_) {
        memory_events_.reset(TRY(native::call(abi::PortBadge{events_.get(), kMemoryBadge, 1})).sender);
        memory_timer_.reset(TRY(native::call(abi::TimerCreate{memory_events_.get(), kWatchAgain})).timer);
    }
    abi::SystemInfo system;
    TRY(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)}));
    return native::call(
        abi::AccountWatch{boot::grant("account"), memory_events_.get(), kMemoryShort, system.memory_bytes - kServersShortBytes});
}

/// Programs leave more than this free, so it is servers that are short, and what they do they do for programs.
void Supervisor::on_low_memory(uint64_t bits) {
    if ((bits & kWatchAgain) != 0) {
        for (const uint64_t id : std::exchange(starved_, {})) (void)native::reply(id, abi::Message{});
        (void)watch_memory();
    }
    if ((bits & kMemoryShort) == 0) return;
    log("memory runs short: the largest program has to go");
    if (running("process")) (void)ipc::post(service("process").client().get(), protocols::process::MakeRoom{});
    (void)native::call(abi::TimerSet{memory_timer_.get(), now_ns() + 100 * kMillisecond, 0});  // by then it has gone
}

Result<> Supervisor::start(size_t index) {
    Watch& watch = watches_[index];
    watch.restart_at_ns = abi::kForever;
    TRY(services_[index].start(boot_, events_.get(), make_badge(index, ++watch.generation)));
    log("started " + std::string(services_[index].name()));
    announce(index);
    return {};
}

std::optional<abi::Message> Supervisor::next(uint64_t deadline_ns) {
    reply_.reset();
    while (!reply_ && failure_.empty())
        if (!handle_one(deadline_ns)) break;
    return std::exchange(reply_, std::nullopt);
}

void Supervisor::wait_for_restarts(uint64_t deadline_ns) {
    const auto is_due = [](const Watch& watch) { return watch.restart_at_ns != abi::kForever; };
    while (std::ranges::any_of(watches_, is_due) && now_ns() < deadline_ns) (void)handle_one(deadline_ns);
}

bool Supervisor::handle_one(uint64_t deadline_ns) {
    size_t due = 0;
    for (size_t i = 1; i < watches_.size(); ++i)
        if (watches_[i].restart_at_ns < watches_[due].restart_at_ns) due = i;
    const uint64_t restart_at_ns = watches_[due].restart_at_ns;
    if (const auto received = native::receive(events_.get(), std::min(deadline_ns, restart_at_ns))) {
        handle(received->message);
        return true;
    }
    if (restart_at_ns == abi::kForever || now_ns() < restart_at_ns) return deadline_ns == abi::kForever;  // an interrupted wait
    if (const Result<> started = start(due); !started) {
        log("cannot start " + std::string(services_[due].name()) + ": " + std::string(abi::name_of(started.error())));
        plan_restart(due);
    }
    return true;
}

void Supervisor::handle(const abi::Message& message) {
    const abi::MessageKind kind = message.header.kind();
    if (kind == abi::MessageKind::Reply) {
        reply_ = message;
        return;
    }
    const size_t index = (message.badge & 0xFF) - 1;
    const bool is_current = index < services_.size() && message.badge == make_badge(index, watches_[index].generation);
    if (kind == abi::MessageKind::Fault && is_current) on_fault(index, message);
    if (kind == abi::MessageKind::Notification && is_current && (message.word[0] & abi::kNotifyProcessExited) != 0) on_end(index);
    if (kind == abi::MessageKind::Notification && message.badge == kMemoryBadge) on_low_memory(message.word[0]);
    if (kind == abi::MessageKind::Send && message.badge == kRequestBadge) on_request(message);
    if (kind == abi::MessageKind::Send || kind == abi::MessageKind::Call) ipc::close_handles(message);
}

void Supervisor::on_request(const abi::Message& message) {
    using protocols::init::Kill;
    if (message.header.operation() != Kill::method.ordinal || message.header.handle_count() != 0) return;
    const Kill request = protocols::unpack<Kill>(message);
    const std::string name(protocols::init::name_in(request.name));
    if (!running(name)) {
        log("asked to kill " + name + ", which does not run");
        return;
    }
    log("killing " + name + ", as was asked");
    service(name).kill();  // its end is told next
}

void Supervisor::announce(size_t index) {
    // A full port only makes the list old: nothing waits for it.
    protocols::init::ServerChanged change{
        .name = {},
        .state = running(services_[index].name()) ? protocols::init::ServerState::Running : protocols::init::ServerState::Restarting,
        .restarts = watches_[index].generation - 1};
    protocols::init::put_name(change.name, services_[index].name());
    if (file_control_) (void)ipc::post(file_control_.get(), change);
}

void Supervisor::on_fault(size_t index, const abi::Message& message) {
    abi::FaultWords fault;
    static_assert(sizeof fault == sizeof message.word);
    std::memcpy(&fault, message.word, sizeof fault);
    if (fault.kind == abi::FaultKind::NoMemory) {
        starved_.push_back(message.id);
        return on_low_memory(kMemoryShort);
    }
    log(std::string(services_[index].name()) + " killed: " + std::string(abi::name_of(fault.kind)) + ", address " +
        hexadecimal(fault.address) + ", access " + hexadecimal(fault.access) + ", at " + hexadecimal(fault.instruction) + ", stack " +
        hexadecimal(fault.stack));
    services_[index].kill();  // its end is told next
}

void Supervisor::on_end(size_t index) {
    Service& service = services_[index];
    if (!service.running()) return;
    const std::string name(service.name());
    log(name + " ended with code " + std::to_string(service.bury()));
    if (service.loss() == Loss::EndSystem) return set_failure("the " + name + " server ended");
    plan_restart(index);
    announce(index);
}

void Supervisor::plan_restart(size_t index) {
    Watch& watch = watches_[index];
    const uint64_t now = now_ns();
    if (watch.restarts == 0 || now - watch.period_start_ns > kRestartsPeriod) {
        watch.period_start_ns = now;
        watch.restarts = 0;
    }
    if (++watch.restarts > kRestartsMax) {
        set_failure("the " + std::string(services_[index].name()) + " server ends again and again");
        return;
    }
    watch.restart_at_ns = now + std::min(kDelayMin << std::min(watch.restarts - 1, 10u), kDelayMax);
}

}  // namespace portico::init
