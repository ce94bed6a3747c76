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

/** Most steps that go together: more would only make bands smaller. After the last step with any
 * input always so many, and the last of them may be silent. */
constexpr int32_t kTileSteps = 8;
static_assert(kTileSteps <= kTrainSteps);

/** What a term receives in a step. */
struct StepInput {
  const Plane* plane = nullptr;  // null: nothing
  Path path = Path::Skip;
};

/** A step of the layer. */
struct LayerStep {
  Moment now;
  size_t inputs = 0;  // first of its inputs, one per term, in LayerRun::inputs
  Plane* out = nullptr;
};

/** The steps of a phase in which the layer may fire; after them only what is pending can. */
struct LayerPhase {
  size_t first = 0, end = 0;  // in LayerRun::steps
  bool begun = false;         // may the layer fire at all in this phase?
  Moment next;                // the sleep step after `steps`
};

/** What all bands of a layer share. One object serves all layers, so that its vectors grow once. */
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
  bool early = false;  // was there anything? `earlyInputs` are sums over these steps
  std::vector<StepInput> earlyInputs;
  std::vector<LayerStep> steps;
  std::vector<StepInput> inputs;
  std::vector<LayerPhase> phases;
  int32_t* counts = nullptr;      // [h][w][c], written; null: not asked for
  int8_t* spikeCounts = nullptr;  // the same in bytes
  uint32_t ordinal = 0;
  /** The layer's plane of a step after those above; a band that takes it writes its rows. */
  std::function<Plane*(Moment)> plane;

  /** Bytes held; see working_memory.h. */
  double bytes() const;

  void restart() {
    start.clear();
    earlyAwake = 0;
    early = false;
    earlyInputs.clear();
    steps.clear();
    inputs.clear();
    phases.clear();
  }
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

  /** Rows of a band, where so many steps have currents. */
  static size_t bandRows(const Shape& shape, size_t steps);

  /** Bytes held; see working_memory.h. */
  double bytes() const;

  /** The currents of `count` steps, at most kTileSteps, with these inputs, one per term and step.
   * Of the steps before the layer may fire, which are one, they are added to what the tile holds.
   */
  void currents(const LayerRun& run, RowRange band, const StepInput* inputs, size_t count,
                bool early);
  /** What `currents` left for a row: the sum of both; null for nothing. */
  struct RowCurrent {
    const int32_t* wide = nullptr;
    const int16_t* narrow = nullptr;
  };
  /** Of step k and row r of a band of `rows`. */
  RowCurrent rowCurrent(size_t k, size_t r, size_t rows) const;

 private:
  void dense(const LayerRun& run, const Term<int32_t>& term, RowRange band, const StepInput* inputs,
             size_t first, size_t count, bool early);
  void scatter(const LayerRun& run, const Term<int32_t>& term, const Plane& plane, RowRange band,
               size_t slot);
  int32_t* clearedSums(size_t slot);
  void addRows(const Term<int32_t>& term, RowRange band, const StepInput* inputs, size_t terms,
               size_t count);
  void addRowSteps(const RowSynapse& synapse, RowRange band, const StepInput* inputs, size_t terms);
  void integrate(const LayerRun& run, RowRange band);
  /** Runs steps of one phase whose currents are there. */
  void train(const LayerRun& run, RowRange band, const LayerStep* steps, size_t count,
             LayerTally& tally);
  bool anyPending() const;
  /** What went before was for `count` of the steps at hand, from the k-th on. */
  void lap(size_t k, size_t count) {
    clock_.lap(count, [&](size_t i) { return steps_ && steps_[k + i].now.sleep > 0; });
  }

  const Plan<int32_t>& plan_;
  TermAdder<int32_t> adder_;
  SleepClock clock_;
  const LayerStep* steps_ = nullptr;  // at hand; null: those before the layer may fire
  Aligned<int32_t> tile_;             // [step][row][w · c]
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
  std::vector<size_t> rowSlots_;
  std::vector<RowStep> rowSteps_;
  Aligned<int32_t> wide_;  // sums of rows that need 32 bits
  std::vector<uint8_t> wideTouched_;
  Aligned<int32_t> membrane_;
  Aligned<int8_t> countsOfBand_;
  int8_t* count_ = nullptr;              // of the band at hand
  std::vector<const Plane*> shortcuts_;  // per step: of the term that the neurons add themselves
  std::vector<uint8_t> pending_;         // per row
  Aligned<uint8_t> bands_;
};

}  // namespace casc::spiking
