#include "addon/block_trainer.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <utility>

#include "addon/addon_data.h"
#include "addon/boundary.h"
#include "addon/dense_description.h"
#include "addon/read.h"
#include "addon/team_task.h"
#include "engine/reconstruct/trainer.h"

namespace casc {
namespace {

using reconstruct::BlockData;
using reconstruct::Segment;
using reconstruct::Trainer;

constexpr int kMostIterations = 1 << 24;
constexpr int kMostWeight = 32767;

float share(const Napi::Value& value, const std::string& where) {
  const double number = read::number(value, where);
  if (!(number >= 0 && number <= 1)) read::fail(where, "expected a number from 0 to 1");
  return static_cast<float>(number);
}

reconstruct::Schedule readTraining(const Napi::Value& value) {
  const Napi::Object from = read::object(value, "schedule");
  reconstruct::Schedule schedule;
  schedule.iterations = static_cast<size_t>(
      read::integer(from.Get("iterations"), 1, kMostIterations, "schedule.iterations"));
  schedule.batch =
      static_cast<size_t>(read::integer(from.Get("batch"), 1, read::kMostImages, "schedule.batch"));
  const Napi::Object rates = read::object(from.Get("rates"), "schedule.rates");
  const char* const kinds[] = {"weight", "bias", "step"};
  for (size_t k = 0; k < 3; ++k)
    schedule.rates[k] = share(rates.Get(kinds[k]), std::string("schedule.rates.") + kinds[k]);
  schedule.drop = share(from.Get("drop"), "schedule.drop");
  schedule.seed = static_cast<uint64_t>(
      read::integer(from.Get("seed"), 0, std::numeric_limits<int>::max(), "schedule.seed"));
  return schedule;
}

/** Checks everything but what the trainer itself does. */
std::unique_ptr<Trainer> readTrainer(const Napi::CallbackInfo& info) {
  DenseDescription description = readDenseDescription(info[0]);
  const Napi::Object from = read::object(info[0], "description");
  reconstruct::BlockSpec spec;
  spec.nodes = std::move(description.nodes);
  spec.outputs = std::move(description.outputs);
  const Napi::Array units = read::array(from.Get("units"), "description: units");
  for (uint32_t i = 0; i < units.Length(); ++i) {
    const auto values = read::copied<double>(units.Get(i), "units[" + std::to_string(i) + "]");
    spec.units.emplace_back(values.begin(), values.end());
  }
  const auto reach = read::copied<double>(from.Get("reach"), "description: reach");
  spec.reach.assign(reach.begin(), reach.end());
  const int last = std::max(static_cast<int>(spec.nodes.size()) - 1, 0);
  const Napi::Array roundings = read::array(from.Get("rounding"), "description: rounding");
  for (uint32_t i = 0; i < roundings.Length(); ++i) {
    const std::string place = "rounding[" + std::to_string(i) + "]";
    const Napi::Object object = read::object(roundings.Get(i), place);
    const Napi::Value quant = object.Get("quant");
    spec.rounding.push_back(
        {read::integers(object.Get("convs"), 0, last, place + ".convs"),
         read::isNone(quant) ? -1 : read::integer(quant, 0, last, place + ".quant")});
  }
  spec.levels = read::integer(from.Get("levels"), 1, 255, "description: levels");
  spec.most = read::integer(from.Get("most"), 1, kMostWeight, "description: most");
  const Napi::Value smooth = from.Get("smooth");
  spec.smooth = !read::isNone(smooth) && read::boolean(smooth, "description: smooth");
  const auto schedule = readTraining(from.Get("schedule"));
  const Isa isa = description.isa.empty() ? addonData(info.Env()).isa : parseIsa(description.isa);
  return std::make_unique<Trainer>(std::move(spec), schedule, isa);
}

/** A trainer and whether a task has it. */
struct Shared {
  std::unique_ptr<Trainer> trainer;
  std::atomic<bool> busy{false};
};

/** One call of train() or gradient(). */
struct Call {
  BlockData data;
  unsigned threads = 1;
  AbortFlag abort;
  std::vector<Napi::Float32Array> arrays;
};

class CallReader {
 public:
  CallReader(const Trainer& trainer, Call& call) : trainer_(trainer), call_(call) {}

