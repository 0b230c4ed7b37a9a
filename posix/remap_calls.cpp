#include <cerrno>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/program_memory.h"
#include "posix/thread.h"
#include "posix/user_copy.h"

/// mremap, madvise, and calls that only ask about memory.
namespace portico::posix {

namespace {

constexpr uint64_t kMayMove = 1, kFixedAddress = 2;

/// Where a moved or grown mapping shows its old contents.
Result<> copy_pages(uint64_t to, uint64_t from, uint64_t length_bytes) {
    const int status = portico_user_copy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), length_bytes);
    if (status != 0) return fail(Error::BadAddress);
    return {};
}

int64_t move(Process& process, uint64_t old_address, uint64_t old_bytes, uint64_t new_address, uint64_t new_bytes,
             const abi::MappingInfo& mapping) {
    const auto access = static_cast<abi::Access>(mapping.access);
    if (!allows(access, abi::Access::Read)) return -EINVAL;
    MapRequest request{.address = new_address,
                       .length_bytes = new_bytes,
                       .access = abi::Access::ReadWrite,
                       .replaced_bytes = old_bytes < new_bytes ? old_bytes : new_bytes};
    if (new_address != 0) request.flags = abi::MapFlags::Fixed;
    const auto placed = map_memory(process, request);
    if (!placed) return -ENOMEM;
    if (const auto copied = copy_pages(*placed, old_address, old_bytes < new_bytes ? old_bytes : new_bytes); !copied) {
        (void)unmap_memory(process, *placed, new_bytes);
        return -EFAULT;
    }
    if (access != abi::Access::ReadWrite)
        (void)native::call(abi::SpaceProtect{abi::kSelfSpace, *placed, new_bytes, static_cast<uint64_t>(access)});
    (void)unmap_memory(process, old_address, old_bytes);
    return static_cast<int64_t>(*placed);
}

bool grow_in_place(Process& process, uint64_t address, uint64_t old_bytes, uint64_t new_bytes, const abi::MappingInfo& mapping) {
    const uint64_t growth_bytes = new_bytes - old_bytes;
    if (!is_program_range(address, new_bytes)) return false;
    const MapRequest request{.address = address + old_bytes,
                             .length_bytes = growth_bytes,
                             .access = static_cast<abi::Access>(mapping.access),
                             .flags = abi::MapFlags::Fixed | abi::MapFlags::NoReplace};
    return map_memory(process, request).has_value();
}

/// MADV_DONTNEED, and MADV_FREE, which may do so at once: writable private pages become zero pages. Others keep their contents, which are
/// as good as a fresh read.
int64_t drop(uint64_t address, uint64_t length_bytes) {
    const auto whole =
        for_each_mapping(address, length_bytes, [](uint64_t part, uint64_t part_bytes, const abi::MappingInfo& mapping) -> Result<> {
            const auto access = static_cast<abi::Access>(mapping.access);
            if (mapping.shared != 0 || (access != abi::Access::None && !allows(access, abi::Access::Write))) return {};
            const auto flags = abi::MapFlags::Fixed | access;
            TRY(native::call(abi::SpaceMap{abi::kSelfSpace, {}, 0, part, part_bytes, static_cast<uint64_t>(flags)}));
            return {};
        });
    if (!whole) return to_errno(whole.error());
    return *whole ? 0 : -ENOMEM;
}

Result<> nothing(uint64_t, uint64_t, const abi::MappingInfo&) {
    return {};
}

/// 0 if all of the range is mapped, else what msync, mlock and madvise say: ENOMEM.
int64_t check_mapped(uint64_t address, uint64_t wanted_bytes) {
    if (wanted_bytes > abi::kRuntimeBase || !is_program_range(address, round_up_to_page(wanted_bytes)))
        return wanted_bytes == 0 ? 0 : -ENOMEM;
    const auto whole = for_each_mapping(address, round_up_to_page(wanted_bytes), nothing);
    if (!whole) return to_errno(whole.error());
    return *whole ? 0 : -ENOMEM;
}

