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

/** Four times eight signs as 32 bytes, in order: saturation keeps the sign, and zero for zero. */
CASC_AVX2 inline __m256i packed(const __m256i* x) {
  const __m256i words =
      _mm256_packs_epi16(_mm256_packs_epi32(x[0], x[1]), _mm256_packs_epi32(x[2], x[3]));
  return _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/** Where v ≥ θ and n < limit; where v < 0 and n > 0. */
CASC_AVX2 inline __m256i firing(const __m256i* v, const int32_t* theta, __m256i n, int8_t limit) {
  __m256i below[kParts];
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q)
    below[q] = _mm256_cmpgt_epi32(load(theta + q * kLanes), v[q]);
  return _mm256_andnot_si256(packed(below), _mm256_cmpgt_epi8(_mm256_set1_epi8(limit), n));
}
CASC_AVX2 inline __m256i takingBack(const __m256i* v, __m256i n, __m256i allowed) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i below = _mm256_cmpgt_epi8(zero, packed(v));
  return _mm256_and_si256(_mm256_and_si256(below, _mm256_cmpgt_epi8(n, zero)), allowed);
}

CASC_AVX2 inline uint64_t bits(__m256i x) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(x));
}

/** Neurons i to i + 31; their spikes go to bits `shift` and up of the words. */
CASC_AVX2 inline bool run(const TrainJob& job, size_t i, TrainWords& words, unsigned shift) {
  const __m256i allowed = _mm256_set1_epi8(job.negative ? -1 : 0);
  const int32_t* theta = job.threshold + i;
  __m256i v[kParts];
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) v[q] = load(job.membrane + i + q * kLanes);
  __m256i n = load(job.count + i);
  bool quiet = false;  // see the kernel for AVX-512
  for (size_t t = 0; t < job.stepCount; ++t) {
    const TrainStep& step = job.steps[t];
    if (quiet && !step.current && !step.narrow && !step.awake) {
      store(step.spikes + i, _mm256_setzero_si256());
      continue;
    }
    if (step.current) {
#pragma GCC unroll 4
      for (size_t q = 0; q < kParts; ++q)
        v[q] = _mm256_add_epi32(v[q], load(step.current + i + q * kLanes));
    }
    if (step.narrow) {
#pragma GCC unroll 4
      for (size_t q = 0; q < kParts; ++q)
        v[q] = _mm256_add_epi32(v[q], _mm256_cvtepi16_epi32(_mm_loadu_si128(
                                          reinterpret_cast<const __m128i*>(step.narrow + i + q * kLanes))));
    }
    if (step.awake) {
#pragma GCC unroll 4
      for (size_t q = 0; q < kParts; ++q)
        v[q] = _mm256_add_epi32(v[q], load(job.constant + i + q * kLanes));
    }
    const __m256i fire = firing(v, theta, n, step.limit);
    const __m256i back = takingBack(v, n, allowed);
    const __m256i s = _mm256_sub_epi8(back, fire);
    store(step.spikes + i, s);
    const uint64_t plus = bits(fire), minus = bits(back);
    quiet = !step.awake && (plus | minus) == 0;
    if ((plus | minus) == 0) continue;
    n = _mm256_add_epi8(n, s);
#pragma GCC unroll 4
    for (size_t q = 0; q < kParts; ++q) {
      const __m256i sign = _mm256_cvtepi8_epi32(
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(step.spikes + i + q * kLanes)));
      v[q] = _mm256_sub_epi32(v[q], _mm256_sign_epi32(load(theta + q * kLanes), sign));
    }
    words.plus[t] |= plus << shift;
    words.minus[t] |= minus << shift;
  }
#pragma GCC unroll 4
  for (size_t q = 0; q < kParts; ++q) store(job.membrane + i + q * kLanes, v[q]);
  store(job.count + i, n);
  const int8_t limit = job.stepCount ? job.steps[job.stepCount - 1].limit : int8_t{0};
  return bits(_mm256_or_si256(firing(v, theta, n, limit), takingBack(v, n, allowed))) != 0;
}

}  // namespace

CASC_AVX2 bool trainAvx2(const TrainJob& job) {
  bool pending = false;
  size_t i = 0;
  for (; i + 2 * kBlock <= job.length; i += 2 * kBlock) {
    TrainWords words{};
    pending |= run(job, i, words, 0);
    pending |= run(job, i + kBlock, words, kBlock);
    tallyWords(job, job.word + i / 64, words);
  }
  if (i == job.length) return pending;
  // The rest of a row, less than a word, goes the way of the specification.
  TrainStep steps[kTrainSteps];
  TrainJob rest = job;
  for (size_t t = 0; t < job.stepCount; ++t) {
    steps[t] = job.steps[t];
    if (steps[t].current) steps[t].current += i;
    if (steps[t].narrow) steps[t].narrow += i;
    steps[t].spikes += i;
  }
  rest.steps = steps;
  rest.membrane += i;
  rest.count += i;
  rest.threshold += i;
  rest.constant += i;
  rest.length -= i;
  rest.word += i / 64;
  return trainScalar(rest) || pending;
}

}  // namespace casc
#endif
