// Matrix product of packed weights and an implicit im2col matrix. What the functions do: see
// float_kernels.h.
#pragma once

#include "kernels/float_kernels.h"

namespace casc::scalar {
void pack(const float* source, const PanelRun* runs, size_t runCount, const int32_t* taps,
          size_t depth, float* panel);
void tile(const float* a, int rows, const float* panel, size_t depth, const float* start, float* c,
          size_t stride, int columns);
void dot(const float* weight, size_t rows, size_t depth, const float* x, float* y);
}  // namespace casc::scalar

namespace casc::avx2 {
void pack(const float* source, const PanelRun* runs, size_t runCount, const int32_t* taps,
          size_t depth, float* panel);
void tile(const float* a, int rows, const float* panel, size_t depth, const float* start, float* c,
          size_t stride, int columns);
void dot(const float* weight, size_t rows, size_t depth, const float* x, float* y);
}  // namespace casc::avx2

namespace casc::avx512 {
void pack(const float* source, const PanelRun* runs, size_t runCount, const int32_t* taps,
          size_t depth, float* panel);
void tile(const float* a, int rows, const float* panel, size_t depth, const float* start, float* c,
          size_t stride, int columns);
}  // namespace casc::avx512
