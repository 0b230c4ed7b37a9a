#pragma once

#include <algorithm>
#include <string>

#include "servers/file/content.h"

namespace portico::file_server {

/// A text made at open, read-only.
class TextContent final : public Content {
public:
    explicit TextContent(std::string text) : text_(std::move(text)) {}

    uint64_t size_bytes() const override { return text_.size(); }

    Result<uint64_t> read(Transfer& to, uint64_t offset, uint64_t length_bytes) override {
        if (offset >= text_.size()) return 0;
        length_bytes = std::min<uint64_t>(length_bytes, text_.size() - offset);
        TRY(to.put(0, std::as_bytes(std::span(text_)).subspan(offset, length_bytes)));
        return length_bytes;
    }
    Result<uint64_t> write(Transfer&, uint64_t, uint64_t) override { return fail(Error::AccessDenied); }

private:
    std::string text_;
};

}  // namespace portico::file_server
