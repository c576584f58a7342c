#include "controller/waits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/condition.h"

namespace kro::controller {
namespace {

constexpr std::size_t kTimestampLength = 20;  // "2026-01-02T03:04:05Z"

std::string WordsOf(const graph::Graph& graph, const runtime::NodeReport& report);
std::string ValuesOf(const runtime::Wait& wait);
std::optional<api::Timestamp> ToldSince(std::string_view stored, std::string_view words);

}  // namespace

std::string Waits::Tell(const graph::Graph& graph, const runtime::Outcome& outcome,
                        const Setbacks& setbacks, std::string_view stored, Moment now) {
  const api::Timestamp today = std::chrono::floor<std::chrono::seconds>(now.wall);
  next_.reset();
  std::map<std::string, api::Timestamp> since;
  std::vector<std::string> texts;
  std::string about;
  std::size_t more = 0;
  for (const runtime::NodeReport& report : outcome.nodes) {
    if (!report.wait) continue;
    std::string words = WordsOf(graph, report);
    api::Timestamp begin = today;
    if (const auto known = since_.find(words); known != since_.end()) {
      begin = known->second;
    } else if (const auto told = ToldSince(stored, words); told && *told <= today) {
      begin = *told;
    }
    const Duration waited = today - begin;
    if (waited < kPatience) {
      next_ = std::min<Duration>(next_.value_or(kPatience), kPatience - waited);
    } else if (texts.size() < kTold) {
      about += words;
      texts.push_back(
          fmt::format("; {}{}{}", words, api::FormatTimestamp(begin), ValuesOf(*report.wait)));
    } else {
      ++more;
    }
    since.emplace(std::move(words), begin);
  }
  since_ = std::move(since);
  std::map<std::string, Attempt> attempts;
  setbacks.ForEach([&](const std::string& object, const Setback& setback) {
    const Duration left = setback.next - now.monotonic;
    Attempt& attempt = attempts[object];
    if (const auto known = attempts_.find(object); known != attempts_.end())
      attempt = known->second;
    if (attempt.at != setback.next) {
      attempt = {.at = setback.next,
                 .told = std::chrono::ceil<std::chrono::seconds>(now.wall + left),
                 .far = left >= kFarAttempt};
    }
    if (!attempt.far) return;
    std::string text = fmt::format("; {} is tried again at {} ({}, attempt {})", object,
                                   api::FormatTimestamp(attempt.told), ToString(setback.cause),
                                   setback.attempts + 1);
    if (texts.size() < kTold) {
      about += object;
      texts.push_back(std::move(text));
    } else {
      ++more;
    }
  });
  attempts_ = std::move(attempts);
  if (more > 0) {
    texts.push_back(fmt::format("; and {} more", more));
    about += texts.back();
  }
  const Duration age = now.monotonic - told_at_;
  if (!told_.empty() && about == about_ && age < kPause) {
    next_ = std::min<Duration>(next_.value_or(kPause), kPause - age);
    return told_;
  }
  std::string text = fmt::format("{}", fmt::join(texts, ""));
  if (text != told_) told_at_ = now.monotonic;
  about_ = std::move(about);
  told_ = text;
  return text;
}

std::string StoredMessages(const json::Value& instance) {
  std::string messages;
  const json::Value* conditions = json::Find(instance, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return messages;
  for (const json::Value& condition : conditions->get_array()) {
    messages.append(json::FindString(condition, {"message"})).append("\n");
  }
  return messages;
}

namespace {

// Up to the time.
std::string WordsOf(const graph::Graph& graph, const runtime::NodeReport& report) {
  const runtime::Wait& wait = *report.wait;
  std::string target = wait.gvr.resource;
  if (!wait.gvr.group.empty()) target += "." + wait.gvr.group;
  if (!wait.name.empty()) {
    target += " " + (wait.ns.empty() ? wait.name : wait.ns + "/" + wait.name);
  }
  const bool ends = report.state == runtime::NodeState::kTerminating;
  return fmt::format("node \"{}\" waits for {}{} since ", graph.nodes[report.node].id,
                     ends ? "the end of " : "", target);
}

std::string ValuesOf(const runtime::Wait& wait) {
  if (!wait.finalizers.empty()) {
    return fmt::format(", held by finalizers {}", fmt::join(wait.finalizers, ", "));
  }
  if (wait.expression.empty()) return {};
  std::string text = ": " + wait.expression;
  for (const runtime::SeenValue& seen : wait.seen) {
    text += fmt::format(", {} is {}", seen.path, seen.value);
  }
  return text;
}

std::optional<api::Timestamp> ToldSince(std::string_view stored, std::string_view words) {
  const std::size_t at = stored.find(words);
  if (at == std::string_view::npos) return std::nullopt;
  return api::ParseTimestamp(stored.substr(at + words.size(), kTimestampLength));
}

}  // namespace
}  // namespace kro::controller
