#include "kernels/correlate/correlate.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "kernels/avx2_lanes.h"
#include "kernels/correlate/tiles.h"

#define CASC_AVX2 __attribute__((target("avx2,fma")))

namespace casc::avx2 {
namespace {

CASC_AVX2 float sumOf(__m256 v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

// R × T sums; with 3 × 4 the twelve chains keep both multipliers busy and all fits 16 registers.
template <int R, int T>
CASC_AVX2 void tile(const float* a, size_t rowStep, const float* const* x, size_t length, float* c,
                    size_t cStep) {
  __m256 sum[R][T];
#pragma GCC unroll 3
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) sum[r][t] = _mm256_setzero_ps();
  }
  size_t p = 0;
  for (; p + 8 <= length; p += 8) {
    __m256 row[R];
#pragma GCC unroll 3
    for (int r = 0; r < R; ++r) row[r] = _mm256_loadu_ps(a + r * rowStep + p);
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const __m256 v = _mm256_loadu_ps(x[t] + p);
#pragma GCC unroll 3
      for (int r = 0; r < R; ++r) sum[r][t] = _mm256_fmadd_ps(row[r], v, sum[r][t]);
    }
  }
  if (p < length) {
    const __m256i mask = lanesBelow(static_cast<int>(length - p));
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const __m256 v = _mm256_maskload_ps(x[t] + p, mask);
#pragma GCC unroll 3
      for (int r = 0; r < R; ++r)
        sum[r][t] = _mm256_fmadd_ps(_mm256_maskload_ps(a + r * rowStep + p, mask), v, sum[r][t]);
    }
  }
#pragma GCC unroll 3
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) c[r * cStep + t] += sumOf(sum[r][t]);
  }
}

using Tile = void (*)(const float*, size_t, const float* const*, size_t, float*, size_t);
constexpr Tile kTiles[3][4] = {{tile<1, 1>, tile<1, 2>, tile<1, 3>, tile<1, 4>},
                               {tile<2, 1>, tile<2, 2>, tile<2, 3>, tile<2, 4>},
                               {tile<3, 1>, tile<3, 2>, tile<3, 3>, tile<3, 4>}};

}  // namespace

void correlate(const Correlation& job, const float* a, const float* source, float* c) {
  correlateTiles(job, a, source, c, kTiles);
}

}  // namespace casc::avx2
#endif
