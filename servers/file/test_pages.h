#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <set>
#include <vector>

#include "servers/file/content.h"
#include "servers/file/pages.h"

/// Fakes for the tests on the host: pages that come and go as the kernel's do, and a caller that copies from and to them.
namespace portico::file_server {

class TestPages final : public Pages {
public:
    static constexpr uint64_t kBytesMax = uint64_t{64} << 20;

    explicit TestPages(std::list<TestPages*>& all, PageOwner& owner, uint64_t size_bytes) : owner(owner), all_(all) {
        bytes.resize(size_bytes);
        all_.push_back(this);
    }
    ~TestPages() override { all_.remove(this); }

    Result<> resize(uint64_t size_bytes) override {
        if (size_bytes > kBytesMax) return fail(Error::NoMemory);
        bytes.resize(size_bytes);
        for (std::set<uint64_t>* const pages : {&present, &dirty}) pages->erase(pages->lower_bound(size_bytes / kPageBytes), pages->end());
        return {};
    }
    Result<std::byte*> map(uint64_t offset, uint64_t length_bytes) override {
        if (offset + length_bytes > bytes.size()) return fail(Error::TooLarge);
        return bytes.data() + offset;
    }
    Result<> clear(uint64_t offset, uint64_t length_bytes) override {
        TRY(touch(bytes.data() + offset, length_bytes, true));
        std::memset(bytes.data() + offset, 0, length_bytes);
        return {};
    }
    Result<> supply(uint64_t offset, std::span<std::byte> pages) override {
        for (uint64_t done = 0; done < pages.size(); done += kPageBytes) {
            if (present.insert((offset + done) / kPageBytes).second)
                std::memcpy(bytes.data() + offset + done, pages.data() + done, kPageBytes);
        }
        std::ranges::fill(pages, std::byte{0});
        return {};
    }
    Result<> supply_zeros(uint64_t offset, uint64_t length_bytes) override {
        std::vector<std::byte> zeros(length_bytes);
        return supply(offset, zeros);
    }
    void refuse(uint64_t offset, uint64_t) override { refused.insert(offset / kPageBytes); }
    Result<Bits> take_dirty(uint64_t offset, std::span<std::byte> landing, bool keep) override {
        const Bits bits = TRY(look_at(offset, landing.size()));
        for (uint64_t i = 0; i < landing.size() / kPageBytes; ++i) {
            const uint64_t page = offset / kPageBytes + i;
            if (dirty.erase(page) != 0) std::memcpy(landing.data() + i * kPageBytes, bytes.data() + page * kPageBytes, kPageBytes);
            if (!keep) present.erase(page);
        }
        return bits;
    }
    Result<Bits> look_at(uint64_t offset, uint64_t length_bytes) override {
        if (length_bytes > kPagesAtOnce * kPageBytes || offset + length_bytes > bytes.size()) return fail(Error::InvalidArgument);
        Bits bits;
        for (uint64_t i = 0; i < length_bytes / kPageBytes; ++i) {
            bits.present |= static_cast<uint64_t>(present.contains(offset / kPageBytes + i)) << i;
            bits.dirty |= static_cast<uint64_t>(dirty.contains(offset / kPageBytes + i)) << i;
        }
        return bits;
    }
    Result<OwnedHandle> share(abi::Rights) override { return fail(Error::NotSupported); }
    bool is_shared() const override { return shared; }

    bool contains(const std::byte* address) const { return address >= bytes.data() && address < bytes.data() + bytes.size(); }
    /// What the kernel does before it copies.
    Result<> touch(const std::byte* address, uint64_t length_bytes, bool writes) {
        const auto offset = static_cast<uint64_t>(address - bytes.data());
        for (uint64_t page = offset / kPageBytes; page * kPageBytes < offset + length_bytes; ++page) {
            if (!present.contains(page)) return fail(Error::WouldBlock);
            if (writes) dirty.insert(page);
        }
        return {};
    }
    /// A program's access through a mapping.
    void access(uint64_t offset, std::string_view text) {
        const uint64_t page = offset / kPageBytes;
        if (!present.contains(page)) owner.page_in(page * kPageBytes, kPageBytes);
        ASSERT_TRUE(touch(bytes.data() + offset, text.size(), true));
        std::memcpy(bytes.data() + offset, text.data(), text.size());
    }
    /// The kernel is short of memory.
    void evict() {
        for (uint64_t page = 0; page < bytes.size() / kPageBytes; ++page) {
            if (dirty.contains(page)) owner.page_out(page * kPageBytes, kPageBytes);
            if (!dirty.contains(page)) present.erase(page);
        }
    }

    PageOwner& owner;
    std::vector<std::byte> bytes;
    std::set<uint64_t> present, dirty, refused;
    bool shared = false;

private:
    std::list<TestPages*>& all_;
};

class TestPageSource final : public PageSource {
public:
    Result<std::unique_ptr<Pages>> create(PageOwner& owner, uint64_t size_bytes) override {
        if (size_bytes > TestPages::kBytesMax) return fail(Error::NoMemory);
        return std::make_unique<TestPages>(all, owner, size_bytes);
    }
    std::span<std::byte> buffer() override { return buffer_; }
    std::span<std::byte> landing() override { return landing_; }
    TestPages* at(const std::byte* address) {
        for (TestPages* const pages : all)
            if (pages->contains(address)) return pages;
        return nullptr;
    }
    void evict_all() {
        for (TestPages* const pages : all) pages->evict();
    }

    bool is_memory_short() override { return is_short; }

    std::list<TestPages*> all;
    bool is_short = false;

private:
    std::vector<std::byte> buffer_ = std::vector<std::byte>(Pages::kPagesAtOnce * Pages::kPageBytes), landing_ = buffer_;
};

class TestTransfer final : public Transfer {
public:
    TestTransfer(TestPageSource& source, std::string text = {}) : bytes(std::move(text)), source_(source) {}
    Result<> put(uint64_t at, std::span<const std::byte> from) override {
        if (is_absent) return fail(Error::WouldBlock);
        TRY(source_.at(from.data())->touch(from.data(), from.size(), false));
        if (bytes.size() < at + from.size()) bytes.resize(at + from.size());
        std::memcpy(bytes.data() + at, from.data(), from.size());
        return {};
    }
    Result<> get(uint64_t at, std::span<std::byte> to) override {
        if (is_absent) return fail(Error::WouldBlock);
        TRY(source_.at(to.data())->touch(to.data(), to.size(), true));
        std::memcpy(to.data(), bytes.data() + at, to.size());
        return {};
    }
    std::string bytes;
    bool is_absent = false;  ///< the caller's own memory

private:
    TestPageSource& source_;
};

}  // namespace portico::file_server
