// Rounding to a grid: quantised activations and the input grid; and the way back. What they do: see
// float_kernels.h.
#pragma once

#include "kernels/float_kernels.h"

namespace casc {

/** Lanes that snapBack sums in. */
inline constexpr size_t kSnapLanes = 16;

namespace scalar {
void snap(const float* x, float* y, size_t n, const Snap& grid);
double snapBack(const SnapPass& pass, const SnapRange& range);

/** Elements [begin, n), each into its lane. */
void snapBackRest(const SnapPass& pass, const SnapRange& range, size_t begin, float* lanes);
/** The lanes' sum, from first to last. */
double sumOfLanes(const float* lanes);
}  // namespace scalar

namespace avx2 {
void snap(const float* x, float* y, size_t n, const Snap& grid);
double snapBack(const SnapPass& pass, const SnapRange& range);
}  // namespace avx2

namespace avx512 {
double snapBack(const SnapPass& pass, const SnapRange& range);
}  // namespace avx512

}  // namespace casc
