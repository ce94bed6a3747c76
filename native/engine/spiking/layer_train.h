// A neuron layer in fixed point, band by band: the currents of a few rows for all steps, then the
// whole spike trains of these rows, while both are in the cache. For Consistent-IF neurons whose
// counts fit eight bits; other neurons go step by step (simulation.cc).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "engine/abort.h"
#include "engine/spiking/path.h"
#include "engine/spiking/plan.h"
#include "engine/spiking/plane.h"
#include "engine/spiking/profile.h"
#include "engine/spiking/schedule.h"
#include "engine/spiking/term_adder.h"

namespace casc::spiking {

/** A step of the layer, and what its terms receive in it. */
struct LayerStep {
  Moment now;
  std::vector<const Plane*> planes;  // per term; null: nothing
  std::vector<Path> paths;           // per term
  Plane* out = nullptr;
};

/** The steps of a phase in which the layer may fire; after them only what is pending can. */
struct LayerPhase {
  std::vector<LayerStep> steps;
  bool begun = false;  // may the layer fire at all in this phase?
  Moment next;         // the sleep step after `steps`
};

/** What all bands of a layer share. */
struct LayerRun {
  const Layer<int32_t>* layer = nullptr;
  const Schedule* schedule = nullptr;
  AbortFlag abort;
  bool profile = false;               // measure LayerTally::secondsAsleep
  const int32_t* constant = nullptr;  // current of every awake step
  size_t constantStride = 0;          // between rows; 0: one row serves all
  std::vector<int32_t> start;         // membranes of one row
  /** Steps before the layer may fire: their sum is all that matters. */
  int32_t earlyAwake = 0;
  LayerStep early;  // planes are sums over these steps
  std::vector<LayerPhase> phases;
  int32_t* counts = nullptr;  // [h][w][c], written
  uint32_t ordinal = 0;
  /** The layer's plane of a step that no band had before, all zero. */
  std::function<Plane*(Moment)> plane;
};

/** Added up over bands. */
struct LayerTally {
  uint64_t positive = 0, negative = 0, hash = 0;
  std::vector<uint8_t> pendingAtEnd;  // per phase
  std::vector<int32_t> lastFiring;    // per phase, the last sleep step with a spike
  // What of it belongs to sleep steps.
  SpikeTally asleep;
  double secondsAsleep = 0;
};

/** One worker's scratch. */
class BandTrainer {
 public:
  explicit BandTrainer(const Plan<int32_t>& plan) : plan_(plan), adder_(plan) {}

  void run(const LayerRun& run, RowRange band, LayerTally& tally);

  /** Rows of a band whose currents of so many steps stay in the second-level cache. */
  static size_t bandRows(const Shape& shape, size_t steps);

  /** Bytes held; see working_memory.h. */
  double bytes() const;

 private:
  /** The currents of steps [0, count) into the tile. */
  void currents(const LayerRun& run, RowRange band, const LayerStep* steps, size_t count);
  void dense(const Term<int32_t>& term, RowRange band, const LayerStep* steps, size_t index,
             size_t first, size_t count, bool early);
  void scatter(const LayerRun& run, const Term<int32_t>& term, const Plane& plane, RowRange band,
               size_t slot);
  void addRows(const Term<int32_t>& term, const Plane& plane, RowRange band, size_t slot);
  void integrate(const LayerRun& run, RowRange band);
  /** Runs steps, at most kTrainSteps, of one phase; their planes are there. */
  void train(const LayerRun& run, RowRange band, const LayerStep* steps, size_t count,
             LayerTally& tally);
  bool anyPending() const;
  /** What went before was for these steps. */
  void lap(const LayerStep* steps, size_t count) {
    clock_.lap(count, [steps](size_t k) { return steps[k].now.sleep > 0; });
  }

  const Plan<int32_t>& plan_;
  TermAdder<int32_t> adder_;
  SleepClock clock_;
  Aligned<int32_t> tile_;  // [step][row][w · c]
  size_t tileStride_ = 0;
  std::vector<uint8_t> written_;  // per step: does the tile hold its current?
  std::vector<uint8_t> touched_;  // [step][row]: may it be other than zero?
  // The same in 16 bits, of at most one term a step.
  Aligned<int16_t> narrow_;
  struct Narrow {
    const RowSynapse* synapse = nullptr;  // null: none
    RowSums layout;
    size_t first = 0;  // in narrow_
  };
  std::vector<Narrow> narrows_;
  std::vector<uint8_t> narrowTouched_;
  RowScratch rows_;
  Aligned<int32_t> membrane_;
  Aligned<int8_t> count_;
  std::vector<uint8_t> pending_;  // per row
  Aligned<uint8_t> bands_;
};

}  // namespace casc::spiking
