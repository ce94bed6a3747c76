#include "engine/reconstruct/trainer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "engine/dense/check.h"
#include "engine/reconstruct/random.h"

namespace casc::reconstruct {
namespace {

using dense::ConvSpec;
using dense::InputSpec;
using dense::kSlack;
using dense::QuantSpec;
using dense::require;
using dense::roundUp;

/** A batch is cut into so many parts, whatever the number of threads: each sums its own gradient.
 */
constexpr size_t kParts = 8;
/** Images that tell how large the values of a convolution are. */
constexpr size_t kSample = 8;

/** Sums of fixed point stay below it. */
constexpr float kLimit = 1 << 24;

/** A step is at least this part of what the largest weight adds for one spike, where clip values
 * are by channel: LEAST_STEP of lib/quantize/weight-grid.ts, and a little more so that K is 4,
 * not 3. */
constexpr float kLeastStep = 4.00001f / 127;

double rootMeanSquare(const float* x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double{x[i]} * x[i];
  return n > 0 ? std::sqrt(sum / static_cast<double>(n)) : 0;
}

template <class Node>
WeightRows rowsOf(const Node& node, const ConvSpec& spec) {
  const auto outputs = static_cast<size_t>(node.spec.shape.c);
  const auto groups = static_cast<size_t>(spec.groups);
  const size_t inputs = static_cast<size_t>(node.inputShapes[0].c) / groups;
  return {outputs, groups, inputs, spec.weight.size() / outputs / inputs};
}

/** clip(x, 0, λ) */
class SmoothQuant final : public dense::Op {
 public:
  SmoothQuant(const QuantSpec& spec, const dense::Shape& shape) : spec_(spec), shape_(shape) {}

  void run(const float* const* inputs, float* output, float*) const override {
    for (size_t i = 0; i < shape_.numel(); ++i) {
      const size_t c = spec_.stepIn.size() == 1 ? 0 : i / shape_.plane();
      output[i] = std::clamp(inputs[0][i], 0.0f, spec_.levels * spec_.stepIn[c]);
    }
  }

