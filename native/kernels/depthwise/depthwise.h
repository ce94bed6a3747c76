// One output row of one channel. What it does: see float_kernels.h.
#pragma once

#include "kernels/float_kernels.h"

namespace casc::scalar {
void depthwise(const float* source, const int32_t* taps, const float* weight, size_t tapCount,
               float* row, size_t width);
}  // namespace casc::scalar

namespace casc::avx2 {
void depthwise(const float* source, const int32_t* taps, const float* weight, size_t tapCount,
               float* row, size_t width);
}  // namespace casc::avx2
