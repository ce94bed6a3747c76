#include "addon/step_neurons.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "addon/addon_data.h"
#include "addon/boundary.h"
#include "addon/read.h"
#include "kernels/registry.h"

namespace casc {
namespace {

template <class N>
double step(const Napi::Object& state, const NeuronRule& rule, double threshold,
            const Kernels& kernels) {
  // All properties first: a getter may run JavaScript, which may detach an array read before.
  Napi::Value membrane = state.Get("membrane"), count = state.Get("count");
  Napi::Value current = state.Get("current"), spikes = state.Get("spikes");
  const auto v = read::typed<N>(membrane, "membrane");
  const auto n = read::typed<int32_t>(count, "count");
  const auto i = read::typed<N>(current, "current");
  const auto s = read::typed<int8_t>(spikes, "spikes");
  if (n.length != v.length || i.length != v.length || s.length != v.length)
    read::fail("stepNeurons", "membrane, count, current and spikes must have one length");

  // The kernel takes a threshold per neuron; one block of them serves all.
  constexpr size_t block = 1024;
  std::array<N, block> thresholds;
  thresholds.fill(static_cast<N>(threshold));
  uint64_t fired = 0;
  for (size_t at = 0; at < v.length; at += block) {
    const NeuronRow<N> row{v.data + at,       n.data + at, i.data + at,
                           thresholds.data(), s.data + at, std::min(block, v.length - at)};
    const NeuronTally tally = numberKernels<N>(kernels).neuronStep(row, rule);
    fired += tally.positive + tally.negative;
  }
  return static_cast<double>(fired);
}

}  // namespace

Napi::Value stepNeurons(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Napi::Object state = read::object(info[0], "stepNeurons");
    NeuronRule rule;
    rule.gamma = read::integer(state.Get("gamma"), 1, 127, "gamma");
    rule.negative = read::boolean(state.Get("negative"), "negative");
    rule.upper = read::boolean(state.Get("upper"), "upper");
    rule.awakeSteps = read::integer(state.Get("awakeSteps"), 0, std::numeric_limits<int32_t>::max(),
                                    "awakeSteps");
    Isa isa = addonData(info.Env()).isa;
    Napi::Value name = state.Get("isa");
    if (!name.IsUndefined() && !name.IsNull()) isa = parseIsa(read::text(name, "isa"));
    const Kernels& kernels = kernelsOf(isa);
    const double threshold = read::number(state.Get("threshold"), "threshold");
    const double single = static_cast<float>(threshold);
    if (!(single > 0) || !std::isfinite(single))
      read::fail("threshold", "expected a positive number");
    double fired;
    if (read::isTyped<int32_t>(state.Get("membrane"))) {
      if (threshold > std::numeric_limits<int32_t>::max() || threshold != std::floor(threshold))
        read::fail("threshold", "expected a 32-bit integer for int32 membranes");
      fired = step<int32_t>(state, rule, threshold, kernels);
    } else {
      fired = step<float>(state, rule, threshold, kernels);
    }
    return Napi::Number::New(info.Env(), fired);
  });
}

}  // namespace casc