 private:
  QuantSpec spec_;
  dense::Shape shape_;
};

}  // namespace

Trainer::Trainer(BlockSpec spec, const Schedule& schedule, Isa isa)
    : schedule_(schedule),
      isa_(isa),
      smooth_(spec.smooth),
      most_(spec.most),
      levels_(static_cast<float>(spec.levels)),
      units_(std::move(spec.units)),
      reach_(std::move(spec.reach)),
      rounding_(std::move(spec.rounding)),
      state_(schedule.seed) {
  require(!spec.nodes.empty(), "expected at least one node");
  for (dense::NodeSpec& node : spec.nodes) {
    const std::string name = node.name;
    try {
      append(std::move(node));
      if (nodes_.back().op == nullptr) rebuild(nodes_.size() - 1);
    } catch (const Error& error) {
      throw Error(error.code, "node \"" + name + "\": " + error.what());
    }
  }
  require(units_.size() == inputNodes_.size(), "expected units for each input node");
  for (size_t i = 0; i < units_.size(); ++i) {
    const auto channels = static_cast<size_t>(nodes_[inputNodes_[i]].spec.shape.c);
    require(units_[i].size() == 1 || units_[i].size() == channels,
            "units need 1 or C elements for each input");
    for (const float unit : units_[i]) {
      require(unit > 0 && std::isfinite(unit), "units must be positive");
    }
  }
  require(reach_.size() == inputNodes_.size(), "expected the reach of each input node");
  for (const float reach : reach_) {
    require(reach > 0 && std::isfinite(reach), "a reach must be positive");
  }
  require(!spec.outputs.empty(), "expected at least one output");
  for (const int output : spec.outputs) {
    require(output >= 0 && static_cast<size_t>(output) < nodes_.size(),
            "an output is not the index of a node");
    outputNodes_.push_back(static_cast<size_t>(output));
  }
  checkRounding();
  rebuildAll();
  for (Node& node : nodes_) {
    if (node.op) scratch_ = std::max(scratch_, roundUp(node.op->scratchFloats()));
    if (node.backward) scratch_ = std::max(scratch_, roundUp(node.backward->scratchFloats()));
    node.value = floats_;
    floats_ += roundUp(node.spec.shape.numel() + kSlack);
  }
  gradients_ = floats_;
  for (Node& node : nodes_) {
    if (!node.learns) continue;
    node.gradient = floats_;
    floats_ += roundUp(node.spec.shape.numel());
  }
}

void Trainer::append(dense::NodeSpec&& spec) {
  Node node;
  for (const int input : spec.inputs) {
    require(input >= 0 && static_cast<size_t>(input) < nodes_.size(),
            "an input is not the index of an earlier node");
    const Node& from = nodes_[static_cast<size_t>(input)];
    node.inputShapes.push_back(from.spec.shape);
    node.learns = node.learns || from.learns;
  }
  const size_t index = nodes_.size();
  node.parameters = parameters_.size();
  if (auto* conv = std::get_if<ConvSpec>(&spec.op)) {
    if (conv->bias.empty()) conv->bias.assign(static_cast<size_t>(spec.shape.c), 0.0f);
    const double scale = rootMeanSquare(conv->weight.data(), conv->weight.size());
    parameters_.append(index, Segment::Kind::Weight, conv->weight, static_cast<float>(scale));
    parameters_.append(index, Segment::Kind::Bias, conv->bias, 1);
    node.learns = true;
  } else if (auto* quant = std::get_if<QuantSpec>(&spec.op)) {
    require(quant->stepIn == quant->stepOut && quant->offset.size() == quant->stepIn.size() &&
                !quant->stepIn.empty() && !quant->tiesToEven,
            "an activation that is trained has stepOut = stepIn, as many offsets, and a floor");
    std::vector<float> logarithms;
    for (size_t c = 0; c < quant->stepIn.size(); ++c) {
      const float step = quant->stepIn[c];
      require(step > 0 && std::isfinite(step), "stepIn is not a positive float32");
      logarithms.push_back(std::log(step));
      node.phase.push_back(quant->offset[c] / step);
    }
    parameters_.append(index, Segment::Kind::Step, logarithms, 1);
    node.learns = true;
  } else if (std::holds_alternative<InputSpec>(spec.op)) {
    require(spec.inputs.empty(), "an input node has no inputs");
    inputNodes_.push_back(index);
  } else {
    node.op = dense::makeOp(dense::OpSpec(spec.op), node.inputShapes, spec.shape, isa_);
    node.backward = makeBackward(spec.op, node.inputShapes, spec.shape);
  }
  node.spec = std::move(spec);
  nodes_.push_back(std::move(node));
}

/** What one spike of each channel of a value is worth. */
std::vector<float> Trainer::unitsOf(size_t index) const {
  const Node& node = nodes_[index];
  if (std::holds_alternative<InputSpec>(node.spec.op)) {
    const auto at = std::find(inputNodes_.begin(), inputNodes_.end(), index);
    return units_[static_cast<size_t>(at - inputNodes_.begin())];
  }
  if (const auto* quant = std::get_if<QuantSpec>(&node.spec.op)) return quant->stepOut;
  if (const auto* route = std::get_if<dense::RouteSpec>(&node.spec.op)) {
    std::vector<float> all;  // of the inputs' elements, channel after channel
    std::vector<size_t> ends;
    size_t end = 0;
    for (size_t i = 0; i < node.inputShapes.size(); ++i) {
      const dense::Shape& shape = node.inputShapes[i];
      const std::vector<float> units = unitsOf(static_cast<size_t>(node.spec.inputs[i]));
      for (size_t c = 0; c < static_cast<size_t>(shape.c); ++c) {
        all.push_back(units[units.size() == 1 ? 0 : c]);
        ends.push_back(end += shape.plane());
      }
    }
    std::vector<float> result;
    const size_t plane = node.spec.shape.plane();
    for (size_t c = 0; c < static_cast<size_t>(node.spec.shape.c); ++c) {
      const auto begin = route->index.begin() + static_cast<std::ptrdiff_t>(c * plane);
      const auto first = std::find_if(begin, begin + static_cast<std::ptrdiff_t>(plane),
                                      [](int32_t i) { return i >= 0; });
      const bool empty = first == begin + static_cast<std::ptrdiff_t>(plane);
      const auto at = empty
                          ? ends.begin()
                          : std::upper_bound(ends.begin(), ends.end(), static_cast<size_t>(*first));
      result.push_back(all[static_cast<size_t>(at - ends.begin())]);
    }
    return result;
  }
  const bool keeps = std::holds_alternative<dense::MaxPoolSpec>(node.spec.op) ||
                     std::holds_alternative<dense::AvgPoolSpec>(node.spec.op) ||
                     std::holds_alternative<dense::ReluSpec>(node.spec.op);
  return keeps ? unitsOf(static_cast<size_t>(node.spec.inputs[0])) : std::vector<float>{1};
}

void Trainer::checkRounding() const {
  for (const Rounding& rounding : rounding_) {
    const bool read = rounding.quant >= 0;
    require(!rounding.convs.empty(), "a rounding names no convolution");
    require(!read || (static_cast<size_t>(rounding.quant) < nodes_.size() &&
                      std::holds_alternative<QuantSpec>(
                          nodes_[static_cast<size_t>(rounding.quant)].spec.op)),
            "a rounding names no activation");
    const int first = rounding.convs[0];
    for (const int conv : rounding.convs) {
      require(conv >= 0 && static_cast<size_t>(conv) < nodes_.size() &&
                  std::holds_alternative<ConvSpec>(nodes_[static_cast<size_t>(conv)].spec.op),
              "a rounding names what is no convolution");
      require(nodes_[static_cast<size_t>(conv)].spec.shape.c ==
                  nodes_[static_cast<size_t>(read ? rounding.quant : first)].spec.shape.c,
              "a rounding joins different numbers of channels");
    }
  }
}

/** Pools and routes have it from what they read. */
float Trainer::reachOf(size_t index) const {
  const Node& node = nodes_[index];
  if (std::holds_alternative<InputSpec>(node.spec.op)) {
    const auto at = std::find(inputNodes_.begin(), inputNodes_.end(), index);
    return reach_[static_cast<size_t>(at - inputNodes_.begin())];
  }
  if (std::holds_alternative<QuantSpec>(node.spec.op)) return levels_;
  float most = 0;
  for (const int input : node.spec.inputs)
    most = std::max(most, reachOf(static_cast<size_t>(input)));
  return most;
}

/** Of each channel, over all convolutions that meet there, and their biases. */
std::vector<RowSize> Trainer::sizesOf(const Rounding& rounding) const {
  const Node& first = nodes_[static_cast<size_t>(rounding.convs[0])];
  std::vector<RowSize> sizes(static_cast<size_t>(first.spec.shape.c));
  for (const int conv : rounding.convs) {
    const Node& node = nodes_[static_cast<size_t>(conv)];
    const ConvSpec& spec = std::get<ConvSpec>(node.spec.op);
    const auto source = static_cast<size_t>(node.spec.inputs[0]);
    const float* weight = parameters_.values() + node.parameters;
    measureRows(weight, rowsOf(node, spec), unitsOf(source), reachOf(source), sizes);
    const float* bias = weight + spec.weight.size();
    const size_t row = spec.bias.size() / sizes.size();
    for (size_t c = 0; c < sizes.size(); ++c, bias += row) {
      float most = 0;
      for (size_t i = 0; i < row; ++i) most = std::max(most, std::fabs(bias[i]));
      sizes[c].total += most;
    }
  }
  return sizes;
}

/** K as large as the weights and the limit of sums allow; shortcuts, small beside it, do not count.
 */
float Trainer::threshold(const RowSize& size, float step) const {
  const float byWeight = std::floor(static_cast<float>(most_) * step / size.largest);
  const float bySum = std::floor(kLimit * step / (size.total + step * (levels_ + 1)));
  return std::max(1.0f, std::min(byWeight, bySum));
}

/** δ of each channel: with an activation its step / K. */
void Trainer::chooseGrids(const Rounding& rounding) {
  const std::vector<RowSize> sizes = sizesOf(rounding);
  const size_t channels = sizes.size();
  std::vector<float> largest(channels);
  for (size_t c = 0; c < channels; ++c) largest[c] = sizes[c].largest;
  std::vector<float> grid(channels);
  if (rounding.quant < 0) {
    const float most = *std::max_element(largest.begin(), largest.end());
    grid.assign(channels, most / static_cast<float>(most_));
  } else {
    QuantSpec& quant = std::get<QuantSpec>(nodes_[static_cast<size_t>(rounding.quant)].spec.op);
    const std::vector<float>& phases = nodes_[static_cast<size_t>(rounding.quant)].phase;
    std::vector<float> offsets(channels);
    for (size_t c = 0; c < channels; ++c) {
      float step = quant.stepIn[quant.stepIn.size() == 1 ? 0 : c];
      if (quant.stepIn.size() > 1 && step < kLeastStep * largest[c])
        quant.stepIn[c] = quant.stepOut[c] = step = kLeastStep * largest[c];
      const float phase = phases[phases.size() == 1 ? 0 : c];
      offsets[c] = phase * step;
      if (!(largest[c] > 0)) continue;
      const float k = threshold(sizes[c], step);
      grid[c] = step / k;
      offsets[c] = std::floor(phase * k) * grid[c];
      const bool byWeight = k == std::floor(static_cast<float>(most_) * step / largest[c]);
      if (!byWeight) largest[c] = 0;  // no weight is the one that sets K
    }
    if (!smooth_) quant.offset = std::move(offsets);
  }
  for (const int conv : rounding.convs) {
    nodes_[static_cast<size_t>(conv)].grid = grid;
    nodes_[static_cast<size_t>(conv)].largest = largest;
  }
}

/** The steps of an activation, from their logarithms. */
void Trainer::readSteps(Node& node) const {
  auto* quant = std::get_if<QuantSpec>(&node.spec.op);
  if (!quant) return;
  const float* values = parameters_.values() + node.parameters;
  quant->offset.resize(quant->stepIn.size());
  for (size_t c = 0; c < quant->stepIn.size(); ++c) {
    quant->stepIn[c] = quant->stepOut[c] = std::exp(values[c]);
    quant->offset[c] = node.phase[c] * quant->stepIn[c];
  }
}

/** A convolution with its parameters as they are, rounded where they are to be. */
ConvSpec Trainer::roundedSpec(const Node& node) const {
  ConvSpec spec = std::get<ConvSpec>(node.spec.op);
  const float* values = parameters_.values() + node.parameters;
  const size_t count = spec.weight.size();
  spec.weight.assign(values, values + count);
  spec.bias.assign(values + count, values + count + spec.bias.size());
  if (node.grid.empty()) return spec;
  roundWeights(spec.weight.data(), rowsOf(node, spec),
               unitsOf(static_cast<size_t>(node.spec.inputs[0])),
               {node.grid, node.largest, static_cast<float>(most_)});
  const size_t plane = spec.bias.size() / node.grid.size();
  for (size_t i = 0; i < spec.bias.size(); ++i) {
    const float step = node.grid[i / plane] * levels_;  // added once for each level
    if (step > 0) spec.bias[i] = std::nearbyint(spec.bias[i] / step) * step;
  }
  return spec;
}

/** The operators of a node that learns, from its parameters as they are. */
void Trainer::rebuild(size_t index) {
  Node& node = nodes_[index];
  const dense::Shape& shape = node.spec.shape;
  if (std::holds_alternative<ConvSpec>(node.spec.op)) {
    require(node.inputShapes.size() == 1, "expected one input");
    const ConvSpec spec = roundedSpec(node);
    const bool wantsInput = nodes_[static_cast<size_t>(node.spec.inputs[0])].learns;
    node.op = dense::makeOp(dense::OpSpec(spec), node.inputShapes, shape, isa_);
    node.backward = makeConvBackward(spec, node.inputShapes[0], shape, wantsInput, isa_);
  } else if (const auto* quant = std::get_if<QuantSpec>(&node.spec.op)) {
    node.op = dense::makeOp(dense::OpSpec(*quant), node.inputShapes, shape, isa_);
    if (smooth_) node.op = std::make_unique<SmoothQuant>(*quant, shape);
    node.backward = makeQuantBackward(*quant, shape, smooth_, isa_);
  }
}

void Trainer::rebuildAll() {
  for (Node& node : nodes_) readSteps(node);
  for (const Rounding& rounding : rounding_) chooseGrids(rounding);
  for (size_t n = 0; n < nodes_.size(); ++n) rebuild(n);
}

std::vector<std::vector<float>> Trainer::finished() const {
  std::vector<std::vector<float>> result;
  for (const Segment& segment : parameters_.segments()) {
    const Node& node = nodes_[segment.node];
    const float* values = parameters_.values() + segment.offset;
    result.emplace_back(values, values + segment.length);
    std::vector<float>& last = result.back();
    if (segment.kind == Segment::Kind::Step) {
      last = std::get<QuantSpec>(node.spec.op).stepIn;
    } else if (!node.grid.empty()) {
      const ConvSpec spec = roundedSpec(node);
      last = segment.kind == Segment::Kind::Weight ? spec.weight : spec.bias;
    }
  }
  return result;
}

Trainer::Memory& Trainer::memory(unsigned worker) {
  Memory& memory = memories_[worker];
  if (memory.block) return memory;
  constexpr size_t kAlign = 64;
  size_t space = (floats_ + scratch_ + kSlack) * sizeof(float) + kAlign;
  memory.owner = std::make_unique<float[]>(space / sizeof(float));
  void* start = memory.owner.get();
  memory.block =
      static_cast<float*>(std::align(kAlign, (floats_ + scratch_) * sizeof(float), start, space));
  return memory;
}

void Trainer::measureTargets(const BlockData& data) {
  for (size_t o = 0; o < outputNodes_.size(); ++o) {
    const size_t n = data.images * numel(outputNodes_[o]);
    const float* target = data.targets[o];
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) {
      sum += target[i];
      squares += double{target[i]} * target[i];
    }
    const double mean = sum / static_cast<double>(n);
    const double variance = squares / static_cast<double>(n) - mean * mean;
    if (!std::isfinite(variance))
      throw Error("ERR_CASC_CALIBRATION", "a target holds NaN or infinite values");
    weights_.push_back(variance > 0 ? 1 / variance : 1);
  }
}

