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

CASC_AVX2 double snapBack(const SnapPass& pass, const SnapRange& range) {
  const __m256 low = _mm256_set1_ps(range.low), high = _mm256_set1_ps(range.high);
  __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  size_t i = 0;
  for (; i + kSnapLanes <= pass.n; i += kSnapLanes) {
    for (size_t half = 0; half < 2; ++half) {
      const size_t at = i + 8 * half;
      const __m256 x = _mm256_loadu_ps(pass.x + at), y = _mm256_loadu_ps(pass.y + at);
      const __m256 g = _mm256_loadu_ps(pass.gradient + at);
      const __m256 below = _mm256_cmp_ps(x, high, _CMP_LT_OQ);
      const __m256 inside = _mm256_and_ps(_mm256_cmp_ps(x, low, _CMP_GT_OQ), below);
      if (pass.to) {
        const __m256 to = _mm256_loadu_ps(pass.to + at);
        _mm256_storeu_ps(pass.to + at, _mm256_blendv_ps(to, _mm256_add_ps(to, g), inside));
      }
      __m256 part = _mm256_blendv_ps(y, _mm256_sub_ps(y, x), inside);
      part = _mm256_andnot_ps(_mm256_cmp_ps(x, low, _CMP_LE_OQ), part);
      sums[half] = _mm256_add_ps(sums[half], _mm256_mul_ps(g, part));
    }
  }
  alignas(32) float lanes[kSnapLanes];
  _mm256_store_ps(lanes, sums[0]);
  _mm256_store_ps(lanes + 8, sums[1]);
  scalar::snapBackRest(pass, range, i, lanes);
  return scalar::sumOfLanes(lanes);
}

}  // namespace casc::avx2
#endif
