// The specification of the neuron: what every other instruction set must compute bit for bit.
#include <cmath>
#include <type_traits>

#include "kernels/neuron/neuron.h"

namespace casc {
namespace {

/** Integers wrap instead of overflowing: the plan's bounds exclude it, and if they are wrong the
 * result must be the same on every machine. */
int32_t add(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
float add(float a, float b) { return a + b; }

int32_t takeSpikes(int32_t v, int32_t s, int32_t theta) {
  return static_cast<int32_t>(static_cast<uint32_t>(v) -
                              static_cast<uint32_t>(s) * static_cast<uint32_t>(theta));
}
float takeSpikes(float v, int32_t s, float theta) { return v - static_cast<float>(s) * theta; }

/** ⌊v/θ⌋ between low and high. Division in C++ rounds towards zero, so negatives need a correction.
 */
int32_t levels(int32_t v, int32_t theta, int32_t low, int32_t high) {
  int32_t q = v / theta - (v % theta < 0 ? 1 : 0);
  q = q > low ? q : low;
  return q < high ? q : high;
}
int32_t levels(float v, float theta, int32_t low, int32_t high) {
  float q = std::floor(v / theta);
  // Written so that NaN ends at `low`, as the vector instructions have it.
  q = q > static_cast<float>(low) ? q : static_cast<float>(low);
  q = q < static_cast<float>(high) ? q : static_cast<float>(high);
  return static_cast<int32_t>(q);
}

template <class N>
NeuronTally step(const NeuronRow<N>& row, const NeuronRule& rule) {
  const int32_t low = rule.negative ? -rule.gamma : 0;
  const int32_t limit = rule.limit();
  NeuronTally tally;
  for (size_t i = 0; i < row.length; ++i) {
    const N theta = row.threshold[i];
    N v = row.membrane[i];
    int32_t n = row.count[i];
    if (row.current) v = add(v, row.current[i]);
    int32_t s;
    if (rule.gamma == 1) {
      // clip(⌊v/θ⌋, −1, 1) without a division
      s = v >= theta ? 1 : (v < 0 ? low : 0);
    } else {
      s = levels(v, theta, low, rule.gamma);
    }
    if (s <= 0 && n <= 0) s = 0;     // a negative spike only takes back an earlier positive one
    if (s > 0 && n >= limit) s = 0;  // never more spikes than awake steps
    n = add(n, s);
    v = takeSpikes(v, s, theta);
    row.membrane[i] = v;
    row.count[i] = n;
    row.spikes[i] = static_cast<int8_t>(s);
    if (s > 0) tally.positive += static_cast<uint64_t>(s);
    if (s < 0) tally.negative += static_cast<uint64_t>(-s);
    if ((v >= theta && n < limit) || (rule.negative && v < 0 && n > 0)) tally.pending = true;
  }
  return tally;
}

}  // namespace

NeuronTally neuronStepScalar(const NeuronRow<int32_t>& row, const NeuronRule& rule) {
  return step(row, rule);
}
NeuronTally neuronStepScalar(const NeuronRow<float>& row, const NeuronRule& rule) {
  return step(row, rule);
}

}  // namespace casc
