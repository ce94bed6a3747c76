#include "addon/spiking_plan_wrap.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "addon/addon_data.h"
#include "addon/boundary.h"
#include "addon/plan_reader.h"
#include "addon/profile_value.h"
#include "addon/raster_value.h"
#include "addon/read.h"
#include "addon/rest_run.h"
#include "addon/schedule_reader.h"
#include "addon/task.h"
#include "engine/spiking/spiking_plan.h"
#include "engine/team.h"

namespace casc {
namespace {

using spiking::ImageResult;
using spiking::ImageRunner;
using spiking::ReadoutTrace;
using spiking::Schedule;

/** Everything one run() needs until its Promise settles. Made and destroyed on JavaScript's thread;
 * workers write to disjoint pieces. */
class Run {
 public:
  Run(std::shared_ptr<const spiking::SpikingPlan> plan, const Napi::CallbackInfo& info)
      : plan_(std::move(plan)) {
    Napi::Env env = info.Env();
    count_ = size_t(read::integer(info[1], 0, read::kMostImages, "count"));
    Napi::Object options = read::object(info[2], "options");
    threads_ = unsigned(read::integer(options.Get("threads"), 1, read::kMostThreads, "threads"));
    settings_.schedule = readSchedule(read::object(options.Get("schedule"), "schedule"));
    settings_.everyStep = read::boolean(options.Get("everyStep"), "everyStep");
    settings_.profile = read::boolean(options.Get("profile"), "profile");
    counts_ = read::boolean(options.Get("counts"), "counts");
    settings_.certify =
        size_t(read::integer(options.Get("certify"), 0, read::kMostImages, "certify"));
    settings_.oracle = read::boolean(options.Get("oracle"), "oracle") || settings_.certify > 0;
    settings_.raster = readRaster(options.Get("raster"));
    settings_.abort = abortFlagFrom(options.Get("abort"));
    // Read last, copied at once: no JavaScript can run in between.
    images_ = read::images(info[0], count_, plan_->inputs);
    runners_.resize(threads_);
    if (settings_.everyStep) traces_.resize(count_);
    allocate(env);
  }

  static Napi::Promise start(Napi::Env env, const std::shared_ptr<Run>& run) {
    TaskOptions task;
    task.count = run->count_;
    task.threads = run->threads_;
    task.abort = run->settings_.abort;
    task.body = [run](unsigned worker, size_t image) { run->image(worker, image); };
    if (run->count_ == 1 && run->threads_ > 1) shareImage(run, task);
    task.finish = [run](Napi::Env finishEnv) { return run->finish(finishEnv); };
    return startTask(env, std::move(task));
  }

 private:
  /** One image for several workers: the first piece is the image, the others help with it. */
  static void shareImage(const std::shared_ptr<Run>& run, TaskOptions& task) {
    Team* const team = &run->team_.emplace(run->threads_);
    run->settings_.team = team;
    task.count = run->threads_;
    task.body = [run, team](unsigned, size_t piece) {
      if (piece > 0) return team->help(unsigned(piece));
      run->image(0, 0);
      team->dismiss();
    };
    // Whoever leads may have left without a word to the others: an abort, an environment that ends.
    task.left = [team] { team->dismiss(); };
  }

  template <class Array, class T>
  T* add(Napi::Env env, Napi::Object& result, const char* key, size_t length, T*) {
    Array array = Array::New(env, length);
    result.Set(key, array);
    return reinterpret_cast<T*>(array.Data());
  }

  /** Result arrays exist from the start, so that workers write where JavaScript will read. */
  void allocate(Napi::Env env) {
    Napi::Object result = Napi::Object::New(env);
    const size_t phases = size_t(settings_.schedule.phases()), layers = plan_->neurons.size();
    const size_t images = count_, outputs = plan_->outputs;
    auto doubles = [&](const char* key, size_t length) {
      return add<Napi::Float64Array>(env, result, key, length, static_cast<double*>(nullptr));
    };
    auto floats = [&](const char* key, size_t length) {
      return add<Napi::Float32Array>(env, result, key, length, static_cast<float*>(nullptr));
    };
    result.Set("phases", double(phases));
    sleepSteps_ = add<Napi::Int32Array>(env, result, "sleepSteps", images * phases, sleepSteps_);
    quietSteps_ = add<Napi::Int32Array>(env, result, "quietSteps", images * phases, quietSteps_);
    atRest_ = add<Napi::Uint8Array>(env, result, "atRest", images * phases, atRest_);
    phaseSteps_ = add<Napi::Int32Array>(env, result, "phaseSteps", phases, phaseSteps_);
    if (!settings_.everyStep) readout_ = floats("readout", images * outputs);
    result.Set("oracle", env.Null());
    if (settings_.oracle) oracle_ = floats("oracle", images * outputs);
    result.Set("counts", env.Null());
    if (counts_) {
      Napi::Array arrays = Napi::Array::New(env, layers);
      for (size_t i = 0; i < layers; ++i) {
        Napi::Int32Array array = Napi::Int32Array::New(env, images * plan_->neurons[i]);
        arrays.Set(uint32_t(i), array);
        countArrays_.push_back(array.Data());
      }
      result.Set("counts", arrays);
    }
    positive_ = doubles("positive", images * layers);
    negative_ = doubles("negative", images * layers);
    operations_ = doubles("synapticOperations", images);
    operationsAsleep_ = doubles("operationsAsleep", images);
    hash_ = add<Napi::BigUint64Array>(env, result, "hash", images, hash_);
    checked_ = doubles("checked", images);
    mismatches_ = doubles("mismatches", images);
    firsts_.resize(std::min(images, settings_.certify));
    result_ = Napi::Persistent(result);
  }

