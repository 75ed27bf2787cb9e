// Built in place of postgres_peer.cc where libpq-dev is not installed.
#include "tests/bench/peers/peer.h"

namespace carillon {

StatusOr<std::unique_ptr<Peer>> StartPostgres(const std::string& /*directory*/) {
  return NotFound("this was built without libpq (apt-get install libpq-dev postgresql-15)");
}

}  // namespace carillon
