#include <cerrno>

#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/identities.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/user_copy.h"
#include "runtime/one_way_memory.h"

/// Process ids, groups, sessions and credentials: all kept by the process server, which publishes what programs ask for often.
namespace portico::posix {

using protocols::process::Credentials;
using protocols::process::Identity;

namespace {

constexpr uint32_t kUnchanged = ~uint32_t{0};
constexpr uint32_t kGroupsMax = 32;

Result<Credentials> credentials(Thread& thread) {
    Credentials value;
    const ipc::Lend lend{.writable = std::as_writable_bytes(std::span(&value, 1))};
    TRY(settled_call(thread.process->process_server, protocols::process::GetCredentials{.pid = 0}, lend));
    return value;
}

int64_t store(Thread& thread, const Credentials& value) {
    const ipc::Lend lend{.readable = std::as_bytes(std::span(&value, 1))};
    const auto reply = settled_call(thread.process->process_server, protocols::process::SetCredentials{}, lend);
    if (!reply) return reply.error() == Error::AccessDenied ? -EPERM : to_errno(reply.error());
    return 0;
}

int64_t ask(Thread& thread, uint32_t Identity::* published, uint32_t Credentials::* field) {
    if (const Identity* identity = identity_of(*thread.process); identity != nullptr) [[likely]]
        return ipc::load_relaxed(identity->*published);
    const auto value = credentials(thread);
    return value ? static_cast<int64_t>((*value).*field) : to_errno(value.error());
}

int64_t ask_three(Thread& thread, const Arguments& addresses, std::array<uint32_t Credentials::*, 3> fields) {
    const auto value = credentials(thread);
    if (!value) return to_errno(value.error());
    for (size_t i = 0; i < fields.size(); ++i)
        if (!write_user(addresses[i], (*value).*fields[i])) return -EFAULT;
    return 0;
}

/// The three (and file-system) ids of users or of groups, so that both are changed by the same rules (setuid(2), setreuid(2)).
struct IdFields {
    uint32_t Credentials::* real;
    uint32_t Credentials::* effective;
    uint32_t Credentials::* saved;
    uint32_t Credentials::* file;
};
constexpr IdFields kUser{&Credentials::uid, &Credentials::euid, &Credentials::suid, &Credentials::fsuid};
constexpr IdFields kGroup{&Credentials::gid, &Credentials::egid, &Credentials::sgid, &Credentials::fsgid};

bool is_own(const Credentials& value, const IdFields& fields, uint32_t id) {
    return value.euid == 0 || id == value.*fields.real || id == value.*fields.effective || id == value.*fields.saved;
}

int64_t set_one(Thread& thread, const IdFields& fields, uint64_t argument) {
    const auto id = static_cast<uint32_t>(argument);
    if (id == kUnchanged) return -EINVAL;
    auto value = credentials(thread);
    if (!value) return to_errno(value.error());
    if (value->euid != 0 && id != (*value).*fields.real && id != (*value).*fields.saved) return -EPERM;
    if (value->euid == 0) (*value).*fields.real = (*value).*fields.saved = id;
    (*value).*fields.effective = (*value).*fields.file = id;
    return store(thread, *value);
}

int64_t set_three(Thread& thread, const IdFields& fields, const Arguments& arguments) {
    auto value = credentials(thread);
    if (!value) return to_errno(value.error());
    const Credentials old = *value;
    const std::array<uint32_t Credentials::*, 3> members{fields.real, fields.effective, fields.saved};
    for (size_t i = 0; i < members.size(); ++i) {
        const auto id = static_cast<uint32_t>(arguments[i]);
        if (id == kUnchanged) continue;
        if (!is_own(old, fields, id)) return -EPERM;
        (*value).*members[i] = id;
    }
    (*value).*fields.file = (*value).*fields.effective;
    return store(thread, *value);
}

int64_t set_real_effective(Thread& thread, const IdFields& fields, const Arguments& arguments) {
    auto value = credentials(thread);
    if (!value) return to_errno(value.error());
    const Credentials old = *value;
    const auto real = static_cast<uint32_t>(arguments[0]), effective = static_cast<uint32_t>(arguments[1]);
    if (real != kUnchanged) {
        if (old.euid != 0 && real != old.*fields.real && real != old.*fields.effective) return -EPERM;
        (*value).*fields.real = real;
    }
    if (effective != kUnchanged) {
        if (!is_own(old, fields, effective)) return -EPERM;
        (*value).*fields.effective = effective;
    }
    if (real != kUnchanged || (effective != kUnchanged && effective != old.*fields.real))
        (*value).*fields.saved = (*value).*fields.effective;
    (*value).*fields.file = (*value).*fields.effective;
    return store(thread, *value);
}

/// setfsuid and setfsgid tell the old id, whether they changed it or not.
int64_t set_file_id(Thread& thread, const IdFields& fields, uint64_t argument) {
    auto value = credentials(thread);
    if (!value) return to_errno(value.error());
    const uint32_t old = (*value).*fields.file;
    const auto id = static_cast<uint32_t>(argument);
    if (id == kUnchanged || !is_own(*value, fields, id)) return old;
    (*value).*fields.file = id;
    (void)store(thread, *value);
    return old;
}

Result<protocols::process::GetIds::Reply> ids_of(Thread& thread, uint64_t pid) {
    return settled_call(thread.process->process_server, protocols::process::GetIds{.pid = static_cast<int32_t>(pid)});
}

/// Of the caller itself by what is published, of others by asking.
int64_t ask(Thread& thread, uint64_t pid, int32_t Identity::* published, int64_t protocols::process::GetIds::Reply::* field) {
    Process& process = *thread.process;
    const auto number = static_cast<int32_t>(pid);
    if (number == 0 || number == process.pid)
        if (const Identity* identity = identity_of(process); identity != nullptr) [[likely]]
            return ipc::load_relaxed(identity->*published);
    const auto ids = ids_of(thread, pid);
    return ids ? (*ids).*field : to_errno(ids.error());
}

}  // namespace

int64_t sys_getpid(Thread& thread, const Arguments&) {
    return thread.process->pid;
}
int64_t sys_gettid(Thread& thread, const Arguments&) {
    return thread.tid;
}

int64_t sys_getppid(Thread& thread, const Arguments&) {
    return ask(thread, 0, &Identity::parent, &protocols::process::GetIds::Reply::parent);
}
int64_t sys_getpgid(Thread& thread, const Arguments& arguments) {
    return ask(thread, arguments[0], &Identity::group, &protocols::process::GetIds::Reply::group);
}
int64_t sys_getpgrp(Thread& thread, const Arguments&) {
    return ask(thread, 0, &Identity::group, &protocols::process::GetIds::Reply::group);
}
int64_t sys_getsid(Thread& thread, const Arguments& arguments) {
    return ask(thread, arguments[0], &Identity::session, &protocols::process::GetIds::Reply::session);
}

int64_t sys_setpgid(Thread& thread, const Arguments& arguments) {
    const auto pid = static_cast<int32_t>(arguments[0]), group = static_cast<int32_t>(arguments[1]);
    if (group < 0) return -EINVAL;
    const auto reply = settled_call(thread.process->process_server, protocols::process::SetGroup{.pid = pid, .group = group});
    if (reply) return 0;
    switch (reply.error()) {
    case Error::AccessDenied:
        return -EPERM;
    case Error::WrongState:
        return -EACCES;  // the child has run another program by now
    default:
        return to_errno(reply.error());
    }
}

int64_t sys_setsid(Thread& thread, const Arguments&) {
    const auto reply = settled_call(thread.process->process_server, protocols::process::NewSession{});
    return reply ? reply->session : -EPERM;
}

int64_t sys_getuid(Thread& thread, const Arguments&) {
    return ask(thread, &Identity::uid, &Credentials::uid);
}
int64_t sys_geteuid(Thread& thread, const Arguments&) {
    return ask(thread, &Identity::euid, &Credentials::euid);
}
int64_t sys_getgid(Thread& thread, const Arguments&) {
    return ask(thread, &Identity::gid, &Credentials::gid);
}
int64_t sys_getegid(Thread& thread, const Arguments&) {
    return ask(thread, &Identity::egid, &Credentials::egid);
}
int64_t sys_getresuid(Thread& thread, const Arguments& arguments) {
    return ask_three(thread, arguments, {&Credentials::uid, &Credentials::euid, &Credentials::suid});
}
int64_t sys_getresgid(Thread& thread, const Arguments& arguments) {
    return ask_three(thread, arguments, {&Credentials::gid, &Credentials::egid, &Credentials::sgid});
}

int64_t sys_setuid(Thread& thread, const Arguments& arguments) {
    return set_one(thread, kUser, arguments[0]);
}
int64_t sys_setgid(Thread& thread, const Arguments& arguments) {
    return set_one(thread, kGroup, arguments[0]);
}
int64_t sys_setreuid(Thread& thread, const Arguments& arguments) {
    return set_real_effective(thread, kUser, arguments);
}
int64_t sys_setregid(Thread& thread, const Arguments& arguments) {
    return set_real_effective(thread, kGroup, arguments);
}
int64_t sys_setresuid(Thread& thread, const Arguments& arguments) {
    return set_three(thread, kUser, arguments);
}
int64_t sys_setresgid(Thread& thread, const Arguments& arguments) {
    return set_three(thread, kGroup, arguments);
}
int64_t sys_setfsuid(Thread& thread, const Arguments& arguments) {
    return set_file_id(thread, kUser, arguments[0]);
}
int64_t sys_setfsgid(Thread& thread, const Arguments& arguments) {
    return set_file_id(thread, kGroup, arguments[0]);
}

int64_t sys_getgroups(Thread& thread, const Arguments& arguments) {
    const auto value = credentials(thread);
    if (!value) return to_errno(value.error());
    const uint32_t count = value->group_count < kGroupsMax ? value->group_count : kGroupsMax;
    const auto room = static_cast<int32_t>(arguments[0]);
    if (room == 0) return count;
    if (room < 0 || static_cast<uint32_t>(room) < count) return -EINVAL;
    if (!copy_to_user(arguments[1], value->groups, count * sizeof(uint32_t))) return -EFAULT;
    return count;
}

int64_t sys_setgroups(Thread& thread, const Arguments& arguments) {
    if (arguments[0] > kGroupsMax) return -EINVAL;
    auto value = credentials(thread);
    if (!value) return to_errno(value.error());
    if (value->euid != 0) return -EPERM;
    value->group_count = static_cast<uint32_t>(arguments[0]);
    if (!copy_from_user(value->groups, arguments[1], arguments[0] * sizeof(uint32_t))) return -EFAULT;
    return store(thread, *value);
}

}  // namespace portico::posix
