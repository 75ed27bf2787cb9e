#include <memory>

#include "client/chunk_decoder.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

struct GetOptions {
  std::string key;
  bool decode = false;
};

const VerbText kText = {
    .name = "get",
    .group = kForDashboards,
    .description = "Print one chunk",
    .examples =
        "  carillon get 1428415043:1:cell0:WEB:app:chunk0 > chunk.zst\n"
        "  carillon get 1428415043:1:cell0:WEB:app:chunk0 --decode",
};

Outcome RunGet(Session* session, const GetOptions& options) {
  ASSIGN_OR_USAGE(const ChunkKey key, ParseChunkKey(options.key));
  ASSIGN_OR_RETURN(Client* const client, session->client());
  ASSIGN_OR_RETURN(Bytes value, client->GetChunk(session->options.bucket, key));
  if (options.decode) {
    ASSIGN_OR_RETURN(value, ChunkDecoder(client, session->options.bucket).Decode(key, value));
  }
  return session->out().Write(value);
}

}  // namespace

void AddGet(CommandParser* parser, Session* session) {
  auto options = std::make_shared<GetOptions>();
  Command verb = parser->root().AddVerb(kText);
  verb.Positional("KEY", &options->key, "epoch:dc:cell:type:subtype:chunkN");
  verb.Flag("--decode", &options->decode, "print its events, one a line");
  verb.OnRun([=] { return RunGet(session, *options); });
}

}  // namespace carillon
