#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

/// Repeats operations in batches and tells what one of them costs, in guest instructions or in time.
///
/// Google Benchmark does not do for this: it picks the number of repetitions by a clock of its own, cannot count instructions by
/// the time stamp counter, knows nothing of a second process that must be in a known state before each batch, and its own
/// bookkeeping between two readings would cost as much as the calls that are measured here.
namespace portico::bench {

enum class Unit { Instructions, Nanoseconds };

struct Settings {
    Unit unit = Unit::Instructions;
    unsigned batches = 25;
    unsigned operations = 400;  ///< in a batch
};

/// Of all batches, for one operation.
struct Figure {
    double minimum = 0;
    double median = 0;
};

/// The costs of the measurement itself, which are subtracted from every figure.
struct Overhead {
    double readings = 0;   ///< of the two readings around a batch
    double operation = 0;  ///< of one round of the loop around an operation
};

/// Runs the rows of one program, one after the other, and prints a line of JSON for each.
class Measure {
public:
    /// Measures its own overhead. Under Unit::Instructions it first makes sure that the counter does count instructions,
    /// by a loop of a known number of them, and ends the program if it does not.
    explicit Measure(Settings settings);

    const Settings& settings() const { return settings_; }
    const Overhead& overhead() const { return overhead_; }

    /// All reports up to the next are of this row.
    void begin_row(std::string_view name);

    /// Measures and reports `operation`, repeated.
    template <class Operation>
    void each(Operation operation) {
        report(figure_of(settings_.operations, repeated(operation), [] {}));
    }

    /// The same; `between` undoes unmeasured what each batch of `count` operations left behind.
    template <class Operation, class Between>
    void each_then(unsigned count, Operation operation, Between between) {
        report(figure_of(count, repeated(operation), between));
    }

    /// For several measurements in one row: what one of `count` operations costs that `batch(count)` makes.
    template <class Batch, class Between>
    Figure figure_of(unsigned count, Batch batch, Between between) {
        std::vector<double> samples;
        for (unsigned i = 0; i < kWarmUpBatches + settings_.batches; ++i) {
            const uint64_t begin = now();
            batch(count);
            const uint64_t end = now();
            if (i >= kWarmUpBatches)
                samples.push_back((static_cast<double>(end - begin) - overhead_.readings) / count - overhead_.operation);
            between();
        }
        return summarized(samples);
    }

    /// An operation as a batch.
    template <class Operation>
    static auto repeated(Operation& operation) {
        return [&operation](unsigned count) {
            for (unsigned i = 0; i < count; ++i) operation();
        };
    }

    void report(const Figure& figure);
    void report_bytes(double bytes);
    /// One curve of a plot.
    void report_series(std::string_view series, const std::vector<double>& x, const std::vector<Figure>& y);
    /// The row cannot be measured on this system.
    void report_absent(std::string_view why);
    /// The same, as the system has no such call: told with errno.
    void report_missing(std::string_view call);

    uint64_t now() const;

private:
    static constexpr unsigned kWarmUpBatches = 3;

    void check_counter() const;
    static Figure summarized(std::vector<double>& samples);
    std::string_view unit_name() const;

    Settings settings_;
    Overhead overhead_;
    std::string_view row_;
};

/// Ends the program with a line on stderr: a benchmark that goes on after an error would tell nonsense.
[[noreturn]] void give_up(std::string_view what, int64_t code);

}  // namespace portico::bench