/** A bias moves relative to what its convolution puts out. */
void Trainer::measureOutputs(const BlockData& data) {
  Batch batch{&data, {}, 0};
  float* block = memory(0).block;
  std::vector<double> squares(nodes_.size());
  const size_t images = std::min(kSample, data.images);
  for (size_t i = 0; i < images; ++i) {
    batch.images = {i};
    forward(batch, 0, block);
    for (size_t n = 0; n < nodes_.size(); ++n) {
      const double size = rootMeanSquare(block + nodes_[n].value, numel(n));
      squares[n] += size * size / static_cast<double>(images);
    }
  }
  for (Segment& segment : parameters_.segments()) {
    if (segment.kind != Segment::Kind::Bias) continue;
    segment.scale = static_cast<float>(std::sqrt(squares[segment.node]));
  }
}

void Trainer::prepare(const BlockData& data) {
  if (prepared_) return;
  measureTargets(data);
  measureOutputs(data);
  prepared_ = true;
}

size_t Trainer::random(size_t below) { return nextRandom(state_) % below; }

/** Every image once before any comes again. */
std::vector<size_t> Trainer::draw(size_t images) {
  if (order_.size() != images) {
    order_.resize(images);
    for (size_t i = 0; i < images; ++i) order_[i] = i;
    taken_ = images;
  }
  std::vector<size_t> batch;
  for (size_t i = 0; i < std::min(schedule_.batch, images); ++i) {
    if (taken_ == images) {
      for (size_t k = images; k > 1; --k) std::swap(order_[k - 1], order_[random(k)]);
      taken_ = 0;
    }
    batch.push_back(order_[taken_++]);
  }
  return batch;
}

