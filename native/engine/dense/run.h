// One call of run(): images in, outputs and histograms out. Workers share it.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/abort.h"
#include "engine/dense/channel_histogram.h"
#include "engine/dense/histogram.h"
#include "engine/dense/plan.h"

namespace casc::dense {

struct RunRequest {
  std::vector<const float*> inputs;  // one per input node, [images × numel]
  std::vector<float*> outputs;       // one per output, [images × numel]
  std::vector<size_t> observe;       // nodes to count
  bool channels = false;             // also count each channel of these by itself
  unsigned threads = 1;
  AbortFlag abort;
};

class Run {
 public:
  Run(std::shared_ptr<const Plan> plan, RunRequest request);

  /** `worker` is below request.threads, and no two calls with the same one overlap. */
  void image(unsigned worker, size_t image);

  /** One per observed node. */
  const std::deque<Histogram>& histograms() const { return histograms_; }
  /** One per observed node, where channels were asked for. */
  const std::deque<ChannelHistogram>& channelHistograms() const { return channelHistograms_; }

 private:
  std::shared_ptr<const Plan> plan_;
  RunRequest request_;
  std::vector<uint8_t> needed_;
  /** What is done with each node's value: indices into outputs and histograms. */
  std::vector<std::vector<size_t>> copies_;
  std::vector<std::vector<size_t>> counts_;
  std::deque<Histogram> histograms_;  // they do not move
  std::deque<ChannelHistogram> channelHistograms_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;  // one per worker
};

}  // namespace casc::dense
