// Trains a block of a quantised net on what the same block puts out in float32: weights, biases and
// clip values, by Adam on mini-batches, with straight-through gradients for floors and for the
// rounding of weights.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/abort.h"
#include "engine/dense/op.h"
#include "engine/reconstruct/backward.h"
#include "engine/reconstruct/parameters.h"
#include "engine/team.h"

namespace casc::reconstruct {

/** Convolutions that meet at one activation (or, without one, make one readout), to be rounded as
 * lib/quantize/fixed-point.ts does it: to multiples of one δ for each channel. */
struct Rounding {
  std::vector<int> convs;
  int quant = -1;
};

struct BlockSpec {
  std::vector<dense::NodeSpec> nodes;  // input nodes take their values from the caller
  std::vector<int> outputs;            // compared with the targets
  /** Per input node: what one spike of each channel is worth (length 1 or C)… */
  std::vector<std::vector<float>> units;
  /** …and the largest sum of a neuron over all levels, in these units. */
  std::vector<float> reach;
  std::vector<Rounding> rounding;
  int most = 127;       // largest integer of a rounded weight
  int levels = 1;       // a bias is added once for each, and rounded so
  bool smooth = false;  // activations without a floor: for checks of gradients
};

struct Schedule {
  size_t iterations = 1;  // over which the learning rates fall to zero, as a cosine
  size_t batch = 32;
  float rates[3] = {0, 0, 0};  // by Segment::Kind
  float drop = 0;              // share of input elements that are the exact ones
  uint64_t seed = 1;
};

/** Arrays of the caller, [images × numel]. */
struct BlockData {
  std::vector<const float*> inputs;   // per input node: as the quantised net has them
  std::vector<const float*> exact;    // as the float32 net has them; may be empty
  std::vector<const float*> targets;  // per output
  size_t images = 0;
};

class Trainer {
 public:
  /** Throws Error (ERR_CASC_ARGUMENT) that names the node. */
  Trainer(BlockSpec spec, const Schedule& schedule, Isa isa);

  const std::vector<size_t>& inputNodes() const { return inputNodes_; }
  const std::vector<size_t>& outputNodes() const { return outputNodes_; }
  size_t numel(size_t node) const { return nodes_[node].spec.shape.numel(); }
  const Parameters& parameters() const { return parameters_; }

  /** In the order of the parameters' segments: weights and biases rounded, and the steps
   * themselves. */
  std::vector<std::vector<float>> finished() const;

  /** The next `iterations` steps; returns the mean loss of their batches. The result does not
   * depend on the team's size. */
  double train(const BlockData& data, size_t iterations, Team& team, const AbortFlag& abort);

  /** Loss over all images at the parameters as they are; its gradient is left in `gradient`. */
  double gradient(const BlockData& data, Team& team, const AbortFlag& abort,
                  std::vector<float>& gradient);

 private:
  struct Node {
    dense::NodeSpec spec;
    std::vector<dense::Shape> inputShapes;
    dense::OpPtr op;             // none for inputs
    BackwardPtr backward;        // none where nothing below learns
    std::vector<float> grid;     // δ of each output channel; empty: weights are not rounded
    std::vector<float> largest;  // |weight · unit| of each; 0: none sets δ
    bool learns = false;         // it, or what it is computed from
    size_t parameters = 0;       // where its parameters begin
    std::vector<float> phase;    // of an activation: offset / step
    size_t value = 0;            // offsets into a worker's memory
    size_t gradient = 0;
  };

  /** One worker's values and gradients. */
  struct Memory {
    std::unique_ptr<float[]> owner;
    float* block = nullptr;
  };

  struct Batch {
    const BlockData* data;
    std::vector<size_t> images;
    float drop;
  };

  void append(dense::NodeSpec&& spec);
  void checkRounding() const;
  void rebuild(size_t node);
  void rebuildAll();
  dense::ConvSpec roundedSpec(const Node& node) const;
  void readSteps(Node& node) const;
  void chooseGrids(const Rounding& rounding);
  std::vector<float> unitsOf(size_t node) const;
  float reachOf(size_t node) const;
  std::vector<RowSize> sizesOf(const Rounding& rounding) const;
  float threshold(const RowSize& size, float step) const;
  void prepare(const BlockData& data);
  void measureTargets(const BlockData& data);
  void measureOutputs(const BlockData& data);
  Memory& memory(unsigned worker);

  double run(const Batch& batch, Team& team, const AbortFlag& abort, std::vector<float>& gradient);
  double image(const Batch& batch, size_t slot, float* block, float* gradient) const;
  void forward(const Batch& batch, size_t slot, float* block) const;
  double compare(const Batch& batch, size_t slot, float* block) const;
  void backward(float* block, float* gradient) const;
  std::vector<size_t> draw(size_t images);
  size_t random(size_t below);

  const Schedule schedule_;
  const Isa isa_;
  const bool smooth_;
  const int most_;
  const float levels_;
  const std::vector<std::vector<float>> units_;
  const std::vector<float> reach_;
  const std::vector<Rounding> rounding_;
  std::vector<Node> nodes_;
  std::vector<size_t> inputNodes_, outputNodes_;
  Parameters parameters_;
  size_t gradients_ = 0;  // where the gradients begin in a worker's memory
  size_t scratch_ = 0;
  size_t floats_ = 0;
  std::vector<Memory> memories_;
  std::vector<std::vector<float>> partial_;  // gradients of each part of a batch
  std::vector<double> losses_;
  std::vector<double> weights_;  // of each output's squared error: 1 / variance
  std::vector<size_t> order_;    // images, shuffled; taken from the front
  size_t taken_ = 0;
  uint64_t state_;
  size_t iteration_ = 0;
  bool prepared_ = false;
};

}  // namespace casc::reconstruct
