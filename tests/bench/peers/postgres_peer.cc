// PostgreSQL: a row a chunk, a second in one transaction. By libpq: prepared statements with binary
// parameters for single chunks, binary COPY for seconds and ranges.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>

#include "tests/bench/peers/peer.h"
#include "tests/bench/peers/server_process.h"

namespace carillon {
namespace {

constexpr char kUser[] = "postgres";
constexpr std::string_view kCopyHead("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
constexpr std::string_view kCopyEnd("\xff\xff", 2);

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

template <typename Integer>
void AppendNetwork(Integer value, std::string* out) {
  for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
  }
}

std::string Network(std::int64_t value) {
  std::string text;
  AppendNetwork(value, &text);
  return text;
}

// The fields of a row of binary COPY but for the value's bytes, which follow.
std::string RowHead(const PeerKey& key, std::size_t value_bytes) {
  std::string row;
  AppendNetwork(std::int16_t{4}, &row);
  for (const std::uint64_t field :
       {static_cast<std::uint64_t>(key.group), key.second, key.number}) {
    AppendNetwork(std::int32_t{8}, &row);
    AppendNetwork(static_cast<std::int64_t>(field), &row);
  }
  AppendNetwork(static_cast<std::int32_t>(value_bytes), &row);
  return row;
}

class PostgresConnection final : public PeerConnection {
 public:
  explicit PostgresConnection(PGconn* connection) : connection_(connection) {}
  ~PostgresConnection() override { PQfinish(connection_); }

  Status Do(const std::string& sql) {
    return Check(Result(PQexec(connection_, sql.c_str())), PGRES_COMMAND_OK);
  }

  Status Prepare() {
    RETURN_IF_ERROR(
        Check(Result(PQprepare(connection_, "put", "INSERT INTO chunks VALUES ($1, $2, $3, $4)", 0,
                               nullptr)),
              PGRES_COMMAND_OK));
    return Check(Result(PQprepare(connection_, "get",
                                  "SELECT value FROM chunks WHERE grp = $1 AND second = $2 "
                                  "AND number = $3",
                                  0, nullptr)),
                 PGRES_COMMAND_OK);
  }

  Status Put(const PeerKey& key, const SharedBytes& value) override {
    return Check(Call("put", key, value.view(), 4), PGRES_COMMAND_OK);
  }

  Status Get(const PeerKey& key, std::string* value) override {
    const Result result = Call("get", key, "", 3);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return Failure();
    if (PQntuples(result.get()) != 1) return NotFound("no such row");
    value->assign(PQgetvalue(result.get(), 0, 0),
                  static_cast<std::size_t>(PQgetlength(result.get(), 0, 0)));
    return OkStatus();
  }

  // One COPY, and so one transaction: readers see all of it or nothing.
  Status WriteSecond(const PeerRange& second, const SharedBytes& value) override {
    RETURN_IF_ERROR(Check(Result(PQexec(connection_, "COPY chunks FROM STDIN (FORMAT binary)")),
                          PGRES_COPY_IN));
    RETURN_IF_ERROR(Send(kCopyHead));
    for (std::uint64_t n = 0; n < second.chunks; ++n) {
      RETURN_IF_ERROR(Send(RowHead({second.group, second.first, n}, value.size())));
      RETURN_IF_ERROR(Send(value.view()));
    }
    RETURN_IF_ERROR(Send(kCopyEnd));
    if (PQputCopyEnd(connection_, nullptr) != 1) return Failure();
    return AwaitEnd();
  }

  StatusOr<std::uint64_t> ReadSeconds(const PeerRange& range) override {
    const std::string sql = fmt::format(
        "COPY (SELECT value FROM chunks WHERE grp = {} AND second >= {} AND second < {} ORDER BY "
        "second, number) TO STDOUT (FORMAT binary)",
        static_cast<int>(range.group), range.first, range.first + range.count);
    RETURN_IF_ERROR(Check(Result(PQexec(connection_, sql.c_str())), PGRES_COPY_OUT));
    std::uint64_t bytes = 0;
    bool first = true;
    while (true) {
      char* row = nullptr;
      const int size = PQgetCopyData(connection_, &row, 0);
      if (size == -1) break;
      if (size < 0) return Failure();
      const std::size_t head = (first ? kCopyHead.size() : 0) + 6;  // fields, length
      if (static_cast<std::size_t>(size) > head) bytes += static_cast<std::size_t>(size) - head;
      first = false;
      PQfreemem(row);
    }
    RETURN_IF_ERROR(AwaitEnd());
    return bytes;
  }

 private:
  Result Call(const char* statement, const PeerKey& key, std::string_view value, int parameters) {
    const std::string numbers[] = {Network(key.group),
                                   Network(static_cast<std::int64_t>(key.second)),
                                   Network(static_cast<std::int64_t>(key.number))};
    const char* const values[] = {numbers[0].data(), numbers[1].data(), numbers[2].data(),
                                  value.data()};
    const int lengths[] = {8, 8, 8, static_cast<int>(value.size())};
    const int formats[] = {1, 1, 1, 1};
    return Result(PQexecPrepared(connection_, statement, parameters, values, lengths, formats, 1));
  }

