#include "kernels/snap/snap.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "kernels/avx2_lanes.h"

#define CASC_AVX2 __attribute__((target("avx2")))

namespace casc::avx2 {
namespace {

template <int Rounding>
CASC_AVX2 inline __m256 snapped(__m256 x, const Snap& grid) {
  __m256 t = _mm256_add_ps(x, _mm256_set1_ps(grid.offset));
  t = _mm256_round_ps(_mm256_div_ps(t, _mm256_set1_ps(grid.stepIn)), Rounding | _MM_FROUND_NO_EXC);
  // NaN as the second operand is what max and min return.
  t = _mm256_min_ps(_mm256_set1_ps(grid.hi), _mm256_max_ps(_mm256_set1_ps(grid.lo), t));
  return _mm256_mul_ps(_mm256_set1_ps(grid.stepOut), t);
}

template <int Rounding>
CASC_AVX2 void snapAll(const float* x, float* y, size_t n, const Snap& grid) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(y + i, snapped<Rounding>(_mm256_loadu_ps(x + i), grid));
  }
  if (i == n) return;
  const __m256i mask = lanesBelow(static_cast<int>(n - i));
  _mm256_maskstore_ps(y + i, mask, snapped<Rounding>(_mm256_maskload_ps(x + i, mask), grid));
}

}  // namespace

void snap(const float* x, float* y, size_t n, const Snap& grid) {
  if (grid.even) return snapAll<_MM_FROUND_TO_NEAREST_INT>(x, y, n, grid);
  snapAll<_MM_FROUND_TO_NEG_INF>(x, y, n, grid);
}

}  // namespace casc::avx2
#endif