  void image(unsigned worker, size_t index) {
    auto& runner = runners_[worker];
    if (!runner) runner = plan_->runner(settings_.profile);
    const size_t phases = size_t(settings_.schedule.phases()), layers = plan_->neurons.size();
    ImageResult result;
    result.sleepSteps = sleepSteps_ + index * phases;
    result.quietSteps = quietSteps_ + index * phases;
    result.atRest = atRest_ + index * phases;
    if (readout_) result.readout = readout_ + index * plan_->outputs;
    if (settings_.everyStep) result.traces = &traces_[index];
    if (oracle_) result.oracle = oracle_ + index * plan_->outputs;
    for (size_t i = 0; i < countArrays_.size(); ++i)
      result.counts.push_back(countArrays_[i] + index * plan_->neurons[i]);
    result.positive = positive_ + index * layers;
    result.negative = negative_ + index * layers;
    result.operations = operations_ + index;
    result.operationsAsleep = operationsAsleep_ + index;
    result.hash = hash_ + index;
    result.checked = checked_ + index;
    result.mismatches = mismatches_ + index;
    if (index < firsts_.size()) result.first = &firsts_[index];
    if (index == 0 && settings_.raster) result.rasters = &rasters_;
    runner->run(images_.data() + index * plan_->inputs, index, settings_, result);
  }

  Napi::Value finish(Napi::Env env) {
    Napi::Object result = result_.Value();
    result.Set("profile", settings_.profile ? profile(env) : env.Null());
    runners_.clear();
    images_ = {};
    const size_t phases = size_t(settings_.schedule.phases());
    for (size_t i = 0; i < count_; ++i)
      for (size_t p = 0; p < phases; ++p)
        phaseSteps_[p] = std::max(phaseSteps_[p], sleepSteps_[i * phases + p]);
    if (settings_.everyStep) result.Set("readout", everyStep(env));
    result.Set("firsts", firsts(env));
    result.Set("raster", settings_.raster ? rasterValue(env, rasters_) : env.Null());
    return result;
  }

  /** Sums over the workers, and the most that one of them held. */
  Napi::Value profile(Napi::Env env) const {
    spiking::Profile sum(plan_->layers);
    spiking::WorkingBytes most;
    for (const auto& runner : runners_) {
      if (!runner) continue;
      const spiking::Profile& part = runner->profile();
      for (size_t i = 0; i < part.size(); ++i) {
        sum[i].wake.add(part[i].wake);
        sum[i].sleep.add(part[i].sleep);
      }
      const spiking::WorkingBytes held = runner->workingBytes();
      most = {std::max(most.simulation, held.simulation), std::max(most.oracle, held.oracle)};
    }
    return profileValue(env, sum, most);
  }

  /** Aligns the images' readouts step by step: one that ended a phase early repeats its last row.
   */
  Napi::Value everyStep(Napi::Env env) {
    const Schedule& schedule = settings_.schedule;
    size_t steps = size_t(schedule.wake);
    for (int32_t p = 0; p < schedule.phases(); ++p) steps += size_t(phaseSteps_[p]);
    const size_t outputs = plan_->outputs;
    Napi::Float32Array array = Napi::Float32Array::New(env, count_ * steps * outputs);
    for (size_t i = 0; i < count_; ++i) {
      size_t offset = 0;
      for (size_t r = 0; r < traces_[i].size(); ++r) {
        const ReadoutTrace& trace = traces_[i][r];
        const size_t width = plan_->readoutSizes[r];
        const float* row = trace.values.data();
        float* to = array.Data() + i * steps * outputs + offset;
        for (int32_t p = 0; p < schedule.phases(); ++p) {
          const int32_t rows = int32_t(trace.rows[size_t(p)]);
          const int32_t length = schedule.group(p) + phaseSteps_[p];
          for (int32_t step = 0; step < length; ++step, to += outputs)
            std::copy_n(row + size_t(std::min(step, rows - 1)) * width, width, to);
          row += size_t(rows) * width;
        }
        offset += width;
      }
      traces_[i] = {};
    }
    return array;
  }

  Napi::Value firsts(Napi::Env env) const {
    Napi::Array array = Napi::Array::New(env, firsts_.size());
    for (size_t i = 0; i < firsts_.size(); ++i)
      array.Set(uint32_t(i), firsts_[i] ? divergence(env, *firsts_[i]) : env.Null());
    return array;
  }

