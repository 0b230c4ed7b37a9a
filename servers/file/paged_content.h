#pragma once

#include "servers/file/content.h"
#include "servers/file/pages.h"

namespace portico::file_server {

/// The bytes of a file in pages that this server pages in and out, so that reads, writes, mappings and programs see the same. Where pages
/// come from and go to is the file system's part: the virtual functions at the end.
///
/// The server may not wait for itself: a copy that meets an absent page of the file fails (WouldBlock). Then the page is read in, and the
/// copy made again.
class PagedContent : public Content, public PageOwner {
public:
    static constexpr uint64_t kPageBytes = Pages::kPageBytes, kAtOnce = Pages::kPagesAtOnce;
    static constexpr uint64_t pages_of(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

    uint64_t size_bytes() const override { return size_bytes_; }
    Result<uint64_t> read(Transfer& to, uint64_t offset, uint64_t length_bytes) override;

    /// Whether some process has them mapped, or may.
    bool is_shared() const { return pages_ && pages_->is_shared(); }
    /// Takes up to so many pages out of memory, dirty ones by way of where they belong, and tells how many.
    uint64_t evict(uint64_t pages_max);

    void page_in(uint64_t offset, uint64_t length_bytes) override;

protected:
    PagedContent(PageSource& source, uint64_t size_bytes) : source_(source), size_bytes_(size_bytes) {}

    Result<Pages*> pages();
    /// Does what copies to or from the pages of a range; where one is absent it is read in, and it is done again.
    template <class Copy>
    Result<> with_pages(uint64_t offset, uint64_t length_bytes, Copy copy) {
        for (unsigned tries = 0;; ++tries) {
            const Result<> done = copy();
            if (done || !TRY(prepare_again(done.error(), offset, length_bytes, tries))) return done;
        }
    }
    Result<> read_in(uint64_t first_page, uint64_t page_count);
    /// Has dirty ones of at most kAtOnce pages written; tells how many were there.
    Result<uint64_t> write_part(uint64_t page, uint64_t count, bool keep);

    /// Supplies a run of absent pages.
    virtual Result<> read_run(uint64_t page, uint64_t page_count) = 0;
    /// Writes pages that have landed, bit N of `dirty` is page first_page + N.
    virtual Result<> write_out(uint64_t first_page, uint64_t dirty) = 0;
    /// Before pages that may be dirty are taken out of memory.
    virtual Result<> begin_writing() = 0;
    virtual void make_room() = 0;
    virtual void count_pages(uint64_t count) = 0;

    PageSource& source_;
    std::unique_ptr<Pages> pages_;
    uint64_t size_bytes_;
    uint64_t read_end_ = 0;     // where the last read ended: who goes on there gets more at once
    Error lost_ = Error::None;  // why a page was not written; told once

private:
    static constexpr unsigned kTriesMax = 3;
    /// After a copy that failed: whether to make it again.
    Result<bool> prepare_again(Error error, uint64_t offset, uint64_t length_bytes, unsigned tries);

    uint64_t evicted_end_ = 0;  // where evict goes on
};

}  // namespace portico::file_server
