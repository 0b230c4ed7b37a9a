#include "kernel/arch/hosted/explorer.h"

#include <algorithm>
#include <bit>

#include "abi/syscalls.h"
#include "kernel/arch/hosted/fiber_sanitizer.h"
#include "kernel/sched/cpu.h"

#ifdef PORTICO_THREAD_SANITIZER
/// The first race ends the program, so that the seed is that of the race.
extern "C" const char* __tsan_default_options() {
    return "halt_on_error=1";
}
#endif

namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPauseNsMax = 200;
constexpr uint64_t kLongPauseNsMax = 15'000'000;  // over a turn of the scheduler's
constexpr uint64_t kLongPauseOneIn = 400;
constexpr uint64_t kHighPriority = uint64_t{1} << 32;

}  // namespace

/// The sanitizers' reports do not come by panic.
static void print_on_death() {
    if (Hardware::exists() && Hardware::get().explorer != nullptr) Hardware::get().explorer->print(stderr);
}

Explorer::Explorer(unsigned cpus_max) : fibers_(cpus_max) {
    sanitizer::on_death(print_on_death);
    for (unsigned i = 0; i < fibers_; ++i) cpus_[i].fiber = std::make_unique<Fiber>([this, i] { live(i); });
}

Explorer::~Explorer() {
    quitting_ = true;
    sanitizer::release(this);
    for (unsigned i = 0; i < fibers_; ++i) host_.switch_to(*cpus_[i].fiber);
}

// ---- a run

void Explorer::begin(Hardware& hardware, const Exploration& exploration, std::function<void(unsigned)> body) {
    ASSERT(hardware.cpu_count <= fibers_);
    hardware_ = &hardware;
    hardware.explorer = this;
    exploration_ = exploration;
    body_ = std::move(body);
    random_ = SeededRandom(exploration.seed);
    pauses_ = 0;
    fingerprint_ = 0;
    event_count_ = 0;
    returned_ = 0;
    for (unsigned i = 0; i < hardware.cpu_count; ++i) {
        cpus_[i].state = State::Runs;
        cpus_[i].looks = false;
        cpus_[i].neglected = 0;
    }
    set_priorities();
}

void Explorer::run() {
    const sanitizer::Unwatched unwatched;
    const unsigned next = choose();
    if (next != kHost) go_on_in(next);
}

/// What each fiber does: one body after the other.
void Explorer::live(unsigned index) {
    const sanitizer::Unwatched unwatched;
    for (;;) {
        sanitizer::acquire(this);
        if (quitting_) return;
        body_(index);
        cpus_[index].state = State::Returned;
        ++returned_;
        go_on_in(choose());
    }
}

void Explorer::go_on_in(unsigned next) {
    const unsigned self = current_;
    if (next == self) return;
    current_ = next;
    turn_pauses_ = 0;
    if (next != kHost) Hardware::be_cpu(next);
    sanitizer::release(this);
    Fiber& from = self == kHost ? host_ : *cpus_[self].fiber;
    from.switch_to(next == kHost ? host_ : *cpus_[next].fiber);
    if (self == kHost) sanitizer::acquire(this);
}

// ---- what CPUs call

void Explorer::pause(Pause where, uint64_t detail) {
    if (current_ == kHost) return;
    const sanitizer::Unwatched unwatched;
    note(where, detail);
    pass_time();
    lower_priority();
    go_on_in(choose());
}

void Explorer::spin() {
    if (current_ == kHost) return;
    const sanitizer::Unwatched unwatched;
    note(Pause::Spin, 0);
    pass_time();
    cpus_[current_].state = State::Spins;
    go_on_in(choose());
    cpus_[current_].state = State::Runs;
}

void Explorer::wait() {
    ASSERT(current_ != kHost);
    const sanitizer::Unwatched unwatched;
    lock_released();
    note(Pause::Idle, 0);
    pass_time();
    cpus_[current_].state = State::Waits;
    cpus_[current_].looks = false;
    go_on_in(choose());
    cpus_[current_].state = State::Runs;
    cpus_[current_].looks = true;
    note(Pause::Awake, 0);
}

