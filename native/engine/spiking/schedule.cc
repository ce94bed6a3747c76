#include "engine/spiking/schedule.h"

#include <cmath>

namespace casc::spiking {

int32_t startOf(const Schedule& schedule, int32_t planned, int32_t threshold) {
  if (!schedule.shift) return planned;
  return static_cast<int32_t>(std::floor(*schedule.shift * threshold));
}

float startOf(const Schedule& schedule, float planned, float threshold) {
  if (!schedule.shift) return planned;
  return static_cast<float>(*schedule.shift * double{threshold});
}

}  // namespace casc::spiking
