#pragma once

#include <utility>

#include "runtime/native.h"

namespace portico {

/// Owns a handle: closes it when it goes. Moves, does not copy.
class OwnedHandle {
public:
    OwnedHandle() = default;
    explicit OwnedHandle(abi::Handle handle) : handle_(handle) {}
    OwnedHandle(OwnedHandle&& other) noexcept : handle_(other.release()) {}
    OwnedHandle& operator=(OwnedHandle&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~OwnedHandle() { native::close(handle_); }

    abi::Handle get() const { return handle_; }
    explicit operator bool() const { return static_cast<bool>(handle_); }
    abi::Handle release() { return std::exchange(handle_, abi::Handle{}); }
    void reset(abi::Handle handle = {}) { native::close(std::exchange(handle_, handle)); }

    /// Another handle to the same object, with the same rights.
    Result<OwnedHandle> duplicate(abi::Rights rights = abi::Rights::All) const {
        return OwnedHandle(TRY(native::call(abi::HandleDuplicate{handle_, static_cast<uint64_t>(rights)})).handle);
    }

private:
    abi::Handle handle_;
};

}  // namespace portico
