// The quantised ANN in bytes: layers whose counts fit eight bits, as dense int8 products. What it
// cannot compute so it leaves to the oracle (oracle.h).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/spiking/plan.h"
#include "engine/spiking/schedule.h"

namespace casc::spiking {

class ByteOracle {
 public:
  explicit ByteOracle(const Plan<int32_t>& plan);

  /** Before an image; input: H×W×C, see loadInput. */
  void begin(const int32_t* input, const Schedule& schedule);

  /** Computes a neuron, max-pool or relay layer; false where it cannot. */
  bool layer(size_t index);
  /** Σ of a linear layer's terms, [h][w][c]; false where it cannot. */
  bool linear(size_t index, int32_t* sums);

  /** Of a layer that it computed, [h][w][c]; null otherwise. */
  const int8_t* counts(size_t index) const;
  void release(size_t index) { known_[index] = 0; }

  double bytes() const;

 private:
  /** What the neurons of a layer add to their sums at so many levels. */
  struct Rule {
    int32_t levels = 0;
    double shift = -1;  // −1: the plan's
    Aligned<int32_t> offsets;
    Aligned<float> inverses;  // one row
  };

  bool feasible(const Layer<int32_t>& layer) const;
  bool fedByInput(const Layer<int32_t>& layer) const;
  /** Rows `band` of the sums of a layer's terms, but for the neurons' shortcut. */
  bool addTerms(const Layer<int32_t>& layer, RowRange band, int32_t* sums);
  bool neurons(size_t index);
  bool maxPool(size_t index);
  bool relay(size_t index);
  const Rule& rule(size_t index);

  const Plan<int32_t>& plan_;
  const int32_t* input_ = nullptr;
  Schedule schedule_;
  std::vector<Aligned<int8_t>> counts_;
  std::vector<uint8_t> known_;
  std::vector<Rule> rules_;
  Aligned<int32_t> sums_;
  Aligned<uint8_t> band_;
  Aligned<int8_t> columns_;
  GradedScratch graded_;
};

}  // namespace casc::spiking
