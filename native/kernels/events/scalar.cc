// The specification of the event kernel.
#include "kernels/events/events.h"

namespace casc {
namespace {

template <class N>
void collect(const int8_t* row, uint32_t w, uint32_t c, RowEvents<N>& events) {
  events.plusCount = events.minusCount = events.valuedCount = 0;
  for (uint32_t x = 0; x < w; ++x) {
    for (uint32_t channel = 0; channel < c; ++channel, ++row) {
      const Event event{x, channel};
      if (*row == 0) continue;
      if (*row == 1) {
        events.plus[events.plusCount++] = event;
      } else if (*row == -1) {
        events.minus[events.minusCount++] = event;
      } else {
        events.valued[events.valuedCount] = event;
        events.values[events.valuedCount++] = static_cast<N>(*row);
      }
    }
  }
}

}  // namespace

void collectSpikesScalar(const int8_t* row, uint32_t w, uint32_t c, RowEvents<int32_t>& events) {
  collect(row, w, c, events);
}
void collectSpikesScalar(const int8_t* row, uint32_t w, uint32_t c, RowEvents<float>& events) {
  collect(row, w, c, events);
}

}  // namespace casc
