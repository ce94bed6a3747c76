// Normal equations of a convolution: sums of products over output positions of what its taps see,
// the constant 1 of the bias, and what is to be explained. Products are in float over a few hundred
// positions, totals in double, and the order of every sum is that of images and positions: the
// threads share the sums, not the images.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/float_kernels.h"

namespace casc::refit {

class NormalEquations {
 public:
  /** Of each group: `regressors` (without the constant) and `outputs`. */
  NormalEquations(size_t groups, size_t regressors, size_t outputs, const FloatKernels& kernels);

  /** Rows of one image, laid out for the products. The memory is kept for the next image. */
  class Rows {
   public:
    /** Room for `count` rows; all values are zero but the constant's. */
    void reset(const NormalEquations& equations, size_t count);
    size_t count() const { return count_; }
    /** Column: below `regressors` a regressor, then, from regressors + 1 on, an output. */
    void set(size_t group, size_t column, size_t row, float value) {
      panels_[((group * panelCount_ + column / kTileColumns) * count_ + row) * kTileColumns +
              column % kTileColumns] = value;
      if (column / kTileRows < tileCount_)
        tiles_[((group * tileCount_ + column / kTileRows) * count_ + row) * kTileRows +
               column % kTileRows] = value;
    }

   private:
    friend class NormalEquations;
    size_t count_ = 0;
    size_t panelCount_ = 0;
    size_t tileCount_ = 0;
    std::vector<float> panels_;  // [group][panel][row][kTileColumns]
    std::vector<float> tiles_;   // [group][tile][row][kTileRows]
  };

  /** Bytes that the rows of an image take. */
  size_t rowBytes(size_t count) const;

  /** Pieces that may be worked on at the same time. */
  size_t pieces() const { return groups_ * blocks_; }

  /** Adds the images' rows to the sums of one piece. */
  void add(size_t piece, const std::vector<Rows>& images, size_t imageCount);

  /** The sums of a group: [regressors + 1 + …][columns], `stride` apart; only column ≥ row is
   * there. */
  const double* sums(size_t group) const { return totals_.data() + group * groupSize(); }
  size_t stride() const { return panelCount_ * kTileColumns; }
  size_t unknowns() const { return regressors_ + 1; }

 private:
  size_t groupSize() const { return tileCount_ * kTileRows * stride(); }

  size_t groups_;
  size_t regressors_;
  size_t columns_;
  size_t panelCount_;
  size_t tileCount_;
  size_t blocks_;  // of tiles, per group
  const FloatKernels& kernels_;
  std::vector<double> totals_;
};

}  // namespace casc::refit
