#pragma once

#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/arch/hosted/fiber.h"
#include "kernel/arch/hosted/hardware.h"
#include "kernel/arch/hosted/seeded_random.h"

namespace portico::kernel::hosted {

enum class Strategy : uint8_t {
    Random,  ///< every CPU that can go on is as likely to
    Pct,     ///< the CPU of highest priority goes on; priorities are random and change at depth - 1 random points
};

/// How one run is to be interleaved. Everything that is chosen follows from it.
struct Exploration {
    uint64_t seed = 1;
    Strategy strategy = Strategy::Random;
    unsigned depth = 3;               ///< Pct: finds with known probability what that many orderings together bring about
    uint64_t length = 1000;           ///< Pct: pauses that a run has, about; where the change points fall
    uint64_t pauses_max = 1'000'000;  ///< a run with more is taken for one that makes no progress
};

/// The CPUs of a machine as fibers of one host thread, switched only where the simulated hardware pauses them, in an order that
/// follows from a seed: the same seed, the same run, to the last step.
///
/// A run ends when it is quiet: every CPU waits for an interrupt and none will come. Time is virtual: it moves a little at each
/// pause, now and then by more than a turn, and to the next timer when all CPUs wait.
///
/// The strategies are those of Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic
/// Guarantees of Finding Bugs" (ASPLOS 2010): a bug that needs d orderings among n CPUs in k steps is met with a probability of
/// at least 1 / (n k^(d-1)) in each run with Strategy::Pct. Beyond it, a CPU that has gone on for very long becomes the last, since
/// programs may wait for each other without blocking.
///
/// Ownership: keeps its fibers from run to run, so that a run costs no stacks. The machine refers to it until it goes, since what
///            fails after the run is to tell the seed, too. Bound: one run at a time.
class Explorer {
public:
    explicit Explorer(unsigned cpus_max = 4);
    ~Explorer();
    Explorer(const Explorer&) = delete;

    /// Prepares a run: each CPU of the machine will run `body` with its index.
    void begin(Hardware& hardware, const Exploration& exploration, std::function<void(unsigned)> body);
    /// Lets CPUs go on until the run is quiet or all bodies have returned. To be called again after something was done for them.
    void run();
    bool all_returned() const { return returned_ == hardware_->cpu_count; }

    // ---- called by what runs on a CPU; outside of a run, and on the host thread's own stack, they do nothing

    /// Lets another CPU go on, perhaps.
    void pause(Pause where, uint64_t detail);
    /// The kernel lock is waited for: this CPU goes on when it may have been released.
    void spin();
    /// Returns when an interrupt is pending for this CPU.
    void wait();
    /// This CPU has just let go of the kernel lock: nobody has it.
    void lock_released();
    /// This CPU goes on in user mode. Idle CPUs must have been told of what it leaves in its queue.
    void left_kernel();
    /// A choice of the seed's.
    uint64_t below(uint64_t end) { return random_.below(end); }

    uint64_t pauses() const { return pauses_; }
    /// Of all that happened in this run, to compare runs.
    uint64_t fingerprint() const { return fingerprint_; }
    /// The seed and the last events, as a failure is to show them.
    void print(std::FILE* file) const;
    /// Words to put before the seed: which test, and how to run it again.
    void set_title(std::string title) { title_ = std::move(title); }

private:
    enum class State : uint8_t { Runs, Spins, Waits, Returned };
    struct Cpu {
        std::unique_ptr<Fiber> fiber;
        State state = State::Returned;
        uint64_t priority = 0;   ///< Pct
        bool looks = false;      ///< was woken and has not left the kernel since: it takes whatever is ready
        unsigned neglected = 0;  ///< how often in a row this CPU left threads ready though another idled
    };
    struct Event {
        uint64_t time_ns = 0;
        uint64_t thread_id = 0;
        uint64_t detail = 0;
        Pause where = Pause::Enter;
        uint8_t cpu = 0;
    };
    static constexpr unsigned kHost = ~0u;
    static constexpr unsigned kNeglectedMax = 50;
    static constexpr uint64_t kTurnPausesMax = 400;
    static constexpr unsigned kEvents = 256;

    void live(unsigned index);
    void note(Pause where, uint64_t detail);
    void pass_time();
    bool helper_is_missing() const;
    void set_priorities();
    void lower_priority();
    /// Who goes on; kHost if the run is quiet.
    unsigned choose();
    CpuMask candidates() const;
    bool has_interrupt(unsigned index) const;
    bool skip_to_next_timer();
    void go_on_in(unsigned next);

    std::array<Cpu, kCpusMax> cpus_;
    Fiber host_;
    Hardware* hardware_ = nullptr;
    Exploration exploration_;
    std::function<void(unsigned)> body_;
    SeededRandom random_;
    std::vector<uint64_t> change_points_;  ///< pauses, ascending
    size_t next_change_ = 0;
    unsigned current_ = kHost;
    uint64_t turn_pauses_ = 0;  ///< since another CPU ran
    uint64_t lowest_priority_ = 0;
    unsigned returned_ = 0;
    unsigned fibers_ = 0;
    bool quitting_ = false;
    uint64_t pauses_ = 0;
    uint64_t fingerprint_ = 0;
    std::array<Event, kEvents> events_;
    uint64_t event_count_ = 0;
    std::string title_;
};

}  // namespace portico::kernel::hosted
