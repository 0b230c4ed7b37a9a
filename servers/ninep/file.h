#pragma once

#include "servers/file/paged_content.h"
#include "servers/ninep/node.h"

namespace portico::ninep {

/// A regular file of the host. What is read and mapped comes through pages of ours (PagedContent); what is written goes to the host before
/// the write is answered, and its pages go, to be read anew.
///
/// Freshness: opening the file asks the host for its attributes. If times or size differ from what the pages were read by, or the file was
/// changed so
///            shortly before that a second change might show the same time, all pages go.
/// Mappings:  pages written through them reach the host by sync, when the file is closed, every few seconds, and when memory is short.
/// Fids:      opened when they are needed, closed when nobody has the file open or mapped any more. They go on to work when the name has
/// gone. No name:   then the size is ours: what the host has behind backed_bytes_ is not the file's.
class File final : public Node, public file_server::PagedContent {
public:
    static constexpr uint64_t kSizeBytesMax = uint64_t{1} << 43;

    File(FileSystem& file_system, const HostAttributes& attributes);
    ~File() override;

    file_server::Attributes attributes() override;
    Result<std::shared_ptr<file_server::Content>> content() override { return open_content(file::kReadOnly); }
    Result<std::shared_ptr<file_server::Content>> open_content(uint32_t flags) override;
    bool is_mapped() const override { return is_shared(); }
    uint64_t evict(uint64_t pages_max) override { return PagedContent::evict(pages_max); }
    Result<> write_back() override { return write_back(0, ~uint64_t{0}, true); }
    Result<> keep_open() override;

    Result<uint64_t> read(file_server::Transfer& to, uint64_t offset, uint64_t length_bytes) override;
    Result<uint64_t> write(file_server::Transfer& from, uint64_t offset, uint64_t length_bytes) override;
    Result<> resize(uint64_t size_bytes) override;
    Result<OwnedHandle> memory(abi::Rights rights) override;
    Result<> sync() override;
    void page_out(uint64_t offset, uint64_t length_bytes) override;

    /// It was made, with a fid that may read and write.
    void created(OwnedFid open);
    /// An open object has gone.
    void closed();
    /// Every few seconds while it is busy.
    void tick();

private:
    /// What tells one state of a file's bytes from another.
    struct Version {
        int64_t modify_ns = 0, change_ns = 0;
        uint64_t size_bytes = 0;
        uint32_t number = 0;
        bool operator==(const Version&) const = default;
    };
    static Version version_of(const HostAttributes& attributes);

    void observe(const HostAttributes& now) override;
    void drop_pages(uint64_t first_page, uint64_t end_page);
    void start_anew(uint64_t size_bytes);
    Result<> set_pages(uint64_t size_bytes);
    Result<Fid> reader();
    Result<Fid> writer();
    Result<Fid> open(OwnedFid& kept, uint32_t flags);
    void close_fids();
    Result<uint64_t> write_bytes(uint64_t offset, std::span<const std::byte> bytes);
    Result<> write_part_of(uint64_t offset, std::span<const std::byte> bytes, uint64_t& done);
    Result<> fill_gap(uint64_t end);

    Result<> read_run(uint64_t page, uint64_t page_count) override;
    Result<> write_out(uint64_t first_page, uint64_t dirty) override;
    Result<> write_back(uint64_t first_page, uint64_t end_page, bool keep);
    Result<> begin_writing() override { return {}; }
    void make_room() override;
    void count_pages(uint64_t count) override;

    OwnedFid reader_, writer_, both_;
    unsigned opens_ = 0;
    Version version_;
    bool is_settled_ = false;
    bool is_written_by_mapping_ = false;  // somebody may
    uint64_t backed_bytes_ = ~uint64_t{0};
    uint64_t present_end_ = 0;  // no page behind it was read in: the host may say that a file is as large as it likes
};

}  // namespace portico::ninep
