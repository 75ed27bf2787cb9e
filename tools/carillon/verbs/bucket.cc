#include <limits>
#include <memory>

#include "base/json_writer.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

struct BucketOptions {
  std::string name;
  std::optional<std::uint64_t> n_val;
  std::optional<std::uint64_t> w;
  std::optional<std::string> ttl;
  std::optional<std::string> sync;
  std::optional<std::uint64_t> max_chunk_bytes;
  std::optional<std::uint64_t> quota;
};

const VerbText kText = {
    .name = "bucket",
    .group = kForAdmins,
    .description = "List, show, create, and change buckets",
    .examples =
        "Every property can be changed at any time; what is stored keeps its ttl.\n\n"
        "  carillon bucket list\n"
        "  carillon bucket create archive --ttl forever\n"
        "  carillon bucket set events --ttl 30d --n-val 3",
};

StatusOr<std::optional<std::uint32_t>> Narrow(const std::string& name,
                                              const std::optional<std::uint64_t>& value) {
  if (!value.has_value()) return std::nullopt;
  if (*value > std::numeric_limits<std::uint32_t>::max()) {
    return InvalidArgument("{} {} is out of range", name, *value);
  }
  return static_cast<std::uint32_t>(*value);
}

StatusOr<BucketChange> MakeChange(const BucketOptions& options) {
  BucketChange change;
  ASSIGN_OR_RETURN(change.n_val, Narrow("--n-val", options.n_val));
  ASSIGN_OR_RETURN(change.w, Narrow("--w", options.w));
  ASSIGN_OR_RETURN(change.max_chunk_bytes, Narrow("--max-chunk-bytes", options.max_chunk_bytes));
  if (options.ttl.has_value()) {
    ASSIGN_OR_RETURN(change.ttl_seconds, ParseTtl(*options.ttl));
  }
  if (options.sync.has_value()) {
    ASSIGN_OR_RETURN(change.sync, ParseSyncMode(*options.sync));
  }
  change.quota_bytes_per_second = options.quota;
  return change;
}

void WriteJson(const NamedBucket& bucket, JsonWriter* json) {
  const BucketProperties& of = bucket.properties;
  json->BeginObject().Field("name", bucket.name).Field("n_val", of.n_val);
  json->Field("w", of.AcksWanted()).Field("ttl_seconds", of.ttl_seconds);
  json->Field("sync", ToString(of.sync)).Field("max_chunk_bytes", of.max_chunk_bytes);
  json->Field("quota_bytes_per_second", of.quota_bytes_per_second).EndObject();
}

std::string BytesOrNone(std::uint64_t bytes) {
  return bytes == 0 ? "none" : FormatBytes(bytes);
}

Status PrintTable(Session* session, const std::vector<NamedBucket>& buckets) {
  constexpr Table::Align kRight = Table::Align::kRight;
  Table table({{"bucket"},
               {"n_val", kRight},
               {"w", kRight},
               {"ttl", kRight},
               {"sync"},
               {"max chunk", kRight},
               {"quota/s", kRight}});
  for (const NamedBucket& bucket : buckets) {
    const BucketProperties& of = bucket.properties;
    table.Add({bucket.name, FormatCount(of.n_val), FormatCount(of.AcksWanted()),
               FormatTtl(of.ttl_seconds), std::string(ToString(of.sync)),
               FormatBytes(of.max_chunk_bytes), BytesOrNone(of.quota_bytes_per_second)});
  }
  return session->out().Write(table.Render());
}

Outcome PrintOne(Session* session, const NamedBucket& bucket) {
  if (!session->json()) return PrintTable(session, {bucket});
  JsonWriter json;
  WriteJson(bucket, &json);
  return session->out().Write(json.Take() + "\n");
}

Outcome RunList(Session* session) {
  ASSIGN_OR_RETURN(Client* const client, session->client());
  ASSIGN_OR_RETURN(const std::vector<NamedBucket> buckets, client->ListBuckets());
  if (!session->json()) return PrintTable(session, buckets);
  JsonWriter json;
  json.BeginArray();
  for (const NamedBucket& bucket : buckets) WriteJson(bucket, &json);
  return session->out().Write(json.EndArray().Take() + "\n");
}

Outcome RunShow(Session* session, const BucketOptions& options) {
  ASSIGN_OR_RETURN(const NamedBucket bucket, session->FindBucket(options.name));
  return PrintOne(session, bucket);
}

Outcome RunCreate(Session* session, const BucketOptions& options) {
  ASSIGN_OR_USAGE(const BucketChange change, MakeChange(options));
  ASSIGN_OR_RETURN(Client* const client, session->client());
  ASSIGN_OR_RETURN(const NamedBucket bucket, client->CreateBucket(options.name, change));
  return PrintOne(session, bucket);
}

Outcome RunSet(Session* session, const BucketOptions& options) {
  ASSIGN_OR_USAGE(const BucketChange change, MakeChange(options));
  ASSIGN_OR_RETURN(Client* const client, session->client());
  ASSIGN_OR_RETURN(const NamedBucket bucket, client->SetBucket(options.name, change));
  return PrintOne(session, bucket);
}

void AddProperties(Command* verb, BucketOptions* options) {
  verb->Value("--n-val", &options->n_val, "replicas, 1 to 7");
  verb->Value("--w", &options->w, "acknowledgements before a write is one; 0: more than half");
  verb->Value("--ttl", &options->ttl, "how long events are kept: 8d, 36h, forever");
  verb->Value("--sync", &options->sync,
              "always, interval, or os: when acknowledged bytes are synced");
  verb->Value("--max-chunk-bytes", &options->max_chunk_bytes, "largest chunk, up to 8388608");
  verb->Value("--quota", &options->quota, "bytes a second that may be written; 0: no limit");
}

using RunBucket = Outcome (*)(Session*, const BucketOptions&);

void AddOne(Command* bucket, Session* session, const VerbText& text, bool with_properties,
            RunBucket run) {
  auto options = std::make_shared<BucketOptions>();
  Command verb = bucket->AddVerb(text);
  verb.Positional("NAME", &options->name, "the bucket");
  if (with_properties) AddProperties(&verb, options.get());
  verb.OnRun([=] { return run(session, *options); });
}

}  // namespace

void AddBucket(CommandParser* parser, Session* session) {
  Command bucket = parser->root().AddVerb(kText);
  bucket.RequireVerb();
  Command list = bucket.AddVerb({"list", "", "List all buckets", "  carillon bucket list"});
  list.OnRun([=] { return RunList(session); });
  AddOne(&bucket, session, {"show", "", "Show one bucket", "  carillon bucket show events"}, false,
         RunShow);
  AddOne(&bucket, session,
         {"create", "", "Create a bucket", "  carillon bucket create archive --ttl forever"}, true,
         RunCreate);
  AddOne(&bucket, session,
         {"set", "", "Change a bucket's properties", "  carillon bucket set events --ttl 30d"},
         true, RunSet);
}

}  // namespace carillon
