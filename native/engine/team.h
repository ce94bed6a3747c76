// Threads that share the work inside one image: one leads and hands out pieces, the others join in
// while they are there. A lead without others does all the work itself.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>

namespace casc {

class Team {
 public:
  /** Runs for worker 0 to size − 1, of whom 0 leads, and a piece. */
  using Body = std::function<void(unsigned worker, size_t piece)>;

  explicit Team(unsigned size) : size_(size) {}
  unsigned size() const { return size_; }

  /** Lead only: body for pieces 0 to count − 1, by whoever is there. Rethrows what a piece threw
   * first; other pieces may then be left out. */
  void share(size_t count, const Body& body);

  /** Worker 1 to size − 1: helps until the team is dismissed. */
  void help(unsigned worker);

  /** Lead only: no more work will come. */
  void dismiss();

 private:
  void work(unsigned worker, const Body& body, size_t count);

  const unsigned size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<uint64_t> round_{0};  // counts calls of share() and dismiss()
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  // Under the mutex.
  const Body* body_ = nullptr;  // null: no work
  size_t count_ = 0;
  unsigned inside_ = 0;  // helpers at work
  bool dismissed_ = false;
  std::exception_ptr error_;
};

}  // namespace casc