double Trainer::train(const BlockData& data, size_t iterations, Team& team,
                      const AbortFlag& abort) {
  memories_.resize(std::max<size_t>(memories_.size(), team.size()));
  prepare(data);
  double total = 0;
  std::vector<float> sum;
  require(schedule_.drop <= 0 || !data.exact.empty(), "schedule.drop needs data.exact");
  for (size_t i = 0; i < iterations; ++i) {
    throwIfAborted(abort);
    const Batch batch{&data, draw(data.images), schedule_.drop};
    total += run(batch, team, abort, sum);
    const double done = static_cast<double>(iteration_) / static_cast<double>(schedule_.iterations);
    const double fall = 0.5 * (1 + std::cos(std::numbers::pi * std::min(done, 1.0)));
    float rates[3];
    for (size_t k = 0; k < 3; ++k) rates[k] = static_cast<float>(schedule_.rates[k] * fall);
    parameters_.step(sum, rates);
    rebuildAll();
    ++iteration_;
  }
  return iterations > 0 ? total / static_cast<double>(iterations) : 0;
}

double Trainer::gradient(const BlockData& data, Team& team, const AbortFlag& abort,
                         std::vector<float>& gradient) {
  memories_.resize(std::max<size_t>(memories_.size(), team.size()));
  prepare(data);
  Batch batch{&data, std::vector<size_t>(data.images), 0};
  for (size_t i = 0; i < data.images; ++i) batch.images[i] = i;
  return run(batch, team, abort, gradient);
}

