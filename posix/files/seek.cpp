#include "posix/files/events.h"
#include "posix/files/file_calls.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

constexpr uint64_t kSet = 0, kEnd = 2, kData = 3, kHole = 4;

/// SEEK_DATA and SEEK_HOLE of a file seen as without holes, which lseek(2) allows: data up to the end, a hole behind it.
int64_t seek_data_or_hole(abi::Handle object, int64_t offset, uint64_t whence) {
    const Result<file::Attributes> attributes = attributes_of(object);
    if (!attributes) return to_errno(attributes.error());
    if (offset < 0 || static_cast<uint64_t>(offset) >= attributes->size_bytes) return -ENXIO;
    const int64_t target = whence == kData ? offset : static_cast<int64_t>(attributes->size_bytes);
    const auto reply = settled_call(object, file::Seek{.offset = target, .whence = kSet});
    return reply ? static_cast<int64_t>(reply->offset) : to_errno(reply.error());
}

}  // namespace

int64_t sys_lseek(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor) return to_errno(descriptor.error());
    const auto offset = static_cast<int64_t>(arguments[1]);
    const uint64_t whence = static_cast<uint32_t>(arguments[2]);
    if (is_event_kind(descriptor->kind)) return 0;  // they have no place to go to, and Linux does not mind
    if (whence == kData || whence == kHole) return seek_data_or_hole(descriptor->handle, offset, whence);
    if (whence > kEnd) return -EINVAL;
    const auto reply = settled_call(descriptor->handle, file::Seek{.offset = offset, .whence = whence});
    if (reply) return static_cast<int64_t>(reply->offset);
    return reply.error() == Error::NotSupported ? -ESPIPE : to_errno(reply.error());
}

}  // namespace portico::posix
