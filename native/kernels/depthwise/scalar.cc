#include "kernels/depthwise/depthwise.h"

namespace casc::scalar {

void depthwise(const float* source, const int32_t* taps, const float* weight, size_t tapCount,
               float* row, size_t width) {
  for (size_t k = 0; k < tapCount; ++k) {
    const float* from = source + taps[k];
    for (size_t i = 0; i < width; ++i) row[i] += weight[k] * from[i];
  }
}

}  // namespace casc::scalar
