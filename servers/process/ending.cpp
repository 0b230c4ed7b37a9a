#include "servers/process/lifecycle.h"
#include "servers/process/orphaned_groups.h"

namespace portico::process {

namespace {

SignalInfo end_notice(const Process& zombie) {
    const int signal = static_cast<int>(zombie.wait_status & 0x7F);
    const bool dumped = (zombie.wait_status & 0x80) != 0;
    return {.number = zombie.exit_signal,
            .code = signal == 0 ? kCodeExited
                    : dumped    ? kCodeDumped
                                : kCodeKilled,
            .pid = zombie.pid,
            .uid = zombie.credentials.uid,
            .status = signal == 0 ? static_cast<int>(zombie.wait_status >> 8 & 0xFF) : signal};
}

}  // namespace

void Lifecycle::kill(Process& process, uint32_t wait_status) {
    if (process.pid == 0 || process.state == State::Ending || process.state == State::Zombie) return;
    process.state = State::Ending;
    process.wait_status = wait_status;
    abi::ProcessInfo info;
    if (native::call(abi::ProcessQuery{process.kernel_process.get(), reinterpret_cast<uint64_t>(&info)}))
        process.resident_bytes = info.resident_bytes;  // gone once the kernel has ended it
    (void)native::call(abi::ProcessKill{process.kernel_process.get(), wait_status});
}

void Lifecycle::close_kernel_side(Process& process) {
    abi::ProcessInfo info;
    if (native::call(abi::ProcessQuery{process.kernel_process.get(), reinterpret_cast<uint64_t>(&info)})) {
        process.cpu_time_ns = info.cpu_time_ns;
        // Nobody asked for this end: its last thread ended, with a wait status as the code.
        if (process.state != State::Ending) process.wait_status = static_cast<uint32_t>(info.exit_code & 0xFFFF);
    }
    process.kernel_process.reset();
    process.timer.reset();
    while (!process.threads.empty()) table_.remove_thread(process, process.threads.begin()->first);
    process.pending.discard(~uint64_t{0});
}

void Lifecycle::finish(Process& process) {
    if (process.pid == 0 || process.state == State::Zombie) return;
    close_kernel_side(process);
    process.state = State::Ending;  // no zombie before it is announced: a waiter that wakes meanwhile must not take it
    release_space(process);
    process.ended.wake_all();
    if (process.session == process.pid) {
        Session& session = table_.session_of(process);
        session.terminal.reset();
        session.special_device = 0;
    }
    const bool is_reaper = process.pid == reaper_pid_;
    Process* reaper = is_reaper || ending_ ? nullptr : table_.find(reaper_pid_);
    Process& heir = reaper != nullptr ? *reaper : table_.init();
    const std::vector<int32_t> orphaned = stopped_groups_orphaned_by(table_, process, &heir);
    give_children_away(process, heir);
    for (const int32_t group : orphaned) {
        deliver_to_group(group, {.number = kHangup, .code = kCodeKernel});
        deliver_to_group(group, {.number = kContinue, .code = kCodeKernel});
    }
    if (is_reaper) {
        ending_ = true;
        reaper_unannounced_ = true;
        kill_all_but(process);
    } else {
        announce(process);  // the last use of it
    }
    announce_reaper_if_last();
}

void Lifecycle::give_children_away(Process& process, Process& heir) {
    const std::set<int32_t> children = process.children;  // a copy: every step changes it
    for (const int32_t pid : children) {
        Process* child = table_.find(pid);
        if (child == nullptr) continue;
        table_.set_parent(*child, heir);
        child->adopted = true;
        child->exit_signal = kChild;
        if (child->state == State::Zombie) announce(*child);
    }
}

void Lifecycle::announce(Process& zombie) {
    zombie.state = State::Zombie;
    Process* parent = table_.find(zombie.parent);
    if (parent == nullptr || (parent->pid == 0 && zombie.adopted)) {
        reap(zombie);  // init waits only for what it spawned
        return;
    }
    const SignalInfo notice = end_notice(zombie);
    const bool keep = notice.number != kChild || (parent->child_flags & kNoZombies) == 0;
    const bool adopted = zombie.adopted;
    if (!keep) reap(zombie);
    if (notice.number != 0) (void)deliver(*parent, notice);
    parent->child_changes.wake_all();
    if (adopted && keep) bound_adopted_zombies();
}

void Lifecycle::bound_adopted_zombies() {
    Process* reaper = table_.find(reaper_pid_);
    if (reaper == nullptr) return;
    Process* oldest = nullptr;
    size_t count = 0;
    for (const int32_t pid : reaper->children) {
        Process* child = table_.find(pid);
        if (child == nullptr || !child->adopted || child->state != State::Zombie) continue;
        ++count;
        if (oldest == nullptr || child->serial < oldest->serial) oldest = child;
    }
    if (count > kAdoptedZombiesMax) reap(*oldest);
}

void Lifecycle::reap(Process& zombie) {
    table_.remove(zombie);
}

void Lifecycle::kill_all_but(const Process& reaper) {
    table_.for_each([&](Process& process) {
        if (process.pid != reaper.pid) kill(process, kKill);
    });
}

void Lifecycle::announce_reaper_if_last() {
    if (!reaper_unannounced_) return;
    bool others = false;
    table_.for_each([&](Process& process) { others = others || (process.pid != reaper_pid_ && process.state != State::Zombie); });
    if (others) return;
    reaper_unannounced_ = false;
    if (Process* reaper = table_.find(reaper_pid_); reaper != nullptr) announce(*reaper);
}

}  // namespace portico::process
