#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "bench/native_rows.h"
#include "bench/service.h"

/// Linux as a library and as a service, side by side: the same call, done by the runtime library of the process that makes it, or by
/// another process that the kernel asks (process_set_service). The service does it as itself, by the library in its own process, and
/// copies from and to its caller's memory.
namespace portico::bench {
namespace {

using abi::ForeignReply;
using abi::Handle;
using abi::MessageKind;
using abi::MessageRegisters;

constexpr uint64_t kParent = 4711;  ///< what the service says is the parent of its process
constexpr uint64_t kBytesMax = 4096, kPathBytesMax = 64;
constexpr const char* kPath = "/tmp/posix_row";

uint64_t address_of(const void* memory) {
    return reinterpret_cast<uint64_t>(memory);
}

uint64_t result_of(int64_t returned) {
    return static_cast<uint64_t>(returned < 0 ? -errno : returned);
}

uint64_t read_for(uint64_t id, const uint64_t* argument) {
    static std::byte buffer[kBytesMax];
    const int64_t got = pread(static_cast<int>(argument[0]), buffer, std::min(argument[2], kBytesMax), static_cast<off_t>(argument[3]));
    if (got > 0) must(native::call(abi::WindowWrite{id, argument[1], address_of(buffer), static_cast<uint64_t>(got)}));
    return result_of(got);
}

uint64_t write_for(uint64_t id, const uint64_t* argument) {
    static std::byte buffer[kBytesMax];
    const uint64_t bytes = std::min(argument[2], kBytesMax);
    must(native::call(abi::WindowRead{id, argument[1], address_of(buffer), bytes}));
    return result_of(pwrite(static_cast<int>(argument[0]), buffer, bytes, static_cast<off_t>(argument[3])));
}

uint64_t open_for(uint64_t id, const uint64_t* argument) {
    char path[kPathBytesMax];  // our callers keep as much behind their paths
    must(native::call(abi::WindowRead{id, argument[1], address_of(path), sizeof(path)}));
    return result_of(open(path, static_cast<int>(argument[2]), static_cast<mode_t>(argument[3])));
}

/// What a Linux call returns, if it is one that this service does.
struct Outcome {
    bool is_ours;
    uint64_t result;
};
Outcome act(const MessageRegisters& call) {
    const uint64_t id = call.handle_or_id;
    switch (call.header.operation()) {
    case SYS_getppid:
        return {true, kParent};
    case SYS_pread64:
        return {true, read_for(id, call.word)};
    case SYS_pwrite64:
        return {true, write_for(id, call.word)};
    case SYS_openat:
        return {true, open_for(id, call.word)};
    case SYS_close:
        return {true, result_of(close(static_cast<int>(call.word[0])))};
    default:
        return {false, 0};
    }
}

void serve_linux_calls(Handle port) {
    MessageRegisters registers{.handle_or_id = port.value};
    for (;;) {
        must(native::message_call<abi::PortReplyReceive>(registers));
        if (registers.header.kind() == MessageKind::Notification) return;
        const Outcome outcome = act(registers);
        registers.r14 = registers.handle_or_id;
        registers.handle_or_id = port.value;
        registers.header = abi::Header::make(static_cast<uint16_t>(outcome.is_ours ? ForeignReply::Result : ForeignReply::Run));
        registers.word[0] = outcome.result;
        registers.deadline_or_badge = abi::kForever;
    }
}

// ---- what is measured, by whomever it is done

char path[kPathBytesMax];
std::byte buffer[kBytesMax];

int open_file() {
    std::copy_n(kPath, std::char_traits<char>::length(kPath) + 1, path);
    const int file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0) give_up("open", errno);
    return file;
}

void ask_parent(Measure& measure) {
    if (static_cast<uint64_t>(getppid()) != kParent) give_up("getppid was not answered by the service", getppid());
    measure.each([] { (void)getppid(); });
}

void read_byte(Measure& measure) {
    const int file = open_file();
    if (pwrite(file, buffer, 1, 0) != 1) give_up("pwrite", errno);
    measure.each([file] {
        if (pread(file, buffer, 1, 0) != 1) give_up("pread", errno);
    });
    close(file);
}

void write_page(Measure& measure) {
    const int file = open_file();
    measure.each([file] {
        if (pwrite(file, buffer, kBytesMax, 0) != static_cast<ssize_t>(kBytesMax)) give_up("pwrite", errno);
    });
    close(file);
}

void open_and_close(Measure& measure) {
    close(open_file());
    measure.each([] { close(open_file()); });
}

/// This process is measured, another one serves it.
template <void (*kMeasured)(Measure&)>
void by_service(Measure& measure) {
    const Service service(serve_linux_calls);
    const Result<> set = native::call(abi::ProcessSetService{abi::kSelfProcess, service.sender()});
    if (!set && is_missing(set.error())) return measure.report_absent("process_set_service is not there");
    must(set);
    kMeasured(measure);
    must(native::call(abi::ProcessSetService{abi::kSelfProcess, abi::kNoHandle}));
}

constexpr Row kRows[] = {
    {"getppid_service", by_service<ask_parent>},
    {"posix_read_byte", read_byte},
    {"posix_read_byte_service", by_service<read_byte>},
    {"posix_write_4096", write_page},
    {"posix_write_4096_service", by_service<write_page>},
    {"posix_open_close", open_and_close},
    {"posix_open_close_service", by_service<open_and_close>},
};

}  // namespace

const Rows kServiceRows = kRows;

}  // namespace portico::bench
