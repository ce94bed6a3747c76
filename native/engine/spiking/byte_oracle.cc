#include "engine/spiking/byte_oracle.h"

#include <algorithm>
#include <cstring>

#include "engine/spiking/pool_train.h"
#include "engine/spiking/term_adder.h"

namespace casc::spiking {
namespace {

constexpr size_t kBandBytes = 256 * 1024;

size_t bandRows(const Shape& shape) {
  const size_t row = std::max<size_t>(1, shape.row() * sizeof(int32_t));
  return std::clamp<size_t>(kBandBytes / row, 1, size_t(shape.h));
}

}  // namespace

ByteOracle::ByteOracle(const Plan<int32_t>& plan)
    : plan_(plan),
      counts_(plan.layers.size()),
      known_(plan.layers.size()),
      rules_(plan.layers.size()) {}

void ByteOracle::begin(const int32_t* input, const Schedule& schedule) {
  input_ = input;
  schedule_ = schedule;
  std::fill(known_.begin(), known_.end(), uint8_t{0});
}

const int8_t* ByteOracle::counts(size_t index) const {
  return known_[index] ? counts_[index].data() : nullptr;
}

bool ByteOracle::layer(size_t index) {
  if (schedule_.wake > kMostWindowValue) return false;
  const Layer<int32_t>& layer = plan_.layers[index];
  counts_[index].resize(layer.shape.numel());
  bool done = false;
  if (layer.kind == LayerKind::Neuron) done = neurons(index);
  if (layer.kind == LayerKind::MaxPool) done = maxPool(index);
  if (layer.kind == LayerKind::Relay) done = relay(index);
  known_[index] = done;
  return done;
}

bool ByteOracle::linear(size_t index, int32_t* sums) {
  if (schedule_.wake > kMostWindowValue) return false;
  const Layer<int32_t>& layer = plan_.layers[index];
  return feasible(layer) && addTerms(layer, {0, size_t(layer.shape.h)}, sums);
}

bool ByteOracle::fedByInput(const Layer<int32_t>& layer) const {
  return std::any_of(layer.terms.begin(), layer.terms.end(),
                     [this](const auto& term) { return term.source == plan_.input; });
}

bool ByteOracle::feasible(const Layer<int32_t>& layer) const {
  // The input is multiplied by T after its convolution, so it must be alone.
  if (fedByInput(layer) && layer.terms.size() > 1) return false;
  return std::all_of(layer.terms.begin(), layer.terms.end(), [this](const auto& term) {
    if (term.op == TermOp::Conv && term.source == plan_.input) return term.conv.windows.present();
    if (!known_[term.source]) return false;
    return term.op == TermOp::Scale || (term.op == TermOp::Conv && term.conv.windows.present());
  });
}

bool ByteOracle::addTerms(const Layer<int32_t>& layer, RowRange band, int32_t* sums) {
  const size_t row = layer.shape.row();
  bool written = false;
  const auto clear = [&] {
    if (!written) std::fill_n(sums, band.count() * row, 0);
    written = true;
  };
  for (size_t t = 0; t < layer.terms.size(); ++t) {
    const Term<int32_t>& term = layer.terms[t];
    const WindowSynapse& windows = term.conv.windows;
    if (term.source == plan_.input) {
      clear();
      if (!windows.addGraded(plan_.windowProduct, plan_.byteKernels, input_, sums, graded_))
        return false;
      for (size_t i = 0; i < band.count() * row; ++i)
        sums[i] = addProduct(0, schedule_.wake, sums[i]);
    } else if (term.op == TermOp::Conv) {
      const int8_t* source = counts_[term.source].data();
      const size_t sourceRow = plan_.layers[term.source].shape.row();
      band_.resize(windows.bandBytes(band.count()));
      windows.fill(
          plan_.byteKernels, band, 0, 0, [&](size_t y) { return source + y * sourceRow; },
          band_.data());
      windows.multiply(plan_.windowProduct, band, band_.data(), 1, 0, schedule_.wake, sums, 0,
                       written);
      written = true;
    } else if (layer.kind != LayerKind::Neuron || layer.neuronShortcut != t) {
      clear();
      for (size_t y = band.from; y < band.to; ++y) {
        plan_.addShortcut(counts_[term.source].data() + y * row, term.factorRow.data(),
                          sums + (y - band.from) * row, row);
      }
    }
  }
  clear();
  return true;
}

const ByteOracle::Rule& ByteOracle::rule(size_t index) {
  const Layer<int32_t>& layer = plan_.layers[index];
  Rule& rule = rules_[index];
  const double shift = schedule_.shift.value_or(-1);
  if (rule.levels == schedule_.wake && rule.shift == shift) return rule;
  rule.levels = schedule_.wake;
  rule.shift = shift;
  rule.offsets.resize(layer.bias.size());
  const size_t c = size_t(layer.shape.c);
  for (size_t i = 0; i < rule.offsets.size(); ++i) {
    const int32_t start =
        startOf(schedule_, layer.channelStart[i % c], layer.channelThreshold[i % c]);
    rule.offsets[i] = addProduct(start, schedule_.wake, layer.bias[i]);
  }
  rule.inverses.resize(layer.threshold.size());
  for (size_t i = 0; i < rule.inverses.size(); ++i)
    rule.inverses[i] = 1.0f / static_cast<float>(layer.threshold[i]);
  return rule;
}

bool ByteOracle::neurons(size_t index) {
  const Layer<int32_t>& layer = plan_.layers[index];
  if (!feasible(layer)) return false;
  const size_t row = layer.shape.row(), height = size_t(layer.shape.h);
  const Rule& rule = this->rule(index);
  LevelsRow levels;
  levels.thresholds = layer.threshold.data();
  levels.inverses = rule.inverses.data();
  levels.levels = schedule_.wake;
  levels.length = row;
  const int8_t* shortcut = nullptr;
  if (layer.neuronShortcut) {
    const Term<int32_t>& term = layer.terms[*layer.neuronShortcut];
    shortcut = counts_[term.source].data();
    levels.factors = term.factorRow.data();
  }
  const size_t rows = fedByInput(layer) ? height : bandRows(layer.shape);
  sums_.resize(rows * row);
  for (size_t from = 0; from < height; from += rows) {
    const RowRange band{from, std::min(from + rows, height)};
    if (!addTerms(layer, band, sums_.data())) return false;
    for (size_t y = band.from; y < band.to; ++y) {
      levels.sums = sums_.data() + (y - band.from) * row;
      levels.offsets = rule.offsets.data() + (layer.biasVaries ? y * row : 0);
      levels.shortcut = shortcut ? shortcut + y * row : nullptr;
      plan_.byteKernels.levels(counts_[index].data() + y * row, levels);
    }
  }
  return true;
}

bool ByteOracle::maxPool(size_t index) {
  const Layer<int32_t>& layer = plan_.layers[index];
  const size_t source = layer.sources[0];
  if (!known_[source]) return false;
  const Shape& in = plan_.layers[source].shape;
  const Shape& out = layer.shape;
  const Window& window = layer.window;
  const PoolAxis axis = columnsOf(in, out, window);
  columns_.resize(in.row());
  for (size_t oy = 0; oy < size_t(out.h); ++oy) {
    const bool any = maxOverRows(
        plan_.byteKernels, in, window, oy,
        [&](size_t y) { return counts_[source].data() + y * in.row(); }, columns_.data());
    int8_t* to = counts_[index].data() + oy * out.row();
    if (any) {
      plan_.byteKernels.maxPixels(to, columns_.data(), size_t(out.c), axis);
    } else {
      std::memset(to, 0, out.row());
    }
  }
  return true;
}

bool ByteOracle::relay(size_t index) {
  const Layer<int32_t>& layer = plan_.layers[index];
  const auto known = [this](size_t source) { return known_[source] != 0; };
  if (!std::all_of(layer.sources.begin(), layer.sources.end(), known)) return false;
  int8_t* to = counts_[index].data();
  if (!layer.covered) std::memset(to, 0, layer.shape.numel());
  for (const RelayRun& run : layer.runs)
    std::memcpy(to + run.to, counts_[layer.relayed[run.source]].data() + run.from, run.length);
  return true;
}

}  // namespace casc::spiking
