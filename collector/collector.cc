#include "collector/collector.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/check.h"
#include "base/chunk_key.h"
#include "base/loopback.h"
#include "client/client.h"
#include "client/cluster_admin.h"
#include "collector/agent.h"
#include "collector/collector_client.h"
#include "collector/dialects/forward_session.h"
#include "collector/dialects/relp_session.h"
#include "collector/dialects/syslog_session.h"
#include "collector/edge/edge_server.h"
#include "collector/edge/mirror.h"
#include "collector/edge/stream_server.h"
#include "collector/edge/tenant_directory.h"
#include "collector/forward_client.h"
#include "collector/pipeline/pipeline.h"
#include "collector/pipeline_numbers.h"
#include "collector/quota_keeper.h"
#include "collector/replica.h"
#include "collector/status_page.h"
#include "collector/tenant/write_key.h"
#include "collector/tenant_follower.h"
#include "collector/user_agent_rules.h"

namespace carillon {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
// How long a start waits for the ring's tenants when none were kept, and one question for them.
constexpr Duration kFirstTenants = std::chrono::seconds(2);
constexpr Duration kAskTenants = std::chrono::seconds(2);
// Not heard for so long, the ring counts as unreachable.
constexpr Duration kRingSilence = std::chrono::seconds(5);
constexpr char kForward[] = "forward";
constexpr char kSyslog[] = "syslog";
constexpr char kRelp[] = "relp";

// Blocks the signals that are waited for in every thread, so that only the wait sees them.
sigset_t BlockSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, one);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // best effort: then there are fewer connections
}

std::string SpoolOf(const CollectorConfig& config) {
  return std::filesystem::absolute(config.spool).lexically_normal();
}

PipelineOptions PipelineOptionsOf(const CollectorConfig& config, Client* client, Agent* agent,
                                  const std::optional<CopierOptions>& copies) {
  PipelineOptions options;
  options.client = client;
  options.directory = SpoolOf(config);
  options.dc = config.dc;
  options.cell = config.cell;
  options.max_spool_bytes = config.spool_mib * kMiB;
  options.max_backlog_age = std::chrono::hours(config.max_backlog_hours);
  options.lateness = std::chrono::milliseconds(config.lateness_ms);
  options.stale_percent = static_cast<std::uint32_t>(config.stale_percent);
  options.max_in_flight = config.max_in_flight;
  options.dictionaries = config.dictionaries && config.peers.send.to.empty();
  if (TailStore* positions = agent->positions(); positions != nullptr) {
    options.found = [positions](const IntakeRequest& request) { positions->Believe(request); };
    // When it cannot be saved the intake goes all the same: what is read twice is better than a
    // spool that stays full.
    options.before_trim = [positions] {
      if (const Status saved = positions->Save(); !saved.ok()) {
        LogWarning("tail: positions are not saved: {}", ToString(saved));
      }
    };
  }
  options.claims.deadline = std::chrono::milliseconds(config.claim_deadline_ms);
  options.copies = copies;
  return options;
}

// One for each endpoint.
StatusOr<std::vector<TenantFollower::Ask>> AsksOf(const CollectorConfig& config) {
  std::vector<TenantFollower::Ask> asks;
  if (!config.peers.send.to.empty()) return asks;  // who sends to collectors knows no ring
  for (const std::string& endpoint : config.endpoint) {
    ASSIGN_OR_RETURN(auto connected, ClusterAdmin::Connect({.endpoints = {endpoint},
                                                            .timeout = kAskTenants,
                                                            .attempt_timeout = kAskTenants,
                                                            .retry = {.max_attempts = 1}}));
    asks.push_back([admin = std::shared_ptr<ClusterAdmin>(std::move(connected))](
                       const RingTenants& known) { return admin->Tenants(known); });
  }
  return asks;
}

// Those that an agent sends to instead of the ring.
StatusOr<std::unique_ptr<ChunkClient>> ConnectToOthers(const CollectorConfig& config) {
  const SendConfig& send = config.peers.send;
  if (IsForwardUrl(send.to.front())) {
    ASSIGN_OR_RETURN(auto forward, ForwardClient::Open(send, config.max_in_flight));
    return std::unique_ptr<ChunkClient>(std::move(forward));
  }
  ASSIGN_OR_RETURN(auto collectors, CollectorClient::Open(send, config.max_in_flight));
  return std::unique_ptr<ChunkClient>(std::move(collectors));
}