void Explorer::lock_released() {
    if (current_ == kHost) return;
    const sanitizer::Unwatched unwatched;
    for (unsigned i = 0; i < hardware_->cpu_count; ++i)
        if (cpus_[i].state == State::Spins) cpus_[i].state = State::Runs;
    hardware_->demand_true_translations();
}

void Explorer::left_kernel() {
    if (current_ == kHost) return;
    const sanitizer::Unwatched unwatched;
    lock_released();
    Cpu& own = cpus_[current_];
    own.looks = false;
    own.neglected = helper_is_missing() ? own.neglected + 1 : 0;
    if (own.neglected > kNeglectedMax) panic("CPU %u always leaves threads ready and wakes no CPU that idles", current_);
    pause(Pause::Leave, cpu_at(current_).running->frame.registers.rax);
}

/// This CPU has threads ready, another idles, and nobody is on the way.
bool Explorer::helper_is_missing() const {
    if (cpu_at(current_).ready.empty()) return false;
    bool some_idle = false;
    for (unsigned i = 0; i < hardware_->cpu_count; ++i) {
        if (cpus_[i].looks || (cpus_[i].state == State::Waits && has_interrupt(i))) return false;
        some_idle |= cpus_[i].state == State::Waits;
    }
    return some_idle;
}

// ---- choosing

CpuMask Explorer::candidates() const {
    CpuMask free = 0, spinning = 0;
    for (unsigned i = 0; i < hardware_->cpu_count; ++i) {
        const State state = cpus_[i].state;
        if (state == State::Runs || (state == State::Waits && has_interrupt(i))) free |= CpuMask{1} << i;
        if (state == State::Spins) spinning |= CpuMask{1} << i;
    }
    return free != 0 ? free : spinning;
}

bool Explorer::has_interrupt(unsigned index) const {
    const Processor& processor = hardware_->processors[index];
    return processor.kicked || processor.timer_ns.load() <= hardware_->now_ns() || hardware_->pending_line(index) < kLines;
}

/// All CPUs wait: nothing happens until the next timer. False if there is none.
bool Explorer::skip_to_next_timer() {
    uint64_t next = abi::kForever;
    for (unsigned i = 0; i < hardware_->cpu_count; ++i)
        if (cpus_[i].state == State::Waits) next = std::min(next, hardware_->processors[i].timer_ns.load());
    if (next == abi::kForever) return false;
    hardware_->set_time(std::max(next, hardware_->now_ns()));
    return true;
}

unsigned Explorer::choose() {
    CpuMask mask = candidates();
    if (mask == 0 && skip_to_next_timer()) mask = candidates();
    if (mask == 0) return kHost;
    if (exploration_.strategy == Strategy::Random) {
        for (uint64_t skip = random_.below(static_cast<uint64_t>(std::popcount(mask))); skip > 0; --skip) mask &= mask - 1;
        return static_cast<unsigned>(std::countr_zero(mask));
    }
    unsigned best = static_cast<unsigned>(std::countr_zero(mask));
    for (CpuMask rest = mask; rest != 0; rest &= rest - 1) {
        const auto index = static_cast<unsigned>(std::countr_zero(rest));
        if (cpus_[index].priority > cpus_[best].priority) best = index;
    }
    return best;
}

void Explorer::set_priorities() {
    change_points_.clear();
    next_change_ = 0;
    lowest_priority_ = kHighPriority;
    std::array<uint64_t, kCpusMax> ranks;
    for (unsigned i = 0; i < hardware_->cpu_count; ++i) {  // a random permutation, above all that change points give
        const auto place = static_cast<unsigned>(random_.below(i + 1));
        ranks[i] = ranks[place];
        ranks[place] = kHighPriority + i;
    }
    for (unsigned i = 0; i < hardware_->cpu_count; ++i) cpus_[i].priority = ranks[i];
    for (unsigned i = 1; i < exploration_.depth; ++i) change_points_.push_back(1 + random_.below(exploration_.length));
    std::sort(change_points_.begin(), change_points_.end());
}

