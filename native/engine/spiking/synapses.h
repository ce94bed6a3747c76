// One convolution alone, by a path of the caller's choice: for study and benchmarks.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/spiking/layer_train.h"
#include "engine/spiking/plan.h"
#include "engine/spiking/plane.h"

namespace casc::spiking {

struct SynapseSpec {
  Shape in, out;
  std::vector<int8_t> weights;  // OIHW, one group
  Window window;
  Path path = Path::Scatter;  // or Rows, or Dense
};

class Synapses {
 public:
  /** Throws Error where the parts do not fit each other, or the path cannot be taken. */
  Synapses(SynapseSpec spec, const Kernels& kernels);
  // The trainer refers to the plan.
  Synapses(const Synapses&) = delete;
  Synapses& operator=(const Synapses&) = delete;

  /** Takes the spikes of `steps` steps, C×H×W each. Throws Error where one is not −1, 0 or 1. */
  void load(const int8_t* spikes, size_t steps);
  /** Computes the currents of all steps; `out`: [steps][C×H×W]. */
  void currents(int32_t* out);
  /** The same work without writing its result: what a simulation does for this layer. */
  void run();

  /** Additions that the spikes cause, whichever way they are computed. */
  uint64_t additions() const;
  /** Multiply-adds of a dense product of all steps that have spikes. */
  double macs() const;

  const Shape& in() const { return plan_.layers[kSource].shape; }
  const Shape& out() const { return plan_.layers[kTarget].shape; }
  size_t bytes() const { return plan_.bytes; }

 private:
  static constexpr size_t kSource = 1, kTarget = 2;

  static PlanSpec describe(SynapseSpec spec);
  /** Calls body(band, first step, steps) after each piece of work. */
  template <class Body>
  void eachPiece(Body body);

  Path path_;
  Plan<int32_t> plan_;
  TermAdder<int32_t> adder_;
  BandTrainer trainer_;
  Schedule schedule_;
  LayerRun run_;
  std::vector<Plane> planes_;      // per step
  std::vector<StepInput> inputs_;  // per step
  size_t steps_ = 0, fed_ = 0;     // fed: with spikes
};

}  // namespace casc::spiking
