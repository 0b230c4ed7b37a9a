#pragma once

#include <map>
#include <string>

#include "runtime/handle.h"

namespace portico::file_server {

/// Which server drives which device, by Linux's device number.
class DeviceTable {
public:
    struct Device {
        OwnedHandle server;
        std::string name;  ///< the path of Open there
    };

    void add(uint64_t special_device, Device&& device) { devices_.insert_or_assign(special_device, std::move(device)); }

    const Device* find(uint64_t special_device) const {
        const auto found = devices_.find(special_device);
        return found == devices_.end() ? nullptr : &found->second;
    }

private:
    std::map<uint64_t, Device> devices_;
};

}  // namespace portico::file_server
