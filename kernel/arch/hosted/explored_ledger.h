#pragma once

#include <set>
#include <unordered_map>

#include "kernel/arch/hosted/explored_world.h"

namespace portico::kernel::hosted {

/// A book in which both sides enter what becomes of each call. A call is named by its first word; the second is its checksum, and so is the
/// answer.
class CallLedger {
public:
    struct Entry {
        unsigned taken = 0, answered = 0, told = 0;  ///< as the servers saw it; told: it ended without an answer of theirs
        bool ended = false;                          ///< as the caller saw it, and how
        Error how = Error::None;
        bool withdrawn = false;    ///< by its caller, perhaps after the answer was on its way
        bool caller_died = false;  ///< nobody is left to see the end
        bool server_died = false;  ///< perhaps in the middle of an answer
    };
    static uint64_t checksum(uint64_t word) { return (word ^ 0x5DEECE66D) * 0x2545'F491'4F6C'DD1D; }

    Entry& of(uint64_t word) { return entries_[word]; }
    void taken(uint64_t id, uint64_t word, uint64_t sum) {
        demand(sum == checksum(word), "call %lx came with checksum %lx", word, sum);
        demand(++of(word).taken == 1, "call %lx was taken twice", word);
        demand(words_.emplace(id, word).second, "id %lx came twice", id);
    }
    /// A message of kind Cancelled came, perhaps before the thread that took the call has looked at it.
    void told(uint64_t id) { demand(told_.insert(id).second, "id %lx was cancelled twice", id); }
    bool was_told(uint64_t id) const { return told_.contains(id); }
    /// A receiver was killed: it may have got such a message without looking at it.
    void forgive_lost_notice() { ++notices_forgiven_; }
    /// Several processes serve one port: a notice is dropped if one that it is not for comes across it.
    void forgive_lost_notices() { notices_forgiven_ = ~0u; }
    void ended(uint64_t word, Error how) {
        Entry& entry = of(word);
        demand(!entry.ended, "call %lx ended twice", word);
        entry.ended = true;
        entry.how = how;
    }
    /// A server was killed: it may have taken calls that it never looked at. Of these only their end is demanded.
    void forgive_unseen() {
        for (auto& [word, entry] : entries_)
            if (entry.taken == 0) entry.server_died = true;
    }
    /// When all is quiet: both sides must agree on every call.
    void verify() {
        for (const uint64_t id : told_) {
            const auto word = words_.find(id);
            demand(word != words_.end() || notices_forgiven_ > 0, "id %lx was cancelled but never taken", id);
            if (word != words_.end()) ++of(word->second).told;
        }
        for (auto& [word, entry] : entries_) {
            if (entry.taken > entry.told + entry.answered && !entry.server_died && notices_forgiven_ > 0) {
                --notices_forgiven_;
                continue;
            }
            demand(entry.ended || entry.caller_died, "call %lx has not ended", word);
            if (entry.server_died) continue;
            if (!entry.ended || entry.withdrawn) {
                demand(entry.answered + entry.told == entry.taken, "call %lx, withdrawn: taken %u times, answered %u, told %u", word,
                       entry.taken, entry.answered, entry.told);
            } else if (entry.how == Error::None) {
                demand(entry.taken == 1, "call %lx was answered but not taken", word);
                demand(entry.answered == 1, "call %lx ended well and was answered %u times", word, entry.answered);
                demand(entry.told == 0, "call %lx was answered and its server told that it is cancelled", word);
            } else {
                demand(entry.answered == 0, "call %lx failed though it was answered", word);
                demand(entry.told == entry.taken, "call %lx was taken %u times and failed, its server was told %u times", word, entry.taken,
                       entry.told);
            }
        }
    }

private:
    std::unordered_map<uint64_t, Entry> entries_;
    std::unordered_map<uint64_t, uint64_t> words_;  ///< by id
    std::set<uint64_t> told_;
    unsigned notices_forgiven_ = 0;
};

}  // namespace portico::kernel::hosted
