// The neuron kernel: one time step of a row of Consistent-IF neurons (Li, He, Kong, Zeng: "Spiking
// Neural Networks with Consistent Mapping Relations Allow High-Accuracy Inference"). The baselines
// of the literature are settings of the same rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace casc {

/** Settings of one step, the same for every neuron. */
struct NeuronRule {
  int32_t gamma = 1;       // most spikes of one neuron in one step, 1..127
  bool negative = true;    // may a neuron take back a spike?
  bool upper = true;       // never more spikes than awake steps?
  int32_t awakeSteps = 0;  // k, this step included if it is awake

  /** A neuron fires only while its count is below this. */
  int32_t limit() const { return upper ? awakeSteps : std::numeric_limits<int32_t>::max(); }
};

/** A row of neurons. N is int32_t (fixed point) or float. All arrays have `length` elements. */
template <class N>
struct NeuronRow {
  N* membrane = nullptr;         // v, updated
  int32_t* count = nullptr;      // n, net spikes so far, updated
  const N* current = nullptr;    // I, added first; null for none
  const N* threshold = nullptr;  // θ > 0
  int8_t* spikes = nullptr;      // s, written
  size_t length = 0;
};

struct NeuronTally {
  uint64_t positive = 0;  // Σ s over s > 0
  uint64_t negative = 0;  // Σ −s over s < 0
  bool pending = false;   // would some neuron fire in a sleep step without any input?
};

template <class N>
using NeuronStep = NeuronTally (*)(const NeuronRow<N>&, const NeuronRule&);

NeuronTally neuronStepScalar(const NeuronRow<int32_t>& row, const NeuronRule& rule);
NeuronTally neuronStepScalar(const NeuronRow<float>& row, const NeuronRule& rule);
NeuronTally neuronStepAvx2(const NeuronRow<int32_t>& row, const NeuronRule& rule);
NeuronTally neuronStepAvx2(const NeuronRow<float>& row, const NeuronRule& rule);
NeuronTally neuronStepAvx512(const NeuronRow<int32_t>& row, const NeuronRule& rule);
NeuronTally neuronStepAvx512(const NeuronRow<float>& row, const NeuronRule& rule);
NeuronTally neuronStepNeon(const NeuronRow<int32_t>& row, const NeuronRule& rule);
NeuronTally neuronStepNeon(const NeuronRow<float>& row, const NeuronRule& rule);

}  // namespace casc
