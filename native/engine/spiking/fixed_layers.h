// The layers of a fixed-point simulation that are computed many steps at a time, band by band, by
// one worker or a team of them; see layer_train.h and pool_train.h.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "engine/spiking/layer_train.h"
#include "engine/spiking/pool_train.h"
#include "engine/team.h"

namespace casc::spiking {

template <class N>
class Simulation;

class FixedLayers {
 public:
  explicit FixedLayers(Simulation<int32_t>& simulation);

  /** Spike trains whose counts fit eight bits are computed many steps at a time. */
  bool apply() const;
  void neurons(size_t index);
  /** A max-pool over spikes. */
  void maxPool(size_t index);
  /** Bytes held; see working_memory.h. */
  double bytes() const;

 private:
  void planSteps(size_t index);
  void addInputs(const Layer<int32_t>& layer, Moment now);
  void sumEarly(size_t index);
  int32_t earlySteps(const Layer<int32_t>& layer, int32_t phase) const;
  std::unique_ptr<Plane> sumPlanes(const Layer<int32_t>& from);
  void countEarly(const Layer<int32_t>& layer, size_t source, const Plane& sum, uint64_t& asleep);
  bool onlyPositive(size_t source) const;
  Path choosePath(const Term<int32_t>& term, const Plane& plane, bool spikes) const;
  void dropSilent(size_t index);
  /** Calls body(worker, rows) for all rows of a layer, `rows` of them at a time at most. */
  template <class Body>
  void eachBand(const Shape& shape, size_t rows, Body body);
  void hireWorkers();
  void book(size_t index, const LayerTally& tally);

  Simulation<int32_t>& sim_;
  LayerRun run_;
  std::mutex planesMutex_;
  std::vector<Plane*> late_;         // of steps after the last with any input
  std::vector<const Plane*> early_;  // per source: sum over steps, see sumEarly
  std::vector<std::unique_ptr<Plane>> sums_;
  // Of one source.
  struct EarlyStep {
    const Plane* plane;
    bool asleep;
  };
  std::vector<EarlyStep> steps_;
  std::vector<uint32_t> spikes_;  // per row, in those steps
  std::vector<PoolStep> poolSteps_;
  // Per worker of the team.
  std::vector<std::unique_ptr<BandTrainer>> trainers_;
  std::vector<std::unique_ptr<BandPool>> pools_;
  std::vector<LayerTally> tallies_;
};

/** In float32 neurons go step by step. */
struct NoFixedLayers {
  template <class S>
  explicit NoFixedLayers(const S&) {}
};

}  // namespace casc::spiking
