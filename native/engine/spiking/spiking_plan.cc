#include "engine/spiking/spiking_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/spiking/input_plane.h"
#include "engine/spiking/oracle.h"
#include "engine/spiking/plan.h"
#include "engine/spiking/stock.h"

namespace casc::spiking {
namespace {

/** H×W×C → C×H×W through `convert`. */
template <class From, class To, class Convert>
void channelFirst(const Shape& s, const From& from, To* to, Convert convert) {
  const size_t c = size_t(s.c), area = s.numel() / c;
  for (size_t channel = 0; channel < c; ++channel)
    for (size_t p = 0; p < area; ++p) to[channel * area + p] = convert(from[p * c + channel]);
}

/** A readout layer's sums in real units, at its place among all readouts. */
template <class N, class Sum>
void writeReadout(const Layer<N>& layer, const Sum* sums, float* readout) {
  channelFirst(layer.shape, sums, readout + layer.readoutOffset, [&](Sum sum) {
    return static_cast<float>(static_cast<double>(sum) * layer.readoutScale);
  });
}

/** One layer's comparison. */
struct Comparison {
  size_t mismatches = 0;
  size_t firstNeuron = std::numeric_limits<size_t>::max();  // C×H×W
  size_t firstAt = 0;                                       // the same one, H×W×C

  void add(const Shape& s, size_t at) {
    const size_t c = size_t(s.c), area = s.numel() / c, neuron = at % c * area + at / c;
    ++mismatches;
    if (neuron >= firstNeuron) return;
    firstNeuron = neuron;
    firstAt = at;
  }
};

template <class N>
class Runner final : public ImageRunner {
 public:
  explicit Runner(const Plan<N>& plan) : plan_(plan), simulation_(plan) {}

  void run(const float* image, size_t index, const RunSettings& settings,
           const ImageResult& result) override {
    const Layer<N>& input = plan_.layers[plan_.input];
    input_.resize(input.shape.numel());
    loadInput(input, image, index, input_.data());
    const bool counts = !result.counts.empty() || index < settings.certify;
    const auto raster = result.rasters ? settings.raster : std::nullopt;
    simulation_.run(input_.data(), settings.schedule, settings.abort,
                    {settings.everyStep, settings.profile, settings.team, counts, {}, raster});
    write(settings, result);
    if (settings.oracle || index < settings.certify) check(index, settings, result);
  }

  const Profile& profile() const override { return simulation_.profile(); }
  WorkingBytes workingBytes() const override {
    const double input = double(input_.capacity() * sizeof(N));
    return {input + simulation_.bytes(), oracle_ ? oracle_->bytes() : 0};
  }

 private:
  void write(const RunSettings& settings, const ImageResult& result) {
    std::copy(simulation_.sleepSteps.begin(), simulation_.sleepSteps.end(), result.sleepSteps);
    std::copy(simulation_.quietSteps.begin(), simulation_.quietSteps.end(), result.quietSteps);
    std::copy(simulation_.atRest.begin(), simulation_.atRest.end(), result.atRest);
    std::copy(simulation_.positive.begin(), simulation_.positive.end(), result.positive);
    std::copy(simulation_.negative.begin(), simulation_.negative.end(), result.negative);
    *result.operations = static_cast<double>(simulation_.operations);
    *result.operationsAsleep = static_cast<double>(simulation_.operationsAsleep);
    *result.hash = simulation_.hash;
    if (result.rasters) *result.rasters = std::move(simulation_.rasters);
    if (settings.everyStep) {
      *result.traces = simulation_.traces;
    } else {
      for (size_t r = 0; r < plan_.readoutLayers.size(); ++r) {
        writeReadout(plan_.layers[plan_.readoutLayers[r]], simulation_.readouts[r].data(),
                     result.readout);
      }
    }
    for (size_t n = 0; n < result.counts.size(); ++n) {
      channelFirst(plan_.layers[plan_.neuronLayers[n]].shape, simulation_.counts[n].data(),
                   result.counts[n], [](int32_t count) { return count; });
    }
  }

  void check(size_t index, const RunSettings& settings, const ImageResult& result) {
    if (!oracle_) oracle_.emplace(plan_);
    size_t checked = 0, mismatches = 0;
    std::optional<Divergence> divergence;
    size_t divergenceAt = 0;
    oracle_->run(input_.data(), settings.schedule, settings.abort,
                 [&](size_t at, const typename Oracle<N>::Values& ann) {
                   const Layer<N>& layer = plan_.layers[at];
                   if (layer.readout) writeReadout(layer, ann.numbers, result.oracle);
                   if (index >= settings.certify) return;
                   const Comparison compared = layer.readout
                                                   ? compareReadout(layer, at, ann.numbers)
                                                   : compareCounts(layer, ann);
                   checked += layer.shape.numel();
                   mismatches += compared.mismatches;
                   if (divergence || compared.mismatches == 0) return;
                   divergenceAt = compared.firstAt;
                   divergence = Divergence{at, compared.firstNeuron, snnValue(at, divergenceAt),
                                           static_cast<double>(ann[divergenceAt]), std::nullopt};
                 });
    if (index >= settings.certify) return;
    *result.checked = static_cast<double>(checked);
    *result.mismatches = static_cast<double>(mismatches);
    if (divergence) findLastSpike(*divergence, divergenceAt, settings);
    *result.first = divergence;
  }

