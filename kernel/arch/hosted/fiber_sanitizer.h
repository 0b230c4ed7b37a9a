#pragma once

#include <cstddef>

/// Tells the sanitizers of hosted builds when another stack begins to run. Nothing without one.
///
/// The thread sanitizer takes each fiber for a thread of its own and is told of no order between them: what the kernel does not
/// order by itself is a race, as if each were a thread of the host.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PORTICO_ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer)
#define PORTICO_THREAD_SANITIZER 1
#endif
#endif

#if defined(PORTICO_ADDRESS_SANITIZER) || defined(PORTICO_THREAD_SANITIZER)
#include <sanitizer/common_interface_defs.h>
#define PORTICO_SANITIZER 1
#endif

#ifdef PORTICO_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace portico::kernel::hosted::sanitizer {

#ifdef PORTICO_ADDRESS_SANITIZER
inline void leave_stack(void** own_frames, const void* bottom, size_t bytes) {
    __sanitizer_start_switch_fiber(own_frames, bottom, bytes);
}
inline void entered_stack(void* own_frames) {
    __sanitizer_finish_switch_fiber(own_frames, nullptr, nullptr);
}
#else
inline void leave_stack(void**, const void*, size_t) {}
inline void entered_stack(void*) {}
#endif

#ifdef PORTICO_SANITIZER
/// Called when a sanitizer ends the program.
inline void on_death(void (*callback)()) {
    __sanitizer_set_death_callback(callback);
}
#else
inline void on_death(void (*)()) {}
#endif

/// How much slower than with the address sanitizer a run is, about.
#ifdef PORTICO_THREAD_SANITIZER
inline constexpr unsigned kSlowness = 10;
#else
inline constexpr unsigned kSlowness = 1;
#endif

#ifdef PORTICO_THREAD_SANITIZER
inline void* make_thread() {
    return __tsan_create_fiber(0);
}
inline void* current_thread() {
    return __tsan_get_current_fiber();
}
inline void destroy_thread(void* thread) {
    __tsan_destroy_fiber(thread);
}
/// Not instrumented, like all that calls it: the thread sanitizer would count an entry for one thread and the exit for another.
__attribute__((always_inline, disable_sanitizer_instrumentation)) inline void switch_thread(void* thread) {
    __tsan_switch_to_fiber(thread, __tsan_switch_to_fiber_no_sync);
}
/// What happened before `release` is seen by whoever says `acquire` later.
inline void release(void* mark) {
    __tsan_release(mark);
}
inline void acquire(void* mark) {
    __tsan_acquire(mark);
}
inline void stop_watching() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}
inline void go_on_watching() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
#else
inline void* make_thread() {
    return nullptr;
}
inline void* current_thread() {
    return nullptr;
}
inline void destroy_thread(void*) {}
inline void switch_thread(void*) {}
inline void release(void*) {}
inline void acquire(void*) {}
inline void stop_watching() {}
inline void go_on_watching() {}
#endif

/// While it lives the thread sanitizer does not look at the memory accesses of this fiber: the simulated machine, and what programs
/// that check each other share, are of one thread indeed.
class Unwatched {
public:
    Unwatched() { stop_watching(); }
    ~Unwatched() { go_on_watching(); }
    Unwatched(const Unwatched&) = delete;
};

/// Inside Unwatched: the kernel runs.
class Watched {
public:
    explicit Watched(bool was_unwatched) : was_unwatched_(was_unwatched) {
        if (was_unwatched_) go_on_watching();
    }
    ~Watched() {
        if (was_unwatched_) stop_watching();
    }
    Watched(const Watched&) = delete;

private:
    bool was_unwatched_;
};

}  // namespace portico::kernel::hosted::sanitizer