/// Each priority given later is below all given before.
void Explorer::lower_priority() {
    const bool at_change_point = next_change_ < change_points_.size() && pauses_ >= change_points_[next_change_];
    if (at_change_point) ++next_change_;
    if (at_change_point || turn_pauses_ > kTurnPausesMax) cpus_[current_].priority = --lowest_priority_;
}

void Explorer::pass_time() {
    const uint64_t ns = 1 + (random_.one_in(kLongPauseOneIn) ? random_.below(kLongPauseNsMax) : random_.below(kPauseNsMax));
    hardware_->set_time(hardware_->now_ns() + ns);
    ++turn_pauses_;
    if (++pauses_ > exploration_.pauses_max) panic("no end after %lu pauses", pauses_);
}

// ---- telling

void Explorer::note(Pause where, uint64_t detail) {
    const Thread* running = cpu_at(current_).running;
    events_[event_count_++ % kEvents] = {.time_ns = hardware_->now_ns(),
                                         .thread_id = running != nullptr ? running->id() : 0,
                                         .detail = detail,
                                         .where = where,
                                         .cpu = static_cast<uint8_t>(current_)};
    fingerprint_ = (fingerprint_ ^ (static_cast<uint64_t>(where) << 8 | current_) ^ detail << 16) * 0x100'0000'01B3;
}

static const char* name_of(Pause where) {
    switch (where) {
    case Pause::Enter:
        return "calls";
    case Pause::Leave:
        return "leaves";
    case Pause::Access:
        return "accesses";
    case Pause::Fault:
        return "faults";
    case Pause::KickSent:
        return "kicks CPU";
    case Pause::KickTaken:
        return "was kicked";
    case Pause::TimerTaken:
        return "takes timer";
    case Pause::LineTaken:
        return "takes line";
    case Pause::ShootDown:
        return "shoots down";
    case Pause::Forgotten:
        return "forgot, CPU";
    case Pause::EntryChanged:
        return "changes entry";
    case Pause::Copied:
        return "copies page";
    case Pause::Spin:
        return "spins";
    case Pause::Idle:
        return "idles";
    case Pause::Awake:
        return "wakes";
    }
    return "?";
}

void Explorer::print(std::FILE* file) const {
    const uint64_t count = std::min<uint64_t>(event_count_, 100);
    std::fprintf(file, "last events (time, CPU, thread):\n");
    for (uint64_t i = event_count_ - count; i < event_count_; ++i) {
        const Event& event = events_[i % kEvents];
        std::fprintf(file, "%12lu  %u %*s%4lu %s ", event.time_ns, event.cpu, 2 * event.cpu, "", event.thread_id, name_of(event.where));
        if (event.where == Pause::Enter && event.detail < abi::Syscalls::kCount)
            std::fprintf(file, "%s\n", abi::Syscalls::kDocs[event.detail].name.data());
        else if (event.where == Pause::Leave)
            std::fprintf(file, "%s\n", abi::name_of(static_cast<Error>(event.detail)).data());
        else
            std::fprintf(file, "%lx\n", event.detail);
    }
    static constexpr const char* kStates[] = {"runs", "spins", "waits", "returned"};
    for (unsigned i = 0; i < hardware_->cpu_count; ++i)
        std::fprintf(file, "CPU %u %s\n", i, kStates[static_cast<unsigned>(cpus_[i].state)]);
    std::fprintf(file, "%s: seed %lu, %s, %lu pauses\n", title_.c_str(), exploration_.seed,
                 exploration_.strategy == Strategy::Pct ? "pct" : "random", pauses_);
}

}  // namespace portico::kernel::hosted
