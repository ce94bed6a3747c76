#include <cmath>

#include "kernels/snap/snap.h"

namespace casc::scalar {
namespace {

// Written so that NaN passes both comparisons unchanged.
inline float clip(float t, float lo, float hi) {
  t = t < lo ? lo : t;
  return t > hi ? hi : t;
}

}  // namespace

void snap(const float* x, float* y, size_t n, const Snap& grid) {
  const auto [offset, stepIn, stepOut, lo, hi, even] = grid;
  if (even) {
    for (size_t i = 0; i < n; ++i) {
      y[i] = stepOut * clip(std::nearbyint((x[i] + offset) / stepIn), lo, hi);
    }
  } else {
    for (size_t i = 0; i < n; ++i) {
      y[i] = stepOut * clip(std::floor((x[i] + offset) / stepIn), lo, hi);
    }
  }
}

void snapBackRest(const SnapPass& pass, const SnapRange& range, size_t begin, float* lanes) {
  for (size_t i = begin; i < pass.n; ++i) {
    const float x = pass.x[i], y = pass.y[i], g = pass.gradient[i];
    const bool inside = x > range.low && x < range.high;
    if (pass.to && inside) pass.to[i] += g;
    lanes[i % kSnapLanes] += g * (inside ? y - x : x <= range.low ? 0.0f : y);
  }
}

double sumOfLanes(const float* lanes) {
  double total = 0;
  for (size_t lane = 0; lane < kSnapLanes; ++lane) total += double{lanes[lane]};
  return total;
}

double snapBack(const SnapPass& pass, const SnapRange& range) {
  float lanes[kSnapLanes] = {};
  snapBackRest(pass, range, 0, lanes);
  return sumOfLanes(lanes);
}

}  // namespace casc::scalar
