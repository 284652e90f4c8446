#include "daemon/journal/rocks_journal.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <set>
#include <string_view>

#include "daemon/base/check.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/mutex.h"
#include "daemon/journal/keys.h"

namespace odw::journal {
namespace {

// Small on purpose: an idle daemon stays far below 60 MB, and what a start must replay stays short.
constexpr size_t kBlockCacheBytes = 8u << 20;
constexpr size_t kEventsBufferBytes = 2u << 20;
constexpr size_t kBlobsBufferBytes = 8u << 20;
constexpr size_t kSmallBufferBytes = 1u << 20;
constexpr size_t kWalBytesMax = 4u << 20;
constexpr size_t kArenaBlockBytes = 64u << 10;
constexpr uint64_t kBlobFileBytes = 64u << 20;
constexpr int kOpenFilesMax = 256;
constexpr int kTablesUnmergedSlow = 1000;
constexpr int kTablesUnmergedMax = 2000;
// A log file that is written again in place needs no metadata commit at each sync.
constexpr size_t kRecycledLogs = 2;

enum Family { kMeta, kRuns, kEvents, kBlobs, kReuse, kIndex, kFamilyCount };
static_assert(std::size(kFamilies) == kFamilyCount);

// RocksDB's own log is not kept. Of what it says, one thing matters: that it dropped part of a
// write-ahead log when it opened.
class DropListener : public rocksdb::Logger {
 public:
  DropListener() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char line[512];
    vsnprintf(line, sizeof line, format, arguments);
    if (strstr(line, "dropping") == nullptr) return;
    MutexLock lock(&mutex_);
    if (dropped_.empty()) dropped_ = line;
  }
  std::string dropped() {
    MutexLock lock(&mutex_);
    return dropped_;
  }

 private:
  Mutex mutex_;
  std::string dropped_ ODW_GUARDED_BY(mutex_);
};

// A table block that does not check must cost the runs in it and no others. RocksDB would refuse every
// write once a compaction has met one; instead that compaction is given up, and tried again now and then.
class CompactionGuard : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    if (reason != rocksdb::BackgroundErrorReason::kCompaction || !status->IsCorruption()) return;
    if (!warned_.exchange(true)) {
      LogError("a table of the journal is damaged and cannot be merged with others: " +
               status->ToString() + ". Runs outside it are not affected; look at the disk, and "
               "restore the journal or move it away when no run is open");
    }
    *status = rocksdb::Status::OK();
  }

 private:
  std::atomic<bool> warned_{false};
};

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status ToStatus(const rocksdb::Status& status, const std::string& doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = doing + ": " + status.ToString();
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace) {
    return absl::ResourceExhaustedError(message + ": free some space, then restart odwd");
  }
  if (message.find("lock ") != std::string::npos || status.IsBusy()) {
    return absl::FailedPreconditionError(message);
  }
  return absl::InternalError(message);
}

rocksdb::DBOptions MakeDbOptions(std::shared_ptr<rocksdb::Logger> logger) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.info_log = std::move(logger);
  options.listeners.push_back(std::make_shared<CompactionGuard>());
  options.max_background_jobs = 2;
  options.max_open_files = kOpenFilesMax;
  options.max_file_opening_threads = 1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_total_wal_size = kWalBytesMax;
  options.recycle_log_file_num = kRecycledLogs;
  // After a power cut the last record, which nobody was told of, may be there in part.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.avoid_flush_during_recovery = true;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  options.allow_concurrent_memtable_write = false;  // one writer
  options.enable_write_thread_adaptive_yield = false;
  options.max_bgerror_resume_count = 0;  // a failed write is for a restart to look at
  return options;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(const std::string& name,
                                               const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.arena_block_size = kArenaBlockBytes;
  options.write_buffer_size = kSmallBufferBytes;
  // Tables pile up behind one that is damaged; a slow journal is better than none.
  options.level0_slowdown_writes_trigger = kTablesUnmergedSlow;
  options.level0_stop_writes_trigger = kTablesUnmergedMax;
  options.max_write_buffer_number = 3;
  options.compression = rocksdb::kZSTD;
  if (name == kFamilies[kEvents]) options.write_buffer_size = kEventsBufferBytes;
  if (name == kFamilies[kBlobs]) {
    options.write_buffer_size = kBlobsBufferBytes;
    options.enable_blob_files = true;
    options.min_blob_size = 0;
    options.blob_file_size = kBlobFileBytes;
    options.blob_compression_type = rocksdb::kZSTD;
    options.enable_blob_garbage_collection = true;
  }
  return options;
}

bool IsOpen(v1::RunState state) { return state == v1::RUNNING || state == v1::PAUSED; }