EdgeLimits LimitsOf(const CollectorConfig& config) {
  EdgeLimits limits;
  limits.max_connections = config.max_connections;
  limits.max_body_bytes = config.max_body_kib * 1024;
  limits.max_unpacked_bytes = config.max_unpacked_mib * kMiB;
  limits.max_unpack_ratio = config.max_unpack_ratio;
  return limits;
}

std::vector<std::string_view> DialectNames() {
  std::vector<std::string_view> names = {kForward, kSyslog, kRelp};
  for (const Dialect* dialect : AllDialects()) names.push_back(dialect->name());
  return names;
}

std::unique_ptr<StreamSession> MakeForward(const std::string& shared_key) {
  ForwardOptions options;
  if (!shared_key.empty()) {
    options.shared_keys = {shared_key};
    options.nonce = RandomSalt();
    options.user_salt = RandomSalt();
  }
  return std::make_unique<ForwardSession>(std::move(options));
}

const std::string& TenantsFile(const CollectorConfig& config, const std::string& file) {
  return config.tenants_file.empty() ? file : config.tenants_file;
}

// Everything that runs, in the order in which it starts.
class Collector {
 public:
  Collector(const CollectorConfig& config, std::string file)
      : config_(config), file_(std::move(file)), metrics_(DialectNames()) {}

  ~Collector() {
    if (agent_ != nullptr) agent_->Stop();
  }

