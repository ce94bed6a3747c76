// Rounding to a grid: quantised activations and the input grid. What it does: see float_kernels.h.
#pragma once

#include "kernels/float_kernels.h"

namespace casc::scalar {
void snap(const float* x, float* y, size_t n, const Snap& grid);
}  // namespace casc::scalar

namespace casc::avx2 {
void snap(const float* x, float* y, size_t n, const Snap& grid);
}  // namespace casc::avx2
