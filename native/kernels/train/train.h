// The train kernel: many time steps of a row of Consistent-IF neurons (γ = 1, upper bound on). The
// layers run one after the other, so all currents of a row are known when its neurons run, and
// membranes and counts stay in registers from step to step. What a step is: kernels/neuron.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/train/spike_word.h"

namespace casc {

/** Most steps of one call. */
constexpr size_t kTrainSteps = 32;

struct TrainStep {
  const int32_t* current = nullptr;  // I of the row; null for none
  const int16_t* narrow = nullptr;   // more of it, in 16 bits; null for none
  const int8_t* shortcut = nullptr;  // spikes that add their factors; null for none
  bool awake = false;                // adds `constant` too
  int8_t limit = 0;                  // a neuron fires only while its count is below this
  uint64_t key = 0;                  // of the hash
  int8_t* spikes = nullptr;          // s of the row, written
};

/** Of one step; a call adds to it. */
struct TrainTally {
  uint64_t positive = 0;
  uint64_t negative = 0;
  uint64_t hash = 0;
};

struct TrainJob {
  int32_t* membrane = nullptr;         // v, updated
  int8_t* count = nullptr;             // n, updated; 0..127
  const int32_t* threshold = nullptr;  // θ > 0
  const int32_t* constant = nullptr;   // I of every awake step
  const int32_t* factors = nullptr;    // what a spike of a shortcut adds
  size_t length = 0;
  bool negative = true;  // may a neuron take back a spike?
  const TrainStep* steps = nullptr;
  size_t stepCount = 0;           // at most kTrainSteps
  uint64_t word = 0;              // hash index of the row's first 64 neurons
  TrainTally* tallies = nullptr;  // one per step
};

/** Returns whether a neuron would fire in one more sleep step without any input. */
using Train = bool (*)(const TrainJob& job);

bool trainScalar(const TrainJob& job);
bool trainAvx2(const TrainJob& job);
bool trainAvx512(const TrainJob& job);
bool trainNeon(const TrainJob& job);

}  // namespace casc
