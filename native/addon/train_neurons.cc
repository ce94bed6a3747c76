#include "addon/train_neurons.h"

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

/** Neurons that go through all steps together: what they hold stays in the cache. */
constexpr size_t kBlock = 1024;
/** Counts have eight bits. */
constexpr int32_t kMostAwake = 127;

struct Population {
  read::Span<int32_t> membrane, count, currents;
  read::Span<int8_t> spikes;
  int32_t threshold = 1, awakeSteps = 0;
  bool negative = true, awake = true;
};

Population readPopulation(const Napi::Object& state) {
  Population p;
  p.threshold =
      read::integer(state.Get("threshold"), 1, std::numeric_limits<int32_t>::max(), "threshold");
  p.negative = read::boolean(state.Get("negative"), "negative");
  p.awake = read::boolean(state.Get("awake"), "awake");
  p.awakeSteps = read::integer(state.Get("awakeSteps"), 0, kMostAwake, "awakeSteps");
  // All properties first: a getter may run JavaScript, which may detach an array read before.
  Napi::Value membrane = state.Get("membrane"), count = state.Get("count");
  Napi::Value currents = state.Get("currents"), spikes = state.Get("spikes");
  p.membrane = read::typed<int32_t>(membrane, "membrane");
  p.count = read::typed<int32_t>(count, "count");
  p.currents = read::typed<int32_t>(currents, "currents");
  p.spikes = read::typed<int8_t>(spikes, "spikes");
  const size_t size = p.membrane.length;
  if (size == 0 || p.count.length != size || p.currents.length % size != 0 ||
      p.spikes.length != p.currents.length) {
    read::fail("trainNeurons",
               "membrane and count must have one length, currents and spikes whole steps of it");
  }
  if (p.awake && p.currents.length / size > size_t(kMostAwake - p.awakeSteps))
    read::fail("currents", "more than 127 awake steps");
  for (size_t i = 0; i < size; ++i) {
    if (p.count.data[i] < 0 || p.count.data[i] > p.awakeSteps)
      read::fail("count", "expected numbers from 0 to the awake steps so far");
  }
  return p;
}

/** All steps of neurons [at, at + length); returns their spikes. */
uint64_t trainBlock(const Population& p, size_t at, size_t length, Train train) {
  const size_t size = p.membrane.length, all = p.currents.length / size;
  std::array<int32_t, kBlock> thresholds;
  thresholds.fill(p.threshold);
  const std::array<int32_t, kBlock> constant{};
  std::array<int8_t, kBlock> counts;
  for (size_t i = 0; i < length; ++i) counts[i] = static_cast<int8_t>(p.count.data[at + i]);
  std::array<TrainStep, kTrainSteps> steps;
  std::array<TrainTally, kTrainSteps> tallies{};
  TrainJob job;
  job.membrane = p.membrane.data + at;
  job.count = counts.data();
  job.threshold = thresholds.data();
  job.constant = constant.data();
  job.length = length;
  job.negative = p.negative;
  job.steps = steps.data();
  job.tallies = tallies.data();
  for (size_t first = 0; first < all; first += job.stepCount) {
    job.stepCount = std::min(kTrainSteps, all - first);
    for (size_t k = 0; k < job.stepCount; ++k) {
      const size_t t = first + k;
      steps[k] = {};
      steps[k].current = p.currents.data + t * size + at;
      steps[k].spikes = p.spikes.data + t * size + at;
      steps[k].awake = p.awake;
      steps[k].limit = static_cast<int8_t>(p.awakeSteps + (p.awake ? int32_t(t) + 1 : 0));
    }
    train(job);
  }
  for (size_t i = 0; i < length; ++i) p.count.data[at + i] = counts[i];
  uint64_t fired = 0;
  for (const TrainTally& tally : tallies) fired += tally.positive + tally.negative;
  return fired;
}

}  // namespace

Napi::Value trainNeurons(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Object state = read::object(info[0], "trainNeurons");
    Isa isa = addonData(info.Env()).isa;
    const Napi::Value name = state.Get("isa");
    if (!read::isNone(name)) isa = parseIsa(read::text(name, "isa"));
    const Population population = readPopulation(state);
    uint64_t fired = 0;
    for (size_t at = 0; at < population.membrane.length; at += kBlock) {
      const size_t length = std::min(kBlock, population.membrane.length - at);
      fired += trainBlock(population, at, length, kernelsOf(isa).train);
    }
    return Napi::Number::New(info.Env(), static_cast<double>(fired));
  });
}

}  // namespace casc
