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

}  // namespace casc::scalar
