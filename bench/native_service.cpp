#include <sys/syscall.h>
#include <unistd.h>

#include "bench/native_rows.h"
#include "bench/service.h"

/// Linux calls that a service answers instead of the runtime library.
namespace portico::bench {
namespace {

using abi::Handle;
using abi::Header;
using abi::MessageKind;
using abi::MessageRegisters;

constexpr uint64_t kAnswer = 4711;  ///< what the service says is the parent of its process

/// Answers getppid itself; all else is left to the library.
void serve_linux_calls(Handle port) {
    MessageRegisters registers{.handle_or_id = port.value};
    for (;;) {
        must(native::message_call<abi::PortReplyReceive>(registers));
        if (registers.header.kind() == MessageKind::Notification) return;
        const bool is_getppid = registers.header.operation() == SYS_getppid;
        registers.r14 = registers.handle_or_id;
        registers.handle_or_id = port.value;
        registers.header = Header::make(static_cast<uint16_t>(is_getppid ? abi::ForeignReply::Result : abi::ForeignReply::Run));
        registers.word[0] = kAnswer;
        registers.deadline_or_badge = abi::kForever;
    }
}

/// This process is measured, the other one serves it.
void getppid_by_service(Measure& measure) {
    const Service service(serve_linux_calls);
    const Result<> set = native::call(abi::ProcessSetService{abi::kSelfProcess, service.sender()});
    if (!set && is_missing(set.error())) return measure.report_absent("process_set_service is not there");
    must(set);
    if (static_cast<uint64_t>(syscall(SYS_getppid)) != kAnswer) give_up("getppid was not answered by the service", getppid());
    const Figure figure = measure.figure_of(
        measure.settings().operations,
        [](unsigned count) {
            for (unsigned i = 0; i < count; ++i) (void)getppid();
        },
        [] {});
    must(native::call(abi::ProcessSetService{abi::kSelfProcess, abi::kNoHandle}));
    measure.report(figure);
}

constexpr Row kRows[] = {
    {"getppid_service", getppid_by_service},
};

}  // namespace

const Rows kServiceRows = kRows;

}  // namespace portico::bench
