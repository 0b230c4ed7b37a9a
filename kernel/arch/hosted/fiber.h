#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace portico::kernel::hosted {

/// A stack that code can be switched to and from by hand. All fibers of a group belong to one host thread.
///
/// Ownership: owns its stack, which has a guard page below. It may only be destroyed when its body has returned, or was never begun.
class Fiber {
public:
    static constexpr size_t kStackBytes = 256 * 1024;

    /// The host thread itself, to come back to.
    Fiber();
    /// Runs `body` when it is first switched to. When the body returns, whoever switched to it last goes on.
    explicit Fiber(std::function<void()> body);
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// Called by the code that runs in *this: goes on in `to`, and returns when someone switches back.
    void switch_to(Fiber& to) __attribute__((disable_sanitizer_instrumentation));

private:
    static void begin(Fiber* self) asm("portico_fiber_begin") __attribute__((disable_sanitizer_instrumentation));

    std::function<void()> body_;
    uint8_t* mapping_ = nullptr;  ///< guard page, then the stack; null for the host thread
    void* stack_pointer_ = nullptr;
    const void* stack_bottom_ = nullptr;
    size_t stack_bytes_ = 0;
    void* sanitizer_frames_ = nullptr;
    void* sanitizer_thread_ = nullptr;
    Fiber* resumer_ = nullptr;
};

}  // namespace portico::kernel::hosted
