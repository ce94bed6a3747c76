// A convolution term in int8 with stride 1 as the row kernel wants it: weight rows of an input
// channel over all taps, and 16-bit sums with room for what the border's pixels add outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/spiking/aligned.h"
#include "engine/spiking/cost_model.h"
#include "engine/spiking/plane.h"
#include "engine/spiking/spec.h"
#include "engine/spiking/window_synapse.h"
#include "kernels/rows/rows.h"

namespace casc::spiking {

/** Where a band's sums lie in a buffer. */
struct RowSums {
  size_t first = 0;  // of the band's first row
  size_t pitch = 0;  // between rows; a row is w · c elements
  size_t size = 0;   // of the buffer, all of which the kernel may touch
};

/** Spikes of a step, and which rows of sums they reach. */
struct RowStep {
  const Plane* plane = nullptr;
  uint8_t* touched = nullptr;  // per row, set where reached
};

/** One worker's lists. */
struct RowScratch {
  std::vector<uint16_t> codes;
  std::vector<uint32_t> begin;
  std::vector<RowPixel> sorted;
  std::vector<uint32_t> places;
};

class RowSynapse {
 public:
  /** Why the row kernel cannot compute this convolution; null where it can. */
  static const char* refusal(const std::vector<int8_t>& weights, const Window& window,
                             const Shape& in, const Shape& out);

  /** Kernels of `lanes` to choose from, narrow first. Empty where there is a refusal. */
  static std::optional<RowSynapse> make(const std::vector<int8_t>& weights, const Window& window,
                                        const Shape& in, const Shape& out, const RowKernel& narrow,
                                        const RowKernel& wide);

  RowSums layout(RowRange out) const;
  /** Do sums need 32 bits? */
  bool wide() const { return wide_; }
  /** Steps that should be added in one call, so that weights need not come from memory for each. */
  size_t together(RowRange out) const;
  /** What the spikes of each step add to rows `out`, into buffers of layout(out) one after the
   * other, in 16 bits or, if wide(), in 32. Marks rows that may be other than zero. */
  void add(CollectCodes collect, const std::vector<RowStep>& steps, RowRange out, int16_t* sums,
           RowScratch& scratch) const;
  void add(CollectCodes collect, const std::vector<RowStep>& steps, RowRange out, int32_t* sums,
           RowScratch& scratch) const;

  /** Nanoseconds for a plane with so many events. */
  double cost(const CostModel& model, double events) const;

  size_t bytes() const { return weights_.size(); }

 private:
  struct Group {
    size_t weights = 0;  // offset
    std::vector<uint32_t> targets;
  };

  RowSynapse(const Window& window, const Shape& in, const Shape& out)
      : in_(in), out_(out), window_(window) {}
  void add(CollectCodes collect, const std::vector<RowStep>& steps, RowRange out, RowJob job,
           RowScratch& scratch) const;
  size_t pitch() const;
  int64_t top(RowRange out) const { return int64_t(out.from) - window_.pads[0]; }

  Shape in_, out_;
  Window window_;
  RowKernel kernel_{};
  Aligned<int8_t> weights_;  // [group][code][vector][lane]
  std::vector<Group> groups_;
  size_t vectors_ = 0;  // of all groups
  bool wide_ = false;
};

}  // namespace casc::spiking
