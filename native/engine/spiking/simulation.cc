#include "engine/spiking/simulation.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

#include "engine/error.h"
#include "engine/spiking/spike_hash.h"

namespace casc::spiking {
namespace {

/** How many are not zero. In blocks, so that the compiler uses vectors. */
template <class T>
uint32_t nonZeros(const T* values, size_t length) {
  uint32_t count = 0;
  for (size_t i = 0; i < length; ++i) count += values[i] != 0;
  return count;
}

/** Counts the events of a plane's rows; false if there are none. */
template <class T>
bool countEvents(const Shape& shape, Plane& plane) {
  for (size_t y = 0; y < size_t(shape.h); ++y)
    plane.events[y] = nonZeros(plane.as<T>() + y * shape.row(), shape.row());
  return plane.total() > 0;
}

int32_t wrappingAdd(int32_t a, int32_t b) { return addProduct(a, 1, b); }
float wrappingAdd(float a, float b) { return a + b; }
int32_t wrappingSubtract(int32_t a, int32_t b) { return addProduct(a, -1, b); }
float wrappingSubtract(float a, float b) { return a - b; }

}  // namespace

template <class N>
Simulation<N>::Simulation(const Plan<N>& plan)
    : plan_(plan), adder_(plan), series_(plan.layers.size()), fixed_(*this) {
  counts.resize(plan.neuronLayers.size());
  readouts.resize(plan.readoutLayers.size());
  traces.resize(plan.readoutLayers.size());
}

template <class N>
void Simulation<N>::run(const N* inputValues, const Schedule& schedule, const AbortFlag& abort,
                        const SimulationOptions& options) {
  schedule_ = schedule;
  abort_ = abort;
  options_ = options;
  const size_t phases = size_t(schedule.phases());
  lastFiring_.assign(phases, 0);
  pendingAtEnd_.assign(phases, 0);
  positive.assign(counts.size(), 0);
  negative.assign(counts.size(), 0);
  operations = operationsAsleep = hash = 0;
  profiler_.begin(plan_.layers.size(), options.profile);
  if (options.raster) raster_.begin(*options.raster);
  for (Series& series : series_) {
    series.release(pool_);
    series.phases.resize(phases);
  }

  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    throwIfAborted(abort_);
    const Layer<N>& layer = plan_.layers[i];
    switch (layer.kind) {
      case LayerKind::Input:
        input(inputValues);
        break;
      case LayerKind::Neuron:
        neuron(i);
        if (options_.raster) raster_.add(layer.shape, series_[i]);
        break;
      case LayerKind::Linear:
        linear(i);
        break;
      case LayerKind::MaxPool:
        maxPool(i);
        break;
      case LayerKind::Relay:
        relay(i);
        break;
    }
    for (size_t source : layer.sources)
      if (plan_.layers[source].lastUse == i) series_[source].release(pool_);
    lap(i, false);
    if (options_.lastLayer == i) return;
  }

  sleepSteps.resize(phases);
  quietSteps.resize(phases);
  atRest.resize(phases);
  for (size_t p = 0; p < phases; ++p) {
    const bool automatic = schedule.sleep < 0;
    // The step that proves rest is silent, and the last layer may fire in it.
    const int32_t begun = p == 0 ? schedule.firstFiring(plan_.depth) - schedule.group(0) + 1 : 0;
    const int32_t quiet = std::max(lastFiring_[p] + 1, begun);
    // A silent step proves rest, and it is counted; without one, look at what is left to fire.
    sleepSteps[p] = automatic ? std::min(quiet, schedule.cap) : schedule.sleep;
    quietSteps[p] = std::min(quiet, sleepSteps[p]);
    atRest[p] = automatic ? quiet <= schedule.cap : !pendingAtEnd_[p];
  }
  if (options_.raster) rasters = raster_.finish(schedule, sleepSteps);
  profiler_.end(uint64_t(schedule.wake),
                std::accumulate(sleepSteps.begin(), sleepSteps.end(), uint64_t{0}));
}