absl::Status UnreadableSummary(const std::string& run_id, const std::string& why) {
  return absl::DataLossError("the journal's summary of run " + run_id + " cannot be read: " + why +
                             "; other runs are not affected");
}

absl::Status UnreadableEvent(const std::string& run_id, uint64_t seq, const std::string& why) {
  return absl::DataLossError("the journal's record " + std::to_string(seq) + " of run " + run_id +
                             " cannot be read: " + why + "; other runs are not affected");
}

absl::Status UnparsableEvent(const std::string& run_id, uint64_t seq) {
  return UnreadableEvent(run_id, seq, "not a record this odwd knows");
}

bool ParseEvent(const rocksdb::Slice& bytes, v1::Event* event) {
  return event->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
         event->body_case() != v1::Event::BODY_NOT_SET;
}

}  // namespace

class RocksJournal::Impl {
 public:
  explicit Impl(std::string folder) : folder_(std::move(folder)) {}
  ~Impl();

  absl::Status Open();
  // Synced; a failure is kept and returned from then on.
  absl::Status Write(rocksdb::WriteBatch* batch);
  void AddSummary(const v1::RunSummary& summary, rocksdb::WriteBatch* batch);
  absl::StatusOr<v1::RunSummary> ReadSummary(std::string_view run_id);
  // The run's events from `seq` on, each looked up by itself.
  absl::Status ReadOneByOne(const std::string& run_id, uint64_t seq,
                            const std::function<bool(uint64_t, const v1::Event&)>& visit);
  absl::Status error() const {
    MutexLock lock(&mutex_);
    return error_;
  }

  const std::string& recovery_note() const { return recovery_note_; }
  rocksdb::DB* db() { return db_.get(); }
  rocksdb::ColumnFamilyHandle* family(Family which) { return handles_[which]; }

 private:
  absl::Status OpenFamilies(const std::vector<std::string>& present);
  absl::Status CheckSchema();
  absl::Status MakeMissingFamilies();
  absl::Status FillOpenStates();

  const std::string folder_;
  std::string recovery_note_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> handles_{};
  rocksdb::ColumnFamilyHandle* default_handle_ = nullptr;
  // Open runs that have their index entries; used by the appending thread only.
  std::set<std::string> indexed_open_;
  mutable Mutex mutex_;
  absl::Status error_ ODW_GUARDED_BY(mutex_);
};

RocksJournal::Impl::~Impl() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
  if (default_handle_ != nullptr) db_->DestroyColumnFamilyHandle(default_handle_);
  db_->Close();
}

absl::Status RocksJournal::Impl::Open() {
  ODW_RETURN_IF_ERROR(MakeFolders(folder_, 0700));
  std::vector<std::string> present;
  const rocksdb::Status listed =
      rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), folder_, &present);
  // A folder without a database cannot be listed; anything else that is wrong shows when it is
  // opened.
  if (!listed.ok()) present = {rocksdb::kDefaultColumnFamilyName};
  ODW_RETURN_IF_ERROR(OpenFamilies(present));
  ODW_RETURN_IF_ERROR(CheckSchema());
  return FillOpenStates();
}

absl::Status RocksJournal::Impl::OpenFamilies(const std::vector<std::string>& present) {
  cache_ = rocksdb::NewLRUCache(kBlockCacheBytes, 2);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : present) {
    descriptors.emplace_back(name, MakeFamilyOptions(name, cache_));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto listener = std::make_shared<DropListener>();
  const rocksdb::Status opened =
      rocksdb::DB::Open(MakeDbOptions(listener), folder_, descriptors, &handles, &db);
  if (!opened.ok()) {
    absl::Status status = ToStatus(opened, "opening the journal in " + folder_);
    if (status.code() != absl::StatusCode::kDataLoss) return status;
    return absl::DataLossError(
        MessageOf(status) + ". Restore the folder from a backup, or move it away to start empty.");
  }
  db_.reset(db);
  recovery_note_ = listener->dropped();
  if (!recovery_note_.empty()) {
    LogWarning("the journal's log in " + folder_ + " was cut at a record that does not check (" +
               recovery_note_ +
               "). After a power cut this is the write that nobody was told of; "
               "otherwise look at the disk.");
  }
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    const auto known = std::find(std::begin(kFamilies), std::end(kFamilies), handle->GetName());
    if (known != std::end(kFamilies)) {
      handles_[known - std::begin(kFamilies)] = handle;
    } else if (handle->GetName() == rocksdb::kDefaultColumnFamilyName) {
      default_handle_ = handle;
    } else {
      const std::string name = handle->GetName();
      db_->DestroyColumnFamilyHandle(handle);  // of a newer odwd; the schema number decides
    }
  }
  return absl::OkStatus();
}

