// The neuron kernel for NEON: 16 neurons at a time, so that their spikes fill one store.
#include "kernels/neuron/neuron.h"
#include "kernels/target.h"

#if CASC_HAS_NEON
#include <arm_neon.h>

namespace casc {
namespace {

constexpr size_t kBlock = 16, kLanes = 4;

/** What one rule needs in registers. */
struct Constants {
  int32x4_t limit;
  uint32x4_t negative;  // all ones if negative spikes are allowed
  int32x4_t low, high;  // clip range of s
};

inline int32x4_t load(const int32_t* p) { return vld1q_s32(p); }
inline float32x4_t load(const float* p) { return vld1q_f32(p); }
inline void store(int32_t* p, int32x4_t x) { vst1q_s32(p, x); }
inline void store(float* p, float32x4_t x) { vst1q_f32(p, x); }
inline int32x4_t plus(int32x4_t a, int32x4_t b) { return vaddq_s32(a, b); }
inline float32x4_t plus(float32x4_t a, float32x4_t b) { return vaddq_f32(a, b); }

/** Masks: v ≥ θ, and v < 0. */
inline uint32x4_t reached(int32x4_t v, int32x4_t theta) { return vcgeq_s32(v, theta); }
inline uint32x4_t reached(float32x4_t v, float32x4_t theta) { return vcgeq_f32(v, theta); }
inline uint32x4_t below(int32x4_t v) { return vcltzq_s32(v); }
inline uint32x4_t below(float32x4_t v) { return vcltzq_f32(v); }

/** ⌊v/θ⌋ for |s| > 1. In double: the quotient of two 32-bit integers misses an integer by at least
 * 1/θ, far more than double's rounding error, so the floor is exact. */
inline int32x2_t quotient(int32x2_t v, int32x2_t theta) {
  const float64x2_t exact = vdivq_f64(vcvtq_f64_s64(vmovl_s32(v)), vcvtq_f64_s64(vmovl_s32(theta)));
  return vmovn_s64(vcvtmq_s64_f64(exact));
}
inline int32x4_t levels(int32x4_t v, int32x4_t theta, const Constants& k) {
  const int32x4_t q = vcombine_s32(quotient(vget_low_s32(v), vget_low_s32(theta)),
                                   quotient(vget_high_s32(v), vget_high_s32(theta)));
  return vminq_s32(vmaxq_s32(q, k.low), k.high);
}
/** The "number" maximum, so that NaN ends at `low`. */
inline int32x4_t levels(float32x4_t v, float32x4_t theta, const Constants& k) {
  const float32x4_t q = vmaxnmq_f32(vrndmq_f32(vdivq_f32(v, theta)), vcvtq_f32_s32(k.low));
  return vcvtq_s32_f32(vminq_f32(q, vcvtq_f32_s32(k.high)));
}
inline int32x4_t takeSpikes(int32x4_t v, int32x4_t s, int32x4_t theta) {
  return vmlsq_s32(v, s, theta);
}
inline float32x4_t takeSpikes(float32x4_t v, int32x4_t s, float32x4_t theta) {
  return vsubq_f32(v, vmulq_f32(vcvtq_f32_s32(s), theta));
}

/** Where a neuron fires in a step without input. */
template <class V>
inline uint32x4_t up(V v, V theta, int32x4_t n, const Constants& k) {
  return vandq_u32(reached(v, theta), vcltq_s32(n, k.limit));
}
template <class V>
inline uint32x4_t down(V v, int32x4_t n, const Constants& k) {
  return vandq_u32(vandq_u32(below(v), vcgtzq_s32(n)), k.negative);
}

/** Four neurons; returns their spikes and ors into `pending`. */
template <bool Burst, bool HasCurrent, class N>
inline int32x4_t stepFour(const NeuronRow<N>& row, size_t i, const Constants& k,
                          uint32x4_t& pending) {
  const auto theta = load(row.threshold + i);
  auto v = load(row.membrane + i);
  int32x4_t n = vld1q_s32(row.count + i);
  if constexpr (HasCurrent) v = plus(v, load(row.current + i));
  int32x4_t s;
  if constexpr (Burst) {
    s = levels(v, theta, k);
    // Where s > 0 the upper bound decides, else the lower one: n ≤ 0 forbids only s ≤ 0, n ≥ limit
    // only s > 0.
    const uint32x4_t allowed = vbslq_u32(vcgtzq_s32(s), vcltq_s32(n, k.limit), vcgtzq_s32(n));
    s = vandq_s32(s, vreinterpretq_s32_u32(allowed));
  } else {
    // A set mask is −1.
    s = vreinterpretq_s32_u32(vsubq_u32(down(v, n, k), up(v, theta, n, k)));
  }
  v = takeSpikes(v, s, theta);
  n = vaddq_s32(n, s);
  store(row.membrane + i, v);
  vst1q_s32(row.count + i, n);
  pending = vorrq_u32(pending, vorrq_u32(up(v, theta, n, k), down(v, n, k)));
  return s;
}

template <bool Burst, bool HasCurrent, class N>
NeuronTally run(const NeuronRow<N>& row, const NeuronRule& rule) {
  const Constants k{vdupq_n_s32(rule.limit()), vdupq_n_u32(rule.negative ? ~0u : 0u),
                    vdupq_n_s32(rule.negative ? -rule.gamma : 0), vdupq_n_s32(rule.gamma)};
  uint32x4_t pending = vdupq_n_u32(0);
  NeuronTally tally;
  size_t i = 0;
  for (; i + kBlock <= row.length; i += kBlock) {
    int32x4_t s[kBlock / kLanes];
    for (size_t q = 0; q < kBlock / kLanes; ++q)
      s[q] = stepFour<Burst, HasCurrent>(row, i + q * kLanes, k, pending);
    const int16x8_t low = vmovn_high_s32(vmovn_s32(s[0]), s[1]);
    const int16x8_t high = vmovn_high_s32(vmovn_s32(s[2]), s[3]);
    const int8x16_t spikes = vmovn_high_s16(vmovn_s16(low), high);
    vst1q_s8(row.spikes + i, spikes);
    const int8x16_t zero = vdupq_n_s8(0);
    tally.positive += vaddlvq_u8(vreinterpretq_u8_s8(vmaxq_s8(spikes, zero)));
    tally.negative += vaddlvq_u8(vreinterpretq_u8_s8(vmaxq_s8(vnegq_s8(spikes), zero)));
  }
  tally.pending = vmaxvq_u32(pending) != 0;
  if (i < row.length) {
    const NeuronRow<N> rest{
        row.membrane + i,  row.count + i,  HasCurrent ? row.current + i : nullptr,
        row.threshold + i, row.spikes + i, row.length - i};
    const NeuronTally more = neuronStepScalar(rest, rule);
    tally.positive += more.positive;
    tally.negative += more.negative;
    tally.pending = tally.pending || more.pending;
  }
  return tally;
}

template <class N>
NeuronTally choose(const NeuronRow<N>& row, const NeuronRule& rule) {
  if (rule.gamma == 1)
    return row.current ? run<false, true>(row, rule) : run<false, false>(row, rule);
  return row.current ? run<true, true>(row, rule) : run<true, false>(row, rule);
}

}  // namespace

NeuronTally neuronStepNeon(const NeuronRow<int32_t>& row, const NeuronRule& rule) {
  return choose(row, rule);
}
NeuronTally neuronStepNeon(const NeuronRow<float>& row, const NeuronRule& rule) {
  return choose(row, rule);
}

}  // namespace casc
#endif
