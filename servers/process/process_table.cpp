#include "servers/process/process_table.h"

#include "runtime/one_way_memory.h"

namespace portico::process {

static void store(Identity& to, const Identity& from) {
    ipc::store_relaxed(to.parent, from.parent);
    ipc::store_relaxed(to.session, from.session);
    ipc::store_relaxed(to.uid, from.uid);
    ipc::store_relaxed(to.euid, from.euid);
    ipc::store_relaxed(to.gid, from.gid);
    ipc::store_relaxed(to.egid, from.egid);
    ipc::store_release(to.group, from.group);
}

ProcessTable::ProcessTable(size_t processes_max, std::span<Identity> identities) : processes_max_(processes_max), identities_(identities) {
    auto init = std::make_unique<Process>();
    init->state = State::Running;
    init->name = "init";
    processes_.emplace(0, std::move(init));
}

bool ProcessTable::id_used(int32_t id) const {
    return processes_.contains(id) || thread_owners_.contains(id) || groups_.contains(id) || sessions_.contains(id);
}

Result<int32_t> ProcessTable::allocate_id() {
    for (int32_t tried = 1; tried < kIdMax; ++tried) {
        last_id_ = last_id_ + 1 < kIdMax ? last_id_ + 1 : 1;
        if (!id_used(last_id_)) return last_id_;
    }
    return fail(Error::NoSpace);
}

void ProcessTable::enter(Process& process, int32_t group, int32_t session) {
    process.group = group;
    process.session = session;
    groups_[group].insert(process.pid);
    ++sessions_[session].member_count;
    publish(process);
}

void ProcessTable::leave(Process& process) {
    const auto group = groups_.find(process.group);
    if (group != groups_.end()) {
        group->second.erase(process.pid);
        if (group->second.empty()) groups_.erase(group);
    }
    const auto session = sessions_.find(process.session);
    if (session != sessions_.end() && --session->second.member_count == 0) sessions_.erase(session);
}

Result<Process*> ProcessTable::create(Process& parent) {
    if (count() >= processes_max_) return fail(Error::NoSpace);
    const int32_t pid = TRY(allocate_id());
    auto made = std::make_unique<Process>();
    Process& process = *made;
    process.pid = pid;
    process.serial = ++last_serial_;
    process.parent = parent.pid;
    process.credentials = parent.credentials;
    processes_.emplace(pid, std::move(made));
    parent.children.insert(pid);
    enter(process, parent.group, parent.session);
    return &process;
}

void ProcessTable::lead_new_session(Process& process) {
    leave(process);
    enter(process, process.pid, process.pid);
}

void ProcessTable::move_to_group(Process& process, int32_t group) {
    if (process.group == group) return;
    const int32_t session = process.session;
    ++sessions_[session].member_count;  // so that it outlives the move
    leave(process);
    enter(process, group, session);
    --sessions_[session].member_count;
}

void ProcessTable::remove(Process& process) {
    leave(process);
    for (const auto& [tid, thread] : process.threads) thread_owners_.erase(tid);
    if (Process* parent = find(process.parent); parent != nullptr) parent->children.erase(process.pid);
    if (!identities_.empty()) store(identities_[static_cast<size_t>(process.pid)], {});
    // Taken out before it dies: waiters that its queues resume then must not find it.
    const auto doomed = processes_.extract(process.pid);
}

Process* ProcessTable::find(int64_t pid) {
    if (pid < 0 || pid >= kIdMax) return nullptr;
    const auto found = processes_.find(static_cast<int32_t>(pid));
    return found == processes_.end() ? nullptr : found->second.get();
}

void ProcessTable::set_parent(Process& child, Process& parent) {
    if (Process* old = find(child.parent); old != nullptr) old->children.erase(child.pid);
    child.parent = parent.pid;
    parent.children.insert(child.pid);
    publish(child);
}

void ProcessTable::set_credentials(Process& process, const Credentials& credentials) {
    process.credentials = credentials;
    publish(process);
}

void ProcessTable::publish(const Process& process) {
    if (identities_.empty()) return;
    store(identities_[static_cast<size_t>(process.pid)], {.parent = process.parent,
                                                          .group = process.group,
                                                          .session = process.session,
                                                          .uid = process.credentials.uid,
                                                          .euid = process.credentials.euid,
                                                          .gid = process.credentials.gid,
                                                          .egid = process.credentials.egid,
                                                          .zero = 0});
}

bool ProcessTable::group_in_session(int32_t group, int32_t session) const {
    for (const int32_t pid : group_members(group))
        if (processes_.at(pid)->session == session) return true;
    return false;
}

const std::set<int32_t>& ProcessTable::group_members(int32_t group) const {
    static const std::set<int32_t> none;
    const auto found = groups_.find(group);
    return found == groups_.end() ? none : found->second;
}

bool ProcessTable::terminal_taken(uint64_t special_device, int32_t session) const {
    for (const auto& [id, candidate] : sessions_)
        if (id != session && candidate.terminal && candidate.special_device == special_device) return true;
    return false;
}

Result<int32_t> ProcessTable::add_thread(Process& process, Thread&& thread) {
    const int32_t tid = TRY(allocate_id());
    thread_owners_.emplace(tid, process.pid);
    process.threads.emplace(tid, std::move(thread));
    return tid;
}

void ProcessTable::add_main_thread(Process& process, Thread&& thread) {
    thread_owners_.emplace(process.pid, process.pid);
    process.threads.emplace(process.pid, std::move(thread));
}

void ProcessTable::remove_thread(Process& process, int32_t tid) {
    if (process.threads.erase(tid) != 0) thread_owners_.erase(tid);
}

Process* ProcessTable::find_by_thread(int64_t tid) {
    if (tid <= 0 || tid >= kIdMax) return nullptr;
    const auto found = thread_owners_.find(static_cast<int32_t>(tid));
    // A process keeps answering to its first thread's number after that thread has ended.
    return find(found == thread_owners_.end() ? tid : found->second);
}

std::vector<int32_t> ProcessTable::list(int64_t after, size_t count_max) const {
    std::vector<int32_t> result;
    if (after >= kIdMax) return result;
    const int32_t from = after < 0 ? 0 : static_cast<int32_t>(after);  // pid 0 is never listed
    for (auto next = processes_.upper_bound(from); next != processes_.end() && result.size() < count_max; ++next)
        result.push_back(next->first);
    return result;
}

void ProcessTable::for_each(const std::function<void(Process&)>& visit) {
    for (const int32_t pid : list(0, kIdMax))
        if (Process* process = find(pid); process != nullptr) visit(*process);
}

}  // namespace portico::process
