#include "engine/dense/histogram.h"

#include <algorithm>
#include <bit>

namespace casc::dense {

void Histogram::count(const float* values, size_t n) {
  constexpr uint32_t kInfinity = 0x7F800000;
  std::lock_guard lock(mutex_);
  float high = max_;
  float low = min_;
  for (size_t i = 0; i < n; ++i) {
    const float value = values[i];
    const auto bits = std::bit_cast<uint32_t>(value);
    if ((bits & kInfinity) == kInfinity) {
      ++nonFinite_;
      continue;
    }
    if (value > 0) {
      ++positive_[bits >> 16];
    } else {
      ++nonPositive_;
    }
    high = std::max(high, value);
    low = std::min(low, value);
  }
  // Adding zero makes −0 a 0: which of the two comes first depends on the order.
  max_ = high + 0.0f;
  min_ = low + 0.0f;
}

}  // namespace casc::dense
