#include "addon/task.h"

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "addon/addon_data.h"
#include "engine/error.h"

namespace casc {
namespace {

/**
 * Lives until the thread-safe function is finalised, always on JavaScript's thread, so that its
 * references to JavaScript objects die there. If the environment closes first (a terminated
 * worker), the finaliser aborts the workers and waits for them.
 */
class Task {
 public:
  Task(Napi::Env env, TaskOptions options)
      : options_(std::move(options)), deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise start(Napi::Env env) {
    Napi::Promise promise = deferred_.Promise();
    unsigned threads = options_.threads;
    if (threads > options_.count) threads = static_cast<unsigned>(options_.count);
    if (threads == 0) threads = 1;
    running_ = threads;
    ThreadPool& pool = addonData(env).pool;
    pool.grow(threads);
    settle_ = Napi::ThreadSafeFunction::New(
        env, Napi::Function(), "casc-task", 0, 1,
        [](Napi::Env, Task* task) {
          task->cancelled_.store(true);
          task->waitForWorkers();
          delete task;
        },
        this);
    pool.post(threads, [this](unsigned worker) { work(worker); });
    return promise;
  }

 private:
  void work(unsigned worker) {
    try {
      for (;;) {
        size_t piece = next_.fetch_add(1);
        if (piece >= options_.count || failed_.load() || cancelled_.load()) break;
        throwIfAborted(options_.abort);
        options_.body(worker, piece);
      }
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
    if (options_.left) options_.left();
    // The last worker hands over. Everything this thread needs from the task ends with the
    // notification below.
    std::unique_lock lock(mutex_);
    if (--running_ > 0) return;
    Napi::ThreadSafeFunction settle = settle_;
    napi_status status =
        settle.NonBlockingCall(this, [](Napi::Env env, Napi::Function, Task* task) {
          if (env != nullptr) task->settled(env);
        });
    // After napi_closing (the environment goes down) the function must not be touched again.
    if (status != napi_closing) settle.Release();
    done_.notify_all();
  }

  void waitForWorkers() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
  }

  void settled(Napi::Env env) {
    Napi::HandleScope scope(env);
    try {
      if (error_) std::rethrow_exception(error_);
      deferred_.Resolve(options_.finish(env));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    } catch (const std::exception& error) {
      deferred_.Reject(toJsError(env, error).Value());
    } catch (...) {
      deferred_.Reject(Napi::Error::New(env, "unknown native error").Value());
    }
  }

  TaskOptions options_;
  Napi::Promise::Deferred deferred_;
  Napi::ThreadSafeFunction settle_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::condition_variable done_;
  unsigned running_ = 0;
  std::exception_ptr error_;
};

}  // namespace

Napi::Promise startTask(Napi::Env env, TaskOptions options) {
  auto task = std::make_unique<Task>(env, std::move(options));
  Napi::Promise promise = task->start(env);
  static_cast<void>(task.release());  // the thread-safe function's finaliser owns it from here
  return promise;
}

Napi::Error toJsError(Napi::Env env, const std::exception& error) {
  Napi::Error jsError = Napi::Error::New(env, error.what());
  std::string code = "ERR_CASC_NATIVE";
  if (auto* own = dynamic_cast<const Error*>(&error)) code = own->code;
  if (dynamic_cast<const Aborted*>(&error)) code = "ERR_CASC_ABORTED";
  if (dynamic_cast<const std::bad_alloc*>(&error)) code = "ERR_CASC_OUT_OF_MEMORY";
  jsError.Value().Set("code", code);
  return jsError;
}

}  // namespace casc