template <class N>
std::optional<Moment> Simulation<N>::lastSpike(size_t layer, size_t neuron) const {
  const Series& series = series_[layer];
  for (int32_t p = schedule_.phases() - 1; p >= 0; --p) {
    const int32_t group = schedule_.group(p);
    for (int32_t i = int32_t(series.phases[size_t(p)].size()) - 1; i >= 0; --i) {
      const Plane* plane = series.at(p, i);
      if (!plane || plane->as<int8_t>()[neuron] == 0) continue;
      const int32_t awake = schedule_.before(p) + std::min(i + 1, group);
      return Moment{p, i, awake, std::max(0, i + 1 - group)};
    }
  }
  return std::nullopt;
}

/**
 * Calls step(moment) for every step in which the layer may do anything: all awake steps, and sleep
 * steps as long as a source has events to come or pending() says that a neuron would fire.
 */
template <class N>
template <class Pending, class Step>
void Simulation<N>::eachMoment(size_t index, Pending pending, Step step) {
  for (int32_t p = 0; p < schedule_.phases(); ++p) {
    const int32_t group = schedule_.group(p);
    Moment now{p, 0, schedule_.before(p), 0};
    for (; now.index < group; ++now.index) {
      throwIfAborted(abort_);
      ++now.awake;
      step(now);
    }
    lap(index, false);
    int32_t sourceEnd = 0;
    for (size_t source : plan_.layers[index].sources)
      sourceEnd = std::max(sourceEnd, int32_t(series_[source].phases[size_t(p)].size()));
    for (now.sleep = 1; now.sleep <= schedule_.sleepLimit(); ++now.sleep, ++now.index) {
      if (now.index >= sourceEnd && !pending()) break;
      throwIfAborted(abort_);
      step(now);
    }
    if (pending()) pendingAtEnd_[size_t(p)] = 1;
    lap(index, true);
  }
}

template <class N>
void Simulation<N>::lap(size_t index, bool asleep) {
  if (!profiler_.on()) return;
  SpikeTally soFar{0, 0, operations};
  const Layer<N>& layer = plan_.layers[index];
  if (layer.kind == LayerKind::Neuron) {
    soFar.positive = positive[layer.neuronOrdinal];
    soFar.negative = negative[layer.neuronOrdinal];
  }
  profiler_.lap(index, asleep, soFar);
}

template <class N>
const Plane* Simulation<N>::sourcePlane(size_t source, Moment now) const {
  const Series& series = series_[source];
  if (plan_.layers[source].constant) return now.sleep == 0 ? series.constant.get() : nullptr;
  return series.at(now.phase, now.index);
}

template <class N>
bool Simulation<N>::anySource(const Layer<N>& layer, Moment now) const {
  for (size_t source : layer.sources)
    if (sourcePlane(source, now)) return true;
  return false;
}

template <class N>
bool Simulation<N>::consumed(size_t index) const {
  const bool drawn = options_.raster && plan_.layers[index].kind == LayerKind::Neuron;
  return plan_.layers[index].lastUse != index || options_.lastLayer == index || drawn;
}

template <class N>
std::unique_ptr<Plane> Simulation<N>::takePlane(const Layer<N>& layer) {
  return pool_.take(size_t(layer.shape.h), layer.shape.numel() * (layer.graded ? sizeof(N) : 1));
}

template <class N>
void Simulation<N>::keep(size_t index, Moment now, std::unique_ptr<Plane> plane) {
  auto& steps = series_[index].phases[size_t(now.phase)];
  if (steps.size() <= size_t(now.index)) steps.resize(size_t(now.index) + 1);
  steps[size_t(now.index)] = std::move(plane);
}

template <class N>
void Simulation<N>::input(const N* values) {
  const Layer<N>& layer = plan_.layers[plan_.input];
  auto plane = takePlane(layer);
  std::copy_n(values, layer.shape.numel(), plane->template as<N>());
  countEvents<N>(layer.shape, *plane);
  series_[plan_.input].constant = std::move(plane);
}

