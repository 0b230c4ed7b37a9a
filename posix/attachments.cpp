#include "posix/attachments.h"

#include "posix/heap.h"
#include "posix/interruptible.h"
#include "protocols/sysv.h"

namespace portico::posix {
namespace {

/// The link that leads to the first attachment for which `wanted` is true, or null.
template <class Wanted>
Attachment** find(Process& process, Wanted&& wanted) REQUIRES(process.mutex) {
    for (Attachment** link = &process.attachments; *link != nullptr; link = &(*link)->next)
        if (wanted(**link)) return link;
    return nullptr;
}

Attachment unlink(Attachment** link) {
    Attachment* const taken = *link;
    *link = taken->next;
    const Attachment copy = *taken;
    heap::destroy(taken);
    return copy;
}

}  // namespace

Result<> add_attachment(Process& process, uint64_t address, uint64_t length_bytes, abi::Handle handle) {
    auto* const made = heap::make<Attachment>();
    if (made == nullptr) return fail(Error::NoMemory);
    *made = {.address = address, .length_bytes = length_bytes, .handle = handle};
    const MutexGuard guard(process.mutex);
    made->next = process.attachments;
    process.attachments = made;
    process.has_attachments = true;
    return {};
}

Result<Attachment> take_attachment(Process& process, uint64_t address) {
    const MutexGuard guard(process.mutex);
    Attachment** const link = find(process, [address](const Attachment& one) { return one.address == address; });
    if (link == nullptr) return fail(Error::NotFound);
    return unlink(link);
}

void detach_unmapped(Process& process, uint64_t address, uint64_t length_bytes) {
    if (!process.has_attachments) return;
    const uint64_t end = address + length_bytes;
    for (;;) {
        abi::Handle handle;
        {
            const MutexGuard guard(process.mutex);
            Attachment** const link = find(
                process, [address, end](const Attachment& one) { return one.address >= address && one.address + one.length_bytes <= end; });
            if (link == nullptr) return;
            handle = unlink(link).handle;
        }
        native::close(handle);
    }
}

void attachments_before_fork(Process& process) {
    if (!process.has_attachments) return;
    for (;;) {
        abi::Handle handle;
        {
            const MutexGuard guard(process.mutex);
            Attachment** const link = find(process, [](const Attachment& one) { return !one.for_child; });
            if (link == nullptr) return;
            handle = (*link)->handle;
        }
        // Without a handle of its own (no memory, or the server is gone) the child's attachment does not count.
        const auto again = settled_call(handle, protocols::sysv::AttachAgain{});
        const MutexGuard guard(process.mutex);
        Attachment** const link = find(process, [handle](const Attachment& one) { return one.handle.value == handle.value; });
        if (link == nullptr) {  // another thread took it away
            if (again) native::close(again->attachment);
            continue;
        }
        if (!again) return;
        (*link)->for_child = again->attachment;
    }
}

void attachments_after_fork_in_parent(Process& process) {
    if (!process.has_attachments) return;
    const MutexGuard guard(process.mutex);
    for (Attachment* one = process.attachments; one != nullptr; one = one->next) {
        native::close(one->for_child);
        one->for_child = {};
    }
}

void attachments_after_fork_in_child(Process& process) NO_THREAD_SAFETY_ANALYSIS {
    for (Attachment* one = process.attachments; one != nullptr; one = one->next) {
        native::close(one->handle);
        one->handle = one->for_child;
        one->for_child = {};
    }
}

void close_attachments(Process& process) {
    const MutexGuard guard(process.mutex);
    for (Attachment* one = process.attachments; one != nullptr; one = one->next) native::close(one->handle);
    native::close(process.sysv_server);
    process.sysv_server = {};
}

}  // namespace portico::posix