  void read(const Napi::Value& dataValue, const Napi::Value& optionsValue) {
    const Napi::Object data = read::object(dataValue, "data");
    const Napi::Object options = read::object(optionsValue, "options");
    call_.threads = static_cast<unsigned>(
        read::integer(options.Get("threads"), 1, read::kMostThreads, "options.threads"));
    call_.abort = abortFlagFrom(options.Get("abort"));
    call_.data.images =
        static_cast<size_t>(read::integer(data.Get("images"), 1, read::kMostImages, "data.images"));
    keep(data, "inputs", trainer_.inputNodes());
    const Napi::Value exact = data.Get("exact");
    const bool mixes = !read::isNone(exact);
    if (mixes) keep(data, "exact", trainer_.inputNodes());
    keep(data, "targets", trainer_.outputNodes());
    // From here on no JavaScript runs (a getter could detach what has been looked at).
    size_t next = point("inputs", trainer_.inputNodes(), call_.data.inputs, 0);
    if (mixes) next = point("exact", trainer_.inputNodes(), call_.data.exact, next);
    point("targets", trainer_.outputNodes(), call_.data.targets, next);
  }

 private:
  static std::string place(const char* key, size_t i) {
    return std::string("data.") + key + "[" + std::to_string(i) + "]";
  }

  void keep(const Napi::Object& data, const char* key, const std::vector<size_t>& nodes) {
    const Napi::Array arrays = read::array(data.Get(key), std::string("data.") + key);
    if (arrays.Length() != nodes.size())
      read::fail(std::string("data.") + key, "expected " + std::to_string(nodes.size()) +
                                                 " array(s) but received " +
                                                 std::to_string(arrays.Length()));
    for (uint32_t i = 0; i < arrays.Length(); ++i) {
      call_.arrays.push_back(read::typedArray<float>(arrays.Get(i), place(key, i)));
      read::requireFixedSize(call_.arrays.back(), place(key, i));
    }
  }

  size_t point(const char* key, const std::vector<size_t>& nodes,
               std::vector<const float*>& pointers, size_t next) {
    for (size_t i = 0; i < nodes.size(); ++i, ++next) {
      const auto array = read::typedArray<float>(call_.arrays[next], place(key, i));
      const size_t expected = call_.data.images * trainer_.numel(nodes[i]);
      if (array.ElementLength() != expected)
        read::fail(place(key, i), "has " + std::to_string(array.ElementLength()) +
                                      " elements (0 if its buffer is detached), expected " +
                                      std::to_string(expected));
      pointers.push_back(array.Data());
    }
    return next;
  }

