#include "servers/file/tmp_file.h"

#include <algorithm>

#include "servers/file/tmp_file_system.h"

namespace portico::file_server {

MemorySource& TmpFile::source() const {
    return static_cast<TmpFileSystem&>(file_system()).memory();
}

Attributes TmpFile::attributes() {
    Attributes now = attributes_;
    now.size_bytes = size_bytes_;
    const uint64_t stored_bytes = memory_ ? memory_->resident_bytes() : archived_.size();
    now.blocks_512 = (stored_bytes + 4095) / 4096 * 8;
    return now;
}

Result<std::shared_ptr<Content>> TmpFile::content() {
    return std::shared_ptr<Content>(shared_from_this(), static_cast<Content*>(this));
}

Result<FileMemory*> TmpFile::own_memory() {
    if (!memory_) {
        TRY(source().admit(archived_.size()));
        memory_ = archived_.empty() ? TRY(source().create()) : TRY(source().copy_of_archive(archived_));
        archived_ = {};
        source().note_owner(memory_->id(), weak_from_this());
    }
    return memory_.get();
}

Result<uint64_t> TmpFile::read(Transfer& to, uint64_t offset, uint64_t length_bytes) {
    // As "relatime" mounts do: tell reads since the last change, but do not keep every one.
    if (attributes_.access_ns <= attributes_.modify_ns) attributes_.access_ns = realtime_ns();
    if (offset >= size_bytes_) return 0;
    length_bytes = std::min({length_bytes, size_bytes_ - offset, kTransferBytesMax});
    if (length_bytes == 0) return 0;
    if (!memory_) {
        TRY(to.put(0, archived_.subspan(offset, length_bytes)));
    } else {
        const std::byte* const address = TRY(memory_->map(offset, length_bytes));
        TRY(to.put(0, {address, length_bytes}));
    }
    return length_bytes;
}

Result<uint64_t> TmpFile::write(Transfer& from, uint64_t offset, uint64_t length_bytes) {
    length_bytes = std::min(length_bytes, kTransferBytesMax);
    if (length_bytes == 0) return 0;
    if (offset >= kSizeBytesMax) return fail(Error::TooLarge);
    length_bytes = std::min(length_bytes, kSizeBytesMax - offset);
    TRY(source().admit(length_bytes));
    FileMemory& memory = *TRY(own_memory());
    const uint64_t old_size_bytes = size_bytes_;
    const uint64_t end = offset + length_bytes;
    if (end > old_size_bytes) TRY(memory.resize(end));
    const Result<> copied = [&]() -> Result<> {
        std::byte* const address = TRY(memory.map(offset, length_bytes));
        return from.get(0, {address, length_bytes});
    }();
    if (!copied) {
        if (end > old_size_bytes) TRY(memory.resize(old_size_bytes));
        return fail(copied.error() == Error::NoMemory ? Error::NoSpace : copied.error());
    }
    size_bytes_ = std::max(old_size_bytes, end);
    touch_modified();
    return length_bytes;
}

Result<> TmpFile::resize(uint64_t size_bytes) {
    if (size_bytes > kSizeBytesMax) return fail(Error::TooLarge);
    if (size_bytes != size_bytes_) {
        if (!memory_ && size_bytes < archived_.size()) {
            archived_ = archived_.first(size_bytes);
        } else {
            FileMemory& memory = *TRY(own_memory());
            TRY(memory.resize(size_bytes));
        }
        size_bytes_ = size_bytes;
    }
    touch_modified();
    return {};
}

Result<OwnedHandle> TmpFile::memory(abi::Rights rights) {
    FileMemory& memory = *TRY(own_memory());
    return memory.share(rights);
}

}  // namespace portico::file_server
