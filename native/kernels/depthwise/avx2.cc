#include "kernels/depthwise/depthwise.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define CASC_AVX2 __attribute__((target("avx2,fma")))

namespace casc::avx2 {
namespace {

/** V vectors of a row. */
template <int V>
CASC_AVX2 inline void vectors(const DepthwisePlane& plane, const float* source, const float* weight,
                              __m256 start, const float* startMap, float* output) {
  __m256 sum[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) sum[v] = startMap ? _mm256_loadu_ps(startMap + 8 * v) : start;
  for (size_t k = 0; k < plane.tapCount; ++k) {
    const float* from = source + plane.taps[k];
    const __m256 w = _mm256_broadcast_ss(weight + k);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = _mm256_fmadd_ps(w, _mm256_loadu_ps(from + 8 * v), sum[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) _mm256_storeu_ps(output + 8 * v, sum[v]);
}

}  // namespace

// Whole vectors only: what a row writes too much, the next one overwrites. (Masked stores are slow
// on AMD.)
CASC_AVX2 void depthwise(const DepthwisePlane& plane, const float* source, const float* weight,
                         float start, const float* startMap, float* output) {
  const __m256 constant = _mm256_set1_ps(start);
  for (size_t y = 0; y < plane.height; ++y) {
    const float* from = source + y * plane.rowStep;
    const float* map = startMap ? startMap + y * plane.width : nullptr;
    float* to = output + y * plane.width;
    size_t x = 0;
    for (; x + 24 < plane.width; x += 32) {
      vectors<4>(plane, from + x, weight, constant, map ? map + x : nullptr, to + x);
    }
    for (; x + 8 < plane.width; x += 16) {
      vectors<2>(plane, from + x, weight, constant, map ? map + x : nullptr, to + x);
    }
    if (x < plane.width) {
      vectors<1>(plane, from + x, weight, constant, map ? map + x : nullptr, to + x);
    }
  }
}

}  // namespace casc::avx2
#endif
