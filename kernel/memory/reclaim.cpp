#include "kernel/memory/reclaim.h"

#include "kernel/memory/paging.h"

namespace portico::kernel {

Reclaimer reclaimer;

void Reclaimer::add(Paging& paging) {
    if (hand_ == nullptr) {
        hand_ = paging.next_of_clock = paging.previous_of_clock = &paging;
        page_ = 0;
        return;
    }
    paging.next_of_clock = hand_;
    paging.previous_of_clock = hand_->previous_of_clock;
    paging.previous_of_clock->next_of_clock = hand_->previous_of_clock = &paging;
}

void Reclaimer::remove(Paging& paging) {
    paging.previous_of_clock->next_of_clock = paging.next_of_clock;
    paging.next_of_clock->previous_of_clock = paging.previous_of_clock;
    if (hand_ != &paging) return;
    hand_ = paging.next_of_clock == &paging ? nullptr : paging.next_of_clock;
    page_ = 0;
}

void Reclaimer::step() {
    if (hand_ == nullptr) return;
    page_ = hand_->memory().give_second_chance(page_);
    if (page_ < PageTree::kPagesMax) return;
    hand_ = hand_->next_of_clock;
    page_ = 0;
}

bool Reclaimer::free_one(const Account& account) {
    constexpr unsigned kStepsMax = 256;
    if (frames.has_for(account)) return false;
    for (unsigned steps = 0; steps < kStepsMax && !frames.has_for(account); ++steps) step();
    return frames.has_for(account);
}

}  // namespace portico::kernel
