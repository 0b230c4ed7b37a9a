#pragma once

#include <functional>
#include <string>

#include "servers/file/text_content.h"

namespace portico::file_server {

/// A text made at open whose file takes commands: each write is one, whole, wherever it is written to. Nothing of it stays, so
/// that truncating it (as a shell's ">" does) changes nothing.
class CommandContent final : public Content {
public:
    using Run = std::function<Result<>(std::string_view command)>;
    static constexpr uint64_t kCommandBytesMax = 256;

    CommandContent(std::string text, Run run) : text_(std::move(text)), run_(std::move(run)) {}

    uint64_t size_bytes() const override { return text_.size_bytes(); }
    Result<uint64_t> read(Transfer& to, uint64_t offset, uint64_t length_bytes) override { return text_.read(to, offset, length_bytes); }

    /// Errors: InvalidArgument for a command that is too long, and those of the command.
    Result<uint64_t> write(Transfer& from, uint64_t, uint64_t length_bytes) override {
        if (length_bytes > kCommandBytesMax) return fail(Error::InvalidArgument);
        std::string command(length_bytes, '\0');
        TRY(from.get(0, std::as_writable_bytes(std::span(command))));
        TRY(run_(command));
        return length_bytes;
    }
    Result<> resize(uint64_t) override { return {}; }

private:
    TextContent text_;
    Run run_;
};

}  // namespace portico::file_server
