#pragma once

#include "servers/ninep/file.h"

namespace portico::ninep {

/// One open object of a file, so that the file knows when the last one is closed.
class OpenedFile final : public file_server::Content {
public:
    explicit OpenedFile(std::shared_ptr<File> file) : file_(std::move(file)) {}
    OpenedFile(const OpenedFile&) = delete;
    OpenedFile& operator=(const OpenedFile&) = delete;
    ~OpenedFile() override { file_->closed(); }

    uint64_t size_bytes() const override { return file_->size_bytes(); }
    Result<uint64_t> read(file_server::Transfer& to, uint64_t offset, uint64_t length_bytes) override {
        return file_->read(to, offset, length_bytes);
    }
    Result<uint64_t> write(file_server::Transfer& from, uint64_t offset, uint64_t length_bytes) override {
        return file_->write(from, offset, length_bytes);
    }
    Result<> resize(uint64_t size_bytes) override { return file_->resize(size_bytes); }
    Result<> sync() override { return file_->sync(); }
    Result<OwnedHandle> memory(abi::Rights rights) override { return file_->memory(rights); }

private:
    std::shared_ptr<File> file_;
};

}  // namespace portico::ninep
