// Adds what the events of a source contribute to the sums (membranes, currents) of a layer.
#pragma once

#include <algorithm>

#include "engine/spiking/plan.h"
#include "engine/spiking/plane.h"

namespace casc::spiking {

/** Wraps instead of overflowing in integers; no fused multiply-add in float. */
inline int32_t addProduct(int32_t sum, int32_t factor, int32_t value) {
  return static_cast<int32_t>(static_cast<uint32_t>(sum) +
                              static_cast<uint32_t>(factor) * static_cast<uint32_t>(value));
}
inline float addProduct(float sum, float factor, float value) { return sum + factor * value; }

template <class N>
class TermAdder {
 public:
  explicit TermAdder(const Plan<N>& plan) : plan_(plan) {
    size_t longest = 1;
    for (const Layer<N>& layer : plan.layers) longest = std::max(longest, layer.shape.row());
    longest += kEventSlack;
    lists_.resize(longest * 3);
    values_.resize(longest);
    events_.plus = lists_.data();
    events_.minus = lists_.data() + longest;
    events_.valued = lists_.data() + 2 * longest;
    events_.values = values_.data();
  }

  size_t bytes() const {
    return lists_.capacity() * sizeof(Event) + values_.capacity() * sizeof(N);
  }

  /** The events of one image row of a layer's plane. */
  const RowEvents<N>& collect(const Layer<N>& from, const Plane& plane, size_t y) {
    const uint32_t w = uint32_t(from.shape.w), c = uint32_t(from.shape.c);
    if (from.graded) {
      collectValues(plane.as<N>() + y * from.shape.row(), w, c, events_);
    } else {
      plan_.number.collectSpikes(plane.as<int8_t>() + y * from.shape.row(), w, c, events_);
    }
    return events_;
  }

  /**
   * sums += the term's contribution of `plane`; marks the rows of `to` it reached in `touched` and
   * returns the number of additions.
   */
  uint64_t add(const Layer<N>& to, const Term<N>& term, const Plane& plane, N* sums,
               uint8_t* touched) {
    const Layer<N>& from = plan_.layers[term.source];
    uint64_t additions = 0;
    for (size_t y = 0; y < size_t(from.shape.h); ++y) {
      if (!plane.active[y]) continue;
      collect(from, plane, y);
      if (term.op == TermOp::Conv) {
        additions += conv(term.conv, y, sums, touched);
      } else if (term.op == TermOp::Scale) {
        additions += scale(to, term, y, sums, touched);
      } else {
        additions += pool(to, term, y, sums, touched);
      }
    }
    return additions;
  }

 private:
  uint64_t conv(const ConvTerm<N>& conv, size_t y, N* sums, uint8_t* touched) {
    const size_t first = conv.rowBegin[y];
    ScatterJob<N> job;
    job.columnBegin = conv.columnBegin.data();
    job.runs = conv.runs.data();
    job.taps = conv.rowTaps.data() + first;
    job.tapCount = conv.rowBegin[y + 1] - first;
    job.channelSums = conv.channelSums.empty() ? nullptr : conv.channelSums.data();
    job.rowLength = conv.rowLength;
    job.weights = conv.weights.data();
    job.sums = sums;
    const size_t all = events_.plusCount + events_.minusCount + events_.valuedCount;
    if (job.tapCount == 0 || all == 0) return 0;
    for (size_t t = 0; t < job.tapCount; ++t) touched[conv.tapRows[first + t]] = 1;
    uint64_t fan = 0;
    auto part = [&](auto kernel, const Event* events, const N* values, size_t count) {
      if (count == 0) return;
      job.events = events;
      job.values = values;
      job.count = count;
      kernel(job);
      for (size_t e = 0; e < count; ++e) fan += conv.columnFan[events[e].x];
    };
    part(plan_.scatter.plus, events_.plus, nullptr, events_.plusCount);
    part(plan_.scatter.minus, events_.minus, nullptr, events_.minusCount);
    part(plan_.scatter.valued, events_.valued, events_.values, events_.valuedCount);
    return fan * job.tapCount;
  }

  /** Calls body(event, value) for all events of the row, in the kernels' order. */
  template <class Body>
  void each(Body body) const {
    for (size_t e = 0; e < events_.plusCount; ++e) body(events_.plus[e], N(1));
    for (size_t e = 0; e < events_.minusCount; ++e) body(events_.minus[e], N(-1));
    for (size_t e = 0; e < events_.valuedCount; ++e) body(events_.valued[e], events_.values[e]);
  }

  uint64_t scale(const Layer<N>& to, const Term<N>& term, size_t y, N* sums, uint8_t* touched) {
    const size_t c = size_t(to.shape.c);
    N* row = sums + y * to.shape.row();
    uint64_t additions = 0;
    each([&](Event event, N value) {
      N& sum = row[event.x * c + event.c];
      sum = addProduct(sum, term.factor[event.c], value);
      ++additions;
    });
    if (additions) touched[y] = 1;
    return additions;
  }

  uint64_t pool(const Layer<N>& to, const Term<N>& term, size_t y, N* sums, uint8_t* touched) {
    const size_t c = size_t(to.shape.c), w = size_t(to.shape.w);
    uint64_t additions = 0;
    for (size_t t = term.rows.begin[y]; t < term.rows.begin[y + 1]; ++t) {
      const size_t oy = term.rows.taps[t].out;
      touched[oy] = 1;
      each([&](Event event, N value) {
        for (size_t i = term.columns.begin[event.x]; i < term.columns.begin[event.x + 1]; ++i) {
          const size_t pixel = oy * w + term.columns.taps[i].out;
          N& sum = sums[pixel * c + event.c];
          sum = addProduct(sum, term.factor[pixel], value);
          ++additions;
        }
      });
    }
    return additions;
  }

  const Plan<N>& plan_;
  std::vector<Event> lists_;
  std::vector<N> values_;
  RowEvents<N> events_;
};

}  // namespace casc::spiking
