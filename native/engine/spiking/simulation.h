// The time loop of one image, layer by layer: the nets are feed-forward in time, so all steps of a
// layer run before the next layer starts. The result is the same as stepping the whole net, the
// weights stay in the cache, and steps in which a layer has nothing to do cost nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "engine/abort.h"
#include "engine/spiking/fixed_layers.h"
#include "engine/spiking/plan.h"
#include "engine/spiking/plane.h"
#include "engine/spiking/profile.h"
#include "engine/spiking/raster.h"
#include "engine/spiking/schedule.h"
#include "engine/spiking/term_adder.h"

namespace casc::spiking {

template <class N>
constexpr bool kFixedPoint = std::is_same_v<N, int32_t>;

/** How one readout layer grew: a row of elements per step that could change it. */
struct ReadoutTrace {
  std::vector<uint32_t> rows;  // per phase; later steps of the phase repeat the last row
  std::vector<float> values;   // [rows][elements], C×H×W order, in real units
};

struct SimulationOptions {
  bool everyStep = false;                  // record `traces`
  bool profile = false;                    // add to profile()
  Team* team = nullptr;                    // shares the work inside the image
  bool counts = true;                      // fill `counts`
  std::optional<size_t> lastLayer{};       // stop after this layer and keep its planes
  std::optional<RasterSettings> raster{};  // fill `rasters`
};

/** One worker's simulator. Buffers are kept from image to image; results are valid until the next
 * run. */
template <class N>
class Simulation {
 public:
  explicit Simulation(const Plan<N>& plan);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /** input: H×W×C, see loadInput. Throws Aborted, or Error where a pool's change leaves int8. */
  void run(const N* input, const Schedule& schedule, const AbortFlag& abort,
           const SimulationOptions& options);

  // Per phase.
  std::vector<int32_t> quietSteps;  // per phase: sleep steps through the first silent one
  std::vector<int32_t> sleepSteps;
  std::vector<uint8_t> atRest;
  // Per neuron layer.
  std::vector<Aligned<int32_t>> counts;  // net spikes n, [h][w][c], if options ask for them
  std::vector<uint64_t> positive, negative;
  std::vector<LayerRaster> rasters;  // if options ask for them
  // Per readout layer.
  std::vector<std::vector<typename NumberTraits<N>::Wide>> readouts;  // Σ of its values, [h][w][c]
  std::vector<ReadoutTrace> traces;
  // Of the image.
  uint64_t operations = 0;
  uint64_t operationsAsleep = 0;  // of these, in sleep steps
  uint64_t hash = 0;

  /** Moment of the last spike of a neuron (H×W×C index) of options.lastLayer. */
  std::optional<Moment> lastSpike(size_t layer, size_t neuron) const;

  /** Of all runs that asked for it; empty before the first. */
  const Profile& profile() const { return profiler_.profile(); }

  /** Bytes held; see working_memory.h. */
  double bytes() const;

 private:
  friend class FixedLayers;

  /** Awake current that does not change over time: bias and terms of constant sources. */
  struct ConstantCurrent {
    const N* data;
    size_t rowStride;  // 0: one row serves all
  };

  void input(const N* values);
  void neuron(size_t index);
  void integrate(const Layer<N>& layer, Moment now, const ConstantCurrent& current);
  void countPlane(const Layer<N>& layer, Plane& plane);
  void linear(size_t index);
  void maxPool(size_t index);
  void relay(size_t index);

  template <class Pending, class Step>
  void eachMoment(size_t index, Pending pending, Step step);
  ConstantCurrent constantCurrent(const Layer<N>& layer);
  /** Adds the terms of all varying sources at a moment; false if none had an event. */
  bool addTerms(const Layer<N>& layer, Moment now, N* sums);
  bool stepNeurons(const Layer<N>& layer, Moment now, const ConstantCurrent& current, Plane& plane);
  template <class T, class Sum>
  void maxPoolPlane(const Layer<N>& layer, const Plane& from, Sum* sums, Sum* maxima, Plane& out);
  template <class T>
  void relayPlane(const Layer<N>& layer, Moment now, Plane& out);
  void addReadout(const Layer<N>& layer, size_t ordinal, const N* values);
  void recordReadout(const Layer<N>& layer, size_t ordinal, Moment now);

  const Plane* sourcePlane(size_t source, Moment now) const;
  bool anySource(const Layer<N>& layer, Moment now) const;
  std::unique_ptr<Plane> takePlane(const Layer<N>& layer);
  void keep(size_t index, Moment now, std::unique_ptr<Plane> plane);
  bool consumed(size_t index) const;
  /** Books time, spikes and additions since the last lap. */
  void lap(size_t index, bool asleep);

  const Plan<N>& plan_;
  TermAdder<N> adder_;
  PlanePool pool_;
  std::vector<Series> series_;
  std::conditional_t<kFixedPoint<N>, FixedLayers, NoFixedLayers> fixed_;
  Schedule schedule_;
  AbortFlag abort_;
  SimulationOptions options_;
  Profiler profiler_;
  Raster raster_;
  std::vector<int32_t> lastFiring_;    // per phase, the last sleep step with a spike
  std::vector<uint8_t> pendingAtEnd_;  // per phase
  // Scratch of the layer being run.
  Aligned<N> membrane_, current_, values_;
  Aligned<int32_t> sums_, maxima_;
  Aligned<N> gradedSums_, gradedMaxima_;
  std::vector<uint8_t> touched_, pending_;
  GradedScratch graded_;
};

extern template class Simulation<int32_t>;
extern template class Simulation<float>;

}  // namespace casc::spiking
