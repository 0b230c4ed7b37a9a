#include <algorithm>

#include "runtime/ipc.h"
#include "servers/file/pts_file_system.h"

namespace portico::file_server {
namespace {

namespace terminal = protocols::terminal;

constexpr uint64_t kAnswerNs = 2'000'000'000;  // a terminal server that takes longer is none

template <class M>
Result<typename M::Reply> ask(abi::Handle server, const M& method, std::span<std::byte> to = {}) {
    const uint64_t deadline_ns = TRY(native::call(abi::ClockRead{})).now_ns + kAnswerNs;
    return ipc::call(server, method, {.writable = to}, deadline_ns);
}

}  // namespace

Result<std::vector<uint32_t>> RunningPseudoTerminals::numbers() {
    std::vector<uint32_t> all(terminal::kPseudoMax);
    const auto reply = TRY(ask(terminal_, terminal::ListPseudo{}, std::as_writable_bytes(std::span(all))));
    all.resize(std::min<uint64_t>(reply.count, all.size()));
    return all;
}

Result<Attributes> RunningPseudoTerminals::describe(uint32_t number) {
    Attributes attributes{};
    TRY(ask(terminal_, terminal::DescribePseudo{.number = number}, std::as_writable_bytes(std::span(&attributes, 1))));
    return attributes;
}

Result<> RunningPseudoTerminals::change(const terminal::ChangePseudo& change) {
    TRY(ask(terminal_, change));
    return {};
}

}  // namespace portico::file_server
