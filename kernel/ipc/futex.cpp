#include "kernel/ipc/futex.h"

#include "kernel/object/process.h"

namespace portico::kernel {
namespace {

constexpr unsigned kBuckets = 256;
ThreadList buckets[kBuckets];

ThreadList& bucket(const FutexKey& key) {
    return buckets[((key.space * 31 + (key.offset >> 2)) * 0x9E37'79B9'7F4A'7C15) >> 56];
}

bool waits_for(const Thread& thread, const FutexKey& key) {
    return thread.awaited.word.space == key.space && thread.awaited.word.offset == key.offset;
}

}  // namespace

Result<FutexKey> futex_key(Thread& caller, uint64_t address, bool shared) {
    if (address % 4 != 0) return fail(Error::InvalidArgument);
    AddressSpace& space = caller.process().space();
    if (!shared) {
        if (address >= abi::kUserAddressMax) return fail(Error::BadAddress);
        return FutexKey{reinterpret_cast<uint64_t>(&space), address};
    }
    const Mapping* mapping = space.mapping_above(address);
    if (mapping == nullptr || mapping->address > address) return fail(Error::BadAddress);
    return FutexKey{mapping->memory->id(), mapping->first_page * abi::kPageBytes + (address - mapping->address)};
}

Result<> futex_wait(Thread& caller, const FutexKey& key, uint64_t address, uint32_t expected, uint32_t mask, uint64_t deadline_ns) {
    const uint32_t value = TRY(caller.process().space().read<uint32_t>(address));
    if (value != expected) return fail(Error::WouldBlock);
    caller.begin_wait(Thread::Wait::Futex, deadline_ns);
    caller.awaited.word.space = key.space;
    caller.awaited.word.offset = key.offset;
    caller.futex_mask = mask;
    caller.wait_list = &bucket(key);
    caller.wait_list->push_back(caller.link);
    return {};
}

uint64_t futex_wake(const FutexKey& key, uint64_t count, uint32_t mask) {
    uint64_t woken = 0;
    ThreadList& list = bucket(key);
    for (auto it = list.begin(); it != list.end() && woken < count;) {
        Thread& thread = it->thread;
        if (!waits_for(thread, key) || (thread.futex_mask & mask) == 0) {
            ++it;
            continue;
        }
        it = list.erase(it);
        thread.finish_wait(Error::None);
        ++woken;
    }
    return woken;
}

uint64_t futex_move(const FutexKey& key, const FutexKey& target, uint64_t count) {
    uint64_t moved = 0;
    ThreadList& from = bucket(key);
    ThreadList& to = bucket(target);
    const size_t candidates = from.size();
    auto it = from.begin();
    for (size_t seen = 0; seen < candidates && moved < count; ++seen) {
        Thread& thread = it->thread;
        if (!waits_for(thread, key)) {
            ++it;
            continue;
        }
        it = from.erase(it);
        thread.awaited.word.space = target.space;
        thread.awaited.word.offset = target.offset;
        thread.wait_list = &to;
        to.push_back(thread.link);
        ++moved;
    }
    return moved;
}

}  // namespace portico::kernel
