// The wake-sleep schedule of a run: groups of awake steps, a sleep phase after each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "kernels/neuron/neuron.h"

namespace casc::spiking {

struct Schedule {
  int32_t gamma = 1;
  bool negative = true;
  bool upper = true;
  /** Replaces the plan's initial membranes by φ·θ. */
  std::optional<double> shift;
  int32_t wake = 1;    // awake steps T
  int32_t margin = 1;  // awake steps of a group
  int32_t sleep = -1;  // steps of every phase, −1: until silent
  int32_t cap = 1;     // most steps of a phase that sleeps until silent

  int32_t phases() const { return (wake + margin - 1) / margin; }
  /** Awake steps before phase p's group, and in it. */
  int32_t before(int32_t p) const { return p * margin; }
  int32_t group(int32_t p) const { return std::min(margin, wake - before(p)); }
  /** Most sleep steps of a phase. */
  int32_t sleepLimit() const { return sleep < 0 ? cap : sleep; }

  NeuronRule rule(int32_t awakeSteps) const { return {gamma, negative, upper, awakeSteps}; }
};

/** A moment of an image's run. */
struct Moment {
  int32_t phase = 0;
  int32_t index = 0;  // within the phase: awake steps, then sleep steps
  int32_t awake = 0;  // awake steps so far, this one included if it is awake
  int32_t sleep = 0;  // sleep steps so far in this phase; 0 while awake
};

/** Initial membrane: the plan's, or φ·θ (floored in fixed point). */
int32_t startOf(const Schedule& schedule, int32_t planned, int32_t threshold);
float startOf(const Schedule& schedule, float planned, float threshold);

}  // namespace casc::spiking
