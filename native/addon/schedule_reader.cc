#include "addon/schedule_reader.h"

#include "addon/read.h"

namespace casc {
namespace {

constexpr int32_t kMostAwake = 65'536;
constexpr int32_t kMostSleep = 1'000'000;

}  // namespace

spiking::Schedule readSchedule(const Napi::Object& from) {
  spiking::Schedule schedule;
  schedule.gamma = read::integer(from.Get("gamma"), 1, 127, "schedule.gamma");
  schedule.negative = read::boolean(from.Get("negative"), "schedule.negative");
  schedule.upper = read::boolean(from.Get("upper"), "schedule.upper");
  schedule.wake = read::integer(from.Get("wake"), 1, kMostAwake, "schedule.wake");
  schedule.margin = read::integer(from.Get("margin"), 1, schedule.wake, "schedule.margin");
  schedule.sleep = read::integer(from.Get("sleep"), -1, kMostSleep, "schedule.sleep");
  schedule.cap = read::integer(from.Get("cap"), 1, kMostSleep, "schedule.cap");
  schedule.stagger = read::number(from.Get("stagger"), "schedule.stagger");
  if (!(schedule.stagger >= 0 && schedule.stagger <= 1000))
    read::fail("schedule.stagger", "expected a number from 0 to 1000");
  Napi::Value shift = from.Get("shift");
  if (!shift.IsNull() && !shift.IsUndefined()) {
    schedule.shift = read::number(shift, "schedule.shift");
    if (!(*schedule.shift >= 0 && *schedule.shift <= 1))
      read::fail("schedule.shift", "expected a number from 0 to 1, or null");
  }
  return schedule;
}

}  // namespace casc
