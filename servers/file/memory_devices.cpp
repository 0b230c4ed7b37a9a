#include "servers/file/memory_devices.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include "runtime/native.h"

namespace portico::file_server {
namespace {

class NullDevice : public Content {
public:
    Result<uint64_t> read(Transfer&, uint64_t, uint64_t) override { return 0; }
    Result<uint64_t> write(Transfer&, uint64_t, uint64_t length_bytes) override { return length_bytes; }
};

class ZeroDevice : public NullDevice {
public:
    Result<uint64_t> read(Transfer& to, uint64_t, uint64_t length_bytes) override {
        static const std::array<std::byte, 0x10000> zeros{};
        length_bytes = std::min(length_bytes, kTransferBytesMax);
        for (uint64_t done = 0; done < length_bytes;) {
            const uint64_t part = std::min<uint64_t>(length_bytes - done, zeros.size());
            TRY(to.put(done, {zeros.data(), part}));
            done += part;
        }
        return length_bytes;
    }
    /// Fresh memory: what a private mapping of /dev/zero is for.
    Result<OwnedHandle> memory(abi::Rights rights) override {
        const OwnedHandle memory(TRY(native::call(abi::MemoryCreate{kMappedBytes})).memory);
        return memory.duplicate(rights);
    }

private:
    static constexpr uint64_t kMappedBytes = uint64_t{1} << 30;  // sparse
};

class FullDevice final : public ZeroDevice {
public:
    Result<uint64_t> write(Transfer&, uint64_t, uint64_t) override { return fail(Error::NoSpace); }
};

class RandomDevice final : public NullDevice {
public:
    Result<uint64_t> read(Transfer& to, uint64_t, uint64_t length_bytes) override {
        std::array<std::byte, 4096> bytes;
        length_bytes = std::min(length_bytes, kTransferBytesMax);
        for (uint64_t done = 0; done < length_bytes;) {
            const uint64_t part = std::min<uint64_t>(length_bytes - done, bytes.size());
            for (uint64_t filled = 0; filled < part;) {
                const ssize_t got = getrandom(bytes.data() + filled, part - filled, 0);
                if (got <= 0) return fail(Error::IoError);
                filled += static_cast<uint64_t>(got);
            }
            TRY(to.put(done, {bytes.data(), part}));
            done += part;
        }
        return length_bytes;
    }
};

}  // namespace

std::shared_ptr<Content> memory_device(uint64_t special_device) {
    switch (special_device) {
    case kNullDevice:
        return std::make_shared<NullDevice>();
    case kZeroDevice:
        return std::make_shared<ZeroDevice>();
    case kFullDevice:
        return std::make_shared<FullDevice>();
    case kRandomDevice:
    case kUrandomDevice:
        return std::make_shared<RandomDevice>();
    default:
        return nullptr;
    }
}

}  // namespace portico::file_server
