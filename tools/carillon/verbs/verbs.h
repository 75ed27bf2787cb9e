#pragma once

#include "tools/carillon/command.h"
#include "tools/carillon/session.h"

namespace carillon {

// Every verb, in the order of the help: to add one, add a line here and a file with its function.
#define CARILLON_VERBS(VERB) \
  VERB(AddPut)               \
  VERB(AddLoad)              \
  VERB(AddHost)              \
  VERB(AddSeconds)           \
  VERB(AddGet)               \
  VERB(AddRead)              \
  VERB(AddTail)              \
  VERB(AddRing)              \
  VERB(AddForceRecover)      \
  VERB(AddLocal)             \
  VERB(AddInit)              \
  VERB(AddBucket)            \
  VERB(AddTenant)            \
  VERB(AddKey)               \
  VERB(AddCollector)         \
  VERB(AddCheck)             \
  VERB(AddSegment)           \
  VERB(AddBench)             \
  VERB(AddCompletion)

// Adds the verb to the command line. Both pointers outlive the verb's run.
#define CARILLON_DECLARE_VERB(Function) void Function(CommandParser* parser, Session* session);
CARILLON_VERBS(CARILLON_DECLARE_VERB)
#undef CARILLON_DECLARE_VERB

inline void AddVerbs(CommandParser* parser, Session* session) {
#define CARILLON_ADD_VERB(Function) Function(parser, session);
  CARILLON_VERBS(CARILLON_ADD_VERB)
#undef CARILLON_ADD_VERB
}

}  // namespace carillon
