#include "engine/refit/normal_equations.h"

#include <algorithm>

namespace casc::refit {
namespace {

/** Positions whose products are summed in float: a panel of them fits L1. */
constexpr size_t kDepth = 256;
/** Row tiles of a piece: a panel that was loaded serves all of them. */
constexpr size_t kTiles = 4;

constexpr size_t parts(size_t total, size_t size) { return (total + size - 1) / size; }

}  // namespace

NormalEquations::NormalEquations(size_t groups, size_t regressors, size_t outputs,
                                 const FloatKernels& kernels)
    : groups_(groups),
      regressors_(regressors),
      outputs_(outputs),
      outputPanel_(parts(regressors + 1, kTileColumns)),
      panelCount_(outputPanel_ + parts(outputs, kTileColumns)),
      tileCount_(parts(regressors + 1, kTileRows)),
      blocks_(parts(tileCount_, kTiles)),
      kernels_(kernels),
      totals_(groups * groupSize()) {}

size_t NormalEquations::rowBytes(size_t count) const {
  return groups_ * count * (stride() + tileCount_ * kTileRows) * sizeof(float);
}

void NormalEquations::Rows::reset(const NormalEquations& equations, size_t count) {
  count_ = count;
  firstOutput_ = equations.firstOutput();
  firstPanel_ = equations.firstPanel_;
  panelCount_ = equations.panelCount_ - firstPanel_;
  tileCount_ = equations.tileCount_;
  panels_.assign(equations.groups_ * panelCount_ * count * kTileColumns, 0.0f);
  // Kernels may read so far behind the end.
  tiles_.assign(equations.groups_ * tileCount_ * count * kTileRows + kTileRows, 0.0f);
  for (size_t g = 0; g < equations.groups_; ++g) {
    for (size_t row = 0; row < count; ++row) setRegressor(g, equations.regressors_, row, 1.0f);
  }
}

void NormalEquations::restartOutputs() {
  firstPanel_ = outputPanel_;
  for (size_t row = 0; row < totals_.size() / stride(); ++row) {
    double* sums = totals_.data() + row * stride();
    std::fill(sums + firstOutput(), sums + stride(), 0.0);
  }
}

void NormalEquations::add(size_t piece, const std::vector<Rows>& images, size_t from, size_t step,
                          size_t imageCount) {
  const size_t group = piece / blocks_;
  const size_t tile0 = piece % blocks_ * kTiles;
  const size_t tile1 = std::min(tile0 + kTiles, tileCount_);
  static constexpr float kZeros[kTileRows] = {};
  float products[kTileRows * kTileColumns];
  double* totals = totals_.data() + group * groupSize();
  for (size_t i = from; i < imageCount; i += step) {
    const Rows& rows = images[i];
    const size_t count = rows.count_;
    const float* panels = rows.panels_.data() + group * rows.panelCount_ * count * kTileColumns;
    const float* tiles = rows.tiles_.data() + group * tileCount_ * count * kTileRows;
    for (size_t row = 0; row < count; row += kDepth) {
      const size_t depth = std::min(kDepth, count - row);
      for (size_t p = std::max(firstPanel_, tile0 * kTileRows / kTileColumns); p < panelCount_;
           ++p) {
        const float* panel = panels + ((p - firstPanel_) * count + row) * kTileColumns;
        for (size_t t = tile0; t < tile1 && t * kTileRows < (p + 1) * kTileColumns; ++t) {
          const float* tile = tiles + (t * count + row) * kTileRows;
          kernels_.tile(tile, kTileRows, panel, depth, kZeros, products, kTileColumns,
                        kTileColumns);
          double* total = totals + t * kTileRows * stride() + p * kTileColumns;
          for (size_t r = 0; r < kTileRows; ++r, total += stride()) {
            for (size_t c = 0; c < kTileColumns; ++c) total[c] += products[r * kTileColumns + c];
          }
        }
      }
    }
  }
}

}  // namespace casc::refit
