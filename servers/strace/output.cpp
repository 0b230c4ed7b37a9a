#include "servers/strace/output.h"

#include "protocols/file.h"
#include "runtime/ipc.h"

namespace portico::strace {

namespace file = protocols::file;

Result<Output> Output::open(abi::Handle terminal) {
    const file::Open request{.flags = file::kWriteOnly, .mode = 0, .session = 0, .process_group = 0};
    return Output(OwnedHandle(TRY(ipc::call(terminal, request, ipc::Lend::text("trace"))).file));
}

void Output::write(std::string_view text) {
    while (!text.empty()) {
        const file::Write request{.offset = file::kCurrentOffset, .length_bytes = text.size(), .process_group = 0};
        const auto written = ipc::call(stream_.get(), request, ipc::Lend::text(text));
        if (!written || written->length_bytes == 0) return;
        text.remove_prefix(std::min<uint64_t>(written->length_bytes, text.size()));
    }
}

}  // namespace portico::strace
