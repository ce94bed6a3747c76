// The time of a piece of work on a machine that does other things too: the fastest of many batches.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace casc {

struct Timing {
  double seconds = 0;        // of one repetition, in the fastest batch
  uint64_t repetitions = 0;  // in all
};

/** Repeats work() for about so many seconds; the first time does not count. */
template <class Work>
Timing fastest(double seconds, Work work) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  // Long beside the clock's resolution, short beside the time between two disturbances.
  constexpr double kBatch = 0.002;
  work();
  const auto start = Clock::now();
  work();
  const double once = std::max(since(start), 1e-9);
  const auto batch = static_cast<uint64_t>(std::clamp(kBatch / once, 1.0, 1e9));
  Timing timing{once, 1};
  const auto begin = Clock::now();
  do {
    const auto from = Clock::now();
    for (uint64_t i = 0; i < batch; ++i) work();
    timing.seconds = std::min(timing.seconds, since(from) / double(batch));
    timing.repetitions += batch;
  } while (since(begin) < seconds);
  return timing;
}

}  // namespace casc
