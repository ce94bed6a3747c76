// Distribution of a value over images, by the upper half of the float32 pattern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

namespace casc::dense {

inline constexpr size_t kHistogramBins = 32768;

/** Shared by all workers. Counts are integers, so the order in which images come does not matter.
 */
class Histogram {
 public:
  void count(const float* values, size_t n);

  const std::vector<uint64_t>& positive() const { return positive_; }
  uint64_t nonPositive() const { return nonPositive_; }
  uint64_t nonFinite() const { return nonFinite_; }
  /** Over finite values; −Infinity and Infinity where there is none. */
  float max() const { return max_; }
  float min() const { return min_; }

 private:
  std::mutex mutex_;
  std::vector<uint64_t> positive_ = std::vector<uint64_t>(kHistogramBins);
  uint64_t nonPositive_ = 0;
  uint64_t nonFinite_ = 0;
  float max_ = -std::numeric_limits<float>::infinity();
  float min_ = std::numeric_limits<float>::infinity();
};

}  // namespace casc::dense
