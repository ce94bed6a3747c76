#include "engine/refit/clip_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/dense/check.h"

namespace casc::refit {
namespace {

/** No clip value is a smaller share of the largest: such a channel hardly matters, and its weights
 * need bits too. */
constexpr double kSmallestShare = 1.0 / 64;

}  // namespace

ClipSearch::ClipSearch(std::shared_ptr<const dense::Plan> plan, const ClipSpec& spec)
    : plan_(std::move(plan)),
      spec_(spec),
      shape_(plan_->shape(spec.value)),
      needed_(plan_->needed({spec.value, spec.wanted})),
      pairs_(size_t(shape_.c)) {
  dense::require(plan_->shape(spec.wanted) == shape_,
                 "the wanted values have not the shape of the values");
}

void ClipSearch::add(const Batch& batch, Team& team, const AbortFlag& abort) {
  workspaces_.resize(std::max<size_t>(workspaces_.size(), team.size()));
  const size_t plane = shape_.plane();
  std::vector<size_t> starts{sampled()};
  for (size_t i = 0; i < batch.images; ++i)
    starts.push_back(starts.back() + Positions(plane, spec_.every, batch.first + i).count());
  for (auto& channel : pairs_) channel.resize(starts.back());
  sorted_ = false;
  team.share(batch.images, [&](unsigned worker, size_t image) {
    if (!workspaces_[worker]) workspaces_[worker] = std::make_unique<dense::Workspace>(*plan_);
    const Positions positions(plane, spec_.every, batch.first + image);
    auto gather = [&](const float* value, float Pair::*part) {
      for (auto& channel : pairs_) {
        for (size_t i = 0; i < positions.count(); ++i)
          channel[starts[image] + i].*part = value[positions[i]];
        value += plane;
      }
    };
    plan_->run(inputsOf(batch, image, *plan_), needed_, *workspaces_[worker], abort,
               [&](size_t node, const float* value) {
                 if (node == spec_.value) gather(value, &Pair::value);
                 if (node == spec_.wanted) gather(value, &Pair::wanted);
               });
  });
}

std::vector<ClipChoice> ClipSearch::search(const Staircase& stairs, bool shared, double most,
                                           Team& team) {
  auto finite = [](const Pair& p) { return std::isfinite(p.value) && std::isfinite(p.wanted); };
  for (const auto& channel : pairs_) {
    if (!std::all_of(channel.begin(), channel.end(), finite))
      throw Error("ERR_CASC_CALIBRATION", "became NaN or infinite on the calibration data");
  }
  if (!sorted_) team.share(pairs_.size(), [&](unsigned, size_t c) { sortPairs(pairs_[c]); });
  sorted_ = true;
  double layer = 0;
  std::vector<ClipChoice> choices(pairs_.size());
  if (shared) {
    std::vector<Pair> all;
    for (const auto& channel : pairs_) all.insert(all.end(), channel.begin(), channel.end());
    sortPairs(all);
    layer = std::min(most, SortedPairs(all).choose(stairs).clip);
  } else {
    team.share(pairs_.size(),
               [&](unsigned, size_t c) { choices[c] = SortedPairs(pairs_[c]).choose(stairs); });
    for (const ClipChoice& choice : choices) layer = std::max(layer, std::min(most, choice.clip));
  }
  if (!(layer > 0))
    throw Error("ERR_CASC_CALIBRATION", "never rose above zero on the calibration data");
  team.share(pairs_.size(), [&](unsigned, size_t c) {
    const bool own = !shared && choices[c].clip > 0;
    // The file holds float32.
    const auto clip =
        float(own ? std::clamp(choices[c].clip, layer * kSmallestShare, most) : layer);
    choices[c] = SortedPairs(pairs_[c]).judge(stairs, clip);
  });
  return choices;
}

}  // namespace casc::refit
