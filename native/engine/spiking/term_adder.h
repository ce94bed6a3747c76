// Adds what the events of a source contribute to the sums (membranes, currents) of a layer.
#pragma once

#include <algorithm>
#include <numeric>

#include "engine/spiking/plan.h"
#include "engine/spiking/plane.h"
#include "engine/spiking/window_synapse.h"

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

  /** Additions that the events of a plane cause, whichever way they are computed. */
  uint64_t additions(const Term<N>& term, const Plane& plane) const {
    if (term.op == TermOp::Scale) return plane.total();
    const Shape& from = plan_.layers[term.source].shape;
    const size_t c = size_t(from.c);
    if (plan_.layers[term.source].graded) {
      return additions(from, term, plane.events.data(), [&](size_t pixel) {
        const N* values = plane.as<N>() + pixel * c;
        return uint64_t(c - size_t(std::count(values, values + c, N{0})));
      });
    }
    return additions(from, term, plane.events.data(), [&](size_t pixel) {
      return uint64_t{plan_.byteKernels.nonZeros(plane.as<int8_t>() + pixel * c, c)};
    });
  }

  /** The same of several steps whose spikes are all positive: `counts` of each neuron, `spikes` of
   * each row. */
  uint64_t additions(const Term<N>& term, const int8_t* counts, const uint32_t* spikes) const {
    const Shape& from = plan_.layers[term.source].shape;
    const size_t c = size_t(from.c);
    if (term.op == TermOp::Scale) return std::accumulate(spikes, spikes + from.h, uint64_t{0});
    return additions(from, term, spikes, [&](size_t pixel) {
      const int8_t* first = counts + pixel * c;
      return uint64_t{std::accumulate(first, first + c, 0u)};
    });
  }

  /**
   * sums += the term's contribution of `plane` to the rows `band` of `to`, whose first is the first
   * of `sums` and `touched`; marks those it reached in `touched` and returns the number of
   * additions.
   */
  uint64_t add(const Layer<N>& to, const Term<N>& term, const Plane& plane, RowRange band, N* sums,
               uint8_t* touched) {
    const Layer<N>& from = plan_.layers[term.source];
    uint64_t additions = 0;
    for (size_t y = 0; y < size_t(from.shape.h); ++y) {
      if (plane.events[y] == 0 || !reaches(term, y, band)) continue;
      collect(from, plane, y);
      if (term.op == TermOp::Conv) {
        additions += conv(to, term.conv, y, band, sums, touched);
      } else if (term.op == TermOp::Scale) {
        additions += scale(to, term, y - band.from, sums, touched);
      } else {
        additions += pool(to, term, y, band, sums, touched);
      }
    }
    return additions;
  }

 private:
  /** Of `events` in each row, ofPixel(y · w + x) in each pixel. */
  template <class OfPixel>
  uint64_t additions(const Shape& from, const Term<N>& term, const uint32_t* events,
                     OfPixel ofPixel) const {
    const bool conv = term.op == TermOp::Conv;
    const std::vector<uint32_t>& fans = conv ? term.conv.columnFan : term.columnTaps;
    const size_t w = size_t(from.w);
    const uint32_t most = *std::max_element(fans.begin(), fans.end());
    uint64_t all = 0;
    for (size_t y = 0; y < size_t(from.h); ++y) {
      const uint64_t taps =
          conv ? term.conv.rowBegin[y + 1] - term.conv.rowBegin[y] : term.rows.count(y);
      if (events[y] == 0 || taps == 0) continue;
      uint64_t fan = uint64_t{events[y]} * most;
      for (size_t x = 0; x < w; ++x)
        if (fans[x] != most) fan -= ofPixel(y * w + x) * (most - fans[x]);
      all += fan * taps;
    }
    return all;
  }

  static bool reaches(const Term<N>& term, size_t y, RowRange band) {
    if (term.op == TermOp::Scale) return y >= band.from && y < band.to;
    const auto inside = [&](size_t out) { return out >= band.from && out < band.to; };
    if (term.op == TermOp::Conv) {
      const auto* rows = term.conv.tapRows.data();
      return std::any_of(rows + term.conv.rowBegin[y], rows + term.conv.rowBegin[y + 1], inside);
    }
    const auto* taps = term.rows.taps.data();
    return std::any_of(taps + term.rows.begin[y], taps + term.rows.begin[y + 1],
                       [&](const AxisTap& tap) { return inside(tap.out); });
  }

  uint64_t conv(const Layer<N>& to, const ConvTerm<N>& conv, size_t y, RowRange band, N* sums,
                uint8_t* touched) {
    taps_.clear();
    for (size_t t = conv.rowBegin[y]; t < conv.rowBegin[y + 1]; ++t) {
      const size_t out = conv.tapRows[t];
      if (out < band.from || out >= band.to) continue;
      taps_.push_back({(out - band.from) * to.shape.row(), conv.rowTaps[t].weights});
      touched[out - band.from] = 1;
    }
    ScatterJob<N> job;
    job.columnBegin = conv.columnBegin.data();
    job.runs = conv.runs.data();
    job.taps = taps_.data();
    job.tapCount = taps_.size();
    job.channelSums = conv.channelSums.empty() ? nullptr : conv.channelSums.data();
    job.rowLength = conv.rowLength;
    job.weights = conv.weights.data();
    job.sums = sums;
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

  uint64_t scale(const Layer<N>& to, const Term<N>& term, size_t at, N* sums, uint8_t* touched) {
    const size_t c = size_t(to.shape.c);
    N* row = sums + at * to.shape.row();
    uint64_t additions = 0;
    each([&](Event event, N value) {
      N& sum = row[event.x * c + event.c];
      sum = addProduct(sum, term.factor[event.c], value);
      ++additions;
    });
    if (additions) touched[at] = 1;
    return additions;
  }

  uint64_t pool(const Layer<N>& to, const Term<N>& term, size_t y, RowRange band, N* sums,
                uint8_t* touched) {
    const size_t c = size_t(to.shape.c), w = size_t(to.shape.w);
    uint64_t additions = 0;
    for (size_t t = term.rows.begin[y]; t < term.rows.begin[y + 1]; ++t) {
      const size_t oy = term.rows.taps[t].out;
      if (oy < band.from || oy >= band.to) continue;
      touched[oy - band.from] = 1;
      each([&](Event event, N value) {
        for (size_t i = term.columns.begin[event.x]; i < term.columns.begin[event.x + 1]; ++i) {
          const size_t pixel = oy * w + term.columns.taps[i].out;
          N& sum = sums[(pixel - band.from * w) * c + event.c];
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
  std::vector<RowTap> taps_;
};

}  // namespace casc::spiking
