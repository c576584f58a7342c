#include "apiserver/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "base/hash.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kMagic = "KROSTATE";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeader = 12;
constexpr std::size_t kRecordHeader = 12;  // length, hash
// No object is larger (spec kube-server section 12), so a longer length is damage.
constexpr std::size_t kMaxRecord = std::size_t{16} * 1024 * 1024;

enum class RecordType : char { kRevision = 'V', kPut = 'P', kRemoved = 'R' };

// Which object, among all.
using ObjectName = std::string;

void PutU32(std::uint32_t number, std::string& out);
void PutU64(std::uint64_t number, std::string& out);
void PutText(std::string_view text, std::string& out);
void PutRecord(std::string_view content, std::string& out);
std::string ContentOf(const ObjectChange& change);
std::string RevisionContent(std::uint64_t revision);

// Takes what was put, from the front; `good` turns false where there is too little.
struct Reader {
  std::string_view rest;
  bool good = true;

  std::uint64_t Number(std::size_t bytes);
  std::string_view Text();
};

struct Loaded {
  SavedState state;
  std::size_t size = 0;  // of what is whole
};
Result<Loaded> Load(std::string_view file);
// False for a content that is none.
bool Play(std::string_view content, SavedState& state, std::map<ObjectName, SavedObject>& objects);
Result<std::string> ReadWhole(const std::string& path);
Result<void> WriteAll(int file, std::string_view bytes);
std::unexpected<Error> SystemError(std::string_view what, const std::string& path);
void SyncFolder(const std::string& folder);

}  // namespace

Result<Journal::Opened> Journal::Open(const std::string& folder, Options options) {
  std::error_code refused;
  std::filesystem::create_directories(folder, refused);
  if (refused) return Fail(ErrorCode::kUnavailable, "{}: {}", folder, refused.message());
  const std::string lock_path = folder + "/lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return SystemError("open", lock_path);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return Fail(ErrorCode::kConflict, "{}: another process uses this folder", folder);
  }
  Opened opened;
  opened.journal.reset(new Journal(folder, options, lock));
  const std::string path = folder + "/state";
  auto file = ReadWhole(path);
  if (!file) return std::unexpected(std::move(file.error()));
  if (file->empty()) return opened;
  auto loaded = Load(*file);
  if (!loaded) return Annotate(loaded, "{}", path);
  opened.state = std::move(loaded->state);
  opened.dropped = file->size() - loaded->size;
  return opened;
}

Journal::Journal(std::string folder, Options options, int lock)
    : folder_(std::move(folder)), options_(options), lock_(lock) {}

