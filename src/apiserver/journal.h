// Journal: keeps what a server holds in a folder, so that another run goes on from there.
//
//   auto opened = Journal::Open(folder, {});
//   Server server(clock, ids, options, std::move(opened->state));
//   if (auto begun = opened->journal->Begin(server); !begun) …
//   server.AddListener(*opened->journal);
//
// What a client was told was done is in the journal: every change is handed to the system before the
// request is answered, so that it outlives the process, however that ends. When it also outlives the
// machine's losing power is a matter of Options::sync.
//
// Format: one file, `state`. "KROSTATE", the version of the format, then records: length, XXH3 of the
// content, content. It begins with every object as of one revision and goes on with the changes since.
// When the changes outweigh the objects a new file is written beside the old one and takes its name. A
// record that was cut off by the end of a run is dropped; damage before the last record is an error
// that names the place.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "apiserver/saved_state.h"
#include "apiserver/server.h"

namespace kro::apiserver {

class Journal final : public ChangeListener {
 public:
  enum class Sync {
    kEverySecond,  // losing power may cost the last second
    kEveryWrite,   // an answer waits for the disk
  };
  struct Options {
    Sync sync = Sync::kEverySecond;
    // A file whose changes take less than this is not written anew.
    std::size_t compact_from = std::size_t{8} * 1024 * 1024;
  };
  struct Opened;

  // Makes the folder if there is none. kConflict if another process uses it, kInvalid for a file that is
  // damaged or of another version, kUnavailable if the disk refuses.
  static Result<Opened> Open(const std::string& folder, Options options);
  ~Journal() override;

  // Writes what `server`, which outlives the journal, holds now. Once, before it is added as a listener.
  Result<void> Begin(const Server& server);

  void OnChange(const ObjectChange& change) override;
  // kUnavailable if the disk refuses; everything is written anew with the next change then.
  Result<void> OnSettled() override;

  // Bytes of the file.
  std::size_t size() const { return size_; }

 private:
  Journal(std::string folder, Options options, int lock);

  Result<void> WriteAnew();
  Result<void> Append();
  void SyncEverySecond();

  const std::string folder_;
  const Options options_;
  const int lock_;
  const Server* server_ = nullptr;
  int file_ = -1;  // replaced under mutex_
  std::size_t size_ = 0;
  std::size_t compacted_size_ = 0;
  bool whole_ = true;    // false: a change is missing from the file
  std::string pending_;  // records that are not written yet

  std::mutex mutex_;
  std::condition_variable changed_;
  bool unsynced_ = false;  // guarded by mutex_
  bool ending_ = false;    // guarded by mutex_
  std::thread syncer_;
};

struct Journal::Opened {
  std::unique_ptr<Journal> journal;
  SavedState state;
  std::size_t dropped = 0;  // bytes at the end that were no whole record
};

}  // namespace kro::apiserver
