#pragma once

#include "runtime/ipc.h"
#include "servers/file/content.h"

namespace portico::file_server {

/// The windows of a call.
class CallTransfer final : public Transfer {
public:
    explicit CallTransfer(const ipc::Call& call) : call_(call) {}
    Result<> put(uint64_t at, std::span<const std::byte> bytes) override { return call_.write(at, bytes); }
    Result<> get(uint64_t at, std::span<std::byte> bytes) override { return call_.read(at, bytes); }

private:
    const ipc::Call& call_;
};

}  // namespace portico::file_server
