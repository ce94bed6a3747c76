#include "engine/reconstruct/parameters.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace casc::reconstruct {
namespace {

/** Of input channel i of output channel m's group. */
float unitAt(const WeightRows& rows, const std::vector<float>& units, size_t m, size_t i) {
  return units[units.size() == 1 ? 0 : m / (rows.outputs / rows.groups) * rows.inputs + i];
}

}  // namespace

size_t Parameters::append(size_t node, Segment::Kind kind, const std::vector<float>& values,
                          float scale) {
  const size_t offset = values_.size();
  values_.insert(values_.end(), values.begin(), values.end());
  first_.resize(values_.size());
  second_.resize(values_.size());
  segments_.push_back({node, kind, offset, values.size(), scale});
  return offset;
}

void Parameters::step(const std::vector<float>& gradient, const float (&rates)[3]) {
  constexpr float kFirst = 0.9f, kSecond = 0.999f;
  constexpr float kSmallest = 1e-12f;  // gradients are those of a mean and may be small
  ++steps_;
  const auto n = static_cast<double>(steps_);
  const double correction =
      std::sqrt(1 - std::pow(double{kSecond}, n)) / (1 - std::pow(double{kFirst}, n));
  for (const Segment& segment : segments_) {
    const double relative = double{rates[static_cast<size_t>(segment.kind)]} * segment.scale;
    const auto rate = static_cast<float>(relative * correction);
    const size_t end = segment.offset + segment.length;
    for (size_t i = segment.offset; i < end; ++i) {
      const float g = gradient[i];
      first_[i] = kFirst * first_[i] + (1 - kFirst) * g;
      second_[i] = kSecond * second_[i] + (1 - kSecond) * g * g;
      values_[i] -= rate * first_[i] / (std::sqrt(second_[i]) + kSmallest);
    }
  }
}

void measureRows(const float* weight, const WeightRows& rows, const std::vector<float>& units,
                 float reach, std::vector<RowSize>& sizes) {
  for (size_t m = 0; m < rows.outputs; ++m) {
    double total = 0;
    for (size_t i = 0; i < rows.inputs; ++i) {
      const float unit = unitAt(rows, units, m, i);
      for (size_t t = 0; t < rows.taps; ++t) {
        const float size = std::fabs(*weight++) * unit;
        sizes[m].largest = std::max(sizes[m].largest, size);
        total += size;
      }
    }
    sizes[m].total += static_cast<float>(total * reach);
  }
}

void roundWeights(float* weight, const WeightRows& rows, const std::vector<float>& units,
                  const Grid& grid) {
  constexpr float kLess = 1 - 1e-6f;
  for (size_t m = 0; m < rows.outputs; ++m) {
    const float top =
        grid.largest[m] > 0 ? grid.largest[m] : std::numeric_limits<float>::infinity();
    for (size_t i = 0; i < rows.inputs; ++i) {
      const float unit = unitAt(rows, units, m, i);
      const float step = grid.step[m] / unit;
      for (size_t t = 0; t < rows.taps; ++t, ++weight) {
        const bool isTop = std::fabs(*weight) * unit >= top;
        const float whole =
            isTop ? std::copysign(grid.most, *weight) : std::nearbyint(*weight / step);
        *weight = step > 0 ? whole * step * kLess : 0;
      }
    }
  }
}

}  // namespace casc::reconstruct
