#include "servers/ext4/file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "servers/ext4/file_system.h"

namespace portico::ext4 {
namespace {

constexpr uint64_t kPage = kBlockBytes;
static_assert(kPage == Pages::kPageBytes);
constexpr uint64_t kSpareBlocks = 64;    // kept for the extents of promised blocks
constexpr uint64_t kPromisedMax = 8192;  // of one file: then its pages are written, so that the list stays short

uint64_t stored_size(const Inode& inode) {
    return EXT2_I_SIZE(&inode);
}

}  // namespace

File::File(FileSystem& file_system, InodeNumber number, const Inode& inode)
    : Node(file_system, number, inode, Kind::File), PagedContent(file_system.pages(), std::min(stored_size(inode), kSizeBytesMax)) {}

File::~File() {
    break_promises(0);
    ext4().remove_dirty(*this);
}

Attributes File::attributes() {
    Attributes now = Node::attributes();
    now.size_bytes = size_bytes_;
    now.blocks_512 += promised_.size() * (kPage / 512);
    return now;
}

Result<std::shared_ptr<file_server::Content>> File::content() {
    return std::shared_ptr<file_server::Content>(shared_from_this(), static_cast<file_server::Content*>(this));
}

// ---- reading

Result<uint64_t> File::read(file_server::Transfer& to, uint64_t offset, uint64_t length_bytes) {
    const uint64_t done = TRY(PagedContent::read(to, offset, length_bytes));
    // As "relatime" mounts do.
    if (done != 0 && !volume().read_only() &&
        time_of(inode_.i_atime, inode_.i_atime_extra) <= time_of(inode_.i_mtime, inode_.i_mtime_extra)) {
        set_time(inode_.i_atime, inode_.i_atime_extra, file_server::realtime_ns());
        is_changed_ = true;
        ext4().add_dirty(*this);
    }
    return done;
}

Result<> File::read_run(uint64_t page, uint64_t page_count) {
    while (page_count > 0) {
        const Extent extent = TRY(volume().extent_at(number_, inode_, page));
        const uint64_t count = std::min({page_count, extent.count, kAtOnce});
        if (extent.start == 0 || !extent.written) {
            TRY(pages_->supply_zeros(page * kPage, count * kPage));
        } else {
            const std::span<std::byte> buffer = source_.buffer().first(count * kPage);
            if (const Result<> read = volume().read_data(extent.start, buffer); !read) {
                if (count == 1 || read.error() != Error::IoError) return read;
                for (uint64_t i = 0; i < count; ++i) TRY(read_run(page + i, 1));  // only those that are bad shall fail
            } else {
                const uint64_t end = size_bytes_ - std::min(size_bytes_, page * kPage);
                if (end < buffer.size()) std::memset(buffer.data() + end, 0, buffer.size() - end);
                TRY(pages_->supply(page * kPage, buffer));
            }
        }
        page += count;
        page_count -= count;
    }
    return {};
}

// ---- writing

Result<> File::promise(uint64_t first_page, uint64_t page_count) {
    uint64_t free = volume().free_blocks_count();
    for (uint64_t page = first_page; page < first_page + page_count;) {
        const Extent extent = TRY(volume().extent_at(number_, inode_, page));
        const uint64_t count = std::min(extent.count, first_page + page_count - page);
        for (uint64_t i = 0; extent.start == 0 && i < count; ++i) {
            if (promised_.contains(page + i)) continue;
            if (free < volume().promised + kSpareBlocks) {
                TRY(volume().commit());  // gives back what was freed
                TRY(volume().begin());
                free = volume().free_blocks_count();
                if (free < volume().promised + kSpareBlocks) return fail(Error::NoSpace);
            }
            promised_.insert(page + i);
            ++volume().promised;
        }
        page += count;
    }
    return {};
}

void File::break_promises(uint64_t first_page) {
    const auto first = promised_.lower_bound(first_page);
    volume().promised -= static_cast<uint64_t>(std::distance(first, promised_.end()));
    promised_.erase(first, promised_.end());
}

/// The last page may hold what a mapping wrote behind the end.
Result<> File::grow(uint64_t size_bytes) {
    Pages& pages = *TRY(this->pages());
    const uint64_t tail = pages_of(size_bytes_) * kPage - size_bytes_;
    if (tail != 0)
        if (const Result<> cleared = pages.clear(size_bytes_, tail); !cleared && cleared.error() != Error::WouldBlock) return cleared;
    if (pages_of(size_bytes) != pages_of(size_bytes_)) TRY(pages.resize(pages_of(size_bytes) * kPage));
    size_bytes_ = size_bytes;
    return {};
}

Result<uint64_t> File::write(file_server::Transfer& from, uint64_t offset, uint64_t length_bytes) {
    length_bytes = std::min(length_bytes, kTransferBytesMax);
    if (length_bytes == 0) return 0;
    if (offset >= kSizeBytesMax) return fail(Error::TooLarge);
    length_bytes = std::min(length_bytes, kSizeBytesMax - offset);
    TRY(volume().begin());
    Pages& pages = *TRY(this->pages());
    if (promised_.size() > kPromisedMax) TRY(write_back());
    const uint64_t old_size_bytes = size_bytes_, end = offset + length_bytes;
    const uint64_t first_page = offset / kPage, end_page = pages_of(end);
    TRY(promise(first_page, end_page - first_page));
    count_pages(end_page - first_page);
    Result<> done = end > size_bytes_ ? grow(end) : Result<>{};
    if (done) {
        mark_dirty(first_page, end_page);
        done = with_pages(offset, length_bytes, [&]() -> Result<> {
            std::byte* const address = TRY(pages.map(offset, length_bytes));
            return from.get(0, {address, length_bytes});
        });
    }
    if (!done) {
        if (size_bytes_ > old_size_bytes) TRY(resize(old_size_bytes));
        return fail(done.error() == Error::NoMemory ? Error::NoSpace : done.error());
    }
    touch_modified();
    is_changed_ = true;
    return length_bytes;
}

void File::mark_dirty(uint64_t first_page, uint64_t end_page) {
    dirty_first_ = std::min(dirty_first_, first_page);
    dirty_end_ = std::max(dirty_end_, end_page);
    ext4().add_dirty(*this);
}

Result<> File::resize(uint64_t size_bytes) {
    if (size_bytes > kSizeBytesMax) return fail(Error::TooLarge);
    TRY(volume().begin());
    Pages& pages = *TRY(this->pages());
    if (size_bytes < size_bytes_) {
        // Behind the new end there must be zeros on the disk too, for when the file grows again.
        const uint64_t tail = pages_of(size_bytes) * kPage - size_bytes;
        if (tail != 0) {
            TRY(with_pages(size_bytes, tail, [&] { return pages.clear(size_bytes, tail); }));
            mark_dirty(size_bytes / kPage, pages_of(size_bytes));
        }
        TRY(pages.resize(pages_of(size_bytes) * kPage));
        size_bytes_ = size_bytes;
        break_promises(pages_of(size_bytes));
        TRY(volume().free_blocks(number_, inode_, pages_of(size_bytes)));
    } else if (size_bytes > size_bytes_) {
        TRY(grow(size_bytes));
    }
    touch_modified();
    TRY(check(ext2fs_inode_size_set(volume().library(), reinterpret_cast<ext2_inode*>(&inode_), static_cast<ext2_off64_t>(size_bytes_))));
    return store();
}

Result<OwnedHandle> File::memory(abi::Rights rights) {
    Pages& pages = *TRY(this->pages());
    if (abi::has(rights, abi::Rights::Write)) {
        TRY(volume().begin());
        is_written_by_mapping_ = true;
        ext4().add_dirty(*this);
    }
    return pages.share(rights);
}

// ---- writing back

Result<> File::write_back(uint64_t first_page, uint64_t end_page, bool keep) {
    const bool is_mapped_to_write = is_written_by_mapping_ && pages_;
    const bool is_whole = first_page == 0 && end_page == ~uint64_t{0};
    const uint64_t pages_end = pages_of(size_bytes_);
    if (is_whole) {
        first_page = is_mapped_to_write ? 0 : std::min(dirty_first_, dirty_end_);
        end_page = is_mapped_to_write ? pages_end : dirty_end_;
    }
    end_page = std::min(end_page, pages_end);
    if (removed() && is_whole) {  // nobody will read them from the disk
        ext4().remove_dirty(*this);
        return {};
    }
    if (pages_ && (is_changed_ || first_page < end_page)) TRY(volume().begin());
    for (uint64_t page = first_page; pages_ && page < end_page; page += kAtOnce)
        TRY(write_part(page, std::min(end_page - page, kAtOnce), keep));
    if (is_whole) {
        dirty_first_ = ~uint64_t{0};
        dirty_end_ = 0;
        is_written_by_mapping_ = is_mapped();
        if (is_changed_ || stored_size(inode_) != size_bytes_) {
            TRY(volume().begin());
            TRY(check(
                ext2fs_inode_size_set(volume().library(), reinterpret_cast<ext2_inode*>(&inode_), static_cast<ext2_off64_t>(size_bytes_))));
            TRY(store());
            is_changed_ = false;
        }
        if (!is_written_by_mapping_) ext4().remove_dirty(*this);
    }
    if (lost_ != Error::None) return fail(std::exchange(lost_, Error::None));
    return {};
}

Result<> File::begin_writing() {
    return volume().read_only() ? Result<>{} : volume().begin();
}

void File::make_room() {
    ext4().make_room();
}

void File::count_pages(uint64_t count) {
    ext4().count_pages(count);
}

/// Pages that have landed, bit N of `dirty` is page N: neighbours on the disk in one request.
Result<> File::write_out(uint64_t first_page, uint64_t dirty) {
    const std::span<std::byte> landing = source_.landing();
    const uint64_t tail = size_bytes_ - std::min(size_bytes_, first_page * kPage);
    if (tail < landing.size()) std::memset(landing.data() + tail, 0, (kPage - tail % kPage) % kPage);
    Result<> outcome;
    while (dirty != 0) {
        const auto first = static_cast<uint64_t>(std::countr_zero(dirty));
        const auto run = static_cast<uint64_t>(std::countr_one(dirty >> first));
        uint64_t start = 0, count = 0;
        for (; count < run; ++count) {
            const Result<uint64_t> place = volume().allocate(number_, inode_, first_page + first + count);
            if (!place) {
                if (count == 0) outcome = fail(place.error());
                break;
            }
            if (count == 0) start = *place;
            if (*place != start + count) break;
        }
        for (uint64_t i = 0; i < count; ++i) volume().promised -= promised_.erase(first_page + first + i);
        if (count != 0)
            if (const Result<> written = volume().write_data(start, landing.subspan(first * kPage, count * kPage)); !written)
                outcome = written;
        for (uint64_t i = 0; i < std::max<uint64_t>(count, 1); ++i) dirty &= ~(uint64_t{1} << (first + i));
    }
    return outcome;
}

void File::page_out(uint64_t offset, uint64_t length_bytes) {
    const Result<> written = write_back(offset / kPage, pages_of(offset + length_bytes), false);
    if (!written && lost_ == Error::None) lost_ = written.error();
}

Result<> File::sync() {
    const Result<> written = write_back();
    TRY(volume().commit());
    return written;
}

}  // namespace portico::ext4