absl::Status RocksJournal::Impl::CheckSchema() {
  std::string found;
  if (handles_[kMeta] != nullptr) {
    const rocksdb::Status read =
        db_->Get(rocksdb::ReadOptions(), handles_[kMeta], kSchemaKey, &found);
    if (!read.ok() && !read.IsNotFound()) return ToStatus(read, "reading the journal's schema");
  }
  // Written last when a journal is made: without it, making it was cut short and nothing is in it.
  if (found.empty()) return MakeMissingFamilies();
  if (found != std::to_string(kSchemaVersion)) {
    return absl::FailedPreconditionError(
        "the journal in " + folder_ + " has schema " + found + " and this odwd knows schema " +
        std::to_string(kSchemaVersion) + ": start the odwd that wrote it, or a newer one");
  }
  for (int i = 0; i < kFamilyCount; ++i) {
    if (handles_[i] == nullptr) {
      return absl::DataLossError("the journal in " + folder_ + " has lost its column family '" +
                                 kFamilies[i] + "': restore the folder from a backup");
    }
  }
  return absl::OkStatus();
}

absl::Status RocksJournal::Impl::MakeMissingFamilies() {
  std::vector<rocksdb::ColumnFamilyDescriptor> missing;
  for (int i = 0; i < kFamilyCount; ++i) {
    if (handles_[i] != nullptr) continue;
    missing.emplace_back(kFamilies[i], MakeFamilyOptions(kFamilies[i], cache_));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> made;
  const rocksdb::Status status = db_->CreateColumnFamilies(missing, &made);
  for (rocksdb::ColumnFamilyHandle* handle : made) {
    const auto name = std::find(std::begin(kFamilies), std::end(kFamilies), handle->GetName());
    handles_[name - std::begin(kFamilies)] = handle;
  }
  ODW_RETURN_IF_ERROR(ToStatus(status, "making the journal in " + folder_));
  rocksdb::WriteBatch batch;
  batch.Put(handles_[kMeta], kSchemaKey, std::to_string(kSchemaVersion));
  return Write(&batch);
}

absl::Status RocksJournal::Impl::FillOpenStates() {
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), handles_[kIndex]));
  const std::string first(1, kOpenIndex);
  for (it->Seek(first); it->Valid() && it->key()[0] == kOpenIndex; it->Next()) {
    indexed_open_.emplace(RunOfTimeKey(View(it->key())));
  }
  return ToStatus(it->status(), "reading the journal's index");
}

absl::Status RocksJournal::Impl::Write(rocksdb::WriteBatch* batch) {
  ODW_RETURN_IF_ERROR(error());
  rocksdb::WriteOptions options;
  options.sync = true;
  absl::Status status =
      ToStatus(db_->Write(options, batch), "writing to the journal in " + folder_);
  if (!status.ok()) {
    MutexLock lock(&mutex_);
    error_ = status;
  }
  return status;
}

void RocksJournal::Impl::AddSummary(const v1::RunSummary& summary, rocksdb::WriteBatch* batch) {
  const std::string& run_id = summary.run_id();
  batch->Put(handles_[kRuns], run_id, summary.SerializeAsString());
  const std::string open_key = TimeKey(kOpenIndex, summary.submitted_unix_ms(), run_id);
  if (IsOpen(summary.state())) {
    if (!indexed_open_.insert(run_id).second) return;
    batch->Put(handles_[kIndex], open_key, "");
  } else if (indexed_open_.erase(run_id) > 0) {
    batch->Delete(handles_[kIndex], open_key);
    return;
  }
  batch->Put(handles_[kIndex], TimeKey(kTimeIndex, summary.submitted_unix_ms(), run_id), "");
  if (!summary.idempotency_key().empty()) {
    batch->Put(handles_[kIndex], IdempotencyKey(summary.owner(), summary.idempotency_key()),
               run_id);
  }
}

absl::StatusOr<v1::RunSummary> RocksJournal::Impl::ReadSummary(std::string_view run_id) {
  rocksdb::PinnableSlice value;
  const rocksdb::Status read = db_->Get(rocksdb::ReadOptions(), handles_[kRuns],
                                        rocksdb::Slice(run_id.data(), run_id.size()), &value);
  if (read.IsNotFound()) return absl::NotFoundError("no run " + std::string(run_id));
  if (read.IsCorruption()) return UnreadableSummary(std::string(run_id), read.ToString());
  ODW_RETURN_IF_ERROR(ToStatus(read, "reading run " + std::string(run_id)));
  v1::RunSummary summary;
  if (!summary.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      summary.run_id() != run_id) {
    return UnreadableSummary(std::string(run_id), "not a summary of this run");
  }
  return summary;
}

