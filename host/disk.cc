#include <set>

#include <sys/statvfs.h>

#include "host/samplers.h"

namespace carillon {
namespace {

constexpr std::uint64_t kSectorBytes = 512;  // of diskstats, whatever the device has
constexpr std::size_t kDiskstatsColumns = 14;

double Rate(std::uint64_t growth, double seconds) {
  return seconds > 0 ? static_cast<double>(growth) / seconds : 0;
}

bool IsReal(std::string_view device) {
  return !device.starts_with("loop") && !device.starts_with("ram");
}

// Spaces in mount points are written as \040.
std::string Unescape(std::string_view mount) {
  std::string text(mount);
  for (std::size_t at = text.find("\\040"); at != std::string::npos; at = text.find("\\040", at)) {
    text.replace(at, 4, " ");
  }
  return text;
}

}  // namespace

std::optional<FileSystemSpace> ProbeSpace(const std::string& mount) {
  struct statvfs info {};
  if (::statvfs(mount.c_str(), &info) != 0 || info.f_blocks == 0) return std::nullopt;
  return FileSystemSpace{info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize, info.f_files,
                         info.f_ffree};
}

Status DiskSampler::Sample(const ProcTree& proc, double seconds, JsonWriter* json) {
  ASSIGN_OR_RETURN(const std::string diskstats, proc.Read("diskstats"));
  ASSIGN_OR_RETURN(const std::string mounts, proc.Read("mounts"));
  json->BeginObject();
  WriteDevices(diskstats, seconds, json);
  WriteFileSystems(mounts, json);
  json->EndObject();
  return OkStatus();
}

void DiskSampler::WriteDevices(std::string_view diskstats, double seconds, JsonWriter* json) {
  std::map<std::string, Counters> now_all;
  json->Key("devices").BeginObject();
  for (const std::string_view line : SplitLines(diskstats)) {
    const std::vector<std::string_view> words = SplitWords(line);
    if (words.size() < kDiskstatsColumns || !IsReal(words[2])) continue;
    if (now_all.size() == kMaxSampledItems) break;
    const std::string device(words[2]);
    const Counters now{ToNumber(words[3]), ToNumber(words[5]), ToNumber(words[7]),
                       ToNumber(words[9]), ToNumber(words[12])};
    const auto found = before_.find(device);
    const Counters before = found == before_.end() ? now : found->second;
    const auto rate = [&](std::uint64_t Counters::*counter) {
      return Rate(Growth(now.*counter, before.*counter), seconds);
    };
    json->Key(device).BeginObject();
    json->Key("reads_per_second").Decimal(rate(&Counters::reads));
    json->Key("read_bytes_per_second").Decimal(kSectorBytes * rate(&Counters::read_sectors));
    json->Key("writes_per_second").Decimal(rate(&Counters::writes));
    json->Key("written_bytes_per_second").Decimal(kSectorBytes * rate(&Counters::written_sectors));
    json->Key("busy_percent").Decimal(rate(&Counters::busy_ms) / 10);
    json->EndObject();
    now_all[device] = now;
  }
  json->EndObject();
  before_ = std::move(now_all);
}

void DiskSampler::WriteFileSystems(std::string_view mounts, JsonWriter* json) const {
  std::set<std::string_view> devices;
  json->Key("file_systems").BeginArray();
  for (const std::string_view line : SplitLines(mounts)) {
    const std::vector<std::string_view> words = SplitWords(line);
    // One entry a device, however often it is mounted.
    if (words.size() < 3 || !words[0].starts_with("/dev/")) continue;
    if (devices.size() == kMaxSampledItems || !devices.insert(words[0]).second) continue;
    const std::string mount = Unescape(words[1]);
    const std::optional<FileSystemSpace> space = probe_(mount);
    if (!space.has_value()) continue;
    const auto used = static_cast<double>(Growth(space->total_bytes, space->free_bytes));
    json->BeginObject().Field("device", words[0]).Field("mount", mount).Field("type", words[2]);
    json->Field("total_bytes", space->total_bytes).Field("free_bytes", space->free_bytes);
    json->Key("used_percent").Decimal(100.0 * used / static_cast<double>(space->total_bytes));
    json->Field("files", space->files).Field("files_free", space->files_free).EndObject();
  }
  json->EndArray();
}

}  // namespace carillon
