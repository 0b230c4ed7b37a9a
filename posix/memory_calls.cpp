#include <cerrno>

#include "posix/attachments.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/program_memory.h"
#include "posix/user_copy.h"
#include "runtime/handle.h"

/// mmap, munmap, mprotect, brk.
namespace portico::posix {

namespace {

constexpr uint64_t kShared = 1, kPrivate = 2, kSharedValidate = 3, kTypeMask = 15;
constexpr uint64_t kFixed = 0x10, kAnonymous = 0x20, kLocked = 0x2000, kPopulate = 0x8000, kNonBlocking = 0x1'0000, kHugePages = 0x4'0000,
                   kFixedNoReplace = 0x10'0000;
constexpr uint64_t kProtectionMask = 7;

/// What mmap's file argument stands for: the file's memory itself if shared, else a copy-on-write snapshot.
Result<OwnedHandle> file_memory(Thread& thread, int64_t number, uint64_t offset_bytes, uint64_t length_bytes, bool shared, bool writable) {
    const Descriptor descriptor = TRY(thread.process->descriptors.get(number));
    if (!descriptor.readable() || (shared && writable && !descriptor.writable())) return fail(Error::AccessDenied);
    const auto reply = settled_call(descriptor.handle, protocols::file::GetMemory{});
    if (!reply) return fail(reply.error() == Error::NotSupported || reply.error() == Error::BadCall ? Error::NoDevice : reply.error());
    OwnedHandle memory(reply->memory);
    if (shared) return memory;
    return OwnedHandle(TRY(native::call(abi::MemoryClone{memory.get(), offset_bytes, length_bytes})).memory);
}

int64_t map_errno(Error error) {
    switch (error) {
    case Error::NoDevice:
        return -ENODEV;
    case Error::NoSpace:
        return -ENOMEM;
    default:
        return to_errno(error);
    }
}

int64_t map(Thread& thread, MapRequest& request, uint64_t flags, uint64_t protection, uint64_t file) {
    const bool shared = (flags & kTypeMask) != kPrivate;
    OwnedHandle memory;
    if (shared) request.flags = request.flags | abi::MapFlags::Shared;
    if ((flags & kAnonymous) == 0) {
        auto found =
            file_memory(thread, static_cast<int32_t>(file), request.offset_bytes, request.length_bytes, shared, (protection & 2) != 0);
        if (!found) return map_errno(found.error());
        memory = *std::move(found);
        if (!shared) request.offset_bytes = 0;
        request.memory = memory.get();
    } else {
        request.offset_bytes = 0;
    }
    const auto address = map_memory(*thread.process, request);
    if (address && ((flags & kLocked) != 0 || (flags & (kPopulate | kNonBlocking)) == kPopulate)) populate(*address, request.length_bytes);
    return address ? static_cast<int64_t>(*address) : map_errno(address.error());
}

}  // namespace

int64_t sys_mmap(Thread& thread, const Arguments& arguments) {
    const auto [address, length_bytes, protection, flags, file, offset_bytes] = arguments;
    const uint64_t type = flags & kTypeMask;
    if (type != kShared && type != kPrivate && type != kSharedValidate) return -EINVAL;
    if (length_bytes == 0 || (flags & kHugePages) != 0 || (protection & ~kProtectionMask & 0xFF) != 0) return -EINVAL;
    if (!is_page_aligned(offset_bytes)) return -EINVAL;
    if (length_bytes > abi::kRuntimeBase || offset_bytes > ~uint64_t{0} - abi::kRuntimeBase) return -ENOMEM;
    MapRequest request{.address = address & ~(abi::kPageBytes - 1),
                       .length_bytes = round_up_to_page(length_bytes),
                       .access = access_of_protection(protection),
                       .offset_bytes = offset_bytes};
    if ((flags & (kFixed | kFixedNoReplace)) != 0) {
        if (!is_page_aligned(address)) return -EINVAL;
        if (!is_program_range(address, request.length_bytes)) return address < abi::kUserAddressMin ? -EPERM : -ENOMEM;
        request.flags = abi::MapFlags::Fixed;
        if ((flags & kFixedNoReplace) != 0) request.flags = request.flags | abi::MapFlags::NoReplace;
    } else if (!is_program_range(request.address, request.length_bytes)) {
        request.address = 0;
    }
    return map(thread, request, flags, protection, file);
}

int64_t sys_munmap(Thread& thread, const Arguments& arguments) {
    const uint64_t length_bytes = round_up_to_page(arguments[1]);
    if (!is_page_aligned(arguments[0]) || length_bytes == 0 || arguments[1] > abi::kRuntimeBase) return -EINVAL;
    if (!is_program_range(arguments[0], length_bytes)) return arguments[0] + length_bytes <= abi::kUserAddressMin ? 0 : -EINVAL;
    const Result<> unmapped = unmap_memory(*thread.process, arguments[0], length_bytes);
    if (unmapped) detach_unmapped(*thread.process, arguments[0], length_bytes);
    return to_errno(unmapped);
}

int64_t sys_mprotect(Thread&, const Arguments& arguments) {
    const auto [address, wanted_bytes, protection, unused, unused_too, unused_three] = arguments;
    if (!is_page_aligned(address) || (protection & ~kProtectionMask) != 0) return -EINVAL;
    if (wanted_bytes == 0) return 0;
    if (wanted_bytes > abi::kRuntimeBase || !is_program_range(address, round_up_to_page(wanted_bytes))) return -ENOMEM;
    const auto result = native::call(abi::SpaceProtect{abi::kSelfSpace, address, round_up_to_page(wanted_bytes),
                                                       static_cast<uint64_t>(access_of_protection(protection))});
    if (result) return 0;
    return result.error() == Error::BadAddress ? -ENOMEM : to_errno(result.error());
}

/// Answers the break as it then is, also when it could not be moved.
int64_t sys_brk(Thread& thread, const Arguments& arguments) {
    Process& process = *thread.process;
    const uint64_t wanted = arguments[0], mapped_end = round_up_to_page(wanted);
    uint64_t end = 0;
    {
        const MutexGuard guard(process.mutex);
        if (wanted < process.break_start || wanted >= abi::kRuntimeBase - abi::kPageBytes) return static_cast<int64_t>(process.break_end);
        end = process.break_mapped_end;
    }
    const MapRequest growth{.address = end, .length_bytes = mapped_end - end, .access = abi::Access::ReadWrite};
    const bool allowed = mapped_end <= end || demand_within_limits(process, growth);
    const MutexGuard guard(process.mutex);
    if (!allowed) return static_cast<int64_t>(process.break_end);
    if (mapped_end > process.break_mapped_end) {
        const auto flags = abi::MapFlags::Fixed | abi::MapFlags::NoReplace | abi::MapFlags::Heap | abi::Access::ReadWrite;
        const auto reply = native::call(abi::SpaceMap{
            abi::kSelfSpace, {}, 0, process.break_mapped_end, mapped_end - process.break_mapped_end, static_cast<uint64_t>(flags)});
        if (!reply) return static_cast<int64_t>(process.break_end);
        process.break_mapped_end = mapped_end;
    } else if (mapped_end < process.break_mapped_end) {
        (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, mapped_end, process.break_mapped_end - mapped_end});
        process.break_mapped_end = mapped_end;
    }
    process.break_end = wanted;
    return static_cast<int64_t>(wanted);
}

}  // namespace portico::posix