double Trainer::run(const Batch& batch, Team& team, const AbortFlag& abort,
                    std::vector<float>& gradient) {
  const size_t images = batch.images.size();
  const size_t parts = std::min(kParts, images);
  partial_.resize(kParts);
  losses_.assign(parts, 0);
  team.share(parts, [&](unsigned worker, size_t part) {
    std::vector<float>& sum = partial_[part];
    sum.assign(parameters_.size(), 0.0f);
    float* block = memory(worker).block;
    for (size_t i = part * images / parts; i < (part + 1) * images / parts; ++i) {
      throwIfAborted(abort);
      losses_[part] += image(batch, i, block, sum.data());
    }
  });
  gradient.assign(parameters_.size(), 0.0f);
  double loss = 0;
  for (size_t part = 0; part < parts; ++part) {
    const float* from = partial_[part].data();
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] += from[i];
    loss += losses_[part];
  }
  return loss;
}

double Trainer::image(const Batch& batch, size_t slot, float* block, float* gradient) const {
  forward(batch, slot, block);
  const double loss = compare(batch, slot, block);
  backward(block, gradient);
  return loss;
}

void Trainer::forward(const Batch& batch, size_t slot, float* block) const {
  const size_t image = batch.images[slot];
  uint64_t state = schedule_.seed + 0x5851F42D4C957F2Du * (iteration_ + 1) + slot;
  state = nextRandom(state);
  for (size_t i = 0; i < inputNodes_.size(); ++i) {
    const Node& node = nodes_[inputNodes_[i]];
    const size_t n = node.spec.shape.numel();
    float* to = block + node.value;
    std::copy_n(batch.data->inputs[i] + image * n, n, to);
    if (batch.drop <= 0) continue;
    // Four decisions of 16 bits from one number.
    const float* exact = batch.data->exact[i] + image * n;
    const auto limit = static_cast<uint32_t>(batch.drop * 65536.0f);
    for (size_t k = 0; k < n; k += 4) {
      uint64_t bits = nextRandom(state);
      for (size_t j = k; j < std::min(n, k + 4); ++j, bits >>= 16) {
        if ((bits & 0xFFFF) < limit) to[j] = exact[j];
      }
    }
  }
  std::vector<const float*> inputs;
  for (const Node& node : nodes_) {
    if (!node.op) continue;
    inputs.clear();
    for (const int input : node.spec.inputs)
      inputs.push_back(block + nodes_[static_cast<size_t>(input)].value);
    node.op->run(inputs.data(), block + node.value, block + floats_);
  }
}

