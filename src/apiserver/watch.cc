#include "apiserver/watch.h"

#include "apiserver/internal/watch_source.h"

namespace kro::apiserver {

Watch::Watch(std::unique_ptr<WatchSource> source, http::Headers headers)
    : source_(std::move(source)), headers_(std::move(headers)) {}

Watch::~Watch() = default;

std::string Watch::Take() {
  if (broken_) return {};
  return source_->Take(std::size_t{256} << 10);
}

bool Watch::ended() const { return ending_ || broken_ || source_->expired(); }

void Watch::OnReady(std::function<void()> ready) { ready_ = std::move(ready); }

void Watch::Notify() {
  if (ready_) ready_();
}

void Watch::SendBookmark() {
  source_->WantBookmark();
  Notify();
}

void Watch::End() {
  ending_ = true;
  Notify();
}

void Watch::Break() {
  broken_ = true;
  Notify();
}

}  // namespace kro::apiserver
