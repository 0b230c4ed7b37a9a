#include "servers/ninep/file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "servers/ninep/file_system.h"
#include "servers/ninep/opened_file.h"

namespace portico::ninep {
namespace {

constexpr uint64_t kPage = file_server::Pages::kPageBytes;
constexpr int64_t kSettledNs = 2'000'000'000;  // clocks of file systems tick, and ours is up to a second behind the host's
constexpr int64_t kJustNowNs = 2'000'000;      // the lookup of the same open
constexpr int64_t kFreshNs = 50'000'000;       // as Node: at the end of a file one asks no more often whether it grew

/// A file that has gone from under its users.
Error as_stale(Error error) {
    return error == Error::NotFound || error == Error::NotDirectory ? Error::IoError : error;
}

}  // namespace

File::File(FileSystem& file_system, const HostAttributes& attributes)
    : Node(file_system, attributes, Kind::File),
      PagedContent(file_system.pages(), std::min(attributes.size_bytes, kSizeBytesMax)),
      version_(version_of(attributes)) {}

File::~File() {
    ninep().remove_busy(*this);
}

File::Version File::version_of(const HostAttributes& attributes) {
    return {.modify_ns = nanoseconds_of(attributes.modify),
            .change_ns = nanoseconds_of(attributes.change),
            .size_bytes = attributes.size_bytes,
            .number = attributes.qid.version};
}

file_server::Attributes File::attributes() {
    file_server::Attributes now = Node::attributes();
    now.size_bytes = size_bytes_;
    return now;
}

// ---- what the host has

void File::observe(const HostAttributes& now) {
    Node::observe(now);
    const Version seen = version_of(now);
    if (seen != version_) start_anew(now.size_bytes);
    version_ = seen;
}

/// The file is another than our pages say. What was written through mappings is the newest all the same.
void File::start_anew(uint64_t size_bytes) {
    const uint64_t old_pages = pages_of(size_bytes_);
    size_bytes = std::min(size_bytes, kSizeBytesMax);
    size_bytes_ = std::min(size_bytes_, size_bytes);
    if (const Result<> kept = write_back(); !kept) lost_ = kept.error();
    drop_pages(0, old_pages);
    if (pages_ && pages_of(size_bytes) != old_pages && !pages_->resize(pages_of(size_bytes) * kPage)) return;  // the rest cannot be mapped
    size_bytes_ = size_bytes;
    is_settled_ = false;
}

/// What is dirty of them is written first; the object has them all.
void File::drop_pages(uint64_t first_page, uint64_t end_page) {
    const bool all = first_page == 0 && end_page >= present_end_;
    end_page = std::min(end_page, present_end_);
    for (uint64_t page = first_page; pages_ && page < end_page; page += kAtOnce) {
        const Result<uint64_t> gone = write_part(page, std::min(end_page - page, kAtOnce), false);
        if (!gone) lost_ = gone.error();
    }
    if (all) present_end_ = 0;
    read_end_ = 0;
}

Result<std::shared_ptr<file_server::Content>> File::open_content(uint32_t flags) {
    const bool writes = (flags & file::kAccessMode) != file::kReadOnly || (flags & file::kTruncate) != 0;
    if (writes && ninep().read_only()) return fail(Error::ReadOnly);
    TRY(refresh(kJustNowNs));
    if (!removed()) {
        if (!is_settled_) start_anew(host_.size_bytes);
        const int64_t age_ns = file_server::realtime_ns() - version_.modify_ns;
        is_settled_ = age_ns > kSettledNs;
    }
    if ((flags & file::kAccessMode) != file::kWriteOnly) TRY(reader());
    if (writes) TRY(writer());
    ++opens_;
    return std::make_shared<OpenedFile>(std::static_pointer_cast<File>(std::static_pointer_cast<Node>(shared_from_this())));
}

// ---- fids

void File::created(OwnedFid open) {
    both_ = std::move(open);
    ninep().add_busy(*this);
}

Result<Fid> File::reader() {
    return both_.is_current() ? both_.get() : open(reader_, file::kReadOnly);
}

Result<Fid> File::writer() {
    return both_.is_current() ? both_.get() : open(writer_, file::kWriteOnly);
}

Result<Fid> File::open(OwnedFid& kept, uint32_t flags) {
    if (kept.is_current()) return kept.get();
    return ninep().repeat([&](bool) -> Result<Fid> {
        const Result<Fid> named = removed() ? fail(Error::IoError) : ninep().fid_of(*this);
        if (!named) return fail(as_stale(named.error()));
        Qid qid;
        OwnedFid opened = TRY(ninep().session().walk(*named, {}, qid));
        TRY(ninep().session().open(opened.get(), flags));
        kept = std::move(opened);
        ninep().add_busy(*this);
        return kept.get();
    });
}

void File::close_fids() {
    for (OwnedFid* const fid : {&reader_, &writer_, &both_}) fid->reset();
}

Result<> File::keep_open() {
    if (opens_ > 0 || is_shared()) TRY(reader());
    return write_back();
}

void File::closed() {
    if (--opens_ > 0) return;
    if (const Result<> kept = write_back(); !kept) lost_ = kept.error();
    if (!is_shared()) close_fids();
}

void File::tick() {
    if (const Result<> kept = write_back(); !kept) lost_ = kept.error();
    if (opens_ > 0 || is_shared()) return;
    close_fids();
    ninep().remove_busy(*this);
}

// ---- reading

Result<uint64_t> File::read(file_server::Transfer& to, uint64_t offset, uint64_t length_bytes) {
    if (offset + length_bytes > size_bytes_) (void)refresh(kFreshNs);  // it may have grown
    return PagedContent::read(to, offset, length_bytes);
}

Result<> File::read_run(uint64_t page, uint64_t page_count) {
    present_end_ = std::max(present_end_, page + page_count);
    for (uint64_t done = 0; done < page_count;) {
        const uint64_t count = std::min(page_count - done, kAtOnce), offset = (page + done) * kPage, wanted = count * kPage;
        const uint64_t valid = std::min(size_bytes_, backed_bytes_) - std::min({size_bytes_, backed_bytes_, offset});
        const std::span<std::byte> buffer = source_.buffer().first(wanted);
        uint64_t got = 0;
        while (got < std::min(valid, wanted)) {
            const std::span<std::byte> data = TRY(ninep().repeat([&](bool) -> Result<std::span<std::byte>> {
                const Fid fid = TRY(reader());
                return ninep().session().read(fid, offset + got, wanted - got);
            }));
            if (data.empty()) break;  // the host's file is shorter by now
            if (data.size() == wanted && valid >= wanted) {
                TRY(pages_->supply(offset, data));
                got = wanted;
                break;
            }
            std::memcpy(buffer.data() + got, data.data(), data.size());
            got += data.size();
            if (got == wanted && valid >= wanted) TRY(pages_->supply(offset, buffer));
        }
        if (got < wanted || valid < wanted) {
            const uint64_t end = std::min(got, valid);
            std::memset(buffer.data() + end, 0, wanted - end);
            TRY(pages_->supply(offset, buffer));
        }
        done += count;
    }
    return {};
}

// ---- writing

Result<uint64_t> File::write_bytes(uint64_t offset, std::span<const std::byte> bytes) {
    outdated();
    return ninep().repeat([&](bool) -> Result<uint64_t> {
        const Fid fid = TRY(writer());
        const uint64_t count = TRY(ninep().session().write(fid, offset, bytes));
        return count != 0 ? Result<uint64_t>(count) : fail(Error::IoError);
    });
}

Result<uint64_t> File::write(file_server::Transfer& from, uint64_t offset, uint64_t length_bytes) {
    if (ninep().read_only()) return fail(Error::ReadOnly);
    length_bytes = std::min(length_bytes, kTransferBytesMax);
    if (length_bytes == 0) return 0;
    if (offset >= kSizeBytesMax) return fail(Error::TooLarge);
    length_bytes = std::min(length_bytes, kSizeBytesMax - offset);
    if (removed()) TRY(fill_gap(offset));
    uint64_t done = 0;
    Result<> outcome;
    while (outcome && done < length_bytes) {
        const std::span<std::byte> part = source_.buffer().first(std::min<uint64_t>(length_bytes - done, source_.buffer().size()));
        outcome = from.get(done, part);
        if (outcome) outcome = write_part_of(offset + done, part, done);
    }
    if (done > 0) return done;
    return fail(outcome.error() == Error::WouldBlock ? Error::BadAddress : outcome.error());
}

/// Our pages of these bytes go first: then no mapping can have them changed before the host has the new ones.
Result<> File::write_part_of(uint64_t offset, std::span<const std::byte> bytes, uint64_t& done) {
    drop_pages(offset / kPage, std::min(pages_of(offset + bytes.size()), pages_of(size_bytes_)));
    while (!bytes.empty()) {
        const uint64_t count = TRY(write_bytes(offset, bytes));
        if (removed()) backed_bytes_ = std::max(std::min(backed_bytes_, size_bytes_), offset + count);
        bytes = bytes.subspan(count);
        offset += count;
        done += count;
        if (offset > size_bytes_) TRY(set_pages(offset));
    }
    return {};
}

/// The size is another: the last page goes, for behind the end are zeros.
Result<> File::set_pages(uint64_t size_bytes) {
    const uint64_t edge = std::min(size_bytes, size_bytes_);
    if (edge % kPage != 0) drop_pages(edge / kPage, edge / kPage + 1);
    if (pages_ && pages_of(size_bytes) != pages_of(size_bytes_)) TRY(pages_->resize(pages_of(size_bytes) * kPage));
    size_bytes_ = size_bytes;
    return {};
}

/// Without a name the host's file cannot be cut off: what it has where ours has nothing is overwritten.
Result<> File::fill_gap(uint64_t end) {
    static constexpr std::array<std::byte, 16 << 10> kZeros{};
    while (backed_bytes_ < end) {
        const uint64_t count = std::min<uint64_t>(end - backed_bytes_, kZeros.size());
        backed_bytes_ += TRY(write_bytes(backed_bytes_, std::span(kZeros).first(count)));
    }
    return {};
}

Result<> File::resize(uint64_t size_bytes) {
    if (ninep().read_only()) return fail(Error::ReadOnly);
    if (size_bytes > kSizeBytesMax) return fail(Error::TooLarge);
    if (size_bytes < size_bytes_) drop_pages(size_bytes / kPage, pages_of(size_bytes));
    if (removed()) {
        backed_bytes_ = std::min({backed_bytes_, size_bytes_, size_bytes});
        return set_pages(size_bytes);
    }
    outdated();
    TRY(ninep().repeat([&](bool) -> Result<> {
        const Result<Fid> named = ninep().fid_of(*this);
        if (!named) return fail(as_stale(named.error()));
        return ninep().session().set_attributes(*named, {.valid = kSetSize, .size_bytes = size_bytes});
    }));
    return set_pages(size_bytes);
}

Result<OwnedHandle> File::memory(abi::Rights rights) {
    file_server::Pages& pages = *TRY(this->pages());
    if (abi::has(rights, abi::Rights::Write)) {
        is_written_by_mapping_ = true;
        ninep().add_busy(*this);
    }
    return pages.share(rights);
}

Result<> File::write_back(uint64_t first_page, uint64_t end_page, bool keep) {
    const bool is_whole = first_page == 0 && end_page == ~uint64_t{0};
    if (is_written_by_mapping_ && pages_) {
        end_page = std::min({end_page, pages_of(size_bytes_), present_end_});
        for (uint64_t page = first_page; page < end_page; page += kAtOnce) TRY(write_part(page, std::min(end_page - page, kAtOnce), keep));
        if (is_whole) is_written_by_mapping_ = is_shared();
    }
    if (lost_ != Error::None) return fail(std::exchange(lost_, Error::None));
    return {};
}

Result<> File::write_out(uint64_t first_page, uint64_t dirty) {
    const std::span<std::byte> landing = source_.landing();
    while (dirty != 0) {
        const auto first = static_cast<uint64_t>(std::countr_zero(dirty)), run = static_cast<uint64_t>(std::countr_one(dirty >> first));
        const uint64_t offset = (first_page + first) * kPage;
        const uint64_t length = std::min(run * kPage, size_bytes_ - std::min(size_bytes_, offset));
        if (removed()) TRY(fill_gap(offset));
        for (uint64_t done = 0; done < length;)
            done += TRY(write_bytes(offset + done, landing.subspan(first * kPage + done, length - done)));
        if (removed() && length != 0) backed_bytes_ = std::max(backed_bytes_, offset + length);
        for (uint64_t i = 0; i < run; ++i) dirty &= ~(uint64_t{1} << (first + i));
    }
    return {};
}

void File::page_out(uint64_t offset, uint64_t length_bytes) {
    const Result<> kept = write_back(offset / kPage, pages_of(offset + length_bytes), false);
    if (!kept && lost_ == Error::None) lost_ = kept.error();
}

Result<> File::sync() {
    const Result<> kept = write_back();
    TRY(ninep().repeat([&](bool) -> Result<> {
        const Fid fid = writer_.is_current() ? writer_.get() : TRY(reader());
        return ninep().session().sync(fid);
    }));
    return kept;
}

void File::make_room() {
    ninep().make_room();
}

void File::count_pages(uint64_t count) {
    ninep().count_pages(count);
}

}  // namespace portico::ninep
