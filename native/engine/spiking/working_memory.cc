#include "engine/spiking/working_memory.h"

#include <algorithm>
#include <map>
#include <memory>
#include <type_traits>

#include "engine/spiking/layer_train.h"
#include "engine/spiking/oracle.h"
#include "engine/spiking/simulation.h"

namespace casc::spiking {
namespace {

/** A vector that grew to n by resize() may have room for twice as many. */
constexpr double kGrowth = 2;
/** A pointer in a list of planes. */
constexpr double kPlacing = kGrowth * sizeof(std::unique_ptr<Plane>);
/** Of a plane beside its data: itself, and its place in the pool. */
constexpr double kPlaneBytes = sizeof(Plane) + kPlacing;

/**
 * Most steps of a phase for which a layer takes planes. Where the loss-free theorem holds, a layer
 * moves by a spike a step once its sources are silent and has at most k to move after k awake
 * steps: the neuron layer at depth l rests l·k steps after its last wait.
 */
template <class N>
double emittingSteps(const Layer<N>& layer, const Schedule& s, int32_t phase) {
  const double group = s.group(phase);
  const bool rests = !std::is_same_v<N, float> && s.gamma == 1 && s.negative && s.upper;
  if (!rests || s.sleep >= 0) return group + s.sleepLimit();
  const bool neuron = layer.kind == LayerKind::Neuron;
  const int32_t neurons = layer.depth - (neuron ? 0 : 1);
  if (neurons < 0) return group;
  const double waiting = phase == 0 ? std::max(0.0, s.firstFiring(neurons) - group) : 0;
  const double moving = double(neurons) * (s.before(phase) + group);
  const double tail = neuron ? kTileSteps - 1 : 0;
  return group + std::min<double>(s.sleepLimit(), waiting + moving + tail);
}

/** Of a BandTrainer: the currents of a band's steps, in each of the forms that a term may have
 * them. */
double trainerBound(const Plan<int32_t>& plan, const Schedule& schedule) {
  double tile = 0, narrow = 0, windows = 0, lists = 0, neurons = 0, highest = 0, longest = 1;
  size_t longestRun = 1;
  double planned = 0, terms = 1;
  for (const Layer<int32_t>& layer : plan.layers) {
    longest = std::max(longest, double(layer.shape.row()));
    if (layer.kind != LayerKind::Neuron) continue;
    const double row = double(layer.shape.row());
    highest = std::max(highest, double(layer.shape.h));
    double steps = 1, all = 0;
    for (int32_t p = 0; p < schedule.phases(); ++p) {
      const double emitting = emittingSteps(layer, schedule, p);
      steps = std::max(steps, emitting);
      all += emitting;
    }
    planned = std::max(planned, all);
    terms = std::max(terms, double(layer.terms.size()));
    const auto most = size_t(std::min<double>(kTileSteps, steps));
    longestRun = std::max(longestRun, most);
    for (size_t fed = 1; fed <= most; ++fed) {
      const size_t rows = BandTrainer::bandRows(layer.shape, fed);
      tile = std::max(tile, double(most * rows) * row * sizeof(int32_t));
      neurons = std::max(neurons, double(rows) * row * (sizeof(int32_t) + sizeof(int8_t)));
      for (const Term<int32_t>& term : layer.terms) {
        if (term.conv.windows.present())
          windows = std::max(windows, double(fed * term.conv.windows.bandBytes(rows)));
        if (!term.conv.rows) continue;
        const size_t sums = term.conv.rows->layout({0, rows}).size;
        narrow = std::max(narrow, double(fed * sums) * sizeof(int32_t));
      }
    }
    for (const Term<int32_t>& term : layer.terms) {
      if (!term.conv.rows) continue;
      const Shape& in = plan.layers[term.source].shape;
      const double pixels = double(in.h) * in.w;
      const double together = double(longestRun);
      lists = std::max(lists,
                       together * ((double(in.numel()) + kCodeSlack) * sizeof(uint16_t) +
                                   pixels * sizeof(RowPixel) + (pixels + in.h) * sizeof(uint32_t)) +
                           4.0 * (in.c + 2) * sizeof(uint32_t));
    }
  }
  // Flags by step and row, and which step has sums in 16 bits.
  const double flags = double(longestRun) * (3 * highest + 72);
  const double plans = longest * sizeof(int32_t) + terms * sizeof(StepInput) +
                       planned * (sizeof(LayerStep) + terms * sizeof(StepInput)) +
                       double(schedule.phases()) * sizeof(LayerPhase);
  return kGrowth * (tile + plans + narrow + windows + lists + neurons + flags + highest) +
         (longest + kEventSlack) * (3 * sizeof(Event) + sizeof(int32_t));
}

/** Graded values as bytes, for the constant currents. */
double constantBound(const Plan<int32_t>& plan) {
  double parts = 0, bytes = 0;
  for (const Layer<int32_t>& layer : plan.layers) {
    for (const Term<int32_t>& term : layer.terms) {
      if (!term.conv.windows.present() || !plan.layers[term.source].constant) continue;
      parts = std::max(parts, double(plan.layers[term.source].shape.numel()));
      bytes = std::max(bytes, double(term.conv.windows.bandBytes(size_t(layer.shape.h))));
    }
  }
  return kGrowth * (parts + bytes);
}

template <class N>
double simulationBound(const Plan<N>& plan, const Schedule& schedule) {
  double largest = 0, longest = 1, highest = 0, pooled = 0, banded = 0, bytes = 0, steps = 0;
  std::map<double, double> live;  // by plane size: most planes of any size when one is taken
  std::vector<double> planes(plan.layers.size());
  double alive = 0, sums = 0;  // sums over the steps before a layer may fire
  if (schedule.stagger > 0)
    for (const Layer<N>& layer : plan.layers) sums = std::max(sums, double(layer.sources.size()));
  auto taken = [&](const Layer<N>& layer) {
    double& most = live[double(layer.shape.numel()) * (layer.graded ? sizeof(N) : 1)];
    most = std::max(most, alive + 1 + sums);  // and the one in hand
  };
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer<N>& layer = plan.layers[i];
    const double numel = double(layer.shape.numel());
    largest = std::max(largest, numel);
    longest = std::max(longest, double(layer.shape.row()));
    highest = std::max(highest, double(layer.shape.h));
    if (layer.kind == LayerKind::MaxPool) {
      const double inputs = double(plan.layers[layer.sources[0]].shape.numel());
      pooled = std::max(pooled, inputs + numel + layer.shape.c);
      const double rows = double(plan.layers[layer.sources[0]].shape.row() + layer.shape.row());
      banded = std::max(banded, inputs + numel + rows);
    }
    if (layer.constant) {
      planes[i] = 1;
    } else if (layer.lastUse != i || layer.kind != LayerKind::Linear) {
      for (int32_t p = 0; p < schedule.phases(); ++p)
        planes[i] += emittingSteps(layer, schedule, p);
      planes[i] += schedule.fullWave();  // Series::counts
    }
    bytes += planes[i] * kPlacing + double(schedule.phases()) * sizeof(Series::Phase);
    steps = std::max(steps, planes[i]);
    alive += planes[i];
    taken(layer);
    if (schedule.stagger > 0)
      for (size_t source : layer.sources) taken(plan.layers[source]);
    for (size_t source : layer.sources)
      if (plan.layers[source].lastUse == i) alive -= planes[source];
  }
  // A plane is made where all that have room for it are alive: of those with room for `size` there
  // are no more than were alive when one of that size, or a larger one, was taken.
  double made = 0;
  for (auto it = live.rbegin(); it != live.rend(); ++it) {
    const auto& [size, most] = *it;
    bytes +=
        std::max(0.0, most - made) * (size + kGrowth * highest * sizeof(uint32_t) + kPlaneBytes);
    made = std::max(made, most);
  }
  for (size_t layer : plan.neuronLayers)
    bytes += double(plan.layers[layer].shape.numel()) * sizeof(int32_t);
  bytes += double(plan.outputs) * sizeof(typename NumberTraits<N>::Wide);
  bytes += (longest + kEventSlack) * (3 * sizeof(Event) + sizeof(N));
  bytes += kGrowth * largest * 3 * sizeof(N);                  // membranes, currents, values
  bytes += 2 * pooled * std::max(sizeof(N), sizeof(int32_t));  // spiking and graded pools
  bytes += kGrowth * (banded + steps * sizeof(PoolStep));      // spiking pools, by bands
  bytes += double(plan.layers.size()) * sizeof(std::unique_ptr<Plane>);
  if constexpr (kFixedPoint<N>) bytes += trainerBound(plan, schedule) + constantBound(plan);
  return bytes + 2 * kGrowth * highest;  // rows touched and pending
}

double byteOracleBound(const Plan<int32_t>& plan) {
  double bytes = 0, sums = 0, band = 0, longest = 0;
  for (const Layer<int32_t>& layer : plan.layers) {
    bytes += double(layer.shape.numel()) + double(layer.bias.size()) * sizeof(int32_t) +
             double(layer.threshold.size()) * sizeof(float);
    longest = std::max(longest, double(layer.shape.row()));
    sums = std::max(sums, double(layer.shape.numel()) * sizeof(int32_t));
    for (const Term<int32_t>& term : layer.terms)
      if (term.conv.windows.present())
        band = std::max(band, double(term.conv.windows.bandBytes(size_t(layer.shape.h))));
  }
  return bytes + kGrowth * (sums + band + longest) + double(plan.layers.size()) +
         constantBound(plan);
}

/** Planes are passed on from layer to layer, so each may become as large as the largest. */
template <class N>
double oracleBound(const Plan<N>& plan) {
  double largest = 0, padded = 0, patches = 0, widest = 0, live = 0, most = 0, unread = 0;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer<N>& layer = plan.layers[i];
    largest = std::max(largest, double(layer.shape.numel()));
    if (layer.lastUse == i) {
      ++unread;
    } else {
      ++live;
    }
    most = std::max(most, live);
    for (size_t source : layer.sources)
      if (plan.layers[source].lastUse == i) --live;
    for (const Term<N>& term : layer.terms) {
      if (term.op != TermOp::Conv) continue;
      const Shape& in = plan.layers[term.source].shape;
      const Window& win = term.window;
      const double height = double(in.h) + win.pads[0] + win.pads[2];
      const double width = double(in.w) + win.pads[1] + win.pads[3];
      padded = std::max(padded, height * width * in.c);
      const double k = double(win.kernel[0]) * win.kernel[1] * in.c / term.conv.groups;
      patches = std::max(patches, (k + 1) * kPatches);
      widest = std::max(widest, k);
    }
  }
  double bytes = 0;
  if constexpr (kFixedPoint<N>) bytes = byteOracleBound(plan);
  using Patch = typename NumberTraits<N>::Patch;
  return bytes + (most + unread) * kGrowth * largest * sizeof(N) +
         (padded + patches) * sizeof(Patch);
}