absl::Status RocksJournal::Impl::ReadOneByOne(
    const std::string& run_id, uint64_t seq,
    const std::function<bool(uint64_t, const v1::Event&)>& visit) {
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, ReadSummary(run_id));
  rocksdb::PinnableSlice value;
  v1::Event event;
  for (; seq <= summary.last_event(); ++seq) {
    value.Reset();
    const rocksdb::Status read =
        db_->Get(rocksdb::ReadOptions(), handles_[kEvents], EventKey(run_id, seq), &value);
    if (read.IsNotFound()) return UnreadableEvent(run_id, seq, "it is missing");
    if (read.IsCorruption()) return UnreadableEvent(run_id, seq, read.ToString());
    ODW_RETURN_IF_ERROR(ToStatus(read, "reading run " + run_id));
    if (!ParseEvent(value, &event)) return UnparsableEvent(run_id, seq);
    if (!visit(seq, event)) return absl::OkStatus();
  }
  return absl::OkStatus();
}

RocksJournal::RocksJournal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksJournal::~RocksJournal() = default;

absl::StatusOr<std::unique_ptr<RocksJournal>> RocksJournal::Open(const std::string& folder) {
  auto impl = std::make_unique<Impl>(folder);
  ODW_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<RocksJournal>(new RocksJournal(std::move(impl)));
}

absl::Status RocksJournal::Append(const Group& group) {
  rocksdb::WriteBatch batch;
  for (const BlobWrite& blob : group.blobs) {
    ODW_CHECK(blob.bytes != nullptr);
    batch.Put(impl_->family(kBlobs), BlobKey(blob.run_id, blob.sha256), *blob.bytes);
  }
  for (const EventWrite& event : group.events) {
    ODW_CHECK(event.seq > 0);
    batch.Put(impl_->family(kEvents), EventKey(event.run_id, event.seq), event.bytes);
  }
  for (const v1::RunSummary& summary : group.summaries) impl_->AddSummary(summary, &batch);
  return impl_->Write(&batch);
}

absl::StatusOr<v1::RunSummary> RocksJournal::ReadSummary(const std::string& run_id) {
  return impl_->ReadSummary(run_id);
}

absl::Status RocksJournal::ReadEvents(
    const std::string& run_id, uint64_t after,
    const std::function<bool(uint64_t, const v1::Event&)>& visit) {
  // By one scan; where that meets damage, record by record: a scan also reads what lies beside them.
  const std::string end = RunPrefixEnd(run_id);
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db()->NewIterator(options, impl_->family(kEvents)));
  uint64_t expected = after + 1;
  v1::Event event;
  for (it->Seek(EventKey(run_id, expected)); it->Valid(); it->Next(), ++expected) {
    const std::optional<uint64_t> seq = SeqOfEventKey(View(it->key()), run_id);
    if (seq != expected) return UnreadableEvent(run_id, expected, "it is missing");
    if (!ParseEvent(it->value(), &event)) return UnparsableEvent(run_id, expected);
    if (!visit(expected, event)) return absl::OkStatus();
  }
  if (it->status().IsCorruption()) return impl_->ReadOneByOne(run_id, expected, visit);
  return ToStatus(it->status(), "reading run " + run_id);
}

absl::StatusOr<std::string> RocksJournal::ReadBlob(const std::string& run_id,
                                                   const std::string& sha256) {
  std::string bytes;
  const rocksdb::Status read = impl_->db()->Get(rocksdb::ReadOptions(), impl_->family(kBlobs),
                                                BlobKey(run_id, sha256), &bytes);
  if (read.IsNotFound() || read.IsCorruption()) {
    return absl::DataLossError("a value of run " + run_id + " cannot be read from the journal: " +
                               read.ToString() + "; other runs are not affected");
  }
  ODW_RETURN_IF_ERROR(ToStatus(read, "reading a value of run " + run_id));
  return bytes;
}