  static Napi::Value divergence(Napi::Env env, const spiking::Divergence& found) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("layer", double(found.layer));
    object.Set("neuron", double(found.neuron));
    object.Set("snn", found.snn);
    object.Set("ann", found.ann);
    object.Set("lastSpike", env.Null());
    if (found.lastSpike) {
      Napi::Object moment = Napi::Object::New(env);
      moment.Set("wake", found.lastSpike->awake);
      moment.Set("sleep", found.lastSpike->sleep);
      object.Set("lastSpike", moment);
    }
    return object;
  }

  std::shared_ptr<const spiking::SpikingPlan> plan_;
  size_t count_ = 0;
  unsigned threads_ = 1;
  std::optional<Team> team_;  // of a run of one image
  bool counts_ = false;
  spiking::RunSettings settings_;
  std::vector<float> images_;
  std::vector<std::shared_ptr<ImageRunner>> runners_;       // per worker
  std::vector<std::vector<ReadoutTrace>> traces_;           // [image][readout layer]
  std::vector<std::optional<spiking::Divergence>> firsts_;  // of the images compared
  std::vector<spiking::LayerRaster> rasters_;               // of the first image
  Napi::ObjectReference result_;                            // keeps the arrays below alive
  int32_t* sleepSteps_ = nullptr;
  int32_t* quietSteps_ = nullptr;
  uint8_t* atRest_ = nullptr;
  int32_t* phaseSteps_ = nullptr;
  float* readout_ = nullptr;
  float* oracle_ = nullptr;
  std::vector<int32_t*> countArrays_;
  double* positive_ = nullptr;
  double* negative_ = nullptr;
  double* operations_ = nullptr;
  double* operationsAsleep_ = nullptr;
  uint64_t* hash_ = nullptr;
  double* checked_ = nullptr;
  double* mismatches_ = nullptr;
};

class SpikingPlanWrap : public Napi::ObjectWrap<SpikingPlanWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "SpikingPlan",
                       {InstanceMethod<&SpikingPlanWrap::run>("run"),
                        InstanceMethod<&SpikingPlanWrap::rest>("rest"),
                        InstanceMethod<&SpikingPlanWrap::workingBytes>("workingBytes"),
                        InstanceMethod<&SpikingPlanWrap::dispose>("dispose"),
                        InstanceAccessor<&SpikingPlanWrap::isa>("isa"),
                        InstanceAccessor<&SpikingPlanWrap::bytes>("bytes"),
                        InstanceAccessor<&SpikingPlanWrap::denseMacs>("denseMacs"),
                        InstanceAccessor<&SpikingPlanWrap::inputMacs>("inputMacs")});
  }

  explicit SpikingPlanWrap(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<SpikingPlanWrap>(info) {
    guarded(info.Env(), [&] {
      Napi::Object description = read::object(info[0], "description");
      isa_ = addonData(info.Env()).isa;
      Napi::Value isaName = description.Get("isa");
      if (!isaName.IsUndefined() && !isaName.IsNull()) isa_ = parseIsa(read::text(isaName, "isa"));
      plan_ = spiking::compilePlan(readPlan(description), kernelsOf(isa_),
                                   addonData(info.Env()).costs(isa_));
      bytes_ = int64_t(plan_->bytes);
      denseMacs_ = plan_->denseMacs;
      inputMacs_ = plan_->inputMacs;
      Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes_);
    });
  }

  void Finalize(Napi::BasicEnv env) override { release(env); }

 private:
  Napi::Value run(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      return Run::start(info.Env(), std::make_shared<Run>(live(), info));
    });
  }

  Napi::Value rest(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value { return startRest(live(), info); });
  }

  Napi::Value workingBytes(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const std::shared_ptr<const spiking::SpikingPlan> plan = live();
      const spiking::Schedule schedule = readSchedule(read::object(info[0], "schedule"));
      return workingBytesValue(info.Env(), plan->workingBytesBound(schedule));
    });
  }

  const std::shared_ptr<const spiking::SpikingPlan>& live() const {
    if (!plan_) throw Error("ERR_CASC_DISPOSED", "this SpikingPlan was disposed of");
    return plan_;
  }

  void dispose(const Napi::CallbackInfo& info) { release(info.Env()); }

  /** Runs under way hold the plan themselves. */
  void release(Napi::BasicEnv env) {
    if (!plan_) return;
    plan_.reset();
    Napi::MemoryManagement::AdjustExternalMemory(env, -bytes_);
  }

  Napi::Value isa(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), isaName(isa_));
  }
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), double(bytes_));
  }
  Napi::Value denseMacs(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), denseMacs_);
  }
  Napi::Value inputMacs(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), inputMacs_);
  }

  std::shared_ptr<const spiking::SpikingPlan> plan_;
  Isa isa_ = Isa::Scalar;
  int64_t bytes_ = 0;
  double denseMacs_ = 0, inputMacs_ = 0;
};

}  // namespace

Napi::Function defineSpikingPlan(Napi::Env env) { return SpikingPlanWrap::define(env); }

}  // namespace casc
