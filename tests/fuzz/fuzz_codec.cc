// What a script host may send: frames cut anywhere (daemon/base/frame) and messages in them (script.proto), as
// daemon/hosts reads them. The host runs a user's script, so its bytes are not to be trusted.
#include <stdint.h>

#include <string>
#include <vector>

#include "daemon/base/frame.h"
#include "odw/v1/script.pb.h"
#include "tests/fuzz/tool.h"

namespace {

namespace pb = ::odw::v1::script;
using odw::fuzz::Broken;

constexpr size_t kCutsMax = 64;

// The frames of a stream that arrives in pieces of these sizes; false at the end: the stream is refused.
bool Cut(std::string_view stream, const std::vector<size_t>& pieces, std::vector<std::string>* frames) {
  odw::FrameReader reader;
  size_t next = 0;
  while (!stream.empty()) {
    const size_t size = pieces.empty() ? stream.size() : std::min(stream.size(), pieces[next++ % pieces.size()] + 1);
    reader.Feed(stream.substr(0, size));
    stream.remove_prefix(size);
    for (;;) {
      const auto frame = reader.Next();
      if (!frame.ok()) return false;
      if (!frame->has_value()) break;
      frames->emplace_back(**frame);
    }
  }
  return true;
}

// Parsed, written and parsed again it is the same message, unknown fields included.
template <typename Message>
void RoundTrip(const std::string& frame) {
  Message first, second;
  if (!first.ParseFromString(frame)) return;
  const std::string written = first.SerializeAsString();
  if (!second.ParseFromString(written)) Broken("a written message cannot be parsed", frame);
  if (second.SerializeAsString() != written) Broken("a message changes when it is written again", frame);
}

// What odwd's side does with each.
void Read(const std::string& frame) {
  RoundTrip<pb::FromHost>(frame);
  RoundTrip<pb::ToHost>(frame);
  RoundTrip<pb::ZygoteReply>(frame);
  RoundTrip<pb::LoadReply>(frame);
  RoundTrip<pb::ValidateReply>(frame);
  pb::FromHost message;
  if (!message.ParseFromString(frame)) return;
  for (const pb::Call& call : message.turn().calls()) RoundTrip<pb::AgentRequest>(call.request());
}

}  // namespace

// The first byte says how many of the following ones are sizes of pieces; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t cuts = std::min<size_t>({data[0] % kCutsMax, size - 1});
  const std::vector<size_t> pieces(data + 1, data + 1 + cuts);
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1 + cuts, size - 1 - cuts);
  std::vector<std::string> whole, cut;
  const bool whole_ok = Cut(stream, {}, &whole);
  const bool cut_ok = Cut(stream, pieces, &cut);
  if (whole_ok != cut_ok || whole != cut) Broken("the frames depend on how the bytes arrive", stream);
  std::string written;
  for (const std::string& frame : whole) {
    odw::AppendFrame(frame, &written);
    Read(frame);
  }
  if (stream.substr(0, written.size()) != written) Broken("frames written again are other bytes", stream);
  return 0;
}
