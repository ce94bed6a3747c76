#include "engine/thread_pool.h"

#include <utility>

namespace casc {

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::grow(unsigned threads) {
  std::lock_guard lock(mutex_);
  while (threads_.size() < threads) threads_.emplace_back([this] { work(); });
}

void ThreadPool::post(unsigned count, const std::function<void(unsigned)>& job) {
  {
    std::lock_guard lock(mutex_);
    for (unsigned i = 0; i < count; ++i) queue_.emplace_back([job, i] { job(i); });
  }
  // All at once: woken one after the other, the first may take this thread's CPU for milliseconds
  // before the second is called.
  wake_.notify_all();
}

void ThreadPool::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace casc