int64_t check_lock(uint64_t address, uint64_t length_bytes) {
    const uint64_t start = address & ~(abi::kPageBytes - 1);
    return length_bytes == 0 ? 0 : check_mapped(start, length_bytes + (address - start));
}

}  // namespace

int64_t sys_mremap(Thread& thread, const Arguments& arguments) {
    const auto [address, old_wanted, new_wanted, flags, new_address, unused] = arguments;
    if (!is_page_aligned(address) || (flags & ~(kMayMove | kFixedAddress)) != 0 || new_wanted == 0 || old_wanted == 0) return -EINVAL;
    if (old_wanted > abi::kRuntimeBase || new_wanted > abi::kRuntimeBase) return -EINVAL;
    const uint64_t old_bytes = round_up_to_page(old_wanted), new_bytes = round_up_to_page(new_wanted);
    if (!is_program_range(address, old_bytes)) return -EFAULT;
    Process& process = *thread.process;
    const auto mapping = find_mapping(address);
    if (!mapping || check_mapped(address, old_bytes) != 0) return -EFAULT;
    if ((flags & kFixedAddress) != 0) {
        const bool overlaps = new_address < address + old_bytes && address < new_address + new_bytes;
        if ((flags & kMayMove) == 0 || !is_page_aligned(new_address) || !is_program_range(new_address, new_bytes) || overlaps)
            return -EINVAL;
        if (mapping->shared != 0) return -EINVAL;
        return move(process, address, old_bytes, new_address, new_bytes, *mapping);
    }
    if (new_bytes <= old_bytes) {
        if (new_bytes < old_bytes)
            if (const auto result = unmap_memory(process, address + new_bytes, old_bytes - new_bytes); !result)
                return to_errno(result.error());
        return static_cast<int64_t>(address);
    }
    if (mapping->shared != 0) return -EINVAL;
    if (grow_in_place(process, address, old_bytes, new_bytes, *mapping)) return static_cast<int64_t>(address);
    return (flags & kMayMove) != 0 ? move(process, address, old_bytes, 0, new_bytes, *mapping) : -ENOMEM;
}

int64_t sys_madvise(Thread&, const Arguments& arguments) {
    const auto [address, wanted_bytes, advice, unused, unused_too, unused_three] = arguments;
    constexpr uint64_t kWillNeed = 3, kDontNeed = 4, kFree = 8, kHugePage = 14, kDoDump = 17, kCold = 20, kPageOut = 21, kPopulateRead = 22,
                       kPopulateWrite = 23;
    if (!is_page_aligned(address)) return -EINVAL;
    if (wanted_bytes == 0) return 0;
    if (wanted_bytes > abi::kRuntimeBase || !is_program_range(address, round_up_to_page(wanted_bytes))) return -EINVAL;
    if (advice == kDontNeed || advice == kFree) return drop(address, round_up_to_page(wanted_bytes));
    const bool fetches = advice == kWillNeed || advice == kPopulateRead || advice == kPopulateWrite;
    const bool is_hint = advice < kWillNeed || (advice >= kHugePage && advice <= kDoDump) || advice == kCold || advice == kPageOut;
    if (!fetches && !is_hint) return -EINVAL;
    const int64_t error = check_mapped(address, wanted_bytes);
    if (error == 0 && (advice == kPopulateRead || advice == kPopulateWrite)) populate(address, round_up_to_page(wanted_bytes));
    return error;
}

/// Shared mappings are the file's own memory: there is nothing to write back.
int64_t sys_msync(Thread&, const Arguments& arguments) {
    constexpr uint64_t kAsync = 1, kInvalidate = 2, kSync = 4;
    const uint64_t flags = arguments[2];
    if (!is_page_aligned(arguments[0]) || (flags & ~(kAsync | kInvalidate | kSync)) != 0 || (flags & (kAsync | kSync)) == (kAsync | kSync))
        return -EINVAL;
    return check_mapped(arguments[0], arguments[1]);
}

