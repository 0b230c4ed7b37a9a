#pragma once

#include <memory>
#include <utility>

#include "runtime/ipc.h"

namespace portico::pipe_server {

class Object;

/// Who asked for bytes or a count when there was none: the oldest is served first. A record stands for each call, not a coroutine, as that
/// is what most round trips wait for.
///
/// Ownership: a record keeps its object, so an end whose last handle is closed while a call waits counts until that call ends. Who has the
///            list serves, or refuses, all records before it goes: the objects in them keep it alive.
/// Bound:     one record a pending call.
class WaitingTakes {
public:
    struct Waiting {
        uint64_t call;
        uint64_t length_bytes;
        bool in_words;  ///< few bytes travel in the reply
        std::shared_ptr<Object> object;
    };

    WaitingTakes() = default;
    WaitingTakes(const WaitingTakes&) = delete;
    WaitingTakes& operator=(const WaitingTakes&) = delete;
    ~WaitingTakes() {
        while (!empty()) (void)take_first();
    }

    bool empty() const { return first_ == nullptr; }
    const Waiting& first() const { return first_->waiting; }
    void add(Waiting waiting) {
        Record& record = make();
        record.waiting = std::move(waiting);
        record.list = this;
        record.behind = nullptr;
        record.before = last_;
        (last_ != nullptr ? last_->behind : first_) = &record;
        last_ = &record;
        record.start();
    }
    Waiting take_first() { return remove(*first_); }

private:
    struct Record final : ipc::Wait {
        void start() { begin(waiting.call); }
        void stop() { end(); }
        void interrupt() override { (void)list->remove(*this); }

        Waiting waiting{};
        WaitingTakes* list = nullptr;
        Record* before = nullptr;
        Record* behind = nullptr;
    };

    static Record& make() {
        if (spare_ == nullptr) return *new Record;
        return *std::exchange(spare_, spare_->behind);
    }
    Waiting remove(Record& record) {
        record.stop();
        (record.before != nullptr ? record.before->behind : first_) = record.behind;
        (record.behind != nullptr ? record.behind->before : last_) = record.before;
        record.behind = std::exchange(spare_, &record);
        return std::move(record.waiting);
    }

    inline static constinit Record* spare_ = nullptr;
    Record* first_ = nullptr;
    Record* last_ = nullptr;
};

}  // namespace portico::pipe_server