template <class N>
typename Simulation<N>::ConstantCurrent Simulation<N>::constantCurrent(const Layer<N>& layer) {
  const Shape& s = layer.shape;
  bool fed = false;
  for (const Term<N>& term : layer.terms) fed = fed || plan_.layers[term.source].constant;
  if (!fed) return {layer.bias.data(), layer.biasVaries ? s.row() : 0};
  current_.resize(s.numel());
  for (size_t y = 0; y < size_t(s.h); ++y) {
    std::copy_n(layer.bias.data() + (layer.biasVaries ? y * s.row() : 0), s.row(),
                current_.data() + y * s.row());
  }
  touched_.resize(size_t(s.h));
  for (const Term<N>& term : layer.terms) {
    if (!plan_.layers[term.source].constant) continue;
    if constexpr (kFixedPoint<N>) {
      const int32_t* values = series_[term.source].constant->template as<int32_t>();
      if (term.conv.windows.present() && plan_.layers[term.source].graded &&
          term.conv.windows.addGraded(plan_.windowProduct, plan_.byteKernels, values,
                                      current_.data(), graded_))
        continue;
    }
    adder_.add(layer, term, *series_[term.source].constant, {0, size_t(s.h)}, current_.data(),
               touched_.data());
  }
  return {current_.data(), s.row()};
}

template <class N>
bool Simulation<N>::addTerms(const Layer<N>& layer, Moment now, N* sums) {
  bool any = false;
  for (const Term<N>& term : layer.terms) {
    if (plan_.layers[term.source].constant) continue;
    const Plane* plane = sourcePlane(term.source, now);
    if (!plane) continue;
    any = true;
    const uint64_t additions =
        adder_.add(layer, term, *plane, {0, size_t(layer.shape.h)}, sums, touched_.data());
    operations += additions;
    if (now.sleep > 0) operationsAsleep += additions;
  }
  return any;
}

/** One step of a neuron layer whose terms are added already; false if it was silent. */
template <class N>
bool Simulation<N>::stepNeurons(const Layer<N>& layer, Moment now, const ConstantCurrent& current,
                                Plane& plane) {
  const size_t length = layer.shape.row(), ordinal = layer.neuronOrdinal;
  const NeuronRule rule = schedule_.rule(now.awake);
  const uint64_t step = stepHash(layer.neuronOrdinal, now.awake, now.sleep);
  bool fired = false;
  for (size_t y = 0; y < size_t(layer.shape.h); ++y) {
    int8_t* spikes = plane.as<int8_t>() + y * length;
    plane.events[y] = 0;
    if (now.sleep > 0 && !touched_[y] && !pending_[y]) {
      std::memset(spikes, 0, length);
      continue;
    }
    NeuronRow<N> row;
    row.membrane = membrane_.data() + y * length;
    row.count = counts[ordinal].data() + y * length;
    row.current = now.sleep > 0 ? nullptr : current.data + y * current.rowStride;
    row.threshold = layer.threshold.data();
    row.spikes = spikes;
    row.length = length;
    const NeuronTally tally = plan_.number.neuronStep(row, rule);
    pending_[y] = tally.pending;
    if (tally.positive + tally.negative == 0) continue;
    fired = true;
    plane.events[y] = nonZeros(spikes, length);
    positive[ordinal] += tally.positive;
    negative[ordinal] += tally.negative;
    hash += rowHash(step, y * wordsOf(length), spikes, length);
    if (tally.positive + tally.negative == plane.events[y]) continue;
    for (size_t i = 0; i < length; ++i)
      if (spikes[i] > 1 || spikes[i] < -1) hash += burstHash(step, y * length + i, spikes[i]);
  }
  return fired;
}

/** A step of a layer that may not fire yet: only the constant current is left to add. */
template <class N>
void Simulation<N>::integrate(const Layer<N>& layer, Moment now, const ConstantCurrent& current) {
  if (now.sleep > 0) return;
  const size_t length = layer.shape.row();
  for (size_t y = 0; y < size_t(layer.shape.h); ++y) {
    const N* from = current.data + y * current.rowStride;
    N* to = membrane_.data() + y * length;
    for (size_t i = 0; i < length; ++i) to[i] = wrappingAdd(to[i], from[i]);
  }
}

