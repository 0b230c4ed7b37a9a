#pragma once

#include "protocols/method.h"

/// Rename and Link carry a handle to a directory. Which one it is only its badge tells, and that shows only in messages sent
/// through the handle: so the server calls itself through it. The id of that call cannot be forged by clients.
namespace portico::file_server {

struct Identify {
    static constexpr protocols::Method method{0x1F0, "file.identify",
                                              "Of the file server to itself: learn the badge of a handle a client sent."};
    using Reply = protocols::Empty;
};

using IdentifyProtocol = protocols::MethodList<Identify>;

}  // namespace portico::file_server
