// A small pool of our own threads: libuv's four stay free for files and DNS, and work never blocks
// the event loop.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace casc {

class ThreadPool {
 public:
  ThreadPool() = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /** Runs what is queued, then joins. */
  ~ThreadPool();

  /** Makes sure that at least `threads` threads exist. Throws std::system_error where the machine
   * has none left. */
  void grow(unsigned threads);

  /** Queues job(0), …, job(count − 1). The job must not throw. */
  void post(unsigned count, const std::function<void(unsigned)>& job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace casc