template <class N>
void Simulation<N>::neuron(size_t index) {
  const Layer<N>& layer = plan_.layers[index];
  if constexpr (kFixedPoint<N>) {
    if (fixed_.apply()) return fixed_.neurons(index);
  }
  const size_t rows = size_t(layer.shape.h), numel = layer.shape.numel();
  const ConstantCurrent current = constantCurrent(layer);
  membrane_.resize(numel);
  for (size_t c = 0; c < size_t(layer.shape.c); ++c) {
    const N start = startOf(schedule_, layer.channelStart[c], layer.channelThreshold[c]);
    for (size_t i = c; i < numel; i += size_t(layer.shape.c)) membrane_[i] = start;
  }
  counts[layer.neuronOrdinal].resize(numel);
  std::fill(counts[layer.neuronOrdinal].begin(), counts[layer.neuronOrdinal].end(), 0);
  const int32_t first = schedule_.firstFiring(layer.depth);
  pending_.assign(rows, first > 0);  // a layer that waits for its first step is not silent for good
  auto pending = [&] { return nonZeros(pending_.data(), rows) > 0; };
  eachMoment(index, pending, [&](Moment now) {
    touched_.assign(rows, 0);
    const bool fed = addTerms(layer, now, membrane_.data());
    if (fed) profiler_.step(index, now.sleep > 0, Path::Scatter);
    if (schedule_.runStep(now.phase, now.index) < first) return integrate(layer, now, current);
    if (now.sleep > 0 && !fed && !pending()) return;
    auto plane = takePlane(layer);
    if (!stepNeurons(layer, now, current, *plane)) return pool_.give(std::move(plane));
    int32_t& last = lastFiring_[size_t(now.phase)];
    last = std::max(last, now.sleep);
    if (consumed(index)) return keep(index, now, std::move(plane));
    pool_.give(std::move(plane));
  });
}

template <class N>
void Simulation<N>::addReadout(const Layer<N>& layer, size_t ordinal, const N* values) {
  auto& sums = readouts[ordinal];
  for (size_t i = 0; i < layer.shape.numel(); ++i) sums[i] += values[i];
}

template <class N>
void Simulation<N>::recordReadout(const Layer<N>& layer, size_t ordinal, Moment now) {
  ReadoutTrace& trace = traces[ordinal];
  ++trace.rows[size_t(now.phase)];
  const size_t c = size_t(layer.shape.c), area = layer.shape.numel() / c;
  for (size_t channel = 0; channel < c; ++channel) {
    for (size_t p = 0; p < area; ++p) {
      trace.values.push_back(static_cast<float>(
          static_cast<double>(readouts[ordinal][p * c + channel]) * layer.readoutScale));
    }
  }
}

template <class N>
void Simulation<N>::linear(size_t index) {
  const Layer<N>& layer = plan_.layers[index];
  const Shape& s = layer.shape;
  const size_t numel = s.numel();
  const ConstantCurrent current = constantCurrent(layer);
  size_t ordinal = 0;
  if (layer.readout) {
    while (plan_.readoutLayers[ordinal] != index) ++ordinal;
    readouts[ordinal].assign(numel, 0);
    traces[ordinal].rows.assign(size_t(schedule_.phases()), 0);
    traces[ordinal].values.clear();
  }
  if (layer.constant && consumed(index)) {
    auto plane = takePlane(layer);
    for (size_t y = 0; y < size_t(s.h); ++y) {
      std::copy_n(current.data + y * current.rowStride, s.row(),
                  plane->template as<N>() + y * s.row());
    }
    countEvents<N>(s, *plane);
    series_[index].constant = std::move(plane);
  }
  if (layer.constant && !layer.readout) return;
  eachMoment(
      index, [] { return false; },
      [&](Moment now) {
        if (now.sleep == 0 || anySource(layer, now)) {
          values_.resize(numel);
          if (now.sleep == 0) {
            for (size_t y = 0; y < size_t(s.h); ++y) {
              std::copy_n(current.data + y * current.rowStride, s.row(),
                          values_.data() + y * s.row());
            }
          } else {
            std::fill(values_.begin(), values_.end(), N(0));
          }
          touched_.assign(size_t(s.h), 0);
          if (addTerms(layer, now, values_.data()))
            profiler_.step(index, now.sleep > 0, Path::Scatter);
          if (layer.readout) addReadout(layer, ordinal, values_.data());
          if (consumed(index) && !layer.constant) {
            auto plane = takePlane(layer);
            std::copy_n(values_.data(), numel, plane->template as<N>());
            if (countEvents<N>(s, *plane)) {
              keep(index, now, std::move(plane));
            } else {
              pool_.give(std::move(plane));
            }
          }
        }
        if (layer.readout && options_.everyStep) recordReadout(layer, ordinal, now);
      });
}

