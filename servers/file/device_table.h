#pragma once

#include <map>
#include <optional>
#include <string>

#include "runtime/handle.h"

namespace portico::file_server {

/// Which server drives which device, by Linux's device number; or all devices of a major number.
class DeviceTable {
public:
    struct Device {
        OwnedHandle server;
        std::string name;  ///< the path of Open there; of a whole major number, what comes before the minor one
    };
    struct Found {
        abi::Handle server;
        std::string name;
    };

    void add(uint64_t special_device, Device&& device) { devices_.insert_or_assign(special_device, std::move(device)); }
    void add_major(uint64_t major, Device&& device) { majors_.insert_or_assign(major, std::move(device)); }

    std::optional<Found> find(uint64_t special_device) const {
        if (const auto found = devices_.find(special_device); found != devices_.end())
            return Found{.server = found->second.server.get(), .name = found->second.name};
        const auto found = majors_.find((special_device >> 8) & 0xFFF);
        if (found == majors_.end()) return std::nullopt;
        const uint64_t minor = (special_device & 0xFF) | ((special_device >> 12) & 0xFFF00);
        return Found{.server = found->second.server.get(), .name = found->second.name + std::to_string(minor)};
    }

private:
    std::map<uint64_t, Device> devices_, majors_;
};

}  // namespace portico::file_server
