// The spike train of a row for NEON: 16 neurons at a time, their membranes and counts in four
// registers each.
#include "kernels/target.h"
#include "kernels/train/words.h"

#if CASC_HAS_NEON
#include <arm_neon.h>

namespace casc {
namespace {

constexpr size_t kBlock = 16, kLanes = 4, kParts = 4, kWord = 64;

/** Sixteen small numbers, four to a register. */
struct Wide {
  int32x4_t part[kParts];
};

inline Wide widened(int8x16_t x) {
  const int16x8_t low = vmovl_s8(vget_low_s8(x)), high = vmovl_high_s8(x);
  return {{vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)),
           vmovl_high_s16(high)}};
}

inline int8x16_t narrowed(const int32x4_t* x) {
  const int16x8_t low = vmovn_high_s32(vmovn_s32(x[0]), x[1]);
  return vmovn_high_s16(vmovn_s16(low), vmovn_high_s32(vmovn_s32(x[2]), x[3]));
}

/** The lanes of a mask as bits. */
inline uint64_t bitsOf(uint8x16_t mask) {
  constexpr uint8_t kBits[] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t bits = vandq_u8(mask, vld1q_u8(kBits));
  return uint64_t{vaddv_u8(vget_low_u8(bits))} | uint64_t{vaddv_u8(vget_high_u8(bits))} << 8;
}

/** All bits set where v ≥ θ and n < limit; where v < 0 and n > 0. */
inline uint32x4_t firing(int32x4_t v, int32x4_t theta, int32x4_t n, int32x4_t limit) {
  return vandq_u32(vcgeq_s32(v, theta), vcltq_s32(n, limit));
}
inline uint32x4_t takingBack(int32x4_t v, int32x4_t n, uint32x4_t allowed) {
  return vandq_u32(vandq_u32(vcltzq_s32(v), vcgtzq_s32(n)), allowed);
}

/** Neurons i to i + 15; their spikes go to bits `shift` and up of the words. */
bool run(const TrainJob& job, size_t i, TrainWords& words, unsigned shift) {
  // Stores of bytes might alias the job, so what the loop reads of it is copied first.
  const int32_t* const thresholds = job.threshold + i;
  const int32_t* const constant = job.constant + i;
  const int32_t* const factors = job.factors ? job.factors + i : nullptr;
  const TrainStep* const steps = job.steps;
  const size_t stepCount = job.stepCount;
  const uint32x4_t allowed = vdupq_n_u32(job.negative ? ~0u : 0u);
  int32x4_t v[kParts], theta[kParts];
  for (size_t q = 0; q < kParts; ++q) {
    v[q] = vld1q_s32(job.membrane + i + q * kLanes);
    theta[q] = vld1q_s32(thresholds + q * kLanes);
  }
  Wide n = widened(vld1q_s8(job.count + i));
  // Of sleep steps without input: nothing happens after one in which nothing happened.
  bool quiet = false;
  for (size_t t = 0; t < stepCount; ++t) {
    const TrainStep step = steps[t];
    if (quiet && !step.current && !step.narrow && !step.shortcut && !step.awake) {
      vst1q_s8(step.spikes + i, vdupq_n_s8(0));
      continue;
    }
    for (size_t q = 0; q < kParts; ++q) {
      const size_t at = i + q * kLanes;
      if (step.current) v[q] = vaddq_s32(v[q], vld1q_s32(step.current + at));
      if (step.narrow) v[q] = vaddw_s16(v[q], vld1_s16(step.narrow + at));
      if (step.awake) v[q] = vaddq_s32(v[q], vld1q_s32(constant + q * kLanes));
    }
    if (step.shortcut) {
      const Wide spikes = widened(vld1q_s8(step.shortcut + i));
      for (size_t q = 0; q < kParts; ++q)
        v[q] = vmlaq_s32(v[q], vld1q_s32(factors + q * kLanes), spikes.part[q]);
    }
    const int32x4_t limit = vdupq_n_s32(step.limit);
    int32x4_t s[kParts];
    for (size_t q = 0; q < kParts; ++q) {
      const uint32x4_t fire = firing(v[q], theta[q], n.part[q], limit);
      const uint32x4_t back = takingBack(v[q], n.part[q], allowed);
      s[q] = vreinterpretq_s32_u32(vsubq_u32(back, fire));  // a set mask is −1
      v[q] = vmlsq_s32(v[q], s[q], theta[q]);
      n.part[q] = vaddq_s32(n.part[q], s[q]);
    }
    const int8x16_t spikes = narrowed(s);
    vst1q_s8(step.spikes + i, spikes);
    const uint64_t minus = bitsOf(vcltzq_s8(spikes)), plus = bitsOf(vcgtzq_s8(spikes));
    quiet = !step.awake && (plus | minus) == 0;
    words.plus[t] |= plus << shift;
    words.minus[t] |= minus << shift;
  }
  const int32x4_t limit = vdupq_n_s32(stepCount ? steps[stepCount - 1].limit : 0);
  uint32x4_t pending = vdupq_n_u32(0);
  for (size_t q = 0; q < kParts; ++q) {
    vst1q_s32(job.membrane + i + q * kLanes, v[q]);
    pending = vorrq_u32(pending, firing(v[q], theta[q], n.part[q], limit));
    pending = vorrq_u32(pending, takingBack(v[q], n.part[q], allowed));
  }
  vst1q_s8(job.count + i, narrowed(n.part));
  return vmaxvq_u32(pending) != 0;
}

}  // namespace

bool trainNeon(const TrainJob& job) {
  bool pending = false;
  size_t i = 0;
  for (; i + kWord <= job.length; i += kWord) {
    TrainWords words{};
    for (unsigned block = 0; block < kWord; block += kBlock)
      pending |= run(job, i + block, words, block);
    tallyWords(job, job.word + i / kWord, words);
  }
  return trainRest(job, i) || pending;
}

}  // namespace casc
#endif
