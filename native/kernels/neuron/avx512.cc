// The neuron kernel for AVX-512: sixteen neurons at a time, conditions in mask registers; the last
// of a row are done under a mask too.
#include "kernels/neuron/neuron.h"
#include "kernels/target.h"

#if CASC_HAS_AVX512
#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr size_t kLanes = 16;

/** What one rule needs in registers. */
struct Constants {
  __m512i limit;
  __mmask16 negative;  // all ones if negative spikes are allowed
  __m512i low;         // clip range of s
  __m512i high;
};

CASC_AVX512 inline Constants constantsOf(const NeuronRule& rule) {
  return {_mm512_set1_epi32(rule.limit()), static_cast<__mmask16>(rule.negative ? 0xFFFF : 0),
          _mm512_set1_epi32(rule.negative ? -rule.gamma : 0), _mm512_set1_epi32(rule.gamma)};
}

CASC_AVX512 inline __m512i load(__mmask16 lanes, const int32_t* p) {
  return _mm512_maskz_loadu_epi32(lanes, p);
}
CASC_AVX512 inline __m512 load(__mmask16 lanes, const float* p) {
  return _mm512_maskz_loadu_ps(lanes, p);
}
CASC_AVX512 inline void store(__mmask16 lanes, int32_t* p, __m512i x) {
  _mm512_mask_storeu_epi32(p, lanes, x);
}
CASC_AVX512 inline void store(__mmask16 lanes, float* p, __m512 x) {
  _mm512_mask_storeu_ps(p, lanes, x);
}
CASC_AVX512 inline __m512i plus(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
CASC_AVX512 inline __m512 plus(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }

CASC_AVX512 inline __mmask16 positive(__m512i n) {
  return _mm512_cmpgt_epi32_mask(n, _mm512_setzero_si512());
}

/** Where v ≥ θ and n allows a spike. */
CASC_AVX512 inline __mmask16 up(__m512i v, __m512i theta, __m512i n, const Constants& k) {
  return _mm512_mask_cmpge_epi32_mask(_mm512_cmplt_epi32_mask(n, k.limit), v, theta);
}
CASC_AVX512 inline __mmask16 up(__m512 v, __m512 theta, __m512i n, const Constants& k) {
  return _mm512_mask_cmp_ps_mask(_mm512_cmplt_epi32_mask(n, k.limit), v, theta, _CMP_GE_OQ);
}
/** Where v < 0 and n has a spike to take back. */
CASC_AVX512 inline __mmask16 down(__m512i v, __m512i n, const Constants& k) {
  const __mmask16 allowed = _mm512_mask_cmpgt_epi32_mask(k.negative, n, _mm512_setzero_si512());
  return _mm512_mask_cmplt_epi32_mask(allowed, v, _mm512_setzero_si512());
}
CASC_AVX512 inline __mmask16 down(__m512 v, __m512i n, const Constants& k) {
  const __mmask16 allowed = _mm512_mask_cmpgt_epi32_mask(k.negative, n, _mm512_setzero_si512());
  return _mm512_mask_cmp_ps_mask(allowed, v, _mm512_setzero_ps(), _CMP_LT_OQ);
}

/** v − fire·θ + back·θ, of which at most one applies; other lanes stay as they are. */
CASC_AVX512 inline __m512i reset(__m512i v, __mmask16 fire, __mmask16 back, __m512i theta) {
  return _mm512_mask_add_epi32(_mm512_mask_sub_epi32(v, fire, v, theta), back, v, theta);
}
CASC_AVX512 inline __m512 reset(__m512 v, __mmask16 fire, __mmask16 back, __m512 theta) {
  return _mm512_mask_add_ps(_mm512_mask_sub_ps(v, fire, v, theta), back, v, theta);
}

/** ⌊v/θ⌋ for |s| > 1. In double: the quotient of two 32-bit integers misses an integer by at least
 * 1/θ, far more than double's rounding error, so the floor is exact. */
CASC_AVX512 inline __m256i quotient(__m256i v, __m256i theta) {
  const __m512d q = _mm512_div_pd(_mm512_cvtepi32_pd(v), _mm512_cvtepi32_pd(theta));
  return _mm512_cvt_roundpd_epi32(q, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
CASC_AVX512 inline __m512i levels(__m512i v, __m512i theta, const Constants& k) {
  const __m256i low = quotient(_mm512_castsi512_si256(v), _mm512_castsi512_si256(theta));
  const __m256i high =
      quotient(_mm512_extracti64x4_epi64(v, 1), _mm512_extracti64x4_epi64(theta, 1));
  const __m512i q = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  return _mm512_min_epi32(_mm512_max_epi32(q, k.low), k.high);
}
CASC_AVX512 inline __m512i levels(__m512 v, __m512 theta, const Constants& k) {
  __m512 q =
      _mm512_roundscale_ps(_mm512_div_ps(v, theta), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  q = _mm512_min_ps(_mm512_max_ps(q, _mm512_cvtepi32_ps(k.low)), _mm512_cvtepi32_ps(k.high));
  return _mm512_cvttps_epi32(q);
}
CASC_AVX512 inline __m512i takeSpikes(__m512i v, __m512i s, __m512i theta) {
  return _mm512_sub_epi32(v, _mm512_mullo_epi32(s, theta));
}
CASC_AVX512 inline __m512 takeSpikes(__m512 v, __m512i s, __m512 theta) {
  return _mm512_sub_ps(v, _mm512_mul_ps(_mm512_cvtepi32_ps(s), theta));
}

/** What a row adds up to; pending lanes are or-ed. */
struct Sums {
  uint64_t positive = 0;
  uint64_t negative = 0;
  uint32_t pending = 0;
};

/** Neurons i to i + 15, those in `lanes`. Other lanes read as n = θ = v = 0. */
template <bool Burst, bool HasCurrent, class N>
CASC_AVX512 inline void stepSixteen(const NeuronRow<N>& row, size_t i, __mmask16 lanes,
                                    const Constants& k, Sums& sums) {
  const auto theta = load(lanes, row.threshold + i);
  auto v = load(lanes, row.membrane + i);
  __m512i n = load(lanes, row.count + i);
  if constexpr (HasCurrent) v = plus(v, load(lanes, row.current + i));
  if constexpr (Burst) {
    __m512i s = levels(v, theta, k);
    const __mmask16 above = positive(s);
    // Where s > 0 the upper bound decides, else the lower one: n ≤ 0 forbids only s ≤ 0, n ≥ limit
    // only s > 0.
    const auto allowed = static_cast<__mmask16>((above & _mm512_cmplt_epi32_mask(n, k.limit)) |
                                                (~above & positive(n)));
    s = _mm512_maskz_mov_epi32(allowed & lanes, s);
    v = takeSpikes(v, s, theta);
    n = _mm512_add_epi32(n, s);
    _mm512_mask_cvtepi32_storeu_epi8(row.spikes + i, lanes, s);
    if (_mm512_test_epi32_mask(s, s)) {
      const __m512i zero = _mm512_setzero_si512();
      sums.positive += static_cast<uint64_t>(_mm512_reduce_add_epi32(_mm512_max_epi32(s, zero)));
      sums.negative -= static_cast<uint64_t>(
          static_cast<int64_t>(_mm512_reduce_add_epi32(_mm512_min_epi32(s, zero))));
    }
  } else {
    const auto fire = static_cast<__mmask16>(up(v, theta, n, k) & lanes);
    const __mmask16 back = down(v, n, k);
    v = reset(v, fire, back, theta);
    const __m512i one = _mm512_set1_epi32(1);
    n = _mm512_mask_sub_epi32(_mm512_mask_add_epi32(n, fire, n, one), back, n, one);
    const __m128i s = _mm_mask_set1_epi8(_mm_maskz_set1_epi8(fire, 1), back, -1);
    _mm_mask_storeu_epi8(row.spikes + i, lanes, s);
    sums.positive += static_cast<uint64_t>(__builtin_popcount(fire));
    sums.negative += static_cast<uint64_t>(__builtin_popcount(back));
  }
  store(lanes, row.membrane + i, v);
  store(lanes, row.count + i, n);
  sums.pending |= static_cast<uint32_t>((up(v, theta, n, k) & lanes) | down(v, n, k));
}

template <bool Burst, bool HasCurrent, class N>
CASC_AVX512 NeuronTally run(const NeuronRow<N>& row, const NeuronRule& rule) {
  const Constants k = constantsOf(rule);
  Sums sums;
  size_t i = 0;
  for (; i + kLanes <= row.length; i += kLanes)
    stepSixteen<Burst, HasCurrent>(row, i, 0xFFFF, k, sums);
  if (i < row.length) {
    const __mmask16 lanes = avx512::lanesBelow(row.length - i);
    stepSixteen<Burst, HasCurrent>(row, i, lanes, k, sums);
  }
  return {sums.positive, sums.negative, sums.pending != 0};
}

template <class N>
CASC_AVX512 NeuronTally choose(const NeuronRow<N>& row, const NeuronRule& rule) {
  if (rule.gamma == 1)
    return row.current ? run<false, true>(row, rule) : run<false, false>(row, rule);
  return row.current ? run<true, true>(row, rule) : run<true, false>(row, rule);
}

}  // namespace

NeuronTally neuronStepAvx512(const NeuronRow<int32_t>& row, const NeuronRule& rule) {
  return choose(row, rule);
}
NeuronTally neuronStepAvx512(const NeuronRow<float>& row, const NeuronRule& rule) {
  return choose(row, rule);
}

}  // namespace casc
#endif