absl::StatusOr<std::vector<v1::RunSummary>> RocksJournal::List(const ListOptions& options) {
  std::unique_ptr<rocksdb::Iterator> it(
      impl_->db()->NewIterator(rocksdb::ReadOptions(), impl_->family(kIndex)));
  if (options.before.empty()) {
    it->SeekForPrev(std::string(1, kTimeIndex + 1));
  } else {
    ODW_ASSIGN_OR_RETURN(const v1::RunSummary before, ReadSummary(options.before));
    it->SeekForPrev(TimeKey(kTimeIndex, before.submitted_unix_ms(), options.before));
    if (it->Valid() && RunOfTimeKey(View(it->key())) == options.before) it->Prev();
  }
  const auto wanted = [&](const v1::RunSummary& run) {
    if (!options.owner.empty() && run.owner() != options.owner) return false;
    return options.states.empty() || std::find(options.states.begin(), options.states.end(),
                                               run.state()) != options.states.end();
  };
  std::vector<v1::RunSummary> runs;
  for (; it->Valid() && runs.size() < options.limit && it->key()[0] == kTimeIndex; it->Prev()) {
    absl::StatusOr<v1::RunSummary> run = ReadSummary(std::string(RunOfTimeKey(View(it->key()))));
    // One unreadable run does not hide the others; its own reads name it.
    if (run.status().code() == absl::StatusCode::kDataLoss || absl::IsNotFound(run.status()))
      continue;
    ODW_RETURN_IF_ERROR(run.status());
    if (wanted(*run)) runs.push_back(*std::move(run));
  }
  ODW_RETURN_IF_ERROR(ToStatus(it->status(), "listing runs"));
  return runs;
}

absl::StatusOr<std::vector<v1::RunSummary>> RocksJournal::OpenRuns() {
  std::unique_ptr<rocksdb::Iterator> it(
      impl_->db()->NewIterator(rocksdb::ReadOptions(), impl_->family(kIndex)));
  std::vector<v1::RunSummary> runs;
  for (it->Seek(std::string(1, kOpenIndex)); it->Valid() && it->key()[0] == kOpenIndex;
       it->Next()) {
    absl::StatusOr<v1::RunSummary> run = ReadSummary(std::string(RunOfTimeKey(View(it->key()))));
    if (run.status().code() == absl::StatusCode::kDataLoss) continue;
    ODW_RETURN_IF_ERROR(run.status());
    runs.push_back(*std::move(run));
  }
  ODW_RETURN_IF_ERROR(ToStatus(it->status(), "listing open runs"));
  return runs;
}

absl::StatusOr<v1::RunSummary> RocksJournal::FindByKey(const std::string& owner,
                                                       const std::string& key) {
  std::string run_id;
  const rocksdb::Status read = impl_->db()->Get(rocksdb::ReadOptions(), impl_->family(kIndex),
                                                IdempotencyKey(owner, key), &run_id);
  if (read.IsNotFound()) return absl::NotFoundError("no run holds this idempotency key");
  ODW_RETURN_IF_ERROR(ToStatus(read, "looking up an idempotency key"));
  return ReadSummary(run_id);
}

absl::Status RocksJournal::DeleteRun(const std::string& run_id) {
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, ReadSummary(run_id));
  if (IsOpen(summary.state())) {
    return absl::FailedPreconditionError("run " + run_id + " has not ended: stop it first");
  }
  rocksdb::WriteBatch batch;
  batch.DeleteRange(impl_->family(kEvents), RunPrefix(run_id), RunPrefixEnd(run_id));
  batch.DeleteRange(impl_->family(kBlobs), RunPrefix(run_id), RunPrefixEnd(run_id));
  batch.Delete(impl_->family(kRuns), run_id);
  batch.Delete(impl_->family(kIndex), TimeKey(kTimeIndex, summary.submitted_unix_ms(), run_id));
  if (!summary.idempotency_key().empty()) {
    batch.Delete(impl_->family(kIndex), IdempotencyKey(summary.owner(), summary.idempotency_key()));
  }
  return impl_->Write(&batch);
}

absl::Status RocksJournal::Backup(const std::string& folder) {
  rocksdb::Checkpoint* made = nullptr;
  ODW_RETURN_IF_ERROR(
      ToStatus(rocksdb::Checkpoint::Create(impl_->db(), &made), "preparing a backup"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  return ToStatus(checkpoint->CreateCheckpoint(folder), "making a backup in " + folder);
}

absl::Status RocksJournal::Flush() {
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  for (int i = 0; i < kFamilyCount; ++i) families.push_back(impl_->family(static_cast<Family>(i)));
  return ToStatus(impl_->db()->Flush(rocksdb::FlushOptions(), families), "flushing the journal");
}

absl::Status RocksJournal::Compact() {
  return ToStatus(impl_->db()->CompactRange(rocksdb::CompactRangeOptions(),
                                            impl_->family(kEvents), nullptr, nullptr),
                  "compacting the journal");
}

const std::string& RocksJournal::recovery_note() const { return impl_->recovery_note(); }

absl::Status RocksJournal::error() const { return impl_->error(); }

}  // namespace odw::journal