/**
 * Lateral-inhibition pooling: sums[i] is what input i has emitted so far, and the unit emits the
 * change of the window's maximum. Telescopes, so what it has emitted is the maximum of the sums.
 */
template <class N>
template <class T, class Sum>
void Simulation<N>::maxPoolPlane(const Layer<N>& layer, const Plane& from, Sum* sums, Sum* maxima,
                                 Plane& out) {
  const Shape& s = layer.shape;
  const Shape& in = plan_.layers[layer.sources[0]].shape;
  const Window& win = layer.window;
  for (size_t y = 0; y < size_t(in.h); ++y) {
    if (!from.events[y]) continue;
    const T* row = from.as<T>() + y * in.row();
    Sum* sum = sums + y * in.row();
    for (size_t i = 0; i < in.row(); ++i) sum[i] = wrappingAdd(sum[i], static_cast<Sum>(row[i]));
  }
  const size_t c = size_t(s.c);
  Sum* best = maxima + s.numel();  // room for one pixel behind the maxima
  for (int64_t oy = 0; oy < s.h; ++oy) {
    T* to = out.as<T>() + size_t(oy) * s.row();
    std::fill_n(to, s.row(), T(0));
    bool reached = false;
    for (int64_t ky = 0; ky < win.kernel[0]; ++ky) {
      const int64_t y = oy * win.strides[0] - win.pads[0] + ky * win.dilations[0];
      if (y >= 0 && y < in.h && from.events[size_t(y)]) reached = true;
    }
    if (!reached) continue;
    for (int64_t ox = 0; ox < s.w; ++ox) {
      bool empty = true;
      for (int64_t ky = 0; ky < win.kernel[0]; ++ky) {
        const int64_t y = oy * win.strides[0] - win.pads[0] + ky * win.dilations[0];
        if (y < 0 || y >= in.h) continue;
        for (int64_t kx = 0; kx < win.kernel[1]; ++kx) {
          const int64_t x = ox * win.strides[1] - win.pads[1] + kx * win.dilations[1];
          if (x < 0 || x >= in.w) continue;
          const Sum* pixel = sums + size_t(y) * in.row() + size_t(x) * c;
          if (empty) {
            std::copy_n(pixel, c, best);
          } else {
            for (size_t i = 0; i < c; ++i) best[i] = best[i] < pixel[i] ? pixel[i] : best[i];
          }
          empty = false;
        }
      }
      if (empty) continue;
      Sum* held = maxima + size_t(oy) * s.row() + size_t(ox) * c;
      for (size_t i = 0; i < c; ++i) {
        const Sum change = wrappingSubtract(best[i], held[i]);
        held[i] = best[i];
        if constexpr (std::is_same_v<T, int8_t>) {
          if (change < -127 || change > 127) {
            throw Error("ERR_CASC_OVERFLOW", "layer " + layer.name +
                                                 ": a max-pool unit changed by " +
                                                 std::to_string(change) + " in one step");
          }
        }
        to[size_t(ox) * c + i] = static_cast<T>(change);
      }
    }
  }
}

