#pragma once

#include "kernel/object/object.h"

namespace portico::kernel {

/// An object and what its holder may do with it: a slot of a handle table, or a handle travelling in a message.
/// Moves, does not copy; duplicate() makes another. Counts as a handle of the object.
class Capability {
public:
    Capability() = default;
    Capability(Object& object, Rights rights) : object_(&object), lacks_(lacking(object.type(), rights)) {
        object.add_reference();
        object.add_handle();
    }
    Capability(Capability&& other) noexcept : object_(std::exchange(other.object_, nullptr)), lacks_(other.lacks_) {}
    Capability& operator=(Capability&& other) noexcept {
        std::swap(object_, other.object_);
        std::swap(lacks_, other.lacks_);
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
    Rights rights() const { return static_cast<Rights>(~lacks_) & Rights::All; }
    /// Whether it is of an object of this type, with all these rights: one look at one word.
    bool allows(ObjectType type, Rights rights) const { return (lacks_ & (type_bit(type) | static_cast<uint32_t>(rights))) == 0; }
    Capability duplicate(Rights keep = Rights::All) const {
        return object_ == nullptr ? Capability{} : Capability(*object_, rights() & keep);
    }

private:
    static constexpr uint32_t type_bit(ObjectType type) { return uint32_t{1} << (16 + static_cast<unsigned>(type)); }
    static constexpr uint32_t lacking(ObjectType type, Rights rights) { return ~(type_bit(type) | static_cast<uint32_t>(rights)); }
    static_assert(static_cast<uint32_t>(Rights::All) < 1u << 16);
    static_assert(static_cast<unsigned>(ObjectType::PortSet) < 16);

    Object* object_ = nullptr;
    uint32_t lacks_ = ~uint32_t{0};  ///< bits 0-15: the rights it has not; bits 16-31: the types it is not of
};

}  // namespace portico::kernel
