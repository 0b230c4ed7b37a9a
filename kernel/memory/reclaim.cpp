#include "kernel/memory/reclaim.h"

#include <algorithm>

#include "kernel/ipc/ipc.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/swap.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {

Reclaimer reclaimer;

void Clock::add(Memory& memory) {
    ++objects_;
    if (hand_ == nullptr) {
        hand_ = memory.next_of_clock = memory.previous_of_clock = &memory;
        page_ = 0;
        return;
    }
    memory.next_of_clock = hand_;
    memory.previous_of_clock = hand_->previous_of_clock;
    memory.previous_of_clock->next_of_clock = hand_->previous_of_clock = &memory;
}

void Clock::remove(Memory& memory) {
    --objects_;
    memory.previous_of_clock->next_of_clock = memory.next_of_clock;
    memory.next_of_clock->previous_of_clock = memory.previous_of_clock;
    if (hand_ == &memory) {
        hand_ = memory.next_of_clock == &memory ? nullptr : memory.next_of_clock;
        page_ = 0;
    }
    memory.next_of_clock = memory.previous_of_clock = nullptr;
    if (objects_ == 0) passed_ = 0;
}

void Clock::step() {
    if (hand_ == nullptr) return;
    page_ = hand_->give_second_chance(page_);
    if (page_ < PageTree::kPagesMax) return;
    hand_ = hand_->next_of_clock;
    page_ = 0;
    ++passed_;
}

Clock& Reclaimer::clock_of(const Memory& memory) {
    return memory.paging() != nullptr ? paged_ : of_programs_;
}

void Reclaimer::add(Memory& memory) {
    clock_of(memory).add(memory);
}

void Reclaimer::remove(Memory& memory) {
    clock_of(memory).remove(memory);
}

void Reclaimer::step() {
    paged_.step();
    if (SwapSpace::current != nullptr && SwapSpace::current->room() > 0) of_programs_.step();
}

static bool are_there(uint64_t count, uint64_t kept_free_pages) {
    return frames.free_pages() >= count + kept_free_pages;
}

Reclaimer::Room Reclaimer::make_room(uint64_t kept_free_pages) {
    constexpr unsigned kStepsMax = 256;
    SwapSpace* space = SwapSpace::current;
    const uint64_t needed = space != nullptr ? space->needed_by(kept_free_pages) : 1;
    for (unsigned steps = 0; steps < kStepsMax && !are_there(needed, kept_free_pages); ++steps) step();
    if (are_there(needed, kept_free_pages)) return Room::Made;
    if (space == nullptr || kept_free_pages == 0) return Room::None;
    space->ask_to_write();
    if (space->is_writing() || needed > 1) return Room::Coming;
    return space->room() > 0 && !of_programs_.is_fruitless() ? Room::Made : Room::None;
}

/// Only what can be of use to who waits longest is told.
void Reclaimer::watch_frames() {
    frames.tell_at(waiting_.empty() ? FrameAllocator::kNever : waiting_.front().thread.awaited.frame.kept_free_pages + 1);
}

void Reclaimer::wait(Thread& thread, uint64_t kept_free_pages, abi::Access access, uint64_t address, Thread::MissingPage::Then then) {
    thread.missing = {.memory = {}, .access = access, .then = then};
    thread.awaited.frame = {.kept_free_pages = kept_free_pages, .address = address};
    // A server that waits for what a client is to pay for has other clients.
    const bool is_others = thread.process().account().kept_free_pages() == 0 && then == Thread::MissingPage::Then::RepeatCall;
    const uint64_t wait_ns = SwapSpace::current->wait_ns();
    thread.begin_wait(Thread::Wait::Frame, arch::now_ns() + (is_others ? std::min(wait_ns, Paging::kOthersWaitNs) : wait_ns));
    thread.wait_list = &waiting_;
    waiting_.push_back(thread.link);
    watch_frames();
}

void Reclaimer::end_wait(Thread& thread, Error error) {
    waiting_.erase(waiting_.iterator_to(thread.link));
    watch_frames();
    if (error != Error::TimedOut || are_there(1, thread.awaited.frame.kept_free_pages)) return thread.retry_wait();
    if (thread.missing.then == Thread::MissingPage::Then::RepeatCall) return thread.finish_wait(Error::NoMemory);
    thread.stop_waiting();
    raise_no_memory(thread, thread.missing.access, thread.awaited.frame.address);
    if (thread.state() == Thread::State::Blocked && thread.wait() == Thread::Wait::None) scheduler.make_ready(thread);
}

void Reclaimer::frame_freed() {
    if (waiting_.empty()) return;
    Thread& first = waiting_.front().thread;
    if (are_there(1, first.awaited.frame.kept_free_pages)) end_wait(first, Error::None);
}

void Reclaimer::look_again() {
    frame_freed();
    if (SwapSpace::current->is_writing()) return;
    while (!waiting_.empty()) end_wait(waiting_.front().thread, Error::None);
}

void Reclaimer::go_on() {
    constexpr unsigned kStepsMax = 64;
    SwapSpace& space = *SwapSpace::current;
    for (unsigned steps = 0; steps < kStepsMax && frames.are_few() && space.room() > 0; ++steps) of_programs_.step();
    space.ask_to_write();
    look_again();
}

}  // namespace portico::kernel