template <class T, class A>
double held(const std::vector<T, A>& vector) {
  // NOLINTNEXTLINE(bugprone-sizeof-expression): of lists of pointers, the pointers are meant
  return double(vector.capacity()) * sizeof(T);
}

}  // namespace

template <class N>
WorkingBytes workingBytesBound(const Plan<N>& plan, const Schedule& schedule) {
  const double input = double(plan.layers[plan.input].shape.numel()) * sizeof(N);
  return {input + simulationBound(plan, schedule), input + oracleBound(plan)};
}

double BandTrainer::bytes() const {
  return double(adder_.bytes()) + held(tile_) + held(written_) + held(touched_) + held(narrow_) +
         held(narrows_) + held(narrowTouched_) + held(shortcuts_) + held(rows_.codes) +
         held(wide_) + held(wideTouched_) + held(rows_.begin) + held(rows_.sorted) +
         held(rows_.places) + held(membrane_) + held(countsOfBand_) + held(pending_) + held(bands_);
}

double BandPool::bytes() const {
  return held(sums_) + held(held_) + held(columns_) + held(maxima_);
}

double LayerRun::bytes() const {
  return held(start) + held(earlyInputs) + held(steps) + held(inputs) + held(phases);
}

double FixedLayers::bytes() const {
  double sum = run_.bytes() + held(early_) + held(sums_) + held(late_) + held(steps_) +
               held(spikes_) + held(poolSteps_) + held(tallies_);
  for (const auto& trainer : trainers_) sum += trainer->bytes();
  for (const auto& pool : pools_) sum += pool->bytes();
  return sum;
}

