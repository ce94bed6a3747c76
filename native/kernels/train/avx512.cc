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

/** Four times sixteen small numbers as 64 bytes, in order. */
CASC_AVX512 inline __m512i packed(const __m512i* x) {
  const __m512i bytes =
      _mm512_packs_epi16(_mm512_packs_epi32(x[0], x[1]), _mm512_packs_epi32(x[2], x[3]));
  return _mm512_permutexvar_epi32(
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
}

/**
 * How often a neuron without input fires (negative: takes back) in at most `steps` ≤ kCoastSteps
 * sleep steps: ⌊v/θ⌋, or ⌈−v/θ⌉, as far as its count allows; v loses as many θ. below = n − 1.
 */
CASC_AVX512 inline __m512i coast(__m512i& v, __m512i theta, __m512i below, __m512i last,
                                 __m512i takers, int32_t steps) {
  const __m512i sign = _mm512_srai_epi32(v, 31), one = _mm512_set1_epi32(1);
  // ⌊rest/θ⌋ bit by bit: a subtraction that does not fit gives a number beyond all others.
  __m512i rest = _mm512_xor_si512(v, sign);
  __m512i missed = _mm512_setzero_si512();
  const auto divide = [&](int bit, __m512i times) __attribute__((always_inline)) CASC_AVX512 {
    const __m512i next = _mm512_sub_epi32(rest, times);
    rest = _mm512_min_epu32(rest, next);
    missed = _mm512_or_si512(missed, _mm512_slli_epi32(_mm512_srli_epi32(next, 31), bit));
  };
  divide(2, _mm512_slli_epi32(theta, 2));
  divide(1, _mm512_add_epi32(theta, theta));
  divide(0, theta);
  const __m512i whole = _mm512_srai_epi32(_mm512_sub_epi32(rest, theta), 31);  // −1: fewer than 8
  __m512i times = _mm512_sub_epi32(_mm512_set1_epi32(8), missed);
  times = _mm512_sub_epi32(_mm512_add_epi32(times, whole), sign);
  // n may rise to last + 2, fall to 0.
  const __m512i up = _mm512_sub_epi32(_mm512_add_epi32(last, one), below);
  const __m512i down = _mm512_and_si512(_mm512_add_epi32(below, one), takers);
  const __m512i room = _mm512_mask_mov_epi32(up, _mm512_movepi32_mask(sign), down);
  times = _mm512_min_epi32(times, _mm512_min_epi32(room, _mm512_set1_epi32(steps)));
  times = _mm512_max_epi32(times, _mm512_setzero_si512());
  times = _mm512_sub_epi32(_mm512_xor_si512(times, sign), sign);
  v = _mm512_sub_epi32(v, _mm512_mullo_epi32(times, theta));
  return times;
}

/** Neurons i to i + 63, those in `lanes`; returns whether one is pending. `Whole`: all lanes.
 * After `driven` steps they coast. */
template <bool Whole>
CASC_AVX512 inline bool run(const TrainJob& job, size_t i, __mmask64 lanes, size_t driven) {
  auto load = [=](const int32_t* p, size_t q) __attribute__((always_inline)) CASC_AVX512 {
    return Whole ? _mm512_loadu_si512(p + i + q * kLanes)
                 : _mm512_maskz_loadu_epi32(part(lanes, q), p + i + q * kLanes);
  };
  auto load16 = [=](const int16_t* p, size_t q) __attribute__((always_inline)) CASC_AVX512 {
    p += i + q * kLanes;
    return _mm512_cvtepi16_epi32(Whole ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))
                                       : _mm256_maskz_loadu_epi16(part(lanes, q), p));
  };
  auto load8 = [=](const int8_t* p, size_t q) __attribute__((always_inline)) CASC_AVX512 {
    p += i + q * kLanes;
    return _mm512_cvtepi8_epi32(Whole ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))
                                      : _mm_maskz_loadu_epi8(part(lanes, q), p));
  };
  // Stores of bytes might alias the job, so what the loop reads of it is copied first.
  const int32_t* const constant = job.constant;
  const int32_t* const factors = job.factors;
  const TrainStep* const steps = job.steps;
  const size_t stepCount = job.stepCount;
  TrainWords words;
  const __m512i one = _mm512_set1_epi32(1);
  const __m512i takers = _mm512_set1_epi32(job.negative ? -1 : 0);
  // Conditions are signs, spread over their lanes: instructions that make or join masks are few a
  // cycle. below[q] = n − 1.
  __m512i v[kParts], theta[kParts], below[kParts];
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) {
    v[q] = load(job.membrane, q);
    // Lanes that are not there never fire: their membranes are 0.
    theta[q] = Whole ? load(job.threshold, q)
                     : _mm512_mask_loadu_epi32(one, part(lanes, q), job.threshold + i + q * kLanes);
    below[q] = _mm512_sub_epi32(load8(job.count, q), one);
  }
  if (driven < stepCount) {
    __mmask16 large = 0;
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q)
      large |= _mm512_cmpgt_epi32_mask(theta[q], _mm512_set1_epi32(kCoastThreshold));
    if (large != 0) driven = stepCount;
  }
  // Of sleep steps without input: nothing happens after one in which nothing happened.
  bool quiet = false;
  for (size_t t = 0; t < driven; ++t) {
    const TrainStep step = steps[t];
    if (quiet && !step.current && !step.narrow && !step.shortcut && !step.awake) {
      words.plus[t] = words.minus[t] = 0;
      _mm512_mask_storeu_epi8(step.spikes + i, lanes, _mm512_setzero_si512());
      continue;
    }
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q) {
      if (step.current) v[q] = _mm512_add_epi32(v[q], load(step.current, q));
      if (step.narrow) v[q] = _mm512_add_epi32(v[q], load16(step.narrow, q));
      if (step.shortcut) {
        v[q] =
            _mm512_add_epi32(v[q], _mm512_mullo_epi32(load(factors, q), load8(step.shortcut, q)));
      }
      if (step.awake) v[q] = _mm512_add_epi32(v[q], load(constant, q));
    }
    const __m512i last = _mm512_set1_epi32(step.limit - 2);  // n − 1 from which a neuron fires
    __m512i s[kParts];
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q) {
      __m512i held = _mm512_or_si512(_mm512_sub_epi32(v[q], theta[q]), v[q]);
      // With one spike a step at most, the upper bound can only bind in sleep.
      if (!step.awake) held = _mm512_or_si512(held, _mm512_sub_epi32(last, below[q]));
      held = _mm512_srai_epi32(held, 31);  // 0 where a neuron fires, else −1
      const __m512i back =
          _mm512_srai_epi32(_mm512_and_si512(_mm512_andnot_si512(below[q], v[q]), takers), 31);
      v[q] = _mm512_sub_epi32(v[q], _mm512_andnot_si512(held, theta[q]));
      v[q] = _mm512_add_epi32(v[q], _mm512_and_si512(back, theta[q]));
      s[q] = _mm512_add_epi32(_mm512_add_epi32(held, one), back);
      below[q] = _mm512_add_epi32(below[q], s[q]);
    }
    const __m512i spikes = packed(s);
    const __mmask64 minus = _mm512_movepi8_mask(spikes);
    const __mmask64 plus = _mm512_cmpgt_epi8_mask(spikes, _mm512_setzero_si512());
    words.plus[t] = plus;
    words.minus[t] = minus;
    quiet = !step.awake && (plus | minus) == 0;
    if (Whole) {
      _mm512_storeu_si512(step.spikes + i, spikes);
    } else {
      _mm512_mask_storeu_epi8(step.spikes + i, lanes, spikes);
    }
  }
  for (size_t t = driven; t < stepCount; t += kCoastSteps) {
    const size_t count = stepCount - t < kCoastSteps ? stepCount - t : kCoastSteps;
    const __m512i last = _mm512_set1_epi32(steps[t].limit - 2);
    __m512i times[kParts];
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q) {
      times[q] = coast(v[q], theta[q], below[q], last, takers, static_cast<int32_t>(count));
      below[q] = _mm512_add_epi32(below[q], times[q]);
    }
    const __m512i left = packed(times);
    const bool back = _mm512_movepi8_mask(left) != 0;
    for (size_t k = 0; k < count; ++k) {
      const __m512i past = _mm512_set1_epi8(static_cast<char>(k));
      const __mmask64 plus = _mm512_cmpgt_epi8_mask(left, past);
      __m512i spikes = _mm512_maskz_set1_epi8(plus, 1);
      __mmask64 minus = 0;
      if (back) {
        minus = _mm512_cmplt_epi8_mask(left, _mm512_sub_epi8(_mm512_setzero_si512(), past));
        spikes = _mm512_mask_set1_epi8(spikes, minus, -1);
      }
      words.plus[t + k] = plus;
      words.minus[t + k] = minus;
      if (Whole) {
        _mm512_storeu_si512(steps[t + k].spikes + i, spikes);
      } else {
        _mm512_mask_storeu_epi8(steps[t + k].spikes + i, lanes, spikes);
      }
    }
  }
  tallyWords(job, job.word + i / 64, words);
  const __m512i limit = _mm512_set1_epi32((stepCount ? steps[stepCount - 1].limit : 0) - 1);
  bool pending = false;
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) {
    _mm512_mask_storeu_epi32(job.membrane + i + q * kLanes, part(lanes, q), v[q]);
    _mm512_mask_cvtepi32_storeu_epi8(job.count + i + q * kLanes, part(lanes, q),
                                     _mm512_add_epi32(below[q], one));
    const __mmask16 up =
        _mm512_mask_cmpge_epi32_mask(_mm512_cmplt_epi32_mask(below[q], limit), v[q], theta[q]);
    const __mmask16 down =
        _mm512_movepi32_mask(_mm512_and_si512(_mm512_andnot_si512(below[q], v[q]), takers));
    pending |= (up | down) != 0;
  }
  return pending;
}

}  // namespace

CASC_AVX512 bool trainAvx512(const TrainJob& job) {
  const size_t driven = drivenSteps(job);
  bool pending = false;
  size_t i = 0;
  for (; i + 64 <= job.length; i += 64) pending |= run<true>(job, i, ~__mmask64{0}, driven);
  if (i < job.length) pending |= run<false>(job, i, (__mmask64{1} << (job.length - i)) - 1, driven);
  return pending;
}

}  // namespace casc
#endif
