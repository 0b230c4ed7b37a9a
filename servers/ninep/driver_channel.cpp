#include "servers/ninep/driver_channel.h"

#include <sys/mman.h>

#include "servers/ninep/format.h"

namespace portico::ninep {
namespace {

namespace share = protocols::share;

constexpr unsigned kTriesMax = 5;  // init gives up on a driver that ends more often
constexpr uint64_t kPageBytes = 4096, kTagBytesMax = 255, kMessageBytesMax = uint64_t{1} << 20;

Result<share::Info::Reply> info_of(abi::Handle driver, std::string& tag) {
    tag.assign(kTagBytesMax, '\0');
    for (unsigned tries = 1;; ++tries) {
        const Result<share::Info::Reply> info = ipc::call(driver, share::Info{}, {.writable = std::as_writable_bytes(std::span(tag))});
        if (info) {
            tag.resize(std::min<uint64_t>(info->tag_bytes, kTagBytesMax));
            return info;
        }
        if (info.error() != Error::PeerClosed || tries == kTriesMax) return fail(Error::NoDevice);
    }
}

Result<std::span<std::byte>> private_memory(uint64_t bytes) {
    void* const address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return fail(Error::NoMemory);
    return std::span(static_cast<std::byte*>(address), bytes);
}

}  // namespace

Result<std::unique_ptr<DriverChannel>> DriverChannel::open(abi::Handle driver) {
    std::unique_ptr<DriverChannel> made(new DriverChannel(driver));
    const share::Info::Reply info = TRY(info_of(driver, made->tag_));
    const uint64_t bytes = std::min(info.message_bytes_max, kMessageBytesMax) & ~(kPageBytes - 1);
    made->request_ = TRY(private_memory(bytes));
    // Data of a Read begin at a page.
    made->answer_ = TRY(private_memory(bytes + kPageBytes)).subspan(kPageBytes - kReadHeaderBytes, bytes);
    return made;
}

Result<> DriverChannel::connect() {
    std::string tag;
    session_ = TRY(info_of(driver_, tag)).session;
    return tag == tag_ ? Result<>{} : fail(Error::IoError);
}

Result<size_t> DriverChannel::exchange(size_t request_bytes) {
    const auto answered =
        ipc::call(driver_, share::Exchange{.session = session_}, {.readable = request_.first(request_bytes), .writable = answer_});
    if (answered) return answered->length_bytes;
    return fail(answered.error() == Error::NotFound ? Error::WrongState : answered.error());
}

}  // namespace portico::ninep
