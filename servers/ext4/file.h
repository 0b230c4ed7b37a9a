#pragma once

#include <set>

#include "servers/ext4/node.h"
#include "servers/file/paged_content.h"

namespace portico::ext4 {

/// A regular file.
///
/// Size:   the inode's is behind `size_bytes_` until the pages are written, so that a crash never shows bytes that were not.
/// Room:   a page that is written and has no block yet is promised one (`promised_`), so NoSpace comes to who writes, not later. Pages
///         written through a mapping have no such promise: if there is no room when they are written back, their bytes are lost and
///         sync tells.
class File final : public Node, public file_server::PagedContent {
public:
    static constexpr uint64_t kSizeBytesMax = uint64_t{1} << 43;

    File(FileSystem& file_system, InodeNumber number, const Inode& inode);
    ~File() override;

    Attributes attributes() override;
    Result<std::shared_ptr<file_server::Content>> content() override;
    bool is_mapped() const override { return is_shared(); }
    uint64_t evict(uint64_t pages_max) override { return PagedContent::evict(pages_max); }
    Result<> write_back() override { return write_back(0, ~uint64_t{0}, true); }

    Result<uint64_t> read(file_server::Transfer& to, uint64_t offset, uint64_t length_bytes) override;
    Result<uint64_t> write(file_server::Transfer& from, uint64_t offset, uint64_t length_bytes) override;
    Result<> resize(uint64_t size_bytes) override;
    Result<OwnedHandle> memory(abi::Rights rights) override;
    Result<> sync() override;

    void page_out(uint64_t offset, uint64_t length_bytes) override;

private:
    Result<> read_run(uint64_t page, uint64_t page_count) override;
    Result<> write_out(uint64_t first_page, uint64_t dirty) override;
    Result<> begin_writing() override;
    void make_room() override;
    void count_pages(uint64_t count) override;
    Result<> promise(uint64_t first_page, uint64_t page_count);
    void break_promises(uint64_t first_page);
    Result<> grow(uint64_t size_bytes);
    Result<> write_back(uint64_t first_page, uint64_t end_page, bool keep);
    void mark_dirty(uint64_t first_page, uint64_t end_page);

    std::set<uint64_t> promised_;
    uint64_t dirty_first_ = ~uint64_t{0}, dirty_end_ = 0;  // pages that may be dirty, besides those written through mappings
    bool is_written_by_mapping_ = false;                   // somebody may
    bool is_changed_ = false;                              // the inode is to be written
};

}  // namespace portico::ext4
