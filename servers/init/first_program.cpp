#include "servers/init/first_program.h"

#include <cstddef>

#include "protocols/file.h"

namespace portico::init {

namespace file = protocols::file;
namespace process = protocols::process;

namespace {

constexpr uint32_t kRegularFile = 0100000, kTypeMask = 0170000, kAnyExecute = 0111;
constexpr uint32_t kNotFoundStatus = 127 << 8, kNotExecutableStatus = 126 << 8;

template <class T>
Result<> write_value(abi::Handle memory, uint64_t offset, const T& value) {
    return native::call(abi::MemoryWrite{memory, offset, reinterpret_cast<uint64_t>(&value), sizeof value});
}

}  // namespace

Result<> FirstProgram::launch(uint32_t& refused_status) {
    const auto blame = [this](std::string_view what, Error error) {
        supervisor_.set_failure(std::string(what) + ": " + std::string(abi::name_of(error)));
        return fail(error);
    };
    if (const Result<> opened = open_streams(); !opened) return blame("cannot open the standard streams", opened.error());
    auto directory = open(supervisor_.service("file").client(), request_.working_directory, file::kDirectory | file::kPathOnly);
    if (!directory) return blame("cannot enter the working directory " + request_.working_directory, directory.error());
    working_directory_ = std::move(directory->handle);
    const Result<std::string> path = find_program(refused_status);
    if (!path) return refused_status != 0 ? fail(path.error()) : blame("cannot look for the program", path.error());
    if (const Result<> given = give_terminal(); !given) return blame("cannot give the terminal to the session", given.error());
    if (const Result<> running = run(*path); !running) return blame("cannot start " + *path, running.error());
    return {};
}

Result<FirstProgram::Opened> FirstProgram::open(const OwnedHandle& directory, std::string_view path, uint32_t flags) {
    // Told the session to come, the terminal becomes its controlling one.
    const file::Open request{.flags = flags, .mode = 0, .session = kPid, .process_group = kPid};
    const auto reply = TRY(supervisor_.ask(directory, request, ipc::Lend::text(path)));
    return Opened{OwnedHandle(reply.file), static_cast<uint32_t>(reply.kind), flags, reply.special_device};
}

Result<> FirstProgram::open_streams() {
    static constexpr std::string_view names[] = {"stdin", "stdout", "stderr"};
    const OwnedHandle& terminal = supervisor_.service("terminal").client();
    const Opened* console = nullptr;
    for (unsigned i = 0; i < 3; ++i) {
        Opened& stream = streams_[i];
        if (request_.streams[i] == Stream::None) {
            stream = TRY(open(supervisor_.service("file").client(), "/dev/null", file::kReadOnly));
        } else if (request_.streams[i] == Stream::Host) {
            stream = TRY(open(terminal, names[i], i == 0 ? file::kReadOnly : file::kWriteOnly));
        } else if (console == nullptr) {
            stream = TRY(open(terminal, "console", file::kReadWrite));
            console = &stream;
        } else {
            // One open terminal stands behind all of them, as a login leaves it.
            stream = Opened{TRY(console->handle.duplicate()), console->kind, console->flags, console->special_device};
        }
    }
    return {};
}

Result<uint32_t> FirstProgram::mode_of(const std::string& path) {
    file::Attributes attributes;
    const ipc::Lend lend{.readable = ipc::Lend::text(path).readable, .writable = std::as_writable_bytes(std::span(&attributes, 1))};
    TRY(supervisor_.ask(working_directory_, file::GetAttributesAt{.no_follow = 0}, lend));
    return attributes.mode;
}

Result<std::string> FirstProgram::find_program(uint32_t& refused_status) {
    const std::string& name = request_.arguments[0];
    std::vector<std::string> candidates;
    if (name.find('/') != std::string::npos) {
        candidates.push_back(name);
    } else {
        for (std::string_view rest = request_.variable("PATH"); !rest.empty();) {
            const std::string_view directory = rest.substr(0, rest.find(':'));
            rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
            candidates.push_back(std::string(directory.empty() ? "." : directory) + "/" + name);
        }
    }
    bool seen = false;
    for (const std::string& candidate : candidates) {
        const Result<uint32_t> mode = mode_of(candidate);
        if (!mode && !supervisor_.failure().empty()) return fail(mode.error());
        if (!mode && mode.error() == Error::TimedOut) return fail(mode.error());
        if (mode && (*mode & kTypeMask) == kRegularFile && (*mode & kAnyExecute) != 0) return candidate;
        seen = seen || mode || mode.error() == Error::AccessDenied;
    }
    tell_user(name + (seen ? ": cannot be executed\n" : ": not found\n"));
    refused_status = seen ? kNotExecutableStatus : kNotFoundStatus;
    return fail(seen ? Error::NotExecutable : Error::NotFound);
}

void FirstProgram::tell_user(std::string_view line) {
    // A repeated write could show the line twice, which does no harm.
    const file::Write request{.offset = file::kCurrentOffset, .length_bytes = line.size(), .process_group = kPid};
    (void)supervisor_.ask(streams_[2].handle, request, ipc::Lend::text(line), 5 * Supervisor::kSecond);
}

Result<> FirstProgram::give_terminal() {
    for (unsigned i = 0; i < 3; ++i) {
        if (request_.streams[i] != Stream::Terminal) continue;
        const process::SetTerminal request{.special_device = streams_[i].special_device, .zero = {}, .terminal = streams_[i].handle.get()};
        TRY(supervisor_.ask(supervisor_.service("process").client(), request));
        return {};
    }
    return {};
}

Result<> FirstProgram::run(const std::string& path) {
    abi::BootDescriptor descriptors[3]{};
    for (uint32_t i = 0; i < 3; ++i) descriptors[i] = {.number = i, .kind = streams_[i].kind, .status = streams_[i].flags};
    BootContents contents;
    contents.mode = abi::RuntimeMode::Posix;
    contents.realtime_offset_ns = boot_.realtime_offset_ns;
    contents.program_path = path;
    contents.arguments = request_.arguments;
    contents.environment = request_.environment;
    contents.descriptors = descriptors;
    const std::vector<std::byte> bytes = TRY(lay_out(contents));
    const OwnedHandle block = TRY(memory_of(bytes));
    const OwnedHandle& server = supervisor_.service("process").client();
    const OwnedHandle account(TRY(supervisor_.ask(server, process::ShareAccount{})).account);
    const OwnedHandle space = TRY(boot_.runtime.make_space(block.get(), bytes.size(), account.get()));

    // Spawn and Start must not be repeated, so they get all the patience at once; the process server calls nobody meanwhile.
    const uint64_t give_up = now_ns() + 5 * Supervisor::kSecond;
    const process::Spawn request{.boot_block_offset = 0, .zero = {}, .space = space.get(), .boot_block = block.get()};
    const auto spawned = TRY(ipc::call(server.get(), request, {}, give_up));
    const OwnedHandle made(spawned.process);
    if (spawned.pid != kPid) return fail(Error::WrongState);
    abi::BootBlock laid_out;
    std::memcpy(&laid_out, bytes.data(), sizeof laid_out);
    TRY(give_handles(made.get(), block.get(), laid_out.descriptors));
    if (request_.traced) TRY(native::call(abi::ProcessSetService{made.get(), supervisor_.service("strace").client().get()}));
    TRY(ipc::call(server.get(), process::Start{.pid = kPid}, {}, give_up));
    return {};
}

Result<> FirstProgram::give_handles(abi::Handle made, abi::Handle block, uint64_t descriptors_offset) {
    const auto give = [&](uint64_t offset, abi::Handle handle) -> Result<> {
        const abi::Handle given = TRY(install(made, handle));
        return write_value(block, offset, given);
    };
    TRY(give(offsetof(abi::BootBlock, runtime_image), boot_.runtime.image()));
    TRY(give(offsetof(abi::BootBlock, root_directory), supervisor_.service("file").client().get()));
    TRY(give(offsetof(abi::BootBlock, working_directory), working_directory_.get()));
    TRY(give(offsetof(abi::BootBlock, pipe_server), supervisor_.service("pipe").client().get()));
    for (unsigned i = 0; i < 3; ++i) {
        const uint64_t descriptor = descriptors_offset + i * sizeof(abi::BootDescriptor);
        TRY(give(descriptor + offsetof(abi::BootDescriptor, handle), streams_[i].handle.get()));
    }
    return {};
}

}  // namespace portico::init