/// Memory of files and what is shared is all there; of private memory the pages that were touched.
int64_t sys_mincore(Thread&, const Arguments& arguments) {
    constexpr uint64_t kAtOnce = 64;
    const uint64_t start = arguments[0], result = arguments[2];
    if (!is_page_aligned(start)) return -EINVAL;
    if (const int64_t error = check_mapped(start, arguments[1]); error != 0) return error;
    const auto whole = for_each_mapping(
        start, round_up_to_page(arguments[1]), [&](uint64_t part, uint64_t part_bytes, const abi::MappingInfo& mapping) -> Result<> {
            uint8_t resident[kAtOnce];
            for (uint64_t done = 0; done < part_bytes;) {
                abi::MappingUsage usage{.present_bits = ~uint64_t{0}};
                const uint64_t left = (part_bytes - done) / abi::kPageBytes, count = left < kAtOnce ? left : kAtOnce;
                if (mapping.shared == 0 && mapping.origin_id == 0)
                    TRY(native::call(abi::ProcessInspect{abi::kSelfProcess, part + done, reinterpret_cast<uint64_t>(&usage)}));
                for (uint64_t i = 0; i < count; ++i) resident[i] = usage.present_bits >> i & 1;
                TRY(copy_to_user(result + (part + done - start) / abi::kPageBytes, resident, count));
                done += count * abi::kPageBytes;
            }
            return {};
        });
    if (!whole) return to_errno(whole.error());
    return *whole ? 0 : -ENOMEM;
}

namespace {

/// Locked pages are there from then on.
int64_t lock_pages(uint64_t address, uint64_t length_bytes) {
    const int64_t error = check_lock(address, length_bytes);
    const uint64_t start = address & ~(abi::kPageBytes - 1);
    if (error == 0 && length_bytes != 0) populate(start, round_up_to_page(length_bytes + (address - start)));
    return error;
}

}  // namespace

int64_t sys_mlock(Thread&, const Arguments& arguments) {
    return lock_pages(arguments[0], arguments[1]);
}
int64_t sys_mlock2(Thread&, const Arguments& arguments) {
    constexpr uint64_t kOnFault = 1;
    if (arguments[2] > kOnFault) return -EINVAL;
    return arguments[2] == kOnFault ? check_lock(arguments[0], arguments[1]) : lock_pages(arguments[0], arguments[1]);
}
int64_t sys_munlock(Thread&, const Arguments& arguments) {
    return check_lock(arguments[0], arguments[1]);
}
int64_t sys_mlockall(Thread&, const Arguments& arguments) {
    constexpr uint64_t kCurrent = 1, kFuture = 2, kOnFault = 4;
    const uint64_t flags = arguments[0];
    if ((flags & (kCurrent | kFuture)) == 0 || flags > (kCurrent | kFuture | kOnFault)) return -EINVAL;
    if ((flags & (kCurrent | kOnFault)) == kCurrent) populate(abi::kUserAddressMin, abi::kRuntimeBase - abi::kUserAddressMin);
    return 0;
}
int64_t sys_munlockall(Thread&, const Arguments&) {
    return 0;
}

/// With one CPU every switch between threads is a barrier; with more there is no call to interrupt the others.
int64_t sys_membarrier(Thread&, const Arguments& arguments) {
    constexpr int kQuery = 0, kGlobal = 1, kPrivateExpedited = 8, kRegisterPrivateExpedited = 16;
    const auto command = static_cast<int>(arguments[0]);
    if (arguments[1] != 0) return -EINVAL;
    const int64_t supported = cpu_count() == 1 ? kGlobal | kPrivateExpedited | kRegisterPrivateExpedited : 0;
    if (command == kQuery) return supported;
    return command > 0 && (command & (command - 1)) == 0 && (supported & command) != 0 ? 0 : -EINVAL;
}

}  // namespace portico::posix
