// The neuron kernel for AVX2: 32 neurons at a time, so that their spikes fill one 32-byte store.
#include "kernels/neuron/neuron.h"
#include "kernels/target.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

namespace casc {
namespace {

/** What one rule needs in registers. */
struct Constants {
  __m256i limit;
  __m256i negative;  // all ones if negative spikes are allowed
  __m256i low;       // clip range of s
  __m256i high;
};

CASC_AVX2 inline Constants constantsOf(const NeuronRule& rule) {
  return {_mm256_set1_epi32(rule.limit()), _mm256_set1_epi32(rule.negative ? -1 : 0),
          _mm256_set1_epi32(rule.negative ? -rule.gamma : 0), _mm256_set1_epi32(rule.gamma)};
}

CASC_AVX2 inline __m256i load(const int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
CASC_AVX2 inline __m256 load(const float* p) { return _mm256_loadu_ps(p); }
CASC_AVX2 inline void store(int32_t* p, __m256i x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
}
CASC_AVX2 inline void store(float* p, __m256 x) { _mm256_storeu_ps(p, x); }
CASC_AVX2 inline __m256i plus(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
CASC_AVX2 inline __m256 plus(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }

/** Masks: v ≥ θ, and v < 0. */
CASC_AVX2 inline __m256i reached(__m256i v, __m256i theta) {
  return _mm256_xor_si256(_mm256_cmpgt_epi32(theta, v), _mm256_set1_epi32(-1));
}
CASC_AVX2 inline __m256i reached(__m256 v, __m256 theta) {
  return _mm256_castps_si256(_mm256_cmp_ps(v, theta, _CMP_GE_OQ));
}
CASC_AVX2 inline __m256i below(__m256i v) { return _mm256_cmpgt_epi32(_mm256_setzero_si256(), v); }
CASC_AVX2 inline __m256i below(__m256 v) {
  return _mm256_castps_si256(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LT_OQ));
}

/** v − fire·θ + back·θ, fire and back being masks of which at most one is set. */
CASC_AVX2 inline __m256i reset(__m256i v, __m256i fire, __m256i back, __m256i theta) {
  return _mm256_add_epi32(_mm256_sub_epi32(v, _mm256_and_si256(fire, theta)),
                          _mm256_and_si256(back, theta));
}
CASC_AVX2 inline __m256 reset(__m256 v, __m256i fire, __m256i back, __m256 theta) {
  const __m256 minusTheta = _mm256_xor_ps(theta, _mm256_set1_ps(-0.0f));
  // One subtraction, as in the scalar code: a membrane of −0 stays −0.
  return _mm256_sub_ps(v, _mm256_or_ps(_mm256_and_ps(_mm256_castsi256_ps(fire), theta),
                                       _mm256_and_ps(_mm256_castsi256_ps(back), minusTheta)));
}

/** ⌊v/θ⌋ for |s| > 1. In double: the quotient of two 32-bit integers misses an integer by at least
 * 1/θ, far more than double's rounding error, so the floor is exact. */
CASC_AVX2 inline __m128i quotient(__m128i v, __m128i theta) {
  return _mm256_cvttpd_epi32(
      _mm256_floor_pd(_mm256_div_pd(_mm256_cvtepi32_pd(v), _mm256_cvtepi32_pd(theta))));
}
CASC_AVX2 inline __m256i levels(__m256i v, __m256i theta, const Constants& k) {
  __m128i low = quotient(_mm256_castsi256_si128(v), _mm256_castsi256_si128(theta));
  __m128i high = quotient(_mm256_extracti128_si256(v, 1), _mm256_extracti128_si256(theta, 1));
  __m256i q = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  return _mm256_min_epi32(_mm256_max_epi32(q, k.low), k.high);
}
CASC_AVX2 inline __m256i levels(__m256 v, __m256 theta, const Constants& k) {
  __m256 q = _mm256_floor_ps(_mm256_div_ps(v, theta));
  q = _mm256_min_ps(_mm256_max_ps(q, _mm256_cvtepi32_ps(k.low)), _mm256_cvtepi32_ps(k.high));
  return _mm256_cvttps_epi32(q);
}
CASC_AVX2 inline __m256i takeSpikes(__m256i v, __m256i s, __m256i theta) {
  return _mm256_sub_epi32(v, _mm256_mullo_epi32(s, theta));
}
CASC_AVX2 inline __m256 takeSpikes(__m256 v, __m256i s, __m256 theta) {
  return _mm256_sub_ps(v, _mm256_mul_ps(_mm256_cvtepi32_ps(s), theta));
}

/** Eight neurons; returns their spikes and ors into `pending`. */
template <bool Burst, bool HasCurrent, class N>
CASC_AVX2 inline __m256i stepEight(const NeuronRow<N>& row, size_t i, const Constants& k,
                                   __m256i& pending) {
  const __m256i zero = _mm256_setzero_si256();
  auto theta = load(row.threshold + i);
  auto v = load(row.membrane + i);
  __m256i n = load(row.count + i);
  if constexpr (HasCurrent) v = plus(v, load(row.current + i));
  __m256i s;
  if constexpr (Burst) {
    s = levels(v, theta, k);
    __m256i positive = _mm256_cmpgt_epi32(s, zero);
    // Where s > 0 the upper bound decides, else the lower one.
    __m256i allowed =
        _mm256_blendv_epi8(_mm256_cmpgt_epi32(n, zero), _mm256_cmpgt_epi32(k.limit, n), positive);
    // n ≤ 0 forbids only s ≤ 0, n ≥ limit only s > 0.
    s = _mm256_and_si256(s, allowed);
    v = takeSpikes(v, s, theta);
  } else {
    __m256i fire = _mm256_and_si256(reached(v, theta), _mm256_cmpgt_epi32(k.limit, n));
    __m256i back =
        _mm256_and_si256(_mm256_and_si256(below(v), k.negative), _mm256_cmpgt_epi32(n, zero));
    s = _mm256_sub_epi32(back, fire);  // a set mask is −1
    v = reset(v, fire, back, theta);
  }
  n = _mm256_add_epi32(n, s);
  store(row.membrane + i, v);
  store(row.count + i, n);
  __m256i up = _mm256_and_si256(reached(v, theta), _mm256_cmpgt_epi32(k.limit, n));
  __m256i down =
      _mm256_and_si256(_mm256_and_si256(below(v), k.negative), _mm256_cmpgt_epi32(n, zero));
  pending = _mm256_or_si256(pending, _mm256_or_si256(up, down));
  return s;
}

/** Σ of 32 unsigned bytes. */
CASC_AVX2 inline uint64_t sumBytes(__m256i x) {
  __m256i sums = _mm256_sad_epu8(x, _mm256_setzero_si256());
  __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  return static_cast<uint64_t>(_mm_extract_epi64(half, 0)) +
         static_cast<uint64_t>(_mm_extract_epi64(half, 1));
}

template <bool Burst, bool HasCurrent, class N>
CASC_AVX2 NeuronTally run(const NeuronRow<N>& row, const NeuronRule& rule) {
  const Constants k = constantsOf(rule);
  const __m256i zero = _mm256_setzero_si256();
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i pending = zero;
  NeuronTally tally;
  size_t i = 0;
  for (; i + 32 <= row.length; i += 32) {
    __m256i a = stepEight<Burst, HasCurrent>(row, i, k, pending);
    __m256i b = stepEight<Burst, HasCurrent>(row, i + 8, k, pending);
    __m256i c = stepEight<Burst, HasCurrent>(row, i + 16, k, pending);
    __m256i d = stepEight<Burst, HasCurrent>(row, i + 24, k, pending);
    // Packing works within 128-bit halves; `order` puts the groups of four back in line.
    __m256i s = _mm256_permutevar8x32_epi32(
        _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)), order);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row.spikes + i), s);
    if (_mm256_testz_si256(s, s)) continue;
    tally.positive += sumBytes(_mm256_max_epi8(s, zero));
    tally.negative += sumBytes(_mm256_max_epi8(_mm256_sub_epi8(zero, s), zero));
  }
  tally.pending = !_mm256_testz_si256(pending, pending);
  if (i < row.length) {
    NeuronRow<N> rest{row.membrane + i,  row.count + i,  HasCurrent ? row.current + i : nullptr,
                      row.threshold + i, row.spikes + i, row.length - i};
    NeuronTally more = neuronStepScalar(rest, rule);
    tally.positive += more.positive;
    tally.negative += more.negative;
    tally.pending = tally.pending || more.pending;
  }
  return tally;
}

template <class N>
CASC_AVX2 NeuronTally choose(const NeuronRow<N>& row, const NeuronRule& rule) {
  if (rule.gamma == 1)
    return row.current ? run<false, true>(row, rule) : run<false, false>(row, rule);
  return row.current ? run<true, true>(row, rule) : run<true, false>(row, rule);
}

}  // namespace

NeuronTally neuronStepAvx2(const NeuronRow<int32_t>& row, const NeuronRule& rule) {
  return choose(row, rule);
}
NeuronTally neuronStepAvx2(const NeuronRow<float>& row, const NeuronRule& rule) {
  return choose(row, rule);
}

}  // namespace casc
#endif
