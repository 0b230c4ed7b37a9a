#include "kernel/boot/first_process.h"

#include "abi/boot_block.h"
#include "kernel/debug/log.h"
#include "kernel/irq/interrupt.h"
#include "kernel/object/process.h"
#include "libs/cpio.h"

namespace portico::kernel {
namespace {

/// Failure here is a boot image that cannot work or a machine without memory.
template <class T>
T must(Result<T> result, const char* what) {
    if (!result) panic("cannot start init: %s: %s", what, abi::name_of(result.error()).data());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The archive's pages as a memory object. Its start is page-aligned.
Ref<Memory> adopt_archive(Account& root, MemoryRange archive) {
    ASSERT(archive.base.value % abi::kPageBytes == 0);
    Ref<Memory> memory = must(create_object<Memory>(root, root, archive.length_bytes), "archive");
    for (uint64_t index = 0; index < memory->size_pages(); ++index) {
        const PhysicalAddress page{archive.base.value + index * abi::kPageBytes};
        frames.adopt(page, root);
        must(memory->put(index, page), "archive");
    }
    return memory;
}

/// A file of the archive: a slice of it if page-aligned, else a copy.
Ref<Memory> file_memory(Account& root, Memory& archive, const cpio::Entry& entry) {
    Ref<Memory> memory = must(create_object<Memory>(root, root, entry.data.size()), "file");
    if (entry.data_offset % abi::kPageBytes == 0) {
        must(archive.clone_into(*memory, entry.data_offset / abi::kPageBytes, memory->size_pages()), "slice");
        return memory;
    }
    for (uint64_t done = 0; done < entry.data.size(); done += abi::kPageBytes) {
        const PhysicalAddress page = must(memory->page_to_write(done / abi::kPageBytes), "copy");
        __builtin_memcpy(arch::to_virtual(page), entry.data.data() + done, std::min(abi::kPageBytes, entry.data.size() - done));
    }
    return memory;
}

/// Writes init's boot block: its grants and the words of the command line.
class BlockWriter {
public:
    explicit BlockWriter(uint8_t* page) : page_(page) {}

    uint32_t append(const void* bytes, size_t size_bytes) {
        if (used_ + size_bytes > abi::kPageBytes) panic("cannot start init: the command line is too long");
        __builtin_memcpy(page_ + used_, bytes, size_bytes);
        const uint32_t at = used_;
        used_ += static_cast<uint32_t>(size_bytes);
        return at;
    }
    uint32_t append(std::string_view text) {
        const uint32_t at = append(text.data(), text.size());
        append("", 1);
        return at;
    }

private:
    uint8_t* page_;
    uint32_t used_ = sizeof(abi::BootBlock);
};

void write_boot_block(uint8_t* page, abi::BootBlock block, std::span<const abi::Grant> grants, std::string_view command_line) {
    BlockWriter writer(page);
    block.block_bytes = abi::kPageBytes;
    block.grant_count = static_cast<uint32_t>(grants.size());
    block.grants = writer.append(grants.data(), grants.size_bytes());
    block.program_path = writer.append(std::string_view("boot/init"));
    block.arguments = writer.append(std::string_view("init"));
    block.argument_count = 1;
    while (!command_line.empty()) {
        const size_t end = std::min(command_line.find(' '), command_line.size());
        if (end > 0) {
            writer.append(command_line.substr(0, end));
            ++block.argument_count;
        }
        command_line.remove_prefix(std::min(end + 1, command_line.size()));
    }
    __builtin_memcpy(page, &block, sizeof(block));
}

}  // namespace

void start_first_process(Account& root, const BootInfo& boot, std::span<const uint8_t> archive_bytes) {
    const auto runtime_entry = cpio::find(archive_bytes, "boot/runtime");
    const auto init_entry = cpio::find(archive_bytes, "boot/init");
    if (!runtime_entry || !init_entry) panic("the boot archive has no boot/runtime or no boot/init");
    Ref<Memory> archive = adopt_archive(root, boot.archive);
    Ref<Memory> runtime = file_memory(root, *archive, *runtime_entry);
    Ref<Memory> program = file_memory(root, *archive, *init_entry);
    abi::RuntimeHeader header;
    if (runtime_entry->data.size() < sizeof(header)) panic("boot/runtime is too short");
    __builtin_memcpy(&header, runtime_entry->data.data(), sizeof(header));
    if (header.magic != abi::RuntimeHeader::kMagic) panic("boot/runtime is no runtime image");

    Ref<AddressSpace> space = must(AddressSpace::create(root), "address space");
    const auto fixed = MapFlags::Fixed | MapFlags::NoReplace;
    const uint64_t text_pages = header.text_bytes / abi::kPageBytes, data_pages = header.data_bytes / abi::kPageBytes;
    const uint64_t bss_pages = header.bss_bytes / abi::kPageBytes;
    must(space->map(runtime, 0, abi::kRuntimeBase, text_pages, fixed | Access::ReadExecute, Access::ReadExecute), "runtime text");
    if (data_pages > 0) {
        Ref<Memory> data = must(create_object<Memory>(root, root, header.data_bytes), "runtime data");
        must(runtime->clone_into(*data, text_pages, data_pages), "runtime data");
        must(space->map(std::move(data), 0, abi::kRuntimeBase + header.text_bytes, data_pages, fixed | Access::ReadWrite, Access::All),
             "runtime data");
    }
    if (bss_pages > 0)
        must(
            space->map({}, 0, abi::kRuntimeBase + header.text_bytes + header.data_bytes, bss_pages, fixed | Access::ReadWrite, Access::All),
            "runtime bss");

    Ref<Process> process = must(create_object<Process>(root, std::move(space), Ref<Account>(root), Ref<Sender>()), "process");
    process->set_name({"init"});
    const auto grant = [&](Object& object, const char* what) {
        return must(process->handles().add(Capability(object, Rights::All)), what);
    };
    Ref<Resource> resource = must(create_object<Resource>(root), "resource");
    const abi::Grant grants[] = {{.name = "account", .handle = grant(root, "account")},
                                 {.name = "archive", .handle = grant(*archive, "archive")},
                                 {.name = "resource", .handle = grant(*resource, "resource")}};
    abi::BootBlock block{
        .mode = abi::RuntimeMode::Bare, .runtime_image = grant(*runtime, "runtime"), .program_image = grant(*program, "program")};
    block.program_bytes = init_entry->data.size();
    for (size_t done = 0; done < sizeof(block.random); done += sizeof(uint64_t)) {
        const uint64_t random = arch::random();
        __builtin_memcpy(&block.random[done], &random, sizeof(random));
    }

    Ref<Memory> block_memory = must(create_object<Memory>(root, root, abi::kPageBytes), "boot block");
    const PhysicalAddress page = must(block_memory->page_to_write(0), "boot block");
    write_boot_block(static_cast<uint8_t*>(arch::to_virtual(page)), block, grants, boot.command_line);
    must(process->space().map(std::move(block_memory), 0, abi::kBootBlockAddress, 1, fixed | Access::ReadWrite, Access::All), "boot block");
    must(Thread::create(*process, {.instruction = header.start, .argument = abi::kBootBlockAddress}, 16), "thread");
}

}  // namespace portico::kernel
