// The scatter kernel for AVX2: eight sums at a time, weights widened on the way in.
#include "kernels/scatter/scatter.h"
#include "kernels/target.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

namespace casc {
namespace {

/** Eight weights as the sums' type. */
CASC_AVX2 inline __m256i load8(const int8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
CASC_AVX2 inline __m256i load8(const int16_t* p) {
  return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
CASC_AVX2 inline __m256 load8(const float* p) { return _mm256_loadu_ps(p); }
CASC_AVX2 inline __m256i loadSums(const int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
CASC_AVX2 inline __m256 loadSums(const float* p) { return _mm256_loadu_ps(p); }
CASC_AVX2 inline void store(int32_t* p, __m256i x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
}
CASC_AVX2 inline void store(float* p, __m256 x) { _mm256_storeu_ps(p, x); }
CASC_AVX2 inline __m256i spread(int32_t value) { return _mm256_set1_epi32(value); }
CASC_AVX2 inline __m256 spread(float value) { return _mm256_set1_ps(value); }

struct Plus {
  CASC_AVX2 static __m256i apply(__m256i sum, __m256i w, __m256i) {
    return _mm256_add_epi32(sum, w);
  }
  CASC_AVX2 static __m256 apply(__m256 sum, __m256 w, __m256) { return _mm256_add_ps(sum, w); }
  static uint32_t apply(uint32_t sum, uint32_t w, uint32_t) { return sum + w; }
  static float apply(float sum, float w, float) { return sum + w; }
};
struct Minus {
  CASC_AVX2 static __m256i apply(__m256i sum, __m256i w, __m256i) {
    return _mm256_sub_epi32(sum, w);
  }
  CASC_AVX2 static __m256 apply(__m256 sum, __m256 w, __m256) { return _mm256_sub_ps(sum, w); }
  static uint32_t apply(uint32_t sum, uint32_t w, uint32_t) { return sum - w; }
  static float apply(float sum, float w, float) { return sum - w; }
};
struct Valued {
  CASC_AVX2 static __m256i apply(__m256i sum, __m256i w, __m256i value) {
    return _mm256_add_epi32(sum, _mm256_mullo_epi32(value, w));
  }
  CASC_AVX2 static __m256 apply(__m256 sum, __m256 w, __m256 value) {
    return _mm256_add_ps(sum, _mm256_mul_ps(value, w));
  }
  static uint32_t apply(uint32_t sum, uint32_t w, uint32_t value) { return sum + value * w; }
  static float apply(float sum, float w, float value) { return sum + value * w; }
};

template <class Op, class W>
inline void addOne(int32_t* sum, W w, int32_t value) {
  *sum = static_cast<int32_t>(Op::apply(static_cast<uint32_t>(*sum),
                                        static_cast<uint32_t>(static_cast<int32_t>(w)),
                                        static_cast<uint32_t>(value)));
}
template <class Op>
inline void addOne(float* sum, float w, float value) {
  *sum = Op::apply(*sum, w, value);
}

/** sums[0..length) op= row[0..length) */
template <class Op, class W, class N>
CASC_AVX2 inline void addRow(N* sums, const W* row, uint32_t length, N value) {
  const auto factor = spread(value);
  uint32_t i = 0;
  for (; i + 16 <= length; i += 16) {
    auto a = Op::apply(loadSums(sums + i), load8(row + i), factor);
    auto b = Op::apply(loadSums(sums + i + 8), load8(row + i + 8), factor);
    store(sums + i, a);
    store(sums + i + 8, b);
  }
  if (i + 8 <= length) {
    store(sums + i, Op::apply(loadSums(sums + i), load8(row + i), factor));
    i += 8;
  }
  for (; i < length; ++i) addOne<Op>(sums + i, row[i], value);
}

template <class Op, class W, class N>
CASC_AVX2 void scatter(const ScatterJob<N>& job) {
  const W* weights = static_cast<const W*>(job.weights);
  const RowTap* taps = job.taps;
  const size_t tapCount = job.tapCount;
  for (size_t e = 0; e < job.count; ++e) {
    const Event event = job.events[e];
    const N value = job.values ? job.values[e] : N(1);
    N* group = job.sums + (job.channelSums ? job.channelSums[event.c] : 0);
    const W* channel = weights + event.c * job.rowLength;
    const uint32_t end = job.columnBegin[event.x + 1];
    for (uint32_t r = job.columnBegin[event.x]; r < end; ++r) {
      const ColumnRun run = job.runs[r];
      for (size_t t = 0; t < tapCount; ++t)
        addRow<Op>(group + taps[t].sums + run.sums, channel + taps[t].weights + run.weights,
                   run.length, value);
    }
  }
}

}  // namespace

const Scatter<int32_t> scatterInt8Avx2{scatter<Plus, int8_t, int32_t>,
                                       scatter<Minus, int8_t, int32_t>,
                                       scatter<Valued, int8_t, int32_t>};
const Scatter<int32_t> scatterInt16Avx2{scatter<Plus, int16_t, int32_t>,
                                        scatter<Minus, int16_t, int32_t>,
                                        scatter<Valued, int16_t, int32_t>};
const Scatter<float> scatterFloat32Avx2{scatter<Plus, float, float>, scatter<Minus, float, float>,
                                        scatter<Valued, float, float>};

}  // namespace casc
#endif
