#pragma once

#include "kernel/object/object.h"

namespace portico::kernel {

/// An object and what its holder may do with it: a slot of a handle table, or a handle travelling in a message.
/// Moves, does not copy; duplicate() makes another. Counts as a handle of the object.
class Capability {
public:
    Capability() = default;
    Capability(Object& object, Rights rights) : object_(&object), rights_(rights) {
        object.add_reference();
        object.add_handle();
    }
    Capability(Capability&& other) noexcept : object_(std::exchange(other.object_, nullptr)), rights_(other.rights_) {}
    Capability& operator=(Capability&& other) noexcept {
        std::swap(object_, other.object_);
        std::swap(rights_, other.rights_);
        return *this;
    }
    ~Capability() {
        if (object_ == nullptr) return;
        Object* object = std::exchange(object_, nullptr);
        object->drop_handle();
        object->drop_reference();
    }

    explicit operator bool() const { return object_ != nullptr; }
    Object* object() const { return object_; }
    Rights rights() const { return rights_; }
    Capability duplicate(Rights keep = Rights::All) const {
        return object_ == nullptr ? Capability{} : Capability(*object_, rights_ & keep);
    }

private:
    Object* object_ = nullptr;
    Rights rights_ = Rights::None;
};

}  // namespace portico::kernel
