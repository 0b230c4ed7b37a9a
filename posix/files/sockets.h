#pragma once

#include <span>

#include "posix/files/linux_files.h"
#include "posix/files/transfer.h"
#include "protocols/socket.h"

/// AF_UNIX sockets: what the files that handle them share.
namespace portico::posix {

namespace sockets = protocols::socket;

/// read, readv, write and writev of a socket: the bytes moved, or a negative errno.
int64_t receive_vectors(Thread& thread, const OpenNumber& from, std::span<const linux_abi::Iovec> vectors);
int64_t send_vectors(Thread& thread, const OpenNumber& to, std::span<const linux_abi::Iovec> vectors);

/// Errors: BadHandle (EBADF); WrongType (ENOTSOCK).
Result<OpenNumber> socket_descriptor(Thread& thread, uint64_t number);
int64_t socket_errno(Error error);                ///< of socket_descriptor
int64_t trouble_errno(sockets::Trouble trouble);  ///< 0 for none

sockets::Credentials own_credentials(Thread& thread);

/// A socket's name as a program passes it: struct sockaddr_un.
struct SocketName {
    static constexpr uint32_t kBytesMax = sockets::kNameBytesMax;

    char text[kBytesMax + 1];
    uint32_t length_bytes = 0;
    sockets::Address file{};  ///< if it names one

    bool is_path() const { return length_bytes != 0 && text[0] != '\0'; }
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(text, length_bytes)); }
};

inline constexpr uint16_t kFamilyNone = 0, kFamilyUnix = 1;

/// Copies a name in. 0 or a negative errno; `family` is what it said.
int64_t load_socket_name(uint64_t address, uint64_t address_bytes, SocketName& to, uint16_t& family);
/// Finds the socket that a path stands for (an abstract name needs none). 0 or a negative errno.
int64_t find_socket_file(Thread& thread, SocketName& name);
/// Writes a name as sockaddr_un, cut to what *length_address allows, and its whole length there. 0 or a negative errno.
int64_t store_socket_name(std::span<const char> name, uint64_t address, uint64_t length_address);

/// Descriptors and credentials that go with a message (cmsg(3)).
struct OutgoingControl {
    uint32_t rights = 0;  ///< at the server, for Send
    sockets::Credentials credentials;
};
/// Reads the control data of a message to send and hands its descriptors to the server. 0 or a negative errno.
int64_t load_control(Thread& thread, abi::Handle socket, uint64_t address, uint64_t length_bytes, OutgoingControl& to);

struct IncomingControl {
    uint64_t length_bytes = 0;  ///< written
    bool cut = false;           ///< MSG_CTRUNC
};
/// Takes what came with a message and writes its control data.
IncomingControl store_control(Thread& thread, abi::Handle socket, const sockets::Receive::Reply& message, uint64_t address,
                              uint64_t room_bytes, bool close_on_exec);

}  // namespace portico::posix
