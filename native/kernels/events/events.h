// The event kernel: finds the spikes of one row of a plane. Sparse work starts here: everything
// after it is proportional to spikes, not to neurons.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc {

/** One non-zero value: column and channel in its row. */
struct Event {
  uint32_t x;
  uint32_t c;
};

/** Kernels may write this many events past the end of a list's events. */
constexpr size_t kEventSlack = 8;

/** The events of one row, each list in order of position, with room for w·c + kEventSlack each. */
template <class N>
struct RowEvents {
  Event* plus = nullptr;    // s = +1
  Event* minus = nullptr;   // s = −1
  Event* valued = nullptr;  // any other value, bursts and graded values
  N* values = nullptr;      // one per `valued`
  size_t plusCount = 0;
  size_t minusCount = 0;
  size_t valuedCount = 0;
};

/** Replaces `events` by those of a row of w·c spikes, channel-last. */
template <class N>
using CollectSpikes = void (*)(const int8_t* row, uint32_t w, uint32_t c, RowEvents<N>& events);

void collectSpikesScalar(const int8_t* row, uint32_t w, uint32_t c, RowEvents<int32_t>& events);
void collectSpikesScalar(const int8_t* row, uint32_t w, uint32_t c, RowEvents<float>& events);
void collectSpikesAvx2(const int8_t* row, uint32_t w, uint32_t c, RowEvents<int32_t>& events);
void collectSpikesAvx2(const int8_t* row, uint32_t w, uint32_t c, RowEvents<float>& events);
void collectSpikesAvx512(const int8_t* row, uint32_t w, uint32_t c, RowEvents<int32_t>& events);
void collectSpikesAvx512(const int8_t* row, uint32_t w, uint32_t c, RowEvents<float>& events);

/** Graded values: all go to `valued`. */
template <class N>
void collectValues(const N* row, uint32_t w, uint32_t c, RowEvents<N>& events) {
  events.plusCount = events.minusCount = events.valuedCount = 0;
  for (uint32_t x = 0; x < w; ++x) {
    for (uint32_t channel = 0; channel < c; ++channel, ++row) {
      if (*row == 0) continue;
      events.valued[events.valuedCount] = {x, channel};
      events.values[events.valuedCount++] = *row;
    }
  }
}

}  // namespace casc
