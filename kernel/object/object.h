#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "abi/handle.h"
#include "kernel/debug/log.h"
#include "kernel/object/steps.h"

namespace portico::kernel {

class Account;
using abi::ObjectType;
using abi::Rights;

/// Base of everything a handle can name.
///
/// Ownership: counted references (Ref). The last one does not destroy at once: what follows is put off to a list that each
///            kernel entry empties before it leaves, so a chain of objects that end each other never nests on the stack.
/// Handles:   capabilities (in tables and in messages) are counted besides; when the last goes, on_unreachable() runs, put off too.
/// Locks:     the kernel lock.
class Object {
public:
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    ObjectType type() const { return type_; }
    Account& payer() const { return *payer_; }
    uint32_t handle_count() const { return static_cast<uint32_t>(handles_less_one_ + 1); }

    uint32_t reference_count() const { return static_cast<uint32_t>(references_less_one_ + 1); }

    void add_reference() { ++references_less_one_; }
    void drop_reference() {
        if (--references_less_one_ < 0) [[unlikely]]
            dropped_last_reference();
    }
    /// Whether the next drop_reference() is the last.
    bool has_one_reference() const { return references_less_one_ == 0; }
    void add_references(uint32_t count) { references_less_one_ += static_cast<int32_t>(count); }
    void drop_references(uint32_t count) {
        references_less_one_ -= static_cast<int32_t>(count);
        if (references_less_one_ < 0) [[unlikely]]
            dropped_last_reference();
    }
    void add_handle() { ++handles_less_one_; }
    void drop_handle() {
        if (--handles_less_one_ < 0) dropped_last_handle();
    }

    /// Does what was put off, and what that puts off in turn, but for what takes more steps than one kernel entry has.
    static void reap();
    /// Whether nothing of that is left.
    static bool is_reaped();

protected:
    explicit Object(ObjectType type) : type_(type) {}
    virtual ~Object() = default;

    enum Later : uint8_t { kDestroy = 1, kUnreachable = 2, kEnd = 4 };
    /// Puts work off to the end of this kernel entry.
    void later(Later work);

    /// No handle is left; others may still refer to the object.
    virtual void on_unreachable() {}
    /// Put off by later(kEnd).
    virtual void on_end() {}
    /// Before it is destroyed: does what takes long of that, as far as there are steps; true when it is done.
    virtual bool dismantle(Steps&) { return true; }
    /// No reference is left: by default it will be destroyed.
    virtual void doom() { later(kDestroy); }

private:
    friend struct ObjectAllocator;
    void do_put_off(uint8_t work);
    void dropped_last_reference() {
        ASSERT(references_less_one_ == -1);
        doom();
    }
    void dropped_last_handle() {
        ASSERT(handles_less_one_ == -1);
        later(kUnreachable);
    }
    void destroy(Steps& steps);

    ObjectType type_;
    uint8_t later_ = 0;                 ///< Later bits; in the list if any
    int32_t references_less_one_ = -1;  ///< so that the sign tells of the last drop, and of one too many: two instructions
    int32_t handles_less_one_ = -1;
    Account* payer_ = nullptr;
    Object* next_later_ = nullptr;
};

/// A counted reference; never null unless moved from or default-made.
template <class T>
class Ref {
public:
    Ref() = default;
    Ref(std::nullptr_t) {}
    explicit Ref(T& object) : object_(&object) { object_->add_reference(); }
    Ref(const Ref& other) : object_(other.object_) {
        if (object_ != nullptr) object_->add_reference();
    }
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <class U>
    Ref(Ref<U>&& other) noexcept : object_(other.release()) {}
    /// Of one that is empty: saves the look at what it was.
    void fill(T& object) {
        object_ = &object;
        object.add_reference();
    }
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_ != nullptr) object_->drop_reference();
    }

    /// Becomes one of the references that add_references() counted, or that drop_references() will have uncounted.
    void set_uncounted(T* object) { object_ = object; }

    T* get() const { return object_; }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }
    explicit operator bool() const { return object_ != nullptr; }
    T* release() { return std::exchange(object_, nullptr); }

private:
    T* object_ = nullptr;
};

}  // namespace portico::kernel
