#include "posix/thread_memory.h"

#include <cpuid.h>
#include <new>

#include "posix/entry_points.h"
#include "posix/heap.h"

namespace portico::posix {

namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kBlockBytes = 0x1000 + kVectorStateBytesMax;
constexpr uint64_t kBlockOffset = kPage + kUpcallStackBytes + kPage + kRuntimeStackBytes;
constexpr uint64_t kMappingBytes = kBlockOffset + kBlockBytes;
static_assert(sizeof(Thread) <= 0x1000 * 2 && sizeof(abi::Registers) % 16 == 0);
constexpr uint64_t kThreadBytes = (sizeof(Thread) + 63) & ~uint64_t{63};
static_assert(kThreadBytes + kVectorStateBytesMax <= kBlockBytes);

alignas(kPage) constinit std::byte first_mapping[kMappingBytes]{};

constinit uint64_t vector_features = 0;
constinit uint32_t vector_bytes = 512;

void forbid(uint64_t address) {
    (void)native::call(abi::SpaceProtect{abi::kSelfSpace, address, kPage, static_cast<uint64_t>(abi::Access::None)});
}

/// One block that a vfork or a thread no longer needs, for the next: mapped, its guard pages forbidden.
constinit std::atomic<std::byte*> spare_mapping = nullptr;

std::byte* map_thread_pages() {
    auto* mapping = static_cast<std::byte*>(heap::allocate_pages(kMappingBytes));
    if (mapping == nullptr) return nullptr;
    const auto base = reinterpret_cast<uint64_t>(mapping);
    forbid(base);
    forbid(base + kPage + kUpcallStackBytes);
    return mapping;
}

Thread* lay_out(std::byte* mapping) {
    const auto base = reinterpret_cast<uint64_t>(mapping);
    auto* thread = ::new (mapping + kBlockOffset) Thread{};
    thread->self = thread;
    thread->upcall_stack_top = base + kPage + kUpcallStackBytes;
    thread->stack_top = base + kBlockOffset;
    thread->frame = ::new (mapping + kBlockOffset - sizeof(abi::Registers)) abi::Registers{};
    thread->vector_state = base + kBlockOffset + kThreadBytes;
    thread->vector_mask = vector_features;
    return thread;
}

}  // namespace

Thread* first_thread() {
    return lay_out(first_mapping);
}
uint64_t first_thread_address() {
    return reinterpret_cast<uint64_t>(first_mapping) + kBlockOffset;
}

Thread* allocate_thread_pages() {
    std::byte* mapping = spare_mapping.exchange(nullptr);
    if (mapping == nullptr) mapping = map_thread_pages();
    if (mapping == nullptr) return nullptr;
    Thread* thread = lay_out(mapping);
    thread->block_address = reinterpret_cast<uint64_t>(mapping);
    thread->block_bytes = kMappingBytes;
    return thread;
}

void free_thread_pages(Thread* thread) {
    if (thread->block_bytes == 0) return;
    auto* const mapping = reinterpret_cast<std::byte*>(thread->block_address);
    std::byte* none = nullptr;
    if (!spare_mapping.compare_exchange_strong(none, mapping)) heap::release_pages(mapping, kMappingBytes);
}

Thread* allocate_thread(Process& process) {
    Thread* reused = nullptr;
    {
        const MutexGuard guard(process.mutex);
        for (Thread* thread = process.threads; thread != nullptr && reused == nullptr; thread = thread->next)
            if (thread->ended && thread->running == 0 && thread->block_bytes != 0) reused = thread;
        if (reused != nullptr) {
            Thread* const next = reused->next;
            native::close(reused->handle);
            native::close(reused->reply_port_handle);
            const uint64_t address = reused->block_address;
            lay_out(reinterpret_cast<std::byte*>(address));
            reused->block_address = address;
            reused->block_bytes = kMappingBytes;
            reused->next = next;
        }
    }
    Thread* thread = reused != nullptr ? reused : allocate_thread_pages();
    if (thread == nullptr) return nullptr;
    thread->process = &process;
    thread->running = 1;
    if (reused == nullptr) {
        const MutexGuard guard(process.mutex);
        thread->next = process.threads;
        process.threads = thread;
    }
    return thread;
}

void inherit(Thread& child, const Thread& parent) {
    *child.frame = *parent.frame;
    child.frame->rax = 0;
    child.process = parent.process;
    child.signal_mask = parent.signal_mask.load();
    child.full_restore = 0;
    for (size_t i = 0; i < sizeof(child.name); ++i) child.name[i] = parent.name[i];
    portico_save_vector_state(reinterpret_cast<void*>(child.vector_state), child.vector_mask);
}

void inherit_for_fork(Thread& parent) {
    portico_save_vector_state(reinterpret_cast<void*>(parent.vector_state), parent.vector_mask);
}

uint64_t vector_mask() {
    return vector_features;
}
uint32_t vector_state_bytes() {
    return vector_bytes;
}

void vector_start() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_OSXSAVE) == 0) return;
    uint32_t low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    vector_features = low & kVectorFeatures;
    vector_bytes = 512 + 64;
    for (unsigned feature = 2; feature < 8; ++feature) {
        if ((vector_features & (1u << feature)) == 0) continue;
        __get_cpuid_count(0xD, feature, &eax, &ebx, &ecx, &edx);
        if (eax + ebx > vector_bytes) vector_bytes = eax + ebx;
    }
    if (vector_bytes + sizeof(uint32_t) <= kVectorStateBytesMax) return;
    vector_features &= 7;  // a layout we do not know: keep what fits for sure
    vector_bytes = 512 + 64 + 256;
}

uint64_t read_fs_base() {
    uint64_t address = 0;
    asm volatile("rdfsbase %0" : "=r"(address));
    return address;
}
void write_fs_base(uint64_t address) {
    asm volatile("wrfsbase %0" : : "r"(address));
}
uint64_t read_gs_base() {
    uint64_t address = 0;
    asm volatile("rdgsbase %0" : "=r"(address));
    return address;
}

}  // namespace portico::posix
