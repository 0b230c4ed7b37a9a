#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "bench/rows.h"
#include "bench/service.h"

/// Linux as a library and as a service, side by side: the same call, done by the runtime library of the process, or by another
/// process that the kernel asks (process_set_service). The child measures; its parent is the service.
namespace portico::bench {
namespace {

using abi::ForeignReply;
using abi::Handle;
using abi::MessageKind;

constexpr pid_t kAnswer = 424242;  // no process has it: only the service says so

Handle to_service;  // the child's

/// Does getppid itself, has the library do all others, until the child has ended.
void serve(Handle port) {
    abi::MessageRegisters registers{.handle_or_id = port.value};
    for (;;) {
        must(native::message_call<abi::PortReplyReceive>(registers));
        if (registers.header.kind() == MessageKind::Notification) return;
        const bool waits = registers.header.kind() == MessageKind::ForeignCall;
        const bool ours = waits && registers.header.operation() == SYS_getppid;
        registers.r14 = waits ? registers.handle_or_id : 0;
        registers.header = abi::Header::make(static_cast<uint16_t>(ours ? ForeignReply::Result : ForeignReply::Run));
        registers.word[0] = kAnswer;
        registers.handle_or_id = port.value;
        registers.deadline_or_badge = abi::kForever;
    }
}

void check_answer(bool by_service) {
    const pid_t answer = getppid();
    if ((answer == kAnswer) != by_service) give_up("getppid was not done by whom it should be", answer);
}

void getppid_by_library(Measure& measure) {
    check_answer(false);
    measure.each([] { (void)getppid(); });
}

void getppid_by_service(Measure& measure) {
    must(native::call(abi::ProcessSetService{abi::kSelfProcess, to_service}));
    check_answer(true);
    measure.each([] { (void)getppid(); });
    must(native::call(abi::ProcessSetService{abi::kSelfProcess, abi::kNoHandle}));
}

constexpr Row kRows[] = {
    {"getppid", getppid_by_library},
    {"getppid_service", getppid_by_service},
};

}  // namespace
}  // namespace portico::bench

int main(int count, char** arguments) {
    using namespace portico::bench;
    const Channel channel = Channel::create();
    const pid_t child = fork();
    if (child < 0) give_up("fork", errno);
    if (child == 0) {
        portico::native::close(channel.port);
        to_service = channel.sender;
        const Rows families[] = {kRows};
        return run_rows(count, arguments, families);
    }
    portico::native::close(channel.sender);
    serve(channel.port);
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) give_up("waitpid", errno);
    return status == 0 ? 0 : 1;
}
