#include "kernels/depthwise/depthwise.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "kernels/avx2_lanes.h"

#define CASC_AVX2 __attribute__((target("avx2,fma")))

namespace casc::avx2 {
namespace {

// V vectors of the row, of which the last has `lanes` lanes (1..8).
template <int V>
CASC_AVX2 inline void vectors(const float* source, const int32_t* taps, const float* weight,
                              size_t tapCount, float* row, int lanes) {
  const __m256i mask = lanesBelow(lanes);
  __m256 sum[V];
#pragma GCC unroll 4
  for (int v = 0; v + 1 < V; ++v) sum[v] = _mm256_loadu_ps(row + 8 * v);
  sum[V - 1] = _mm256_maskload_ps(row + 8 * (V - 1), mask);
  for (size_t k = 0; k < tapCount; ++k) {
    const float* from = source + taps[k];
    const __m256 w = _mm256_broadcast_ss(weight + k);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = _mm256_fmadd_ps(w, _mm256_loadu_ps(from + 8 * v), sum[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v + 1 < V; ++v) _mm256_storeu_ps(row + 8 * v, sum[v]);
  _mm256_maskstore_ps(row + 8 * (V - 1), mask, sum[V - 1]);
}

}  // namespace

CASC_AVX2 void depthwise(const float* source, const int32_t* taps, const float* weight,
                         size_t tapCount, float* row, size_t width) {
  size_t i = 0;
  for (; i + 32 < width; i += 32) vectors<4>(source + i, taps, weight, tapCount, row + i, 8);
  const int rest = static_cast<int>(width - i);  // 1..32
  const int lanes = (rest - 1) % 8 + 1;
  switch ((rest + 7) / 8) {
    case 1:
      return vectors<1>(source + i, taps, weight, tapCount, row + i, lanes);
    case 2:
      return vectors<2>(source + i, taps, weight, tapCount, row + i, lanes);
    case 3:
      return vectors<3>(source + i, taps, weight, tapCount, row + i, lanes);
    default:
      return vectors<4>(source + i, taps, weight, tapCount, row + i, lanes);
  }
}

}  // namespace casc::avx2
#endif
