#include "kernels/correlate/correlate.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "kernels/avx512_lanes.h"
#include "kernels/correlate/tiles.h"

#define CASC_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

namespace casc::avx512 {
namespace {

template <int R, int T>
CASC_AVX512 void tile(const float* a, size_t rowStep, const float* const* x, size_t length,
                      float* c, size_t cStep) {
  __m512 sum[R][T];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) sum[r][t] = _mm512_setzero_ps();
  }
  for (size_t p = 0; p < length; p += 16) {
    const __mmask16 lanes = lanesBelow(length - p);
    __m512 row[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) row[r] = _mm512_maskz_loadu_ps(lanes, a + r * rowStep + p);
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const __m512 v = _mm512_maskz_loadu_ps(lanes, x[t] + p);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) sum[r][t] = _mm512_fmadd_ps(row[r], v, sum[r][t]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) c[r * cStep + t] += _mm512_reduce_add_ps(sum[r][t]);
  }
}

using Tile = void (*)(const float*, size_t, const float* const*, size_t, float*, size_t);
constexpr Tile kTiles[4][4] = {{tile<1, 1>, tile<1, 2>, tile<1, 3>, tile<1, 4>},
                               {tile<2, 1>, tile<2, 2>, tile<2, 3>, tile<2, 4>},
                               {tile<3, 1>, tile<3, 2>, tile<3, 3>, tile<3, 4>},
                               {tile<4, 1>, tile<4, 2>, tile<4, 3>, tile<4, 4>}};

}  // namespace

void correlate(const Correlation& job, const float* a, const float* source, float* c) {
  correlateTiles(job, a, source, c, kTiles);
}

}  // namespace casc::avx512
#endif
