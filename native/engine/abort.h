// Cooperative cancellation: set from JavaScript, looked at by workers between layers and images.
#pragma once

#include <atomic>
#include <exception>
#include <memory>

namespace casc {

using AbortFlag = std::shared_ptr<std::atomic<bool>>;

/** Thrown inside a worker that finds its flag set; ends the task with ERR_CASC_ABORTED. */
struct Aborted : std::exception {
  const char* what() const noexcept override { return "the operation was aborted"; }
};

inline void throwIfAborted(const AbortFlag& flag) {
  if (flag && flag->load(std::memory_order_relaxed)) throw Aborted();
}

}  // namespace casc
