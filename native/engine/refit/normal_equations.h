// Normal equations of a convolution: sums of products over output positions of what its taps see,
// the constant 1 of the bias, and what is to be explained. Products are in float over a few hundred
// positions, totals in double, and the order of every sum is that of images and positions: the
// threads share the sums, not the images.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/refit/least_squares.h"
#include "kernels/float_kernels.h"

namespace casc::refit {

class NormalEquations {
 public:
  /** Of each group: `regressors` (without the constant) and `outputs`. */
  NormalEquations(size_t groups, size_t regressors, size_t outputs, const FloatKernels& kernels);

  /** Rows of one image, laid out for the products. The memory is kept for the next image. */
  class Rows {
   public:
    /** Room for `count` rows of what the equations sum next; all values are zero but the
     * constant's.
     */
    void reset(const NormalEquations& equations, size_t count);
    size_t count() const { return count_; }
    void setRegressor(size_t group, size_t regressor, size_t row, float value) {
      tiles_[((group * tileCount_ + regressor / kTileRows) * count_ + row) * kTileRows +
             regressor % kTileRows] = value;
      if (firstPanel_ == 0) setColumn(group, regressor, row, value);
    }
    void setOutput(size_t group, size_t output, size_t row, float value) {
      setColumn(group, firstOutput_ + output, row, value);
    }

   private:
    friend class NormalEquations;
    void setColumn(size_t group, size_t column, size_t row, float value) {
      panels_[((group * panelCount_ + column / kTileColumns - firstPanel_) * count_ + row) *
                  kTileColumns +
              column % kTileColumns] = value;
    }

    size_t count_ = 0;
    size_t firstOutput_ = 0;  // column
    size_t firstPanel_ = 0;
    size_t panelCount_ = 0;
    size_t tileCount_ = 0;
    std::vector<float> panels_;  // [group][panel][row][kTileColumns]
    std::vector<float> tiles_;   // [group][tile][row][kTileRows]
  };

  /** Bytes that the rows of an image take. */
  size_t rowBytes(size_t count) const;

  /** Pieces that may be worked on at the same time. */
  size_t pieces() const { return groups_ * blocks_; }

  /** Adds the rows of images `from`, `from` + `step`, … below `count` to the sums of one piece. */
  void add(size_t piece, const std::vector<Rows>& images, size_t from, size_t step, size_t count);

  /** Keeps the sums of regressors with each other, which from here on grow no more, and begins
   * those with the outputs anew. */
  void restartOutputs();

  /** The sums of a group. */
  SumsView sums(size_t group) const {
    return {totals_.data() + group * groupSize(),
            nullptr,
            stride(),
            regressors_ + 1,
            firstOutput(),
            outputs_};
  }

 private:
  size_t firstOutput() const { return outputPanel_ * kTileColumns; }
  size_t stride() const { return panelCount_ * kTileColumns; }
  size_t groupSize() const { return tileCount_ * kTileRows * stride(); }

  size_t groups_;
  size_t regressors_;
  size_t outputs_;
  size_t outputPanel_;  // outputs begin with a panel of their own
  size_t panelCount_;
  size_t tileCount_;
  size_t blocks_;          // of tiles, per group
  size_t firstPanel_ = 0;  // that is summed
  const FloatKernels& kernels_;
  std::vector<double> totals_;
};

}  // namespace casc::refit
