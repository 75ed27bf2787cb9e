#include "collector/replica.h"

#include <signal.h>

#include <algorithm>

#include "base/log.h"
#include "base/random.h"
#include "collector/copies/restore_spool.h"
#include "collector/edge/http_caller.h"

namespace carillon {
namespace {

constexpr char kCopiesDirectory[] = "/copies";
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr int kSayEvery = 10;  // seconds

std::uint64_t WallMicros() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                        SystemClock().WallNow().time_since_epoch())
                                        .count());
}

// Waits a second. True: it is to stop.
bool WaitASecond() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT}) sigaddset(&signals, one);
  const timespec second{.tv_sec = 1, .tv_nsec = 0};
  return ::sigtimedwait(&signals, nullptr, &second) > 0;
}

}  // namespace

Status Replica::Check(const ReplicaConfig& config) {
  for (const std::string& url : config.to) {
    RETURN_IF_ERROR(Annotate(CheckPeerUrl(url), "replica: to"));
  }
  if (config.key_file.empty()) return OkStatus();
  return ReadKeyFile(config.key_file, kMinSharedKeyBytes).status();
}

StatusOr<std::unique_ptr<Replica>> Replica::Open(const ReplicaConfig& config,
                                                 const std::string& spool, const TlsFiles* tls,
                                                 CollectorMetrics* metrics) {
  std::unique_ptr<Replica> replica(new Replica(config, spool));
  if (config.to.empty() && config.listen.empty()) return replica;
  RETURN_IF_ERROR(Check(config));
  ASSIGN_OR_RETURN(const std::string key, ReadKeyFile(config.key_file, kMinSharedKeyBytes));
  if (!config.listen.empty()) RETURN_IF_ERROR(replica->Serve(key, tls, metrics));
  if (!config.to.empty()) replica->MakePeers(key);
  return replica;
}

Replica::~Replica() {
  Stop();
}

Status Replica::Serve(const std::string& key, const TlsFiles* tls, CollectorMetrics* metrics) {
  RETURN_IF_ERROR(MachineFileSystem()->MakeDirectory(spool_));
  ASSIGN_OR_RETURN(auto store, CopyStore::Open({.files = MachineFileSystem(),
                                                .directory = spool_ + kCopiesDirectory,
                                                .max_bytes = config_.max_mib * kMiB,
                                                .own_name = config_.name,
                                                .seed = RandomSeed()}));
  desk_ = std::make_unique<CopyDesk>(std::move(store), key);
  EdgeLimits limits;
  limits.max_connections = 256;
  limits.max_body_bytes = kMaxCopyMessageBytes;
  limits.max_pipelined = 1;
  host_ = std::make_unique<EdgeHost>(EdgeHostOptions{.limits = limits,
                                                     .tls = tls,
                                                     .copies = desk_.get(),
                                                     .serve_metrics = false,
                                                     .metrics = metrics});
  ASSIGN_OR_RETURN(server_,
                   EdgeServer::Start({.address = config_.listen, .threads = 1}, host_.get()));
  address_ = server_->address();
  metrics->AddNumber("copies", "Of other collectors' spools, whole, here.",
                     [this] { return static_cast<double>(desk_->stats().copies); });
  metrics->AddNumber("copies_bytes", "Of other collectors' spools, here.",
                     [this] { return static_cast<double>(desk_->stats().bytes); });
  return OkStatus();
}

void Replica::MakePeers(const std::string& key) {
  CopierOptions copies;
  copies.name = config_.name;
  copies.limits.alone_after = std::chrono::milliseconds(config_.alone_after_ms);
  copies.limits.give_up_after =
      std::min(copies.limits.give_up_after, copies.limits.alone_after / 2);
  copies.generation = WallMicros();
  for (const std::string& url : config_.to) {
    const HttpCallerOptions options{.url = url, .ca_file = config_.ca_file};
    copies.peers.push_back({.name = url,
                            .link = std::make_shared<HttpCopyLink>(options, key),
                            .second_link = std::make_shared<HttpCopyLink>(options, key)});
  }
  copies_ = std::move(copies);
}

Status Replica::Restore() {
  if (!copies_) return OkStatus();
  for (int second = 0;; ++second) {
    const auto report = RestoreSpool(MachineFileSystem(), spool_, copies_->name, copies_->peers);
    if (report.ok()) {
      copies_->generation = std::max(copies_->generation, report->generation);
      if (report->restored) {
        LogWarning("the spool was empty: {} files, {} bytes were fetched from the copy of {} at {}",
                   report->files, report->bytes, copies_->name, report->peer);
      }
      return OkStatus();
    }
    if (report.status().code() != StatusCode::kUnavailable) return report.status();
    if (second % kSayEvery == 0) {
      LogWarning(
          "the spool is empty, and whether a copy of it is somewhere is not known: {}. Take a peer "
          "that will not come back out of [replica] to",
          Message(report.status()));
    }
    if (WaitASecond()) return Cancelled("stopped while it waited for its peers");
  }
}

void Replica::Stop() {
  if (server_ != nullptr) server_->Stop(Duration(0));
  if (desk_ != nullptr) desk_->Stop();
}

}  // namespace carillon