/** The loss, and the outputs' gradients where gradients begin. */
double Trainer::compare(const Batch& batch, size_t slot, float* block) const {
  const size_t image = batch.images[slot];
  std::fill(block + gradients_, block + floats_, 0.0f);
  double loss = 0;
  for (size_t o = 0; o < outputNodes_.size(); ++o) {
    const Node& node = nodes_[outputNodes_[o]];
    const size_t n = node.spec.shape.numel();
    const float* target = batch.data->targets[o] + image * n;
    const float* value = block + node.value;
    const double weight =
        weights_[o] / (static_cast<double>(n) * static_cast<double>(batch.images.size()));
    const auto slope = static_cast<float>(2 * weight);
    float* to = block + node.gradient;
    double sum = 0;
    for (size_t i = 0; i < n; ++i) {
      const float difference = value[i] - target[i];
      sum += double{difference} * difference;
      if (node.learns) to[i] += slope * difference;
    }
    loss += weight * sum;
  }
  return loss;
}

void Trainer::backward(float* block, float* gradient) const {
  std::vector<const float*> inputs;
  std::vector<float*> gradients;
  for (size_t n = nodes_.size(); n-- > 0;) {
    const Node& node = nodes_[n];
    if (!node.learns) continue;
    inputs.clear();
    gradients.clear();
    for (const int input : node.spec.inputs) {
      const Node& from = nodes_[static_cast<size_t>(input)];
      inputs.push_back(block + from.value);
      gradients.push_back(from.learns ? block + from.gradient : nullptr);
    }
    node.backward->run({inputs.data(), block + node.value, block + node.gradient, gradients.data(),
                        gradient + node.parameters, block + floats_});
  }
}

}  // namespace casc::reconstruct
