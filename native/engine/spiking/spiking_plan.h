// The engine's door for the addon: a compiled plan of either number type, and runners that carry
// one image at a time through simulation, oracle and certificate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/abort.h"
#include "engine/spiking/profile.h"
#include "engine/spiking/raster.h"
#include "engine/spiking/schedule.h"
#include "engine/spiking/simulation.h"
#include "engine/spiking/spec.h"
#include "engine/spiking/working_memory.h"
#include "kernels/registry.h"

namespace casc::spiking {

/** Where spiking net and quantised ANN differ first: lowest layer, then neuron. */
struct Divergence {
  size_t layer = 0, neuron = 0;  // neuron in C×H×W order
  double snn = 0, ann = 0;
  std::optional<Moment> lastSpike;
};

/** Shared by all images of a run. */
struct RunSettings {
  Schedule schedule;
  bool everyStep = false;
  bool profile = false;
  bool oracle = false;
  size_t certify = 0;                    // compare the first so many images with the oracle
  std::optional<RasterSettings> raster;  // of the first image
  AbortFlag abort;
  Team* team = nullptr;  // shares the work inside an image
};

/** Where one image's results go; null pointers and empty vectors mean: not asked for. */
struct ImageResult {
  int32_t* quietSteps = nullptr;                // [phases]
  int32_t* sleepSteps = nullptr;                // [phases]
  uint8_t* atRest = nullptr;                    // [phases]
  float* readout = nullptr;                     // [outputs], after the last step
  std::vector<ReadoutTrace>* traces = nullptr;  // per readout layer, with everyStep
  float* oracle = nullptr;                      // [outputs]
  std::vector<int32_t*> counts;                 // per neuron layer, [c][h][w]
  double* positive = nullptr;                   // [neuron layers]
  double* negative = nullptr;                   // [neuron layers]
  double* operations = nullptr;
  double* operationsAsleep = nullptr;
  uint64_t* hash = nullptr;
  double* checked = nullptr;
  double* mismatches = nullptr;
  std::optional<Divergence>* first = nullptr;
  std::vector<LayerRaster>* rasters = nullptr;  // per neuron layer
};

class ImageRunner {
 public:
  virtual ~ImageRunner() = default;
  /** image: C×H×W. */
  virtual void run(const float* image, size_t index, const RunSettings& settings,
                   const ImageResult& result) = 0;
  /** Of the images run with settings.profile; empty if there were none. */
  virtual const Profile& profile() const = 0;
  /** Held now. */
  virtual WorkingBytes workingBytes() const = 0;
};

/** Where an image's results at rest go. */
struct RestResult {
  float* readout = nullptr;      // [outputs], accumulated over the steps
  std::vector<int32_t*> counts;  // per neuron layer, [c][h][w]; empty: not asked for
};

/** Answers by the oracle alone: no steps, no spikes. The loss-free theorem makes its answer the
 * spiking net's at rest; whether the schedule allows the theorem is the caller's to know. */
class RestRunner {
 public:
  virtual ~RestRunner() = default;
  /** image: C×H×W. */
  virtual void run(const float* image, size_t index, const Schedule& schedule,
                   const AbortFlag& abort, const RestResult& result) = 0;
};

class SpikingPlan {
 public:
  virtual ~SpikingPlan() = default;
  /** One per worker, with the buffers of its last run; must not outlive the plan. `fresh`: without
   * a past, so that its profile and bytes are of this run. */
  virtual std::shared_ptr<ImageRunner> runner(bool fresh) const = 0;
  virtual std::shared_ptr<RestRunner> restRunner() const = 0;
  /** Upper bound for one worker. */
  virtual WorkingBytes workingBytesBound(const Schedule& schedule) const = 0;

  size_t layers = 0;                 // of all kinds
  size_t inputs = 0;                 // elements of an image
  size_t outputs = 0;                // elements of all readouts
  std::vector<size_t> neurons;       // elements per neuron layer
  std::vector<size_t> readoutSizes;  // elements per readout layer
  size_t bytes = 0;
  double denseMacs = 0, inputMacs = 0;
};

/** Checks and packs. Throws Error (ERR_CASC_ARGUMENT). */
std::shared_ptr<const SpikingPlan> compilePlan(PlanSpec spec, const Kernels& kernels,
                                               const CostModel& costs);

}  // namespace casc::spiking
