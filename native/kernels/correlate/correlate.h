// Inner products of rows with shifted views of a plane: the weight gradient of a convolution. What
// the functions do: see float_kernels.h.
#pragma once

#include "kernels/float_kernels.h"

namespace casc::scalar {
void correlate(const Correlation& job, const float* a, const float* source, float* c);
}

namespace casc::avx2 {
void correlate(const Correlation& job, const float* a, const float* source, float* c);
}

namespace casc::avx512 {
void correlate(const Correlation& job, const float* a, const float* source, float* c);
}
