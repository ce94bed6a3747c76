// Lowering of a sliding window to plain offsets: the input is copied once into a padded plane whose
// columns are sorted by stride phase. After that, what one kernel tap sees along an output row lies
// side by side, for every stride and dilation, and no inner loop asks about borders.
#pragma once

#include "engine/dense/spec.h"
#include "kernels/float_kernels.h"

namespace casc::dense {

class Lowering {
 public:
  /** Throws Error where the padded planes would not fit 31 bits. */
  Lowering(const Window& window, const Shape& input, const Shape& output);

  /** Floats that `lower` needs as scratch, slack included; 0 where the input is used as it is. */
  size_t scratchFloats() const;

  /** The padded planes of all channels: in `scratch`, or x itself. */
  const float* lower(const float* x, float* scratch) const;

  /** Floats from one channel to the next. */
  size_t planeStride() const { return planeStride_; }

  /** Offset of output position (y, 0); (y, x) is x behind it. */
  size_t rowOffset(int y) const { return static_cast<size_t>(y) * rowStep_; }

  /** Offsets of the kernel taps of `channels` channels, in the weights' order. */
  std::vector<int32_t> taps(int channels) const;

  /** Panels of kTileColumns output positions: runs[first[p]] … runs[first[p + 1]] make panel p. */
  struct Panels {
    std::vector<PanelRun> runs;
    std::vector<uint32_t> first;
  };
  Panels panels() const;

 private:
  void copyRow(const float* from, float* to) const;

  Window window_;
  Shape input_;
  Shape output_;
  bool copies_;
  size_t phaseWidth_;
  size_t rowWidth_;
  size_t rowStep_;
  size_t planeStride_;
};

}  // namespace casc::dense
