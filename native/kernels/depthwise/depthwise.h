// Depthwise convolution, a channel at a time. What it does: see float_kernels.h.
#pragma once

#include "kernels/float_kernels.h"

namespace casc::scalar {
void depthwise(const DepthwisePlane& plane, const float* source, const float* weight, float start,
               const float* startMap, float* output);
}  // namespace casc::scalar

namespace casc::avx2 {
void depthwise(const DepthwisePlane& plane, const float* source, const float* weight, float start,
               const float* startMap, float* output);
}  // namespace casc::avx2
