#include "engine/spiking/layer_train.h"

#include <algorithm>
#include <cstring>

#include "engine/spiking/spike_hash.h"

namespace casc::spiking {
namespace {

/** Currents of a band that stay in the second-level cache. */
constexpr size_t kTileBytes = 768 * 1024;
/** Rows around a band are worked on twice; a band of so many makes this bearable. */
constexpr size_t kFewRows = 8;

}  // namespace

size_t BandTrainer::bandRows(const Shape& shape, size_t steps) {
  const size_t row =
      shape.row() * sizeof(int32_t) * std::clamp<size_t>(steps, 1, size_t{kTileSteps});
  const auto rows = size_t(shape.h);
  return std::clamp(kTileBytes / std::max<size_t>(1, row), std::min(kFewRows, rows), rows);
}

bool BandTrainer::anyPending() const {
  return std::find(pending_.begin(), pending_.end(), 1) != pending_.end();
}

void BandTrainer::run(const LayerRun& run, RowRange band, LayerTally& tally) {
  clock_.start(run.profile);
  const size_t row = run.layer->shape.row(), rows = band.count();
  membrane_.resize(rows * row);
  if (run.spikeCounts) {
    count_ = run.spikeCounts + band.from * row;
  } else {
    countsOfBand_.resize(rows * row);
    count_ = countsOfBand_.data();
  }
  std::fill_n(count_, rows * row, int8_t{0});
  for (size_t r = 0; r < rows; ++r)
    std::copy(run.start.begin(), run.start.end(), membrane_.begin() + ptrdiff_t(r * row));
  integrate(run, band);
  for (size_t p = 0; p < run.phases.size(); ++p) {
    const LayerPhase& phase = run.phases[p];
    if (!phase.begun) {
      tally.pendingAtEnd[p] = 1;  // a layer that waits for its first step is not silent for good
      continue;
    }
    pending_.assign(rows, 1);
    const size_t all = phase.end - phase.first, parts = (all + size_t{kTileSteps} - 1) / kTileSteps;
    for (size_t part = 0; part < parts; ++part) {
      const size_t first = phase.first + all * part / parts;
      const size_t count = phase.first + all * (part + 1) / parts - first;
      throwIfAborted(run.abort);
      const LayerStep* steps = run.steps.data() + first;
      steps_ = steps;
      currents(run, band, run.inputs.data() + steps->inputs, count, false);
      train(run, band, steps, count, tally);
    }
    // What is pending now goes on without input.
    LayerStep steps[kTileSteps];
    Moment now = phase.next;
    while (now.sleep <= run.schedule->sleepLimit() && anyPending()) {
      throwIfAborted(run.abort);
      size_t count = 0;
      for (; count < size_t{kTileSteps} && now.sleep <= run.schedule->sleepLimit(); ++count) {
        steps[count].now = now;
        steps[count].out = run.plane(now);
        ++now.sleep;
        ++now.index;
      }
      steps_ = steps;
      written_.assign(count, 0);
      narrows_.assign(count, {});
      shortcuts_.assign(count, nullptr);
      train(run, band, steps, count, tally);
    }
    if (anyPending()) tally.pendingAtEnd[p] = 1;
  }
  for (size_t i = 0; run.counts && i < rows * row; ++i) run.counts[band.from * row + i] = count_[i];
  tally.secondsAsleep += clock_.asleep();
}

void BandTrainer::integrate(const LayerRun& run, RowRange band) {
  const size_t row = run.layer->shape.row();
  if (run.earlyAwake > 0) {
    for (size_t r = 0; r < band.count(); ++r) {
      const int32_t* constant = run.constant + (band.from + r) * run.constantStride;
      plan_.byteKernels.addTimes(membrane_.data() + r * row, run.earlyAwake, constant, row);
    }
  }
  if (!run.early) return;
  steps_ = nullptr;
  tile_.swap(membrane_);  // the currents are added to the membranes
  currents(run, band, run.earlyInputs.data(), 1, true);
  tile_.swap(membrane_);
}

void BandTrainer::currents(const LayerRun& run, RowRange band, const StepInput* inputs,
                           size_t count, bool early) {
  const Layer<int32_t>& layer = *run.layer;
  const size_t rows = band.count(), terms = layer.terms.size();
  tileStride_ = rows * layer.shape.row();
  tile_.resize(count * tileStride_);
  written_.assign(count, early);
  touched_.assign(count * rows, early);
  narrows_.assign(count, {});
  narrowTouched_.assign(count * rows, 0);
  shortcuts_.assign(count, nullptr);
  const auto input = [&](size_t k, size_t t) { return inputs[k * terms + t]; };
  size_t narrow = 0;
  // Term by term: sums of its steps lie one after the other.
  for (size_t t = 0; t < terms; ++t) {
    for (size_t k = 0; k < count; ++k) {
      if (input(k, t).path != Path::Rows) continue;
      const RowSynapse& synapse = *layer.terms[t].conv.rows;
      if (synapse.wide()) continue;
      narrows_[k] = {&synapse, synapse.layout(band), narrow};
      narrow += narrows_[k].layout.size;
    }
  }
  narrow_.resize(narrow);
  for (size_t t = 0; t < terms; ++t) {
    const Term<int32_t>& term = layer.terms[t];
    for (size_t k = 0; k < count; ++k) {
      if (input(k, t).path == Path::Neurons) shortcuts_[k] = input(k, t).plane;
    }
    if (term.conv.rows) addRows(term, band, inputs + t, terms, count);
    for (size_t k = 0; k < count; ++k) {
      if (input(k, t).path != Path::Dense) continue;
      size_t together = 1;
      while (k + together < count && input(k + together, t).path == Path::Dense &&
             written_[k + together] == written_[k])
        ++together;
      dense(run, term, band, inputs + t, k, together, early);
      lap(k, together);
      k += together - 1;
    }
    for (size_t k = 0; k < count; ++k) {
      if (input(k, t).path != Path::Scatter) continue;
      scatter(run, term, *input(k, t).plane, band, k);
      lap(k, 1);
    }
  }
}

BandTrainer::RowCurrent BandTrainer::rowCurrent(size_t k, size_t r, size_t rows) const {
  RowCurrent current;
  if (written_[k] && touched_[k * rows + r])
    current.wide = tile_.data() + k * tileStride_ + r * (tileStride_ / rows);
  const Narrow& narrow = narrows_[k];
  if (narrow.synapse && narrowTouched_[k * rows + r])
    current.narrow = narrow_.data() + narrow.first + narrow.layout.first + r * narrow.layout.pitch;
  return current;
}

void BandTrainer::dense(const LayerRun& run, const Term<int32_t>& term, RowRange band,
                        const StepInput* inputs, size_t first, size_t count, bool early) {
  const WindowSynapse& windows = term.conv.windows;
  const size_t bytes = windows.bandBytes(band.count()), rows = band.count();
  // Sums over early steps are spike counts; spikes need an offset.
  const int32_t offset = early ? 0 : 1, most = early ? run.schedule->wake : 2;
  bands_.resize(count * bytes);
  const size_t row = plan_.layers[term.source].shape.row();
  for (size_t k = 0; k < count; ++k) {
    const Plane& plane = *inputs[(first + k) * run.layer->terms.size()].plane;
    windows.fill(
        plan_.byteKernels, band, offset, uint8_t(offset),
        [&](size_t y) { return plane.events[y] ? plane.as<int8_t>() + y * row : nullptr; },
        bands_.data() + k * bytes);
  }
  windows.multiply(plan_.windowProduct, band, bands_.data(), count, offset, most,
                   tile_.data() + first * tileStride_, tileStride_, written_[first] != 0);
  std::fill_n(written_.begin() + ptrdiff_t(first), count, uint8_t{1});
  std::fill_n(touched_.begin() + ptrdiff_t(first * rows), count * rows, uint8_t{1});
}

void BandTrainer::addRows(const Term<int32_t>& term, RowRange band, const StepInput* inputs,
                          size_t terms, size_t count) {
  const RowSynapse& synapse = *term.conv.rows;
  const size_t most = synapse.together(band);
  rowSlots_.clear();
  for (size_t k = 0; k < count; ++k) {
    if (inputs[k * terms].path == Path::Rows) rowSlots_.push_back(k);
    const bool last = k + 1 == count;
    if (rowSlots_.empty() || (rowSlots_.size() < most && !last)) continue;
    addRowSteps(synapse, band, inputs, terms);
    lap(rowSlots_[0], rowSlots_.size());
    rowSlots_.clear();
  }
}

/** Of the steps in rowSlots_. */
void BandTrainer::addRowSteps(const RowSynapse& synapse, RowRange band, const StepInput* inputs,
                              size_t terms) {
  const size_t rows = band.count();
  rowSteps_.clear();
  wideTouched_.assign(rowSlots_.size() * rows, 0);
  for (size_t i = 0; i < rowSlots_.size(); ++i) {
    const size_t k = rowSlots_[i];
    uint8_t* touched =
        synapse.wide() ? wideTouched_.data() + i * rows : narrowTouched_.data() + k * rows;
    rowSteps_.push_back({inputs[k * terms].plane, touched});
  }
  if (!synapse.wide()) {
    synapse.add(plan_.collectCodes, rowSteps_, band, narrow_.data() + narrows_[rowSlots_[0]].first,
                rows_);
    return;
  }
  // Sums of 32 bits go to the tile, where those of other terms are.
  const RowSums layout = synapse.layout(band);
  const size_t row = tileStride_ / rows;
  wide_.resize(rowSlots_.size() * layout.size);
  synapse.add(plan_.collectCodes, rowSteps_, band, wide_.data(), rows_);
  for (size_t i = 0; i < rowSlots_.size(); ++i) {
    const size_t k = rowSlots_[i];
    int32_t* sums = clearedSums(k);
    const int32_t* from = wide_.data() + i * layout.size + layout.first;
    for (size_t r = 0; r < rows; ++r, from += layout.pitch) {
      if (!rowSteps_[i].touched[r]) continue;
      plan_.byteKernels.addTimes(sums + r * row, 1, from, row);
      touched_[k * rows + r] = 1;
    }
  }
}

/** The tile of a step, zeroed where nobody wrote it. */
int32_t* BandTrainer::clearedSums(size_t slot) {
  int32_t* sums = tile_.data() + slot * tileStride_;
  if (!written_[slot]) std::fill_n(sums, tileStride_, 0);
  written_[slot] = 1;
  return sums;
}

void BandTrainer::scatter(const LayerRun& run, const Term<int32_t>& term, const Plane& plane,
                          RowRange band, size_t slot) {
  int32_t* sums = clearedSums(slot);
  uint8_t* touched = touched_.data() + slot * band.count();
  const Layer<int32_t>& from = plan_.layers[term.source];
  if (term.op != TermOp::Scale || from.graded) {
    adder_.add(*run.layer, term, plane, band, sums, touched);
    return;
  }
  const size_t row = from.shape.row();
  for (size_t y = band.from; y < band.to; ++y, sums += row, ++touched) {
    if (plane.events[y] == 0) continue;
    plan_.addShortcut(plane.as<int8_t>() + y * row, term.factorRow.data(), sums, row);
    *touched = 1;
  }
}

void BandTrainer::train(const LayerRun& run, RowRange band, const LayerStep* steps, size_t count,
                        LayerTally& tally) {
  const Layer<int32_t>& layer = *run.layer;
  const size_t row = layer.shape.row(), rows = band.count();
  TrainStep trainSteps[kTileSteps];
  TrainTally tallies[kTileSteps];
  bool awake = false;
  for (size_t k = 0; k < count; ++k) {
    const Moment now = steps[k].now;
    trainSteps[k].awake = now.sleep == 0;
    trainSteps[k].limit = static_cast<int8_t>(now.awake);
    trainSteps[k].key = stepHash(run.ordinal, now.awake, now.sleep);
    awake = awake || now.sleep == 0;
  }
  TrainJob job;
  job.threshold = layer.threshold.data();
  job.length = row;
  job.negative = run.schedule->negative;
  job.steps = trainSteps;
  job.stepCount = count;
  job.tallies = tallies;
  if (layer.neuronShortcut) job.factors = layer.terms[*layer.neuronShortcut].factorRow.data();
  for (size_t r = 0; r < rows; ++r) {
    const size_t y = band.from + r;
    bool any = awake || pending_[r];
    for (size_t k = 0; k < count; ++k) {
      const RowCurrent current = rowCurrent(k, r, rows);
      trainSteps[k].current = current.wide;
      trainSteps[k].narrow = current.narrow;
      trainSteps[k].spikes = steps[k].out->as<int8_t>() + y * row;
      const Plane* shortcut = shortcuts_[k];
      const bool added = shortcut && shortcut->events[y];
      trainSteps[k].shortcut = added ? shortcut->as<int8_t>() + y * row : nullptr;
      any = any || current.wide || current.narrow || added;
      steps[k].out->events[y] = 0;
    }
    if (!any) {
      for (size_t k = 0; k < count; ++k) std::memset(trainSteps[k].spikes, 0, row);
      continue;
    }
    std::fill_n(tallies, count, TrainTally{});
    job.membrane = membrane_.data() + r * row;
    job.count = count_ + r * row;
    job.constant = run.constant + y * run.constantStride;
    job.word = y * wordsOf(row);
    pending_[r] = plan_.train(job);
    for (size_t k = 0; k < count; ++k) {
      const uint64_t spikes = tallies[k].positive + tallies[k].negative;
      if (spikes == 0) continue;
      steps[k].out->events[y] = static_cast<uint32_t>(spikes);
      tally.positive += tallies[k].positive;
      tally.negative += tallies[k].negative;
      tally.hash += tallies[k].hash;
      if (steps[k].now.sleep > 0) tally.asleep.add({tallies[k].positive, tallies[k].negative, 0});
      int32_t& last = tally.lastFiring[size_t(steps[k].now.phase)];
      last = std::max(last, steps[k].now.sleep);
    }
  }
  lap(0, count);
}

}  // namespace casc::spiking
