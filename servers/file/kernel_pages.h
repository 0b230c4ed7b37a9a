#pragma once

#include <unordered_map>

#include "runtime/pager.h"
#include "servers/file/kernel_memory.h"
#include "servers/file/pager.h"
#include "servers/file/pages.h"

namespace portico::file_server {

class KernelPageSource;

/// A file's pages in a paged memory object, mapped here while bytes of it are copied.
class KernelPages final : public Pages {
public:
    KernelPages(KernelPageSource& source, uint64_t badge, OwnedHandle sender, ipc::PagedMemory memory,
                std::unique_ptr<KernelMemory> mapping)
        : source_(source), badge_(badge), sender_(std::move(sender)), memory_(std::move(memory)), mapping_(std::move(mapping)) {}
    ~KernelPages() override;

    Result<> resize(uint64_t size_bytes) override { return mapping_->resize(size_bytes); }
    Result<std::byte*> map(uint64_t offset, uint64_t length_bytes) override { return mapping_->map(offset, length_bytes); }
    Result<> clear(uint64_t offset, uint64_t length_bytes) override;
    Result<> supply(uint64_t offset, std::span<std::byte> pages) override { return memory_.supply(offset, pages); }
    Result<> supply_zeros(uint64_t offset, uint64_t length_bytes) override { return memory_.supply_zeros(offset, length_bytes); }
    void refuse(uint64_t offset, uint64_t length_bytes) override { (void)memory_.refuse(offset, length_bytes); }
    Result<Bits> take_dirty(uint64_t offset, std::span<std::byte> landing, bool keep) override;
    Result<Bits> look_at(uint64_t offset, uint64_t length_bytes) override;
    Result<OwnedHandle> share(abi::Rights rights) override { return memory_.share(rights); }
    bool is_shared() const override;

private:
    KernelPageSource& source_;
    uint64_t badge_;
    OwnedHandle sender_;
    ipc::PagedMemory memory_;
    std::unique_ptr<KernelMemory> mapping_;
};

/// Makes them, and brings the kernel's messages about them to their owners: each has a badge at the server's port.
class KernelPageSource final : public PageSource, public Pager {
public:
    /// Errors: NoMemory.
    static Result<std::unique_ptr<KernelPageSource>> create(abi::Handle port, KernelMemorySource& mappings);

    Result<std::unique_ptr<Pages>> create(PageOwner& owner, uint64_t size_bytes) override;
    std::span<std::byte> buffer() override { return buffer_; }
    std::span<std::byte> landing() override { return landing_; }
    bool is_memory_short() override;

    void page_in(uint64_t badge, const abi::PageInWords& words) override;
    void page_out(uint64_t badge, const abi::PageOutWords& words) override;

private:
    friend class KernelPages;
    KernelPageSource(abi::Handle port, KernelMemorySource& mappings, std::span<std::byte> buffer, std::span<std::byte> landing)
        : port_(port), mappings_(mappings), buffer_(buffer), landing_(landing) {}

    abi::Handle port_;
    KernelMemorySource& mappings_;
    std::span<std::byte> buffer_, landing_;
    std::unordered_map<uint64_t, PageOwner*> owners_;
    uint64_t next_badge_ = kFirstBadge;
};

}  // namespace portico::file_server
