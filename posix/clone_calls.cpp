#include <cerrno>

#include "posix/attachments.h"
#include "posix/core_calls.h"
#include "posix/entry_points.h"
#include "posix/errno_map.h"
#include "posix/heap.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/random.h"
#include "posix/signals.h"
#include "posix/thread_memory.h"
#include "posix/user_copy.h"

/// fork, vfork and threads.
namespace portico::posix {

namespace {

constexpr uint64_t kSharedMemory = 0x100, kSharedFs = 0x200, kSharedFiles = 0x400, kSharedActions = 0x800, kPidDescriptor = 0x1000,
                   kVfork = 0x4000, kThread = 0x1'0000, kSetTls = 0x8'0000, kParentSetTid = 0x10'0000, kChildClearTid = 0x20'0000,
                   kChildSetTid = 0x100'0000, kDetached = 0x40'0000, kUntraced = 0x80'0000, kSharedUndo = 0x4'0000;
constexpr uint64_t kSignalMaskOfFlags = 0xFF;

struct CloneRequest {
    uint64_t flags = 0;
    uint64_t stack = 0;  ///< the child's stack pointer; 0: as the parent's
    uint64_t parent_tid = 0;
    uint64_t child_tid = 0;
    uint64_t tls = 0;
    uint64_t exit_signal = 0;
};

void prepare_child(Thread& child, const CloneRequest& request) {
    if (request.stack != 0) child.frame->rsp = request.stack;
    child.fs_base = (request.flags & kSetTls) != 0 ? request.tls : read_fs_base();
    if ((request.flags & kChildClearTid) != 0) child.clear_child_tid = request.child_tid;
}

Result<int64_t> start_thread(Thread& parent, Thread& child) {
    Process& process = *parent.process;
    const auto gs_base = reinterpret_cast<uint64_t>(&child);
    if (process.mode == abi::RuntimeMode::Posix) {
        const auto reply =
            TRY(settled_call(process.process_server, protocols::process::ThreadCreate{.instruction = address_of(portico_thread_child),
                                                                                      .stack = child.stack_top,
                                                                                      .gs_base = gs_base,
                                                                                      .fs_base = child.fs_base,
                                                                                      .argument = gs_base}));
        const MutexGuard guard(process.mutex);
        child.handle = reply.thread;
        return reply.tid;
    }
    const abi::ThreadStart start{.instruction = address_of(portico_thread_child),
                                 .stack = child.stack_top,
                                 .argument = gs_base,
                                 .fs_base = child.fs_base,
                                 .gs_base = gs_base};
    const abi::Handle handle = TRY(native::call(abi::ThreadCreate{abi::kSelfProcess, reinterpret_cast<uint64_t>(&start)})).thread;
    const MutexGuard guard(process.mutex);
    child.handle = handle;
    return ++process.bare_tid_last;
}

int64_t clone_thread(Thread& parent, const CloneRequest& request) {
    Process& process = *parent.process;
    Thread* child = allocate_thread(process);
    if (child == nullptr) return -EAGAIN;
    inherit(*child, parent);
    prepare_child(*child, request);
    const Result<int64_t> tid = start_thread(parent, *child);
    if (!tid) {
        const MutexGuard guard(process.mutex);
        child->ended = true;
        child->running = 0;
        return tid.error() == Error::NoMemory || tid.error() == Error::NoSpace ? -EAGAIN : to_errno(tid.error());
    }
    const auto number = static_cast<uint32_t>(*tid);
    if ((request.flags & kParentSetTid) != 0) (void)store_user_32(request.parent_tid, number);
    if ((request.flags & kChildSetTid) != 0) (void)store_user_32(request.child_tid, number);
    // The child waits for its number: programs read it where PARENT_SETTID puts it as soon as they run.
    child->tid.store(static_cast<int32_t>(number), std::memory_order_release);
    (void)native::call(abi::FutexWake{reinterpret_cast<uint64_t>(&child->tid), 1, 0, 0xFFFF'FFFF});
    return *tid;
}

/// Locks that must be free in the child's copy of the memory are held while the process server makes it.
int64_t fork_copy(Thread& parent, const CloneRequest& request) NO_THREAD_SAFETY_ANALYSIS {
    Process& process = *parent.process;
    const Result<abi::Handle> port = parent.reply_port();  // made before the locks are held
    if (!port) return to_errno(port.error());
    inherit_for_fork(parent);
    attachments_before_fork(process);
    const uint64_t stack_of_parent = parent.frame->rsp;
    const uint64_t clear_of_parent = parent.clear_child_tid;
    if (request.stack != 0) parent.frame->rsp = request.stack;  // the copy's frame; put back below
    parent.clear_child_tid = (request.flags & kChildClearTid) != 0 ? request.child_tid : 0;
    parent.child_set_tid = (request.flags & kChildSetTid) != 0 ? request.child_tid : 0;
    const uint64_t fs_base = (request.flags & kSetTls) != 0 ? request.tls : read_fs_base();
    process.mutex.lock();
    process.descriptors.before_fork();
    heap::lock_for_fork();
    const auto reply =
        settled_call(process.process_server, protocols::process::Fork{.instruction = address_of(portico_fork_child),
                                                                      .stack = parent.stack_top,
                                                                      .gs_base = reinterpret_cast<uint64_t>(&parent),
                                                                      .fs_base = fs_base,
                                                                      .share_space = 0,
                                                                      .exit_signal = static_cast<int32_t>(request.exit_signal)});
    heap::unlock_after_fork();
    process.descriptors.after_fork_in_parent();
    process.mutex.unlock();
    attachments_after_fork_in_parent(process);
    parent.frame->rsp = stack_of_parent;
    parent.clear_child_tid = clear_of_parent;
    if (!reply) return reply.error() == Error::NoSpace ? -EAGAIN : to_errno(reply.error());
    if ((request.flags & kParentSetTid) != 0) (void)store_user_32(request.parent_tid, static_cast<uint32_t>(reply->pid));
    return reply->pid;
}

/// The child runs in this address space, on a Process and Thread of its own, until it runs another program or ends. Only then
/// does the process server reply, and nothing of the child uses them any more.
int64_t fork_shared(Thread& parent, const CloneRequest& request) {
    Process& process = *parent.process;
    auto* child_process = heap::make<Process>();
    Thread* child = allocate_thread_pages();
    int64_t result = -ENOMEM;
    if (child_process != nullptr && child != nullptr && child_process->copy_from(process)) {
        inherit(*child, parent);
        prepare_child(*child, request);
        child->process = child_process;
        child->running = 1;
        child->alternate_stack = parent.alternate_stack;
        child->child_set_tid = (request.flags & kChildSetTid) != 0 ? request.child_tid : 0;
        child->vfork_parent = &parent;
        const auto reply =
            settled_call(process.process_server, protocols::process::Fork{.instruction = address_of(portico_fork_child),
                                                                          .stack = child->stack_top,
                                                                          .gs_base = reinterpret_cast<uint64_t>(child),
                                                                          .fs_base = child->fs_base,
                                                                          .share_space = 1,
                                                                          .exit_signal = static_cast<int32_t>(request.exit_signal)});
        result = reply ? reply->pid : reply.error() == Error::NoSpace ? -EAGAIN : to_errno(reply.error());
        if (reply && (request.flags & kParentSetTid) != 0) (void)store_user_32(request.parent_tid, static_cast<uint32_t>(reply->pid));
    }
    if (child != nullptr) free_thread_pages(child);
    heap::destroy(child_process);
    return result;
}

int64_t clone(Thread& thread, const CloneRequest& request) {
    constexpr uint64_t kThreadFlags = kSharedMemory | kSharedFs | kSharedFiles | kSharedActions | kThread;
    constexpr uint64_t kHarmless = kSetTls | kParentSetTid | kChildClearTid | kChildSetTid | kDetached | kUntraced | kSharedUndo;
    if (request.exit_signal > kSignalMax) return -EINVAL;
    if ((request.flags & kThread) != 0) {
        if ((request.flags & kThreadFlags) != kThreadFlags || (request.flags & ~(kThreadFlags | kHarmless)) != 0) return -EINVAL;
        return clone_thread(thread, request);
    }
    if (thread.process->mode != abi::RuntimeMode::Posix) return -ENOSYS;
    if ((request.flags & ~(kSharedMemory | kVfork | kHarmless)) != 0) return -EINVAL;
    if ((request.flags & kSharedMemory) == 0) return fork_copy(thread, request);
    return (request.flags & kVfork) != 0 ? fork_shared(thread, request) : -EINVAL;
}

/// struct clone_args.
struct Clone3Arguments {
    uint64_t flags, pid_descriptor, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls, set_tid, set_tid_count, cgroup;
};
constexpr uint64_t kClone3BytesMin = 64;

}  // namespace

int64_t sys_fork(Thread& thread, const Arguments&) {
    return clone(thread, {.exit_signal = kChild});
}

int64_t sys_vfork(Thread& thread, const Arguments&) {
    return clone(thread, {.flags = kSharedMemory | kVfork, .exit_signal = kChild});
}

int64_t sys_clone(Thread& thread, const Arguments& arguments) {
    const auto [flags, stack, parent_tid, child_tid, tls, unused] = arguments;
    const uint64_t exit_signal = (flags & kThread) != 0 ? 0 : flags & kSignalMaskOfFlags;
    return clone(thread, {.flags = flags & 0xFFFF'FFFF & ~kSignalMaskOfFlags,
                          .stack = stack,
                          .parent_tid = parent_tid,
                          .child_tid = child_tid,
                          .tls = tls,
                          .exit_signal = exit_signal});
}

int64_t sys_clone3(Thread& thread, const Arguments& arguments) {
    if (arguments[1] < kClone3BytesMin || arguments[1] > abi::kPageBytes) return arguments[1] < kClone3BytesMin ? -EINVAL : -E2BIG;
    Clone3Arguments given{};
    const size_t length = arguments[1] < sizeof(given) ? arguments[1] : sizeof(given);
    if (!copy_from_user(&given, arguments[0], length)) return -EFAULT;
    if (given.set_tid_count != 0 || (given.flags & kPidDescriptor) != 0 || (given.flags & kSignalMaskOfFlags) != 0) return -EINVAL;
    if ((given.stack == 0) != (given.stack_bytes == 0)) return -EINVAL;
    return clone(thread, {.flags = given.flags,
                          .stack = given.stack + given.stack_bytes,
                          .parent_tid = given.parent_tid,
                          .child_tid = given.child_tid,
                          .tls = given.tls,
                          .exit_signal = given.exit_signal});
}

extern "C" void portico_thread_started(Thread* thread) {
    while (thread->tid.load(std::memory_order_acquire) == 0)
        (void)native::call(abi::FutexWait{reinterpret_cast<uint64_t>(&thread->tid), 0, abi::kForever, 0, 0xFFFF'FFFF});
}

/// The handles that the parent's threads are known by have copies in the child's handle table. A fork's child also forgets
/// their values; a vfork's must not, as it sees the parent's own blocks (the parent waits, and its other threads' handles
/// only change under the mutex).
static void close_inherited(Process& parent) NO_THREAD_SAFETY_ANALYSIS {
    for (Thread* thread = parent.threads; thread != nullptr; thread = thread->next) {
        native::close(thread->handle);
        native::close(thread->reply_port_handle);
    }
}

/// In a forked or vforked child: drops what belongs to the parent. rdi = pid.
extern "C" void portico_forked(int64_t pid, Thread* thread) NO_THREAD_SAFETY_ANALYSIS {
    Process& process = *thread->process;
    const bool shared = process.pid == 0;  // a fresh Process, made by fork_shared
    if (shared) {
        close_inherited(*thread->vfork_parent->process);
    } else {
        close_inherited(process);
        heap::unlock_after_fork();
        process.mutex.reset_after_fork();
        process.descriptors.after_fork_in_child();
        attachments_after_fork_in_child(process);
        process.pending_signals.clear();
        thread->pending_signals.clear();
        process.children_time_ns = process.children_resident_peak = 0;
        for (Thread* other = process.threads; other != nullptr;) {
            Thread* const next = other->next;
            if (other != thread) free_thread_pages(other);
            other = next;
        }
        random_after_fork(static_cast<uint64_t>(pid));
    }
    process.pid = static_cast<int32_t>(pid);
    process.threads = thread;
    thread->next = nullptr;
    thread->tid = static_cast<int32_t>(pid);
    thread->handle = {};
    thread->reply_port_handle = {};
    thread->in_call = false;
    thread->robust_list = 0;
    thread->frame->rax = 0;
    const auto handle = native::call(abi::HandleDuplicate{abi::kSelfThread, static_cast<uint64_t>(abi::Rights::All)});
    if (handle) thread->handle = handle->handle;
    if (thread->child_set_tid != 0) (void)store_user_32(thread->child_set_tid, static_cast<uint32_t>(pid));
    thread->child_set_tid = 0;
}

}  // namespace portico::posix