template <class N>
void Simulation<N>::maxPool(size_t index) {
  const Layer<N>& layer = plan_.layers[index];
  if constexpr (kFixedPoint<N>) {
    if (!layer.graded && fixed_.apply()) return fixed_.maxPool(index);
  }
  const size_t inputs = plan_.layers[layer.sources[0]].shape.numel(), numel = layer.shape.numel();
  if (layer.graded) {
    gradedSums_.assign(inputs, N(0));
    gradedMaxima_.assign(numel + size_t(layer.shape.c), N(0));
  } else {
    sums_.assign(inputs, 0);
    maxima_.assign(numel + size_t(layer.shape.c), 0);
  }
  auto emit = [&](const Plane& from) {
    auto plane = takePlane(layer);
    bool any;
    if (layer.graded) {
      maxPoolPlane<N, N>(layer, from, gradedSums_.data(), gradedMaxima_.data(), *plane);
      any = countEvents<N>(layer.shape, *plane);
    } else {
      maxPoolPlane<int8_t, int32_t>(layer, from, sums_.data(), maxima_.data(), *plane);
      any = countEvents<int8_t>(layer.shape, *plane);
    }
    if (!any) pool_.give(std::move(plane));
    return plane;
  };
  if (layer.constant) {
    // The maximum of t·x grows by max x in every awake step.
    Plane from = *series_[layer.sources[0]].constant;
    std::fill(from.events.begin(), from.events.end(), 1u);
    series_[index].constant = emit(from);
    if (!series_[index].constant) {
      auto plane = takePlane(layer);
      std::fill_n(plane->template as<N>(), numel, N(0));
      std::fill(plane->events.begin(), plane->events.end(), 0u);
      series_[index].constant = std::move(plane);
    }
    return;
  }
  eachMoment(
      index, [] { return false; },
      [&](Moment now) {
        const Plane* from = sourcePlane(layer.sources[0], now);
        if (!from) return;
        profiler_.step(index, now.sleep > 0, Path::Scatter);
        if (auto plane = emit(*from)) keep(index, now, std::move(plane));
      });
}

template <class N>
template <class T>
void Simulation<N>::relayPlane(const Layer<N>& layer, Moment now, Plane& out) {
  T* to = out.as<T>();
  const auto silent = [&](size_t source) { return !sourcePlane(source, now); };
  if (!layer.covered || std::any_of(layer.sources.begin(), layer.sources.end(), silent))
    std::fill_n(to, layer.shape.numel(), T(0));
  for (const RelayRun& run : layer.runs) {
    const size_t source = layer.relayed[run.source];
    const Plane* from = sourcePlane(source, now);
    if (!from) continue;
    if (plan_.layers[source].graded) {
      // T is N then: a relay of anything graded is graded.
      if constexpr (std::is_same_v<T, N>)
        std::copy_n(from->as<N>() + run.from, run.length, to + run.to);
    } else {
      std::copy_n(from->as<int8_t>() + run.from, run.length, to + run.to);
    }
  }
}

template <class N>
void Simulation<N>::relay(size_t index) {
  const Layer<N>& layer = plan_.layers[index];
  if (!consumed(index)) return;
  auto emit = [&](Moment now, Plane& plane) {
    if (layer.graded) {
      relayPlane<N>(layer, now, plane);
      return countEvents<N>(layer.shape, plane);
    }
    relayPlane<int8_t>(layer, now, plane);
    countPlane(layer, plane);
    return plane.total() > 0;
  };
  if (layer.constant) {
    auto plane = takePlane(layer);
    emit(Moment{}, *plane);
    series_[index].constant = std::move(plane);
    return;
  }
  eachMoment(
      index, [] { return false; },
      [&](Moment now) {
        if (!anySource(layer, now)) return;
        profiler_.step(index, now.sleep > 0, Path::Scatter);
        auto plane = takePlane(layer);
        if (emit(now, *plane)) return keep(index, now, std::move(plane));
        pool_.give(std::move(plane));
      });
}

template <class N>
void Simulation<N>::countPlane(const Layer<N>& layer, Plane& plane) {
  if (layer.graded) {
    countEvents<N>(layer.shape, plane);
  } else {
    const size_t row = layer.shape.row();
    for (size_t y = 0; y < size_t(layer.shape.h); ++y)
      plane.events[y] = plan_.byteKernels.nonZeros(plane.as<int8_t>() + y * row, row);
  }
}

template class Simulation<int32_t>;
template class Simulation<float>;

}  // namespace casc::spiking
