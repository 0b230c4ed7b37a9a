#include "posix/files/few_bytes.h"

#include "posix/entry_points.h"
#include "posix/errno_map.h"
#include "posix/files/sockets.h"
#include "posix/process.h"
#include "posix/user_copy.h"
#include "protocols/few_bytes.h"

namespace portico::posix {
namespace {

namespace few = protocols::few;

/// The window's length stands in the upper half of rbx.
constexpr unsigned kWritableShift = 32;

}  // namespace

std::optional<int64_t> take_from_stream(Thread&, const Descriptor& from, uint64_t address, uint64_t length_bytes) {
    if (length_bytes == 0 || length_bytes > abi::kWindowBytesMax || !is_user_range(address, length_bytes)) return {};
    const uint64_t few_bytes = length_bytes < few::kTakenInWords ? length_bytes : few::kTakenInWords;
    // Bytes in words cannot be given back: who has no place for them shall hear it before.
    if (portico_user_probe(reinterpret_cast<void*>(address), reinterpret_cast<void*>(address + few_bytes - 1)) != 0) return {};
    abi::MessageRegisters registers{.handle_or_id = from.handle.value,
                                    .header = abi::Header::make(few::Take::method.ordinal).with_windows(),
                                    .word = {length_bytes},
                                    .r15 = address,
                                    .rbx = length_bytes << kWritableShift};
    const auto error = static_cast<Error>(portico_wait_call(abi::kNativeBase + abi::PortCall::doc.number, &registers));
    if (error != Error::None) return to_errno(error);
    const Error status = registers.header.status();
    if (status != Error::None) [[unlikely]]
        return status == Error::NotSupported ? std::optional<int64_t>{} : to_errno(status);
    const uint64_t bytes = registers.word[0] < length_bytes ? registers.word[0] : length_bytes;
    if (bytes <= few::kTakenInWords && portico_user_copy(reinterpret_cast<void*>(address), &registers.word[1], bytes) != 0) return -EFAULT;
    return static_cast<int64_t>(bytes);
}

std::optional<int64_t> put_to_stream(Thread& thread, const Descriptor& to, uint64_t address, uint64_t length_bytes) {
    if (length_bytes == 0 || length_bytes > few::kPutBytesMax || !is_user_range(address, length_bytes)) return {};
    abi::MessageRegisters registers{.handle_or_id = to.handle.value, .header = abi::Header::make(few::Put::method.ordinal).as_steady()};
    few::Put put{.length_bytes = static_cast<uint32_t>(length_bytes), .credentials = {}, .bytes = {}};
    if (portico_user_copy(put.bytes, reinterpret_cast<const void*>(address), length_bytes) != 0) return {};
    if (to.kind == protocols::file::Kind::Socket) put.credentials = own_credentials(thread);
    static_assert(sizeof put == sizeof registers.word);
    __builtin_memcpy(registers.word, &put, sizeof put);
    if (native::message_call<abi::PortCall>(registers) != Error::None || registers.header.status() != Error::None) return {};
    return static_cast<int64_t>(length_bytes);
}

}  // namespace portico::posix
