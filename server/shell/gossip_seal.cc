#include "server/shell/gossip_seal.h"

#include <sodium.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr std::uint8_t kSealVersion = 1;
constexpr std::size_t kHeaderBytes = 8;  // version, 3 zeros, tag of the key
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(kHeaderBytes + kNonceBytes + kTagBytes == kGossipSealBytes);
static_assert(kGossipKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const std::uint8_t* Unsigned(const char* from) {
  return reinterpret_cast<const std::uint8_t*>(from);
}

// Names a key without telling it, so that the right one is tried at once.
std::uint32_t TagOf(const GossipKey& key) {
  static constexpr std::string_view kPurpose = "carillon gossip key tag";
  std::array<std::uint8_t, 16> hash{};
  CHECK(crypto_generichash(hash.data(), hash.size(), Unsigned(kPurpose.data()), kPurpose.size(),
                           key.data(), key.size()) == 0);
  return LoadFixed<std::uint32_t>(reinterpret_cast<const char*>(hash.data()));
}

// The packet's header, then the cluster.
Bytes AdditionalData(ByteSpan header, const Uuid& cluster) {
  Bytes data(header);
  PutUuid(&data, cluster);
  return data;
}

void DeleteKeys(const std::vector<GossipKey>* keys) {
  auto* wiped = const_cast<std::vector<GossipKey>*>(keys);
  for (GossipKey& key : *wiped) sodium_memzero(key.data(), key.size());
  delete wiped;
}

std::shared_ptr<const std::vector<GossipKey>> Keep(std::vector<GossipKey> keys) {
  return {new std::vector<GossipKey>(std::move(keys)), &DeleteKeys};
}

}  // namespace

StatusOr<GossipKey> ParseGossipKey(std::string_view text) {
  GossipKey key{};
  std::size_t size = 0;
  const bool is_hex = text.size() == 2 * key.size() &&
                      sodium_hex2bin(key.data(), key.size(), text.data(), text.size(), nullptr,
                                     &size, nullptr) == 0 &&
                      size == key.size();
  if (!is_hex) return InvalidArgument("a gossip key is {} hexadecimal digits", 2 * key.size());
  return key;
}

GossipKey LoopbackGossipKey(const Uuid& cluster) {
  CHECK(sodium_init() >= 0);
  static constexpr std::string_view kPurpose = "carillon gossip without a key";
  GossipKey key{};
  CHECK(crypto_generichash(key.data(), key.size(), cluster.bytes.data(), cluster.bytes.size(),
                           Unsigned(kPurpose.data()), kPurpose.size()) == 0);
  return key;
}

GossipSeal::GossipSeal(const Uuid& cluster, std::vector<GossipKey> keys) : cluster_(cluster) {
  CHECK(sodium_init() >= 0);
  CHECK(SetKeys(std::move(keys)).ok());
}

GossipSeal::~GossipSeal() = default;

Status GossipSeal::SetKeys(std::vector<GossipKey> keys) {
  if (keys.empty() || keys.size() > kMaxGossipKeys) {
    return InvalidArgument("{} gossip keys, 1..{} are possible", keys.size(), kMaxGossipKeys);
  }
  if (std::set<GossipKey>(keys.begin(), keys.end()).size() != keys.size()) {
    return InvalidArgument("a gossip key is there twice");
  }
  auto kept = Keep(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_.swap(kept);
  return OkStatus();
}

std::shared_ptr<const std::vector<GossipKey>> GossipSeal::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

Bytes GossipSeal::Seal(ByteSpan message) const {
  CHECK(message.size() <= kMaxGossipMessageBytes);
  const auto keys = this->keys();
  Bytes packet;
  packet.reserve(message.size() + kGossipSealBytes);
  PutFixed(&packet, kSealVersion);
  packet.append(3, '\0');
  PutFixed(&packet, TagOf(keys->front()));
  const Bytes data = AdditionalData(packet, cluster_);
  packet.resize(message.size() + kGossipSealBytes);
  auto* nonce = reinterpret_cast<std::uint8_t*>(packet.data()) + kHeaderBytes;
  randombytes_buf(nonce, kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonceBytes, nullptr, Unsigned(message.data()),
                                             message.size(), Unsigned(data.data()), data.size(),
                                             nullptr, nonce, keys->front().data());
  return packet;
}

StatusOr<Bytes> GossipSeal::Open(ByteSpan packet) const {
  if (packet.size() < kGossipSealBytes || packet.size() > kMaxGossipPacketBytes) {
    return InvalidArgument("a sealed packet of {} bytes", packet.size());
  }
  if (static_cast<std::uint8_t>(packet[0]) != kSealVersion) {
    return InvalidArgument("a packet sealed by version {}", static_cast<std::uint8_t>(packet[0]));
  }
  const ByteSpan header = packet.substr(0, kHeaderBytes);
  const auto tag = LoadFixed<std::uint32_t>(header.data() + 4);
  const Bytes data = AdditionalData(header, cluster_);
  const std::uint8_t* nonce = Unsigned(packet.data()) + kHeaderBytes;
  Bytes message(packet.size() - kGossipSealBytes, '\0');
  const auto keys = this->keys();
  for (const GossipKey& key : *keys) {
    if (TagOf(key) != tag) continue;
    const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        reinterpret_cast<std::uint8_t*>(message.data()), nullptr, nullptr, nonce + kNonceBytes,
        packet.size() - kHeaderBytes - kNonceBytes, Unsigned(data.data()), data.size(), nonce,
        key.data());
    if (failed == 0) return message;
  }
  return MakeStatus(StatusCode::kUnauthenticated, "a packet that none of our keys opens");
}

}  // namespace carillon
