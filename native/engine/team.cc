#include "engine/team.h"

#include <thread>
#include <utility>

namespace casc {
namespace {

/** Looks so many times before it sleeps: layers follow each other within microseconds. */
constexpr int kLooks = 20'000;

void pauseBriefly() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

void Team::work(unsigned worker, const Body& body, size_t count) {
  try {
    for (;;) {
      const size_t piece = next_.fetch_add(1);
      if (piece >= count || failed_.load()) return;
      body(worker, piece);
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failed_.exchange(true)) error_ = std::current_exception();
  }
}

void Team::share(size_t count, const Body& body) {
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    next_ = 0;
    failed_ = false;
    error_ = nullptr;
    ++round_;
  }
  if (count > 1) changed_.notify_all();
  work(0, body, count);
  // Nobody enters any more; those inside finish their pieces.
  std::unique_lock lock(mutex_);
  body_ = nullptr;
  while (inside_ > 0) {
    lock.unlock();
    pauseBriefly();
    lock.lock();
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Team::help(unsigned worker) {
  uint64_t seen = 0;
  for (;;) {
    // The lead waits for those inside before it lets go of the work, but clears `body_` before
    // that.
    const Body* body = nullptr;
    size_t count = 0;
    for (int look = 0; look < kLooks && round_.load() == seen; ++look) pauseBriefly();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return round_.load() != seen; });
      seen = round_;
      if (dismissed_) return;
      if (!body_) continue;
      body = body_;
      count = count_;
      ++inside_;
    }
    work(worker, *body, count);
    const std::lock_guard lock(mutex_);
    --inside_;
  }
}

void Team::dismiss() {
  const std::lock_guard lock(mutex_);
  dismissed_ = true;
  ++round_;
  changed_.notify_all();
}

}  // namespace casc
