#include "posix/process.h"

#include "posix/identities.h"
#include "posix/interruptible.h"
#include "runtime/one_way_memory.h"

namespace portico::posix {

Result<protocols::process::GetIds::Reply> Process::ids() {
    const protocols::process::Identity* identity = identity_of(*this);
    if (identity == nullptr) return settled_call(process_server, protocols::process::GetIds{.pid = 0});
    return protocols::process::GetIds::Reply{.pid = pid,
                                             .parent = ipc::load_relaxed(identity->parent),
                                             .group = ipc::load_relaxed(identity->group),
                                             .session = ipc::load_relaxed(identity->session)};
}

Result<> Process::copy_from(Process& parent) NO_THREAD_SAFETY_ANALYSIS {
    TRY(descriptors.copy_from(parent.descriptors));
    const MutexGuard guard(parent.mutex);
    mode = parent.mode;
    process_server = parent.process_server;
    pipe_server = parent.pipe_server;
    root_directory = parent.root_directory;
    runtime_image = parent.runtime_image;
    realtime_offset_ns = parent.realtime_offset_ns;
    working_directory = parent.working_directory;
    umask = parent.umask;
    settings = parent.settings.load();
    nice = parent.nice.load();
    limits = parent.limits;
    actions = parent.actions;
    break_start = parent.break_start;
    break_end = parent.break_end;
    break_mapped_end = parent.break_mapped_end;
    map_hint = parent.map_hint;
    ignored_told = parent.ignored_told;
    child_flags_told = parent.child_flags_told;
    attachments = parent.attachments;
    has_attachments = parent.has_attachments.load();
    sysv_server = parent.sysv_server;
    has_signal_sets = parent.has_signal_sets.load();
    return {};
}

}  // namespace portico::posix
