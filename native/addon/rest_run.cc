#include "addon/rest_run.h"

#include <utility>
#include <vector>

#include "addon/read.h"
#include "addon/schedule_reader.h"
#include "addon/task.h"

namespace casc {
namespace {

/** Everything one rest() needs until its Promise settles. Made and destroyed on JavaScript's
 * thread; workers write to disjoint pieces. */
class RestRun {
 public:
  RestRun(std::shared_ptr<const spiking::SpikingPlan> plan, const Napi::CallbackInfo& info)
      : plan_(std::move(plan)) {
    count_ = size_t(read::integer(info[1], 0, read::kMostImages, "count"));
    Napi::Object options = read::object(info[2], "options");
    threads_ = unsigned(read::integer(options.Get("threads"), 1, read::kMostThreads, "threads"));
    schedule_ = readSchedule(read::object(options.Get("schedule"), "schedule"));
    const bool counts = read::boolean(options.Get("counts"), "counts");
    abort_ = abortFlagFrom(options.Get("abort"));
    // Read last, copied at once: no JavaScript can run in between.
    images_ = read::images(info[0], count_, plan_->inputs);
    runners_.resize(threads_);
    allocate(info.Env(), counts);
  }

  static Napi::Promise start(Napi::Env env, const std::shared_ptr<RestRun>& run) {
    TaskOptions task;
    task.count = run->count_;
    task.threads = run->threads_;
    task.abort = run->abort_;
    task.body = [run](unsigned worker, size_t image) { run->image(worker, image); };
    task.finish = [run](Napi::Env) { return run->result_.Value(); };
    return startTask(env, std::move(task));
  }

 private:
  /** Result arrays exist from the start, so that workers write where JavaScript will read. */
  void allocate(Napi::Env env, bool counts) {
    Napi::Object result = Napi::Object::New(env);
    Napi::Float32Array readout = Napi::Float32Array::New(env, count_ * plan_->outputs);
    readout_ = readout.Data();
    result.Set("readout", readout);
    result.Set("counts", env.Null());
    if (counts) {
      Napi::Array arrays = Napi::Array::New(env, plan_->neurons.size());
      for (size_t i = 0; i < plan_->neurons.size(); ++i) {
        Napi::Int32Array array = Napi::Int32Array::New(env, count_ * plan_->neurons[i]);
        arrays.Set(uint32_t(i), array);
        counts_.push_back(array.Data());
      }
      result.Set("counts", arrays);
    }
    result_ = Napi::Persistent(result);
  }

  void image(unsigned worker, size_t index) {
    auto& runner = runners_[worker];
    if (!runner) runner = plan_->restRunner();
    spiking::RestResult result;
    result.readout = readout_ + index * plan_->outputs;
    for (size_t i = 0; i < counts_.size(); ++i)
      result.counts.push_back(counts_[i] + index * plan_->neurons[i]);
    runner->run(images_.data() + index * plan_->inputs, index, schedule_, abort_, result);
  }

  std::shared_ptr<const spiking::SpikingPlan> plan_;
  size_t count_ = 0;
  unsigned threads_ = 1;
  spiking::Schedule schedule_;
  AbortFlag abort_;
  std::vector<float> images_;
  std::vector<std::shared_ptr<spiking::RestRunner>> runners_;  // per worker
  Napi::ObjectReference result_;                               // keeps the arrays below alive
  float* readout_ = nullptr;
  std::vector<int32_t*> counts_;
};

}  // namespace

Napi::Promise startRest(std::shared_ptr<const spiking::SpikingPlan> plan,
                        const Napi::CallbackInfo& info) {
  return RestRun::start(info.Env(), std::make_shared<RestRun>(std::move(plan), info));
}

}  // namespace casc