  Status Start() {
    ASSIGN_OR_RETURN(tenants_,
                     TenantDirectory::Open(TenantsFile(config_, file_), config_.open, &metrics_));
    if (!config_.tls_certificate.empty()) {
      ASSIGN_OR_RETURN(tls_, TlsFiles::Open(config_.tls_certificate, config_.tls_key));
    }
    RETURN_IF_ERROR(Connect());
    ASSIGN_OR_RETURN(replica_,
                     Replica::Open(config_.peers.replica, SpoolOf(config_), tls_.get(), &metrics_));
    RETURN_IF_ERROR(replica_->Restore());
    ASSIGN_OR_RETURN(agent_,
                     Agent::Open(AgentOf(config_), DefaultTenant(config_), SpoolOf(config_)));
    ASSIGN_OR_RETURN(pipeline_, Pipeline::Open(PipelineOptionsOf(
                                    config_, client_.get(), agent_.get(), replica_->copies())));
    RETURN_IF_ERROR(StartTenants());
    numbers_ = std::make_unique<PipelineNumbers>(pipeline_.get(), &metrics_);
    reception_ =
        std::make_unique<Reception>(tenants_.get(), pipeline_.get(), &SystemClock(), &metrics_);
    reception_->SetAck({.level = *ParseAckLevel(config_.ack),
                        .timeout = std::chrono::milliseconds(config_.ack_timeout_ms)});
    if (others_ != nullptr) reception_->LeaveIdsToOthers();
    RETURN_IF_ERROR(LoadUserAgents());
    agent_->Start(reception_.get(), &metrics_);
    ASSIGN_OR_RETURN(TrustedProxies proxies, TrustedProxies::Parse(config_.trusted_proxies));
    reception_->SetChunkIntake(pipeline_.get());
    if (!config_.mirror.empty()) {
      ASSIGN_OR_RETURN(mirror_, Mirror::Start({.url = config_.mirror}));
      AddMirrorNumbers();
    }
    host_ = std::make_unique<EdgeHost>(EdgeHostOptions{
        .limits = LimitsOf(config_),
        .proxies = std::move(proxies),
        .tls = tls_.get(),
        .reception = reception_.get(),
        .serve_metrics = config_.admin.empty() && IsLoopback(config_.http),
        .mirror = mirror_.get(),
        .mirror_per_million = static_cast<std::uint32_t>(config_.mirror_percent * 10'000),
        .metrics = &metrics_,
        .not_ready = [this] { return NotReady(); },
        .status = StatusSource()});
    ASSIGN_OR_RETURN(server_, EdgeServer::Start({.address = config_.http,
                                                 .threads = config_.threads,
                                                 .backlog = static_cast<int>(config_.backlog)},
                                                host_.get()));
    RETURN_IF_ERROR(StartStreams());
    if (config_.admin.empty()) return OkStatus();
    admin_host_ =
        std::make_unique<EdgeHost>(EdgeHostOptions{.metrics = &metrics_,
                                                   .not_ready = [this] { return NotReady(); },
                                                   .status = StatusSource()});
    ASSIGN_OR_RETURN(
        admin_, EdgeServer::Start({.address = config_.admin, .threads = 1}, admin_host_.get()));
    return OkStatus();
  }

  void SayReady() const {
    const PipelineStats stats = pipeline_->stats();
    std::printf(
        "carillon-collector: %zu tenants, spool %s (%lu requests and %lu chunks left from "
        "before)\n",
        tenants_->Current()->table->size(), config_.spool.c_str(), stats.recovered_requests,
        stats.recovered_chunks);
    std::printf("http %s\n", server_->address().c_str());
    for (const Stream& stream : streams_) {
      std::printf("%s %s\n", stream.name.c_str(), stream.server->address().c_str());
    }
    if (const std::string& replica = replica_->address(); !replica.empty()) {
      std::printf("replica %s\n", replica.c_str());
    }
    if (admin_ != nullptr) std::printf("admin %s\n", admin_->address().c_str());
    std::printf("ready\n");
    std::fflush(stdout);
    if (tenants_->Current()->table->size() == 0) {
      LogWarning(
          "there are no tenants: every request is refused until one is made "
          "(`carillon tenant create`, or --open TENANT for a try)");
    }
  }

  // Until a signal to stop, or the pipeline's failure.
  Status Serve(const sigset_t& signals) {
    const timespec look_every{.tv_sec = 1, .tv_nsec = 0};
    while (true) {
      const int received = ::sigtimedwait(&signals, nullptr, &look_every);
      if (received == SIGTERM || received == SIGINT) {
        LogInfo("stopping on signal {}", received);
        return OkStatus();
      }
      RETURN_IF_ERROR(pipeline_->stats().failure);
      const StatusOr<bool> read =
          received == SIGHUP ? StatusOr<bool>(ReloadNow()) : tenants_->ReloadIfChanged();
      if (!read.ok()) {
        LogError("the tenants stay as they were: {}", Message(read.status()));
      } else if (*read) {
        LogInfo("tenants read again: {}", tenants_->Current()->table->size());
      }
      LookAtUserAgents();
      LookAtTls();
      page_->Sample(SystemClock().Now());
      if (quotas_->IsDue(SystemClock().Now())) KeepQuotas();
    }
  }

  Status Stop() {
    const auto grace = std::chrono::seconds(config_.drain_seconds);
    stopping_ = true;
    agent_->Stop();
    server_->Stop(grace);
    for (const Stream& stream : streams_) stream.server->Stop(grace);
    KeepQuotas();
    const Status drained = pipeline_->Drain(grace);
    replica_->Stop();
    if (admin_ != nullptr) admin_->Stop(Duration(0));
    if (drained.code() == StatusCode::kDeadlineExceeded) {
      LogWarning("{}; it is sent at the next start", Message(drained));
      return OkStatus();
    }
    return drained;
  }

 private:
  struct Stream {
    std::string name;
    std::unique_ptr<EdgeHost> host;
    std::unique_ptr<StreamServer> server;
  };

  // To the ring, or to those that stand for it.
  Status Connect() {
    if (!config_.peers.send.to.empty()) {
      ASSIGN_OR_RETURN(auto others, ConnectToOthers(config_));
      others_ = others.get();
      client_ = std::move(others);
      return OkStatus();
    }
    ASSIGN_OR_RETURN(client_, Client::Connect({.endpoints = config_.endpoint}));
    return OkStatus();
  }

  Status StartStream(const char* name, const std::string& address,
                     std::function<std::unique_ptr<StreamSession>()> make) {
    if (address.empty()) return OkStatus();
    const std::string& tenant = DefaultTenant(config_);
    const auto table = tenants_->Current()->table;
    if (table->Find(tenant) == table->size()) {
      if (Contact().reachable) {
        return InvalidArgument("stream_tenant = '{}': there is no such tenant", tenant);
      }
      LogWarning("stream_tenant = '{}' is not known: all of it is refused until the ring is there",
                 tenant);
    }
    Stream stream{.name = name};
    stream.host = std::make_unique<EdgeHost>(EdgeHostOptions{.limits = LimitsOf(config_),
                                                             .tls = tls_.get(),
                                                             .reception = reception_.get(),
                                                             .metrics = &metrics_});
    ASSIGN_OR_RETURN(stream.server,
                     StreamServer::Start({.address = address,
                                          .dialect = name,
                                          .tenant = tenant,
                                          .make = std::move(make),
                                          .backlog = static_cast<int>(config_.backlog)},
                                         stream.host.get()));
    streams_.push_back(std::move(stream));
    return OkStatus();
  }

  Status StartStreams() {
    RETURN_IF_ERROR(StartStream(kForward, config_.forward,
                                [key = config_.forward_shared_key] { return MakeForward(key); }));
    RETURN_IF_ERROR(
        StartStream(kSyslog, config_.syslog, [] { return std::make_unique<SyslogSession>(); }));
    return StartStream(kRelp, config_.relp, [] { return std::make_unique<RelpSession>(); });
  }

  void AddMirrorNumbers() {
    const auto add = [this](const char* name, const char* help,
                            const std::atomic<std::uint64_t>& number) {
      metrics_.AddNumber(name, help, [&number] { return static_cast<double>(number); });
    };
    const MirrorCounts& counts = mirror_->counts();
    add("mirror_sent_total", "Copies of requests that the mirror took.", counts.sent);
    add("mirror_refused_total", "Copies that it answered otherwise.", counts.refused);
    add("mirror_failed_total", "Copies that did not reach it in time.", counts.failed);
    add("mirror_dropped_total", "Copies that were not sent: it was behind.", counts.dropped);
  }

  // Once, when the first tenant asks for it.
  Status LoadUserAgents() {
    if (user_agents_ != nullptr || !WantsUserAgents(*tenants_->Current()->table)) {
      return OkStatus();
    }
    ASSIGN_OR_RETURN(user_agents_, ReadUserAgentRules(config_.user_agent_rules));
    reception_->SetUserAgents(user_agents_.get());
    return OkStatus();
  }

  // A tenant that wants them may have come, from the file or from the ring.
  void LookAtUserAgents() {
    const auto seen = tenants_->Current();
    if (std::exchange(seen_tenants_, seen) == seen) return;
    if (const Status loaded = LoadUserAgents(); !loaded.ok()) {
      LogError("user agents are not parsed: {}", Message(loaded));
    }
  }

  void LookAtTls() {
    if (tls_ == nullptr) return;
    const auto read = tls_->ReloadIfChanged();
    if (!read.ok()) {
      LogError("the certificate stays as it was: {}", Message(read.status()));
    } else if (*read) {
      LogInfo("certificate read again");
    }
  }

  StatusOr<bool> ReloadNow() {
    RETURN_IF_ERROR(tenants_->Reload());
    return true;
  }

  std::string NotReady() const {
    if (stopping_) return "stopping";
    const PipelineStats stats = pipeline_->stats();
    if (!stats.failure.ok()) return ToString(stats.failure);
    const std::uint64_t bytes = stats.intake_bytes + stats.outbox_bytes + stats.dead_letter_bytes;
    return bytes >= config_.spool_mib * kMiB ? "the spool is full" : "";
  }

  // What is kept of the last process, and what the ring says.
  Status StartTenants() {
    const std::string directory = SpoolOf(config_);
    quotas_ = std::make_unique<QuotaKeeper>(MachineFileSystem(), directory);
    tenants_->RestoreDays(quotas_->Load());
    ASSIGN_OR_RETURN(auto asks, AsksOf(config_));
    follower_ = std::make_unique<TenantFollower>(TenantFollower::Options{
        .asks = std::move(asks),
        .hear = [this](const RingTenants& tenants) { tenants_->HearRing(tenants); },
        .directory = directory});
    follower_->HearKept();
    if (others_ == nullptr) follower_->Start(kFirstTenants);  // else there is nobody to ask
    page_ = std::make_unique<StatusPage>(
        StatusPage::Sources{.metrics = &metrics_,
                            .pipeline = [this] { return pipeline_->stats(); },
                            .tenants = [this] { return tenants_->Current(); },
                            .ring = [this] { return Contact(); },
                            .not_ready = [this] { return NotReady(); },
                            .spool_limit_bytes = config_.spool_mib * kMiB,
                            .version = CARILLON_VERSION},
        SystemClock().Now());
    metrics_.AddNumber("ring_reachable", "1: the ring has answered in the last seconds.",
                       [this] { return Contact().reachable ? 1.0 : 0.0; });
    metrics_.AddNumber("tenants", "Known now.",
                       [this] { return static_cast<double>(tenants_->Current()->table->size()); });
    metrics_.AddNumber("tenants_refused", "Tenants and keys of the ring that cannot be used.",
                       [this] { return static_cast<double>(tenants_->Current()->refused.size()); });
    return OkStatus();
  }

  std::function<std::string()> StatusSource() const {
    return [page = page_.get()] { return page->Render(SystemClock().Now()); };
  }

  RingContact Contact() const {
    if (others_ != nullptr) return OthersContact();
    RingContact contact{.cluster = follower_->cluster(), .version = follower_->version()};
    const auto since = follower_->SinceHeard();
    if (!since.has_value()) return contact;
    contact.seconds_since = std::chrono::duration<double>(*since).count();
    contact.reachable = *since < kRingSilence;
    return contact;
  }

  // Those in the place of the ring: reachable until one that was asked did not answer.
  RingContact OthersContact() const {
    const ChunkClient::Contact heard = others_->contact();
    RingContact contact{.reachable = !heard.failing};
    if (heard.answered != Instant()) {
      contact.seconds_since =
          std::chrono::duration<double>(SystemClock().Now() - heard.answered).count();
    }
    return contact;
  }

  void KeepQuotas() {
    const Status kept = quotas_->Save(tenants_->UsedDays(), SystemClock().Now());
    if (!kept.ok()) LogWarning("quotas per day cannot be kept: {}", ToString(kept));
  }

  const CollectorConfig config_;
  const std::string file_;
  std::atomic<bool> stopping_{false};
  CollectorMetrics metrics_;
  std::unique_ptr<TenantDirectory> tenants_;
  std::unique_ptr<TlsFiles> tls_;
  std::unique_ptr<Client> client_;
  const ChunkClient* others_ = nullptr;  // client_, if it is one
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<Agent> agent_;  // its positions outlive the pipeline
  std::unique_ptr<QuotaKeeper> quotas_;
  std::unique_ptr<TenantFollower> follower_;
  std::unique_ptr<StatusPage> page_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<PipelineNumbers> numbers_;
  std::shared_ptr<const UserAgentParser> user_agents_;
  std::shared_ptr<const TenantSnapshot> seen_tenants_;  // when user agents were looked at
  std::unique_ptr<Reception> reception_;
  std::unique_ptr<Mirror> mirror_;
  std::unique_ptr<EdgeHost> host_;
  std::unique_ptr<EdgeServer> server_;
  std::vector<Stream> streams_;
  std::unique_ptr<EdgeHost> admin_host_;
  std::unique_ptr<EdgeServer> admin_;
};

}  // namespace

