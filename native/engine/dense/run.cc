#include "engine/dense/run.h"

#include <algorithm>
#include <utility>

namespace casc::dense {

Run::Run(std::shared_ptr<const Plan> plan, RunRequest request)
    : plan_(std::move(plan)),
      request_(std::move(request)),
      copies_(plan_->nodeCount()),
      counts_(plan_->nodeCount()),
      histograms_(request_.observe.size()),
      workspaces_(request_.threads) {
  std::vector<size_t> wanted = plan_->outputNodes();
  wanted.insert(wanted.end(), request_.observe.begin(), request_.observe.end());
  needed_ = plan_->needed(wanted);
  for (size_t i = 0; i < plan_->outputNodes().size(); ++i) {
    copies_[plan_->outputNodes()[i]].push_back(i);
  }
  for (size_t i = 0; i < request_.observe.size(); ++i) {
    const size_t node = request_.observe[i];
    counts_[node].push_back(i);
    if (!request_.channels) continue;
    const auto channels = static_cast<size_t>(plan_->shape(node).c);
    channelHistograms_.emplace_back(channels, plan_->numel(node) / channels);
  }
}

void Run::image(unsigned worker, size_t image) {
  std::unique_ptr<Workspace>& workspace = workspaces_[worker];
  // Made by the worker itself, so that the pages lie near its core.
  if (!workspace) workspace = std::make_unique<Workspace>(*plan_);
  std::vector<const float*> inputs(request_.inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] += image * plan_->numel(plan_->inputNodes()[i]);
  }
  auto done = [&](size_t node, const float* value) {
    const size_t n = plan_->numel(node);
    for (size_t i : copies_[node]) std::copy_n(value, n, request_.outputs[i] + image * n);
    for (size_t i : counts_[node]) {
      histograms_[i].count(value, n);
      if (request_.channels) channelHistograms_[i].count(value);
    }
  };
  plan_->run(inputs, needed_, *workspace, request_.abort, done);
}

}  // namespace casc::dense
