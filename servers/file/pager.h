#pragma once

#include "abi/message.h"

namespace portico::file_server {

/// Who supplies pages of memory objects, of the server's port and loop: the kernel's messages with badges from kFirstBadge on are for it.
class Pager {
public:
    static constexpr uint64_t kFirstBadge = uint64_t{1} << 62;  ///< the server's open objects have lower ones

    virtual ~Pager() = default;
    virtual void page_in(uint64_t badge, const abi::PageInWords& words) = 0;
    virtual void page_out(uint64_t badge, const abi::PageOutWords& words) = 0;
};

}  // namespace portico::file_server
