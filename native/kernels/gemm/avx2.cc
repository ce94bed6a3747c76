#include "kernels/gemm/gemm.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <algorithm>

#include "kernels/avx2_lanes.h"

#define CASC_AVX2 __attribute__((target("avx2,fma")))

namespace casc::avx2 {
namespace {

// R × 16 sums in 2·R registers: with R = 6, twelve independent chains keep both multipliers busy.
template <int R>
CASC_AVX2 void rows(const float* a, const float* panel, size_t depth, const float* start, float* c,
                    size_t stride) {
  __m256 sum[R][2];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    if (start) {
      sum[r][0] = sum[r][1] = _mm256_set1_ps(start[r]);
    } else {
      sum[r][0] = _mm256_loadu_ps(c + r * stride);
      sum[r][1] = _mm256_loadu_ps(c + r * stride + 8);
    }
  }
  for (size_t k = 0; k < depth; ++k, a += R, panel += kTileColumns) {
    const __m256 left = _mm256_loadu_ps(panel);
    const __m256 right = _mm256_loadu_ps(panel + 8);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const __m256 weight = _mm256_broadcast_ss(a + r);
      sum[r][0] = _mm256_fmadd_ps(weight, left, sum[r][0]);
      sum[r][1] = _mm256_fmadd_ps(weight, right, sum[r][1]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    _mm256_storeu_ps(c + r * stride, sum[r][0]);
    _mm256_storeu_ps(c + r * stride + 8, sum[r][1]);
  }
}

CASC_AVX2 float sumOf(__m256 v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

template <int R>
CASC_AVX2 void dotRows(const float* weight, size_t depth, const float* x, float* y) {
  __m256 sum[R][2];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
  size_t k = 0;
  for (; k + 16 <= depth; k += 16) {
    const __m256 left = _mm256_loadu_ps(x + k);
    const __m256 right = _mm256_loadu_ps(x + k + 8);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const float* row = weight + r * depth + k;
      sum[r][0] = _mm256_fmadd_ps(_mm256_loadu_ps(row), left, sum[r][0]);
      sum[r][1] = _mm256_fmadd_ps(_mm256_loadu_ps(row + 8), right, sum[r][1]);
    }
  }
  for (; k < depth; k += 8) {
    const __m256i mask = lanesBelow(static_cast<int>(depth - k < 8 ? depth - k : 8));
    const __m256 part = _mm256_maskload_ps(x + k, mask);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const __m256 row = _mm256_maskload_ps(weight + r * depth + k, mask);
      sum[r][0] = _mm256_fmadd_ps(row, part, sum[r][0]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) y[r] += sumOf(_mm256_add_ps(sum[r][0], sum[r][1]));
}

}  // namespace

CASC_AVX2 void pack(const float* source, const PanelRun* runs, size_t runCount, const int32_t* taps,
                    size_t depth, float* panel) {
  if (runCount == 1 && runs[0].begin == 0 && runs[0].end == kTileColumns) {
    source += runs[0].offset;
    for (size_t k = 0; k < depth; ++k, panel += kTileColumns) {
      _mm256_storeu_ps(panel, _mm256_loadu_ps(source + taps[k]));
      _mm256_storeu_ps(panel + 8, _mm256_loadu_ps(source + taps[k] + 8));
    }
    return;
  }
  // Each run is a whole load of the panel's width, of which the run's lanes are kept.
  __m256 keep[kTileColumns][2];
  for (size_t i = 0; i < runCount; ++i) {
    const int begin = runs[i].begin, end = runs[i].end;
    keep[i][0] = _mm256_castsi256_ps(lanesBetween(begin, end));
    keep[i][1] = _mm256_castsi256_ps(lanesBetween(begin - 8, end - 8));
  }
  for (size_t k = 0; k < depth; ++k, panel += kTileColumns) {
    __m256 left = _mm256_setzero_ps();
    __m256 right = _mm256_setzero_ps();
    for (size_t i = 0; i < runCount; ++i) {
      const float* from = source + taps[k] + runs[i].offset;
      left = _mm256_blendv_ps(left, _mm256_loadu_ps(from), keep[i][0]);
      right = _mm256_blendv_ps(right, _mm256_loadu_ps(from + 8), keep[i][1]);
    }
    _mm256_storeu_ps(panel, left);
    _mm256_storeu_ps(panel + 8, right);
  }
}

void tile(const float* a, int rowCount, const float* panel, size_t depth, const float* start,
          float* c, size_t stride, int columns) {
  static_assert(kTileRows == 6 && kTileColumns == 16);
  using Rows = void (*)(const float*, const float*, size_t, const float*, float*, size_t);
  constexpr Rows kByRows[] = {rows<1>, rows<2>, rows<3>, rows<4>, rows<5>, rows<6>};
  const Rows whole = kByRows[rowCount - 1];
  if (columns == kTileColumns) return whole(a, panel, depth, start, c, stride);
  // The last columns: computed aside. (Masked stores are slow on AMD.)
  float aside[kTileRows * kTileColumns] = {};
  for (int r = 0; !start && r < rowCount; ++r) {
    std::copy_n(c + r * stride, columns, aside + r * kTileColumns);
  }
  whole(a, panel, depth, start, aside, kTileColumns);
  for (int r = 0; r < rowCount; ++r) {
    std::copy_n(aside + r * kTileColumns, columns, c + r * stride);
  }
}

void dot(const float* weight, size_t rowCount, size_t depth, const float* x, float* y) {
  size_t r = 0;
  for (; r + 4 <= rowCount; r += 4) dotRows<4>(weight + r * depth, depth, x, y + r);
  for (; r < rowCount; ++r) dotRows<1>(weight + r * depth, depth, x, y + r);
}

}  // namespace casc::avx2
#endif
