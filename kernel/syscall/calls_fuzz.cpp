#include <cstdio>
#include <cstring>

#include "kernel/arch/hosted/random_calls.h"
#include "kernel/arch/hosted/seeded_random.h"
#include "kernel/ipc/call.h"

/// libFuzzer's way into the kernel: an input is a list of records, each decides one step of RandomCalls and what happens around it.
/// Whatever the steps do, the kernel stands, and in the end all memory and objects are back.
///
/// Records have a size of their own so that a change to one leaves the others what they were; the mutator keeps to their borders.
namespace portico::kernel::hosted {
namespace {

constexpr size_t kRecordBytes = 48;
constexpr size_t kRecordsMax = 160;

/// Takes decisions from a record's bytes; when they are used up, from numbers that follow from them all.
class RecordChoices final : public Choices {
public:
    void begin(const uint8_t* record) {
        next_ = record;
        end_ = record + kRecordBytes;
        uint64_t mixed = 0;
        for (size_t i = 0; i < kRecordBytes; ++i) mixed = mixed * 0x9E37'79B9'7F4A'7C15 + record[i];
        rest_ = SeededRandom(mixed);
    }
    uint64_t any() override { return take(8); }
    uint64_t below(uint64_t end) override { return take(end <= 256 ? 1 : end <= 65536 ? 2 : 4) % end; }

private:
    uint64_t take(size_t bytes) {
        if (static_cast<size_t>(end_ - next_) < bytes) return rest_();
        uint64_t value = 0;
        std::memcpy(&value, next_, bytes);
        next_ += bytes;
        return value;
    }
    const uint8_t* next_ = nullptr;
    const uint8_t* end_ = nullptr;
    SeededRandom rest_;
};

/// What the record says of the world: most often nothing.
void happen(Machine& machine, RandomCalls& calls, Choices& choices) {
    switch (choices.below(64)) {
    case 0:
        FrameAllocator::fail_after = static_cast<int64_t>(choices.below(5));
        break;
    case 1:
        machine.raise_interrupt(static_cast<unsigned>(choices.below(kLines)));
        break;
    case 2:
    case 3:
        machine.advance(choices.below(300'000));
        break;
    case 4:
    case 5:
        calls.tidy();
        break;
    case 6:
    case 7:
        calls.make_frames_few();
        break;
    case 8:
        calls.let_frames_go();
        break;
    default:
        break;
    }
}

/// What all inputs came to, told in the end: rare things should not become rarer unnoticed.
struct Reached {
    uint64_t inputs = 0, asked = 0, wanted_back = 0, dirty = 0, inputs_wanted_back = 0, inputs_dirty = 0;
    ~Reached() {
        std::fprintf(stderr, "of %lu inputs %lu had a PageOut taken, %lu a dirty page detached; %lu PageIn, %lu PageOut, %lu pages in all\n",
                     inputs, inputs_wanted_back, inputs_dirty, asked, wanted_back, dirty);
    }
    void add(const RandomCalls& calls) {
        ++inputs;
        asked += calls.pages_asked;
        wanted_back += calls.pages_wanted_back;
        dirty += calls.dirty_pages_taken;
        inputs_wanted_back += calls.pages_wanted_back > 0;
        inputs_dirty += calls.dirty_pages_taken > 0;
    }
} reached;

void run(const uint8_t* data, size_t size) {
    static constexpr uint8_t kSetup[kRecordBytes] = {};
    call_ids = {};  // the same input gives the same ids
    Machine machine{2, 8};
    RecordChoices choices;
    choices.begin(kSetup);
    RandomCalls calls{machine, choices, uint64_t{4} << 20};
    calls.tidy();
    for (size_t i = 0; i < std::min(size / kRecordBytes, kRecordsMax); ++i) {
        choices.begin(data + i * kRecordBytes);
        happen(machine, calls, choices);
        calls.step();
        FrameAllocator::fail_after = -1;
    }
    reached.add(calls);
}

}  // namespace
}  // namespace portico::kernel::hosted

using portico::kernel::hosted::kRecordBytes;
using portico::kernel::hosted::kRecordsMax;
using portico::kernel::hosted::SeededRandom;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    portico::kernel::hosted::run(data, size);
    return 0;
}

/// Changes bytes of one record, or puts one in (often one that is there already), takes one out, or exchanges two.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
    SeededRandom random(seed);
    size_t count = size / kRecordBytes;
    const size_t count_max = std::min(max_size / kRecordBytes, kRecordsMax);
    if (count_max == 0) return size;
    const auto record = [&](size_t index) { return data + index * kRecordBytes; };
    const uint64_t choice = random.below(8);
    if (count == 0 || (choice == 0 && count < count_max)) {
        const size_t at = random.below(count + 1);
        std::memmove(record(at + 1), record(at), (count - at) * kRecordBytes);
        ++count;
        if (count > 1 && random.one_in(2)) {
            const size_t from = random.below(count);
            std::memmove(record(at), record(from), kRecordBytes);
        } else {
            for (size_t i = 0; i < kRecordBytes; ++i) record(at)[i] = static_cast<uint8_t>(random());
        }
    } else if (choice == 1 && count > 1) {
        const size_t at = random.below(count);
        std::memmove(record(at), record(at + 1), (count - at - 1) * kRecordBytes);
        --count;
    } else if (choice == 2) {
        uint8_t* one = record(random.below(count));
        uint8_t* other = record(random.below(count));
        if (one != other) std::swap_ranges(one, one + kRecordBytes, other);
    } else {
        uint8_t bytes[kRecordBytes];
        uint8_t* changed = record(random.below(count));
        std::memcpy(bytes, changed, kRecordBytes);
        if (LLVMFuzzerMutate(bytes, kRecordBytes, kRecordBytes) > 0) std::memcpy(changed, bytes, kRecordBytes);
    }
    return count * kRecordBytes;
}

/// The beginning of one input and the end of another.
extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other, size_t other_size, uint8_t* out,
                                            size_t out_size_max, unsigned seed) {
    SeededRandom random(seed);
    const size_t head = random.below(one_size / kRecordBytes + 1);
    const size_t skipped = random.below(other_size / kRecordBytes + 1);
    const size_t count_max = std::min(out_size_max / kRecordBytes, kRecordsMax);
    const size_t from_one = std::min(head, count_max);
    const size_t from_other = std::min(other_size / kRecordBytes - skipped, count_max - from_one);
    std::memcpy(out, one, from_one * kRecordBytes);
    std::memcpy(out + from_one * kRecordBytes, other + skipped * kRecordBytes, from_other * kRecordBytes);
    return (from_one + from_other) * kRecordBytes;
}
