#include "posix/program_start.h"

#include <cpuid.h>

#include "posix/entry_points.h"
#include "posix/heap.h"
#include "posix/interruptible.h"
#include "posix/loader.h"
#include "posix/log_line.h"
#include "posix/process.h"
#include "posix/program_file.h"
#include "posix/program_memory.h"
#include "posix/program_stack.h"
#include "posix/random.h"
#include "posix/signals.h"
#include "posix/thread_memory.h"

namespace portico::posix {

namespace {

constexpr uint64_t kStackBytes = 8 << 20;
constexpr uint64_t kGapBytes = 16 << 20;  ///< between stack and mappings, and below the library
constexpr uint64_t kExecutableBase = 0x5555'5555'0000;

/// Where things go: random, in whole pages.
struct Layout {
    uint64_t executable_base, stack_end, map_end, break_gap_bytes, stack_offset_bytes;

    static Layout choose() {
        uint64_t random[2];  // with AT_RANDOM as many bytes as the generator makes at once
        random_fill(std::as_writable_bytes(std::span(random)));
        const auto bits = [](uint64_t& from, unsigned count) {
            const uint64_t taken = from & ((uint64_t{1} << count) - 1);
            from >>= count;
            return taken;
        };
        const auto pages = [&bits](uint64_t& from, unsigned count) { return bits(from, count) * abi::kPageBytes; };
        Layout layout{};
        layout.executable_base = kExecutableBase + pages(random[0], 28);
        layout.stack_end = abi::kRuntimeBase - kGapBytes - pages(random[0], 22);
        layout.map_end = layout.stack_end - kStackBytes - kGapBytes - pages(random[1], 28);
        layout.break_gap_bytes = abi::kPageBytes + pages(random[1], 13);
        layout.stack_offset_bytes = bits(random[1], 13) & 0x1FF0;
        return layout;
    }
};

struct Program {
    LoadedElf executable;
    uint64_t interpreter_base = 0;
    uint64_t entry = 0;
};

/// The path in PT_INTERP, opened through the file server and mapped below the other mappings.
Result<> load_interpreter(Thread& thread, const ElfImage& image, const ElfPlan& plan, Layout& layout, Program& program) {
    if (thread.process->mode != abi::RuntimeMode::Posix) return fail(Error::NotSupported);
    char path[kInterpreterPathBytesMax + 1]{};
    TRY(native::call(abi::MemoryRead{image.memory, plan.interpreter_offset, reinterpret_cast<uint64_t>(path), plan.interpreter_bytes}));
    ProgramFile* file = heap::make<ProgramFile>();
    if (file == nullptr) return fail(Error::NoMemory);
    Result<LoadedElf> loaded = fail(Error::NotFound);
    if (file->open(thread, -100, reinterpret_cast<uint64_t>(path), false) == 0) {
        const auto interpreter = file->plan();
        if (interpreter) {
            const uint64_t span_bytes = interpreter->high - interpreter->low + interpreter->alignment;
            layout.map_end = (layout.map_end - span_bytes) & ~(abi::kPageBytes - 1);
            loaded = load_elf(file->image(), *interpreter, layout.map_end);
        } else {
            loaded = fail(interpreter.error());
        }
    }
    heap::destroy(file);
    const LoadedElf interpreter = TRY(loaded);
    program.interpreter_base = interpreter.bias;
    program.entry = interpreter.entry;
    return {};
}

Result<Program> load(Thread& thread, const ElfImage& image, Layout& layout) {
    const ElfPlan plan = TRY(read_elf(image));
    Program program{.executable = TRY(load_elf(image, plan, layout.executable_base))};
    program.entry = program.executable.entry;
    if (plan.interpreter_bytes != 0) TRY(load_interpreter(thread, image, plan, layout, program));
    return program;
}

struct ProcessorFeatures {
    uint64_t first, second;
};

ProcessorFeatures features() {
    constexpr uint64_t kFsGsBase = 2;  // HWCAP2_FSGSBASE: the library itself relies on it
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    return {edx, kFsGsBase};
}

/// Maps the stack and fills it; returns the stack pointer.
Result<uint64_t> make_stack(const ProgramIds& ids, const BootBlockReader& boot, const Program& program, const Layout& layout) {
    const uint64_t stack_start = layout.stack_end - kStackBytes;
    const auto flags = abi::MapFlags::Fixed | abi::MapFlags::NoReplace | abi::MapFlags::Stack | abi::Access::ReadWrite;
    TRY(native::call(abi::SpaceMap{abi::kSelfSpace, {}, 0, stack_start, kStackBytes, static_cast<uint64_t>(flags)}));
    const ProcessorFeatures processor = features();
    const uint64_t signal_stack_min = sizeof(SignalFrame) + vector_state_bytes() + 2048;
    const AuxiliaryEntry auxiliary[] = {
        {Auxiliary::ProgramHeaders, program.executable.program_headers},
        {Auxiliary::ProgramHeaderBytes, sizeof(ElfProgramHeader)},
        {Auxiliary::ProgramHeaderCount, program.executable.program_header_count},
        {Auxiliary::PageBytes, abi::kPageBytes},
        {Auxiliary::InterpreterBase, program.interpreter_base},
        {Auxiliary::Flags, 0},
        {Auxiliary::Entry, program.executable.entry},
        {Auxiliary::Uid, ids.uid},
        {Auxiliary::EffectiveUid, ids.euid},
        {Auxiliary::Gid, ids.gid},
        {Auxiliary::EffectiveGid, ids.egid},
        {Auxiliary::Secure, 0},
        {Auxiliary::ClockTicks, 100},
        {Auxiliary::HardwareCapabilities, processor.first},
        {Auxiliary::HardwareCapabilities2, processor.second},
        {Auxiliary::SignalStackMin, signal_stack_min},
    };
    uint8_t random[16];
    random_fill(std::as_writable_bytes(std::span(random)));
    const std::span<std::byte> memory(reinterpret_cast<std::byte*>(stack_start), kStackBytes - layout.stack_offset_bytes);
    const auto stack_pointer = build_program_stack(memory, stack_start,
                                                   {.arguments = boot.arguments(),
                                                    .argument_count = boot.block().argument_count,
                                                    .environment = boot.environment(),
                                                    .environment_count = boot.block().environment_count,
                                                    .executable = boot.path(),
                                                    .random = random,
                                                    .auxiliary = auxiliary});
    if (!stack_pointer) return fail(Error::TooLarge);
    return *stack_pointer;
}

void set_up_memory(Process& process, const Program& program, const Layout& layout) {
    const MutexGuard guard(process.mutex);
    process.break_start = process.break_end = process.break_mapped_end = program.executable.end + layout.break_gap_bytes;
    process.map_hint = layout.map_end;
}

}  // namespace

void start_program(Thread& thread, const BootBlockReader& boot, const ProgramIds& ids) {
    Process& process = *thread.process;
    const ElfImage image{.memory = boot.block().program_image, .file_bytes = boot.block().program_bytes};
    Layout layout = Layout::choose();
    const auto program = load(thread, image, layout);
    const auto stack_pointer = program ? make_stack(ids, boot, *program, layout) : Result<uint64_t>(fail(program.error()));
    if (!stack_pointer) {
        LogLine() << boot.path() << ": cannot load, " << abi::name_of(stack_pointer.error());
        die_by_signal(thread, kKill);
    }
    native::close(image.memory);
    set_up_memory(process, *program, layout);
    *thread.frame = {.rip = program->entry, .rflags = 0x202, .rsp = *stack_pointer};
    thread.full_restore = 1;
    write_fs_base(0);
    portico_reset_vector_control();
    portico_exit_to_program();
}

}  // namespace portico::posix