  const Trainer& trainer_;
  Call& call_;
};

class BlockTrainerWrap : public Napi::ObjectWrap<BlockTrainerWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "BlockTrainer",
                       {InstanceMethod<&BlockTrainerWrap::train>("train"),
                        InstanceMethod<&BlockTrainerWrap::gradient>("gradient"),
                        InstanceMethod<&BlockTrainerWrap::parameters>("parameters"),
                        InstanceMethod<&BlockTrainerWrap::dispose>("dispose")});
  }

  explicit BlockTrainerWrap(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<BlockTrainerWrap>(info) {
    guarded(info.Env(), [&] {
      shared_ = std::make_shared<Shared>();
      shared_->trainer = readTrainer(info);
    });
  }

 private:
  /** Refuses while a task has the trainer: tasks change it. */
  std::shared_ptr<Shared> idle() const {
    if (!shared_) throw Error("ERR_CASC_DISPOSED", "this BlockTrainer has been disposed of");
    if (shared_->busy) throw Error("ERR_CASC_ARGUMENT", "this BlockTrainer is at work; await it");
    return shared_;
  }

  /** work(trainer, data, team, abort) leads a team; finish(env) makes the result. */
  template <class Work>
  static Napi::Value start(Napi::Env env, const std::shared_ptr<Shared>& shared, Call&& read,
                           Work work, std::function<Napi::Value(Napi::Env)> finish) {
    const auto call = std::make_shared<Call>(std::move(read));
    std::vector<Napi::ObjectReference> pinned;
    for (const auto& array : call->arrays)
      pinned.push_back(Napi::Persistent(array.As<Napi::Object>()));
    call->arrays.clear();
    auto body = [shared, call, work](Team& team) {
      struct Release {
        Shared& shared;
        ~Release() { shared.busy = false; }
      } const release{*shared};
      work(*shared->trainer, call->data, team, call->abort);
    };
    shared->busy = true;
    try {
      // The flag is looked at inside, where the trainer is given back.
      return startTeamTask(env, call->threads, body, std::move(finish), std::move(pinned));
    } catch (...) {
      shared->busy = false;
      throw;
    }
  }

  Napi::Value train(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const std::shared_ptr<Shared> shared = idle();
      const auto iterations =
          static_cast<size_t>(read::integer(info[1], 0, kMostIterations, "iterations"));
      Call call;
      CallReader(*shared->trainer, call).read(info[0], info[2]);
      const auto loss = std::make_shared<double>(0);
      return start(
          info.Env(), idle(), std::move(call),
          [iterations, loss](Trainer& trainer, const BlockData& data, Team& team,
                             const AbortFlag& abort) {
            *loss = trainer.train(data, iterations, team, abort);
          },
          [loss](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, *loss); });
    });
  }

  Napi::Value gradient(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const std::shared_ptr<Shared> shared = idle();
      Call call;
      CallReader(*shared->trainer, call).read(info[0], info[1]);
      struct Result {
        double loss = 0;
        std::vector<float> gradient;
      };
      const auto result = std::make_shared<Result>();
      return start(
          info.Env(), idle(), std::move(call),
          [result](Trainer& trainer, const BlockData& data, Team& team, const AbortFlag& abort) {
            result->loss = trainer.gradient(data, team, abort, result->gradient);
          },
          [result, shared](Napi::Env env) -> Napi::Value {
            Napi::Object object = Napi::Object::New(env);
            object.Set("loss", result->loss);
            object.Set("parameters", toJs(env, *shared->trainer, result->gradient.data()));
            return object;
          });
    });
  }

  Napi::Value parameters(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const Trainer& trainer = *idle()->trainer;
      const std::vector<std::vector<float>> values = trainer.finished();
      std::vector<float> all;
      for (const auto& part : values) all.insert(all.end(), part.begin(), part.end());
      return toJs(info.Env(), trainer, all.data());
    });
  }

  /** values: in the layout of the trainer's parameters. */
  static Napi::Array toJs(Napi::Env env, const Trainer& trainer, const float* values) {
    static constexpr const char* kKinds[] = {"weight", "bias", "step"};
    Napi::Array result = Napi::Array::New(env);
    for (const Segment& segment : trainer.parameters().segments()) {
      Napi::Object object = Napi::Object::New(env);
      object.Set("node", static_cast<double>(segment.node));
      object.Set("kind", kKinds[static_cast<size_t>(segment.kind)]);
      auto array = Napi::Float32Array::New(env, segment.length);
      std::copy_n(values + segment.offset, segment.length, array.Data());
      object.Set("values", array);
      result.Set(result.Length(), object);
    }
    return result;
  }

  void dispose(const Napi::CallbackInfo&) { shared_.reset(); }

  std::shared_ptr<Shared> shared_;
};

}  // namespace

Napi::Function defineBlockTrainer(Napi::Env env) { return BlockTrainerWrap::define(env); }

}  // namespace casc
