#include "servers/sysv/server.h"

namespace portico::sysv_server {

namespace {

constexpr uint64_t kSizeMax = ~uint64_t{0} - (1 << 24);

/// struct shminfo64 and struct shm_info.
struct SegmentLimits {
    uint64_t size_max = kSizeMax, size_min = 1, segments_max, attached_max, pages_max = kSizeMax, reserved[4]{};
};
struct SegmentUsage {
    int32_t segments = 0, zero = 0;
    uint64_t pages = 0, resident_pages = 0, swapped_pages = 0, attempts = 0, successes = 0;
};

}  // namespace

void Server::forget_if_done(const std::shared_ptr<Segment>& segment) {
    const bool doomed = (segment->permissions.mode & Segment::kDoomed) != 0;
    if (doomed && segment->state.attachments == 0) segments_.remove(*segment);
}

Result<sysv::Attach::Reply> Server::on(const ipc::Call&, const sysv::Attach& request) {
    const std::shared_ptr<Segment> segment = TRY(segments_.by_id(request.id));
    using enum abi::Rights;
    const abi::Rights rights = (request.flags & sysv::kAttachReadOnly) != 0 ? Read | Execute | Duplicate | Transfer : All;
    OwnedHandle memory = TRY(segment->memory.duplicate(rights));
    const abi::Handle attachment = TRY(make_object({.segment = segment, .pid = request.pid, .queue = nullptr}));
    ++segment->state.attachments;
    segment->state.attached_s = now_s();
    segment->state.last = request.pid;
    return sysv::Attach::Reply{.trouble = Trouble::None,
                               .zero = 0,
                               .size_bytes = segment->state.size_bytes,
                               .reserved = 0,
                               .memory = memory.release(),
                               .attachment = attachment};
}

Result<sysv::AttachAgain::Reply> Server::on(const ipc::Call& call, const sysv::AttachAgain&) {
    const auto found = objects_.find(call.badge());
    if (found == objects_.end() || !found->second.segment) return fail(Error::NotSupported);
    const std::shared_ptr<Segment> segment = found->second.segment;
    const abi::Handle attachment = TRY(make_object({.segment = segment, .pid = found->second.pid, .queue = nullptr}));
    ++segment->state.attachments;
    return sysv::AttachAgain::Reply{.zero = {}, .attachment = attachment};
}

Result<sysv::Answer> Server::control(const ipc::Call& call, const sysv::Control& request, Segment& segment) {
    switch (request.command) {
    case sysv::kRemove:
        segment.permissions.mode |= Segment::kDoomed;
        segment.permissions.key = 0;
        forget_if_done(segments_.by_index(segment.index));
        return sysv::Answer{};
    case sysv::kSet:
        change(segment.permissions, TRY(take<SegmentStat>(call)).permissions);
        segment.state.changed_s = now_s();
        return sysv::Answer{};
    case sysv::kStat:
        return give(call, segment.stat());
    case sysv::memory::kStatIndex:
    case sysv::memory::kStatAny:
        return give(call, segment.stat(), segments_.id_of(segment));
    default:
        return fail(Error::InvalidArgument);
    }
}

Result<sysv::Answer> Server::tell_segment_limits(const ipc::Call& call, bool usage) {
    if (!usage) return give(call, SegmentLimits{.segments_max = kSegmentsMax, .attached_max = kSegmentsMax}, segments_.index_max());
    SegmentUsage used{.segments = static_cast<int32_t>(segments_.all().size())};
    for (const auto& [index, segment] : segments_.all()) {
        used.pages += (segment->state.size_bytes + abi::kPageBytes - 1) / abi::kPageBytes;
        abi::MemoryInfo info;
        if (native::call(abi::MemoryQuery{segment->memory.get(), reinterpret_cast<uint64_t>(&info)}))
            used.resident_pages += info.resident_bytes / abi::kPageBytes;
    }
    return give(call, used, segments_.index_max());
}

}  // namespace portico::sysv_server
