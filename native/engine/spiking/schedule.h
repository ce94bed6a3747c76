// The wake-sleep schedule of a run: groups of awake steps, a sleep phase after each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
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
  /** A layer with d neuron layers before it fires only from step ⌊stagger·d⌋ of the run on. */
  double stagger = 0;

  int32_t phases() const { return (wake + margin - 1) / margin; }
  /** Awake steps before phase p's group, and in it. */
  int32_t before(int32_t p) const { return p * margin; }
  int32_t group(int32_t p) const { return std::min(margin, wake - before(p)); }
  /** Most sleep steps of a phase. */
  int32_t sleepLimit() const { return sleep < 0 ? cap : sleep; }

  int32_t firstFiring(int32_t depth) const { return static_cast<int32_t>(stagger * depth); }
  /** Does a layer have its whole input before it fires? (In a first phase that goes on to rest.) */
  bool fullWave() const { return stagger >= wake; }
  /** Step of the run, from 0; past any first firing in later phases of a run that sleeps until
   * silent, since only a net whose layers have all begun can be at rest. */
  int32_t runStep(int32_t phase, int32_t index) const {
    if (phase > 0 && sleep < 0) return std::numeric_limits<int32_t>::max();
    return before(phase) + phase * std::max(sleep, 0) + index;
  }

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
