// No dot product here: it waits for memory, and AVX2 is as fast.
#include "kernels/gemm/gemm.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "kernels/avx512_lanes.h"

#define CASC_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

namespace casc::avx512 {
namespace {

static_assert(kTileColumns == 16);

// R × 16 sums, twice: even and odd k. With R = 6, twelve independent chains keep both multipliers
// busy.
template <int R>
CASC_AVX512 void rows(const float* a, const float* panel, size_t depth, const float* start,
                      float* c, size_t stride, __mmask16 lanes) {
  __m512 even[R], odd[R];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    even[r] = start ? _mm512_set1_ps(start[r]) : _mm512_maskz_loadu_ps(lanes, c + r * stride);
    odd[r] = _mm512_setzero_ps();
  }
  size_t k = 0;
  for (; k + 2 <= depth; k += 2, a += 2 * R, panel += 2 * kTileColumns) {
    const __m512 first = _mm512_loadu_ps(panel);
    const __m512 second = _mm512_loadu_ps(panel + kTileColumns);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      even[r] = _mm512_fmadd_ps(_mm512_set1_ps(a[r]), first, even[r]);
      odd[r] = _mm512_fmadd_ps(_mm512_set1_ps(a[R + r]), second, odd[r]);
    }
  }
  if (k < depth) {
    const __m512 last = _mm512_loadu_ps(panel);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) even[r] = _mm512_fmadd_ps(_mm512_set1_ps(a[r]), last, even[r]);
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
    _mm512_mask_storeu_ps(c + r * stride, lanes, _mm512_add_ps(even[r], odd[r]));
}

}  // namespace

CASC_AVX512 void pack(const float* source, const PanelRun* runs, size_t runCount,
                      const int32_t* taps, size_t depth, float* panel) {
  // Each run's lanes are loaded under a mask, and only they are read.
  __mmask16 keep[kTileColumns];
  for (size_t i = 0; i < runCount; ++i)
    keep[i] = static_cast<__mmask16>(lanesBelow(runs[i].end) & ~lanesBelow(runs[i].begin));
  for (size_t k = 0; k < depth; ++k, panel += kTileColumns) {
    __m512 whole = _mm512_setzero_ps();
    for (size_t i = 0; i < runCount; ++i)
      whole = _mm512_mask_loadu_ps(whole, keep[i], source + taps[k] + runs[i].offset);
    _mm512_storeu_ps(panel, whole);
  }
}

void tile(const float* a, int rowCount, const float* panel, size_t depth, const float* start,
          float* c, size_t stride, int columns) {
  static_assert(kTileRows == 6);
  using Rows =
      void (*)(const float*, const float*, size_t, const float*, float*, size_t, __mmask16);
  constexpr Rows kByRows[] = {rows<1>, rows<2>, rows<3>, rows<4>, rows<5>, rows<6>};
  kByRows[rowCount - 1](a, panel, depth, start, c, stride,
                        lanesBelow(static_cast<size_t>(columns)));
}

}  // namespace casc::avx512
#endif