  Status Send(std::string_view bytes) {
    const int sent = PQputCopyData(connection_, bytes.data(), static_cast<int>(bytes.size()));
    return sent == 1 ? OkStatus() : Failure();
  }

  // Of a COPY.
  Status AwaitEnd() {
    Status status = OkStatus();
    while (Result result{PQgetResult(connection_)}) {
      if (status.ok()) status = Check(std::move(result), PGRES_COMMAND_OK);
    }
    return status;
  }

  Status Check(Result result, ExecStatusType wanted) {
    return PQresultStatus(result.get()) == wanted ? OkStatus() : Failure();
  }

  Status Failure() { return Unavailable("postgres says {}", PQerrorMessage(connection_)); }

  PGconn* const connection_;
};

std::vector<std::string> ProgramFolders() {
  std::vector<std::string> folders;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
    folders.push_back(entry.path().string() + "/bin");
  }
  std::sort(folders.rbegin(), folders.rend());  // the newest first
  return folders;
}

class PostgresPeer final : public Peer {
 public:
  static StatusOr<std::unique_ptr<Peer>> Start(const std::string& directory) {
    auto peer = std::make_unique<PostgresPeer>();
    const std::vector<std::string> folders = ProgramFolders();
    ASSIGN_OR_RETURN(const std::string initdb, FindProgram("initdb", "postgresql-15", folders));
    ASSIGN_OR_RETURN(const std::string program, FindProgram("postgres", "postgresql-15", folders));
    ASSIGN_OR_RETURN(peer->port_, FreePort());
    peer->description_ = {
        .name = "postgresql",
        .version = FirstLineOf(program + " --version"),
        .settings =
            "synchronous_commit on, shared_buffers 4GB, max_wal_size 16GB and no timed "
            "checkpoint (so none falls into the run), wal_buffers 64MB, bytea STORAGE "
            "EXTERNAL"};
    if (FirstLineOf("id -u") == "0" &&
        !FirstLineOf(fmt::format("chown {0}:{0} '{1}' 2>&1", kUser, directory)).empty()) {
      return Unavailable("{} cannot be given to {}", directory, kUser);
    }
    const std::string data = directory + "/data";
    RETURN_IF_ERROR(RunToEnd({.arguments = {initdb, "-D", data, "-U", "bench", "--auth=trust",
                                            "--no-sync", "-E", "UTF8", "--locale=C"},
                              .user = kUser,
                              .log = directory + "/initdb.log"}));
    ServerCommand command{.arguments = {program, "-D", data, "-p", std::to_string(peer->port_)},
                          .user = kUser,
                          .log = directory + "/log",
                          .stop_signal = SIGQUIT};  // at once: the data is thrown away
    for (const std::string& setting :
         {std::string("listen_addresses=127.0.0.1"), "unix_socket_directories=" + directory,
          std::string("synchronous_commit=on"), std::string("fsync=on"),
          std::string("shared_buffers=4GB"), std::string("max_wal_size=16GB"),
          std::string("checkpoint_timeout=1h"), std::string("wal_buffers=64MB"),
          std::string("max_connections=200")}) {
      command.arguments.insert(command.arguments.end(), {"-c", setting});
    }
    ASSIGN_OR_RETURN(peer->server_, ServerProcess::Start(command, peer->port_));
    RETURN_IF_ERROR(peer->MakeTable());
    return peer;
  }

  const PeerDescription& description() const override { return description_; }
  StatusOr<std::unique_ptr<PeerConnection>> Connect() override {
    ASSIGN_OR_RETURN(auto connection, Open());
    RETURN_IF_ERROR(connection->Prepare());
    return connection;
  }

 private:
  StatusOr<std::unique_ptr<PostgresConnection>> Open() {
    const std::string where = fmt::format(
        "host=127.0.0.1 port={} user=bench dbname=postgres sslmode=disable gssencmode=disable",
        port_);
    PGconn* const connection = PQconnectdb(where.c_str());
    auto result = std::make_unique<PostgresConnection>(connection);
    if (PQstatus(connection) == CONNECTION_OK) return result;
    return Unavailable("postgres says {}", PQerrorMessage(connection));
  }

  // It accepts connections a moment before it serves them.
  Status MakeTable() {
    StatusOr<std::unique_ptr<PostgresConnection>> connection = Open();
    for (int tries = 0; !connection.ok() && tries < 100; ++tries) {
      (void)FirstLineOf("sleep 0.1");
      connection = Open();
    }
    RETURN_IF_ERROR(connection.status());
    RETURN_IF_ERROR((*connection)
                        ->Do("CREATE TABLE chunks (grp bigint, second bigint, number bigint, value "
                             "bytea NOT NULL, "
                             "PRIMARY KEY (grp, second, number))"));
    return (*connection)->Do("ALTER TABLE chunks ALTER COLUMN value SET STORAGE EXTERNAL");
  }

  PeerDescription description_;
  int port_ = 0;
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace

StatusOr<std::unique_ptr<Peer>> StartPostgres(const std::string& directory) {
  return PostgresPeer::Start(directory);
}

}  // namespace carillon