Journal::~Journal() {
  {
    std::lock_guard hold(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (syncer_.joinable()) syncer_.join();
  if (file_ >= 0) {
    ::fdatasync(file_);
    ::close(file_);
  }
  ::close(lock_);
}

Result<void> Journal::Begin(const Server& server) {
  server_ = &server;
  if (auto written = WriteAnew(); !written) return written;
  if (options_.sync == Sync::kEverySecond) syncer_ = std::thread([this] { SyncEverySecond(); });
  return {};
}

void Journal::OnChange(const ObjectChange& change) { PutRecord(ContentOf(change), pending_); }

Result<void> Journal::OnSettled() {
  const std::size_t changes = size_ + pending_.size() - std::min(size_, compacted_size_);
  if (!whole_ || changes > std::max(options_.compact_from, 2 * compacted_size_)) {
    pending_.clear();
    return WriteAnew();
  }
  return Append();
}

// The objects as they are, in a file that replaces the other at once.
Result<void> Journal::WriteAnew() {
  whole_ = false;
  const std::string path = folder_ + "/state";
  const std::string beside = folder_ + "/state.new";
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return SystemError("open", beside);
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::string bytes(kMagic);
  PutU32(kFormat, bytes);
  PutRecord(RevisionContent(server_->revision()), bytes);
  std::size_t size = 0;
  Result<void> written;
  const auto write = [&] {
    if (written) written = WriteAll(file, bytes);
    size += bytes.size();
    bytes.clear();
  };
  server_->ForEachObject([&](const ObjectChange& object) {
    PutRecord(ContentOf(object), bytes);
    if (bytes.size() > kPiece) write();
  });
  write();
  if (written && (::fsync(file) != 0 || ::rename(beside.c_str(), path.c_str()) != 0)) {
    written = SystemError("write", path);
  }
  if (!written) {
    ::close(file);
    ::unlink(beside.c_str());
    return Annotate(written, "{}", beside);
  }
  SyncFolder(folder_);
  {
    std::lock_guard hold(mutex_);
    if (file_ >= 0) ::close(file_);
    file_ = file;
    unsynced_ = false;
  }
  size_ = compacted_size_ = size;
  whole_ = true;
  return {};
}

Result<void> Journal::Append() {
  if (pending_.empty()) return {};
  const std::string records = std::exchange(pending_, std::string());
  if (auto written = WriteAll(file_, records); !written) {
    whole_ = false;
    return Annotate(written, "{}/state", folder_);
  }
  size_ += records.size();
  if (options_.sync == Sync::kEveryWrite) {
    if (::fdatasync(file_) == 0) return {};
    whole_ = false;
    return SystemError("write", folder_ + "/state");
  }
  {
    std::lock_guard hold(mutex_);
    unsynced_ = true;
  }
  changed_.notify_one();
  return {};
}

void Journal::SyncEverySecond() {
  std::unique_lock hold(mutex_);
  while (!ending_) {
    changed_.wait(hold, [this] { return ending_ || unsynced_; });
    if (ending_) return;
    changed_.wait_for(hold, std::chrono::seconds(1), [this] { return ending_; });
    if (!std::exchange(unsynced_, false)) continue;
    const int file = ::dup(file_);
    hold.unlock();
    // A disk that cannot keep it says so again when the next record is written.
    if (file >= 0) {
      ::fdatasync(file);
      ::close(file);
    }
    hold.lock();
  }
}

namespace {

void PutU32(std::uint32_t number, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((number >> shift) & 255);
}

void PutU64(std::uint64_t number, std::string& out) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((number >> shift) & 255);
}

void PutText(std::string_view text, std::string& out) {
  PutU32(static_cast<std::uint32_t>(text.size()), out);
  out += text;
}

void PutRecord(std::string_view content, std::string& out) {
  PutU32(static_cast<std::uint32_t>(content.size()), out);
  PutU64(Hash64(content), out);
  out += content;
}

std::string ContentOf(const ObjectChange& change) {
  std::string content;
  const bool removed = change.type == ObjectChange::Type::kRemoved;
  content.reserve(96 + (removed ? 0 : change.members.size()));
  content += static_cast<char>(removed ? RecordType::kRemoved : RecordType::kPut);
  PutU64(change.revision, content);
  PutText(change.group, content);
  PutText(change.resource, content);
  PutText(change.name_space, content);
  PutText(change.name, content);
  if (removed) return content;
  PutU64(change.definition, content);
  PutText(change.members, content);
  return content;
}

std::string RevisionContent(std::uint64_t revision) {
  std::string content(1, static_cast<char>(RecordType::kRevision));
  PutU64(revision, content);
  return content;
}

std::uint64_t Reader::Number(std::size_t bytes) {
  if (rest.size() < bytes) {
    good = false;
    return 0;
  }
  std::uint64_t number = 0;
  for (std::size_t i = bytes; i-- > 0;) number = number << 8 | static_cast<unsigned char>(rest[i]);
  rest.remove_prefix(bytes);
  return number;
}

std::string_view Reader::Text() {
  const std::uint64_t length = Number(4);
  if (rest.size() < length) good = false;
  if (!good) return {};
  std::string_view text = rest.substr(0, length);
  rest.remove_prefix(length);
  return text;
}

Result<Loaded> Load(std::string_view file) {
  if (file.size() < kHeader || !file.starts_with(kMagic)) {
    return Fail(ErrorCode::kInvalid, "this is no state of kro");
  }
  Reader header{file.substr(kMagic.size(), 4)};
  if (const auto format = header.Number(4); format != kFormat) {
    return Fail(ErrorCode::kInvalid, "written in format {}, this program reads {}", format,
                kFormat);
  }
  Loaded loaded;
  std::map<ObjectName, SavedObject> objects;
  std::size_t at = kHeader;
  while (at < file.size()) {
    Reader record{file.substr(at)};
    const std::uint64_t length = record.Number(4);
    const std::uint64_t hash = record.Number(8);
    const bool cut_off = !record.good || record.rest.size() < length;
    const bool fits = !cut_off && length > 0 && length <= kMaxRecord &&
                      Hash64(record.rest.substr(0, length)) == hash &&
                      Play(record.rest.substr(0, length), loaded.state, objects);
    if (!fits) {
      // The end of a run may cut a record off, and a file system may have grown the file with zeros
      // but not have filled it.
      const bool last = cut_off || record.rest.size() == length ||
                        file.find_first_not_of('\0', at) == std::string_view::npos;
      if (last) break;
      return Fail(ErrorCode::kInvalid, "damaged at byte {} of {}", at, file.size());
    }
    at += kRecordHeader + length;
  }
  loaded.size = at;
  for (auto& [name, object] : objects) loaded.state.objects.push_back(std::move(object));
  return loaded;
}

bool Play(std::string_view content, SavedState& state, std::map<ObjectName, SavedObject>& objects) {
  Reader reader{content.substr(1)};
  const std::uint64_t revision = reader.Number(8);
  const auto type = static_cast<RecordType>(content.front());
  if (type == RecordType::kRevision) {
    state.revision = revision;
    return reader.good;
  }
  if (type != RecordType::kPut && type != RecordType::kRemoved) return false;
  const std::string_view group = reader.Text();
  const std::string_view resource = reader.Text();
  const std::string_view name_space = reader.Text();
  const std::string_view name = reader.Text();
  ObjectName key;
  for (std::string_view part : {group, resource, name_space, name}) {
    key += part;
    key += '\0';
  }
  if (type == RecordType::kPut) {
    const std::uint64_t definition = reader.Number(8);
    const std::string_view members = reader.Text();
    if (!reader.good) return false;
    objects.insert_or_assign(
        std::move(key), SavedObject{std::string(group), std::string(resource), revision, definition,
                                    std::string(members)});
  } else {
    if (!reader.good) return false;
    objects.erase(key);
  }
  state.revision = std::max(state.revision, revision);
  return true;
}

Result<std::string> ReadWhole(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) return std::string();
    return SystemError("open", path);
  }
  std::string bytes;
  struct stat about{};
  if (::fstat(file, &about) == 0) bytes.resize(static_cast<std::size_t>(about.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  ::close(file);
  if (filled != bytes.size()) return SystemError("read", path);
  return bytes;
}

Result<void> WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrorCode::kUnavailable, "write: {}", std::strerror(errno));
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

std::unexpected<Error> SystemError(std::string_view what, const std::string& path) {
  return Fail(ErrorCode::kUnavailable, "{} {}: {}", what, path, std::strerror(errno));
}

void SyncFolder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

}  // namespace
}  // namespace kro::apiserver
