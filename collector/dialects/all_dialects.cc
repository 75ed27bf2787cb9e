#include "collector/dialects/amplitude.h"
#include "collector/dialects/cloudevents.h"
#include "collector/dialects/collectd.h"
#include "collector/dialects/dialect.h"
#include "collector/dialects/elasticsearch.h"
#include "collector/dialects/loki.h"
#include "collector/dialects/mixpanel.h"
#include "collector/dialects/native.h"
#include "collector/dialects/native_chunk.h"
#include "collector/dialects/otlp.h"
#include "collector/dialects/posthog.h"
#include "collector/dialects/segment.h"
#include "collector/dialects/sentry.h"
#include "collector/dialects/snowplow.h"
#include "collector/dialects/splunk_hec.h"
#include "collector/dialects/treasure_data.h"

namespace carillon {

// One line a dialect. The first that matches has the request: those that look at headers stand
// before those that look at the path alone.
const std::vector<const Dialect*>& AllDialects() {
  static const std::vector<const Dialect*> dialects = {
      &CloudEvents(),    &NativeDialect(),      &TreasureDataV4(),
      &TreasureDataV3(), &TreasureDataMobile(), &TreasureDataPostback(),
      &Segment(),        &SplunkEvents(),       &SplunkRaw(),
      &Elasticsearch(),  &OtlpLogs(),           &LokiPush(),
      &PostHog(),        &PostHogConfig(),      &Snowplow(),
      &Mixpanel(),       &Amplitude(),          &Sentry(),
      &Collectd(),       &NativeChunk(),
  };
  return dialects;
}

const Dialect* FindDialect(const EdgeRequest& request) {
  for (const Dialect* dialect : AllDialects()) {
    if (dialect->Matches(request)) return dialect;
  }
  return nullptr;
}

}  // namespace carillon
