#include "posix/exec.h"

#include <atomic>
#include <cerrno>
#include <cstring>

#include "posix/boot_block_builder.h"
#include "posix/clock.h"
#include "posix/errno_map.h"
#include "posix/heap.h"
#include "posix/next_image.h"
#include "posix/process.h"
#include "posix/program_file.h"
#include "posix/random.h"
#include "posix/script_line.h"
#include "posix/signals.h"
#include "posix/thread_memory.h"
#include "posix/user_copy.h"

namespace portico::posix {

namespace {

constexpr unsigned kScriptsMax = 4;
constexpr size_t kStringBytesMax = 128 * 1024;
constexpr uint64_t kStringsBytesMax = 2 * 1024 * 1024;
constexpr uint32_t kCloseOnExec = 1;

/// What is open or allocated until the new image runs; on the heap, as it is large.
struct Preparation {
    ProgramFile file;
    char lines[kScriptsMax][ProgramFile::kHeadBytes];  // not cleared: script_count tells what is there
    ScriptLine scripts[kScriptsMax];
    unsigned script_count = 0;
    std::byte* buffer = nullptr;

    ~Preparation() {
        if (buffer != nullptr) heap::release_pages(buffer, abi::kBootBlockBytesMax);
    }
};

/// A buffer for the boot block that an earlier vfork child left, cleared.
constinit std::atomic<std::byte*> spare_buffer = nullptr;

/// The image is made. A vfork child gives back, cleared, what its parent's next child will want; of any other all memory goes at once.
void leave(Thread& thread, Preparation* preparation, uint64_t block_bytes) {
    constexpr uint64_t kClearedBytesMax = 4 * abi::kPageBytes;
    if (thread.vfork_parent == nullptr) return;
    std::byte* none = nullptr;
    if (block_bytes <= kClearedBytesMax) {
        std::memset(preparation->buffer, 0, block_bytes);
        if (spare_buffer.compare_exchange_strong(none, preparation->buffer)) preparation->buffer = nullptr;
    }
    heap::destroy(preparation);
}

/// The interpreter's name, zero-terminated in the kept line: its end is always followed by a byte of the line.
uint64_t terminated(Preparation& preparation, unsigned index) {
    const ScriptLine& script = preparation.scripts[index];
    char* name = preparation.lines[index] + (script.interpreter.data() - preparation.lines[index]);
    name[script.interpreter.size()] = '\0';
    return reinterpret_cast<uint64_t>(name);
}

/// Opens the file and, while it is a script, its interpreter.
int64_t open_program(Thread& thread, const ExecRequest& request, Preparation& preparation) {
    int64_t error = preparation.file.open(thread, request.directory, request.path, request.allow_empty_path);
    while (error == 0 && preparation.file.head().starts_with("#!")) {
        if (preparation.script_count == kScriptsMax) return -ELOOP;
        const unsigned index = preparation.script_count;
        const std::string_view head = preparation.file.head();
        std::memcpy(preparation.lines[index], head.data(), head.size());
        const size_t kept = head.size() < ProgramFile::kHeadBytes ? head.size() : ProgramFile::kHeadBytes - 1;  // room for a zero
        const auto script = ScriptLine::parse({preparation.lines[index], kept});
        if (!script) return -ENOEXEC;
        preparation.scripts[index] = *script;
        ++preparation.script_count;
        error = preparation.file.open(thread, -100, terminated(preparation, index), false);
    }
    if (error != 0) return error;
    const auto plan = preparation.file.plan();
    if (!plan) return to_errno(plan.error());
    if (plan->interpreter_bytes == 0) return 0;
    // The loader will open it again in the new image; what would fail there must fail here, where the caller can be told.
    char path[kInterpreterPathBytesMax + 1]{};
    if (const auto read = native::call(abi::MemoryRead{preparation.file.image().memory, plan->interpreter_offset,
                                                       reinterpret_cast<uint64_t>(path), plan->interpreter_bytes});
        !read)
        return to_errno(read.error());
    ProgramFile* interpreter = heap::make<ProgramFile>();
    if (interpreter == nullptr) return -ENOMEM;
    error = interpreter->open(thread, -100, reinterpret_cast<uint64_t>(path), false);
    heap::destroy(interpreter);
    return error;
}

/// Copies an array of strings from its index `first` on.
template <class Reserve>
int64_t copy_strings(uint64_t array, uint64_t first, uint64_t& bytes_left, Reserve&& reserve) {
    if (array == 0) return 0;
    for (uint64_t index = 0;; ++index) {
        const auto address = read_user<uint64_t>(array + index * sizeof(uint64_t));
        if (!address) return -EFAULT;
        if (*address == 0) return 0;
        if (index < first) continue;
        const auto length = user_string_length(*address, kStringBytesMax);
        if (!length) return length.error() == Error::TooLarge ? -E2BIG : -EFAULT;
        const uint64_t cost = *length + 1 + sizeof(uint64_t);
        if (cost > bytes_left) return -E2BIG;
        bytes_left -= cost;
        const std::span<char> room = reserve(*length);
        if (room.empty()) return -E2BIG;
        if (!copy_from_user(room.data(), *address, *length)) return -EFAULT;
        if (std::memchr(room.data(), 0, *length) != nullptr) return -EFAULT;  // changed under our hands
        room[*length] = '\0';
    }
}

int64_t add_strings(const ExecRequest& request, const Preparation& preparation, std::string_view path, BootBlockBuilder& builder) {
    uint64_t bytes_left = kStringsBytesMax;
    for (unsigned level = preparation.script_count; level > 0; --level) {
        const ScriptLine& script = preparation.scripts[level - 1];
        builder.add_argument(script.interpreter);
        if (!script.argument.empty()) builder.add_argument(script.argument);
    }
    if (preparation.script_count > 0) builder.add_argument(path);
    const uint64_t first = preparation.script_count > 0 ? 1 : 0;
    if (const int64_t error =
            copy_strings(request.arguments, first, bytes_left, [&](size_t length) { return builder.reserve_argument(length); });
        error != 0)
        return error;
    return copy_strings(request.environment, 0, bytes_left, [&](size_t length) { return builder.reserve_environment(length); });
}

void add_process(Thread& thread, BootBlockBuilder& builder) {
    Process& process = *thread.process;
    abi::BootBlock& block = builder.block();
    block.mode = process.mode;
    block.runtime_image = process.runtime_image;
    block.process_server = process.process_server;
    block.root_directory = process.root_directory;
    block.pipe_server = process.pipe_server;
    block.pid = process.pid;
    block.record_locker = process.record_locker;
    block.settings = process.settings & Process::kLastOverExec;
    block.nice = process.nice;
    block.realtime_offset_ns = process.realtime_offset_ns;
    block.signal_blocked = thread.signal_mask;
    give_clock(block);
    random_fill(std::as_writable_bytes(std::span(block.random)));
    {
        const MutexGuard guard(process.mutex);
        block.working_directory = process.working_directory;
        block.umask = process.umask;
        static_assert(std::size(abi::BootBlock{}.limits) == kLimitCount);
        for (unsigned i = 0; i < kLimitCount; ++i) block.limits[i] = {process.limits[i].soft, process.limits[i].hard};
        block.limits_given = 1;
        for (int number = 1; number <= kSignalMax; ++number)
            if (process.actions[number - 1].handler == kIgnore) block.signal_ignored |= signal_bit(number);
    }
    process.descriptors.for_each([&builder](int32_t number, const Descriptor& descriptor) {
        builder.add_descriptor({.number = static_cast<uint32_t>(number),
                                .flags = descriptor.close_on_exec ? kCloseOnExec : 0,
                                .kind = static_cast<uint32_t>(descriptor.kind),
                                .status = descriptor.status,
                                .handle = descriptor.handle});
    });
}

int64_t build_block(Thread& thread, const ExecRequest& request, Preparation& preparation, uint64_t& block_bytes) {
    char path[4096];
    if (!copy_string_from_user(path, request.path)) return -EFAULT;
    preparation.buffer = spare_buffer.exchange(nullptr);
    if (preparation.buffer == nullptr) preparation.buffer = static_cast<std::byte*>(heap::allocate_pages(abi::kBootBlockBytesMax));
    if (preparation.buffer == nullptr) return -ENOMEM;
    constexpr uint32_t kSpareDescriptors = 64;  // other threads may open some meanwhile
    BootBlockBuilder builder(std::span(preparation.buffer, abi::kBootBlockBytesMax), 0,
                             thread.process->descriptors.count() + kSpareDescriptors);
    builder.set_path(preparation.file.path());
    if (const int64_t error = add_strings(request, preparation, path, builder); error != 0) return error;
    add_process(thread, builder);
    const std::string_view given(path);
    const std::string_view name = given.substr(given.rfind('/') + 1);
    std::memcpy(builder.block().program_name, name.data(), std::min(name.size(), sizeof(builder.block().program_name) - 1));
    builder.block().program_image = preparation.file.image().memory;
    builder.block().program_bytes = preparation.file.image().file_bytes;
    if (!builder.finish()) return -E2BIG;
    block_bytes = builder.block().block_bytes;
    return 0;
}

/// Handles that the library made for threads that now end; the handle table stays with the process.
void close_thread_handles(Process& process) {
    const MutexGuard guard(process.mutex);
    for (Thread* thread = process.threads; thread != nullptr; thread = thread->next) {
        native::close(thread->handle);
        native::close(thread->reply_port_handle);
    }
}

}  // namespace

int64_t execute(Thread& thread, const ExecRequest& request) {
    Preparation* preparation = heap::make<Preparation>();
    if (preparation == nullptr) return -ENOMEM;
    uint64_t block_bytes = 0;
    int64_t error = open_program(thread, request, *preparation);
    if (error == 0) error = build_block(thread, request, *preparation, block_bytes);
    if (error != 0) {
        heap::destroy(preparation);
        return error;
    }
    auto image = NextImage::create(thread.process->runtime_image, std::span(preparation->buffer, block_bytes));
    if (!image) {
        heap::destroy(preparation);
        return to_errno(image.error());
    }
    // Point of no return. The memory object stays open for the new image, which closes it.
    (void)preparation->file.release_memory();
    leave(thread, preparation, block_bytes);
    close_thread_handles(*thread.process);
    image->enter();
    die_by_signal(thread, kKill);
}

}  // namespace portico::posix
