#include "engine/spiking/fixed_layers.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/spiking/simulation.h"

namespace casc::spiking {
namespace {

/** The path of a layer's step: of its terms', the last in the order of Path. */
Path pathOf(const StepInput* inputs, size_t terms) {
  Path path = Path::Skip;
  for (size_t t = 0; t < terms; ++t) path = std::max(path, inputs[t].path);
  return path;
}

/** Of a row of a plane: no band wrote it. */
constexpr uint32_t kUnwritten = std::numeric_limits<uint32_t>::max();

void fillUnwritten(const Shape& shape, Plane& plane) {
  for (size_t y = 0; y < plane.events.size(); ++y) {
    if (plane.events[y] != kUnwritten) continue;
    plane.events[y] = 0;
    std::memset(plane.as<int8_t>() + y * shape.row(), 0, shape.row());
  }
}

}  // namespace

template <class Body>
void FixedLayers::eachBand(const Shape& shape, size_t rows, Body body) {
  hireWorkers();
  const auto height = size_t(shape.h);
  Team* const team = sim_.options_.team;
  // A profile's clocks are of one worker.
  if (team && !sim_.profiler_.on()) {
    rows = std::min(rows, (height + team->size() - 1) / team->size());
    team->share((height + rows - 1) / rows, [&](unsigned worker, size_t band) {
      body(worker, RowRange{band * rows, std::min((band + 1) * rows, height)});
    });
    return;
  }
  for (size_t from = 0; from < height; from += rows)
    body(0, RowRange{from, std::min(from + rows, height)});
}

FixedLayers::FixedLayers(Simulation<int32_t>& simulation)
    : sim_(simulation), early_(simulation.plan_.layers.size()) {}

bool FixedLayers::apply() const {
  return sim_.schedule_.gamma == 1 && sim_.schedule_.upper && sim_.schedule_.wake <= 127;
}

void FixedLayers::maxPool(size_t index) {
  const Layer<int32_t>& layer = sim_.plan_.layers[index];
  const size_t source = layer.sources[0];
  const Shape& in = sim_.plan_.layers[source].shape;
  poolSteps_.clear();
  size_t asleep = 0;
  SleepClock clock;
  clock.start(sim_.profiler_.on());
  for (int32_t p = 0; p < sim_.schedule_.phases(); ++p) {
    const auto steps = int32_t(sim_.series_[source].phases[size_t(p)].size());
    for (Moment now{p, 0, 0, 0}; now.index < steps; ++now.index) {
      const Plane* from = sim_.series_[source].at(p, now.index);
      if (!from) continue;
      const bool sleeping = now.index >= sim_.schedule_.group(p);
      sim_.profiler_.step(index, sleeping, Path::Scatter);
      asleep += sleeping;
      auto plane = sim_.takePlane(layer);
      poolSteps_.push_back({from, plane.get()});
      sim_.keep(index, now, std::move(plane));
    }
  }
  eachBand(layer.shape, BandPool::bandRows(in, layer.shape, layer.window),
           [&](unsigned worker, RowRange rows) {
             throwIfAborted(sim_.abort_);
             pools_[worker]->run(sim_.plan_.byteKernels, in, layer.shape, layer.window, rows,
                                 poolSteps_);
           });
  dropSilent(index);
  clock.lap(poolSteps_.size(), [asleep](size_t k) { return k < asleep; });
  sim_.profiler_.asleep(index, clock.asleep(), {});
}

/** A silent step stores nothing. */
void FixedLayers::dropSilent(size_t index) {
  for (auto& planes : sim_.series_[index].phases) {
    for (auto& plane : planes)
      if (plane && (plane->total() == 0 || !sim_.consumed(index)))
        sim_.pool_.give(std::move(plane));
    while (!planes.empty() && !planes.back()) planes.pop_back();
  }
}

/** Σ of a source's planes at hand, `steps_`; events are values other than 0. */
std::unique_ptr<Plane> FixedLayers::sumPlanes(const Layer<int32_t>& from) {
  auto sum = sim_.takePlane(from);
  const size_t row = from.shape.row();
  for (size_t y = 0; y < size_t(from.shape.h); ++y) {
    if (from.graded) {
      int32_t* to = sum->as<int32_t>() + y * row;
      std::fill_n(to, row, 0);
      for (const EarlyStep& step : steps_)
        if (step.plane->events[y] != 0)
          sim_.plan_.byteKernels.addTimes(to, 1, step.plane->as<int32_t>() + y * row, row);
      continue;
    }
    int8_t* to = sum->as<int8_t>() + y * row;
    bool first = true;
    for (const EarlyStep& step : steps_) {
      if (step.plane->events[y] == 0) continue;
      const int8_t* spikes = step.plane->as<int8_t>() + y * row;
      if (std::exchange(first, false)) {
        std::memcpy(to, spikes, row);
      } else {
        sim_.plan_.byteKernels.add(to, spikes, row);
      }
    }
    if (first) std::memset(to, 0, row);
  }
  sim_.countPlane(from, *sum);
  return sum;
}

/** The cheapest way to a term's current. */
Path FixedLayers::choosePath(const Term<int32_t>& term, const Plane& plane, bool spikes) const {
  const ConvTerm<int32_t>& conv = term.conv;
  if (!conv.windows.present() || sim_.plan_.layers[term.source].graded) return Path::Scatter;
  const double events = double(plane.total());
  const double scattered = events * conv.fullFan * sim_.plan_.cost.scatter;
  const double dense = conv.windows.macs() * sim_.plan_.cost.dense;
  const double rows = conv.rows && spikes ? conv.rows->cost(sim_.plan_.cost, events)
                                          : std::numeric_limits<double>::infinity();
  if (rows < dense && rows < scattered) return Path::Rows;
  return dense < scattered ? Path::Dense : Path::Scatter;
}

/** Appends what the layer's terms receive at a moment. */
void FixedLayers::addInputs(const Layer<int32_t>& layer, Moment now) {
  bool rows = false;
  for (size_t t = 0; t < layer.terms.size(); ++t) {
    const Term<int32_t>& term = layer.terms[t];
    StepInput input;
    if (!sim_.plan_.layers[term.source].constant) input.plane = sim_.sourcePlane(term.source, now);
    if (input.plane) {
      const uint64_t additions = sim_.adder_.additions(term, *input.plane);
      sim_.operations += additions;
      if (now.sleep > 0) sim_.operationsAsleep += additions;
      input.path = layer.neuronShortcut == t ? Path::Neurons : choosePath(term, *input.plane, true);
      // One term of a step may have its sums in 16 bits.
      if (input.path == Path::Rows && std::exchange(rows, true)) input.path = Path::Dense;
    }
    run_.inputs.push_back(input);
  }
}

/** A source never took a spike back: its counts tell how many it sent. */
bool FixedLayers::onlyPositive(size_t source) const {
  const Layer<int32_t>& layer = sim_.plan_.layers[source];
  return layer.kind == LayerKind::Neuron && sim_.negative[layer.neuronOrdinal] == 0;
}

/** Adds up the additions of the steps at hand, whose sum this is; those asleep also to `asleep`.
 * Where all spikes are positive their counts tell the total at once, and only the fewer of awake
 * and asleep steps, mostly none, are gone through to tell them apart. */
void FixedLayers::countEarly(const Layer<int32_t>& layer, size_t source, const Plane& sum,
                             uint64_t& asleep) {
  const bool counts = onlyPositive(source);
  const auto sleeping = [](const EarlyStep& step) { return step.asleep; };
  const auto slept = size_t(std::count_if(steps_.begin(), steps_.end(), sleeping));
  const bool fewer = 2 * slept < steps_.size();  // asleep
  if (counts) {
    spikes_.assign(sum.events.size(), 0);
    for (const EarlyStep& step : steps_)
      for (size_t y = 0; y < spikes_.size(); ++y) spikes_[y] += step.plane->events[y];
  }
  for (const Term<int32_t>& term : layer.terms) {
    if (term.source != source) continue;
    uint64_t all = 0, some = 0;
    if (counts) all = sim_.adder_.additions(term, sum.as<int8_t>(), spikes_.data());
    for (const EarlyStep& step : steps_) {
      if (counts && step.asleep != fewer) continue;
      const uint64_t additions = sim_.adder_.additions(term, *step.plane);
      if (step.asleep == fewer) some += additions;
      if (!counts) all += additions;
    }
    sim_.operations += all;
    asleep += fewer ? some : all - some;
  }
}

/** What the layer receives before it may fire, as one step. */
void FixedLayers::sumEarly(size_t index) {
  const Layer<int32_t>& layer = sim_.plan_.layers[index];
  uint64_t asleep = 0;
  for (int32_t p = 0; p < sim_.schedule_.phases(); ++p)
    run_.earlyAwake += std::min(earlySteps(layer, p), sim_.schedule_.group(p));
  for (size_t source : layer.sources) {
    if (sim_.plan_.layers[source].constant) continue;
    const Series& series = sim_.series_[source];
    steps_.clear();
    for (int32_t p = 0; p < sim_.schedule_.phases(); ++p) {
      const Series::Phase& planes = series.phases[size_t(p)];
      const size_t end = std::min(planes.size(), size_t(earlySteps(layer, p)));
      for (size_t i = 0; i < end; ++i)
        if (planes[i]) steps_.push_back({planes[i].get(), i >= size_t(sim_.schedule_.group(p))});
    }
    if (steps_.empty()) continue;
    if (series.counts && steps_.size() == series.planes()) {
      early_[source] = series.counts.get();
    } else {
      sums_.push_back(sumPlanes(sim_.plan_.layers[source]));
      early_[source] = sums_.back().get();
    }
    countEarly(layer, source, *early_[source], asleep);
  }
  sim_.operationsAsleep += asleep;
  if (asleep > 0) sim_.profiler_.asleep(index, 0, {0, 0, asleep});
  for (const Term<int32_t>& term : layer.terms) {
    const Plane* plane = early_[term.source];
    const bool any = plane && plane->total() > 0;
    run_.early = run_.early || any;
    run_.earlyInputs.push_back(any ? StepInput{plane, choosePath(term, *plane, false)}
                                   : StepInput{});
  }
  sim_.profiler_.step(index, false, pathOf(run_.earlyInputs.data(), layer.terms.size()));
}

/** Steps of a phase before the layer may fire. */
int32_t FixedLayers::earlySteps(const Layer<int32_t>& layer, int32_t phase) const {
  const int32_t first = sim_.schedule_.firstFiring(layer.depth);
  return std::clamp(first - sim_.schedule_.runStep(phase, 0), 0,
                    sim_.schedule_.group(phase) + sim_.schedule_.sleepLimit());
}

/** The steps of a layer's run: those before it may fire, as one, and those after, by phase. */
void FixedLayers::planSteps(size_t index) {
  const Layer<int32_t>& layer = sim_.plan_.layers[index];
  sumEarly(index);
  for (int32_t p = 0; p < sim_.schedule_.phases(); ++p) {
    LayerPhase phase;
    phase.first = run_.steps.size();
    const int32_t group = sim_.schedule_.group(p);
    int32_t sourceEnd = group;
    for (size_t source : layer.sources)
      sourceEnd = std::max(sourceEnd, int32_t(sim_.series_[source].phases[size_t(p)].size()));
    Moment now{p, 0, sim_.schedule_.before(p), 0};
    for (now.index = earlySteps(layer, p);; ++now.index) {
      now.awake = sim_.schedule_.before(p) + std::min(now.index + 1, group);
      now.sleep = std::max(0, now.index + 1 - group);
      if (now.sleep > sim_.schedule_.sleepLimit() || now.index >= sourceEnd) break;
      const uint64_t before = sim_.operations;
      run_.steps.push_back({now, run_.inputs.size(), nullptr});
      addInputs(layer, now);
      const StepInput* inputs = run_.inputs.data() + run_.steps.back().inputs;
      sim_.profiler_.step(index, now.sleep > 0, pathOf(inputs, layer.terms.size()));
      if (now.sleep > 0) sim_.profiler_.asleep(index, 0, {0, 0, sim_.operations - before});
    }
    phase.end = run_.steps.size();
    phase.next = now;
    phase.begun = phase.end > phase.first || now.sleep <= sim_.schedule_.sleepLimit();
    run_.phases.push_back(phase);
  }
}

/** A neuron layer whose neurons run many steps at once; see layer_train.h. */
void FixedLayers::neurons(size_t index) {
  const Layer<int32_t>& layer = sim_.plan_.layers[index];
  const Shape& s = layer.shape;
  const auto current = sim_.constantCurrent(layer);
  run_.restart();
  std::fill(early_.begin(), early_.end(), nullptr);
  for (auto& plane : sums_) sim_.pool_.give(std::move(plane));  // of the layer before
  sums_.clear();
  run_.layer = &layer;
  run_.schedule = &sim_.schedule_;
  run_.abort = sim_.abort_;
  run_.profile = sim_.profiler_.on();
  run_.constant = current.data;
  run_.constantStride = current.rowStride;
  run_.start.resize(s.row());
  for (size_t c = 0; c < size_t(s.c); ++c)
    run_.start[c] = startOf(sim_.schedule_, layer.channelStart[c], layer.channelThreshold[c]);
  for (size_t x = 1; x < size_t(s.w); ++x)
    std::copy_n(run_.start.begin(), s.c, run_.start.begin() + ptrdiff_t(x * size_t(s.c)));
  run_.counts = nullptr;
  if (sim_.options_.counts) {
    sim_.counts[layer.neuronOrdinal].resize(s.numel());
    run_.counts = sim_.counts[layer.neuronOrdinal].data();
  }
  auto& series = sim_.series_[index];
  run_.spikeCounts = nullptr;
  if (sim_.schedule_.fullWave() && sim_.consumed(index)) {
    series.counts = sim_.takePlane(layer);
    run_.spikeCounts = series.counts->as<int8_t>();
  }
  run_.ordinal = layer.neuronOrdinal;
  planSteps(index);
  auto& planes = series.phases;
  size_t fed = 1;
  for (LayerStep& step : run_.steps) {
    auto plane = sim_.takePlane(layer);
    step.out = plane.get();
    sim_.keep(index, step.now, std::move(plane));
    const StepInput* inputs = run_.inputs.data() + step.inputs;
    fed += std::any_of(inputs, inputs + layer.terms.size(),
                       [](const StepInput& input) { return input.plane != nullptr; });
  }
  run_.plane = [&](Moment now) {
    const std::lock_guard lock(planesMutex_);
    auto& steps = planes[size_t(now.phase)];
    if (steps.size() <= size_t(now.index) || !steps[size_t(now.index)]) {
      auto plane = sim_.takePlane(layer);
      std::fill(plane->events.begin(), plane->events.end(), kUnwritten);
      late_.push_back(plane.get());
      sim_.keep(index, now, std::move(plane));
    }
    return steps[size_t(now.index)].get();
  };
  late_.clear();
  hireWorkers();
  for (LayerTally& tally : tallies_) {
    tally = {};
    tally.pendingAtEnd.assign(run_.phases.size(), 0);
    tally.lastFiring.assign(run_.phases.size(), 0);
  }
  eachBand(s, BandTrainer::bandRows(s, fed), [&](unsigned worker, RowRange rows) {
    trainers_[worker]->run(run_, rows, tallies_[worker]);
  });
  for (const LayerTally& tally : tallies_) book(index, tally);
  for (Plane* plane : late_) fillUnwritten(s, *plane);
  dropSilent(index);
  if (series.counts) sim_.countPlane(layer, *series.counts);
}

void FixedLayers::book(size_t index, const LayerTally& tally) {
  const uint32_t ordinal = sim_.plan_.layers[index].neuronOrdinal;
  sim_.positive[ordinal] += tally.positive;
  sim_.negative[ordinal] += tally.negative;
  sim_.hash += tally.hash;
  sim_.profiler_.asleep(index, tally.secondsAsleep, tally.asleep);
  for (size_t p = 0; p < run_.phases.size(); ++p) {
    sim_.lastFiring_[p] = std::max(sim_.lastFiring_[p], tally.lastFiring[p]);
    sim_.pendingAtEnd_[p] |= tally.pendingAtEnd[p];
  }
}

void FixedLayers::hireWorkers() {
  const size_t workers = sim_.options_.team ? sim_.options_.team->size() : 1;
  tallies_.resize(workers);
  while (trainers_.size() < workers) {
    trainers_.push_back(std::make_unique<BandTrainer>(sim_.plan_));
    pools_.push_back(std::make_unique<BandPool>());
  }
}

}  // namespace casc::spiking
