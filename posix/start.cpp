#include <cerrno>
#include <cstring>
#include <new>

#include "posix/boot_block_reader.h"
#include "posix/clock.h"
#include "posix/entry_points.h"
#include "posix/exec.h"
#include "posix/files/locks.h"
#include "posix/heap.h"
#include "posix/interruptible.h"
#include "posix/log_line.h"
#include "posix/process.h"
#include "posix/program_start.h"
#include "posix/random.h"
#include "posix/signals.h"
#include "posix/thread_memory.h"

/// The first thing that runs in an address space: sets up the process from its boot block and starts the program.
namespace portico::posix {

namespace {

/// The address space's first process. In bss without a constructor, as no one would run it.
alignas(Process) constinit std::byte first_process[sizeof(Process)]{};

constexpr uint64_t kStackLimitBytes = 8 << 20;
constexpr uint64_t kFilesSoft = 1024;
constexpr uint64_t kLockedBytes = 8 << 20, kMessageQueueBytes = 819'200;  // what Linux 6.1 starts the first process with
constexpr uint32_t kCloseOnExec = 1;

[[noreturn]] void give_up(const char* reason) {
    LogLine() << "runtime library: " << reason;
    for (;;) (void)native::call(abi::ProcessKill{abi::kSelfProcess, 127});
}

/// Only a thread's start sets its GS base for good, and who starts a process can not know where the first thread's block is.
/// So the thread starts over in the same address space. execve gives the right base at once.
[[noreturn]] void start_with_gs(uint64_t boot_block_address) {
    const abi::ThreadStart start{
        .instruction = address_of(portico_start), .argument = boot_block_address, .gs_base = first_thread_address()};
    (void)native::call(abi::ProcessExec{abi::kSelfSpace, reinterpret_cast<uint64_t>(&start)});
    give_up("cannot start over");
}

/// Descriptors marked close-on-exec end here; the rest take their numbers again.
void take_descriptors(Process& process, const BootBlockReader& boot) {
    for (uint32_t i = 0; i < boot.block().descriptor_count; ++i) {
        const abi::BootDescriptor given = boot.descriptor(i);
        const Descriptor descriptor{.handle = given.handle, .kind = static_cast<protocols::file::Kind>(given.kind), .status = given.status};
        if ((given.flags & kCloseOnExec) != 0) {
            release_record_locks(process, descriptor);
            native::close(given.handle);
            continue;
        }
        if (descriptor.kind == protocols::file::Kind::SignalSet) process.has_signal_sets = true;
        if (!process.descriptors.replace(given.number, descriptor, DescriptorTable::kDescriptorsMax)) native::close(given.handle);
    }
}

void take_state(Process& process, const BootBlockReader& boot) NO_THREAD_SAFETY_ANALYSIS {
    const abi::BootBlock& block = boot.block();
    process.mode = block.mode;
    process.pid = block.pid != 0 ? block.pid : 1;
    process.bare_tid_last = process.pid;
    process.process_server = block.process_server;
    process.pipe_server = block.pipe_server;
    process.root_directory = block.root_directory;
    process.working_directory = block.working_directory;
    process.runtime_image = block.runtime_image;
    process.realtime_offset_ns = block.realtime_offset_ns;
    process.umask = block.umask & 0777;
    process.limits[kLimitStack].soft = kStackLimitBytes;
    process.limits[kLimitFiles] = {.soft = kFilesSoft, .hard = DescriptorTable::kDescriptorsMax};
    process.limits[kLimitCore].soft = 0;
    process.limits[kLimitLocked] = {.soft = kLockedBytes, .hard = kLockedBytes};
    process.limits[kLimitMessageQueues] = {.soft = kMessageQueueBytes, .hard = kMessageQueueBytes};
    process.limits[kLimitNice] = process.limits[kLimitRealTime] = {.soft = 0, .hard = 0};
    for (unsigned i = 0; block.limits_given != 0 && i < kLimitCount; ++i) process.limits[i] = {block.limits[i].soft, block.limits[i].hard};
    process.record_locker = block.record_locker;
    process.settings = block.settings;
    process.nice = block.nice;
    for (int number = 1; number <= kSignalMax; ++number)
        if ((block.signal_ignored & signal_bit(number) & ~kUnblockable) != 0) process.actions[number - 1].handler = kIgnore;
}

/// The name that /proc shows: the program's, without its directories.
void name_thread(Thread& thread, std::string_view path) {
    const size_t slash = path.rfind('/');
    if (slash != std::string_view::npos) path = path.substr(slash + 1);
    std::memcpy(thread.name, path.data(), path.size() < sizeof(thread.name) ? path.size() : sizeof(thread.name) - 1);
}

Thread& set_up_thread(Process& process, const BootBlockReader& boot) NO_THREAD_SAFETY_ANALYSIS {
    Thread& thread = *first_thread();
    thread.process = &process;
    thread.tid = process.pid;
    thread.running = 1;
    thread.signal_mask = boot.block().signal_blocked & ~kUnblockable;
    const auto handle = native::call(abi::HandleDuplicate{abi::kSelfThread, static_cast<uint64_t>(abi::Rights::All)});
    if (handle) thread.handle = handle->handle;
    process.threads = &thread;
    const char* given = boot.block().program_name;
    const std::string_view name(given, sizeof(abi::BootBlock::program_name));
    name_thread(thread, given[0] != '\0' ? name.substr(0, name.find('\0')) : boot.path());
    return thread;
}

/// Tells the process server, which also lets a vfork parent go on: now nothing of this process is in its memory. Signals may have come
/// before there was anyone to take them: the server tells.
ProgramIds announce(Process& process, Thread& thread, const BootBlockReader& boot) {
    const std::string_view path = boot.path(), arguments = boot.arguments();
    auto* text = static_cast<char*>(heap::allocate(path.size() + 1 + arguments.size()));
    if (text == nullptr) {
        thread.pending |= Thread::kAlerted;
        return {};
    }
    std::memcpy(text, path.data(), path.size());
    text[path.size()] = '\0';
    std::memcpy(text + path.size() + 1, arguments.data(), arguments.size());
    const IgnoredSignals ignored = told_ignored(process);
    protocols::process::Exec exec{
        .path_bytes = static_cast<uint32_t>(path.size()), .child_flags = ignored.child_flags, .ignored = ignored.signals};
    std::memcpy(exec.name, thread.name, sizeof(exec.name));
    const auto reply = settled_call(process.process_server, exec, ipc::Lend::text({text, path.size() + 1 + arguments.size()}));
    heap::release(text);
    if (!reply || reply->signals_pending != 0) thread.pending |= Thread::kAlerted;
    if (!reply) return {};
    return {.uid = reply->uid, .euid = reply->euid, .gid = reply->gid, .egid = reply->egid};
}

/// Pointers to zero-terminated strings that lie one behind the other, as execve wants them; null without memory.
uint64_t* pointers_to(std::string_view strings, uint32_t count) {
    auto* pointers = static_cast<uint64_t*>(heap::allocate((uint64_t{count} + 1) * sizeof(uint64_t)));
    if (pointers == nullptr) return nullptr;
    uint32_t found = 0;
    for (size_t position = 0; found < count && position < strings.size(); position = strings.find('\0', position) + 1)
        pointers[found++] = reinterpret_cast<uint64_t>(strings.data() + position);
    pointers[found] = 0;
    return pointers;
}

/// A process without a program yet: execve of the path in the boot block. The codes are a shell's.
[[noreturn]] void run_path(Thread& thread, const BootBlockReader& boot) {
    constexpr uint64_t kNotFound = 127 << 8, kNotExecutable = 126 << 8;
    const uint64_t* arguments = pointers_to(boot.arguments(), boot.block().argument_count);
    const uint64_t* environment = pointers_to(boot.environment(), boot.block().environment_count);
    const int64_t error = execute(thread, {.path = reinterpret_cast<uint64_t>(boot.path().data()),
                                           .arguments = reinterpret_cast<uint64_t>(arguments),
                                           .environment = reinterpret_cast<uint64_t>(environment)});
    LogLine() << boot.path() << ": cannot run, errno " << -error;
    end_process(*thread.process, error == -ENOENT || error == -ENOTDIR ? kNotFound : kNotExecutable);
}

}  // namespace

extern "C" void portico_start_main(uint64_t boot_block_address) {
    if (read_gs_base() != first_thread_address()) start_with_gs(boot_block_address);
    abi::BootBlock head;
    std::memcpy(&head, reinterpret_cast<const void*>(boot_block_address), sizeof(head));
    const auto boot = BootBlockReader::open(
        {reinterpret_cast<const std::byte*>(boot_block_address), head.block_bytes < abi::kBootBlockBytesMax ? head.block_bytes : 0});
    if (!boot) give_up("no boot block");
    vector_start();
    clock_start(head);
    random_start(std::span<const uint8_t, 16>(head.random));
    Process& process = *::new (first_process) Process;
    take_state(process, *boot);
    Thread& thread = set_up_thread(process, *boot);
    take_descriptors(process, *boot);
    const bool posix = process.mode == abi::RuntimeMode::Posix;
    if (!native::call(
            abi::ProcessSetEntries{abi::kSelfProcess, address_of(portico_foreign_entry), posix ? address_of(portico_upcall_entry) : 0}))
        give_up("no runtime entries");
    if (!head.program_image) {
        if (posix) run_path(thread, *boot);
        give_up("a server needs a program image");
    }
    start_program(thread, *boot, posix ? announce(process, thread, *boot) : ProgramIds{});
}

}  // namespace portico::posix
