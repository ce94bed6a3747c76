#include <algorithm>

#include "kernels/depthwise/depthwise.h"

namespace casc::scalar {

void depthwise(const DepthwisePlane& plane, const float* source, const float* weight, float start,
               const float* startMap, float* output) {
  for (size_t y = 0; y < plane.height; ++y, output += plane.width) {
    if (startMap) {
      std::copy_n(startMap + y * plane.width, plane.width, output);
    } else {
      std::fill_n(output, plane.width, start);
    }
    for (size_t k = 0; k < plane.tapCount; ++k) {
      const float* __restrict from = source + y * plane.rowStep + plane.taps[k];
      float* __restrict to = output;
      for (size_t x = 0; x < plane.width; ++x) to[x] += weight[k] * from[x];
    }
  }
}

}  // namespace casc::scalar
