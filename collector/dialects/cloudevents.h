#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// CloudEvents 1.0 over HTTP (github.com/cloudevents/spec, HTTP protocol binding; cloudevents 10.0):
// POST to any path, told by its headers: binary (ce-id ..), structured (application/cloudevents+
// json), batched (application/cloudevents-batch+json).
//
// Key: Bearer, or the password of Basic. Stream: `type`. Event: the event in its JSON format; of a
// binary one the attributes that the specification names, and traceparent and partitionkey; its
// data as `data`: JSON as it is, text as a text, else as `data_base64`. Id: source and id with a
// space between. Time: `time`. Answer: 204.
const Dialect& CloudEvents();

}  // namespace carillon
