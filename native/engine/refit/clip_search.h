// Clip values by channel: images stream through a dense plan, a sample of each channel is kept,
// then searched.
#pragma once

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
};

class ClipSearch {
 public:
  /** Throws Error (ERR_CASC_ARGUMENT) where the nodes' shapes differ. */
  ClipSearch(std::shared_ptr<const dense::Plan> plan, const ClipSpec& spec);

  void add(const Batch& batch, Team& team, const AbortFlag& abort);

  /**
   * One for each channel; a channel that says nothing has the largest clip value of the others.
   * Shared: the same clip value for all. Throws Error (ERR_CASC_CALIBRATION) where no channel says
   * anything, or values are not finite.
   */
  std::vector<ClipChoice> search(const Staircase& stairs, bool shared, double most,
                                 Team& team);

  size_t sampled() const { return pairs_.empty() ? 0 : pairs_[0].size(); }

 private:
  std::shared_ptr<const dense::Plan> plan_;
  ClipSpec spec_;
  dense::Shape shape_;
  std::vector<uint8_t> needed_;
  std::vector<std::unique_ptr<dense::Workspace>> workspaces_;  // one per worker
  std::vector<std::vector<Pair>> pairs_;                       // one per channel
  bool sorted_ = false;
};

}  // namespace casc::refit
