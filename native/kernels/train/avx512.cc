// The spike train of a row for AVX-512: 64 neurons at a time, their membranes in four registers and
// their counts, eight bits each, in one, for all steps of the call.
#include "kernels/target.h"
#include "kernels/train/words.h"

#if CASC_HAS_AVX512
#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr size_t kLanes = 16, kParts = 4;

CASC_AVX512 inline __mmask16 part(__mmask64 lanes, size_t q) {
  return static_cast<__mmask16>(lanes >> (q * kLanes));
}

CASC_AVX512 inline __mmask64 joined(const __mmask16* parts) {
  return _mm512_kunpackd(_mm512_kunpackw(parts[3], parts[2]), _mm512_kunpackw(parts[1], parts[0]));
}

CASC_AVX512 inline __m512i widened(const int16_t* p, __mmask16 lanes) {
  return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(lanes, p));
}

/** Of sixteen neurons: where v ≥ θ and n < limit; where v < 0 and n > 0. */
CASC_AVX512 inline __mmask16 firing(__m512i v, __m512i theta, __m512i n, __m512i limit) {
  return _mm512_mask_cmpge_epi32_mask(_mm512_cmplt_epi32_mask(n, limit), v, theta);
}
CASC_AVX512 inline __mmask16 takingBack(__m512i v, __m512i n, __mmask16 allowed) {
  const __m512i zero = _mm512_setzero_si512();
  return _mm512_mask_cmplt_epi32_mask(_mm512_mask_cmpgt_epi32_mask(allowed, n, zero), v, zero);
}

/** Neurons i to i + 63, those in `lanes`; returns whether one is pending. `Whole`: all lanes. */
template <bool Whole>
CASC_AVX512 inline bool run(const TrainJob& job, size_t i, __mmask64 lanes) {
  auto load = [&](const int32_t* p, size_t q) __attribute__((always_inline)) CASC_AVX512 {
    return Whole ? _mm512_loadu_si512(p + i + q * kLanes)
                 : _mm512_maskz_loadu_epi32(part(lanes, q), p + i + q * kLanes);
  };
  // Stores of bytes might alias the job, so what the loop reads of it is copied first.
  const int32_t* const constant = job.constant;
  const TrainStep* const steps = job.steps;
  const size_t stepCount = job.stepCount;
  TrainWords words;
  const __m512i one = _mm512_set1_epi32(1);
  const __mmask16 takers = job.negative ? 0xFFFF : 0;
  __m512i v[kParts], theta[kParts], n[kParts];
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) {
    v[q] = load(job.membrane, q);
    // Lanes that are not there never fire: their membranes are 0.
    theta[q] = Whole ? load(job.threshold, q)
                     : _mm512_mask_loadu_epi32(one, part(lanes, q), job.threshold + i + q * kLanes);
    n[q] = _mm512_cvtepi8_epi32(
        _mm_maskz_loadu_epi8(part(lanes, q), job.count + i + q * kLanes));
  }
  // Of sleep steps without input: nothing happens after one in which nothing happened.
  bool quiet = false;
  for (size_t t = 0; t < stepCount; ++t) {
    const TrainStep step = steps[t];
    if (quiet && !step.current && !step.narrow && !step.awake) {
      words.plus[t] = words.minus[t] = 0;
      _mm512_mask_storeu_epi8(step.spikes + i, lanes, _mm512_setzero_si512());
      continue;
    }
    const __m512i limit = _mm512_set1_epi32(step.limit);
    __mmask16 fire[kParts], back[kParts];
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q) {
      if (step.current) v[q] = _mm512_add_epi32(v[q], load(step.current, q));
      if (step.narrow) v[q] = _mm512_add_epi32(v[q], widened(step.narrow + i + q * kLanes, part(lanes, q)));
      if (step.awake) v[q] = _mm512_add_epi32(v[q], load(constant, q));
      fire[q] = firing(v[q], theta[q], n[q], limit);
      back[q] = takingBack(v[q], n[q], takers);
      v[q] = _mm512_mask_sub_epi32(v[q], fire[q], v[q], theta[q]);
      v[q] = _mm512_mask_add_epi32(v[q], back[q], v[q], theta[q]);
      n[q] = _mm512_mask_add_epi32(n[q], fire[q], n[q], one);
      n[q] = _mm512_mask_sub_epi32(n[q], back[q], n[q], one);
    }
    const __mmask64 plus = joined(fire), minus = joined(back);
    quiet = !step.awake && (plus | minus) == 0;
    const __m512i s = _mm512_mask_set1_epi8(_mm512_maskz_set1_epi8(plus, 1), minus, -1);
    if (Whole) {
      _mm512_storeu_si512(step.spikes + i, s);
    } else {
      _mm512_mask_storeu_epi8(step.spikes + i, lanes, s);
    }
    words.plus[t] = plus;
    words.minus[t] = minus;
  }
  tallyWords(job, job.word + i / 64, words);
  const __m512i limit = _mm512_set1_epi32(stepCount ? steps[stepCount - 1].limit : 0);
  bool pending = false;
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) {
    _mm512_mask_storeu_epi32(job.membrane + i + q * kLanes, part(lanes, q), v[q]);
    _mm512_mask_cvtepi32_storeu_epi8(job.count + i + q * kLanes, part(lanes, q), n[q]);
    pending |= (firing(v[q], theta[q], n[q], limit) | takingBack(v[q], n[q], takers)) != 0;
  }
  return pending;
}

}  // namespace

CASC_AVX512 bool trainAvx512(const TrainJob& job) {
  bool pending = false;
  size_t i = 0;
  for (; i + 64 <= job.length; i += 64) pending |= run<true>(job, i, ~__mmask64{0});
  if (i < job.length) pending |= run<false>(job, i, (__mmask64{1} << (job.length - i)) - 1);
  return pending;
}

}  // namespace casc
#endif
