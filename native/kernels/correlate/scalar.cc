#include "kernels/correlate/correlate.h"

namespace casc::scalar {

void correlate(const Correlation& job, const float* a, const float* source, float* c) {
  constexpr size_t kLanes = 8;  // independent sums, which the compiler may hold in vectors
  for (size_t r = 0; r < job.rows; ++r, a += job.rowStep, c += job.tapCount) {
    for (size_t t = 0; t < job.tapCount; ++t) {
      const float* x = source + job.taps[t];
      float sum[kLanes] = {};
      size_t p = 0;
      for (; p + kLanes <= job.length; p += kLanes) {
        for (size_t l = 0; l < kLanes; ++l) sum[l] += a[p + l] * x[p + l];
      }
      for (; p < job.length; ++p) sum[p % kLanes] += a[p] * x[p];
      for (size_t l = 1; l < kLanes; ++l) sum[0] += sum[l];
      c[t] += sum[0];
    }
  }
}

}  // namespace casc::scalar
