// The spike train of a row for AVX2: 32 neurons at a time, their counts and spikes as bytes in one
// register, their membranes in four.
#include "kernels/target.h"
#include "kernels/train/words.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

namespace casc {
namespace {

constexpr size_t kBlock = 32, kLanes = 8, kParts = 4;

CASC_AVX2 inline __m256i load(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
CASC_AVX2 inline void store(void* p, __m256i x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), x);
}

CASC_AVX2 inline __m256i load16(const int16_t* p) {
  return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
CASC_AVX2 inline __m256i load8(const int8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

/** Four times eight small numbers as 32 bytes, in order. */
CASC_AVX2 inline __m256i packed(const __m256i* x) {
  const __m256i words =
      _mm256_packs_epi16(_mm256_packs_epi32(x[0], x[1]), _mm256_packs_epi32(x[2], x[3]));
  return _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

CASC_AVX2 inline uint64_t signs(__m256i x) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(x));
}

/** All bits set where v ≥ θ and n < limit; where v < 0 and n > 0. */
CASC_AVX2 inline __m256i firing(__m256i v, __m256i theta, __m256i n, __m256i limit) {
  return _mm256_andnot_si256(_mm256_cmpgt_epi32(theta, v), _mm256_cmpgt_epi32(limit, n));
}
CASC_AVX2 inline __m256i takingBack(__m256i v, __m256i n, __m256i allowed) {
  const __m256i below = _mm256_and_si256(_mm256_srai_epi32(v, 31), allowed);
  return _mm256_and_si256(below, _mm256_cmpgt_epi32(n, _mm256_setzero_si256()));
}

/** ⌊v/θ⌋ or −⌈−v/θ⌉, as the kernel for AVX-512 has it. */
CASC_AVX2 inline __m256i coast(__m256i& v, __m256i theta, __m256i n, __m256i limit, __m256i allowed,
                               int32_t steps) {
  const __m256i sign = _mm256_srai_epi32(v, 31);
  __m256i rest = _mm256_xor_si256(v, sign);
  __m256i missed = _mm256_setzero_si256();
  const auto divide = [&](int bit, __m256i times) __attribute__((always_inline)) CASC_AVX2 {
    const __m256i next = _mm256_sub_epi32(rest, times);
    rest = _mm256_min_epu32(rest, next);
    missed = _mm256_or_si256(missed, _mm256_slli_epi32(_mm256_srli_epi32(next, 31), bit));
  };
  divide(2, _mm256_slli_epi32(theta, 2));
  divide(1, _mm256_add_epi32(theta, theta));
  divide(0, theta);
  const __m256i whole = _mm256_srai_epi32(_mm256_sub_epi32(rest, theta), 31);  // −1: fewer than 8
  __m256i times = _mm256_sub_epi32(_mm256_set1_epi32(8), missed);
  times = _mm256_sub_epi32(_mm256_add_epi32(times, whole), sign);
  const __m256i room =
      _mm256_blendv_epi8(_mm256_sub_epi32(limit, n), _mm256_and_si256(n, allowed), sign);
  times = _mm256_min_epi32(times, _mm256_min_epi32(room, _mm256_set1_epi32(steps)));
  times = _mm256_max_epi32(times, _mm256_setzero_si256());
  times = _mm256_sub_epi32(_mm256_xor_si256(times, sign), sign);
  v = _mm256_sub_epi32(v, _mm256_mullo_epi32(times, theta));
  return times;
}

/** Neurons i to i + 31; their spikes go to bits `shift` and up of the words. After `driven` steps
 * they coast. */
CASC_AVX2 inline bool run(const TrainJob& job, size_t i, TrainWords& words, unsigned shift,
                          size_t driven) {
  // Stores of bytes might alias the job, so what the loop reads of it is copied first.
  const int32_t* const thresholds = job.threshold + i;
  const int32_t* const constant = job.constant + i;
  const int32_t* const factors = job.factors ? job.factors + i : nullptr;
  const TrainStep* const steps = job.steps;
  const size_t stepCount = job.stepCount;
  const __m256i allowed = _mm256_set1_epi8(job.negative ? -1 : 0);
  __m256i v[kParts], n[kParts];
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) {
    v[q] = load(job.membrane + i + q * kLanes);
    n[q] = load8(job.count + i + q * kLanes);
  }
  if (driven < stepCount) {
    __m256i large = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q)
      large = _mm256_or_si256(large, _mm256_cmpgt_epi32(load(thresholds + q * kLanes),
                                                        _mm256_set1_epi32(kCoastThreshold)));
    if (!_mm256_testz_si256(large, large)) driven = stepCount;
  }
  bool quiet = false;  // see the kernel for AVX-512
  for (size_t t = 0; t < driven; ++t) {
    const TrainStep step = steps[t];
    if (quiet && !step.current && !step.narrow && !step.shortcut && !step.awake) {
      store(step.spikes + i, _mm256_setzero_si256());
      continue;
    }
    const __m256i limit = _mm256_set1_epi32(step.limit);
    __m256i s[kParts];
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q) {
      if (step.current) v[q] = _mm256_add_epi32(v[q], load(step.current + i + q * kLanes));
      if (step.narrow) v[q] = _mm256_add_epi32(v[q], load16(step.narrow + i + q * kLanes));
      if (step.shortcut) {
        const __m256i spikes = load8(step.shortcut + i + q * kLanes);
        v[q] = _mm256_add_epi32(v[q], _mm256_mullo_epi32(load(factors + q * kLanes), spikes));
      }
      if (step.awake) v[q] = _mm256_add_epi32(v[q], load(constant + q * kLanes));
      const __m256i theta = load(thresholds + q * kLanes);
      const __m256i fire = firing(v[q], theta, n[q], limit);
      const __m256i back = takingBack(v[q], n[q], allowed);
      v[q] = _mm256_sub_epi32(v[q], _mm256_and_si256(fire, theta));
      v[q] = _mm256_add_epi32(v[q], _mm256_and_si256(back, theta));
      s[q] = _mm256_sub_epi32(back, fire);
      n[q] = _mm256_add_epi32(n[q], s[q]);
    }
    const __m256i spikes = packed(s);
    store(step.spikes + i, spikes);
    const uint64_t minus = signs(spikes),
                   plus = signs(_mm256_cmpgt_epi8(spikes, _mm256_setzero_si256()));
    quiet = !step.awake && (plus | minus) == 0;
    words.plus[t] |= plus << shift;
    words.minus[t] |= minus << shift;
  }
  for (size_t t = driven; t < stepCount; t += kCoastSteps) {
    const size_t count = stepCount - t < kCoastSteps ? stepCount - t : kCoastSteps;
    const __m256i limit = _mm256_set1_epi32(steps[t].limit);
    __m256i times[kParts];
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q) {
      const __m256i theta = load(thresholds + q * kLanes);
      times[q] = coast(v[q], theta, n[q], limit, allowed, static_cast<int32_t>(count));
      n[q] = _mm256_add_epi32(n[q], times[q]);
    }
    const __m256i left = packed(times);
    for (size_t k = 0; k < count; ++k) {
      const __m256i past = _mm256_set1_epi8(static_cast<char>(k));
      const __m256i plus = _mm256_cmpgt_epi8(left, past);
      const __m256i minus = _mm256_cmpgt_epi8(_mm256_sub_epi8(_mm256_setzero_si256(), past), left);
      store(steps[t + k].spikes + i, _mm256_or_si256(_mm256_abs_epi8(plus), minus));
      words.plus[t + k] |= signs(plus) << shift;
      words.minus[t + k] |= signs(minus) << shift;
    }
  }
  const __m256i limit = _mm256_set1_epi32(stepCount ? steps[stepCount - 1].limit : 0);
  __m256i pending = _mm256_setzero_si256();
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) {
    store(job.membrane + i + q * kLanes, v[q]);
    pending = _mm256_or_si256(pending, firing(v[q], load(thresholds + q * kLanes), n[q], limit));
    pending = _mm256_or_si256(pending, takingBack(v[q], n[q], allowed));
  }
  store(job.count + i, packed(n));
  return !_mm256_testz_si256(pending, pending);
}

}  // namespace

CASC_AVX2 bool trainAvx2(const TrainJob& job) {
  const size_t driven = drivenSteps(job);
  bool pending = false;
  size_t i = 0;
  for (; i + 2 * kBlock <= job.length; i += 2 * kBlock) {
    TrainWords words{};
    pending |= run(job, i, words, 0, driven);
    pending |= run(job, i + kBlock, words, kBlock, driven);
    tallyWords(job, job.word + i / 64, words);
  }
  return trainRest(job, i) || pending;
}

}  // namespace casc
#endif