template <class N>
double Simulation<N>::bytes() const {
  double sum = double(adder_.bytes()) + double(pool_.bytes());
  if constexpr (kFixedPoint<N>) sum += fixed_.bytes();
  for (const Series& series : series_) sum += double(series.bytes());
  for (const auto& layer : counts) sum += held(layer);
  for (const auto& layer : readouts) sum += held(layer);
  return sum + held(membrane_) + held(current_) + held(values_) + held(sums_) + held(maxima_) +
         held(gradedSums_) + held(gradedMaxima_) + held(graded_.parts) + held(graded_.band) +
         held(touched_) + held(pending_);
}

double ByteOracle::bytes() const {
  double sum = held(known_) + held(sums_) + held(band_) + held(columns_) + held(graded_.parts) +
               held(graded_.band);
  for (const auto& counts : counts_) sum += held(counts);
  for (const Rule& rule : rules_) sum += held(rule.offsets) + held(rule.inverses);
  return sum;
}

template <class N>
double Oracle<N>::bytes() const {
  double sum = held(padded_) + held(patches_);
  if constexpr (kFixedPoint<N>) sum += bytes_.bytes();
  for (const auto& values : values_) sum += held(values);
  for (const auto& values : spare_) sum += held(values);
  return sum;
}

template WorkingBytes workingBytesBound(const Plan<int32_t>&, const Schedule&);
template WorkingBytes workingBytesBound(const Plan<float>&, const Schedule&);
template double Simulation<int32_t>::bytes() const;
template double Simulation<float>::bytes() const;
template double Oracle<int32_t>::bytes() const;
template double Oracle<float>::bytes() const;

}  // namespace casc::spiking