Status CheckCollector(const CollectorConfig& config, const std::string& file) {
  RETURN_IF_ERROR(Validate(config));
  if (!config.mirror.empty()) RETURN_IF_ERROR(CheckMirrorUrl(config.mirror));
  RETURN_IF_ERROR(Replica::Check(config.peers.replica));
  if (!config.peers.send.to.empty()) {
    RETURN_IF_ERROR(ConnectToOthers(config).status());
  }
  if (!config.tls_certificate.empty()) {
    RETURN_IF_ERROR(TlsContext::Load(config.tls_certificate, config.tls_key).status());
  }
  CollectorMetrics metrics({});
  ASSIGN_OR_RETURN(const auto tenants,
                   TenantDirectory::Open(TenantsFile(config, file), config.open, &metrics));
  if (!WantsUserAgents(*tenants->Current()->table)) return OkStatus();
  return ReadUserAgentRules(config.user_agent_rules).status();
}

Status CreateKey(const std::string& tenant) {
  RETURN_IF_ERROR(CheckName("tenant", tenant));
  std::string random(kWriteKeyBytes, '\0');
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return Unavailable("the system has no random bytes");
  }
  const std::string key = WriteKeyText(random);
  std::printf("key %s\n", key.c_str());
  std::printf(
      "It is shown this once. Add to the tenants:\n\n[[tenants.%s.keys]]\nsha256 = \"%s\"\n",
      tenant.c_str(), ToHex(HashOf(key)).c_str());
  return OkStatus();
}

Status RunCollector(const CollectorConfig& config, const std::string& file) {
  RETURN_IF_ERROR(Validate(config));
  StartLogging({.level = *ParseLogLevel(config.log_level), .json = config.log_json});
  const sigset_t signals = BlockSignals();
  RaiseDescriptorLimit();
  Collector collector(config, file);
  RETURN_IF_ERROR(collector.Start());
  collector.SayReady();
  const Status served = collector.Serve(signals);
  const Status stopped = collector.Stop();
  return served.ok() ? stopped : served;
}

}  // namespace carillon
