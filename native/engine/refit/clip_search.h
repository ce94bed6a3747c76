// Clip values by channel: images stream through a dense plan, a sample of each channel is kept,
// then searched.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "engine/abort.h"
#include "engine/dense/plan.h"
#include "engine/refit/batch.h"
#include "engine/refit/positions.h"
#include "engine/refit/staircase.h"
#include "engine/team.h"

namespace casc::refit {

struct ClipSpec {
  size_t value;   // the node before the quantised activation
  size_t wanted;  // what should come out of it, of the same shape
  size_t every;   // positions that count: every so-many-th
  bool pooled;    // nothing but the mean over positions is read
};

struct ClipChoices {
  std::vector<ClipChoice> channels;
  double stretch = 1;  // of the clip values with the least error
};

class ClipSearch {
 public:
  /** Throws Error (ERR_CASC_ARGUMENT) where the nodes' shapes differ. */
  ClipSearch(std::shared_ptr<const dense::Plan> plan, const ClipSpec& spec);

  /** Throws Error (ERR_CASC_ARGUMENT) after a search. */
  void add(const Batch& batch, Team& team, const AbortFlag& abort);

  /**
   * One for each channel; a channel that says nothing has the largest clip value of the others.
   * Shared: the same clip value for all. The values with the least error on these images are too
   * low for others, whose peaks they cut; all are stretched by the factor with which those of
   * either half of the images, of even and of odd numbers, do best on the other half. Pooled: error
   * is then that of the mean over an image, in which rounding averages out and peaks that are cut
   * do not. Throws Error (ERR_CASC_CALIBRATION) where no channel says anything, or values are not
   * finite.
   */
  ClipChoices search(const Staircase& stairs, bool shared, double most, Team& team);

  size_t sampled() const { return halves_[0].starts.back() + halves_[1].starts.back(); }

 private:
  using Channels = std::vector<std::vector<Pair>>;
  struct Half {
    std::vector<size_t> starts{0};  // of images, and the end
    Channels pairs;                 // in the images' order; given up for `sorted` unless pooled
    Channels sorted;
  };

  void sort(Team& team);
  std::vector<double> leastError(const Channels& sorted, const Staircase& stairs, bool shared,
                                 double most, Team& team) const;
  double stretch(const Staircase& stairs, bool shared, double most, Team& team) const;
  double heldOutError(const Half& half, const SortedPairs& sorted, size_t channel,
                      const Staircase& stairs, double clip) const;
  size_t channels() const { return size_t(shape_.c); }

  std::shared_ptr<const dense::Plan> plan_;
  ClipSpec spec_;
  dense::Shape shape_;
  std::vector<uint8_t> needed_;
  std::vector<std::unique_ptr<dense::Workspace>> workspaces_;  // one per worker
  std::array<Half, 2> halves_;                                 // images of even and of odd numbers
  bool sorted_ = false;
};

}  // namespace casc::refit