  Comparison compareCounts(const Layer<N>& layer, const typename Oracle<N>::Values& ann) const {
    Comparison compared;
    const auto& counts = simulation_.counts[layer.neuronOrdinal];
    for (size_t i = 0; i < counts.size(); ++i)
      if (double(counts[i]) != double(ann[i])) compared.add(layer.shape, i);
    return compared;
  }

  /**
   * Equality in fixed point. In float32 the sums of the two paths round differently even where all
   * spikes agree, so an element differs when it is off by more than 1e-4 of the layer's largest.
   */
  Comparison compareReadout(const Layer<N>& layer, size_t at, const N* ann) const {
    Comparison compared;
    const auto& sums = simulation_.readouts[readoutOrdinal(at)];
    double tolerance = 0;
    if constexpr (std::is_same_v<N, float>) {
      for (size_t i = 0; i < sums.size(); ++i)
        tolerance = std::max(tolerance, 1e-4 * std::abs(double{ann[i]}));
    }
    for (size_t i = 0; i < sums.size(); ++i) {
      const double off = static_cast<double>(sums[i]) - static_cast<double>(ann[i]);
      if (!(std::abs(off) <= tolerance)) compared.add(layer.shape, i);
    }
    return compared;
  }

  size_t readoutOrdinal(size_t layer) const {
    const auto& all = plan_.readoutLayers;
    return size_t(std::find(all.begin(), all.end(), layer) - all.begin());
  }

  double snnValue(size_t layer, size_t at) const {
    if (plan_.layers[layer].readout)
      return static_cast<double>(simulation_.readouts[readoutOrdinal(layer)][at]);
    return simulation_.counts[plan_.layers[layer].neuronOrdinal][at];
  }

  /** An image that differs is simulated again, up to the layer where it does, to find when the
   * neuron fired last: recording this for every neuron would cost every run. */
  void findLastSpike(Divergence& divergence, size_t at, const RunSettings& settings) {
    if (plan_.layers[divergence.layer].kind != LayerKind::Neuron) return;
    simulation_.run(input_.data(), settings.schedule, settings.abort,
                    {false, false, settings.team, true, divergence.layer, {}});
    divergence.lastSpike = simulation_.lastSpike(divergence.layer, at);
  }

  const Plan<N>& plan_;
  Simulation<N> simulation_;
  std::optional<Oracle<N>> oracle_;
  Aligned<N> input_;
};

template <class N>
class Rester final : public RestRunner {
 public:
  explicit Rester(const Plan<N>& plan) : plan_(plan), oracle_(plan) {}

  void run(const float* image, size_t index, const Schedule& schedule, const AbortFlag& abort,
           const RestResult& result) override {
    const Layer<N>& input = plan_.layers[plan_.input];
    input_.resize(input.shape.numel());
    loadInput(input, image, index, input_.data());
    oracle_.run(input_.data(), schedule, abort,
                [&](size_t at, const typename Oracle<N>::Values& values) {
                  const Layer<N>& layer = plan_.layers[at];
                  if (layer.readout) {
                    writeReadout(layer, values.numbers, result.readout);
                  } else if (!result.counts.empty()) {
                    channelFirst(layer.shape, values, result.counts[layer.neuronOrdinal],
                                 [](N count) { return static_cast<int32_t>(count); });
                  }
                });
  }

 private:
  const Plan<N>& plan_;
  Oracle<N> oracle_;
  Aligned<N> input_;
};

template <class N>
class CompiledPlan final : public SpikingPlan {
 public:
  CompiledPlan(PlanSpec spec, const Kernels& kernels, const CostModel& costs)
      : plan_(std::move(spec), kernels, costs) {
    layers = plan_.layers.size();
    inputs = plan_.layers[plan_.input].shape.numel();
    outputs = plan_.outputs;
    for (size_t layer : plan_.neuronLayers) neurons.push_back(plan_.layers[layer].shape.numel());
    for (size_t layer : plan_.readoutLayers)
      readoutSizes.push_back(plan_.layers[layer].shape.numel());
    bytes = plan_.bytes;
    denseMacs = plan_.denseMacs;
    inputMacs = plan_.inputMacs;
  }
  std::shared_ptr<ImageRunner> runner(bool fresh) const override {
    if (fresh) return std::make_shared<Runner<N>>(plan_);
    return runners_.take([this] { return std::make_unique<Runner<N>>(plan_); });
  }
  std::shared_ptr<RestRunner> restRunner() const override {
    return resters_.take([this] { return std::make_unique<Rester<N>>(plan_); });
  }
  WorkingBytes workingBytesBound(const Schedule& schedule) const override {
    return spiking::workingBytesBound(plan_, schedule);
  }

 private:
  Plan<N> plan_;
  mutable Stock<ImageRunner> runners_;
  mutable Stock<RestRunner> resters_;
};

}  // namespace

std::shared_ptr<const SpikingPlan> compilePlan(PlanSpec spec, const Kernels& kernels,
                                               const CostModel& costs) {
  if (spec.format == Format::Float32)
    return std::make_shared<CompiledPlan<float>>(std::move(spec), kernels, costs);
  return std::make_shared<CompiledPlan<int32_t>>(std::move(spec), kernels, costs);
}

}  // namespace casc::spiking
